package outbox_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/outbox"
	"omni/server/store/storetest"
)

// TestATrueAnswerCountsHoweverLate: a command was given up as not confirmed, by another server too, and then the answer comes after all.
func TestATrueAnswerCountsHoweverLate(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	hang := make(chan struct{})
	p.setPlan(func(n int, _ []wire) *fault {
		if n == 0 {
			return &fault{run: true, wait: hang}
		}
		return nil
	})
	s := start(t, storetest.URL(t), p, setup{})
	c := add("chat:1", 1)
	c.Kind, c.ReplyKey, c.ReplyKind = "call", "chat:1", "answer"
	made := s.enqueue(t, c)
	within(t, 5*time.Second, "it is on its way", func() bool { return len(p.sizes()) == 1 })
	// Whoever took over meanwhile gave it up.
	s.exec(t, `UPDATE command SET state = 'unconfirmed', done_at = now() WHERE state = 'sent'`)
	close(hang)
	within(t, 5*time.Second, "the truth counts", func() bool { return s.state(t, made[0]) == "done" })
	require.Len(t, s.answers(t), 1)
	require.Len(t, p.seen(), 1)
}

// TestALateTruthEndsThePlanAgain: the engine was told "not confirmed" and has to hear that it was done.
func TestALateTruthEndsThePlanAgain(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.setPlan(func(_ int, commands []wire) *fault {
		if commands[0].Kind == "call" {
			return &fault{drop: true}
		}
		return nil
	})
	s := start(t, storetest.URL(t), p, setup{})
	c := add("chat:1", 1)
	c.Kind, c.ReplyKey, c.ReplyKind = "call", "chat:1", "answer"
	c.Plan, c.Name = "message:1", "send"
	made := s.enqueue(t, c)
	within(t, 15*time.Second, "nothing shows it", func() bool { return s.state(t, made[0]) == "unconfirmed" })
	confirm := func(name string) (changed bool) {
		require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) (err error) {
			changed, err = s.ConfirmSeen(ctx, tx, account, outbox.Seen{Key: "chat:1", Plan: "message:1", Name: name, Result: json.RawMessage(`{"id":5}`)})
			return err
		}))
		return changed
	}
	require.False(t, confirm("upload"))
	require.True(t, confirm("send"))
	require.False(t, confirm("send"), "once")
	answers := s.answers(t)
	require.Len(t, answers, 2)
	require.Equal(t, "unconfirmed", answers[0].Results["send"].State)
	require.Equal(t, "done", answers[1].Results["send"].State)
}

// TestARepeatByHandDoesNotOverlap: a person repeats what was not confirmed while the first request may still be running.
func TestARepeatByHandDoesNotOverlap(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.setPlan(onlyOn("call", 1, fault{drop: true, late: 1200 * time.Millisecond}))
	s := start(t, storetest.URL(t), p, setup{})
	c := add("chat:1", 1)
	c.Kind = "call"
	began := time.Now()
	made := s.enqueue(t, c)
	within(t, 5*time.Second, "it is unclear", func() bool { return s.state(t, made[0]) == "unclear" })
	require.NoError(t, s.Drop(t.Context(), account, made[0]))
	require.NoError(t, s.Again(t.Context(), account, made[0]))
	within(t, 10*time.Second, "it is repeated", func() bool { return s.state(t, made[0]) == "done" })
	require.Greater(t, time.Since(began), limit, "only when the first can no longer be running")
	require.Equal(t, 2, len(p.sizes()))
}

// TestAWokenLaneIsNotPutToSleepByAnOldAnswer: the portal was authorised again while a request with the dead token was under way.
func TestAWokenLaneIsNotPutToSleepByAnOldAnswer(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	hang := make(chan struct{})
	p.setPlan(func(n int, _ []wire) *fault {
		if n == 0 {
			return &fault{wait: hang, failure: &outbox.Failure{Kind: outbox.Sleep, Class: "auth_refused"}}
		}
		return nil
	})
	s := start(t, storetest.URL(t), p, setup{})
	made := s.enqueue(t, add("chat:1", 1))
	within(t, 5*time.Second, "it is on its way", func() bool { return len(p.sizes()) == 1 })
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error { return s.Resume(ctx, tx, account, portal) }))
	close(hang)
	within(t, 5*time.Second, "it goes with the new token", func() bool { return s.state(t, made[0]) == "done" })
}

// TestARewrittenCommandCostsNothing: while a step holds the only command of a lane to rewrite it, the lane neither spins nor counts requests.
func TestARewrittenCommandCostsNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{limits: outbox.Limits{Size: 50, Drain: 0.01, PerRequest: 50, Flying: [3]int{4, 2, 1}}})
	s.exec(t, `INSERT INTO lane (account_id, kind, portal_id, asleep) VALUES (7, 'b24', 1, 'unpaid')`)
	c := add("chat:1", 1)
	c.Merge = "comment"
	made := s.enqueue(t, c)
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		c.Params = map[string]any{"n": 0, "key": "chat:1"}
		again, _, err := s.Enqueue(ctx, tx, account, c)
		require.Equal(t, made, again)
		s.exec(t, `UPDATE lane SET asleep = NULL`)
		s.Wake(account, portal)
		require.Never(t, func() bool { return len(p.sizes()) > 0 }, 500*time.Millisecond, 20*time.Millisecond)
		return err
	}))
	s.rests(t, 5*time.Second)
	inOrder(t, p.seen(), 1)
	var level float64
	s.query(t, `SELECT level FROM lane`, &level)
	require.Less(t, level, 3.0, "what did not leave is not counted")
}

