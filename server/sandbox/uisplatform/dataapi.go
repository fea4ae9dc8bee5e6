package uisplatform

import (
	"net/http"
	"slices"
)

// serveDataAPI is POST /v2.0.
func (p *Platform) serveDataAPI(w http.ResponseWriter, r *http.Request) {
	p.serveRPC(w, r, "data", "/v2.0", dataMethods)
}

var dataMethods = map[string]rpcHandler{
	"login.user": loginUser, "logout.user": logoutUser,
	"get.account":                 getAccount,
	"get.employees":               list((*Account).employeeRows),
	"get.statuses":                getStatuses,
	"get.group_employees":         list((*Account).groupRows),
	"get.virtual_numbers":         list((*Account).numberRows),
	"get.sites":                   list((*Account).siteRows),
	"get.campaigns":               list((*Account).campaignRows),
	"get.scenarios":               list((*Account).scenarioRows),
	"get.tags":                    list((*Account).tagDirectory),
	"get.chat_channels":           list((*Account).channelRows),
	"get.contacts":                list((*Account).contactRows),
	"get.group_contacts":          list((*Account).contactGroupRows),
	"get.media_files":             list(func(*Account) []row { return nil }),
	"get.chats_report":            getChats,
	"get.chat_messages_report":    getChatMessages,
	"get.calls_report":            getCalls,
	"get.call_legs_report":        getCallLegs,
	"get.offline_messages_report": getRequests,
	"update.employees":            updateEmployee,
	"set.tag_communications":      setTagCommunications,
	"unset.tag_communications":    unsetTagCommunications,
	"set.communications_tags":     setCommunicationsTags,
	"create.contacts":             createContact,
	"update.contacts":             updateContact,
	"delete.contacts":             deleteContact,
}

// list makes a reader of a whole directory.
func list(rows func(*Account) []row) rpcHandler {
	return func(c *rpcCall) (any, int, *rpcError) { return c.answer(rows(c.account)) }
}

func (c *rpcCall) answer(rows []row) (any, int, *rpcError) {
	q, e := c.readQuery()
	if e != nil {
		return nil, -1, e
	}
	page, total := q.page(rows)
	return page, total, nil
}

// getAccount answers a list of one item, as the documentation's sample does.
func getAccount(c *rpcCall) (any, int, *rpcError) {
	return c.answer([]row{{"app_id": c.account.cfg.AppID, "name": c.account.cfg.Title, "timezone": c.account.cfg.Timezone}})
}

func updateEmployee(c *rpcCall) (any, int, *rpcError) {
	a := c.account
	id := c.number("id")
	e := a.employee(id)
	if e == nil {
		return nil, -1, fail("entity_not_found", "id", id)
	}
	next := *e
	if status := c.number("status_id"); status != 0 {
		if !slices.ContainsFunc(a.cfg.Statuses, func(s Status) bool { return s.ID == status }) {
			return nil, -1, fail("entity_not_found", "status_id", status)
		}
		next.StatusID = status
	}
	if word := c.text("status"); word != "" {
		for _, s := range a.cfg.Statuses {
			if s.Mnemonic == word {
				next.StatusID = s.ID
			}
		}
	}
	next.LastName = c.text("last_name")
	for name, to := range map[string]*string{"first_name": &next.FirstName, "patronymic": &next.Patronymic, "email": &next.Email, "call_recording": &next.CallRecording} {
		if _, sent := c.params[name]; sent {
			*to = c.text(name)
		}
	}
	phones, _ := c.params["phone_numbers"].([]any)
	if len(phones) > 10 {
		return nil, -1, fail("data_limit_exceeded", "phone_numbers", nil)
	}
	next.Phones = nil // the whole list is replaced
	for _, x := range phones {
		item, _ := x.(map[string]any)
		number, _ := item["phone_number"].(string)
		next.Phones = append(next.Phones, number)
	}
	changed := next.StatusID != e.StatusID
	*e = next
	if changed {
		a.notify("employee_status_changed", e.ID, map[string]any{"employee_id": e.ID, "employee_full_name": e.FullName()})
	}
	return map[string]any{"id": e.ID}, -1, nil
}

// SetEmployeeStatus plays an employee who changes his status himself: notification employee_status_changed.
func (a *Account) SetEmployeeStatus(employee, status int64) error {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	e := a.employee(employee)
	if e == nil {
		return ErrNoEmployee
	}
	e.StatusID = status
	a.notify("employee_status_changed", e.ID, map[string]any{"employee_id": e.ID, "employee_full_name": e.FullName()})
	return nil
}

// EmployeeStatus is the status id of an employee, 0 when there is no such one.
func (a *Account) EmployeeStatus(employee int64) int64 {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	if e := a.employee(employee); e != nil {
		return e.StatusID
	}
	return 0
}

