package telephony

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/bitrix24"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
)

func (t *clickTurn) answered(body []byte) error {
	var answer outbox.PlanAnswer
	var about tag
	if err := json.Unmarshal(body, &answer); err != nil {
		return inbox.Permanent(fmt.Errorf("read the answer of a plan: %w", err))
	}
	if err := json.Unmarshal(answer.Tag, &about); err != nil {
		return inbox.Permanent(fmt.Errorf("read the tag of plan %s: %w", answer.Plan, err))
	}
	switch about.Do {
	case "look":
		return t.looked(answer.Results["look"])
	case doEntity:
		return t.entityRead(answer.Results)
	case doLinked:
		return t.linkedRead(answer.Results)
	case "dial":
		return t.dialled(answer.Results["dial"])
	}
	return nil
}

func (t *clickTurn) looked(r outbox.Result) error {
	if t.click.State != "looking" || t.doc.Telephony.Callback.Number == nil {
		return nil
	}
	if t.old() { // the portal slept: whoever is rung now does not know why
		t.giveUp("480", "click.late")
		return nil
	}
	var found struct {
		Items []struct {
			Assigned bitrix24.ID `json:"assignedById"`
		} `json:"items"`
	}
	if r.State == "done" && json.Unmarshal(r.Result, &found) == nil && len(found.Items) > 0 {
		t.click.User = ids.B24UserID(found.Items[0].Assigned)
	}
	t.callBack()
	return nil
}

// noTelephone are refusals of UIS that say that the employee cannot be rung: the number's scenario calls back instead (T11).
var noTelephone = []string{"no_active_phone_number", "employee_not_found"}

// dialled takes what UIS says about the call: it runs, it does not, or nobody knows.
func (t *clickTurn) dialled(r outbox.Result) error {
	if t.click.State != "asked" {
		return nil
	}
	t.touched = true
	if r.State == "done" {
		var made struct {
			Session ids.UISCallID `json:"call_session_id"`
			ID      ids.UISCallID `json:"id"`
		}
		if err := json.Unmarshal(r.Result, &made); err != nil {
			return fmt.Errorf("the answer about a started call: %w", err)
		}
		t.click.Session = max(made.Session, made.ID)
		t.click.State = "started"
		if t.click.Session != 0 {
			t.out.Letters = append(t.out.Letters, inbox.Row{Key: ids.CallKey(t.click.Session), Kind: KindStarted, Body: []byte(`{}`)})
		}
		t.out.Timers = append(t.out.Timers, flow.Timer{Name: "hanging", At: t.now.Add(hanging), Kind: KindHanging, Body: []byte(`{}`)})
		return nil
	}
	if t.click.Kind == ByForm && t.click.User != 0 && slices.Contains(noTelephone, r.Code) {
		t.byScenario()
		return nil
	}
	if t.click.Kind == ByRobot {
		t.notRung(r)
		return nil
	}
	switch r.State {
	case "expired":
		t.giveUp("480", "click.late")
	case "unconfirmed":
		t.giveUp("480", "click.unclear")
	default:
		t.giveUp("503", "click.refused", "text", r.Text)
	}
	return nil
}

// giveUp ends a call that does not come about: the portal has it registered since the click and shows it as running until it is finished, and the employee is told
// why (T10).
func (t *clickTurn) giveUp(status, code string, args ...any) {
	t.click.State, t.touched = "failed", true
	t.out.Cancel = append(t.out.Cancel, "hanging")
	text := t.texts.Text(t.lang, code, append(args, "number", "+"+t.click.Phone)...)
	t.out.Reasons = append(t.out.Reasons, flow.Reason{Ref: "click:" + t.click.ID, Code: code, Args: map[string]any{"phone": t.click.Phone, "user": t.click.User}, Version: t.doc.Version})
	if t.click.Kind == ByClick {
		user := firstOf(t.click.User, t.people.admin)
		c := t.command("finish", "telephony.externalCall.finish", map[string]any{"CALL_ID": t.click.ID, "USER_ID": int64(user), "DURATION": 0, "STATUS_CODE": status, "FAILED_REASON": text, "ADD_TO_CHAT": 0})
		c.ReplyKey, c.ReplyKind, c.Tag = "", "", nil
	}
	if user := firstOf(t.click.User, t.people.admin); user != 0 && code != "click.hanging" && code != "click.passed_over" {
		call := bitrix24.Notify(int64(user), text, "omni-click-"+t.click.ID)
		c := t.command("notify", call.Method, call.Params)
		c.ReplyKey, c.ReplyKind, c.Tag, c.Independent = "", "", nil, true
	}
}

// old tells that a click, or a form, was not served in time.
func (t *clickTurn) old() bool { return t.now.Sub(t.click.At) > clickDeadline }

// due is the physical time at which what was asked for is so old.
func (t *clickTurn) due(old time.Duration) time.Time {
	return t.physical.Add(old - t.now.Sub(t.click.At))
}

// queueCalled looks how far the started call was carried. An answer that named no session is found by what the Call API was given.
func queueCalled(batch *pgx.Batch, account ids.AccountID, t *clickTurn) {
	where, args := `id = $2`, []any{int64(account), int64(t.click.Session)}
	if t.click.Session == 0 {
		where, args = `phone = $2 AND facts ->> 'external_id' = $3`, []any{int64(account), t.click.Phone, t.click.External}
	}
	batch.Queue(`SELECT phase FROM call WHERE account_id = $1 AND `+where+` LIMIT 1`, args...).Query(func(rows pgx.Rows) error {
		var phase string
		_, err := pgx.ForEachRow(rows, []any{&phase}, func() error { t.called = (*Phase)(&phase); return nil })
		return err
	})
}

// hanging ends what the portal registered with a click when nothing else will: UIS never told of the call, or the settings keep it out of Bitrix24. A call
// that took the click over ends it itself, however long it lasts.
func (t *clickTurn) hanging() {
	switch {
	case t.called == nil:
		t.giveUp("480", "click.hanging")
	case t.click.Kind == ByClick && slices.Contains([]Phase{Off, Failed, Watching, Comparing, Updating, Watched}, *t.called):
		t.giveUp("480", "click.passed_over")
	}
}
