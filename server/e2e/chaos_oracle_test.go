package e2e_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// compare holds what the platforms and the pages show against what was asked. Everything is at rest.
func (s *side) compare() {
	displaced := s.displaced()
	comments := s.comments()
	at := s.standing()
	total := 0
	for _, p := range s.people {
		before := s.c.count()
		p.compare(displaced, comments, at)
		total += len(at.people[p.phone()])
		if s.c.count() > before+10 {
			break // one cause, many consequences
		}
	}
	at.rest(s, total)
	s.strangers()
	s.feeds()
}

// compare is about one client.
func (p *client) compare(displaced map[int64]bool, comments map[int64][]string, at *standing) {
	s := p.s
	outside, ours := p.chats(), s.chatsOf(p)
	byUIS := map[int64]chat{}
	pages := map[string]int{} // keys of operators' messages on the page
	for _, c := range ours {
		if c.UIS == nil {
			if c.State != "failed" {
				s.c.find("chat without a number", p.who(), "%d is %s", c.ID, c.State)
			}
			for _, m := range s.messagesOf(c.ID) { // it stands there as not delivered, with the reason
				if m.Key != nil {
					pages[*m.Key]++
				}
			}
			continue
		}
		if _, twice := byUIS[*c.UIS]; twice {
			s.c.find("doubled chat", p.who(), "%d of UIS", *c.UIS)
		}
		byUIS[*c.UIS] = c
	}
	for _, u := range outside {
		c, known := byUIS[u.ID]
		if !known {
			s.c.find("lost chat", p.who(), "%d of UIS", u.ID)
			continue
		}
		if open := c.State != "closed"; open != u.Open {
			s.c.find("wrong state", p.who(), "chat %d is %s here, open at UIS: %v", u.ID, c.State, u.Open)
		}
		if name := p.outside(u.Channel).Name; c.Client.Name != name && u.Initiator != "operator" {
			s.c.find("wrong card", p.who(), "chat %d is with %q, not %q", u.ID, c.Client.Name, name)
		}
		page := s.messagesOf(c.ID)
		for _, m := range page {
			if m.Key != nil {
				pages[*m.Key]++
			}
		}
		phone := s.n.uis.MessagesOf(u.ID)
		p.compareClient(u.ID, phone, page, displaced)
		p.compareOperators(u, phone, page)
		p.compareComments(u.ID, page, comments[u.ID])
	}
	for _, m := range p.told {
		if n := pages[m.key]; n != 1 && (m.uis != 0 || m.again == 0) {
			s.c.find("acknowledged message", p.who(), "%q is %d times on the page", m.text, n)
		}
	}
	p.compareEntities(ours, at)
	p.compareCalls(at)
	p.compareForms(at)
	p.compareClicks()
}

// compareClient: what the client wrote is on the page, each once and in order. A webhook that was made to change places may have done so.
func (p *client) compareClient(chat int64, phone []uisplatform.Message, page []message, displaced map[int64]bool) {
	var want, have []string
	moved := map[string]bool{}
	for _, m := range phone {
		if m.Source == "visitor" {
			want = append(want, m.Text)
			moved[m.Text] = moved[m.Text] || displaced[m.ID]
			if m.File != nil {
				p.file(m, page)
			}
		}
	}
	for _, m := range page {
		if m.Side == "client" {
			have = append(have, m.Text)
		}
	}
	p.same(fmt.Sprintf("client's messages of chat %d", chat), want, have, moved)
}

// same compares two lists of texts: lost, doubled, foreign, out of order.
func (p *client) same(what string, want, have []string, moved map[string]bool) {
	w, h := tally(want), tally(have)
	for text, n := range w {
		switch {
		case h[text] < n:
			p.s.c.find("lost", p.who(), "%s: %q, %d of %d", what, text, h[text], n)
		case h[text] > n:
			p.s.c.find("doubled", p.who(), "%s: %q, %d instead of %d", what, text, h[text], n)
		}
	}
	for text := range h {
		if w[text] == 0 {
			p.s.c.find("foreign", p.who(), "%s: %q", what, text)
		}
	}
	still := func(list []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(text string) bool { return moved[text] })
	}
	if a, b := still(want), still(have); len(a) == len(b) && !slices.Equal(a, b) {
		at := 0
		for a[at] == b[at] {
			at++
		}
		p.s.c.find("out of order", p.who(), "%s: %q stands where %q should", what, b[at], a[at])
	}
}

func tally(list []string) map[string]int {
	n := map[string]int{}
	for _, text := range list {
		n[text]++
	}
	return n
}

// file: a client's file is here as he sent it.
func (p *client) file(m uisplatform.Message, page []message) {
	for _, at := range page {
		if at.Side != "client" || at.Text != m.Text {
			continue
		}
		if at.File == nil || at.File.State != "ready" || at.File.Size != m.File.Size {
			p.s.c.find("wrong file", p.who(), "of %q: %+v instead of %d bytes", m.Text, at.File, m.File.Size)
		}
	}
}

