package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// clicking turns click-to-call and call-back forms on. The portal's own line is chosen as the outgoing number by whoever administers it.
func clicking(override bool) func(map[string]any) {
	return func(s map[string]any) {
		s["click"] = map[string]any{"on": true, "number": advertNumber, "override_caller_id": override}
		s["callback"] = map[string]any{"on": true, "number": advertNumber}
	}
}

// told are the notifications of a user at the portal.
func (c *callCentre) told(user int) []string {
	var list []string
	for _, n := range c.portal.State().Notifications {
		if n.User == user {
			list = append(list, n.Text)
		}
	}
	return list
}

// T10: a click starts the call at UIS, first to the employee; the call that the portal registered with the click is the one that is shown, finished and recorded.
func TestClickToCall(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) {
		clicking(true)(s)
		s["records"] = map[string]any{"send": true, "with_filters": false}
	})
	c.lines()
	const phone = "79005557001"
	lead := c.put(portal.Lead, phone, 1, nil)
	id := c.portal.ClickToCall(2, "+"+phone, portal.Lead, lead)
	require.NotEmpty(t, id)
	eventually(t, "UIS has the call", func() bool { return len(c.uis.Calls()) == 1 })
	c.quiet()
	call := c.uis.Calls()[0]
	require.Equal(t, advertNumber, call.VirtualNumber, "the client sees only that number")
	require.Equal(t, int64(1002), call.Employee)
	require.Equal(t, phone, call.Contact)
	require.Len(t, c.portal.Calls(), 1, "none is registered beside the one of the click")
	k := c.portal.Calls()[0]
	require.Equal(t, id, k.ID)
	require.True(t, k.Finished)
	require.NotEmpty(t, k.Record)
	require.Equal(t, "2", c.activity(k.Activity).Fields["RESPONSIBLE_ID"])
	require.Len(t, c.of(portal.Lead, phone), 1)
	require.Empty(t, c.told(2))
	c.w.clean()
}

// T10: what does not come about ends at the portal, and the employee is told why: he is not matched, UIS refuses, the switch is off.
func TestClicksInVain(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, clicking(false))
	c.lines()
	ended := func(id, code string) {
		t.Helper()
		eventually(t, "it is finished", func() bool {
			for _, k := range c.portal.Calls() {
				if k.ID == id {
					return k.Finished && fmt.Sprint(k.Stat["CALL_FAILED_CODE"]) == code
				}
			}
			return false
		})
	}
	ended(c.portal.ClickToCall(4, "+79005557002", portal.Lead, 0), "480")
	require.Len(t, c.told(4), 1, "nobody at UIS is this user")
	require.Contains(t, c.told(4)[0], "не сопоставлен")

	c.uis.AddFault(uisplatform.Fault{API: "call", Match: "start.employee_call", Kind: uisplatform.Internal, Times: 50})
	refused := c.portal.ClickToCall(2, "+79005557003", portal.Lead, 0)
	eventually(t, "it ends", func() bool {
		for _, k := range c.portal.Calls() {
			if k.ID == refused && k.Finished {
				return true
			}
		}
		return false
	})
	eventually(t, "and he is told", func() bool { return len(c.told(2)) == 1 })
	c.w.platform.ClearFaults()

	c.save(func(s map[string]any) {
		s["click"] = map[string]any{"on": false, "number": advertNumber, "override_caller_id": true}
	})
	ended(c.portal.ClickToCall(2, "+79005557004", portal.Lead, 0), "403")
	c.w.rest()
	require.Empty(t, c.uis.Calls(), "nothing was dialled")
}

// T11: a form calls the responsible of its entity; when he is nobody at UIS, the number's own scenario calls.
func TestCallBackForm(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, clicking(true))
	c.lines()
	mine := c.put(portal.Lead, "79005557005", 3, nil)
	strange := c.put(portal.Lead, "79005557006", 4, nil)
	require.NoError(t, c.portal.CallBack("+79005557005", "Заявка с сайта", portal.Lead, mine))
	require.NoError(t, c.portal.CallBack("+79005557006", "Заявка с сайта", portal.Lead, strange))
	eventually(t, "UIS has both calls", func() bool { return len(c.uis.Calls()) == 2 })
	c.quiet()
	for _, call := range c.uis.Calls() {
		if call.Contact == "79005557005" {
			require.Equal(t, int64(1003), call.Employee, "whose the lead is")
		}
		require.Equal(t, advertNumber, call.VirtualNumber)
	}
	for _, k := range c.portal.Calls() {
		require.Equal(t, 4, k.Type, "a call-back")
		require.True(t, k.Finished)
		require.True(t, strings.HasPrefix(fmt.Sprint(c.activity(k.Activity).Fields["PROVIDER_TYPE_ID"]), "CALLBACK"))
	}
	require.Len(t, c.portal.Calls(), 2)
	c.w.clean()
}

// lines waits until the account's numbers are lines of the portal (T1).
func (c *callCentre) lines() {
	c.t.Helper()
	eventually(c.t, "the numbers are lines of the portal", func() bool { return len(c.portal.OuterLines(appID)) >= 2 })
}
