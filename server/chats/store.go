package chats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

const chatColumns = `id, COALESCE(uis_chat_id, 0), COALESCE(start_key::text, ''), portal_id, channel_id, adapter_account, adapter_channel, state,
	COALESCE(employee_id, 0), COALESCE(client_id, 0), visitor_id, name, phones, emails, username, company, comment, unread, COALESCE(last_message, 0),
	answered, reason_code, reason_text, crm, created_at, changed_at, closed_at`

func scanChat(row pgx.CollectableRow) (*Chat, error) {
	c := &Chat{}
	var link []byte
	err := row.Scan(&c.ID, &c.UIS, &c.StartKey, &c.Portal, &c.Channel, &c.AdapterAccount, &c.AdapterChannel, &c.State,
		&c.Employee, &c.Client, &c.Visitor, &c.Name, &c.Phones, &c.Emails, &c.Username, &c.Company, &c.Comment, &c.Unread, &c.Last,
		&c.Answered, &c.ReasonCode, &c.ReasonText, &link, &c.CreatedAt, &c.ChangedAt, &c.ClosedAt)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(link, &c.CRM); err != nil {
		return nil, fmt.Errorf("read CRM link of chat %d: %w", c.ID, err)
	}
	return c, nil
}

const messageColumns = `id, chat_id, COALESCE(uis_id, 0), COALESCE(client_key::text, ''), side, COALESCE(employee_id, 0), kind, text, file, COALESCE(reply_to, 0),
	status, reason_code, reason_text, edited, created_at, received_at`

func scanMessage(row pgx.CollectableRow) (*Message, error) {
	m := &Message{}
	var file []byte
	err := row.Scan(&m.ID, &m.Chat, &m.UIS, &m.Key, &m.Side, &m.Employee, &m.Kind, &m.Text, &file, &m.ReplyTo,
		&m.Status, &m.ReasonCode, &m.ReasonText, &m.Edited, &m.CreatedAt, &m.ReceivedAt)
	if err != nil {
		return nil, err
	}
	if file != nil {
		m.File = &File{}
		if err := json.Unmarshal(file, m.File); err != nil {
			return nil, fmt.Errorf("read file of message %d: %w", m.ID, err)
		}
	}
	return m, nil
}

// chatBy reads one chat by a condition on $2; nil when there is none.
func chatBy(ctx context.Context, tx pgx.Tx, account ids.AccountID, where string, arg any) (*Chat, error) {
	var c *Chat
	batch := &pgx.Batch{}
	queueChatBy(batch, account, where, arg, &c)
	return c, tx.SendBatch(ctx, batch).Close()
}

// queueChatBy is chatBy as a statement of a batch.
func queueChatBy(batch *pgx.Batch, account ids.AccountID, where string, arg any, into **Chat) {
	batch.Queue(`SELECT `+chatColumns+` FROM chat WHERE account_id = $1 AND `+where, int64(account), arg).Query(func(rows pgx.Rows) error {
		c, err := pgx.CollectExactlyOneRow(rows, scanChat)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read chat: %w", err)
		}
		*into = c
		return nil
	})
}

// wanted names the messages a step will look at.
type wanted struct {
	uis  []int64
	keys []string
	ids  []int64
}

// messages queues the read of the messages a step needs: those its events name, own ones whose fate is open, and the newest ones from the comments'
// parts on.
func (t *turn) messages(batch *pgx.Batch, w wanted) {
	from := int64(0)
	for i, c := range t.chat.CRM.Comments {
		if at := int64(c.From); !c.Gone && (i == 0 || from == 0 || at < from) {
			from = at
		}
	}
	// Before the entities are known everything said is still to be passed; afterwards only the current part of the comments.
	batch.Queue(`SELECT `+messageColumns+` FROM message WHERE account_id = $1 AND chat_id = $2 AND
		(id = ANY(ARRAY(SELECT id FROM message WHERE account_id = $1 AND chat_id = $2 AND id >= $3 ORDER BY id LIMIT 400))
		OR uis_id = ANY($4) OR id = ANY($5) OR status IN ('queued', 'checking')
		OR (client_key IS NOT NULL AND client_key::text = ANY($6))) ORDER BY id`,
		int64(t.account), int64(t.chat.ID), from, w.uis, w.ids, w.keys).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, scanMessage)
		if err != nil {
			return fmt.Errorf("read messages of chat %d: %w", t.chat.ID, err)
		}
		t.found(found, from)
		return nil
	})
}

// found takes in the messages that were read.
func (t *turn) found(messages []*Message, from int64) {
	for _, m := range messages {
		t.byID[m.ID] = m
		if m.UIS != 0 {
			t.byUIS[m.UIS] = m
		}
		if m.Key != "" {
			t.byKey[m.Key] = m
		}
		if m.Side == FromOperator && (m.Status == Queued || m.Status == Checking) {
			t.open = append(t.open, m)
		}
		if int64(m.ID) >= from {
			t.lines = append(t.lines, m)
		}
	}
}

