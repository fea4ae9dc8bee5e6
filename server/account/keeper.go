package account

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/store"
)

const (
	// keepAfter is how long a portal may be idle before its token is refreshed; a refresh token lives 180 days (auto-renewal page), and an app that
	// refreshes often is blocked. keepSpread shakes it, so that portals of one day do not come at once.
	keepAfter  = 150 * 24 * time.Hour
	keepSpread = 14 * 24 * time.Hour
	keepEvery  = time.Hour
	eraseEvery = 5 * time.Second
	wakeEvery  = time.Minute
	keepBatch  = 20
)

// Keeper does what nobody waits for: it refreshes the tokens of idle portals before they end and erases what uninstalled portals leave.
type Keeper struct{ accounts *Accounts }

// NewKeeper makes the keeper.
func NewKeeper(a *Accounts) *Keeper { return &Keeper{accounts: a} }

// Run works until the context is over.
func (k *Keeper) Run(ctx context.Context) error {
	next, wake := time.Duration(0), wakeEvery
	for {
		if next <= 0 {
			k.note(ctx, "keeping idle tokens alive failed", k.KeepAlive(ctx))
			k.note(ctx, "dropping ended proofs and consents failed", k.Forget(ctx))
			next = keepEvery + rand.N(keepEvery/4)
		}
		k.note(ctx, "erasing an uninstalled portal failed", k.Erase(ctx))
		k.note(ctx, "looking after lanes failed", k.Agree(ctx, wake <= 0))
		if wake <= 0 {
			wake = wakeEvery
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(eraseEvery):
			next -= eraseEvery
			wake -= eraseEvery
		}
	}
}

func (k *Keeper) note(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		k.accounts.log.WarnContext(ctx, what+", the next round tries again", "error", err)
	}
}

// KeepAlive refreshes the working token of portals that have been idle long enough. Every server may run it: the refresh itself happens once.
func (k *Keeper) KeepAlive(ctx context.Context) error {
	refs, err := k.walk(ctx, `SELECT account_id, id FROM portal WHERE state IN ('installing', 'active')
		AND idle_since + make_interval(secs => $2 + (id * 7919 % 1000) / 1000.0 * $3) < $1 ORDER BY idle_since LIMIT $4`,
		k.accounts.clock.Now(), keepAfter.Seconds(), keepSpread.Seconds(), keepBatch)
	if err != nil {
		return err
	}
	var failures []error
	for _, ref := range refs {
		access, err := k.accounts.Working(ctx, ref)
		if err == nil {
			_, err = k.accounts.Refresh(ctx, ref, access.Pair.Access)
		}
		if err != nil && !errors.Is(err, ErrNoToken) && !errors.Is(err, ErrNoPortal) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// Forget drops proofs and consents whose time is over.
func (k *Keeper) Forget(ctx context.Context) error {
	err := k.accounts.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		for _, statement := range []string{`DELETE FROM portal_proof WHERE expires_at < clock_timestamp()`, `DELETE FROM portal_consent WHERE expires_at < clock_timestamp()`} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("drop ended proofs and consents: %w", err)
	}
	return nil
}

// Erase deletes what is left of portals that were uninstalled with clean-up: the whole account, or the portal alone when the account has another one.
func (k *Keeper) Erase(ctx context.Context) error {
	refs, err := k.walk(ctx, `SELECT account_id, id FROM portal WHERE erase ORDER BY changed_at LIMIT $1`, keepBatch)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if err := k.accounts.erase(ctx, ref); err != nil {
			return fmt.Errorf("erase portal %d: %w", ref.Portal, err)
		}
	}
	return nil
}

