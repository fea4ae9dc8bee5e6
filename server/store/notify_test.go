package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/store"
	"omni/server/store/storetest"
)

// heard collects what a listener hears.
type heard struct {
	mu    sync.Mutex
	hints map[string]int
}

func (h *heard) add(hint string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hints[hint]++
}

func (h *heard) count(hint string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hints[hint]
}

// run starts a service and waits for its end when the test ends.
func run(t *testing.T, service func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

// twoServers are a listener on one pool and a notifier on another of the same database.
func twoServers(t *testing.T) (*heard, *store.Notifier, *store.DB) {
	t.Helper()
	url := storetest.URL(t)
	near, far := storetest.Open(t, url), storetest.Open(t, url)
	h := &heard{hints: map[string]int{}}
	run(t, func(ctx context.Context) error { return far.Listen(ctx, "news", h.add) })
	notifier := near.NewNotifier("news")
	run(t, notifier.Run)
	// Hints before the listener is there are lost, so hint until one is heard.
	require.Eventually(t, func() bool { notifier.Hint("ready"); return h.count("ready") > 0 }, 10*time.Second, 10*time.Millisecond)
	return h, notifier, near
}

func TestHintsReachTheOtherServer(t *testing.T) {
	t.Parallel()
	h, notifier, _ := twoServers(t)
	for i := range 2000 { // several payloads of 8000 bytes
		notifier.Hint(fmt.Sprintf("account %d", i))
	}
	require.Eventually(t, func() bool {
		for i := range 2000 {
			if h.count(fmt.Sprintf("account %d", i)) == 0 {
				return false
			}
		}
		return true
	}, 10*time.Second, 10*time.Millisecond)
	notifier.Hint("two\nlines")
	notifier.Hint(string(make([]byte, 8000)))
	notifier.Hint("last")
	require.Eventually(t, func() bool { return h.count("last") == 1 }, 10*time.Second, 5*time.Millisecond)
	require.Zero(t, h.count("two"))
}

func TestEqualHintsAreSentOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	h := &heard{hints: map[string]int{}}
	run(t, func(ctx context.Context) error { return db.Listen(ctx, "news", h.add) })
	probe := db.NewNotifier("news")
	run(t, probe.Run)
	require.Eventually(t, func() bool { probe.Hint("ready"); return h.count("ready") > 0 }, 10*time.Second, 10*time.Millisecond)

	notifier := db.NewNotifier("news")
	for range 100 { // before it runs: all wait together
		notifier.Hint("same")
	}
	run(t, notifier.Run)
	require.Eventually(t, func() bool { return h.count("same") > 0 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, 1, h.count("same"))
}

func TestBothConnectAgain(t *testing.T) {
	t.Parallel()
	h, notifier, db := twoServers(t)
	var closed int
	require.NoError(t, db.Pool().QueryRow(t.Context(),
		"select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()").Scan(&closed))
	require.GreaterOrEqual(t, closed, 2)
	require.Eventually(t, func() bool { notifier.Hint("again"); return h.count("again") > 0 }, 20*time.Second, 20*time.Millisecond)
}
