// Package chats is the engine of conversations: it turns webhooks, operators' actions and answers of commands into the state of one chat, its messages, and what follows from them.
package chats

import (
	"encoding/json"
	"time"

	"omni/server/crm"
	"omni/server/ids"
)

// State is where a chat stands.
type State string

// The states of a chat. Starting: an operator's first message is on its way, UIS has no chat yet. Failed: it could not be started.
const (
	Starting State = "starting"
	New      State = "new"
	Work     State = "work"
	Closed   State = "closed"
	Failed   State = "failed"
)

// Side says who wrote a message.
type Side string

// The sides of a conversation.
const (
	FromClient   Side = "client"
	FromOperator Side = "operator"
	FromSystem   Side = "system"
)

// Status is how far a message got. It only ever moves forward (rank), or ends in Failed or Unconfirmed.
type Status string

// The states of a message. Checking: the request failed without a clear answer and is being looked into.
const (
	Received    Status = "received"
	Queued      Status = "queued"
	Checking    Status = "checking"
	Sent        Status = "sent"
	Delivered   Status = "delivered"
	Read        Status = "read"
	Undelivered Status = "failed"
	Unconfirmed Status = "unconfirmed"
)

func (s Status) rank() int {
	switch s {
	case Queued:
		return 1
	case Checking:
		return 2
	case Unconfirmed:
		return 3
	case Undelivered:
		return 4
	case Sent:
		return 5
	case Delivered:
		return 6
	case Read:
		return 7
	}
	return 0
}

// Chat is one conversation with a client in one channel.
type Chat struct {
	ID       ids.ChatID
	UIS      ids.UISChatID
	StartKey string
	Portal   ids.PortalID
	Channel  ids.UISChannelID
	// AdapterAccount and AdapterChannel are account_id and channel_id of the Chat API.
	AdapterAccount, AdapterChannel int64
	State                          State
	Employee                       ids.UISEmployeeID
	Client                         ids.ClientID
	Visitor                        string
	Name                           string
	Phones, Emails                 []string
	Username, Company, Comment     string
	Unread                         int
	Last                           ids.MessageID
	// Answered: an employee has written in it (C3a).
	Answered               bool
	ReasonCode, ReasonText string
	CRM                    Link
	CreatedAt, ChangedAt   time.Time
	ClosedAt               *time.Time
}

// File is an attachment of a message.
type File struct {
	// ID is our stored copy; 0 while it is coming.
	ID   ids.FileID `json:"id"`
	Name string     `json:"name"`
	Size int64      `json:"size"`
	Mime string     `json:"mime"`
	// State is coming, ready or failed.
	State string `json:"state"`
	// Type is UIS' resource type: photo, video, audio, voice, document.
	Type string `json:"type"`
	// Resource and Token name the file at UIS.
	Resource json.RawMessage `json:"resource,omitempty"`
	Token    string          `json:"token,omitempty"`
	// URL is the link of a file that only a report told of: it has neither number nor token.
	URL string `json:"url,omitempty"`
}

// Message is one message of a chat.
type Message struct {
	ID       ids.MessageID
	Chat     ids.ChatID
	UIS      int64
	Key      string
	Side     Side
	Employee ids.UISEmployeeID
	Kind     string
	Text     string
	File     *File
	ReplyTo  ids.MessageID
	Status   Status
	// ReasonCode and ReasonText say why it failed or is not confirmed.
	ReasonCode, ReasonText string
	Edited                 bool
	CreatedAt, ReceivedAt  time.Time
}

// Link is what a chat has to do with the CRM.
type Link struct {
	// Phase is "" (nothing asked), "asked" (the planner works on it), "tied" (entities are known) or "off" (nothing is written).
	Phase string    `json:"phase,omitempty"`
	Ties  []crm.Tie `json:"ties,omitempty"`
	// Comments are the growing timeline comments, one per target.
	Comments []Comment `json:"comments,omitempty"`
	// Version is the settings version the decision was taken with.
	Version int `json:"version,omitempty"`
	// Responsible is who gets what is created, and Notify, that he is told of it (C7).
	Responsible ids.B24UserID `json:"responsible,omitempty"`
	Notify      bool          `json:"notify,omitempty"`
	// Activity is the CRM activity of this chat, 0 when none was made (C3a).
	Activity     int64 `json:"activity,omitempty"`
	ActivityDone bool  `json:"activity_done,omitempty"`
	// Given are the extra fields that went into what the chat created, by kind and field; Fields is what was written since (R7, R7a).
	Given  map[crm.EntityType]map[string]string `json:"given,omitempty"`
	Fields []EntityFields                       `json:"fields,omitempty"`
	// Report is what UIS' report was asked for; nil: nothing.
	Report *Report `json:"report,omitempty"`
}

// Comment is a growing timeline comment on one entity. A new part begins when one is full.
type Comment struct {
	Target crm.Ref `json:"target"`
	Part   int     `json:"part"`
	// ID is the comment at Bitrix24; 0 until its add is answered.
	ID int64 `json:"id,omitempty"`
	// From is the first message of this part, Upto the last one in what was sent.
	From ids.MessageID `json:"from"`
	Upto ids.MessageID `json:"upto,omitempty"`
	// Busy: an add is on its way, nothing else may be sent for it.
	Busy bool `json:"busy,omitempty"`
	// Dirty: something before Upto changed after it was sent.
	Dirty bool `json:"dirty,omitempty"`
	// Gone: the entity or the right to it is gone; nothing more is written (O12).
	Gone bool `json:"gone,omitempty"`
}

// kindOf maps UIS' resource type to the bubble that shows it.
func kindOf(file *File) string {
	if file == nil {
		return "text"
	}
	switch file.Type {
	case "photo":
		return "image"
	case "video", "audio", "voice", "document":
		return file.Type
	}
	return "unsupported"
}
