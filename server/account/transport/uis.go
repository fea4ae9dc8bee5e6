package transport

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"omni/server/account"
	"omni/server/files"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/uis"
)

// ErrNotConnected says that the account has no connection to UIS (any more).
var ErrNotConnected = errors.New("the account is not connected to UIS")

// Credentials give the clients of an account's UIS connection.
type Credentials interface {
	// Client speaks to the Data and Call API with the account's key. ErrNotConnected.
	Client(ctx context.Context, account ids.AccountID) (*uis.Client, error)
	// Adapter speaks to the Chat API as the account's adapter. ErrNotConnected.
	Adapter(ctx context.Context, account ids.AccountID) (*uis.AdapterSession, error)
}

// FileSource gives the bytes of stored files.
type FileSource interface {
	Stat(ctx context.Context, account ids.AccountID, id ids.FileID) (files.File, error)
	Open(ctx context.Context, f files.File, offset int64) io.ReadCloser
}

// UIS sends the commands of an account's UIS lanes, one call each.
type UIS struct {
	credentials Credentials
	files       FileSource
}

// NewUIS builds the transport of UIS lanes.
func NewUIS(c Credentials, f FileSource) *UIS { return &UIS{credentials: c, files: f} }

// Send implements outbox.Transport.
func (u *UIS) Send(ctx context.Context, lane outbox.Lane, commands []outbox.Outgoing) []outbox.Reply {
	replies := make([]outbox.Reply, len(commands))
	for i, c := range commands {
		began := time.Now()
		result, err := u.one(logged(ctx, account.Ref{Account: lane.Account}, c), lane.Account, lane.Kind, c)
		if err != nil {
			replies[i] = outbox.Reply{Err: sortUIS(err)}
			continue
		}
		replies[i] = outbox.Reply{Result: result, Took: time.Since(began)}
	}
	return replies
}

func (u *UIS) one(ctx context.Context, account ids.AccountID, kind outbox.LaneKind, c outbox.Outgoing) (json.RawMessage, error) {
	if kind != outbox.LaneUISChat {
		client, err := u.credentials.Client(ctx, account)
		if err != nil {
			return nil, before{err}
		}
		api := uis.DataAPI
		if kind == outbox.LaneUISCall {
			api = uis.CallAPI
		}
		data, _, err := client.Do(ctx, uis.Command{API: api, Method: c.Kind, Params: c.Params})
		return data, err
	}
	session, err := u.credentials.Adapter(ctx, account)
	if err != nil {
		return nil, before{err}
	}
	switch c.Kind {
	case KindUpload:
		return u.upload(ctx, account, session, c.Params)
	case KindSend:
		return do[uis.OutMessage](ctx, session, c.Params)
	case KindStart:
		return do[uis.NewChat](ctx, session, c.Params)
	case KindClose:
		return do[uis.CloseChat](ctx, session, c.Params)
	case KindTransfer:
		return do[uis.TransferChat](ctx, session, c.Params)
	}
	return nil, errors.New("unknown kind " + c.Kind)
}

// before is an error of what a request needs from our own database: nothing was sent.
type before struct{ error }

func (e before) Unwrap() error { return e.error }

// do sends a stored command of the Chat API with its constant fields filled in.
func do[T any](ctx context.Context, session *uis.AdapterSession, params json.RawMessage) (json.RawMessage, error) {
	command, err := complete[T](params)
	if err != nil {
		return nil, err
	}
	return session.Do(ctx, command)
}

func complete[T any](params json.RawMessage) (uis.Command, error) {
	var typed T
	if err := json.Unmarshal(params, &typed); err != nil {
		return uis.Command{}, err
	}
	return uis.NewCommand(typed)
}

// upload streams a stored file to UIS, piece by piece.
func (u *UIS) upload(ctx context.Context, account ids.AccountID, session *uis.AdapterSession, params json.RawMessage) (json.RawMessage, error) {
	var p struct {
		Connection uis.ConnectionID     `json:"account_id"`
		Channel    uis.AdapterChannelID `json:"channel_id"`
		Type       string               `json:"type"`
		File       ids.FileID           `json:"file"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, err
	}
	f, err := u.files.Stat(ctx, account, p.File)
	if err != nil {
		return nil, before{err}
	}
	body := u.files.Open(ctx, f, 0)
	defer func() { _ = body.Close() }()
	resource, err := session.UploadResource(ctx, uis.Upload{ConnectionID: p.Connection, ChannelID: p.Channel, Type: p.Type, Name: f.Name, MIME: f.Mime, Size: f.Size, Body: body})
	if err != nil {
		return nil, err
	}
	return json.Marshal(resource)
}

// sortUIS says what to do about an error of UIS.
func sortUIS(err error) *outbox.Failure {
	var e *uis.Error
	var ours before
	switch {
	case errors.Is(err, ErrNotConnected):
		return &outbox.Failure{Kind: outbox.Refused, Class: "not_connected", Text: err.Error()}
	case errors.Is(err, files.ErrNotFound):
		return &outbox.Failure{Kind: outbox.Refused, Class: "file_gone", Text: err.Error()}
	case errors.Is(err, uis.ErrBodySpent):
		return &outbox.Failure{Kind: outbox.Retry, Class: "key_expired", After: time.Second}
	case errors.As(err, &e):
	case errors.As(err, &ours):
		return &outbox.Failure{Kind: outbox.Retry, Class: "database", After: time.Second}
	default:
		return &outbox.Failure{Kind: outbox.Refused, Class: "invalid", Text: err.Error()}
	}
	f := &outbox.Failure{Class: string(e.Class()), Code: e.Mnemonic, Text: e.Message, Kind: outbox.Refused}
	switch e.Class() {
	case uis.Transport, uis.Server:
		f.Kind, f.After = outbox.Unclear, time.Second
		if e.Executed() == uis.NotExecuted {
			f.Kind, f.Wide = outbox.Retry, true
		}
	case uis.LimitExceeded:
		f.Kind, f.Wide, f.After = outbox.Retry, true, 15*time.Second
	case uis.KeyExpired, uis.IPNotAllowed, uis.AccountInactive, uis.KeyBlocked:
		f.Kind, f.Wide, f.After = outbox.Retry, true, 30*time.Second
	}
	return f
}
