package uisplatform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The control API under /_sandbox/ plays the world around the accounts for programs that cannot call the Go API: browser tests, the phone page, curl. It
// has no password: a sandbox listens on loopback only. Every request names its account by ?account= or by "account" in the body; with one account it may be
// left out. Errors are {"error": "…"} with 400 or 404.

// control is one request of the control API.
type control struct {
	p       *Platform
	r       *http.Request
	account *Account
	raw     []byte
	file    *File // of a multipart request; only valid while the request is served
}

var controlRoutes = map[string]func(*control) (any, error){
	"GET state": (*control).state, "POST reset": (*control).reset, "POST accounts": (*control).addAccount,
	"GET violations": (*control).violations, "DELETE violations": (*control).clearViolations,
	"GET faults": (*control).faults, "POST faults": (*control).addFault, "DELETE faults": (*control).clearFaults,
	"GET notifications": (*control).notifications, "PUT notifications": (*control).setNotifications,
	"GET deliveries": (*control).deliveries, "POST settled": (*control).settled, "POST tokens/expire": (*control).expireTokens,
	"GET client/chat": (*control).conversation, "POST client/message": (*control).clientMessage, "POST client/marks": (*control).clientMarks,
	"POST client/edit": (*control).clientEdit, "POST client/close": (*control).clientClose, "POST client/card": (*control).clientCard,
	"POST channels": (*control).setChannel, "POST calls": (*control).startCall, "POST calls/step": (*control).callStep, "POST requests": (*control).sendRequest,
	"POST calls/script": (*control).setCallScript, "POST accounts/change": (*control).changeAccount, "POST employees/status": (*control).setEmployeeStatus,
	"POST tags": (*control).setTag, "POST operator/message": (*control).operatorMessage, "POST operator/assign": (*control).operatorAssign,
}

var errNotFound = errors.New("not found")

func (p *Platform) serveControl(w http.ResponseWriter, r *http.Request) {
	run := controlRoutes[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/_sandbox/")]
	if run == nil {
		reply{http.StatusNotFound, map[string]any{"error": "there is no such address"}}.write(p, w)
		return
	}
	c := &control{p: p, r: r}
	out, err := c.read()
	if err == nil {
		out, err = run(c)
	}
	status := http.StatusOK
	if err != nil {
		out, status = map[string]any{"error": err.Error()}, http.StatusBadRequest
		for _, missing := range []error{errNotFound, ErrNoChannel, ErrNoChat, ErrNoMessage, ErrNoEmployee} {
			if errors.Is(err, missing) {
				status = http.StatusNotFound
			}
		}
	}
	if out == nil {
		out = map[string]any{"ok": true}
	}
	reply{status, out}.write(p, w)
}

// read reads the body and finds the account.
func (c *control) read() (any, error) {
	name := c.r.URL.Query().Get("account")
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if kind == "multipart/form-data" {
		if err := c.readForm(); err != nil {
			return nil, err
		}
	} else if c.r.Method != http.MethodGet {
		raw, err := io.ReadAll(io.LimitReader(c.r.Body, 8<<20))
		if err != nil {
			return nil, fmt.Errorf("read the body: %w", err)
		}
		c.raw = raw
	}
	if name == "" && len(c.raw) > 0 && c.raw[0] == '{' {
		var in struct{ Account string }
		if err := json.Unmarshal(c.raw, &in); err != nil {
			return nil, fmt.Errorf("the body is not JSON: %w", err)
		}
		name = in.Account
	}
	all := c.p.Accounts()
	if name == "" && len(all) == 1 {
		name = all[0].Name()
	}
	if c.account = c.p.Account(name); c.account == nil && name != "" && !strings.HasSuffix(c.r.URL.Path, "/accounts") {
		return nil, fmt.Errorf("account %q: %w", name, errNotFound)
	}
	return nil, nil
}

// readForm reads a multipart form whose fields come before its file; the file is streamed.
func (c *control) readForm() error {
	form, err := c.r.MultipartReader()
	if err != nil {
		return fmt.Errorf("read the form: %w", err)
	}
	fields := map[string]any{}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the form: %w", err)
		}
		if part.FileName() != "" {
			c.file = &File{Name: part.FileName(), Body: part}
			break
		}
		value, err := io.ReadAll(io.LimitReader(part, 1<<20))
		if err != nil {
			return fmt.Errorf("read the form: %w", err)
		}
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil && (part.FormName() == "channel" || part.FormName() == "reply_to") {
			fields[part.FormName()] = n
			continue
		}
		fields[part.FormName()] = wireText(value)
	}
	c.raw, err = encode(fields)
	return err
}

// need is the account, which must be named.
func (c *control) need() (*Account, error) {
	if c.account == nil {
		return nil, errors.New("name the account")
	}
	return c.account, nil
}

