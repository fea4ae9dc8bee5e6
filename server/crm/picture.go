package crm

import (
	"fmt"
	"sort"
	"time"

	"omni/server/ids"
)

// EntityType is the kind of a CRM entity.
type EntityType string

// The kinds of entities the planner knows.
const (
	Lead     EntityType = "lead"
	Deal     EntityType = "deal"
	Contact  EntityType = "contact"
	Company  EntityType = "company"
	Activity EntityType = "activity"
)

// Wire is Bitrix24's entityTypeId (crm.item.*: 1 lead, 2 deal, 3 contact, 4 company).
func (t EntityType) Wire() int {
	switch t {
	case Lead:
		return 1
	case Deal:
		return 2
	case Contact:
		return 3
	case Company:
		return 4
	}
	return 0
}

// Ref points to one entity.
type Ref struct {
	Type EntityType `json:"type"`
	ID   int64      `json:"id"`
}

// Name is how reasons and commands name the entity: lead:5.
func (r Ref) Name() string { return fmt.Sprintf("%s:%d", r.Type, r.ID) }

// Tie is an entity a communication created or joined, as the pages show it.
type Tie struct {
	Ref
	Title   string `json:"title,omitempty"`
	Created bool   `json:"created,omitempty"`
}

// Mode is how the portal's CRM works (crm.settings.mode.get).
type Mode string

// Classic: leads are in use. Simple: no leads, a first communication makes a contact with a deal.
const (
	Classic Mode = "classic"
	Simple  Mode = "simple"
)

// Entity is what the picture holds of one entity. Contacts and companies have no stage: neither open nor closed.
type Entity struct {
	Ref
	Title       string        `json:"title"`
	Responsible ids.B24UserID `json:"responsible"`
	CreatedAt   time.Time     `json:"created_at"`
	// ChangedAt is when it last changed; only a Watch asks for it.
	ChangedAt time.Time `json:"changed_at,omitzero"`
	// Semantic is P process, S success, F failure; empty for contacts and companies.
	Semantic string  `json:"semantic,omitempty"`
	Contacts []int64 `json:"contacts,omitempty"`
	Company  int64   `json:"company,omitempty"`
	// FirstID names the client's first communication about it (R7c); empty: none, or the portal does not have the field.
	FirstID string `json:"first_id,omitempty"`
}

// Open tells whether a lead or deal is in work.
func (e Entity) Open() bool { return e.Semantic == "P" }

// Closed tells whether a lead or deal is over, won or lost.
func (e Entity) Closed() bool { return e.Semantic == "S" || e.Semantic == "F" }

// Picture is what the CRM holds about one client at a moment.
type Picture struct {
	At       time.Time `json:"at"`
	Mode     Mode      `json:"mode"`
	Entities []Entity  `json:"entities"`
}

// MaxAge is how long a picture may be used when nothing happened about its client.
const MaxAge = 30 * time.Second

// Newest is the latest created entity of a type that pass lets through, by creation date, then by highest id.
func (p Picture) Newest(t EntityType, pass func(Entity) bool) (Entity, bool) {
	var found []Entity
	for _, e := range p.Entities {
		if e.Type == t && (pass == nil || pass(e)) {
			found = append(found, e)
		}
	}
	if len(found) == 0 {
		return Entity{}, false
	}
	sort.Slice(found, func(i, j int) bool {
		if !found[i].CreatedAt.Equal(found[j].CreatedAt) {
			return found[i].CreatedAt.After(found[j].CreatedAt)
		}
		return found[i].ID > found[j].ID
	})
	return found[0], true
}

// Empty tells whether nothing of this client is in the CRM: his communication is the first one.
func (p Picture) Empty() bool { return len(p.Entities) == 0 }
