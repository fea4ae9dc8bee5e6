package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sort"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Change is one field that a save changed, by JSON pointer.
type Change struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Saved is a stored version.
type Saved struct {
	Version int
	By      string
	At      time.Time
	Diff    []Change
}

// ConflictError says that somebody saved first; nothing was stored.
type ConflictError struct{ Theirs Document }

// Error implements error.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("version %d was saved meanwhile", e.Theirs.Version)
}

// maxDocument is the largest document in bytes; the largest account seen has 200 rules and stays far below.
const maxDocument = 4 << 20

// Decode reads a document strictly: missing keys take their initial values, unknown keys and wrong types are errors of their fields, all of them at once.
func Decode(raw []byte) (Document, error) {
	if len(raw) > maxDocument {
		return Document{}, FieldErrors{{Field: "", Code: "long"}}
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return Document{}, FieldErrors{{Field: "", Code: "json"}}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Document{}, FieldErrors{{Field: "", Code: "json"}}
	}
	if tree == nil {
		return Document{}, FieldErrors{{Field: "", Code: "type"}}
	}
	if wrong := shapeErrors(tree, reflect.TypeFor[Document](), ""); len(wrong) > 0 {
		return Document{}, wrong
	}
	doc := Initial()
	if err := json.Unmarshal(raw, &doc); err != nil {
		return Document{}, FieldErrors{{Field: "", Code: "json"}}
	}
	doc.fill()
	return doc, nil
}

// fill replaces null lists by empty ones, so that a document always has the same shape.
func (d *Document) fill() {
	initial := Initial()
	fillLists(reflect.ValueOf(d).Elem(), reflect.ValueOf(&initial).Elem())
}

func fillLists(v, like reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillLists(v.Field(i), like.Field(i))
		}
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	}
}

// Current reads the newest version; an account that never saved has the initial document, version 0.
func Current(ctx context.Context, tx pgx.Tx, account ids.AccountID) (Document, error) {
	return load(ctx, tx, account, `ORDER BY version DESC LIMIT 1`)
}

// QueueCurrent queues the read of the newest version into doc. When doc is that version already, it stays as it is and nothing is decoded.
func QueueCurrent(batch *pgx.Batch, account ids.AccountID, doc *Document) {
	batch.Queue(`SELECT version, CASE WHEN version <> $2 THEN document END FROM settings WHERE account_id = $1 ORDER BY version DESC LIMIT 1`, int64(account), doc.Version).
		Query(func(rows pgx.Rows) error {
			found := false
			for rows.Next() {
				found = true
				var version int
				var raw []byte
				if err := rows.Scan(&version, &raw); err != nil {
					return fmt.Errorf("read settings of account %d: %w", account, err)
				}
				if version == doc.Version {
					continue
				}
				var err error
				if *doc, err = stored(version, raw); err != nil {
					return err
				}
			}
			if !found && rows.Err() == nil {
				*doc = Initial()
			}
			return rows.Err()
		})
}

// Version reads one version; false: there is none.
func Version(ctx context.Context, tx pgx.Tx, account ids.AccountID, n int) (Document, bool, error) {
	doc, err := load(ctx, tx, account, `AND version = $2`, n)
	return doc, err == nil && doc.Version == n && n > 0, err
}

func load(ctx context.Context, tx pgx.Tx, account ids.AccountID, which string, args ...any) (Document, error) {
	var raw []byte
	var version int
	err := tx.QueryRow(ctx, `SELECT version, document FROM settings WHERE account_id = $1 `+which, append([]any{int64(account)}, args...)...).Scan(&version, &raw)
	if errors.Is(err, pgx.ErrNoRows) {
		return Initial(), nil
	}
	if err != nil {
		return Document{}, fmt.Errorf("read settings of account %d: %w", account, err)
	}
	return stored(version, raw)
}

// stored decodes a version as it is kept.
func stored(version int, raw []byte) (Document, error) {
	doc := Initial()
	// Not strict: a document stored by a newer server may hold more.
	if err := json.Unmarshal(raw, &doc); err != nil {
		return Document{}, fmt.Errorf("read settings version %d: %w", version, err)
	}
	doc.fill()
	doc.Version = version
	return doc, nil
}

// Save stores a document as the next version when nobody saved since its own version. The caller has validated it.
func Save(ctx context.Context, tx pgx.Tx, account ids.AccountID, doc Document, by string, now time.Time) (Document, error) {
	if err := lock(ctx, tx, account); err != nil {
		return Document{}, err
	}
	before, err := Current(ctx, tx, account)
	if err != nil {
		return Document{}, err
	}
	if before.Version != doc.Version {
		return Document{}, &ConflictError{Theirs: before}
	}
	diff := Diff(before, doc)
	if len(diff) == 0 && before.Version > 0 {
		return before, nil
	}
	doc.Version++
	raw, err := json.Marshal(doc)
	if err != nil {
		return Document{}, fmt.Errorf("encode settings: %w", err)
	}
	changes, err := json.Marshal(diff)
	if err != nil {
		return Document{}, fmt.Errorf("encode the changes: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO settings (account_id, version, document, diff, saved_by, saved_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		int64(account), doc.Version, string(raw), string(changes), by, now)
	if err != nil {
		return Document{}, fmt.Errorf("store settings version %d: %w", doc.Version, err)
	}
	return doc, nil
}

// Versions lists what was saved, newest first, from below a version on.
func Versions(ctx context.Context, tx pgx.Tx, account ids.AccountID, before, limit int) ([]Saved, error) {
	rows, err := tx.Query(ctx, `SELECT version, saved_by, saved_at, diff FROM settings WHERE account_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3`, int64(account), before, limit)
	if err != nil {
		return nil, fmt.Errorf("list settings versions: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Saved, error) {
		var s Saved
		var diff []byte
		if err := row.Scan(&s.Version, &s.By, &s.At, &diff); err != nil {
			return s, err
		}
		return s, json.Unmarshal(diff, &s.Diff)
	})
	if err != nil {
		return nil, fmt.Errorf("list settings versions: %w", err)
	}
	return list, nil
}

// Diff lists the fields two documents differ in, lists as a whole.
func Diff(before, after Document) []Change {
	before.Version, after.Version = 0, 0
	a, b := flat(before), flat(after)
	var fields []string
	for f := range b {
		if !bytes.Equal(a[f], b[f]) {
			fields = append(fields, f)
		}
	}
	sort.Strings(fields)
	out := make([]Change, 0, len(fields))
	for _, f := range fields {
		out = append(out, Change{Field: f, Before: a[f], After: b[f]})
	}
	return out
}

func flat(doc Document) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	raw, err := json.Marshal(doc)
	if err != nil {
		return out
	}
	var walk func(prefix string, raw json.RawMessage)
	walk = func(prefix string, raw json.RawMessage) {
		var group map[string]json.RawMessage
		if len(raw) > 0 && raw[0] == '{' && json.Unmarshal(raw, &group) == nil && len(group) > 0 {
			for name, value := range group {
				walk(prefix+"/"+name, value)
			}
			return
		}
		out[prefix] = raw
	}
	walk("", raw)
	return out
}
