package e2e_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// T6: the entity stands with the default; N minutes after the end of an answered call the call is finished and the responsible is the talker. One that a person
// changed meanwhile is left. The waiting survives a restart. A missed call is finished at once.
func TestResponsibleLater(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Simple, func(s map[string]any) { s["responsible_later"], s["responsible_after_min"] = true, 10 })
	const left, changed, lost = "79005552001", "79005552002", "79005552003"
	sessions, deals := map[string]int64{}, len(c.portal.Items(portal.Deal))
	for _, phone := range []string{left, changed} {
		sessions[phone] = c.play("answered", uisplatform.CallSpec{Contact: phone, Employee: caller})
	}
	sessions[lost] = c.play("missed", uisplatform.CallSpec{Contact: lost, Employee: caller})
	c.quiet()
	require.True(t, c.at(sessions[lost]).Finished, "a missed call needs no change")
	for _, phone := range []string{left, changed} {
		require.False(t, c.at(sessions[phone]).Finished, "it is finished later")
		require.Empty(t, c.at(sessions[phone]).Shown, "the cards go at once")
		contacts := c.of(portal.Contact, phone)
		require.Len(t, contacts, 1)
		require.Equal(t, 4, whole(contacts[0].Fields["assignedById"]))
	}
	taken := c.of(portal.Contact, changed)[0].ID
	require.NoError(t, c.portal.ChangeItem(portal.Contact, taken, map[string]any{"assignedById": 3}, 3))
	c.w.servers[0].restart()
	c.advance(9 * time.Minute)
	c.w.rest()
	require.False(t, c.at(sessions[left]).Finished)
	c.advance(2 * time.Minute)
	c.w.rest()
	for _, phone := range []string{left, changed} {
		k := c.at(sessions[phone])
		require.True(t, k.Finished)
		require.Equal(t, "2", c.activity(k.Activity).Fields["RESPONSIBLE_ID"])
	}
	require.Equal(t, 2, c.responsible(portal.Contact, c.of(portal.Contact, left)[0].ID))
	require.Equal(t, 3, c.responsible(portal.Contact, taken), "a person's choice is left")
	require.Len(t, c.portal.Items(portal.Deal), deals+3, "contact and deal for each in simple mode")
	c.w.clean()
}

// T8, T8a, T12 rows 3, 4 and 10: with a condition on the employee calls are registered once he has answered, missed ones never.
func TestFilteredCalls(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) {
		s["filter_on"] = true
		s["filter_inbound"] = []any{[]any{map[string]any{"param": "employee", "op": "include", "values": []string{"1002"}}}}
		s["filter_outbound"] = []any{[]any{map[string]any{"param": "virtual_number", "op": "exclude", "values": []string{advertNumber}}}}
		s["records"] = map[string]any{"send": true, "with_filters": true}
	})
	in := c.play("answered", uisplatform.CallSpec{Contact: "79005553001", Employee: 1002})
	other := c.play("answered", uisplatform.CallSpec{Contact: "79005553002", Employee: 1003})
	missed := c.play("missed", uisplatform.CallSpec{Contact: "79005553003", Employee: 1002})
	out := c.play("outgoing", uisplatform.CallSpec{Contact: "79005553004", Employee: 1003})
	advert := c.play("outgoing", uisplatform.CallSpec{Contact: "79005553005", Employee: 1002, VirtualNumber: advertNumber})
	c.quiet()
	require.NotEmpty(t, c.at(in).Record)
	require.NotZero(t, c.at(in).Activity)
	require.True(t, c.at(out).Finished)
	for _, session := range []int64{other, missed, advert} {
		for _, k := range c.portal.Calls() {
			require.NotEqual(t, fmt.Sprint(session), k.External, "what does not pass is nowhere")
		}
	}
	for phone, n := range map[string]int{"79005553001": 1, "79005553002": 0, "79005553003": 0, "79005553004": 1, "79005553005": 0} {
		require.Len(t, c.of(portal.Lead, phone), n, phone)
	}
	c.w.clean()
}

