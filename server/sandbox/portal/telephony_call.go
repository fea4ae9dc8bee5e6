package portal

import (
	"strings"
	"time"
)

// telephonyCallMethods are telephony.externalCall.* of a call's life (docs section "telephony").
func telephonyCallMethods() []*method {
	show := takes("CALL_ID str*", "USER_ID any")
	return []*method{
		{name: "telephony.externalCall.register", scope: "telephony", app: true, fold: true, style: styleCore, run: callRegister,
			takes: takes("USER_ID int", "USER_PHONE_INNER str", "PHONE_NUMBER str*", "TYPE int*", "CALL_START_DATE str", "CRM_CREATE flag", "CRM_SOURCE str", "CRM_ENTITY_TYPE str",
				"CRM_ENTITY_ID int", "SHOW flag", "ADD_TO_CHAT flag", "CALL_LIST_ID int", "LINE_NUMBER str", "EXTERNAL_CALL_ID str")},
		{name: "telephony.externalCall.show", scope: "telephony", fold: true, style: styleCore, takes: show, run: func(c *call) (any, error) { return callShow(c, true) }},
		{name: "telephony.externalCall.hide", scope: "telephony", fold: true, style: styleCore, takes: show, run: func(c *call) (any, error) { return callShow(c, false) }},
		{name: "telephony.externalCall.finish", scope: "telephony", app: true, fold: true, style: styleCore, run: callFinish,
			takes: takes("CALL_ID str*", "USER_ID int", "USER_PHONE_INNER str", "DURATION int", "COST num", "COST_CURRENCY str", "STATUS_CODE str", "FAILED_REASON str", "RECORD_URL str",
				"VOTE int", "ADD_TO_CHAT flag")},
		{name: "telephony.externalCall.attachRecord", scope: "telephony", fold: true, style: styleCore, noBatch: true, prepare: fetchRecord, run: attachRecord,
			takes: takes("CALL_ID str*", "FILENAME str", "FILE_CONTENT str", "RECORD_URL str")},
	}
}

// caller finds the employee of USER_ID or USER_PHONE_INNER.
func (c *call) caller() (*User, error) {
	if !c.args.has("USER_ID") && !c.args.has("USER_PHONE_INNER") {
		return nil, breach(400, "ERROR_CORE", "USER_ID or USER_PHONE_INNER should be set")
	}
	for _, u := range c.p.users {
		if !u.Dismissed && (c.args.has("USER_ID") && u.ID == c.args.int("USER_ID") || !c.args.has("USER_ID") && u.InnerPhone != "" && u.InnerPhone == c.args.str("USER_PHONE_INNER")) {
			return u, nil
		}
	}
	return nil, coreError("User is not found or is not active")
}

func callRegister(c *call) (any, error) {
	u, err := c.caller()
	if err != nil {
		return nil, err
	}
	kind := c.args.int("TYPE")
	if kind < 1 || kind > 5 {
		return nil, breach(400, "ERROR_CORE", "Unknown TYPE")
	}
	phone := NormalizePhone(c.args.str("PHONE_NUMBER"))
	if phone == "" {
		return nil, breach(400, "ERROR_CORE", "Unsupported phone number format")
	}
	start := c.p.now()
	if s := c.args.str("CALL_START_DATE"); s != "" {
		if start, err = time.Parse(time.RFC3339, s); err != nil {
			return nil, breach(400, "ERROR_CORE", "CALL_START_DATE should be in the ISO-8601 format")
		}
	}
	if t := c.args.str("CRM_ENTITY_TYPE"); t != "" && t != "CONTACT" && t != "COMPANY" && t != "LEAD" {
		return nil, breach(400, "ERROR_CORE", "CRM_ENTITY_TYPE %s is not supported", t)
	}
	show := !c.args.has("SHOW") || truth(c.args.get("SHOW"))
	for _, k := range c.p.calls.calls { // the same call within half an hour: its CALL_ID again
		if !k.finished && k.app == c.tok.clientID && k.phone == phone && k.kind == kind && k.user == u.ID && k.line == c.args.str("LINE_NUMBER") &&
			k.outerID == c.args.str("EXTERNAL_CALL_ID") && start.Sub(k.start).Abs() < 30*time.Minute {
			k.shown[u.ID] = k.shown[u.ID] || show
			return k.registered(), nil
		}
	}
	k := &phoneCall{id: newCallID(c.p.now()), app: c.tok.clientID, user: u.ID, phone: phone, kind: kind, line: c.args.str("LINE_NUMBER"), outerID: c.args.str("EXTERNAL_CALL_ID"),
		start: start, shown: map[int]bool{u.ID: show}}
	if k.line != "" && c.p.calls.line(k.app, k.line) == nil {
		c.p.calls.lines = append(c.p.calls.lines, &externalLine{id: c.p.id("external line"), app: k.app, number: k.line, autoCreate: true})
	}
	c.p.calls.calls = append(c.p.calls.calls, k)
	c.bindCall(k)
	c.fire("OnVoximplantCallInit", kv("CALL_ID", k.id, "CALL_TYPE", k.kind, "CALLER_ID", k.phone, "REST_APP_ID", c.in.id))
	c.fire("OnVoximplantCallStart", kv("CALL_ID", k.id, "USER_ID", k.user))
	return k.registered(), nil
}

