package uisplatform

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
)

// Client is a person who writes from outside. Phone (E.164 digits) for whatsapp, waba, telegram_private and sms; Username (with @) for telegram and others;
// Email for e-mail. The same client in the same type of channel is the same visitor.
type Client struct {
	Phone    string `json:"phone,omitempty"`
	Username string `json:"username,omitempty"`
	Email    string `json:"email,omitempty"`
	Name     string `json:"name,omitempty"`
}

func (c Client) key() string {
	for _, s := range []string{c.Phone, c.Email, strings.TrimPrefix(c.Username, "@"), c.Name} {
		if s != "" {
			return s
		}
	}
	return "anonymous"
}

// ClientMessage is what a client sends: text, a file or both, perhaps as an answer to a message. Text may hold NUL and halves of surrogate pairs (three bytes
// each, as UTF-8 would write them: "\xed\xa0\xbd").
type ClientMessage struct {
	Text    string
	File    *File
	ReplyTo int64
	// Visit and Late count when a chat begins: how the client came, and how many readings of get.chats_report do not have the chat yet.
	Visit Visit
	Late  int
}

// Reasons why the platform refuses what a client or a test asks.
var (
	ErrNoChannel     = errors.New("there is no such channel")
	ErrChannelClosed = errors.New("the channel is not active")
	ErrNoChat        = errors.New("there is no such chat")
	ErrChatClosed    = errors.New("the chat is closed")
	ErrNoMessage     = errors.New("there is no such message")
	ErrNoEmployee    = errors.New("there is no such employee")
)

// ClientWrites plays a client who writes a text; see ClientSends.
func (a *Account) ClientWrites(channel int64, c Client, text string) (Message, error) {
	return a.ClientSends(channel, c, ClientMessage{Text: text})
}

// ClientSendsFile plays a client who sends a file with a caption, which may be empty; see ClientSends.
func (a *Account) ClientSendsFile(channel int64, c Client, f File, caption string) (Message, error) {
	return a.ClientSends(channel, c, ClientMessage{Text: caption, File: &f})
}

// ClientSends plays a client who sends a message into a channel. Without an open chat a new one begins: webhooks POST /chat, POST /visitor/card (when the
// name is known) and POST /message, notifications chat_started and chat_message_received.
func (a *Account) ClientSends(channel int64, c Client, m ClientMessage) (Message, error) {
	if err := a.p.checkVisit(m.Visit); err != nil {
		return Message{}, err
	}
	var res *resource
	if m.File != nil {
		var err error
		if res, err = a.store(*m.File); err != nil {
			return Message{}, err
		}
	}
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	ch := a.channel(channel)
	if ch == nil {
		return Message{}, fmt.Errorf("channel %d: %w", channel, ErrNoChannel)
	}
	if !ch.open() {
		return Message{}, fmt.Errorf("channel %d: %w", channel, ErrChannelClosed)
	}
	if res != nil {
		a.adopt(res)
	}
	v := a.visitorOf(ch, c)
	ct := a.openChat(ch, v)
	if ct == nil {
		ct = a.newChat(ch, v, "visitor", 0)
		ct.visit, ct.late = maps.Clone(m.Visit), m.Late
		a.toPhones(phoneEvent{Type: "chat", Chat: a.chatView(ct)})
		for _, l := range a.linksOf(ch) {
			a.webhook(l, ct, "POST", "/chat", a.newChatBody(l, ct))
			if v.name != "" {
				a.webhook(l, ct, "POST", "/visitor/card", a.cardBody(l, v))
			}
		}
		a.notify("chat_started", ct.id, a.chatVars(ct))
	}
	if ch.Type == "waba" {
		v.windowEnds = a.p.now().Add(wabaWindow)
	}
	msg := a.addMessage(ct, &message{source: "visitor", text: m.Text, resource: res, replyTo: m.ReplyTo, status: "accepted"})
	a.announce(msg, nil)
	a.notify("chat_message_received", ct.id, a.messageVars(msg))
	return a.messageView(msg), nil
}

// EditMessage plays a change of a message by its author in the messenger: webhook "message updated" (v2 adapters only).
func (a *Account) EditMessage(id int64, text string) error {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	m := a.messages[id]
	if m == nil {
		return fmt.Errorf("message %d: %w", id, ErrNoMessage)
	}
	m.text = text
	for _, l := range a.linksOf(m.chat.channel) {
		if l.link.adapter.WebhookVersion == "v1" {
			continue
		}
		body := a.chatBody(l, m.chat)
		body["id"], body["text"], body["resource"] = m.id, wireText(m.text), m.resource.body()
		a.addWindow(body, m)
		a.webhook(l, m.chat, "POST", "/message", body)
	}
	a.toPhones(phoneEvent{Type: "message", Message: a.messageView(m)})
	return nil
}

