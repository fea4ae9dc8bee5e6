package chats

import (
	"encoding/json"
	"fmt"
	"time"

	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/settings"
	"omni/server/store"
)

// Setting is what a step needs to know besides the chat itself: the channel, and what the settings make of it.
type Setting struct {
	// Channel is the account's chat channel as UIS lists it.
	Channel Channel
	// Document is the account's settings as they stand; each decision notes its version.
	Document settings.Document
	// Lang is the portal's language, Zone the account's time zone: what people at the portal read.
	Lang string
	Zone *time.Location
	// Employees names the account's employees.
	Employees map[ids.UISEmployeeID]string
	extras    Extras
	// names are the numbers of what an answer of this step only names.
	names Names
	// reportless: UIS gives this account no report of chats, as it said a while ago.
	reportless bool
}

// Channel is one chat channel of the account.
type Channel struct {
	ID     ids.UISChannelID
	Type   string
	Name   string
	Active bool
	// AdapterAccount and AdapterChannel are the Chat API's numbers for it; 0 when it is not connected to our adapter.
	AdapterAccount, AdapterChannel int64
}

// Texts renders what we write into the portal in its language.
type Texts interface {
	Text(lang, key string, args ...any) string
}

// turn is one step of one chat: what was loaded, and what comes of it. Its methods decide and do nothing else: no I/O, no clock.
type turn struct {
	now time.Time
	// physical is the real time, from which deadlines count.
	physical time.Time
	account  ids.AccountID
	key      ids.Key
	setting  Setting
	texts    Texts
	fileURL  func(ids.FileID, string) string

	chat *Chat
	// uis is the chat's number at UIS as the key names it; 0 under start:{id}.
	uis ids.UISChatID
	// mayBeStarted: the chat is not known, and may be one that an operator is starting, whose number is on its way.
	mayBeStarted bool
	// made: the chat row is new in this step.
	made    bool
	touched bool
	byUIS   map[int64]*Message
	byKey   map[string]*Message
	byID    map[ids.MessageID]*Message
	// known is what UIS told of the visitor before the chat opened.
	known *Card
	// open are own messages whose fate is not known yet, oldest first.
	open []*Message
	// lines are the messages of the comments' current parts, oldest first.
	lines []*Message
	// nextIDs and chatID are numbers reserved for what this step may make.
	nextIDs []ids.MessageID
	chatID  ids.ChatID

	added    []*Message
	changed  map[ids.MessageID]*Message
	commands []outbox.Command
	// seen are own messages that were unclear and that a webhook shows at UIS.
	seen    []outbox.Seen
	letters []inbox.Row
	timers  []flow.Timer
	cancel  []string
	// replaced are refused commands that nobody need repeat.
	replaced []ids.CommandID
	reasons  []crm.Reason
	fetches  []fetch
	release  bool
	// lacksReport: UIS said that the account has no report of chats.
	lacksReport bool
	// waiting are webhooks that wait for the answer of one of our own commands.
	waiting []input
}

// arrived ties an own message to the id a webhook showed. One whose fate was unclear is known to have got through, so that its lane stops looking for it; one
// that is still on its way has its own answer coming, and the webhook may be about another with the same words.
func (t *turn) arrived(m *Message, id int64) {
	m.UIS = id
	t.byUIS[id] = m
	if m.Status == Checking {
		t.seen = append(t.seen, outbox.Seen{Key: t.key, Plan: "message:" + m.Key, Name: "send", Result: encode(map[string]int64{"id": id})})
	}
	t.change(m)
}

// fetch asks for a copy of a client's file.
type fetch struct {
	message ids.MessageID
	file    File
}

func (t *turn) newMessage(m Message) *Message {
	m.ID, t.nextIDs = t.nextIDs[0], t.nextIDs[1:]
	m.Chat, m.ReceivedAt = t.chat.ID, t.now
	if m.CreatedAt.IsZero() {
		m.CreatedAt = t.now
	}
	m.Text = store.Text(m.Text)
	p := &m
	t.added = append(t.added, p)
	t.byID[p.ID] = p
	if p.UIS != 0 {
		t.byUIS[p.UIS] = p
	}
	if p.Key != "" {
		t.byKey[p.Key] = p
	}
	t.lines = append(t.lines, p)
	t.chat.Last = p.ID
	t.touch()
	return p
}

func (t *turn) change(m *Message) {
	for _, a := range t.added {
		if a == m {
			return
		}
	}
	t.changed[m.ID] = m
	t.touched = true
}

// advance moves a message's status forward; it never goes back.
func (t *turn) advance(m *Message, s Status) {
	if s.rank() <= m.Status.rank() {
		return
	}
	m.Status = s
	if s.rank() >= Sent.rank() {
		m.ReasonCode, m.ReasonText = "", ""
	}
	t.change(m)
}

// touch marks the chat as changed: it moves to the top of its list.
func (t *turn) touch() {
	t.chat.ChangedAt = t.now
	t.touched = true
}

func (t *turn) because(code string, args ...any) {
	r := crm.Reason{Code: code, Args: map[string]any{}}
	for i := 0; i+1 < len(args); i += 2 {
		r.Args[args[i].(string)] = args[i+1]
	}
	t.reasons = append(t.reasons, r)
}

// Ref names the chat as a communication: chat:4711 with UIS' number, the value of "First communication ID" (R7c).
func (c *Chat) Ref() string { return fmt.Sprintf("chat:%d", c.UIS) }

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		// Only our own structs come here; a failure is a programming error, caught as a failed step.
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return raw
}
