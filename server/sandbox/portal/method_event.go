package portal

import (
	"net/url"
	"strings"
)

// eventMethods are event.* (docs section "events").
func eventMethods() []*method {
	return []*method{
		{name: "event.bind", app: true, fold: true, run: eventBind,
			takes: takes("EVENT str*", "HANDLER str", "AUTH_TYPE int", "EVENT_TYPE str", "AUTH_CONNECTOR str", "OPTIONS map")},
		{name: "event.unbind", app: true, fold: true, run: eventUnbind, takes: takes("EVENT str*", "HANDLER str*", "AUTH_TYPE int", "EVENT_TYPE str", "AUTH_CONNECTOR str")},
		{name: "event.get", app: true, run: eventGet},
		{name: "events", app: true, fold: true, run: eventNames, takes: takes("SCOPE str", "FULL bool")},
		{name: "event.test", app: true, open: true, run: eventTest},
	}
}

func eventBind(c *call) (any, error) {
	event := strings.ToUpper(c.args.str("EVENT"))
	scope, known := c.p.world.events[event]
	if !known || !c.tok.allows(scope) {
		return nil, breach(400, "ERROR_EVENT_NOT_FOUND", "Event not found")
	}
	h := &handler{event: event, url: c.args.str("HANDLER"), user: c.args.int("AUTH_TYPE")}
	if c.args.str("EVENT_TYPE") == "offline" {
		return nil, fail(403, "ACCESS_DENIED", "Offline events are not available here")
	}
	if h.user != 0 && h.user != c.user.ID && !c.user.Admin {
		return nil, fail(403, "ACCESS_DENIED", "Access denied!")
	}
	if err := c.p.checkHandler(h.url); err != nil {
		return nil, err
	}
	for _, old := range c.in.handlers {
		if old.event == h.event && old.url == h.url && old.user == h.user {
			return nil, fail(400, "ERROR_CORE", "Unable to set event handler: Handler already binded")
		}
	}
	h.id = c.p.id("handler")
	c.in.handlers = append(c.in.handlers, h)
	return true, nil
}

// checkHandler judges the address of a handler.
func (p *Portal) checkHandler(raw string) error {
	if raw == "" {
		return badArgument("HANDLER", "Argument 'HANDLER' is null or empty")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || p.world.opts.RequireDomain && !strings.Contains(u.Hostname(), ".") {
		return breach(400, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return breach(400, "ERROR_UNSUPPORTED_PROTOCOL", "Unsupported protocol")
	}
	return nil
}

func eventUnbind(c *call) (any, error) {
	event, url := strings.ToUpper(c.args.str("EVENT")), c.args.str("HANDLER")
	var kept []*handler
	for _, h := range c.in.handlers {
		if h.event == event && h.url == url && (!c.args.has("AUTH_TYPE") || h.user == c.args.int("AUTH_TYPE")) {
			continue
		}
		kept = append(kept, h)
	}
	n := len(c.in.handlers) - len(kept)
	c.in.handlers = kept
	return kv("count", n), nil
}

func eventGet(c *call) (any, error) {
	out := newArr()
	for _, h := range c.in.handlers {
		out.push(kv("event", h.event, "handler", h.url, "auth_type", text(h.user), "offline", 0))
	}
	return out, nil
}

func eventNames(c *call) (any, error) {
	out := newArr()
	for _, name := range sortedKeys(c.p.world.events) {
		scope := c.p.world.events[name]
		if c.tok.allows(scope) && (!c.args.has("SCOPE") || strings.Contains("|"+scope+"|", "|"+c.args.str("SCOPE")+"|")) {
			out.push(name)
		}
	}
	return out, nil
}

func eventTest(c *call) (any, error) {
	query := newArr()
	for _, k := range c.args.keys {
		if !transport[k] {
			query.set(k, c.args.vals[k])
		}
	}
	c.p.fireApp(c.in, "ONAPPTEST", kv("QUERY", query), c.p.appAuth(c.in, c.user, true))
	return 1, nil
}
