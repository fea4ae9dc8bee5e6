package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"omni/locales"
	"omni/server/chats"
	"omni/server/clock"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/relay"
)

// samples are webhook bodies as the sandbox platform sent them.
type samples struct{ chat, message map[string]any }

func (t *town) samples() (samples, error) {
	var out samples
	for _, d := range t.uis.Deliveries() {
		into := map[string]*map[string]any{"POST /chat": &out.chat, "POST /message": &out.message}[d.Event]
		if into == nil {
			continue
		}
		if err := json.Unmarshal([]byte(d.Body), into); err != nil {
			return out, fmt.Errorf("read a webhook: %w", err)
		}
	}
	if out.chat == nil || out.message == nil {
		return out, errors.New("the platform sent no webhooks of a chat")
	}
	return out, nil
}

// settle gives the bench's accounts the connection, the channels, the people and the settings of the town's account.
func (s *stand) settle(ctx context.Context, from int64) error {
	if _, err := s.bare.Exec(ctx, "delete from settings where account_id >= $1", int64(first)); err != nil {
		return fmt.Errorf("settle anew: %w", err)
	}
	for _, table := range []struct{ name, extra string }{
		{"uis_connection", `, 'url_token_hash', '\x' || lpad(to_hex(a.id), 64, '0'), 'adapter_type', 'bench' || a.id, 'adapter_login', 'bench' || a.id`},
		{"uis_channel", ""}, {"uis_employee", ""}, {"settings", ""},
	} {
		statement := fmt.Sprintf(`insert into %[1]s select r.* from %[1]s t, account a,
			lateral jsonb_populate_record(null::%[1]s, to_jsonb(t) || jsonb_build_object('account_id', a.id%[2]s)) r where t.account_id = $1 and a.id >= $2 on conflict do nothing`, table.name, table.extra)
		if _, err := s.bare.Exec(ctx, statement, from, int64(first)); err != nil {
			return fmt.Errorf("settle %s: %w", table.name, err)
		}
	}
	return nil
}

// engine is the whole step with the product's own engine of chats: a new chat and its first message per key.
func (s *stand) engine(ctx context.Context, t *town, like samples) ([]figure, error) {
	from := t.account
	if err := t.chats(ctx, true); err != nil {
		return nil, err
	}
	t.halt() // it is measured alone
	if err := s.settle(ctx, from); err != nil {
		return nil, err
	}
	var figures []figure
	var numbers atomic.Int64 // of chats, each once
	numbers.Store(10_000_000)
	for _, c := range []struct {
		name string
		many int64
	}{{"chats engine, 200 accounts", accounts}, {"chats engine, one account", 1}} {
		f := figure{Name: c.name, Unit: "rows/s", Goal: "≥ 70 %", Limit: "processor, WAL flush", Note: "a new chat and its first message per key, in one step; the yardstick inserts the same rows " +
			"(client, names, chat, message, letter, reasons, feed) with the reads it cannot do without in two round trips per chat; the machine is the product's and the yardstick's in turns"}
		for range turns {
			rate, bare, err := s.engineTurn(ctx, c.many, &numbers, like)
			if err != nil {
				return figures, err
			}
			f.Value, f.Yardstick = f.Value+rate/turns, f.Yardstick+bare/turns
		}
		figures = append(figures, f)
	}
	return figures, s.empty(ctx)
}

// engineTurn lets the engine work, then the yardstick.
func (s *stand) engineTurn(ctx context.Context, many int64, numbers *atomic.Int64, like samples) (rate, bare float64, err error) {
	if err := errors.Join(s.empty(ctx), s.write(ctx, s.bare, many, numbers.Add(s.size.queued)-s.size.queued, like)); err != nil {
		return 0, 0, err
	}
	if rate, err = s.engineSteps(ctx); err != nil {
		return 0, 0, err
	}
	rows, err := s.look(ctx)
	if err != nil {
		return 0, 0, err
	}
	chats := s.size.queued / turns / 2
	from := numbers.Add(chats) - chats
	if err := errors.Join(s.empty(ctx), s.write(ctx, s.yard, many, from, like)); err != nil {
		return 0, 0, err
	}
	bare, err = s.bareChats(ctx, many, from, rows, chats)
	return rate, bare, err
}

