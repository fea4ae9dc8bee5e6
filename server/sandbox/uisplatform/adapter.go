package uisplatform

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// serveAdapter is /v1/adapter/…, the Chat API for adapters.
func (p *Platform) serveAdapter(w http.ResponseWriter, r *http.Request) {
	c := &restCall{p: p, api: "adapter", name: r.Method + " " + strings.TrimSuffix(r.URL.Path, "/")}
	if c.name == "POST /v1/adapter/login" {
		c.loginAdapter(w, r)
		return
	}
	p.mu.Lock()
	t, live := p.bearer(r, "adapter")
	if t != nil {
		c.adapter, c.account = t.adapter, t.adapter.account
	}
	gone := t != nil && p.adapters[t.adapter.ID] != t.adapter
	p.mu.Unlock()
	if r.Header.Get("Authorization") == "" {
		c.bad(http.StatusUnauthorized, "no_token", "Not authenticated").write(p, w)
		return
	}
	if t == nil || !live || gone {
		restError(http.StatusUnauthorized, "token", "Could not validate credentials").write(p, w)
		return
	}
	switch {
	case c.name == "POST /v1/adapter/resource":
		c.serveUpload(w, r)
		return
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/adapter/resource/"):
		c.servePayload(w, r)
		return
	}
	run := map[string]func() reply{
		"POST /v1/adapter/chat": c.startChat, "POST /v1/adapter/chat/close": c.closeChat, "POST /v1/adapter/chat/transfer": c.transferChat,
		"POST /v1/adapter/message": c.sendMessage,
	}[c.name]
	if run == nil {
		c.bad(http.StatusNotFound, "unknown_address", "Not Found").write(p, w)
		return
	}
	if answer, ok := c.readBody(r); !ok {
		answer.write(p, w)
		return
	}
	p.mu.Lock()
	if l := p.linkByID(c.adapter, c.number("account_id")); l != nil {
		c.account = l.account
	}
	p.mu.Unlock()
	p.perform(w, operation{c.account, "adapter", c.name, c.refuse}, c.locked(run))
}

// loginAdapter answers the form login with a token that lives Options.AdapterTokenLife.
func (c *restCall) loginAdapter(w http.ResponseWriter, r *http.Request) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil || kind != "application/x-www-form-urlencoded" || !onlyKeys(r.PostForm, "username", "password") {
		c.bad(http.StatusUnprocessableEntity, "login_request", "login takes a form with username and password").write(c.p, w)
		return
	}
	c.p.mu.Lock()
	for _, d := range c.p.adapters {
		if d.Login == r.PostForm.Get("username") && d.Password == r.PostForm.Get("password") {
			c.adapter, c.account = d, d.account
		}
	}
	c.p.mu.Unlock()
	c.p.perform(w, operation{c.account, "adapter", c.name, c.refuse}, func() reply {
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		if c.adapter == nil || c.adapter.Status != "active" {
			return restError(http.StatusUnauthorized, "credentials", "Incorrect username or password")
		}
		name, expires := c.p.issue(token{kind: "adapter", account: c.account, adapter: c.adapter}, c.p.opt.AdapterTokenLife)
		return reply{http.StatusOK, map[string]any{"access_token": name, "token_type": "bearer", "expires_at": expires.Unix()}}
	})
}

func onlyKeys(form url.Values, keys ...string) bool {
	for k := range form {
		if !slices.Contains(keys, k) {
			return false
		}
	}
	return len(form) == len(keys)
}

// linkByID finds a connection of the adapter; a private adapter sees its owner's account only. The lock is held.
func (p *Platform) linkByID(d *adapter, id int64) *link {
	for _, a := range p.order {
		if d.account != nil && a != d.account {
			continue
		}
		for _, l := range a.links {
			if l.adapter == d && l.id == id {
				return l
			}
		}
	}
	return nil
}

// place finds connection and channel of a request; the channel must be open.
func (c *restCall) place() (linkChannel, *reply) {
	l := c.p.linkByID(c.adapter, c.number("account_id"))
	if l == nil {
		r := c.badLocked(http.StatusNotFound, "no_account", "account not found")
		return linkChannel{}, &r
	}
	for _, lc := range l.channels {
		if lc.id != c.number("channel_id") {
			continue
		}
		if !lc.channel.open() {
			r := restError(http.StatusBadRequest, "channel_closed", fmt.Sprintf("channel %d is not active: %s", lc.id, lc.channel.Status))
			return lc, &r
		}
		return lc, nil
	}
	r := restError(http.StatusNotFound, "no_channel", fmt.Sprintf("channel %d is not connected", c.number("channel_id")))
	return linkChannel{}, &r
}

