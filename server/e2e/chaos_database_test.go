package e2e_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/store/cluster"
)

// ownDatabase is a PostgreSQL of one test, which may restart it as it likes.
type ownDatabase struct {
	server *cluster.Server
	url    string // as the servers' role
	super  string // as the superuser, whom row level security does not hold back
}

func newDatabase(t *testing.T) *ownDatabase {
	t.Helper()
	ctx := t.Context()
	base, err := os.MkdirTemp("/tmp", "omni-chaos-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	require.NoError(t, os.Chmod(base, 0o711)) // the cluster's user walks through it
	found := cluster.Find(ctx, "")
	require.NotEmpty(t, found, "PostgreSQL's programs")
	owner, err := cluster.PickOwner()
	require.NoError(t, err)
	programs, err := found[0].Within(owner, filepath.Join(base, "programs"))
	require.NoError(t, err)
	// Commits are waited for, so that a crash of PostgreSQL loses none; only a crash of the machine would.
	server, err := cluster.Start(ctx, cluster.Options{Programs: programs, Owner: owner, DataDir: filepath.Join(base, "data"), LogFile: filepath.Join(base, "log"), NoSync: true,
		Settings: []string{"fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB", "autovacuum_naptime=1min"}, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop() })
	d := &ownDatabase{server: server, url: server.URL("omni", "omni"), super: server.URL(cluster.Superuser, "omni")}
	conn, err := pgx.Connect(ctx, server.URL(cluster.Superuser, "postgres"))
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range []string{"create role omni login", "create database omni owner omni"} {
		_, err = conn.Exec(ctx, statement)
		require.NoError(t, err)
	}
	return d
}

// do runs something as the superuser.
func (d *ownDatabase) do(ctx context.Context, fn func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, d.super)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return fn(conn)
}

// cut ends sessions of the servers: those that listen for hints, or all.
func (d *ownDatabase) cut(ctx context.Context, all bool) error {
	return d.do(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'omni' AND ($1 OR query ILIKE 'listen %')`, all)
		return err
	})
}
