package chats

import (
	"encoding/json"
	"fmt"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store"
)

// commandTag tells what an answered plan was for.
type commandTag struct {
	Do       string            `json:"do"`
	Message  ids.MessageID     `json:"message,omitempty"`
	Employee ids.UISEmployeeID `json:"employee,omitempty"`
	Target   crm.Ref           `json:"target,omitzero"`
	Part     int               `json:"part,omitempty"`
	Upto     ids.MessageID     `json:"upto,omitempty"`
}

const (
	tagSend     = "send"
	tagStart    = "start"
	tagClose    = "close"
	tagTransfer = "transfer"
	tagComment  = "comment"
	tagActivity = "activity"
	tagFields   = "fields"
	tagReport   = "report"
)

// answered takes the end of a plan in.
func (t *turn) answered(body []byte) error {
	var answer outbox.PlanAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("read the answer of a plan: %w", err)
	}
	var tag commandTag
	if err := json.Unmarshal(answer.Tag, &tag); err != nil {
		return fmt.Errorf("read the tag of plan %s: %w", answer.Plan, err)
	}
	switch tag.Do {
	case tagSend:
		return t.sendAnswered(tag, answer)
	case tagStart:
		return t.startAnswered(answer)
	case tagClose:
		if r := answer.Results["close"]; r.State != "done" {
			t.because("chat.close_not_done", "state", r.State, "text", r.Text)
		}
	case tagTransfer:
		if r := answer.Results["transfer"]; r.State == "refused" && t.chat.State == Work {
			t.chat.Employee = tag.Employee
			t.touch()
			t.because("chat.transfer_refused", "text", r.Text)
		}
	case tagComment:
		return t.commentAnswered(tag, answer.Results["comment"])
	case tagActivity:
		t.activityAnswered(answer.Results["activity"])
	case tagFields:
		t.fieldsAnswered(tag, answer.Results["fields"])
	case tagReport:
		t.reported(tag, answer.Results[reportName])
	}
	return nil
}

// sendAnswered gives a message its id at UIS, or says why it did not get there. Whatever waited for that comes again.
func (t *turn) sendAnswered(tag commandTag, answer outbox.PlanAnswer) error {
	t.release = true
	m := t.byID[tag.Message]
	if m == nil {
		return nil
	}
	result := answer.Results["send"]
	if upload, ok := answer.Results["upload"]; ok && upload.State != "done" {
		result = upload
	}
	switch result.State {
	case "done":
		var made struct {
			ID     int64  `json:"id"`
			Status string `json:"status"`
		}
		if err := json.Unmarshal(result.Result, &made); err != nil || made.ID == 0 {
			return fmt.Errorf("the answer of message %d has no id: %s", m.ID, result.Result)
		}
		t.gotID(m, made.ID)
		t.advance(m, Sent)
	case "refused", "cancelled", "expired", "dropped":
		m.Status, m.ReasonCode, m.ReasonText = Undelivered, reasonOf(result), store.Text(result.Text)
		t.change(m)
	case "unconfirmed":
		if m.Status == Queued || m.Status == Checking {
			m.Status, m.ReasonCode = Unconfirmed, "not_confirmed"
			t.change(m)
		}
	}
	t.settle(m)
	return nil
}

// unclear shows that a message's fate is being looked into.
func (t *turn) unclear(body []byte) error {
	var notice struct{ Tag commandTag }
	if err := json.Unmarshal(body, &notice); err != nil {
		return fmt.Errorf("read a notice about an unclear command: %w", err)
	}
	if m := t.byID[notice.Tag.Message]; m != nil && m.Status == Queued {
		m.Status = Checking
		t.change(m)
	}
	return nil
}

// gotID ties a message to its id at UIS. An echo may have been taken for it before: when the ids differ, that echo was a message of
// its own, written elsewhere.
func (t *turn) gotID(m *Message, id int64) {
	if m.UIS == id {
		return
	}
	if m.UIS != 0 {
		foreign := *m
		foreign.Key, foreign.Status = "", Sent
		m.UIS = id
		t.newMessage(foreign)
	}
	m.UIS = id
	t.byUIS[id] = m
	t.change(m)
}

func (t *turn) settle(m *Message) {
	for i, o := range t.open {
		if o.ID == m.ID {
			t.open = append(t.open[:i:i], t.open[i+1:]...)
			return
		}
	}
}

func reasonOf(r outbox.Result) string {
	switch {
	case r.State != "refused":
		return "send_" + r.State
	case r.Class != "":
		return r.Class
	}
	return "refused"
}
