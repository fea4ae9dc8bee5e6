package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/store"
)

const (
	// flightsMost is how many groups are on their way at once. A row that finds a free flight leaves at once; others gather behind them.
	flightsMost = 4
	// groupRows and groupBytes bound one group; a row of any size travels.
	groupRows  = 64
	groupBytes = 1 << 20
	// groupLock bounds how long a group waits for somebody else's row of the same natural id. Then its rows go one by one.
	groupLock = "500ms"
)

// gathering lets rows of different senders that wait at the same time share a round trip and a commit. Nobody waits for company: a group is what came
// while the flights before it were under way. Accounts take turns in it.
type gathering struct {
	db  *store.DB
	now func() time.Time

	mu      sync.Mutex
	flights int
	waiting map[ids.AccountID][]*passenger
	turn    []ids.AccountID
	crowd   int       // passengers that have no answer yet, those under way among them
	bytes   int       // of their bodies
	moved   time.Time // when something was stored last, or somebody came while nobody waited
}

// passenger is a row with its sender, who is answered when the row is durable.
type passenger struct {
	row Row
	end chan error
}

func newGathering(db *store.DB, now func() time.Time) *gathering {
	return &gathering{db: db, now: now, waiting: map[ids.AccountID][]*passenger{}}
}

// store makes a row durable, together with others that wait. Who finds too many others before him is told so at once: a database that takes statements and
// answers none must not fill the memory.
func (g *gathering) store(ctx context.Context, row Row) error {
	p := &passenger{row: row, end: make(chan error, 1)}
	g.mu.Lock()
	if g.crowd == 0 {
		g.moved = time.Now()
	}
	if g.crowd >= holdMost && time.Since(g.moved) > stalled || g.crowd >= crowdMost || g.crowd > 0 && g.bytes+len(row.Body) > crowdBytes {
		g.mu.Unlock()
		return ErrBusy
	}
	g.crowd++
	g.bytes += len(row.Body)
	if len(g.waiting[row.Account]) == 0 {
		g.turn = append(g.turn, row.Account)
	}
	g.waiting[row.Account] = append(g.waiting[row.Account], p)
	starts := g.flights < flightsMost
	if starts {
		g.flights++
	}
	g.mu.Unlock()
	if starts {
		go g.fly()
	}
	select {
	case err := <-p.end:
		return err
	case <-ctx.Done():
		g.leave(p)
		return fmt.Errorf("store a row of account %d: %w", row.Account, ctx.Err())
	}
}

// leave takes a passenger out whose sender waits no longer. One that is under way stays: it may be stored.
func (g *gathering) leave(p *passenger) {
	g.mu.Lock()
	defer g.mu.Unlock()
	account := p.row.Account
	i := slices.Index(g.waiting[account], p)
	if i < 0 {
		return
	}
	g.count(p)
	if g.waiting[account] = slices.Delete(g.waiting[account], i, i+1); len(g.waiting[account]) == 0 {
		delete(g.waiting, account)
		g.turn = slices.DeleteFunc(g.turn, func(a ids.AccountID) bool { return a == account })
	}
}

// answer tells a passenger what became of his row.
func (g *gathering) answer(p *passenger, err error) {
	g.mu.Lock()
	g.count(p)
	if err == nil {
		g.moved = time.Now()
	}
	g.mu.Unlock()
	p.end <- err
}

// count takes a passenger off those who wait.
func (g *gathering) count(p *passenger) {
	g.crowd--
	g.bytes -= len(p.row.Body)
}

// fly takes groups as long as somebody waits.
func (g *gathering) fly() {
	for {
		group := g.board()
		if group == nil {
			return
		}
		g.send(group)
	}
}

// board takes the next group, one row of each account in turn; nil ends the flight.
func (g *gathering) board() []*passenger {
	g.mu.Lock()
	defer g.mu.Unlock()
	var group []*passenger
	bytes := 0
	for len(g.turn) > 0 && len(group) < groupRows {
		account := g.turn[0]
		p := g.waiting[account][0]
		if bytes += len(p.row.Body); len(group) > 0 && bytes > groupBytes {
			break
		}
		group = append(group, p)
		g.turn = g.turn[1:]
		if rest := g.waiting[account][1:]; len(rest) > 0 {
			g.waiting[account] = rest
			g.turn = append(g.turn, account)
		} else {
			delete(g.waiting, account)
		}
	}
	if group == nil {
		g.flights--
	}
	return group
}

// send stores a group. When that fails for another reason than the database's absence, each row goes alone: only the one that cannot be stored fails.
func (g *gathering) send(group []*passenger) {
	ctx, cancel := context.WithTimeout(context.Background(), holdFor)
	defer cancel()
	err := g.insert(ctx, group)
	if err != nil && !store.Unavailable(err) && ctx.Err() == nil && len(group) > 1 {
		for _, p := range group {
			go func() {
				alone, cancel := context.WithTimeout(context.Background(), holdFor)
				defer cancel()
				g.answer(p, g.failure(alone, g.insert(alone, []*passenger{p})))
			}()
		}
		return
	}
	for _, p := range group {
		g.answer(p, g.failure(ctx, err))
	}
}

// failure is what a sender is told.
func (g *gathering) failure(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrBusy
	}
	return err
}

const insertRows = `INSERT INTO inbox (account_id, key, kind, natural_id, body, received_at, due_at)
SELECT $1, r.key, r.kind, NULLIF(r.natural_id, ''), r.body, $6, r.due_at
FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $7::timestamptz[]) WITH ORDINALITY AS r(key, kind, natural_id, body, due_at, n) ORDER BY r.n
ON CONFLICT (account_id, natural_id) WHERE natural_id IS NOT NULL DO NOTHING`

// insert is one round trip: a statement per account, its rows in the order they came.
func (g *gathering) insert(ctx context.Context, group []*passenger) error {
	now := g.now()
	var accounts []ids.AccountID
	rows := map[ids.AccountID][]Row{}
	for _, p := range group {
		if rows[p.row.Account] == nil {
			accounts = append(accounts, p.row.Account)
		}
		rows[p.row.Account] = append(rows[p.row.Account], p.row)
	}
	err := g.db.PipelinedEach(ctx, func(at func(ids.AccountID) *pgx.Batch) {
		for i, account := range accounts {
			batch := at(account)
			if i == 0 && len(group) > 1 {
				batch.Queue(`SELECT set_config('lock_timeout', $1, true)`, groupLock)
			}
			queueRows(batch, now, rows[account])
		}
	})
	if err != nil {
		return fmt.Errorf("store %d rows of %d accounts: %w", len(group), len(accounts), err)
	}
	return nil
}

// queueRows inserts rows of one account.
func queueRows(batch *pgx.Batch, now time.Time, rows []Row) {
	if len(rows) == 1 {
		sql, args := rows[0].statement(now)
		batch.Queue(sql, args...)
		return
	}
	n := len(rows)
	keys, kinds, naturals, bodies, due := make([]string, n), make([]string, n), make([]string, n), make([][]byte, n), make([]time.Time, n)
	for i, r := range rows {
		keys[i], kinds[i], naturals[i], bodies[i], due[i] = string(r.Key), r.Kind, r.Natural, r.Body, r.Due
		if r.Due.IsZero() {
			due[i] = now
		}
		if r.Body == nil {
			bodies[i] = []byte{}
		}
	}
	batch.Queue(insertRows, int64(rows[0].Account), keys, kinds, naturals, bodies, now, due)
}
