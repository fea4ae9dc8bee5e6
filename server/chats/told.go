package chats

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/settings"
	"omni/server/why"
)

// Told tells the "Why?" page of chats. A chat that an operator is starting has no number yet and is not told of.
type Told struct{}

// Recent implements why.Source.
func (Told) Recent(ctx context.Context, tx pgx.Tx, account ids.AccountID, q why.Query) ([]why.Communication, error) {
	where := "account_id = $1 AND uis_chat_id IS NOT NULL AND ($2 = 0 OR id < $2)"
	args := []any{int64(account), q.Before, q.Limit}
	if q.Text != "" {
		where += " AND " + named(q.Text, func(v any) string { args = append(args, v); return fmt.Sprintf("$%d", len(args)) })
	}
	rows, err := tx.Query(ctx, `SELECT `+chatColumns+` FROM chat WHERE `+where+` ORDER BY id DESC LIMIT $3`, args...)
	if err != nil {
		return nil, fmt.Errorf("list chats: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanChat)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	channels, err := channelNames(ctx, tx, account)
	if err != nil {
		return nil, err
	}
	list := make([]why.Communication, len(found))
	for i, c := range found {
		list[i] = told(c, channels)
	}
	return list, nil
}

// named finds a chat by whom it is with, or by its number: chat:4711, #4711, 4711.
func named(text string, arg func(any) string) string {
	like := arg("%" + likeText(text) + "%")
	parts := []string{"name ILIKE " + like, "username ILIKE " + like, "company ILIKE " + like, "array_to_string(emails, ' ') ILIKE " + like}
	if digits := digitsOf(text); len(digits) >= 4 {
		parts = append(parts, "array_to_string(phones, ' ') LIKE "+arg("%"+strings.TrimPrefix(digits, "8")+"%"))
	}
	bare := strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(text), "chat:"), "#")
	if number, err := strconv.ParseInt(strings.TrimSpace(bare), 10, 64); err == nil {
		parts = append(parts, "uis_chat_id = "+arg(number))
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

func channelNames(ctx context.Context, tx pgx.Tx, account ids.AccountID) (map[ids.UISChannelID]string, error) {
	list, err := directory.Channels(ctx, tx, account)
	names := map[ids.UISChannelID]string{}
	for _, c := range list {
		names[c.ID] = c.Name
	}
	return names, err
}

func told(c *Chat, channels map[ids.UISChannelID]string) why.Communication {
	out := why.Communication{Row: int64(c.ID), ID: int64(c.UIS), Client: displayName(c), Phones: c.Phones, Emails: c.Emails, Where: channels[c.Channel],
		State: string(c.State), StartedAt: c.CreatedAt, EndedAt: c.ClosedAt, Page: c.ID, Portal: c.Portal}
	for _, tie := range c.CRM.Ties {
		out.Entities = append(out.Entities, why.Entity{Type: string(tie.Type), ID: tie.ID, Title: tie.Title, Created: tie.Created})
	}
	if c.CRM.Activity != 0 {
		out.Entities = append(out.Entities, why.Entity{Type: "activity", ID: c.CRM.Activity, Created: true})
	}
	return out
}

// Story implements why.Source.
func (Told) Story(ctx context.Context, tx pgx.Tx, account ids.AccountID, id int64) (*why.Story, error) {
	c, err := chatBy(ctx, tx, account, "uis_chat_id = $2", id)
	if err != nil || c == nil {
		return nil, err
	}
	channels, err := channelNames(ctx, tx, account)
	if err != nil {
		return nil, err
	}
	doc, err := settings.Current(ctx, tx, account)
	if err != nil {
		return nil, err
	}
	var matched bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM staff_match WHERE account_id = $1 AND employee IS NOT NULL)`, int64(account)).Scan(&matched); err != nil {
		return nil, fmt.Errorf("look for employees: %w", err)
	}
	story := &why.Story{Communication: told(c, channels), Keys: []ids.Key{ids.ChatKey(c.UIS)}, Signs: signs(c, doc, matched)}
	if c.StartKey != "" {
		story.Keys = append(story.Keys, ids.Key("start:"+c.StartKey))
	}
	if c.Client != 0 {
		story.Shared = ids.ClientKey(c.Client)
	}
	return story, nil
}

// signs are the troubles that can be seen in a chat and in the settings as they stand. It is pure.
func signs(c *Chat, doc settings.Document, matched bool) []string {
	var out []string
	sees := func(yes bool, sign string) {
		if yes {
			out = append(out, sign)
		}
	}
	sees(c.CRM.Phase == "asked", "asked")
	sees(c.CRM.Phase == "" && c.State != Closed && doc.Chats.CreateAt == "end", "at_end")
	sees(doc.Chats.Create && doc.Chats.Responsible == nil, "no_responsible")
	pending := false
	for _, comment := range c.CRM.Comments {
		pending = pending || !comment.Gone && comment.Upto < c.Last
	}
	sees(pending, "messages_pending")
	sees(c.State == Work && c.Employee != 0, "led_by_one")
	sees(!matched, "no_employees")
	return out
}
