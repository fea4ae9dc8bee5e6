package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// registered is a call at the portal by its name.
func (c *callCentre) registered(id string) portal.Call {
	c.t.Helper()
	for _, k := range c.portal.Calls() {
		if k.ID == id {
			return k
		}
	}
	require.Fail(c.t, "the portal has no such call", id)
	return portal.Call{}
}

// called waits for the call of a client at UIS that a click or a form asked for.
func (c *callCentre) called(phone string) (call *uisplatform.Call) {
	c.t.Helper()
	eventually(c.t, "UIS has the call", func() bool {
		for _, k := range c.uis.Calls() {
			if k.Contact == phone {
				call = c.uis.CallByID(k.ID)
			}
		}
		return call != nil
	})
	return call
}

// reasons counts the reasons of a code that were noted of anything.
func (c *callCentre) reasons(code string) int {
	return c.rows(fmt.Sprintf(`SELECT count(*) FROM reason WHERE code LIKE '%s'`, code))
}

// T10, T11: a click's call, and a form's, may last longer than what is waited for one that UIS never tells of; that one ends at the portal.
func TestLongClicks(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, clicking(true))
	c.lines()
	const phone, other, silent = "79005565001", "79005565002", "79005565003"
	c.uis.SetCallScript(uisplatform.CallScript{Outcome: "manual"})
	id := c.portal.ClickToCall(2, "+"+phone, portal.Lead, c.put(portal.Lead, phone, 1, nil))
	require.NoError(t, c.portal.CallBack("+"+other, "Заявка с сайта", portal.Lead, c.put(portal.Lead, other, 3, nil)))
	calls := []*uisplatform.Call{c.called(phone), c.called(other)}
	for _, call := range calls {
		require.NoError(t, call.RingContact())
		require.NoError(t, call.Answer())
	}
	c.w.rest()
	require.NoError(t, c.uis.SetNotifications(nil))
	hangs := c.portal.ClickToCall(2, "+"+silent, portal.Lead, 0)
	c.called(silent)
	c.paste()
	c.w.rest()
	c.advance(31 * time.Minute)
	c.w.rest()
	require.False(t, c.registered(id).Finished, "they still talk")
	require.Equal(t, 1, c.reasons("click.%"))
	require.True(t, c.registered(hangs).Finished)
	require.Equal(t, "480", fmt.Sprint(c.registered(hangs).Stat["CALL_FAILED_CODE"]))
	require.Empty(t, c.told(2))
	for _, call := range calls {
		call.Advance(32 * time.Minute)
		require.NoError(t, call.HangUp())
	}
	c.quiet()
	k := c.registered(id)
	require.True(t, k.Finished)
	require.Equal(t, "200", fmt.Sprint(k.Stat["CALL_FAILED_CODE"]))
	require.GreaterOrEqual(t, whole(k.Stat["CALL_DURATION"]), 32*60)
	require.Equal(t, 1, c.reasons("click.%"))
}

// T10, T4a: whoever is clicked is not known to the portal, which ties the call to nothing; what the call creates has its activity all the same. Where the click
// names another card, the activity shows in that one and in the client's.
func TestClickedCards(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Simple, clicking(true))
	c.lines()
	const stranger, known = "79005565011", "79005565012"
	deals := len(c.portal.Items(portal.Deal))
	id := c.portal.ClickToCall(2, "+"+stranger, 0, 0)
	c.called(stranger)
	c.quiet()
	require.True(t, c.registered(id).Finished)
	require.Zero(t, c.registered(id).Activity, "the portal made none")
	contacts := c.of(portal.Contact, stranger)
	require.Len(t, contacts, 1)
	require.Len(t, c.portal.Items(portal.Deal), deals+1)
	made := c.activityOf(portal.Contact, contacts[0].ID)
	require.Equal(t, "Y", made.Fields["COMPLETED"])
	require.Equal(t, "2", made.Fields["RESPONSIBLE_ID"])
	require.Len(t, made.Bindings, 2, "the contact and the deal")

	contact := c.put(portal.Contact, known, 3, nil)
	deal := c.put(portal.Deal, "", 3, map[string]any{"contactIds": []any{contact}})
	company := c.put(portal.Company, "79005565013", 3, nil)
	id = c.portal.ClickToCall(2, "+"+known, portal.Company, company)
	c.called(known)
	c.quiet()
	require.ElementsMatch(t, []portal.Binding{{Type: portal.Company, ID: company}, {Type: portal.Contact, ID: contact}, {Type: portal.Deal, ID: deal}}, c.activity(c.registered(id).Activity).Bindings)
	require.NoError(t, c.portal.CallBack("+79005565013", "Заявка с сайта", portal.Contact, contact))
	session := c.called("79005565013").ID()
	c.quiet()
	bindings := c.activity(c.at(session).Activity).Bindings
	require.Subset(t, bindings, []portal.Binding{{Type: portal.Contact, ID: contact}, {Type: portal.Company, ID: company}}, "the form's card, and whose number it is")
	require.Len(t, bindings, 4, "with the open deal of the one, and what the call made for the other")
	c.w.clean()
}

