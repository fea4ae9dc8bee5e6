// Package directory reads what an account's directories hold of channels and people, inside the transaction of whoever decides by it.
package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

// QueueChannel queues the look for one channel by the account's number for it or, when that is 0, by the Chat API's. A channel that is not listed
// (any more) has the number it was asked by only.
func QueueChannel(batch *pgx.Batch, account ids.AccountID, id ids.UISChannelID, adapter int64, into *Channel) {
	*into = Channel{ID: id}
	which, number := ` AND c.id = $2`, int64(id)
	if id == 0 {
		which, number = ` AND c.adapter_channel = $2`, adapter
	}
	batch.Queue(channelQuery+which, int64(account), number).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, scanChannel)
		if err != nil {
			return fmt.Errorf("find channel %d: %w", number, err)
		}
		if len(found) > 0 {
			*into = found[0]
		}
		return nil
	})
}

// Employees names the account's employees at UIS.
func Employees(ctx context.Context, tx pgx.Tx, account ids.AccountID) (map[ids.UISEmployeeID]string, error) {
	batch := &pgx.Batch{}
	out := QueueEmployees(batch, account)
	return out, tx.SendBatch(ctx, batch).Close()
}

// QueueEmployees is Employees as a statement of a batch.
func QueueEmployees(batch *pgx.Batch, account ids.AccountID) map[ids.UISEmployeeID]string {
	out := map[ids.UISEmployeeID]string{}
	batch.Queue(`SELECT id, full_name FROM uis_employee WHERE account_id = $1`, int64(account)).Query(func(rows pgx.Rows) error {
		var id ids.UISEmployeeID
		var name string
		if _, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error { out[id] = name; return nil }); err != nil {
			return fmt.Errorf("list employees: %w", err)
		}
		return nil
	})
	return out
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

// Place is where the account and its portals are: the time zone at UIS, and what people of each portal read.
type Place struct {
	// Zone is UTC while it is not known.
	Zone *time.Location

	portals   []int64
	languages []string
}

// Language is what people of a portal read; 0: of the account's first one.
func (p *Place) Language(portal ids.PortalID) string {
	for i, id := range p.portals {
		if portal == 0 || id == int64(portal) {
			return p.languages[i]
		}
	}
	return ""
}

// QueuePlace queues the read of the account's place.
func QueuePlace(batch *pgx.Batch, account ids.AccountID, zones *Zones) *Place {
	p := &Place{Zone: time.UTC}
	batch.Queue(`SELECT COALESCE((SELECT timezone FROM uis_connection WHERE account_id = $1), ''),
		ARRAY(SELECT id FROM portal WHERE account_id = $1 ORDER BY id), ARRAY(SELECT language FROM portal WHERE account_id = $1 ORDER BY id)`, int64(account)).
		QueryRow(func(row pgx.Row) error {
			var zone string
			if err := row.Scan(&zone, &p.portals, &p.languages); err != nil {
				return fmt.Errorf("read where the account is: %w", err)
			}
			p.Zone = zones.find(zone)
			return nil
		})
	return p
}

// Zone is the account's time zone at UIS; UTC while it is not known.
func Zone(ctx context.Context, tx pgx.Tx, account ids.AccountID) (*time.Location, error) {
	batch := &pgx.Batch{}
	place := QueuePlace(batch, account, &Zones{})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	return place.Zone, nil
}

// Zones remembers time zones by name: reading one takes files.
type Zones struct {
	mu    sync.Mutex
	zones map[string]*time.Location
}

// zonesKept bounds the memory; there are some 600 names.
const zonesKept = 1000

func (z *Zones) find(name string) *time.Location {
	z.mu.Lock()
	defer z.mu.Unlock()
	if zone := z.zones[name]; zone != nil {
		return zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		zone = time.UTC // a zone nobody knows is no reason to stop
	}
	if z.zones == nil || len(z.zones) >= zonesKept {
		z.zones = map[string]*time.Location{}
	}
	z.zones[name] = zone
	return zone
}
