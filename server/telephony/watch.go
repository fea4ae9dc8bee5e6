package telephony

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/outbox"
)

// With "Use another telephony" (T2) a call is watched instead of being registered: what there is of its client is noted at the first ring, compared a while
// after the end, and what somebody else changed meanwhile gets the extra fields. Nothing is created, and no activity is touched.

// watchAfter is how long after its end a call is watched: people and the other telephony finish their writing then.
const watchAfter = time.Minute

// Watch is what a watched call knows of its client's entities.
type Watch struct {
	// Over: the first look has ended; Looked, that it came to something, and Before is what it saw.
	Over    bool          `json:"over,omitempty"`
	Looked  bool          `json:"looked,omitempty"`
	Before  []crm.Stamp   `json:"before,omitempty"`
	Changed []crm.Touched `json:"changed,omitempty"`
}

// watch begins to watch a call. One that is told of when its time is over has no first look: then the moments alone tell what changed.
func (t *turn) watch(f *Facts) {
	doc, l := t.setting.Document, &t.call.Link
	t.call.Portal, l.Version, l.Watch = portalOf(doc), doc.Version, &Watch{}
	t.because("call.other_telephony", nil)
	t.phase(Watching)
	if !f.ended() || t.now.Before(watchedTill(f)) {
		t.look(crm.Watch{})
	} else {
		t.because("call.not_seen_before", nil)
		l.Watch.Over = true
	}
	t.compareInTime()
}

func watchedTill(f *Facts) time.Time { return f.EndedAt.Add(watchAfter) }

// compareInTime compares when the call's time is over and the first look has ended.
func (t *turn) compareInTime() {
	f, l := &t.call.Facts, &t.call.Link
	if !f.ended() {
		return
	}
	if till := watchedTill(f); t.now.Before(till) {
		t.timer("compare", till)
		return
	}
	if !l.Watch.Over {
		return // its answer goes on from here
	}
	if t.visit() {
		return
	}
	t.phase(Comparing)
	t.look(crm.Watch{Compare: true, Looked: l.Watch.Looked, Before: l.Watch.Before, From: f.StartedAt.Truncate(time.Second), Till: watchedTill(f)})
}

// look asks the client's key.
func (t *turn) look(w crm.Watch) {
	t.touched = true
	t.need = &crm.Need{Ref: t.call.Ref(), ReplyKey: t.key, ReplyKind: KindEntities, Portal: t.call.Portal, Aliases: crm.Aliases([]string{t.call.Facts.Phone}, nil, "", ""),
		Watch: &w, Version: t.call.Link.Version}
}

// watched takes the answer of a look in.
func (t *turn) watched(a *crm.Watched) {
	l := &t.call.Link
	switch l.Phase {
	case Watching:
		l.Watch.Over, l.Watch.Looked, l.Watch.Before, t.touched = true, !a.Unread, a.Entities, true
	case Comparing:
		t.compared(a)
	default:
	}
}

// compared says what the comparison came to, and reads what stands in the fields of what changed.
func (t *turn) compared(a *crm.Watched) {
	w := t.call.Link.Watch
	w.Before, w.Changed = nil, a.Changed
	for _, e := range a.Own {
		t.because("call.changed_by_app", map[string]any{"entity": e.Name()})
	}
	switch {
	case a.Unread:
		t.phase(Failed)
		return
	case len(a.Entities) == 0:
		t.because("call.no_entities", nil)
		t.phase(Watched)
		return
	case len(a.Changed) == 0:
		t.because("call.nothing_changed", nil)
		t.phase(Watched)
		return
	}
	for _, e := range a.Changed {
		t.call.Link.Ties = append(t.call.Link.Ties, crm.Tie{Ref: e.Ref, Title: e.Title})
		if e.Made {
			t.because("call.made_meanwhile", map[string]any{"entity": e.Name()})
		} else {
			t.because("call.changed_meanwhile", map[string]any{"entity": e.Name()})
		}
	}
	t.phase(Updating)
	if t.readValues() == 0 {
		t.nothingWritten()
	}
}

