package transport_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/account/accounttest"
	"omni/server/bitrix24"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/sandbox/portal"
)

// TestAPersonIsAnsweredWhileASlowSyncRuns: 10,000 background commands of 20 to 250 ms each fill a portal's lane, and a person asks again and again, first of
// all while a full request of them is under way.
func TestAPersonIsAnsweredWhileASlowSyncRuns(t *testing.T) {
	t.Parallel()
	s := accounttest.With(t, portal.PortalConfig{Name: "north"})
	s.Portal("north").SetMethodDelay("user.current", 20*time.Millisecond, 250*time.Millisecond)
	s.Portal("north").SetMethodDelay("server.time", 10*time.Millisecond, 60*time.Millisecond)
	limits := outbox.LimitsB24(50, 2)
	srv := newSender(t, s, limits)
	opened, err := srv.Prover.Frame(t.Context(), installed(s))
	require.NoError(t, err)
	p := opened.Portal
	load := make([]outbox.Command, 10_000)
	for i := range load {
		load[i] = outbox.Command{Key: ids.Key(fmt.Sprintf("client:%d", i%400)), Kind: "user.current", Params: json.RawMessage(`{}`), Priority: outbox.Background}
	}
	srv.queue(p, load...)
	require.Eventually(t, func() bool { return srv.open(p) < len(load) }, 60*time.Second, 20*time.Millisecond, "the first request is through, the next one is full")
	lane := outbox.LaneRef{Kind: outbox.LaneB24, Portal: p.ID}
	var waits []time.Duration
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range 15 {
		began := time.Now()
		_, err := srv.Ask(t.Context(), p.Account, lane, "server.time", nil, outbox.Waiting)
		require.NoError(t, err)
		waits = append(waits, time.Since(began))
		<-tick.C
	}
	var full []int
	var busy []time.Duration
	for _, r := range s.World.Requests() {
		if r.Method == "batch" && len(r.Commands) > 10 {
			full = append(full, len(r.Commands))
			busy = append(busy, time.Duration(r.TookMS*float64(time.Millisecond)))
		}
	}
	slices.Sort(waits)
	slices.Sort(busy)
	require.NotEmpty(t, busy)
	t.Logf("a person waited %s in the middle, %s at most of %d times; %d background requests of %d commands at most took %s in the middle", waits[len(waits)/2], waits[len(waits)-1],
		len(waits), len(full), slices.Max(full), busy[len(busy)/2])
	require.Less(t, waits[len(waits)/2], busy[len(busy)/2]/3, "he does not wait for what is under way")
	require.Less(t, waits[len(waits)-1], busy[len(busy)/2], "nor does what rides along make his request as long as one of those, not even once")
	require.Empty(t, s.World.Violations())
}

// installed is the administrator's first opening.
func installed(s *accounttest.Stand) *bitrix24.FramePOST {
	s.T.Helper()
	s.Install("north")
	return s.Frame("north", 1)
}
