package uis

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// WebhookKind says what a Chat API webhook tells.
type WebhookKind string

// Kinds of webhooks (Chat API, "Webhooks").
const (
	WebhookAccountCreated WebhookKind = "account.created"
	WebhookAccountUpdated WebhookKind = "account.updated"
	WebhookAccountDeleted WebhookKind = "account.deleted"
	WebhookChannelCreated WebhookKind = "channel.created"
	WebhookChannelUpdated WebhookKind = "channel.updated"
	WebhookChannelDeleted WebhookKind = "channel.deleted"
	WebhookChatNew        WebhookKind = "chat.new"
	WebhookChatUpdated    WebhookKind = "chat.updated"
	WebhookChatClosed     WebhookKind = "chat.closed"
	WebhookMessage        WebhookKind = "message"
	WebhookMessageStatus  WebhookKind = "message.status"
	WebhookVisitorCard    WebhookKind = "visitor.card"
)

// Webhook is one webhook of the Chat API. Event is one of *AccountEvent, *ChannelEvent, *ChatNew, *ChatUpdated, *ChatClosed, *MessageEvent,
// *MessageStatus, *VisitorCard.
type Webhook struct {
	Kind WebhookKind
	// ChatID is the ordering key: webhooks of one chat belong in order. 0 for account, channel and visitor card webhooks.
	ChatID ChatID
	Common
	Event any
	// Repairs says what was odd about the body.
	Repairs []Repair

	natural string
	recurs  bool
}

// Common are the fields that all webhooks of a chat carry.
type Common struct {
	ConnectionID ConnectionID     `json:"account_id"`
	ChannelID    AdapterChannelID `json:"channel_id"`
	Context      Context          `json:"context"`
}

// Context is what the platform adds to every webhook.
type Context struct {
	AppID         Count     `json:"app_id"`          // Account.AppID
	ChatChannelID ChannelID `json:"chat_channel_id"` // the account's channel
	// ConversationUntil (conversation_frame_ts) is when the window for free texts in a WABA chat ends, in unix seconds; 0: it is closed.
	ConversationUntil Count `json:"conversation_frame_ts"`
	// Templates (message_templates) come with WABA channels only.
	Templates []ListedTemplate `json:"message_templates"`
}

// ListedTemplate is an approved WABA template in a channel's webhook.
type ListedTemplate struct {
	ID        Word            `json:"id"`
	Name      string          `json:"name"`
	CreatedAt Instant         `json:"createdAt"`
	Content   json.RawMessage `json:"content"`
}

// ToSend turns a listed template into the one OutMessage.Template sends.
func (t ListedTemplate) ToSend() (MessageTemplate, error) {
	out := MessageTemplate{}
	if len(t.Content) > 0 {
		if err := json.Unmarshal(t.Content, &out); err != nil {
			return MessageTemplate{}, fmt.Errorf("uis: template %s: %w", t.ID, err)
		}
	}
	out.ID = t.ID
	return out, nil
}

// AccountEvent tells of a connection (the adapter's account) that was made, changed or removed.
type AccountEvent struct {
	ID        ConnectionID `json:"id"`
	Name      string       `json:"name"`
	AdapterID AdapterID    `json:"adapter_id"`
	Status    string       `json:"status"` // active, disabled
}

// ChannelEvent tells of a channel inside a connection that was made, changed or removed.
type ChannelEvent struct {
	ID     AdapterChannelID `json:"id"`
	Name   string           `json:"name"`
	Type   string           `json:"type"`
	Status string           `json:"status"`
}

// ChatNew tells of a new chat.
type ChatNew struct {
	VisitorID       VisitorID  `json:"visitor_id"`
	VisitorPhone    Word       `json:"visitor_phone"`
	VisitorEmail    Word       `json:"visitor_email"`
	VisitorUsername Word       `json:"visitor_username"`
	OperatorID      EmployeeID `json:"operator_id"` // 0: nobody yet
	Initiator       string     `json:"initiator"`
	CreatedAt       Instant    `json:"created_at"`
}

// ChatUpdated tells who the chat is assigned to now: PATCH /chat (v2) or POST /chat/operator (v1).
type ChatUpdated struct {
	OperatorID EmployeeID `json:"operator_id"`
}

// ChatClosed tells that a chat is over.
type ChatClosed struct {
	OperatorID EmployeeID `json:"operator_id"` // 0: not told
	Reason     string     `json:"reason"`
}