// body reads the JSON body into in, which must know every field.
func (c *control) body(in any) (*Account, error) {
	d := json.NewDecoder(strings.NewReader(string(c.raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		return nil, fmt.Errorf("the body does not fit: %w", err)
	}
	return c.need()
}

// named is the field that every body may carry.
type named struct {
	Account string `json:"account"`
}

func (c *control) state() (any, error) {
	accounts := c.p.Accounts()
	if c.account != nil && c.r.URL.Query().Get("account") != "" {
		accounts = []*Account{c.account}
	}
	list := []any{}
	for _, a := range accounts {
		chats := []any{}
		for _, ct := range a.Chats() {
			chats = append(chats, map[string]any{"chat": ct, "messages": a.MessagesOf(ct.ID)})
		}
		c.p.mu.Lock()
		links, channels := []any{}, []any{}
		for _, l := range a.links {
			links = append(links, l.view())
		}
		for _, ch := range a.channels {
			channels = append(channels, map[string]any{"id": ch.ID, "type": ch.Type, "name": ch.Name, "status": ch.Status, "external_id": ch.ExternalID})
		}
		numbers, employees := []string{}, []any{}
		for _, n := range a.cfg.VirtualNumbers {
			numbers = append(numbers, n.Number)
		}
		for _, e := range a.employees {
			employees = append(employees, map[string]any{"id": e.ID, "name": e.FullName(), "status_id": e.StatusID})
		}
		item := map[string]any{"name": a.cfg.Name, "title": a.cfg.Title, "app_id": a.cfg.AppID, "channels": channels, "connections": links, "chats": chats,
			"virtual_numbers": numbers, "employees": employees, "requests": len(a.requests), "deliveries": len(a.deliveries), "notifications": len(a.notes)}
		c.p.mu.Unlock()
		item["calls"] = a.Calls()
		list = append(list, item)
	}
	return map[string]any{"accounts": list}, nil
}

// Reset puts an account back into its initial state: no chats, calls, connections, notifications; its adapters go, too.
func (a *Account) Reset() {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.drop()
	a.reset()
	for id, d := range a.p.adapters {
		if d.account == a {
			delete(a.p.adapters, id)
		}
	}
	for name, t := range a.p.tokens {
		if t.account == a {
			delete(a.p.tokens, name)
		}
	}
	a.toPhones(phoneEvent{Type: "reload"})
}

// drop forgets what waits to be sent; the lock is held.
func (a *Account) drop() {
	for _, q := range a.queues {
		for range q.items {
			a.p.end()
		}
		q.items = nil
	}
}

func (c *control) reset() (any, error) {
	accounts := c.p.Accounts()
	if c.account != nil {
		accounts = []*Account{c.account}
	}
	for _, a := range accounts {
		a.Reset()
	}
	c.p.ClearFaults()
	c.p.ClearViolations()
	return nil, nil
}

func (c *control) addAccount() (any, error) {
	in := struct {
		Name, Title, Project, APIKey, Login, Password, Timezone string
		FirstID, AppID                                          int64
		DayLimit, MinuteLimit                                   int
	}{}
	d := json.NewDecoder(strings.NewReader(string(c.raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("the body does not fit: %w", err)
	}
	cfg := DemoAccount(in.Name)
	cfg.FirstID, cfg.AppID, cfg.DayLimit, cfg.MinuteLimit, cfg.Project, cfg.Timezone = in.FirstID, in.AppID, in.DayLimit, in.MinuteLimit, in.Project, in.Timezone
	cfg.Title, cfg.APIKey = orText(in.Title, cfg.Title), orText(in.APIKey, cfg.APIKey)
	cfg.Login, cfg.Password = orText(in.Login, cfg.Login), orText(in.Password, cfg.Password)
	a, err := c.p.addAccount(cfg)
	if err != nil {
		return nil, err
	}
	return map[string]any{"name": a.cfg.Name, "api_key": a.cfg.APIKey, "login": a.cfg.Login, "password": a.cfg.Password, "app_id": a.cfg.AppID}, nil
}

func (c *control) violations() (any, error) {
	if c.account != nil && c.r.URL.Query().Get("account") != "" {
		return map[string]any{"violations": c.account.Violations()}, nil
	}
	return map[string]any{"violations": c.p.Violations()}, nil
}

func (c *control) clearViolations() (any, error) {
	c.p.ClearViolations()
	return nil, nil
}

func (c *control) faults() (any, error) { return map[string]any{"faults": c.p.Faults()}, nil }

func (c *control) addFault() (any, error) {
	var in struct {
		Fault
		DelayMS int64 `json:"delay_ms"`
	}
	d := json.NewDecoder(strings.NewReader(string(c.raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("the body does not fit: %w", err)
	}
	if in.DelayMS > 0 {
		in.Delay = time.Duration(in.DelayMS) * time.Millisecond
	}
	if !in.Kind.known() {
		return nil, fmt.Errorf("there is no kind of fault %q", in.Kind)
	}
	return map[string]any{"id": c.p.AddFault(in.Fault)}, nil
}

func (k FaultKind) known() bool {
	switch k {
	case ResetBefore, LostAfter, Slow, SlowAfter, StatusBefore, StatusAfter, Garbage, LimitReached, TokenExpired, Internal:
		return true
	}
	return k.outgoing()
}

func (c *control) clearFaults() (any, error) {
	if id := c.r.URL.Query().Get("id"); id != "" {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("id %q: %w", id, err)
		}
		c.p.ClearFaults(n)
		return nil, nil
	}
	c.p.ClearFaults()
	return nil, nil
}

func (c *control) settled() (any, error) {
	ctx, cancel := context.WithTimeout(c.r.Context(), 30*time.Second)
	defer cancel()
	return nil, c.p.Settled(ctx)
}

func (c *control) expireTokens() (any, error) {
	a, err := c.need()
	if err != nil {
		return nil, err
	}
	a.ExpireTokens()
	return nil, nil
}
