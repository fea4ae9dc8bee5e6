package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
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
	// company counts steps that shared their transaction.
	company atomic.Int64

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
	b.worker = inbox.NewWorker(inbox.WorkerOptions{DB: b.db, Clock: b.clock, Log: slog.New(slog.DiscardHandler), Handlers: map[string]inbox.Handler{"chat": &stages{b, step}}})
	b.intake = inbox.NewIntake(b.db, b.clock, b.worker.Wake)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.worker.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b
}

// stages is a handler in stages, so that its keys may be worked in company.
type stages struct {
	b    *bundle
	step func(b *bundle, s *inbox.Step, e inbox.Event) error
}

func (h *stages) Read(batch *pgx.Batch, account ids.AccountID, key ids.Key) any {
	out := new(string)
	batch.Queue(`SELECT $2::text WHERE $1::bigint > 0`, int64(account), string(key)).QueryRow(func(row pgx.Row) error { return row.Scan(out) })
	return out
}

func (h *stages) Begin(ctx context.Context, s *inbox.Step, events []inbox.Event, reads *pgx.Batch) (func(context.Context) error, error) {
	found, err := s.Found(ctx, h)
	if err != nil {
		return nil, err
	}
	if key := *found.(*string); key != string(s.Key) {
		return nil, fmt.Errorf("%s got what was read for %s", s.Key, key)
	}
	if string(events[0].Body) == "shy" && s.Company {
		return nil, inbox.ErrAlone
	}
	again := ""
	reads.Queue(`SELECT $1::text`, string(s.Key)).QueryRow(func(row pgx.Row) error { return row.Scan(&again) })
	return func(context.Context) error {
		if again != string(s.Key) {
			return fmt.Errorf("%s was not read", s.Key)
		}
		if s.Company {
			h.b.company.Add(1)
		}
		for _, e := range events {
			if err := h.step(h.b, s, e); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func (h *stages) Step(ctx context.Context, s *inbox.Step, events []inbox.Event) error {
	return inbox.Staged(ctx, h, s, events)
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

// A crowd of keys of one account shares transactions; each row has its effect once, and only the key that fails bears its failure.
func TestACrowdOfKeysWithAPoisonOneAmongThem(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bundle, s *inbox.Step, e inbox.Event) error {
		if string(e.Body) == "poison" {
			return inbox.Permanent(errors.New("cannot be read"))
		}
		_, err := s.Tx.Exec(t.Context(), `INSERT INTO visitor (account_id, id, card) VALUES ($1, $2, '{}')`, int64(s.Account), string(s.Key)+" "+string(e.Body))
		if err != nil {
			return err
		}
		return noteBody(b, s, e)
	})
	// Another server stored them, so that the sweep finds them all at once.
	silent := inbox.NewIntake(b.db, b.clock, func(ids.AccountID, ids.Key) {})
	const keys = 60
	for n := range keys {
		key := fmt.Sprint("chat:", n)
		body := "first"
		if n%20 == 7 {
			body = "poison"
		}
		if n%20 == 11 {
			body = "shy"
		}
		require.NoError(t, silent.Accept(t.Context(), row(1, key, "", body), row(1, key, "", "second")))
	}
	bad := keys / 20
	require.Eventually(t, func() bool { return len(b.all()) == 2*keys-bad }, 20*time.Second, 10*time.Millisecond)
	byKey := map[string][]string{}
	for _, s := range b.all() {
		parts := strings.Fields(s)
		byKey[parts[1]] = append(byKey[parts[1]], parts[2])
	}
	for n := range keys {
		want := []string{"first", "second"}
		if n%20 == 7 {
			want = want[1:]
		}
		if n%20 == 11 {
			want[0] = "shy"
		}
		require.Equal(t, want, byKey[fmt.Sprint("chat:", n)])
	}
	counts, err := inbox.Count(t.Context(), b.db, b.clock.Now())
	require.NoError(t, err)
	require.Equal(t, inbox.Counts{Aside: int64(bad)}, counts)
	var rows int
	require.NoError(t, b.db.InAccount(t.Context(), 1, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM visitor WHERE account_id = 1`).Scan(&rows)
	}))
	require.Positive(t, b.company.Load())
	require.Equal(t, 2*keys-bad, rows, "what a failed company wrote was rolled back and written once")
}

// prefetching is a handler that reads along with the worker and writes along with COMMIT.
type prefetching struct {
	*bundle
	broken bool
}

func (p *prefetching) Read(batch *pgx.Batch, account ids.AccountID, key ids.Key) any {
	known := new(int)
	batch.Queue(`SELECT count(*) FROM visitor WHERE account_id = $1 AND id = $2`, int64(account), string(key)).
		QueryRow(func(row pgx.Row) error { return row.Scan(known) })
	return known
}

func (p *prefetching) Step(ctx context.Context, s *inbox.Step, events []inbox.Event) error {
	found, err := s.Found(ctx, p)
	if err != nil {
		return err
	}
	id := string(s.Key)
	if *found.(*int) > 0 && !p.broken {
		id += " again"
	}
	s.Write(func(batch *pgx.Batch) {
		batch.Queue(`INSERT INTO visitor (account_id, id, card) VALUES ($1, $2, '{}')`, int64(s.Account), id)
	})
	for _, e := range events {
		_ = noteBody(p.bundle, s, e)
	}
	return nil
}

func TestReadsAndWritesTravelWithTheWorkersOwn(t *testing.T) {
	t.Parallel()
	b := setup(t, noteBody)
	for _, broken := range []bool{false, true} {
		handler := &prefetching{bundle: b, broken: broken}
		for name, h := range map[string]inbox.Handler{"known": handler, "behind another one": inbox.HandlerFunc(handler.Step)} {
			worker := inbox.NewWorker(inbox.WorkerOptions{DB: b.db, Clock: b.clock, Log: slog.New(slog.DiscardHandler), Handlers: map[string]inbox.Handler{"own": h}})
			key := fmt.Sprintf("own:%s %v", name, broken)
			_, err := worker.Do(t.Context(), row(1, key, "", "one"))
			require.NoError(t, err)
			seen := len(b.all())
			_, err = worker.Do(t.Context(), row(1, key, "", "two"))
			if broken {
				require.True(t, store.IsUnique(err, ""), "%v", err)
				require.Len(t, b.all(), seen, "nothing is told of a step that was not committed")
				continue
			}
			require.NoError(t, err, name)
		}
	}
}

// Senders at the same time share commits: each is answered for its own row, duplicates have no effect, an impossible row fails alone.
func TestSendersThatShareACommit(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	woken := make(chan ids.Key, 10_000)
	in := inbox.NewIntake(db, clock.NewShifted(clock.System{}), func(_ ids.AccountID, key ids.Key) { woken <- key })
	const senders, each, accounts = 40, 25, 3
	errs := make(chan error, senders*each)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for n := range each {
				r := row(ids.AccountID(n%accounts+1), fmt.Sprint("chat:", s), fmt.Sprintf("%d:%d", s/2, n), "body") // two senders send each
				if n%5 == 3 {
					r = row(1, "chat:\x00", "", "a key no database can hold")
				}
				errs <- in.Accept(t.Context(), r)
			}
		})
	}
	wg.Wait()
	close(errs)
	failed := 0
	for err := range errs {
		if err != nil {
			failed++
			require.NotErrorIs(t, err, inbox.ErrBusy)
		}
	}
	require.Equal(t, senders*each/5, failed, "the impossible ones, and nobody who shared a commit with them")
	require.Len(t, woken, senders*each-failed)
	var rows, accountsSeen, distinct int
	require.NoError(t, db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*), count(DISTINCT account_id), count(DISTINCT (account_id, natural_id)) FROM inbox`).Scan(&rows, &accountsSeen, &distinct)
	}))
	require.Equal(t, senders/2*each*4/5, rows, "each natural id once")
	require.Equal(t, rows, distinct)
	require.Equal(t, accounts, accountsSeen)
}