// Agree tells once more of portals whose lane does not go with their state: a change is told after its commit, and a server that dies in between tells
// nobody. Commands of a removed portal end, also those that an engine decided on before it knew; the lane of a portal that works wakes when sleepers are
// looked at, too.
func (k *Keeper) Agree(ctx context.Context, sleepers bool) error {
	refs, err := k.walk(ctx, `SELECT p.account_id, p.id FROM portal p JOIN lane l ON l.account_id = p.account_id AND l.portal_id = p.id
		WHERE p.state = 'uninstalled' AND (
			EXISTS (SELECT 1 FROM command c WHERE c.account_id = l.account_id AND c.lane_id = l.id AND c.state IN ('ready', 'sent', 'unclear') AND NOT c.independent)
			OR EXISTS (SELECT 1 FROM command c WHERE c.account_id = l.account_id AND c.lane_id = l.id AND c.state = 'ready' AND c.independent)
			OR EXISTS (SELECT 1 FROM command c WHERE c.account_id = l.account_id AND c.lane_id = l.id AND c.state IN ('sent', 'unclear')))
		OR $2 AND p.state IN ('installing', 'active') AND l.asleep IS NOT NULL LIMIT $1`, keepBatch, sleepers)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		p, err := k.accounts.Get(ctx, ref)
		if errors.Is(err, ErrNoPortal) {
			continue
		}
		if err != nil {
			return err
		}
		k.accounts.changed(p)
	}
	return nil
}

func (k *Keeper) walk(ctx context.Context, query string, args ...any) ([]Ref, error) {
	var refs []Ref
	err := k.accounts.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		refs, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Ref])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for portals to care for: %w", err)
	}
	return refs, nil
}

// erase deletes in one transaction, so that a killed server leaves all or nothing.
func (a *Accounts) erase(ctx context.Context, ref Ref) error {
	return a.db.InAccountORM(ctx, ref.Account, func(ctx context.Context, u *store.Unit) error {
		var others bool
		err := u.Tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM portal WHERE account_id = $1 AND id <> $2 AND NOT erase)`, int64(ref.Account), int64(ref.Portal)).Scan(&others)
		if err != nil {
			return err
		}
		if others {
			return erasePortal(ctx, u.Tx, ref)
		}
		return eraseAccount(ctx, u.Tx, ref)
	})
}

// erasePortal deletes one portal of several: what hangs on its row, its lane with the commands in it, and the numbers its CRM knew. Chats are the account's and stay.
func erasePortal(ctx context.Context, tx pgx.Tx, ref Ref) error {
	for _, statement := range []string{
		`DELETE FROM lane WHERE account_id = $1 AND portal_id = $2`,
		`DELETE FROM exchange WHERE account_id = $1 AND portal_id = $2`,
		`DELETE FROM known_number WHERE account_id = $1 AND portal_id = $2`,
		`DELETE FROM portal WHERE account_id = $1 AND id = $2`,
	} {
		if _, err := tx.Exec(ctx, statement, int64(ref.Account), int64(ref.Portal)); err != nil {
			return err
		}
	}
	return nil
}

// eraseAccount deletes the rows of an account from every table that has any. Tables whose rows others still refer to come again in the next round.
func eraseAccount(ctx context.Context, tx pgx.Tx, ref Ref) error {
	rows, err := tx.Query(ctx, `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id' AND NOT a.attisdropped
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for len(tables) > 0 {
		var left []string
		var last error
		for _, table := range tables {
			inner, err := tx.Begin(ctx)
			if err != nil {
				return err
			}
			// Savepoint per table; the names come from the catalogue, quoted by it.
			if _, err := inner.Exec(ctx, `DELETE FROM `+table+` WHERE account_id = $1`, int64(ref.Account)); err != nil {
				left, last = append(left, table), err
				if err := inner.Rollback(ctx); err != nil {
					return err
				}
				continue
			}
			if err := inner.Commit(ctx); err != nil {
				return err
			}
		}
		if len(left) == len(tables) {
			return fmt.Errorf("the tables %v keep rows: %w", left, last)
		}
		tables = left
	}
	_, err = tx.Exec(ctx, `DELETE FROM account WHERE id = $1`, int64(ref.Account))
	return err
}
