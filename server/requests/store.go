package requests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/why"
)

const columns = `id, portal_id, COALESCE(client_id, 0), name, phones, emails, visitor_id, text, values, phase, crm, created_at`

func scan(row pgx.CollectableRow) (*Request, error) {
	r := &Request{}
	var values, link []byte
	if err := row.Scan(&r.ID, &r.Portal, &r.Client, &r.Name, &r.Phones, &r.Emails, &r.Visitor, &r.Text, &values, &r.Phase, &link, &r.At); err != nil {
		return nil, err
	}
	return r, errors.Join(json.Unmarshal(values, &r.Values), json.Unmarshal(link, &r.Link))
}

func save(step *inbox.Step, r *Request) error {
	values, err := json.Marshal(r.Values)
	if err != nil {
		return fmt.Errorf("encode request %d: %w", r.ID, err)
	}
	link, err := json.Marshal(r.Link)
	if err != nil {
		return fmt.Errorf("encode request %d: %w", r.ID, err)
	}
	phones, emails := append([]string{}, r.Phones...), append([]string{}, r.Emails...)
	step.Write(func(batch *pgx.Batch) {
		batch.Queue(`INSERT INTO request (account_id, id, portal_id, client_id, name, phones, emails, visitor_id, text, values, phase, crm, created_at)
			VALUES ($1, $2, $3, NULLIF($4::bigint, 0), $5, $6, $7, $8, $9, $10, $11, $12, $13)
			ON CONFLICT (account_id, id) DO UPDATE SET portal_id = EXCLUDED.portal_id, client_id = EXCLUDED.client_id, phase = EXCLUDED.phase, values = EXCLUDED.values, crm = EXCLUDED.crm`,
			int64(step.Account), int64(r.ID), int64(r.Portal), int64(r.Client), r.Name, phones, emails, r.Visitor, r.Text, values, r.Phase, link, r.At)
	})
	return nil
}

// Told tells the "Why?" page of requests (C13a).
type Told struct{}

// Recent implements why.Source.
func (Told) Recent(ctx context.Context, tx pgx.Tx, account ids.AccountID, q why.Query) ([]why.Communication, error) {
	where := "account_id = $1 AND ($2 = 0 OR id < $2)"
	args := []any{int64(account), q.Before, q.Limit}
	if q.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(q.Text) + "%"
		args = append(args, like)
		where += " AND (name ILIKE $4 OR text ILIKE $4 OR array_to_string(emails, ' ') ILIKE $4 OR array_to_string(phones, ' ') LIKE $4"
		bare := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(q.Text), "request:"), "#"))
		if number, err := strconv.ParseInt(bare, 10, 64); err == nil {
			args = append(args, number)
			where += " OR id = $5"
		}
		where += ")"
	}
	rows, err := tx.Query(ctx, `SELECT `+columns+` FROM request WHERE `+where+` ORDER BY id DESC LIMIT $3`, args...)
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	list, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	out := make([]why.Communication, len(list))
	for i, r := range list {
		out[i] = told(r)
	}
	return out, nil
}

func told(r *Request) why.Communication {
	c := why.Communication{Row: int64(r.ID), ID: int64(r.ID), Client: r.Name, Phones: r.Phones, Emails: r.Emails, Where: r.Values["site_domain_name"], State: r.Phase, StartedAt: r.At, Portal: r.Portal}
	for _, tie := range r.Link.Ties {
		c.Entities = append(c.Entities, why.Entity{Type: string(tie.Type), ID: tie.ID, Title: tie.Title, Created: tie.Created})
	}
	if r.Link.Activity != 0 {
		c.Entities = append(c.Entities, why.Entity{Type: "activity", ID: r.Link.Activity, Created: true})
	}
	return c
}

// Story implements why.Source.
func (Told) Story(ctx context.Context, tx pgx.Tx, account ids.AccountID, id int64) (*why.Story, error) {
	rows, err := tx.Query(ctx, `SELECT `+columns+` FROM request WHERE account_id = $1 AND id = $2`, int64(account), id)
	if err != nil {
		return nil, fmt.Errorf("read request %d: %w", id, err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read request %d: %w", id, err)
	}
	story := &why.Story{Communication: told(r), Keys: []ids.Key{ids.RequestKey(id)}}
	if r.Client != 0 {
		story.Shared = ids.ClientKey(r.Client)
	}
	if r.Phase == Asked {
		story.Signs = append(story.Signs, "asked")
	}
	return story, nil
}
