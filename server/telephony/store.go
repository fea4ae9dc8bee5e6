package telephony

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/account/uisconn"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/settings"
)

// loader reads what steps look at.
type loader struct{ zones directory.Zones }

// call reads the call of the key, whose lock is all that its row needs, and what the account says; nil: nothing was heard of it yet.
func (l *loader) call(ctx context.Context, step *inbox.Step, id ids.UISCallID) (*Call, Setting, error) {
	var c *Call
	doc := settings.Document{Version: -1}
	batch := &pgx.Batch{}
	batch.Queue(`SELECT portal_id, COALESCE(client_id, 0), COALESCE(activity_id, 0), facts, crm,
		EXISTS (SELECT FROM call_open o WHERE o.account_id = $1 AND o.call_id = $2) FROM call WHERE account_id = $1 AND id = $2`,
		int64(step.Account), int64(id)).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (*Call, error) {
			c := &Call{ID: id}
			var facts, link []byte
			if err := row.Scan(&c.Portal, &c.Client, &c.Activity, &facts, &link, &c.ActivityOpen); err != nil {
				return nil, err
			}
			return c, errors.Join(json.Unmarshal(facts, &c.Facts), json.Unmarshal(link, &c.Link))
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		c = found
		return err
	})
	settings.QueueCurrent(batch, step.Account, &doc)
	place := directory.QueuePlace(batch, step.Account, &l.zones)
	if err := step.Tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, Setting{}, fmt.Errorf("read call %d: %w", id, err)
	}
	if doc.Version < 0 {
		doc = settings.Initial()
	}
	return c, Setting{Document: doc, Zone: place.Zone, Lang: place.Language(portalOf(doc))}, nil
}

// around reads the people of the portal, the numbers of what notifications only name, and this client's other calls.
func (l *loader) around(ctx context.Context, step *inbox.Step, t *turn) error {
	portal := t.call.Portal
	if portal == 0 {
		portal = portalOf(t.setting.Document)
	}
	batch := &pgx.Batch{}
	queuePeople(batch, step.Account, portal, &t.setting.people)
	batch.Queue(`SELECT EXISTS (SELECT FROM directory_entry WHERE account_id = $1 AND portal_id = $2 AND kind = 'outer_lines' AND id = $3)`, int64(step.Account), int64(portal), t.call.Facts.Number).
		QueryRow(func(row pgx.Row) error { return row.Scan(&t.setting.lined) })
	if t.call.Link.Phase == Heard && t.call.Facts.Phone != "" {
		queueInside(batch, step.Account, t.call.Facts.Phone, &t.setting.inside)
	}
	t.setting.names = names{}
	if kinds, values := named(&t.call.Facts); len(kinds) > 0 {
		t.setting.names = directory.QueueNumbers(batch, step.Account, kinds, values)
	}
	if l := &t.call.Link; l.Answer != nil && (l.Phase == Finishing || l.Phase == Closing || l.Phase == Done && (t.call.Activity == 0 || l.Closing)) {
		queueOthers(batch, step.Account, t)
	}
	loaded := queueExtras(batch, step.Account, portal, t.setting.Document.Telephony.Fields, &t.call.Facts, &t.setting.extras)
	if err := step.Tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("read what call %d needs: %w", t.call.ID, err)
	}
	loaded()
	if t.call.Facts.Direction != Out || t.call.Link.CallID != "" {
		return nil
	}
	return l.click(ctx, step, t)
}

