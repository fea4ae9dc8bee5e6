package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"syscall"
	"time"
)

// harm is something that happens to servers or to the database again and again.
type harm struct {
	name string
	// every is the longest pause between two of them.
	every time.Duration
	do    func(c *chaos, dice *rand.Rand)
}

func everyHarm() []harm {
	return []harm{
		{"kill", 6 * time.Second, (*chaos).kill}, {"freeze", 8 * time.Second, (*chaos).freeze}, {"restart of PostgreSQL", 25 * time.Second, (*chaos).restart},
		{"sessions cut", 10 * time.Second, (*chaos).cut},
	}
}

func (c *chaos) harm(ctx context.Context, h harm, dice *rand.Rand) {
	for {
		pause := h.every/4 + time.Duration(dice.Int64N(int64(h.every)*3/4))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		h.do(c, dice)
		c.harmed.Add(1)
	}
}

// victim takes a server that nothing happens to at the moment; nil: none.
func (c *chaos) victim(dice *rand.Rand) *server {
	s := c.w.servers[dice.IntN(len(c.w.servers))]
	if s.out.Load() || !s.harmed.TryLock() {
		return nil
	}
	return s
}

// kill is SIGKILL in the middle of everything, and a new start soon after.
func (c *chaos) kill(dice *rand.Rand) {
	s := c.victim(dice)
	if s == nil {
		return
	}
	defer s.harmed.Unlock()
	c.note("kill %s", s.public)
	s.kill()
	time.Sleep(time.Duration(dice.IntN(1500)) * time.Millisecond)
	c.up(s)
}

// freeze stops a server past its lease or shorter, and lets it go on. A balancer leaves it out soon; what it had taken it goes on with.
func (c *chaos) freeze(dice *rand.Rand) {
	s := c.victim(dice)
	if s == nil {
		return
	}
	defer s.harmed.Unlock()
	took := 7*time.Second + time.Duration(dice.IntN(1500))*time.Millisecond
	if dice.IntN(4) == 0 {
		took = time.Duration(500+dice.IntN(4000)) * time.Millisecond
	}
	c.note("freeze %s for %.1f s", s.public, took.Seconds())
	s.signal(syscall.SIGSTOP)
	time.Sleep(min(time.Second, took))
	c.w.gate.remove(s.public)
	time.Sleep(max(0, took-time.Second))
	s.signal(syscall.SIGCONT)
	c.w.gate.add(s.public)
	c.note("%s goes on", s.public)
}

// restart ends PostgreSQL, orderly or as a crash does, and starts it again.
func (c *chaos) restart(dice *rand.Rand) {
	crash := dice.IntN(2) == 0
	c.note("PostgreSQL restarts, crash %v", crash)
	if err := c.database.server.Restart(context.Background(), crash); err != nil {
		c.find(itself, "", "%v", err)
	}
}

// cut ends the sessions that listen for hints, or all.
func (c *chaos) cut(dice *rand.Rand) {
	all := dice.IntN(3) == 0
	c.note("database sessions cut, all %v", all)
	_ = c.database.cut(context.Background(), all) // the database may be restarting
}

// up starts a server, again when the database was away just then.
func (c *chaos) up(s *server) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := s.launch(); err != nil {
			c.find(itself, s.public, "%v", err)
			return
		}
		for !s.ready() && !s.gone() && time.Now().Before(end) {
			time.Sleep(look)
		}
		if s.ready() {
			c.w.gate.add(s.public)
			return
		}
	}
	c.find("no start", s.public, "the server does not come up: %s", c.logOf(s))
}

func (c *chaos) logOf(s *server) string {
	raw, _ := os.ReadFile(s.log)
	return string(tail(raw, 2500))
}

// care is the people around the system: an administrator opens the app when its portal is blocked, and somebody sees when a server ends by itself.
func (c *chaos) care(ctx context.Context) {
	tick := time.NewTicker(700 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, s := range c.w.servers {
			if s.out.Load() || !s.harmed.TryLock() {
				continue
			}
			if s.gone() {
				c.find("ended", s.public, "the server ended by itself: %s", c.logOf(s))
				c.up(s)
			}
			s.harmed.Unlock()
		}
		for _, s := range c.sides {
			s.authorize()
		}
	}
}

// authorize opens the app as the administrator when the portal's tokens were refused.
func (s *side) authorize() {
	token, err := s.session(1)
	if err != nil {
		return
	}
	code, body := ask("GET", "http://"+s.n.w.gate.address+"/api/v1/portals", "Bearer "+token, nil)
	if code != http.StatusOK {
		if code == http.StatusUnauthorized {
			s.forget(1)
		}
		return
	}
	list := decode[struct {
		Items []struct{ State, Reason string }
	}](s.n.t, body)
	for _, p := range list.Items {
		if p.State != "blocked" {
			continue
		}
		_, err := s.n.tryOpen(1, "DEFAULT", nil)
		s.c.note("%s is blocked; the administrator opens the app: %v", s.tag, fmt.Sprint(err))
	}
}
