package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/clock"
	"omni/server/days"
	"omni/server/relay"
	"omni/server/store"
	"omni/server/store/storetest"
)

func appendEvents(t *testing.T, db *store.DB, at time.Time, n int) {
	t.Helper()
	for range n {
		require.NoError(t, db.InAccount(t.Context(), 1, func(ctx context.Context, tx pgx.Tx) error {
			return relay.Append(ctx, tx, 1, at, relay.Event{Name: "job.changed", Data: map[string]int{"n": 1}})
		}))
	}
}

// resume joins after a number and reads the first frames: their types, with the numbers of events.
func resume(t *testing.T, h *relay.Hub, after int64) string {
	t.Helper()
	s, err := h.Join(t.Context(), 1, relay.Audience{}, after)
	require.NoError(t, err)
	defer s.Leave()
	var got []string
	for _, raw := range s.Take() {
		var frame struct {
			Type string
			Seq  int64
		}
		require.NoError(t, json.Unmarshal(raw, &frame))
		got = append(got, frame.Type)
		if frame.Type != "reload" {
			got[len(got)-1] = fmt.Sprint(frame.Type, " ", frame.Seq)
		}
	}
	return strings.Join(got, ", ")
}

// Days of the feed are dropped whole. A page gets exactly what it missed, or reload: never a part of it, although at the seam of two days numbers lie on
// both sides, because a step takes its time at its start and its number at its end.
func TestNoHoleAtTheSeamOfDays(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	clk := clock.NewFixed(time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 10).Add(12 * time.Hour))
	keeper := days.New(db, clk, slog.New(slog.DiscardHandler), days.Table{Name: "feed", Keep: relay.Keep})
	require.NoError(t, keeper.Round(t.Context()))
	h := relay.NewHub(db, clk, slog.New(slog.DiscardHandler), nil)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { _ = h.Run(ctx) }()

	midnight := clk.Now().Add(12 * time.Hour)
	appendEvents(t, db, midnight.Add(-time.Hour), 3)   // 1 2 3
	appendEvents(t, db, midnight.Add(time.Second), 1)  // 4
	appendEvents(t, db, midnight.Add(-time.Second), 1) // 5: began before midnight, ended later
	appendEvents(t, db, midnight.Add(time.Hour), 3)    // 6 7 8
	clk.Advance(14 * time.Hour)
	require.NoError(t, keeper.Round(t.Context()))
	for after, want := range map[int64]string{8: "ready 8", -1: "ready 8", 2: "ready 8, event 3, event 4, event 5, event 6, event 7, event 8", 7: "ready 8, event 8", 9: "ready 8, reload"} {
		require.Equal(t, want, resume(t, h, after), "after %d", after)
	}
	clk.Advance(23 * time.Hour) // the first day is over by more than a day
	require.NoError(t, keeper.Round(t.Context()))
	for after, want := range map[int64]string{8: "ready 8", 5: "ready 8, event 6, event 7, event 8", 4: "ready 8, reload", 3: "ready 8, reload", 2: "ready 8, reload"} {
		require.Equal(t, want, resume(t, h, after), "after %d, when 1, 2, 3 and 5 are gone", after)
	}
	clk.Advance(48 * time.Hour)
	require.NoError(t, keeper.Round(t.Context()))
	require.Equal(t, "ready 8, reload", resume(t, h, 6), "all of it is gone")
	require.Equal(t, "ready 8", resume(t, h, 8), "nothing was missed")
}