// write puts webhooks of new chats into the inbox.
func (s *stand) write(ctx context.Context, pool *pgxpool.Pool, many, offset int64, like samples) error {
	batch := &pgx.Batch{}
	for n := range s.size.queued / turns / 2 {
		account, number := first+n%many, offset+n
		like.chat["chat_id"], like.chat["visitor_id"], like.chat["visitor_phone"] = number, fmt.Sprint(number), fmt.Sprintf("79%09d", number)
		like.message["chat_id"], like.message["id"] = number, number
		for _, w := range []struct {
			path string
			body map[string]any
		}{{"chat", like.chat}, {"message", like.message}} {
			raw, err := json.Marshal(w.body)
			if err != nil {
				return fmt.Errorf("encode a webhook: %w", err)
			}
			batch.Queue("insert into inbox (account_id, key, kind, body, received_at, due_at) values ($1, $2, $3, $4, now(), now())",
				account, string(ids.ChatKey(ids.UISChatID(number))), chats.KindWebhook+"POST:"+w.path, raw)
		}
	}
	if err := pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("fill the inbox: %w", err)
	}
	_, err := pool.Exec(ctx, "analyze inbox")
	return err
}

// engineSteps works the inbox with the engine and tells rows a second.
func (s *stand) engineSteps(ctx context.Context) (float64, error) {
	texts, err := locales.Load()
	if err != nil {
		return 0, err
	}
	quiet := slog.New(slog.DiscardHandler)
	lanes := outbox.New(outbox.Options{DB: s.db, Log: quiet, Registry: outbox.NewRegistry(), Business: clock.System{}.Now})
	engine := chats.NewEngine(flow.NewWriter(lanes, relay.NewHub(s.db, clock.System{}, quiet, nil)), chats.NewAccountDirectory(), nil, texts,
		func(ids.AccountID, ids.FileID, string) string { return "" }, quiet)
	var worked atomic.Int64
	finished := make(chan struct{})
	worker := inbox.NewWorker(inbox.WorkerOptions{DB: s.db, Clock: clock.System{}, Log: quiet, Parallel: workers, Handlers: map[string]inbox.Handler{
		"chat": counted{engine, func(count int64) {
			if worked.Add(count) == s.size.queued/turns/2*2 {
				close(finished)
			}
		}},
	}})
	rows, err := s.bare.Query(ctx, "select account_id, key from inbox where done_at is null and aside_at is null group by account_id, key order by min(id)")
	if err != nil {
		return 0, fmt.Errorf("read the keys: %w", err)
	}
	var account int64
	var key string
	if _, err := pgx.ForEachRow(rows, []any{&account, &key}, func() error { worker.Wake(ids.AccountID(account), ids.Key(key)); return nil }); err != nil {
		return 0, fmt.Errorf("read the keys: %w", err)
	}
	return s.timed(ctx, worker, s.size.queued/turns/2*2, finished, &worked)
}

// timed runs a worker until everything queued is worked, and tells rows a second.
func (s *stand) timed(ctx context.Context, worker *inbox.Worker, rows int64, finished <-chan struct{}, worked *atomic.Int64) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	late := time.NewTimer(2 * patience)
	defer late.Stop()
	select {
	case <-finished:
	case err := <-ended:
		return 0, errors.Join(errors.New("the worker ended early"), err, context.Cause(ctx))
	case <-late.C:
		cancel()
		return 0, errors.Join(fmt.Errorf("only %d of %d rows were worked", worked.Load(), rows), <-ended)
	}
	rate := float64(rows) / time.Since(began).Seconds()
	cancel()
	return rate, <-ended
}

// counted tells how many rows each step has worked.
type counted struct {
	*chats.Engine
	worked func(count int64)
}

// Begin implements inbox.Stager.
func (c counted) Begin(ctx context.Context, step *inbox.Step, events []inbox.Event, reads *pgx.Batch) (func(context.Context) error, error) {
	count := int64(len(events))
	step.AfterCommit(func() { c.worked(count) })
	return c.Engine.Begin(ctx, step, events, reads)
}
