package chats

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/store/storetest"
	"omni/server/uis"
)

// TestACardThatComesWithTheChat: a card and the chat it belongs to are worked at the same moment, under different keys. The card must not be lost between
// a chat that is not there yet and a card that is not there yet.
func TestACardThatComesWithTheChat(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const account, visitor = ids.AccountID(1), "v1"
	looked, commit := make(chan *Card), make(chan struct{})
	// The chat's step looks for a card, finds none, and takes its time before it commits.
	opens := inbox.HandlerFunc(func(ctx context.Context, step *inbox.Step, _ []inbox.Event) error {
		var card *Card
		batch := &pgx.Batch{}
		cardOf(batch, step.Account, visitor, &card)
		if err := step.Tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		looked <- card
		<-commit
		_, err := step.Tx.Exec(ctx, `INSERT INTO chat (account_id, uis_chat_id, portal_id, channel_id, adapter_account, adapter_channel, state, visitor_id, changed_at, created_at)
			VALUES ($1, 7, 0, 20, 1, 1, 'new', $2, now(), now())`, int64(step.Account), visitor)
		return err
	})
	brings := inbox.HandlerFunc(func(ctx context.Context, step *inbox.Step, _ []inbox.Event) error {
		event := &uis.VisitorCard{VisitorID: visitor}
		event.Card.Name = "Ольга"
		return TakeCard(ctx, step, uis.Webhook{Event: event})
	})
	worker := inbox.NewWorker(inbox.WorkerOptions{DB: db, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler), Handlers: map[string]inbox.Handler{"chat": opens, "account": brings}})
	ended := make(chan error, 2)
	do := func(row inbox.Row) { _, err := worker.Do(t.Context(), row); ended <- err }
	go do(inbox.Row{Account: account, Key: ids.ChatKey(7), Kind: "uis:POST:chat"})
	require.Nil(t, <-looked)
	go do(inbox.Row{Account: account, Key: ids.AccountKey(account), Kind: "uis:POST:visitor/card"})
	require.Eventually(t, func() bool { // the card has done what it can before the chat commits: without a lock all of it
		var waits bool
		err := db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() WHERE locktype = 'advisory' AND NOT granted)
				OR EXISTS (SELECT FROM visitor)`).Scan(&waits)
		})
		return err == nil && waits
	}, 30*time.Second, 5*time.Millisecond)
	close(commit)
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	var body []byte
	require.NoError(t, db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT body FROM inbox WHERE key = $1 AND kind = $2`, string(ids.ChatKey(7)), KindCard).Scan(&body)
	}), "the chat gets a letter with the card")
	var card Card
	require.NoError(t, json.Unmarshal(body, &card))
	require.Equal(t, "Ольга", card.Name)
}
