package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// T, hidden number, extension, internal calls, calls between two numbers of the account: nothing of them is in the CRM, none waits for anything, and "Why?" says
// what each is. The calls of clients beside them go their way.
func TestCallsWithoutAClient(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	leads, contacts := len(c.portal.Items(portal.Lead)), len(c.portal.Items(portal.Contact))
	off := map[int64]string{}
	play := func(code, kind string, spec uisplatform.CallSpec) { off[c.play(kind, spec)] = code }
	play("call.not_a_phone", "missed", uisplatform.CallSpec{Contact: "anonymous", Employee: caller})
	play("call.not_a_phone", "answered", uisplatform.CallSpec{Contact: "anonymous", Employee: caller})
	play("call.not_a_phone", "answered", uisplatform.CallSpec{Contact: "555", Employee: caller})
	play("call.internal_employee", "answered", uisplatform.CallSpec{Contact: "79000000103", Employee: caller}) // the mobile of 1003
	play("call.internal_employee", "internal", uisplatform.CallSpec{Contact: "103", Employee: caller})
	out, in, err := c.uis.SimulateBetween(mainNumber, advertNumber, caller, 1003)
	require.NoError(t, err)
	off[out.ID()], off[in.ID()] = "call.internal_number", "call.internal_number"
	client := c.play("answered", uisplatform.CallSpec{Contact: "79005557101", Employee: caller})
	c.quiet()
	require.Len(t, c.portal.Items(portal.Lead), leads+1, "the client's")
	require.Len(t, c.portal.Items(portal.Contact), contacts)
	require.Len(t, c.portal.Calls(), 1)
	require.True(t, c.at(client).Finished)
	for session, code := range off {
		page, codes := c.whyCall(session)
		require.Equal(t, []string{code}, codes)
		require.Equal(t, "off", page.State.Code)
	}
	require.Zero(t, c.rows(`SELECT count(*) FROM call WHERE phase NOT IN ('off', 'done')`), "none waits")
	require.Zero(t, c.rows(`SELECT count(*) FROM inbox WHERE aside_at IS NOT NULL OR key = 'client:0'`))
	c.w.clean()
}

// T2 with T: calls without a client are not watched either.
func TestCallsWithoutAClientAreNotWatched(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) { s["other_telephony"] = true })
	hidden := c.play("missed", uisplatform.CallSpec{Contact: "anonymous", Employee: caller})
	colleague := c.play("answered", uisplatform.CallSpec{Contact: "79000000103", Employee: caller})
	c.quiet()
	c.compared()
	for session, code := range map[int64]string{hidden: "call.not_a_phone", colleague: "call.internal_employee"} {
		_, codes := c.whyCall(session)
		require.Equal(t, []string{code}, codes)
	}
	c.w.clean()
}
