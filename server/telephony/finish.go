package telephony

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
)

// Notifications come in any order: after the end of an answered call settling is waited for a talk that is still under way, and patience when UIS counted
// longer talks than were told.
const (
	settling = 3 * time.Second
	patience = 10 * time.Second
)

// end finishes the call at the portal when its time has come: when every talk was told, and N minutes after an answered inbound one (T6).
func (t *turn) end() {
	f, l, s := &t.call.Facts, &t.call.Link, t.setting.Document.Telephony
	if f.answered() {
		if l.HeardEnd.IsZero() {
			l.HeardEnd, t.touched = t.now, true
		}
		until := l.HeardEnd.Add(settling)
		if !f.complete() {
			until = l.HeardEnd.Add(patience)
		}
		if t.now.Before(until) {
			t.timer("settling", until)
			return
		}
	}
	if s.ResponsibleLater && f.Direction == In && f.answered() {
		due := f.EndedAt.Add(time.Duration(s.ResponsibleAfterMin) * time.Minute)
		if t.now.Before(due) {
			t.timer("responsible", due)
			return
		}
	}
	if !t.visit() {
		t.finish()
	}
}

// owned are the entities whose responsible the end of the call may change, with whom they are to get.
func (t *turn) owned() map[crm.Owned]ids.B24UserID {
	a, v := t.call.Link.Answer, t.call.Link.Verdict
	out := map[crm.Owned]ids.B24UserID{}
	for _, o := range a.Created {
		if v.Created != o.Responsible {
			out[o] = v.Created
		}
	}
	if a.Open != nil && v.Open != 0 && v.Open != a.Open.Responsible {
		out[*a.Open] = v.Open
	}
	return out
}

// finish ends the call at the portal, and looks whom the entities belong to now, in one request.
func (t *turn) finish() {
	f, l, s := &t.call.Facts, &t.call.Link, t.setting.Document.Telephony
	w := everybody(s, f, t.setting.people, paramsOf(f, t.setting.names))
	l.Verdict = w.judge(*l.Answer)
	code := statusCode(f)
	user := firstOf(l.Verdict.Activity, l.User)
	t.phase(Finishing)
	t.command("finish", "finish", "telephony.externalCall.finish", map[string]any{"CALL_ID": l.CallID, "USER_ID": int64(user), "DURATION": f.seconds(), "STATUS_CODE": code,
		"ADD_TO_CHAT": flag(s.CallMessage)})
	wanted := map[crm.EntityType][]int64{}
	for o := range t.owned() {
		wanted[o.Type] = append(wanted[o.Type], o.ID)
	}
	for kind, list := range wanted {
		slices.Sort(list)
		t.command("finish", string(kind), "crm.item.list", map[string]any{"entityTypeId": kind.Wire(), "select": []string{"id", "assignedById"}, "filter": map[string]any{"@id": list}}).Independent = true
	}
}

// statusCode is how the portal is told the end of a call (telephony.externalCall.finish, STATUS_CODE).
func statusCode(f *Facts) string {
	switch {
	case f.answered():
		return "200"
	case f.Direction != Out:
		return "304"
	}
	switch f.value("lost_reason") {
	case "subscriber_busy":
		return "486"
	case "subscriber_disconnects":
		return "603"
	case "subscriber_number_problems", "numb_not_exists", "incorrect_input":
		return "404"
	case "subscriber_not_responsible", "no_success_subscriber_call":
		return "304"
	case "operator_disconnects", "operator_not_responsible", "operator_busy", "no_operation":
		return "603-S"
	}
	return "304"
}

