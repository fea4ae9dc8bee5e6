package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// firstID is the field the app makes at the installation; the tests know it by its name as a person at the portal does.
const firstID = "UF_CRM_OMNI_FIRST_ID"

// field is one row of the extra fields.
func field(entity, name, param string, always bool) map[string]any {
	return map[string]any{"entity": entity, "field": name, "param": param, "always": always}
}

// addFields makes people's fields at the portal and waits until they can be chosen.
func (n *tenant) addFields(names map[string]int) {
	n.t.Helper()
	for name, typ := range names {
		n.portal.AddUserField(typ, name, "string", strings.HasSuffix(name, "_LIST"))
	}
	n.w.rest() // a reading under way began before they were there
	n.must("POST", "/directories/refresh", nil)
	eventually(n.t, "the portal's fields can be chosen", func() bool {
		there := map[any]bool{}
		for _, f := range n.list("fields") {
			there[f["id"]] = f["gone"] == false
		}
		for name := range names {
			if !there[name] {
				return false
			}
		}
		return true
	})
}

// pasteWith pastes the notifications with parameters of UIS's own list added, as people do who want them in the CRM.
func (c *callCentre) pasteWith(more ...string) {
	c.t.Helper()
	var notes []uisplatform.Notification
	for _, i := range decode[struct {
		Items []struct{ Event, Method, URL, Body string }
	}](c.t, c.must("GET", "/uis/notifications", nil)).Items {
		added := ""
		for _, name := range more {
			added += fmt.Sprintf(`, "%s":{{%s}}`, name, name)
		}
		notes = append(notes, uisplatform.Notification{Event: i.Event, Method: i.Method, URL: i.URL, Body: strings.TrimSuffix(i.Body, "}") + added + "}"})
	}
	require.NoError(c.t, c.uis.SetNotifications(notes))
}

// value is a field of one item; empty when it has none.
func (n *tenant) value(typ, id int, name string) string {
	n.t.Helper()
	for _, item := range n.portal.Items(typ) {
		if item.ID == id {
			if item.Fields[name] == nil {
				return ""
			}
			return fmt.Sprint(item.Fields[name])
		}
	}
	n.t.Fatalf("no item %d of type %d", id, typ)
	return ""
}

// updates counts what was asked of the portal about one item.
func (n *tenant) updates(typ, id int) int {
	count := 0
	for _, r := range n.w.bitrix.Requests() {
		for _, c := range r.Calls {
			if r.Portal == n.name && strings.EqualFold(c.Method, "crm.item.update") && strings.Contains(c.Params, fmt.Sprintf(`"entityTypeId":"%d"`, typ)) && strings.Contains(c.Params, fmt.Sprintf(`"id":"%d"`, id)) {
				count++
			}
		}
	}
	return count
}

// R7, R7a, R7c for calls: what is created carries the values known then, its end adds the rest with the responsible; of what was there the one tied entity gets
// the rows marked "always", an empty value clears nothing, and the first communication stays.
func TestFieldsOfCalls(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	c.pasteWith("utm_source", "utm_term")
	c.addFields(map[string]int{"UF_CRM_SRC": portal.Lead, "UF_CRM_TALK": portal.Lead, "UF_CRM_LAST": portal.Lead, "UF_CRM_C": portal.Contact, "UF_CRM_OFF": portal.Contact,
		"UF_CRM_EMPTY": portal.Contact, "UF_CRM_D": portal.Deal})
	c.save(func(s map[string]any) {
		s["fields"] = []any{field("lead", "UF_CRM_SRC", "utm_source", false), field("lead", "utmSource", "utm_source", false), field("lead", "UF_CRM_TALK", "talk_time_duration", false),
			field("lead", "UF_CRM_LAST", "last_talked_employee_full_name", true), field("contact", "UF_CRM_C", "virtual_phone_number", true), field("contact", "UF_CRM_OFF", "utm_source", false),
			field("contact", "UF_CRM_EMPTY", "utm_term", true), field("deal", "UF_CRM_D", "virtual_phone_number", true)}
	})

	t.Run("created", func(t *testing.T) {
		const phone = "79005556001"
		session := c.play("answered", uisplatform.CallSpec{Contact: phone, Employee: caller})
		c.quiet()
		leads := c.of(portal.Lead, phone)
		require.Len(t, leads, 1)
		id := leads[0].ID
		require.Equal(t, []string{"yandex", "yandex"}, []string{c.value(portal.Lead, id, "UF_CRM_SRC"), c.value(portal.Lead, id, "utmSource")})
		require.NotContains(t, []string{"", "0"}, c.value(portal.Lead, id, "UF_CRM_TALK"), "what only the end tells")
		require.NotEmpty(t, c.value(portal.Lead, id, "UF_CRM_LAST"))
		require.Equal(t, fmt.Sprintf("call:%d", session), c.value(portal.Lead, id, firstID))
		require.Equal(t, 2, c.responsible(portal.Lead, id))
		require.Equal(t, 1, c.updates(portal.Lead, id), "fields and responsible in one update")
		last := c.play("answered", uisplatform.CallSpec{Contact: phone, Employee: stranger})
		c.quiet()
		require.NotEqual(t, session, last)
		require.Equal(t, fmt.Sprintf("call:%d", session), c.value(portal.Lead, id, firstID), "the first one stays")
		require.NotContains(t, c.value(portal.Lead, id, "UF_CRM_LAST"), "Седов", "always: the last call's")
	})
	t.Run("found", func(t *testing.T) {
		const phone = "79005556002"
		contact := c.put(portal.Contact, phone, 1, map[string]any{"ufCrmEmpty": "stays", "ufCrmC": "old"})
		deal := c.put(portal.Deal, "", 4, map[string]any{"contactIds": []any{contact}, "ufCrmOmniFirstId": "chat:1"})
		session := c.play("answered", uisplatform.CallSpec{Contact: phone, Employee: caller})
		c.quiet()
		require.Equal(t, []string{mainNumber, "", "stays"}, []string{c.value(portal.Contact, contact, "UF_CRM_C"), c.value(portal.Contact, contact, "UF_CRM_OFF"),
			c.value(portal.Contact, contact, "UF_CRM_EMPTY")})
		require.Empty(t, c.value(portal.Deal, deal, "UF_CRM_D"), "the contact is the one entity")
		require.Equal(t, fmt.Sprintf("call:%d", session), c.value(portal.Contact, contact, firstID), "it had none")
		require.Equal(t, "chat:1", c.value(portal.Deal, deal, firstID))
	})
	t.Run("after a closed one", func(t *testing.T) {
		const phone = "79005556003"
		old := c.put(portal.Lead, phone, 1, map[string]any{"stageId": "JUNK", "ufCrmOmniFirstId": "chat:2"})
		session := c.play("missed", uisplatform.CallSpec{Contact: phone, Employee: caller})
		c.quiet()
		leads := c.of(portal.Lead, phone)
		require.Len(t, leads, 2)
		require.Equal(t, "chat:2", c.value(portal.Lead, old, firstID))
		require.Equal(t, fmt.Sprintf("call:%d", session), c.value(portal.Lead, leads[1].ID, firstID))
		require.Equal(t, []string{"0", ""}, []string{c.value(portal.Lead, leads[1].ID, "UF_CRM_TALK"), c.value(portal.Lead, leads[1].ID, "UF_CRM_LAST")}, "nobody talked")
	})
	c.w.clean()
}

