package e2e_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"omni/server/sandbox/portal"
)

// standing is what stands in a portal's CRM at rest.
type standing struct {
	// people carry the clients' phones: leads or, in a CRM without leads, contacts. deals are by contact.
	people     map[string][]portal.Item
	deals      map[int][]portal.Item
	leads      int                    // in a CRM that works without them
	activities map[portal.Binding]int // ours, not those of calls
	forms      map[string][]portal.Binding
	untold     map[string]bool // calls of which a notification met a dying server: the report completes them after twenty minutes
	taken      map[string]bool // requests whose notification a server has answered: UIS tells of each once
}

// work is the kind of entity that a first communication makes here.
func (s *side) work() int {
	if s.n.simple {
		return portal.Deal
	}
	return portal.Lead
}

var (
	formHead  = regexp.MustCompile(`заявка (\d+)`)
	sessionID = regexp.MustCompile(`"call_session_id":\s*"?(\d+)`)
	formID    = regexp.MustCompile(`"offline_message_id":\s*"?(\d+)`)
)

func (s *side) standing() *standing {
	at := &standing{people: map[string][]portal.Item{}, deals: map[int][]portal.Item{}, activities: map[portal.Binding]int{}, forms: map[string][]portal.Binding{}, taken: s.taken, untold: s.untold}
	who := portal.Lead
	if s.n.simple {
		who = portal.Contact
		for _, deal := range s.n.portal.Items(portal.Deal) {
			at.deals[whole(deal.Fields["contactId"])] = append(at.deals[whole(deal.Fields["contactId"])], deal)
		}
		at.leads = len(s.n.portal.Items(portal.Lead))
	}
	for _, item := range s.n.portal.Items(who) {
		for _, phone := range item.Phones {
			digits := strings.TrimPrefix(portal.NormalizePhone(phone), "+")
			at.people[digits] = append(at.people[digits], item)
		}
	}
	for _, d := range s.n.uis.Deliveries() {
		if m := sessionID.FindStringSubmatch(d.Body); d.Kind == "notification" && m != nil && d.Status != http.StatusOK && d.Status != http.StatusNoContent {
			s.mu.Lock()
			s.untold[m[1]] = true
			s.mu.Unlock()
		}
		if m := formID.FindStringSubmatch(d.Body); d.Event == "offline_message" && m != nil && (d.Status == http.StatusOK || d.Status == http.StatusNoContent) {
			s.mu.Lock()
			s.taken[m[1]] = true
			s.mu.Unlock()
		}
	}
	state := s.n.portal.State()
	for _, a := range state.Activities {
		if a.Fields["PROVIDER_ID"] == "CONFIGURABLE_REST_APP" {
			for _, b := range a.Bindings {
				at.activities[b]++
			}
		}
	}
	for _, c := range state.Comments {
		if m := formHead.FindStringSubmatch(c.Text); m != nil {
			at.forms[m[1]] = append(at.forms[m[1]], c.Bindings...)
		}
	}
	return at
}

// rest: nothing of this run stands there that belongs to nobody.
func (at *standing) rest(s *side, total int) {
	own := 0
	for phone, list := range at.people {
		if strings.HasPrefix(phone, "79001") {
			own += len(list)
		}
	}
	if own != total {
		s.c.find("foreign lead", s.tag, "%d leads or contacts of this run, %d of its clients", own, total)
	}
	asked := 0
	for _, p := range s.people {
		asked += len(p.forms)
	}
	if len(at.taken) < asked/2 {
		s.c.find(itself, s.tag, "of %d requests only %d seem to have been told", asked, len(at.taken))
	}
	rung := 0
	for _, p := range s.people {
		rung += len(p.rung)
	}
	if len(at.untold) > 3+rung/5 {
		s.c.find(itself, s.tag, "of %d calls %d were not told: the suite would look away", rung, len(at.untold))
	}
	deals := 0
	for _, list := range at.deals {
		deals += len(list)
	}
	if s.n.simple && deals-total != s.before {
		s.c.find("foreign deal", s.tag, "%d deals of %d clients, %d were there before", deals, total, s.before)
	}
	if at.leads > 0 && at.leads != s.leadsBefore {
		s.c.find("foreign lead", s.tag, "%d leads in a CRM without leads, %d were there before", at.leads, s.leadsBefore)
	}
}

