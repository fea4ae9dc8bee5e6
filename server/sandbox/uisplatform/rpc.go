package uisplatform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// rpcCall is one JSON-RPC request on its way through.
type rpcCall struct {
	p       *Platform
	api     string // data or call
	id      any
	method  *method
	params  map[string]any
	account *Account
	now     time.Time
}

type rpcHandler func(*rpcCall) (any, int, *rpcError) // data, total_items (-1: none), error; runs under the lock

// serveRPC answers one address of JSON-RPC 2.0 in the manner both APIs document.
func (p *Platform) serveRPC(w http.ResponseWriter, r *http.Request, api, path string, handlers map[string]rpcHandler) {
	c := &rpcCall{p: p, api: api, now: p.now()}
	refuse := func(e *rpcError) { p.refuseRPC(w, c, "", e) }
	if r.URL.Path != path || r.Method != http.MethodPost {
		p.violate(nil, api, r.Method+" "+r.URL.Path, "unknown_address", "only POST "+path+" exists")
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if kind, par, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" || par["charset"] != "" && !isUTF8(par["charset"]) {
		p.violate(nil, api, "POST "+path, "content_type", "Content-Type must be application/json; charset=UTF-8")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<20))
	if err != nil {
		refuse(fail("parse_error", "", nil))
		return
	}
	name, e := c.envelope(raw)
	if e != nil {
		p.refuseRPC(w, c, name, e)
		return
	}
	p.mu.Lock()
	c.account = p.accountOf(api, c.params)
	p.mu.Unlock()
	op := operation{account: c.account, api: api, name: name, refuse: func(k FaultKind) reply {
		return reply{http.StatusOK, c.errorBody(fail(map[FaultKind]string{LimitReached: "limit_exceeded", TokenExpired: "access_token_expired"}[k], "", nil).orInternal())}
	}}
	p.perform(w, op, func() reply {
		p.mu.Lock()
		defer p.mu.Unlock()
		data, total, e := c.run(name, clientIP(r), handlers)
		if e != nil {
			c.journal(name, e)
			return reply{http.StatusOK, c.errorBody(e)}
		}
		return reply{http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": c.id, "result": map[string]any{"data": data, "metadata": c.metadata(total)}}}
	})
}

func (e *rpcError) orInternal() *rpcError {
	if e.mnemonic == "" {
		return fail("internal_error", "", nil)
	}
	return e
}

func isUTF8(charset string) bool { return slices.Contains([]string{"UTF-8", "utf-8", "utf8"}, charset) }