// T10: without the override the client sees the number that is set at the portal. The same click told twice is one call, and so is one whose answer was lost.
func TestClicksOnce(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, clicking(false))
	c.lines()
	const phone, lost = "79005565021", "79005565022"
	first := c.portal.OuterLines(appID)[0]
	other := map[string]string{mainNumber: advertNumber, advertNumber: mainNumber}[first]
	c.save(func(s map[string]any) {
		s["click"] = map[string]any{"on": true, "number": other, "override_caller_id": false}
	})
	id := c.portal.ClickToCall(2, "+"+phone, portal.Lead, 0)
	require.NoError(t, c.portal.TellOfClick(id))
	c.called(phone)
	require.NoError(t, c.portal.TellOfClick(id))
	c.quiet()
	require.Len(t, c.uis.Calls(), 1)
	require.Equal(t, first, c.uis.Calls()[0].VirtualNumber, "the line of the portal")
	require.Len(t, c.portal.Calls(), 1)
	require.True(t, c.registered(id).Finished)
	c.save(clicking(true))
	c.uis.AddFault(uisplatform.Fault{API: "call", Match: "start.employee_call", Kind: uisplatform.LostAfter, Times: 1})
	id = c.portal.ClickToCall(2, "+"+lost, portal.Lead, 0)
	c.called(lost)
	c.quiet()
	require.Len(t, c.uis.Calls(), 2, "never dialled twice")
	require.Equal(t, "200", fmt.Sprint(c.registered(id).Stat["CALL_FAILED_CODE"]), "the call that came about is the click's")
	require.Len(t, c.portal.Calls(), 2)
	require.Empty(t, c.told(2))
	require.Zero(t, c.reasons("click.%"))
	c.w.clean()
}

// T10: UIS takes nothing for longer than a click is worth; it is dropped, ends at the portal, and the employee is told.
func TestLateClick(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, clicking(true))
	c.lines()
	c.uis.AddFault(uisplatform.Fault{API: "call", Match: "start.employee_call", Kind: uisplatform.LimitReached, Times: 1000})
	id := c.portal.ClickToCall(2, "+79005565031", portal.Lead, 0)
	eventually(t, "he is told", func() bool { return len(c.told(2)) == 1 })
	require.Contains(t, c.told(2)[0], "20 секунд")
	c.w.platform.ClearFaults()
	c.quiet()
	require.Equal(t, "480", fmt.Sprint(c.registered(id).Stat["CALL_FAILED_CODE"]))
	require.Equal(t, 1, c.reasons("click.late"))
	require.Empty(t, c.uis.Calls())
}

// T11: an employee without a telephone at UIS is not rung, the number's scenario calls back; a form may name a deal, which the portal takes for no call. A form
// whose portal was away too long is not served, as the client would be rung long after.
func TestCallBackFormsOfAllKinds(t *testing.T) {
	t.Parallel()
	c := callsWith(t, portal.Classic, clicking(true), uisplatform.Employee{ID: 1004, LastName: "Stone", FirstName: "Oliver", Email: "oliver.stone@gorizont.example", Login: "stone", Operator: true})
	c.lines()
	const silent, ofDeal, late = "79005565041", "79005565042", "79005565043"
	require.NoError(t, c.portal.CallBack("+"+silent, "Заявка", portal.Lead, c.put(portal.Lead, silent, 4, nil)))
	c.called(silent)
	c.quiet()
	call := c.uis.Calls()[0]
	require.Equal(t, advertNumber, call.VirtualNumber)
	require.Equal(t, 1, c.rows(`SELECT count(*) FROM command WHERE kind = 'start.employee_call' AND state = 'refused'`), "he was to be rung first")
	require.True(t, c.at(call.ID).Finished)
	require.Equal(t, 4, c.at(call.ID).Type)

	contact := c.put(portal.Contact, ofDeal, 2, nil)
	deal := c.put(portal.Deal, "", 3, map[string]any{"contactIds": []any{contact}})
	require.NoError(t, c.portal.CallBack("+"+ofDeal, "Заявка", portal.Deal, deal))
	session := c.called(ofDeal).ID()
	c.quiet()
	require.Equal(t, int64(1003), c.uis.Calls()[1].Employee, "whose the deal is")
	k := c.at(session)
	require.Equal(t, 4, k.Type)
	require.ElementsMatch(t, []portal.Binding{{Type: portal.Contact, ID: contact}, {Type: portal.Deal, ID: deal}}, c.activity(k.Activity).Bindings)

	_, err := c.w.bitrix.AddFault(portal.Fault{Portal: c.portal.Name(), Method: "crm.item.list", Kind: portal.FaultSlow, DelayMS: 3000})
	require.NoError(t, err)
	require.NoError(t, c.portal.CallBack("+"+late, "Заявка", portal.Lead, c.put(portal.Lead, late, 3, nil)))
	eventually(t, "it is looked whose the lead is", func() bool { return c.rows(`SELECT count(*) FROM click WHERE state = 'looking'`) == 1 })
	c.advance(time.Hour)
	c.w.rest()
	require.Equal(t, 1, c.reasons("click.late"))
	require.Len(t, c.uis.Calls(), 2, "nobody is rung an hour late")
	require.Len(t, c.told(1), 1, "whoever installed the app is told")
}
