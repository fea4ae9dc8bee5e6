package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"omni/migrations"
	"omni/server/jobs"
	"omni/server/store"
)

// stand is what the measurements share: a private PostgreSQL of default durability, seen through the product's store and through bare pgx.
type stand struct {
	folder  string
	url     string
	private *store.Private
	db      *store.DB
	// bare passes row level security (omni.account is *): the wall is part of the product's cost.
	bare *pgxpool.Pool
	// yard is where the yardstick works: bare's tables or, beside old rows, empty copies of them.
	yard *pgxpool.Pool
	// old is what was put into the tables before the measurement.
	old  *aged
	size size
	key  []byte // the product's secret key
	log  *slog.Logger
	// only is the one measurement that is wanted; empty: all.
	only string
	// long: also what takes minutes.
	long bool
}

// size is how much is measured; figures of a quick run only prove that the programme works.
type size struct {
	each     time.Duration // each measurement of a rate
	queued   int64         // messages that stand ready before steps are counted
	sockets  int
	rounds   int // frames fanned out to all sockets
	live     time.Duration
	pages    int           // open sockets while the way to a socket is measured
	crowd    time.Duration // how long a thousand accounts write
	rate     float64       // messages a second while the way to a socket is measured
	commands int
	quick    bool
}

func sizeOf(quick bool) size {
	if quick {
		return size{quick: true, each: 200 * time.Millisecond, queued: 500, sockets: 50, rounds: 5, live: time.Second, rate: 50, commands: 400, pages: accounts, crowd: 2 * time.Second}
	}
	return size{each: 4 * time.Second, queued: 5000, sockets: 5000, rounds: 40, live: 5 * time.Second, rate: 500, commands: 10_000, pages: 1000, crowd: time.Minute}
}

// forMonths is a size for measuring everything twice.
func (z size) forMonths() size {
	z.each, z.queued, z.live = min(z.each, 1500*time.Millisecond), min(z.queued, 3000), min(z.live, 4*time.Second)
	return z
}

// newStand starts the database in a folder of its own and brings it up to date.
func newStand(ctx context.Context, size size) (*stand, error) {
	folder, err := os.MkdirTemp("", "omni-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	s := &stand{folder: folder, size: size, log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stand) open(ctx context.Context) error {
	// PostgreSQL refuses root and runs as another user then, who must be able to walk the path.
	if err := os.Chmod(s.folder, 0o755); err != nil { //nolint:gosec // the cluster's own folder below is closed
		return fmt.Errorf("open the folder: %w", err)
	}
	var err error
	if s.private, s.url, err = store.StartPrivate(ctx, store.PrivateOptions{DataDir: s.folder, OpenPlace: filepath.Join(s.folder, "open"), Log: s.log}); err != nil {
		return err
	}
	if err := migrations.Up(ctx, s.url, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	if s.db, err = store.Open(ctx, s.url, store.Options{MaxConns: workers + 4, Name: "bench"}); err != nil {
		return err
	}
	if err := jobs.Migrate(ctx, s.db.Pool()); err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(s.url)
	if err != nil {
		return errors.New("the address of the database cannot be read")
	}
	config.MaxConns = workers + 4
	config.ConnConfig.RuntimeParams["omni.account"] = "*"
	if s.bare, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return fmt.Errorf("open the yardstick's pool: %w", err)
	}
	s.yard = s.bare
	s.key = make([]byte, 32)
	if _, err := rand.Read(s.key); err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	return s.prepare(ctx)
}

// accounts is over how many accounts load is spread.
const accounts = 200

// first is the number of the first of them: the product itself counts from 1.
const first = 1_000_000

// prepare makes the accounts, their lanes, and a table of state such as every engine has.
func (s *stand) prepare(ctx context.Context) error {
	for _, statement := range []string{
		fmt.Sprintf(`insert into account (id, name, created_at) overriding system value select %d + n, 'Account ' || n, now() from generate_series(0, %d) n`, first, accounts-1),
		`create table bench_state (account_id bigint, id bigint, count bigint not null, data jsonb not null, primary key (account_id, id))`,
		`select omni_tenant('bench_state')`,
	} {
		if _, err := s.bare.Exec(ctx, statement); err != nil {
			return fmt.Errorf("prepare the database: %w", err)
		}
	}
	return nil
}

// empty makes room for the next measurement; old rows stay.
func (s *stand) empty(ctx context.Context) error {
	if s.old != nil {
		return s.rejuvenate(ctx)
	}
	for _, pool := range []*pgxpool.Pool{s.bare, s.yard} {
		if _, err := pool.Exec(ctx, "truncate inbox, feed, feed_head, reason, command, bench_state, chat, message, client, client_alias, visitor"); err != nil {
			return fmt.Errorf("empty the tables: %w", err)
		}
	}
	return nil
}

func (s *stand) close() error {
	if s.yard != nil && s.yard != s.bare {
		s.yard.Close()
	}
	if s.bare != nil {
		s.bare.Close()
	}
	if s.db != nil {
		s.db.Close()
	}
	var err error
	if s.private != nil {
		err = s.private.Stop()
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}
