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

const (
	// accountParallel is how many steps of one account run at once: more only wait for each other at the head of its feed.
	accountParallel = 8
	// keysTogether is how many waiting keys of one account a step works at the most: they share one commit.
	keysTogether = 8
)

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
	busy     map[ids.AccountID]int // steps of the account that run
	share    int                   // how many may
	workers  int
	size     int
	closed   bool
}

func newQueue(limit, workers int) *queue {
	// A quarter of the workers is never one account's: its steps may be long.
	share := max(1, min(accountParallel, workers-workers/4))
	q := &queue{limit: limit, share: share, workers: workers, waiting: map[accountKey]bool{}, running: map[accountKey]bool{}, accounts: map[ids.AccountID][]ids.Key{}, busy: map[ids.AccountID]int{}}
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

// pop waits for work and marks it as being done: one key, or several of an account whose keys wait in a crowd. Nothing means the queue was closed.
func (q *queue) pop() []accountKey {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.closed {
			return nil
		}
		for i, account := range q.turn {
			if q.busy[account] < q.share {
				if i == 0 {
					q.turn = q.turn[1:]
				} else {
					q.turn = slices.Delete(q.turn, i, i+1)
				}
				return q.take(account)
			}
		}
		q.ready.Wait()
	}
}

// take hands out keys of an account: as many as there are for each step that may still run. When the free workers do not suffice for all accounts that
// wait, each account has one of them, and its keys share it.
func (q *queue) take(account ids.AccountID) []accountKey {
	keys := q.accounts[account]
	free := min(q.share-q.busy[account], max(1, (q.workers-q.steps())/(len(q.turn)+1)))
	n := min((len(keys)+free-1)/free, keysTogether)
	out := make([]accountKey, n)
	for i, key := range keys[:n] {
		out[i] = accountKey{account, key}
		delete(q.waiting, out[i])
		q.running[out[i]] = false
	}
	if len(keys) > n {
		q.accounts[account] = keys[n:]
		q.turn = append(q.turn, account)
	} else {
		delete(q.accounts, account)
	}
	q.busy[account]++
	q.size -= n
	return out
}

// steps is how many steps run, of all accounts.
func (q *queue) steps() int {
	n := 0
	for _, running := range q.busy {
		n += running
	}
	return n
}

// done ends the work on keys that were handed out together; again asks for one more round of a key whatever hints came.
func (q *queue) done(keys []accountKey, again func(i int) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	account := keys[0].account
	if q.busy[account]--; q.busy[account] == 0 {
		delete(q.busy, account)
	}
	for i, k := range keys {
		owed := q.running[k]
		delete(q.running, k)
		if (owed || again(i)) && !q.closed && !q.waiting[k] {
			q.enqueue(k)
		}
	}
	// A step of this account may run again, and who waits may have passed its keys over.
	q.ready.Signal()
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
}
