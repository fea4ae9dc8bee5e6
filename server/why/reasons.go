package why

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Reason is one step of a decision, in words.
type Reason struct {
	Code string
	Text string
	At   time.Time
	// Version is the settings version the decision was taken with; nil: none played a part.
	Version *int
}

// mostReasons bounds the chain; a communication has a handful.
const mostReasons = 500

// noted is a reason as it was stored.
type noted struct {
	Reason
	args map[string]any
}

// reasons reads what was noted about a communication, in the order it was noted. People of the portal are named.
func (r *Room) reasons(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID, ref Ref, lang string) ([]Reason, error) {
	rows, err := tx.Query(ctx, `SELECT code, args, created_at, settings_version FROM reason WHERE account_id = $1 AND ref = $2 ORDER BY id LIMIT $3`,
		int64(account), ref.String(), mostReasons)
	if err != nil {
		return nil, fmt.Errorf("read reasons of %s: %w", ref, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (noted, error) {
		n := noted{args: map[string]any{}}
		var raw []byte
		if err := row.Scan(&n.Code, &raw, &n.At, &n.Version); err != nil {
			return n, err
		}
		numbers := json.NewDecoder(bytes.NewReader(raw)) // as written: a number of seven digits is not 4.711e+06
		numbers.UseNumber()
		return n, numbers.Decode(&n.args)
	})
	if err != nil {
		return nil, fmt.Errorf("read reasons of %s: %w", ref, err)
	}
	names, err := people(ctx, tx, account, portal, list)
	if err != nil {
		return nil, fmt.Errorf("name the people in the reasons of %s: %w", ref, err)
	}
	out := make([]Reason, len(list))
	for i, n := range list {
		if name := names[fmt.Sprint(n.args["user"])]; name != "" {
			n.args["user"] = name
		}
		n.Text = r.sentence(lang, n.Code, n.args)
		out[i] = n.Reason
	}
	return out, nil
}

// people are the names of the users whom reasons name by their numbers.
func people(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID, list []noted) (map[string]string, error) {
	var users []string
	for _, n := range list {
		if user, named := n.args["user"]; named {
			users = append(users, fmt.Sprint(user))
		}
	}
	names := map[string]string{}
	if len(users) == 0 {
		return names, nil
	}
	rows, err := tx.Query(ctx, `SELECT id::text, trim(first_name || ' ' || last_name) FROM b24_user WHERE account_id = $1 AND portal_id = $2 AND id::text = ANY($3)`,
		int64(account), int64(portal), users)
	if err != nil {
		return nil, err
	}
	var id, name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error { names[id] = name; return nil })
	return names, err
}

// sentence puts a reason into words: the text why.{code}, in which "entity" and "state" are words themselves. What has nothing to say at its end, such as
// the platform's own words, leaves no colon behind. A code that a newer server noted is shown as it is.
func (r *Room) sentence(lang, code string, args map[string]any) string {
	var pairs []any
	for name, value := range args {
		text := fmt.Sprint(value)
		switch name {
		case "entity":
			text = r.entity(lang, text)
		case "state":
			if words := r.Texts.Text(lang, "why.command."+text); words != "why.command."+text {
				text = words
			}
		}
		pairs = append(pairs, name, text)
	}
	text := r.Texts.Text(lang, "why."+code, pairs...)
	return strings.TrimRight(text, " :")
}

// entity reads lead:5, or lead.
func (r *Room) entity(lang, named string) string {
	kind, id, _ := strings.Cut(named, ":")
	words := r.Texts.Text(lang, "why.entity."+kind)
	if words == "why.entity."+kind {
		return named
	}
	return strings.TrimSpace(words + " " + id)
}
