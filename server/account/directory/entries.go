package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Kind is a directory that is kept as entries.
type Kind string

// The directories of a portal and of UIS (portal 0). Mode holds one entry, whose id is classic or simple.
const (
	Pipelines Kind = "pipelines"
	Stages    Kind = "stages"
	Sources   Kind = "sources"
	Fields    Kind = "fields"
	Lines     Kind = "lines"
	// Departments are the company's structure: who works where.
	Departments Kind = "departments"
	Mode        Kind = "mode"
	Groups      Kind = "groups"
	Numbers     Kind = "numbers"
	Sites       Kind = "sites"
	Campaigns   Kind = "campaigns"
	Scenarios   Kind = "scenarios"
	Operations  Kind = "operations"
	Tags        Kind = "tags"
	// OuterLines are the external lines of a portal that are ours, by number.
	OuterLines Kind = "outer_lines"
)

// Entry is one thing to choose. Data is what else a page needs of it, as JSON; its ids are unique within a kind.
type Entry struct {
	ID   string
	Name string
	Data map[string]any
	// Gone: it vanished at its platform.
	Gone bool
}

// Where says where a directory belongs. Portal is 0 for those of UIS.
type Where struct {
	Account ids.AccountID
	Portal  ids.PortalID
	Kind    Kind
}

// ErrEmpty says that a platform answered with an empty list: the good copy stays (U4).
var ErrEmpty = errors.New("the list came empty")

// Keep replaces a directory by what was just read. What is not listed any more is marked gone. An empty list is refused with ErrEmpty while there is
// a copy: it never replaces a good one (U4, S4).
func Keep(ctx context.Context, tx pgx.Tx, at Where, list []Entry, now time.Time) error {
	if len(list) == 0 {
		var there bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM directory_entry WHERE account_id = $1 AND portal_id = $2 AND kind = $3 AND gone_at IS NULL)`,
			int64(at.Account), int64(at.Portal), string(at.Kind)).Scan(&there)
		if err != nil {
			return fmt.Errorf("look at the copy of %s: %w", at.Kind, err)
		}
		if there {
			return ErrEmpty
		}
	}
	keys, names, data := make([]string, len(list)), make([]string, len(list)), make([]string, len(list))
	for i, e := range list {
		if e.Data == nil {
			e.Data = map[string]any{}
		}
		raw, err := json.Marshal(e.Data)
		if err != nil {
			return fmt.Errorf("encode %s %s: %w", at.Kind, e.ID, err)
		}
		keys[i], names[i], data[i] = e.ID, e.Name, string(raw)
	}
	batch := &pgx.Batch{}
	batch.Queue(`INSERT INTO directory_entry (account_id, portal_id, kind, id, name, data, position)
		SELECT DISTINCT ON (e.id) $1::bigint, $2::bigint, $3, e.id, e.name, e.data::jsonb, e.n FROM unnest($4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS e(id, name, data, n) ORDER BY e.id, e.n
		ON CONFLICT (account_id, portal_id, kind, id) DO UPDATE SET name = EXCLUDED.name, data = EXCLUDED.data, position = EXCLUDED.position, gone_at = NULL`,
		int64(at.Account), int64(at.Portal), string(at.Kind), keys, names, data)
	batch.Queue(`UPDATE directory_entry SET gone_at = $5 WHERE account_id = $1 AND portal_id = $2 AND kind = $3 AND gone_at IS NULL AND id <> ALL ($4)`,
		int64(at.Account), int64(at.Portal), string(at.Kind), keys, now)
	batch.Queue(`INSERT INTO directory_read (account_id, portal_id, kind, read_at, tried_at) VALUES ($1, $2, $3, $4, $4)
		ON CONFLICT (account_id, portal_id, kind) DO UPDATE SET read_at = EXCLUDED.read_at, tried_at = EXCLUDED.tried_at, trouble = ''`,
		int64(at.Account), int64(at.Portal), string(at.Kind), now)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("keep %s: %w", at.Kind, err)
	}
	return nil
}

// Absent is the trouble of a directory that the portal or the tariff does not have: a feature that is not there, not an error (U4).
const Absent = "absent"

// Trouble notes why a reading brought no new copy; the copy stays.
func Trouble(ctx context.Context, tx pgx.Tx, at Where, why string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO directory_read (account_id, portal_id, kind, tried_at, trouble) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account_id, portal_id, kind) DO UPDATE SET tried_at = EXCLUDED.tried_at, trouble = EXCLUDED.trouble`,
		int64(at.Account), int64(at.Portal), string(at.Kind), now, why)
	if err != nil {
		return fmt.Errorf("note why %s was not read: %w", at.Kind, err)
	}
	return nil
}

