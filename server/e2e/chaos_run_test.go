package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"omni/server/sandbox/portal"
)

// limit is how long a platform may go on working on a request. The faults stay well below it, as a loaded machine makes everything later.
const limit = 3 * time.Second

// recipe is what a chaotic run is made of.
type recipe struct {
	seed    uint64
	rounds  int
	every   int // rounds between two comparisons
	crews   int // rounds at once
	servers int
	program string
	extra   []string
	faults  []armer // what a round may arm, each as likely as it is often here
	harms   []harm  // what happens to servers and database
	actions []weighted
	calls   bool          // calls of the clients go to the portals
	leaving bool          // a third company uninstalls the app in mid-run
	pace    time.Duration // between two rounds, on the average
	calm    time.Duration // how long it may take to come to rest
	wait    time.Duration // how long a person waits for anything
	fresh   int           // one of so many rounds is about a new client
	simple  bool          // the second company's CRM works without leads: a plan there makes contact, deal and activity
	finds   []string      // the findings that broken servers must lead to; the run goes on until one of them. Empty: until any
}

// usual is the whole suite.
func usual() recipe {
	return recipe{rounds: 200, every: 100, crews: 8, pace: 350 * time.Millisecond, servers: 3, faults: everyFault(), harms: everyHarm(), actions: everyAction(), calls: true, leaving: true, simple: true, calm: 4 * time.Minute, wait: 2 * patience, fresh: 5}
}

// chaos is one run.
type chaos struct {
	recipe
	t        *testing.T
	w        *world
	database *ownDatabase
	sides    []*side
	guest    *tenant // the company that uninstalls the app
	began    time.Time
	harmed   atomic.Int64
	acted    atomic.Int64
	asked    atomic.Int64 // operators' messages that a person had to send again
	rests    []time.Duration

	mu       sync.Mutex
	findings []finding
	journal  []string
}

// finding is something that must not be.
type finding struct{ what, who, detail string }

func newChaos(t *testing.T, r recipe) *chaos {
	t.Helper()
	c := &chaos{recipe: r, t: t, database: newDatabase(t), began: time.Now()}
	program := r.program
	if program == "" {
		program = binary
	}
	// A portal gives a request up after the limit that the servers are told: what runs longer is not done any more.
	extra := append([]string{"OMNI_B24_REQUEST_LIMIT=" + limit.String(), "OMNI_UIS_REQUEST_LIMIT=" + limit.String()}, r.extra...)
	c.w = plan{servers: r.servers, extra: extra, database: c.database.url, program: program, cut: limit}.world(t)
	c.w.points, c.w.gate.turns = 1_000_000, true
	names := []string{"romashka", "vasilek"}
	for i, name := range names {
		mode := portal.Classic
		if r.simple && i > 0 {
			mode = portal.Simple
		}
		// The same numbers in both: a row that crosses meets one of the other.
		n := c.w.companyIn(mode, name, 500_000)
		n.acts = n.simple
		c.sides = append(c.sides, &side{c: c, n: n, tag: strings.ToUpper(name[:1]), taken: map[string]bool{}, untold: map[string]bool{}, dropped: map[int64]bool{}, before: len(n.portal.Items(portal.Deal)), leadsBefore: len(n.portal.Items(portal.Lead))})
	}
	if r.leaving {
		c.guest = c.w.company("ledum", 0)
	}
	c.w.run()
	for _, s := range c.sides {
		s.n.setUp()
		if r.calls {
			s.takeAll()
		}
		s.open()
	}
	if c.guest != nil {
		c.guest.setUp()
	}
	return c
}

// find notes what must not be.
func (c *chaos) find(what, who, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.findings = append(c.findings, finding{what, who, fmt.Sprintf(format, args...)})
}

// note writes a line into the run's journal.
func (c *chaos) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.journal = append(c.journal, fmt.Sprintf("%7.2f ", time.Since(c.began).Seconds())+fmt.Sprintf(format, args...))
}

func (c *chaos) failed() bool { return c.count() > 0 }

// itself is a finding that the suite is wrong, not the servers.
const itself = "the test itself"

// over tells whether there is nothing more to be learned: what broken servers shall be found by was found, or anything in servers that should be well.
func (c *chaos) over() bool {
	if len(c.finds) == 0 {
		return c.failed()
	}
	return c.found(itself) || c.found(c.finds...)
}

// found tells whether there is a finding of one of these kinds.
func (c *chaos) found(kinds ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.findings, func(f finding) bool { return slices.Contains(kinds, f.what) })
}

// kinds counts the findings of each kind.
func (c *chaos) kinds() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := map[string]int{}
	for _, f := range c.findings {
		n[f.what]++
	}
	return n
}

func (c *chaos) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.findings)
}

// run goes through all rounds and compares every now and then, always at rest.
func (c *chaos) run() {
	defer c.close()
	done := 0
	for done < c.rounds && !c.over() {
		next := min(c.rounds, done+c.every)
		c.stretch(done, next)
		done = next
		if c.over() {
			return
		}
		c.settle()
		if c.over() {
			return // what follows would only repeat it
		}
		c.change(done / c.every)
	}
}

