package settings

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// TakeChannel takes a channel that a line carries now out of the chats' channels (O9), as a version of its own. False: it was not among them, and nothing was
// saved. Whoever is editing meanwhile is told by his own save, as with any other version.
func TakeChannel(ctx context.Context, tx pgx.Tx, account ids.AccountID, channel ids.UISChannelID, by string, now time.Time) (Document, bool, error) {
	// The lock of Save is taken before reading, so that nobody saves in between.
	if err := lock(ctx, tx, account); err != nil {
		return Document{}, false, err
	}
	doc, err := Current(ctx, tx, account)
	if err != nil || !slices.Contains(doc.Chats.Channels, int64(channel)) {
		return doc, false, err
	}
	doc.Chats.Channels = slices.DeleteFunc(slices.Clone(doc.Chats.Channels), func(c int64) bool { return c == int64(channel) })
	saved, err := Save(ctx, tx, account, doc, by, now)
	return saved, err == nil, err
}

// lock lets one transaction at a time save an account's settings.
func lock(ctx context.Context, tx pgx.Tx, account ids.AccountID) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('settings', $1))`, int64(account)); err != nil {
		return fmt.Errorf("lock settings: %w", err)
	}
	return nil
}
