package telephony

import (
	"encoding/json"

	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
)

// The two reads of a robot's order: the card, and the contact and company it belongs to.
const (
	doEntity = "entity"
	doLinked = "linked"
)

// robotCard is what crm.item.get says of whose a card is and how to reach the client. fm comes only with the whole item.
type robotCard struct {
	Assigned bitrix24.ID `json:"assignedById"`
	FM       bitrix24.List[struct {
		Type  string          `json:"typeId"`
		Value bitrix24.String `json:"value"`
	}] `json:"fm"`
	Contact  bitrix24.ID                `json:"contactId"`
	Contacts bitrix24.List[bitrix24.ID] `json:"contactIds"`
	Company  bitrix24.ID                `json:"companyId"`
}

// phone is the first number of the card; empty: it has none.
func (c robotCard) phone() string {
	for _, f := range c.FM {
		if phone, ok := crm.Phone(string(f.Value)); ok && f.Type == "PHONE" {
			return phone
		}
	}
	return ""
}

// linked are whose numbers serve when the card has none: its contact, then its company.
func (c robotCard) linked() []crm.Ref {
	var refs []crm.Ref
	contact := c.Contact
	if contact == 0 && len(c.Contacts) > 0 {
		contact = c.Contacts[0]
	}
	if contact > 0 {
		refs = append(refs, crm.Ref{Type: crm.Contact, ID: int64(contact)})
	}
	if c.Company > 0 {
		refs = append(refs, crm.Ref{Type: crm.Company, ID: int64(c.Company)})
	}
	return refs
}

// read asks the portal for whole cards, one of a kind.
func (t *clickTurn) read(do string, refs ...crm.Ref) {
	for _, r := range refs {
		c := t.command(do, "crm.item.get", map[string]any{"entityTypeId": r.Type.Wire(), "id": r.ID})
		// A robot may run on many cards at once: people who wait come before it.
		c.Name, c.Independent, c.Priority = string(r.Type), true, outbox.Live
	}
}

func cardOf(r outbox.Result) (robotCard, bool) {
	var answer struct {
		Item *robotCard `json:"item"`
	}
	if r.State != "done" || json.Unmarshal(r.Result, &answer) != nil || answer.Item == nil {
		return robotCard{}, false
	}
	return *answer.Item, true
}

// entityRead takes the card in. A number that the order names needs none of the card.
func (t *clickTurn) entityRead(results map[string]outbox.Result) error {
	if t.click.State != "looking" {
		return nil
	}
	t.touched = true
	r, task := results[string(t.click.Entity.Type)], t.click.Task
	card, ok := cardOf(r)
	task.Of = ids.B24UserID(card.Assigned)
	if task.Phone != "" {
		phone, is := crm.Phone(task.Phone)
		t.click.Phone = phone
		if !is {
			t.decline(crm.Reason{Code: "robot.phone", Args: map[string]any{"given": task.Phone}})
			return nil
		}
	}
	switch {
	case !ok && (t.click.Phone == "" || task.Whom == RingResponsible):
		t.decline(crm.Reason{Code: "robot.not_read", Args: map[string]any{"text": r.Text}})
	case t.click.Phone != "":
		t.ring()
	case card.phone() != "":
		t.click.Phone = card.phone()
		t.ring()
	case len(card.linked()) == 0:
		t.decline(crm.Reason{Code: "robot.no_phone"})
	default:
		t.read(doLinked, card.linked()...)
	}
	return nil
}

// linkedRead takes in the contact and the company.
func (t *clickTurn) linkedRead(results map[string]outbox.Result) error {
	if t.click.State != "looking" {
		return nil
	}
	t.touched = true
	var refused outbox.Result
	unread := false
	for _, kind := range []crm.EntityType{crm.Contact, crm.Company} {
		r, asked := results[string(kind)]
		card, ok := cardOf(r)
		if asked && !ok {
			unread, refused = true, r
		}
		if t.click.Phone == "" {
			t.click.Phone = card.phone()
		}
	}
	switch {
	case t.click.Phone != "":
		t.ring()
	case unread:
		t.decline(crm.Reason{Code: "robot.not_read", Args: map[string]any{"text": refused.Text}})
	default:
		t.decline(crm.Reason{Code: "robot.no_phone"})
	}
	return nil
}