// bindCall finds the client of a call, or makes one when asked, and binds the open deals too.
func (c *call) bindCall(k *phoneCall) {
	for _, u := range c.p.users {
		k.internal = k.internal || u.InnerPhone != "" && u.InnerPhone == k.phone
	}
	if k.internal {
		return
	}
	c.p.bindClient(k, owner{entityType(c.args.str("CRM_ENTITY_TYPE")), c.args.int("CRM_ENTITY_ID")})
	l := c.p.calls.line(k.app, k.line)
	if len(k.bindings) == 0 && (truth(c.args.get("CRM_CREATE")) || k.kind == 1 && l != nil && l.autoCreate) {
		c.createForCall(k)
		c.p.bindDeals(k)
	}
}

// bindClient ties a call to the item that is named, else to the first client with its number, and to the open deals of that.
func (p *Portal) bindClient(k *phoneCall, named owner) {
	if p.crm.items[named.typ][named.id] != nil {
		k.bindings = []owner{named}
	} else if k.bindings = p.ownersByPhone(k.phone); len(k.bindings) > 1 {
		k.bindings = k.bindings[:1]
	}
	p.bindDeals(k)
}

func (p *Portal) bindDeals(k *phoneCall) {
	if len(k.bindings) == 0 {
		return
	}
	k.typ, k.entity = k.bindings[0].typ, k.bindings[0].id
	for _, d := range p.crm.sorted(Deal) {
		o := owner{Deal, d.id}
		if d.str("closed") == "N" && (k.typ == Contact && d.fields.int("contactId") == k.entity || k.typ == Company && d.fields.int("companyId") == k.entity) && !hasOwner(k.bindings, o) {
			k.bindings = append(k.bindings, o)
		}
	}
}

func hasOwner(list []owner, o owner) bool {
	for _, x := range list {
		if x == o {
			return true
		}
	}
	return false
}

func (c *call) createForCall(k *phoneCall) {
	source := c.args.str("CRM_SOURCE")
	if !c.p.crm.hasStatus("SOURCE", source) {
		source = "CALL"
	}
	title := k.phone + " - Входящий звонок"
	if k.kind == 1 || k.kind == 4 {
		title = k.phone + " - Исходящий звонок"
	}
	fm := list(kv("typeId", "PHONE", "valueType", "WORK", "value", "+"+k.phone))
	add := func(typ int, fields *arr) int {
		it, err := c.p.addItem(typ, fields.set("assignedById", k.user).set("sourceId", source), false, k.user)
		if err != nil {
			return 0
		}
		k.created = append(k.created, owner{typ, it.id})
		c.fireItem(typ, it.id, "Add")
		return it.id
	}
	if c.p.cfg.LeadsMode == Classic {
		add(Lead, kv("title", title, "fm", fm))
	} else if id := add(Contact, kv("name", k.phone, "fm", fm)); id != 0 {
		add(Deal, kv("title", title, "contactIds", list(id)))
	}
	k.bindings = append(k.bindings, k.created...)
}

func (k *phoneCall) registered() *arr {
	var lead any
	created := newArr()
	for _, o := range k.created {
		created.push(kv("ENTITY_TYPE", strings.ToUpper(entityNames[o.typ]), "ENTITY_ID", o.id))
		if o.typ == Lead {
			lead = o.id
		}
	}
	return kv("CALL_ID", k.id, "CRM_CREATED_LEAD", lead, "CRM_CREATED_ENTITIES", created, "CRM_ENTITY_TYPE", strings.ToUpper(entityNames[k.typ]), "CRM_ENTITY_ID", k.entity)
}

// callShow opens or closes the card at people; false for an unknown or finished call.
func callShow(c *call, on bool) (any, error) {
	k := c.p.calls.find(c.args.str("CALL_ID"))
	if k == nil || k.finished {
		return false, nil
	}
	ids := []int{k.user}
	switch v := c.args.get("USER_ID").(type) {
	case *arr:
		ids = nil
		for _, x := range v.items() {
			n, ok := integer(x)
			if !ok {
				return nil, breach(400, "ERROR_CORE", "USER_ID must be int or int[]")
			}
			ids = append(ids, n)
		}
	case nil:
	default:
		n, ok := integer(v)
		if !ok {
			return nil, breach(400, "ERROR_CORE", "USER_ID must be int or int[]")
		}
		ids = []int{n}
	}
	for _, id := range ids {
		k.shown[id] = on
	}
	return true, nil
}

const callStatuses = " 200 304 603 603-S 403 404 486 484 503 480 402 423 OTHER "