// R7c: the field is made at the installation; deleted by somebody it is missed by the self-check and made again by a repair, and calls go on meanwhile. A
// field of the rows that is gone is named, and nothing is written to it (R7).
func TestFieldsThatAreGone(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	for _, kind := range []string{"Lead", "Deal", "Contact", "Company"} {
		require.Contains(t, c.portal.State().UserFields, kind+"."+firstID)
	}
	require.True(t, c.health()["first_id"].OK)
	for _, f := range c.list("fields") {
		require.NotEqual(t, firstID, f["id"], "it is ours, and not to be chosen")
	}
	c.addFields(map[string]int{"UF_CRM_OLD": portal.Lead})
	c.save(func(s map[string]any) { s["fields"] = []any{field("lead", "UF_CRM_OLD", "utm_source", true)} })
	require.True(t, c.health()["extra_fields"].OK)
	c.w.rest()
	c.w.clean()

	c.portal.DeleteUserField(portal.Lead, firstID)
	c.portal.DeleteUserField(portal.Lead, "UF_CRM_OLD")
	const phone = "79005556011"
	contact := c.put(portal.Contact, phone, 1, nil)
	session := c.play("answered", uisplatform.CallSpec{Contact: "79005556012", Employee: caller}) // a portal that refuses what it does not know loses nothing
	c.quiet()
	leads := c.of(portal.Lead, "79005556012")
	require.Len(t, leads, 1)
	require.Equal(t, 2, c.responsible(portal.Lead, leads[0].ID))
	require.True(t, c.at(session).Finished)

	const known = "79005556013"
	lead := c.put(portal.Lead, known, 1, nil)
	joined := c.play("answered", uisplatform.CallSpec{Contact: known, Employee: caller})
	c.quiet()
	require.Contains(t, c.activity(c.at(joined).Activity).Bindings, portal.Binding{Type: portal.Lead, ID: lead}, "the lead was found without the field")

	lost := c.health()["first_id"]
	require.False(t, lost.OK)
	require.NotEmpty(t, *lost.Detail)
	c.must("POST", "/directories/refresh", nil)
	eventually(t, "the row's field is missed", func() bool { return !c.health()["extra_fields"].OK })
	require.Contains(t, *c.health()["extra_fields"].Detail, "UF_CRM_OLD")
	c.must("POST", fmt.Sprintf("/portals/%d/repair", c.id), nil)
	require.True(t, c.health()["first_id"].OK)
	again := c.play("answered", uisplatform.CallSpec{Contact: phone, Employee: caller})
	c.quiet()
	require.Equal(t, fmt.Sprintf("call:%d", again), c.value(portal.Lead, c.of(portal.Lead, phone)[0].ID, firstID))
	require.Equal(t, fmt.Sprintf("call:%d", again), c.value(portal.Contact, contact, firstID))
}

// R7c: a portal that refuses the field is installed and works all the same.
func TestFieldRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	n := w.company("romashka", 0)
	_, err := w.bitrix.AddFault(portal.Fault{Method: "crm.contact.userfield.add", Kind: portal.FaultError, Status: 403, Code: "access_denied", Text: "no right to the CRM's settings", Count: -1})
	require.NoError(t, err)
	w.run()
	n.setUp()
	require.False(t, n.health()["first_id"].OK)
	require.True(t, n.health()["placements"].OK)
	s := newStory(n)
	s.write()
	s.see()
	s.inCRM()
	w.rest()
	require.Contains(t, n.value(portal.Lead, s.leads(s.client.Phone)[0].ID, firstID), "chat:", "leads have it")
	w.clean()
}
