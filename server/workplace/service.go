// Package workplace is what operators do and see: lists, conversations and actions of one person, over the engine of chats.
package workplace

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/chats"
	"omni/server/clock"
	"omni/server/crm"
	"omni/server/files"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/store"
	"omni/server/uis"
)

// Person is who asks.
type Person struct {
	Account  ids.AccountID
	Portal   ids.PortalID
	User     ids.B24UserID
	Employee ids.UISEmployeeID
	Others   bool
	Lang     string
}

// Doer runs the step of a key inline.
type Doer interface {
	Do(ctx context.Context, row inbox.Row) (any, error)
}

// Asker reads something at a portal while a person waits.
type Asker interface {
	Ask(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, kind string, params any, p outbox.Priority) (json.RawMessage, error)
}

// Options are the parts of a service.
type Options struct {
	DB      *store.DB
	Clock   clock.Clock
	Doer    Doer
	Asker   Asker
	Files   *files.Store
	FileURL func(ids.AccountID, ids.FileID, string) string
	Texts   chats.Texts
}

// Service serves operators.
type Service struct {
	Options
	cards *cardCache
}

// New builds the service.
func New(o Options) *Service { return &Service{Options: o, cards: newCardCache(o.Clock)} }

// ErrBadInput names a field of a request that cannot be used.
type ErrBadInput struct{ Field, Code string }

// Error implements error.
func (e ErrBadInput) Error() string { return e.Field + ": " + e.Code }

// List is one list of chats with its counters.
type List struct {
	Items    []chats.ChatView `json:"items"`
	Next     *string          `json:"next"`
	Counters chats.Counters   `json:"counters"`
	Card     *Card            `json:"card,omitempty"`
}

const pageChats = 40

