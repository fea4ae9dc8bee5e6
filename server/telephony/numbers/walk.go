package numbers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/clock"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/settings"
	"omni/server/store"
)

const (
	// WalkFor bounds one run of the job, physical time: a job may take two minutes, and a walk through a large CRM takes hours.
	WalkFor = time.Minute
	// pagesFor is how long one request's pages may take to be answered. Background work waits while the portal's bucket is half full.
	pagesFor = 45 * time.Second
	// walkAgain is how old a walk must be to be made again: the daily round is not turned down, a save of the settings is.
	walkAgain = 20 * time.Hour
	// forgetAtOnce bounds one statement that removes what a walk did not meet.
	forgetAtOnce = 5000
)

// Walk fills the table of known numbers by walking through the contacts, companies and leads of the portal. It may be killed anywhere: how far it is stands in
// known_walk, written together with what was read.
type Walk struct {
	DB    *store.DB
	Clock clock.Clock
	Asker Asker
	Log   *slog.Logger
	// EventsURL is where the portal sends events.
	EventsURL string
}

// state is how far the walk of a portal is.
type state struct {
	portal  ids.PortalID
	kind    crm.EntityType
	reach   reach
	started time.Time
	done    *time.Time
}

const stateQuery = `SELECT portal_id, entity, cursor, top, width, started_at, done_at FROM known_walk WHERE account_id = $1`

// none is the top of a kind of which there is nothing.
const none = -1

