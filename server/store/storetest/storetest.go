// Package storetest gives each test a PostgreSQL database of its own, made from a migrated template in about 35 ms.
//
// The cluster is the one of OMNI_TEST_DATABASE_URL (`make test` starts one), else a throw-away cluster that the test processes of this user share.
// Tests connect as a role that is no superuser, so that row level security bites as it does in production.
package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"omni/migrations"
	"omni/server/store"
	"omni/server/store/cluster"
)

const (
	role     = "omni"
	maxConns = 8
	// patience bounds everything a test asks of the cluster.
	patience = 90 * time.Second
)

// New makes a migrated database for this test and opens it. Both go away with the test.
func New(t testing.TB) *store.DB {
	t.Helper()
	return Open(t, URL(t))
}

// Open opens a database made by URL, once for every server the test plays.
func Open(t testing.TB, databaseURL string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), databaseURL, store.Options{MaxConns: maxConns, Name: "test"})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

// URL makes a migrated database for this test and tells its address; it is dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	made, err := prepared()
	require.NoError(t, err)
	return made.copy(t, made.name)
}

// Empty makes a database without any tables and tells its address.
func Empty(t testing.TB) string {
	t.Helper()
	made, err := prepared()
	require.NoError(t, err)
	return made.copy(t, "template0")
}

func (c *template) copy(t testing.TB, source string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	name := "t_" + rand.Text()
	require.NoError(t, c.admin(ctx, "create database "+quote(name)+" owner "+role+" template "+quote(source)))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, c.admin(ctx, "drop database "+quote(name)+" with (force)"))
	})
	return c.address(role, name)
}

// prepared finds the cluster and makes the template once per test process; a test binary has no other place for that.
var prepared = sync.OnceValues(func() (*template, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return prepare(ctx)
})

// template is a migrated database that others are copied from.
type template struct {
	cluster *url.URL // the superuser's address
	name    string
}

func prepare(ctx context.Context) (*template, error) {
	address := os.Getenv("OMNI_TEST_DATABASE_URL")
	if address == "" {
		socket, err := cluster.Shared(ctx, slog.New(slog.DiscardHandler))
		if err != nil {
			return nil, err
		}
		address = cluster.URL(socket, cluster.Superuser, "postgres")
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("OMNI_TEST_DATABASE_URL is not an address")
	}
	hash, err := migrations.Hash()
	if err != nil {
		return nil, err
	}
	made := &template{cluster: parsed, name: "template_" + hash}
	return made, made.make(ctx)
}

// make builds the template under a lock that all test processes respect; it gets its name when it is complete.
func (c *template) make(ctx context.Context) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "select pg_advisory_lock(hashtext('omni storetest'))"); err != nil {
		return fmt.Errorf("wait for other test processes: %w", err)
	}
	var ready bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", c.name).Scan(&ready); err != nil || ready {
		return err
	}
	if _, err := conn.Exec(ctx, "create role "+role+" login"); err != nil && !isDuplicate(err) {
		return fmt.Errorf("create the tests' role: %w", err)
	}
	draft := c.name + "_draft"
	if _, err := conn.Exec(ctx, "drop database if exists "+quote(draft)+" with (force)"); err != nil {
		return fmt.Errorf("drop a half made template: %w", err)
	}
	if _, err := conn.Exec(ctx, "create database "+quote(draft)+" owner "+role+" template template0"); err != nil {
		return fmt.Errorf("create the template: %w", err)
	}
	if err := migrations.Up(ctx, c.address(role, draft), slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "alter database "+quote(draft)+" rename to "+quote(c.name)); err != nil {
		return fmt.Errorf("name the template: %w", err)
	}
	return nil
}

func (c *template) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, c.cluster.String())
	if err != nil {
		return nil, fmt.Errorf("connect to the test cluster: %w", err)
	}
	return conn, nil
}

// admin runs one statement as the superuser.
func (c *template) admin(ctx context.Context, statement string) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// address is the address of a database of the cluster for a role.
func (c *template) address(role, database string) string {
	address := *c.cluster
	address.User, address.Path = url.User(role), "/"+database
	return address.String()
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func isDuplicate(err error) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && failure.Code == "42710"
}
