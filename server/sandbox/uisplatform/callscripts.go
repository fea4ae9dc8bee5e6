package uisplatform

import (
	"fmt"
	"time"
)

// CallScript says how the people behave in calls that the Call API starts, and how long the simulated calls last.
type CallScript struct {
	// Outcome: answered (default), no_answer, busy, employee_no_answer, or manual (the call waits for the test, see Account.Calls).
	Outcome string        `json:"outcome"`
	Wait    time.Duration `json:"wait"` // default 8 s
	Talk    time.Duration `json:"talk"` // default 40 s
}

// SetCallScript changes how the people behave in calls that the Call API starts.
func (a *Account) SetCallScript(s CallScript) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.script = s
}

// callKinds are the calls SimulateCall knows.
var callKinds = map[string]string{"answered": "in", "missed": "in", "transfer": "in", "outgoing": "out", "outgoing_missed": "out", "outgoing_busy": "out",
	"internal": "out"}

// SimulateCall plays a whole call: answered, missed, transfer (to the next employee), outgoing, outgoing_missed, outgoing_busy, internal (to an extension, without any
// virtual number). It returns when the first step is done; the
// others follow after Options.StepDelay each. Without a delay all is done on return, with times as if the call had just ended.
func (a *Account) SimulateCall(kind string, spec CallSpec) (*Call, error) {
	direction, ok := callKinds[kind]
	if !ok {
		return nil, fmt.Errorf("there is no kind of call %q", kind)
	}
	spec.Direction = direction
	a.p.mu.Lock()
	script := a.script.complete()
	c, err := a.startCall(spec, a.past(script))
	a.p.mu.Unlock()
	if err != nil {
		return nil, err
	}
	a.play(c, a.steps(c, kind, script))
	return &Call{a, c}, nil
}

// SimulateBetween plays a call of an employee from one of the account's virtual numbers to another one, which that number's scenario takes: two sessions, each with
// the other's number as its contact.
func (a *Account) SimulateBetween(from, to string, caller, taker int64) (out, in *Call, err error) {
	if out, err = a.SimulateCall("outgoing", CallSpec{VirtualNumber: from, Contact: to, Employee: caller}); err == nil {
		in, err = a.SimulateCall("answered", CallSpec{VirtualNumber: to, Contact: from, Employee: taker})
	}
	return out, in, err
}

// internal tells that a call is one of colleagues among themselves: it goes to an extension of the account.
func (a *Account) internal(c CallSpec) bool {
	for _, e := range a.employees {
		if e.Extension != "" && e.Extension == c.Contact {
			return true
		}
	}
	return false
}

func (s CallScript) complete() CallScript {
	s.Outcome = orText(s.Outcome, "answered")
	s.Wait, s.Talk = orDefault(s.Wait, 8*time.Second), orDefault(s.Talk, 40*time.Second)
	return s
}

// past is how far in the past a call begins whose steps follow at once.
func (a *Account) past(s CallScript) time.Duration {
	if a.p.opt.StepDelay > 0 {
		return 0
	}
	return -s.Wait - s.Talk
}

// callStep is one step of a script; took is how much of the call's time it stands for.
type callStep struct {
	took time.Duration
	do   func()
}

func (a *Account) steps(c *call, kind string, s CallScript) []callStep {
	first := a.employee(c.spec.Employee)
	ring := callStep{0, func() { a.ring(c, first) }}
	pick := callStep{s.Wait, func() { _ = a.answer(c) }} // cannot fail right after ring
	end := func(after time.Duration, reason string) callStep {
		return callStep{after, func() { a.hangUp(c, reason) }}
	}
	switch kind {
	case "missed":
		return []callStep{ring, end(s.Wait, "")}
	case "transfer":
		move := callStep{s.Talk / 2, func() { a.transfer(c, a.colleague(first)) }}
		again := callStep{0, func() { _ = a.answer(c) }}
		return []callStep{ring, pick, move, again, end(s.Talk/2, "")}
	case "outgoing", "internal":
		return []callStep{ring, {0, func() { a.ringContact(c) }}, pick, end(s.Talk, "")}
	case "outgoing_missed", "no_answer":
		return []callStep{ring, {0, func() { a.ringContact(c) }}, end(s.Wait, "subscriber_not_responsible")}
	case "busy", "outgoing_busy":
		return []callStep{ring, {0, func() { a.ringContact(c) }}, end(0, "subscriber_busy")}
	case "employee_no_answer":
		return []callStep{ring, end(s.Wait, "operator_not_responsible")}
	case "manual":
		return []callStep{ring}
	}
	return []callStep{ring, pick, end(s.Talk, "")}
}

// colleague is another employee with a telephone.
func (a *Account) colleague(e *Employee) *Employee {
	for _, other := range a.employees {
		if other != e && len(other.Phones) > 0 {
			return other
		}
	}
	return e
}

// play does the steps of a call, at once or with the delay between them.
func (a *Account) play(c *call, steps []callStep) {
	run := func() {
		for _, s := range steps {
			a.p.pause(a.p.opt.StepDelay)
			a.p.mu.Lock()
			if a.p.opt.StepDelay == 0 {
				c.shift += s.took
			}
			if c.open() {
				s.do()
			}
			a.p.mu.Unlock()
		}
	}
	if a.p.opt.StepDelay == 0 {
		run()
		return
	}
	a.p.mu.Lock()
	a.p.begin()
	a.p.senders.Add(1)
	a.p.mu.Unlock()
	go func() {
		defer a.p.senders.Done()
		run()
		a.p.mu.Lock()
		a.p.end()
		a.p.mu.Unlock()
	}()
}

// CallInfo is a call as tests see it.
type CallInfo struct {
	ID            int64     `json:"id"`
	Communication int64     `json:"communication_id"`
	Direction     string    `json:"direction"`
	Contact       string    `json:"contact"`
	VirtualNumber string    `json:"virtual_number"`
	ExternalID    string    `json:"external_id,omitempty"`
	Employee      int64     `json:"employee"`
	Open          bool      `json:"open"`
	Talked        bool      `json:"talked"`
	Reason        string    `json:"reason,omitempty"`
	Started       time.Time `json:"started"`
}

// Calls are all calls, oldest first.
func (a *Account) Calls() []CallInfo {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	out := []CallInfo{}
	for _, c := range a.calls {
		i := CallInfo{ID: c.id, Communication: c.communication, Direction: c.spec.Direction, Contact: c.spec.Contact, VirtualNumber: c.spec.VirtualNumber,
			ExternalID: c.spec.ExternalID, Open: c.open(), Talked: len(c.talks) > 0, Reason: c.reason, Started: c.started}
		if e := c.lastEmployee(); e != nil {
			i.Employee = e.ID
		}
		out = append(out, i)
	}
	return out
}

// CallByID is the handle of a call, for example one that the Call API started; nil when there is none.
func (a *Account) CallByID(id int64) *Call {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	for _, c := range a.calls {
		if c.id == id {
			return &Call{a, c}
		}
	}
	return nil
}
