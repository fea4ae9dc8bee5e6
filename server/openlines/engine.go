package openlines

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/relay"
	"omni/server/settings"
)

// The kinds of rows under the key lines:{account}.
const (
	KindChoice   = "line.choice"
	KindAnswer   = "line.answer"
	KindKept     = "line.kept"
	KindSwitched = "b24.ONIMCONNECTORSTATUSDELETE"
	KindDeleted  = "b24.ONIMCONNECTORLINEDELETE"
)

// Events are what the portal is listened to for while lines are on, as far as the tie of channels and lines needs it (docs: imconnector events).
func Events() []string { return []string{"ONIMCONNECTORSTATUSDELETE", "ONIMCONNECTORLINEDELETE"} }

// Texts finds sentences.
type Texts interface {
	Text(lang, key string, args ...any) string
}

// Engine works the keys of lines.
type Engine struct {
	flow  *flow.Writer
	texts Texts
	// Saved hears that a step has saved a version of the settings, after the commit.
	Saved func(ids.AccountID)
	zones directory.Zones
}

// NewEngine builds the engine.
func NewEngine(w *flow.Writer, t Texts) *Engine {
	return &Engine{flow: w, texts: t, Saved: func(ids.AccountID) {}}
}

// Step implements inbox.Handler for keys lines:{account}.
func (e *Engine) Step(ctx context.Context, step *inbox.Step, events []inbox.Event) error {
	t := &turn{now: step.Now, key: step.Key, channels: map[ids.UISChannelID]directory.Channel{}}
	before, err := e.load(ctx, step, t)
	if err != nil {
		return err
	}
	for _, event := range events {
		if err := t.take(step, event); err != nil {
			return fmt.Errorf("%s: %w", event.Kind, err)
		}
	}
	if err := e.leaveChats(ctx, step, t); err != nil {
		return err
	}
	step.Write(func(batch *pgx.Batch) {
		queueSave(batch, step.Account, before, t.lines, step.Now)
		for _, l := range t.gone {
			directory.QueueGone(batch, directory.Where{Account: step.Account, Portal: l.Portal, Kind: directory.Lines}, strconv.FormatInt(int64(l.ID), 10), step.Now)
		}
	})
	return e.flow.Apply(ctx, step, t.out)
}

func (e *Engine) load(ctx context.Context, step *inbox.Step, t *turn) ([]*Line, error) {
	var err error
	if t.lines, err = Lines(ctx, step.Tx, step.Account); err != nil {
		return nil, err
	}
	if t.doc, err = settings.Current(ctx, step.Tx, step.Account); err != nil {
		return nil, err
	}
	channels, err := directory.Channels(ctx, step.Tx, step.Account)
	if err != nil {
		return nil, err
	}
	for _, c := range channels {
		t.channels[c.ID] = c
	}
	before := make([]*Line, len(t.lines))
	for i, l := range t.lines {
		was := *l
		before[i] = &was
	}
	return before, nil
}

func (t *turn) take(step *inbox.Step, event inbox.Event) error {
	switch event.Kind {
	case KindChoice:
		var c Choice
		if err := json.Unmarshal(event.Body, &c); err != nil {
			return inbox.Permanent(err)
		}
		if err := t.choose(c); err != nil {
			step.Refuse(event, err)
		}
		return nil
	case KindAnswer:
		return t.answered(event.Body)
	case KindKept:
		return t.kept(event.Body)
	case KindSwitched, KindDeleted:
		return t.told(event.Kind, event.Body)
	}
	return inbox.Permanent(fmt.Errorf("unknown row %s", event.Kind))
}

// leaveChats takes channels that lines carry now out of the chats' channels (O9). Who did it, and why, is told by the version (History).
func (e *Engine) leaveChats(ctx context.Context, step *inbox.Step, t *turn) error {
	if len(t.taken) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	place := directory.QueuePlace(batch, step.Account, &e.zones)
	var names []string
	for _, one := range t.taken {
		queueName(batch, step.Account, one.line, &names)
	}
	if err := step.Tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("read who did what: %w", err)
	}
	for i, one := range t.taken {
		channel := t.channels[one.channel].Name
		by := e.texts.Text(place.Language(one.line.Portal), "lines.history", "name", one.line.By, "channel", channel, "line", names[i])
		doc, left, err := settings.TakeChannel(ctx, step.Tx, step.Account, one.channel, by, step.Now)
		if err != nil {
			return err
		}
		if left {
			t.out.Feed = append(t.out.Feed, relay.Event{Name: "settings.changed", Data: map[string]any{"version": doc.Version, "by": by, "id": one.line.Choice}})
			step.AfterCommit(func() { e.Saved(step.Account) })
		}
	}
	return nil
}

// queueName queues the look for what a line is called at its portal; one that is in no copy is called by its number.
func queueName(batch *pgx.Batch, account ids.AccountID, l *Line, into *[]string) {
	id := strconv.FormatInt(int64(l.ID), 10)
	batch.Queue(`SELECT COALESCE((SELECT name FROM directory_entry WHERE account_id = $1 AND portal_id = $2 AND kind = $3 AND id = $4), $4)`,
		int64(account), int64(l.Portal), string(directory.Lines), id).QueryRow(func(row pgx.Row) error {
		var name string
		err := row.Scan(&name)
		*into = append(*into, name)
		return err
	})
}
