package chats

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Query is what a list of chats is asked for.
type Query struct {
	// List is new, mine, others or closed; empty: all the person may see.
	List     string
	Text     string
	Channel  ids.UISChannelID
	Employee ids.UISEmployeeID
	// Contacts limits the list to chats with these phones or e-mails, or with these numbers; used by the tab of a card.
	Contacts *Contacts
	// Before continues a list after a chat.
	BeforeAt time.Time
	BeforeID ids.ChatID
	Limit    int
}

// Contacts are the contact data of a card, and what is tied to it.
type Contacts struct {
	Phones, Emails []string
	Entity         string
	EntityID       int64
}

// visible is which chats a person sees at all: new ones, his own, closed ones of his, and others' with the right.
const visible = `(state IN ('new', 'closed', 'failed') OR employee_id = $2 OR $3) AND (state NOT IN ('closed', 'failed') OR employee_id = $2 OR employee_id IS NULL OR $3)`

// ListChats reads one list, newest activity first, with the last message of each chat.
func ListChats(ctx context.Context, tx pgx.Tx, account ids.AccountID, by ids.UISEmployeeID, others bool, q Query) ([]*Chat, map[ids.MessageID]*Message, error) {
	where := []string{"account_id = $1", visible}
	args := []any{int64(account), int64(by), others}
	arg := func(v any) string { args = append(args, v); return fmt.Sprintf("$%d", len(args)) }
	switch q.List {
	case "new":
		where = append(where, "state = 'new'")
	case "mine":
		where = append(where, "state IN ('work', 'starting') AND employee_id = $2")
	case "others":
		where = append(where, "state IN ('work', 'starting') AND employee_id IS DISTINCT FROM $2")
	case "closed":
		where = append(where, "state IN ('closed', 'failed')")
	}
	if q.Channel != 0 {
		where = append(where, "channel_id = "+arg(int64(q.Channel)))
	}
	if q.Employee != 0 {
		where = append(where, "employee_id = "+arg(int64(q.Employee)))
	}
	if q.Text != "" {
		where = append(where, search(q.Text, arg))
	}
	if c := q.Contacts; c != nil {
		p, e := arg(list(c.Phones)), arg(list(c.Emails))
		tie := arg(fmt.Sprintf(`[{"type":%q,"id":%d}]`, c.Entity, c.EntityID))
		where = append(where, fmt.Sprintf("(phones && %s OR emails && %s OR crm->'ties' @> %s::jsonb)", p, e, tie))
	}
	if q.BeforeID != 0 {
		where = append(where, fmt.Sprintf("(changed_at, id) < (%s, %s)", arg(q.BeforeAt), arg(int64(q.BeforeID))))
	}
	rows, err := tx.Query(ctx, `SELECT `+chatColumns+` FROM chat WHERE `+strings.Join(where, " AND ")+` ORDER BY changed_at DESC, id DESC LIMIT `+arg(q.Limit), args...)
	if err != nil {
		return nil, nil, fmt.Errorf("list chats: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanChat)
	if err != nil {
		return nil, nil, fmt.Errorf("list chats: %w", err)
	}
	var last []int64
	for _, c := range found {
		last = append(last, int64(c.Last))
	}
	messages, err := messagesByID(ctx, tx, account, last)
	return found, messages, err
}

// search looks in names, numbers, addresses and in what was said.
func search(text string, arg func(any) string) string {
	like := arg("%" + likeText(text) + "%")
	parts := []string{"name ILIKE " + like, "username ILIKE " + like, "company ILIKE " + like, "array_to_string(emails, ' ') ILIKE " + like,
		fmt.Sprintf("EXISTS (SELECT 1 FROM message m WHERE m.account_id = chat.account_id AND m.chat_id = chat.id AND m.text ILIKE %s)", like)}
	if digits := digitsOf(text); len(digits) >= 4 {
		parts = append(parts, "array_to_string(phones, ' ') LIKE "+arg("%"+strings.TrimPrefix(digits, "8")+"%"))
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// likeText is a text as LIKE takes it literally.
func likeText(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.TrimSpace(text))
}

func digitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}

func messagesByID(ctx context.Context, tx pgx.Tx, account ids.AccountID, numbers []int64) (map[ids.MessageID]*Message, error) {
	out := map[ids.MessageID]*Message{}
	if len(numbers) == 0 {
		return out, nil
	}
	rows, err := tx.Query(ctx, `SELECT `+messageColumns+` FROM message WHERE account_id = $1 AND id = ANY($2)`, int64(account), numbers)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanMessage)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	for _, m := range found {
		out[m.ID] = m
	}
	return out, nil
}

// Counters are how many chats stand in each list of a person, and how many messages wait in new ones and his own.
type Counters struct {
	New    int `json:"new"`
	Mine   int `json:"mine"`
	Others int `json:"others"`
	Closed int `json:"closed"`
	Unread int `json:"unread"`
}

// CountChats reads the counters. Closed ones are counted up to a thousand.
func CountChats(ctx context.Context, tx pgx.Tx, account ids.AccountID, by ids.UISEmployeeID, others bool) (Counters, error) {
	var c Counters
	err := tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE state = 'new'), count(*) FILTER (WHERE state <> 'new' AND employee_id = $2),
		count(*) FILTER (WHERE state <> 'new' AND employee_id IS DISTINCT FROM $2 AND $3),
		COALESCE(sum(unread) FILTER (WHERE state = 'new' OR employee_id = $2), 0),
		(SELECT count(*) FROM (SELECT 1 FROM chat WHERE account_id = $1 AND state IN ('closed', 'failed') AND (employee_id = $2 OR employee_id IS NULL OR $3) LIMIT 1000) c)
		FROM chat WHERE account_id = $1 AND state IN ('new', 'work', 'starting')`, int64(account), int64(by), others).Scan(&c.New, &c.Mine, &c.Others, &c.Unread, &c.Closed)
	if err != nil {
		return c, fmt.Errorf("count chats: %w", err)
	}
	return c, nil
}

// ChatByID reads a chat a person may see; nil: there is none for him.
func ChatByID(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.ChatID, by ids.UISEmployeeID, others bool) (*Chat, *Message, error) {
	c, err := chatBy(ctx, tx, account, "id = $2", int64(id))
	if err != nil || c == nil {
		return nil, nil, err
	}
	if c.State != New && c.Employee != by && !others && (c.State == Work || c.State == Starting || c.Employee != 0) {
		return nil, nil, nil
	}
	messages, err := messagesByID(ctx, tx, account, []int64{int64(c.Last)})
	return c, messages[c.Last], err
}

// ChatByStart reads the chat a client-made id of "write first" made; nil: none.
func ChatByStart(ctx context.Context, tx pgx.Tx, account ids.AccountID, key string) (*Chat, *Message, error) {
	c, err := chatBy(ctx, tx, account, "start_key::text = $2", key)
	if err != nil || c == nil {
		return nil, nil, err
	}
	messages, err := messagesByID(ctx, tx, account, []int64{int64(c.Last)})
	return c, messages[c.Last], err
}

// MessageByKey reads the message a client-made id made; nil: none.
func MessageByKey(ctx context.Context, tx pgx.Tx, account ids.AccountID, key string) (*Message, *Message, error) {
	return messageWhere(ctx, tx, account, "client_key::text = $2", key)
}

// MessageByID reads a message with the one it answers.
func MessageByID(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.MessageID) (*Message, *Message, error) {
	return messageWhere(ctx, tx, account, "id = $2", int64(id))
}

func messageWhere(ctx context.Context, tx pgx.Tx, account ids.AccountID, where string, arg any) (*Message, *Message, error) {
	rows, err := tx.Query(ctx, `SELECT `+messageColumns+` FROM message WHERE account_id = $1 AND `+where, int64(account), arg)
	if err != nil {
		return nil, nil, fmt.Errorf("read message: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanMessage)
	if err != nil || len(found) == 0 {
		return nil, nil, err
	}
	quoted, err := messagesByID(ctx, tx, account, []int64{int64(found[0].ReplyTo)})
	return found[0], quoted[found[0].ReplyTo], err
}

// ListMessages reads a page of a conversation, oldest first: the newest, those before a message, or those after one. more tells whether
// there are further ones in that direction.
func ListMessages(ctx context.Context, tx pgx.Tx, account ids.AccountID, chat ids.ChatID, before, after ids.MessageID, limit int) (page []*Message, quoted map[ids.MessageID]*Message, more bool, err error) {
	where, order := "$3::bigint = 0", "DESC"
	bound := int64(before)
	switch {
	case after != 0:
		where, order, bound = "id > $3", "ASC", int64(after)
	case before != 0:
		where = "id < $3"
	}
	rows, err := tx.Query(ctx, `SELECT `+messageColumns+` FROM message WHERE account_id = $1 AND chat_id = $2 AND `+where+` ORDER BY id `+order+` LIMIT $4`,
		int64(account), int64(chat), bound, limit+1)
	if err != nil {
		return nil, nil, false, fmt.Errorf("read messages of chat %d: %w", chat, err)
	}
	if page, err = pgx.CollectRows(rows, scanMessage); err != nil {
		return nil, nil, false, fmt.Errorf("read messages of chat %d: %w", chat, err)
	}
	if more = len(page) > limit; more {
		page = page[:limit]
	}
	if order == "DESC" {
		for i, j := 0, len(page)-1; i < j; i, j = i+1, j-1 {
			page[i], page[j] = page[j], page[i]
		}
	}
	var numbers []int64
	for _, m := range page {
		if m.ReplyTo != 0 {
			numbers = append(numbers, int64(m.ReplyTo))
		}
	}
	quoted, err = messagesByID(ctx, tx, account, numbers)
	return page, quoted, more, err
}
