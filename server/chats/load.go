package chats

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/uis"
)

// early is what a step looks at whatever its events are.
type early struct {
	chat    *Chat
	setting func() Setting
}

// Read implements inbox.Reader: the chat of the key, and what applies to its account.
func (e *Engine) Read(batch *pgx.Batch, account ids.AccountID, key ids.Key) any {
	found := &early{}
	if key.Kind() == "start" {
		id, err := uuid.Parse(key.Rest())
		if err != nil {
			return nil
		}
		queueChatBy(batch, account, `start_key = $2 FOR UPDATE`, id.String(), &found.chat)
	} else {
		number, err := uisNumber(key)
		if err != nil {
			return nil
		}
		queueChatBy(batch, account, `uis_chat_id = $2 FOR UPDATE`, int64(number), &found.chat)
	}
	found.setting = e.directory.Ask(batch, account)
	return found
}

// load asks for everything the step may look at; loaded is called when it was read. After it no decision needs the database.
func (e *Engine) load(ctx context.Context, step *inbox.Step, inputs []input, w wanted, batch *pgx.Batch) (t *turn, loaded func(), err error) {
	if step.Company && looksAround(step.Key, inputs) {
		return nil, nil, inbox.ErrAlone
	}
	read, err := step.Found(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	found, ok := read.(*early)
	if !ok {
		return nil, nil, inbox.Permanent(fmt.Errorf("key %s has no chat", step.Key))
	}
	t = &turn{now: step.Now, physical: time.Now(), account: step.Account, key: step.Key, texts: e.texts, chat: found.chat, setting: found.setting(),
		byUIS: map[int64]*Message{}, byKey: map[string]*Message{}, byID: map[ids.MessageID]*Message{}, changed: map[ids.MessageID]*Message{}}
	t.fileURL = func(file ids.FileID, name string) string { return e.fileURL(step.Account, file, name) }
	adopting := false
	if step.Key.Kind() != "start" {
		if t.uis, err = uisNumber(step.Key); err != nil {
			return nil, nil, err
		}
		if t.chat == nil {
			t.chat, adopting, err = e.startedAs(ctx, step, inputs)
		} else {
			t.chat, adopting, err = e.merged(ctx, step, t.chat, inputs)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	id, adapter := channelOf(t.chat, inputs)
	channel := e.directory.Channel(batch, step.Account, id, adapter)
	extras := func() Extras { return Extras{} }
	if rows := rowsOf(t.setting.Document); len(rows) > 0 {
		extras = e.directory.Fields(batch, step.Account, portalOf(t.chat, t.setting.Document), rows)
	}
	if kinds, names := namesIn(inputs); len(kinds) > 0 {
		t.setting.names = e.directory.Names(batch, step.Account, kinds, names)
	}
	for _, in := range inputs {
		if in.webhook == nil {
			continue
		}
		if n, ok := in.webhook.Event.(*uis.ChatNew); ok && n.VisitorID != "" {
			cardOf(batch, step.Account, string(n.VisitorID), &t.known)
		}
	}
	t.numbers(batch, len(inputs))
	switch {
	case t.chat != nil:
		t.messages(batch, w)
	case t.uis != 0:
		anyStarting(batch, step.Account, &t.mayBeStarted)
	}
	return t, func() {
		t.setting.Channel, t.setting.extras = channel(), extras()
		if t.chat != nil {
			t.follow()
		}
		if adopting {
			t.adopted(t.uis, "")
		}
	}, nil
}

// looksAround tells whether a step may have to do with chats of other keys: a chat an operator is starting has a key of its own until UIS knows it.
func looksAround(key ids.Key, inputs []input) bool {
	if key.Kind() == "start" {
		return true
	}
	for _, in := range inputs {
		if in.event.Kind == KindAdopt {
			return true
		}
		if in.webhook == nil {
			continue
		}
		if n, ok := in.webhook.Event.(*uis.ChatNew); ok && n.OperatorID != 0 {
			return true
		}
	}
	return false
}

// follow keeps what UIS tells of the channel: a connection made anew has other numbers for it.
func (t *turn) follow() {
	if ch := t.setting.Channel; ch.AdapterChannel != 0 && ch.AdapterChannel != t.chat.AdapterChannel {
		t.chat.AdapterAccount, t.chat.AdapterChannel = ch.AdapterAccount, ch.AdapterChannel
		t.touched = true
	}
}

// numbers reserves ids: every event makes at most two messages, and the step at most one chat.
func (t *turn) numbers(batch *pgx.Batch, events int) {
	reserve(batch, 2*events, t.chat == nil, func(messages []int64, chat int64) {
		for _, n := range messages {
			t.nextIDs = append(t.nextIDs, ids.MessageID(n))
		}
		t.chatID = ids.ChatID(chat)
	})
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
			batch := &pgx.Batch{}
			id, adapter := channelOf(nil, inputs)
			channel := e.directory.Channel(batch, step.Account, id, adapter)
			if err := step.Tx.SendBatch(ctx, batch).Close(); err != nil {
				return nil, false, fmt.Errorf("find the channel of %s: %w", step.Key, err)
			}
			c, err := starting(ctx, step.Tx, step.Account, channel().ID, n)
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

// channelOf names the channel this step is about: the account's number for it, or 0 and the Chat API's.
func channelOf(c *Chat, inputs []input) (id ids.UISChannelID, adapter int64) {
	if c != nil && c.Channel != 0 {
		return c.Channel, 0
	}
	for _, in := range inputs {
		switch {
		case in.start != nil:
			return in.start.Channel, 0
		case in.webhook != nil && in.webhook.Context.ChatChannelID != 0:
			return ids.UISChannelID(in.webhook.Context.ChatChannelID), 0
		case in.webhook != nil && in.webhook.ChannelID != 0:
			return 0, int64(in.webhook.ChannelID)
		}
	}
	return 0, 0
}
