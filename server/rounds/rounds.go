// Package rounds makes periodic procedures of portals due by the business clock, each time on one server of the cluster.
package rounds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/store"
)

// ErrLater is what Start answers when the round cannot begin now (one like it is still under way): it stays due.
var ErrLater = errors.New("not now")

const (
	// lookEvery is how often is looked for what is due, physical time.
	lookEvery = 15 * time.Second
	// most bounds one look; what is left comes with the next.
	most = 500
	// UnwantedFor is how long a round that the settings do not ask for is not looked at again, so that the many who want none keep nobody waiting.
	UnwantedFor = 10 * time.Minute
)

// Round is a procedure that comes again for each active portal.
type Round struct {
	Name  string
	Every time.Duration
	// AtOnce: a portal's first time is now; otherwise it is one interval after it was first seen.
	AtOnce bool
	// Wanted tells whether the settings ask for it. One that is not wanted stays due, and is looked at again after UnwantedFor or after SettingsSaved.
	Wanted func(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID) (bool, error)
	// Start begins it, as a rule by queueing a job, in the transaction that notes that it was started.
	Start func(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID) error
}

// Options are the parts of Rounds.
type Options struct {
	DB     *store.DB
	Clock  clock.Clock
	Log    *slog.Logger
	Rounds []Round
}

// Rounds starts what is due.
type Rounds struct{ Options }

// New makes it; Run starts it.
func New(o Options) *Rounds { return &Rounds{o} }

// Run looks every quarter of a minute until ctx ends.
func (r *Rounds) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := r.Look(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "rounds not made, the next look tries again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Look starts everything that is due now. One portal's trouble keeps nobody else waiting.
func (r *Rounds) Look(ctx context.Context) error {
	var all []error
	for _, round := range r.Rounds {
		due, err := r.due(ctx, round)
		all = append(all, err)
		for _, at := range due {
			if err := r.begin(ctx, round, at); err != nil && !errors.Is(err, ErrLater) {
				all = append(all, fmt.Errorf("round %s of portal %d: %w", round.Name, at.portal, err))
			}
		}
	}
	return errors.Join(all...)
}

type subject struct {
	account ids.AccountID
	portal  ids.PortalID
	known   bool
}

func (r *Rounds) due(ctx context.Context, round Round) ([]subject, error) {
	var list []subject
	err := r.DB.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT p.account_id, p.id, r.done_at IS NOT NULL FROM portal p LEFT JOIN round r ON r.account_id = p.account_id AND r.portal_id = p.id AND r.name = $1
			WHERE p.state = 'active' AND (r.done_at IS NULL OR r.done_at <= $2) AND (r.unwanted_until IS NULL OR r.unwanted_until <= $4) ORDER BY r.done_at NULLS FIRST LIMIT $3`,
			round.Name, r.Clock.Now().Add(-round.Every), most, r.Clock.Now())
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (subject, error) {
			var s subject
			err := row.Scan(&s.account, &s.portal, &s.known)
			return s, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for due rounds %s: %w", round.Name, err)
	}
	return list, nil
}

// begin moves the portal's time forward and starts the round in one transaction; a server that comes second finds the time moved.
func (r *Rounds) begin(ctx context.Context, round Round, at subject) error {
	now := r.Clock.Now()
	return r.DB.InAccount(ctx, at.account, func(ctx context.Context, tx pgx.Tx) error {
		if !at.known && !round.AtOnce {
			_, err := tx.Exec(ctx, `INSERT INTO round (account_id, portal_id, name, done_at) VALUES ($1, $2, $3, $4) ON CONFLICT (account_id, portal_id, name) DO NOTHING`,
				int64(at.account), int64(at.portal), round.Name, now)
			return err
		}
		wanted, err := round.Wanted(ctx, tx, at.account, at.portal)
		if err != nil {
			return err
		}
		if !wanted {
			_, err := tx.Exec(ctx, `INSERT INTO round (account_id, portal_id, name, done_at, unwanted_until) VALUES ($1, $2, $3, '-infinity', $4)
				ON CONFLICT (account_id, portal_id, name) DO UPDATE SET unwanted_until = EXCLUDED.unwanted_until`, int64(at.account), int64(at.portal), round.Name, now.Add(UnwantedFor))
			return err
		}
		tag, err := tx.Exec(ctx, `INSERT INTO round (account_id, portal_id, name, done_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (account_id, portal_id, name) DO UPDATE SET done_at = EXCLUDED.done_at, unwanted_until = NULL WHERE round.done_at <= $5`,
			int64(at.account), int64(at.portal), round.Name, now, now.Add(-round.Every))
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return round.Start(ctx, tx, at.account, at.portal)
	})
}

// SettingsSaved lets the rounds that an account's settings did not ask for be looked at again: now they may.
func SettingsSaved(ctx context.Context, tx pgx.Tx, account ids.AccountID) error {
	if _, err := tx.Exec(ctx, `UPDATE round SET unwanted_until = NULL WHERE account_id = $1 AND unwanted_until IS NOT NULL`, int64(account)); err != nil {
		return fmt.Errorf("look at the rounds of account %d again: %w", account, err)
	}
	return nil
}

// MakeDue lets a round of all portals of an account begin at the next look, however long ago it was made: something it reads has just changed.
func MakeDue(ctx context.Context, tx pgx.Tx, account ids.AccountID, name string) error {
	_, err := tx.Exec(ctx, `INSERT INTO round (account_id, portal_id, name, done_at) SELECT account_id, id, $2, '-infinity' FROM portal WHERE account_id = $1
		ON CONFLICT (account_id, portal_id, name) DO UPDATE SET done_at = EXCLUDED.done_at, unwanted_until = NULL`, int64(account), name)
	if err != nil {
		return fmt.Errorf("make the round %s of account %d due: %w", name, account, err)
	}
	return nil
}
