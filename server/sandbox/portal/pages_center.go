package portal

import (
	"html/template"
	"net/http"
	"strconv"
)

// tileView is a channel in the contact centre.
type tileView struct {
	ID, Name, Color string
	Image           template.URL
	Connected       bool
	App             bool
	Lines           []string
}

// center is the contact centre: tiles, and the page of one connector.
func (q *pageRequest) center(seg []string) {
	if len(seg) > 0 && seg[0] == "connector" {
		q.connectorPage()
		return
	}
	var own []tileView
	for _, con := range q.p.lines.connectors {
		t := tileView{ID: con.id, Name: con.name, Color: con.icon.str("COLOR"), Image: template.URL(con.icon.str("DATA_IMAGE")), App: true}
		for _, l := range q.p.lines.lines {
			if l.status[con.id].good() {
				t.Connected = true
				t.Lines = append(t.Lines, l.name)
			}
		}
		own = append(own, t)
	}
	standard := []tileView{{ID: "livechat", Name: "Онлайн-чат", Color: "#2fc6f6", Connected: true}, {ID: "telegrambot", Name: "Telegram", Color: "#28a8e9"}, {ID: "email", Name: "E-mail", Color: "#9dcf00"},
		{ID: "webform", Name: "CRM-формы", Color: "#ffa900"}, {ID: "callback", Name: "Callback", Color: "#f1695e"}}
	var centre []menuItem
	for _, in := range q.p.installs {
		for _, r := range in.placements {
			if in.installed && r.code == "CONTACT_CENTER" {
				centre = append(centre, menuItem{ID: text(r.id), Title: r.titleFor(q.lang, in.app)})
			}
		}
	}
	q.show("center", q.t("center_title"), "center", map[string]any{"Own": own, "Standard": standard, "Placed": centre, "Lines": q.p.lines.lineViews(q.p)})
}

// lineView is an open line with the people who answer.
type lineView struct {
	ID     int
	Name   string
	People []person
	Chosen bool
	On     bool
}

func (s *lineState) lineViews(p *Portal) []lineView {
	var out []lineView
	for _, l := range s.lines {
		v := lineView{ID: l.id, Name: l.name}
		for _, id := range l.queue {
			v.People = append(v.People, p.person(id))
		}
		out = append(out, v)
	}
	return out
}

// connectorPage is the slider of a connector: choose a line, press Connect, then the application's SETTING_CONNECTOR frame.
func (q *pageRequest) connectorPage() {
	query := q.r.URL.Query()
	con := q.p.lines.connector(query.Get("ID"))
	if con == nil {
		q.missing("not_found")
		return
	}
	n, _ := strconv.Atoi(query.Get("LINE"))
	l := q.p.lines.line(n)
	if q.r.Method == http.MethodPost {
		if l != nil && q.r.PostFormValue("action") == "disconnect" {
			q.p.disconnect(con, l, q.user, 0)
		}
		http.Redirect(q.w, q.r, q.r.URL.RequestURI(), http.StatusSeeOther)
		return
	}
	data := map[string]any{"ID": con.id, "Name": con.name, "Color": con.icon.str("COLOR"), "Image": template.URL(con.icon.str("DATA_IMAGE"))}
	views := q.p.lines.lineViews(q.p)
	for i := range views {
		views[i].Chosen = views[i].ID == n
		views[i].On = q.p.lines.lines[i].status[con.id].good()
	}
	data["Lines"] = views
	in := q.p.installation(con.app)
	if l != nil && in != nil {
		st := l.status[con.id]
		if st == nil {
			st = &lineStatus{}
		}
		data["On"], data["Line"] = st.good(), n
		options := kv("CONNECTOR", con.id, "LINE", text(n), "STATUS", st.good(), "ACTIVE_STATUS", st.active, "CONNECTION_STATUS", st.connected, "REGISTER_STATUS", st.registered,
			"ERROR_STATUS", st.failed, "URI", q.r.URL.RequestURI())
		data["Frame"] = q.frame(in, "SETTING_CONNECTOR", options, con.handler)
	}
	q.show("connector", con.name, "center", data)
}

// noteView is a notification.
type noteView struct {
	ID              int
	Who, Text, When string
	Fresh           bool
}

// messenger shows notifications and the dialogs of open lines.
func (q *pageRequest) messenger(_ []string) {
	if q.r.Method == http.MethodPost {
		q.messengerPost()
		return
	}
	var notes []noteView
	for i := len(q.p.im.notes) - 1; i >= 0; i-- {
		n := q.p.im.notes[i]
		if n.user != q.user.ID {
			continue
		}
		v := noteView{ID: n.id, Text: n.text, When: shortTime(n.created), Fresh: !n.read, Who: n.app}
		if n.from != 0 {
			v.Who = q.p.person(n.from).Name
		}
		n.read = true
		notes = append(notes, v)
	}
	id, _ := strconv.Atoi(q.r.URL.Query().Get("chat"))
	q.show("messenger", q.t("messenger"), "messenger", map[string]any{"Notes": notes, "Dialogs": q.p.dialogViews(), "Chat": q.p.dialogView(id)})
}

func (q *pageRequest) messengerPost() {
	_ = q.r.ParseForm()
	id, _ := strconv.Atoi(q.r.PostForm.Get("chat"))
	if d := q.p.lines.dialog(id); d != nil {
		if q.r.PostForm.Get("action") == "finish" {
			q.p.finishDialog(d, q.user)
		} else if s := q.r.PostForm.Get("text"); s != "" {
			q.p.answerDialog(d, q.user, s, nil)
		}
	}
	http.Redirect(q.w, q.r, q.r.URL.RequestURI(), http.StatusSeeOther)
}