// MarkDelivered, MarkRead and MarkFailed play what the client's phone reports about messages of the operator: webhook POST /message/status each. A status
// never goes back; an unknown message is an error.
func (a *Account) MarkDelivered(messages ...int64) error { return a.markAll("delivered", messages) }

// MarkRead: see MarkDelivered.
func (a *Account) MarkRead(messages ...int64) error { return a.markAll("read", messages) }

// MarkFailed: see MarkDelivered.
func (a *Account) MarkFailed(messages ...int64) error { return a.markAll("error", messages) }

func (a *Account) markAll(status string, ids []int64) error {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	for _, id := range ids {
		m := a.messages[id]
		if m == nil {
			return fmt.Errorf("message %d: %w", id, ErrNoMessage)
		}
		if m.source != "visitor" {
			a.setStatus(m, status)
		}
	}
	return nil
}

// PhoneMarks tell whether operator's messages are marked delivered and read by themselves, without a phone page.
type PhoneMarks struct{ Delivered, Read bool }

// SetPhoneMarks switches automatic marks on or off; both are off at the beginning.
func (a *Account) SetPhoneMarks(m PhoneMarks) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.autoRead = m
}

// CloseChat closes a chat from the platform's side: closed_by_visitor, closed_by_timeout, closed_by_operator, …
func (a *Account) CloseChat(chat int64, reason string) error {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	c := a.chats[chat]
	if c == nil {
		return fmt.Errorf("chat %d: %w", chat, ErrNoChat)
	}
	operator := int64(0)
	if reason == "closed_by_operator" {
		operator = c.operator
	}
	a.finish(c, reason, operator, nil)
	return nil
}

// AssignChat plays the vendor's workplace or a scenario: the chat goes to an employee (webhook PATCH /chat, or POST /chat/operator for v1).
func (a *Account) AssignChat(chat, employee int64) error {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	c := a.chats[chat]
	switch {
	case c == nil:
		return fmt.Errorf("chat %d: %w", chat, ErrNoChat)
	case !c.open():
		return fmt.Errorf("chat %d: %w", chat, ErrChatClosed)
	case a.employee(employee) == nil:
		return fmt.Errorf("employee %d: %w", employee, ErrNoEmployee)
	}
	a.assign(c, employee)
	return nil
}

// OperatorWrites plays an operator who answers in the vendor's own workplace: all connections get the message.
func (a *Account) OperatorWrites(chat, employee int64, text string) (Message, error) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	c := a.chats[chat]
	switch {
	case c == nil:
		return Message{}, fmt.Errorf("chat %d: %w", chat, ErrNoChat)
	case !c.open():
		return Message{}, fmt.Errorf("chat %d: %w", chat, ErrChatClosed)
	case a.employee(employee) == nil:
		return Message{}, fmt.Errorf("employee %d: %w", employee, ErrNoEmployee)
	}
	if c.operator == 0 {
		a.assign(c, employee)
	}
	m := a.addMessage(c, &message{source: "operator", operator: employee, text: text, status: "accepted"})
	a.announce(m, nil)
	a.sent(m)
	return a.messageView(m), nil
}

// sent follows up an operator's message: it has left for the messenger. The lock is held.
func (a *Account) sent(m *message) {
	a.setStatus(m, "sent")
	a.notify("chat_message_sent", m.chat.id, a.messageVars(m))
	if a.autoRead.Delivered || a.autoRead.Read {
		a.setStatus(m, "delivered")
	}
	if a.autoRead.Read {
		a.setStatus(m, "read")
	}
}

// VisitorCard is what the platform knows about a visitor.
type VisitorCard struct {
	Name    string   `json:"name"`
	Company string   `json:"company"`
	Comment string   `json:"comment"`
	Phones  []string `json:"phones"`
	Emails  []string `json:"emails"`
}

