package portal

import (
	"strings"
	"sync"
	"time"
)

const (
	accessLife  = time.Hour
	refreshLife = 180 * 24 * time.Hour
	codeLife    = 30 * time.Second
	eventHops   = 7
)

// token is a pair of tokens of one user of one portal for one application.
type token struct {
	access, refresh string // refresh is empty for tokens delivered by events
	portal          *Portal
	clientID        string
	user            int
	scope           []string
	expires         time.Time
	refreshExpires  time.Time
	hops            int // how many further rounds of events calls with it may raise
	dead            bool
	spent           bool // the refresh token was used
}

func (t *token) scopeList() string { return strings.Join(t.scope, ",") }

func (t *token) allows(scopes string) bool {
	if scopes == "" {
		return true
	}
	for _, want := range strings.Split(scopes, "|") {
		for _, have := range t.scope {
			if have == want {
				return true
			}
		}
	}
	return false
}

type authCode struct {
	portal   *Portal
	clientID string
	user     int
	expires  time.Time
}

// tokenStore is the authorization server's memory.
type tokenStore struct {
	mu      sync.Mutex
	access  map[string]*token
	refresh map[string]*token
	codes   map[string]authCode
}

func newTokenStore() *tokenStore {
	s := &tokenStore{}
	s.clear()
	return s
}

func (s *tokenStore) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access, s.refresh, s.codes = map[string]*token{}, map[string]*token{}, map[string]authCode{}
}

// issue makes a pair; without refresh for events.
func (s *tokenStore) issue(p *Portal, clientID string, user int, scope []string, now time.Time, withRefresh bool) *token {
	t := &token{
		access: secret(35), portal: p, clientID: clientID, user: user, scope: append([]string(nil), scope...),
		expires: now.Add(accessLife), refreshExpires: now.Add(refreshLife), hops: eventHops,
	}
	if withRefresh {
		t.refresh = secret(35)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access[t.access] = t
	if withRefresh {
		s.refresh[t.refresh] = t
	}
	return t
}

func (s *tokenStore) byAccess(access string) *token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.access[access]
}

// takeRefresh uses up a refresh token; nil when it is unknown, used or dead.
func (s *tokenStore) takeRefresh(refresh string, now time.Time) *token {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[refresh]
	if t == nil || t.spent || t.dead || now.After(t.refreshExpires) {
		return nil
	}
	t.spent = true
	return t
}

func (s *tokenStore) putCode(code string, c authCode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = c
}

func (s *tokenStore) takeCode(code string) (authCode, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.codes[code]
	delete(s.codes, code)
	return c, ok
}

// state reads what a call needs to know of a token at once.
func (s *tokenStore) state(t *token, now time.Time) (dead, expired bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.dead, !now.Before(t.expires)
}

// reusable says that the frame page may hand this pair out again.
func (s *tokenStore) reusable(t *token, now time.Time, scope []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t != nil && !t.dead && !t.spent && now.Add(5*time.Minute).Before(t.expires) && strings.Join(scope, ",") == t.scopeList()
}

// expire ends the life of the access tokens that match; refresh tokens go on.
func (s *tokenStore) expire(match func(*token) bool, now time.Time) int {
	return s.each(match, func(t *token) { t.expires = now })
}

// kill ends tokens for good, with their refresh tokens.
func (s *tokenStore) kill(match func(*token) bool) int {
	return s.each(match, func(t *token) { t.dead = true })
}

func (s *tokenStore) each(match func(*token) bool, do func(*token)) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.access {
		if match(t) {
			do(t)
			n++
		}
	}
	return n
}

// Secrets are all access and refresh tokens there ever were, for tests that look where none may be.
func (w *World) Secrets() []string {
	s := w.tokens
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for access := range s.access {
		all = append(all, access)
	}
	for refresh := range s.refresh {
		all = append(all, refresh)
	}
	return all
}
