// Package history notes who changed what in an account, and lists it together with the versions of the settings.
package history

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Kind is what was done. Its sentence is the text "history.{kind}".
type Kind string

// What is noted. Settings are versions of the settings document: they are stored with it, and only listed here.
const (
	Settings       Kind = "settings"
	Matched        Kind = "matched"
	Unmatched      Kind = "unmatched"
	UISConnected   Kind = "uis_connected"
	UISChanged     Kind = "uis_changed"
	UISRemoved     Kind = "uis_removed"
	PortalAdded    Kind = "portal_added"
	PortalOpened   Kind = "portal_opened"
	PortalRenamed  Kind = "portal_renamed"
	PortalRemoved  Kind = "portal_removed"
	AppUninstalled Kind = "app_uninstalled"
)

// Kinds are all kinds but Settings.
func Kinds() []Kind {
	return []Kind{Matched, Unmatched, UISConnected, UISChanged, UISRemoved, PortalAdded, PortalOpened, PortalRenamed, PortalRemoved, AppUninstalled}
}

// About says what a change was about, as it was called then: names vanish with what they name.
type About struct {
	// Name is whom or what: a person, a portal's name or domain, the brand.
	Name string `json:"name,omitempty"`
	// Other is with whom, or what it is called now.
	Other string `json:"other,omitempty"`
	// Parts are what of it changed, by words of the code: "history.part.{part}".
	Parts []string `json:"parts,omitempty"`
}

type actorKey struct{}

// By says in whose name the work under this context is done.
func By(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

// Note stores a change in the transaction that makes it, in the name of the context's person; without one nobody is named.
func Note(ctx context.Context, tx pgx.Tx, account ids.AccountID, now time.Time, kind Kind, about About) error {
	by, _ := ctx.Value(actorKey{}).(string)
	raw, err := json.Marshal(about)
	if err != nil {
		return fmt.Errorf("encode a change: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO account_change (account_id, at, made_by, kind, about) VALUES ($1, $2, $3, $4, $5)`, int64(account), now, by, string(kind), string(raw))
	if err != nil {
		return fmt.Errorf("note that %s: %w", kind, err)
	}
	return nil
}

// Entry is one change of an account, or one version of its settings.
type Entry struct {
	At   time.Time
	By   string
	Kind Kind
	// Number is the version of the settings, else the change's own.
	Number int64
	About  About
	// Diff is what a version of the settings changed.
	Diff json.RawMessage
}

// Before is the place in the list that a page ends at; the zero one is its newest end.
type Before struct {
	At     time.Time
	Kind   Kind
	Number int64
}

// List reads changes and versions together, newest first, from below a place on.
func List(ctx context.Context, tx pgx.Tx, account ids.AccountID, before Before, limit int) ([]Entry, error) {
	var at *time.Time
	if !before.At.IsZero() {
		at = &before.At
	}
	rows, err := tx.Query(ctx, `SELECT at, made_by, kind, number, about, diff FROM (
			SELECT saved_at AS at, saved_by AS made_by, 'settings' AS kind, version::bigint AS number, '{}'::jsonb AS about, diff FROM settings WHERE account_id = $1
			UNION ALL SELECT at, made_by, kind, id, about, 'null' FROM account_change WHERE account_id = $1) h
		WHERE $2::timestamptz IS NULL OR (at, kind, number) < ($2, $3, $4) ORDER BY at DESC, kind DESC, number DESC LIMIT $5`,
		int64(account), at, string(before.Kind), before.Number, limit)
	if err != nil {
		return nil, fmt.Errorf("list changes of account %d: %w", account, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Entry, error) {
		var e Entry
		err := row.Scan(&e.At, &e.By, &e.Kind, &e.Number, &e.About, &e.Diff)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("list changes of account %d: %w", account, err)
	}
	return list, nil
}
