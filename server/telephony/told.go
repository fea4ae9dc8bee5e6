package telephony

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/settings"
	"omni/server/why"
)

// Told tells the "Why?" page of calls (T15).
type Told struct{}

const toldColumns = `id, portal_id, COALESCE(client_id, 0), direction, phone, number, name, phase, COALESCE(activity_id, 0), crm, started_at, ended_at, answered,
	COALESCE(ended_at > now() - interval '2 hours', false)`

// row is a call as the page lists it.
type row struct {
	why.Communication
	client    ids.ClientID
	link      Link
	direction string
	answered  bool
	// recent: it ended not long ago.
	recent bool
}

func scanTold(r pgx.CollectableRow) (row, error) {
	var c row
	var phone, number, phase string
	var activity int64
	var link []byte
	var ended *time.Time
	if err := r.Scan(&c.ID, &c.Portal, &c.client, &c.direction, &phone, &number, &c.Client, &phase, &activity, &link, &c.StartedAt, &ended, &c.answered, &c.recent); err != nil {
		return c, err
	}
	if err := json.Unmarshal(link, &c.link); err != nil {
		return c, fmt.Errorf("read the link of call %d: %w", c.ID, err)
	}
	c.Row, c.EndedAt, c.Where, c.State = c.ID, ended, number, phase
	if phase == "" {
		c.State = "heard"
	}
	if phone != "" {
		c.Phones = []string{phone}
	}
	for _, tie := range c.link.Ties {
		c.Entities = append(c.Entities, why.Entity{Type: string(tie.Type), ID: tie.ID, Title: tie.Title, Created: tie.Created})
	}
	if activity != 0 {
		c.Entities = append(c.Entities, why.Entity{Type: "activity", ID: activity, Created: true})
	}
	return c, nil
}

// Recent implements why.Source. The numbers of sessions grow, so the newest call has the highest.
func (Told) Recent(ctx context.Context, tx pgx.Tx, account ids.AccountID, q why.Query) ([]why.Communication, error) {
	where := "account_id = $1 AND ($2 = 0 OR id < $2)"
	args := []any{int64(account), q.Before, q.Limit}
	if q.Text != "" {
		where += " AND " + found(q.Text, func(v any) string { args = append(args, v); return fmt.Sprintf("$%d", len(args)) })
	}
	where += narrowed(q.Filter, func(v any) string { args = append(args, v); return fmt.Sprintf("$%d", len(args)) })
	rows, err := tx.Query(ctx, `SELECT `+toldColumns+` FROM call WHERE `+where+` ORDER BY id DESC LIMIT $3`, args...)
	if err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanTold)
	if err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	out := make([]why.Communication, len(list))
	for i, c := range list {
		out[i] = c.Communication
	}
	return out, nil
}

// states are the phases behind the states by which a list is narrowed.
var states = map[string][]Phase{"live": {Heard, Asked, Registering, Registered, Finishing, Closing, Watching, Comparing, Updating}, "done": {Done, Watched}, "off": {Off}, "failed": {Failed}}

// narrowed is the condition of a filter.
func narrowed(f why.Filter, arg func(any) string) string {
	where := ""
	if f.Direction != "" {
		where += " AND direction = " + arg(f.Direction)
	}
	switch f.Outcome {
	case "answered":
		where += " AND answered"
	case "missed":
		where += " AND NOT answered AND ended_at IS NOT NULL"
	}
	if f.State != "" {
		where += " AND phase = ANY(" + arg(states[f.State]) + "::text[])"
	}
	return where
}

// found is a call by whom it is with, or by its number: call:4711, #4711, 4711.
func found(text string, arg func(any) string) string {
	escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
	parts := []string{"name ILIKE " + arg("%"+escaped+"%")}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
	if len(digits) >= 4 {
		like := arg("%" + strings.TrimPrefix(digits, "8") + "%")
		parts = append(parts, "phone LIKE "+like, "number LIKE "+like)
	}
	bare := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(text), "call:"), "#"))
	if number, err := strconv.ParseInt(bare, 10, 64); err == nil {
		parts = append(parts, "id = "+arg(number))
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// Story implements why.Source.
func (Told) Story(ctx context.Context, tx pgx.Tx, account ids.AccountID, id int64) (*why.Story, error) {
	rows, err := tx.Query(ctx, `SELECT `+toldColumns+` FROM call WHERE account_id = $1 AND id = $2`, int64(account), id)
	if err != nil {
		return nil, fmt.Errorf("read call %d: %w", id, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanTold)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read call %d: %w", id, err)
	}
	doc, err := settings.Current(ctx, tx, account)
	if err != nil {
		return nil, err
	}
	var users, funnels bool
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM b24_user WHERE account_id = $1 AND portal_id = $2 AND active),
		EXISTS (SELECT FROM directory_entry WHERE account_id = $1 AND portal_id = $2 AND kind = $3 AND gone_at IS NULL)`, int64(account), int64(c.Portal), string(directory.Pipelines)).Scan(&users, &funnels)
	if err != nil {
		return nil, fmt.Errorf("look for the lists of portal %d: %w", c.Portal, err)
	}
	story := &why.Story{Communication: c.Communication, Keys: []ids.Key{ids.CallKey(ids.UISCallID(id))}, Direction: c.direction, Signs: c.signs(doc, users, funnels)}
	if c.client != 0 {
		story.Shared = ids.ClientKey(c.client)
	}
	return story, nil
}

// signs are the troubles that can be seen in a call, in the settings and in the lists as they stand. It is pure.
func (c row) signs(doc settings.Document, users, funnels bool) []string {
	var out []string
	sees := func(yes bool, sign string) {
		if yes {
			out = append(out, sign)
		}
	}
	r := c.link.Record
	sees(c.link.Phase == Asked, "asked")
	sees(c.Portal != 0 && !users, "users_empty")
	sees(c.Portal != 0 && !funnels, "funnels_empty")
	sees(c.link.Phase == Done && c.answered && c.recent && r.Link == "" && records(doc.Telephony, c.direction).recording, "recording_awaited")
	sees(r.State == recordComing || r.State == recordAttaching, "recording_coming")
	sees(r.State == recordWaiting, "recording_waiting")
	return out
}
