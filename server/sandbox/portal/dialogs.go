package portal

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// dialog is one chat of an open line with one client: one chat for ever, a new session after each closing.
type dialog struct {
	chat      int // messenger chat
	connector string
	line      int
	extChat   string
	extUser   string
	guest     int // internal id of the client
	name      string
	phone     string
	session   int
	closed    bool
	operator  int
	entities  map[int]int // type → id
	messages  []*lineMessage
	created   string
}

// lineMessage is one message of a dialog.
type lineMessage struct {
	id        int
	ext       []string
	client    bool
	author    int // employee, 0: system
	text      string
	files     []storedFile
	at        string
	delivered bool
	deleted   bool
}

func (d *dialog) byExternal(id string) *lineMessage {
	for _, m := range d.messages {
		for _, e := range m.ext {
			if e == id {
				return m
			}
		}
	}
	return nil
}

func (s *lineState) dialog(chat int) *dialog {
	for _, d := range s.dialogs {
		if d.chat == chat {
			return d
		}
	}
	return nil
}

// find gives the dialog of a chat; a connector with CHAT_GROUP does not tell its users apart.
func (s *lineState) find(con *connector, l *openLine, chat, user string) *dialog {
	for _, d := range s.dialogs {
		if d.connector == con.id && d.line == l.id && d.extChat == chat && (con.group || user == "" || d.extUser == user) {
			return d
		}
	}
	return nil
}

func (s *lineState) file(id int) *storedFile {
	for _, d := range s.dialogs {
		for _, m := range d.messages {
			for i := range m.files {
				if m.files[i].id == id {
					return &m.files[i]
				}
			}
		}
	}
	return nil
}

// openDialog finds or makes the dialog of a message and opens a session when none is open.
func (p *Portal) openDialog(con *connector, l *openLine, user, chat *arr, c *call) *dialog {
	d := p.lines.find(con, l, chat.str("id"), user.str("id"))
	name := strings.TrimSpace(user.str("name") + " " + user.str("last_name"))
	if d == nil {
		if name == "" {
			name = fmt.Sprintf("Гость №%d", len(p.lines.dialogs)+1)
		}
		d = &dialog{chat: 1800 + p.id("chat"), connector: con.id, line: l.id, extChat: chat.str("id"), extUser: user.str("id"), guest: 500 + p.id("guest"), name: name, closed: true,
			entities: map[int]int{}, created: stamp(p.now())}
		p.lines.dialogs = append(p.lines.dialogs, d)
	} else if name != "" {
		d.name = name
	}
	if phone := user.str("phone"); phone != "" {
		d.phone = phone
	}
	if d.closed {
		d.closed, d.session = false, 300+p.id("session")
		if len(l.queue) > 0 {
			d.operator = l.queue[(d.session-1)%len(l.queue)]
		}
		if !con.group && l.params.str("CRM") != "N" {
			p.linkDialog(d, l, user.str("email"), c)
		}
		p.fireSession("OnImConnectorDialogStart", "OnSessionStart", d, c.user, c.hops())
	}
	return d
}

// linkDialog finds the client in the CRM by phone or e-mail; nothing found and CRM_CREATE "lead": a lead is made.
func (p *Portal) linkDialog(d *dialog, l *openLine, email string, c *call) {
	for _, typ := range []int{Contact, Company, Lead} {
		ids := []int(nil)
		if d.phone != "" {
			ids = p.findByComm(typ, "PHONE", []string{d.phone})
		}
		if len(ids) == 0 && email != "" {
			ids = p.findByComm(typ, "EMAIL", []string{email})
		}
		if len(ids) > 0 {
			d.entities[typ] = ids[0]
			return
		}
	}
	if l.params.str("CRM_CREATE") != "lead" || p.cfg.LeadsMode != Classic {
		return
	}
	fields := kv("title", d.name, "name", d.name, "assignedById", d.operator)
	fm := newArr()
	if d.phone != "" {
		fm.push(kv("typeId", "PHONE", "valueType", "WORK", "value", d.phone))
	}
	if email != "" {
		fm.push(kv("typeId", "EMAIL", "valueType", "WORK", "value", email))
	}
	if it, err := p.addItem(Lead, fields.set("fm", fm), false, c.user.ID); err == nil {
		d.entities[Lead] = it.id
		c.fireItem(Lead, it.id, "Add")
	}
}

// entityID is the dialog key of the messenger: connector|line|chat|user.
func (p *Portal) entityID(d *dialog) string {
	guest := d.guest
	if con := p.lines.connector(d.connector); con != nil && con.group {
		guest = 0
	}
	return fmt.Sprintf("%s|%d|%s|%d", d.connector, d.line, d.extChat, guest)
}

// connectorMessage is one element of MESSAGES of the connector's events.
func (p *Portal) connectorMessage(d *dialog, m *lineMessage) *arr {
	body := m.text
	if con := p.lines.connector(d.connector); con != nil && con.signature && m.author != 0 && body != "" {
		body = "[b]" + p.person(m.author).Name + ":[/b] [br]" + body
	}
	msg := kv("user_id", m.author, "text", body)
	if len(m.files) > 0 {
		msg.set("files", p.fileRows(m.files))
	}
	return kv("im", kv("chat_id", d.chat, "message_id", m.id), "message", msg, "chat", kv("id", d.extChat))
}

func (p *Portal) fileRows(files []storedFile) *arr {
	out := newArr()
	for _, f := range files {
		kind := "file"
		switch strings.ToLower(path.Ext(f.name)) {
		case ".jpe", ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp":
			kind = "image"
		}
		out.push(kv("name", f.name, "type", kind, "mime", "", "link", p.URL()+"/disk/"+text(f.id)+"/"+url.PathEscape(f.name), "size", len(f.data),
			"sizef", fmt.Sprintf("%d B", len(f.data))))
	}
	return out
}

