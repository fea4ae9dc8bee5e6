package outbox_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store/storetest"
)

// TestTenThousandCommandsArePacked queues 10,000 background commands of 200 calls while an operator asks again and again: requests are full, the
// bucket never overflows, and the operator hardly waits longer than one who asks a portal without any load at the same time.
func TestTenThousandCommandsArePacked(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	bucket := outbox.Limits{Size: 50, Drain: 20, PerRequest: 50, Flying: [3]int{4, 2, 1}}
	level, at := 0.0, time.Now()
	over, quiet, packed := 0, 0, 0
	p.setPlan(func(_ int, commands []wire) *fault {
		if commands[0].Kind == "find" { // the idle portal's
			return nil
		}
		if !slices.ContainsFunc(commands, func(c wire) bool { return c.Kind == "get" }) {
			quiet++ // nobody waited for this one
			packed += len(commands)
		}
		now := time.Now()
		level, at = max(0, level-bucket.Drain*now.Sub(at).Seconds())+1, now
		if level > bucket.Size {
			over++
		}
		return nil
	})
	s := start(t, storetest.URL(t), p, setup{limits: bucket})
	const keys, each = 200, 50
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		for n := range each {
			commands := make([]outbox.Command, keys)
			for k := range commands {
				commands[k] = add(ids.Key(fmt.Sprintf("call:%d", k)), n)
				commands[k].Priority = outbox.Background
			}
			if _, _, err := s.Enqueue(ctx, tx, account, commands...); err != nil {
				return err
			}
		}
		return nil
	}))
	began := time.Now()
	s.Wake(account, portal)
	var waits, idle []time.Duration
	for len(p.seen()) < keys*each && time.Since(began) < 100*time.Second {
		asked := time.Now()
		_, err := s.Ask(t.Context(), account, portal, "get", nil, outbox.Waiting)
		require.NoError(t, err)
		waits = append(waits, time.Since(asked))
		asked = time.Now()
		_, err = s.Ask(t.Context(), account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: 2}, "find", nil, outbox.Waiting)
		require.NoError(t, err)
		idle = append(idle, time.Since(asked))
		pause := time.NewTimer(300 * time.Millisecond)
		<-pause.C
	}
	took := time.Since(began)
	s.rests(t, 20*time.Second)
	inOrder(t, p.seen(), keys*each)
	perRequest := float64(packed) / float64(quiet)
	slices.Sort(waits)
	slices.Sort(idle)
	t.Logf("%d requests in %s, %.1f commands per request without a waiting person; he waited %s at most, %s in the middle of %d; at an idle portal %s and %s", len(p.sizes()), took,
		perRequest, waits[len(waits)-1], waits[len(waits)/2], len(waits), idle[len(idle)-1], idle[len(idle)/2])
	require.Zero(t, over, "QUERY_LIMIT_EXCEEDED")
	require.GreaterOrEqual(t, perRequest, 45.0)
	turn := time.Duration(float64(time.Second) / bucket.Drain)
	require.Less(t, waits[len(waits)/2], 4*idle[len(idle)/2]+4*turn)
	require.Less(t, waits[len(waits)*9/10], 4*idle[len(idle)*9/10]+4*turn)
}
