package crm

import "omni/server/ids"

// Priority says where a repeat communication's text goes (C4).
type Priority string

// The choices of C4.
const (
	ToDeals Priority = "deals"
	ToLeads Priority = "leads"
	ToBoth  Priority = "both"
)

// Choice is what one form of C3 creates. On false: nothing.
type Choice struct {
	On     bool
	Create []EntityType
}

func (c Choice) has(t EntityType) bool {
	for _, e := range c.Create {
		if e == t {
			return c.On
		}
	}
	return false
}

// Funnel is where entities start (C5); empty fields leave it to the portal: its first pipeline and stage.
type Funnel struct {
	LeadStage string
	Pipeline  *int64
	DealStage string
}

// Policy is what the settings say about chats or offline requests (C2–C9, C12), with rules already applied to this communication.
type Policy struct {
	First, Repeat             Choice
	FunnelFirst, FunnelRepeat Funnel
	Priority                  Priority
	ClosedEntities            bool
	WithoutContacts           bool
	CopyToContact             bool
	Responsible               ids.B24UserID
	Title                     string
}

// Facts is what is known of the client when the decision is taken.
type Facts struct {
	Name        string
	Phones      []string
	Emails      []string
	HasContacts bool
}

// Decision is what a communication creates and joins, and where its text goes.
type Decision struct {
	// First tells whether this counts as the client's first communication.
	First bool
	// Create lists what is made, in order: contact, lead, deal, activity.
	Create []EntityType
	// Contact is a found contact a new deal is tied to.
	Contact *Entity
	// Company is a found company a new deal is tied to when there is no contact.
	Company *Entity
	// Joined are existing entities the text goes to.
	Joined []Entity
	// Copies are existing contacts or companies that get a copy of the text (C8).
	Copies []Entity
	// CopyToNewContact: the contact made with the deal gets a copy too.
	CopyToNewContact bool
	Funnel           Funnel
	// Responsible is given to whatever is created.
	Responsible ids.B24UserID
	Reasons     []Reason
}

// Reason is one step of a decision, told by code; the pages turn it into a sentence.
type Reason struct {
	Code string         `json:"code"`
	Args map[string]any `json:"args,omitempty"`
}

func because(code string, args ...any) Reason {
	r := Reason{Code: code}
	for i := 0; i+1 < len(args); i += 2 {
		if r.Args == nil {
			r.Args = map[string]any{}
		}
		r.Args[args[i].(string)] = args[i+1]
	}
	return r
}

// Decide is the one decision of what a chat or an offline request creates (C3, C4, C12). It reads nothing but its arguments.
func Decide(policy Policy, facts Facts, picture Picture) Decision {
	if !facts.HasContacts {
		return withoutContacts(policy, picture.Mode)
	}
	if picture.Empty() {
		return first(policy, picture, because("crm.first_nothing_found"))
	}
	if policy.Repeat.has(Lead) && picture.Mode == Classic || policy.Repeat.has(Deal) {
		d := create(policy.Repeat, policy.FunnelRepeat, picture, because("crm.repeat_creates"))
		return copies(policy, picture, d)
	}
	return repeat(policy, picture)
}

// withoutContacts is C12: search is impossible, so every such chat counts as first and makes a lead, or a deal where there are no leads.
func withoutContacts(policy Policy, mode Mode) Decision {
	if !policy.WithoutContacts {
		return Decision{First: true, Reasons: []Reason{because("crm.no_contact_data")}}
	}
	if !policy.First.On {
		return Decision{First: true, Reasons: []Reason{because("crm.first_off")}}
	}
	d := Decision{First: true, Funnel: policy.FunnelFirst, Create: []EntityType{Lead}, Reasons: []Reason{because("crm.without_contacts")}}
	if mode == Simple {
		d.Create = []EntityType{Deal}
	}
	if policy.First.has(Activity) {
		d.Create = append(d.Create, Activity)
	}
	return d
}

func first(policy Policy, picture Picture, why Reason) Decision {
	if !policy.First.On {
		return Decision{First: true, Reasons: []Reason{why, because("crm.first_off")}}
	}
	d := create(policy.First, policy.FunnelFirst, picture, why)
	d.First = true
	return copies(policy, picture, d)
}

