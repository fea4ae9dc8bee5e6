package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// twinCalls plays calls of equal sessions, clients and employees at both companies at once: what each becomes is in its own portal alone.
func twinCalls(t *testing.T, twins []*tenant) {
	t.Helper()
	const first, repeat = "79005559901", "79005559902"
	centres := make([]*callCentre, len(twins))
	for i, n := range twins {
		centres[i] = &callCentre{n, t}
		centres[i].answerPhones()
	}
	both := func(do func(i int, c *callCentre)) {
		var all sync.WaitGroup
		for i, c := range centres {
			all.Go(func() { do(i, c) })
		}
		all.Wait()
	}
	// The second company knows the second client: there his call is a repeat one.
	contact := centres[1].put(portal.Contact, repeat, 3, nil)
	sessions := make([][]int64, len(centres))
	both(func(i int, c *callCentre) {
		for _, call := range [][2]string{{"missed", first}, {"answered", first}, {"answered", repeat}, {"outgoing_missed", repeat}} {
			sessions[i] = append(sessions[i], c.play(call[0], uisplatform.CallSpec{Contact: call[1], Employee: caller}))
		}
	})
	centres[0].quiet()
	require.Equal(t, sessions[0], sessions[1], "the twins' calls are twins")
	for i, c := range centres {
		require.Len(t, c.portal.Calls(), 4)
		require.Len(t, c.of(portal.Lead, first), 1)
		require.Equal(t, "Y", c.completed(sessions[i][0]), "handled by the call that followed")
		require.NotEmpty(t, c.at(sessions[i][1]).Record)
		leads := c.of(portal.Lead, repeat)
		require.Len(t, leads, 1)
		user := map[int]int{0: 2, 1: 3}[i]
		require.Equal(t, user, whole(leads[0].Fields["assignedById"]))
		require.Equal(t, map[int]int{0: 0, 1: contact}[i], whole(leads[0].Fields["contactId"]))
		require.Equal(t, "N", c.completed(sessions[i][3]))
		for _, session := range sessions[i] {
			_, codes := c.whyCall(session)
			require.Contains(t, codes, "call.done")
		}
	}
}

// TestTwins runs the story for two accounts at once whose portals, chats, phones, names and numbers are the same: nothing crosses.
func TestTwins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	const equal = 500_000
	twins := []*tenant{w.company("romashka", equal), w.company("vasilek", equal)}
	w.run()
	for _, n := range twins {
		n.setUp()
	}
	stories := []*story{newStory(twins[0]), newStory(twins[1])}
	// Even the ids that the pages make are the same; the files are not.
	stories[1].ids = stories[0].ids
	stories[1].content = append([]byte("другой файл\n"), stories[1].content...)
	for i := range stories[0].steps() {
		var both sync.WaitGroup
		for _, s := range stories {
			both.Add(1)
			go func() {
				defer both.Done()
				s.steps()[i].do()
			}()
		}
		both.Wait()
		if t.Failed() {
			return
		}
	}
	w.rest()
	twinCalls(t, twins)
	for _, s := range stories {
		s.verify()
	}
	require.Equal(t, twins[0].uis.Chats()[0].ID, twins[1].uis.Chats()[0].ID, "the twins are twins")
	require.NotEqual(t, stories[0].chat, 0)
	// A number of the other company means nothing here, although such a chat exists there.
	require.Len(t, twins[0].chats(""), 2)
	require.Len(t, twins[1].chats(""), 2)
	// Nor does one see of the other what was asked of the platforms, and how full its lanes are.
	for i, n := range twins {
		other := twins[1-i]
		eventually(t, "the log has what was asked", func() bool { return len(n.requests("")) > 10 })
		own := map[string]bool{}
		for _, r := range n.requests("") {
			own[r.ID] = true
			require.True(t, r.Portal == nil || *r.Portal == n.id, "%v", r)
		}
		require.Greater(t, len(own), 10)
		eventually(t, "the log has the chat's requests, which it stores behind them", func() bool {
			return len(n.requests(fmt.Sprintf("communication=chat:%d", n.uis.Chats()[0].ID))) > 0
		})
		require.Empty(t, n.requests(fmt.Sprintf("portal=%d", other.id)))
		for _, r := range other.requests("") {
			require.False(t, own[r.ID], "a request of the other: %v", r)
			code, _ := n.as(n.admin, "GET", "/operations/requests/"+r.ID, nil)
			require.Equal(t, http.StatusNotFound, code)
		}
		lanes := string(n.must("GET", "/operations/lanes", nil))
		require.Contains(t, lanes, fmt.Sprintf(`"portal":%d,`, n.id))
		require.NotContains(t, lanes, fmt.Sprintf(`"portal":%d,`, other.id))
	}
	w.clean()
}
