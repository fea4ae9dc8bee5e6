package chats

import (
	"fmt"
	"time"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/relay"
)

// The views are what pages get, by API and by socket (openapi.yaml: Chat, Message). They hold nothing that depends on who looks;
// `list` and `can` are added for a person by Personal.

// ReasonView is a code with its sentence.
type ReasonView struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// EmployeeView names an employee.
type EmployeeView struct {
	ID   ids.UISEmployeeID `json:"id"`
	Name string            `json:"name"`
}

// FileView is an attachment; URL is signed and expires.
type FileView struct {
	ID    *ids.FileID `json:"id"`
	Name  string      `json:"name"`
	Size  int64       `json:"size"`
	Mime  string      `json:"mime"`
	State string      `json:"state"`
	URL   *string     `json:"url"`
}

// QuoteView is the message another one answers.
type QuoteView struct {
	ID     ids.MessageID `json:"id"`
	Text   string        `json:"text"`
	Side   Side          `json:"side"`
	Author *string       `json:"author"`
}

// MessageView is a message.
type MessageView struct {
	ID        ids.MessageID `json:"id"`
	Chat      ids.ChatID    `json:"chat"`
	Key       *string       `json:"key"`
	Side      Side          `json:"side"`
	Author    *EmployeeView `json:"author"`
	Kind      string        `json:"kind"`
	Text      string        `json:"text"`
	File      *FileView     `json:"file"`
	ReplyTo   *QuoteView    `json:"reply_to"`
	Status    Status        `json:"status"`
	Reason    *ReasonView   `json:"reason"`
	Edited    bool          `json:"edited"`
	CreatedAt time.Time     `json:"created_at"`
}

// ChannelView is a channel.
type ChannelView struct {
	ID         ids.UISChannelID `json:"id"`
	Type       string           `json:"type"`
	Name       string           `json:"name"`
	Active     bool             `json:"active"`
	WriteFirst []string         `json:"write_first"`
}

// ClientView is the person on the other end.
type ClientView struct {
	ID       *ids.ClientID `json:"id"`
	Name     string        `json:"name"`
	Phone    *string       `json:"phone"`
	Phones   []string      `json:"phones"`
	Email    *string       `json:"email"`
	Username *string       `json:"username"`
	Company  *string       `json:"company"`
	Comment  *string       `json:"comment"`
}

// EntityView is a CRM entity with its page in the portal.
type EntityView struct {
	Type    crm.EntityType `json:"type"`
	ID      int64          `json:"id"`
	Title   *string        `json:"title"`
	URL     string         `json:"url"`
	Created bool           `json:"created"`
}

// ChatView is a chat.
type ChatView struct {
	ID        ids.ChatID     `json:"id"`
	UIS       *ids.UISChatID `json:"uis_chat"`
	State     State          `json:"state"`
	Channel   ChannelView    `json:"channel"`
	Client    ClientView     `json:"client"`
	Employee  *EmployeeView  `json:"employee"`
	Unread    int            `json:"unread"`
	Last      *MessageView   `json:"last_message"`
	Reason    *ReasonView    `json:"reason"`
	CreatedAt time.Time      `json:"created_at"`
	ChangedAt time.Time      `json:"changed_at"`
	ClosedAt  *time.Time     `json:"closed_at"`
	Entities  []EntityView   `json:"entities"`
	List      string         `json:"list,omitempty"`
	Can       *AbilitiesView `json:"can,omitempty"`
}

// AbilitiesView says what a person may do in a chat.
type AbilitiesView struct {
	Accept   bool        `json:"accept"`
	Write    bool        `json:"write"`
	Close    bool        `json:"close"`
	Transfer bool        `json:"transfer"`
	WhyNot   *ReasonView `json:"why_not"`
}

// Viewer renders chats and messages.
type Viewer struct {
	Employees map[ids.UISEmployeeID]string
	Channels  func(ids.UISChannelID) Channel
	FileURL   func(ids.FileID, string) string
	Text      func(key string, args ...any) string
}

// writeFirst says how an employee may address a client first in a channel (uis-api 6.3).
func writeFirst(channelType string) []string {
	switch channelType {
	case "whatsapp", "waba", "sms":
		return []string{"phone"}
	case "telegram_private":
		return []string{"phone", "username"}
	case "email":
		return []string{"email"}
	}
	return []string{}
}

// ChannelView renders a channel.
func (v Viewer) ChannelView(c Channel) ChannelView {
	return ChannelView{ID: c.ID, Type: c.Type, Name: c.Name, Active: c.Active, WriteFirst: writeFirst(c.Type)}
}

// Message renders a message; quoted is the one it answers, if any.
func (v Viewer) Message(m *Message, quoted *Message) MessageView {
	out := MessageView{ID: m.ID, Chat: m.Chat, Key: optional(m.Key), Side: m.Side, Kind: m.Kind, Text: m.Text, Status: m.Status,
		Edited: m.Edited, CreatedAt: m.CreatedAt, Author: v.employee(m.Employee)}
	if m.File != nil {
		out.File = &FileView{Name: m.File.Name, Size: m.File.Size, Mime: m.File.Mime, State: m.File.State}
		if m.File.ID != 0 {
			id, url := m.File.ID, v.FileURL(m.File.ID, m.File.Name)
			out.File.ID, out.File.URL = &id, &url
		}
	}
	if m.ReasonCode != "" {
		out.Reason = v.reason("message.reason.", m.ReasonCode, m.ReasonText)
	}
	if quoted != nil {
		out.ReplyTo = &QuoteView{ID: quoted.ID, Text: quoted.Text, Side: quoted.Side}
		if e := v.employee(quoted.Employee); e != nil {
			out.ReplyTo.Author = &e.Name
		}
	}
	return out
}

