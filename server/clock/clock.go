// Package clock gives the product its business time: timers, intervals and whatever people see. Physical time (leases, request limits, deadlines) never comes from here.
package clock

import (
	"sync"
	"time"
)

// Clock tells the business time.
type Clock interface {
	// Now is the current business time in UTC.
	Now() time.Time
}

// System is the real time.
type System struct{}

// Now implements Clock.
func (System) Now() time.Time { return time.Now().UTC() }

// Shifted is a clock that runs with another one, moved forward by hand. It serves OMNI_TEST_CLOCK and tests.
type Shifted struct {
	mu    sync.Mutex
	base  Clock
	shift time.Duration
}

// NewShifted starts a shifted clock that still agrees with base.
func NewShifted(base Clock) *Shifted { return &Shifted{base: base} }

// Now implements Clock.
func (c *Shifted) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Now().Add(c.shift)
}

// Advance moves the clock forward by d; it never goes back, so a negative d is ignored.
func (c *Shifted) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	c.mu.Lock()
	c.shift += d
	c.mu.Unlock()
}

// Fixed is a clock that stands still until it is told to move. It serves tests.
type Fixed struct {
	mu  sync.Mutex
	now time.Time
}

// NewFixed makes a clock that stands at t.
func NewFixed(t time.Time) *Fixed { return &Fixed{now: t.UTC()} }

// Now implements Clock.
func (c *Fixed) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d.
func (c *Fixed) Advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}
