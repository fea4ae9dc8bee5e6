package chats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/settings"
	"omni/server/uis"
)

// The kinds of rows under the keys chat:{UIS number} and start:{client-made id}.
const (
	// KindWebhook prefixes webhooks of the Chat API: "uis:POST:message". The body is the webhook's, byte by byte.
	KindWebhook = "uis:"
	// KindAnswer is the end of a plan of this chat, KindEntities the planner's answer, KindFile the end of a file's copying.
	KindAnswer   = "chat.answer"
	KindEntities = "chat.entities"
	KindFile     = "chat.file"
	// KindAdopt tells a UIS chat that it is the one an operator was starting.
	KindAdopt = "chat.adopt"
	// KindCard brings what UIS knows of the visitor.
	KindCard = "chat.card"
	// KindUnclear tells that a command's fate is being looked into.
	KindUnclear = KindAnswer + ".unclear"
	// Operators' actions.
	KindStart    = "chat.start"
	KindSend     = "chat.send"
	KindRetry    = "chat.retry"
	KindAccept   = "chat.accept"
	KindClose    = "chat.close"
	KindTransfer = "chat.transfer"
	KindRead     = "chat.read"
)

// ErrMoved says that a chat got its number at UIS while an action was under way: the action belongs under its new key now.
var ErrMoved = errors.New("the chat has moved to its own key")

// Directory tells a step what the account's settings and lists say. Its reads are statements of a batch; what they found is told when it has run.
type Directory interface {
	// Ask queues the read of what applies to the account right now; the channel is still missing in it.
	Ask(batch *pgx.Batch, account ids.AccountID) func() Setting
	// Channel queues the look for a channel of the account, by its number or, when that is 0, by the Chat API's number for it.
	Channel(batch *pgx.Batch, account ids.AccountID, id ids.UISChannelID, adapterChannel int64) func() Channel
	// Fields queues the look for what the rows of extra fields need at a portal.
	Fields(batch *pgx.Batch, account ids.AccountID, portal ids.PortalID, rows []settings.FieldMapping) func() Extras
	// Names queues the look for the numbers of entries of the account's directories, each by its kind and name.
	Names(batch *pgx.Batch, account ids.AccountID, kinds, names []string) Names
	// Reportless remembers for a while that UIS gives an account no report of chats.
	Reportless(account ids.AccountID)
}

// Fetcher copies files of clients; its end comes as KindFile.
type Fetcher interface {
	Fetch(ctx context.Context, tx pgx.Tx, f Fetch) error
}

// Fetch asks for a copy of a client's file at UIS.
type Fetch struct {
	Account ids.AccountID `json:"account"`
	Key     ids.Key       `json:"key"`
	Message ids.MessageID `json:"message"`
	// Connection and Channel are account_id and channel_id of the Chat API.
	Connection int64 `json:"connection"`
	Channel    int64 `json:"channel"`
	File       File  `json:"file"`
	// ReplyKind is the kind of the row the end comes as; empty: KindFile.
	ReplyKind string `json:"reply_kind,omitempty"`
}

// Engine works the keys of chats.
type Engine struct {
	flow      *flow.Writer
	directory Directory
	fetcher   Fetcher
	texts     Texts
	fileURL   func(account ids.AccountID, file ids.FileID, name string) string
	log       *slog.Logger
}

// NewEngine builds the engine.
func NewEngine(w *flow.Writer, d Directory, f Fetcher, t Texts, fileURL func(ids.AccountID, ids.FileID, string) string, log *slog.Logger) *Engine {
	return &Engine{flow: w, directory: d, fetcher: f, texts: t, fileURL: fileURL, log: log}
}

// input is an event of a step, understood.
type input struct {
	event   inbox.Event
	webhook *uis.Webhook
	action  *Action
	start   *Start
	// guard marks a webhook that never came and was made from a report.
	guard *guard
}

// Step implements inbox.Handler for keys chat:{id} and start:{id}.
func (e *Engine) Step(ctx context.Context, step *inbox.Step, events []inbox.Event) error {
	return inbox.Staged(ctx, e, step, events)
}

// Begin implements inbox.Stager.
func (e *Engine) Begin(ctx context.Context, step *inbox.Step, events []inbox.Event, reads *pgx.Batch) (func(context.Context) error, error) {
	inputs, w, err := e.understand(step, events)
	if err != nil {
		return nil, err
	}
	t, loaded, err := e.load(ctx, step, inputs, w, reads)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		loaded()
		return e.decide(ctx, step, t, inputs)
	}, nil
}

