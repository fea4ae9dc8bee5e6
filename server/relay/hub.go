package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/store"
)

const (
	// feedHint prefixes hints that an account's feed grew.
	feedHint = "feed:"
	// typingHint prefixes typing notices: typing:{account}:{json}. They are relayed, never stored.
	typingHint = "typing:"
	// bufferFrames is how many frames a socket may be behind before it is cut off; it then resumes from its last number.
	bufferFrames = 256
	readEntries  = 500
	lookEvery    = time.Second
)

// Hints sends lossy notices to the other servers.
type Hints interface {
	// Hint is sent within a few milliseconds, gathered with others. It may get lost.
	Hint(payload string)
}

// Hub fans the feeds of all accounts out to the sockets of this server. The feed table is the truth; hints only make it quick,
// and the hub looks by itself once a second.
type Hub struct {
	db    *store.DB
	clock clock.Clock
	log   *slog.Logger
	hints Hints

	mu       sync.Mutex
	accounts map[ids.AccountID]*room
	closed   bool
}

// room is one account's open sockets on this server.
type room struct {
	account ids.AccountID
	sockets map[*Socket]bool
	seq     int64
	wake    chan struct{}
	cancel  context.CancelFunc
	// started is closed when seq is set: a socket reads its backlog only then, so that nothing falls between the two.
	started chan struct{}
}

// NewHub builds a hub. hints may be nil when this is the only server.
func NewHub(db *store.DB, clk clock.Clock, log *slog.Logger, hints Hints) *Hub {
	return &Hub{db: db, clock: clk, log: log, hints: hints, accounts: map[ids.AccountID]*room{}}
}

// Grew tells the hub, here and on the other servers, that an account's feed has news. Call it after the commit.
func (h *Hub) Grew(account ids.AccountID) {
	h.wake(account)
	if h.hints != nil {
		h.hints.Hint(feedHint + strconv.FormatInt(int64(account), 10))
	}
}

// Typing relays that somebody writes in a chat; it is never stored and may get lost.
func (h *Hub) Typing(account ids.AccountID, notice TypingNotice) {
	h.fanTyping(account, notice)
	if h.hints == nil {
		return
	}
	if raw, err := json.Marshal(notice); err == nil {
		h.hints.Hint(typingHint + strconv.FormatInt(int64(account), 10) + ":" + string(raw))
	}
}

// OnHint handles a hint that came from another server; foreign ones are ignored.
func (h *Hub) OnHint(payload string) {
	if rest, ok := strings.CutPrefix(payload, feedHint); ok {
		if n, err := strconv.ParseInt(rest, 10, 64); err == nil {
			h.wake(ids.AccountID(n))
		}
		return
	}
	if rest, ok := strings.CutPrefix(payload, typingHint); ok {
		account, raw, found := strings.Cut(rest, ":")
		n, err := strconv.ParseInt(account, 10, 64)
		var notice TypingNotice
		if found && err == nil && json.Unmarshal([]byte(raw), &notice) == nil {
			h.fanTyping(ids.AccountID(n), notice)
		}
	}
}