// shows are the entities that a communication of a client shows in; not known: they are not as they should be, which is said elsewhere.
func (at *standing) shows(p *client) ([]portal.Binding, bool) {
	list := at.people[p.phone()]
	if len(list) != 1 {
		return nil, false
	}
	if !p.s.n.simple {
		return []portal.Binding{{Type: portal.Lead, ID: list[0].ID}}, true
	}
	deals := at.deals[list[0].ID]
	if len(deals) != 1 {
		return nil, false
	}
	return []portal.Binding{{Type: portal.Deal, ID: deals[0].ID}, {Type: portal.Contact, ID: list[0].ID}}, true
}

func sameBindings(a, b []portal.Binding) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x portal.Binding) bool { return !slices.Contains(b, x) })
}

// compareEntities: one set of entities for one client, with his phone, tied to each other and to all his chats.
func (p *client) compareEntities(ours []chat, at *standing) {
	wrote, maybe, talked := 0, 0, false
	for _, r := range p.rung {
		if at.untold[fmt.Sprint(r.session)] {
			maybe++
		} else {
			wrote++
		}
	}
	for _, c := range ours {
		if c.UIS != nil {
			wrote++
			talked = true
		}
	}
	asked := 0
	for _, id := range p.forms {
		if at.taken[fmt.Sprint(id)] || len(at.forms[fmt.Sprint(id)]) > 0 {
			asked++
		}
	}
	wrote += asked
	list := at.people[p.phone()]
	want := min(1, wrote)
	if p.main == bot {
		want = 0
	}
	if wrote == 0 && maybe > 0 && p.main != bot {
		want = min(1, len(list))
	}
	if len(list) != want {
		p.s.c.find("leads", p.who(), "%d instead of %d", len(list), want)
		return
	}
	if want == 0 {
		return
	}
	if len(list[0].Phones) != 1 {
		p.s.c.find("leads", p.who(), "phones %v", list[0].Phones)
	}
	shows, known := at.shows(p)
	if !known {
		p.s.c.find("deals", p.who(), "contact %d has %d deals", list[0].ID, len(at.deals[list[0].ID]))
		return
	}
	work := entity{"lead", int64(list[0].ID)}
	if p.s.n.simple {
		work = entity{"deal", int64(shows[0].ID)}
		made := at.activities[shows[0]]
		// The first communication makes one; a call makes its own instead.
		if made > 1 || made == 0 && len(p.rung) == 0 && (talked || asked > 0) {
			p.s.c.find("activities", p.who(), "deal %d has %d", shows[0].ID, made)
		}
	}
	for _, c := range ours {
		if c.UIS == nil {
			continue
		}
		strange := !slices.Contains(c.Entities, work) || len(c.Entities) > len(shows)
		for _, e := range c.Entities {
			strange = strange || e != work && e != entity{"contact", int64(list[0].ID)}
		}
		if strange {
			p.s.c.find("wrong entity", p.who(), "chat %d is tied to %v instead of %v", *c.UIS, c.Entities, work)
		}
	}
}

// compareForms: each offline request has one comment, at the client's work.
func (p *client) compareForms(at *standing) {
	shows, known := at.shows(p)
	for _, id := range p.forms {
		if !at.taken[fmt.Sprint(id)] && len(at.forms[fmt.Sprint(id)]) == 0 {
			continue // UIS tells of each once; the report may bring it later
		}
		if list := at.forms[fmt.Sprint(id)]; len(list) != 1 || known && list[0] != shows[0] {
			p.s.c.find("requests", p.who(), "request %d has its comment at %v, the client's entities are %v", id, list, shows)
		}
	}
}
