package uisplatform

import (
	"slices"
	"time"
)

// channelTypes are the mnemonics of get.chat_channels and get.chats_report. adapter: the Chat API's adapters support it; first: how an operator may write
// first ("" not at all; documentation of the Chat API, "Creating a chat").
var channelTypes = map[string]struct {
	adapter bool
	first   []string
}{
	"comagic": {true, nil}, "telegram": {true, nil}, "auto_ru": {true, nil}, "avito": {true, nil}, "realty_yandex": {true, nil}, "viber": {true, nil},
	"telegram_private": {true, []string{"visitor_phone", "visitor_username"}}, "whatsapp": {true, []string{"visitor_phone"}},
	"waba": {true, []string{"visitor_phone"}}, "sms": {true, []string{"visitor_phone"}}, "email": {true, []string{"visitor_email"}},
	"vkontakte_groups": {}, "facebook": {}, "instagram": {}, "yandex.dialogs": {}, "dataapi": {}, "cian": {}, "max": {}, "max_bot": {}, "tamtam_bot": {},
}

// wabaWindow is how long free text is allowed after a client's message in a waba channel (WhatsApp's own rule; the documentation only gives its end).
const wabaWindow = 24 * time.Hour

type channel struct{ Channel }

func (c *channel) open() bool { return c.Status == "active" }

type visitor struct {
	id                      int64
	channel                 *channel
	name, company, comment  string
	phones, emails          []string
	username, userID, phone string // phone is set when the channel knows it
	windowEnds              time.Time
	session                 int64
}

type chat struct {
	id, communication int64
	number            int // communication_number: which one of this visitor
	channel           *channel
	visitor           *visitor
	operator          int64
	initiator         string
	created, closed   time.Time
	answered          time.Time
	reason            string
	transferred       bool
	messages          []*message
	adURL             string
	visit             Visit
	late              int // readings of the report that do not have it yet
}

func (c *chat) open() bool { return c.closed.IsZero() }

type message struct {
	id       int64
	chat     *chat
	source   string
	operator int64
	text     string
	created  time.Time
	status   string // "", accepted, sent, delivered, read, error
	replyTo  int64
	resource *resource
	system   string // system_message_mnemonic
	context  map[string]any
}

// status in the report's words (documentation: get.chats_report).
func (c *chat) statusWord() string {
	fromVisitor, fromOperator := c.count("visitor"), c.count("operator")
	switch {
	case c.open() && c.operator == 0:
		return "new"
	case c.open():
		return "active"
	case c.operator == 0, c.reason == "visitor_disconnected", fromOperator == 0 && (c.reason == "closed_by_timeout" || c.reason == "closed_by_operator"):
		return "lost"
	case fromVisitor == 0 && fromOperator > 0:
		return "refused"
	default:
		return "succeed"
	}
}

func (c *chat) count(source string) int {
	n := 0
	for _, m := range c.messages {
		if m.source == source {
			n++
		}
	}
	return n
}

// All below needs the platform's lock.

// visitorOf finds or makes the visitor of a client in a channel.
func (a *Account) visitorOf(ch *channel, c Client) *visitor {
	key := ch.Type + "|" + c.key()
	v := a.visitors[key]
	if v == nil {
		v = &visitor{id: a.id(), channel: ch, phone: c.Phone, username: c.Username, userID: c.key(), name: c.Name, session: a.id()}
		if c.Phone != "" {
			v.phones = []string{c.Phone}
		}
		if c.Email != "" {
			v.emails = []string{c.Email}
		}
		a.visitors[key] = v
	}
	return v
}

func (a *Account) openChat(ch *channel, v *visitor) *chat {
	for _, c := range slices.Backward(a.chatOrder) {
		if c.channel == ch && c.visitor == v && c.open() {
			return c
		}
	}
	return nil
}

func (a *Account) newChat(ch *channel, v *visitor, initiator string, operator int64) *chat {
	c := &chat{id: a.id(), communication: a.id(), channel: ch, visitor: v, initiator: initiator, operator: operator, created: a.p.now(), number: 1}
	for _, other := range a.chatOrder {
		if other.visitor == v {
			c.number++
		}
	}
	a.chats[c.id] = c
	a.chatOrder = append(a.chatOrder, c)
	return c
}

func (a *Account) addMessage(c *chat, m *message) *message {
	m.id, m.chat = a.id(), c
	if m.created.IsZero() {
		m.created = a.p.now()
	}
	c.messages = append(c.messages, m)
	a.messages[m.id] = m
	if m.source == "operator" && c.answered.IsZero() {
		c.answered = a.p.now()
	}
	return m
}

// announce tells phones and, except own, all connections about a new message.
func (a *Account) announce(m *message, own *link) {
	a.toPhones(phoneEvent{Type: "message", Message: a.messageView(m)})
	for _, l := range a.linksOf(m.chat.channel) {
		if l.link != own {
			a.webhook(l, m.chat, "POST", "/message", a.messageBody(l, m))
		}
	}
}

// assign gives a chat to an operator.
func (a *Account) assign(c *chat, operator int64) {
	previous := c.operator
	if previous == operator {
		return
	}
	c.operator = operator
	for _, l := range a.linksOf(c.channel) {
		method, path := "PATCH", "/chat"
		if l.link.adapter.WebhookVersion == "v1" {
			method, path = "POST", "/chat/operator"
		}
		body := a.chatBody(l, c)
		body["operator_id"] = orNull(operator)
		a.webhook(l, c, method, path, body)
	}
	a.toPhones(phoneEvent{Type: "chat", Chat: a.chatView(c)})
	vars := a.chatVars(c)
	vars["employee_id"], vars["employee_full_name"] = operator, a.employeeName(operator)
	if previous == 0 {
		a.notify("chat_accepted_to_work", c.id, vars)
		return
	}
	c.transferred = true
	vars["previous_employee_id"], vars["previous_employee_full_name"] = previous, a.employeeName(previous)
	a.notify("chat_operator_changed", c.id, vars)
}

// finish closes a chat. own is the connection that asked for it: it is not told.
func (a *Account) finish(c *chat, reason string, operator int64, own *link) {
	if !c.open() {
		return
	}
	c.closed, c.reason = a.p.now(), reason
	for _, l := range a.linksOf(c.channel) {
		if l.link == own {
			continue
		}
		body := a.chatBody(l, c)
		body["reason"] = reason
		if operator != 0 {
			body["operator_id"] = operator
		}
		a.webhook(l, c, "POST", "/chat/close", body)
	}
	a.toPhones(phoneEvent{Type: "chat", Chat: a.chatView(c)})
	event := "chat_finished"
	if c.operator == 0 {
		event = "lost_chat"
	}
	a.notify(event, c.id, a.chatVars(c))
}

var statusRank = map[string]int{"": 0, "accepted": 1, "sent": 2, "delivered": 3, "read": 4, "error": 5}

// setStatus moves a message's status forward and tells the connections; going back is ignored.
func (a *Account) setStatus(m *message, status string) {
	if statusRank[status] <= statusRank[m.status] {
		return
	}
	m.status = status
	for _, l := range a.linksOf(m.chat.channel) {
		body := a.chatBody(l, m.chat)
		body["message_id"], body["status"] = m.id, status
		a.webhook(l, m.chat, "POST", "/message/status", body)
	}
	a.toPhones(phoneEvent{Type: "status", Message: a.messageView(m)})
}

func (a *Account) employeeName(id int64) any {
	if e := a.employee(id); e != nil {
		return e.FullName()
	}
	return nil
}

func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