// fireConnector raises an event of the connector for its application alone.
func (p *Portal) fireConnector(event string, d *dialog, entry *arr, actor *User, hops int) {
	con := p.lines.connector(d.connector)
	if con == nil {
		return
	}
	p.fireTo(event, kv("CONNECTOR", con.id, "LINE", d.line, "MESSAGES", list(entry)), actor, hops, ownedBy(con.app))
}

// fireLineMessage raises OnOpenLineMessage…: both directions, with the messenger's id of the message.
func (p *Portal) fireLineMessage(event string, d *dialog, m *lineMessage, actor *User, hops int) {
	con := p.lines.connector(d.connector)
	if con == nil {
		return
	}
	author := m.author
	if m.client {
		author = d.guest
	}
	entry := kv("connector", kv("connector_id", con.id, "line_id", d.line, "chat_id", d.chat, "user_id", d.guest), "chat", kv("id", d.chat),
		"message", kv("id", m.id, "date", m.at, "text", m.text, "files", p.fileRows(m.files), "attach", newArr(), "system", yn(author == 0), "user_id", author), "ref", newArr(),
		"extra", kv("EXTRA_URL", ""))
	p.fireTo(event, kv("DATA", list(entry)), actor, hops, ownedBy(con.app))
}

// fireSession raises the start or the end of a session under both of its names.
func (p *Portal) fireSession(connectorEvent, lineEvent string, d *dialog, actor *User, hops int) {
	con := p.lines.connector(d.connector)
	if con == nil {
		return
	}
	entry := kv("connector", kv("connector_id", con.id, "line_id", d.line, "chat_id", d.chat, "user_id", d.guest),
		"session", kv("id", d.session, "closed", yn(d.closed), "parent_id", 0, "close_term", 10), "chat", kv("id", d.extChat), "user", kv("id", d.extUser))
	p.fireTo(connectorEvent, kv("CONNECTOR", con.id, "LINE", text(d.line), "DATA", list(entry)), actor, hops, ownedBy(con.app))
	p.fireTo(lineEvent, kv("DATA", list(entry)), actor, hops, ownedBy(con.app))
}

// answerDialog is an operator's message to the client.
func (p *Portal) answerDialog(d *dialog, u *User, body string, files []storedFile) int {
	m := &lineMessage{id: p.id("message"), author: u.ID, text: body, files: files, at: stamp(p.now())}
	d.messages = append(d.messages, m)
	d.operator = u.ID
	p.fireConnector("OnImConnectorMessageAdd", d, p.connectorMessage(d, m), u, 0)
	p.fireLineMessage("OnOpenLineMessageAdd", d, m, u, 0)
	return m.id
}

// changeMessage is an operator's edit (text) or deletion (empty text); without stored external ids nothing goes out.
func (p *Portal) changeMessage(d *dialog, m *lineMessage, u *User, body string) {
	if body == "" {
		m.deleted = true
		for _, id := range m.ext {
			p.fireConnector("OnImConnectorMessageDelete", d, kv("im", kv("chat_id", d.chat, "message_id", m.id), "message", kv("id", id), "chat", kv("id", d.extChat)), u, 0)
		}
		return
	}
	m.text = body
	if len(m.ext) == 0 {
		return
	}
	e := p.connectorMessage(d, m)
	e.sub("message").set("id", listOf(m.ext)).del("user_id")
	p.fireConnector("OnImConnectorMessageUpdate", d, e, u, 0)
}

// finishDialog closes the session.
func (p *Portal) finishDialog(d *dialog, u *User) {
	if d.closed {
		return
	}
	d.closed = true
	p.fireSession("OnImConnectorDialogFinish", "OnSessionFinish", d, u, 0)
}

// dialogView is a dialog on the messenger page.
type dialogView struct {
	ID               int
	Name, Line, Last string
	Closed           bool
	Messages         []messageView
}

type messageView struct {
	Who, Text, When         string
	Mine, System, Delivered bool
	Files                   []fieldView
}

func (p *Portal) dialogViews() []dialogView {
	var out []dialogView
	for i := len(p.lines.dialogs) - 1; i >= 0; i-- {
		d := p.lines.dialogs[i]
		v := dialogView{ID: d.chat, Name: d.name, Closed: d.closed}
		if l := p.lines.line(d.line); l != nil {
			v.Line = l.name
		}
		if n := len(d.messages); n > 0 {
			v.Last = shorten(d.messages[n-1].text, 40)
		}
		out = append(out, v)
	}
	return out
}

func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

func (p *Portal) dialogView(chat int) *dialogView {
	d := p.lines.dialog(chat)
	if d == nil {
		return nil
	}
	v := &dialogView{ID: d.chat, Name: d.name, Closed: d.closed}
	for _, m := range d.messages {
		if m.deleted {
			continue
		}
		mv := messageView{Who: d.name, Text: m.text, When: shortTime(m.at), Mine: !m.client && m.author != 0, System: !m.client && m.author == 0, Delivered: m.delivered}
		if mv.Mine {
			mv.Who = p.person(m.author).Name
		} else if mv.System {
			mv.Who = ""
		}
		for _, f := range m.files {
			mv.Files = append(mv.Files, fieldView{Label: f.name, URL: "/disk/" + text(f.id) + "/"})
		}
		v.Messages = append(v.Messages, mv)
	}
	return v
}
