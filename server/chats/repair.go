package chats

import (
	"encoding/json"
	"fmt"
	"time"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/store"
	"omni/server/uis"
)

// KindRepair brings what UIS' reports know of a chat and no webhook told: UIS repeats none. Its body is a Repair.
const KindRepair = "chat.repair"

// Repair is what was missing when a chat was compared with the reports. It is worked like the webhooks that never came, but what came
// meanwhile wins: reports are older than webhooks, and know less.
type Repair struct {
	Channel ids.UISChannelID `json:"channel"`
	// Opened is there for a chat we do not have at all.
	Opened   *RepairedChat     `json:"opened,omitempty"`
	Messages []RepairedMessage `json:"messages,omitempty"`
	// Employee took the chat while we thought that Before had it.
	Employee ids.UISEmployeeID `json:"employee,omitempty"`
	Before   ids.UISEmployeeID `json:"before,omitempty"`
	// Closed says that the chat is over.
	Closed bool   `json:"closed,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// RepairedChat is a chat as get.chats_report shows it. It knows no name and no e-mail: these come with the visitor's card.
type RepairedChat struct {
	Visitor   string            `json:"visitor"`
	Phone     string            `json:"phone"`
	Username  string            `json:"username"`
	Employee  ids.UISEmployeeID `json:"employee"`
	Initiator string            `json:"initiator"`
	At        time.Time         `json:"at"`
}

// RepairedMessage is a message as get.chat_messages_report shows it: without its delivery status, its quoted message and its file's token.
type RepairedMessage struct {
	ID       int64             `json:"id"`
	Source   string            `json:"source"`
	Employee ids.UISEmployeeID `json:"employee"`
	Text     string            `json:"text"`
	At       time.Time         `json:"at"`
	File     *RepairedFile     `json:"file,omitempty"`
	// Edited: we know the message, with the text Before.
	Edited bool   `json:"edited,omitempty"`
	Before string `json:"before,omitempty"`
}

// RepairedFile is a file that can be fetched by a link instead of by its token.
type RepairedFile struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int64  `json:"size"`
	URL  string `json:"url"`
}

// guard is what has to hold when a repaired webhook is worked; nil: it is a real one.
type guard struct {
	edited bool
	text   string
	before ids.UISEmployeeID
	url    string
}

// repaired turns a repair into the webhooks that would have told it, in their order.
func repaired(event inbox.Event, chat ids.UISChatID, w *wanted) ([]input, error) {
	var r Repair
	if err := json.Unmarshal(event.Body, &r); err != nil {
		return nil, fmt.Errorf("read a repair: %w", err)
	}
	var out []input
	add := func(kind uis.WebhookKind, body any, g guard) {
		hook := &uis.Webhook{Kind: kind, ChatID: uis.ChatID(chat), Event: body}
		hook.Context.ChatChannelID = uis.ChannelID(r.Channel)
		out = append(out, input{event: event, webhook: hook, guard: &g})
	}
	if o := r.Opened; o != nil {
		add(uis.WebhookChatNew, &uis.ChatNew{VisitorID: uis.VisitorID(o.Visitor), VisitorPhone: uis.Word(o.Phone), VisitorUsername: uis.Word(o.Username),
			OperatorID: uis.EmployeeID(o.Employee), Initiator: o.Initiator, CreatedAt: uis.At(o.At)}, guard{})
	}
	for _, m := range r.Messages {
		said := &uis.MessageEvent{ID: uis.MessageID(m.ID), HasSource: true, Source: m.Source, OperatorID: uis.EmployeeID(m.Employee), Text: m.Text, HasText: true, CreatedAt: uis.At(m.At)}
		g := guard{edited: m.Edited, text: m.Before}
		if f := m.File; f != nil {
			said.Resource, g.url = &uis.Resource{Name: f.Name, Type: f.Type, Size: uis.Count(f.Size)}, f.URL
		}
		w.uis = append(w.uis, m.ID)
		add(uis.WebhookMessage, said, g)
	}
	if r.Employee != 0 {
		add(uis.WebhookChatUpdated, &uis.ChatUpdated{OperatorID: uis.EmployeeID(r.Employee)}, guard{before: r.Before})
	}
	if r.Closed {
		add(uis.WebhookChatClosed, &uis.ChatClosed{Reason: r.Reason}, guard{})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("a repair of nothing")
	}
	return out, nil
}

// repair works one repaired webhook. What a webhook told since the comparison wins, and nothing waits: the next comparison looks again.
func (t *turn) repair(w uis.Webhook, g guard) {
	switch body := w.Event.(type) {
	case *uis.ChatNew:
		if t.chat != nil && !t.made {
			return
		}
		t.because("chat.repaired")
	case *uis.ChatUpdated:
		if t.chat.Employee != g.before {
			return
		}
		t.because("chat.repaired_employee")
	case *uis.ChatClosed:
		if t.chat.State == Closed {
			return
		}
		t.because("chat.repaired_end")
	case *uis.MessageEvent:
		known := t.byUIS[int64(body.ID)]
		if (known != nil) != g.edited || known != nil && known.Text != g.text {
			return
		}
		if t.said(Said{ID: int64(body.ID), Source: body.Source, Employee: ids.UISEmployeeID(body.OperatorID), Text: body.Text, At: body.CreatedAt.Time,
			File: linked(body.Resource, g.url), Late: t.behind(body.CreatedAt.Time)}) {
			t.because("chat.repaired_message")
		}
		if m := t.byUIS[int64(body.ID)]; m != nil && m.File != nil && m.File.State == "failed" && m.ReasonCode == "" {
			m.ReasonCode = "file_failed"
			t.change(m)
		}
		return
	}
	t.hook(w)
}

// behind tells whether something was said after that moment: a message that comes so late no longer says who has the chat.
func (t *turn) behind(at time.Time) bool {
	for _, m := range t.byID {
		if m.CreatedAt.After(at) {
			return true
		}
	}
	return false
}

// linked is a file that only a link names.
func linked(r *uis.Resource, url string) *File {
	if r == nil {
		return nil
	}
	f := &File{Name: store.Text(r.Name), Size: int64(r.Size), State: "coming", Type: r.Type, URL: url}
	if url == "" {
		f.State = "failed"
	}
	return f
}
