// Package migrations holds the database schema as forward-only steps and applies the ones a database lacks.
package migrations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed *.sql
var files embed.FS

// lockTries is for how many seconds a server waits while another one migrates.
const lockTries = 15 * 60

// Up applies the missing steps to the database at url, one server at a time; the others wait. A database that lacks none is only read, so the role
// of a server needs no right to change the schema when `omni migrate` is run by another role.
func Up(ctx context.Context, url string, log *slog.Logger) error {
	db, err := open(url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	provider, err := steps(db)
	if err != nil {
		return err
	}
	missing, err := pending(ctx, db, provider)
	if err != nil || !missing {
		return err
	}
	results, err := provider.Up(ctx)
	for _, result := range results {
		log.InfoContext(ctx, "database migrated", "step", result.Source.Path, "took", result.Duration)
	}
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// Pending tells whether the database at url lacks steps of this program. It changes nothing.
func Pending(ctx context.Context, url string) (bool, error) {
	db, err := open(url)
	if err != nil {
		return false, err
	}
	defer func() { _ = db.Close() }()
	provider, err := steps(db)
	if err != nil {
		return false, err
	}
	return pending(ctx, db, provider)
}

func steps(db *sql.DB) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, lockTries))
	if err != nil {
		return nil, fmt.Errorf("prepare the migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}

// pending looks for the version table itself first: the provider would make it, and two servers that do so at once disturb each other.
func pending(ctx context.Context, db *sql.DB, provider *goose.Provider) (bool, error) {
	var fresh bool
	if err := db.QueryRowContext(ctx, "select to_regclass($1) is null", goose.DefaultTablename).Scan(&fresh); err != nil {
		return false, fmt.Errorf("look for the version of the database: %w", err)
	}
	if fresh {
		return true, nil
	}
	missing, err := provider.HasPending(ctx)
	if err != nil {
		return false, fmt.Errorf("read the version of the database: %w", err)
	}
	return missing, nil
}

// Hash names the schema: it changes with every change of a step. Tests make their template databases by it.
func Hash() (string, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return "", fmt.Errorf("list the migrations: %w", err)
	}
	sum := sha256.New()
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("read migration %s: %w", name, err)
		}
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

// open connects for migrations: steps that move data see the rows of all accounts.
func open(url string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database address is not understood: expected postgres://user:password@host:port/database")
	}
	config.RuntimeParams["omni.account"] = "*"
	config.RuntimeParams["application_name"] = "omni migrate"
	return stdlib.OpenDB(*config), nil
}
