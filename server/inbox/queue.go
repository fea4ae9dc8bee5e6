package inbox

import (
	"slices"
	"sync"

	"omni/server/ids"
)

// accountKey is a key together with its account.
type accountKey struct {
	account ids.AccountID
	key     ids.Key
}

// queue holds keys that wait for a worker: each key once, accounts in turn, so that a flood from one delays nobody else.
// It is only a hint: the table is the truth, and what does not fit is found by the sweep.
type queue struct {
	mu       sync.Mutex
	ready    *sync.Cond
	limit    int
	waiting  map[accountKey]bool
	running  map[accountKey]bool // true: one more round is owed
	accounts map[ids.AccountID][]ids.Key
	turn     []ids.AccountID
	size     int
	closed   bool
	// share is how many keys of one account are worked at once, busy how many are.
	share int
	busy  map[ids.AccountID]int
}

func newQueue(limit, share int) *queue {
	q := &queue{limit: limit, share: share, waiting: map[accountKey]bool{}, running: map[accountKey]bool{}, accounts: map[ids.AccountID][]ids.Key{}, busy: map[ids.AccountID]int{}}
	q.ready = sync.NewCond(&q.mu)
	return q
}

// push queues a key. A key that is being worked gets one more round; one that waits already is left where it is.
func (q *queue) push(account ids.AccountID, key ids.Key) {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := accountKey{account, key}
	if _, working := q.running[k]; working {
		q.running[k] = true
		return
	}
	if q.closed || q.waiting[k] || q.size >= q.limit {
		return
	}
	q.enqueue(k)
}

func (q *queue) enqueue(k accountKey) {
	q.waiting[k] = true
	if len(q.accounts[k.account]) == 0 {
		q.turn = append(q.turn, k.account)
	}
	q.accounts[k.account] = append(q.accounts[k.account], k.key)
	q.size++
	q.ready.Signal()
}

// pop waits for a key and marks it as being worked; false means the queue was closed. An account that has its share of the workers waits: long steps
// of one delay nobody else.
func (q *queue) pop() (accountKey, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	next := q.next()
	for next < 0 && !q.closed {
		q.ready.Wait()
		next = q.next()
	}
	if q.closed {
		return accountKey{}, false
	}
	account := q.turn[next]
	if next == 0 {
		q.turn = q.turn[1:]
	} else {
		q.turn = slices.Delete(q.turn, next, next+1)
	}
	keys := q.accounts[account]
	k := accountKey{account, keys[0]}
	if len(keys) > 1 {
		q.accounts[account] = keys[1:]
		q.turn = append(q.turn, account)
	} else {
		delete(q.accounts, account)
	}
	q.size--
	delete(q.waiting, k)
	q.running[k] = false
	q.busy[account]++
	return k, true
}

// next is the place of the first account in turn that has not its share, -1 when there is none. Only accounts with their full share stand before it, and
// there are fewer of them than workers.
func (q *queue) next() int {
	for i, account := range q.turn {
		if q.busy[account] < q.share {
			return i
		}
	}
	return -1
}

// done ends the work on a key; again asks for one more round whatever hints came.
func (q *queue) done(k accountKey, again bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	owed := q.running[k]
	delete(q.running, k)
	if q.busy[k.account]--; q.busy[k.account] <= 0 {
		delete(q.busy, k.account)
	}
	if (owed || again) && !q.closed && !q.waiting[k] {
		q.enqueue(k)
	}
	if len(q.accounts[k.account]) > 0 {
		q.ready.Signal() // somebody may have passed this account by
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
}