// envelope reads jsonrpc, id, method and params.
func (c *rpcCall) envelope(raw []byte) (string, *rpcError) {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && trimmed[0] == '[' && json.Valid(raw) {
		return "", fail("batch_opreations_not_supported", "", nil)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var in map[string]any
	if err := dec.Decode(&in); err != nil || dec.More() {
		return "", fail("parse_error", "", nil)
	}
	name, _ := in["method"].(string)
	id, hasID := in["id"]
	switch id.(type) {
	case string, json.Number:
		c.id = id
	default:
		if !hasID || id == nil {
			return name, fail("notifications_not_supported", "id", nil)
		}
		return name, fail("invalid_request", "id", nil)
	}
	if in["jsonrpc"] != "2.0" {
		return name, fail("invalid_request", "jsonrpc", in["jsonrpc"])
	}
	if name == "" {
		return name, fail("invalid_request", "method", nil)
	}
	for k := range in {
		if k != "jsonrpc" && k != "id" && k != "method" && k != "params" {
			return name, fail("invalid_request", k, nil)
		}
	}
	params, ok := in["params"].(map[string]any)
	if !ok && in["params"] != nil {
		return name, fail("invalid_request", "params", nil)
	}
	if params == nil {
		params = map[string]any{}
	}
	c.params = params
	return name, nil
}

// run checks rights, parameters and limits and calls the handler; the lock is held.
func (c *rpcCall) run(name string, ip netip.Addr, handlers map[string]rpcHandler) (any, int, *rpcError) {
	handler := handlers[name]
	if c.method = c.p.spec[name]; handler == nil || c.method == nil {
		return nil, 0, fail("method_not_found", "method", name)
	}
	if pe := checkParams(c.method.params, c.params, ""); pe != nil {
		return nil, 0, fail(pe.mnemonic, pe.field, pe.value)
	}
	if name == "login.user" {
		return handler(c)
	}
	if e := c.authorize(ip); e != nil {
		return nil, 0, e
	}
	if name == "logout.user" {
		return handler(c)
	}
	if !c.account.hasComponent(c.method.components) {
		mnemonic := map[string]string{"data": "method_component_disabled", "call": "component_disabled"}[c.api]
		e := fail(mnemonic, "", nil)
		e.params = map[string]any{"components": c.method.components}
		return nil, 0, e
	}
	if e := c.meter().take(c); e != nil {
		return nil, 0, e
	}
	data, total, e := handler(c)
	if e == nil {
		c.meter().charge(1)
	}
	return data, total, e
}

func (c *rpcCall) authorize(ip netip.Addr) *rpcError {
	key, _ := c.params["access_token"].(string)
	if t := c.p.tokens[key]; t != nil && t.kind == "session" && !c.now.Before(t.expires) {
		return fail("access_token_invalid", "access_token", nil)
	}
	if c.account == nil {
		return fail("access_token_invalid", "access_token", nil)
	}
	if c.account.blocked {
		return fail("account_inactive", "", nil)
	}
	if !c.account.allows(ip) {
		return fail("ip_not_whitelisted", "", nil)
	}
	return nil
}

// accountOf finds whose key or session it is; the lock is held.
func (p *Platform) accountOf(api string, params map[string]any) *Account {
	key, _ := params["access_token"].(string)
	if login, _ := params["login"].(string); key == "" && login != "" {
		return p.accountByLogin(login)
	}
	if t := p.tokens[key]; t != nil && t.kind == "session" {
		return t.account
	}
	for _, a := range p.order {
		if key != "" && a.cfg.APIKey == key {
			return a
		}
	}
	return nil
}

func (p *Platform) accountByLogin(login string) *Account {
	for _, a := range p.order {
		if a.cfg.Login == login && login != "" {
			return a
		}
	}
	return nil
}

func (a *Account) hasComponent(anyOf []string) bool {
	if a.cfg.Components == nil || len(anyOf) == 0 {
		return true
	}
	return slices.ContainsFunc(anyOf, func(c string) bool { return slices.Contains(a.cfg.Components, c) })
}

func (a *Account) allows(ip netip.Addr) bool {
	if a.cfg.IPs == nil {
		return true
	}
	for _, s := range a.cfg.IPs {
		if n, err := parseNet(s); err == nil && n.Contains(ip) {
			return true
		}
	}
	return false
}

func clientIP(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap()
}

func (c *rpcCall) journal(name string, e *rpcError) {
	if slices.Contains(callersFault, e.mnemonic) {
		c.p.violateLocked(c.account, c.api, name, e.mnemonic, fmt.Sprintf("%s (%s = %v)", e.text, e.field, hideSecret(e.field, e.value)))
	}
}

func hideSecret(field string, v any) any {
	if field == "access_token" || field == "password" {
		return "…"
	}
	return v
}

func (p *Platform) refuseRPC(w http.ResponseWriter, c *rpcCall, name string, e *rpcError) {
	p.mu.Lock()
	c.journal(name, e)
	p.mu.Unlock()
	reply{http.StatusOK, c.errorBody(e)}.write(p, w)
}

func (c *rpcCall) errorBody(e *rpcError) map[string]any {
	data := map[string]any{"mnemonic": e.mnemonic, "field": nil, "value": nil, "params": map[string]any{}, "extended_helper": nil, "metadata": map[string]any{}}
	if e.field != "" {
		data["field"], data["value"] = e.field, hideSecret(e.field, e.value)
	}
	if e.params != nil {
		data["params"] = e.params
	}
	if e.metadata != nil {
		data["metadata"] = e.metadata
	}
	return map[string]any{"jsonrpc": "2.0", "id": c.id, "error": map[string]any{"code": e.code, "message": e.text, "data": data}}
}
