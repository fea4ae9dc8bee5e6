// Package restlog keeps every request to portals and to UIS with its answer, without secrets, for at least three days: the market demands it.
//
// Whoever makes a request hands it over and goes on (Log.B24, Log.UIS); whose request it is stands in its context (Of, Commands, Caller). A service takes
// secrets out, shortens, compresses and stores in batches. What memory does not hold is counted and lost: a log must not stop the work. Bodies are bounded
// per account and in all, the oldest go first; the rows themselves (when, to whom, what, how it ended) stay as long as they are kept.
package restlog

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"omni/server/bitrix24"
	"omni/server/clock"
	"omni/server/ids"
	"omni/server/store"
	"omni/server/uis"
)

// Least is how long the market wants requests to be kept.
const Least = 72 * time.Hour

const (
	// waitingBytes and waitingMost bound what waits in memory to be stored.
	waitingBytes = 32 << 20
	waitingMost  = 20_000
	// hugeBody is from when on a body is not even held: no page reads megabytes.
	hugeBody = 2 << 20
)

// Kinds of requests, as lanes are called.
const (
	KindB24     = "b24"
	KindUISData = "uis.data"
	KindUISCall = "uis.call"
	KindUISChat = "uis.chat"
)

// Options are the parts of a log.
type Options struct {
	DB    *store.DB
	Clock clock.Clock
	Log   *slog.Logger
	// Keep is for how long rows are kept; server/days drops them.
	Keep time.Duration
	// AccountLimit and Limit bound what the bodies of one account, and of all, take.
	AccountLimit, Limit int64
}

// Log is the log of requests.
type Log struct {
	Options
	mu      sync.Mutex
	waiting []entry
	bytes   int
	wake    chan struct{}

	dropped, stored, failures, early atomic.Int64
	counted                          counters
}

// New makes a log; Run starts its service. It takes requests at once.
func New(o Options) *Log {
	return &Log{Options: o, wake: make(chan struct{}, 1), counted: counters{all: map[Counted]int64{}}}
}

// entry is a request that waits to be stored.
type entry struct {
	at      time.Time // business
	came    time.Time // physical
	took    time.Duration
	kind    string
	subject *Subject
	size    int
	// parts does the work that the caller shall not wait for.
	parts func() []part
}

// part is one command of a request before it is cleaned.
type part struct {
	key             string
	method          string
	asked, answered []byte
	failure         *Problem
	took            time.Duration
}

// Problem is why a command failed.
type Problem struct {
	Code  string `json:"code"`
	Class string `json:"class"`
	Text  string `json:"text"`
}

// B24 takes a request to a portal or to an authorization server. It is a bitrix24.LogHook.
func (l *Log) B24(ctx context.Context, r bitrix24.Record) {
	huge := r.Size() > hugeBody
	e := entry{took: r.Duration, kind: KindB24, size: r.Size(), parts: func() []part {
		var parts []part
		for _, p := range r.Parts() {
			parts = append(parts, part{key: p.Key, method: p.Method, asked: p.Asked, answered: p.Answered, failure: b24Problem(p.Error), took: p.Took})
		}
		return parts
	}}
	if huge {
		short := []part{{method: r.Method, asked: sizeOf(r.Size()), took: r.Duration}}
		if r.Code != "" {
			short[0].failure = &Problem{Code: r.Code}
		}
		e.size, e.parts = 0, func() []part { return short }
	}
	l.add(ctx, e)
}

func b24Problem(e *bitrix24.Error) *Problem {
	if e == nil {
		return nil
	}
	p := &Problem{Code: e.Code, Class: string(e.Class()), Text: e.Description}
	if e.Cause != nil {
		p.Text = e.Cause.Error()
	}
	return p
}

// UIS gives the observer of an account's requests to UIS.
func (l *Log) UIS(account ids.AccountID) func(context.Context, uis.Exchange) {
	return func(ctx context.Context, x uis.Exchange) {
		size := len(x.Params) + len(x.Answer)
		one := part{method: x.Method, asked: x.Params, answered: x.Answer, took: x.Took}
		if size > hugeBody {
			one.asked, one.answered, size = x.Params[:min(len(x.Params), hugeBody)], sizeOf(size), len(x.Params)
		}
		if x.Err != nil {
			one.failure = uisProblem(x.Err)
		}
		s := subjectOf(ctx)
		if s == nil || s.of() != account || x.API != uis.AdapterAPI && x.API != uis.DataAPI && x.API != uis.CallAPI || x.Method == loginMethod {
			s = settled(account, 0, nil) // it was made on the way: a login, a setting up
		}
		l.push(entry{took: x.Took, kind: kindOf(x.API), subject: s, size: size, parts: func() []part { return []part{one} }})
	}
}

// loginMethod is the adapter's login, which precedes whatever was to be sent.
const loginMethod = "POST login"

func kindOf(api uis.API) string {
	switch api {
	case uis.DataAPI:
		return KindUISData
	case uis.CallAPI:
		return KindUISCall
	case uis.ChatsAPI, uis.AdapterAPI, uis.LoginAPI, uis.MediaAPI:
	}
	return KindUISChat
}

func uisProblem(err error) *Problem {
	p := &Problem{Class: string(uis.ClassOf(err)), Text: err.Error()}
	if e, ok := asUIS(err); ok {
		p.Code, p.Text = e.Mnemonic, e.Message
	}
	return p
}

func (l *Log) add(ctx context.Context, e entry) {
	if e.subject = subjectOf(ctx); e.subject == nil {
		e.subject = settled(0, 0, nil)
	}
	l.push(e)
}

// push queues a request. It never waits.
func (l *Log) push(e entry) {
	e.came, e.at = time.Now(), l.Clock.Now().Add(-e.took)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) >= waitingMost || l.bytes+e.size > waitingBytes {
		l.dropped.Add(1)
		return
	}
	l.waiting = append(l.waiting, e)
	l.bytes += e.size
	if len(l.waiting) >= flushRows {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Counted names a counter of requests.
type Counted struct {
	Kind   string
	Failed bool
	// Commands: the counter is of the commands in them.
	Commands bool
}

type counters struct {
	mu  sync.Mutex
	all map[Counted]int64
}

func (c *counters) add(r *row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[Counted{r.kind, r.failed > 0, false}]++
	c.all[Counted{r.kind, true, true}] += int64(r.failed)
	c.all[Counted{r.kind, false, true}] += int64(r.commands - r.failed)
}

// Stats are the log's own figures since the server started.
type Stats struct {
	// Stored rows, requests Dropped because memory was full, and failed tries to store.
	Stored, Dropped, Failures int64
	// Early bodies were taken out to make room before three days were over.
	Early int64
	// Waiting requests and the Bytes they hold.
	Waiting, Bytes int
	Requests       map[Counted]int64
}

// Stats reads the figures.
func (l *Log) Stats() Stats {
	s := Stats{Stored: l.stored.Load(), Dropped: l.dropped.Load(), Failures: l.failures.Load(), Early: l.early.Load(), Requests: map[Counted]int64{}}
	l.mu.Lock()
	s.Waiting, s.Bytes = len(l.waiting), l.bytes
	l.mu.Unlock()
	l.counted.mu.Lock()
	defer l.counted.mu.Unlock()
	for k, n := range l.counted.all {
		s.Requests[k] = n
	}
	return s
}
