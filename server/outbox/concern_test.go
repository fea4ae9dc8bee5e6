package outbox_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store/storetest"
)

// TestWhatOfACommunicationMayBeRepeated: its own commands and those of its client's plans that name it; of what was refused neither what a person waited
// for nor what something newer replaces.
func TestWhatOfACommunicationMayBeRepeated(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	made := map[string]ids.CommandID{}
	do := func(name string, key ids.Key, refuse bool, change func(*outbox.Command)) {
		c := add(key, len(made))
		c.Params = map[string]any{"refuse": refuse, "n": len(made)}
		change(&c)
		made[name] = s.enqueue(t, c)[0]
		s.rests(t, 10*time.Second)
	}
	about := func(ref, plan string) func(*outbox.Command) {
		return func(c *outbox.Command) {
			c.Meta, c.Plan, c.Name = map[string]string{"about": ref}, plan, "deal"
		}
	}
	do("refused", "chat:5", true, func(*outbox.Command) {})
	do("done", "chat:5", false, func(*outbox.Command) {})
	do("a person waited", "chat:5", true, func(c *outbox.Command) { c.Priority = outbox.Waiting })
	do("old text", "chat:5", true, func(c *outbox.Command) { c.Merge = "comment:1" })
	do("new text", "chat:5", false, func(c *outbox.Command) { c.Merge = "comment:1" })
	do("beginning", "start:x", true, func(*outbox.Command) {})
	do("older plan", "client:7", true, about("chat:5", "plan:7:1"))
	do("newest plan", "client:7", true, about("chat:5", "plan:7:2"))
	do("another chat's plan", "client:7", true, about("chat:55", "plan:7:3"))
	do("another chat", "chat:55", true, func(*outbox.Command) {})
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		concern := outbox.Concern{Own: []ids.Key{"chat:5", "start:x"}, Shared: "client:7", About: "chat:5"}
		all, err := outbox.ListOf(ctx, tx, account, concern, 100)
		require.NoError(t, err)
		var listed []ids.CommandID
		for _, l := range all {
			listed = append(listed, l.ID)
		}
		slices.Reverse(listed)
		require.Equal(t, []ids.CommandID{made["refused"], made["done"], made["a person waited"], made["old text"], made["new text"], made["beginning"],
			made["older plan"], made["newest plan"]}, listed)
		found, err := outbox.Repeatable(ctx, tx, account, concern, 100)
		require.NoError(t, err)
		require.Equal(t, []ids.CommandID{made["refused"], made["beginning"], made["newest plan"]}, found)
		found, err = outbox.Repeatable(ctx, tx, account, outbox.Concern{Own: []ids.Key{"chat:6"}, About: "chat:6"}, 100)
		require.NoError(t, err)
		require.Empty(t, found, "without a shared key nothing of others is found")
		return nil
	}))
	require.ErrorIs(t, s.Again(t.Context(), account, made["old text"]), outbox.ErrReplaced, "it would undo the newer text")
	require.Equal(t, "refused", s.state(t, made["old text"]))
	require.ErrorIs(t, s.Again(t.Context(), account, made["new text"]), outbox.ErrNotOpen)
	require.NotErrorIs(t, s.Again(t.Context(), account, made["new text"]), outbox.ErrReplaced, "it is done, nothing took its place")
	require.NoError(t, s.Drop(t.Context(), account, made["old text"]))
	// Refused a second time, a text still gives way to a newer one.
	do("first", "chat:8", true, func(c *outbox.Command) { c.Merge = "comment:2" })
	require.NoError(t, s.Again(t.Context(), account, made["first"]))
	s.rests(t, 10*time.Second)
	require.Equal(t, "refused", s.state(t, made["first"]))
	do("second", "chat:8", false, func(c *outbox.Command) { c.Merge = "comment:2" })
	require.ErrorIs(t, s.Again(t.Context(), account, made["first"]), outbox.ErrReplaced)
	require.NoError(t, s.Again(t.Context(), account, made["refused"]))
}
