package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// request is an offline request of the client on the site.
func (p *client) request(*rand.Rand) {
	if p.main == bot {
		return // he leaves no phone
	}
	id, err := p.s.n.uis.SendRequest(uisplatform.Request{Name: p.outside(p.main).Name, Phone: p.phone(), Text: p.text("заявка с сайта")})
	if err != nil {
		p.s.c.find(itself, p.who(), "%v", err)
		return
	}
	p.log("request %d", id)
	p.forms = append(p.forms, id)
}

// edits changes a message of his that everybody has seen by now, each once: two changes of one message have no order that a webhook would tell.
func (p *client) edits(dice *rand.Rand) {
	seen := map[int64]bool{}
	for _, d := range p.s.n.uis.Deliveries() {
		if d.Event == "POST /message" && d.Status == http.StatusOK && time.Since(d.At) > 3*time.Second {
			if m := messageID.FindStringSubmatch(d.Body); m != nil {
				var id int64
				_, _ = fmt.Sscan(m[1], &id)
				seen[id] = true
			}
		}
	}
	var mine []uisplatform.Message
	for _, c := range p.chats() {
		for _, m := range p.s.n.uis.MessagesOf(c.ID) {
			if m.Source == "visitor" && m.File == nil && c.Open && seen[m.ID] && !p.edited[m.ID] {
				mine = append(mine, m)
			}
		}
	}
	if len(mine) == 0 {
		return
	}
	m := mine[dice.IntN(len(mine))]
	p.edited[m.ID] = true
	text := p.text("правит")
	p.log("edits %d: %q", m.ID, text)
	if err := p.s.n.uis.EditMessage(m.ID, text); err != nil {
		p.s.c.find(itself, p.who(), "%v", err)
	}
}

// click is an employee's click on the client's number in his lead or deal.
func (p *client) click(*rand.Rand) {
	at := p.s.standing()
	shows, known := at.shows(p)
	if !known {
		return // nothing to click on yet
	}
	id := p.s.n.portal.ClickToCall(p.user, "+"+p.phone(), shows[0].Type, shows[0].ID)
	p.log("click %s", id)
	p.clicks = append(p.clicks, id)
}

// compareClicks: a click that was heard brought one call about, or was ended with a reason. One that the portal told nobody of, as the server died, does nothing.
func (p *client) compareClicks() {
	if len(p.clicks) == 0 {
		return
	}
	heard := map[string]bool{}
	for _, d := range p.s.c.w.bitrix.Deliveries() {
		if d.Portal == p.s.n.portal.Name() && strings.EqualFold(d.Event, "OnExternalCallStart") && d.Status == http.StatusOK {
			if form, err := url.ParseQuery(d.Body); err == nil {
				heard[form.Get("data[CALL_ID]")] = true
			}
		}
	}
	at := map[string]portal.Call{}
	external := map[string]int{}
	for _, k := range p.s.n.portal.Calls() {
		at[k.ID] = k
		external[k.External]++
	}
	rung := map[int64]bool{}
	for _, r := range p.rung {
		rung[r.session] = true
	}
	dialled := 0
	for _, call := range p.s.n.uis.Calls() {
		if call.Contact != p.phone() || rung[call.ID] {
			continue
		}
		if dialled++; external[fmt.Sprint(call.ID)] > 1 {
			p.s.c.find("clicks", p.who(), "session %d of a click stands %d times at the portal", call.ID, external[fmt.Sprint(call.ID)])
		}
	}
	for _, id := range p.clicks {
		if k := at[id]; heard[id] && !k.Finished {
			p.s.c.find("clicks", p.who(), "%s was heard and is not finished: %v", id, p.s.c.lines(fmt.Sprintf(`SELECT format('%%s %%s %%s', state, external_id, session_id) FROM click WHERE id = '%s'`, id)))
		}
	}
	if dialled > len(p.clicks) {
		p.s.c.find("clicks", p.who(), "%d calls of %d clicks", dialled, len(p.clicks))
	}
}

// decide is what an administrator does about commands that the portal refused for good: most of them he sends once more, some he drops. It tells how many.
func (s *side) decide() int {
	list, ok := get[struct {
		Items []struct {
			ID               int64
			Kind, Key, State string
			Reason           struct{ Code, Text string }
		}
	}](s, "/operations/commands?state=refused")
	decided := 0
	for _, one := range list.Items {
		if !ok || strings.HasPrefix(one.Kind, "uis.") {
			continue // operators send those again themselves
		}
		verb := "retry"
		if strings.HasPrefix(one.Kind, "start.") {
			verb = "drop" // a call that nobody knows of is worth nothing any more
		}
		var chat int64
		if _, err := fmt.Sscanf(one.Key, "chat:%d", &chat); err == nil && one.Kind == "crm.timeline.comment.add" && one.ID%3 == 0 {
			verb = "drop" // nothing of this chat goes to the timeline any more
			s.mu.Lock()
			s.dropped[chat] = true
			s.mu.Unlock()
		}
		code, body := s.ask(1, http.MethodPost, fmt.Sprintf("/operations/commands/%d/%s", one.ID, verb), nil)
		if code == http.StatusConflict && strings.Contains(string(body), "command_replaced") {
			verb = "drop" // a newer text stands there, which this one would take away
			code, body = s.ask(1, http.MethodPost, fmt.Sprintf("/operations/commands/%d/%s", one.ID, verb), nil)
		}
		s.c.note("%s: %s of %s %s (%s %s %s) → %d", s.tag, verb, one.Key, one.Kind, one.State, one.Reason.Code, one.Reason.Text, code)
		if code != http.StatusOK {
			s.c.find("no decision", s.tag, "%s of %s %s: %d %s", verb, one.Key, one.Kind, code, body)
		}
		decided++
	}
	return decided
}

// takeAll sets a company of the run up for everything that clients and employees ask for: calls, clicks, requests.
func (s *side) takeAll() {
	centre := &callCentre{s.n, s.c.t}
	centre.save(func(telephony map[string]any) {
		clicking(true)(telephony)
		telephony["records"] = map[string]any{"send": true, "with_filters": false}
	})
	centre.forms(func(requests map[string]any) {
		requests["first"] = map[string]any{"on": true, "create": s.n.creates()}
		requests["repeat"] = map[string]any{"on": false, "create": []string{}}
	})
	centre.paste()
	centre.lines()
}
