//go:build sabotage

package flow

import (
	"context"
	"encoding/json"
	"os"

	"github.com/jackc/pgx/v5"

	"omni/server/inbox"
	"omni/server/relay"
)

// sabotageFeed: see sabotage_off.go.
var sabotageFeed = os.Getenv("OMNI_SABOTAGE") == "feed"

// feedFirst takes the numbers at the beginning, as an identity column would: they are everybody's at once, the entries only with the step's commit.
func (w *Writer) feedFirst(ctx context.Context, step *inbox.Step, events []relay.Event) error {
	if len(events) == 0 {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, step.Tx.Conn().Config().Copy())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, `SELECT set_config('omni.account', '*', false)`); err != nil {
		return err
	}
	var last int64
	if err := conn.QueryRow(ctx, `INSERT INTO feed_head (account_id, seq) VALUES ($1, $2) ON CONFLICT (account_id) DO UPDATE SET seq = feed_head.seq + $2 RETURNING seq`,
		int64(step.Account), len(events)).Scan(&last); err != nil {
		return err
	}
	for i, e := range events {
		data, err := json.Marshal(e.Data)
		if err != nil {
			return err
		}
		if _, err := step.Tx.Exec(ctx, `INSERT INTO feed (account_id, seq, name, data, employee, created_at) VALUES ($1, $2, $3, $4, NULLIF($5, 0), $6)`,
			int64(step.Account), last-int64(len(events))+int64(i)+1, e.Name, string(data), int64(e.Employee), step.Now); err != nil {
			return err
		}
	}
	step.AfterCommit(func() { w.feed.Grew(step.Account) })
	return nil
}
