package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// rung is a call that was simulated.
type rung struct {
	session int64
	kind    string
}

func (r rung) answered() bool { return r.kind != "missed" && r.kind != "outgoing_missed" }

// calls is a whole call of the client, or to him.
func (p *client) calls(dice *rand.Rand) {
	if p.main == bot {
		return // nobody knows a number of his
	}
	kind := []string{"answered", "answered", "missed", "transfer", "outgoing", "outgoing_missed"}[dice.IntN(6)]
	call, err := p.s.n.uis.SimulateCall(kind, uisplatform.CallSpec{Contact: p.phone(), Employee: 1000 + int64(p.user)})
	if err != nil {
		p.s.c.find(itself, p.who(), "%v", err)
		return
	}
	p.log("%s call %d", kind, call.ID())
	p.rung = append(p.rung, rung{call.ID(), kind})
}

// callAndWrite is a call and a message at the same moment: one person, who gets one lead.
func (p *client) callAndWrite(dice *rand.Rand) {
	text := p.text("пишет")
	var both sync.WaitGroup
	both.Add(1)
	go func() { defer both.Done(); p.write(p.main, text) }()
	p.calls(dice)
	both.Wait()
}

// compareCalls: each call stands once at the portal, finished, with one activity at the client's lead in the right state, and its recording.
func (p *client) compareCalls(at *standing) {
	if len(p.rung) == 0 {
		return
	}
	calls := map[string][]portal.Call{}
	for _, k := range p.s.n.portal.Calls() {
		calls[k.External] = append(calls[k.External], k)
	}
	activities := map[int]portal.Activity{}
	for _, a := range p.s.n.portal.State().Activities {
		activities[a.ID] = a
	}
	for i, r := range p.rung {
		list := calls[fmt.Sprint(r.session)]
		if at.untold[fmt.Sprint(r.session)] && len(list) < 2 {
			continue
		}
		if len(list) != 1 {
			p.s.c.find("calls", p.who(), "session %d (%s) stands %d times at the portal", r.session, r.kind, len(list))
			continue
		}
		k := list[0]
		a, there := activities[k.Activity]
		switch {
		case !k.Finished:
			p.s.c.find("calls", p.who(), "session %d (%s) is not finished", r.session, r.kind)
			continue
		case !there:
			p.s.c.find("calls", p.who(), "session %d (%s) has no activity", r.session, r.kind)
			continue
		case r.answered() != (k.Record != ""):
			p.s.c.find("calls", p.who(), "session %d (%s) has the recording %q", r.session, r.kind, k.Record)
		}
		done, unsure := r.answered(), false
		for _, later := range p.rung[i+1:] {
			done = done || later.answered()
			unsure = unsure || at.untold[fmt.Sprint(later.session)]
		}
		if completed := a.Fields["COMPLETED"] == "Y"; completed != done && len(p.clicks) == 0 && !unsure { // a call of his that a click brought about may have completed it
			p.s.c.find("calls", p.who(), "the activity of session %d (%s) is done: %v", r.session, r.kind, completed)
		}
		if want, known := at.shows(p); known && !sameBindings(a.Bindings, want) {
			p.s.c.find("calls", p.who(), "the activity of session %d shows in %v instead of %v", r.session, a.Bindings, want)
		}
	}
}