// stretch runs rounds, several at once, while harm is done.
func (c *chaos) stretch(from, to int) {
	ctx, cancel := context.WithCancel(context.Background())
	var harming sync.WaitGroup
	for i, h := range c.harms {
		dice := rand.New(rand.NewPCG(c.seed, uint64(1_000_000+100*from+i)))
		harming.Add(1)
		go func() { defer harming.Done(); c.harm(ctx, h, dice) }()
	}
	harming.Add(1)
	go func() { defer harming.Done(); c.care(ctx) }()
	var next atomic.Int64
	next.Store(int64(from))
	var crews sync.WaitGroup
	for crew := range c.crews {
		crews.Add(1)
		pause := rand.New(rand.NewPCG(c.seed, uint64(2_000_000+100*from+crew)))
		go func() {
			defer crews.Done()
			time.Sleep(time.Duration(pause.Int64N(int64(c.pace) * int64(c.crews))))
			for n := int(next.Add(1)) - 1; n < to && !c.over(); n = int(next.Add(1)) - 1 {
				if c.guest != nil && n == min(c.every, c.rounds)/3 {
					c.leaver(c.guest)
				}
				c.round(n)
				time.Sleep(time.Duration(pause.Int64N(2 * int64(c.pace) * int64(c.crews))))
			}
		}()
	}
	crews.Wait()
	cancel()
	harming.Wait()
}

// round is a few actions of one client and his operator, with random faults armed.
func (c *chaos) round(n int) {
	dice := rand.New(rand.NewPCG(c.seed, uint64(n)))
	s := c.sides[dice.IntN(len(c.sides))]
	for range dice.IntN(3) {
		if len(c.faults) > 0 {
			f := c.faults[dice.IntN(len(c.faults))]
			c.note("round %d: %s: %s", n, s.tag, f.arm(s, dice))
		}
	}
	p := s.somebody(dice)
	defer p.mu.Unlock()
	for range 1 + dice.IntN(3) {
		if p.broken {
			return
		}
		a := pick(c.actions, dice)
		p.log("round %d: %s", n, a.name)
		a.do(p, dice)
		c.acted.Add(1)
	}
}

// settle waits until everything rests and compares.
func (c *chaos) settle() {
	began := time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	var caring sync.WaitGroup
	caring.Add(1)
	go func() { defer caring.Done(); c.care(ctx) }()
	defer caring.Wait()
	defer cancel()
	c.note("to rest")
	for try := 0; ; try++ {
		if !c.rest() {
			return
		}
		again := 0
		for _, s := range c.sides {
			again += s.lookAfter() + s.decide()
		}
		if again == 0 {
			break
		}
		if try == 8 {
			c.find("no end", "", "people still have to send messages again after %d times", try)
			return
		}
	}
	c.rests = append(c.rests, time.Since(began))
	c.note("at rest after %.1f s", time.Since(began).Seconds())
	c.w.bitrix.ClearFaults()
	c.w.platform.ClearFaults()
	for _, s := range c.sides {
		s.compare()
	}
	c.violations()
	c.kept()
	c.gone()
}

// close ends the pages.
func (c *chaos) close() {
	for _, s := range c.sides {
		for _, p := range s.pages {
			p.leave()
		}
	}
}

// change goes on with two servers in place of three, and back.
func (c *chaos) change(stretch int) {
	last := c.w.servers[len(c.w.servers)-1]
	switch {
	case len(c.w.servers) < 3:
	case stretch%2 == 1:
		c.w.gate.remove(last.public)
		last.kill()
		last.out.Store(true)
		c.note("two servers from here")
	default:
		last.out.Store(false)
		c.up(last)
		c.note("three servers from here")
	}
}

func (c *chaos) summary() string {
	var rests []string
	for _, d := range c.rests {
		rests = append(rests, fmt.Sprintf("%.0f s", d.Seconds()))
	}
	return fmt.Sprintf("%d rounds, %d actions, %d harms in %.0f s; people sent %d messages again; came to rest in %s", c.rounds, c.acted.Load(), c.harmed.Load(),
		time.Since(c.began).Seconds(), c.asked.Load(), strings.Join(rests, ", "))
}

// report tells what was found, with the ledgers of the clients it is about.
func (c *chaos) report() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%d findings, seed %d\n", len(c.findings), c.seed)
	shown := map[string]bool{}
	for i, f := range c.findings {
		if i == 25 {
			b.WriteString("…\n")
			break
		}
		fmt.Fprintf(&b, "• %s: %s %s\n", f.what, f.who, f.detail)
		for _, s := range c.sides {
			for _, p := range s.people {
				if p.who() == f.who && !shown[f.who] && len(shown) < 5 {
					shown[f.who] = true
					fmt.Fprintf(&b, "    ledger of %s:\n    %s\n", f.who, strings.Join(lastOf(p.history, 25), "\n    "))
				}
			}
		}
	}
	b.WriteString("the run's last events:\n" + strings.Join(lastOf(c.journal, 60), "\n"))
	return b.String()
}

func lastOf(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }
