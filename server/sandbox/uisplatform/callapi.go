package uisplatform

import (
	"net/http"
	"regexp"
	"slices"
)

// serveCallAPI is POST /v4.0.
func (p *Platform) serveCallAPI(w http.ResponseWriter, r *http.Request) {
	p.serveRPC(w, r, "call", "/v4.0", callMethods)
}

var callMethods = map[string]rpcHandler{
	"login.user": loginUser, "logout.user": logoutUser,
	"start.employee_call": startEmployeeCall, "start.scenario_call": startScenarioCall, "start.vnumber_call": startVnumberCall, "start.simple_call": startSimpleCall,
	"list.calls": listCalls, "release.call": releaseCall, "tag.call": tagCall,
}

// loginUser opens a session of one hour (Data API and Call API).
func loginUser(c *rpcCall) (any, int, *rpcError) {
	login, _ := c.params["login"].(string)
	password, _ := c.params["password"].(string)
	a := c.p.accountByLogin(login)
	if a == nil || a.cfg.Password != password {
		return nil, -1, fail("auth_error", "", nil)
	}
	c.account = a
	name, expires := c.p.issue(token{kind: "session", account: a}, c.p.opt.LoginLife)
	return map[string]any{"access_token": name, "expire_at": expires.Unix(), "app_id": a.cfg.AppID}, -1, nil
}

func logoutUser(c *rpcCall) (any, int, *rpcError) {
	name, _ := c.params["access_token"].(string)
	delete(c.p.tokens, name)
	return map[string]any{"success": true}, -1, nil
}

func (c *rpcCall) text(name string) string {
	s, _ := c.params[name].(string)
	return s
}

func (c *rpcCall) number(name string) int64 {
	n, _ := whole(c.params[name])
	return n
}

var contactPattern = regexp.MustCompile(`^\d{5,15}$`)

// checkStart checks what all start methods have in common and gives the call's description.
func (c *rpcCall) checkStart() (CallSpec, *rpcError) {
	a := c.account
	spec := CallSpec{Direction: orText(c.text("direction"), "in"), VirtualNumber: c.text("virtual_phone_number"), Contact: c.text("contact"),
		ExternalID: c.text("external_id"), Source: "callapi"}
	owns := func(number string) bool {
		return slices.ContainsFunc(a.cfg.VirtualNumbers, func(n VirtualNumber) bool { return n.Number == number })
	}
	switch {
	case !contactPattern.MatchString(spec.Contact):
		return spec, fail("invalid_parameter_value", "contact", spec.Contact)
	case !owns(spec.VirtualNumber):
		return spec, fail("virtual_phone_number_not_found", "virtual_phone_number", spec.VirtualNumber)
	case owns(spec.Contact):
		return spec, fail("own_virtual_phone_number_not_allowed", "contact", spec.Contact)
	case c.params["early_switching"] == true && (c.text("first_call") == "contact" || c.params["switch_at_once"] != true):
		return spec, fail("invalid_parameters_combination", "early_switching", true)
	}
	for _, name := range []string{"contact_message", "employee_message", "operator_message"} {
		m, _ := c.params[name].(map[string]any)
		if m["type"] == "media" {
			return spec, fail("media_file_not_found", name+".value", m["value"])
		}
		if text, _ := m["value"].(string); len([]rune(text)) > 400 {
			return spec, fail("tts_text_exceeded", name+".value", nil)
		}
	}
	return spec, nil
}

// begin starts the call and lets the script play it after the answer.
func (c *rpcCall) begin(spec CallSpec) (any, int, *rpcError) {
	a := c.account
	script := a.script.complete()
	call, err := a.startCall(spec, a.past(script))
	if err != nil {
		return nil, -1, fail("employee_not_found", "employee.id", spec.Employee)
	}
	call.apiRequest = a.id()
	kind := script.Outcome
	if kind == "answered" && spec.Direction == "out" {
		kind = "outgoing"
	}
	steps := a.steps(call, kind, script)
	c.p.begin()
	c.p.senders.Add(1)
	go func() {
		defer c.p.senders.Done()
		a.play(call, steps)
		c.p.mu.Lock()
		c.p.end()
		c.p.mu.Unlock()
	}()
	return map[string]any{"call_session_id": call.id}, -1, nil
}

