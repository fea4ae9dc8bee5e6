package chats

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

// WebhookOf reads method and path out of the kind of a webhook's row.
func WebhookOf(kind string) (method, path string, ok bool) {
	rest, ok := strings.CutPrefix(kind, KindWebhook)
	if !ok || strings.HasPrefix(kind, "uis.") {
		return "", "", false
	}
	method, path, ok = strings.Cut(rest, ":")
	return method, path, ok
}

// TakeCard keeps what UIS knows of a visitor and tells his open chats. A card names no chat, so it comes under the account's key.
func TakeCard(ctx context.Context, step *inbox.Step, w uis.Webhook) error {
	body, ok := w.Event.(*uis.VisitorCard)
	if !ok || body.VisitorID == "" {
		return nil
	}
	card := Card{Name: store.Text(body.Card.Name), Company: store.Text(body.Card.Company), Comment: store.Text(body.Card.Comment), Phones: words(body.Card.Phones...), Emails: words(body.Card.Emails...)}
	raw := encode(card)
	if _, err := step.Tx.Exec(ctx, lockVisitor, int64(step.Account), string(body.VisitorID)); err != nil {
		return fmt.Errorf("lock visitor %s: %w", body.VisitorID, err)
	}
	if _, err := step.Tx.Exec(ctx, `INSERT INTO visitor (account_id, id, card) VALUES ($1, $2, $3) ON CONFLICT (account_id, id) DO UPDATE SET card = EXCLUDED.card`,
		int64(step.Account), string(body.VisitorID), string(raw)); err != nil {
		return fmt.Errorf("keep the card of visitor %s: %w", body.VisitorID, err)
	}
	// A chat that was repaired from a report may be over before its visitor's card comes.
	rows, err := step.Tx.Query(ctx, `SELECT uis_chat_id FROM chat WHERE account_id = $1 AND visitor_id = $2 AND uis_chat_id IS NOT NULL
		AND (state IN ('new', 'work') OR state = 'closed' AND name = '' AND closed_at > $3)`,
		int64(step.Account), string(body.VisitorID), step.Now.Add(-24*time.Hour))
	if err != nil {
		return fmt.Errorf("find chats of visitor %s: %w", body.VisitorID, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("find chats of visitor %s: %w", body.VisitorID, err)
	}
	for _, chat := range found {
		step.Letter(inbox.Row{Key: ids.ChatKey(ids.UISChatID(chat)), Kind: KindCard, Body: raw})
	}
	return nil
}

// lockVisitor is held to the end of a step that keeps a card, and of one that opens a chat: the two have different keys, and without it each would look for
// what the other has not committed yet.
const lockVisitor = `SELECT pg_advisory_xact_lock(hashtextextended('visitor:' || $2, $1))`

// cardOf queues the read of what is known of the visitor of a chat that opens; into stays nil when it is nothing. A card that comes from now on finds
// the chat.
func cardOf(batch *pgx.Batch, account ids.AccountID, visitor string, into **Card) {
	batch.Queue(lockVisitor, int64(account), visitor) // a statement of its own: the next one's snapshot must be taken after the lock is ours
	batch.Queue(`SELECT card FROM visitor WHERE account_id = $1 AND id = $2`, int64(account), visitor).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var raw []byte
			if err := rows.Scan(&raw); err != nil {
				return fmt.Errorf("read the card of visitor %s: %w", visitor, err)
			}
			*into = &Card{}
			if err := json.Unmarshal(raw, *into); err != nil {
				return fmt.Errorf("read the card of visitor %s: %w", visitor, err)
			}
		}
		return rows.Err()
	})
}
