// Package crm knows clients, their picture in the portal's CRM, and holds the one planner that decides which entities a communication creates or joins.
package crm

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nyaruka/phonenumbers"

	"omni/server/ids"
)

// AliasKind says what kind of name a client is known by.
type AliasKind string

// The kinds of aliases. Phone values are digits of E.164 without plus, e-mails lower case, visitor ids as UIS gives them.
const (
	AliasPhone    AliasKind = "phone"
	AliasEmail    AliasKind = "email"
	AliasVisitor  AliasKind = "visitor"
	AliasUsername AliasKind = "username"
)

// Alias is one name a client is known by.
type Alias struct {
	Kind  AliasKind `json:"kind"`
	Value string    `json:"value"`
}

// homeRegion is the region a number without country code is read in.
const homeRegion = "RU"

// Phone brings a telephone number to digits of E.164 without plus and cuts an extension off; false: this is no number.
// UIS sends digits without plus, people write 8 for +7, and Bitrix24 stores whatever was typed.
func Phone(text string) (string, bool) {
	text, _, _ = strings.Cut(strings.TrimSpace(text), ";")
	number, _, _ := strings.Cut(text, "#")
	digits := onlyDigits(number)
	if len(digits) < 5 || len(digits) > 15 {
		return "", false
	}
	spelled := number
	if !strings.HasPrefix(strings.TrimSpace(number), "+") && len(digits) >= 11 && digits[0] != '8' {
		spelled = "+" + digits
	}
	parsed, err := phonenumbers.Parse(spelled, homeRegion)
	if err != nil || !phonenumbers.IsPossibleNumber(parsed) {
		return digits, true
	}
	return strings.TrimPrefix(phonenumbers.Format(parsed, phonenumbers.E164), "+"), true
}

// Email brings an address to the form it is compared in; false: this is no address.
func Email(text string) (string, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	at := strings.LastIndexByte(text, '@')
	if at <= 0 || at == len(text)-1 || strings.ContainsAny(text, " \t\r\n") {
		return "", false
	}
	return text, true
}

// Aliases gathers the aliases of contact data, each once, in a fixed order.
func Aliases(phones, emails []string, visitor, username string) []Alias {
	seen := map[Alias]bool{}
	for _, p := range phones {
		if v, ok := Phone(p); ok {
			seen[Alias{AliasPhone, v}] = true
		}
	}
	for _, e := range emails {
		if v, ok := Email(e); ok {
			seen[Alias{AliasEmail, v}] = true
		}
	}
	if visitor != "" {
		seen[Alias{AliasVisitor, visitor}] = true
	}
	if u := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(username), "@")); u != "" {
		seen[Alias{AliasUsername, u}] = true
	}
	out := make([]Alias, 0, len(seen))
	for a := range seen {
		out = append(out, a)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Kind != out[j].Kind {
			return out[i].Kind < out[j].Kind
		}
		return out[i].Value < out[j].Value
	})
	return out
}

// written lists the forms a number is commonly written in; Bitrix24 normalises its stored numbers to one of them.
func written(phone string) []string {
	forms := []string{"+" + phone}
	if len(phone) == 11 && phone[0] == '7' {
		forms = append(forms, "8"+phone[1:])
	}
	return forms
}

