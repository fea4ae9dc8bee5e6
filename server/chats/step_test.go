package chats_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/locales"
	"omni/server/chats"
	"omni/server/clock"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/relay"
	"omni/server/settings"
	"omni/server/store"
	"omni/server/store/storetest"
)

// bench is a worker with the engine of chats over a database of its own.
type bench struct {
	db     *store.DB
	worker *inbox.Worker
	silent *inbox.Intake
}

func newBench(t *testing.T) *bench {
	t.Helper()
	texts, err := locales.Load()
	require.NoError(t, err)
	db, log := storetest.New(t), slog.New(slog.DiscardHandler)
	lanes := outbox.New(outbox.Options{DB: db, Log: log, Registry: outbox.NewRegistry(), Business: clock.System{}.Now})
	engine := chats.NewEngine(flow.NewWriter(lanes, relay.NewHub(db, clock.System{}, log, nil)), chats.NewAccountDirectory(), nil, texts,
		func(ids.AccountID, ids.FileID, string) string { return "" }, log)
	b := &bench{db: db, worker: inbox.NewWorker(inbox.WorkerOptions{DB: db, Clock: clock.System{}, Log: log, Handlers: map[string]inbox.Handler{"chat": engine, "start": engine}})}
	b.silent = inbox.NewIntake(db, clock.System{}, func(ids.AccountID, ids.Key) {})
	return b
}

// run works until the test ends.
func (b *bench) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.worker.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// said is a client's message as the platform tells of it.
func said(account ids.AccountID, chat, message int64, text string) inbox.Row {
	body := fmt.Sprintf(`{"account_id":286,"channel_id":3580,"chat_id":%d,"id":%d,"source":"visitor","text":%q,"status":"accepted","created_at":"2026-03-21T05:00:01.000+00:00",
		"context":{"chat_channel_id":20}}`, chat, message, text)
	return inbox.Row{Account: account, Key: ids.ChatKey(ids.UISChatID(chat)), Kind: chats.KindWebhook + "POST:message", Natural: fmt.Sprintf("m:%d", message), Body: []byte(body)}
}

func (b *bench) ask(t *testing.T, query string, into ...any) {
	t.Helper()
	require.NoError(t, b.db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error { return tx.QueryRow(ctx, query).Scan(into...) }))
}

// The platform's numbers are of any size: a parameter whose type PostgreSQL guesses from "0" takes 31 bits only.
func TestNumbersBeyond31Bits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const big = int64(1) << 52
	_, err := b.worker.Do(t.Context(), said(1, big, big+1, "Здравствуйте!"))
	require.NoError(t, err)
	_, err = b.worker.Do(t.Context(), said(1, big, big+2, "Есть кто?"))
	require.NoError(t, err)
	var chat, newest int64
	b.ask(t, `SELECT uis_chat_id, (SELECT max(uis_id) FROM message) FROM chat`, &chat, &newest)
	require.Equal(t, []int64{big, big + 2}, []int64{chat, newest})
}

// A crowd of chats of one account shares its steps: each chat has its own messages, in order, once, and the feed has no holes.
func TestACrowdOfChats(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const many, each = 40, 3
	for m := range int64(each) {
		for c := range int64(many) {
			require.NoError(t, b.silent.Accept(t.Context(), said(1, 100+c, 1000*(c+1)+m, fmt.Sprintf("%d of %d", m, c))))
		}
	}
	b.run(t)
	var rows, wrong, feed, newest int
	require.Eventually(t, func() bool {
		b.ask(t, `SELECT count(*) FROM inbox WHERE done_at IS NULL`, &rows)
		return rows == 0
	}, 20*time.Second, 10*time.Millisecond)
	b.ask(t, `SELECT count(*) FROM message`, &rows)
	require.Equal(t, many*each, rows)
	b.ask(t, `SELECT count(*) FROM (SELECT c.uis_chat_id, m.text, row_number() OVER (PARTITION BY c.id ORDER BY m.id) - 1 AS n FROM message m JOIN chat c ON c.id = m.chat_id) x
		WHERE text <> n || ' of ' || uis_chat_id - 100`, &wrong)
	require.Zero(t, wrong, "each chat's own messages, in order")
	b.ask(t, `SELECT count(DISTINCT seq), max(seq) FROM feed`, &feed, &newest)
	require.Equal(t, newest, feed)
	require.NotZero(t, feed)
}

// Settings are remembered by their version: a step sees a new one at once, and those of another account never.
func TestSettingsAreRememberedByVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	directory := chats.NewAccountDirectory()
	look := func(account ids.AccountID) settings.Document {
		var s chats.Setting
		require.NoError(t, b.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
			batch := &pgx.Batch{}
			ask := directory.Ask(batch, account)
			err := tx.SendBatch(ctx, batch).Close()
			s = ask()
			return err
		}))
		return s.Document
	}
	save := func(account ids.AccountID, enabled bool) {
		require.NoError(t, b.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
			doc, err := settings.Current(ctx, tx, account)
			require.NoError(t, err)
			doc.Main.Enabled = enabled
			_, err = settings.Save(ctx, tx, account, doc, "test", time.Now())
			return err
		}))
	}
	initial := look(1)
	require.Zero(t, initial.Version)
	require.Equal(t, settings.Initial(), initial)
	for n := range 4 {
		save(1, n%2 == 0)
		for range 2 {
			doc := look(1)
			require.Equal(t, n+1, doc.Version)
			require.Equal(t, n%2 == 0, doc.Main.Enabled)
		}
		require.Zero(t, look(2).Version)
	}
}
