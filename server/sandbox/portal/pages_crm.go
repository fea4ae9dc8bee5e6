package portal

import (
	"net/http"
	"sort"
	"strconv"
	"strings"
)

// rowView is a row of a CRM list.
type rowView struct {
	ID                                   int
	Name, Stage, Color, Who, Phone, Mail string
	Amount, Source, Client, Created, URL string
}

// listView is a CRM list.
type listView struct {
	Type  string
	Rows  []rowView
	Stage bool
	Deal  bool
}

// cardView is a card of an item.
type cardView struct {
	ID        int
	Type      string
	TypeTitle string
	Name      string
	Stages    []stageView
	Fields    []fieldView
	Tabs      []tabView
	Tab       string
	Frame     *frameView
	Planned   []eventView
	History   []eventView
	Base      string
}

type stageView struct {
	Name, Color, Code string
	Done, Now         bool
}

type fieldView struct {
	Label, Value, URL string
	Phone             bool
}

type tabView struct {
	ID, Title, URL string
}

// eventView is one record of the timeline.
type eventView struct {
	Kind, Title, Text, Who, When string
	Files                        []fieldView
	Lines                        []string
	Buttons                      []string
	order                        int
}

func (q *pageRequest) crm(typ int, rest []string) {
	name := strings.ToLower(entityNames[typ])
	switch rest[0] {
	case "list", "kanban":
		q.crmList(typ, name)
	case "details", "show":
		if len(rest) < 2 {
			break
		}
		id, _ := strconv.Atoi(rest[1])
		it := q.p.crm.items[typ][id]
		if it == nil {
			break
		}
		if q.r.Method == http.MethodPost {
			q.cardPost(it)
			return
		}
		q.card(it, name)
		return
	}
	if rest[0] != "list" && rest[0] != "kanban" {
		q.missing("not_found")
	}
}

func cardURL(typ, id int) string {
	return "/crm/" + strings.ToLower(entityNames[typ]) + "/details/" + strconv.Itoa(id) + "/"
}

func (q *pageRequest) crmList(typ int, name string) {
	v := listView{Type: name, Stage: typ == Lead || typ == Deal, Deal: typ == Deal}
	for _, it := range q.p.crm.sorted(typ) {
		r := rowView{ID: it.id, Name: it.name(), Who: q.p.person(it.fields.int("assignedById")).Name, Created: shortTime(it.str("createdTime")), URL: cardURL(typ, it.id)}
		if st := q.p.crm.stage(typ, it.str("stageId")); st != nil {
			r.Stage, r.Color = st.name, st.color
		}
		r.Phone, r.Mail = firstOf(it.values("PHONE")), firstOf(it.values("EMAIL"))
		r.Amount, r.Source = it.str("opportunity"), q.p.statusName("SOURCE", it.str("sourceId"))
		if typ == Lead {
			r.Client = strings.TrimSpace(it.str("name") + " " + it.str("lastName"))
		}
		if c := q.p.crm.items[Contact][it.fields.int("contactId")]; c != nil && it.typ != Contact {
			r.Client = c.name()
		}
		v.Rows = append([]rowView{r}, v.Rows...)
	}
	q.show("crm-list", q.t(map[int]string{Lead: "leads", Deal: "deals", Contact: "contacts", Company: "companies"}[typ]), name, v)
}

func (p *Portal) statusName(entity, code string) string {
	for _, s := range p.crm.statuses {
		if s.entity == entity && s.code == code {
			return s.name
		}
	}
	return code
}

func firstOf(s []string) string {
	if len(s) > 0 {
		return s[0]
	}
	return ""
}

// shortTime is a stamp as lists show it.
func shortTime(s string) string {
	if len(s) < 16 {
		return s
	}
	return s[8:10] + "." + s[5:7] + "." + s[:4] + " " + s[11:16]
}

