package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// U3, T1: calls whose notifications never came, wholly or in part, are completed from UIS' report, recordings included, each once.
func TestCallsWithoutNotifications(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) { s["records"] = map[string]any{"send": true, "with_filters": false} })
	eventually(t, "the account is watched", func() bool { return c.rows(`SELECT count(*) FROM call_gap`) == 1 })
	half, err := c.uis.StartCall(uisplatform.CallSpec{Contact: "79005560001", Employee: 1002})
	require.NoError(t, err)
	require.NoError(t, half.Ring(1002))
	c.w.rest()
	require.NoError(t, c.uis.SetNotifications(nil))
	require.NoError(t, half.Answer())
	half.Advance(30 * time.Second)
	require.NoError(t, half.HangUp())
	silent := c.play("answered", uisplatform.CallSpec{Contact: "79005560002", Employee: 1003})
	missed := c.play("missed", uisplatform.CallSpec{Contact: "79005560003", Employee: 1003})
	for range 3 { // three rounds, and each call stands once
		c.advance(21 * time.Minute)
		c.w.rest()
		eventually(t, "the report was compared", func() bool { return len(c.portal.Calls()) == 3 })
		c.quiet()
	}
	for session, user := range map[int64]string{half.ID(): "2", silent: "3", missed: "4"} {
		k := c.at(session)
		require.True(t, k.Finished)
		require.Equal(t, user, c.activity(k.Activity).Fields["RESPONSIBLE_ID"])
		require.Equal(t, map[bool]string{true: "N", false: "Y"}[session == missed], c.activity(k.Activity).Fields["COMPLETED"])
		if session != missed {
			require.NotEmpty(t, k.Record)
		}
	}
	c.w.clean()
}
