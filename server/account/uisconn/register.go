package uisconn

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/history"
	"omni/server/ids"
	"omni/server/uis"
)

// register makes adapter and connection what they should be (U2).
func (c *Connections) register(ctx context.Context, a *attempt, r row) Check {
	client, err := c.client(a.account, a.brand, a.key)
	if err != nil {
		return judge(CheckAdapter, err)
	}
	management := client.Management(a.jwt)
	want, err := c.adapterFields(r)
	if err != nil {
		return judge(CheckAdapter, err)
	}
	adapter, _, err := management.EnsureAdapter(ctx, want, r.AdapterID == nil)
	if err != nil {
		return judge(CheckAdapter, err)
	}
	if err := c.note(ctx, a.account, "adapter_id", int64(adapter.ID)); err != nil {
		return judge(CheckAdapter, err)
	}
	channels, err := management.Channels(ctx)
	if err != nil {
		return judge(CheckAdapter, err)
	}
	connection := uis.Connection{Name: "OMNI Bitrix24", AdapterID: adapter.ID, Channels: connectable(channels), Context: map[string]any{uis.ScenarioCreated: true}}
	if r.ConnectionID != nil {
		connection.ID = uis.ConnectionID(*r.ConnectionID)
	}
	made, _, err := management.EnsureAccount(ctx, connection)
	if err != nil {
		return judge(CheckAdapter, err)
	}
	if err := c.note(ctx, a.account, "connection_id", int64(made.ID)); err != nil {
		return judge(CheckAdapter, err)
	}
	if r.ConnectionID != nil {
		connection.ID = made.ID
		if err := c.reconnect(ctx, management, a.account, connection); err != nil {
			return judge(CheckAdapter, err)
		}
	}
	return Check{Code: CheckAdapter, OK: true, Why: "ok"}
}

func (c *Connections) adapterFields(r row) (uis.AdapterFields, error) {
	token, err := c.open(r.AccountID, "url_token", r.URLToken)
	if err != nil {
		return uis.AdapterFields{}, err
	}
	webhook, err := c.open(r.AccountID, "webhook_secret", r.WebhookSecret)
	if err != nil {
		return uis.AdapterFields{}, err
	}
	password, err := c.open(r.AccountID, "adapter_password", r.AdapterPassword)
	if err != nil {
		return uis.AdapterFields{}, err
	}
	return uis.AdapterFields{
		Type: r.AdapterType, Name: "OMNI Bitrix24", Login: r.AdapterLogin, Password: password,
		WebhookURL: c.PublicURL + "/uis/" + token + "/chat", WebhookVersion: "v2", WebhookAuth: uis.BearerAuth(webhook), ChannelTypes: uis.AdapterChannelTypes(),
	}, nil
}

// connectable lists the channels an adapter can serve.
func connectable(channels []uis.Channel) []uis.ChannelID {
	can := map[string]bool{}
	for _, t := range uis.AdapterChannelTypes() {
		can[t] = true
	}
	var list []uis.ChannelID
	for _, ch := range channels {
		if can[ch.Type] && !ch.Removed {
			list = append(list, ch.ID)
		}
	}
	return list
}

// note writes one number of the connection's row without touching what a webhook may have written meanwhile.
func (c *Connections) note(ctx context.Context, account ids.AccountID, column string, id int64) error {
	statement := `UPDATE uis_connection SET adapter_id = $2 WHERE account_id = $1`
	if column == "connection_id" {
		statement = `UPDATE uis_connection SET connection_id = $2 WHERE account_id = $1`
	}
	return c.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, statement, int64(account), id)
		return err
	})
}

// reconnect takes channels of an older connection whose webhook never reached us out and in again: no call tells an adapter's number of a channel,
// only the webhook of its making does.
func (c *Connections) reconnect(ctx context.Context, m *uis.Management, account ids.AccountID, want uis.Connection) error {
	known := map[int64]bool{}
	err := c.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id FROM uis_channel WHERE account_id = $1 AND adapter_channel IS NOT NULL`, int64(account))
		if err != nil {
			return err
		}
		var id int64
		_, err = pgx.ForEachRow(rows, []any{&id}, func() error { known[id] = true; return nil })
		return err
	})
	if err != nil {
		return fmt.Errorf("look for channels without a number: %w", err)
	}
	without := want
	without.Channels = nil
	for _, id := range want.Channels {
		if known[int64(id)] {
			without.Channels = append(without.Channels, id)
		}
	}
	if len(without.Channels) == len(want.Channels) {
		return nil
	}
	for _, step := range []uis.Connection{without, want} {
		if _, err := m.PatchAccount(ctx, want.ID, step); err != nil {
			return fmt.Errorf("connect channels again: %w", err)
		}
	}
	return nil
}

// Disconnect removes connection and adapter at UIS as far as that can be done, then the credentials. Chats and their names stay.
func (c *Connections) Disconnect(ctx context.Context, account ids.AccountID) error {
	r, err := c.read(ctx, account)
	if errors.Is(err, ErrNotConnected) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := c.unregister(ctx, r); err != nil {
		c.Log.WarnContext(ctx, "our chat adapter could not be removed at UIS; it stays there without effect", "account", account, "error", err)
	}
	err = c.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		if err := history.Note(ctx, tx, account, c.Clock.Now(), history.UISRemoved, history.About{Name: string(r.Brand)}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE uis_channel SET adapter_channel = NULL, gone_at = COALESCE(gone_at, $2) WHERE account_id = $1`, int64(account), c.Clock.Now()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM uis_connection WHERE account_id = $1`, int64(account))
		return err
	})
	if err != nil {
		return fmt.Errorf("disconnect account %d from UIS: %w", account, err)
	}
	c.forget(account)
	c.Changed(account)
	return nil
}

func (c *Connections) unregister(ctx context.Context, r row) error {
	password, err := c.open(r.AccountID, "chats_password", r.ChatsPassword)
	if err != nil || r.AdapterID == nil || password == "" {
		return err
	}
	client, err := c.client(r.AccountID, r.Brand, "")
	if err != nil {
		return err
	}
	login, err := client.Login(ctx, r.ChatsLogin, password)
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	management := client.Management(login.JWT)
	if r.ConnectionID != nil {
		if err := management.DeleteAccount(ctx, uis.ConnectionID(*r.ConnectionID)); err != nil && uis.ClassOf(err) != uis.NotFound {
			return fmt.Errorf("remove the connection: %w", err)
		}
	}
	if err := management.DeleteAdapter(ctx, uis.AdapterID(*r.AdapterID)); err != nil && uis.ClassOf(err) != uis.NotFound {
		return fmt.Errorf("remove the adapter: %w", err)
	}
	return nil
}
