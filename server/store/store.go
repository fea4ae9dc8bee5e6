// Package store gives every room its database: one pool, transactions that are bound to one account, hints between servers, and a private PostgreSQL when none is configured.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"omni/server/ids"
)

// everyAccount is the value of omni.account under which the row policies show all accounts.
const everyAccount = "*"

// DefaultMaxConns is the size of the pool when Options leave it open.
const DefaultMaxConns = 16

// ErrInTransaction is returned when a connection is asked of the pool with the context of a running transaction. One goroutine that holds a
// connection and waits for a second one is how a pool locks itself up under load, so it is refused at once.
var ErrInTransaction = errors.New("a transaction is already running in this context: use its tx, not the pool")

// Options are the adjustable parts of a DB. The zero value is good.
type Options struct {
	// Log receives reconnects of listeners and, at debug level, GORM's statements without their values. Nil: nothing is logged.
	Log *slog.Logger
	// MaxConns bounds the pool; 0: DefaultMaxConns.
	MaxConns int
	// Name is shown in pg_stat_activity; empty: "omni".
	Name string
}

// DB is one PostgreSQL database, reached by one pool.
type DB struct {
	pool *pgxpool.Pool
	sql  *sql.DB
	orm  *gorm.DB
	log  *slog.Logger
}

// Open connects to the database of a postgres:// address and checks that it answers. Errors never contain the address, which may hold a password.
func Open(ctx context.Context, url string, options Options) (*DB, error) {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.MaxConns == 0 {
		options.MaxConns = DefaultMaxConns
	}
	if options.Name == "" {
		options.Name = "omni"
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// pgx repeats the address (password struck out) in its error; which part is wrong is enough here.
		return nil, errors.New("the database address is not understood: expected postgres://user:password@host:port/database")
	}
	config.MaxConns = int32(options.MaxConns)
	config.PrepareConn = prepare
	sessionDefaults(config.ConnConfig, options.Name)

	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("make the database pool: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	db := &DB{pool: pool, sql: stdlib.OpenDBFromPool(pool), log: options.Log}
	if db.orm, err = openORM(db.sql, options.Log); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// Close gives back all connections; it waits for those in use.
func (db *DB) Close() {
	_ = db.sql.Close()
	db.pool.Close()
}

// Pool is the bare pool. Its connections see the account of their context (WithAccount, WithSystem), without one no rows at all.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// sessionDefaults makes a lost host let go of its locks: the server ends a transaction that stays idle, and notices a dead peer.
func sessionDefaults(config *pgx.ConnConfig, name string) {
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	defaults := map[string]string{
		"application_name":                    name,
		"idle_in_transaction_session_timeout": "5s",
		"tcp_keepalives_idle":                 "10",
		"tcp_keepalives_interval":             "5",
		"tcp_keepalives_count":                "3",
	}
	for setting, value := range defaults {
		if _, given := config.RuntimeParams[setting]; !given {
			config.RuntimeParams[setting] = value
		}
	}
}

// scope is what a context says about the account its statements are for.
type scope struct {
	setting string // value of omni.account: an id, "*" or ""
	begins  bool   // the connection is taken to begin a transaction, which sets the account by itself
	inside  bool   // a transaction runs in this context
}

type scopeKey struct{}

func scopeOf(ctx context.Context) scope {
	s, _ := ctx.Value(scopeKey{}).(scope)
	return s
}

// WithAccount lets single statements on Pool see the rows of one account.
func WithAccount(ctx context.Context, account ids.AccountID) context.Context {
	return context.WithValue(ctx, scopeKey{}, scope{setting: strconv.FormatInt(int64(account), 10)})
}

// WithSystem lets single statements on Pool see the rows of all accounts. Only sweeps, lanes and retention do that.
func WithSystem(ctx context.Context) context.Context {
	return context.WithValue(ctx, scopeKey{}, scope{setting: everyAccount})
}

// prepare binds a connection to the account of the context before it leaves the pool. It is set every time, also to nothing, because the
// connection still remembers its last user.
func prepare(ctx context.Context, conn *pgx.Conn) (bool, error) {
	s := scopeOf(ctx)
	switch {
	case s.inside:
		return true, ErrInTransaction
	case s.begins:
		return true, nil
	}
	// The setting is digits, "*" or nothing, never text from outside.
	if _, err := conn.Exec(ctx, "set omni.account = '"+s.setting+"'"); err != nil {
		return false, fmt.Errorf("bind the connection to its account: %w", err)
	}
	return true, nil
}