// Copy is a kept directory: its entries in the platform's order, and how old they are.
type Copy struct {
	Entries []Entry
	// ReadAt is when it was read; nil: never.
	ReadAt *time.Time
	// Trouble is why the last try failed; empty: it did not.
	Trouble string
}

const entries = `SELECT id, name, data, gone_at IS NOT NULL FROM directory_entry WHERE account_id = $1 AND portal_id = $2 AND kind = $3`

func scanEntry(row pgx.CollectableRow) (Entry, error) {
	var e Entry
	err := row.Scan(&e.ID, &e.Name, &e.Data, &e.Gone)
	return e, err
}

// QueueHere queues the read of what a directory has that is not gone, in no order.
func QueueHere(batch *pgx.Batch, at Where, into *[]Entry) {
	batch.Queue(entries+` AND gone_at IS NULL`, int64(at.Account), int64(at.Portal), string(at.Kind)).Query(func(rows pgx.Rows) error {
		var err error
		if *into, err = pgx.CollectRows(rows, scanEntry); err != nil {
			return fmt.Errorf("read %s: %w", at.Kind, err)
		}
		return nil
	})
}

// QueueNumbers queues the look for the numbers of entries of the account's own lists, each by its kind and name; those that are gone are left out.
func QueueNumbers(batch *pgx.Batch, account ids.AccountID, kinds, names []string) map[[2]string]string {
	out := map[[2]string]string{}
	batch.Queue(`SELECT d.kind, d.name, d.id FROM unnest($2::text[], $3::text[]) AS w(kind, name) JOIN directory_entry d ON d.account_id = $1 AND d.portal_id = 0 AND d.kind = w.kind
		AND d.name = w.name AND d.gone_at IS NULL`, int64(account), kinds, names).Query(func(rows pgx.Rows) error {
		var kind, name, id string
		if _, err := pgx.ForEachRow(rows, []any{&kind, &name, &id}, func() error { out[[2]string{kind, name}] = id; return nil }); err != nil {
			return fmt.Errorf("look for entries by name: %w", err)
		}
		return nil
	})
	return out
}

// Read reads a kept directory, what is gone included.
func Read(ctx context.Context, tx pgx.Tx, at Where) (Copy, error) {
	var c Copy
	err := tx.QueryRow(ctx, `SELECT read_at, trouble FROM directory_read WHERE account_id = $1 AND portal_id = $2 AND kind = $3`,
		int64(at.Account), int64(at.Portal), string(at.Kind)).Scan(&c.ReadAt, &c.Trouble)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return c, fmt.Errorf("read the age of %s: %w", at.Kind, err)
	}
	rows, err := tx.Query(ctx, entries+` ORDER BY gone_at IS NOT NULL, position, id`, int64(at.Account), int64(at.Portal), string(at.Kind))
	if err != nil {
		return c, fmt.Errorf("read %s: %w", at.Kind, err)
	}
	if c.Entries, err = pgx.CollectRows(rows, scanEntry); err != nil {
		return c, fmt.Errorf("read %s: %w", at.Kind, err)
	}
	return c, nil
}

// Here are the entries that are not gone.
func (c Copy) Here() []Entry {
	var list []Entry
	for _, e := range c.Entries {
		if !e.Gone {
			list = append(list, e)
		}
	}
	return list
}

// QueueGone marks one entry as gone: its platform has told so.
func QueueGone(batch *pgx.Batch, at Where, id string, now time.Time) {
	batch.Queue(`UPDATE directory_entry SET gone_at = $5 WHERE account_id = $1 AND portal_id = $2 AND kind = $3 AND id = $4 AND gone_at IS NULL`,
		int64(at.Account), int64(at.Portal), string(at.Kind), id, now)
}
