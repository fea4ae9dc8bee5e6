package chats

import (
	"context"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/settings"
)

// AccountDirectory is the Directory over the account's own tables.
type AccountDirectory struct{}

// Setting implements Directory.
func (AccountDirectory) Setting(ctx context.Context, tx pgx.Tx, account ids.AccountID, channel ids.UISChannelID) (Setting, error) {
	var s Setting
	c, err := directory.ChannelBy(ctx, tx, account, channel)
	if err != nil {
		return s, err
	}
	s.Channel = ChannelFrom(c)
	if s.Document, err = settings.Current(ctx, tx, account); err != nil {
		return s, err
	}
	if s.Employees, err = directory.Employees(ctx, tx, account); err != nil {
		return s, err
	}
	if s.Zone, err = directory.Zone(ctx, tx, account); err != nil {
		return s, err
	}
	portal := ids.PortalID(0)
	if p := s.Document.Chats.Portal; p != nil {
		portal = ids.PortalID(*p)
	} else if p := s.Document.Main.Portal; p != nil {
		portal = ids.PortalID(*p)
	}
	s.Lang, err = directory.Language(ctx, tx, account, portal)
	return s, err
}

// ChannelOf implements Directory.
func (AccountDirectory) ChannelOf(ctx context.Context, tx pgx.Tx, account ids.AccountID, adapterChannel int64) (ids.UISChannelID, error) {
	return directory.ChannelOf(ctx, tx, account, adapterChannel)
}

// ChannelFrom takes a channel over from the directory.
func ChannelFrom(c directory.Channel) Channel {
	return Channel{ID: c.ID, Type: c.Type, Name: c.Name, Active: c.Active, AdapterAccount: c.Connection, AdapterChannel: c.Adapter}
}