// ClientOf finds the client behind aliases or makes him; aliases that were new now point to him. Rows that turn out to be one
// person are joined into the oldest that others know. It takes part in the caller's transaction: two first communications of one person meet at
// the unique index, and the second waits for the first one's commit.
func ClientOf(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID, now time.Time, aliases []Alias) (ids.ClientID, error) {
	if len(aliases) == 0 {
		return 0, nil
	}
	kinds, values := make([]string, len(aliases)), make([]string, len(aliases))
	for i, a := range aliases {
		kinds[i], values[i] = string(a.Kind), a.Value
	}
	var client ids.ClientID
	var known []ids.ClientID
	made := false
	batch := &pgx.Batch{}
	batch.Queue(clientOf, int64(account), int64(portal), kinds, values, now).QueryRow(func(row pgx.Row) error { return row.Scan((*int64)(&client), &made) })
	// Somebody may have been first meanwhile: what the index holds now is what counts.
	batch.Queue(aliasOwners, int64(account), int64(portal), kinds, values).Query(func(rows pgx.Rows) error {
		var err error
		known, err = pgx.CollectRows(rows, pgx.RowTo[ids.ClientID])
		return err
	})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return 0, fmt.Errorf("find the client behind %d aliases: %w", len(aliases), err)
	}
	// A row made above that lost the race is the one that goes: nobody has asked anything of it yet, while the other may be planning already.
	stays := known[0]
	if made && stays == client && len(known) > 1 {
		stays = known[1]
	}
	for _, other := range known {
		if other == stays {
			continue
		}
		if err := join(ctx, tx, account, other, stays); err != nil {
			return 0, err
		}
	}
	if stays != client && len(known) == 1 {
		// The row made above has no alias: it lost the race.
		if _, err := tx.Exec(ctx, `DELETE FROM client WHERE account_id = $1 AND id = $2 AND NOT EXISTS
			(SELECT 1 FROM client_alias a WHERE a.account_id = $1 AND a.client_id = $2)`, int64(account), int64(client)); err != nil {
			return 0, fmt.Errorf("drop spare client %d: %w", client, err)
		}
	}
	return stays, nil
}

// aliasOwners lists the clients the aliases point to, oldest first. One look into the primary key per alias: as a plain join, a plan made while the
// table was small reads all aliases of the portal.
const aliasOwners = `SELECT DISTINCT a.client_id FROM unnest($3::text[], $4::text[]) AS w(kind, value) CROSS JOIN LATERAL
	(SELECT client_id FROM client_alias WHERE account_id = $1 AND portal_id = $2 AND kind = w.kind AND value = w.value LIMIT 1) a ORDER BY 1`

// clientOf answers the oldest client the aliases point to, or a new one (and which of both), and points those aliases to it that pointed nowhere. It waits for another
// transaction that is pointing one of them.
const clientOf = `WITH known AS (SELECT min(k.client_id) AS id FROM (` + aliasOwners + `) k),
	made AS (INSERT INTO client (account_id, portal_id, created_at) SELECT $1, $2, $5 FROM known WHERE known.id IS NULL RETURNING id),
	who AS (SELECT COALESCE((SELECT id FROM known), (SELECT id FROM made)) AS id),
	named AS (INSERT INTO client_alias (account_id, portal_id, kind, value, client_id)
		SELECT $1, $2, a.kind, a.value, who.id FROM unnest($3::text[], $4::text[]) AS a(kind, value), who ORDER BY a.kind, a.value
		ON CONFLICT (account_id, portal_id, kind, value) DO NOTHING)
	SELECT who.id, known.id IS NULL FROM who, known`

// join makes one client row of two. The younger one keeps existing as a signpost: letters under its key are handed on.
func join(ctx context.Context, tx pgx.Tx, account ids.AccountID, from, into ids.ClientID) error {
	batch := &pgx.Batch{}
	// First, while no client's row is held: a call's row is written by its step, which may wait for nothing of ours.
	batch.Queue(`UPDATE call SET client_id = $3 WHERE account_id = $1 AND client_id = $2`, int64(account), int64(from), int64(into))
	batch.Queue(`UPDATE client_alias SET client_id = $3 WHERE account_id = $1 AND client_id = $2`, int64(account), int64(from), int64(into))
	batch.Queue(`UPDATE client SET ties = ties || (SELECT ties FROM client WHERE account_id = $1 AND id = $2) WHERE account_id = $1 AND id = $3`,
		int64(account), int64(from), int64(into))
	batch.Queue(`UPDATE client SET joined_into = $3 WHERE account_id = $1 AND (id = $2 OR joined_into = $2)`, int64(account), int64(from), int64(into))
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("join client %d into %d: %w", from, into, err)
	}
	return nil
}

func onlyDigits(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// CleanName folds white space out of a person's name.
func CleanName(name string) string { return strings.Join(strings.Fields(name), " ") }