// tagTarget reads which communication and tag a tagging method means.
func (c *rpcCall) tagTarget() (mark, *Tag, *rpcError) {
	m := mark{c.text("communication_type"), c.number("communication_id")}
	if m.id == 0 {
		if c.text("communication_ext_id") != "" {
			return m, nil, fail("entity_not_found", "communication_ext_id", c.text("communication_ext_id"))
		}
		return m, nil, fail("required_parameter_missed", "communication_id", nil)
	}
	if c.text("communication_ext_id") != "" {
		return m, nil, fail("invalid_parameters_combination", "communication_ext_id", nil)
	}
	t := c.account.tag(c.number("tag_id"))
	if t == nil {
		return m, nil, fail("entity_not_found", "tag_id", c.number("tag_id"))
	}
	if !c.account.known(m) {
		return m, nil, fail("entity_not_found", "communication_id", m.id)
	}
	return m, t, nil
}

func setTagCommunications(c *rpcCall) (any, int, *rpcError) {
	m, t, e := c.tagTarget()
	if e != nil {
		return nil, -1, e
	}
	if !c.account.setTag(m, *t) {
		return nil, -1, fail("duplicate_entity", "tag_id", t.ID)
	}
	return map[string]any{"success": true}, -1, nil
}

func unsetTagCommunications(c *rpcCall) (any, int, *rpcError) {
	m, t, e := c.tagTarget()
	if e != nil {
		return nil, -1, e
	}
	if !c.account.unsetTag(m, *t) {
		return nil, -1, fail("entity_not_found", "tag_id", t.ID)
	}
	return map[string]any{"success": true}, -1, nil
}

func setCommunicationsTags(c *rpcCall) (any, int, *rpcError) {
	a := c.account
	m := mark{c.text("communication_type"), c.number("communication_id")}
	if !a.known(m) {
		return nil, -1, fail("entity_not_found", "communication_id", m.id)
	}
	var next []Tag
	ids, _ := c.params["tag_ids"].([]any)
	for _, x := range ids {
		id, _ := whole(x)
		t := a.tag(id)
		if t == nil {
			return nil, -1, fail("entity_not_found", "tag_ids", id)
		}
		next = append(next, *t)
	}
	for _, old := range a.marks[m] {
		if !slices.Contains(next, old.tag) {
			a.unsetTag(m, old.tag)
		}
	}
	for _, t := range next {
		a.setTag(m, t)
	}
	return map[string]any{"success": true}, -1, nil
}

func (c *rpcCall) strings(name string) []string {
	list, _ := c.params[name].([]any)
	out := []string{}
	for _, x := range list {
		s, _ := x.(string)
		out = append(out, s)
	}
	return out
}

// fillContact takes over what a contact method says; lists are replaced whole.
func (c *rpcCall) fillContact(k *Contact) *rpcError {
	next := *k
	next.LastName = c.text("last_name")
	if next.Phones = c.strings("phone_numbers"); len(next.Phones) == 0 || len(next.Phones) > 10 {
		return fail("invalid_parameter_value", "phone_numbers", next.Phones)
	}
	for _, other := range c.account.contacts {
		if other != k && slices.ContainsFunc(other.Phones, func(p string) bool { return slices.Contains(next.Phones, p) }) {
			return fail("duplicate_entity", "phone_numbers", next.Phones)
		}
	}
	if _, sent := c.params["emails"]; sent {
		next.Emails = c.strings("emails")
	}
	for name, to := range map[string]*string{"first_name": &next.FirstName, "patronymic": &next.Patronymic} {
		if _, sent := c.params[name]; sent {
			*to = c.text(name)
		}
	}
	if v, sent := c.params["personal_manager_id"]; sent {
		next.Manager, _ = whole(v)
		if next.Manager != 0 && c.account.employee(next.Manager) == nil {
			return fail("entity_not_found", "personal_manager_id", next.Manager)
		}
	}
	*k = next
	return nil
}

func createContact(c *rpcCall) (any, int, *rpcError) {
	k := &Contact{}
	if e := c.fillContact(k); e != nil {
		return nil, -1, e
	}
	k.ID = c.account.id()
	c.account.contacts = append(c.account.contacts, k)
	return map[string]any{"id": k.ID}, -1, nil
}

func updateContact(c *rpcCall) (any, int, *rpcError) {
	for _, k := range c.account.contacts {
		if k.ID == c.number("id") {
			if e := c.fillContact(k); e != nil {
				return nil, -1, e
			}
			return map[string]any{"id": k.ID}, -1, nil
		}
	}
	return nil, -1, fail("entity_not_found", "id", c.number("id"))
}

func deleteContact(c *rpcCall) (any, int, *rpcError) {
	before := len(c.account.contacts)
	c.account.contacts = slices.DeleteFunc(c.account.contacts, func(k *Contact) bool { return k.ID == c.number("id") })
	if len(c.account.contacts) == before {
		return nil, -1, fail("entity_not_found", "id", c.number("id"))
	}
	return map[string]any{"id": c.number("id")}, -1, nil
}