// operator finds the employee of a field; he must be allowed to work in chats.
func (c *restCall) operator(a *Account, name string) (int64, *reply) {
	id := c.number(name)
	e := a.employee(id)
	if e == nil {
		r := c.badLocked(http.StatusUnprocessableEntity, "no_operator", fmt.Sprintf("%s: there is no employee %d", name, id))
		return 0, &r
	}
	if !e.Operator {
		r := restError(http.StatusForbidden, "operator_rights", fmt.Sprintf("employee %d has no rights for chats", id))
		return 0, &r
	}
	return id, nil
}

var (
	phonePattern    = regexp.MustCompile(`^\d{7,15}$`)
	usernamePattern = regexp.MustCompile(`^@[A-Za-z0-9_]{3,32}$`)
	emailPattern    = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
)

// startChat lets an operator write first (documentation: "Creating a chat").
func (c *restCall) startChat() reply {
	lc, answer := c.place()
	if answer != nil {
		return *answer
	}
	a := lc.link.account
	operator, answer := c.operator(a, "operator_id")
	if answer != nil {
		return *answer
	}
	allowed := channelTypes[lc.channel.Type].first
	if len(allowed) == 0 {
		return c.badLocked(http.StatusUnprocessableEntity, "write_first", "a channel of type "+lc.channel.Type+" does not allow to write first")
	}
	var given []string
	for _, f := range []string{"visitor_phone", "visitor_email", "visitor_username"} {
		if c.text(f) != "" {
			given = append(given, f)
		}
	}
	if len(given) != 1 || !slices.Contains(allowed, given[0]) {
		return c.badLocked(http.StatusUnprocessableEntity, "visitor", "exactly one of "+strings.Join(allowed, ", ")+" must be given for a channel of type "+lc.channel.Type)
	}
	who := Client{Phone: c.text("visitor_phone"), Email: c.text("visitor_email"), Username: c.text("visitor_username")}
	if who.Phone != "" && !phonePattern.MatchString(who.Phone) || who.Username != "" && !usernamePattern.MatchString(who.Username) || who.Email != "" && !emailPattern.MatchString(who.Email) {
		return c.badLocked(http.StatusUnprocessableEntity, "invalid_parameter_value", given[0]+" has a wrong format")
	}
	v := a.visitorOf(lc.channel, who)
	ct := a.openChat(lc.channel, v)
	if ct != nil {
		return restError(http.StatusConflict, "chat_exists", fmt.Sprintf("there is an open chat %d with this visitor", ct.id))
	}
	ct = a.newChat(lc.channel, v, "operator", operator)
	a.toPhones(phoneEvent{Type: "chat", Chat: a.chatView(ct)})
	for _, other := range a.linksOf(lc.channel) {
		if other.link != lc.link {
			a.webhook(other, ct, "POST", "/chat", a.newChatBody(other, ct))
		}
	}
	name, _ := a.employeeName(operator).(string)
	m := a.addMessage(ct, &message{source: "system", text: "Чат начат оператором " + name, status: "sent", system: "chat_started"})
	a.announce(m, nil) // the documentation's example shows that the caller gets this one, too
	a.notify("chat_started", ct.id, a.chatVars(ct))
	return reply{http.StatusOK, map[string]any{
		"context": map[string]any{}, "account_id": lc.link.id, "channel_id": lc.id, "chat_id": ct.id, "visitor_id": v.id,
		"visitor_phone": orNull(who.Phone), "visitor_email": orNull(who.Email), "visitor_username": orNull(who.Username),
		"operator_id": operator, "initiator": "operator", "created_at": isoTime(ct.created),
	}}
}

// chatOf finds the open chat of a request in its channel; whenClosed is the answer's status for a closed one.
func (c *restCall) chatOf(lc linkChannel, whenClosed int) (*chat, *reply) {
	ct := lc.link.account.chats[c.number("chat_id")]
	if ct == nil || ct.channel != lc.channel {
		r := c.badLocked(http.StatusNotFound, "no_chat", fmt.Sprintf("chat %d not found in this channel", c.number("chat_id")))
		return nil, &r
	}
	if !ct.open() {
		r := restError(whenClosed, "chat_closed", fmt.Sprintf("chat %d is closed", ct.id))
		return nil, &r
	}
	return ct, nil
}

func (c *restCall) closeChat() reply {
	lc, answer := c.place()
	if answer != nil {
		return *answer
	}
	ct, answer := c.chatOf(lc, http.StatusConflict)
	if answer != nil {
		return *answer
	}
	if c.in["operator_id"] == nil {
		return c.badLocked(http.StatusUnprocessableEntity, "required_parameter_missed", "operator_id must be given with closed_by_operator")
	}
	operator, answer := c.operator(lc.link.account, "operator_id")
	if answer != nil {
		return *answer
	}
	lc.link.account.finish(ct, "closed_by_operator", operator, lc.link)
	return reply{http.StatusOK, c.in}
}

