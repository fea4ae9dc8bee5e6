package rounds_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/rounds"
	"omni/server/store"
	"omni/server/store/storetest"
)

func portals(t *testing.T, db *store.DB, states ...string) {
	t.Helper()
	require.NoError(t, db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO account (id, name, created_at) VALUES (1, 'north', now())`); err != nil {
			return err
		}
		for i, state := range states {
			if _, err := tx.Exec(ctx, `INSERT INTO portal (account_id, id, domain, state, idle_since, created_at, changed_at) VALUES (1, $1, $2, $3, now(), now(), now())`,
				i+1, "p"+state, state); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Two servers look at the same time, again and again: each interval starts once, for active portals only, and only while it is wanted.
func TestOnceInTheCluster(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	one, two := storetest.Open(t, url), storetest.Open(t, url)
	portals(t, one, "active", "uninstalled")
	clk := clock.NewFixed(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))
	var mu sync.Mutex
	wanted, broken, later := true, false, false
	started := map[ids.PortalID]int{}
	round := rounds.Round{Name: "sync", Every: time.Hour,
		Wanted: func(context.Context, pgx.Tx, ids.AccountID, ids.PortalID) (bool, error) { return wanted, nil },
		Start: func(_ context.Context, _ pgx.Tx, _ ids.AccountID, portal ids.PortalID) error {
			mu.Lock()
			defer mu.Unlock()
			if later {
				return rounds.ErrLater
			}
			if broken {
				return errors.New("the queue is full")
			}
			started[portal]++
			return nil
		}}
	servers := []*rounds.Rounds{}
	for _, db := range []*store.DB{one, two} {
		servers = append(servers, rounds.New(rounds.Options{DB: db, Clock: clk, Log: slog.New(slog.DiscardHandler), Rounds: []rounds.Round{round}}))
	}
	look := func() (failed int) {
		var wait sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wait.Go(func() { errs[i] = servers[i%2].Look(t.Context()) })
		}
		wait.Wait()
		for _, err := range errs {
			if err != nil {
				failed++
			}
		}
		return failed
	}
	require.Zero(t, look())
	require.Empty(t, started, "the first time is an interval after the portal was first seen")
	for hour := 1; hour <= 3; hour++ {
		clk.Advance(time.Hour)
		require.Zero(t, look())
		require.Equal(t, map[ids.PortalID]int{1: hour}, started)
	}
	clk.Advance(59 * time.Minute)
	require.Zero(t, look())
	require.Equal(t, 3, started[1])

	wanted = false
	clk.Advance(5 * time.Hour)
	require.Zero(t, look())
	require.Equal(t, 3, started[1])
	wanted, broken = true, true
	require.Zero(t, look(), "one that was not wanted is not looked at for a while")
	require.NoError(t, one.InAccount(t.Context(), 1, func(ctx context.Context, tx pgx.Tx) error { return rounds.SettingsSaved(ctx, tx, 1) }))
	require.Positive(t, look(), "what could not be started is told")
	broken, later = false, true
	require.Zero(t, look(), "later is no trouble")
	require.Equal(t, 3, started[1])
	later = false
	require.Zero(t, look())
	require.Equal(t, 4, started[1], "and is still due; what was missed meanwhile is not caught up")
}

// A round that is made due begins at the next look, once.
func TestMakeDue(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	portals(t, db, "active")
	started := 0
	r := rounds.New(rounds.Options{DB: db, Clock: clock.NewFixed(time.Now()), Log: slog.New(slog.DiscardHandler), Rounds: []rounds.Round{{Name: "lists", Every: time.Hour,
		Wanted: func(context.Context, pgx.Tx, ids.AccountID, ids.PortalID) (bool, error) { return true, nil },
		Start:  func(context.Context, pgx.Tx, ids.AccountID, ids.PortalID) error { started++; return nil }}}})
	require.NoError(t, r.Look(t.Context()))
	require.Zero(t, started)
	for want := 1; want <= 2; want++ {
		require.NoError(t, db.InAccount(t.Context(), 1, func(ctx context.Context, tx pgx.Tx) error { return rounds.MakeDue(ctx, tx, 1, "lists") }))
		require.NoError(t, r.Look(t.Context()))
		require.NoError(t, r.Look(t.Context()))
		require.Equal(t, want, started)
	}
}

func TestAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	portals(t, db, "active")
	started := 0
	r := rounds.New(rounds.Options{DB: db, Clock: clock.NewFixed(time.Now()), Log: slog.New(slog.DiscardHandler), Rounds: []rounds.Round{{Name: "statuses", Every: time.Minute, AtOnce: true,
		Wanted: func(context.Context, pgx.Tx, ids.AccountID, ids.PortalID) (bool, error) { return true, nil },
		Start:  func(context.Context, pgx.Tx, ids.AccountID, ids.PortalID) error { started++; return nil }}}})
	require.NoError(t, r.Look(t.Context()))
	require.NoError(t, r.Look(t.Context()))
	require.Equal(t, 1, started)
}