func (q *pageRequest) card(it *item, name string) {
	base := cardURL(it.typ, it.id)
	v := cardView{ID: it.id, Type: name, Name: it.name(), Base: base, Tab: q.r.URL.Query().Get("tab"), Stages: q.p.stageBar(it), Fields: q.cardFields(it)}
	v.TypeTitle = q.t(map[int]string{Lead: "lead", Deal: "deal", Contact: "contact_one", Company: "company_one"}[it.typ])
	suffix := ""
	if q.iframe() {
		suffix = "&IFRAME=Y&IFRAME_TYPE=SIDE_SLIDER"
	}
	v.Tabs = append(v.Tabs, tabView{ID: "", Title: q.t("general"), URL: base + "?tab=" + suffix})
	code := "CRM_" + strings.ToUpper(name) + "_DETAIL_TAB"
	for _, in := range q.p.installs {
		if !in.installed {
			continue
		}
		for _, r := range in.placements {
			if r.code != code {
				continue
			}
			id := "rest" + text(r.id)
			v.Tabs = append(v.Tabs, tabView{ID: id, Title: r.titleFor(q.lang, in.app), URL: base + "?tab=" + id + suffix})
			if v.Tab == id {
				v.Frame = q.frame(in, code, kv("ID", text(it.id), "URI", q.r.URL.RequestURI()), r.handler)
			}
		}
	}
	if v.Frame == nil {
		v.Tab = ""
		v.Planned, v.History = q.timeline(it)
	}
	q.show("crm-card", it.name(), name, v)
}

func (p *Portal) stageBar(it *item) []stageView {
	if it.typ != Lead && it.typ != Deal {
		return nil
	}
	var out []stageView
	now := p.crm.stage(it.typ, it.str("stageId"))
	for _, st := range p.crm.stages(it.typ, it.fields.int("categoryId")) {
		if st.semantics == "F" && st != now {
			continue
		}
		out = append(out, stageView{Name: st.name, Color: st.color, Code: st.code, Now: st == now, Done: now != nil && st.sort <= now.sort})
	}
	return out
}

func (q *pageRequest) cardFields(it *item) []fieldView {
	var out []fieldView
	add := func(label, value, url string) {
		if value != "" {
			out = append(out, fieldView{Label: label, Value: value, URL: url})
		}
	}
	if it.typ == Lead || it.typ == Contact {
		add(q.t("name"), strings.TrimSpace(it.str("name")+" "+it.str("lastName")), "")
	}
	if it.typ == Deal || it.typ == Lead {
		add(q.t("amount"), money(it.fields.get("opportunity"))+" ₽", "")
	}
	if it.typ == Deal {
		if c := q.p.crm.category(it.fields.int("categoryId")); c != nil {
			add(q.t("pipeline"), c.name, "")
		}
	}
	for _, v := range it.values("PHONE") {
		out = append(out, fieldView{Label: q.t("phone"), Value: v, Phone: true})
	}
	for _, v := range it.values("EMAIL") {
		add(q.t("email"), v, "")
	}
	if c := q.p.crm.items[Contact][it.fields.int("contactId")]; c != nil && it.typ != Contact {
		add(q.t("contact"), c.name(), cardURL(Contact, c.id))
	}
	if c := q.p.crm.items[Company][it.fields.int("companyId")]; c != nil {
		add(q.t("company"), c.name(), cardURL(Company, c.id))
	}
	add(q.t("source"), q.p.statusName("SOURCE", it.str("sourceId")), "")
	for _, u := range q.p.crm.userFields {
		if u.typ == it.typ {
			add(u.label(q.lang), it.str(u.name), "")
		}
	}
	for _, k := range []string{"utmSource", "utmMedium", "utmCampaign", "utmContent", "utmTerm"} {
		add("UTM "+k[3:], it.str(k), "")
	}
	add(q.t("responsible"), q.p.person(it.fields.int("assignedById")).Name, "")
	add(q.t("created"), shortTime(it.str("createdTime")), "")
	return out
}