// MessageEvent is a new or a changed message; the wire does not say which, as both come as POST /message. A message id that is known already means
// changed. HasSource tells whether `source` was in the body at all: the page shows it for new messages only.
type MessageEvent struct {
	ID         MessageID  `json:"id"`
	HasSource  bool       `json:"-"`
	Source     string     `json:"source"` // visitor, operator, system …
	OperatorID EmployeeID `json:"operator_id"`
	ReplyTo    MessageID  `json:"reply_to_id"`
	Text       string     `json:"text"` // see Repair for what odd texts become
	HasText    bool       `json:"-"`    // text was there and not null
	CreatedAt  Instant    `json:"created_at"`
	Status     string     `json:"status"` // accepted, delivered, read, sent, error; "" for null
	Resource   *Resource  `json:"resource"`
	// HasResource tells whether `resource` was in the body; with Resource nil it was null.
	HasResource bool   `json:"-"`
	Mnemonic    string `json:"system_message_mnemonic"` // chat_started; "" for other messages
}

// MessageStatus tells what became of a message.
type MessageStatus struct {
	MessageID MessageID `json:"message_id"`
	Status    string    `json:"status"` // accepted, delivered, read, sent, error
}

// VisitorCard tells what is known about a visitor.
type VisitorCard struct {
	VisitorID VisitorID `json:"visitor_id"`
	Card      struct {
		Name    string `json:"name"`
		Company string `json:"company"`
		Comment string `json:"comment"`
		Phones  []Word `json:"phones"`
		Emails  []Word `json:"emails"`
	} `json:"visitor_card"`
}

// Errors of ParseWebhook.
var (
	// ErrUnknownWebhook means that method and path belong to no webhook known.
	ErrUnknownWebhook = errors.New("uis: unknown webhook")
	// ErrWebhookBody means that the body is no JSON object or lacks the ids without which it cannot be used.
	ErrWebhookBody = errors.New("uis: unreadable webhook body")
)

// ParseWebhook reads a webhook. subpath is what follows webhook_url ("message", "/chat/close", "account/10"). Errors: ErrUnknownWebhook,
// ErrWebhookBody; with the latter, Kind and Natural of the result are still right. Optional fields of an unexpected type are left empty and noted
// in Repairs, so that a message is never lost over them.
func ParseWebhook(method, subpath string, body []byte) (Webhook, error) {
	kind, id, ok := webhookKind(method, strings.Trim(subpath, "/"))
	if !ok {
		return Webhook{natural: "unknown:" + bodyHash(body)}, fmt.Errorf("%w: %s %s", ErrUnknownWebhook, method, shorten(subpath, 100))
	}
	w := Webhook{Kind: kind, natural: string(kind) + ":" + bodyHash(body), recurs: true}
	mended, repairs := mend(body)
	w.Repairs = repairs
	if len(strings.TrimSpace(string(mended))) == 0 && strings.HasSuffix(string(kind), ".deleted") {
		mended = []byte("{}") // a DELETE need not have a body: the path says it all
	}
	if err := w.read(mended, id); err != nil {
		return w, fmt.Errorf("%w: %s: %w", ErrWebhookBody, kind, err)
	}
	return w, nil
}

// Natural is the sender's own name of this webhook: equal for two deliveries of the same one.
//
//	chat.new:{chat}           chat.closed:{chat}        message.status:{message}:{status}
//	message:{message}:{hash}  {kind}:{hash}             hash of the body, as a changed message has the id of the new one
func (w Webhook) Natural() string { return w.natural }

// Recurs says that an equal webhook may rightly come again later, as nothing in it tells the occasion: an assignment back to the first operator, a
// change undone. Handling such a webhook twice is harmless, ignoring it is not: an intake that drops equal natural keys adds its time of receipt,
// in coarse steps, to the key of these.
func (w Webhook) Recurs() bool { return w.recurs }

func webhookKind(method, path string) (WebhookKind, int64, bool) {
	head, rest, _ := strings.Cut(path, "/")
	method = strings.ToUpper(method)
	if head == "account" || head == "channel" {
		id, ok := intOf(rest)
		verb := map[string]string{http.MethodPost: "created", http.MethodPatch: "updated", http.MethodPut: "updated", http.MethodDelete: "deleted"}[method]
		return WebhookKind(head + "." + verb), id, ok && verb != ""
	}
	kind, ok := map[string]WebhookKind{
		"POST chat": WebhookChatNew, "PATCH chat": WebhookChatUpdated, "POST chat/operator": WebhookChatUpdated, "POST chat/close": WebhookChatClosed,
		"POST message": WebhookMessage, "PATCH message": WebhookMessage, "POST message/status": WebhookMessageStatus,
		"POST visitor/card": WebhookVisitorCard,
	}[method+" "+path]
	return kind, 0, ok
}

func bodyHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:12])
}
