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

// reasons reads what was noted about a communication, in the order it was noted.
func (r *Room) reasons(ctx context.Context, tx pgx.Tx, account ids.AccountID, ref Ref, lang string) ([]Reason, error) {
	rows, err := tx.Query(ctx, `SELECT code, args, created_at, settings_version FROM reason WHERE account_id = $1 AND ref = $2 ORDER BY id LIMIT $3`,
		int64(account), ref.String(), mostReasons)
	if err != nil {
		return nil, fmt.Errorf("read reasons of %s: %w", ref, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Reason, error) {
		var why Reason
		var raw []byte
		if err := row.Scan(&why.Code, &raw, &why.At, &why.Version); err != nil {
			return why, err
		}
		args := map[string]any{}
		numbers := json.NewDecoder(bytes.NewReader(raw)) // as written: a number of seven digits is not 4.711e+06
		numbers.UseNumber()
		if err := numbers.Decode(&args); err != nil {
			return why, err
		}
		why.Text = r.sentence(lang, why.Code, args)
		return why, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read reasons of %s: %w", ref, err)
	}
	return list, nil
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
