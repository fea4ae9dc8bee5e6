// Package why is the reading room of the "Why?" page: which communications there were, and of one of them why it came to what it came to, what was asked of
// the platforms for it, what failed, and what helps. What a communication is tells the engine of its kind (Source).
package why

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/restlog"
	"omni/server/store"
)

// Kind is a kind of communication.
type Kind string

// The kinds of communications.
const (
	Call    Kind = "call"
	Chat    Kind = "chat"
	Request Kind = "request"
)

// Known tells whether there is such a kind.
func (k Kind) Known() bool { return k == Call || k == Chat || k == Request }

// Entity is something in the CRM that a communication made or found. An activity has no page of its own.
type Entity struct {
	Type    string
	ID      int64
	Title   string
	Created bool
}

// Communication is one as its engine knows it.
type Communication struct {
	// Row continues a list: a number that falls from one communication to the next. It is not shown.
	Row int64
	// ID is its number at UIS, by which people know it.
	ID int64
	// Client is what the client is called; his phones are digits only.
	Client         string
	Phones, Emails []string
	// Where names the channel of a chat, the number of a call, the site of a request.
	Where string
	// State is a word of the kind; its sentence is the text why.state.{kind}.{state}.
	State     string
	StartedAt time.Time
	EndedAt   *time.Time
	Entities  []Entity
	// Page is the chat's number in the workplace; 0: it has no page there.
	Page ids.ChatID
	// Portal holds the entities; 0: none was chosen yet.
	Portal ids.PortalID
}

// Story is a communication with what only its page needs.
type Story struct {
	Communication
	// Keys are its own queues, Shared that of its client, where entities are planned: what there is about it names it.
	Keys   []ids.Key
	Shared ids.Key
	// Signs are what the engine sees of troubles besides the reasons noted (see Advise).
	Signs []string
	// Direction of a call: in, out.
	Direction string
}

// Query asks a source for a page of its list.
type Query struct {
	// Text is what was typed: a name, an address, a part of a phone, a number.
	Text string
	// Before is the Row the page continues after; 0: the newest.
	Before int64
	Limit  int
	Filter
}

// Filter narrows a list of calls; an empty part lets all through.
type Filter struct {
	// Direction is in or out; Outcome answered or missed, of calls that are over; State how far they were carried: live, done, off, failed.
	Direction, Outcome, State string
}

// filters are the values that parts of a filter may take.
var filters = map[string][]string{"direction": {"in", "out"}, "outcome": {"answered", "missed"}, "state": {"live", "done", "off", "failed"}}

// Wrong names the part of a filter that a list of this kind does not know; empty: all is well.
func (f Filter) Wrong(kind Kind) string {
	for _, part := range []struct{ name, value string }{{"direction", f.Direction}, {"outcome", f.Outcome}, {"state", f.State}} {
		if part.value != "" && (kind != Call || !slices.Contains(filters[part.name], part.value)) {
			return part.name
		}
	}
	return ""
}

// Source tells of the communications of one kind. It works in the caller's transaction, which sees one account's rows.
type Source interface {
	// Recent lists communications, newest first.
	Recent(ctx context.Context, tx pgx.Tx, account ids.AccountID, q Query) ([]Communication, error)
	// Story reads one by its number at UIS; nil: there is none.
	Story(ctx context.Context, tx pgx.Tx, account ids.AccountID, id int64) (*Story, error)
}

// Texts finds sentences.
type Texts interface {
	Text(lang, key string, args ...any) string
}

// Commands takes up commands that failed.
type Commands interface {
	Again(ctx context.Context, account ids.AccountID, id ids.CommandID) error
}

// Options are the parts of a room.
type Options struct {
	DB       *store.DB
	Clock    clock.Clock
	Texts    Texts
	Commands Commands
	// WakeKey hands a key that got work to the workers.
	WakeKey func(ids.AccountID, ids.Key)
	// Sources tell of the kinds there are; a kind without one has no communications.
	Sources map[Kind]Source
}

// Room answers the "Why?" page.
type Room struct{ Options }

// New builds the room.
func New(o Options) *Room { return &Room{o} }

// ErrNotFound says that the account has no such communication.
var ErrNotFound = errors.New("there is no such communication")

// Ref names a communication: chat:4711.
type Ref struct {
	Kind Kind
	ID   int64
}

func (r Ref) String() string { return fmt.Sprintf("%s:%d", r.Kind, r.ID) }

// ReadRef reads chat:4711, also with its colon escaped.
func ReadRef(text string) (Ref, error) {
	kind, number, ok := strings.Cut(strings.NewReplacer("%3A", ":", "%3a", ":").Replace(text), ":")
	id, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || id <= 0 || !Kind(kind).Known() {
		return Ref{}, ErrNotFound
	}
	return Ref{Kind(kind), id}, nil
}

const pageSize = 40

// Page is a piece of a list.
type Page struct {
	Items []Communication
	// Next continues the list; nil: this was its end.
	Next *string
}

