package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"omni/server/clock"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/relay"
)

// steps compares messages through the product's whole step with the same statements as bare transactions: many accounts and one, a key per
// message and five messages per key.
func (s *stand) steps(ctx context.Context) ([]figure, error) {
	var figures []figure
	for _, c := range []struct {
		name         string
		many, perKey int64
	}{
		{"step, 200 accounts", 200, 1},
		{"step, one account", 1, 1},
		{"step, 200 accounts, five waiting per key", 200, 5},
		{"step, one account, five waiting per key", 1, 5},
	} {
		if err := s.fill(ctx, s.yard, c.many, c.perKey); err != nil {
			return nil, err
		}
		yardstick, err := s.bareSteps(ctx, c.many, c.perKey)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(s.empty(ctx), s.fill(ctx, s.bare, c.many, c.perKey)); err != nil {
			return nil, err
		}
		rate, err := s.productSteps(ctx, c.many, c.perKey)
		if err != nil {
			return nil, err
		}
		if err := s.empty(ctx); err != nil {
			return nil, err
		}
		figures = append(figures, figure{Name: c.name, Value: rate, Unit: "messages/s", Yardstick: yardstick, Goal: "≥ 70 %", Limit: "WAL flush, processor"})
	}
	figures[0].Note = "lock, due rows, state, command, reason, feed, done; intake not included; both halves of the yardstick are pipelined"
	return figures, nil
}

// place tells the account and the key number of a message.
func place(n, many, perKey int64) (account, key int64) {
	key = n / perKey
	return key%many + first, key
}

// fill puts the messages of a case into the inbox.
func (s *stand) fill(ctx context.Context, pool *pgxpool.Pool, many, perKey int64) error {
	_, err := pool.Exec(ctx, `insert into inbox (account_id, key, kind, body, received_at, due_at)
		select $1 + (n / $2) % $3, 'chat:' || n / $2, 'uis.message', $4, now(), now() from generate_series(0, $5 - 1) n order by n`,
		int64(first), perKey, many, message, s.size.queued)
	if err != nil {
		return fmt.Errorf("fill the inbox: %w", err)
	}
	if _, err := pool.Exec(ctx, `insert into lane (account_id, kind, portal_id, asleep) select id, 'b24', 1, 'bench' from account where id >= $1 on conflict do nothing`, int64(first)); err != nil {
		return fmt.Errorf("prepare the lanes: %w", err)
	}
	if _, err := pool.Exec(ctx, "analyze inbox"); err != nil {
		return fmt.Errorf("count the inbox: %w", err)
	}
	return nil
}

// productSteps lets the worker, the writer, the outbox and the feed of the product work the inbox.
func (s *stand) productSteps(ctx context.Context, many, perKey int64) (float64, error) {
	registry := outbox.NewRegistry()
	if err := registry.Register(outbox.Kind{Name: "crm.timeline.comment.update", Check: outbox.Check{Mode: outbox.CheckSet}}); err != nil {
		return 0, fmt.Errorf("register the command: %w", err)
	}
	quiet := slog.New(slog.DiscardHandler)
	lanes := outbox.New(outbox.Options{DB: s.db, Log: quiet, Registry: registry, Business: clock.System{}.Now})
	writer := flow.NewWriter(lanes, relay.NewHub(s.db, clock.System{}, quiet, nil))

	var worked atomic.Int64
	finished := make(chan struct{})
	worker := inbox.NewWorker(inbox.WorkerOptions{DB: s.db, Clock: clock.System{}, Log: quiet, Parallel: workers, Handlers: map[string]inbox.Handler{
		"chat": &simplest{writer: writer, worked: func(count int64) {
			if worked.Add(count) == s.size.queued {
				close(finished)
			}
		}}}})
	for key := range s.size.queued / perKey {
		account, _ := place(key*perKey, many, perKey)
		worker.Wake(ids.AccountID(account), ids.Key(fmt.Sprintf("chat:%d", key)))
	}
	return s.timed(ctx, worker, s.size.queued, finished, &worked)
}

// simplest is an engine of the simplest kind: it counts the messages of a chat, asks for a comment, tells why, and shows it to the pages.
type simplest struct {
	writer *flow.Writer
	worked func(count int64)
}

// Read implements inbox.Reader: the count so far.
func (e *simplest) Read(batch *pgx.Batch, account ids.AccountID, key ids.Key) any {
	count := new(int64)
	batch.Queue("select count from bench_state where account_id = $1 and id = hashtext($2)", int64(account), string(key)).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(count); err != nil {
				return fmt.Errorf("read the state: %w", err)
			}
		}
		return rows.Err()
	})
	return count
}

// Begin implements inbox.Stager.
func (e *simplest) Begin(_ context.Context, step *inbox.Step, events []inbox.Event, _ *pgx.Batch) (func(context.Context) error, error) {
	return func(ctx context.Context) error { return e.Step(ctx, step, events) }, nil
}

