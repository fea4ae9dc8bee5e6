package outbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
)

// simulation plays the pure parts of a lane (budget, packing, operating time, expectations) against a model of a portal on a virtual clock. Everything is
// decided by the seed.
type simulation struct {
	mind
	now  time.Time
	dice *rand.Rand

	keys    map[string][]*wish // waiting, oldest first; the first may be under way
	order   []string           // keys by first appearance
	flights []*simFlight
	next    ids.CommandID
	portal  simPortal

	waits                     [3][]time.Duration // from asking to the answer, by class
	requests, packed, refused int
	background, quiet         int // commands and requests of nothing but background
	left                      int
	slower                    time.Duration // how many times slower the portal has become with background commands; 0: it has not
	endless                   bool          // it goes on when nothing is left
	look                      time.Time     // when to look again without news
}

type wish struct {
	head
	cost   time.Duration
	asked  time.Time
	flying bool
}

type simFlight struct {
	wishes []*wish
	class  Priority
	began  time.Time
	ends   time.Time
	full   bool
}

// simPortal is the other side: its own bucket and its own operating time, told per method or per batch.
type simPortal struct {
	size, drain, level float64
	at                 time.Time
	perBatch, silent   bool
	used               map[string]time.Duration
	window             time.Time
}

// simWay is the way to the portal and back with what the database takes.
const simWay = 80 * time.Millisecond

func newSimulation(l Limits, p simPortal, level float64) *simulation {
	now := time.Unix(1_800_000_000, 0)
	p.at, p.level, p.used, p.window = now, level, map[string]time.Duration{}, now.Add(operatingWindow)
	return &simulation{mind: mind{budget: budget{Limits: l, level: level, levelAt: now}, uses: uses{}, expected: expectations{}}, now: now, dice: rand.New(rand.NewPCG(7, 7)),
		keys: map[string][]*wish{}, portal: p}
}

func (s *simulation) between(from, to time.Duration) time.Duration {
	return from + time.Duration(s.dice.Int64N(int64(to-from)+1))
}

func (s *simulation) ask(key, kind string, p Priority, cost time.Duration) {
	s.next++
	if len(s.keys[key]) == 0 {
		s.order = append(s.order, key)
	}
	s.keys[key] = append(s.keys[key], &wish{head: head{id: s.next, key: key, kind: kind, priority: p, created: s.now, size: 100}, cost: cost, asked: s.now})
	s.left++
}

// heads are what the query for heads shows: the first of each key, not all of them beside what is urgent.
func (s *simulation) heads() (heads []head, wishes map[ids.CommandID]*wish) {
	wishes = map[ids.CommandID]*wish{}
	seen := 0
	for _, k := range s.order {
		if seen >= 70 && strings.HasPrefix(k, "sync") {
			continue
		}
		w := s.keys[k][0]
		if w.flying {
			continue
		}
		if w.priority == Background {
			seen++
		}
		heads = append(heads, w.head)
		wishes[w.id] = w
	}
	return heads, wishes
}

// leave lets go what may, and tells when to look again.
func (s *simulation) leave() time.Duration {
	for {
		if later := s.barred(s.now); later > 0 {
			return later
		}
		heads, wishes := s.heads()
		picked, class, later := s.choose(s.now, heads)
		if len(picked) == 0 {
			return later
		}
		f := &simFlight{class: class, began: s.now}
		busy, background := time.Duration(0), true
		for _, h := range picked {
			w := wishes[h.id]
			w.flying = true
			if w.priority == Background {
				w.cost *= max(1, s.slower)
			}
			f.wishes = append(f.wishes, w)
			busy += w.cost
			background = background && w.priority == Background
		}
		f.ends = s.now.Add(simWay + busy)
		f.full = !s.portal.take(s.now.Add(simWay / 2))
		if f.full {
			s.refused++
			f.ends = s.now.Add(simWay)
		}
		s.requests++
		s.packed += len(picked)
		if background {
			s.quiet++
			s.background += len(picked)
		}
		s.flights = append(s.flights, f)
	}
}

