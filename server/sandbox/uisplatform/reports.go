package uisplatform

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Rows of the Data API's reports; the lock is held.

// visitFields are the analytics fields that calls, chats and requests share, with the account's invented values.
func (a *Account) visitFields(kind string, communication int64) row {
	v := a.analytics()
	r := row{"visit_other_campaign": false, "visitor_type": "Новый", "visits_count": 1, "visitor_region": "Москва", "visitor_device": "desktop",
		"visitor_custom_properties": []any{}, "segments": []any{}, "attributes": []any{"first"}, "tags": a.tagRows(kind, communication),
		"source_new": "yandex", "source_name": "yandex", "channel_new": "paid", "channel_code": "paid", "person_id": communication + 1}
	for name, value := range v {
		r[name] = value
	}
	return r
}

func getChats(c *rpcCall) (any, int, *rpcError) {
	q, e := c.readQuery()
	if e != nil {
		return nil, -1, e
	}
	var rows []row
	for _, ct := range c.account.chatOrder {
		if q.within(ct.created) {
			rows = append(rows, c.account.chatRow(ct))
		}
	}
	page, total := q.page(c.hold(q, rows))
	return page, total, nil
}

func (a *Account) chatRow(c *chat) row {
	r := a.visitFields("chat", c.communication)
	maps.Copy(r, c.visit)
	answer := any(nil)
	if !c.answered.IsZero() {
		answer = seconds(c.answered.Sub(c.created))
	}
	end := firstTime(c.closed, a.p.now())
	for name, v := range map[string]any{
		"id": c.id, "status": c.statusWord(), "initiator": c.initiator, "date_time": a.local(c.created), "duration": strconv.FormatInt(seconds(end.Sub(c.created)), 10),
		"answer_time": answer, "release_cause": orNull(c.reason), "communication_id": c.communication, "communication_type": "chat", "communication_number": c.number,
		"chat_channel_id": c.channel.ID, "chat_channel_type": c.channel.Type, "chat_channel_name": c.channel.Name, "chat_user_id": c.visitor.userID,
		"chat_username": orNull(c.visitor.username), "chat_ad_url": orNull(c.adURL), "messages_count": len(c.messages), "employee_messages_count": c.count("operator"),
		"is_group_chat": false, "is_transfer": c.transferred, "employee_id": orNull(c.operator), "employee_full_name": a.employeeName(c.operator),
		"employee_raiting": nil, "visitor_phone_number": orNull(c.visitor.phone), "visitor_id": c.visitor.id, "visitor_ids": []any{c.visitor.id},
		"visitor_session_id": c.visitor.session,
	} {
		r[name] = v
	}
	return r
}

func getChatMessages(c *rpcCall) (any, int, *rpcError) {
	q, e := c.readQuery()
	if e != nil {
		return nil, -1, e
	}
	var wanted []int64
	if id := c.number("chat_id"); id != 0 {
		wanted = append(wanted, id)
	}
	ids, _ := c.params["chat_ids"].([]any)
	for _, x := range ids {
		id, ok := whole(x)
		if !ok {
			return nil, -1, fail("data_type_error", "chat_ids", x)
		}
		wanted = append(wanted, id)
	}
	if c.params["chat_id"] != nil && c.params["chat_ids"] != nil {
		return nil, -1, fail("invalid_parameters_combination", "chat_ids", nil)
	}
	if len(wanted) == 0 && q.from.IsZero() {
		return nil, -1, fail("required_parameter_missed", "chat_id", nil)
	}
	var rows []row
	for _, ct := range c.account.chatOrder {
		if len(wanted) > 0 && !slices.Contains(wanted, ct.id) {
			continue
		}
		for _, m := range ct.messages {
			if q.within(m.created) {
				rows = append(rows, c.account.messageRow(m))
			}
		}
	}
	page, total := q.page(rows)
	return page, total, nil
}

func (a *Account) messageRow(m *message) row {
	r := row{"id": m.id, "chat_id": m.chat.id, "channel_id": m.chat.channel.ID, "channel_type": m.chat.channel.Type, "date_time": a.local(m.created),
		"is_group_chat": false, "visitor_id": m.chat.visitor.id, "text": wireText(m.text), "source": m.source, "resource": map[string]any{},
		"employee_id": orNull(m.operator), "employee_full_name": a.employeeName(m.operator)}
	if m.resource != nil {
		r["resource"] = map[string]any{"size": m.resource.size, "type": m.resource.kind, "file_url": a.fileURL(m.resource), "file_name": m.resource.name,
			"mime_type": m.resource.mime}
	}
	return r
}

func getCalls(c *rpcCall) (any, int, *rpcError) {
	q, e := c.readQuery()
	if e != nil {
		return nil, -1, e
	}
	var rows []row
	for _, k := range c.account.calls {
		if q.within(k.started) && (!k.open() || c.params["include_ongoing_calls"] == true) {
			rows = append(rows, c.account.callRow(k))
		}
	}
	page, total := q.page(rows)
	return page, total, nil
}

