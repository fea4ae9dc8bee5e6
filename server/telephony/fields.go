package telephony

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/rules"
	"omni/server/settings"
)

// extras are the rows of extra fields as the portal can take them (R7), and the people their values name.
type extras struct {
	crm.Mappings
	persons map[ids.UISEmployeeID]directory.Person
}

// queueExtras looks for what the rows need; without rows nothing is asked.
func queueExtras(batch *pgx.Batch, account ids.AccountID, portal ids.PortalID, rows []settings.FieldMapping, f *Facts, into *extras) (loaded func()) {
	if len(rows) == 0 {
		return func() {}
	}
	wanted, names := make([]rules.Mapping, len(rows)), make([]string, len(rows))
	for i, row := range rows {
		wanted[i], names[i] = rules.Mapping(row), crm.FieldID(row.Entity, row.Field)
	}
	var found []directory.Field
	directory.QueueFields(batch, account, portal, names, &found)
	into.persons = directory.QueuePersons(batch, account, append([]ids.UISEmployeeID{}, f.employees()...))
	return func() {
		known := map[string]crm.Field{}
		for _, field := range found {
			known[field.ID] = crm.Field{Gone: field.Gone, Multiple: field.Multiple}
		}
		into.Mappings = crm.MappingsOf(wanted, known)
	}
}

// fieldValues are the values of a call for its extra fields, as far as they mean anything by now: UIS tells a duration of 0 with the ring, and names whoever
// it rings.
func (t *turn) fieldValues() map[string]string {
	f, app := &t.call.Facts, t.texts.Text(t.setting.Lang, "product.name")
	return rules.Told(endOf(f, t.setting.extras.persons, t.zone(), variablesOf(t.call.ID, f, app)), rules.Call, momentOf(f))
}

func momentOf(f *Facts) rules.Moment {
	switch {
	case f.ended():
		return rules.AtEnd
	case f.answered():
		return rules.AtAnswer
	}
	return rules.AtStart
}

// localTime is how UIS writes moments, in the account's own time.
const localTime = "2006-01-02 15:04:05"

// endOf completes the told values with what is reckoned from the whole call: who talked, and how long.
func endOf(f *Facts, persons map[ids.UISEmployeeID]directory.Person, zone *time.Location, values map[string]string) map[string]string {
	v := maps.Clone(values)
	if v["start_time"] == "" {
		v["start_time"] = f.StartedAt.In(zone).Format(localTime)
	}
	talkers := f.talkers()
	switch {
	case len(talkers) > 0:
		first, last := persons[talkers[0]], persons[talkers[len(talkers)-1]]
		name(v, "first_talked_employee_full_name", first.Name)
		name(v, "last_talked_employee_full_name", last.Name)
		name(v, "employee_full_name", last.Name)
		name(v, "employee_email", last.Email)
	case f.Direction == In: // a telephone that only rang took no call
		delete(v, "employee_full_name")
		delete(v, "employee_email")
	}
	if !f.ended() {
		return v
	}
	v["is_lost"] = strconv.FormatBool(!f.answered())
	if v["finish_time"] == "" {
		v["finish_time"] = f.EndedAt.In(zone).Format(localTime)
	}
	v["talk_time_duration"], v["wait_time_duration"] = strconv.Itoa(f.seconds()), strconv.Itoa(f.Waited)
	v["total_time_duration"] = strconv.Itoa(max(f.Total, f.seconds()+f.Waited))
	return v
}

// name puts what the account's list of employees says before what a notification told of somebody.
func name(v map[string]string, variable, text string) {
	if text != "" {
		v[variable] = text
	}
}

// give notes what is handed to the planner for what it creates, and hands it over.
func (t *turn) give() map[crm.EntityType]map[string]any {
	t.call.Link.Given = t.setting.extras.Given(t.fieldValues())
	return t.setting.extras.WireAll(t.call.Link.Given)
}

// changes are the fields that the end of a call writes, by entity.
type changes map[crm.Ref]map[string]any

func (c changes) put(ref crm.Ref, field string, value any) {
	if c[ref] == nil {
		c[ref] = map[string]any{}
	}
	c[ref][field] = value
}

// tied is the one entity that was there before to which a call's fields go: contact, company, lead or deal, as the planner answers them (R7a).
func tied(a *crm.CallAnswer) (crm.Ref, bool) {
	for _, ref := range a.Bind {
		if !slices.ContainsFunc(a.Created, func(o crm.Owned) bool { return o.Ref == ref }) {
			return ref, true
		}
	}
	return crm.Ref{}, false
}

// extraFields adds what became known since the creation to the entities that this call made, and the rows marked "always" to the one it is tied to.
func (t *turn) extraFields(into changes, values map[string]string) {
	m, a := t.setting.extras, t.call.Link.Answer
	if m.Empty() {
		return
	}
	add := func(ref crm.Ref, created bool, given map[string]string) {
		for field, value := range m.Wire(ref.Type, m.News(ref.Type, created, given, values)) {
			into.put(ref, field, value)
		}
	}
	for _, o := range a.Created {
		add(o.Ref, true, t.call.Link.Given[o.Type])
	}
	if ref, there := tied(a); there {
		add(ref, false, nil)
	}
}

// refs are the changed entities in one order.
func (c changes) refs() []crm.Ref {
	return slices.SortedFunc(maps.Keys(c), func(a, b crm.Ref) int {
		return slices.Compare([]string{string(a.Type), strconv.FormatInt(a.ID, 10)}, []string{string(b.Type), strconv.FormatInt(b.ID, 10)})
	})
}

// write sends one update per entity.
func (t *turn) write(c changes) {
	for _, ref := range c.refs() {
		t.command("close", nameOf(ref), "crm.item.update", updateOf(ref, c[ref])).Independent = true
		if user, given := c[ref]["assignedById"].(int64); given && len(c[ref]) > 1 {
			t.call.Link.Shared = append(t.call.Link.Shared, crm.Owned{Ref: ref, Responsible: ids.B24UserID(user)})
		}
	}
}

// assignAlone gives an entity to its responsible once more by itself when the portal refused the update that carried extra fields too: whose it is must not
// hang on a field that somebody has deleted.
func (t *turn) assignAlone(refused string) {
	for _, o := range t.call.Link.Shared {
		if nameOf(o.Ref) == refused {
			t.command("assign", refused, "crm.item.update", updateOf(o.Ref, map[string]any{"assignedById": int64(o.Responsible)})).Independent = true
		}
	}
}

func nameOf(ref crm.Ref) string { return fmt.Sprintf("%s:%d", ref.Type, ref.ID) }

func updateOf(ref crm.Ref, fields map[string]any) map[string]any {
	return map[string]any{"entityTypeId": ref.Type.Wire(), "id": ref.ID, "fields": fields, "useOriginalUfNames": "Y"}
}
