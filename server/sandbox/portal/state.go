package portal

import "encoding/json"

// State is what the portal holds, for tests and people.
type State struct {
	Items         map[string][]Item `json:"items"` // leads, deals, contacts, companies
	Comments      []Comment         `json:"comments"`
	Activities    []Activity        `json:"activities"`
	Notifications []Notification    `json:"notifications"`
	Apps          []Installation    `json:"apps"`
	Connectors    []Connector       `json:"connectors"`
	UserFields    []string          `json:"user_fields"` // such as Lead.UF_CRM_1
	Dialogs       []Dialog          `json:"dialogs"`
	Calls         []Call            `json:"calls"`
}

// Item is a lead, deal, contact or company; Fields has the names of crm.item.
type Item struct {
	ID     int            `json:"id"`
	Fields map[string]any `json:"fields"`
	Phones []string       `json:"phones,omitempty"`
	Emails []string       `json:"emails,omitempty"`
}

// Binding names an item.
type Binding struct {
	Type int `json:"type"` // Lead, Deal, Contact, Company
	ID   int `json:"id"`
}

// Comment is a comment in timelines.
type Comment struct {
	ID       int       `json:"id"`
	Bindings []Binding `json:"bindings"`
	Author   int       `json:"author"`
	Text     string    `json:"text"`
	Files    []string  `json:"files,omitempty"`
}

// Activity is an activity with its upper-case fields.
type Activity struct {
	ID       int            `json:"id"`
	Bindings []Binding      `json:"bindings"`
	Fields   map[string]any `json:"fields"`
	Layout   any            `json:"layout,omitempty"`
}

// Notification is an entry of an employee's bell.
type Notification struct {
	ID   int    `json:"id"`
	User int    `json:"user"`
	Text string `json:"text"`
	Tag  string `json:"tag,omitempty"`
}

// Installation is an application on the portal with what it has bound.
type Installation struct {
	ClientID   string              `json:"client_id"`
	Installed  bool                `json:"installed"`
	Version    int                 `json:"version"`
	Events     map[string]string   `json:"events"`     // event → handler
	Placements map[string][]string `json:"placements"` // code → handlers
}

// Connector is a registered connector with the lines it is active on.
type Connector struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	App   string `json:"app"`
	Lines []int  `json:"lines"`
}

// State copies what the portal holds.
func (p *Portal) State() State {
	dialogs, calls := p.Dialogs(), p.Calls()
	p.mu.Lock()
	defer p.mu.Unlock()
	st := State{Items: map[string][]Item{}, Comments: []Comment{}, Activities: []Activity{}, Notifications: []Notification{}, Apps: []Installation{}, Connectors: []Connector{}, UserFields: []string{},
		Dialogs: dialogs, Calls: calls}
	for typ, key := range map[int]string{Lead: "leads", Deal: "deals", Contact: "contacts", Company: "companies"} {
		st.Items[key] = p.itemsOf(typ)
	}
	for id := 1; id <= p.nextID["timeline"]; id++ {
		if cm := p.crm.comments[id]; cm != nil {
			c := Comment{ID: cm.id, Bindings: bindings(cm.bindings), Author: cm.author, Text: cm.text}
			for _, f := range cm.files {
				c.Files = append(c.Files, f.name)
			}
			st.Comments = append(st.Comments, c)
		}
	}
	for _, a := range p.crm.allActivities() {
		x := Activity{ID: a.id, Bindings: bindings(a.bindings), Fields: goMap(a.fields)}
		if a.layout != nil {
			x.Layout = goValue(a.layout)
		}
		st.Activities = append(st.Activities, x)
	}
	for _, n := range p.im.notes {
		st.Notifications = append(st.Notifications, Notification{ID: n.id, User: n.user, Text: n.text, Tag: n.tag})
	}
	for _, in := range p.installs {
		x := Installation{ClientID: in.app.ClientID, Installed: in.installed, Version: in.version, Events: map[string]string{}, Placements: map[string][]string{}}
		for _, h := range in.handlers {
			x.Events[h.event] = h.url
		}
		for _, r := range in.placements {
			x.Placements[r.code] = append(x.Placements[r.code], r.handler)
		}
		st.Apps = append(st.Apps, x)
	}
	for _, con := range p.lines.connectors {
		x := Connector{ID: con.id, Name: con.name, App: con.app}
		for _, l := range p.lines.lines {
			if l.status[con.id] != nil && l.status[con.id].active {
				x.Lines = append(x.Lines, l.id)
			}
		}
		st.Connectors = append(st.Connectors, x)
	}
	for _, u := range p.crm.userFields {
		st.UserFields = append(st.UserFields, entityNames[u.typ]+"."+u.name)
	}
	return st
}

