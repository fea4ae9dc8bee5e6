package portal

import (
	"fmt"
	"strings"
)

// Dialog is a chat of an open line.
type Dialog struct {
	Chat      int           `json:"chat"`
	Connector string        `json:"connector"`
	Line      int           `json:"line"`
	ExtChat   string        `json:"ext_chat"`
	ExtUser   string        `json:"ext_user"`
	Session   int           `json:"session"`
	Closed    bool          `json:"closed"`
	Messages  []LineMessage `json:"messages"`
}

// LineMessage is a message of a dialog.
type LineMessage struct {
	ID        int      `json:"id"`
	External  []string `json:"external,omitempty"`
	Client    bool     `json:"client"`
	Author    int      `json:"author"`
	Text      string   `json:"text"`
	Files     []string `json:"files,omitempty"`
	Delivered bool     `json:"delivered"`
	Deleted   bool     `json:"deleted"`
}

// Call is a registered call.
type Call struct {
	ID       string         `json:"id"`
	User     int            `json:"user"`
	Phone    string         `json:"phone"`
	Type     int            `json:"type"`
	Line     string         `json:"line"`
	External string         `json:"external"`
	Finished bool           `json:"finished"`
	Shown    []int          `json:"shown,omitempty"`
	Activity int            `json:"activity,omitempty"`
	Record   string         `json:"record,omitempty"`
	Bytes    int            `json:"bytes,omitempty"` // of the record
	Stat     map[string]any `json:"stat,omitempty"`
	// Message is what its end wrote into an employee's chat.
	Message *CallMessage `json:"message,omitempty"`
}

// CallMessage is the portal's own message about an ended call, in the employee's chat of that number.
type CallMessage struct {
	User int    `json:"user"`
	Text string `json:"text"`
}

// Dialogs are the chats of open lines in the order they began.
func (p *Portal) Dialogs() []Dialog {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []Dialog{}
	for _, d := range p.lines.dialogs {
		x := Dialog{Chat: d.chat, Connector: d.connector, Line: d.line, ExtChat: d.extChat, ExtUser: d.extUser, Session: d.session, Closed: d.closed}
		for _, m := range d.messages {
			lm := LineMessage{ID: m.id, External: m.ext, Client: m.client, Author: m.author, Text: m.text, Delivered: m.delivered, Deleted: m.deleted}
			for _, f := range m.files {
				lm.Files = append(lm.Files, f.name)
			}
			x.Messages = append(x.Messages, lm)
		}
		out = append(out, x)
	}
	return out
}

// Calls are the registered calls in order.
func (p *Portal) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []Call{}
	for _, k := range p.calls.calls {
		x := Call{ID: k.id, User: k.user, Phone: k.phone, Type: k.kind, Line: k.line, External: k.outerID, Finished: k.finished, Activity: k.activity, Message: k.message}
		for _, u := range p.users {
			if k.shown[u.ID] {
				x.Shown = append(x.Shown, u.ID)
			}
		}
		if k.record != nil {
			x.Record, x.Bytes = k.record.name, len(k.record.data)
		}
		if k.stat != nil {
			x.Stat = goMap(k.stat)
		}
		out = append(out, x)
	}
	return out
}

// OuterLines are the numbers of an application's external lines.
func (p *Portal) OuterLines(app string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, l := range p.calls.lines {
		if l.app == app && !l.autoCreate {
			out = append(out, l.number)
		}
	}
	return out
}

// ClickToCall is an employee's click on a number: the call is registered without a card and OnExternalCallStart goes to the application of the line. It answers
// the CALL_ID, empty when no application has telephony.
func (p *Portal) ClickToCall(user int, number string, typ, id int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clickToCall(p.user(user), number, owner{typ, id})
}

func (p *Portal) clickToCall(u *User, number string, o owner) string {
	if len(p.calls.lines) == 0 || u == nil {
		return ""
	}
	l := p.calls.lines[0]
	k := &phoneCall{id: newCallID(p.now()), app: l.app, user: u.ID, phone: NormalizePhone(number), kind: 1, line: l.number, start: p.now(), shown: map[int]bool{}}
	p.bindClient(k, o)
	p.calls.calls = append(p.calls.calls, k)
	p.tellOfClick(k, u)
	return k.id
}

func (p *Portal) tellOfClick(k *phoneCall, u *User) {
	data := kv("PHONE_NUMBER", "+"+k.phone, "PHONE_NUMBER_INTERNATIONAL", "+"+k.phone, "EXTENSION", "", "USER_ID", u.ID, "CALL_LIST_ID", 0, "LINE_NUMBER", k.line, "IS_MOBILE", 0,
		"CALL_ID", k.id, "CRM_ENTITY_TYPE", strings.ToUpper(entityNames[k.typ]), "CRM_ENTITY_ID", k.entity)
	p.fireTo("OnExternalCallStart", data, u, 0, ownedBy(k.app))
}

