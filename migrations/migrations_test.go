package migrations_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/migrations"
	"omni/server/store"
	"omni/server/store/storetest"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestServersThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	url := storetest.Empty(t)
	pending, err := migrations.Pending(t.Context(), url)
	require.NoError(t, err)
	require.True(t, pending)

	var servers sync.WaitGroup
	failures := make([]error, 3)
	for i := range failures {
		servers.Go(func() { failures[i] = migrations.Up(t.Context(), url, quiet()) })
	}
	servers.Wait()
	require.NoError(t, errors.Join(failures...))
	pending, err = migrations.Pending(t.Context(), url)
	require.NoError(t, err)
	require.False(t, pending)
	require.NoError(t, migrations.Up(t.Context(), url, quiet()), "again: nothing to do")
}

// `omni migrate` may run as the owner of the tables and `omni serve` as a role that may only use them.
func TestServerNeedsNoRightToChangeTheSchema(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn, err := db.Pool().Acquire(store.WithSystem(t.Context()))
	require.NoError(t, err)
	defer conn.Release()
	var owned int
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from pg_tables where schemaname = 'public' and tableowner = current_user").Scan(&owned))
	require.Positive(t, owned)
	config := conn.Conn().Config()
	_, err = conn.Exec(t.Context(), "alter database "+pgx.Identifier{config.Database}.Sanitize()+" set default_transaction_read_only = on")
	require.NoError(t, err)
	url := "postgres://" + config.User + "@/" + config.Database + "?host=" + config.Host
	require.NoError(t, migrations.Up(t.Context(), url, quiet()), "a migrated database is only read")
}

// The wall between accounts: every table, partitions included, that has an account_id is behind it.
func TestEveryTenantTableIsBehindTheWall(t *testing.T) {
	t.Parallel()
	require.Empty(t, openTables(t, storetest.New(t)), "tables without omni_tenant('…')")
}

// openTables are the tables and partitions that are not behind the wall.
func openTables(t *testing.T, db *store.DB) []string {
	t.Helper()
	rows, err := db.Pool().Query(t.Context(), `
		select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = 'public' and c.relkind in ('r', 'p')
		  and (c.relname = 'account' or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'account_id' and not a.attisdropped))
		  and not (c.relrowsecurity and c.relforcerowsecurity and exists (
		      select from pg_policy p where p.polrelid = c.oid and pg_get_expr(p.polqual, c.oid) like '%omni.account%'))
		order by 1`)
	require.NoError(t, err)
	open, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return open
}

// Rows cannot point into another account: the primary key leads with account_id, and so does every foreign key between tenant tables.
func TestKeysLeadWithTheAccount(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	rows, err := db.Pool().Query(t.Context(), `
		with tenant as (
			select c.oid, c.relname, a.attnum from pg_class c
			join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
			join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id' and not a.attisdropped
			where c.relkind in ('r', 'p'))
		select t.relname || ': ' || k.conname from tenant t
		join pg_constraint k on k.conrelid = t.oid
		where k.contype = 'p' and k.conkey[1] <> t.attnum
		   or k.contype = 'f' and k.confrelid in (select oid from tenant) and not t.attnum = any (k.conkey)
		order by 1`)
	require.NoError(t, err)
	wrong, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, wrong)
}

// Steps are forward only and never share a number.
func TestFilesAreNumberedOnce(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(os.DirFS("."), "*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	slices.Sort(names)
	named := regexp.MustCompile(`^(\d{5})_[a-z0-9_]+\.sql$`)
	previous := ""
	for _, name := range names {
		parts := named.FindStringSubmatch(name)
		require.NotNil(t, parts, name)
		require.NotEqual(t, previous, parts[1], name)
		previous = parts[1]
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Contains(t, string(text), "-- +goose Up", name)
		require.NotContains(t, string(text), "-- +goose Down", name)
	}
}
