package portal

import (
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"time"
)

// Kinds of faults.
const (
	FaultLost      = "lost"      // the call is executed, its answer never arrives: the connection is closed
	FaultLate      = "late"      // the connection is closed at once, the call runs DelayMS later: the portal goes on working after nobody listens any more
	FaultReset     = "reset"     // the connection is reset before anything happens
	FaultSlow      = "slow"      // the call waits DelayMS before it runs (After: before it answers); it runs even when the caller has gone
	FaultHTTP      = "http"      // answers Status (500, 502, 503) with an HTML page before execution, After: after it
	FaultLimit     = "limit"     // 503 QUERY_LIMIT_EXCEEDED without execution
	FaultOperating = "operating" // 429 OPERATION_TIME_LIMIT without execution
	FaultExpired   = "expired"   // the caller's access token expires: 401 expired_token
	FaultRefused   = "refused"   // the caller's tokens die: 401 invalid_token, later refreshes fail
	FaultMoved     = "moved"     // 302 to Location (scheme and host), as a renamed portal answers
	FaultDenied    = "denied"    // the method answers 200 with a refusal inside: false, with a Code {"result":false,"error":Code,"error_description":Text}; it does not run
	FaultError     = "error"     // the method answers Status, Code and Text; inside a batch only its command fails
)

// Fault is something that shall go wrong. Zero Count with zero Probability means once.
type Fault struct {
	ID          int     `json:"id"`
	Portal      string  `json:"portal"`      // name, empty for any
	Method      string  `json:"method"`      // such as crm.item.add, batch, oauth.token (the token endpoint), oauth.app.info; empty for any REST call. A batch matches by any of its commands
	Kind        string  `json:"kind"`        //
	Count       int     `json:"count"`       // how many matching requests it strikes; -1 without end
	Skip        int     `json:"skip"`        // how many matching requests pass first
	Probability float64 `json:"probability"` // strikes by chance instead (0 to 1), without end unless Count is set
	Seed        int64   `json:"seed"`        // of the chance
	Status      int     `json:"status"`
	DelayMS     int     `json:"delay_ms"`
	After       bool    `json:"after"`
	Location    string  `json:"location"`
	Code        string  `json:"code"`
	Text        string  `json:"text"`
	Struck      int     `json:"struck"` // how often it has struck
}

type faultBox struct {
	mu   sync.Mutex
	next int
	all  []*armed
}

type armed struct {
	Fault
	dice *rand.Rand
}

func newFaultBox() *faultBox { return &faultBox{} }

// AddFault arms a fault and answers its number.
func (w *World) AddFault(f Fault) (int, error) {
	switch f.Kind {
	case FaultLost, FaultLate, FaultReset, FaultSlow, FaultHTTP, FaultLimit, FaultOperating, FaultExpired, FaultRefused, FaultMoved, FaultDenied, FaultError:
	default:
		return 0, fmt.Errorf("unknown kind of fault %q", f.Kind)
	}
	if f.Count == 0 && f.Probability == 0 {
		f.Count = 1
	}
	if f.Count == 0 {
		f.Count = -1
	}
	f.Method = strings.ToLower(f.Method)
	b := w.faults
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	f.ID = b.next
	b.all = append(b.all, &armed{Fault: f, dice: rand.New(rand.NewSource(f.Seed))})
	return f.ID, nil
}

// ClearFaults disarms everything.
func (w *World) ClearFaults() { w.faults.clear() }

// Faults lists what is armed or has struck.
func (w *World) Faults() []Fault {
	b := w.faults
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Fault, len(b.all))
	for i, a := range b.all {
		out[i] = a.Fault
	}
	return out
}

func (b *faultBox) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = nil
}

// strike gives the faults that hit a request of these methods (a batch has several). wanted picks the kinds.
func (b *faultBox) strike(portal string, methods []string, wanted func(kind string) bool) []Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Fault
	for _, a := range b.all {
		if a.Count == 0 || !wanted(a.Kind) || a.Portal != "" && a.Portal != portal || !a.matches(methods) {
			continue
		}
		if a.Skip > 0 {
			a.Skip--
			continue
		}
		if a.Probability > 0 && a.dice.Float64() >= a.Probability {
			continue
		}
		if a.Count > 0 {
			a.Count--
		}
		a.Struck++
		out = append(out, a.Fault)
	}
	return out
}

func (a *armed) matches(methods []string) bool {
	if a.Method == "" {
		return len(methods) > 0 && !strings.HasPrefix(methods[0], "oauth.")
	}
	for _, m := range methods {
		if m == a.Method {
			return true
		}
	}
	return false
}

func (f Fault) delay() time.Duration { return time.Duration(f.DelayMS) * time.Millisecond }

func wholeRequest(kind string) bool { return !perCommand(kind) }
func perCommand(kind string) bool   { return kind == FaultError || kind == FaultDenied }
