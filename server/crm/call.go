package crm

import (
	"slices"

	"omni/server/ids"
)

// CallPolicy is what the settings say about one call (T4, T5, T7, T9, R4, R5), with rules already applied to it.
type CallPolicy struct {
	// Create is the switch of the call's direction (T4, T5).
	Create bool   `json:"create"`
	Funnel Funnel `json:"funnel"`
	// Titles names what is created, by kind.
	Titles map[EntityType]string `json:"titles,omitempty"`
	// Responsible is who gets what a first call creates until its end decides (T6), and who stands in when every existing person was dismissed.
	Responsible ids.B24UserID `json:"responsible"`
	// Dismissed users count as nobody.
	Dismissed []ids.B24UserID `json:"dismissed,omitempty"`
	// Source goes to "Source information" of what is created (T7); empty: nothing.
	Source string `json:"source,omitempty"`
}

// CallAnswer is what a call is told of its client's picture.
type CallAnswer struct {
	// Unread: the picture could not be read; nothing is known and nothing was made.
	Unread bool `json:"unread,omitempty"`
	// First: nothing of this client was found (T9).
	First bool `json:"first,omitempty"`
	// Existing are the responsibles of the found entities who still work there, the highest first: contact, company, lead or deal (T9).
	Existing []ids.B24UserID `json:"existing,omitempty"`
	// Primary is what the portal ties the call to (telephony.externalCall.register takes a contact, a company or a lead); nil: nothing like that is there.
	Primary *Ref `json:"primary,omitempty"`
	// Bind are the entities the call's activity shows in: the contact or company, and the newest open or just created lead or deal (T4a).
	Bind []Ref `json:"bind,omitempty"`
	// Open is the found open lead or deal with its responsible; nil: none (T9 row 10).
	Open *Owned `json:"open,omitempty"`
	// Created are the entities this call made, with the responsible they were given.
	Created []Owned `json:"created,omitempty"`
}

// Owned is an entity with its responsible.
type Owned struct {
	Ref
	Responsible ids.B24UserID `json:"responsible"`
}

// DecideCall is the one decision of what a call creates (T4; T5 is the same for outbound calls). Joined are the found entities its activity is tied to.
func DecideCall(policy CallPolicy, picture Picture) Decision {
	d := Decision{First: picture.Empty(), Funnel: policy.Funnel, Responsible: policy.Responsible}
	if existing := Existing(picture, policy.Dismissed); len(existing) > 0 {
		d.Responsible = existing[0]
	}
	person, hasPerson := picture.Newest(Contact, nil)
	if hasPerson {
		d.Contact = &person
	} else if company, found := picture.Newest(Company, nil); found {
		person, hasPerson = company, true
		d.Company = &company
	}
	if hasPerson {
		d.Joined = []Entity{person}
	}
	open, hasOpen := newestWork(picture, Entity.Open)
	closed, hasClosed := newestWork(picture, Entity.Closed)
	switch {
	case hasOpen:
		d.Joined = append(d.Joined, open)
		d.Reasons = []Reason{because("crm.call_joins_open", "entity", open.Name())}
	case !policy.Create:
		if hasClosed {
			d.Joined = append(d.Joined, closed)
		}
		d.Reasons = []Reason{because("crm.call_create_off")}
	case hasClosed:
		d.Create = callCreates(picture.Mode, closed.Type == Deal, hasPerson)
		d.Reasons = []Reason{because("crm.call_only_closed", "entity", closed.Name())}
	case hasPerson:
		d.Create = callCreates(picture.Mode, false, true)
		d.Reasons = []Reason{because("crm.call_only_person", "entity", person.Name())}
	default:
		d.Create = callCreates(picture.Mode, false, false)
		d.Reasons = []Reason{because("crm.first_nothing_found")}
	}
	if company, found := picture.Newest(Company, nil); found && len(d.Create) > 0 {
		d.Company = &company // what is new belongs to both (T9 row 15); the activity shows in the contact
	}
	return d
}

// callCreates is a lead where leads are in use and the newest closed one was no deal, else a deal, with a contact when nobody was found.
func callCreates(mode Mode, deal, hasPerson bool) []EntityType {
	switch {
	case mode == Classic && !deal:
		return []EntityType{Lead}
	case hasPerson:
		return []EntityType{Deal}
	}
	return []EntityType{Contact, Deal}
}

// newestWork is the newest of leads and deals that pass lets through.
func newestWork(p Picture, pass func(Entity) bool) (Entity, bool) {
	lead, hasLead := p.Newest(Lead, pass)
	deal, hasDeal := p.Newest(Deal, pass)
	switch {
	case hasLead && hasDeal && lead.CreatedAt.After(deal.CreatedAt):
		return lead, true
	case hasDeal:
		return deal, true
	}
	return lead, hasLead
}

// Existing are the responsibles of the highest found entities, contact before company before lead and deal, open ones before closed ones, then the newest (T9).
func Existing(p Picture, dismissed []ids.B24UserID) []ids.B24UserID {
	var list []ids.B24UserID
	add := func(e Entity, found bool) {
		if found && e.Responsible != 0 && !slices.Contains(dismissed, e.Responsible) && !slices.Contains(list, e.Responsible) {
			list = append(list, e.Responsible)
		}
	}
	add(p.Newest(Contact, nil))
	add(p.Newest(Company, nil))
	add(newestWork(p, Entity.Open))
	add(newestWork(p, Entity.Closed))
	return list
}

// callAnswer is what the picture and the decision tell the call; what is created is added when it is there.
func callAnswer(policy CallPolicy, picture Picture, d Decision) *CallAnswer {
	a := &CallAnswer{First: d.First, Existing: Existing(picture, policy.Dismissed)}
	for _, e := range d.Joined {
		a.Bind = append(a.Bind, e.Ref)
		if e.Type != Deal && a.Primary == nil {
			a.Primary = &Ref{e.Type, e.ID}
		}
		if e.Open() {
			a.Open = &Owned{e.Ref, e.Responsible}
		}
	}
	return a
}

// clone is a copy that may be added to; nil stays nil.
func (a *CallAnswer) clone() *CallAnswer {
	if a == nil {
		return nil
	}
	c := *a
	c.Bind, c.Created = slices.Clone(a.Bind), slices.Clone(a.Created)
	return &c
}

// made takes a created entity in.
func (a *CallAnswer) made(r Ref, responsible ids.B24UserID) {
	if a == nil || r.Type == Activity {
		return
	}
	a.Created = append(a.Created, Owned{r, responsible})
	a.Bind = append(a.Bind, r)
	if r.Type != Deal && a.Primary == nil {
		a.Primary = &Ref{r.Type, r.ID}
	}
}