// Wanted tells whether there is anything for Do to do: the switch acts, or it did and its traces are still there.
func (w *Walk) Wanted(ctx context.Context, tx pgx.Tx, account ids.AccountID) (bool, error) {
	doc, err := settings.Current(ctx, tx, account)
	if err != nil || doc.ManagerPortal() != 0 {
		return err == nil, err
	}
	var there bool
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM known_walk WHERE account_id = $1)`, int64(account)).Scan(&there)
	return there, err
}

// Do walks for a while; more: there is something left. A switch that was turned off ends it before the next request.
func (w *Walk) Do(ctx context.Context, account ids.AccountID) (more bool, err error) {
	for began := time.Now(); time.Since(began) < WalkFor; {
		portal, walks, err := w.load(ctx, account)
		if err != nil {
			return false, err
		}
		var s *state
		for i := range walks {
			if walks[i].portal == portal {
				s = &walks[i]
			} else if err := w.leave(ctx, account, walks[i].portal); err != nil {
				return false, err
			}
		}
		switch {
		case portal == 0, s != nil && s.done != nil && w.Clock.Now().Sub(*s.done) < walkAgain:
			return false, nil
		case s == nil || s.done != nil:
			err = w.begin(ctx, account, portal)
		case s.reach.top == 0:
			err = w.top(ctx, account, *s)
		case s.reach.cursor < s.reach.top:
			err = w.pages(ctx, account, *s)
		default:
			err = w.next(ctx, account, *s)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (w *Walk) load(ctx context.Context, account ids.AccountID) (portal ids.PortalID, walks []state, err error) {
	err = w.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		doc, err := settings.Current(ctx, tx, account)
		if err != nil {
			return err
		}
		portal = doc.ManagerPortal()
		rows, err := tx.Query(ctx, stateQuery, int64(account))
		if err != nil {
			return err
		}
		walks, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (state, error) {
			var s state
			err := row.Scan(&s.portal, &s.kind, &s.reach.cursor, &s.reach.top, &s.reach.width, &s.started, &s.done)
			return s, err
		})
		return err
	})
	if err != nil {
		return 0, nil, fmt.Errorf("read how far the walk of account %d is: %w", account, err)
	}
	return portal, walks, nil
}

// begin listens to the portal's changes, then begins a walk: what changes meanwhile is told.
func (w *Walk) begin(ctx context.Context, account ids.AccountID, portal ids.PortalID) error {
	if err := w.listen(ctx, account, portal, true); err != nil {
		return err
	}
	return w.note(ctx, account, `INSERT INTO known_walk (account_id, portal_id, entity, width, started_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id, portal_id)
		DO UPDATE SET entity = EXCLUDED.entity, cursor = 0, top = 0, width = EXCLUDED.width, started_at = EXCLUDED.started_at, done_at = NULL`,
		int64(account), int64(portal), string(kinds[0]), narrow, w.Clock.Now())
}

// leave forgets a walk whose switch was turned off. The numbers stay: when it is turned on again, a new walk brings them up to date.
func (w *Walk) leave(ctx context.Context, account ids.AccountID, portal ids.PortalID) error {
	var refused *outbox.Failure
	if err := w.listen(ctx, account, portal, false); err != nil && !errors.As(err, &refused) { // a portal that sleeps or refuses tells nothing any more
		return err
	}
	return w.note(ctx, account, `DELETE FROM known_walk WHERE account_id = $1 AND portal_id = $2`, int64(account), int64(portal))
}

// top asks how far a kind goes. What comes later is told by events.
func (w *Walk) top(ctx context.Context, account ids.AccountID, s state) error {
	last := outbox.Question{Kind: "crm." + string(s.kind) + ".list", Params: map[string]any{"select": []string{"ID"}, "order": map[string]any{"ID": "DESC"}, "start": -1}}
	answers, err := w.ask(ctx, account, s.portal, last)
	if err != nil {
		return err
	}
	there, _, err := read(s.kind, answers[0])
	if err != nil {
		return err
	}
	top := int64(none)
	if len(there) > 0 {
		top = there[0]
	}
	return w.note(ctx, account, `UPDATE known_walk SET top = $3 WHERE account_id = $1 AND portal_id = $2 AND top = 0`, int64(account), int64(s.portal), top)
}

// pages reads the next request's worth. The cursor moves only for who found it where it was: a job of a server that only seemed dead may run beside.
func (w *Walk) pages(ctx context.Context, account ids.AccountID, s state) error {
	windows := s.reach.windows()
	questions := make([]outbox.Question, len(windows))
	for i, v := range windows {
		questions[i] = page(s.kind, map[string]any{">ID": v.from, "<=ID": v.to})
	}
	at := w.Clock.Now()
	answers, err := w.ask(ctx, account, s.portal, questions...)
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	found := make([][]int64, len(windows))
	var list []crm.Known
	for i, raw := range answers {
		var numbers []crm.Known
		if found[i], numbers, err = read(s.kind, raw); err != nil {
			return err
		}
		list = append(list, numbers...)
	}
	crm.QueueKnown(batch, account, s.portal, at, list)
	next := s.reach.after(windows, found)
	batch.Queue(`UPDATE known_walk SET cursor = $4, width = $5 WHERE account_id = $1 AND portal_id = $2 AND cursor = $3 AND entity = $6 AND started_at = $7`,
		int64(account), int64(s.portal), s.reach.cursor, next.cursor, next.width, string(s.kind), s.started)
	err = w.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() })
	if err != nil {
		return fmt.Errorf("keep numbers of portal %d: %w", s.portal, err)
	}
	return nil
}

// next forgets what the walk did not meet of a kind, and goes on to the next one.
func (w *Walk) next(ctx context.Context, account ids.AccountID, s state) error {
	var gone int64
	err := w.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		gone, err = crm.ForgetUnseen(ctx, tx, account, s.portal, s.kind, s.started, forgetAtOnce)
		return err
	})
	if err != nil || gone == forgetAtOnce {
		return err
	}
	for i, kind := range kinds[:len(kinds)-1] {
		if kind == s.kind {
			return w.note(ctx, account, `UPDATE known_walk SET entity = $3, cursor = 0, top = 0, width = $4 WHERE account_id = $1 AND portal_id = $2 AND entity = $5`,
				int64(account), int64(s.portal), string(kinds[i+1]), narrow, string(s.kind))
		}
	}
	w.Log.Info("the numbers of a portal's CRM are known", "account", account, "portal", s.portal)
	return w.note(ctx, account, `UPDATE known_walk SET done_at = $3 WHERE account_id = $1 AND portal_id = $2`, int64(account), int64(s.portal), w.Clock.Now())
}

func (w *Walk) ask(ctx context.Context, account ids.AccountID, portal ids.PortalID, questions ...outbox.Question) ([]json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, pagesFor)
	defer cancel()
	answers, err := w.Asker.AskAll(ctx, account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: portal}, outbox.Background, questions...)
	if err != nil {
		return nil, fmt.Errorf("walk through portal %d: %w", portal, err)
	}
	return answers, nil
}

func (w *Walk) note(ctx context.Context, account ids.AccountID, statement string, args ...any) error {
	err := w.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, statement, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("note how far a walk of account %d is: %w", account, err)
	}
	return nil
}
