package uisplatform

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// WebhookAuth is how the platform proves itself to an adapter: Bearer with a token or Basic with login and password.
type WebhookAuth struct {
	Type     string `json:"type"`
	Token    string `json:"token,omitempty"`
	Login    string `json:"login,omitempty"`
	Password string `json:"password,omitempty"`
}

// WebhookKwargs are further arguments of webhooks: the time-out in seconds and headers.
type WebhookKwargs struct {
	Timeout float64           `json:"timeout,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
}

// Adapter is an external workplace as the management API shows it. Owner nil: a system adapter, which users may connect but not change.
type Adapter struct {
	ID             int64         `json:"id"`
	Type           string        `json:"type"`
	Name           string        `json:"name"`
	Status         string        `json:"status"` // active, disabled
	ChannelTypes   []string      `json:"supported_channel_types"`
	Owner          *int64        `json:"owner"`
	Visibility     string        `json:"visibility_status"`
	Login          string        `json:"login"`
	Password       string        `json:"-"`
	WebhookURL     string        `json:"webhook_url"`
	WebhookVersion string        `json:"webhook_version"`
	WebhookToken   string        `json:"-"`
	WebhookAuth    *WebhookAuth  `json:"-"`
	WebhookKwargs  WebhookKwargs `json:"webhook_kwargs"`
}

type adapter struct {
	Adapter
	account *Account // owner; nil: system adapter
}

// AddSystemAdapter adds an adapter that every account may connect.
func (p *Platform) AddSystemAdapter(d Adapter) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nextAdpt++
	d.ID, d.Owner, d.Visibility = p.nextAdpt, nil, "public"
	d.Status, d.WebhookVersion = "active", orText(d.WebhookVersion, "v2")
	p.adapters[d.ID] = &adapter{Adapter: d}
	return d.ID
}

func orText(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

var adapterType = regexp.MustCompile(`^[a-z0-9_]+$`)

// serveManagement is /v1/integration/…, with the JWT of a personal account.
func (p *Platform) serveManagement(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(strings.TrimSuffix(r.URL.Path, "/"), "/v1/integration/"), "/")
	c := &restCall{p: p, api: "chats", name: r.Method + " /v1/integration/" + parts[0]}
	p.mu.Lock()
	t, live := p.bearer(r, "jwt")
	if t != nil {
		c.account = t.account
	}
	p.mu.Unlock()
	if r.Header.Get("Authorization") == "" {
		c.bad(http.StatusUnauthorized, "no_token", "Not authenticated").write(p, w)
		return
	}
	if t == nil || !live || c.account.blocked {
		restError(http.StatusUnauthorized, "token", "Could not validate credentials").write(p, w)
		return
	}
	id := int64(0)
	if len(parts) > 1 {
		id, _ = strconv.ParseInt(parts[1], 10, 64)
	}
	if r.Method == http.MethodPost || r.Method == http.MethodPatch {
		if answer, ok := c.readBody(r); !ok {
			answer.write(p, w)
			return
		}
	}
	run := c.management(r.Method, parts, id)
	if run == nil {
		c.bad(http.StatusNotFound, "unknown_address", "Not Found").write(p, w)
		return
	}
	p.perform(w, operation{c.account, "chats", c.name, c.refuse}, run)
}

// management picks what to do; nil when there is no such route.
func (c *restCall) management(method string, parts []string, id int64) func() reply {
	list := len(parts) == 1
	one := len(parts) == 2 && id > 0
	switch {
	case method == "GET" && list && parts[0] == "adapter":
		return c.locked(c.listAdapters)
	case method == "POST" && list && parts[0] == "adapter":
		return c.locked(c.createAdapter)
	case method == "PATCH" && one && parts[0] == "adapter":
		return c.locked(func() reply { return c.changeAdapter(id) })
	case method == "DELETE" && one && parts[0] == "adapter":
		return c.locked(func() reply { return c.deleteAdapter(id) })
	case method == "GET" && list && parts[0] == "channel":
		return c.locked(c.listChannels)
	case method == "GET" && list && parts[0] == "account":
		return c.locked(c.listLinks)
	case method == "POST" && list && parts[0] == "account":
		return c.createLink // it talks to the adapter between two locks
	case method == "PATCH" && one && parts[0] == "account":
		return c.locked(func() reply { return c.changeLink(id) })
	case method == "DELETE" && one && parts[0] == "account":
		return c.locked(func() reply { return c.deleteLink(id) })
	}
	return nil
}

func (c *restCall) locked(run func() reply) func() reply {
	return func() reply {
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		return run()
	}
}

func (c *restCall) listAdapters() reply {
	out := []Adapter{}
	for _, id := range sortedIDs(c.p.adapters) {
		if d := c.p.adapters[id]; d.account == nil || d.account == c.account {
			out = append(out, d.Adapter)
		}
	}
	return reply{http.StatusOK, out}
}

func sortedIDs[V any](m map[int64]V) []int64 {
	out := make([]int64, 0, len(m))
	for id := range m {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

func (c *restCall) createAdapter() reply {
	owner := c.account.cfg.AppID
	d := &adapter{account: c.account, Adapter: Adapter{Type: c.text("type"), Owner: &owner, Visibility: "private", Status: "active", WebhookVersion: "v2"}}
	if !adapterType.MatchString(d.Type) {
		return c.badLocked(http.StatusUnprocessableEntity, "invalid_parameter_value", "type must match ^[a-z0-9_]+$")
	}
	for _, other := range c.p.adapters {
		if other.Type == d.Type && (other.account == nil || other.account == c.account || !c.p.opt.AdapterTypesPerAccount) {
			return restError(http.StatusConflict, "type_taken", "adapter with this type already exists")
		}
	}
	if answer := c.fill(d); answer != nil {
		return *answer
	}
	c.p.nextAdpt++
	d.ID = c.p.nextAdpt
	c.p.adapters[d.ID] = d
	return reply{http.StatusOK, d.Adapter}
}

// fill takes over what the body says; a reply means that something in it is not allowed.
func (c *restCall) fill(d *adapter) *reply {
	refuse := func(r reply) *reply { return &r }
	wrong := func(text string) *reply {
		return refuse(c.badLocked(http.StatusUnprocessableEntity, "invalid_parameter_value", text))
	}
	next := *d
	var in struct {
		Name, Login, Password, Status *string
		URL                           *string        `json:"webhook_url"`
		Version                       *string        `json:"webhook_version"`
		Token                         *string        `json:"webhook_token"`
		Auth                          *WebhookAuth   `json:"webhook_auth"`
		Kwargs                        *WebhookKwargs `json:"webhook_kwargs"`
		Types                         []string       `json:"supported_channel_types"`
	}
	if err := json.Unmarshal(c.raw, &in); err != nil {
		return wrong("the body does not fit: " + err.Error())
	}
	for _, f := range []struct{ from, to *string }{{in.Name, &next.Name}, {in.Login, &next.Login}, {in.Password, &next.Password}, {in.Status, &next.Status},
		{in.URL, &next.WebhookURL}, {in.Version, &next.WebhookVersion}, {in.Token, &next.WebhookToken}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if in.Auth != nil && in.Token != nil {
		return wrong("webhook_auth and webhook_token must not be used together")
	}
	if in.Auth != nil {
		if in.Auth.Type == "Bearer" && in.Auth.Token == "" || in.Auth.Type == "Basic" && (in.Auth.Login == "" || in.Auth.Password == "") {
			return wrong("webhook_auth lacks its token, or login and password")
		}
		next.WebhookAuth, next.WebhookToken = in.Auth, ""
	} else if in.Token != nil {
		next.WebhookAuth = nil
	}
	if in.Kwargs != nil {
		next.WebhookKwargs = *in.Kwargs
	}
	if in.Types != nil {
		next.ChannelTypes = in.Types
	}
	for _, t := range next.ChannelTypes {
		if !channelTypes[t].adapter {
			return wrong(fmt.Sprintf("channel type %q is not supported by adapters", t))
		}
	}
	if u, err := url.Parse(next.WebhookURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return wrong("webhook_url is not an address")
	}
	for _, other := range c.p.adapters {
		if other != d && other.Login == next.Login {
			return refuse(restError(http.StatusConflict, "login_taken", "adapter with this login already exists"))
		}
	}
	*d = next
	return nil
}

// ownAdapter finds an adapter the account may change.
func (c *restCall) ownAdapter(id int64) (*adapter, *reply) {
	d := c.p.adapters[id]
	if d == nil || d.account != nil && d.account != c.account {
		r := restError(http.StatusNotFound, "not_found", "adapter not found")
		return nil, &r
	}
	if d.account == nil {
		r := c.badLocked(http.StatusForbidden, "system_adapter", "system adapters cannot be changed")
		return nil, &r
	}
	return d, nil
}

func (c *restCall) changeAdapter(id int64) reply {
	d, answer := c.ownAdapter(id)
	if answer == nil {
		answer = c.fill(d)
	}
	if answer != nil {
		return *answer
	}
	return reply{http.StatusOK, d.Adapter}
}

func (c *restCall) deleteAdapter(id int64) reply {
	d, answer := c.ownAdapter(id)
	if answer != nil {
		return *answer
	}
	for _, a := range c.p.order {
		for _, l := range a.links {
			if l.adapter == d {
				return restError(http.StatusConflict, "in_use", "adapter is in use")
			}
		}
	}
	delete(c.p.adapters, id)
	return reply{http.StatusNoContent, nil}
}

func (c *restCall) listChannels() reply {
	out := []any{}
	for _, ch := range c.account.channels {
		out = append(out, map[string]any{"id": ch.ID, "channel_id": ch.ID%1000 + 28000, "type": ch.Type, "name": ch.Name, "is_active": ch.open(),
			"is_removed": ch.Status == "deleted", "status": ch.Status, "status_reason": ch.StatusReason})
	}
	return reply{http.StatusOK, out}
}