// timeline is what is planned and the history, newest first.
func (q *pageRequest) timeline(it *item) (planned, history []eventView) {
	o := owner{it.typ, it.id}
	for _, cm := range q.p.crm.commentsOf(o) {
		e := eventView{Kind: "comment", Title: q.t("comment"), Text: cm.text, Who: q.p.person(cm.author).Name, When: shortTime(cm.created), order: cm.id * 2}
		for _, f := range cm.files {
			e.Files = append(e.Files, fieldView{Label: f.name, URL: "/disk/" + text(f.id) + "/"})
		}
		history = append(history, e)
	}
	for _, a := range q.p.crm.activitiesOf(o) {
		e := q.activityView(a)
		if a.done() {
			history = append(history, e)
		} else {
			planned = append(planned, e)
		}
	}
	sort.SliceStable(history, func(i, j int) bool { return sortTime(history[i].When) > sortTime(history[j].When) })
	history = append(history, eventView{Kind: "created", Title: q.t("item_created"), Who: q.p.person(it.fields.int("createdBy")).Name, When: shortTime(it.str("createdTime"))})
	return planned, history
}

// sortTime turns 24.11.2026 10:15 into something that sorts.
func sortTime(s string) string {
	if len(s) < 16 {
		return s
	}
	return s[6:10] + s[3:5] + s[0:2] + s[11:16]
}

func (q *pageRequest) activityView(a *activity) eventView {
	e := eventView{Kind: "activity", Title: a.title(), Text: a.fields.str("DESCRIPTION"), Who: q.p.person(a.fields.int("RESPONSIBLE_ID")).Name, When: shortTime(a.fields.str("CREATED"))}
	if a.fields.str("TYPE_ID") == "2" {
		e.Kind = "call"
		if f := q.p.calls.recordOf(a.id); f != nil {
			e.Files = append(e.Files, fieldView{Label: f.name, URL: "/disk/" + text(f.id) + "/"})
		}
	}
	for _, b := range a.layout.sub("body").sub("blocks").items() {
		if block, ok := b.(*arr); ok {
			e.Lines = append(e.Lines, blockText(block)...)
		}
	}
	for _, b := range a.layout.sub("footer").sub("buttons").items() {
		if button, ok := b.(*arr); ok {
			e.Buttons = append(e.Buttons, button.str("title"))
		}
	}
	return e
}

// blockText is the text of a block of a configurable activity with the blocks inside it.
func blockText(b *arr) []string {
	pr := b.sub("properties")
	var out []string
	if s := pr.str("value"); s != "" {
		out = append(out, s)
	}
	if s := pr.str("text"); s != "" {
		out = append(out, s)
	}
	if inner := pr.sub("block"); inner != nil {
		for _, s := range blockText(inner) {
			out = append(out, strings.TrimSpace(pr.str("title")+" "+s))
		}
	}
	for _, x := range pr.sub("blocks").items() {
		if inner, ok := x.(*arr); ok {
			out = append(out, blockText(inner)...)
		}
	}
	return out
}

// cardPost does what a person does in a card: a comment, another stage, a call.
func (q *pageRequest) cardPost(it *item) {
	_ = q.r.ParseForm()
	if s := strings.TrimSpace(q.r.PostForm.Get("comment")); s != "" {
		cm := &comment{id: q.p.id("timeline"), bindings: []owner{{it.typ, it.id}}, author: q.user.ID, created: stamp(q.p.now()), text: s}
		q.p.crm.comments[cm.id] = cm
		q.p.fire("onCrmTimelineCommentAdd", kv("FIELDS", kv("ID", cm.id)), q.user, 0)
	}
	if code := q.r.PostForm.Get("stage"); code != "" && q.p.crm.stage(it.typ, code) != nil {
		it.fields.set("stageId", code)
		q.p.settleStage(it)
		q.p.fire("onCrm"+entityNames[it.typ]+"Update", kv("FIELDS", kv("ID", it.id)), q.user, 0)
	}
	if number := q.r.PostForm.Get("dial"); number != "" {
		q.p.clickToCall(q.user, number, owner{it.typ, it.id})
	}
	http.Redirect(q.w, q.r, q.r.URL.RequestURI(), http.StatusSeeOther)
}