// readValues asks for what stands in the fields that the rows would write, and tells of how many kinds.
func (t *turn) readValues() (asked int) {
	values := t.fieldValues()
	for _, kind := range []crm.EntityType{crm.Contact, crm.Company, crm.Lead, crm.Deal} {
		fields := slices.Sorted(maps.Keys(t.setting.extras.Created(kind, values)))
		var wanted []int64
		for _, e := range t.call.Link.Watch.Changed {
			if e.Type == kind {
				wanted = append(wanted, e.ID)
			}
		}
		if len(fields) == 0 || len(wanted) == 0 {
			continue
		}
		slices.Sort(wanted)
		t.command("values", string(kind), "crm.item.list", map[string]any{"entityTypeId": kind.Wire(), "select": append([]string{"id"}, fields...),
			"filter": map[string]any{"@id": wanted}, "useOriginalUfNames": "Y"}).Independent = true
		asked++
	}
	return asked
}

// valuesRead takes the values in and writes what the rows say.
func (t *turn) valuesRead(results map[string]outbox.Result) {
	if t.call.Link.Phase != Updating {
		return
	}
	current := map[crm.Ref]map[string]string{}
	for _, name := range sortedNames(results) {
		items, err := itemsOf(results[name])
		if err != nil {
			t.because("call.step_failed", map[string]any{"step": name, "text": err.Error()})
			continue
		}
		for id, fields := range items {
			current[crm.Ref{Type: crm.EntityType(name), ID: id}] = fields
		}
	}
	updates := watchedFields(t.setting.extras.Mappings, t.fieldValues(), t.call.Link.Watch.Changed, current)
	if len(updates) == 0 {
		t.nothingWritten()
		return
	}
	for _, ref := range updates.refs() {
		t.command("update", nameOf(ref), "crm.item.update", updateOf(ref, updates[ref])).Independent = true
	}
}

// watchedFields is what changed entities get: a row with "always" its value, another one only where the field is empty (T2). What could not be read, or is gone,
// gets nothing. It is pure.
func watchedFields(m crm.Mappings, values map[string]string, changed []crm.Touched, current map[crm.Ref]map[string]string) changes {
	out := changes{}
	for _, e := range changed {
		stands, read := current[e.Ref]
		if !read {
			continue
		}
		for field, value := range m.Wire(e.Type, m.News(e.Type, true, stands, values)) {
			out.put(e.Ref, field, value)
		}
	}
	return out
}

func (t *turn) nothingWritten() {
	t.because("call.fields_stand", nil)
	t.phase(Watched)
}

// updated ends a watched call.
func (t *turn) updated(results map[string]outbox.Result) {
	if t.call.Link.Phase != Updating {
		return
	}
	t.fieldsWritten(results)
	t.phase(Watched)
}

// fieldsWritten notes what became of updates that carry extra fields alone.
func (t *turn) fieldsWritten(results map[string]outbox.Result) {
	for _, name := range sortedNames(results) {
		if r := results[name]; r.State == "done" {
			t.because("call.fields_updated", map[string]any{"entity": name})
		} else {
			t.because("call.step_failed", map[string]any{"step": name, "text": r.Text})
		}
	}
}

// itemsOf reads the fields of a crm.item.list by item.
func itemsOf(r outbox.Result) (map[int64]map[string]string, error) {
	if r.State != "done" {
		return nil, fmt.Errorf("%s %s", r.State, r.Text)
	}
	var answer struct {
		Items []map[string]json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(r.Result, &answer); err != nil {
		return nil, fmt.Errorf("the answer of crm.item.list: %w", err)
	}
	out := map[int64]map[string]string{}
	for _, item := range answer.Items {
		var id bitrix24.ID
		if err := json.Unmarshal(item["id"], &id); err != nil {
			return nil, fmt.Errorf("an item without a number: %w", err)
		}
		fields := map[string]string{}
		for name, raw := range item {
			fields[name] = textOf(raw)
		}
		out[int64(id)] = fields
	}
	return out, nil
}

// textOf is a field's value as a text: a list's only element stands for it, and what holds nothing is empty.
func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) < 2 {
		if len(list) == 0 {
			return ""
		}
		return textOf(list[0])
	}
	if bytes.Equal(raw, []byte("false")) {
		return ""
	}
	return string(raw)
}