func (h *Hub) wake(account ids.AccountID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.accounts[account]; r != nil {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// Run waits until ctx ends, then closes every socket so that its page resumes at another server.
func (h *Hub) Run(ctx context.Context) error {
	<-ctx.Done()
	h.close()
	return nil
}

func (h *Hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, r := range h.accounts {
		r.cancel()
		for s := range r.sockets {
			s.end(EndGoingAway)
		}
	}
	h.accounts = map[ids.AccountID]*room{}
}

// ErrClosed says that the server is going away.
var ErrClosed = errors.New("the relay is closed")

// Join opens a socket's subscription. after is the last number the page saw; negative means "from now on". The first frame
// queued is ready (or reload when the feed no longer holds what was missed), then everything missed in order, then live events.
func (h *Hub) Join(ctx context.Context, account ids.AccountID, who Audience, after int64) (*Socket, error) {
	s := newSocket(h, account, who)
	r, err := h.enter(account, s)
	if err != nil {
		return nil, err
	}
	select {
	case <-r.started:
	case <-ctx.Done():
		h.leave(s)
		return nil, fmt.Errorf("join the feed of account %d: %w", account, ctx.Err())
	}
	if err := h.backlog(ctx, account, s, after); err != nil {
		h.leave(s)
		return nil, err
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return s, nil
}

func (h *Hub) enter(account ids.AccountID, s *Socket) (*room, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	r := h.accounts[account]
	if r == nil {
		ctx, cancel := context.WithCancel(context.Background())
		r = &room{account: account, sockets: map[*Socket]bool{},
			wake: make(chan struct{}, 1), started: make(chan struct{}), cancel: cancel}
		h.accounts[account] = r
		go h.follow(ctx, r)
	}
	r.sockets[s] = true
	return r, nil
}

func (h *Hub) leave(s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.accounts[s.account]
	if r == nil || !r.sockets[s] {
		return
	}
	delete(r.sockets, s)
	if len(r.sockets) == 0 {
		r.cancel()
		delete(h.accounts, s.account)
	}
}

// since is from when on the feed is looked at: days that are about to be dropped are left alone.
func (h *Hub) since() time.Time { return h.clock.Now().Add(-2 * Keep) }

// backlog queues what the page missed. Live events that arrive meanwhile wait inside the socket and are cut at its number.
func (h *Hub) backlog(ctx context.Context, account ids.AccountID, s *Socket, seen int64) error {
	var missed []Entry
	reload := false
	var newest int64
	err := h.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		var oldest int64
		var err error
		if newest, oldest, err = head(ctx, tx, account, h.since()); err != nil {
			return err
		}
		switch {
		case seen < 0 || seen == newest:
			return nil
		case seen > newest || newest-seen > bufferFrames || oldest == 0 || seen+1 < oldest:
			reload = true
			return nil
		}
		missed, err = after(ctx, tx, account, seen, bufferFrames)
		// Days are dropped whole and are told by when a step began, so at their seam a number may be gone whose successor is still there.
		reload = err == nil && !gapless(missed, seen)
		return err
	})
	if err != nil {
		return fmt.Errorf("resume after %d: %w", seen, err)
	}
	if reload {
		missed = nil
	}
	if len(missed) > 0 {
		newest = missed[len(missed)-1].Seq
	}
	s.open(newest, reload, missed)
	return nil
}

// follow reads an account's new entries once for all its sockets.
func (h *Hub) follow(ctx context.Context, r *room) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := h.advance(ctx, r); err != nil && ctx.Err() == nil {
			h.log.Warn("feed not read, the next look tries again", "account", r.account, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-tick.C:
		}
	}
}

func (h *Hub) advance(ctx context.Context, r *room) error {
	for {
		first := false
		select {
		case <-r.started:
		default:
			first = true
		}
		entries, err := h.news(ctx, r, first)
		if err != nil {
			return err
		}
		if first {
			close(r.started)
		}
		if len(entries) == 0 {
			return nil
		}
		r.seq = entries[len(entries)-1].Seq
		h.mu.Lock()
		sockets := make([]*Socket, 0, len(r.sockets))
		for s := range r.sockets {
			sockets = append(sockets, s)
		}
		h.mu.Unlock()
		frames := encode(entries)
		for _, s := range sockets {
			s.deliver(entries, frames)
		}
		if len(entries) < readEntries {
			return nil
		}
	}
}

// news reads what came after the room's number, in one round trip; the first time that number is the newest one.
func (h *Hub) news(ctx context.Context, r *room, first bool) ([]Entry, error) {
	if first {
		return nil, h.db.InAccount(ctx, r.account, func(ctx context.Context, tx pgx.Tx) error {
			newest, _, err := head(ctx, tx, r.account, h.since())
			r.seq = newest
			return err
		})
	}
	var entries []Entry
	err := h.db.Pipelined(ctx, r.account, func(batch *pgx.Batch) { queueAfter(batch, r.account, r.seq, readEntries, &entries) })
	return entries, err
}

func (h *Hub) fanTyping(account ids.AccountID, notice TypingNotice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.accounts[account]
	if r == nil {
		return
	}
	frame, err := json.Marshal(struct {
		Type string `json:"type"`
		TypingNotice
	}{"typing", notice})
	if err != nil {
		return
	}
	for s := range r.sockets {
		if s.who.User != notice.User {
			s.hint(frame)
		}
	}
}