func (a *Account) callRow(c *call) row {
	r := a.visitFields("call", c.communication)
	records := []any{}
	for _, t := range c.talks {
		if t.record != "" {
			records = append(records, t.record)
		}
	}
	for name, v := range map[string]any{
		"id": c.id, "start_time": a.local(c.started), "finish_time": a.local(c.over), "finish_reason": orNull(c.reason), "direction": c.spec.Direction,
		"source": c.spec.Source, "is_lost": !c.open() && len(c.talks) == 0, "is_transfer": len(c.talks) > 1, "contact_phone_number": c.spec.Contact,
		"virtual_phone_number": c.spec.VirtualNumber, "communication_id": c.communication, "communication_type": "call", "communication_number": c.number,
		"wait_duration": seconds(a.waitTime(c)), "total_wait_duration": seconds(a.waitTime(c)), "talk_duration": seconds(a.talkTime(c)),
		"clean_talk_duration": seconds(a.talkTime(c)), "total_duration": seconds(a.totalTime(c)), "postprocess_duration": 0,
		"call_records": records, "wav_call_records": []any{}, "voice_mail_records": []any{}, "full_record_file_link": a.recordURL(c, c.record),
		"call_api_request_id": orNull(c.apiRequest), "call_api_external_id": orNull(c.spec.ExternalID), "scenario_operations": []any{},
		"employees": a.callEmployees(c), "operator_phone_number": nil,
	} {
		r[name] = v
	}
	if c.scenario != nil {
		r["scenario_id"], r["scenario_name"] = c.scenario.ID, c.scenario.Name
	}
	if c.voice != nil {
		r["voice_mail_records"] = []any{c.voice.hash}
	}
	if c.spec.Operation != "" {
		r["scenario_operations"] = []any{map[string]any{"id": 1, "name": c.spec.Operation}}
	}
	a.contactVars(r, c)
	a.callTalkers(r, c)
	return r
}

func (a *Account) callEmployees(c *call) []any {
	out := []any{}
	for _, l := range c.legs {
		if l.employee == nil {
			continue
		}
		talked := slices.ContainsFunc(c.talks, func(t *talk) bool { return t.employee == l.employee })
		out = append(out, map[string]any{"employee_id": l.employee.ID, "employee_full_name": l.employee.FullName(), "is_answered": !l.connected.IsZero(), "is_talked": talked})
	}
	return out
}

// callTalkers fills first_… and last_… of answered and talked employees.
func (a *Account) callTalkers(r row, c *call) {
	if len(c.talks) == 0 {
		return
	}
	first, last := c.talks[0].employee, c.talks[len(c.talks)-1].employee
	for _, what := range []string{"answered", "talked"} {
		r["first_"+what+"_employee_id"], r["first_"+what+"_employee_full_name"] = first.ID, first.FullName()
		r["last_"+what+"_employee_id"], r["last_"+what+"_employee_full_name"] = last.ID, last.FullName()
	}
	if len(last.Phones) > 0 {
		r["operator_phone_number"] = last.Phones[0]
	}
}

func getCallLegs(c *rpcCall) (any, int, *rpcError) {
	q, e := c.readQuery()
	if e != nil {
		return nil, -1, e
	}
	var rows []row
	for _, k := range c.account.calls {
		for _, l := range k.legs {
			if q.within(l.started) && !k.open() {
				rows = append(rows, c.account.legRow(k, l))
			}
		}
	}
	page, total := q.page(rows)
	return page, total, nil
}

func (a *Account) legRow(c *call, l *leg) row {
	talked := l.employee == nil && len(c.talks) > 0 || slices.ContainsFunc(c.talks, func(t *talk) bool { return t.employee == l.employee })
	direction := "out"
	if l == c.contact && c.spec.Direction == "in" {
		direction = "in"
	}
	records := []any{}
	for _, t := range c.talks {
		if t.record != "" && (l.employee == nil || l.employee == t.employee) {
			records = append(records, t.record)
		}
	}
	r := row{"id": l.id, "call_session_id": c.id, "start_time": a.local(l.started), "connect_time": a.local(l.connected),
		"duration": secondsOrNull(legTalk(l)), "total_duration": seconds(l.over.Sub(l.started)), "finish_reason": c.reason, "finish_reason_description": c.reason,
		"virtual_phone_number": c.spec.VirtualNumber, "calling_phone_number": l.from, "called_phone_number": l.to, "direction": direction,
		"is_transfered": len(c.talks) > 1, "is_operator": l.employee != nil, "is_coach": false, "is_failed": l.connected.IsZero(), "is_talked": talked,
		"call_records": records, "wav_call_records": []any{}, "contact_phone_number": c.spec.Contact}
	if l.employee != nil {
		r["employee_id"], r["employee_full_name"], r["employee_phone_number"] = l.employee.ID, l.employee.FullName(), l.to
		r["group_id"], r["group_name"] = orNull(c.spec.Group), a.groupName(c.spec.Group)
	}
	if c.scenario != nil {
		r["scenario_id"], r["scenario_name"] = c.scenario.ID, c.scenario.Name
	}
	a.contactVars(r, c)
	return r
}

func legTalk(l *leg) time.Duration {
	if l.connected.IsZero() {
		return 0
	}
	return l.over.Sub(l.connected)
}