// compareOperators: what operators said is on the phone, each once and in order, and the page says how far it got.
func (p *client) compareOperators(u uisplatform.Chat, phone []uisplatform.Message, page []message) {
	s := p.s
	var want, have, order []string
	moved := map[string]bool{}
	statuses := map[string][]string{}
	for _, m := range page {
		if m.Side != "operator" {
			continue
		}
		switch m.Status {
		case "sent", "delivered", "read":
			want = append(want, m.Text)
			statuses[m.Text] = append(statuses[m.Text], m.Status)
			moved[m.Text] = moved[m.Text] || m.Key == nil
		case "failed":
			if u.Open {
				s.c.find("undelivered", p.who(), "%q in an open chat", m.Text)
			}
		case "unconfirmed":
			if u.Open || !p.there(u.ID, m.Text) {
				moved[m.Text] = true
			}
			if p.there(u.ID, m.Text) {
				want = append(want, m.Text)
			}
		default:
			s.c.find("unfinished", p.who(), "%q is %s at rest", m.Text, m.Status)
		}
	}
	for _, m := range p.told {
		if m.uis == u.ID || m.uis == 0 && u.Channel == sms && m.text == p.first {
			moved[m.text] = moved[m.text] || m.again > 0
			order = append(order, m.text)
		}
	}
	for _, m := range phone {
		if m.Source != "operator" {
			continue
		}
		have = append(have, m.Text)
		p.fileOut(m)
		if list := statuses[m.Text]; len(list) > 0 {
			status := m.Status
			if status == "" || status == "accepted" {
				status = "sent"
			}
			if list[0] != status {
				s.c.find("wrong status", p.who(), "%q is %s on the page and %s on the phone", m.Text, list[0], status)
			}
			statuses[m.Text] = list[1:]
		}
	}
	p.same(fmt.Sprintf("operators' messages of chat %d on the phone", u.ID), want, have, moved)
	// And in the order in which they were acknowledged.
	on := tally(have)
	acknowledged := slices.DeleteFunc(order, func(text string) bool { return moved[text] || on[text] == 0 })
	asked := tally(acknowledged)
	arrived := slices.DeleteFunc(slices.Clone(have), func(text string) bool { return moved[text] || asked[text] == 0 })
	if len(acknowledged) == len(arrived) && !slices.Equal(acknowledged, arrived) {
		s.c.find("out of order", p.who(), "chat %d: the phone shows %q, said was %q", u.ID, arrived, acknowledged)
	}
}

// fileOut: an operator's file is on the phone as he sent it.
func (p *client) fileOut(m uisplatform.Message) {
	for _, told := range p.told {
		if told.text == m.Text && told.sha != "" && (m.File == nil || m.File.SHA256 != told.sha) {
			p.s.c.find("wrong file", p.who(), "of %q on the phone", m.Text)
		}
	}
}

// compareComments: the timeline shows the conversation as the page does.
func (p *client) compareComments(chat int64, page []message, lines []string) {
	var want []string
	for _, m := range page {
		if m.Side != "system" {
			want = append(want, m.Text)
		}
	}
	if p.s.dropped[chat] {
		return
	}
	if p.main == bot {
		want = nil // nobody knows who he is: nothing goes to the CRM
	}
	p.same(fmt.Sprintf("timeline of chat %d", chat), want, lines, nil)
}

var (
	commentHead = regexp.MustCompile(`^\[B\]UIS .*, чат (\d+), часть (\d+)\[/B\]`)
	commentLine = regexp.MustCompile(`^\d\d:\d\d \[B\].*?:\[/B\] ([^\[]*)`)
)

// comments are the lines of the timeline's comments by the chat they are about, parts in order.
func (s *side) comments() map[int64][]string {
	out, parts := map[int64][]string{}, map[string]bool{}
	all := s.n.portal.State().Comments
	slices.SortFunc(all, func(a, b portal.Comment) int { return a.ID - b.ID })
	for _, c := range all {
		head := commentHead.FindStringSubmatch(c.Text)
		if head == nil {
			continue
		}
		if len(c.Bindings) != 1 || c.Bindings[0].Type != s.work() {
			s.c.find("wrong comment", s.tag, "chat %s: %v", head[1], c.Bindings)
		}
		if parts[head[0]] {
			s.c.find("doubled comment", s.tag, "%s", head[0])
		}
		parts[head[0]] = true
		var chat int64
		_, _ = fmt.Sscan(head[1], &chat)
		for line := range strings.Lines(c.Text) {
			if m := commentLine.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
				out[chat] = append(out[chat], strings.TrimSpace(m[1]))
			}
		}
	}
	return out
}

// displaced are client's messages whose webhook UIS was made to send out of turn.
func (s *side) displaced() map[int64]bool {
	out := map[int64]bool{}
	for _, d := range s.n.uis.Deliveries() {
		if d.Event == "POST /message" && d.Fault == uisplatform.Reordered {
			var id int64
			if m := messageID.FindStringSubmatch(d.Body); m != nil {
				_, _ = fmt.Sscan(m[1], &id)
			}
			out[id] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moved == nil {
		s.moved = map[int64]bool{}
	}
	for id := range out {
		s.moved[id] = true
	}
	return s.moved
}

var messageID = regexp.MustCompile(`"id":(\d+)`)

// strangers: nothing of the other company is anywhere here.
func (s *side) strangers() {
	for _, other := range s.c.sides {
		if other == s {
			continue
		}
		mark := other.tag + " клиент"
		for _, c := range s.n.portal.State().Comments {
			if strings.Contains(c.Text, mark) {
				s.c.find("crossed", s.tag, "a comment says %q", c.Text)
			}
		}
		for _, c := range s.n.uis.Chats() {
			for _, m := range s.n.uis.MessagesOf(c.ID) {
				if strings.Contains(m.Text, mark) {
					s.c.find("crossed", s.tag, "a phone shows %q", m.Text)
				}
			}
		}
		for i, p := range s.pages {
			p.mu.Lock()
			for _, f := range p.frames {
				if f.Data.Message != nil && strings.Contains(f.Data.Message.Text, mark) {
					s.c.find("crossed", s.tag, "page %d shows %q", i, f.Data.Message.Text)
				}
			}
			p.mu.Unlock()
		}
	}
}
