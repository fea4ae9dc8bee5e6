package inbox

import (
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
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit, waiting: map[accountKey]bool{}, running: map[accountKey]bool{}, accounts: map[ids.AccountID][]ids.Key{}}
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

// pop waits for a key and marks it as being worked; false means the queue was closed.
func (q *queue) pop() (accountKey, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.size == 0 && !q.closed {
		q.ready.Wait()
	}
	if q.closed {
		return accountKey{}, false
	}
	account := q.turn[0]
	q.turn = q.turn[1:]
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
	return k, true
}

// done ends the work on a key; again asks for one more round whatever hints came.
func (q *queue) done(k accountKey, again bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	owed := q.running[k]
	delete(q.running, k)
	if (owed || again) && !q.closed && !q.waiting[k] {
		q.enqueue(k)
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
}
