package uisconn

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/store"
	"omni/server/uis"
)

// KindWebhook prefixes inbox rows of chat webhooks: "uis:POST:channel". Those about connections and channels come under the account's key.
const KindWebhook = "uis:"

// Step implements inbox.Handler for the account's key: webhooks about connections and channels. Rows of other kinds are left to others and count as done.
func (c *Connections) Step(ctx context.Context, step *inbox.Step, events []inbox.Event) error {
	for _, event := range events {
		rest, ours := strings.CutPrefix(event.Kind, KindWebhook)
		method, path, complete := strings.Cut(rest, ":")
		if !ours || !complete {
			continue
		}
		w, err := uis.ParseWebhook(method, path, event.Body)
		if err != nil {
			if len(events) > 1 { // it is set aside alone
				return fmt.Errorf("read %s: %w", event.Kind, err)
			}
			return inbox.Permanent(fmt.Errorf("read %s: %w", event.Kind, err))
		}
		if _, err := Webhook(ctx, step.Tx, step.Account, step.Now, w); err != nil {
			return err
		}
	}
	account := step.Account
	step.AfterCommit(func() { c.Changed(account) })
	return nil
}

// QueueReceived notes that a real notification of a kind came (U3), to within ten seconds: no row is touched more often, as all notifications of an account
// meet at it.
func QueueReceived(batch *pgx.Batch, account ids.AccountID, event string, now time.Time) {
	batch.Queue(`INSERT INTO uis_notification (account_id, event, received_at)
		SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM uis_notification WHERE account_id = $1 AND event = $2 AND received_at > $3::timestamptz - interval '10 seconds')
		ON CONFLICT (account_id, event) DO UPDATE SET received_at = GREATEST(uis_notification.received_at, EXCLUDED.received_at)`, int64(account), event, now)
}

// LastReceived tells per event when the last notification came, to within ten seconds.
func (c *Connections) LastReceived(ctx context.Context, account ids.AccountID) (map[string]time.Time, error) {
	type seen struct {
		Event      string
		ReceivedAt time.Time
	}
	var rows []seen
	err := c.DB.InAccountORM(ctx, account, func(_ context.Context, u *store.Unit) error {
		return u.ORM.Table("uis_notification").Where("account_id = ?", account).Find(&rows).Error
	})
	if err != nil {
		return nil, fmt.Errorf("read notifications of account %d: %w", account, err)
	}
	out := map[string]time.Time{}
	for _, r := range rows {
		out[r.Event] = r.ReceivedAt
	}
	return out, nil
}

// Webhook takes what the Chat API tells of connections and channels into the tables, inside the transaction of the step that works it. It may come
// before the call that caused it has answered, and any number of times. Other webhooks are none of its business: false.
func Webhook(ctx context.Context, tx pgx.Tx, account ids.AccountID, now time.Time, w uis.Webhook) (bool, error) {
	switch e := w.Event.(type) {
	case *uis.AccountEvent:
		return true, connectionEvent(ctx, tx, account, w.Kind, e)
	case *uis.ChannelEvent:
		return true, channelEvent(ctx, tx, account, now, w, e)
	}
	return false, nil
}

func connectionEvent(ctx context.Context, tx pgx.Tx, account ids.AccountID, kind uis.WebhookKind, e *uis.AccountEvent) error {
	var err error
	if kind == uis.WebhookAccountDeleted {
		_, err = tx.Exec(ctx, `UPDATE uis_connection SET connection_id = NULL WHERE account_id = $1 AND connection_id = $2`, int64(account), int64(e.ID))
	} else {
		_, err = tx.Exec(ctx, `UPDATE uis_connection SET connection_id = $2 WHERE account_id = $1 AND (adapter_id IS NULL OR adapter_id = $3 OR $3 = 0)`,
			int64(account), int64(e.ID), int64(e.AdapterID))
	}
	if err != nil {
		return fmt.Errorf("note connection %d: %w", e.ID, err)
	}
	return nil
}

func channelEvent(ctx context.Context, tx pgx.Tx, account ids.AccountID, now time.Time, w uis.Webhook, e *uis.ChannelEvent) error {
	if w.Kind == uis.WebhookChannelDeleted {
		_, err := tx.Exec(ctx, `UPDATE uis_channel SET adapter_channel = NULL WHERE account_id = $1 AND adapter_channel = $2`, int64(account), int64(e.ID))
		if err != nil {
			return fmt.Errorf("note the end of channel %d: %w", e.ID, err)
		}
		return nil
	}
	if w.Context.ChatChannelID == 0 { // a later change may leave the context out
		_, err := tx.Exec(ctx, `UPDATE uis_channel SET name = COALESCE(NULLIF($3, ''), name), status = COALESCE(NULLIF($4, ''), status) WHERE account_id = $1 AND adapter_channel = $2`,
			int64(account), int64(e.ID), e.Name, e.Status)
		if err != nil {
			return fmt.Errorf("note channel %d: %w", e.ID, err)
		}
		return nil
	}
	var templates []byte
	if len(w.Context.Templates) > 0 {
		var err error
		if templates, err = json.Marshal(w.Context.Templates); err != nil {
			return fmt.Errorf("encode templates of channel %d: %w", e.ID, err)
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE uis_channel SET adapter_channel = NULL WHERE account_id = $1 AND adapter_channel = $2 AND id <> $3`, int64(account), int64(e.ID), int64(w.Context.ChatChannelID))
	batch.Queue(`INSERT INTO uis_channel (account_id, id, type, name, status, adapter_channel, templates, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (account_id, id) DO UPDATE SET type = COALESCE(NULLIF(EXCLUDED.type, ''), uis_channel.type), name = COALESCE(NULLIF(EXCLUDED.name, ''), uis_channel.name),
		status = COALESCE(NULLIF(EXCLUDED.status, ''), uis_channel.status), adapter_channel = EXCLUDED.adapter_channel,
		templates = COALESCE(EXCLUDED.templates, uis_channel.templates), gone_at = NULL`,
		int64(account), int64(w.Context.ChatChannelID), e.Type, e.Name, e.Status, int64(e.ID), templates, now)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("note channel %d: %w", e.ID, err)
	}
	return nil
}
