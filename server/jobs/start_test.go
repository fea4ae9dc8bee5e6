package jobs_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/jobs"
	"omni/server/store/storetest"
)

// door is a way to the database that shuts in the face of its first callers. It tells its address and how many came.
func door(t *testing.T, url string, shuts int64) (string, *atomic.Int64) {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	network, target := pgxNetwork(config.Host, config.Port)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	came := &atomic.Int64{}
	go func() {
		for {
			caller, err := listener.Accept()
			if err != nil {
				return
			}
			if came.Add(1) <= shuts {
				_ = caller.Close()
				continue
			}
			inner, err := new(net.Dialer).DialContext(context.Background(), network, target)
			if err != nil {
				_ = caller.Close()
				continue
			}
			go func() { _, _ = io.Copy(inner, caller); _ = inner.Close() }()
			go func() { _, _ = io.Copy(caller, inner); _ = caller.Close() }()
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	return "postgres://" + config.User + ":" + config.Password + "@" + listener.Addr().String() + "/" + config.Database + "?sslmode=disable", came
}

func pgxNetwork(host string, port uint16) (network, address string) {
	number := strconv.Itoa(int(port))
	if filepath.IsAbs(host) {
		return "unix", filepath.Join(host, ".s.PGSQL."+number)
	}
	return "tcp", net.JoinHostPort(host, number)
}

// TestStartBesideAnAbsentDatabase: a database that goes away while jobs begin is waited for; the server does not end.
func TestStartBesideAnAbsentDatabase(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	db := storetest.Open(t, url)
	require.NoError(t, jobs.Migrate(t.Context(), db.Pool()))
	way, came := door(t, url, 3)
	var done atomic.Int64
	runner, err := jobs.New(t.Context(), way, jobs.Options{DB: db, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler), Handlers: map[string]jobs.Handler{
		"work": func(context.Context, *jobs.Job) (any, error) { done.Add(1); return nil, nil },
	}})
	require.NoError(t, err)
	const account = ids.AccountID(1)
	require.NoError(t, db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := runner.Enqueue(ctx, tx, account, "work", nil)
		return err
	}))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	require.Eventually(t, func() bool { return done.Load() == 1 }, time.Minute, 20*time.Millisecond, "the job is done")
	require.Greater(t, came.Load(), int64(3))
	stop()
	require.NoError(t, <-ended)
}