// Step implements inbox.Handler.
func (e *simplest) Step(ctx context.Context, step *inbox.Step, events []inbox.Event) error {
	found, err := step.Found(ctx, e)
	if err != nil {
		return err
	}
	count := *found.(*int64)
	step.AfterCommit(func() { e.worked(int64(len(events))) })
	step.Write(func(batch *pgx.Batch) {
		batch.Queue(upsertState, int64(step.Account), string(step.Key), count+int64(len(events)), string(message))
	})
	var out flow.Outcome
	for range events {
		out.Commands = append(out.Commands, outbox.Command{
			Lane: outbox.LaneRef{Kind: outbox.LaneB24, Portal: 1}, Key: step.Key, Kind: "crm.timeline.comment.update",
			Params: map[string]any{"id": count, "fields": map[string]any{"COMMENT": "Здравствуйте!"}},
		})
		out.Reasons = append(out.Reasons, flow.Reason{Ref: string(step.Key), Code: "bench", Version: 1})
		out.Feed = append(out.Feed, relay.Event{Name: "message.added", Data: map[string]any{"chat": 1, "text": "Здравствуйте!"}})
	}
	return e.writer.Apply(ctx, step, out)
}

const upsertState = `insert into bench_state (account_id, id, count, data) values ($1, hashtext($2), $3, $4)
	on conflict (account_id, id) do update set count = excluded.count, data = excluded.data`

// bareSteps does the same by hand: two pipelined batches per key and nothing else.
func (s *stand) bareSteps(ctx context.Context, many, perKey int64) (float64, error) {
	var next atomic.Int64
	keys := s.size.queued / perKey
	started := time.Now()
	_, err := full(ctx, time.Hour, func(ctx context.Context, _ int64) error {
		key := next.Add(1) - 1
		if key >= keys {
			return errDone
		}
		account, _ := place(key*perKey, many, perKey)
		return s.bareStep(ctx, account, fmt.Sprintf("chat:%d", key))
	})
	if !errors.Is(err, errDone) {
		return 0, err
	}
	return float64(s.size.queued) / time.Since(started).Seconds(), nil
}

var errDone = errors.New("all keys are worked")

func (s *stand) bareStep(ctx context.Context, account int64, key string) error {
	// A step under way is finished when another worker has seen the end.
	ctx = context.WithoutCancel(ctx)
	conn, err := s.yard.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("take a connection: %w", err)
	}
	defer conn.Release()
	read := &pgx.Batch{}
	var rows []int64
	queueDueRows(read, account, key, &rows)
	read.Queue("select count from bench_state where account_id = $1 and id = hashtext($2)", account, key)
	if err := conn.SendBatch(ctx, read).Close(); err != nil {
		return fmt.Errorf("first half: %w", err)
	}
	write := &pgx.Batch{}
	write.Queue(upsertState, account, key, len(rows), string(message))
	for range rows {
		write.Queue(`insert into command (account_id, uid, lane_id, plan_id, plan, key, kind, params, priority)
			select $1, gen_random_uuid(), id, gen_random_uuid(), '', $2, 'crm.timeline.comment.update', $3, 1 from lane where account_id = $1 and kind = 'b24'`,
			account, key, []byte(`{"id":1,"fields":{"COMMENT":"Здравствуйте!"}}`))
		write.Queue("insert into reason (account_id, ref, code, args, settings_version, created_at) values ($1, $2, 'bench', '{}', 1, now())", account, key)
	}
	write.Queue("update inbox set done_at = now() where account_id = $1 and id = any ($2)", account, rows)
	write.Queue(`with head as (insert into feed_head (account_id, seq) values ($1, $2) on conflict (account_id) do update set seq = feed_head.seq + $2 returning seq)
		insert into feed (account_id, seq, name, data, created_at)
		select $1, head.seq - $2 + n, 'message.added', '{"chat":1,"text":"Здравствуйте!"}', now() from head, generate_series(1, $2) n`, account, len(rows))
	write.Queue("commit")
	if err := conn.SendBatch(ctx, write).Close(); err != nil {
		return fmt.Errorf("second half: %w", err)
	}
	return nil
}

// queueDueRows begins a transaction, locks a key and reads what is due for it, as a step must: the ids go to rows.
func queueDueRows(read *pgx.Batch, account int64, key string, rows *[]int64) {
	read.Queue("begin")
	read.Queue("select pg_advisory_xact_lock(hashtextextended($1, $2))", key, account)
	read.Queue(`select id, kind, body, received_at from inbox where account_id = $1 and key = $2 and done_at is null and aside_at is null and not deferred
		and due_at <= $3 order by id limit 100`, account, key, time.Now()).Query(func(found pgx.Rows) error {
		for found.Next() {
			var id int64
			var kind string
			var body []byte
			var at time.Time
			if err := found.Scan(&id, &kind, &body, &at); err != nil {
				return fmt.Errorf("read a row: %w", err)
			}
			*rows = append(*rows, id)
		}
		return found.Err()
	})
}