// Chat renders a chat with its last message.
func (v Viewer) Chat(c *Chat, last *Message) ChatView {
	out := ChatView{ID: c.ID, State: c.State, Channel: v.ChannelView(v.Channels(c.Channel)), Employee: v.employee(c.Employee), Unread: c.Unread,
		CreatedAt: c.CreatedAt, ChangedAt: c.ChangedAt, ClosedAt: c.ClosedAt, Entities: []EntityView{}}
	if c.UIS != 0 {
		uis := c.UIS
		out.UIS = &uis
	}
	out.Client = ClientView{Name: displayName(c), Phones: list(c.Phones), Phone: firstOf(c.Phones), Email: firstOf(c.Emails),
		Username: optional(c.Username), Company: optional(c.Company), Comment: optional(c.Comment)}
	if c.Client != 0 {
		client := c.Client
		out.Client.ID = &client
	}
	if last != nil {
		m := v.Message(last, nil)
		out.Last = &m
	}
	if c.ReasonCode != "" {
		out.Reason = v.reason("chat.reason.", c.ReasonCode, c.ReasonText)
	}
	for _, tie := range c.CRM.Ties {
		out.Entities = append(out.Entities, EntityView{Type: tie.Type, ID: tie.ID, Title: optional(tie.Title), Created: tie.Created,
			URL: fmt.Sprintf("/crm/%s/details/%d/", tie.Type, tie.ID)})
	}
	return out
}

// Personal adds what depends on who looks: the list a chat stands in for him, and what he may do.
func (v Viewer) Personal(view *ChatView, c *Chat, by ids.UISEmployeeID, others bool) {
	view.List = ListOf(c, by)
	can := AbilitiesView{}
	if err := mayAct(c, Action{By: by, Others: others}); err == nil {
		can = AbilitiesView{Accept: c.State == New, Write: true, Close: c.UIS != 0, Transfer: c.UIS != 0}
		if ch := v.Channels(c.Channel); c.State != Starting && (!ch.Active || c.AdapterChannel == 0) {
			can.Write, can.WhyNot = false, &ReasonView{ErrChannelClosed.Code, v.Text("refusal." + ErrChannelClosed.Code)}
		}
	} else if r, ok := IsRefusal(err); ok {
		can.WhyNot = &ReasonView{r.Code, v.Text("refusal." + r.Code)}
	}
	view.Can = &can
}

// ListOf is the workplace list a chat stands in for an employee (W2).
func ListOf(c *Chat, by ids.UISEmployeeID) string {
	switch {
	case c.State == New:
		return "new"
	case c.State == Closed || c.State == Failed:
		return "closed"
	case by != 0 && c.Employee == by:
		return "mine"
	}
	return "others"
}

func (v Viewer) employee(id ids.UISEmployeeID) *EmployeeView {
	if id == 0 {
		return nil
	}
	return &EmployeeView{ID: id, Name: v.Employees[id]}
}

// reason renders a reason: our own sentence, with the platform's words behind it when there are some.
func (v Viewer) reason(prefix, code, words string) *ReasonView {
	text := v.Text(prefix + code)
	if text == prefix+code {
		text = v.Text(prefix + "other")
	}
	if words != "" {
		text += " (" + words + ")"
	}
	return &ReasonView{code, text}
}

// feed lists what open pages must see of a step.
func (t *turn) feed(v Viewer, before ids.UISEmployeeID) []relay.Event {
	var out []relay.Event
	quote := func(m *Message) *Message { return t.byID[m.ReplyTo] }
	for _, m := range t.added {
		out = append(out, relay.Event{Name: "message.added", Employee: t.audience(), Data: map[string]any{"message": v.Message(m, quote(m))}})
	}
	for _, m := range t.changed {
		out = append(out, relay.Event{Name: "message.changed", Employee: t.audience(), Data: map[string]any{"message": v.Message(m, quote(m))}})
	}
	if t.touched || len(out) > 0 {
		name := "chat.changed"
		if t.made {
			name = "chat.added"
		}
		data := map[string]any{"chat": v.Chat(t.chat, t.byID[t.chat.Last])}
		// The chat first: a page that never heard of it can show its messages then.
		head := []relay.Event{{Name: name, Employee: t.audience(), Data: data}}
		switch {
		case before == t.chat.Employee || t.made:
		case before == 0:
			// It was everybody's until now: everybody sees it go.
			head[0].Employee = 0
		default:
			head = append(head, relay.Event{Name: name, Employee: before, Data: data})
		}
		out = append(head, out...)
	}
	return out
}

// audience is whose chat this is; 0 while everybody may take it.
func (t *turn) audience() ids.UISEmployeeID {
	if t.chat.State == New {
		return 0
	}
	return t.chat.Employee
}

func displayName(c *Chat) string {
	switch {
	case c.Name != "":
		return c.Name
	case len(c.Phones) > 0:
		return "+" + c.Phones[0]
	case len(c.Emails) > 0:
		return c.Emails[0]
	}
	return c.Username
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func firstOf(values []string) *string {
	if len(values) == 0 {
		return nil
	}
	return &values[0]
}
