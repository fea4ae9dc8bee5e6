package e2e_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// TestAPlanInterruptedAnywhere breaks the plan of a first communication in a CRM without leads (contact, then deal, then activity; then the comment) at each of
// its steps in each way that leaves open what was done. At the end it is complete, once.
func TestAPlanInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	steps := []struct {
		name, method string
		skip         int
	}{
		{"contact", "crm.item.add", 0}, {"deal", "crm.item.add", 1}, {"activity", "crm.activity.configurable.add", 0}, {"comment", "crm.timeline.comment.add", 0},
	}
	for name, way := range map[string]struct {
		fault portal.Fault
		kill  bool
	}{
		"answer lost":     {fault: portal.Fault{Kind: portal.FaultLost}},
		"done late":       {fault: portal.Fault{Kind: portal.FaultLate, DelayMS: 1500}},
		"500 after it":    {fault: portal.Fault{Kind: portal.FaultHTTP, Status: 500, After: true}},
		"500 before it":   {fault: portal.Fault{Kind: portal.FaultHTTP, Status: 500}},
		"killed before":   {fault: portal.Fault{Kind: portal.FaultSlow, DelayMS: 800}, kill: true},
		"killed after it": {fault: portal.Fault{Kind: portal.FaultSlow, DelayMS: 800, After: true}, kill: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			n := w.companyIn(portal.Simple, "romashka", 0)
			n.acts = true
			w.run()
			n.setUp()
			c := &callCentre{n, t}
			for i, step := range steps {
				fault := way.fault
				fault.Method, fault.Skip = step.method, step.skip
				id, err := w.bitrix.AddFault(fault)
				require.NoError(t, err)
				client := uisplatform.Client{Phone: fmt.Sprintf("790000004%02d", i), Name: "Ольга " + step.name}
				_, err = n.uis.ClientWrites(whatsapp, client, "есть кто?")
				require.NoError(t, err)
				eventually(t, "the fault strikes at the "+step.name, func() bool {
					return slices.ContainsFunc(w.bitrix.Faults(), func(f portal.Fault) bool { return f.ID == id && f.Struck > 0 })
				})
				if way.kill {
					time.Sleep(50 * time.Millisecond) // the request is at the portal
					w.servers[0].restart()
				}
				w.rest()
				c.whole(client.Phone, step.name)
			}
			w.clean()
		})
	}
}

// whole asserts that a client of a CRM without leads has a contact, a deal tied to it, an activity and a comment there, each once.
func (c *callCentre) whole(phone, what string) {
	c.t.Helper()
	contacts := c.of(portal.Contact, phone)
	require.Len(c.t, contacts, 1, "%s: contacts", what)
	deal := c.dealOf(contacts[0].ID)
	bound := portal.Binding{Type: portal.Deal, ID: deal.ID}
	activities := 0
	for _, a := range c.portal.State().Activities {
		if slices.Contains(a.Bindings, bound) {
			activities++
		}
	}
	require.Equal(c.t, 1, activities, "%s: activities", what)
	require.Len(c.t, c.portal.Comments(portal.Deal, deal.ID), 1, "%s: comments", what)
	chats := c.chats("q=" + phone)
	require.Len(c.t, chats, 1, what)
	require.Contains(c.t, chats[0].Entities, entity{"deal", int64(deal.ID)}, what)
}
