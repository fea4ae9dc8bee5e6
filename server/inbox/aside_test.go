package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/inbox"
)

// asideRows are the rows of an account that were set aside, newest first.
func asideRows(t *testing.T, b *bundle, account ids.AccountID, before int64, limit int) []inbox.Aside {
	t.Helper()
	var list []inbox.Aside
	require.NoError(t, b.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) (err error) {
		list, err = inbox.ListAside(ctx, tx, account, before, limit)
		return err
	}))
	return list
}

func TestRowsSetAsideAreTakenUpAgainOrDropped(t *testing.T) {
	t.Parallel()
	var cured sync.Map
	b := setup(t, func(b *bundle, s *inbox.Step, e inbox.Event) error {
		body := string(e.Body)
		if _, ok := cured.Load(body); ok || body == "good" {
			return noteBody(b, s, e)
		}
		return inbox.Permanent(fmt.Errorf("cannot read %s", body))
	})
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", "n1", "first"), row(1, "chat:1", "n2", "good"), row(1, "chat:2", "n3", "second")))
	require.NoError(t, b.intake.Accept(t.Context(), row(2, "chat:1", "n1", "foreign")))
	require.Eventually(t, func() bool {
		return len(asideRows(t, b, 1, 0, 10)) == 2 && len(asideRows(t, b, 2, 0, 10)) == 1 && len(b.all()) == 1
	}, 20*time.Second, 10*time.Millisecond)

	list := asideRows(t, b, 1, 0, 10)
	require.Equal(t, []string{"chat:2", "chat:1"}, []string{string(list[0].Key), string(list[1].Key)}, "newest first")
	require.Equal(t, "test", list[0].Kind)
	require.Equal(t, 1, list[0].Attempts)
	require.Equal(t, "unreadable", list[0].Why())
	require.Equal(t, "cannot read second", list[0].Text())
	require.Equal(t, list[:1], asideRows(t, b, 1, 0, 1))
	require.Equal(t, list[1:], asideRows(t, b, 1, list[0].ID, 10), "the next page")

	again := func(account ids.AccountID, id int64) (key ids.Key, err error) {
		err = b.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) (err error) {
			key, err = inbox.Again(ctx, tx, account, id, b.clock.Now())
			return err
		})
		return key, err
	}
	drop := func(account ids.AccountID, id int64) error {
		return b.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error { return inbox.Drop(ctx, tx, account, id, b.clock.Now()) })
	}
	_, err := again(2, list[0].ID)
	require.ErrorIs(t, err, inbox.ErrNotAside, "another account's")
	require.ErrorIs(t, drop(2, list[0].ID), inbox.ErrNotAside, "another account's")

	cured.Store("second", true)
	key, err := again(1, list[0].ID)
	require.NoError(t, err)
	require.Equal(t, ids.Key("chat:2"), key)
	b.worker.Wake(1, key)
	require.Eventually(t, func() bool { return len(b.all()) == 2 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, "1 chat:2 second", b.all()[1])
	_, err = again(1, list[0].ID)
	require.ErrorIs(t, err, inbox.ErrNotAside, "it is done")

	require.NoError(t, drop(1, list[1].ID))
	require.ErrorIs(t, drop(1, list[1].ID), inbox.ErrNotAside)
	require.Empty(t, asideRows(t, b, 1, 0, 10))
	cured.Store("first", true)
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", "n1", "first"), row(1, "chat:1", "n4", "good")))
	require.Eventually(t, func() bool { return len(b.all()) == 3 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, "1 chat:1 good", b.all()[2], "a repeat of what was dropped has no effect")
	require.Len(t, asideRows(t, b, 2, 0, 10), 1)
}

func TestATimerSetAsideGivesWayToANewerOne(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bundle, s *inbox.Step, e inbox.Event) error {
		if string(e.Body) == "broken" {
			return inbox.Permanent(errors.New("cannot be read"))
		}
		return noteBody(b, s, e)
	})
	timer := func(body string, due time.Time) inbox.Row {
		return inbox.Row{Account: 1, Key: "chat:1", Kind: "test", Timer: "look", Body: []byte(body), Due: due}
	}
	for n := range 2 {
		require.NoError(t, b.intake.Accept(t.Context(), timer("broken", time.Time{})))
		require.Eventually(t, func() bool { return len(asideRows(t, b, 1, 0, 10)) == n+1 }, 20*time.Second, 10*time.Millisecond)
	}
	require.NoError(t, b.intake.Accept(t.Context(), timer("newer", b.clock.Now().Add(time.Hour))))
	var replayed int64
	require.NoError(t, b.db.InAccount(t.Context(), 1, func(ctx context.Context, tx pgx.Tx) (err error) {
		replayed, err = inbox.Replay(ctx, tx, 1, "chat:1", b.clock.Now())
		return err
	}))
	require.Zero(t, replayed, "the open timer is the one that counts")
	require.Empty(t, asideRows(t, b, 1, 0, 10))
	counts, err := inbox.Count(t.Context(), b.db, b.clock.Now())
	require.NoError(t, err)
	require.NotNil(t, counts.NextTimer)
}

func TestTheReasonOfARowSetAsideIsReadable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		row       inbox.Aside
		why, text string
	}{
		{inbox.Aside{Attempts: 8, Error: "not now"}, "failing", "not now"},
		{inbox.Aside{Attempts: 1, Error: "not a form"}, "unreadable", "not a form"},
		{inbox.Aside{Key: "chat:1", Attempts: 8, Error: "step of chat:1: panic in step: nil map\ngoroutine 5 [running]:\nmain.go"}, "panic", "nil map"},
		{inbox.Aside{Attempts: 1, Error: strings.Repeat("ж", 400)}, "unreadable", strings.Repeat("ж", 250) + "…"},
	} {
		require.Equal(t, c.why, c.row.Why(), c.row.Error)
		require.Equal(t, c.text, c.row.Text())
	}
}
