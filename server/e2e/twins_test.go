package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

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
