package portal

import (
	"math"
	"math/rand"
	"strings"
	"sync"
	"time"
)

// Bucket is a leaky bucket: a request adds one, Drain leave each second, over Size requests are refused (docs page "limits").
type Bucket struct {
	Size  float64
	Drain float64
}

const (
	operatingWindow = 10 * time.Minute
	operatingLimit  = 480 * time.Second
)

// limiter holds the buckets by source and the operating seconds by method and application.
type limiter struct {
	mu        sync.Mutex
	bucket    *Bucket // nil: no limits (on-premise)
	limit     time.Duration
	perBatch  bool
	levels    map[string]*level
	operating map[string]map[int64]time.Duration // minute → time spent
	cost      map[string]time.Duration           // extra time a method is said to take
	delay     map[string][2]time.Duration        // how long calls of a method really take, from and to
}

type level struct {
	value float64
	at    time.Time
}

func newLimiter(c PortalConfig) *limiter {
	l := &limiter{limit: c.Operating, perBatch: c.OperatingPerBatch}
	l.clear()
	if l.limit == 0 {
		l.limit = operatingLimit
	}
	switch {
	case c.Bucket != nil:
		b := *c.Bucket
		l.bucket = &b
	case strings.Contains(c.Licence, "selfhosted"):
	case strings.Contains(c.Licence, "ent"):
		l.bucket = &Bucket{Size: 250, Drain: 5}
	default:
		l.bucket = &Bucket{Size: 50, Drain: 2}
	}
	return l
}

// clear empties the buckets and counters.
func (l *limiter) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.levels, l.operating, l.cost = map[string]*level{}, map[string]map[int64]time.Duration{}, map[string]time.Duration{}
	l.delay = map[string][2]time.Duration{}
}

// take counts a request of a source; false means over the limit.
func (l *limiter) take(source string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bucket == nil {
		return true
	}
	v := l.levels[source]
	if v == nil {
		v = &level{at: now}
		l.levels[source] = v
	}
	v.value = math.Max(0, v.value-now.Sub(v.at).Seconds()*l.bucket.Drain)
	v.at = now
	if v.value+1 > l.bucket.Size {
		return false
	}
	v.value++
	return true
}

// spent is the operating time of a method and when its oldest minute drops out.
func (l *limiter) spent(key string, now time.Time) (time.Duration, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sum(key, now)
}

func (l *limiter) sum(key string, now time.Time) (time.Duration, time.Time) {
	var total time.Duration
	first := now.Unix() / 60
	edge := now.Add(-operatingWindow).Unix()/60 + 1
	for minute, d := range l.operating[key] {
		if minute < edge {
			delete(l.operating[key], minute)
			continue
		}
		total += d
		if minute < first {
			first = minute
		}
	}
	return total, time.Unix(first*60, 0).Add(operatingWindow)
}

// spend adds the time of a call, with the cost configured for the method.
func (l *limiter) spend(key, method string, took time.Duration, now time.Time) (time.Duration, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	took += l.cost[method]
	return l.add(key, took, now)
}

// spendBatch adds the time of a batch with the costs of the methods that ran in it.
func (l *limiter) spendBatch(key string, methods []string, took time.Duration, now time.Time) (time.Duration, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, method := range methods {
		took += l.cost[method]
	}
	return l.add(key, took, now)
}

func (l *limiter) add(key string, took time.Duration, now time.Time) (time.Duration, time.Time) {
	m := l.operating[key]
	if m == nil {
		m = map[int64]time.Duration{}
		l.operating[key] = m
	}
	m[now.Unix()/60] += took
	return l.sum(key, now)
}

// SetMethodCost says how much operating time each call of a method is charged beside its real duration.
func (p *Portal) SetMethodCost(method string, d time.Duration) {
	p.limits.mu.Lock()
	defer p.limits.mu.Unlock()
	p.limits.cost[strings.ToLower(method)] = d
}

// SetMethodDelay makes each call of a method take some time between two bounds.
func (p *Portal) SetMethodDelay(method string, from, to time.Duration) {
	p.limits.mu.Lock()
	defer p.limits.mu.Unlock()
	p.limits.delay[strings.ToLower(method)] = [2]time.Duration{from, to}
}

// wait takes the time that calls of the method are to take.
func (l *limiter) wait(method string) {
	l.mu.Lock()
	bounds := l.delay[method]
	l.mu.Unlock()
	if bounds[1] > 0 {
		time.Sleep(bounds[0] + time.Duration(rand.Int63n(int64(bounds[1]-bounds[0])+1)))
	}
}

// BucketLevel is the highest level of all sources now, for tests of a caller's pacing.
func (p *Portal) BucketLevel() float64 {
	l, now := p.limits, p.world.bucketNow()
	l.mu.Lock()
	defer l.mu.Unlock()
	top := 0.0
	for _, v := range l.levels {
		if l.bucket != nil {
			top = math.Max(top, v.value-now.Sub(v.at).Seconds()*l.bucket.Drain)
		}
	}
	return top
}