// create makes what a form of C3 chose. A lead carries the contact data itself; a contact is made with a deal, or found and tied.
func create(choice Choice, funnel Funnel, picture Picture, why Reason) Decision {
	d := Decision{Funnel: funnel, Reasons: []Reason{why}}
	deal := choice.has(Deal)
	if deal {
		if contact, found := picture.Newest(Contact, nil); found {
			d.Contact = &contact
		} else if company, found := picture.Newest(Company, nil); found {
			d.Company = &company
		} else {
			d.Create = append(d.Create, Contact)
		}
	}
	if choice.has(Lead) && picture.Mode == Classic {
		d.Create = append(d.Create, Lead)
	}
	if deal {
		d.Create = append(d.Create, Deal)
	}
	if choice.has(Activity) {
		d.Create = append(d.Create, Activity)
	}
	return d
}

// repeat is the table of C4, row by row.
func repeat(policy Policy, picture Picture) Decision {
	openDeal, hasOpenDeal := picture.Newest(Deal, Entity.Open)
	openLead, hasOpenLead := picture.Newest(Lead, Entity.Open)
	closedDeal, hasClosedDeal := picture.Newest(Deal, Entity.Closed)
	closedLead, hasClosedLead := picture.Newest(Lead, Entity.Closed)
	person, hasPerson := picture.Newest(Contact, nil)
	if !hasPerson {
		person, hasPerson = picture.Newest(Company, nil)
	}
	join := func(row int, entities ...Entity) Decision {
		d := Decision{Joined: entities, Reasons: []Reason{because("crm.repeat_joins", "row", row)}}
		if policy.Repeat.has(Activity) {
			d.Create = []EntityType{Activity}
		}
		return copies(policy, picture, d)
	}
	switch {
	case hasOpenDeal && hasOpenLead && policy.Priority == ToBoth:
		return join(5, openDeal, openLead)
	case hasOpenDeal && hasOpenLead && policy.Priority == ToLeads:
		return join(3, openLead)
	case hasOpenDeal && policy.Priority == ToBoth:
		return join(6, openDeal)
	case hasOpenDeal && policy.Priority == ToLeads:
		return join(4, openDeal)
	case hasOpenDeal:
		return join(1, openDeal)
	case hasOpenLead && policy.Priority == ToLeads:
		return join(3, openLead)
	case hasOpenLead && policy.Priority == ToBoth:
		return join(7, openLead)
	case hasOpenLead:
		return join(2, openLead)
	}
	if !hasClosedDeal && !hasClosedLead {
		if hasPerson {
			return join(8, person)
		}
		return first(policy, picture, because("crm.first_nothing_found", "row", 9))
	}
	if !policy.ClosedEntities {
		if hasPerson {
			return join(13, person)
		}
		return first(policy, picture, because("crm.first_only_closed", "row", 14))
	}
	switch {
	case policy.Priority == ToBoth:
		var both []Entity
		if hasClosedDeal {
			both = append(both, closedDeal)
		}
		if hasClosedLead {
			both = append(both, closedLead)
		}
		return join(12, both...)
	case policy.Priority == ToLeads && hasClosedLead:
		return join(11, closedLead)
	case policy.Priority == ToLeads:
		return join(11, closedDeal)
	case hasClosedDeal:
		return join(10, closedDeal)
	}
	return join(10, closedLead)
}

// copies is C8: a copy of each text goes to the contact and company found, or made with the deal; never twice to one card.
func copies(policy Policy, picture Picture, d Decision) Decision {
	if !policy.CopyToContact || len(d.Joined)+len(d.Create) == 0 {
		return d
	}
	taken := map[Ref]bool{}
	for _, e := range d.Joined {
		taken[e.Ref] = true
	}
	for _, t := range []EntityType{Contact, Company} {
		if e, found := picture.Newest(t, nil); found && !taken[e.Ref] {
			d.Copies = append(d.Copies, e)
		}
	}
	for _, t := range d.Create {
		if t == Contact {
			d.CopyToNewContact = true
		}
	}
	return d
}