func startEmployeeCall(c *rpcCall) (any, int, *rpcError) {
	spec, e := c.checkStart()
	if e != nil {
		return nil, -1, e
	}
	who, _ := c.params["employee"].(map[string]any)
	id, _ := whole(who["id"])
	employee := c.account.employee(id)
	if employee == nil {
		return nil, -1, fail("employee_not_found", "employee.id", id)
	}
	if phone, _ := who["phone_number"].(string); len(employee.Phones) == 0 || phone != "" && !slices.Contains(employee.Phones, phone) {
		return nil, -1, fail("no_active_phone_number", "employee.phone_number", phone)
	}
	spec.Employee = id
	return c.begin(spec)
}

func startScenarioCall(c *rpcCall) (any, int, *rpcError) {
	spec, e := c.checkStart()
	if e != nil {
		return nil, -1, e
	}
	if id := c.number("scenario_id"); !slices.ContainsFunc(c.account.cfg.Scenarios, func(s Scenario) bool { return s.ID == id }) {
		return nil, -1, fail("scenario_not_found", "scenario_id", id)
	}
	spec.Source = "callapi_scenario_call"
	return c.begin(spec)
}

func startVnumberCall(c *rpcCall) (any, int, *rpcError) {
	spec, e := c.checkStart()
	if e != nil {
		return nil, -1, e
	}
	if c.account.scenarioOf(spec.VirtualNumber) == nil {
		e := fail("scenario_not_found", "virtual_phone_number", spec.VirtualNumber)
		e.code = -32007
		return nil, -1, e
	}
	return c.begin(spec)
}

func startSimpleCall(c *rpcCall) (any, int, *rpcError) {
	spec, e := c.checkStart()
	if e != nil {
		return nil, -1, e
	}
	operator := c.text("operator")
	if !contactPattern.MatchString(operator) {
		return nil, -1, fail("invalid_parameter_value", "operator", operator)
	}
	for _, employee := range c.account.employees {
		if slices.Contains(employee.Phones, operator) {
			spec.Employee = employee.ID
		}
	}
	return c.begin(spec)
}

func listCalls(c *rpcCall) (any, int, *rpcError) {
	out := []any{}
	a := c.account
	for _, k := range a.calls {
		if !k.open() || c.text("direction") != "" && c.text("direction") != k.spec.Direction ||
			c.text("virtual_phone_number") != "" && c.text("virtual_phone_number") != k.spec.VirtualNumber {
			continue
		}
		legs, tags := []any{}, []any{}
		for _, l := range k.legs {
			item := map[string]any{"leg_id": l.id, "calling_phone_number": l.from, "called_phone_number": l.to, "is_operator": l.employee != nil,
				"employee_id": nil, "employee_full_name": nil, "record_call_enabled": true, "state": l.state}
			if l.employee != nil {
				item["employee_id"], item["employee_full_name"] = l.employee.ID, l.employee.FullName()
			}
			legs = append(legs, item)
		}
		for _, m := range a.marks[mark{"call", k.communication}] {
			tags = append(tags, map[string]any{"tag_id": m.tag.ID, "tag_name": m.tag.Name})
		}
		out = append(out, map[string]any{"call_session_id": k.id, "direction": k.spec.Direction, "start_time": a.local(k.started),
			"virtual_phone_number": k.spec.VirtualNumber, "contact_phone_number": k.spec.Contact, "external_id": orNull(k.spec.ExternalID), "tags": tags, "legs": legs})
	}
	return out, -1, nil
}

// openCall finds the call that a managing method names.
func (c *rpcCall) openCall() (*call, *rpcError) {
	id := c.number("call_session_id")
	for _, k := range c.account.calls {
		if k.id == id && k.open() {
			return k, nil
		}
	}
	return nil, fail("call_session_not_found", "call_session_id", id)
}

func releaseCall(c *rpcCall) (any, int, *rpcError) {
	k, e := c.openCall()
	if e != nil {
		return nil, -1, e
	}
	c.account.hangUp(k, "")
	return map[string]any{"success": true}, -1, nil
}

func tagCall(c *rpcCall) (any, int, *rpcError) {
	k, e := c.openCall()
	if e != nil {
		return nil, -1, e
	}
	t := c.account.tag(c.number("tag_id"))
	if t == nil {
		return nil, -1, fail("tag_not_found", "tag_id", c.number("tag_id"))
	}
	if !c.account.setTag(mark{"call", k.communication}, *t) {
		return nil, -1, fail("duplicate_tag", "tag_id", t.ID)
	}
	return map[string]any{"success": true}, -1, nil
}
