package inbox_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/inbox"
	"omni/server/store"
)

// TestADatabaseThatHangsFillsNoMemory: somebody holds the table, so inserts are taken and not answered. Requests are held for their time and not longer, those
// that find too many before them are told at once, and when the table is free everything goes on.
func TestADatabaseThatHangsFillsNoMemory(t *testing.T) {
	t.Parallel()
	b := setup(t, noteBody)
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:0", "before", "before")))
	// Long enough for all of them to come, on any machine; the test ends before.
	const patience = 10 * inbox.Stalled
	b.intake.Hold(patience)
	conn, err := b.db.Pool().Acquire(store.WithSystem(t.Context()))
	require.NoError(t, err)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	free := sync.OnceFunc(func() { _ = tx.Rollback(context.Background()); conn.Release() })
	t.Cleanup(free)
	for _, sql := range []string{`SET LOCAL idle_in_transaction_session_timeout = 0`, `LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE`} {
		_, err = tx.Exec(t.Context(), sql)
		require.NoError(t, err)
	}

	var held sync.WaitGroup
	var mu sync.Mutex
	ended := map[string]int{}
	shortest := patience
	for n := range inbox.HoldMost {
		held.Go(func() {
			began := time.Now()
			err := b.intake.Accept(t.Context(), row(1, fmt.Sprint("chat:", n%50), fmt.Sprint("n", n), "held"))
			mu.Lock()
			defer mu.Unlock()
			shortest = min(shortest, time.Since(began))
			ended[fmt.Sprint(err)]++
		})
	}
	require.Eventually(t, func() bool { rows, _ := b.intake.Crowd(); return rows == inbox.HoldMost }, patience/2, time.Millisecond, "all wait")
	_, bytes := b.intake.Crowd()
	require.Equal(t, inbox.HoldMost*len("held"), bytes)
	// Once nothing was stored for a while, nobody more is held.
	stall := time.NewTimer(inbox.Stalled * 3 / 2)
	<-stall.C
	mu.Lock()
	require.Empty(t, ended, "all are still held")
	mu.Unlock()
	for range 100 {
		require.ErrorIs(t, b.intake.Accept(t.Context(), row(2, "chat:1", "", "late")), inbox.ErrBusy)
	}
	mu.Lock()
	require.Empty(t, ended, "who came too late was told before them")
	mu.Unlock()
	held.Wait()
	require.Equal(t, map[string]int{inbox.ErrBusy.Error(): inbox.HoldMost}, ended, "each was told")
	require.GreaterOrEqual(t, shortest, patience/2, "and held before")
	free()
	// What was under way may have been stored; nothing else is left behind.
	require.Eventually(t, func() bool { rows, bytes := b.intake.Crowd(); return rows == 0 && bytes == 0 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, b.intake.Accept(t.Context(), row(1, "chat:1", "after", "after")))
	require.Eventually(t, func() bool { all := b.all(); return len(all) > 0 && all[len(all)-1] == "1 chat:1 after" }, time.Minute, 10*time.Millisecond)
}
