package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// communication is an item of GET /communications, and with its details of GET /communications/{ref}.
type communication struct {
	Ref, Kind, Title, Client string
	ID                       int64
	Chat                     int64
	Phones                   []string
	Channel                  string
	State                    struct{ Code, Text string }
	Entities                 []struct {
		entity
		Created bool
	}
	Reasons []struct {
		Code, Text string
		Version    *int `json:"settings_version"`
	}
	Advice   []struct{ Code, Text, Place string }
	Commands []struct {
		Kind, Key, State string
		Asked, Answered  json.RawMessage
	}
	Requests []requestItem
	Aside    []struct{ Kind string }
	Failed   struct{ Commands, Rows int }
}

type communicationList struct {
	Items []communication
	Next  *string
}

func (n *tenant) communications(query string) communicationList {
	n.t.Helper()
	return decode[communicationList](n.t, n.must("GET", "/communications"+query, nil))
}

func (n *tenant) why(ref string) communication {
	n.t.Helper()
	return decode[communication](n.t, n.must("GET", "/communications/"+ref, nil))
}

func codesOf[T any](list []T, code func(T) string) []string {
	out := []string{}
	for _, one := range list {
		out = append(out, code(one))
	}
	return out
}

func (c communication) reasons() []string {
	return codesOf(c.Reasons, func(r struct {
		Code, Text string
		Version    *int `json:"settings_version"`
	}) string {
		return r.Code
	})
}

func (c communication) advice() []string {
	return codesOf(c.Advice, func(a struct{ Code, Text, Place string }) string { return a.Code })
}

func (n *tenant) writes(phone, name, text string) {
	n.t.Helper()
	_, err := n.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: phone, Name: name}, text)
	require.NoError(n.t, err)
	n.w.rest()
}

// TestWhy is T15 and C13a for chats: an administrator finds a chat, reads why it made a lead, what was asked for it, and what helps.
func TestWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	n, other := w.company("romashka", 0), w.company("vasilek", 0)
	w.run()
	n.setUp()
	other.setUp()
	n.writes("79000000061", "Борис", "секрет ромашки")
	n.writes("79000000062", "Вера", "Добрый день")

	list := n.communications("?kind=chat")
	require.Nil(t, list.Next)
	require.Equal(t, []string{"Вера", "Борис"}, codesOf(list.Items, func(c communication) string { return c.Client }), "newest first")
	one := list.Items[1]
	require.Equal(t, fmt.Sprintf("chat:%d", one.ID), one.Ref)
	for _, q := range []string{"борис", "8 (900) 000-00-61", "0000061", fmt.Sprint(one.ID), "chat:" + fmt.Sprint(one.ID), "%23" + fmt.Sprint(one.ID)} {
		found := n.communications("?kind=chat&q=" + strings.ReplaceAll(q, " ", "+")).Items
		require.Len(t, found, 1, q)
		require.Equal(t, one.Ref, found[0].Ref, q)
	}
	require.Empty(t, n.communications("?q=%25").Items, "a sign is no pattern")
	require.Empty(t, n.communications("?kind=call").Items, "no engine tells of calls yet")
	status, body := n.as(n.admin, "GET", "/communications?kind=fax", nil)
	require.Equal(t, http.StatusUnprocessableEntity, status, string(body))

	told := n.why(one.Ref)
	require.Equal(t, []string{"crm.first_nothing_found"}, told.reasons())
	require.NotNil(t, told.Reasons[0].Version)
	require.Equal(t, "Клиента нет в CRM: это первое обращение", told.Reasons[0].Text)
	require.Len(t, told.Entities, 1)
	require.Equal(t, "lead", told.Entities[0].Type)
	require.True(t, told.Entities[0].Created)
	require.Empty(t, told.advice())
	kinds := codesOf(told.Commands, func(c struct {
		Kind, Key, State string
		Asked, Answered  json.RawMessage
	}) string {
		return c.Kind
	})
	require.Contains(t, kinds, "crm.item.add")
	require.Contains(t, kinds, "crm.timeline.comment.add")
	require.Contains(t, kinds, "crm.duplicate.findbycomm")
	for _, c := range told.Commands {
		require.NotEmpty(t, c.Asked, c.Kind)
		require.NotEmpty(t, c.Answered, c.Kind)
	}
	eventually(t, "the log has its requests", func() bool { return len(n.why(one.Ref).Requests) > 0 })

	// Nobody else's, and for administrators only.
	require.Empty(t, other.communications("").Items)
	for _, path := range []string{"/communications/" + one.Ref, "/communications/chat:999999999", "/communications/line:1", "/communications/call:1"} {
		status, body := other.as(other.admin, "GET", path, nil)
		require.Equal(t, http.StatusNotFound, status, string(body))
		require.NotContains(t, string(body), "ромашки")
	}
	status, _ = n.as(n.operator, "GET", "/communications/"+one.Ref, nil)
	require.Equal(t, http.StatusForbidden, status)
	for name, tenant := range map[string]*tenant{"nothing failed": n, "another company": other} {
		status, body = tenant.as(tenant.admin, "POST", "/communications/"+one.Ref+"/replay", nil)
		require.Contains(t, []int{http.StatusConflict, http.StatusNotFound}, status, "%s: %s", name, body)
	}

	// The section is off: the page says which switch.
	n.change(func(chats map[string]any) { chats["create"] = false })
	n.writes("79000000063", "Глеб", "Здравствуйте")
	off := n.why(n.communications("").Items[0].Ref)
	require.Equal(t, []string{"settings.create_off"}, off.reasons())
	require.Equal(t, []string{"create_off"}, off.advice())
	require.Equal(t, "/chats/create", off.Advice[0].Place)
	w.clean()
}