func callFinish(c *call) (any, error) {
	k := c.p.calls.find(c.args.str("CALL_ID"))
	if k == nil || k.finished {
		return nil, coreError("Call is not found (call should be registered prior to finishing)")
	}
	u, err := c.caller()
	if err != nil {
		return nil, err
	}
	code := c.args.str("STATUS_CODE")
	if code == "" {
		code = map[bool]string{true: "200", false: "304"}[c.args.int("DURATION") > 0]
	}
	if !strings.Contains(callStatuses, " "+code+" ") {
		return nil, breach(400, "ERROR_CORE", "Unknown STATUS_CODE %s", code)
	}
	k.finished, k.user = true, u.ID
	delete(k.shown, u.ID)
	for _, o := range k.created {
		c.p.crm.items[o.typ][o.id].fields.set("assignedById", u.ID)
	}
	activity := c.callActivity(k, u, code)
	if truth(c.args.get("ADD_TO_CHAT")) { // an omitted value counts as no (seen in the portal's source)
		c.messageOf(k, u, code)
	}
	k.stat = kv("CALL_ID", k.id, "EXTERNAL_CALL_ID", empty(k.outerID), "PORTAL_USER_ID", u.ID, "PHONE_NUMBER", k.phone, "PORTAL_NUMBER", k.line, "INCOMING", text(k.kind),
		"CALL_DURATION", c.args.int("DURATION"), "CALL_START_DATE", noObject{}, "CALL_STATUS", map[bool]int{true: 1, false: 0}[code == "200"], "CALL_VOTE", c.args.int("VOTE"), "COST", c.args.int("COST"),
		"COST_CURRENCY", c.args.str("COST_CURRENCY"), "CALL_FAILED_CODE", code, "CALL_FAILED_REASON", c.args.str("FAILED_REASON"), "REST_APP_ID", text(c.in.id), "REST_APP_NAME", c.in.app.Title,
		"CRM_ACTIVITY_ID", activity, "COMMENT", nil, "CRM_ENTITY_TYPE", strings.ToUpper(entityNames[k.typ]), "CRM_ENTITY_ID", k.entity, "ID", c.p.id("statistic"))
	if activity == false {
		k.stat.set("ERRORS", kv("ACTIVITY_CREATION", "The call has no CRM bindings"))
	}
	reply := k.stat.clone()
	k.stat.set("CALL_TYPE", k.kind).set("CALL_CATEGORY", "external").set("CALL_START_DATE", stamp(k.start))
	c.fire("OnVoximplantCallEnd", kv("CALL_ID", k.id, "CALL_TYPE", k.kind, "PHONE_NUMBER", k.phone, "PORTAL_NUMBER", k.line, "PORTAL_USER_ID", u.ID, "CALL_DURATION", c.args.int("DURATION"),
		"CALL_START_DATE", stamp(k.start), "COST", "0.0000", "COST_CURRENCY", c.args.str("COST_CURRENCY"), "CALL_FAILED_CODE", code, "CALL_FAILED_REASON", c.args.str("FAILED_REASON"),
		"CRM_ACTIVITY_ID", k.activity))
	return reply, nil
}

// callActivity makes the call's activity in the CRM; false without bindings.
func (c *call) callActivity(k *phoneCall, u *User, code string) any {
	if len(k.bindings) == 0 {
		return false
	}
	provider, subject, direction := "CALL", "Входящий от "+k.phone, "1"
	if k.kind == 1 || k.kind == 4 {
		subject, direction = "Исходящий на "+k.phone, "2"
	}
	if k.kind == 4 {
		provider = "CALLBACK"
	}
	settings := newArr()
	if code == "304" && direction == "1" {
		settings.set("MISSED_CALL", true)
	}
	a := c.p.addActivity(k.bindings[0], kv("TYPE_ID", "2", "PROVIDER_ID", "VOXIMPLANT_CALL", "PROVIDER_TYPE_ID", provider, "SUBJECT", subject, "ORIGIN_ID", "VI_"+k.id, "DIRECTION", direction,
		"RESPONSIBLE_ID", u.ID, "COMPLETED", yn(direction == "2"), "SETTINGS", settings, "IS_INCOMING_CHANNEL", yn(direction == "1"),
		"COMMUNICATIONS", list(kv("TYPE", "PHONE", "VALUE", "+"+k.phone, "ENTITY_ID", text(k.entity), "ENTITY_TYPE_ID", text(k.typ)))), u.ID)
	a.bindings = append([]owner(nil), k.bindings...)
	k.activity = a.id
	c.fire("onCrmActivityAdd", kv("FIELDS", kv("ID", a.id)))
	return a.id
}

// messageOf writes about an ended call into the employee's chat of that number.
func (c *call) messageOf(k *phoneCall, u *User, code string) {
	text := "Звонок завершён: +" + k.phone
	if code == "304" {
		text = "Пропущенный звонок: +" + k.phone
	}
	k.message = &CallMessage{User: u.ID, Text: text}
}

// empty is nil for an empty string.
func empty(s string) any {
	if s == "" {
		return nil
	}
	return s
}
