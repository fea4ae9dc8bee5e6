package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// watched is a company whose calls another telephony registers, with rows of extra fields for leads and contacts.
func watched(t *testing.T) *callCentre {
	t.Helper()
	c := callsOf(t, portal.Classic, nil)
	c.pasteWith("utm_source", "utm_term")
	c.addFields(map[string]int{"UF_CRM_OFF": portal.Lead, "UF_CRM_ON": portal.Lead, "UF_CRM_EMPTY": portal.Lead, "UF_CRM_MANY_LIST": portal.Lead, "UF_CRM_C": portal.Contact, "UF_CRM_D": portal.Deal, "UF_CRM_F": portal.Company})
	c.save(func(s map[string]any) {
		s["other_telephony"] = true
		s["fields"] = []any{field("lead", "UF_CRM_OFF", "utm_source", false), field("lead", "UF_CRM_ON", "utm_source", true), field("lead", "UF_CRM_EMPTY", "utm_term", true),
			field("lead", "UF_CRM_MANY_LIST", "utm_source", false), field("contact", "UF_CRM_C", "talk_time_duration", true),
			field("deal", "UF_CRM_D", "virtual_phone_number", false), field("company", "UF_CRM_F", "virtual_phone_number", false)}
	})
	return c
}

// earlier does something at the portal a while before now.
func (c *callCentre) earlier(by time.Duration, do func()) {
	c.w.bitrix.Advance(-by)
	defer c.w.bitrix.Advance(by)
	do()
}

// had makes an entity that was there an hour before the call.
func (c *callCentre) had(typ int, phone string, more map[string]any) (id int) {
	c.earlier(time.Hour, func() { id = c.put(typ, phone, 1, more) })
	return id
}

// begun is a call that rings, with the first look at the client's entities done.
func (c *callCentre) begun(phone string) *uisplatform.Call {
	c.t.Helper()
	call, err := c.uis.StartCall(uisplatform.CallSpec{Contact: phone, Employee: caller})
	require.NoError(c.t, err)
	require.NoError(c.t, call.Ring(caller))
	c.w.rest()
	return call
}

// ended ends a call that begun; the comparison is still to come.
func (c *callCentre) ended(call *uisplatform.Call) int64 {
	c.t.Helper()
	require.NoError(c.t, call.Answer())
	call.Advance(30 * time.Second)
	require.NoError(c.t, call.HangUp())
	c.w.rest()
	return call.ID()
}

// compared passes the time until the comparison.
func (c *callCentre) compared() {
	c.t.Helper()
	c.advance(2 * time.Minute)
	c.w.rest()
}

// whyCall is what the page "Why?" says of a call.
func (c *callCentre) whyCall(session int64) (page whyPage, codes []string) {
	c.t.Helper()
	page = decode[whyPage](c.t, c.must("GET", fmt.Sprintf("/communications/call:%d", session), nil))
	for _, r := range page.Reasons {
		require.NotContains(c.t, r.Text, "{", "%s is a whole sentence", r.Code)
		codes = append(codes, r.Code)
	}
	return page, codes
}

// fieldsOfLead are the values of a lead's extra fields in the order off, on, empty, list, first communication.
func (c *callCentre) fieldsOfLead(id int) []string {
	var list []string
	for _, name := range []string{"UF_CRM_OFF", "UF_CRM_ON", "UF_CRM_EMPTY", "UF_CRM_MANY_LIST", firstID} {
		list = append(list, c.value(portal.Lead, id, name))
	}
	return list
}