// finished takes the end of the call in, and does what is left: responsibles, the activity's state and ties, older missed calls. What the portal did not finish
// is left for a person to repeat; then only the activity is missing.
func (t *turn) finished(results map[string]outbox.Result) error {
	l := &t.call.Link
	late := l.Unfinished && (l.Phase == Closing || l.Phase == Done)
	if l.Phase != Finishing && !late {
		return nil
	}
	switch r := results["finish"]; r.State {
	case "done":
		var ended bitrix24.Finished
		// A second finish answers that the call is gone: done, but without its activity.
		if json.Unmarshal(r.Result, &ended) == nil {
			t.call.Activity = int64(ended.Activity)
		}
		l.Unfinished, t.touched = false, true
	default:
		l.Unfinished, t.touched = true, true
		t.because("call.not_finished", map[string]any{"state": r.State, "text": r.Text})
	}
	if late {
		if !l.Unfinished {
			t.because("call.finished_late", nil)
			t.phase(Closing)
			t.findActivity(false)
		}
		return nil
	}
	current := map[crm.Ref]ids.B24UserID{}
	for _, kind := range []crm.EntityType{crm.Lead, crm.Deal, crm.Contact, crm.Company} {
		var answer struct {
			Items []struct {
				ID       bitrix24.ID `json:"id"`
				Assigned bitrix24.ID `json:"assignedById"`
			} `json:"items"`
		}
		if r, asked := results[string(kind)]; asked && r.State == "done" && json.Unmarshal(r.Result, &answer) == nil {
			for _, i := range answer.Items {
				current[crm.Ref{Type: kind, ID: int64(i.ID)}] = ids.B24UserID(i.Assigned)
			}
		}
	}
	t.phase(Closing)
	updates := t.assign(current)
	t.extraFields(updates, t.fieldValues())
	t.write(updates)
	t.findActivity(results["finish"].State == "unconfirmed")
	return nil
}

// findActivity goes on with the call's activity, which is looked up when the portal did not name it. unclear: nobody knows whether the call was finished.
func (t *turn) findActivity(unclear bool) {
	l := &t.call.Link
	switch {
	case l.Unfinished && !unclear: // there is none before the call is finished
		t.handleOlder()
	case t.call.Activity == 0 && (l.Answer.Primary != nil || unclear):
		// The answer was lost, or told none: it is found by its origin, and everything else comes after.
		call := bitrix24.CallActivity(l.CallID)
		t.command("close", "lookup", call.Method, call.Params).Independent = true
		return
	default:
		t.activity(false)
	}
	t.closeUp()
}

// assign says whom the call's end gives entities to. One that somebody changed meanwhile is left (T6).
func (t *turn) assign(current map[crm.Ref]ids.B24UserID) changes {
	updates := changes{}
	for o, user := range t.owned() {
		now, read := current[o.Ref]
		switch {
		case !read:
			t.because("call.entity_gone", map[string]any{"entity": o.Name()})
		case now == user:
		case now != o.Responsible:
			t.because("call.responsible_kept", map[string]any{"entity": o.Name(), "user": now})
		default:
			t.because("call.responsible_given", map[string]any{"entity": o.Name(), "user": user})
			updates.put(o.Ref, "assignedById", int64(user))
		}
	}
	return updates
}

// activity brings the call's activity into its state (T4a, T12): done when the call was answered, tied to what it belongs to, or away. none: it was looked for,
// and the portal made none, as it tied the call to nothing when it was registered with a click.
func (t *turn) activity(none bool) {
	f, l := &t.call.Facts, &t.call.Link
	wanted := records(t.setting.Document.Telephony, f.Direction).activity
	switch {
	case t.call.Activity != 0 && !wanted:
		t.because("call.no_activity", nil)
		t.command("close", "activity", "crm.activity.delete", map[string]any{"id": t.call.Activity}).Independent = true
		t.call.Activity = 0
		return
	case t.call.Activity != 0:
		t.command("close", "activity", "crm.activity.update", map[string]any{"id": t.call.Activity, "fields": map[string]any{"COMPLETED": yesNo(t.spokenTo())}}).Independent = true
		// A card that was named with the click, the form or the order may be another one than what this client's calls belong to.
		if len(l.Answer.Bind) > 1 || l.By != "" && len(l.Answer.Bind) > 0 {
			t.command("close", "bindings", "crm.activity.binding.list", map[string]any{"activityId": t.call.Activity}).Independent = true
		}
	case wanted && len(l.Answer.Bind) > 0 && (l.Answer.Primary == nil || none):
		t.ownActivity(l.Answer.Bind[0])
	}
	t.handleOlder()
}

