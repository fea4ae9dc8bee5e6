package chats

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/store"
)

// Opened is a new chat at UIS (webhook POST /chat), or what is known of it from any other webhook that came first.
type Opened struct {
	Chat                           ids.UISChatID
	Channel                        ids.UISChannelID
	AdapterAccount, AdapterChannel int64
	Visitor, Phone                 string
	Employee                       ids.UISEmployeeID
	Initiator                      string
	At                             time.Time
}

// opened makes the chat, or completes one that another webhook made first.
func (t *turn) opened(o Opened) {
	if t.chat == nil {
		t.chat = &Chat{ID: t.chatID, UIS: o.Chat, State: New, CreatedAt: o.At, ChangedAt: t.now, Channel: o.Channel}
		if o.At.IsZero() {
			t.chat.CreatedAt = t.now
		}
		t.made, t.touched = true, true
	}
	c := t.chat
	before := *c
	if c.State == Starting {
		c.State, c.UIS = Work, o.Chat
	}
	if o.Channel != 0 {
		c.Channel = o.Channel
	}
	if o.AdapterAccount != 0 {
		c.AdapterAccount, c.AdapterChannel = o.AdapterAccount, o.AdapterChannel
	}
	if o.Visitor != "" {
		c.Visitor = o.Visitor
		if t.known != nil {
			t.card(*t.known)
		}
	}
	c.Phones = union(c.Phones, phones([]string{o.Phone}))
	if o.Employee != 0 && c.State == New {
		c.State, c.Employee = Work, o.Employee
	}
	if t.made || c.State != before.State || len(c.Phones) != len(before.Phones) || c.Visitor != before.Visitor {
		t.touched = true
	}
}

// assigned is a chat's employee as UIS tells it (PATCH /chat, v1 POST /chat/operator).
func (t *turn) assigned(employee ids.UISEmployeeID) {
	if employee == 0 || t.chat.Employee == employee && t.chat.State == Work {
		return
	}
	if t.chat.State == New || t.chat.State == Work {
		t.chat.State, t.chat.Employee = Work, employee
		t.touch()
	}
}

// closed ends the chat (POST /chat/close). Closing passes everything to the CRM, guaranteed (C6).
func (t *turn) closed(reason string) {
	if t.chat.State == Closed {
		return
	}
	now := t.now
	t.chat.State, t.chat.ClosedAt, t.chat.ReasonCode, t.chat.ReasonText, t.chat.Unread = Closed, &now, reason, "", 0
	t.touch()
}

// Said is a message at UIS (POST /message): a new one, or an edited one when its id is known.
type Said struct {
	ID       int64
	Source   string
	Employee ids.UISEmployeeID
	ReplyTo  int64
	Text     string
	At       time.Time
	Status   string
	File     *File
	// System is set for service messages such as chat_started.
	System string
	// Late: it was missed and others were said since, so it does not say who has the chat, and does not ask for attention.
	Late bool
}

// said takes a message in. The same id again is an edit or a repeat. It answers false when the message may be the echo of one
// of our own whose answer is still on its way: then it has to wait for that answer.
func (t *turn) said(s Said) bool {
	if known := t.byUIS[s.ID]; known != nil {
		t.edited(known, s)
		return true
	}
	if s.System != "" || s.Source == "system" && s.Text == "" && s.File == nil {
		return true
	}
	side := FromOperator
	switch s.Source {
	case "visitor", "form_text", "":
		side = FromClient
	case "system", "retention", "autoinvite", "chatbot":
		side = FromSystem
	}
	if side == FromOperator && len(t.open) > 0 {
		if own := t.echoOf(s); own != nil {
			t.arrived(own, s.ID)
			t.advance(own, Sent)
			return true
		}
		return false
	}
	m := Message{UIS: s.ID, Side: side, Employee: s.Employee, Kind: kindOf(s.File), Text: s.Text, File: s.File, CreatedAt: s.At, Status: Received}
	if side != FromClient {
		m.Status = Sent
		t.mark(&m, s.Status)
	}
	if side == FromSystem && s.File == nil {
		m.Kind = "system"
	}
	if quoted := t.byUIS[s.ReplyTo]; s.ReplyTo != 0 && quoted != nil {
		m.ReplyTo = quoted.ID
	}
	added := t.newMessage(m)
	switch {
	case side == FromClient && (!s.Late || t.chat.State == New):
		t.chat.Unread++
	case side == FromOperator:
		t.chat.Answered = true
		if !s.Late {
			t.chat.Unread = 0
			t.assigned(s.Employee)
		}
	}
	if added.File != nil && added.File.State == "coming" {
		t.fetches = append(t.fetches, fetch{added.ID, *added.File})
	}
	return true
}

