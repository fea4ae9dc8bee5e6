package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// TestRequestsPerCall counts what each kind of call costs the portal's budget; docs/architecture.md has the table. A figure that grows is a step back.
func TestRequestsPerCall(t *testing.T) {
	t.Parallel()
	for mode, rows := range map[string][]costRow{
		portal.Classic: {
			// find, lead, register, finish, activity.
			{name: "missed, first", cost: 5, do: played("missed", "79005559001")},
			// the same, whose lead it is read beside the finish and written beside the activity; the recording alone.
			{name: "answered, first", cost: 6, do: played("answered", "79005559002")},
			{name: "outgoing, first", cost: 6, do: played("outgoing", "79005559003")},
			// find, read, register, finish, activity, recording; "First communication ID" where it is empty, packed with one of them or not.
			{name: "answered, a lead is open", cost: 6, once: 1, do: played("answered", "79005559010")},
			{name: "answered, a contact with an open deal", cost: 6, once: 1, do: played("answered", "79005559011")},
			{name: "answered, again", cost: 6, do: played("answered", "79005559011")},
			// The card goes from the one and comes to the other.
			{name: "transferred, again", cost: 6, do: played("transfer", "79005559011")},
			// No register.
			{name: "click-to-call, again", cost: 5, do: func(c *callCentre) {
				c.portal.ClickToCall(2, "+79005559010", portal.Lead, c.of(portal.Lead, "79005559010")[0].ID)
				c.calledAgain(8)
			}},
			{name: "click-to-call, first", cost: 6, do: func(c *callCentre) { c.portal.ClickToCall(2, "+79005559004", 0, 0); c.calledAgain(9) }},
			{name: "call-back form, again", cost: 7, do: func(c *callCentre) {
				require.NoError(c.t, c.portal.CallBack("+79005559010", "Заявка", portal.Lead, c.of(portal.Lead, "79005559010")[0].ID))
				c.calledAgain(10)
			}},
			{name: "robot, again", cost: 7, do: func(c *callCentre) {
				require.NoError(c.t, c.portal.RunRobot(robotCode, portal.Lead, c.of(portal.Lead, "79005559010")[0].ID, nil))
				c.calledAgain(11)
			}},
			// T6: the same as without, later.
			{name: "answered, responsible later", cost: 6, set: func(s map[string]any) { s["responsible_later"], s["responsible_after_min"] = true, 5 }, do: func(c *callCentre) {
				played("answered", "79005559005")(c)
				c.quiet()
				c.advance(6 * time.Minute)
			}},
			// T2: the client's entities are found and read twice.
			{name: "another telephony", cost: 4, set: func(s map[string]any) { s["other_telephony"] = true }, do: func(c *callCentre) {
				played("answered", "79005559011")(c)
				c.w.rest()
				c.advance(2 * time.Minute)
			}},
		},
		portal.Simple: {
			// The deal waits for the contact's number, and the activity shows in both.
			{name: "missed, first", cost: 6, do: played("missed", "79005559001")},
			{name: "answered, first", cost: 7, do: played("answered", "79005559002")},
			{name: "answered, again", cost: 6, do: played("answered", "79005559002")},
		},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			countRequests(t, mode, rows)
		})
	}
}

// costRow is a kind of call, and how many requests it costs.
type costRow struct {
	name string
	cost int
	// once: what is written when the client is met for the first time leaves packed with something else, or by itself.
	once int
	// set changes the settings before.
	set func(telephony map[string]any)
	do  func(c *callCentre)
}

func played(kind, phone string) func(c *callCentre) {
	return func(c *callCentre) { c.play(kind, uisplatform.CallSpec{Contact: phone, Employee: caller}) }
}

// calledAgain waits until UIS has so many calls.
func (c *callCentre) calledAgain(n int) {
	c.t.Helper()
	eventually(c.t, "UIS has the call", func() bool { return len(c.uis.Calls()) == n })
}

func countRequests(t *testing.T, mode string, rows []costRow) {
	t.Helper()
	c := callsOf(t, mode, func(s map[string]any) {
		clicking(true)(s)
		s["records"] = map[string]any{"send": true, "with_filters": false}
	})
	c.lines()
	c.repair()
	if mode == portal.Classic {
		c.put(portal.Lead, "79005559010", 1, nil)
	}
	contact := c.put(portal.Contact, "79005559011", 1, nil)
	c.put(portal.Deal, "", 1, map[string]any{"contactIds": []any{contact}})
	c.w.rest()
	asked := func() (n int, commands []string) {
		for _, r := range c.w.bitrix.Requests() {
			if r.Browser || strings.HasPrefix(r.Method, "oauth") {
				continue
			}
			n++
			for _, call := range r.Calls {
				commands = append(commands, call.Method)
			}
		}
		return n, commands
	}
	for _, row := range rows {
		if row.set != nil {
			c.save(row.set)
			c.w.rest()
		}
		before, done := asked()
		row.do(c)
		c.quiet()
		after, commands := asked()
		t.Logf("%-40s %d requests: %s", row.name, after-before, strings.Join(commands[len(done):], ", "))
		if n := after - before; n < row.cost || n > row.cost+row.once {
			t.Errorf("%s: %d requests, and it costs %d", row.name, after-before, row.cost)
		}
	}
	c.w.clean()
}
