package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/store"
	"omni/server/store/storetest"
)

type bundle struct {
	db     *store.DB
	clock  *clock.Shifted
	worker *inbox.Worker
	intake *inbox.Intake

	mu   sync.Mutex
	seen []string
}

func (b *bundle) note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, text)
}

func (b *bundle) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.seen...)
}

// setup starts a worker over a database of its own; step is what keys of kind "chat" do.
func setup(t *testing.T, step func(b *bundle, s *inbox.Step, e inbox.Event) error) *bundle {
	t.Helper()
	b := &bundle{db: storetest.New(t), clock: clock.NewShifted(clock.System{})}
	b.worker = inbox.NewWorker(inbox.WorkerOptions{DB: b.db, Clock: b.clock, Log: slog.New(slog.DiscardHandler), Handlers: map[string]inbox.Handler{
		"chat": inbox.HandlerFunc(func(_ context.Context, s *inbox.Step, events []inbox.Event) error {
			for _, e := range events {
				if err := step(b, s, e); err != nil {
					return err
				}
			}
			return nil
		})}})
	b.intake = inbox.NewIntake(b.db, b.clock, b.worker.Wake)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.worker.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b
}

func row(account ids.AccountID, key, natural, body string) inbox.Row {
	return inbox.Row{Account: account, Key: ids.Key(key), Kind: "test", Natural: natural, Body: []byte(body)}
}

func noteBody(b *bundle, s *inbox.Step, e inbox.Event) error {
	s.AfterCommit(func() { b.note(fmt.Sprintf("%d %s %s", s.Account, s.Key, e.Body)) })
	return nil
}

func TestRowsOfAKeyAreWorkedInOrderAndOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, noteBody)
	var want []string
	for i := range 50 {
		require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", fmt.Sprint("n", i), fmt.Sprint(i))))
		// X2: a duplicate has no effect, before or after the first is done.
		require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", fmt.Sprint("n", i), "again")))
		want = append(want, fmt.Sprintf("1 chat:1 %d", i))
	}
	require.Eventually(t, func() bool { return len(b.all()) == 50 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, want, b.all())
}

func TestOddBytesAreKept(t *testing.T) {
	t.Parallel()
	b := setup(t, noteBody)
	body := "a\x00b\xed\xa0\x80\xff"
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", "", body)))
	require.Eventually(t, func() bool { return len(b.all()) == 1 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, "1 chat:1 "+body, b.all()[0])
}

func TestEqualNaturalIDsOfTwoAccountsDoNotMeet(t *testing.T) {
	t.Parallel()
	b := setup(t, noteBody)
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", "same", "one")))
	require.NoError(t, b.intake.Accept(t.Context(), row(2, "chat:1", "same", "two")))
	require.Eventually(t, func() bool { return len(b.all()) == 2 }, 10*time.Second, 5*time.Millisecond)
	require.ElementsMatch(t, []string{"1 chat:1 one", "2 chat:1 two"}, b.all())
}

func TestAFailingRowParksItsKeyOnly(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	failures := 2
	b := setup(t, func(b *bundle, s *inbox.Step, e inbox.Event) error {
		mu.Lock()
		defer mu.Unlock()
		if string(e.Body) == "bad" && failures > 0 {
			failures--
			return errors.New("not now")
		}
		return noteBody(b, s, e)
	})
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", "", "first"), row(1, "chat:1", "", "bad"), row(1, "chat:1", "", "last")))
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:2", "", "other")))
	require.Eventually(t, func() bool { return len(b.all()) == 4 }, 20*time.Second, 10*time.Millisecond)
	var one []string
	for _, s := range b.all() {
		if s != "1 chat:2 other" {
			one = append(one, s)
		}
	}
	require.Equal(t, []string{"1 chat:1 first", "1 chat:1 bad", "1 chat:1 last"}, one, "order holds over the failure")
}

func TestAPoisonRowIsSetAsideWithItsReason(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bundle, s *inbox.Step, e inbox.Event) error {
		if string(e.Body) == "poison" {
			return inbox.Permanent(errors.New("cannot be read"))
		}
		return noteBody(b, s, e)
	})
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", "", "poison"), row(1, "chat:1", "", "next")))
	require.Eventually(t, func() bool { return len(b.all()) == 1 }, 20*time.Second, 10*time.Millisecond)
	counts, err := inbox.Count(t.Context(), b.db, b.clock.Now())
	require.NoError(t, err)
	require.Equal(t, int64(1), counts.Aside)
	require.Zero(t, counts.Inbox+counts.Parked)
	var reason string
	require.NoError(t, b.db.InAccount(t.Context(), 1, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT error FROM inbox WHERE account_id = 1 AND aside_at IS NOT NULL`).Scan(&reason)
	}))
	require.Contains(t, reason, "cannot be read")
}

func TestLettersTimersAndDeferral(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bundle, s *inbox.Step, e inbox.Event) error {
		switch string(e.Body) {
		case "early":
			if len(b.all()) == 0 {
				s.Defer(e)
				return nil
			}
		case "opens":
			s.Release()
			s.Letter(inbox.Row{Key: "chat:2", Kind: "test", Body: []byte("letter")})
			s.Timer("later", s.Now.Add(5*time.Minute), "test", []byte("replaced"))
			s.Timer("later", s.Now.Add(5*time.Minute), "test", []byte("timer"))
		}
		return noteBody(b, s, e)
	})
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", "", "early")))
	require.Eventually(t, func() bool {
		c, err := inbox.Count(t.Context(), b.db, b.clock.Now())
		return err == nil && c.Deferred == 1
	}, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", "", "opens")))
	require.Eventually(t, func() bool { return len(b.all()) == 3 }, 10*time.Second, 5*time.Millisecond)
	require.ElementsMatch(t, []string{"1 chat:1 opens", "1 chat:1 early", "1 chat:2 letter"}, b.all())
	b.clock.Advance(6 * time.Minute)
	require.Eventually(t, func() bool { return len(b.all()) == 4 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, "1 chat:1 timer", b.all()[3], "a timer of the same name was replaced")
}

func TestDoAnswersInlineAndARepeatIsHarmless(t *testing.T) {
	t.Parallel()
	refusal := errors.New("not allowed")
	b := setup(t, func(b *bundle, s *inbox.Step, e inbox.Event) error {
		if string(e.Body) == "refused" {
			s.Refuse(e, refusal)
			return nil
		}
		s.Answer(e, "answer to "+string(e.Body))
		return noteBody(b, s, e)
	})
	got, err := b.worker.Do(t.Context(), row(1, "chat:1", "click-1", "hello"))
	require.NoError(t, err)
	require.Equal(t, "answer to hello", got)
	_, err = b.worker.Do(t.Context(), row(1, "chat:1", "click-1", "hello"))
	require.ErrorIs(t, err, inbox.ErrRepeat)
	_, err = b.worker.Do(t.Context(), row(1, "chat:1", "click-2", "refused"))
	require.ErrorIs(t, err, refusal)
	require.Len(t, b.all(), 1)
}

func TestTheSweepTakesUpWhatADeadServerLeft(t *testing.T) {
	t.Parallel()
	b := setup(t, noteBody)
	// Another server stored it and died before it worked: nobody here was told.
	silent := inbox.NewIntake(b.db, b.clock, func(ids.AccountID, ids.Key) {})
	require.NoError(t, silent.Accept(t.Context(), row(7, "chat:1", "", "left")))
	require.Eventually(t, func() bool { return len(b.all()) == 1 }, 10*time.Second, 10*time.Millisecond)
}

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
