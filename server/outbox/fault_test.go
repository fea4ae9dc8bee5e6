package outbox_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store"
	"omni/server/store/storetest"
)

// onlyOn makes the fault hit writing requests until it was used up.
func onlyOn(kind string, times int, f fault) func(int, []wire) *fault {
	return func(_ int, commands []wire) *fault {
		if times == 0 || commands[0].Kind != kind {
			return nil
		}
		times--
		return &f
	}
}

func TestUnclearCommandHasOneEffect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind    string
		fault   fault
		state   string
		effects int
		slow    bool // it has to wait until the request can no longer be running
	}{
		"add, answer lost":                    {"add", fault{run: true, drop: true}, "done", 1, false},
		"add, never arrived":                  {"add", fault{drop: true}, "done", 1, true},
		"add, runs half a minute later":       {"add", fault{drop: true, late: 1200 * time.Millisecond}, "done", 1, false},
		"add, 500 after running":              {"add", fault{status: http.StatusInternalServerError, run: true}, "done", 1, false},
		"set, answer lost: repeated":          {"set", fault{run: true, drop: true}, "done", 2, true},
		"set, 502":                            {"set", fault{status: http.StatusBadGateway}, "done", 1, true},
		"call, answer lost: found":            {"call", fault{run: true, drop: true}, "done", 1, false},
		"call, not there: left to a person":   {"call", fault{drop: true}, "unconfirmed", 0, true},
		"get, answer lost: simply read again": {"get", fault{drop: true}, "done", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			p.setPlan(onlyOn(c.kind, 1, c.fault))
			s := start(t, storetest.URL(t), p, setup{})
			first := add("chat:1", 1)
			first.Kind, first.ReplyKey, first.ReplyKind = c.kind, "chat:1", "answer"
			began := time.Now()
			made := s.enqueue(t, first)
			within(t, 15*time.Second, "it should end", func() bool { return s.state(t, made[0]) == c.state })
			require.Len(t, p.seen(), c.effects)
			if c.slow {
				require.Greater(t, time.Since(began), limit, "a repeat waits until the first request can no longer be running")
			}
			answers := s.answers(t)
			require.Len(t, answers, 1)
			require.Equal(t, c.state, answers[0].Results[""].State)
			if c.state == "done" && c.kind == "add" {
				require.JSONEq(t, `{"item":{"id":1000}}`, string(answers[0].Results[""].Result))
			}
		})
	}
}

func TestUnclearKeyWaitsOthersGoOn(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.setPlan(onlyOn("add", 1, fault{drop: true}))
	s := start(t, storetest.URL(t), p, setup{})
	made := s.enqueue(t, add("chat:1", 1))
	within(t, 5*time.Second, "it should become unclear", func() bool { return s.state(t, made[0]) == "unclear" })
	later := s.enqueue(t, add("chat:1", 2), add("chat:2", 1))
	within(t, time.Second, "other keys go on", func() bool { return s.state(t, later[1]) == "done" })
	require.Equal(t, "ready", s.state(t, later[0]))
	counts, err := outbox.Count(t.Context(), s.db)
	require.NoError(t, err)
	require.Equal(t, outbox.Counts{Outbox: 1, Unclear: 1}, counts)
	s.rests(t, 10*time.Second)
	require.Len(t, p.seen(), 3)
}

func TestEffectSeenElsewhereConfirms(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.setPlan(func(_ int, commands []wire) *fault { return &fault{drop: true} })
	s := start(t, storetest.URL(t), p, setup{})
	c := add("chat:1", 1)
	c.ReplyKey, c.ReplyKind = "chat:1", "answer"
	made := s.enqueue(t, c)
	within(t, 5*time.Second, "it should become unclear", func() bool { return s.state(t, made[0]) == "unclear" })
	confirm := func() (changed bool) {
		require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx ctxT, tx txT) (err error) {
			changed, err = s.Confirm(ctx, tx, account, made[0], json.RawMessage(`{"item":{"id":5}}`))
			return err
		}))
		return changed
	}
	require.True(t, confirm())
	require.False(t, confirm(), "once")
	require.Equal(t, "done", s.state(t, made[0]))
	require.Len(t, s.answers(t), 1)
}

func TestPoisonBlocksNobody(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.setPlan(func(_ int, commands []wire) *fault {
		if slices.ContainsFunc(commands, func(c wire) bool { return c.Kind == "set" }) {
			return &fault{status: http.StatusInternalServerError}
		}
		return nil
	})
	s := start(t, storetest.URL(t), p, setup{})
	var all []outbox.Command
	for k := range 30 {
		all = append(all, add(ids.Key(fmt.Sprintf("chat:%d", k)), k))
	}
	all[7].Kind = "set"
	made := s.enqueue(t, all...)
	within(t, 40*time.Second, "the others should get through", func() bool { return len(p.seen()) == 29 })
	require.Contains(t, []string{"ready", "sent", "unclear", "unconfirmed"}, s.state(t, made[7]))
}

func TestRateLimitPausesAndLosesNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	times := 2
	p.setPlan(func(int, []wire) *fault {
		if times == 0 {
			return nil
		}
		times--
		return &fault{failure: &outbox.Failure{Kind: outbox.Full, Class: "rate_limited", Code: "QUERY_LIMIT_EXCEEDED"}}
	})
	s := start(t, storetest.URL(t), p, setup{limits: outbox.Limits{Size: 50, Drain: 20, PerRequest: 50, Flying: [3]int{4, 2, 1}}})
	s.enqueue(t, add("chat:1", 1), add("chat:2", 2))
	s.rests(t, 10*time.Second)
	require.Len(t, p.seen(), 2)
	require.Equal(t, []int{2, 2, 2}, p.sizes(), "the same commands again, and no storm")
}

// someFaults hits a quarter of the requests with a fault of any kind. The seed is printed.
func someFaults(t testing.TB) func(int, []wire) *fault {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	faults := []fault{{run: true, drop: true}, {drop: true}, {drop: true, late: time.Second}, {status: 500, run: true}, {status: 503},
		{failure: &outbox.Failure{Kind: outbox.Full, Class: "rate_limited"}}, {failure: &outbox.Failure{Kind: outbox.Retry, Class: "token_expired"}}}
	return func(int, []wire) *fault {
		mu.Lock()
		defer mu.Unlock()
		if dice.IntN(100) < 25 {
			return &faults[dice.IntN(len(faults))]
		}
		return nil
	}
}

// TestRandomFaults plays faults of all kinds over many keys: every add has one effect and keys keep their order.
func TestRandomFaults(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.setPlan(someFaults(t))
	s := start(t, storetest.URL(t), p, setup{})
	const keys, each = 25, 4
	for n := range each {
		s.enqueue(t, oneEach(keys, n)...)
	}
	s.rests(t, 90*time.Second)
	inOrder(t, p.seen(), keys*each)
}

// oneEach is the n-th command of each of some keys.
func oneEach(keys, n int) []outbox.Command {
	commands := make([]outbox.Command, keys)
	for k := range commands {
		commands[k] = add(ids.Key(fmt.Sprintf("chat:%d", k)), n)
	}
	return commands
}

// TestTwoServersFreezeInTurn plays faults while one server after the other freezes past its lease and wakes again.
func TestTwoServersFreezeInTurn(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	p := newPlatform(t)
	p.setPlan(someFaults(t))
	gates := []*gate{{}, {}}
	start(t, url, p, setup{now: gates[0].now, name: "a"})
	start(t, url, p, setup{now: gates[1].now, name: "b"})
	writer := start(t, url, p, setup{name: "writer"})
	writer.stop() // it only writes; the others find the work by looking
	const keys, each = 15, 12
	for n := range each {
		frozen := n / 3 % 2
		gates[frozen].mu.Lock()
		writer.enqueue(t, oneEach(keys, n)...)
		<-time.After(time.Duration(500+rand.IntN(2200)) * time.Millisecond)
		if n%3 == 2 {
			<-time.After(time.Duration(rand.IntN(7000)) * time.Millisecond)
		}
		gates[frozen].mu.Unlock()
	}
	t.Cleanup(func() { writer.dump(t) })
	writer.rests(t, 40*time.Second)
	inOrder(t, p.seen(), keys*each)
}

// inOrder checks that each key's commands had their effects once and in order.
func inOrder(t testing.TB, effects []effect, want int) {
	t.Helper()
	next := map[string]int{}
	for _, e := range effects {
		var params struct {
			N   int    `json:"n"`
			Key string `json:"key"`
		}
		require.NoError(t, json.Unmarshal(e.Params, &params))
		require.Equal(t, next[params.Key], params.N, "%s: doubled, lost or out of order", params.Key)
		next[params.Key]++
	}
	require.Len(t, effects, want)
}

// gate is the physical clock of a server that can be frozen: whoever asks the time stands still.
type gate struct {
	mu sync.Mutex
}

func (g *gate) now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now()
}