// T12 rows 6 and 1, T7, R4, R5: no activity and no recording, entities all the same; the source, the title and the stage as set.
func TestWhatACallWrites(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) {
		s["filter_on"], s["number_as_source"] = true, true
		s["filter_inbound"] = []any{[]any{map[string]any{"param": "employee", "op": "include", "values": []string{"1002"}}}}
		s["records"] = map[string]any{"send": true, "with_filters": false}
		s["templates"] = []any{map[string]any{"direction": "in", "entity": "lead", "filter": []any{}, "text": "Звонок {{contact_phone_number}}, {{scenario_name}}"}}
		s["funnels_inbound"] = []any{map[string]any{"filter": []any{[]any{map[string]any{"param": "scenario", "op": "include", "values": []string{mainScenario}}}}, "lead_stage": "IN_PROCESS",
			"pipeline": 0, "deal_stage": "NEW"}}
	})
	in := c.play("answered", uisplatform.CallSpec{Contact: "79005554001", Employee: 1002})
	out := c.play("outgoing", uisplatform.CallSpec{Contact: "79005554002", Employee: 1002})
	c.quiet()
	lead := c.of(portal.Lead, "79005554001")
	require.Len(t, lead, 1, "row 6: the entity is created all the same")
	require.Equal(t, "Звонок 79005554001, Основной сценарий", lead[0].Fields["title"])
	require.Equal(t, "IN_PROCESS", lead[0].Fields["stageId"])
	require.Equal(t, "Звонок поступил на номер: +"+mainNumber, lead[0].Fields["sourceDescription"])
	require.Empty(t, c.at(in).Record)
	for _, a := range c.portal.State().Activities {
		require.NotEqual(t, c.at(in).Activity, a.ID, "row 6: no activity")
	}
	require.NotEmpty(t, c.at(out).Record, "the outbound filter has no such condition: row 1")
	require.Equal(t, "Звонок с номера: +"+mainNumber, c.of(portal.Lead, "79005554002")[0].Fields["sourceDescription"])
	c.w.clean()
}

// T13: with the switch on each call's end writes into the chat of whose its activity is, answered or missed, inbound or outbound; with it off, into none.
func TestMessagesOfCalls(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	n := 0
	for _, on := range []bool{true, false} {
		c.save(func(s map[string]any) { s["call_message"] = on })
		for _, row := range []struct {
			kind, text string
			user       int
		}{{"answered", "завершён", 2}, {"missed", "Пропущенный", 4}, {"outgoing", "завершён", 2}, {"outgoing_missed", "Пропущенный", 2}} {
			n++
			session := c.play(row.kind, uisplatform.CallSpec{Contact: fmt.Sprintf("790055660%02d", n), Employee: caller})
			c.quiet()
			k := c.at(session)
			require.True(t, k.Finished)
			if !on {
				require.Nil(t, k.Message, "%s: the switch is off", row.kind)
				continue
			}
			require.NotNil(t, k.Message, row.kind)
			require.Equal(t, row.user, k.Message.User, "%s: whose the activity is", row.kind)
			require.Equal(t, fmt.Sprint(row.user), c.activity(k.Activity).Fields["RESPONSIBLE_ID"], row.kind)
			require.Contains(t, k.Message.Text, row.text, row.kind)
		}
	}
	c.w.clean()
}

// T14: the card is shown to those who ring, goes when somebody else answers, moves with a transfer, and is gone at the end.
func TestCards(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	call, err := c.uis.StartCall(uisplatform.CallSpec{Contact: "79005555001", Employee: 1002})
	require.NoError(t, err)
	shown := func(what string, users ...int) {
		t.Helper()
		eventually(t, what, func() bool {
			for _, k := range c.portal.Calls() {
				if k.External == fmt.Sprint(call.ID()) {
					return fmt.Sprint(k.Shown) == fmt.Sprint(users)
				}
			}
			return false
		})
	}
	require.NoError(t, call.Ring(1002))
	shown("the first is rung", 2)
	require.NoError(t, call.Ring(1003))
	shown("the second too", 2, 3)
	require.NoError(t, call.Answer())
	call.Advance(20 * time.Second)
	shown("the second talks", 3)
	require.NoError(t, call.Transfer(1001))
	shown("the first one's colleague is rung", 1)
	require.NoError(t, call.Answer())
	call.Advance(20 * time.Second)
	require.NoError(t, call.HangUp())
	c.quiet()
	k := c.at(call.ID())
	require.True(t, k.Finished)
	require.Empty(t, k.Shown)
	require.Equal(t, 2, c.rows(`SELECT count(*) FROM command WHERE kind = 'telephony.externalCall.show'`), "no card goes and comes again")
	require.Equal(t, "3", c.activity(k.Activity).Fields["RESPONSIBLE_ID"], "the first talker")
	c.w.clean()
}

