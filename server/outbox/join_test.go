package outbox_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store/storetest"
)

// saying is how commands with {"list": […]} become one.
var saying = outbox.Join{
	Most: 7, Size: 10_000,
	Params: func(each []json.RawMessage) (json.RawMessage, bool) {
		var all []json.RawMessage
		for _, raw := range each {
			var one struct{ List []json.RawMessage }
			if json.Unmarshal(raw, &one) != nil {
				return nil, false
			}
			all = append(all, one.List...)
		}
		return mustJSON(map[string]any{"list": all}), true
	},
	Split: func(each []json.RawMessage, answer json.RawMessage) []outbox.Reply {
		var results []struct {
			ID      int
			Refused bool
		}
		if json.Unmarshal(answer, &results) != nil || len(results) != len(each) {
			return nil
		}
		replies := make([]outbox.Reply, len(each))
		for i, r := range results {
			replies[i].Result = mustJSON(map[string]any{"item": map[string]any{"id": r.ID}})
			if r.Refused {
				replies[i] = outbox.Reply{Err: &outbox.Failure{Kind: outbox.Refused, Class: "invalid", Text: "this one is not wanted"}}
			}
		}
		return replies
	},
}

// say is a message of a dialog; those that wait one behind the other leave together.
func say(dialog, n int) outbox.Command {
	key := fmt.Sprintf("chat:%d", dialog)
	return outbox.Command{Lane: portal, Key: ids.Key(key), Kind: "say", Merge: "say", Priority: outbox.Live,
		Params: map[string]any{"list": []any{map[string]any{"n": n, "key": key, "uid": map[string]any{"$uid": true}, "refuse": n == 3}}}}
}

func TestMessagesOfADialogLeaveTogether(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	hang := make(chan struct{})
	p.setPlan(func(n int, _ []wire) *fault {
		if n == 0 {
			return &fault{run: true, wait: hang}
		}
		return nil
	})
	s := start(t, storetest.URL(t), p, setup{})
	message := func(n int) outbox.Command {
		c := say(1, n)
		c.ReplyKey, c.ReplyKind, c.Tag = "chat:1", "answer", mustJSON(n)
		return c
	}
	first := s.enqueue(t, message(0))
	within(t, 5*time.Second, "the first is on its way", func() bool { return s.state(t, first[0]) == "sent" })
	var made []ids.CommandID
	for n := 1; n < 6; n++ {
		made = append(made, s.enqueue(t, message(n))...)
	}
	other := add("chat:1", 7) // of another kind: it keeps its place between
	between := s.enqueue(t, other)
	made = append(made, s.enqueue(t, message(6))...)
	close(hang)
	s.rests(t, 10*time.Second)
	require.Equal(t, "done", s.state(t, between[0]))
	for i, id := range made {
		want := "done"
		if i == 2 {
			want = "refused"
		}
		require.Equal(t, want, s.state(t, id), "each has its own outcome: %d", i+1)
	}
	require.Len(t, p.sizes(), 4, "one, five as one, the one between, the last")
	answers := s.answers(t)
	require.Len(t, answers, 7, "each plan has its own answer")
	seen := map[string]bool{}
	for _, a := range answers {
		if r := a.Results[""]; r.State == "done" {
			require.False(t, seen[string(r.Result)], "nobody's result is another's")
			seen[string(r.Result)] = true
		}
	}
}

// TestJoinedMessagesUnderFaults: any interleaving of writing, sending, taking over and failing delivers every element once and in order.
func TestJoinedMessagesUnderFaults(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.setPlan(someFaults(t))
	s := start(t, storetest.URL(t), p, setup{})
	const dialogs, each = 6, 30
	for n := range each {
		order := rand.Perm(dialogs)
		for _, d := range order {
			m := n
			if n >= 3 {
				m++ // 3 is refused
			}
			c := say(d, m)
			s.enqueue(t, c)
		}
		if rand.IntN(3) == 0 {
			<-time.After(time.Duration(rand.IntN(120)) * time.Millisecond)
		}
	}
	s.rests(t, 90*time.Second)
	next := map[string]int{}
	for _, e := range p.seen() {
		var params struct {
			N   int
			Key string
		}
		require.NoError(t, json.Unmarshal(e.Params, &params))
		want := next[params.Key]
		if want == 3 {
			want++
		}
		require.Equal(t, want, params.N, "%s: doubled, lost or out of order", params.Key)
		next[params.Key] = want + 1
	}
	require.Len(t, p.seen(), dialogs*each)
	sizes := p.sizes()
	t.Logf("%d messages in %d requests, the largest of %d calls", dialogs*each, len(sizes), slices.Max(sizes))
}