func TestAnotherServerTakesOverAFrozenOne(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	p := newPlatform(t)
	g := &gate{}
	hang := make(chan struct{})
	p.setPlan(func(n int, _ []wire) *fault {
		if n == 1 {
			return &fault{run: true, wait: hang} // under way while its server freezes
		}
		return nil
	})
	a := start(t, url, p, setup{now: g.now, name: "a"})
	a.enqueue(t, add("chat:1", 0))
	a.rests(t, 5*time.Second)
	lost := a.enqueue(t, add("chat:1", 1))
	within(t, 5*time.Second, "it should be on its way", func() bool { return len(p.sizes()) == 2 })

	b := start(t, url, p, setup{name: "b"})
	g.mu.Lock()
	close(hang) // the platform works on
	froze := time.Now()
	waiting := b.enqueue(t, add("chat:1", 2), add("chat:2", 0))
	within(t, 10*time.Second, "the other server takes over", func() bool { return b.state(t, waiting[1]) == "done" })
	t.Logf("taken over after %s", time.Since(froze))
	require.Less(t, time.Since(froze), 8*time.Second)
	within(t, 10*time.Second, "the lost one is found", func() bool { return b.state(t, lost[0]) == "done" })
	sent := p.by("a")
	g.mu.Unlock()
	a.enqueue(t, add("chat:3", 0))
	b.rests(t, 15*time.Second)
	require.Equal(t, sent, p.by("a"), "a server without its lease sends nothing more")
	inOrder(t, p.seen(), 5)
}

func TestNothingLeavesWithoutALease(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	s.enqueue(t, add("chat:1", 0))
	s.rests(t, 5*time.Second)
	// Somebody else holds the lane by now, and no clock of ours knows.
	s.exec(t, `UPDATE lane SET owner = 'another', epoch = epoch + 1, lease_until = now() + interval '3 seconds'`)
	made := s.enqueue(t, add("chat:1", 1))
	require.Never(t, func() bool { return len(p.sizes()) > 1 }, 2*time.Second, 50*time.Millisecond)
	within(t, 10*time.Second, "it is taken back when that one dies", func() bool { return s.state(t, made[0]) == "done" })
}

func TestAskWorksWhenAnotherServerOwnsTheLane(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	p := newPlatform(t)
	var hints [2]*store.Notifier
	var servers [2]*server
	for i := range servers {
		db := storetest.Open(t, url)
		hints[i] = db.NewNotifier("omni")
		servers[i] = start(t, url, p, setup{hints: hints[i], name: string(rune('a' + i))})
		go func() { _ = hints[i].Run(t.Context()) }()
		go func() { _ = db.Listen(t.Context(), "omni", servers[i].OnHint) }()
	}
	_, err := servers[0].Ask(t.Context(), account, portal, "get", nil, outbox.Waiting)
	require.NoError(t, err)
	var slowest time.Duration
	for range 20 {
		began := time.Now()
		_, err = servers[1].Ask(t.Context(), account, portal, "get", nil, outbox.Waiting)
		require.NoError(t, err)
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("slowest of 20: %s", slowest)
	var owners int
	servers[0].query(t, `SELECT epoch FROM lane`, &owners)
	require.Equal(t, 1, owners, "the lane stayed with the first")
}

// TestLostDatabaseConnections cuts every connection of the server again and again: transactions fail at any point, also with an unknown outcome.
func TestLostDatabaseConnections(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	p := newPlatform(t)
	s := start(t, url, p, setup{})
	watch := storetest.Open(t, url)
	const keys, each = 20, 10
	for n := range each {
		var round []outbox.Command
		for k := range keys {
			round = append(round, add(ids.Key(fmt.Sprintf("chat:%d", k)), n))
		}
		s.enqueue(t, round...)
	}
	w := &server{db: watch}
	for range 25 {
		w.exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user`)
		<-time.After(time.Duration(20+rand.IntN(150)) * time.Millisecond)
	}
	within(t, 60*time.Second, "all should be done", func() bool { return len(p.seen()) >= keys*each })
	inOrder(t, p.seen(), keys*each)
	within(t, 20*time.Second, "and be known to be done", func() bool {
		var open int
		w.query(t, `SELECT count(*) FROM command WHERE state IN ('ready', 'sent', 'unclear')`, &open)
		return open == 0
	})
}

func TestUrgencyIsLentToWhatHasToLeaveFirst(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	// Background may not send at all: the bucket is over half.
	s := start(t, storetest.URL(t), p, setup{limits: outbox.Limits{Size: 50, Drain: 0.01, PerRequest: 50, Flying: [3]int{4, 2, 1}}})
	s.exec(t, `INSERT INTO lane (account_id, kind, portal_id, level) VALUES (7, 'b24', 1, 30)`)
	slow, other := add("chat:1", 0), add("chat:2", 0)
	slow.Kind, slow.Priority, other.Kind, other.Priority = "file", outbox.Background, "file", outbox.Background
	made := s.enqueue(t, slow, other)
	require.Never(t, func() bool { return len(p.sizes()) > 0 }, time.Second, 50*time.Millisecond)
	urgent := add("chat:1", 1)
	urgent.Priority = outbox.Waiting
	made = append(made, s.enqueue(t, urgent)...)
	within(t, 5*time.Second, "the person is served", func() bool { return s.state(t, made[2]) == "done" })
	require.Equal(t, "done", s.state(t, made[0]))
	require.Equal(t, "ready", s.state(t, made[1]))
}
