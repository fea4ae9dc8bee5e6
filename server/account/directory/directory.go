// Package directory reads what an account's directories hold of channels and people, inside the transaction of whoever decides by it.
package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Channel is one chat channel of the account.
type Channel struct {
	ID     ids.UISChannelID
	Type   string
	Name   string
	Status string
	// Active: it is there and works.
	Active bool
	// Connection and Adapter are account_id and channel_id of the Chat API; 0 while the channel is not connected to our adapter.
	Connection, Adapter int64
}

const channelQuery = `SELECT c.id, c.type, c.name, c.status, c.gone_at IS NULL AND c.status NOT IN ('deleted', 'error', 'inactive', 'disabled'),
	COALESCE(u.connection_id, 0), COALESCE(c.adapter_channel, 0)
	FROM uis_channel c LEFT JOIN uis_connection u ON u.account_id = c.account_id WHERE c.account_id = $1`

func scanChannel(row pgx.CollectableRow) (Channel, error) {
	var c Channel
	err := row.Scan(&c.ID, &c.Type, &c.Name, &c.Status, &c.Active, &c.Connection, &c.Adapter)
	return c, err
}

// Channels lists the channels there are, by name.
func Channels(ctx context.Context, tx pgx.Tx, account ids.AccountID) ([]Channel, error) {
	rows, err := tx.Query(ctx, channelQuery+` AND c.gone_at IS NULL ORDER BY c.name, c.id`, int64(account))
	if err != nil {
		return nil, fmt.Errorf("list channels: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanChannel)
	if err != nil {
		return nil, fmt.Errorf("list channels: %w", err)
	}
	return list, nil
}

// ChannelBy finds one channel; one that is not listed (any more) has its number only.
func ChannelBy(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.UISChannelID) (Channel, error) {
	rows, err := tx.Query(ctx, channelQuery+` AND c.id = $2`, int64(account), int64(id))
	if err != nil {
		return Channel{}, fmt.Errorf("find channel %d: %w", id, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanChannel)
	if errors.Is(err, pgx.ErrNoRows) {
		return Channel{ID: id}, nil
	}
	if err != nil {
		return Channel{}, fmt.Errorf("find channel %d: %w", id, err)
	}
	return c, nil
}

// ChannelOf finds the account's channel behind the Chat API's number; 0: unknown.
func ChannelOf(ctx context.Context, tx pgx.Tx, account ids.AccountID, adapter int64) (ids.UISChannelID, error) {
	var id ids.UISChannelID
	err := tx.QueryRow(ctx, `SELECT id FROM uis_channel WHERE account_id = $1 AND adapter_channel = $2`, int64(account), adapter).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find the channel behind %d: %w", adapter, err)
	}
	return id, nil
}

// Employees names the account's employees at UIS.
func Employees(ctx context.Context, tx pgx.Tx, account ids.AccountID) (map[ids.UISEmployeeID]string, error) {
	rows, err := tx.Query(ctx, `SELECT id, full_name FROM uis_employee WHERE account_id = $1`, int64(account))
	if err != nil {
		return nil, fmt.Errorf("list employees: %w", err)
	}
	out := map[ids.UISEmployeeID]string{}
	var id ids.UISEmployeeID
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error { out[id] = name; return nil }); err != nil {
		return nil, fmt.Errorf("list employees: %w", err)
	}
	return out, nil
}

// EmployeeOf tells who a portal's user is at UIS; 0: nobody matched him, or he is dismissed.
func EmployeeOf(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID, user ids.B24UserID) (ids.UISEmployeeID, string, error) {
	var id ids.UISEmployeeID
	var name string
	err := tx.QueryRow(ctx, `SELECT e.id, e.full_name FROM staff_match m JOIN uis_employee e ON e.account_id = m.account_id AND e.id = m.employee
		WHERE m.account_id = $1 AND m.portal_id = $2 AND m.b24_user = $3`, int64(account), int64(portal), int64(user)).Scan(&id, &name)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("find the employee behind user %d: %w", user, err)
	}
	return id, name, nil
}

// Zone is the account's time zone at UIS; UTC while it is not known.
func Zone(ctx context.Context, tx pgx.Tx, account ids.AccountID) (*time.Location, error) {
	var name string
	err := tx.QueryRow(ctx, `SELECT timezone FROM uis_connection WHERE account_id = $1`, int64(account)).Scan(&name)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("read the account's time zone: %w", err)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC, nil //nolint:nilerr // a zone nobody knows is no reason to stop
	}
	return zone, nil
}

// Language is what people of a portal read.
func Language(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID) (string, error) {
	var lang string
	err := tx.QueryRow(ctx, `SELECT language FROM portal WHERE account_id = $1 AND ($2 = 0 OR id = $2) ORDER BY id LIMIT 1`, int64(account), int64(portal)).Scan(&lang)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("read the portal's language: %w", err)
	}
	return lang, nil
}