// SetVisitorCard changes the card of a chat's visitor: webhook POST /visitor/card.
func (a *Account) SetVisitorCard(chat int64, card VisitorCard) error {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	c := a.chats[chat]
	if c == nil {
		return fmt.Errorf("chat %d: %w", chat, ErrNoChat)
	}
	v := c.visitor
	v.name, v.company, v.comment, v.phones, v.emails = card.Name, card.Company, card.Comment, card.Phones, card.Emails
	for _, l := range a.linksOf(c.channel) {
		a.webhook(l, c, "POST", "/visitor/card", a.cardBody(l, v))
	}
	return nil
}

// SetChannelStatus changes a channel: active, idle, inactive, error, deleted. Connections get PATCH /channel/{id}; for deleted DELETE /channel/{id}, and its
// chats are closed with channel_removed.
func (a *Account) SetChannelStatus(id int64, status, reason string) error {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	ch := a.channel(id)
	if ch == nil {
		return fmt.Errorf("channel %d: %w", id, ErrNoChannel)
	}
	ch.Status, ch.StatusReason = status, reason
	if status == "deleted" {
		for _, c := range a.chatOrder {
			if c.channel == ch {
				a.finish(c, "channel_removed", 0, nil)
			}
		}
	}
	for _, l := range a.linksOf(ch) {
		method := "PATCH"
		if status == "deleted" {
			method = "DELETE"
			l.link.drop(l.id)
		}
		a.webhook(l, nil, method, fmt.Sprintf("/channel/%d", l.id), a.channelBody(l))
	}
	a.notify("channel_status_changed", id, map[string]any{"channel_name": ch.Name, "channel_type": ch.Type, "channel_status": status})
	a.toPhones(phoneEvent{Type: "reload"})
	return nil
}

// Chat is a chat as tests see it.
type Chat struct {
	ID int64 `json:"id"`
	// Communication is its communication_id, by which it is tagged.
	Communication int64     `json:"communication"`
	Channel       int64     `json:"channel"`
	ChannelType   string    `json:"channel_type"`
	Visitor       int64     `json:"visitor"`
	Client        Client    `json:"client"`
	Operator      int64     `json:"operator"` // 0: nobody has taken it
	Initiator     string    `json:"initiator"`
	Status        string    `json:"status"` // new, active, lost, succeed, refused
	Open          bool      `json:"open"`
	Reason        string    `json:"reason,omitempty"`
	Created       time.Time `json:"created"`
}

// Message of a chat as tests see it.
type Message struct {
	ID       int64     `json:"id"`
	Chat     int64     `json:"chat"`
	Source   string    `json:"source"` // visitor, operator, system
	Operator int64     `json:"operator,omitempty"`
	Text     string    `json:"-"`
	Wire     wireText  `json:"text"` // Text as it goes into JSON
	Created  time.Time `json:"created"`
	Status   string    `json:"status"` // "" (just taken), accepted, sent, delivered, read, error
	ReplyTo  int64     `json:"reply_to,omitempty"`
	Template int64     `json:"template,omitempty"` // waba
	File     *FileInfo `json:"file,omitempty"`
	Author   string    `json:"author,omitempty"`
}

// Chats are all chats, oldest first.
func (a *Account) Chats() []Chat {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	out := []Chat{}
	for _, c := range a.chatOrder {
		out = append(out, *a.chatView(c))
	}
	return out
}

// MessagesOf are the messages of a chat, oldest first; none when there is no such chat.
func (a *Account) MessagesOf(chat int64) []Message {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	out := []Message{}
	if c := a.chats[chat]; c != nil {
		for _, m := range c.messages {
			out = append(out, a.messageView(m))
		}
	}
	return out
}

func (a *Account) chatView(c *chat) *Chat {
	v := c.visitor
	who := Client{Phone: v.phone, Username: v.username, Name: v.name}
	if len(v.emails) > 0 {
		who.Email = v.emails[0]
	}
	return &Chat{ID: c.id, Communication: c.communication, Channel: c.channel.ID, ChannelType: c.channel.Type, Visitor: v.id, Client: who, Operator: c.operator, Initiator: c.initiator,
		Status: c.statusWord(), Open: c.open(), Reason: c.reason, Created: c.created}
}

func (a *Account) messageView(m *message) Message {
	out := Message{ID: m.id, Chat: m.chat.id, Source: m.source, Operator: m.operator, Text: m.text, Wire: wireText(m.text), Created: m.created, Status: m.status,
		ReplyTo: m.replyTo, File: a.fileInfo(m.resource)}
	if name, ok := a.employeeName(m.operator).(string); ok {
		out.Author = name
	}
	if t, ok := m.context["template"].(map[string]any); ok {
		out.Template, _ = whole(t["id"])
	}
	return out
}
