package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// refuses has the portal refuse a method so often, with its words.
func (c *callCentre) refuses(method string, times int, text string) {
	c.t.Helper()
	_, err := c.w.bitrix.AddFault(portal.Fault{Portal: c.portal.Name(), Method: method, Kind: portal.FaultError, Count: times, Status: 400, Code: "ERROR_CORE", Text: text})
	require.NoError(c.t, err)
}

// again presses "repeat" at a call.
func (c *callCentre) again(session int64, status int) {
	c.t.Helper()
	c.w.bitrix.ClearFaults()
	code, body := c.as(c.admin, "POST", fmt.Sprintf("/communications/call:%d/replay", session), nil)
	require.Equal(c.t, status, code, "%s", body)
	c.quiet()
}

// T15: a step of a call that failed is repeated from the page, and the call is carried to its end from there: one call at the portal, with its activity in its
// state, tied, and the earlier missed one handled (T4a).
func TestCallStepsRepeated(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ method, failed, repeated string }{
		"register": {"telephony.externalCall.register", "call.not_registered", "call.registered_late"},
		"finish":   {"telephony.externalCall.finish", "call.not_finished", "call.finished_late"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := callsOf(t, portal.Simple, func(s map[string]any) { s["records"] = map[string]any{"send": true, "with_filters": false} })
			const phone = "79005564001"
			missed := c.play("missed", uisplatform.CallSpec{Contact: phone, Employee: caller})
			c.quiet()
			before := c.activity(c.at(missed).Activity)
			require.Equal(t, "N", before.Fields["COMPLETED"])
			c.refuses(row.method, 1, "Unknown TYPE")
			session := c.play("answered", uisplatform.CallSpec{Contact: phone, Employee: caller})
			c.quiet()
			ref := fmt.Sprintf("call:%d", session)
			require.Contains(t, c.why(ref).reasons(), row.failed)
			require.Positive(t, c.why(ref).Failed.Commands)
			c.again(session, http.StatusAccepted)
			require.Contains(t, c.why(ref).reasons(), row.repeated)
			require.Equal(t, "done", c.why(ref).State.Code)
			k := c.at(session)
			require.True(t, k.Finished)
			a := c.activity(k.Activity)
			require.Equal(t, "Y", a.Fields["COMPLETED"])
			require.Equal(t, "2", a.Fields["RESPONSIBLE_ID"])
			require.Len(t, a.Bindings, 2, "the contact and the deal")
			require.NotEmpty(t, k.Record, "the recording, which the portal takes of ended calls only")
			require.Equal(t, "Y", c.activity(before.ID).Fields["COMPLETED"], "the missed one is handled")
			require.Len(t, c.portal.Calls(), 2)
		})
	}
}

// A user the portal refuses is replaced once, by whoever installed the app; the refused step is offered no more, as it would be a second call of the session.
func TestUserRefused(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	c.refuses("telephony.externalCall.register", 1, "User is not found or is not active")
	session := c.play("answered", uisplatform.CallSpec{Contact: "79005564011", Employee: caller})
	c.quiet()
	ref := fmt.Sprintf("call:%d", session)
	require.Contains(t, c.why(ref).reasons(), "call.user_refused")
	require.Zero(t, c.why(ref).Failed.Commands)
	require.True(t, c.at(session).Finished)
	c.again(session, http.StatusConflict)
	require.Len(t, c.portal.Calls(), 1)
	c.w.clean()
}

// What the call should have made is made when a person has it repeated after the end: the activity comes then, or shows there, too.
func TestEntityRepeatedAfterTheCall(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	const phone, known = "79005564021", "79005564022"
	c.refuses("crm.item.add", 4, "Заполните поле «Бюджет»")
	contact := c.put(portal.Contact, known, 3, nil)
	session := c.play("missed", uisplatform.CallSpec{Contact: phone, Employee: caller})
	c.quiet()
	require.Zero(t, c.at(session).Activity, "there is nothing to tie it to")
	second := c.play("answered", uisplatform.CallSpec{Contact: known, Employee: caller})
	c.quiet()
	require.Len(t, c.activity(c.at(second).Activity).Bindings, 1, "the contact alone")
	c.again(session, http.StatusAccepted)
	c.again(second, http.StatusAccepted)
	leads := c.of(portal.Lead, phone)
	require.Len(t, leads, 1)
	made := c.activityOf(portal.Lead, leads[0].ID)
	require.Equal(t, "N", made.Fields["COMPLETED"])
	require.Equal(t, "4", made.Fields["RESPONSIBLE_ID"])
	leads = c.of(portal.Lead, known)
	require.Len(t, leads, 1)
	require.ElementsMatch(t, []portal.Binding{{Type: portal.Contact, ID: contact}, {Type: portal.Lead, ID: leads[0].ID}}, c.activity(c.at(second).Activity).Bindings)
	c.again(second, http.StatusConflict)
}

// activityOf is the one activity that shows in an entity.
func (c *callCentre) activityOf(typ, id int) portal.Activity {
	c.t.Helper()
	var found []portal.Activity
	for _, a := range c.portal.State().Activities {
		for _, b := range a.Bindings {
			if b == (portal.Binding{Type: typ, ID: id}) {
				found = append(found, a)
			}
		}
	}
	require.Len(c.t, found, 1, "one activity shows in %d:%d", typ, id)
	return found[0]
}