func (p *simPortal) take(at time.Time) bool {
	if p.size == 0 {
		return true
	}
	if at.After(p.at) {
		p.level, p.at = max(0, p.level-p.drain*at.Sub(p.at).Seconds()), at
	}
	if p.level+1 > p.size {
		return false
	}
	p.level++
	return true
}

// land takes a request's answer in.
func (s *simulation) land(f *simFlight) {
	if s.now.After(s.portal.window) {
		s.portal.used, s.portal.window = map[string]time.Duration{}, s.now.Add(operatingWindow)
	}
	kinds := make([]string, len(f.wishes))
	replies := make([]Reply, len(f.wishes))
	var busy time.Duration
	for i, w := range f.wishes {
		kinds[i] = w.kind
		if f.full {
			replies[i].Err = &Failure{Kind: Full}
			w.flying = false
			continue
		}
		busy += w.cost
		replies[i].Took = w.cost
		if s.portal.used[w.kind] > operatingLimit && !s.portal.perBatch {
			s.refused++
		}
		if !s.portal.silent && (!s.portal.perBatch || len(f.wishes) == 1) {
			s.portal.used[w.kind] += w.cost
			replies[i].Operating, replies[i].ResetAt = s.portal.used[w.kind], s.portal.window
		}
		s.waits[w.priority] = append(s.waits[w.priority], s.now.Sub(w.asked))
		if s.keys[w.key] = s.keys[w.key][1:]; len(s.keys[w.key]) == 0 {
			delete(s.keys, w.key)
			s.order = slices.Delete(s.order, slices.Index(s.order, w.key), slices.Index(s.order, w.key)+1)
		}
		s.left--
	}
	if len(f.wishes) > 1 && s.portal.perBatch && !f.full {
		if s.portal.used[batchMethod] > operatingLimit {
			s.refused++
		}
		s.portal.used[batchMethod] += busy
		replies[0].BatchOperating, replies[0].BatchResetAt = s.portal.used[batchMethod], s.portal.window
	}
	s.budget.flying[f.class]--
	s.learn(s.now, f.began, kinds, replies, s.dice.Float64())
}

// run plays until the time is over or nothing is left. arrive is asked every 10 ms what comes.
func (s *simulation) run(d time.Duration, arrive func(at time.Duration)) time.Duration {
	start := s.now
	for at := time.Duration(0); at < d; at += 10 * time.Millisecond {
		s.now = start.Add(at)
		before := s.next
		if arrive(at); s.next != before || !s.now.Before(s.look) {
			s.look = s.now.Add(s.leave())
		}
		for {
			i := slices.IndexFunc(s.flights, func(f *simFlight) bool { return !f.ends.After(s.now) })
			if i < 0 {
				break
			}
			f := s.flights[i]
			s.flights = slices.Delete(s.flights, i, i+1)
			s.land(f)
			s.look = s.now.Add(s.leave())
		}
		if s.left == 0 && at > time.Second && !s.endless {
			return at
		}
	}
	return d
}

