package inbox_test

import (
	"bytes"
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
	"omni/server/store/storetest"
)

// harness is setup with a handler that sees whole steps, and a short step time-out.
func harness(t *testing.T, timeout time.Duration, handle func(ctx context.Context, b *bundle, s *inbox.Step, events []inbox.Event) error) *bundle {
	t.Helper()
	b := &bundle{db: storetest.New(t), clock: clock.NewShifted(clock.System{})}
	b.worker = inbox.NewWorker(inbox.WorkerOptions{DB: b.db, Clock: b.clock, Log: slog.New(slog.DiscardHandler), StepTimeout: timeout, Parallel: 4,
		Handlers: map[string]inbox.Handler{"chat": inbox.HandlerFunc(func(ctx context.Context, s *inbox.Step, events []inbox.Event) error { return handle(ctx, b, s, events) })}})
	b.intake = inbox.NewIntake(b.db, b.clock, b.worker.Wake)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.worker.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b
}

// bad is what is known of the one row of account 1 that failed.
type bad struct {
	attempts int
	reason   string
	aside    bool
}

func (b *bundle) bad(t *testing.T) bad {
	t.Helper()
	var out bad
	err := b.db.InAccount(t.Context(), 1, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT attempts, COALESCE(error, ''), aside_at IS NOT NULL FROM inbox WHERE account_id = 1 AND attempts > 0`).Scan(&out.attempts, &out.reason, &out.aside)
	})
	if !errors.Is(err, pgx.ErrNoRows) {
		require.NoError(t, err)
	}
	return out
}

func (b *bundle) exec(t *testing.T, sql string) {
	t.Helper()
	require.NoError(t, b.db.InAccount(t.Context(), 1, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql)
		return err
	}))
}

// TestPoisonOfEveryKind: whatever a row does to its step, it is counted, says why in words, and stops nobody else.
func TestPoisonOfEveryKind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(ctx context.Context, s *inbox.Step) error
		says string
	}{
		"an error that quotes what people sent": {func(context.Context, *inbox.Step) error { return errors.New("cannot read \"a\x00b\xff\xed\xa0\x80\"") }, "cannot read"},
		"a very long error":                     {func(context.Context, *inbox.Step) error { return errors.New("long " + strings.Repeat("я", 1<<20)) }, "long "},
		"a panic in the handler":                {func(context.Context, *inbox.Step) error { panic("index out of range [7]") }, "panic: index out of range [7]"},
		"a panic in the last statements": {func(_ context.Context, s *inbox.Step) error {
			s.Last(func(*pgx.Batch) error { panic("feed") })
			return nil
		}, "panic: feed"},
		"a commit that is refused": {func(ctx context.Context, s *inbox.Step) error {
			_, err := s.Tx.Exec(ctx, `INSERT INTO twice VALUES (1), (1)`)
			return err
		}, "twice_n_key"},
		"a letter that cannot be": {func(_ context.Context, s *inbox.Step) error { s.Letter(inbox.Row{Kind: "x"}); return nil }, "no key"},
		"a step that hangs":       {func(ctx context.Context, _ *inbox.Step) error { <-ctx.Done(); return ctx.Err() }, "deadline exceeded"},
		"a statement that hangs": {func(ctx context.Context, s *inbox.Step) error {
			_, err := s.Tx.Exec(ctx, `SELECT pg_sleep(60)`)
			return err
		}, "deadline exceeded"},
		"a row that breaks its connection": {func(ctx context.Context, s *inbox.Step) error {
			_, err := s.Tx.Exec(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`)
			return err
		}, "57P01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := harness(t, time.Second, func(ctx context.Context, b *bundle, s *inbox.Step, events []inbox.Event) error {
				for _, e := range events {
					if string(e.Body) == "poison" {
						if err := c.do(ctx, s); err != nil {
							return err
						}
					}
				}
				s.AfterCommit(func() {
					for _, e := range events {
						b.note(fmt.Sprintf("%d %s %s", s.Account, s.Key, e.Body))
					}
				})
				return nil
			})
			b.exec(t, `CREATE TABLE twice (n integer UNIQUE DEFERRABLE INITIALLY DEFERRED)`)
			require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", "", "before"), row(1, "chat:1", "", "poison"), row(1, "chat:1", "", "after")))
			require.Eventually(t, func() bool { return b.bad(t).attempts >= 2 }, 30*time.Second, 20*time.Millisecond, "each failure is counted")
			require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:2", "", "other")))
			require.NoError(t, b.intake.Accept(t.Context(), row(2, "chat:1", "", "other")))
			require.Eventually(t, func() bool { return len(b.all()) == 3 }, 30*time.Second, 10*time.Millisecond)
			require.ElementsMatch(t, []string{"1 chat:1 before", "1 chat:2 other", "2 chat:1 other"}, b.all(), "nothing overtakes in its key, nothing else waits")
			_, err := b.worker.Do(t.Context(), row(1, "chat:1", "click", "x"))
			require.Error(t, err)

			b.exec(t, `UPDATE inbox SET attempts = 19, parked_until = NULL WHERE attempts > 0`)
			require.Eventually(t, func() bool { return b.bad(t).aside }, 30*time.Second, 10*time.Millisecond, "it is given up")
			got := b.bad(t)
			require.Contains(t, got.reason, c.says)
			require.Less(t, len(got.reason), 10_000)
			require.NotContains(t, got.reason, "goroutine", "the stack is for the log")
			require.Eventually(t, func() bool { return len(b.all()) == 4 }, 30*time.Second, 10*time.Millisecond)
			require.Equal(t, "1 chat:1 after", b.all()[3])
		})
	}
}

