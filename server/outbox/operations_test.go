package outbox_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store/storetest"
)

func TestPersonDecidesAboutRefused(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	bad := add("chat:1", 1)
	bad.Params = map[string]any{"refuse": true}
	made := s.enqueue(t, bad, add("chat:1", 2))
	s.rests(t, 10*time.Second)
	require.Len(t, p.seen(), 1, "a refused command does not hold up its key")
	counts, err := outbox.Count(t.Context(), s.db)
	require.NoError(t, err)
	require.Equal(t, outbox.Counts{Refused: 1}, counts)
	var listed []outbox.Listed
	list := func(state string) {
		require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
			listed, err = outbox.List(ctx, tx, account, state, "", 0, 10)
			return err
		}))
	}
	list("refused")
	require.Len(t, listed, 1)
	require.Equal(t, made[0], listed[0].ID)
	require.Equal(t, "the name is missing", listed[0].Text)
	require.JSONEq(t, `{"refuse":true}`, string(listed[0].Asked))
	require.NoError(t, s.Drop(t.Context(), account, made[0]))
	require.ErrorIs(t, s.Drop(t.Context(), account, made[1]), outbox.ErrNotOpen)
	require.ErrorIs(t, s.Drop(t.Context(), account+1, made[0]), outbox.ErrNotOpen, "another account's")
	list("refused")
	require.Empty(t, listed)
}

func TestClosedLaneEndsEverything(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	s.exec(t, `INSERT INTO lane (account_id, kind, portal_id, asleep) VALUES (7, 'b24', 1, 'uninstalled')`)
	c := add("chat:1", 1)
	c.ReplyKey, c.ReplyKind = "chat:1", "answer"
	made := s.enqueue(t, c)
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		return s.Close(ctx, tx, account, portal, "the app was removed")
	}))
	require.Equal(t, "dropped", s.state(t, made[0]))
	answers := s.answers(t)
	require.Len(t, answers, 1)
	require.Equal(t, "the app was removed", answers[0].Results[""].Text)
	require.Empty(t, p.seen())
	var gauges []outbox.Gauge
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) (err error) {
		gauges, err = outbox.Gauges(ctx, tx, account, time.Now(), func(ids.AccountID, outbox.LaneRef) outbox.Limits { return outbox.LimitsB24(50, 2) })
		return err
	}))
	require.Len(t, gauges, 1)
	require.Equal(t, "uninstalled", gauges[0].Asleep)
}

// TestChatLane: one call per request, in order per chat, up to eight chats at once while persons wait.
func TestChatLane(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	var mu sync.Mutex
	now, most := 0, 0
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	t.Cleanup(release)
	p.setPlan(func(_ int, commands []wire) *fault {
		mu.Lock()
		defer mu.Unlock()
		now++
		most = max(most, now)
		return &fault{run: true, wait: hold}
	})
	s := start(t, storetest.URL(t), p, setup{limits: outbox.LimitsUIS(outbox.LaneUISChat)})
	for n := range 3 {
		commands := oneEach(12, n)
		for i := range commands {
			commands[i].Lane, commands[i].Priority = outbox.LaneRef{Kind: outbox.LaneUISChat}, outbox.Waiting
		}
		s.enqueue(t, commands...)
	}
	within(t, 10*time.Second, "eight chats at once", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return now == 8
	})
	release()
	s.rests(t, 20*time.Second)
	for _, size := range p.sizes() {
		require.Equal(t, 1, size)
	}
	inOrder(t, p.seen(), 36)
}

// TestTwins: two accounts with the same portal number, keys, plans and merge names do not touch each other.
func TestTwins(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	s.exec(t, `INSERT INTO lane (account_id, kind, portal_id, asleep) VALUES (7, 'b24', 1, 'unpaid')`)
	for _, twin := range []ids.AccountID{account, account + 1} {
		require.NoError(t, s.db.InAccount(t.Context(), twin, func(ctx context.Context, tx pgx.Tx) error {
			first, second := add("chat:1", 1), add("chat:1", 2)
			first.Merge = "comment"
			second.Plan, second.Name = "p", "a"
			_, _, err := s.Enqueue(ctx, tx, twin, first, second)
			return err
		}))
		s.Wake(twin, portal)
	}
	within(t, 10*time.Second, "the other account's go", func() bool { return len(p.seen()) == 2 })
	var open, others int
	s.query(t, `SELECT count(*) FROM command WHERE state = 'ready'`, &open)
	require.Equal(t, 2, open)
	s.query(t, `SELECT count(*) FROM command WHERE account_id <> 7`, &others)
	require.Zero(t, others, "row level security")
}

func TestOddCharactersTravelAsTheyAre(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	odd := `{"text":"a\u0000b \ud83d <b> \\u0000 $result[x] 😀"}`
	c := add("chat:1", 1)
	c.Params = json.RawMessage(odd)
	s.enqueue(t, c, add("chat:2", 1))
	s.rests(t, 10*time.Second)
	require.Len(t, p.seen(), 2)
	var want, got any
	require.NoError(t, json.Unmarshal([]byte(odd), &want))
	for _, e := range p.seen() {
		if strings.Contains(string(e.Params), "text") { // encoding/json may write < as \u003c; the text is the same
			require.NoError(t, json.Unmarshal(e.Params, &got))
		}
	}
	require.Equal(t, want, got)
	require.Equal(t, []int{1, 1}, p.sizes(), "a text that a batch would take for a reference travels alone")
}
