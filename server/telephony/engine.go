// Package telephony is the engine of calls: it turns notifications of UIS into the state of one call session, and that into calls, activities and entities
// at the portal.
package telephony

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/relay"
	"omni/server/uis"
)

// The kinds of rows under the keys call:{session}.
const (
	// KindNotification prefixes notifications of UIS: "uis.notification.talk_started". The body is the notification's, byte by byte.
	KindNotification = "uis.notification."
	// KindEntities is the planner's answer, KindAnswer the end of a plan of this call, KindRecord the end of a recording's copying.
	KindEntities = "call.entities"
	KindAnswer   = "call.answer"
	KindRecord   = "call.record"
	// KindTimer makes a call look at itself again.
	KindTimer = "call.timer"
)

// endless is after how long a call whose end never came counts as over.
const endless = 6 * time.Hour

// Recordings copies recordings from UIS; its end comes as KindRecord under the call's key.
type Recordings interface {
	FetchRecord(ctx context.Context, tx pgx.Tx, account ids.AccountID, key ids.Key, link string) error
}

// Options are the parts of an Engine.
type Options struct {
	Flow       *flow.Writer
	Recordings Recordings
	Texts      Texts
	// FileURL is the signed address under which the portal fetches a stored file.
	FileURL func(account ids.AccountID, file ids.FileID, name string) string
}

// Engine works the keys of calls.
type Engine struct {
	Options
	loader loader
}

// NewEngine builds the engine.
func NewEngine(o Options) *Engine { return &Engine{Options: o} }

// Step implements inbox.Handler for keys call:{session}.
func (e *Engine) Step(ctx context.Context, step *inbox.Step, events []inbox.Event) error {
	id, err := strconv.ParseInt(step.Key.Rest(), 10, 64)
	if err != nil || id <= 0 {
		return inbox.Permanent(fmt.Errorf("key %s has no call", step.Key))
	}
	c, setting, err := e.loader.call(ctx, step, ids.UISCallID(id))
	if err != nil {
		return err
	}
	fresh := c == nil
	if fresh {
		c = &Call{ID: ids.UISCallID(id)}
	}
	t := &turn{now: step.Now, physical: time.Now(), key: step.Key, setting: setting, texts: e.Texts, call: c, wasOpen: c.ActivityOpen}
	t.fileURL = func(file ids.FileID, name string) string { return e.FileURL(step.Account, file, name) }
	answers, err := t.hear(events)
	if err != nil {
		return err
	}
	if fresh && len(t.heard) == 0 {
		return nil // an answer for a call that never was
	}
	if err := e.loader.around(ctx, step, t); err != nil {
		return err
	}
	if err := t.work(answers); err != nil {
		return err
	}
	if fresh && !c.Facts.ended() {
		t.timer("endless", c.Facts.StartedAt.Add(endless))
	}
	return e.write(ctx, step, t)
}

// hear takes notifications in and gives back the other events. One that cannot be read is set aside alone: with others before it, they go first.
func (t *turn) hear(events []inbox.Event) ([]inbox.Event, error) {
	var others []inbox.Event
	for _, event := range events {
		if event.Kind == KindReported {
			if err := t.reported(event); err != nil {
				return nil, err
			}
			continue
		}
		if !strings.HasPrefix(event.Kind, KindNotification) {
			others = append(others, event)
			continue
		}
		n, err := uis.ParseNotification(event.Body)
		if err != nil {
			err = fmt.Errorf("read %s: %w", event.Kind, err)
			if len(events) == 1 {
				return nil, inbox.Permanent(err)
			}
			return nil, err
		}
		t.call.Facts.take(n, t.zone(), event.ReceivedAt)
		t.heard = append(t.heard, string(n.Event))
		t.touched = true
	}
	return others, nil
}

// work decides what comes of everything that was heard and answered.
func (t *turn) work(answers []inbox.Event) error {
	t.advance()
	for _, event := range answers {
		if err := t.answered(event); err != nil {
			return fmt.Errorf("%s: %w", event.Kind, err)
		}
		t.advance()
	}
	return nil
}

func (t *turn) answered(event inbox.Event) error {
	switch event.Kind {
	case KindEntities:
		return t.entities(event.Body)
	case KindRecord:
		return t.recordCame(event.Body)
	case KindStarted:
		return nil // the click that asked for it was read with the call
	case KindTimer:
		if event.Timer == "endless" && !t.call.Facts.ended() {
			t.call.Facts.EndedAt = t.now
			t.touched = true
			t.because("call.end_never_came", nil)
		}
		if event.Timer == "record" && t.call.Link.Record.State == recordWaiting {
			t.attach()
		}
		if w := &t.call.Link.Whole; event.Timer == "whole" && w.State == inquiryLater {
			w.State, t.touched = inquiryAsked, true
			t.askReport("whole")
		}
		if event.Timer == "visit" {
			t.visitAgain()
		}
		return nil
	case KindAnswer:
	default:
		return inbox.Permanent(fmt.Errorf("unknown row %s", event.Kind))
	}
	var answer outbox.PlanAnswer
	var about tag
	if err := json.Unmarshal(event.Body, &answer); err != nil {
		return inbox.Permanent(fmt.Errorf("read the answer of a plan: %w", err))
	}
	if err := json.Unmarshal(answer.Tag, &about); err != nil {
		return inbox.Permanent(fmt.Errorf("read the tag of plan %s: %w", answer.Plan, err))
	}
	switch about.Do {
	case "register":
		return t.registered(answer.Results)
	case "finish":
		return t.finished(answer.Results)
	case "close":
		return t.closed(answer.Results)
	case "handled":
		t.stepsFailed(answer.Results)
	case "record":
		t.recorded(answer.Results)
	case "inquiry":
		t.informed(answer.Results)
	case "visit":
		t.visited(answer.Results)
	case "whole":
		t.wholeTold(answer.Results)
	case "late":
		t.fieldsWritten(answer.Results)
	case "values":
		t.valuesRead(answer.Results)
	case "update":
		t.updated(answer.Results)
	}
	return nil
}

// write saves the turn and hands what follows from it on.
func (e *Engine) write(ctx context.Context, step *inbox.Step, t *turn) error {
	if t.need != nil {
		client, err := crm.ClientOf(ctx, step.Tx, step.Account, t.call.Portal, step.Now, t.need.Aliases)
		if err != nil {
			return err
		}
		t.call.Client = client
		t.out.Letters = append(t.out.Letters, inbox.Row{Key: ids.ClientKey(client), Kind: crm.KindNeed, Body: encode(*t.need)})
	}
	if t.fetch != "" {
		if err := e.Recordings.FetchRecord(ctx, step.Tx, step.Account, step.Key, t.fetch); err != nil {
			return fmt.Errorf("ask for the recording of call %d: %w", t.call.ID, err)
		}
	}
	if t.touched {
		step.Write(func(batch *pgx.Batch) { save(batch, step, t) })
		t.out.Feed = append(t.out.Feed, relay.Event{Name: "call.changed", Data: viewOf(t.call)})
	}
	return e.Flow.Apply(ctx, step, t.out)
}