// TellOfClick sends the event of a click once more, as portals do now and then.
func (p *Portal) TellOfClick(id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.calls.find(id)
	if k == nil || p.user(k.user) == nil {
		return fmt.Errorf("tell of click %s: there is none", id)
	}
	p.tellOfClick(k, p.user(k.user))
	return nil
}

// CallBack is a call-back form filled in by a client.
func (p *Portal) CallBack(number, speech string, typ, id int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.calls.lines) == 0 {
		return fmt.Errorf("call back %s: no application has a line", number)
	}
	l := p.calls.lines[0]
	p.fireTo("OnExternalCallBackStart", kv("PHONE_NUMBER", number, "TEXT", speech, "VOICE", "ruinternalfemale", "CRM_ENTITY_TYPE", strings.ToUpper(entityNames[typ]), "CRM_ENTITY_ID", id,
		"LINE_NUMBER", l.number), nil, 0, ownedBy(l.app))
	return nil
}

// Answer is an operator's message in a dialog of an open line; it answers the messenger's id of the message.
func (p *Portal) Answer(chat, user int, text string) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, u := p.lines.dialog(chat), p.user(user)
	if d == nil || u == nil {
		return 0, fmt.Errorf("answer in chat %d by %d: no such dialog or user", chat, user)
	}
	return p.answerDialog(d, u, text, nil), nil
}

// EditAnswer changes an operator's message; an empty text deletes it.
func (p *Portal) EditAnswer(chat, message, user int, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, u := p.lines.dialog(chat), p.user(user)
	if d == nil || u == nil {
		return fmt.Errorf("edit message %d of chat %d: no such dialog or user", message, chat)
	}
	for _, m := range d.messages {
		if m.id == message {
			p.changeMessage(d, m, u, text)
			return nil
		}
	}
	return fmt.Errorf("edit message %d of chat %d: no such message", message, chat)
}

// FinishDialog closes the session of a dialog.
func (p *Portal) FinishDialog(chat, user int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.lines.dialog(chat)
	if d == nil {
		return fmt.Errorf("finish chat %d: no such dialog", chat)
	}
	p.finishDialog(d, p.user(user))
	return nil
}

// Disconnect takes a connector off a line, as a person does in the contact centre.
func (p *Portal) Disconnect(connector string, line, user int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if con, l := p.lines.connector(connector), p.lines.line(line); con != nil && l != nil {
		p.disconnect(con, l, p.user(user), 0)
	}
}

// DropLine deletes an open line.
func (p *Portal) DropLine(line, user int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropLine(line, p.user(user), 0)
}

// simulate is what people do in the portal, for the control interface: call, callback, line/answer, line/edit, line/finish, line/disconnect, line/drop, robot, item.
func (p *Portal) simulate(name string, read func(any) error) (any, error) {
	var in struct {
		User, Chat, Message, Line, Type, ID int
		Number, Text, Connector             string
		Fields                              map[string]any
	}
	if err := read(&in); err != nil {
		return nil, err
	}
	done := map[string]any{"ok": true}
	var err error
	switch name {
	case "call":
		done["call_id"] = p.ClickToCall(in.User, in.Number, in.Type, in.ID)
	case "callback":
		err = p.CallBack(in.Number, in.Text, in.Type, in.ID)
	case "line/answer":
		done["message"], err = p.Answer(in.Chat, in.User, in.Text)
	case "line/edit":
		err = p.EditAnswer(in.Chat, in.Message, in.User, in.Text)
	case "line/finish":
		err = p.FinishDialog(in.Chat, in.User)
	case "line/disconnect":
		p.Disconnect(in.Connector, in.Line, in.User)
	case "robot":
		err = p.RunRobot(in.Text, in.Type, in.ID, in.Fields)
	case "line/drop":
		p.DropLine(in.Line, in.User)
	case "item": // with an id: changed, with an id and no fields: deleted, else added
		switch {
		case in.ID != 0 && in.Fields != nil:
			err = p.ChangeItem(in.Type, in.ID, in.Fields, in.User)
		case in.ID != 0:
			p.DeleteItem(in.Type, in.ID, in.User)
		default:
			done["id"], err = p.AddItem(in.Type, in.Fields, in.User)
		}
	default:
		return nil, errUnknownControl(name)
	}
	return done, err
}