// T9, T4: first calls of one client at the same moment give one set of entities, also with a chat beside them, whichever of two servers hears of each.
func TestSimultaneousFirstCalls(t *testing.T) {
	t.Parallel()
	c := callsOn(t, 2, portal.Simple, nil)
	const clients, each = 4, 3
	deals := len(c.portal.Items(portal.Deal))
	phone := func(i int) string { return fmt.Sprintf("790055560%02d", i) }
	var calls []*uisplatform.Call
	var all sync.WaitGroup
	for i := range clients {
		for n := range each {
			call, err := c.uis.StartCall(uisplatform.CallSpec{Contact: phone(i), Employee: []int64{1001, 1002, 1003}[n]})
			require.NoError(t, err)
			calls = append(calls, call)
		}
		all.Go(func() {
			_, err := c.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: phone(i), Name: "Клиент"}, "Здравствуйте")
			assert.NoError(t, err)
		})
	}
	for n, call := range calls {
		all.Go(func() {
			assert.NoError(t, call.Ring([]int64{1001, 1002, 1003}[n%each]))
			assert.NoError(t, call.Answer())
			call.Advance(20 * time.Second)
			assert.NoError(t, call.HangUp())
		})
	}
	all.Wait()
	c.quiet()
	for i := range clients {
		contacts := c.of(portal.Contact, phone(i))
		require.Len(t, contacts, 1)
		deal := c.dealOf(contacts[0].ID)
		require.Len(t, c.portal.Comments(portal.Deal, deal.ID), 1, "the chat is in it")
		shown := 0
		for _, a := range c.portal.State().Activities {
			if slices.Contains(a.Bindings, portal.Binding{Type: portal.Deal, ID: deal.ID}) {
				shown++
			}
		}
		require.GreaterOrEqual(t, shown, each, "so are the calls")
	}
	require.Len(t, c.portal.Items(portal.Deal), deals+clients)
	require.Len(t, c.portal.Calls(), clients*each)
	for _, call := range calls {
		require.True(t, c.at(call.ID()).Finished)
	}
	c.w.clean()
}

// R2, R3, T8a: what notifications do not tell (site, campaign, last operation of the scenario) is asked of UIS' report, once, and only when a rule asks for it.
func TestRulesByReport(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) {
		s["filter_on"] = true
		s["filter_inbound"] = []any{[]any{map[string]any{"param": "last_operation", "op": "include", "values": []string{"Распределение"}}}}
		s["responsibles"] = []any{map[string]any{"user": 3, "filter": []any{[]any{map[string]any{"param": "site", "op": "include", "values": []string{"41"}}}}}}
	})
	through := c.play("answered", uisplatform.CallSpec{Contact: "79005563001", Employee: stranger, Operation: "Распределение"})
	other := c.play("answered", uisplatform.CallSpec{Contact: "79005563002", Employee: stranger, Operation: "Меню"})
	missed := c.play("missed", uisplatform.CallSpec{Contact: "79005563003", Employee: stranger, Operation: "Распределение"})
	c.quiet()
	k := c.at(through)
	require.True(t, k.Finished)
	require.Equal(t, 3, whole(c.of(portal.Lead, "79005563001")[0].Fields["assignedById"]), "by the rule of its site")
	for _, session := range []int64{other, missed} {
		for _, k := range c.portal.Calls() {
			require.NotEqual(t, fmt.Sprint(session), k.External)
		}
	}
	page := decode[whyPage](t, c.must("GET", fmt.Sprintf("/communications/call:%d", other), nil))
	require.Contains(t, fmt.Sprint(page.Reasons), "last_operation = Меню", "the condition is named with what the report told")
	c.w.clean()
}
