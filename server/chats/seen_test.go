package chats

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
)

// TestAWebhookConfirmsOnlyWhatIsUnclear: an echo shows that an unclear message got through; a message that is still on its way keeps waiting for its own
// answer. A status of an unknown number proves nothing: it may be about what somebody says in the vendor's own workplace.
func TestAWebhookConfirmsOnlyWhatIsUnclear(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status Status
		hook   func(t *turn) bool
		seen   int
	}{
		"a status, unclear":     {Checking, func(t *turn) bool { return t.status(77, "delivered") }, 0},
		"a status, on its way":  {Queued, func(t *turn) bool { return t.status(77, "delivered") }, 0},
		"an echo, unclear":      {Checking, func(t *turn) bool { return t.said(Said{ID: 77, Source: "operator", Employee: 5, Text: "hello"}) }, 1},
		"an echo, on its way":   {Queued, func(t *turn) bool { return t.said(Said{ID: 77, Source: "operator", Employee: 5, Text: "hello"}) }, 0},
		"another one's message": {Checking, func(t *turn) bool { return t.said(Said{ID: 77, Source: "operator", Employee: 6, Text: "hello"}) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &Message{ID: 3, Key: "k1", Side: FromOperator, Employee: 5, Text: "hello", Status: c.status}
			turn := &turn{key: "chat:9", now: time.Unix(1_800_000_000, 0), chat: &Chat{ID: 9, UIS: 9}, byUIS: map[int64]*Message{}, byKey: map[string]*Message{}, byID: map[ids.MessageID]*Message{3: m},
				changed: map[ids.MessageID]*Message{}, open: []*Message{m}}
			c.hook(turn)
			require.Len(t, turn.seen, c.seen)
			if c.seen > 0 {
				require.Equal(t, "message:k1", turn.seen[0].Plan)
				require.JSONEq(t, `{"id":77}`, string(turn.seen[0].Result))
			}
		})
	}
}
