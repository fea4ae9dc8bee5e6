// Package days keeps the tables that are split by day: it makes the partitions of the coming days and drops whole those that are over.
//
// Servers need not agree on anything: what is there already is not made again, and one server at a time works. A row for whose day nobody made a
// partition goes into the table's default partition and is moved or deleted from there.
package days

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/clock"
	"omni/server/store"
)

const (
	// Ahead is how many days are made ahead: for so long every server may be down, or of an older version.
	Ahead = 3
	// roundEvery is the pause between rounds; a day that begins, and a day that could not be made or dropped, do not wait for it.
	roundEvery = 10 * time.Minute
	lookEvery  = 500 * time.Millisecond
	// lockPatience bounds how long making and dropping stand in the way of others; after that they let them pass and try again.
	lockPatience = 200 * time.Millisecond
	lockTries    = 20
)

// Table is a table of days.
type Table struct {
	Name string
	// Keep is for how long rows are kept at least; a partition goes when its last moment is that old.
	Keep time.Duration
}

// Keeper keeps tables of days.
type Keeper struct {
	db     *store.DB
	clock  clock.Clock
	log    *slog.Logger
	tables []Table
}

// New makes a keeper; Run starts it.
func New(db *store.DB, clk clock.Clock, log *slog.Logger, tables ...Table) *Keeper {
	return &Keeper{db: db, clock: clk, log: log, tables: tables}
}

// Run keeps the tables until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var next time.Time // physical
	var day string
	for {
		if today := name(k.clock.Now()); today != day || time.Now().After(next) {
			day, next = today, time.Now().Add(roundEvery)
			if err := k.Round(ctx); err != nil && ctx.Err() == nil {
				k.log.WarnContext(ctx, "tables of days not kept, tried again", "error", err)
				next = time.Now().Add(10 * time.Second)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Round does what is due once. What fails for one table does not keep the others waiting.
func (k *Keeper) Round(ctx context.Context) error {
	now := k.clock.Now()
	var first error
	for _, t := range k.tables {
		if err := k.keep(ctx, t, now); err != nil && first == nil {
			first = fmt.Errorf("keep the days of %s: %w", t.Name, err)
		}
	}
	return first
}

func (k *Keeper) keep(ctx context.Context, t Table, now time.Time) error {
	have, err := k.partitions(ctx, t)
	if err != nil {
		return err
	}
	plan := plan(t, have, now)
	for _, day := range plan.make {
		if err := k.patiently(ctx, t, `SELECT omni_day_make($1::text::regclass, $2::date)`, t.Name, day); err != nil {
			return fmt.Errorf("make day %s: %w", day, err)
		}
	}
	for _, part := range plan.drop {
		if err := k.patiently(ctx, t, `SELECT omni_day_drop(to_regclass($1)) WHERE to_regclass($1) IS NOT NULL`, part); err != nil {
			return fmt.Errorf("drop %s: %w", part, err)
		}
		k.log.InfoContext(ctx, "a day is over", "partition", part)
	}
	return k.pruneDefault(ctx, t, now.Add(-t.Keep))
}

// partitions lists the partitions of a table.
func (k *Keeper) partitions(ctx context.Context, t Table) ([]string, error) {
	var list []string
	err := k.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::text::regclass ORDER BY 1`, t.Name)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list partitions: %w", err)
	}
	return list, nil
}

// patiently runs one change of the table. It waits for locks only a moment, because everybody else queues behind a waiting change, and tries again.
// One server at a time: who finds another at it leaves it to that one.
func (k *Keeper) patiently(ctx context.Context, t Table, sql string, args ...any) error {
	var err error
	for try := range lockTries {
		err = k.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
			var mine bool
			if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended('days:' || $1, 0)), set_config('lock_timeout', $2, true)`,
				t.Name, fmt.Sprintf("%dms", lockPatience.Milliseconds())).Scan(&mine, new(string)); err != nil || !mine {
				return err
			}
			_, err := tx.Exec(ctx, sql, args...)
			return err
		})
		if !store.LockTimeout(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try+1) * 50 * time.Millisecond):
		}
	}
	return err
}

// pruneDefault deletes what is old in the default partition, which no day takes along. It is empty as a rule.
func (k *Keeper) pruneDefault(ctx context.Context, t Table, before time.Time) error {
	part := t.Name + "_default"
	quoted := pgx.Identifier{part}.Sanitize()
	_, err := k.db.Prune(ctx, part, `DELETE FROM `+quoted+` WHERE ctid = ANY(ARRAY(SELECT ctid FROM `+quoted+` WHERE created_at < $2 ORDER BY created_at LIMIT $1))`, before)
	return err
}

// planned is what a round does to a table.
type planned struct{ make, drop []string }

// plan decides by the names of the partitions there are: {table}_20261130 holds that day, {table}_before_20261130 everything before it.
func plan(t Table, have []string, now time.Time) planned {
	var p planned
	there := map[string]bool{}
	covered := time.Time{} // everything before this has its partition
	for _, part := range have {
		rest := strings.TrimPrefix(part, t.Name+"_")
		there[rest] = true
		end, ok := endOf(rest)
		if ok && !end.After(now.Add(-t.Keep)) {
			p.drop = append(p.drop, part)
		}
		if ok && strings.HasPrefix(rest, "before_") && end.After(covered) {
			covered = end
		}
	}
	for n := range Ahead + 1 {
		day := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, n)
		if !there[name(day)] && !day.Before(covered) {
			p.make = append(p.make, day.Format(time.DateOnly))
		}
	}
	return p
}

// endOf is the first moment that a partition does not hold.
func endOf(rest string) (time.Time, bool) {
	text, before := strings.CutPrefix(rest, "before_")
	day, err := time.ParseInLocation("20060102", text, time.UTC)
	if err != nil {
		return time.Time{}, false
	}
	if before {
		return day, true
	}
	return day.AddDate(0, 0, 1), true
}

func name(day time.Time) string { return day.UTC().Format("20060102") }
