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
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"omni/server/ids"
)

// ErrUnitEnds is what GORM gets when it tries to end a Unit's transaction: the function that began it ends it.
var ErrUnitEnds = errors.New("the unit ends its own transaction")

// Unit is one transaction seen through GORM and through pgx at once (River's InsertTx takes Tx). Use them in turn, never while rows of the other
// are open. A nested ORM.Transaction becomes a savepoint.
type Unit struct {
	Tx  pgx.Tx
	ORM *gorm.DB
}

// InAccountORM is InAccount with GORM on the same transaction.
func (db *DB) InAccountORM(ctx context.Context, account ids.AccountID, fn func(ctx context.Context, unit *Unit) error) error {
	return db.transactORM(ctx, strconv.FormatInt(int64(account), 10), fn)
}

// AsSystemORM is AsSystem with GORM on the same transaction.
func (db *DB) AsSystemORM(ctx context.Context, fn func(ctx context.Context, unit *Unit) error) error {
	return db.transactORM(ctx, everyAccount, fn)
}

func (db *DB) transactORM(ctx context.Context, setting string, fn func(context.Context, *Unit) error) error {
	if scopeOf(ctx).inside {
		return ErrInTransaction
	}
	begin := context.WithValue(ctx, scopeKey{}, scope{begins: true})
	conn, err := db.sql.Conn(begin)
	if err != nil {
		return fmt.Errorf("take a connection: %w", err)
	}
	defer func() { _ = conn.Close() }() // gives it back to the pool, which drops it should a transaction still be open

	var tx pgx.Tx
	err = conn.Raw(func(driver any) error {
		var err error
		tx, err = driver.(*stdlib.Conn).Conn().BeginTx(begin, beginAs(setting))
		return err
	})
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	ctx = inside(ctx, setting)
	orm := db.orm.Session(&gorm.Session{NewDB: true, Context: ctx})
	orm.Statement.ConnPool = &unitConn{Conn: conn}
	return finish(ctx, tx, func() error { return fn(ctx, &Unit{Tx: tx, ORM: orm}) })
}

// unitConn is the connection of a Unit as GORM sees it. Its two methods tell GORM that a transaction already runs, so that a nested one becomes a
// savepoint; without them a nested one would commit the outer one.
type unitConn struct{ *sql.Conn }

// BeginTx hides the method of the embedded connection: a second real transaction is refused.
func (c *unitConn) BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error) {
	return nil, ErrUnitEnds
}

// Commit implements gorm.TxCommitter.
func (c *unitConn) Commit() error { return ErrUnitEnds }

// Rollback implements gorm.TxCommitter.
func (c *unitConn) Rollback() error { return ErrUnitEnds }

// openORM makes the GORM all units are derived from, so that it parses each model once. It keeps no statements of its own: pgx caches them already.
func openORM(conn *sql.DB, log *slog.Logger) (*gorm.DB, error) {
	orm, err := gorm.Open(postgres.New(postgres.Config{Conn: conn}), &gorm.Config{
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		PrepareStmt:            false,
		Logger:                 &ormLog{log: log},
		NowFunc:                func() time.Time { return time.Now().UTC() },
	})
	if err != nil {
		return nil, fmt.Errorf("open GORM: %w", err)
	}
	return orm, nil
}

// ormLog writes GORM's statements to slog at debug level, always without their values. Errors are the caller's to report.
type ormLog struct{ log *slog.Logger }

// LogMode implements logger.Interface; the level is slog's.
func (l *ormLog) LogMode(logger.LogLevel) logger.Interface { return l }

// Info implements logger.Interface.
func (l *ormLog) Info(ctx context.Context, message string, _ ...any) {
	l.log.DebugContext(ctx, message)
}

// Warn implements logger.Interface.
func (l *ormLog) Warn(ctx context.Context, message string, _ ...any) {
	l.log.DebugContext(ctx, message)
}

// Error implements logger.Interface.
func (l *ormLog) Error(ctx context.Context, message string, _ ...any) {
	l.log.DebugContext(ctx, message)
}

// Trace implements logger.Interface.
func (l *ormLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), err error) {
	if !l.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	text, rows := statement()
	l.log.DebugContext(ctx, "database statement", "sql", text, "rows", rows, "took", time.Since(begin), "failed", err != nil)
}

// ParamsFilter keeps values out of the logged statement (gorm.ParamsFilter).
func (l *ormLog) ParamsFilter(_ context.Context, statement string, _ ...any) (string, []any) {
	return statement, nil
}
