package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// TestRequestsPerCall counts what each kind of call costs the portal's budget; docs/architecture.md has the table. A figure that grows is a step back.
func TestRequestsPerCall(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) {
		clicking(true)(s)
		s["records"] = map[string]any{"send": true, "with_filters": false}
	})
	c.lines()
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
	lead := c.put(portal.Lead, "79005559010", 1, nil)
	contact := c.put(portal.Contact, "79005559011", 1, nil)
	c.put(portal.Deal, "", 1, map[string]any{"contactIds": []any{contact}})
	for _, row := range []struct {
		name string
		most int
		do   func()
	}{
		// find, lead, register, finish, activity.
		{"missed, first", 5, func() { c.play("missed", uisplatform.CallSpec{Contact: "79005559001", Employee: 1002}) }},
		// the same, whose lead it is read beside the finish and written beside the activity; the recording alone.
		{"answered, first", 6, func() { c.play("answered", uisplatform.CallSpec{Contact: "79005559002", Employee: 1002}) }},
		{"outgoing, first", 6, func() { c.play("outgoing", uisplatform.CallSpec{Contact: "79005559003", Employee: 1002}) }},
		// find, read, register, finish, activity, recording; "First communication ID" where it is empty, packed with one of them or not.
		{"answered, a lead is open", 7, func() { c.play("answered", uisplatform.CallSpec{Contact: "79005559010", Employee: 1002}) }},
		{"answered, a contact with an open deal", 7, func() { c.play("answered", uisplatform.CallSpec{Contact: "79005559011", Employee: 1002}) }},
		// No register; the card is shown.
		{"click-to-call", 6, func() { c.portal.ClickToCall(2, "+79005559010", portal.Lead, lead) }},
	} {
		before, _ := asked()
		_, done := asked()
		row.do()
		if row.name == "click-to-call" {
			eventually(t, "UIS has the call", func() bool { return len(c.uis.Calls()) == 6 })
		}
		c.quiet()
		after, commands := asked()
		t.Logf("%-40s %d requests: %s", row.name, after-before, strings.Join(commands[len(done):], ", "))
		require.LessOrEqual(t, after-before, row.most, row.name)
	}
	c.w.clean()
}
