package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/relay"
	"omni/server/store"
	"omni/server/store/storetest"
)

const account = ids.AccountID(1)

func newHub(t *testing.T) (*relay.Hub, *store.DB) {
	t.Helper()
	db := storetest.New(t)
	hub := relay.NewHub(db, clock.System{}, slog.New(slog.DiscardHandler), nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = hub.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return hub, db
}

func say(t *testing.T, db *store.DB, events ...relay.Event) {
	t.Helper()
	require.NoError(t, db.InAccount(context.WithoutCancel(t.Context()), account, func(ctx context.Context, tx pgx.Tx) error {
		return relay.Append(ctx, tx, account, time.Now(), events...)
	}))
}

type frame struct {
	Type string `json:"type"`
	Seq  int64  `json:"seq"`
	Name string `json:"name"`
	Data struct {
		N    int    `json:"n"`
		Text string `json:"text"`
	} `json:"data"`
}

// listen reads frames of a socket until n have come.
func listen(t *testing.T, s *relay.Socket, n int) []frame {
	t.Helper()
	late := time.After(20 * time.Second)
	var out []frame
	for len(out) < n {
		select {
		case <-s.Ready():
			for _, raw := range s.Take() {
				var f frame
				require.NoError(t, json.Unmarshal(raw, &f), "%s", raw)
				out = append(out, f)
			}
		case <-late:
			require.FailNow(t, "frames are missing", "%d of %d came", len(out), n)
		}
	}
	return out
}

// Transactions commit in any order and from everywhere; each socket sees each number once and in order.
func TestEverySocketSeesEveryNumberInOrder(t *testing.T) {
	t.Parallel()
	hub, db := newHub(t)
	var sockets []*relay.Socket
	for range 3 {
		s, err := hub.Join(t.Context(), account, relay.Audience{Chats: true, Others: true}, -1)
		require.NoError(t, err)
		sockets = append(sockets, s)
	}
	const writers, each = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				say(t, db, relay.Event{Name: "message.added", Data: map[string]any{"n": w*each + n, "text": "\"<\u2028 Привет"}})
				hub.Grew(account)
			}
		})
	}
	wg.Wait()
	for _, s := range sockets {
		frames := listen(t, s, 1+writers*each)
		require.Equal(t, "ready", frames[0].Type)
		seen := map[int]bool{}
		for i, f := range frames[1:] {
			require.Equal(t, frames[0].Seq+int64(i)+1, f.Seq)
			require.Equal(t, "message.added", f.Name)
			require.Equal(t, "\"<\u2028 Привет", f.Data.Text)
			seen[f.Data.N] = true
		}
		require.Len(t, seen, writers*each)
		s.Leave()
	}
}

// A page that does not read is cut off; it holds nobody up, and resumes where it was.
func TestASlowSocketIsCutOffAndResumes(t *testing.T) {
	t.Parallel()
	hub, db := newHub(t)
	all := relay.Audience{Chats: true, Others: true}
	slow, err := hub.Join(t.Context(), account, all, -1)
	require.NoError(t, err)
	quick, err := hub.Join(t.Context(), account, all, -1)
	require.NoError(t, err)
	listen(t, quick, 1)
	last := int64(0)
	const waves, wave = 8, 50 // more than a socket may be behind
	for n := range waves {
		events := make([]relay.Event, wave)
		for i := range events {
			events[i] = relay.Event{Name: "message.added", Data: map[string]any{"n": n*wave + i}}
		}
		say(t, db, events...)
		hub.Grew(account)
		for _, f := range listen(t, quick, wave) {
			require.Equal(t, last+1, f.Seq)
			last = f.Seq
		}
	}
	require.EqualValues(t, waves*wave, last)
	select {
	case <-slow.Done():
	case <-time.After(20 * time.Second):
		require.FailNow(t, "the slow socket was not cut off")
	}
	require.Equal(t, relay.EndTooSlow, slow.End())
	held := slow.Take()
	require.Less(t, len(held), waves*wave, "its queue is bounded")
	slow.Leave()

	for after, want := range map[int64][]string{last - 100: append([]string{"ready"}, repeat("event", 100)...), 1: {"ready", "reload"}, last: {"ready"}} {
		again, err := hub.Join(t.Context(), account, all, after)
		require.NoError(t, err)
		var types []string
		for i, f := range listen(t, again, len(want)) {
			types = append(types, f.Type)
			if f.Type == "event" {
				require.Equal(t, after+int64(i), f.Seq)
			}
		}
		require.Equal(t, want, types, fmt.Sprint("after ", after))
		again.Leave()
	}
}

func repeat(word string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = word
	}
	return out
}

// What is only a hint is dropped when the queue is full; it cuts nobody off.
func TestHintsAreDroppedBeforeASocketIs(t *testing.T) {
	t.Parallel()
	hub, _ := newHub(t)
	s, err := hub.Join(t.Context(), account, relay.Audience{User: 1, Chats: true}, -1)
	require.NoError(t, err)
	for range 2000 {
		hub.Typing(account, relay.TypingNotice{Chat: 1, User: 2, Name: "Ирина"})
		s.Pong()
	}
	require.Equal(t, relay.EndNone, s.End())
	require.Less(t, len(s.Take()), 300)
	select {
	case <-s.Done():
		require.FailNow(t, "cut off by hints")
	default:
	}
}
