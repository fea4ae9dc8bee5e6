package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// forms turns offline requests on.
func (c *callCentre) forms(change func(requests map[string]any)) {
	c.t.Helper()
	doc := decode[map[string]any](c.t, c.must("GET", "/settings", nil))
	requests := section(doc, "requests")
	requests["enabled"], requests["portal"], requests["responsible"] = true, c.id, 4
	requests["first"] = map[string]any{"on": true, "create": []string{"deal", "activity"}}
	requests["repeat"] = map[string]any{"on": true, "create": []string{"activity"}}
	requests["comment_priority"] = "deals"
	if change != nil {
		change(requests)
	}
	body, err := json.Marshal(doc)
	require.NoError(c.t, err)
	code, answer := c.as(c.admin, "PUT", "/settings", raw{"application/json", body, map[string]string{"If-Match": fmt.Sprintf("%q", fmt.Sprint(doc["version"]))}})
	require.Equal(c.t, http.StatusOK, code, "%s", answer)
}

// C13, C2, C3, C3a, C4 row 1, C7, C8, C10, C11: a first request makes contact, deal and an activity that is not done, with a comment and a notice; a repeat one
// goes to the open deal; told twice it counts once.
func TestOfflineRequests(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	send := func(in uisplatform.Request) int64 {
		t.Helper()
		id, err := c.uis.SendRequest(in)
		require.NoError(t, err)
		c.w.rest()
		return id
	}
	codes := func(id int64) string {
		page := decode[whyPage](t, c.must("GET", fmt.Sprintf("/communications/request:%d", id), nil))
		return fmt.Sprint(page.Reasons, page.Advice)
	}
	off := send(uisplatform.Request{Name: "Мария", Phone: "79005570001", Text: "Перезвоните"})
	require.Contains(t, codes(off), "settings.requests_off")
	require.Empty(t, c.of(portal.Contact, "79005570001"))

	c.forms(func(s map[string]any) {
		s["notify"], s["copy_to_contact"] = true, true
		s["responsibles"] = []any{map[string]any{"user": 3, "filter": []any{[]any{map[string]any{"param": "site", "op": "include", "values": []string{"41"}}}}}}
		s["filter"] = []any{[]any{map[string]any{"param": "campaign", "op": "exclude", "values": []string{"72"}}}}
		s["template"] = "Заявка {{offline_message_id}} от {{name}}"
	})
	first := send(uisplatform.Request{Name: "Мария", Phone: "79005570001", Email: "maria@client.example", Text: "Сколько стоит [B]шкаф[/B]?"})
	contacts := c.of(portal.Contact, "79005570001")
	require.Len(t, contacts, 1)
	deal := c.dealOf(contacts[0].ID)
	require.Equal(t, fmt.Sprintf("Заявка %d от Мария", first), deal.Fields["title"])
	require.Equal(t, 3, whole(deal.Fields["assignedById"]), "the rule of its site")
	comments := c.portal.Comments(portal.Deal, deal.ID)
	require.Len(t, comments, 1)
	require.Contains(t, comments[0].Text, fmt.Sprintf("заявка %d", first))
	require.Contains(t, comments[0].Text, "maria@client.example")
	require.NotContains(t, comments[0].Text, "[B]шкаф", "markup of the visitor is text")
	require.Len(t, c.portal.Comments(portal.Contact, contacts[0].ID), 1, "a copy (C8)")
	require.Len(t, c.told(3), 1)
	require.Contains(t, c.told(3)[0], fmt.Sprintf("/crm/deal/details/%d/", deal.ID))
	activities := len(c.portal.State().Activities)

	send(uisplatform.Request{Name: "Мария", Phone: "79005570001", Text: "И ещё вопрос"})
	require.Len(t, c.of(portal.Contact, "79005570001"), 1)
	require.Len(t, c.portal.Comments(portal.Deal, deal.ID), 2, "to the open deal (C4 row 1)")
	require.Len(t, c.portal.State().Activities, activities+1)
	require.Len(t, c.told(3), 1, "a repeat one creates nothing")

	empty := send(uisplatform.Request{Text: "без контактов"})
	require.Contains(t, codes(empty), "crm.no_contact_data")
	list := decode[struct{ Items []struct{ Ref string } }](t, c.must("GET", "/communications?kind=request&q=79005570001", nil))
	require.Len(t, list.Items, 3)
	c.w.clean()
}

// dealOf is the only deal of a contact.
func (c *callCentre) dealOf(contact int) portal.Item {
	c.t.Helper()
	var list []portal.Item
	for _, item := range c.portal.Items(portal.Deal) {
		if whole(item.Fields["contactId"]) == contact {
			list = append(list, item)
		}
	}
	require.Len(c.t, list, 1)
	return list[0]
}

// R2, R7, C2, C13: the form of a request stands only in UIS' report; rules and fields that look at it wait for it, and go on without it when it does not come.
func TestRequestsByReport(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	c.addFields(map[string]int{"UF_CRM_FORM": portal.Deal})
	c.forms(func(s map[string]any) {
		s["fields_on"], s["fields"] = true, []any{field("deal", "UF_CRM_FORM", "offline_message_form_name", false)}
		s["responsibles"] = []any{map[string]any{"user": 3, "filter": []any{[]any{map[string]any{"param": "form", "op": "include", "values": []string{"Заказ"}}}}}}
	})
	send := func(phone, form string) int64 {
		t.Helper()
		id, err := c.uis.SendRequest(uisplatform.Request{Name: "Мария", Phone: phone, Form: form, Text: "Перезвоните"})
		require.NoError(t, err)
		c.w.rest()
		return id
	}
	deal := func(phone string) portal.Item {
		t.Helper()
		contacts := c.of(portal.Contact, phone)
		require.Len(t, contacts, 1)
		return c.dealOf(contacts[0].ID)
	}
	send("79005571001", "Заказ")
	ordered := deal("79005571001")
	require.Equal(t, 3, whole(ordered.Fields["assignedById"]), "by the rule of its form")
	require.Equal(t, "Заказ", c.value(portal.Deal, ordered.ID, "UF_CRM_FORM"))
	send("79005571002", "Вопрос")
	require.Equal(t, 4, whole(deal("79005571002").Fields["assignedById"]), "the default")

	c.uis.AddFault(uisplatform.Fault{API: "data", Match: "get.offline_messages_report", Kind: uisplatform.Internal, Probability: 1})
	late := send("79005571003", "Заказ")
	require.Empty(t, c.of(portal.Contact, "79005571003"), "it waits")
	c.later("it is judged without the report", func() bool { return len(c.of(portal.Contact, "79005571003")) == 1 })
	require.Equal(t, 4, whole(deal("79005571003").Fields["assignedById"]))
	page := decode[whyPage](t, c.must("GET", fmt.Sprintf("/communications/request:%d", late), nil))
	require.Contains(t, fmt.Sprint(page.Reasons), "request.report_not_read")
	c.w.platform.ClearFaults()
	c.w.clean()
}