// Chats reads a list. With an entity only chats of that card's client; its contact data come along.
func (s *Service) Chats(ctx context.Context, p Person, q chats.Query, cursor string, entity string, entityID int64) (*List, error) {
	q.Limit = pageChats + 1
	if err := readCursor(cursor, &q); err != nil {
		return nil, err
	}
	out := &List{Items: []chats.ChatView{}}
	if entity != "" {
		card, err := s.card(ctx, p, crm.EntityType(entity), entityID)
		if err != nil {
			return nil, err
		}
		out.Card = card
		q.Contacts = &chats.Contacts{Phones: card.Phones, Emails: card.Emails, Entity: entity, EntityID: entityID}
	}
	err := s.DB.InAccount(ctx, p.Account, func(ctx context.Context, tx pgx.Tx) error {
		found, last, err := chats.ListChats(ctx, tx, p.Account, p.Employee, p.Others, q)
		if err != nil {
			return err
		}
		if out.Counters, err = chats.CountChats(ctx, tx, p.Account, p.Employee, p.Others); err != nil {
			return err
		}
		if len(found) > pageChats {
			found = found[:pageChats]
			next := writeCursor(found[pageChats-1])
			out.Next = &next
		}
		viewer, err := s.viewer(ctx, tx, p)
		if err != nil {
			return err
		}
		for _, c := range found {
			view := viewer.Chat(c, last[c.Last])
			viewer.Personal(&view, c, p.Employee, p.Others)
			out.Items = append(out.Items, view)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list chats: %w", err)
	}
	return out, nil
}

// Chat reads one chat; ErrNoChat when the person may not see it.
func (s *Service) Chat(ctx context.Context, p Person, id ids.ChatID) (*chats.ChatView, error) {
	var view *chats.ChatView
	err := s.DB.InAccount(ctx, p.Account, func(ctx context.Context, tx pgx.Tx) error {
		c, last, err := chats.ChatByID(ctx, tx, p.Account, id, p.Employee, p.Others)
		if err != nil {
			return err
		}
		if c == nil {
			return chats.ErrNoChat
		}
		view, err = s.view(ctx, tx, p, c, last)
		return err
	})
	return view, err
}

// Messages is a page of a conversation.
type Messages struct {
	Items []chats.MessageView `json:"items"`
	Next  *ids.MessageID      `json:"next"`
}

// Messages reads a page of a conversation, oldest first.
func (s *Service) Messages(ctx context.Context, p Person, id ids.ChatID, before, after ids.MessageID, limit int) (*Messages, error) {
	out := &Messages{Items: []chats.MessageView{}}
	err := s.DB.InAccount(ctx, p.Account, func(ctx context.Context, tx pgx.Tx) error {
		c, _, err := chats.ChatByID(ctx, tx, p.Account, id, p.Employee, p.Others)
		if err != nil {
			return err
		}
		if c == nil {
			return chats.ErrNoChat
		}
		page, quoted, more, err := chats.ListMessages(ctx, tx, p.Account, id, before, after, limit)
		if err != nil {
			return err
		}
		viewer, err := s.viewer(ctx, tx, p)
		if err != nil {
			return err
		}
		for _, m := range page {
			out.Items = append(out.Items, viewer.Message(m, quoted[m.ReplyTo]))
		}
		if more && len(page) > 0 {
			edge := page[0].ID
			if after != 0 {
				edge = page[len(page)-1].ID
			}
			out.Next = &edge
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Outgoing is what an operator sends.
type Outgoing struct {
	ID       string          `json:"id"`
	Text     string          `json:"text"`
	File     ids.FileID      `json:"file"`
	ReplyTo  ids.MessageID   `json:"reply_to"`
	Template json.RawMessage `json:"template"`
}

// Send queues a message; the same id answers the same message again.
func (s *Service) Send(ctx context.Context, p Person, id ids.ChatID, o Outgoing) (*chats.MessageView, error) {
	a, err := s.action(ctx, p, o)
	if err != nil {
		return nil, err
	}
	if view, err := s.message(ctx, p, a.ID); err != nil || view != nil {
		return view, err
	}
	if _, err := s.act(ctx, p, id, chats.KindSend, a); err != nil {
		return nil, err
	}
	return s.sent(ctx, p, a.ID)
}

// Retry sends a failed or not confirmed message again.
func (s *Service) Retry(ctx context.Context, p Person, id ids.ChatID, message ids.MessageID, key string) (*chats.MessageView, error) {
	a := s.plain(p, key)
	a.Message = message
	if _, err := s.act(ctx, p, id, chats.KindRetry, a); err != nil {
		return nil, err
	}
	var view *chats.MessageView
	err := s.DB.InAccount(ctx, p.Account, func(ctx context.Context, tx pgx.Tx) error {
		m, quoted, err := chats.MessageByID(ctx, tx, p.Account, message)
		if err != nil || m == nil {
			return err
		}
		viewer, err := s.viewer(ctx, tx, p)
		if err == nil {
			v := viewer.Message(m, quoted)
			view = &v
		}
		return err
	})
	return view, err
}

// Do runs one of the plain actions (accept, close, transfer, read) and answers the chat as it stands then.
func (s *Service) Do(ctx context.Context, p Person, id ids.ChatID, kind, key string, to ids.UISEmployeeID) (*chats.ChatView, error) {
	a := s.plain(p, key)
	a.To = to
	if _, err := s.act(ctx, p, id, kind, a); err != nil {
		return nil, err
	}
	return s.Chat(ctx, Person{Account: p.Account, Portal: p.Portal, User: p.User, Employee: p.Employee, Others: true, Lang: p.Lang}, id)
}

// First is "write first" (W4).
type First struct {
	Outgoing
	Channel  ids.UISChannelID `json:"channel"`
	Phone    string           `json:"phone"`
	Email    string           `json:"email"`
	Username string           `json:"username"`
}

// Start begins a chat; the same id answers the same chat again.
func (s *Service) Start(ctx context.Context, p Person, f First) (*chats.ChatView, error) {
	a, err := s.action(ctx, p, f.Outgoing)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(chats.Start{Action: a, Channel: f.Channel, Phone: f.Phone, Email: f.Email, Username: f.Username})
	if err != nil {
		return nil, fmt.Errorf("encode a first message: %w", err)
	}
	_, err = s.Doer.Do(ctx, inbox.Row{Account: p.Account, Key: ids.Key("start:" + a.ID), Kind: chats.KindStart, Natural: "start:" + a.ID, Body: body})
	if err != nil && !errors.Is(err, inbox.ErrRepeat) {
		return nil, err
	}
	var view *chats.ChatView
	err = s.DB.InAccount(ctx, p.Account, func(ctx context.Context, tx pgx.Tx) error {
		c, last, err := chats.ChatByStart(ctx, tx, p.Account, a.ID)
		if err != nil {
			return err
		}
		if c == nil {
			return inbox.ErrParked
		}
		view, err = s.view(ctx, tx, p, c, last)
		return err
	})
	return view, err
}

// act runs an action under the chat's key. A chat that got its UIS number meanwhile has another key then.
func (s *Service) act(ctx context.Context, p Person, id ids.ChatID, kind string, a chats.Action) (any, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("encode an action: %w", err)
	}
	for try := range 3 {
		key, err := s.keyOf(ctx, p, id)
		if err != nil {
			return nil, err
		}
		natural := fmt.Sprintf("%s:%s:%d", kind, a.ID, try)
		answer, err := s.Doer.Do(ctx, inbox.Row{Account: p.Account, Key: key, Kind: kind, Natural: natural, Body: body})
		switch {
		case errors.Is(err, inbox.ErrRepeat):
			return nil, nil
		case errors.Is(err, chats.ErrMoved):
			continue
		}
		return answer, err
	}
	return nil, inbox.ErrParked
}

func (s *Service) keyOf(ctx context.Context, p Person, id ids.ChatID) (ids.Key, error) {
	var key ids.Key
	err := s.DB.InAccount(ctx, p.Account, func(ctx context.Context, tx pgx.Tx) error {
		c, _, err := chats.ChatByID(ctx, tx, p.Account, id, p.Employee, true)
		switch {
		case err != nil:
			return err
		case c == nil:
			return chats.ErrNoChat
		case c.UIS != 0:
			key = ids.ChatKey(c.UIS)
		default:
			key = ids.Key("start:" + c.StartKey)
		}
		return nil
	})
	return key, err
}

func (s *Service) plain(p Person, key string) chats.Action {
	if _, err := uuid.Parse(key); err != nil {
		key = uuid.NewString()
	}
	return chats.Action{ID: strings.ToLower(key), By: p.Employee, User: p.User, Others: p.Others}
}

// action checks what an operator sends and finds its file.
func (s *Service) action(ctx context.Context, p Person, o Outgoing) (chats.Action, error) {
	if _, err := uuid.Parse(o.ID); err != nil {
		return chats.Action{}, ErrBadInput{"/id", "uuid"}
	}
	a := s.plain(p, o.ID)
	a.Text, a.ReplyTo, a.Template = o.Text, o.ReplyTo, o.Template
	if string(a.Template) == "null" {
		a.Template = nil
	}
	if o.File == 0 {
		return a, nil
	}
	f, err := s.Files.Stat(ctx, p.Account, o.File)
	if errors.Is(err, files.ErrNotFound) {
		return a, ErrBadInput{"/file", "gone"}
	}
	if err != nil {
		return a, err
	}
	a.File = &chats.File{ID: f.ID, Name: f.Name, Size: f.Size, Mime: f.Mime, State: "ready", Type: uis.ResourceTypeFor(f.Mime)}
	return a, nil
}

// message finds what a client-made id made already.
func (s *Service) message(ctx context.Context, p Person, key string) (*chats.MessageView, error) {
	var view *chats.MessageView
	err := s.DB.InAccount(ctx, p.Account, func(ctx context.Context, tx pgx.Tx) error {
		m, quoted, err := chats.MessageByKey(ctx, tx, p.Account, key)
		if err != nil || m == nil {
			return err
		}
		viewer, err := s.viewer(ctx, tx, p)
		if err == nil {
			v := viewer.Message(m, quoted)
			view = &v
		}
		return err
	})
	return view, err
}

func (s *Service) sent(ctx context.Context, p Person, key string) (*chats.MessageView, error) {
	view, err := s.message(ctx, p, key)
	if err == nil && view == nil {
		return nil, inbox.ErrParked
	}
	return view, err
}

func (s *Service) view(ctx context.Context, tx pgx.Tx, p Person, c *chats.Chat, last *chats.Message) (*chats.ChatView, error) {
	viewer, err := s.viewer(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	view := viewer.Chat(c, last)
	viewer.Personal(&view, c, p.Employee, p.Others)
	return &view, nil
}

func (s *Service) viewer(ctx context.Context, tx pgx.Tx, p Person) (chats.Viewer, error) {
	employees, err := directory.Employees(ctx, tx, p.Account)
	if err != nil {
		return chats.Viewer{}, err
	}
	list, err := directory.Channels(ctx, tx, p.Account)
	if err != nil {
		return chats.Viewer{}, err
	}
	channels := map[ids.UISChannelID]chats.Channel{}
	for _, c := range list {
		channels[c.ID] = chats.ChannelFrom(c)
	}
	return chats.Viewer{Employees: employees,
		Channels: func(id ids.UISChannelID) chats.Channel {
			if c, known := channels[id]; known {
				return c
			}
			return chats.Channel{ID: id}
		},
		FileURL: func(f ids.FileID, name string) string { return s.FileURL(p.Account, f, name) },
		Text:    func(key string, args ...any) string { return s.Texts.Text(p.Lang, key, args...) }}, nil
}

func writeCursor(c *chats.Chat) string {
	return base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("%d.%d", c.ChangedAt.UnixMicro(), c.ID)))
}

func readCursor(cursor string, q *chats.Query) error {
	if cursor == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return ErrBadInput{"cursor", "invalid"}
	}
	var at, id int64
	if _, err := fmt.Sscanf(string(raw), "%d.%d", &at, &id); err != nil {
		return ErrBadInput{"cursor", "invalid"}
	}
	q.BeforeAt, q.BeforeID = time.UnixMicro(at), ids.ChatID(id)
	return nil
}
