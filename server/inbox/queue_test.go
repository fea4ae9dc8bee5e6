package inbox

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
)

func never(int) bool { return false }

// A flood from one account takes a few steps at a time, its keys in company; everybody else's turn comes next.
func TestAFloodFromOneAccountDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	q := newQueue(queueLimit, 16)
	const flood = 1000
	for n := range flood {
		q.push(1, ids.Key(fmt.Sprintf("chat:%d", n)))
	}
	first := q.pop()
	require.Equal(t, ids.AccountID(1), first[0].account)
	q.push(2, "chat:1")
	q.push(3, "chat:1")
	require.Equal(t, []accountKey{{1, "chat:8"}}, q.pop()[:1], "in turn")
	require.Equal(t, []accountKey{{2, "chat:1"}}, q.pop())
	require.Equal(t, []accountKey{{3, "chat:1"}}, q.pop())
	running := [][]accountKey{first}
	for range accountParallel - 2 {
		keys := q.pop()
		require.Equal(t, ids.AccountID(1), keys[0].account)
		running = append(running, keys)
	}
	// All its places are taken now: what comes is worked although a thousand keys wait before it.
	q.push(4, "chat:1")
	require.Equal(t, []accountKey{{4, "chat:1"}}, q.pop())
	// When a step ends, the account goes on.
	q.done(running[0], never)
	require.Equal(t, ids.AccountID(1), q.pop()[0].account)
}

// A few keys run beside each other; only a crowd shares steps.
func TestOnlyACrowdOfKeysSharesAStep(t *testing.T) {
	t.Parallel()
	q := newQueue(queueLimit, 16)
	for n := range accountParallel {
		q.push(1, ids.Key(fmt.Sprintf("chat:%d", n)))
	}
	for range accountParallel {
		require.Len(t, q.pop(), 1)
	}
	q = newQueue(queueLimit, 16)
	for n := range 3 * accountParallel {
		q.push(1, ids.Key(fmt.Sprintf("chat:%d", n)))
	}
	seen := map[accountKey]bool{}
	for range accountParallel {
		keys := q.pop()
		require.Len(t, keys, 3)
		for _, k := range keys {
			require.False(t, seen[k], "each key once")
			seen[k] = true
		}
	}
	require.Len(t, seen, 3*accountParallel)
}

// When more accounts wait than workers are free, each takes one of them with all its keys; what comes when it is quiet again goes apart.
func TestACrowdOfAccountsSharesTheWorkers(t *testing.T) {
	t.Parallel()
	q := newQueue(queueLimit, 4)
	for account := range 10 {
		for n := range 3 {
			q.push(ids.AccountID(account+1), ids.Key(fmt.Sprintf("chat:%d", n)))
		}
	}
	var running [][]accountKey
	for account := range 10 {
		keys := q.pop()
		require.Equal(t, ids.AccountID(account+1), keys[0].account, "in turn")
		require.Len(t, keys, 3)
		if running = append(running, keys); len(running) == 4 {
			q.done(running[0], never)
			running = running[1:]
		}
	}
	require.Zero(t, q.size)
	for _, keys := range running {
		q.done(keys, never)
	}
	require.Zero(t, q.steps())
	for n := range 3 {
		q.push(1, ids.Key(fmt.Sprintf("chat:%d", n)))
	}
	for range 3 {
		require.Len(t, q.pop(), 1)
	}
}

func TestAHintForAKeyAtWorkOwesOneMoreRound(t *testing.T) {
	t.Parallel()
	q := newQueue(queueLimit, 16)
	q.push(1, "chat:1")
	keys := q.pop()
	q.push(1, "chat:1")
	q.push(1, "chat:1")
	q.done(keys, never)
	again := q.pop()
	require.Equal(t, keys, again)
	q.done(again, never)
	require.Zero(t, q.size)
	q.push(1, "chat:2")
	q.done(q.pop(), func(int) bool { return true })
	require.Equal(t, 1, q.size, "who has more to do comes again")
	require.Len(t, q.busy, 0)
}