func (e *Engine) decide(ctx context.Context, step *inbox.Step, t *turn, inputs []input) error {
	before := ids.UISEmployeeID(0)
	if t.chat != nil {
		before = t.chat.Employee
	}
	for _, in := range inputs {
		if err := e.one(step, t, in); err != nil {
			return fmt.Errorf("%s: %w", in.event.Kind, err)
		}
	}
	for _, in := range t.waiting {
		// What it waits for may have come later in this very step: a release does not bring back what its own step puts off.
		if !t.release || !t.hook(*in.webhook) {
			step.Defer(in.event)
		}
	}
	if t.chat == nil {
		return nil
	}
	t.link()
	if t.lacksReport {
		e.directory.Reportless(step.Account)
	}
	return e.write(ctx, step, t, before)
}

// understand parses the events. One that cannot be read is set aside alone: with others before it, they go first.
func (e *Engine) understand(step *inbox.Step, events []inbox.Event) ([]input, wanted, error) {
	var w wanted
	inputs := make([]input, 0, len(events))
	for i, event := range events {
		if event.Kind == KindRepair {
			chat, err := uisNumber(step.Key)
			if err != nil {
				return nil, w, err
			}
			parts, err := repaired(event, chat, &w)
			if err != nil {
				if len(events) > 1 {
					return nil, w, err
				}
				return nil, w, inbox.Permanent(err)
			}
			inputs = append(inputs, parts...)
			continue
		}
		in, err := parse(event, &w)
		if err != nil {
			if i > 0 || len(events) > 1 {
				return nil, w, fmt.Errorf("read %s: %w", event.Kind, err)
			}
			return nil, w, inbox.Permanent(fmt.Errorf("read %s: %w", event.Kind, err))
		}
		inputs = append(inputs, in)
	}
	return inputs, w, nil
}

func parse(event inbox.Event, w *wanted) (input, error) {
	in := input{event: event}
	if rest, ok := strings.CutPrefix(event.Kind, KindWebhook); ok {
		method, path, _ := strings.Cut(rest, ":")
		webhook, err := uis.ParseWebhook(method, path, event.Body)
		if err != nil {
			return in, err
		}
		in.webhook = &webhook
		switch body := webhook.Event.(type) {
		case *uis.MessageEvent:
			w.uis = append(w.uis, int64(body.ID), int64(body.ReplyTo))
		case *uis.MessageStatus:
			w.uis = append(w.uis, int64(body.MessageID))
		}
		return in, nil
	}
	switch event.Kind {
	case KindStart:
		in.start = &Start{}
		return in, json.Unmarshal(event.Body, in.start)
	case KindSend, KindRetry, KindAccept, KindClose, KindTransfer, KindRead:
		in.action = &Action{}
		if err := json.Unmarshal(event.Body, in.action); err != nil {
			return in, err
		}
		w.keys = append(w.keys, in.action.ID)
		w.ids = append(w.ids, int64(in.action.ReplyTo), int64(in.action.Message))
	case KindFile:
		var l FileLetter
		if err := json.Unmarshal(event.Body, &l); err != nil {
			return in, err
		}
		w.ids = append(w.ids, int64(l.Message))
	case KindAnswer, KindUnclear:
		var answer struct{ Tag commandTag }
		if err := json.Unmarshal(event.Body, &answer); err != nil {
			return in, err
		}
		w.ids = append(w.ids, int64(answer.Tag.Message))
	}
	return in, nil
}

// one decides one event.
func (e *Engine) one(step *inbox.Step, t *turn, in input) error {
	switch {
	case in.start != nil:
		m, err := t.begin(*in.start)
		return reply(step, in.event, m, err)
	case in.action != nil:
		return e.act(step, t, in)
	case in.webhook != nil:
		if t.chat == nil && !t.openedBy(*in.webhook) {
			if t.mayBeStarted {
				t.waiting = append(t.waiting, in)
			}
			return nil
		}
		if in.guard != nil {
			t.repair(*in.webhook, *in.guard)
			return nil
		}
		if !t.hook(*in.webhook) {
			t.waiting = append(t.waiting, in)
		}
		return nil
	case t.chat == nil:
		// An answer or letter for a chat that never was: nothing to do.
		return nil
	}
	switch in.event.Kind {
	case KindAdopt:
		var l adoptLetter
		if err := json.Unmarshal(in.event.Body, &l); err != nil {
			return err
		}
		t.adopted(t.uis, l.Visitor)
	case KindAnswer:
		return t.answered(in.event.Body)
	case KindUnclear:
		return t.unclear(in.event.Body)
	case KindEntities:
		return t.entities(in.event.Body)
	case KindFile:
		return t.fileCame(in.event.Body)
	case KindReport:
		t.reportDue()
	case KindCard:
		var card Card
		if err := json.Unmarshal(in.event.Body, &card); err != nil {
			return err
		}
		t.card(card)
	}
	return nil
}