// T2 (a), (b), (c), (d), (e): each with a call of its own.
func TestAnotherTelephony(t *testing.T) {
	t.Parallel()
	c := watched(t)
	ref := func(session int64) string { return fmt.Sprintf("call:%d", session) }
	at := func(n int) string { return fmt.Sprintf("7900555700%d", n) }

	changed := c.had(portal.Lead, at(1), map[string]any{"ufCrmOff": "old", "ufCrmOn": "old", "ufCrmEmpty": "old"})
	beside := c.had(portal.Contact, at(1), nil)
	still := c.had(portal.Lead, at(2), map[string]any{"ufCrmOn": "old"})
	named := c.had(portal.Lead, at(5), map[string]any{"ufCrmOmniFirstId": "chat:1"})
	contact, company := c.had(portal.Contact, at(6), nil), c.had(portal.Company, at(6), nil)
	deal := c.had(portal.Deal, "", map[string]any{"contactIds": []any{contact}})
	activities := len(c.portal.State().Activities)

	calls := map[int]*uisplatform.Call{}
	for n := 1; n <= 6; n++ {
		calls[n] = c.begun(at(n))
	}
	require.NoError(t, c.portal.ChangeItem(portal.Lead, changed, map[string]any{"title": "Переименован"}, 2))
	require.NoError(t, c.portal.ChangeItem(portal.Deal, deal, map[string]any{"title": "Переименована"}, 2))
	require.NoError(t, c.portal.ChangeItem(portal.Company, company, map[string]any{"title": "Переименована"}, 2))
	made := c.put(portal.Lead, at(3), 2, nil) // the other telephony makes it
	sessions := map[int]int64{}
	for n := 1; n <= 6; n++ {
		sessions[n] = c.ended(calls[n])
	}
	require.NoError(t, c.portal.ChangeItem(portal.Lead, named, map[string]any{"title": "После разговора"}, 2)) // within the minute after the end
	require.Equal(t, "old", c.value(portal.Lead, changed, "UF_CRM_ON"), "the minute has not passed")
	page, _ := c.whyCall(sessions[1])
	require.Equal(t, "watching", page.State.Code)
	c.compared()

	require.Equal(t, []string{"old", "yandex", "old", "[yandex]", ref(sessions[1])}, c.fieldsOfLead(changed), "a, e")
	require.Equal(t, []string{"", ""}, []string{c.value(portal.Contact, beside, "UF_CRM_C"), c.value(portal.Contact, beside, firstID)}, "a: only in what changed")
	require.Equal(t, []string{"", "old", "", "", ""}, c.fieldsOfLead(still), "b")
	require.Zero(t, c.updates(portal.Lead, still), "b")
	require.Equal(t, []string{"yandex", "yandex", "", "[yandex]", ref(sessions[3])}, c.fieldsOfLead(made), "a: made by the other telephony")
	require.Empty(t, c.of(portal.Lead, at(4)), "d")
	require.Equal(t, []string{mainNumber, mainNumber, ""}, []string{c.value(portal.Deal, deal, "UF_CRM_D"), c.value(portal.Company, company, "UF_CRM_F"),
		c.value(portal.Contact, contact, "UF_CRM_C")}, "a: whatever kind it is")
	require.Equal(t, []string{"yandex", "yandex", "", "[yandex]", "chat:1"}, c.fieldsOfLead(named), "e: it had one")
	require.Len(t, c.portal.State().Activities, activities, "c")
	require.Empty(t, c.portal.Calls(), "nothing is registered")
	require.Equal(t, 6, c.rows(`SELECT count(*) FROM call WHERE phase = 'watched' AND ended_at IS NOT NULL`), "d: the calls are stored")

	_, codes := c.whyCall(sessions[1])
	require.Contains(t, codes, "crm.first_id_given")
	_, codes = c.whyCall(sessions[5])
	require.NotContains(t, codes, "crm.first_id_given")
	for n, code := range map[int]string{1: "call.changed_meanwhile", 2: "call.nothing_changed", 3: "call.made_meanwhile", 4: "call.no_entities", 5: "call.fields_updated"} {
		page, codes := c.whyCall(sessions[n])
		require.Contains(t, codes, "call.other_telephony")
		require.Contains(t, codes, code)
		require.Equal(t, "watched", page.State.Code)
	}
	c.w.clean()
}

