package chats

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/rules"
	"omni/server/settings"
)

// EntityFields are the extra fields of one entity of a chat (R7a).
type EntityFields struct {
	Target crm.Ref `json:"target"`
	// Given is what was written last, by field.
	Given map[string]string `json:"given,omitempty"`
	// Busy: an update is on its way. What comes meanwhile leaves with the next one, so that a hot chat asks once per answer and nothing old overtakes.
	Busy bool `json:"busy,omitempty"`
	// Gone: the entity or the right to it is gone; nothing more is written.
	Gone bool `json:"gone,omitempty"`
}

// rowsOf are the extra fields that act on chats (R7b); none: nothing is looked for.
func rowsOf(doc settings.Document) []settings.FieldMapping {
	if !doc.Chats.FieldsOn {
		return nil
	}
	return doc.Chats.Fields
}

// portalOf is the portal of a chat: the one it was passed to, else the one that chats go to.
func portalOf(c *Chat, doc settings.Document) ids.PortalID {
	if c != nil && c.Portal != 0 {
		return c.Portal
	}
	return doc.PortalOf(doc.Chats.Portal)
}

// Fields implements Directory.
func (d *AccountDirectory) Fields(batch *pgx.Batch, account ids.AccountID, portal ids.PortalID, rows []settings.FieldMapping) func() Extras {
	wanted, names, emails := make([]rules.Mapping, len(rows)), make([]string, len(rows)), false
	for i, row := range rows {
		wanted[i], names[i] = rules.Mapping(row), crm.FieldID(row.Entity, row.Field)
		emails = emails || row.Param == "employee_email"
	}
	var found []directory.Field
	directory.QueueFields(batch, account, portal, names, &found)
	var persons map[ids.UISEmployeeID]directory.Person
	if emails {
		persons = directory.QueuePersons(batch, account, nil)
	}
	return func() Extras {
		known := map[string]crm.Field{}
		for _, field := range found {
			known[field.ID] = crm.Field{Gone: field.Gone, Multiple: field.Multiple}
		}
		return Extras{crm.MappingsOf(wanted, known), persons}
	}
}

// Extras are the rows of extra fields as the portal can take them (R7), and the people their values name.
type Extras struct {
	crm.Mappings
	persons map[ids.UISEmployeeID]directory.Person
}

// fieldValues are the values of a chat for its extra fields and for the names of what it makes, as far as they are known by now.
func (t *turn) fieldValues() map[string]string {
	c := t.chat
	v := variablesOf(t.setting.Channel, c, t.texts.Text(t.setting.Lang, "product.name"))
	v["employee_full_name"], v["employee_email"] = t.setting.Employees[c.Employee], t.setting.extras.persons[c.Employee].Email
	for i := len(t.lines) - 1; i >= 0 && v["last_message"] == ""; i-- {
		if m := t.lines[i]; m.Side != FromSystem {
			v["last_message"] = m.Text
		}
	}
	return v
}

// give notes what is handed to the planner for what it creates, and hands it over.
func (t *turn) give() map[crm.EntityType]map[string]any {
	if t.setting.extras.Empty() {
		return nil
	}
	t.chat.CRM.Given = t.setting.extras.Given(t.fieldValues())
	return t.setting.extras.WireAll(t.chat.CRM.Given)
}

// passFields writes values that are new into the entities of the chat (R7a).
func (t *turn) passFields() {
	if t.setting.extras.Empty() {
		return
	}
	values := t.fieldValues()
	for _, tie := range t.chat.CRM.Ties {
		t.passFieldsTo(tie, values)
	}
}

func (t *turn) passFieldsTo(tie crm.Tie, values map[string]string) {
	f := t.fieldsOf(tie)
	if f.Busy || f.Gone {
		return
	}
	news := t.setting.extras.News(tie.Type, tie.Created, f.Given, values)
	if len(news) == 0 {
		return
	}
	f.Given, f.Busy, t.touched = crm.Take(f.Given, news), true, true
	t.commands = append(t.commands, outbox.Command{Lane: outbox.LaneRef{Kind: outbox.LaneB24, Portal: t.chat.Portal}, Key: t.key, Independent: true, Kind: "crm.item.update",
		Params: map[string]any{"entityTypeId": tie.Type.Wire(), "id": tie.ID, "fields": t.setting.extras.Wire(tie.Type, news), "useOriginalUfNames": "Y"},
		Plan:   fmt.Sprintf("fields:%s:%d:%d", tie.Type, tie.ID, t.chat.UIS), Name: "fields", Priority: outbox.Live, ReplyKey: t.key, ReplyKind: KindAnswer,
		Tag: encode(commandTag{Do: tagFields, Target: tie.Ref})})
}

// fieldsOf is what was written into an entity; into one that the chat made, the planner wrote the first values.
func (t *turn) fieldsOf(tie crm.Tie) *EntityFields {
	link := &t.chat.CRM
	for i := range link.Fields {
		if link.Fields[i].Target == tie.Ref {
			return &link.Fields[i]
		}
	}
	f := EntityFields{Target: tie.Ref}
	if tie.Created {
		f.Given = link.Given[tie.Type]
	}
	link.Fields = append(link.Fields, f)
	return &link.Fields[len(link.Fields)-1]
}

// fieldsAnswered ends an update; what came meanwhile follows in this very step.
func (t *turn) fieldsAnswered(tag commandTag, r outbox.Result) {
	for i := range t.chat.CRM.Fields {
		f := &t.chat.CRM.Fields[i]
		if f.Target != tag.Target {
			continue
		}
		f.Busy, t.touched = false, true
		if r.State != "done" {
			f.Gone = r.Class == "not_found" || r.Class == "access_denied"
			t.because("crm.fields_not_written", "entity", fmt.Sprintf("%s:%d", f.Target.Type, f.Target.ID), "text", r.Text)
		}
	}
}
