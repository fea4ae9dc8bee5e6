package uisplatform

import (
	"fmt"
	"time"
)

// Request is an offline message (a form sent on the site).
type Request struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
	Email string `json:"email"`
	Text  string `json:"text"`
	Form  string `json:"form"` // form_name; empty: the standard form
}

type request struct {
	Request
	id, communication, number int64
	visitor, session          int64
	at                        time.Time
}

// SendRequest plays a visitor who sends a request: notification offline_message. It answers the request's id.
func (a *Account) SendRequest(in Request) (int64, error) {
	if in.Phone == "" && in.Email == "" && in.Text == "" {
		return 0, fmt.Errorf("a request needs a phone, an e-mail or a text")
	}
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	r := &request{Request: in, id: a.id(), communication: a.id(), visitor: a.id(), session: a.id(), at: a.p.now(), number: 1}
	for _, other := range a.requests {
		if other.Phone == in.Phone && other.Email == in.Email {
			r.visitor = other.visitor
			r.number++
		}
	}
	a.requests = append(a.requests, r)
	v := a.analytics()
	v["offline_message_id"], v["communication_id"], v["communication_number"], v["communication_type"] = r.id, r.communication, r.number, "offline_message"
	v["visitor_name"], v["visitor_phone_number"], v["visitor_email"] = orNull(r.Name), orNull(r.Phone), orNull(r.Email)
	v["visitor_message"], v["visitor_id"], v["session_id"] = orNull(r.Text), r.visitor, r.session
	v["offline_message_form_name"], v["offline_message_user_fields"] = orNull(r.Form), []any{}
	a.notify("offline_message", r.communication, v)
	return r.id, nil
}

func getRequests(c *rpcCall) (any, int, *rpcError) {
	q, e := c.readQuery()
	if e != nil {
		return nil, -1, e
	}
	var rows []row
	for _, r := range c.account.requests {
		if q.within(r.at) {
			rows = append(rows, c.account.requestRow(r))
		}
	}
	page, total := q.page(rows)
	return page, total, nil
}

func (a *Account) requestRow(in *request) row {
	r := a.visitFields("offline_message", in.communication)
	form := "Стандартная"
	if in.Form != "" {
		form = "Пользовательская"
	}
	for name, v := range map[string]any{
		"id": in.id, "date_time": a.local(in.at), "text": wireText(in.Text), "status": "not_processed", "process_time": nil, "form_type": form,
		"form_name": orNull(in.Form), "visitor_name": orNull(in.Name), "visitor_phone_number": orNull(in.Phone), "visitor_email": orNull(in.Email),
		"group_id": nil, "group_name": nil, "employee_id": nil, "employee_full_name": nil, "employee_answer_message": nil, "employee_comment": nil,
		"is_agree_to_process_personal_data": true, "is_agree_to_mailing": false, "properties": nil, "communication_id": in.communication,
		"communication_type": "offline_message", "communication_number": in.number, "visitor_id": in.visitor, "visitor_session_id": in.session,
	} {
		r[name] = v
	}
	return r
}