// Nobody is answered whose row is not durable: all connections are cut again and again, what was accepted is there, what was refused may be sent again.
func TestWhatWasAcceptedIsThereAlsoWhenConnectionsAreCut(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	db, killer := storetest.Open(t, url), storetest.Open(t, url)
	in := inbox.NewIntake(db, clock.NewShifted(clock.System{}), func(ids.AccountID, ids.Key) {})
	var mu sync.Mutex
	accepted := map[string]bool{}
	var wg sync.WaitGroup
	for s := range 16 {
		wg.Go(func() {
			for n := range 30 {
				natural := fmt.Sprintf("%d:%d", s, n)
				if in.Accept(t.Context(), row(ids.AccountID(s%2+1), fmt.Sprint("chat:", s), natural, "body")) == nil {
					mu.Lock()
					accepted[natural] = true
					mu.Unlock()
				}
			}
		})
	}
	over := make(chan struct{})
	go func() { wg.Wait(); close(over) }()
	cuts := 0
	cut := time.NewTicker(20 * time.Millisecond)
	defer cut.Stop()
	for running := true; running; {
		select {
		case <-over:
			running = false
		case <-cut.C:
			_, err := killer.Pool().Exec(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
			require.NoError(t, err)
			cuts++
		}
	}
	require.Positive(t, cuts)
	require.NotEmpty(t, accepted)
	require.NoError(t, killer.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT natural_id FROM inbox`)
		require.NoError(t, err)
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		stored := map[string]bool{}
		for _, n := range found {
			require.False(t, stored[n], "once")
			stored[n] = true
		}
		for n := range accepted {
			require.True(t, stored[n], "%s was accepted and is gone", n)
		}
		return nil
	}))
}