func (n *tenant) change(change func(chats map[string]any)) {
	n.t.Helper()
	status, answer := n.save(func(doc map[string]any) { change(section(doc, "chats")) })
	require.Equal(n.t, http.StatusOK, status, answer)
}

// TestReplay: a portal refuses the deal of a chat; the page says so, and when the cause is gone a click repeats it: one contact, one deal, both the chat's,
// with all that was said meanwhile. What was set aside is taken up again, too.
func TestReplay(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.change(func(chats map[string]any) {
		chats["first"] = map[string]any{"on": true, "create": []string{"deal", "activity"}}
	})
	fault := portal.Fault{Portal: n.portal.Name(), Method: "crm.item.add", Kind: portal.FaultError, Skip: 1, Count: 2, Status: 400, Code: "CRM_FIELD_ERROR_REQUIRED", Text: "Заполните поле «Бюджет»"}
	_, err := w.bitrix.AddFault(fault)
	require.NoError(t, err)
	n.writes("79000000071", "Дина", "Сколько стоит?")
	ref := n.communications("").Items[0].Ref
	told := n.why(ref)
	// Refused with what we add of our own, it is tried without that; the first try is not offered for a repetition.
	require.Equal(t, []string{"crm.first_nothing_found", "crm.created_plainly", "crm.not_created", "crm.not_created"}, told.reasons())
	require.Contains(t, told.Reasons[2].Text, "сделка, отказ")
	require.Contains(t, told.Reasons[2].Text, "Бюджет")
	require.Equal(t, 1, told.Failed.Commands, "what was cancelled because of it comes along")
	require.Equal(t, []string{"failed", "not_created"}, told.advice())
	require.Empty(t, told.Entities)

	status, body := n.as(n.operator, "POST", "/communications/"+ref+"/replay", nil)
	require.Equal(t, http.StatusForbidden, status, string(body))
	n.poison(ref)
	eventually(t, "a row is set aside", func() bool { return n.why(ref).Failed.Rows == 1 })
	status, body = n.as(n.admin, "POST", "/communications/"+ref+"/replay", nil)
	require.Equal(t, http.StatusAccepted, status, string(body))
	require.JSONEq(t, `{"commands":1,"rows":1}`, string(body))
	w.rest()
	told = n.why(ref)
	require.Equal(t, []string{"contact", "deal", "activity"}, codesOf(told.Entities, func(e struct {
		entity
		Created bool
	}) string {
		return e.Type
	}))
	require.Equal(t, []string{"crm.first_nothing_found", "crm.created_plainly", "crm.not_created", "crm.not_created", "crm.replayed", "crm.replayed"}, told.reasons())
	require.Equal(t, 0, told.Failed.Commands)
	deals := n.portal.Items(portal.Deal)
	made := 0
	for _, d := range deals {
		if d.Fields["originatorId"] == "omni" {
			made++
			require.Contains(t, n.portal.Comments(portal.Deal, d.ID)[0].Text, "Сколько стоит?")
		}
	}
	require.Equal(t, 1, made)
	n.writes("79000000071", "Дина", "И с доставкой?")
	require.Len(t, n.communications("").Items, 1)
	require.Zero(t, n.why(ref).Failed.Commands)
	eventually(t, "the row that nobody can read is set aside again", func() bool { return n.why(ref).Failed.Rows == 1 })
}
