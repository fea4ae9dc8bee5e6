package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
)

// chatOf is UIS's number of a client's only chat, written as the first communication's id.
func (n *tenant) chatOf(phone string) string {
	n.t.Helper()
	var found []string
	for _, c := range n.uis.Chats() {
		if c.Client.Phone == phone {
			found = append(found, fmt.Sprintf("chat:%d", c.ID))
		}
	}
	require.Len(n.t, found, 1)
	return found[0]
}

// passFields switches the extra fields of chats.
func (n *tenant) passFields(on bool, rows ...map[string]any) {
	n.t.Helper()
	code, wrong := n.save(func(doc map[string]any) {
		chats := section(doc, "chats")
		chats["fields_on"] = on
		if rows != nil {
			chats["fields"] = rows
		}
	})
	require.Equal(n.t, http.StatusOK, code, wrong)
}

// R7, R7a, R7b, R7c for chats: the switch, what is created, what a later value changes there and in what was there, and the first communication.
func TestFieldsOfChats(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.addFields(map[string]int{"UF_CRM_FIRST": portal.Lead, "UF_CRM_LAST": portal.Lead, "UF_CRM_CH": portal.Lead, "UF_CRM_WHO": portal.Lead, "UF_CRM_D": portal.Deal, "UF_CRM_D_OFF": portal.Deal,
		"UF_CRM_D_EMPTY": portal.Deal, "UF_CRM_MANY_LIST": portal.Lead})
	n.passFields(false, field("lead", "UF_CRM_FIRST", "last_message", false), field("lead", "UF_CRM_LAST", "last_message", true), field("lead", "UF_CRM_CH", "chat_channel_name", false),
		field("lead", "UF_CRM_WHO", "employee_full_name", false), field("deal", "UF_CRM_D", "last_message", true), field("deal", "UF_CRM_D_OFF", "chat_channel_name", false),
		field("deal", "UF_CRM_D_EMPTY", "visitor_email", true), field("lead", "UF_CRM_MANY_LIST", "chat_channel_type", false))
	lead := func(phone, name string) string {
		for _, item := range n.portal.Items(portal.Lead) {
			if len(item.Phones) > 0 && portal.NormalizePhone(item.Phones[0]) == phone {
				return n.value(portal.Lead, item.ID, name)
			}
		}
		t.Fatalf("no lead of %s", phone)
		return ""
	}

	const silent, phone, known = "79000000150", "79000000151", "79000000152"
	n.writes(silent, "Ольга", "выключено")
	require.Equal(t, []string{"", "", n.chatOf(silent)}, []string{lead(silent, "UF_CRM_FIRST"), lead(silent, "UF_CRM_LAST"), lead(silent, firstID)}, "off: only what is no row")

	n.passFields(true)
	n.writes(phone, "Ольга", "один")
	require.Equal(t, []string{"один", "один", "", "[whatsapp]"}, []string{lead(phone, "UF_CRM_FIRST"), lead(phone, "UF_CRM_LAST"), lead(phone, "UF_CRM_WHO"), lead(phone, "UF_CRM_MANY_LIST")})
	require.NotEmpty(t, lead(phone, "UF_CRM_CH"))
	n.writes(phone, "Ольга", "два")
	require.Equal(t, []string{"один", "два"}, []string{lead(phone, "UF_CRM_FIRST"), lead(phone, "UF_CRM_LAST")}, "only \"always\" follows")
	for _, c := range n.chats("list=new") {
		if c.Last != nil && c.Last.Text == "два" {
			n.say(c.ID, newID(), "три", 0)
		}
	}
	w.rest()
	require.Equal(t, []string{"один", "три"}, []string{lead(phone, "UF_CRM_FIRST"), lead(phone, "UF_CRM_LAST")})
	require.NotEmpty(t, lead(phone, "UF_CRM_WHO"), "known since somebody took it")
	require.Equal(t, n.chatOf(phone), lead(phone, firstID))

	c := &callCentre{n, t}
	contact := c.put(portal.Contact, known, 1, nil)
	deal := c.put(portal.Deal, "", 1, map[string]any{"contactIds": []any{contact}, "ufCrmDEmpty": "stays"})
	n.writes(known, "Ольга", "четыре")
	n.writes(known, "Ольга", "пять")
	require.Equal(t, []string{"пять", "", "stays", n.chatOf(known)}, []string{n.value(portal.Deal, deal, "UF_CRM_D"), n.value(portal.Deal, deal, "UF_CRM_D_OFF"),
		n.value(portal.Deal, deal, "UF_CRM_D_EMPTY"), n.value(portal.Deal, deal, firstID)})
	require.EqualValues(t, 0, w.pending()["refused"])
	w.clean()
}