// handleOlder turns the activities of this client's earlier missed calls to done, as somebody has talked to him now (T4a).
func (t *turn) handleOlder() {
	if t.call.Facts.answered() {
		for id, activity := range t.setting.older {
			t.complete(id, activity)
		}
	}
}

// ownActivity is the activity of a call that the portal ties to nothing: it knows no deals.
func (t *turn) ownActivity(at crm.Ref) {
	f := &t.call.Facts
	direction := 1
	if f.Direction == Out {
		direction = 2
	}
	t.command("close", "own", "crm.activity.add", map[string]any{"fields": map[string]any{"OWNER_TYPE_ID": at.Type.Wire(), "OWNER_ID": at.ID, "TYPE_ID": 2,
		"COMMUNICATIONS": []any{map[string]any{"TYPE": "PHONE", "VALUE": "+" + f.Phone, "ENTITY_ID": at.ID, "ENTITY_TYPE_ID": at.Type.Wire()}},
		"SUBJECT":        t.texts.Text(t.setting.Lang, "crm.call.subject_"+f.Direction, "number", "+"+f.Phone), "RESPONSIBLE_ID": int64(t.call.Link.Verdict.Activity),
		"START_TIME": f.StartedAt.In(t.zone()).Format(time.RFC3339), "END_TIME": f.EndedAt.In(t.zone()).Format(time.RFC3339), "COMPLETED": yesNo(t.spokenTo()),
		"DIRECTION": direction, "ORIGINATOR_ID": crm.Originator, "ORIGIN_ID": map[string]any{"$uid": true}}}).Independent = true
}

// spokenTo tells whether the activity, whose state the portal is told now, is done from the beginning: the call was answered, or a later one has been.
func (t *turn) spokenTo() bool {
	l := &t.call.Link
	l.Closing, l.Handled, t.touched = true, t.setting.later && !t.call.Facts.answered(), true
	if l.Handled {
		t.because("call.handled", map[string]any{"call": t.call.ID, "activity": t.call.Activity})
	}
	return l.Handled || t.call.Facts.answered()
}

// open leaves the activity of a missed call standing as not done, unless an answered call has followed meanwhile. Only now, when the portal has it as it was to be,
// may others turn it to done: their command could overtake the one that sets it.
func (t *turn) open() {
	c, l := t.call, &t.call.Link
	if !l.Closing {
		return
	}
	l.Closing, t.touched = false, true
	switch {
	case c.Activity == 0 || l.Handled || c.Facts.answered():
	case t.setting.later:
		l.Handled = true
		t.complete(c.ID, c.Activity)
	default:
		c.ActivityOpen = true
	}
}

// complete turns the activity of a missed call to done: the client was spoken to since (T4a).
func (t *turn) complete(id ids.UISCallID, activity int64) {
	t.because("call.handled", map[string]any{"call": id, "activity": activity})
	t.command("handled", fmt.Sprint(id), "crm.activity.update", map[string]any{"id": activity, "fields": map[string]any{"COMPLETED": "Y"}}).Independent = true
	t.handled = append(t.handled, id)
}

// closeUp ends the call when nothing is asked of the portal any more.
func (t *turn) closeUp() {
	for _, c := range t.out.Commands {
		if strings.HasPrefix(c.Plan, "close:") {
			return
		}
	}
	t.done()
}

func (t *turn) done() {
	t.phase(Done)
	f, l := &t.call.Facts, &t.call.Link
	t.because("call.done", map[string]any{"answered": f.answered(), "user": l.Verdict.Activity, "activity": t.call.Activity})
	t.record()
}

func sortedNames(results map[string]outbox.Result) []string {
	names := make([]string, 0, len(results))
	for name := range results {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func yesNo(yes bool) string {
	if yes {
		return "Y"
	}
	return "N"
}