func (c *restCall) transferChat() reply {
	lc, answer := c.place()
	if answer != nil {
		return *answer
	}
	ct, answer := c.chatOf(lc, http.StatusBadRequest)
	if answer != nil {
		return *answer
	}
	if from := c.number("from_operator_id"); from != ct.operator {
		return restError(http.StatusBadRequest, "not_operator", fmt.Sprintf("chat %d is not with operator %d", ct.id, from))
	}
	to, answer := c.operator(lc.link.account, "to_operator_id")
	if answer != nil {
		return *answer
	}
	lc.link.account.assign(ct, to)
	return reply{http.StatusOK, c.in}
}

// sendMessage takes a message of an operator. It assigns a chat that nobody has taken; the sender gets no echo, only the statuses.
func (c *restCall) sendMessage() reply {
	lc, answer := c.place()
	if answer != nil {
		return *answer
	}
	a := lc.link.account
	ct, answer := c.chatOf(lc, http.StatusBadRequest)
	if answer != nil {
		return *answer
	}
	operator, answer := c.operator(a, "operator_id")
	if answer != nil {
		return *answer
	}
	m, answer := c.newMessage(a, ct, operator)
	if answer != nil {
		return *answer
	}
	if ct.operator == 0 {
		a.assign(ct, operator)
	}
	a.addMessage(ct, m)
	a.announce(m, lc.link)
	out := map[string]any{
		"context": c.in["context"], "account_id": lc.link.id, "channel_id": lc.id, "id": m.id, "chat_id": ct.id, "source": "operator", "operator_id": operator,
		"reply_to_id": orNull(m.replyTo), "text": wireText(m.text), "created_at": c.text("created_at"), "status": nil, "resource": m.resource.body(),
		"system_message_mnemonic": nil,
	}
	a.sent(m)
	return reply{http.StatusOK, out}
}

// newMessage checks what is special about a message: its text or file, the quoted one, a template and the window of waba.
func (c *restCall) newMessage(a *Account, ct *chat, operator int64) (*message, *reply) {
	refuse := func(r reply) (*message, *reply) { return nil, &r }
	var in struct {
		Text wireText `json:"text"`
	}
	if err := json.Unmarshal(c.raw, &in); err != nil {
		return refuse(c.badLocked(http.StatusUnprocessableEntity, "json", "text: "+err.Error()))
	}
	m := &message{source: "operator", operator: operator, text: string(in.Text), replyTo: c.number("reply_to_id")}
	m.created, _ = time.Parse(time.RFC3339Nano, c.text("created_at"))
	m.context, _ = c.in["context"].(map[string]any)
	if q := a.messages[m.replyTo]; m.replyTo != 0 && (q == nil || q.chat != ct) {
		return refuse(c.badLocked(http.StatusUnprocessableEntity, "reply_to_id", fmt.Sprintf("there is no message %d in this chat", m.replyTo)))
	}
	if res, ok := c.in["resource"].(map[string]any); ok {
		id, _ := whole(res["id"])
		if m.resource = a.resources[id]; m.resource == nil || m.resource.token != res["token"] {
			return refuse(c.badLocked(http.StatusUnprocessableEntity, "resource", "there is no such resource"))
		}
	}
	template, isTemplate := m.context["template"].(map[string]any)
	if isTemplate && ct.channel.Type != "waba" {
		return refuse(c.badLocked(http.StatusUnprocessableEntity, "template", "only waba channels have templates"))
	}
	if isTemplate {
		id, _ := whole(template["id"])
		i := slices.IndexFunc(ct.channel.Templates, func(t Template) bool { return t.ID == id })
		if i < 0 {
			return refuse(c.badLocked(http.StatusUnprocessableEntity, "template", fmt.Sprintf("there is no template %d", id)))
		}
		if m.text == "" {
			m.text = orText(c.templateText(template), ct.channel.Templates[i].Text)
		}
	}
	if ct.channel.Type == "waba" && !isTemplate && !a.p.now().Before(ct.visitor.windowEnds) {
		return refuse(restError(http.StatusBadRequest, "window_closed", "the conversation window is closed: only a template may be sent"))
	}
	if m.text == "" && m.resource == nil {
		return refuse(c.badLocked(http.StatusUnprocessableEntity, "empty", "a message needs text or a resource"))
	}
	return m, nil
}

func (c *restCall) templateText(t map[string]any) string {
	s, _ := t["text"].(string)
	return s
}