// TestWhatWasSetAsideIsTakenUpAgain once its cause is gone; a timer that was set anew meanwhile is not doubled.
func TestWhatWasSetAsideIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	mended := false
	b := harness(t, time.Second, func(_ context.Context, b *bundle, s *inbox.Step, events []inbox.Event) error {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			if !mended && string(e.Body) != "fine" {
				return inbox.Permanent(errors.New("not yet understood"))
			}
			s.AfterCommit(func() { b.note(string(e.Body)) })
		}
		return nil
	})
	timer := row(1, "chat:1", "", "old timer")
	timer.Timer = "later"
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", "", "event"), timer))
	require.Eventually(t, func() bool {
		c, err := inbox.Count(t.Context(), b.db, b.clock.Now())
		return err == nil && c.Aside == 2
	}, 20*time.Second, 10*time.Millisecond)
	timer.Body, timer.Due = []byte("fine"), b.clock.Now().Add(time.Hour)
	require.NoError(t, b.intake.Accept(t.Context(), timer))
	mu.Lock()
	mended = true
	mu.Unlock()
	var n int64
	require.NoError(t, b.db.InAccount(t.Context(), 1, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		n, err = inbox.Replay(ctx, tx, 1, "chat:1", b.clock.Now())
		return err
	}))
	require.EqualValues(t, 1, n, "the event; the timer has been replaced")
	b.worker.Wake(1, "chat:1")
	require.Eventually(t, func() bool { return len(b.all()) == 1 }, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, []string{"event"}, b.all())
}

// TestLargeRowsAreWorkedInSmallSteps: a hundred megabyte bodies are never in memory together.
func TestLargeRowsAreWorkedInSmallSteps(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []byte
	largest := 0
	b := harness(t, 30*time.Second, func(_ context.Context, _ *bundle, _ *inbox.Step, events []inbox.Event) error {
		mu.Lock()
		defer mu.Unlock()
		size := 0
		for _, e := range events {
			size += len(e.Body)
			order = append(order, e.Body[0])
		}
		largest = max(largest, size)
		return nil
	})
	silent := inbox.NewIntake(b.db, b.clock, func(ids.AccountID, ids.Key) {})
	var want []byte
	for i := range 40 {
		size := 1 << 20
		if i == 20 {
			size = 12 << 20 // larger than a step may be: it goes alone
		}
		require.NoError(t, silent.Accept(t.Context(), row(1, "chat:1", "", string(bytes.Repeat([]byte{byte('A' + i)}, size)))))
		want = append(want, byte('A'+i))
	}
	b.worker.Wake(1, "chat:1")
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(order) >= 40 }, 60*time.Second, 10*time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, string(want), string(order))
	require.LessOrEqual(t, largest, 12<<20)
}

// TestLongStepsOfOneAccountDelayNobody: thousands of its keys are older than the others' and hang; they have neither all workers nor the whole sweep.
func TestLongStepsOfOneAccountDelayNobody(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	b := harness(t, time.Minute, func(_ context.Context, b *bundle, s *inbox.Step, events []inbox.Event) error {
		if s.Account == 1 {
			<-over
		}
		s.AfterCommit(func() { b.note(fmt.Sprint(s.Account)) })
		_ = events
		return nil
	})
	t.Cleanup(func() { close(over) })
	silent := inbox.NewIntake(b.db, b.clock, func(ids.AccountID, ids.Key) {})
	var flood []inbox.Row
	for i := range 3000 {
		flood = append(flood, row(1, fmt.Sprintf("chat:%d", i+1), "", "x"))
	}
	require.NoError(t, silent.Accept(t.Context(), flood...))
	require.NoError(t, silent.Accept(t.Context(), row(2, "chat:1", "", "left by a dead server")))
	require.Eventually(t, func() bool { return len(b.all()) == 1 }, 20*time.Second, 10*time.Millisecond)
	require.NoError(t, b.intake.Accept(t.Context(), row(3, "chat:1", "", "just came")))
	require.Eventually(t, func() bool { return len(b.all()) == 2 }, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, []string{"2", "3"}, b.all())
}