func rank(list []time.Duration, part float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

// TestSimulatedPersonNeverWaitsLong plays what design.md section 3.7 promises: a person's request is answered within a second while a background load
// runs, also when that is slow; nobody starves; requests are full; the portal never refuses.
func TestSimulatedPersonNeverWaitsLong(t *testing.T) {
	t.Parallel()
	cloud := simPortal{size: 50, drain: 2}
	fast := [2]time.Duration{5 * time.Millisecond, 30 * time.Millisecond}
	slow := [2]time.Duration{20 * time.Millisecond, 250 * time.Millisecond}
	for _, c := range []struct {
		name       string
		limits     Limits
		portal     simPortal
		level      float64
		sync, keys int              // background commands and their keys
		cost       [2]time.Duration // of background and live
		live       float64          // live commands a second
		people     int              // who ask every second, each a question of up to 60 ms
		files      bool             // some of the load travels alone
		newMethod  time.Duration    // after 20 s the load becomes a method nobody knows, as slow as that
		foreign    float64          // requests of other apps at our address, a second
		minutes    int
		p99        time.Duration
		perRequest float64 // background commands per request of their own
		drained    bool    // the sync is through at the end
	}{
		{name: "fast sync, one operator", limits: LimitsB24(50, 2), portal: cloud, sync: 10_000, keys: 200, cost: fast, live: 5, people: 1, minutes: 15, p99: time.Second, perRequest: 45, drained: true},
		{name: "slow sync, one operator", limits: LimitsB24(50, 2), portal: cloud, sync: 10_000, keys: 200, cost: slow, live: 5, people: 1, minutes: 2, p99: time.Second, perRequest: 30},
		{name: "slow sync, 10,000 keys", limits: LimitsB24(50, 2), portal: cloud, sync: 10_000, keys: 10_000, cost: slow, live: 5, people: 1, minutes: 3, p99: time.Second, perRequest: 30},
		{name: "slow sync, twenty operators", limits: LimitsB24(50, 2), portal: cloud, sync: 10_000, keys: 200, cost: slow, live: 5, people: 20, minutes: 2, p99: 2 * time.Second},
		{name: "flood of live commands", limits: LimitsB24(50, 2), portal: cloud, sync: 10_000, keys: 200, cost: fast, live: 40, people: 1, minutes: 2, p99: time.Second},
		{name: "bucket half full", limits: LimitsB24(50, 2), portal: cloud, level: 26, sync: 10_000, keys: 200, cost: slow, live: 5, people: 1, minutes: 2, p99: time.Second, perRequest: 30},
		{name: "bucket nearly full", limits: LimitsB24(50, 2), portal: cloud, level: 47, sync: 10_000, keys: 200, cost: slow, live: 5, people: 1, minutes: 2, p99: time.Second, perRequest: 30},
		{name: "enterprise", limits: LimitsB24(250, 5), portal: simPortal{size: 250, drain: 5}, sync: 10_000, keys: 200, cost: slow, live: 5, people: 5, minutes: 2, p99: time.Second, perRequest: 30},
		{name: "on-premise", limits: LimitsB24(0, 0), portal: simPortal{silent: true}, sync: 10_000, keys: 200, cost: slow, live: 5, people: 1, minutes: 10, p99: time.Second, perRequest: 25},
		{name: "operating per batch", limits: LimitsB24(50, 2), portal: simPortal{size: 50, drain: 2, perBatch: true}, sync: 10_000, keys: 200, cost: slow, live: 1, people: 1, minutes: 10, p99: time.Second},
		{name: "files among the load", limits: LimitsB24(50, 2), portal: cloud, sync: 2_000, keys: 200, cost: slow, live: 5, people: 1, files: true, minutes: 2, p99: time.Second},
		{name: "a new method of 3 s", limits: LimitsB24(50, 2), portal: cloud, sync: 2_000, keys: 200, cost: slow, live: 5, people: 1, newMethod: 3 * time.Second, minutes: 2, p99: time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSimulation(c.limits, c.portal, c.level)
			for i := range c.sync {
				kind := fmt.Sprint("sync", i%4)
				s.ask(fmt.Sprintf("sync:%d", i%c.keys), kind, Background, s.between(c.cost[0], c.cost[1]))
				if q := s.keys[fmt.Sprintf("sync:%d", i%c.keys)]; c.files && i%20 == 0 {
					q[len(q)-1].alone = true
				}
			}
			liveEvery := time.Duration(float64(time.Second) / c.live)
			var liveAt time.Duration
			took := s.run(time.Duration(c.minutes)*time.Minute, func(at time.Duration) {
				for ; liveAt <= at; liveAt += liveEvery {
					kind := fmt.Sprint("live", s.dice.IntN(3))
					cost := s.between(c.cost[0], c.cost[1])
					if c.newMethod > 0 && at > 20*time.Second && s.dice.IntN(20) == 0 {
						kind, cost = "new", c.newMethod
					}
					s.ask(fmt.Sprintf("live:%d", s.dice.IntN(60)), kind, Live, cost)
				}
				if at%(time.Second) == 0 {
					for range c.people {
						s.ask(fmt.Sprintf("ask:%d", s.next), "get", Waiting, s.between(10*time.Millisecond, 60*time.Millisecond))
					}
				}
			})
			t.Logf(c.name+": person p50 %s p99 %s max %s; live p50 %s p99 %s; %.1f background commands per request of their own, %d of %d done in %s; %d requests, %d refused",
				rank(s.waits[0], 0.5), rank(s.waits[0], 0.99), rank(s.waits[0], 1), rank(s.waits[1], 0.5), rank(s.waits[1], 0.99), float64(s.background)/float64(max(1, s.quiet)),
				len(s.waits[2]), c.sync, took, s.requests, s.refused)
			require.Zero(t, s.refused, "requests and calls that the portal refuses")
			require.LessOrEqual(t, rank(s.waits[0], 0.99), c.p99)
			if s.quiet > 10 {
				require.GreaterOrEqual(t, float64(s.background)/float64(s.quiet), c.perRequest)
			}
			if c.drained {
				require.Equal(t, c.sync, len(s.waits[2])) //nolint:testifylint // Len would print them all
			}
			require.Greater(t, len(s.waits[2]), 100, "the background goes on")
			require.Greater(t, len(s.waits[1]), int(0.9*c.live*took.Seconds())-200, "live goes on")
		})
	}
}

