package outbox

import "time"

// Limits are how much a lane may send.
type Limits struct {
	// Size and Drain are the portal's bucket (requests, requests a second); Size 0: none.
	Size, Drain float64
	// PerRequest is how many commands share a request.
	PerRequest int
	// Flying bounds requests at once: in all, of live and background together, of background. One place is always kept for waiting persons.
	Flying [3]int
}

// LimitsB24 is a portal's budget. On-premise portals count no requests, but their load is their administrator's business: two at once, and a third for a
// person who waits.
func LimitsB24(size, drain float64) Limits {
	if size == 0 {
		return Limits{PerRequest: 50, Flying: [3]int{3, 2, 1}}
	}
	return Limits{Size: size, Drain: drain, PerRequest: 50, Flying: [3]int{4, 2, 1}}
}

// LimitsUIS is the budget of a UIS lane: one call is one request.
func LimitsUIS(kind LaneKind) Limits {
	if kind == LaneUISChat {
		return Limits{PerRequest: 1, Flying: [3]int{8, 8, 2}}
	}
	return Limits{PerRequest: 1, Flying: [3]int{2, 2, 1}}
}

// keep is how many places of the bucket a class leaves free for those before it. The last ones are for the way: requests that left one by one may
// arrive together, a second's drain covers that.
func (l Limits) keep(p Priority) float64 {
	way := max(min(2, l.Size/10), min(l.Drain, l.Size/4))
	switch p {
	case Waiting:
		return way
	case Live:
		return max(way+1, l.Size/10)
	case Background:
	}
	return l.Size / 2
}

// budget is a lane's bucket and what is under way, as data.
type budget struct {
	Limits
	level    float64
	levelAt  time.Time
	pause    time.Time
	lastSent time.Time
	flying   [3]int        // by the highest class aboard
	failures int           // requests in a row that came to nothing
	fulls    int           // QUERY_LIMIT_EXCEEDED in a row
	slow     time.Duration // how long requests take, a moving average
}

func (b budget) at(now time.Time) float64 {
	if now.Before(b.levelAt) {
		return b.level
	}
	return max(0, b.level-b.Drain*now.Sub(b.levelAt).Seconds())
}

// add counts a request.
func (b *budget) add(now time.Time) {
	b.level, b.levelAt, b.lastSent = b.at(now)+1, now, now
}

// fill is what QUERY_LIMIT_EXCEEDED teaches: somebody filled the bucket. The pause doubles while it goes on.
func (b *budget) fill(now time.Time, jitter float64) {
	b.level, b.levelAt = b.Size, now
	b.fulls++
	wait := time.Second
	if b.Drain > 0 {
		wait = time.Duration(float64(time.Second) / b.Drain)
	}
	b.pause = now.Add(backoff(wait, b.fulls-1, jitter))
}

// backoff doubles a wait per failure, up to a minute, and shakes it by up to a fifth, so that servers do not march in step.
func backoff(wait time.Duration, failures int, jitter float64) time.Duration {
	for range min(failures, 12) {
		wait *= 2
	}
	return time.Duration(float64(min(wait, maxBackoff)) * (0.9 + 0.2*jitter))
}

const (
	maxBackoff = time.Minute
	// maxPause is more than any pause can be.
	maxPause = 2 * maxBackoff
)

// took learns how long a request was under way.
func (b *budget) took(d time.Duration) {
	if b.slow == 0 {
		b.slow = d
	}
	b.slow = (b.slow*3 + d) / 4
}

// most is how many requests may be under way: fewer when the platform is slow to answer, as more would only make it slower; one after failures.
func (b budget) most() int {
	switch {
	case b.failures >= circuitAt, b.slow > 20*time.Second:
		return 1
	case b.slow > 10*time.Second:
		return min(2, b.Flying[0])
	}
	return b.Flying[0]
}

// underway is how many requests have not been answered yet.
func (b budget) underway() int { return b.flying[0] + b.flying[1] + b.flying[2] }

// circuitAt is how many failures in a row leave one probe at a time.
const circuitAt = 5

// mayFly tells whether a request may leave, and if not, when to look again: top is the class on whose behalf the bucket is asked, class that of the most
// urgent command aboard. Those whom nobody waits for never take the last place.
func (b budget) mayFly(now time.Time, top, class Priority) (bool, time.Duration) {
	most := b.most()
	below := b.flying[1] + b.flying[2]
	switch {
	case now.Before(b.pause):
		return false, b.pause.Sub(now)
	case b.underway() >= most,
		class >= Live && below >= min(b.Flying[1], max(1, most-1)),
		class == Background && b.flying[2] >= b.Flying[2]:
		return false, 0 // the end of a request wakes the lane
	}
	later := b.room(now, b.keep(top))
	return later == 0, later
}

// room is how long until one more request fits into the bucket while some places stay free.
func (b budget) room(now time.Time, keep float64) time.Duration {
	over := b.at(now) + 1 - (b.Size - keep)
	if b.Size == 0 || over <= 0 {
		return 0
	}
	return max(time.Millisecond, time.Duration(over/b.Drain*float64(time.Second)))
}

// over tells that the bucket is fuller than a part of it.
func (b budget) over(now time.Time, part float64) bool { return b.Size > 0 && b.at(now) > b.Size*part }

// The background load keeps the bucket half full by itself; what is above that was sent for people.
const (
	half   = 0.5
	scarce = 0.75
)

const gatherTime = 5 * time.Millisecond

// gather is how long ready commands wait for company: 5 ms while the bucket is under half, else until a request has drained or a full one is ready.
func (b budget) gather(now time.Time, p Priority, ready int, oldest time.Time) time.Duration {
	if p == Waiting || b.PerRequest == 1 || ready >= b.PerRequest {
		return 0
	}
	wait := gatherTime - max(0, now.Sub(oldest))
	if b.over(now, half) {
		wait = time.Duration(float64(time.Second)/b.Drain) - now.Sub(b.lastSent)
	}
	return max(0, wait)
}
