package restlog

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"omni/server/ids"
	"omni/server/uis"
)

// Command is what a lane knows of a command it sends.
type Command struct {
	ID  ids.CommandID
	Key ids.Key
	// About is the communication it serves when its key names another queue; empty: none.
	About string
}

// communication is what a page calls it: chat:4711.
func (c Command) communication() string {
	if c.About != "" {
		return c.About
	}
	switch c.key().Kind() {
	case "chat", "call", "request", "start":
		return string(c.key())
	}
	return ""
}

// refs are what the command's request is found by: its communication, and the client it was planned for.
func (c Command) refs() []string {
	var refs []string
	if about := c.communication(); about != "" {
		refs = append(refs, about)
	}
	if c.key().Kind() == "client" {
		refs = append(refs, string(c.key()))
	}
	return refs
}

// key is the queue it belongs to; the read that looks for another command's effect counts as that one's.
func (c Command) key() ids.Key { return ids.Key(strings.TrimPrefix(string(c.Key), "check:")) }

// Subject is whom a request is for, and what it carries.
type Subject struct {
	account  ids.AccountID
	portal   ids.PortalID
	commands map[string]Command

	mu      sync.Mutex
	settled bool
}

type subjectKey struct{}

func subjectOf(ctx context.Context) *Subject {
	s, _ := ctx.Value(subjectKey{}).(*Subject)
	return s
}

func settled(account ids.AccountID, portal ids.PortalID, commands map[string]Command) *Subject {
	return &Subject{account: account, portal: portal, commands: commands, settled: true}
}

// Of says whose requests are made with the context. portal is 0 for UIS.
func Of(ctx context.Context, account ids.AccountID, portal ids.PortalID) context.Context {
	return context.WithValue(ctx, subjectKey{}, settled(account, portal, nil))
}

// Commands is Of for a request that carries a lane's commands, by their keys in the batch; a lone command's key is empty.
func Commands(ctx context.Context, account ids.AccountID, portal ids.PortalID, commands map[string]Command) context.Context {
	return context.WithValue(ctx, subjectKey{}, settled(account, portal, commands))
}

// Caller is Of for requests that find out whose they are. Their rows wait, for a while, until the subject is settled.
func Caller(ctx context.Context) (context.Context, *Subject) {
	s := &Subject{}
	return context.WithValue(ctx, subjectKey{}, s), s
}

// Is names the account and the portal.
func (s *Subject) Is(account ids.AccountID, portal ids.PortalID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account, s.portal = account, portal
}

// Settle says that nothing more will be found out.
func (s *Subject) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = true
}

// callerPatience is how long a row waits for its subject.
const callerPatience = time.Minute

func (e entry) ripe() bool {
	e.subject.mu.Lock()
	defer e.subject.mu.Unlock()
	return e.subject.settled || time.Since(e.came) > callerPatience
}

func (s *Subject) whose() (ids.AccountID, ids.PortalID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.account, s.portal
}

func (s *Subject) of() ids.AccountID {
	account, _ := s.whose()
	return account
}

func asUIS(err error) (*uis.Error, bool) {
	var e *uis.Error
	ok := errors.As(err, &e)
	return e, ok
}

// sizeOf stands in the place of a body too long to be held.
func sizeOf(bytes int) []byte { return []byte(`"… ` + strconv.Itoa(bytes>>10) + ` KB"`) }