// T2: what this app changes itself during a call does not count, and of two calls of one client each judges for itself.
func TestOwnChangesDoNotCount(t *testing.T) {
	t.Parallel()
	c := watched(t)
	const phone = "79005557011"
	lead := c.had(portal.Lead, phone, nil)
	first := c.begun(phone)
	c.earlier(time.Minute, func() {
		require.NoError(t, c.portal.ChangeItem(portal.Lead, lead, map[string]any{"title": "Изменён"}, 2))
	})
	one := c.ended(first)
	second := c.begun(phone) // sees the person's change, but not ours
	c.compared()
	require.Equal(t, fmt.Sprintf("call:%d", one), c.value(portal.Lead, lead, firstID))
	updates := c.updates(portal.Lead, lead)
	two := c.ended(second)
	c.compared()
	c.compared()
	_, codes := c.whyCall(two)
	require.Contains(t, codes, "call.changed_by_app")
	require.Contains(t, codes, "call.nothing_changed")
	require.Equal(t, updates, c.updates(portal.Lead, lead), "nothing more was written")

	const writer = "79005557012"
	third := c.begun(writer)
	c.writes(writer, "Ольга", "а ещё пишу") // a chat of ours makes the lead
	three := c.ended(third)
	c.compared()
	leads := c.of(portal.Lead, writer)
	require.Len(t, leads, 1)
	require.Equal(t, []string{"", "", "", "", c.chatOf(writer)}, c.fieldsOfLead(leads[0].ID))
	_, codes = c.whyCall(three)
	require.Contains(t, codes, "call.changed_by_app")
	c.w.clean()
}

// T2, design 3.3: the minute after the end survives a restart; with the switch off again calls are registered as before.
func TestAnotherTelephonyAcrossARestart(t *testing.T) {
	t.Parallel()
	c := watched(t)
	const phone, later = "79005557021", "79005557022"
	lead := c.had(portal.Lead, phone, nil)
	call := c.begun(phone)
	c.w.servers[0].restart()
	c.w.rest()
	require.NoError(t, c.portal.ChangeItem(portal.Lead, lead, map[string]any{"title": "Изменён"}, 2))
	session := c.ended(call)
	c.w.servers[0].restart()
	c.compared()
	require.Equal(t, []string{"yandex", fmt.Sprintf("call:%d", session)}, []string{c.value(portal.Lead, lead, "UF_CRM_OFF"), c.value(portal.Lead, lead, firstID)})

	begun := c.begun(later) // a call is carried on as it began
	c.save(func(s map[string]any) { s["other_telephony"] = false })
	after := c.play("answered", uisplatform.CallSpec{Contact: "79005557023", Employee: caller})
	c.ended(begun)
	c.compared()
	require.True(t, c.at(after).Finished)
	require.Len(t, c.portal.Calls(), 1)
	require.Len(t, c.of(portal.Lead, "79005557023"), 1)
	require.Empty(t, c.of(portal.Lead, later))
	c.w.clean()
}

// T2, U3: a call whose notifications never came is known from the report alone: the moments tell what changed, and it is repaired once.
func TestAnotherTelephonyWithoutNotifications(t *testing.T) {
	t.Parallel()
	c := watched(t)
	eventually(t, "the account is watched", func() bool { return c.rows(`SELECT count(*) FROM call_gap`) == 1 })
	const whole, half = "79005557031", "79005557032"
	still := c.had(portal.Lead, whole, map[string]any{"title": "Прежний"})
	cut := c.begun(half)
	require.NoError(t, c.uis.SetNotifications(nil))
	session := c.play("answered", uisplatform.CallSpec{Contact: whole, Employee: caller})
	other := c.ended(cut)
	made := c.put(portal.Lead, whole, 2, nil)
	late := c.put(portal.Lead, half, 2, nil)
	for range 3 {
		const certain = `SELECT extract(epoch FROM certain_until)::int FROM call_gap`
		before := c.rows(certain)
		c.w.rounds("21m")
		eventually(t, "the report was compared", func() bool { return c.rows(certain) > before })
		c.w.rest()
		require.Equal(t, 2, c.rows(`SELECT count(*) FROM call WHERE phase = 'watched'`))
	}
	require.Equal(t, fmt.Sprintf("call:%d", session), c.value(portal.Lead, made, firstID))
	require.Equal(t, fmt.Sprintf("call:%d", other), c.value(portal.Lead, late, firstID))
	require.Zero(t, c.updates(portal.Lead, still))
	_, codes := c.whyCall(session)
	require.Contains(t, codes, "call.not_seen_before")
	require.Equal(t, 2, c.rows(`SELECT found::int FROM call_gap`), "each once: a recording that nobody sends is not missed")
	require.Empty(t, c.portal.Calls())
	c.w.clean()
}
