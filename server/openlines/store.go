package openlines

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

const lineColumns = `portal_id, line_id, COALESCE(channel_id, 0), COALESCE(wanted_id, 0), choice, state, trouble_code, trouble_text, chosen_by`

func scanLine(row pgx.CollectableRow) (*Line, error) {
	l := &Line{}
	return l, row.Scan(&l.Portal, &l.ID, &l.Channel, &l.Wanted, &l.Choice, &l.State, &l.Trouble, &l.Words, &l.By)
}

// Lines are the account's lines that carry a channel, or are on the way to or from one.
func Lines(ctx context.Context, tx pgx.Tx, account ids.AccountID) ([]*Line, error) {
	rows, err := tx.Query(ctx, `SELECT `+lineColumns+` FROM open_line WHERE account_id = $1 ORDER BY portal_id, line_id`, int64(account))
	if err != nil {
		return nil, fmt.Errorf("read the lines of account %d: %w", account, err)
	}
	list, err := pgx.CollectRows(rows, scanLine)
	if err != nil {
		return nil, fmt.Errorf("read the lines of account %d: %w", account, err)
	}
	return list, nil
}

// queueSave writes what a step made of an account's lines. A channel leaves its old line before it comes to the new one.
func queueSave(batch *pgx.Batch, account ids.AccountID, before, after []*Line, now time.Time) {
	type place struct {
		portal ids.PortalID
		line   ids.B24LineID
	}
	stays := map[place]*Line{}
	for _, l := range after {
		stays[place{l.Portal, l.ID}] = l
	}
	was := map[place]Line{}
	for _, b := range before {
		at := place{b.Portal, b.ID}
		was[at] = *b
		switch l := stays[at]; {
		case l == nil:
			batch.Queue(`DELETE FROM open_line WHERE account_id = $1 AND portal_id = $2 AND line_id = $3`, int64(account), int64(b.Portal), int64(b.ID))
		case l.Channel != b.Channel && b.Channel != 0:
			batch.Queue(`UPDATE open_line SET channel_id = NULL WHERE account_id = $1 AND portal_id = $2 AND line_id = $3`, int64(account), int64(b.Portal), int64(b.ID))
		}
	}
	for _, l := range after {
		if was[place{l.Portal, l.ID}] == *l {
			continue
		}
		batch.Queue(`INSERT INTO open_line (account_id, portal_id, line_id, channel_id, wanted_id, choice, state, trouble_code, trouble_text, chosen_by, changed_at)
			VALUES ($1, $2, $3, NULLIF($4::bigint, 0), NULLIF($5::bigint, 0), $6, $7, $8, $9, $10, $11)
			ON CONFLICT (account_id, portal_id, line_id) DO UPDATE SET channel_id = EXCLUDED.channel_id, wanted_id = EXCLUDED.wanted_id, choice = EXCLUDED.choice, state = EXCLUDED.state,
			trouble_code = EXCLUDED.trouble_code, trouble_text = EXCLUDED.trouble_text, chosen_by = EXCLUDED.chosen_by, changed_at = EXCLUDED.changed_at`,
			int64(account), int64(l.Portal), int64(l.ID), int64(l.Channel), int64(l.Wanted), l.Choice, string(l.State), l.Trouble, l.Words, l.By, now)
	}
}

// registered is the digest of what the connector was registered with last; empty: it is not registered.
func registered(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID) (string, error) {
	var digest string
	err := tx.QueryRow(ctx, `SELECT COALESCE(max(connector), '') FROM portal WHERE account_id = $1 AND id = $2`, int64(account), int64(portal)).Scan(&digest)
	if err != nil {
		return "", fmt.Errorf("read the connector of portal %d: %w", portal, err)
	}
	return digest, nil
}

func noteRegistered(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID, digest string) error {
	_, err := tx.Exec(ctx, `UPDATE portal SET connector = $3 WHERE account_id = $1 AND id = $2 AND connector <> $3`, int64(account), int64(portal), digest)
	if err != nil {
		return fmt.Errorf("note the connector of portal %d: %w", portal, err)
	}
	return nil
}
