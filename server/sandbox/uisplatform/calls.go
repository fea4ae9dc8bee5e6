package uisplatform

import (
	"errors"
	"fmt"
	"time"
)

// CallSpec describes a call to simulate; empty fields take sensible values of the account.
type CallSpec struct {
	Direction     string `json:"direction"`      // in (default) or out
	VirtualNumber string `json:"virtual_number"` // default: the account's first
	Contact       string `json:"contact"`        // the client's number, E.164 digits
	Employee      int64  `json:"employee"`       // who is called, or who calls; default: the first with a telephone
	ExternalID    string `json:"external_id"`
	Source        string `json:"source"`    // call_source; default va (in), sip (out)
	Operation     string `json:"operation"` // name of the last scenario operation
	Group         int64  `json:"group"`     // the group whose employees are rung, as get.call_legs_report names it
}

// leg is one participant of a call.
type leg struct {
	id              int64
	employee        *Employee // nil: the client
	from, to        string
	started         time.Time
	connected, over time.Time
	state           string // as list.calls says it
}

// talk is one conversation within a call.
type talk struct {
	employee   *Employee
	begin, end time.Time
	record     string // hash of its recording
}

type call struct {
	voice                     *voiceMail // left by the client; nil: none
	id, communication, number int64
	spec                      CallSpec
	contact                   *leg
	legs                      []*leg
	talks                     []*talk
	started, over             time.Time
	reason                    string
	shift                     time.Duration // the call's own time minus the platform's
	apiRequest                int64
	record                    string // hash of the recording of the whole call
	scenario                  *Scenario
}

func (c *call) open() bool { return c.over.IsZero() }

func (c *call) talking() *talk {
	if n := len(c.talks); n > 0 && c.talks[n-1].end.IsZero() {
		return c.talks[n-1]
	}
	return nil
}

// Call is a simulated call. Each step sends the notifications that belong to it.
type Call struct {
	a *Account
	c *call
}

// ErrCallOver tells that a call cannot do this (any more).
var ErrCallOver = errors.New("the call is not in a state for this")

// StartCall begins a call: in_call_session and in_call for an incoming one, out_call_session and the employee's leg for an outgoing one.
func (a *Account) StartCall(spec CallSpec) (*Call, error) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	c, err := a.startCall(spec, 0)
	if err != nil {
		return nil, err
	}
	return &Call{a, c}, nil
}

func (a *Account) startCall(spec CallSpec, shift time.Duration) (*call, error) {
	if spec.Direction == "" {
		spec.Direction = "in"
	}
	if spec.VirtualNumber == "" && len(a.cfg.VirtualNumbers) > 0 && !a.internal(spec) {
		spec.VirtualNumber = a.cfg.VirtualNumbers[0].Number
	}
	if spec.Employee == 0 {
		for _, e := range a.employees {
			if len(e.Phones) > 0 {
				spec.Employee = e.ID
				break
			}
		}
	}
	if a.employee(spec.Employee) == nil {
		return nil, fmt.Errorf("employee %d: %w", spec.Employee, ErrNoEmployee)
	}
	spec.Source = orText(spec.Source, map[string]string{"in": "va", "out": "sip"}[spec.Direction])
	c := &call{id: a.id(), communication: a.id(), number: 1, spec: spec, shift: shift}
	for _, other := range a.calls {
		if other.spec.Contact == spec.Contact {
			c.number++
		}
	}
	c.started = a.callNow(c)
	c.scenario = a.scenarioOf(spec.VirtualNumber)
	a.calls = append(a.calls, c)
	c.contact = a.addLeg(c, nil)
	if spec.Direction == "in" {
		c.contact.connected, c.contact.state = c.started, "Дозвон"
		a.notify("in_call_session", c.id, a.callVars(c))
		a.notify("in_call", c.id, a.legVars(c, c.contact))
		return c, nil
	}
	a.notify("out_call_session", c.id, a.callVars(c))
	return c, nil
}

func (a *Account) scenarioOf(number string) *Scenario {
	for _, n := range a.cfg.VirtualNumbers {
		if n.Number != number {
			continue
		}
		for i := range a.cfg.Scenarios {
			if a.cfg.Scenarios[i].ID == n.Scenario {
				return &a.cfg.Scenarios[i]
			}
		}
	}
	return nil
}

func (a *Account) callNow(c *call) time.Time { return a.p.now().Add(c.shift) }

func (a *Account) addLeg(c *call, e *Employee) *leg {
	l := &leg{id: a.id(), employee: e, started: a.callNow(c), state: "Дозвон", from: c.spec.VirtualNumber, to: c.spec.Contact}
	if e != nil && len(e.Phones) > 0 {
		l.to = e.Phones[0]
	} else if e != nil {
		l.to = e.Extension
	}
	if e == nil && c.spec.Direction == "in" {
		l.from, l.to = c.spec.Contact, c.spec.VirtualNumber
	}
	c.legs = append(c.legs, l)
	return l
}

// ID is the call_session_id.
func (c *Call) ID() int64 { return c.c.id }

// CommunicationID is the communication_id.
func (c *Call) CommunicationID() int64 { return c.c.communication }