// List reads communications of a kind, newest first.
func (r *Room) List(ctx context.Context, account ids.AccountID, kind Kind, text, cursor string, filter Filter) (Page, error) {
	page := Page{Items: []Communication{}}
	source, there := r.Sources[kind]
	if !there {
		return page, nil
	}
	q := Query{Text: strings.TrimSpace(text), Limit: pageSize + 1, Filter: filter}
	q.Before, _ = strconv.ParseInt(cursor, 10, 64)
	err := r.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		found, err := source.Recent(ctx, tx, account, q)
		if len(found) > pageSize {
			found = found[:pageSize]
			next := strconv.FormatInt(found[pageSize-1].Row, 10)
			page.Next = &next
		}
		page.Items = append(page.Items, found...)
		return err
	})
	return page, err
}

// Portal is where the entities of a communication are.
type Portal struct {
	ID   ids.PortalID
	Name string
	// Address is the portal's own, without a slash at its end.
	Address string
}

// Failed counts what of a communication waits for a person and may be repeated.
type Failed struct{ Commands, Rows int }

// Told is everything the "Why?" page shows of a communication.
type Told struct {
	Story
	Portal   *Portal
	Reasons  []Reason
	Advice   []Advice
	Commands []outbox.Listed
	Requests []restlog.Listed
	// MoreRequests: the log holds further ones.
	MoreRequests bool
	Aside        []inbox.Aside
	Failed       Failed
}

const (
	mostCommands = 100
	mostRequests = 30
	mostAside    = 50
)

// Tell reads one communication.
func (r *Room) Tell(ctx context.Context, account ids.AccountID, ref Ref, lang string) (*Told, error) {
	told := &Told{}
	err := r.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		story, err := r.story(ctx, tx, account, ref)
		if err != nil {
			return err
		}
		told.Story = *story
		if told.Portal, err = portalOf(ctx, tx, account, story.Portal); err != nil {
			return err
		}
		if told.Reasons, err = r.reasons(ctx, tx, account, story.Portal, ref, lang); err != nil {
			return err
		}
		return told.read(ctx, tx, account, ref)
	})
	if err != nil {
		return nil, err
	}
	told.Advice = r.advice(lang, ref.Kind, told)
	return told, nil
}

func (r *Room) story(ctx context.Context, tx pgx.Tx, account ids.AccountID, ref Ref) (*Story, error) {
	source, there := r.Sources[ref.Kind]
	if !there {
		return nil, ErrNotFound
	}
	story, err := source.Story(ctx, tx, account, ref.ID)
	if err == nil && story == nil {
		err = ErrNotFound
	}
	return story, err
}

// read gathers what was asked of the platforms, and what failed.
func (t *Told) read(ctx context.Context, tx pgx.Tx, account ids.AccountID, ref Ref) error {
	concern := t.concern(ref)
	var err error
	if t.Commands, err = outbox.ListOf(ctx, tx, account, concern, mostCommands); err != nil {
		return err
	}
	repeatable, err := outbox.Repeatable(ctx, tx, account, concern, mostCommands)
	if err != nil {
		return err
	}
	refs := []string{ref.String()}
	for _, key := range t.Keys {
		if string(key) != refs[0] {
			refs = append(refs, string(key)) // the beginning of a chat that an operator wrote first
		}
	}
	if t.Requests, err = restlog.List(ctx, tx, account, restlog.Query{Refs: refs, Limit: mostRequests + 1}); err != nil {
		return err
	}
	if t.MoreRequests = len(t.Requests) > mostRequests; t.MoreRequests {
		t.Requests = t.Requests[:mostRequests]
	}
	t.Aside, err = inbox.AsideOf(ctx, tx, account, t.queues(), mostAside)
	t.Failed = Failed{Commands: len(repeatable), Rows: len(t.Aside)}
	return err
}

func (s *Story) concern(ref Ref) outbox.Concern {
	return outbox.Concern{Own: s.Keys, Shared: s.Shared, About: ref.String()}
}

// queues are all keys under which something of it may have failed.
func (s *Story) queues() []ids.Key {
	if s.Shared == "" {
		return s.Keys
	}
	return append(append([]ids.Key{}, s.Keys...), s.Shared)
}

func portalOf(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.PortalID) (*Portal, error) {
	if id == 0 {
		return nil, nil
	}
	p := &Portal{ID: id}
	var domain string
	err := tx.QueryRow(ctx, `SELECT name, domain, client_endpoint FROM portal WHERE account_id = $1 AND id = $2`, int64(account), int64(id)).Scan(&p.Name, &domain, &p.Address)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read portal %d: %w", id, err)
	}
	if p.Name == "" {
		p.Name = domain
	}
	if p.Address = strings.TrimSuffix(p.Address, "/rest/"); p.Address == "" {
		p.Address = "https://" + domain
	}
	return p, nil
}
