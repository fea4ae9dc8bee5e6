package portal

import "strings"

// registry is every method the portal knows, by lower-case name.
func registry() map[string]*method {
	m := map[string]*method{}
	for _, group := range [][]*method{systemMethods(), eventMethods(), placementMethods(), userMethods(), crmItemMethods(), oldListMethods(), crmDirectoryMethods(),
		timelineMethods(), activityMethods(), activityExtraMethods(), userFieldMethods(), imMethods(), connectorMethods(), connectorMessageMethods(), openLineMethods(),
		telephonyLineMethods(), telephonyCallMethods(), robotMethods()} {
		for _, x := range group {
			m[strings.ToLower(x.name)] = x
		}
	}
	return m
}

// systemMethods are those of the basic scope (docs section "common/system" and "common/settings").
func systemMethods() []*method {
	return []*method{
		{name: "app.info", app: true, run: func(c *call) (any, error) { return c.p.appInfo(c.in), nil }},
		{name: "scope", fold: true, takes: takes("FULL bool"), run: func(c *call) (any, error) { return listOf(c.tok.scope), nil }},
		{name: "server.time", run: func(c *call) (any, error) { return stamp(c.p.now()), nil }},
		{name: "method.get", takes: takes("name str*"), run: methodGet},
		{name: "methods", fold: true, takes: takes("FULL bool", "SCOPE str"), run: methodNames},
		{name: "feature.get", fold: true, takes: takes("CODE str"), run: featureGet},
		{name: "app.option.get", fold: true, takes: takes("OPTION str"), run: func(c *call) (any, error) { return optionGet(c, c.in.appOptions) }},
		{name: "app.option.set", fold: true, takes: takes("OPTIONS map*"), run: appOptionSet},
		{name: "user.option.get", fold: true, takes: takes("OPTION str"), run: func(c *call) (any, error) { return optionGet(c, c.in.options(c.user.ID)) }},
		{name: "user.option.set", fold: true, takes: takes("OPTIONS map*"), run: func(c *call) (any, error) {
			return optionSet(c, c.in.options(c.user.ID)), nil
		}},
	}
}

func (in *installation) options(user int) *arr {
	if in.userOption[user] == nil {
		in.userOption[user] = newArr()
	}
	return in.userOption[user]
}

// appInfo is the answer of app.info, on the portal and at the authorization server.
func (p *Portal) appInfo(in *installation) *arr {
	kind := p.cfg.Licence
	if _, rest, ok := strings.Cut(kind, "_"); ok {
		kind = rest
	}
	var days any
	if in.days != nil {
		days = *in.days
	}
	return kv("ID", in.id, "CODE", in.app.Code, "VERSION", in.version, "STATUS", in.status, "INSTALLED", in.installed, "PAYMENT_EXPIRED", yn(in.expired),
		"DAYS", days, "LANGUAGE_ID", p.cfg.Lang, "LICENSE", p.cfg.Licence, "LICENSE_TYPE", kind, "LICENSE_FAMILY", strings.TrimRight(kind, "0123456789"))
}

func methodGet(c *call) (any, error) {
	m := c.p.world.methods[strings.ToLower(c.args.str("name"))]
	return kv("isExisting", m != nil, "isAvailable", m != nil && c.tok.allows(m.scope)), nil
}

func methodNames(c *call) (any, error) {
	out := newArr()
	for _, name := range sortedKeys(c.p.world.methods) {
		if c.tok.allows(c.p.world.methods[name].scope) {
			out.push(name)
		}
	}
	return out, nil
}

func featureGet(c *call) (any, error) {
	code := c.args.str("CODE")
	if code == "" {
		return nil, breach(400, "CODE_EMPTY", "Empty CODE.")
	}
	return kv("value", yn(code == "rest_offline_extended" || code == "rest_auth_connector")), nil
}

func optionGet(c *call, from *arr) (any, error) {
	if c.args.has("OPTION") {
		return from.get(c.args.str("OPTION")), nil
	}
	return from, nil
}

func appOptionSet(c *call) (any, error) {
	if !c.user.Admin {
		return nil, fail(403, "AccessException", "Administrator authorization required")
	}
	return optionSet(c, c.in.appOptions), nil
}

func optionSet(c *call, to *arr) bool {
	opts := c.args.sub("OPTIONS")
	for _, k := range opts.keys {
		to.set(k, opts.vals[k])
	}
	return true
}