// TestSimulatedSlowdownHoldsNobodyUp: the portal becomes twenty times slower with what the background load consists of, between two loads and in the middle of
// one. The lane cannot know before the first answer; the person whose request is under way with it waits for a few of these commands at most.
func TestSimulatedSlowdownHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	const slower, most = 20, 3 * time.Millisecond
	for _, c := range []struct {
		name  string
		pause time.Duration // between the loads
		worst bool          // even the worst wait is short
	}{
		{"after half a second", 500 * time.Millisecond, true},
		{"after ten seconds", 10 * time.Second, true},
		{"in the middle", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var worst, all []time.Duration
			for shift := range 10 { // at any moment between two requests
				s := newSimulation(LimitsB24(250, 5), simPortal{size: 250, drain: 5}, 0)
				s.endless = true
				n := 0
				load := func(commands int) {
					for range commands {
						s.ask(fmt.Sprintf("sync:%d", n%200), "comment", Background, s.between(time.Millisecond, most))
						n++
					}
				}
				const first = 5 * time.Second
				turns := first + c.pause + time.Duration(shift)*40*time.Millisecond
				s.run(turns+5*time.Second, func(at time.Duration) {
					switch at {
					case 0:
						load(1000)
						if c.pause == 0 {
							load(8000)
						}
					case turns:
						s.slower = slower
						if c.pause > 0 {
							load(1000)
						}
					}
					if at%(250*time.Millisecond) == 0 || at == turns {
						s.ask(fmt.Sprintf("ask:%d", s.next), "get", Waiting, most)
					}
				})
				worst = append(worst, slices.Max(s.waits[Waiting]))
				all = append(all, s.waits[Waiting]...)
			}
			full := simWay + 50*slower*most/2
			few := simWay + 11*slower*most // his own and ten others
			t.Logf("a person waited %s in the middle, %s at p99, %s at most; a full request takes %s", rank(all, 0.5), rank(all, 0.99), slices.Max(worst), full)
			require.Less(t, rank(all, 0.99), few)
			if c.worst {
				require.Less(t, slices.Max(worst), few)
			}
		})
	}
}
