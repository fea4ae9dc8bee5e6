package transport_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/account/accounttest"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/sandbox/portal"
)

func reads(method string, n int) []outbox.Command {
	commands := make([]outbox.Command, n)
	for i := range commands {
		commands[i] = outbox.Command{Key: ids.Key(fmt.Sprintf("%s:%d", method, i)), Kind: method, Params: json.RawMessage(`{}`), Priority: outbox.Background}
	}
	return commands
}

// used reads what the lane remembers of a method.
func (s sender) used(p account.Portal, method string) (seconds float64) {
	s.T.Helper()
	require.NoError(s.T, s.DB.InAccount(s.T.Context(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT COALESCE((memory #>> ARRAY['uses', $1, 'used'])::float8 / 1e9, 0) FROM lane`, method).Scan(&seconds)
	}))
	return seconds
}

// undone counts the commands of a kind that are not done.
func (s sender) undone(p account.Portal, kind string) (n int) {
	s.T.Helper()
	require.NoError(s.T, s.DB.InAccount(s.T.Context(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM command WHERE kind = $1 AND state <> 'done'`, kind).Scan(&n)
	}))
	return n
}

// counted are the requests of the portal by method.
func (s sender) counted() map[string]int {
	n := map[string]int{}
	for _, r := range s.World.Requests() {
		if r.Portal != "" {
			n[r.Method]++
		}
	}
	return n
}

// TestOperatingTimeIsNotUsedUp: whichever way the portal accounts, a background load stops at half of what it allows, people go on, the next owner of the
// lane knows it too, and the portal never has to refuse.
func TestOperatingTimeIsNotUsedUp(t *testing.T) {
	t.Parallel()
	for name, perBatch := range map[string]bool{"per method": false, "per batch": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := accounttest.With(t, portal.PortalConfig{Name: "north", Bucket: &portal.Bucket{Size: 10_000, Drain: 1000}, OperatingPerBatch: perBatch})
			s.Portal("north").SetMethodCost("server.time", 1500*time.Millisecond)
			p := s.Opened("north").Portal
			limits := outbox.LimitsB24(10_000, 1000)
			method := "server.time"
			first := newSender(t, s, limits)
			first.queue(p, reads(method, 1000)...)
			rests := func(srv sender) {
				last, since := -1, time.Now()
				require.Eventually(t, func() bool {
					if open := srv.open(p); open != last {
						last, since = open, time.Now()
					}
					return time.Since(since) > 1500*time.Millisecond && srv.used(p, method) > 0
				}, 30*time.Second, 20*time.Millisecond)
				require.Positive(t, last, "the load is not through")
			}
			rests(first)
			require.InDelta(t, 280, first.used(p, method), 45)
			if perBatch {
				require.InDelta(t, 280, first.used(p, "batch"), 45)
			}
			ask := func(srv sender) {
				_, err := srv.Ask(t.Context(), p.Account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: p.ID}, method, nil, outbox.Waiting)
				require.NoError(t, err)
			}
			ask(first)
			first.queue(p, reads("user.current", 30)...)
			require.Eventually(t, func() bool { return first.undone(p, "user.current") == 0 }, 10*time.Second, 20*time.Millisecond, "other methods go on")
			before := first.counted()
			first.stop()

			second := newSender(t, s, limits)
			ask(second)
			rests(second)
			after := second.counted()
			require.Equal(t, before["batch"], after["batch"], "the next owner knows what was used up")
			require.LessOrEqual(t, after[method], before[method]+1)
			require.Empty(t, s.World.Violations())
		})
	}
}

// TestARefusedBatchRestsAndItsCommandsGoOneByOne: OPERATION_TIME_LIMIT for the batch call as a whole says nothing about the methods in it.
func TestARefusedBatchRestsAndItsCommandsGoOneByOne(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	p := s.Opened("north").Portal
	_, err := s.World.AddFault(portal.Fault{Method: "server.time", Kind: portal.FaultOperating})
	require.NoError(t, err)
	srv := newSender(t, s, outbox.LimitsB24(1000, 1000))
	srv.queue(p, reads("server.time", 12)...)
	require.Eventually(t, func() bool { return srv.open(p) == 0 }, 10*time.Second, 20*time.Millisecond)
	n := srv.counted()
	require.Equal(t, 1, n["batch"], "%v", n)
	require.Equal(t, 12, n["server.time"])
}

// TestARefusedMethodRestsAlone: OPERATION_TIME_LIMIT of one command in a batch is about its method.
func TestARefusedMethodRestsAlone(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	p := s.Opened("north").Portal
	_, err := s.World.AddFault(portal.Fault{Method: "server.time", Kind: portal.FaultError, Status: 429, Code: "OPERATION_TIME_LIMIT", Text: "Method is blocked due to operation time limit.", Count: 1})
	require.NoError(t, err)
	srv := newSender(t, s, outbox.LimitsB24(1000, 1000))
	srv.queue(p, append(reads("server.time", 10), reads("user.current", 10)...)...)
	require.Eventually(t, func() bool { return srv.undone(p, "user.current") == 0 }, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, 1, srv.undone(p, "server.time"), "the refused one waits")
	srv.queue(p, outbox.Command{Key: "late", Kind: "server.time", Params: json.RawMessage(`{}`), Priority: outbox.Waiting})
	srv.queue(p, reads("user.current", 5)...) // what comes after it passes it by
	require.Eventually(t, func() bool { return srv.undone(p, "user.current") == 0 }, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, 2, srv.undone(p, "server.time"), "and so does its method")
}

// TestAMethodThatThePlanLacksIsRefusedAlone: "not in your plan" about one command neither stops the lane nor marks the portal unpaid.
func TestAMethodThatThePlanLacksIsRefusedAlone(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"alone": 1, "in a batch": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLane(t)
			_, err := l.World.AddFault(portal.Fault{Method: "server.time", Kind: portal.FaultError, Status: 400, Code: "CREATE_DYNAMIC_ITEM_RESTRICTED", Text: "Upgrade your plan", Count: n})
			require.NoError(t, err)
			reply := l.send(n)
			require.Equal(t, outbox.Refused, reply.Err.Kind)
			require.NotEqual(t, account.Unpaid, l.state().State)
		})
	}
}
