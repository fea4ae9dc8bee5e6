package outbox

import "time"

// operatingLimit is what a method may use up in ten minutes; the docs' example, as the real value is the cloud's own (docs: limits).
const operatingLimit = 480 * time.Second

// leastLimit is the least limit a refusal may teach: one that comes when next to nothing was used has another cause, and must not make the method rest for
// most of every ten minutes.
const leastLimit = time.Minute

// operatingWindow is the time it is counted over.
const operatingWindow = 10 * time.Minute

// countedFrom is the shortest call the platform accounts.
const countedFrom = 100 * time.Millisecond

// batchMethod is the name under which the batch call itself is accounted.
const batchMethod = "batch"

// use is what is known of one method's operating time.
type use struct {
	// Used is what the platform said, or what we counted ourselves while it says nothing (Told false), until Reset.
	Used  time.Duration `json:"used,omitempty"`
	Reset time.Time     `json:"reset,omitzero"`
	Told  bool          `json:"told,omitempty"`
	// Blocked is until when the platform refuses the method.
	Blocked time.Time `json:"blocked,omitzero"`
	// Limit is what this platform proved to allow, when that is less than we think.
	Limit time.Duration `json:"limit,omitempty"`
}

// uses are the methods of a lane; batchMethod is one of them.
type uses map[string]use

// answered learns from one answer: the platform's own value wins; without it we count, in windows of ten minutes.
func (u uses) answered(method string, now time.Time, took, operating time.Duration, reset time.Time) {
	m := u[method]
	if now.After(m.Reset) {
		m.Used, m.Reset, m.Told = 0, time.Time{}, false
	}
	switch {
	case !reset.IsZero():
		if m.Told && m.Reset.Equal(reset) {
			operating = max(operating, m.Used) // answers come in any order
		}
		m.Used, m.Reset, m.Told = operating, reset, true
	case m.Told || took == 0:
	default:
		m.Used += took
		if m.Reset.IsZero() {
			m.Reset = now.Add(operatingWindow)
		}
	}
	if m != (use{}) {
		u[method] = m
	}
}

// refused notes that the platform blocks a method. Without its word on the end the one it told before counts, else a minute, the grain of its
// accounting.
func (u uses) refused(method string, now, until time.Time) {
	m := u[method]
	if m.Told && m.Used >= leastLimit && now.Before(m.Reset) && m.Used < m.limit() {
		m.Limit = m.Used
	}
	switch {
	case until.After(now):
	case m.Told && m.Reset.After(now):
		until = m.Reset
	default:
		until = now.Add(time.Minute)
	}
	m.Blocked = until
	u[method] = m
}

// restsUntil is when a method may be called again by a class; the zero time: now. Background leaves half of it to people, all stop at four fifths.
func (u uses) restsUntil(method string, now time.Time, p Priority) time.Time {
	m, known := u[method]
	if !known {
		return time.Time{}
	}
	limit := m.limit() * 8 / 10
	if p == Background {
		limit = m.limit() / 2
	}
	switch {
	case now.Before(m.Blocked):
		return m.Blocked
	case m.Used > limit && now.Before(m.Reset):
		return m.Reset
	}
	return time.Time{}
}

func (m use) limit() time.Duration {
	if m.Limit > 0 {
		return m.Limit
	}
	return operatingLimit
}

// forget drops what is over.
func (u uses) forget(now time.Time) {
	for method, m := range u {
		switch {
		case now.Before(m.Reset) || now.Before(m.Blocked):
		case m.Limit > 0:
			u[method] = use{Limit: m.Limit}
		default:
			delete(u, method)
		}
	}
}

// points are UIS's counters as of an answer.
type points struct {
	Day    counter `json:"day"`
	Minute counter `json:"minute"`
}

type counter struct {
	Limit int       `json:"limit,omitempty"`
	Left  int       `json:"left,omitempty"`
	Reset time.Time `json:"reset,omitzero"`
}

// take counts a call that leaves; the answer corrects it.
func (p *points) take() {
	for _, c := range []*counter{&p.Day, &p.Minute} {
		if c.Limit > 0 {
			c.Left--
		}
	}
}

// told takes over what an answer says. Answers may come in another order than their calls left, so calls under way are taken off.
func (p *points) told(now time.Time, l Points, flying int) {
	p.Day = counter{l.DayLimit, l.DayRemaining - flying, now.Add(l.DayReset)}
	p.Minute = counter{l.MinuteLimit, l.MinuteRemaining - flying, now.Add(l.MinuteReset)}
}

// wait is how long a class has to wait for a point; a fifth is kept for waiting persons.
func (p points) wait(now time.Time, class Priority) time.Duration {
	return max(p.Day.wait(now, class), p.Minute.wait(now, class))
}

func (c counter) wait(now time.Time, class Priority) time.Duration {
	if c.Limit == 0 || !now.Before(c.Reset) {
		return 0
	}
	keep := 0
	if class != Waiting {
		keep = c.Limit / 5
	}
	if c.Left > keep {
		return 0
	}
	return c.Reset.Sub(now)
}
