package uisplatform

import (
	"math/rand/v2"
	"strings"
	"time"
)

// FaultKind is a way to fail.
type FaultKind string

// Faults of calls to the platform. "before" means that nothing was done, "after" that it was done and the caller does not learn it.
const (
	ResetBefore  FaultKind = "reset_before"   // the connection is closed, nothing was done
	LostAfter    FaultKind = "lost_after"     // done, then the connection is closed without an answer
	Late         FaultKind = "late"           // the connection is closed at once, it is done after Delay (operations with a JSON body only)
	Slow         FaultKind = "slow"           // waits Delay, then does it and answers, also when the caller has given up
	SlowAfter    FaultKind = "slow_after"     // does it at once, answers after Delay
	StatusBefore FaultKind = "status_before"  // answers Status (default 503), nothing was done
	StatusAfter  FaultKind = "status_after"   // does it and answers Status
	Garbage      FaultKind = "garbage"        // does it and answers 200 with an HTML page
	LimitReached FaultKind = "limit"          // limit_exceeded, or 429 in the Chat API; nothing was done
	TokenExpired FaultKind = "token_expired"  // access_token_expired, or 401 in the Chat API; nothing was done
	Internal     FaultKind = "internal_error" // internal_error of JSON-RPC, or 500 in the Chat API; nothing was done
)

// Faults of what the platform sends: webhooks and notifications.
const (
	Duplicate FaultKind = "duplicate" // sent twice
	Delayed   FaultKind = "delay"     // sent after Delay, what follows in the same chat waits
	Reordered FaultKind = "reorder"   // changes places with what follows in the same chat; sent alone after Delay (default 300 ms) when nothing follows
	Dropped   FaultKind = "drop"      // never sent
)

// Fault makes matching operations fail: the next Times ones (default 1), or with a Probability each (from Seed, repeatable) up to Times (0: for ever).
type Fault struct {
	ID      int64     `json:"id"`
	Account string    `json:"account,omitempty"` // empty: any
	API     string    `json:"api,omitempty"`     // data, call, login, chats, adapter, media; webhook, notification; empty: any that the kind fits
	Match   string    `json:"match,omitempty"`   // beginning of the operation: "get.chats_report", "POST /v1/adapter/message", "POST /message"; empty: any
	Kind    FaultKind `json:"kind"`
	Status  int       `json:"status,omitempty"`
	// Delay is in nanoseconds in JSON, or "delay_ms" may be given.
	Delay       time.Duration `json:"delay,omitempty"`
	Times       int           `json:"times,omitempty"`
	Probability float64       `json:"probability,omitempty"`
	Seed        uint64        `json:"seed,omitempty"`
	// Hit counts how often the fault has struck; an answer, never an input.
	Hit int `json:"hit"`

	random *rand.Rand
}

func (k FaultKind) outgoing() bool {
	return k == Duplicate || k == Delayed || k == Reordered || k == Dropped
}

// AddFault arms a fault for all accounts, or for the one it names.
func (p *Platform) AddFault(f Fault) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nextFault++
	f.ID, f.Hit = p.nextFault, 0
	if f.Probability > 0 {
		f.random = rand.New(rand.NewPCG(f.Seed, 1))
	} else if f.Times == 0 {
		f.Times = 1
	}
	p.faults = append(p.faults, &f)
	return f.ID
}

// AddFault arms a fault for this account.
func (a *Account) AddFault(f Fault) int64 {
	f.Account = a.cfg.Name
	return a.p.AddFault(f)
}

// Faults are the armed faults with how often each has struck.
func (p *Platform) Faults() []Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []Fault{}
	for _, f := range p.faults {
		out = append(out, *f)
	}
	return out
}

// ClearFaults disarms all faults, or the given ones.
func (p *Platform) ClearFaults(ids ...int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var left []*Fault
	for _, f := range p.faults {
		gone := len(ids) == 0
		for _, id := range ids {
			gone = gone || f.ID == id
		}
		if !gone {
			left = append(left, f)
		}
	}
	p.faults = left
}

// strike finds the fault that hits an operation, nil when none does. The lock is held.
func (p *Platform) strike(a *Account, api, operation string, outgoing bool) *Fault {
	for _, f := range p.faults {
		switch {
		case f.Kind.outgoing() != outgoing,
			f.API != "" && f.API != api,
			f.Account != "" && (a == nil || a.cfg.Name != f.Account),
			!strings.HasPrefix(operation, f.Match),
			f.Times > 0 && f.Hit >= f.Times,
			f.random != nil && f.random.Float64() >= f.Probability:
			continue
		}
		f.Hit++
		hit := *f
		return &hit
	}
	return nil
}