// Items are the items of a type by id.
func (p *Portal) Items(typ int) []Item {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.itemsOf(typ)
}

func (p *Portal) itemsOf(typ int) []Item {
	out := []Item{}
	for _, it := range p.crm.sorted(typ) {
		out = append(out, Item{ID: it.id, Fields: goMap(it.fields), Phones: it.values("PHONE"), Emails: it.values("EMAIL")})
	}
	return out
}

// Comments are the comments in the timeline of an item, oldest first.
func (p *Portal) Comments(typ, id int) []Comment {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Comment
	for _, cm := range p.crm.commentsOf(owner{typ, id}) {
		out = append(out, Comment{ID: cm.id, Bindings: bindings(cm.bindings), Author: cm.author, Text: cm.text})
	}
	return out
}

func bindings(in []owner) []Binding {
	out := make([]Binding, len(in))
	for i, o := range in {
		out[i] = Binding{Type: o.typ, ID: o.id}
	}
	return out
}

// goValue turns a PHP array into Go's own JSON values.
func goValue(v any) any {
	var out any
	_ = json.Unmarshal(encode(v), &out)
	return out
}

func goMap(a *arr) map[string]any {
	m := map[string]any{}
	for _, k := range a.keys {
		m[k] = goValue(a.vals[k])
	}
	return m
}

// AddItem puts an item into the CRM as a person would, raising its event; fields have the names of crm.item, phones and e-mails in fm.
func (p *Portal) AddItem(typ int, fields map[string]any, user int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	it, err := p.addItem(typ, fromGo(fields), false, user)
	if err != nil {
		return 0, err
	}
	p.fire("onCrm"+entityNames[typ]+"Add", kv("FIELDS", kv("ID", it.id)), p.user(user), 0)
	return it.id, nil
}

// SetLeadsMode turns the CRM's mode as an administrator does; leads that are there stay.
func (p *Portal) SetLeadsMode(mode string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cfg.LeadsMode = mode
}

// ChangeItem changes an item as a person would, raising its event.
func (p *Portal) ChangeItem(typ, id int, fields map[string]any, user int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	it := p.crm.items[typ][id]
	if it == nil {
		return fail(400, "NOT_FOUND", "no item %d of type %d", id, typ)
	}
	if err := p.writeItem(it, fromGo(fields), false); err != nil {
		return err
	}
	it.fields.set("updatedTime", stamp(p.now())).set("updatedBy", user)
	p.fire("onCrm"+entityNames[typ]+"Update", kv("FIELDS", kv("ID", id)), p.user(user), 0)
	return nil
}

// DeleteItem removes an item as a person would, raising its event.
func (p *Portal) DeleteItem(typ, id, user int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	it := p.crm.items[typ][id]
	if it == nil {
		return
	}
	p.crm.drop(it)
	p.fire("onCrm"+entityNames[typ]+"Delete", kv("FIELDS", kv("ID", id)), p.user(user), 0)
}

// fromGo turns Go's JSON values into a PHP array.
func fromGo(m map[string]any) *arr {
	v, err := decodeJSON(encode(m))
	if a, ok := v.(*arr); ok && err == nil {
		return a
	}
	return newArr()
}
