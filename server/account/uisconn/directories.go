package uisconn

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/uis"
)

// Refresh reads channels and employees again (U4): by hand and daily. An empty or failed answer never replaces a good copy. Error: ErrNotConnected.
func (c *Connections) Refresh(ctx context.Context, account ids.AccountID) ([]Check, error) {
	r, err := c.read(ctx, account)
	if err != nil {
		return nil, err
	}
	a := &attempt{account: account, brand: r.Brand, login: r.ChatsLogin}
	if a.key, err = c.open(account, "api_key", r.APIKey); err != nil {
		return nil, err
	}
	if a.password, err = c.open(account, "chats_password", r.ChatsPassword); err != nil {
		return nil, err
	}
	result := c.readDirectories(ctx, a, r)
	c.Changed(account)
	return result, nil
}

// readDirectories reads what the credentials allow and stores what is good.
func (c *Connections) readDirectories(ctx context.Context, a *attempt, r row) []Check {
	client, err := c.client(a.account, a.brand, a.key)
	if err != nil {
		return []Check{judge(CheckChannels, err), judge(CheckEmployees, err)}
	}
	return []Check{c.channels(ctx, client, a), c.employees(ctx, client, a)}
}

// channel is a row of uis_channel as far as the Data API or the management API tell it.
type channel struct {
	id              int64
	kind            string
	name            string
	status          string
	external        string
	group, employee int64
}

func (c *Connections) channels(ctx context.Context, client *uis.Client, a *attempt) Check {
	if a.key == "" && (a.login == "" || a.password == "") {
		return Check{Code: CheckChannels, Why: "missing"}
	}
	list, err := c.listChannels(ctx, client, a)
	if err != nil {
		return judge(CheckChannels, err)
	}
	if len(list) == 0 {
		return Check{Code: CheckChannels, Why: "empty"}
	}
	return judge(CheckChannels, c.storeChannels(ctx, a.account, list))
}

// listChannels asks the Data API; without a key, or where the brand or the tariff lacks that, the chats management.
func (c *Connections) listChannels(ctx context.Context, client *uis.Client, a *attempt) ([]channel, error) {
	var list []channel
	var failure error = uis.ErrNotOffered
	if a.key != "" {
		rows, err := uis.Collect(uis.All(ctx, client.ChatChannels, uis.Query{}))
		for _, ch := range rows {
			list = append(list, channel{
				id: int64(ch.ID), kind: ch.Type, name: ch.Name, status: ch.Status, external: string(ch.ExternalID), group: int64(ch.GroupID), employee: int64(ch.EmployeeID),
			})
		}
		if failure = err; err == nil && len(list) > 0 {
			return list, nil
		}
	}
	if a.jwt == "" && a.login != "" && a.password != "" && client.Hosts().Offers(uis.LoginAPI) {
		login, err := client.Login(ctx, a.login, a.password)
		if err != nil {
			return nil, err
		}
		a.jwt = login.JWT
	}
	if a.jwt == "" {
		return nil, failure
	}
	rows, err := client.Management(a.jwt).Channels(ctx)
	list = nil
	for _, ch := range rows {
		if !ch.Removed {
			list = append(list, channel{id: int64(ch.ID), kind: ch.Type, name: ch.Name, status: ch.Status})
		}
	}
	return list, err
}

func (c *Connections) storeChannels(ctx context.Context, account ids.AccountID, list []channel) error {
	now := c.Clock.Now()
	err := c.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		batch := &pgx.Batch{}
		seen := make([]int64, 0, len(list))
		for _, ch := range list {
			seen = append(seen, ch.id)
			batch.Queue(`INSERT INTO uis_channel (account_id, id, type, name, status, external_id, group_id, employee_id, seen_at)
				VALUES ($1, $2, $3, $4, $5, $6, NULLIF($7::bigint, 0), NULLIF($8::bigint, 0), $9)
				ON CONFLICT (account_id, id) DO UPDATE SET type = EXCLUDED.type, name = EXCLUDED.name, status = EXCLUDED.status,
				external_id = EXCLUDED.external_id, group_id = EXCLUDED.group_id, employee_id = EXCLUDED.employee_id, gone_at = NULL, seen_at = EXCLUDED.seen_at`,
				int64(account), ch.id, ch.kind, ch.name, ch.status, ch.external, ch.group, ch.employee, now)
		}
		batch.Queue(`UPDATE uis_channel SET gone_at = $3 WHERE account_id = $1 AND id <> ALL ($2) AND gone_at IS NULL`, int64(account), seen, now)
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return fmt.Errorf("store channels of account %d: %w", account, err)
	}
	return nil
}

func (c *Connections) employees(ctx context.Context, client *uis.Client, a *attempt) Check {
	if a.key == "" {
		return Check{Code: CheckEmployees, Why: "missing"}
	}
	// groups, operator and extension do not come by default (Data API, get.employees).
	list, err := uis.Collect(uis.All(ctx, client.Employees, uis.Query{Fields: []string{
		"id", "login", "first_name", "last_name", "patronymic", "full_name", "email", "status_id", "groups", "phone_numbers", "extension", "operator",
	}}))
	if err != nil {
		return judge(CheckEmployees, err)
	}
	if len(list) == 0 {
		return Check{Code: CheckEmployees, Why: "empty"}
	}
	return judge(CheckEmployees, c.storeEmployees(ctx, a.account, list))
}

func (c *Connections) storeEmployees(ctx context.Context, account ids.AccountID, list []uis.Employee) error {
	now := c.Clock.Now()
	err := c.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		batch := &pgx.Batch{}
		seen := make([]int64, 0, len(list))
		for _, e := range list {
			seen = append(seen, int64(e.ID))
			groups := make([]string, 0, len(e.Groups))
			for _, g := range e.Groups {
				groups = append(groups, g.Name)
			}
			phones := append([]string{}, e.Active()...)
			batch.Queue(`INSERT INTO uis_employee (account_id, id, full_name, first_name, last_name, email, extension, phones, groups, chats, seen_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
				ON CONFLICT (account_id, id) DO UPDATE SET full_name = EXCLUDED.full_name, first_name = EXCLUDED.first_name, last_name = EXCLUDED.last_name,
				email = EXCLUDED.email, extension = EXCLUDED.extension, phones = EXCLUDED.phones, groups = EXCLUDED.groups, chats = EXCLUDED.chats,
				gone_at = NULL, seen_at = EXCLUDED.seen_at`,
				int64(account), int64(e.ID), nameOf(e), e.FirstName, e.LastName, e.Email, string(e.Extension.Number), phones, groups, e.Operator.ChatEnabled, now)
		}
		batch.Queue(`UPDATE uis_employee SET gone_at = $3 WHERE account_id = $1 AND id <> ALL ($2) AND gone_at IS NULL`, int64(account), seen, now)
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return fmt.Errorf("store employees of account %d: %w", account, err)
	}
	return nil
}

func nameOf(e uis.Employee) string {
	for _, name := range []string{e.FullName, e.LastName + " " + e.FirstName, e.Operator.DisplayName, e.Login} {
		if len(name) > 1 {
			return name
		}
	}
	return e.LastName
}