// reserve queues the taking of numbers for the messages and the chat a step may make, so that deciding needs no database.
func reserve(batch *pgx.Batch, messages int, chat bool, take func(messages []int64, chat int64)) {
	batch.Queue(`SELECT ARRAY(SELECT nextval('message_id_seq') FROM generate_series(1, $1)), CASE WHEN $2 THEN nextval('chat_id_seq') ELSE 0 END`, messages, chat).
		QueryRow(func(row pgx.Row) error {
			var numbers []int64
			var number int64
			if err := row.Scan(&numbers, &number); err != nil {
				return fmt.Errorf("reserve numbers: %w", err)
			}
			take(numbers, number)
			return nil
		})
}

// save queues the writing of what the step changed.
func (t *turn) save(batch *pgx.Batch) {
	if t.touched {
		t.queueChat(batch)
	}
	// Changed ones first: an id at UIS may move from one message to another.
	for _, m := range t.changed {
		batch.Queue(`UPDATE message SET uis_id = NULLIF($3::bigint, 0), text = $4, file = $5, status = $6, reason_code = $7, reason_text = $8, edited = $9
			WHERE account_id = $1 AND id = $2`,
			int64(t.account), int64(m.ID), m.UIS, m.Text, fileJSON(m.File), string(m.Status), m.ReasonCode, m.ReasonText, m.Edited)
	}
	for _, m := range t.added {
		batch.Queue(`INSERT INTO message (account_id, id, chat_id, uis_id, client_key, side, employee_id, kind, text, file, reply_to, status, reason_code, reason_text,
			edited, created_at, received_at) OVERRIDING SYSTEM VALUE
			VALUES ($1, $2, $3, NULLIF($4::bigint, 0), NULLIF($5, '')::uuid, $6, NULLIF($7::bigint, 0), $8, $9, $10, NULLIF($11::bigint, 0), $12, $13, $14, $15, $16, $17)`,
			int64(t.account), int64(m.ID), int64(m.Chat), m.UIS, m.Key, string(m.Side), int64(m.Employee), m.Kind, m.Text, fileJSON(m.File),
			int64(m.ReplyTo), string(m.Status), m.ReasonCode, m.ReasonText, m.Edited, m.CreatedAt, m.ReceivedAt)
	}
}

func (t *turn) queueChat(batch *pgx.Batch) {
	c := t.chat
	link := encode(c.CRM)
	args := []any{int64(t.account), int64(c.ID), int64(c.UIS), int64(c.Portal), int64(c.Channel), c.AdapterAccount, c.AdapterChannel, string(c.State),
		int64(c.Employee), int64(c.Client), c.Visitor, c.Name, list(c.Phones), list(c.Emails), c.Username, c.Company, c.Comment, c.Unread, int64(c.Last),
		c.Answered, c.ReasonCode, c.ReasonText, link, c.ChangedAt, c.ClosedAt}
	if t.made {
		batch.Queue(`INSERT INTO chat (account_id, id, uis_chat_id, portal_id, channel_id, adapter_account, adapter_channel, state, employee_id, client_id,
			visitor_id, name, phones, emails, username, company, comment, unread, last_message, answered, reason_code, reason_text, crm, changed_at, closed_at,
			created_at, start_key) OVERRIDING SYSTEM VALUE
			VALUES ($1, $2, NULLIF($3::bigint, 0), $4, $5, $6, $7, $8, NULLIF($9::bigint, 0), NULLIF($10::bigint, 0), $11, $12, $13, $14, $15, $16, $17, $18, NULLIF($19::bigint, 0),
			$20, $21, $22, $23, $24, $25, $26, NULLIF($27, '')::uuid)`, append(args, c.CreatedAt, c.StartKey)...)
		return
	}
	batch.Queue(`UPDATE chat SET uis_chat_id = NULLIF($3::bigint, 0), portal_id = $4, channel_id = $5, adapter_account = $6, adapter_channel = $7, state = $8,
		employee_id = NULLIF($9::bigint, 0), client_id = NULLIF($10::bigint, 0), visitor_id = $11, name = $12, phones = $13, emails = $14, username = $15, company = $16,
		comment = $17, unread = $18, last_message = NULLIF($19::bigint, 0), answered = $20, reason_code = $21, reason_text = $22, crm = $23, changed_at = $24, closed_at = $25
		WHERE account_id = $1 AND id = $2`, args...)
}

func fileJSON(f *File) any {
	if f == nil {
		return nil
	}
	return string(encode(f))
}

func list(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}
