package e2e_test

import (
	"slices"
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
		c.w.rounds("21m")
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

// U3: the report is windowed by beginnings. Calls that began long before they end are found all the same: one whose end nobody told of, one of which nobody told
// anything, one whose recording alone was not told of. A message on the voice mail is passed on as a recording is (T12).
func TestLongCallsWithoutNotifications(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) { s["records"] = map[string]any{"send": true, "with_filters": false} })
	eventually(t, "the account is watched", func() bool { return c.rows(`SELECT count(*) FROM call_gap`) == 1 })
	round := func() {
		t.Helper()
		done := c.rows(`SELECT count(*) FROM job WHERE kind = 'call_gaps' AND state = 'done'`)
		c.w.rounds("21m")
		eventually(t, "the report was compared", func() bool {
			return c.rows(`SELECT count(*) FROM job WHERE kind = 'call_gaps' AND state = 'done'`) > done
		})
		c.w.rest()
	}
	begin := func(phone string) *uisplatform.Call {
		t.Helper()
		call, err := c.uis.StartCall(uisplatform.CallSpec{Contact: phone, Employee: caller})
		require.NoError(t, err)
		require.NoError(t, call.Ring(caller))
		return call
	}
	take := func(call *uisplatform.Call) {
		t.Helper()
		require.NoError(t, call.Answer())
		call.Advance(80 * time.Minute)
	}
	notes := c.uis.Notifications()
	lost, quiet := begin("79005560011"), begin("79005560013")
	c.w.rest()
	require.NoError(t, c.uis.SetNotifications(nil))
	silent := begin("79005560012")
	take(lost)
	take(silent)
	require.NoError(t, c.uis.SetNotifications(notes))
	take(quiet)
	for range 4 {
		round() // while the calls go on
	}
	require.NoError(t, c.uis.SetNotifications(slices.DeleteFunc(slices.Clone(notes), func(n uisplatform.Notification) bool { return n.Event == "talk_record_file" })))
	require.NoError(t, quiet.HangUp())
	require.NoError(t, c.uis.SetNotifications(nil))
	require.NoError(t, lost.HangUp())
	require.NoError(t, silent.HangUp())
	voice := begin("79005560014")
	require.NoError(t, voice.LeaveMessage(20*time.Second))
	require.NoError(t, c.uis.SetNotifications(notes))
	told := begin("79005560015")
	require.NoError(t, told.LeaveMessage(20*time.Second))
	round()
	c.quiet()
	round()
	c.quiet()
	for _, call := range []*uisplatform.Call{lost, silent, quiet, voice, told} {
		k := c.at(call.ID())
		require.True(t, k.Finished)
		require.NotEmpty(t, k.Record, "the recording of %s", k.Phone)
		require.Equal(t, map[bool]string{true: "N", false: "Y"}[call == voice || call == told], c.activity(k.Activity).Fields["COMPLETED"], k.Phone)
	}
	require.Zero(t, c.rows(`SELECT count(*) FROM reason WHERE code = 'call.end_never_came'`))
	c.w.clean()
}
