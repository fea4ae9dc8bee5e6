package portal

import (
	"sort"
	"strings"
)

// activity is a call, a to-do, an e-mail or a configurable activity of an application.
type activity struct {
	id       int
	bindings []owner
	fields   *arr // upper-case fields of crm.activity
	comms    *arr
	layout   *arr // configurable ones
	app      string
	badge    string
}

func (a *activity) boundTo(o owner) bool {
	for _, b := range a.bindings {
		if b == o {
			return true
		}
	}
	return false
}

func (a *activity) done() bool { return a.fields.str("COMPLETED") == "Y" }

// activitiesOf are the activities of an item, oldest first.
func (s *crmState) activitiesOf(o owner) []*activity {
	var out []*activity
	for _, a := range s.allActivities() {
		if a.boundTo(o) {
			out = append(out, a)
		}
	}
	return out
}

func (s *crmState) allActivities() []*activity {
	out := make([]*activity, 0, len(s.activities))
	for _, a := range s.activities {
		out = append(out, a)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}

// activityFields are the fields an application may write.
func activityFields(must string) shape {
	return takes("OWNER_TYPE_ID int"+must, "OWNER_ID int"+must, "TYPE_ID int"+must, "COMMUNICATIONS list", "SUBJECT str", "DESCRIPTION str", "DESCRIPTION_TYPE int",
		"RESPONSIBLE_ID int"+must, "START_TIME str", "END_TIME str", "DEADLINE str", "COMPLETED yn", "STATUS int", "DIRECTION int", "PRIORITY int", "NOTIFY_TYPE int",
		"NOTIFY_VALUE int", "LOCATION str", "PROVIDER_ID str", "PROVIDER_TYPE_ID str", "PROVIDER_PARAMS any", "PROVIDER_GROUP_ID str", "ORIGINATOR_ID str", "ORIGIN_ID str",
		"FILES any", "SETTINGS any", "IS_INCOMING_CHANNEL yn", "BINDINGS list", "AUTHOR_ID int", "RESULT_MARK int", "RESULT_VALUE num", "AUTOCOMPLETE_RULE int",
		"WEBDAV_ELEMENTS any", "STORAGE_TYPE_ID any", "STORAGE_ELEMENT_IDS any")
}

// activityMethods are crm.activity.* of the old family.
func activityMethods() []*method {
	add, upd := activityFields("*"), activityFields("")
	return []*method{
		{name: "crm.activity.add", scope: "crm", style: styleCrm, run: activityAdd, takes: takes(param{name: "fields", kind: "map", must: true, in: add})},
		{name: "crm.activity.update", scope: "crm", style: styleCrm, run: activityUpdate, takes: takes("id int*", param{name: "fields", kind: "map", must: true, in: upd})},
		{name: "crm.activity.get", scope: "crm", style: styleCrm, takes: takes("id int*"), run: func(c *call) (any, error) {
			a, err := c.activity("id")
			if err != nil {
				return nil, err
			}
			return a.row(), nil
		}},
		{name: "crm.activity.delete", scope: "crm", style: styleCrm, takes: takes("id int*"), run: func(c *call) (any, error) {
			a, err := c.activity("id")
			if err != nil {
				return nil, err
			}
			delete(c.p.crm.activities, a.id)
			c.fire("onCrmActivityDelete", kv("FIELDS", kv("ID", a.id)))
			return true, nil
		}},
		{name: "crm.activity.list", scope: "crm", style: styleCrm, run: activityList, takes: takes("filter map", "select list", "order map", "start int")},
	}
}

func (c *call) activity(key string) (*activity, error) {
	a := c.p.crm.activities[c.args.int(key)]
	if a == nil {
		return nil, fail(400, "NOT_FOUND", "Activity is not found.")
	}
	return a, nil
}

// addActivity stores an activity of an item with the portal's defaults.
func (p *Portal) addActivity(o owner, fields *arr, author int) *activity {
	now := stamp(p.now())
	f := kv("SUBJECT", "", "DESCRIPTION", "", "DESCRIPTION_TYPE", "1", "COMPLETED", "N", "STATUS", "1", "DIRECTION", "0", "PRIORITY", "2", "PROVIDER_ID", "", "PROVIDER_TYPE_ID", "",
		"START_TIME", now, "END_TIME", now, "DEADLINE", "9999-12-31T00:00:00+03:00", "ORIGINATOR_ID", nil, "ORIGIN_ID", nil, "SETTINGS", newArr(), "IS_INCOMING_CHANNEL", "N",
		"CREATED", now, "LAST_UPDATED", now, "AUTHOR_ID", text(author), "EDITOR_ID", text(author), "RESPONSIBLE_ID", text(author))
	a := &activity{id: p.id("activity"), bindings: []owner{o}, fields: f, comms: newArr()}
	f.set("ID", text(a.id)).set("OWNER_TYPE_ID", text(o.typ)).set("OWNER_ID", text(o.id))
	a.write(fields)
	p.crm.activities[a.id] = a
	return a
}

func (a *activity) write(fields *arr) {
	for _, k := range fields.keysOf() {
		v := fields.vals[k]
		switch k {
		case "COMMUNICATIONS":
			a.comms = v.(*arr)
			continue
		case "BINDINGS", "OWNER_TYPE_ID", "OWNER_ID", "FILES":
			continue
		}
		if _, isArr := v.(*arr); !isArr && v != nil {
			v = text(v)
		}
		a.fields.set(k, v)
	}
	if fields.has("COMPLETED") {
		a.fields.set("STATUS", map[bool]string{true: "2", false: "1"}[a.done()])
	}
}

func (a *activity) row() *arr {
	row := a.fields.clone()
	row.set("COMMUNICATIONS", a.comms)
	return row
}

func activityAdd(c *call) (any, error) {
	f := c.args.sub("fields")
	o := owner{typ: f.int("OWNER_TYPE_ID"), id: f.int("OWNER_ID")}
	if c.p.crm.items[o.typ] == nil || c.p.crm.items[o.typ][o.id] == nil {
		return nil, fail(400, "ERROR_CORE", "The owner of the activity is not found")
	}
	if n := f.int("TYPE_ID"); n < 1 || n > 6 {
		return nil, breach(400, "ERROR_CORE", "Activity type %d is not supported", n)
	}
	if (f.int("TYPE_ID") == 2 || f.int("TYPE_ID") == 4) && f.sub("COMMUNICATIONS").len() == 0 {
		return nil, breach(400, "ERROR_CORE", "The field COMMUNICATIONS is not defined or empty.")
	}
	for _, v := range f.sub("COMMUNICATIONS").items() {
		m, ok := v.(*arr)
		if !ok || !m.has("VALUE") {
			return nil, breach(400, "ERROR_CORE", "COMMUNICATIONS has an entry without VALUE")
		}
	}
	if f.int("TYPE_ID") == 6 && f.str("PROVIDER_ID") == "" {
		return nil, breach(400, "ERROR_CORE", "The custom activity without provider is not supported in current context.")
	}
	if c.p.user(f.int("RESPONSIBLE_ID")) == nil {
		return nil, fail(400, "ERROR_CORE", "The responsible user is not found")
	}
	a := c.p.addActivity(o, f, c.user.ID)
	for _, v := range f.sub("BINDINGS").items() {
		if m, ok := v.(*arr); ok {
			b := owner{typ: m.int("OWNER_TYPE_ID"), id: m.int("OWNER_ID")}
			if !a.boundTo(b) && c.p.crm.items[b.typ][b.id] != nil {
				a.bindings = append(a.bindings, b)
			}
		}
	}
	c.fire("onCrmActivityAdd", kv("FIELDS", kv("ID", a.id)))
	return a.id, nil
}

func activityUpdate(c *call) (any, error) {
	a, err := c.activity("id")
	if err != nil {
		return nil, err
	}
	a.write(c.args.sub("fields"))
	a.fields.set("LAST_UPDATED", stamp(c.p.now())).set("EDITOR_ID", text(c.user.ID))
	c.fire("onCrmActivityUpdate", kv("FIELDS", kv("ID", a.id)))
	return true, nil
}

func activityList(c *call) (any, error) {
	filter, sel := c.args.sub("filter"), c.args.sub("select")
	known := activityFields("")
	names := map[string]bool{"ID": true, "CREATED": true, "LAST_UPDATED": true, "EDITOR_ID": true}
	for _, f := range known {
		names[f.name] = true
	}
	for _, k := range filter.keysOf() {
		if _, name := splitPrefix(k); !names[name] {
			return nil, breach(400, "INVALID_ARG_VALUE", "Field '%s' is not allowed in filter", name)
		}
	}
	for _, v := range sel.items() {
		if !names[text(v)] && text(v) != "*" {
			return nil, breach(400, "INVALID_ARG_VALUE", "Field '%s' cannot be selected", text(v))
		}
	}
	var rows []*arr
	for _, a := range c.p.crm.allActivities() {
		if !a.matches(filter) {
			continue
		}
		row := a.fields.clone()
		for _, v := range sel.items() {
			if text(v) == "COMMUNICATIONS" {
				row.set("COMMUNICATIONS", a.comms)
			}
		}
		rows = append(rows, row)
	}
	by := c.args.sub("order")
	if by.len() == 0 {
		by = kv("ID", "ASC")
	}
	sortRows(rows, by, func(r *arr, k string) any { return r.get(k) })
	return pagedRows(rows, c.args, sel), nil
}

// matches tests an activity; owners are found among all bindings.
func (a *activity) matches(filter *arr) bool {
	for _, k := range filter.keysOf() {
		op, name := splitPrefix(k)
		want := filter.vals[k]
		switch name {
		case "BINDINGS":
			if w, ok := want.(*arr); ok && !a.boundToAny(w) {
				return false
			}
			continue
		case "OWNER_TYPE_ID", "OWNER_ID":
			continue
		}
		if !compare(op, a.fields.get(name), want) {
			return false
		}
	}
	if !filter.has("OWNER_ID") && !filter.has("OWNER_TYPE_ID") {
		return true
	}
	for _, b := range a.bindings {
		if (!filter.has("OWNER_ID") || compare("", b.id, filter.get("OWNER_ID"))) && (!filter.has("OWNER_TYPE_ID") || compare("", b.typ, filter.get("OWNER_TYPE_ID"))) {
			return true
		}
	}
	return false
}

func (a *activity) boundToAny(wanted *arr) bool {
	for _, v := range wanted.items() {
		if m, ok := v.(*arr); ok && a.boundTo(owner{typ: m.int("OWNER_TYPE_ID"), id: m.int("OWNER_ID")}) {
			return true
		}
	}
	return false
}

// title is what the timeline shows.
func (a *activity) title() string {
	if s := a.fields.str("SUBJECT"); s != "" {
		return s
	}
	return strings.TrimSpace(a.layout.sub("header").str("title"))
}