// click finds the click or form that asked for an outgoing call.
func (l *loader) click(ctx context.Context, step *inbox.Step, t *turn) (err error) {
	f := &t.call.Facts
	t.setting.click, err = clickBy(ctx, step.Tx, step.Account, `session_id = $2`, int64(t.call.ID))
	if err == nil && t.setting.click == nil && f.ExternalID != "" {
		t.setting.click, err = clickBy(ctx, step.Tx, step.Account, `external_id = $2`, f.ExternalID)
	}
	if err != nil || t.setting.click != nil {
		return err
	}
	err = step.Tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM click WHERE account_id = $1 AND phone = $2 AND state = 'asked')`, int64(step.Account), f.Phone).Scan(&t.setting.maybe)
	if err != nil {
		return fmt.Errorf("look for a click on %s: %w", f.Phone, err)
	}
	return nil
}

func queuePeople(batch *pgx.Batch, account ids.AccountID, portal ids.PortalID, into *people) {
	into.matched = map[ids.UISEmployeeID]ids.B24UserID{}
	batch.Queue(`SELECT m.employee, m.b24_user FROM staff_match m JOIN b24_user u ON u.account_id = m.account_id AND u.portal_id = m.portal_id AND u.id = m.b24_user AND u.active
		WHERE m.account_id = $1 AND m.portal_id = $2 AND m.employee IS NOT NULL`, int64(account), int64(portal)).Query(func(rows pgx.Rows) error {
		var employee ids.UISEmployeeID
		var user ids.B24UserID
		_, err := pgx.ForEachRow(rows, []any{&employee, &user}, func() error { into.matched[employee] = user; return nil })
		return err
	})
	batch.Queue(`SELECT COALESCE((SELECT working_user FROM portal WHERE account_id = $1 AND id = $2), 0),
		ARRAY(SELECT id FROM b24_user WHERE account_id = $1 AND portal_id = $2 AND NOT active ORDER BY id)`, int64(account), int64(portal)).QueryRow(func(row pgx.Row) error {
		return row.Scan(&into.admin, &into.dismissed)
	})
}

func save(batch *pgx.Batch, step *inbox.Step, t *turn) {
	c, f := t.call, &t.call.Facts
	var ended any
	if f.ended() {
		ended = f.EndedAt
	}
	employees := make([]int64, 0, len(f.employees()))
	for _, e := range f.employees() {
		employees = append(employees, int64(e))
	}
	batch.Queue(`INSERT INTO call (account_id, id, portal_id, client_id, direction, phone, number, name, employees, answered, phase, activity_id, facts, crm, started_at, ended_at, changed_at)
		VALUES ($1, $2, $3, NULLIF($4::bigint, 0), $5, $6, $7, $8, $9, $10, $11, NULLIF($12::bigint, 0), $13, $14, $15, $16, $17)
		ON CONFLICT (account_id, id) DO UPDATE SET portal_id = EXCLUDED.portal_id, client_id = COALESCE(call.client_id, EXCLUDED.client_id), direction = EXCLUDED.direction, phone = EXCLUDED.phone,
		number = EXCLUDED.number, name = EXCLUDED.name, employees = EXCLUDED.employees, answered = EXCLUDED.answered, phase = EXCLUDED.phase, activity_id = EXCLUDED.activity_id,
		facts = EXCLUDED.facts, crm = EXCLUDED.crm, started_at = EXCLUDED.started_at, ended_at = EXCLUDED.ended_at, changed_at = EXCLUDED.changed_at`,
		int64(step.Account), int64(c.ID), int64(c.Portal), int64(c.Client), f.Direction, f.Phone, f.Number, f.value("contact_full_name"), employees, f.answered(), string(c.Link.Phase),
		c.Activity, encode(f), encode(c.Link), f.StartedAt, ended, t.now)
	saveOpen(batch, step.Account, t)
	for _, event := range slices.Compact(slices.Sorted(slices.Values(t.heard))) {
		if event == "" { // the report's word is no notification
			continue
		}
		uisconn.QueueReceived(batch, step.Account, event, t.now)
	}
}

// View is what open pages are told of a call that changed. The numbers are not in it: everybody in the account hears of it.
type View struct {
	ID        ids.UISCallID `json:"id"`
	Direction string        `json:"direction"`
	Phase     string        `json:"phase"`
	Answered  bool          `json:"answered"`
	Over      bool          `json:"over"`
}

func viewOf(c *Call) map[string]any {
	f := &c.Facts
	return map[string]any{"call": View{c.ID, f.Direction, string(c.Link.Phase), f.answered(), f.ended()}}
}
