package crm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/account/transport"
	"omni/server/clock"
	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/relay"
	"omni/server/store/storetest"
)

// TestARequestThatWaitsForAnEndInTheSameStep: the second request of a client and the end of the first one are worked in one step, the request first. It
// must be taken up then: nothing comes any more that would release it.
func TestARequestThatWaitsForAnEndInTheSameStep(t *testing.T) {
	t.Parallel()
	db, log, clk := storetest.New(t), slog.New(slog.DiscardHandler), clock.System{}
	registry := outbox.NewRegistry()
	require.NoError(t, transport.Register(registry))
	lanes := outbox.New(outbox.Options{DB: db, Log: log, Registry: registry}) // nothing is sent
	engine := crm.NewEngine(flow.NewWriter(lanes, relay.NewHub(db, clk, log, nil)))
	worker := inbox.NewWorker(inbox.WorkerOptions{DB: db, Clock: clk, Log: log, Handlers: map[string]inbox.Handler{"client": engine,
		"chat": inbox.HandlerFunc(func(context.Context, *inbox.Step, []inbox.Event) error { return nil })}})
	const account = ids.AccountID(1)
	var client ids.ClientID
	do := func(fn func(ctx context.Context, tx pgx.Tx) error) {
		t.Helper()
		require.NoError(t, db.InAccount(t.Context(), account, fn))
	}
	aliases := crm.Aliases([]string{"79003000001"}, nil, "", "")
	do(func(ctx context.Context, tx pgx.Tx) (err error) {
		client, err = crm.ClientOf(ctx, tx, account, 1, time.Now(), aliases)
		return err
	})
	need := func(chat ids.UISChatID) inbox.Row {
		body, err := json.Marshal(crm.Need{Ref: "chat:" + ids.ChatKey(chat).Rest(), ReplyKey: ids.ChatKey(chat), ReplyKind: "chat.entities", Portal: 1, Aliases: aliases})
		require.NoError(t, err)
		return inbox.Row{Account: account, Key: ids.ClientKey(client), Kind: crm.KindNeed, Body: body}
	}
	_, err := worker.Do(t.Context(), need(1))
	require.NoError(t, err)
	do(func(ctx context.Context, tx pgx.Tx) error {
		return inbox.Post(ctx, tx, time.Now(), need(2), inbox.Row{Account: account, Key: ids.ClientKey(client), Kind: crm.KindFound,
			Body: fmt.Appendf(nil, `{"plan":"find:%d:1","results":{"mode":{"state":"refused","text":"no"}}}`, client)})
	})
	_, err = worker.Do(t.Context(), need(3))
	require.NoError(t, err)
	var ref string
	var waiting int
	do(func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT work->'need'->>'ref', (SELECT count(*) FROM inbox WHERE key = $2 AND deferred AND done_at IS NULL) FROM client WHERE id = $1`,
			int64(client), string(ids.ClientKey(client))).Scan(&ref, &waiting)
	})
	require.Equal(t, "chat:2", ref, "the first has ended, the second is worked")
	require.Equal(t, 1, waiting, "the third waits")
}
