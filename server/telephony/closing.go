package telephony

import (
	"encoding/json"
	"fmt"

	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/outbox"
)

// closed takes the last plan in: an activity that was looked up, ties that are missing. Of an ended call it is a step that a person had repeated.
func (t *turn) closed(results map[string]outbox.Result) error {
	l := &t.call.Link
	late := l.Phase == Done
	if l.Phase != Closing && !late {
		return nil
	}
	for _, name := range t.stepsFailed(results) {
		if !late {
			t.assignAlone(name)
		}
	}
	if r, asked := results["lookup"]; asked {
		t.lookedUp(r)
		if !late {
			t.closeUp()
		}
		return nil
	}
	if r := results["own"]; r.State == "done" && t.call.Activity == 0 {
		var id bitrix24.ID
		if json.Unmarshal(r.Result, &id) == nil {
			t.call.Activity, t.touched = int64(id), true
			for i, ref := range l.Answer.Bind {
				if i > 0 {
					t.tieTo(ref)
				}
			}
		}
	}
	if r := results["bindings"]; r.State == "done" {
		t.bind(r.Result)
	}
	t.open()
	if !late {
		t.done()
	}
	return nil
}

// lookedUp takes in what was found of the call's activity.
func (t *turn) lookedUp(r outbox.Result) {
	var list []struct {
		ID bitrix24.ID `json:"ID"`
	}
	read := r.State == "done" && json.Unmarshal(r.Result, &list) == nil
	switch {
	case t.call.Activity != 0: // it is known since
	case read && len(list) > 0:
		t.call.Activity, t.call.Link.Unfinished, t.touched = int64(list[0].ID), false, true
		t.activity(false)
	case read && !t.call.Link.Unfinished:
		t.activity(true)
	default:
		t.because("call.activity_not_found", nil)
	}
}

// stepsFailed notes what the portal did not do, and names what it refused.
func (t *turn) stepsFailed(results map[string]outbox.Result) (refused []string) {
	for _, name := range sortedNames(results) {
		if r := results[name]; r.State != "done" {
			t.because("call.step_failed", map[string]any{"step": name, "text": r.Text})
			if r.State == "refused" {
				refused = append(refused, name)
			}
		}
	}
	return refused
}

// bind ties the activity to what the portal did not tie it to by itself.
func (t *turn) bind(raw json.RawMessage) {
	var list []struct {
		Type bitrix24.ID `json:"entityTypeId"`
		ID   bitrix24.ID `json:"entityId"`
	}
	if json.Unmarshal(raw, &list) != nil {
		return
	}
	for _, want := range t.call.Link.Answer.Bind {
		bound := false
		for _, have := range list {
			bound = bound || int(have.Type) == want.Type.Wire() && int64(have.ID) == want.ID
		}
		if bound {
			continue
		}
		t.tieTo(want)
	}
}

// tieTo makes the activity show in one more entity.
func (t *turn) tieTo(ref crm.Ref) {
	t.command("bind", fmt.Sprintf("%s:%d", ref.Type, ref.ID), "crm.activity.binding.add", map[string]any{"activityId": t.call.Activity, "entityTypeId": ref.Type.Wire(), "entityId": ref.ID}).
		Independent = true
}
