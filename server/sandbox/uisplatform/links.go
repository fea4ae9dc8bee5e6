package uisplatform

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// link is an "adapter account": an account's connection of an adapter with some of its channels.
type link struct {
	id       int64
	name     string
	status   string
	adapter  *adapter
	account  *Account
	channels []linkChannel
	context  map[string]any
}

// linkChannel is an "adapter channel": its id differs from the account's channel id, which stays in the context.
type linkChannel struct {
	id      int64
	link    *link
	channel *channel
}

func (l *link) drop(id int64) {
	l.channels = slices.DeleteFunc(l.channels, func(c linkChannel) bool { return c.id == id })
}

func (l *link) view() map[string]any {
	ids := []int64{}
	for _, c := range l.channels {
		ids = append(ids, c.channel.ID)
	}
	return map[string]any{"id": l.id, "name": l.name, "adapter_id": l.adapter.ID, "channels": ids, "context": l.context, "status": l.status}
}

// linksOf are the connections that take part in a channel; the lock is held.
func (a *Account) linksOf(ch *channel) []linkChannel {
	var out []linkChannel
	for _, l := range a.links {
		for _, c := range l.channels {
			if c.channel == ch {
				out = append(out, c)
			}
		}
	}
	return out
}

func (c *restCall) listLinks() reply {
	out := []any{}
	for _, l := range c.account.links {
		out = append(out, l.view())
	}
	return reply{http.StatusOK, out}
}

// createLink connects an adapter. The adapter must answer POST {webhook_url}/account at this moment (documentation: the web server must be available).
func (c *restCall) createLink() reply {
	c.p.mu.Lock()
	l, answer := c.newLink()
	if answer != nil {
		c.p.mu.Unlock()
		return *answer
	}
	a := c.account
	first := a.webhookRequest(l.adapter, "POST", "/account", a.accountBody(l))
	first.retries = 0
	c.p.begin()
	c.p.mu.Unlock()
	taken := a.send(first)
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	defer c.p.end()
	if !taken {
		return restError(http.StatusBadRequest, "webhook_url", "webhook_url is not available: POST /account was not answered with 200 or 204")
	}
	a.links = append(a.links, l)
	for _, lc := range l.channels {
		a.webhook(lc, nil, "POST", "/channel", a.channelBody(lc))
	}
	return reply{http.StatusOK, l.view()}
}

// newLink checks the body and makes the connection, not yet part of the account; the lock is held.
func (c *restCall) newLink() (*link, *reply) {
	refuse := func(r reply) (*link, *reply) { return nil, &r }
	d := c.p.adapters[c.number("adapter_id")]
	if d == nil || d.account != nil && d.account != c.account {
		return refuse(restError(http.StatusNotFound, "not_found", "adapter not found"))
	}
	if d.Status != "active" {
		return refuse(restError(http.StatusConflict, "adapter_disabled", "adapter is disabled"))
	}
	l := &link{id: c.account.id(), name: c.text("name"), status: "active", adapter: d, account: c.account, context: map[string]any{}}
	if ctx, ok := c.in["context"].(map[string]any); ok {
		l.context = ctx
	}
	if answer := c.connect(l); answer != nil {
		return nil, answer
	}
	return l, nil
}

// connect gives a connection the channels that the body lists, numbering the new ones.
func (c *restCall) connect(l *link) *reply {
	var in struct{ Channels []int64 }
	if err := json.Unmarshal(c.raw, &in); err != nil {
		r := c.badLocked(http.StatusUnprocessableEntity, "data_type_error", "channels must be whole numbers")
		return &r
	}
	var next []linkChannel
	for _, id := range in.Channels {
		ch := c.account.channel(id)
		if ch == nil || ch.Status == "deleted" {
			r := c.badLocked(http.StatusUnprocessableEntity, "no_channel", fmt.Sprintf("there is no channel %d", id))
			return &r
		}
		if !slices.Contains(l.adapter.ChannelTypes, ch.Type) {
			r := c.badLocked(http.StatusUnprocessableEntity, "channel_type", fmt.Sprintf("channel %d: type %s is not among the adapter's supported_channel_types", id, ch.Type))
			return &r
		}
		if slices.ContainsFunc(next, func(x linkChannel) bool { return x.channel == ch }) {
			r := c.badLocked(http.StatusUnprocessableEntity, "no_channel", fmt.Sprintf("channel %d is named twice", id))
			return &r
		}
		if i := slices.IndexFunc(l.channels, func(x linkChannel) bool { return x.channel == ch }); i >= 0 {
			next = append(next, l.channels[i])
			continue
		}
		next = append(next, linkChannel{id: c.account.id(), link: l, channel: ch})
	}
	l.channels = next
	return nil
}

func (c *restCall) ownLink(id int64) (*link, *reply) {
	for _, l := range c.account.links {
		if l.id == id {
			return l, nil
		}
	}
	r := restError(http.StatusNotFound, "not_found", "account not found")
	return nil, &r
}

// changeLink changes name, channels and context; channels that came or went are told by webhooks.
func (c *restCall) changeLink(id int64) reply {
	l, answer := c.ownLink(id)
	if answer != nil {
		return *answer
	}
	before := slices.Clone(l.channels)
	if c.in["channels"] != nil {
		if answer := c.connect(l); answer != nil {
			return *answer
		}
	}
	if name := c.text("name"); name != "" {
		l.name = name
	}
	if ctx, ok := c.in["context"].(map[string]any); ok {
		l.context = ctx
	}
	a := c.account
	a.linkWebhook(l, "PATCH", fmt.Sprintf("/account/%d", l.id))
	for _, lc := range before {
		if !slices.Contains(l.channels, lc) {
			a.webhook(lc, nil, "DELETE", fmt.Sprintf("/channel/%d", lc.id), a.channelBody(lc))
		}
	}
	for _, lc := range l.channels {
		if !slices.Contains(before, lc) {
			a.webhook(lc, nil, "POST", "/channel", a.channelBody(lc))
		}
	}
	return reply{http.StatusOK, l.view()}
}

// linkWebhook queues a webhook about the connection itself.
func (a *Account) linkWebhook(l *link, method, path string) {
	a.webhook(linkChannel{link: l}, nil, method, path, a.accountBody(l))
}

func (c *restCall) deleteLink(id int64) reply {
	l, answer := c.ownLink(id)
	if answer != nil {
		return *answer
	}
	for _, lc := range l.channels {
		c.account.webhook(lc, nil, "DELETE", fmt.Sprintf("/channel/%d", lc.id), c.account.channelBody(lc))
	}
	c.account.linkWebhook(l, "DELETE", fmt.Sprintf("/account/%d", l.id))
	c.account.links = slices.DeleteFunc(c.account.links, func(x *link) bool { return x == l })
	return reply{http.StatusNoContent, nil}
}
