package uisplatform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The Chat API's errors are not documented. Its services look like FastAPI ones (form login, expires_at), so errors are {"detail": …} with 4xx; "code" is the
// sandbox's own addition for tests. Validation errors are 422.

// restCall is one request to the management or adapter API.
type restCall struct {
	p       *Platform
	api     string // chats or adapter
	name    string // method and path without ids, as in spec/rest.txt
	account *Account
	adapter *adapter
	in      map[string]any
	raw     []byte
}

func restError(status int, code, text string) reply {
	return reply{status, map[string]any{"detail": text, "code": code}}
}

// refuse is the form of faults in the Chat API.
func (c *restCall) refuse(k FaultKind) reply {
	switch k {
	case LimitReached:
		return restError(http.StatusTooManyRequests, "limit", "too many requests")
	case TokenExpired:
		return restError(http.StatusUnauthorized, "token_expired", "Could not validate credentials")
	}
	return restError(http.StatusInternalServerError, "internal", "Internal Server Error")
}

// bad is an answer that also goes to the journal; the lock must not be held.
func (c *restCall) bad(status int, code, text string) reply {
	c.p.violate(c.account, c.api, c.name, code, text)
	return restError(status, code, text)
}

// badLocked is bad with the lock held.
func (c *restCall) badLocked(status int, code, text string) reply {
	c.p.violateLocked(c.account, c.api, c.name, code, text)
	return restError(status, code, text)
}

// readBody reads a JSON body and checks it against the tables; ok is false when the reply must be given.
func (c *restCall) readBody(r *http.Request) (reply, bool) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	if err != nil {
		return restError(http.StatusBadRequest, "body", "the body cannot be read"), false
	}
	c.raw = raw
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&c.in); err != nil || dec.More() || c.in == nil {
		return c.bad(http.StatusUnprocessableEntity, "json", "the body is not a JSON object"), false
	}
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		return c.bad(http.StatusUnprocessableEntity, "content_type", "Content-Type must be application/json"), false
	}
	m := c.p.spec[c.name]
	if m == nil {
		return c.bad(http.StatusNotFound, "unknown_address", "Not Found"), false
	}
	if e := checkParams(m.params, c.in, ""); e != nil {
		return c.bad(http.StatusUnprocessableEntity, e.mnemonic, fmt.Sprintf("%s: %s", e.field, strings.ReplaceAll(e.mnemonic, "_", " "))), false
	}
	return reply{}, true
}

func (c *restCall) number(name string) int64 {
	n, _ := whole(c.in[name])
	return n
}

func (c *restCall) text(name string) string {
	s, _ := c.in[name].(string)
	return s
}

// token is a session of login.user, a JWT of the personal account or an adapter's token.
type token struct {
	kind    string // session, jwt, adapter
	account *Account
	adapter *adapter
	expires time.Time
}

// issue makes a token; the lock is held.
func (p *Platform) issue(t token, life time.Duration) (string, time.Time) {
	t.expires = p.now().Add(life)
	name := secret(40)
	if t.kind != "session" {
		name = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + secret(64) + "." + secret(43)
	}
	p.tokens[name] = &t
	return name, t.expires
}

// bearer finds the live token of a request; the lock is held.
func (p *Platform) bearer(r *http.Request, kind string) (*token, bool) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, false
	}
	t := p.tokens[value]
	if t == nil || t.kind != kind {
		return nil, false
	}
	return t, p.now().Before(t.expires)
}

// ExpireTokens ends all tokens and sessions of this account: of its adapters, logins and login.user.
func (a *Account) ExpireTokens() {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	for _, t := range a.p.tokens {
		if t.account == a {
			t.expires = a.p.now()
		}
	}
}

// serveLogin is the login of the personal account, the first step of the chats management.
func (p *Platform) serveLogin(w http.ResponseWriter, r *http.Request) {
	c := &restCall{p: p, api: "login", name: "login"}
	var in struct {
		JSONRPC string `json:"jsonrpc"`
		ID      any    `json:"id"`
		Method  string `json:"method"`
		Params  *struct{ Login, Password, Project string }
	}
	dec := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil || r.Method != http.MethodPost || r.URL.Query().Get("method") != "login" || in.Method != "login" || in.JSONRPC != "2.0" || in.Params == nil {
		c.bad(http.StatusBadRequest, "login_request", "login takes POST …?method=login with jsonrpc, id, method and params {login, password, project}").write(p, w)
		return
	}
	p.mu.Lock()
	c.account = p.accountByLogin(in.Params.Login)
	p.mu.Unlock()
	p.perform(w, operation{c.account, "login", "login", c.refuse}, func() reply {
		p.mu.Lock()
		defer p.mu.Unlock()
		body := map[string]any{"jsonrpc": "2.0", "id": in.ID, "error": nil}
		if a := c.account; a == nil || a.cfg.Password != in.Params.Password || a.cfg.Project != in.Params.Project {
			delete(body, "result")
			body["error"] = map[string]any{"code": -32001, "message": "Login or password is wrong", "data": map[string]any{"mnemonic": "auth_error"}}
			return reply{http.StatusOK, body}
		}
		jwt, _ := p.issue(token{kind: "jwt", account: c.account}, p.opt.LoginLife)
		body["result"] = map[string]any{"jwt": jwt, "refresh": secret(32), "is_2fa_enabled": c.account.cfg.TwoFactor}
		return reply{http.StatusOK, body}
	})
}