// TestWhatIsTurnedAwayForEverEnds: a command that is answered "again later" each time ends with a reason while others get through.
func TestWhatIsTurnedAwayForEverEnds(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.setPlan(func(_ int, commands []wire) *fault {
		f := &fault{run: true, later: map[string]bool{}}
		for _, c := range commands {
			if c.Kind == "set" {
				f.later[c.UID] = true
			}
		}
		return f
	})
	s := start(t, storetest.URL(t), p, setup{})
	poison := add("chat:1", 0)
	poison.Kind = "set"
	made := s.enqueue(t, poison, add("chat:1", 0))
	s.exec(t, `UPDATE command SET probes = 26 WHERE kind = 'set'`) // the pauses between grow to a quarter of a minute
	stop := time.Now().Add(60 * time.Second)
	for i := 0; s.state(t, made[0]) != "refused" && time.Now().Before(stop); i++ {
		other := add("chat:2", i)
		done := s.enqueue(t, other)
		within(t, 5*time.Second, "others get through", func() bool { return s.state(t, done[0]) == "done" })
	}
	require.Equal(t, "refused", s.state(t, made[0]))
	within(t, 5*time.Second, "the next of its key goes on", func() bool { return s.state(t, made[1]) == "done" })
}

// TestAPlatformThatIsDownIsProbedOneByOne: after five failures one command at a time goes out, with growing pauses, and when the platform is back everything
// is done once. That it was down for more than six times the request limit is no doubt about any command, harmless or not, alone in its lane or one of many.
func TestAPlatformThatIsDownIsProbedOneByOne(t *testing.T) {
	t.Parallel()
	broken := fault{status: http.StatusBadGateway}
	for name, c := range map[string]struct {
		fault fault
		kind  string
		keys  int
		tries int
	}{
		"turned away":               {fault{failure: &outbox.Failure{Kind: outbox.Retry, Class: "transport"}}, "add", 60, 8},
		"cut off":                   {fault{drop: true}, "add", 60, 8},
		"502, harmless":             {broken, "set", 60, 8},
		"502, harmless, a lone one": {broken, "set", 1, 7},
		"502, a lone read":          {broken, "get", 1, 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			p.setPlan(func(int, []wire) *fault { return &c.fault })
			s := start(t, storetest.URL(t), p, setup{})
			commands := oneEach(c.keys, 0)
			for i := range commands {
				commands[i].Kind = c.kind
			}
			began := time.Now()
			s.enqueue(t, commands...)
			within(t, 60*time.Second, "it is tried", func() bool { return len(p.sizes()) >= c.tries && time.Since(began) > 6*limit })
			tried := p.sizes()
			// Two of live commands may be under way at once: beside the fifth failure one more was already sent.
			for _, n := range tried[6:] {
				require.Equal(t, 1, n, "a probe is one command: %v", tried)
			}
			var failures, doubts int
			s.query(t, `SELECT failures FROM lane`, &failures)
			require.GreaterOrEqual(t, failures, 5, "the gauge shows it")
			s.query(t, `SELECT max(doubts) FROM command`, &doubts)
			require.Less(t, doubts, 5, "what the lane as a whole suffers is no doubt about one command")
			require.Never(t, func() bool { return len(p.sizes()) > len(tried)+4 }, 5*time.Second, 50*time.Millisecond, "no storm")
			p.setPlan(nil)
			s.rests(t, 60*time.Second)
			var done int
			s.query(t, `SELECT count(*) FROM command WHERE state = 'done' AND check_of IS NULL`, &done)
			require.Equal(t, c.keys, done)
			if c.kind != "get" {
				inOrder(t, p.seen(), c.keys)
			}
		})
	}
}

// TestAPoisonThatKeepsItsLaneDownEndsAfterADay: a command that breaks each request is alone in its lane, so nothing tells it from a platform that is down. Only
// after a day it counts against it.
func TestAPoisonThatKeepsItsLaneDownEndsAfterADay(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.setPlan(func(int, []wire) *fault { return &fault{status: http.StatusBadGateway} })
	s := start(t, storetest.URL(t), p, setup{})
	s.exec(t, `INSERT INTO lane (account_id, kind, portal_id, failures) VALUES (7, 'b24', 1, 5)`)
	poison := add("chat:1", 0)
	poison.Kind = "set"
	made := s.enqueue(t, poison)
	within(t, 10*time.Second, "it is unclear", func() bool { return s.state(t, made[0]) == "unclear" })
	var doubts int
	s.query(t, `SELECT doubts FROM command`, &doubts)
	require.Zero(t, doubts, "the lane was down before")
	s.exec(t, `UPDATE command SET doubts = 5, doubted_at = now() - interval '25 hours'`)
	within(t, 60*time.Second, "a day is enough", func() bool { return s.state(t, made[0]) == "unconfirmed" })
	require.NoError(t, s.Again(t.Context(), account, made[0]))
	var fresh bool
	s.query(t, `SELECT doubts = 0 AND doubted_at IS NULL FROM command`, &fresh)
	require.True(t, fresh, "a person who takes it up again gives it another day")
}