// Advance moves the call's own time, so that waiting and talking have a length without waiting.
func (c *Call) Advance(d time.Duration) {
	c.a.p.mu.Lock()
	defer c.a.p.mu.Unlock()
	c.c.shift += d
}

// Ring calls an employee: out_call, call_proceeding.
func (c *Call) Ring(employee int64) error {
	return c.step(func(a *Account) error {
		e := a.employee(employee)
		if e == nil {
			return fmt.Errorf("employee %d: %w", employee, ErrNoEmployee)
		}
		a.ring(c.c, e)
		return nil
	})
}

// RingContact calls the client of an outgoing call after the employee's side has been picked up: call_connected, out_call, call_proceeding.
func (c *Call) RingContact() error {
	return c.step(func(a *Account) error { a.ringContact(c.c); return nil })
}

// Answer picks up the side that rings: call_connected, talk_started.
func (c *Call) Answer() error { return c.step(func(a *Account) error { return a.answer(c.c) }) }

// Transfer ends the talk with one employee and rings another: talk_finished, call_disconnected, out_call, call_proceeding. Answer follows.
func (c *Call) Transfer(employee int64) error {
	return c.step(func(a *Account) error {
		e := a.employee(employee)
		if e == nil || c.c.talking() == nil {
			return fmt.Errorf("transfer to %d: %w", employee, ErrCallOver)
		}
		a.transfer(c.c, e)
		return nil
	})
}

// HangUp ends the call: talk_finished, call_disconnected of each leg, call_session_finished and talk_record_file; without a talk lost_call_session.
func (c *Call) HangUp() error {
	return c.step(func(a *Account) error { a.hangUp(c.c, ""); return nil })
}

func (c *Call) step(do func(*Account) error) error {
	c.a.p.mu.Lock()
	defer c.a.p.mu.Unlock()
	if !c.c.open() {
		return ErrCallOver
	}
	return do(c.a)
}

// The steps themselves; the lock is held.

func (a *Account) ring(c *call, e *Employee) {
	l := a.addLeg(c, e)
	a.notify("out_call", c.id, a.legVars(c, l))
	a.notify("call_proceeding", c.id, a.legVars(c, l))
}

func (a *Account) ringContact(c *call) {
	if l := c.last(); l != c.contact && l.connected.IsZero() {
		l.connected, l.state = a.callNow(c), "Дозвон"
		a.notify("call_connected", c.id, a.legVars(c, l))
	}
	a.notify("out_call", c.id, a.legVars(c, c.contact))
	a.notify("call_proceeding", c.id, a.legVars(c, c.contact))
}

func (c *call) last() *leg { return c.legs[len(c.legs)-1] }

func (a *Account) answer(c *call) error {
	l := c.last()
	if l.employee == nil || c.talking() != nil {
		return fmt.Errorf("answer: nobody rings: %w", ErrCallOver)
	}
	now := a.callNow(c)
	picked := l
	if !l.connected.IsZero() && c.contact.connected.IsZero() {
		picked = c.contact
	}
	picked.connected = now
	c.contact.connected = firstTime(c.contact.connected, now)
	a.notify("call_connected", c.id, a.legVars(c, picked))
	l.state, c.contact.state = "Разговор", "Разговор"
	c.talks = append(c.talks, &talk{employee: l.employee, begin: now})
	v := a.legVars(c, l)
	delete(v, "leg_id")
	v["leg_ids"] = []int64{c.contact.id, l.id}
	a.notify("talk_started", c.id, v)
	return nil
}

func firstTime(t, def time.Time) time.Time {
	if t.IsZero() {
		return def
	}
	return t
}

func (a *Account) endTalk(c *call) {
	t := c.talking()
	if t == nil {
		return
	}
	t.end = a.callNow(c)
	v := a.legVars(c, c.last())
	delete(v, "leg_id")
	v["leg_ids"] = []int64{c.contact.id, c.last().id}
	a.notify("talk_finished", c.id, v)
}

func (a *Account) disconnect(c *call, l *leg) {
	if !l.over.IsZero() {
		return
	}
	l.over, l.state = a.callNow(c), "Разъединено"
	a.notify("call_disconnected", c.id, a.legVars(c, l))
}

func (a *Account) transfer(c *call, to *Employee) {
	a.endTalk(c)
	a.disconnect(c, c.last())
	a.ring(c, to)
}

func (a *Account) hangUp(c *call, reason string) {
	if !c.open() {
		return
	}
	a.endTalk(c)
	for _, l := range c.legs {
		a.disconnect(c, l)
	}
	c.over = a.callNow(c)
	answered := len(c.talks) > 0
	c.reason = reason
	switch {
	case reason != "":
	case answered:
		c.reason = "success_finish"
	case c.spec.Direction == "in":
		c.reason = "subscriber_disconnects"
	default:
		c.reason = "subscriber_not_responsible"
	}
	recorded := a.record(c)
	if !answered && c.spec.Direction == "in" {
		a.notify("lost_call_session", c.id, a.callVars(c))
	}
	a.notify("call_session_finished", c.id, a.callVars(c))
	for _, t := range recorded {
		a.notify("talk_record_file", c.id, a.recordVars(c, t))
	}
}
