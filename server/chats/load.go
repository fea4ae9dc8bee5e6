package chats

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/uis"
)

// load reads everything the step may look at. After it no decision needs the database.
func (e *Engine) load(ctx context.Context, step *inbox.Step, inputs []input, w wanted) (*turn, error) {
	t := &turn{now: step.Now, account: step.Account, key: step.Key, texts: e.texts,
		byUIS: map[int64]*Message{}, byKey: map[string]*Message{}, byID: map[ids.MessageID]*Message{}, changed: map[ids.MessageID]*Message{}}
	t.fileURL = func(file ids.FileID, name string) string { return e.fileURL(step.Account, file, name) }
	var err error
	adopting := false
	if step.Key.Kind() == "start" {
		t.chat, err = chatBy(ctx, step.Tx, step.Account, `start_key = $2 FOR UPDATE`, step.Key.Rest())
	} else {
		if t.uis, err = uisNumber(step.Key); err != nil {
			return nil, err
		}
		t.chat, err = chatBy(ctx, step.Tx, step.Account, `uis_chat_id = $2 FOR UPDATE`, int64(t.uis))
		switch {
		case err != nil:
		case t.chat == nil:
			t.chat, adopting, err = e.startedAs(ctx, step, inputs)
		default:
			t.chat, adopting, err = e.merged(ctx, step, t.chat, inputs)
		}
	}
	if err != nil {
		return nil, err
	}
	channel, err := e.channel(ctx, step, t.chat, inputs)
	if err != nil {
		return nil, err
	}
	if t.setting, err = e.directory.Setting(ctx, step.Tx, step.Account, channel); err != nil {
		return nil, err
	}
	for _, in := range inputs {
		if in.webhook == nil {
			continue
		}
		if n, ok := in.webhook.Event.(*uis.ChatNew); ok && n.VisitorID != "" {
			if t.known, err = cardOf(ctx, step.Tx, step.Account, string(n.VisitorID)); err != nil {
				return nil, err
			}
		}
	}
	if err := t.numbers(ctx, step.Tx, len(inputs)); err != nil {
		return nil, err
	}
	if t.chat != nil {
		if err := t.messages(ctx, step.Tx, w); err != nil {
			return nil, err
		}
		t.follow()
	}
	if adopting {
		t.adopted(t.uis, "")
	}
	if t.chat == nil && t.uis != 0 {
		t.mayBeStarted, err = anyStarting(ctx, step.Tx, step.Account)
	}
	return t, err
}

// follow keeps what UIS tells of the channel: a connection made anew has other numbers for it.
func (t *turn) follow() {
	if ch := t.setting.Channel; ch.AdapterChannel != 0 && ch.AdapterChannel != t.chat.AdapterChannel {
		t.chat.AdapterAccount, t.chat.AdapterChannel = ch.AdapterAccount, ch.AdapterChannel
		t.touched = true
	}
}

// numbers reserves ids: every event makes at most two messages, and the step at most one chat.
func (t *turn) numbers(ctx context.Context, tx pgx.Tx, events int) error {
	numbers, err := reserve(ctx, tx, "message", 2*events)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		t.nextIDs = append(t.nextIDs, ids.MessageID(n))
	}
	if t.chat != nil {
		return nil
	}
	numbers, err = reserve(ctx, tx, "chat", 1)
	if err != nil {
		return err
	}
	t.chatID = ids.ChatID(numbers[0])
	return nil
}

// startedAs finds the chat an operator was starting, when this UIS chat is that one: told by its letter, or seen in the webhook.
func (e *Engine) startedAs(ctx context.Context, step *inbox.Step, inputs []input) (*Chat, bool, error) {
	for _, in := range inputs {
		if in.event.Kind == KindAdopt {
			var l adoptLetter
			if err := json.Unmarshal(in.event.Body, &l); err != nil {
				return nil, false, fmt.Errorf("read the letter of a started chat: %w", err)
			}
			c, err := chatBy(ctx, step.Tx, step.Account, `id = $2 FOR UPDATE`, int64(l.Chat))
			if err != nil || c == nil || c.UIS != 0 {
				return nil, false, err
			}
			return c, false, nil
		}
		if in.webhook == nil {
			continue
		}
		if n, ok := in.webhook.Event.(*uis.ChatNew); ok && n.OperatorID != 0 {
			channel, err := e.channel(ctx, step, nil, inputs)
			if err != nil {
				return nil, false, err
			}
			c, err := starting(ctx, step.Tx, step.Account, channel, n)
			return c, c != nil, err
		}
	}
	return nil, false, nil
}

// merged handles a letter of a started chat that comes after another webhook made a chat of that number: the started one, which its
// operator has open, stays, and takes the messages of the other.
func (e *Engine) merged(ctx context.Context, step *inbox.Step, made *Chat, inputs []input) (*Chat, bool, error) {
	for _, in := range inputs {
		if in.event.Kind != KindAdopt {
			continue
		}
		var l adoptLetter
		if err := json.Unmarshal(in.event.Body, &l); err != nil {
			return nil, false, fmt.Errorf("read the letter of a started chat: %w", err)
		}
		if l.Chat == made.ID {
			return made, false, nil
		}
		started, err := chatBy(ctx, step.Tx, step.Account, `id = $2 FOR UPDATE`, int64(l.Chat))
		if err != nil || started == nil || started.UIS != 0 {
			return made, false, err
		}
		batch := &pgx.Batch{}
		batch.Queue(`UPDATE message SET chat_id = $3 WHERE account_id = $1 AND chat_id = $2`, int64(step.Account), int64(made.ID), int64(started.ID))
		batch.Queue(`DELETE FROM chat WHERE account_id = $1 AND id = $2`, int64(step.Account), int64(made.ID))
		if err := step.Tx.SendBatch(ctx, batch).Close(); err != nil {
			return nil, false, fmt.Errorf("take chat %d into %d: %w", made.ID, started.ID, err)
		}
		started.Visitor, started.Unread, started.Last, started.CRM, started.Client, started.Portal = made.Visitor, made.Unread, max(started.Last, made.Last), made.CRM, made.Client, made.Portal
		return started, false, nil
	}
	return made, false, nil
}

// channel is the account's channel this step is about.
func (e *Engine) channel(ctx context.Context, step *inbox.Step, c *Chat, inputs []input) (ids.UISChannelID, error) {
	if c != nil && c.Channel != 0 {
		return c.Channel, nil
	}
	for _, in := range inputs {
		switch {
		case in.start != nil:
			return in.start.Channel, nil
		case in.webhook != nil && in.webhook.Context.ChatChannelID != 0:
			return ids.UISChannelID(in.webhook.Context.ChatChannelID), nil
		case in.webhook != nil && in.webhook.ChannelID != 0:
			return e.directory.ChannelOf(ctx, step.Tx, step.Account, int64(in.webhook.ChannelID))
		}
	}
	return 0, nil
}