func (e *Engine) act(step *inbox.Step, t *turn, in input) error {
	a := *in.action
	if t.chat == nil {
		step.Refuse(in.event, ErrNoChat)
		return nil
	}
	if step.Key.Kind() == "start" && t.chat.UIS != 0 {
		step.Refuse(in.event, ErrMoved)
		return nil
	}
	switch in.event.Kind {
	case KindSend:
		m, err := t.send(a)
		return reply(step, in.event, m, err)
	case KindRetry:
		m, err := t.retry(a)
		return reply(step, in.event, m, err)
	case KindAccept:
		return reply(step, in.event, nil, t.accept(a))
	case KindClose:
		return reply(step, in.event, nil, t.close(a))
	case KindTransfer:
		return reply(step, in.event, nil, t.transfer(a))
	case KindRead:
		t.read(a)
	}
	return nil
}

// reply tells a waiting person what came of his action: refusals end the row, they are no failures.
func reply(step *inbox.Step, event inbox.Event, m *Message, err error) error {
	if r, ok := IsRefusal(err); ok {
		step.Refuse(event, r)
		return nil
	}
	if err == nil && m != nil {
		step.Answer(event, m.ID)
	}
	return err
}

// write saves the turn and hands what follows from it on.
func (e *Engine) write(ctx context.Context, step *inbox.Step, t *turn, before ids.UISEmployeeID) error {
	for i, letter := range t.letters {
		if letter.Kind != crm.KindNeed {
			continue
		}
		client, err := crm.ClientOf(ctx, step.Tx, step.Account, t.chat.Portal, step.Now, crm.Aliases(t.chat.Phones, t.chat.Emails, t.chat.Visitor, t.chat.Username))
		if err != nil {
			return err
		}
		if client == 0 {
			// Nothing names this person, not even a visitor id: he stands for himself.
			client, err = crm.ClientOf(ctx, step.Tx, step.Account, t.chat.Portal, step.Now, []crm.Alias{{Kind: crm.AliasVisitor, Value: t.chat.Ref()}})
			if err != nil {
				return err
			}
		}
		t.chat.Client, t.touched = client, true
		t.letters[i].Key = ids.ClientKey(client)
	}
	step.Write(t.save)
	for _, f := range t.fetches {
		err := e.fetcher.Fetch(ctx, step.Tx, Fetch{Account: step.Account, Key: step.Key, Message: f.message, Connection: t.chat.AdapterAccount,
			Channel: t.chat.AdapterChannel, File: f.file})
		if err != nil {
			return fmt.Errorf("ask for the file of message %d: %w", f.message, err)
		}
	}
	if t.release {
		step.Release()
	}
	out := flow.Outcome{Letters: t.letters, Timers: t.timers, Cancel: t.cancel, Replaced: t.replaced, Commands: t.commands, Seen: t.seen, Feed: t.feed(e.viewer(t), before)}
	for _, why := range t.reasons {
		out.Reasons = append(out.Reasons, flow.Reason{Ref: t.chat.Ref(), Code: why.Code, Args: why.Args, Version: t.setting.Document.Version})
	}
	return e.flow.Apply(ctx, step, out)
}

func (e *Engine) viewer(t *turn) Viewer {
	return Viewer{Employees: t.setting.Employees,
		Channels: func(ids.UISChannelID) Channel { return t.setting.Channel },
		FileURL:  t.fileURL,
		Text:     func(key string, args ...any) string { return e.texts.Text(t.setting.Lang, key, args...) }}
}

func uisNumber(key ids.Key) (ids.UISChatID, error) {
	n, err := strconv.ParseInt(key.Rest(), 10, 64)
	if err != nil || n <= 0 {
		return 0, inbox.Permanent(fmt.Errorf("key %s has no chat", key))
	}
	return ids.UISChatID(n), nil
}