// echoOf finds the own message a webhook repeats: same employee, same text, not known by an id yet.
func (t *turn) echoOf(s Said) *Message {
	for _, m := range t.open {
		if m.UIS == 0 && m.Employee == s.Employee && m.Text == store.Text(s.Text) && (m.File == nil) == (s.File == nil) {
			return m
		}
	}
	return nil
}

func (t *turn) edited(m *Message, s Said) {
	text := store.Text(s.Text)
	if m.Text != text && (s.Text != "" || m.File != nil) {
		m.Text, m.Edited = text, true
		t.change(m)
		t.dirty(m.ID)
	}
	t.mark(m, s.Status)
	// A message taken from a report has no token of its file; the webhook that comes late brings it.
	if s.File != nil && s.File.Token != "" && m.File != nil && m.File.Token == "" && m.File.State != "ready" && m.Side != FromOperator {
		f := *s.File
		m.File = &f
		m.ReasonCode, m.ReasonText = "", ""
		t.change(m)
		t.fetches = append(t.fetches, fetch{m.ID, f})
	}
}

// dirty notes that a passed message changed, so that its comment is written again.
func (t *turn) dirty(id ids.MessageID) {
	for i := range t.chat.CRM.Comments {
		c := &t.chat.CRM.Comments[i]
		if id >= c.From && id <= c.Upto {
			c.Dirty = true
		}
	}
}

// mark applies a delivery status of UIS (accepted, sent, delivered, read, error) to an outgoing message.
func (t *turn) mark(m *Message, status string) {
	if m.Side == FromClient {
		return
	}
	switch status {
	case "accepted", "sent":
		t.advance(m, Sent)
	case "delivered":
		t.advance(m, Delivered)
	case "read":
		t.advance(m, Read)
	case "error":
		if m.Status.rank() <= Sent.rank() && m.Status != Undelivered {
			m.Status, m.ReasonCode, m.ReasonText = Undelivered, "channel_error", ""
			t.change(m)
		}
	}
}

// status is POST /message/status. It answers false while the message may be one of our own that has no id yet. It does not prove that an unclear one of
// ours got through: it may be about what somebody says in the vendor's own workplace at the same moment. The report tells, by text and employee.
func (t *turn) status(id int64, status string) bool {
	m := t.byUIS[id]
	if m == nil {
		return len(t.open) == 0
	}
	t.mark(m, status)
	return true
}

// Card is what UIS knows of the visitor (POST /visitor/card).
type Card struct {
	Name, Company, Comment string
	Phones, Emails         []string
}

// card completes the client's data. Contact data that arrive later are added to what the chat made (C12).
func (t *turn) card(card Card) {
	c := t.chat
	before := encode([]any{c.Name, c.Company, c.Comment, c.Phones, c.Emails})
	if card.Name != "" {
		c.Name = store.Text(card.Name)
	}
	if card.Company != "" {
		c.Company = store.Text(card.Company)
	}
	if card.Comment != "" {
		c.Comment = store.Text(card.Comment)
	}
	c.Phones = union(c.Phones, phones(card.Phones))
	c.Emails = union(c.Emails, card.Emails)
	if string(before) != string(encode([]any{c.Name, c.Company, c.Comment, c.Phones, c.Emails})) {
		t.touched = true
	}
}

// phones brings numbers to the form they are searched in; what is none stays as it is.
func phones(list []string) []string {
	out := make([]string, 0, len(list))
	for _, p := range list {
		if digits, ok := crm.Phone(p); ok {
			p = digits
		}
		out = append(out, p)
	}
	return out
}

func union(have, more []string) []string {
	for _, v := range more {
		if v = store.Text(v); v != "" && !slices.Contains(have, v) {
			have = append(have, v)
		}
	}
	return have
}

// FileLetter is what the copying of a file ended with.
type FileLetter struct {
	Message ids.MessageID `json:"message"`
	File    ids.FileID    `json:"file"`
	Size    int64         `json:"size"`
	Mime    string        `json:"mime"`
	Name    string        `json:"name"`
	Error   string        `json:"error,omitempty"`
}

func (t *turn) fileCame(body []byte) error {
	var l FileLetter
	if err := json.Unmarshal(body, &l); err != nil {
		return err
	}
	m := t.byID[l.Message]
	if m == nil || m.File == nil || m.File.State == "ready" {
		return nil
	}
	if l.Error != "" {
		m.File.State = "failed"
		m.ReasonCode, m.ReasonText = "file_"+l.Error, ""
	} else {
		m.File.ID, m.File.Size, m.File.Mime, m.File.State = l.File, l.Size, l.Mime, "ready"
		if strings.HasPrefix(m.ReasonCode, "file_") { // an earlier try failed
			m.ReasonCode, m.ReasonText = "", ""
		}
	}
	t.change(m)
	t.dirty(m.ID)
	return nil
}
