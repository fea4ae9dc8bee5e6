package bitrix24

import (
	"bytes"
	"encoding/json"
	"sort"
	"strings"
)

// CheckMode says how an unclear call is settled once its request can no longer be running (design section 11).
type CheckMode string

// Read: no effect. Set: repeating is harmless. Find: its effect can be looked up. Person: nothing can tell, a person decides.
const (
	CheckRead   CheckMode = "read"
	CheckSet    CheckMode = "set"
	CheckFind   CheckMode = "find"
	CheckPerson CheckMode = "person"
)

// Finding is what a judge concludes.
type Finding int

// Undecided: nothing can be said. Absent: the effect is not there. Found: it is.
const (
	Undecided Finding = iota
	Absent
	Found
)

// Spec is what is known of a method we use.
type Spec struct {
	Method string
	// Scope is what the app must be granted for it; "" is the basic scope.
	Scope string
	// Alone: it may not stand in a batch (files).
	Alone bool
	Mode  CheckMode
	// Probe is the read that may show the effect of a call with these parameters. Nil: there is none.
	Probe func(params json.RawMessage, uid string) (Call, bool)
	// Judge reads the probe's answer. With Found the result is shaped like the lost answer.
	Judge func(params json.RawMessage, uid string, answer json.RawMessage) (Finding, json.RawMessage)
}

// SpecOf gives the spec of a method, in any case.
func SpecOf(method string) (Spec, bool) {
	s, ok := specs()[strings.ToLower(method)]
	return s, ok
}

// Specs lists all of them by name.
func Specs() []Spec {
	all := specs()
	out := make([]Spec, 0, len(all))
	for _, s := range all {
		out = append(out, s)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Method < out[j].Method })
	return out
}

func specs() map[string]Spec {
	out := map[string]Spec{}
	add := func(scope string, mode CheckMode, methods ...string) {
		for _, m := range methods {
			out[strings.ToLower(m)] = Spec{Method: m, Scope: scope, Mode: mode}
		}
	}
	add("", CheckRead, "profile", "app.info", "scope", "server.time", "event.get", "events", "method.get", "user.current")
	add("user_brief", CheckRead, "user.get")
	add("placement", CheckRead, "placement.get", "placement.list")
	add("crm", CheckRead, "crm.item.get", "crm.item.list", "crm.item.fields", "crm.duplicate.findbycomm", "crm.status.list", "crm.category.list",
		"crm.settings.mode.get", "crm.timeline.comment.list", "crm.timeline.comment.get", "crm.activity.list", "crm.activity.get", "crm.activity.binding.list",
		"crm.lead.userfield.list", "crm.deal.userfield.list", "crm.contact.userfield.list", "crm.company.userfield.list")
	add("imopenlines", CheckRead, "imconnector.list", "imconnector.status", "imopenlines.config.list.get", "imopenlines.session.history.get", "imopenlines.dialog.get")
	add("telephony", CheckRead, "telephony.externalLine.get", "telephony.externalCall.searchCrmEntities", "voximplant.statistic.get")
	add("crm", CheckSet, "crm.item.update", "crm.timeline.comment.update", "crm.activity.update", "crm.activity.configurable.update", "crm.activity.binding.add",
		"crm.timeline.bindings.bind")
	add("imopenlines", CheckSet, "imconnector.register", "imconnector.unregister", "imconnector.activate", "imconnector.connector.data.set",
		"imconnector.update.messages", "imconnector.delete.messages", "imconnector.send.status.delivery")
	add("im", CheckSet, "im.notify.personal.add", "im.notify.system.add")
	// Bindings are listed before they are made, and "already" counts as done: repeating is harmless.
	add("", CheckSet, "event.bind", "event.unbind", "event.test")
	add("placement", CheckSet, "placement.bind", "placement.unbind")
	for _, s := range []Spec{
		{Method: "crm.item.add", Scope: "crm", Mode: CheckFind, Probe: probeItem, Judge: judgeItem},
		{Method: "crm.timeline.comment.add", Scope: "crm", Mode: CheckFind, Probe: probeComment, Judge: judgeComment},
		{Method: "crm.activity.configurable.add", Scope: "crm", Mode: CheckFind, Probe: probeActivity, Judge: judgeActivity},
		{Method: "crm.activity.add", Scope: "crm", Mode: CheckFind, Probe: probeActivity, Judge: judgeActivity},
	} {
		out[strings.ToLower(s.Method)] = s
	}
	return out
}

// itemParams are those of crm.item.add that identify it.
type itemParams struct {
	EntityTypeID ID `json:"entityTypeId"`
	Fields       struct {
		OriginatorID String `json:"originatorId"`
		OriginID     String `json:"originId"`
	} `json:"fields"`
}

// probeItem looks for an item by its origin (crm.item.list).
func probeItem(params json.RawMessage, _ string) (Call, bool) {
	var p itemParams
	if json.Unmarshal(params, &p) != nil || p.Fields.OriginID == "" || p.EntityTypeID == 0 {
		return Call{}, false
	}
	return Call{Method: "crm.item.list", Params: Params{"entityTypeId": int64(p.EntityTypeID), "select": []string{"id", "originatorId", "originId"},
		"filter": map[string]any{"=originatorId": string(p.Fields.OriginatorID), "=originId": string(p.Fields.OriginID)}, "order": map[string]any{"id": "ASC"}}}, true
}

func judgeItem(params json.RawMessage, _ string, answer json.RawMessage) (Finding, json.RawMessage) {
	var p itemParams
	var list struct {
		Items []struct {
			ID       ID     `json:"id"`
			OriginID String `json:"originId"`
		} `json:"items"`
	}
	if json.Unmarshal(params, &p) != nil || json.Unmarshal(answer, &list) != nil || list.Items == nil {
		return Undecided, nil
	}
	for _, i := range list.Items {
		// A filter the portal did not understand brings others: only ours counts.
		if i.OriginID == p.Fields.OriginID && i.ID > 0 {
			return Found, mustJSON(map[string]any{"item": map[string]any{"id": int64(i.ID)}})
		}
	}
	if len(list.Items) > 0 {
		return Undecided, nil
	}
	return Absent, nil
}

// commentParams are those of crm.timeline.comment.add.
type commentParams struct {
	Fields struct {
		EntityID   ID     `json:"ENTITY_ID"`
		EntityType String `json:"ENTITY_TYPE"`
		Comment    String `json:"COMMENT"`
	} `json:"fields"`
}

// probeComment reads the newest comments of the entity (crm.timeline.comment.list): our first line is unique.
func probeComment(params json.RawMessage, _ string) (Call, bool) {
	var p commentParams
	if json.Unmarshal(params, &p) != nil || p.Fields.EntityID == 0 {
		return Call{}, false
	}
	return Call{Method: "crm.timeline.comment.list", Params: Params{"filter": map[string]any{"ENTITY_ID": int64(p.Fields.EntityID), "ENTITY_TYPE": string(p.Fields.EntityType)},
		"select": []string{"ID", "COMMENT"}, "order": map[string]any{"ID": "DESC"}}}, true
}

func judgeComment(params json.RawMessage, _ string, answer json.RawMessage) (Finding, json.RawMessage) {
	var p commentParams
	var list List[struct {
		ID      ID     `json:"ID"`
		Comment String `json:"COMMENT"`
	}]
	if json.Unmarshal(params, &p) != nil || !bytes.HasPrefix(bytes.TrimSpace(answer), []byte("[")) || json.Unmarshal(answer, &list) != nil {
		return Undecided, nil
	}
	first := firstLine(string(p.Fields.Comment))
	for _, c := range list {
		if firstLine(string(c.Comment)) == first && c.ID > 0 {
			return Found, mustJSON(int64(c.ID))
		}
	}
	if len(list) >= 50 {
		return Undecided, nil // there are more pages
	}
	return Absent, nil
}

// activityParams are those of crm.activity.add and crm.activity.configurable.add that identify it.
type activityParams struct {
	Fields struct {
		OriginatorID  String `json:"originatorId"`
		OriginID      String `json:"originId"`
		OldOriginator String `json:"ORIGINATOR_ID"`
		OldOrigin     String `json:"ORIGIN_ID"`
	} `json:"fields"`
}

func (p activityParams) origin() (string, string) {
	if p.Fields.OriginID != "" {
		return string(p.Fields.OriginatorID), string(p.Fields.OriginID)
	}
	return string(p.Fields.OldOriginator), string(p.Fields.OldOrigin)
}

// probeActivity looks for an activity by its origin (crm.activity.list).
func probeActivity(params json.RawMessage, _ string) (Call, bool) {
	var p activityParams
	if json.Unmarshal(params, &p) != nil {
		return Call{}, false
	}
	originator, origin := p.origin()
	if origin == "" {
		return Call{}, false
	}
	return Call{Method: "crm.activity.list", Params: Params{"filter": map[string]any{"ORIGINATOR_ID": originator, "ORIGIN_ID": origin},
		"select": []string{"ID", "ORIGINATOR_ID", "ORIGIN_ID"}}}, true
}

func judgeActivity(params json.RawMessage, _ string, answer json.RawMessage) (Finding, json.RawMessage) {
	var p activityParams
	var list List[struct {
		ID     ID     `json:"ID"`
		Origin String `json:"ORIGIN_ID"`
	}]
	if json.Unmarshal(params, &p) != nil || !bytes.HasPrefix(bytes.TrimSpace(answer), []byte("[")) || json.Unmarshal(answer, &list) != nil {
		return Undecided, nil
	}
	_, origin := p.origin()
	for _, a := range list {
		if string(a.Origin) == origin && a.ID > 0 {
			if p.Fields.OriginID != "" {
				return Found, mustJSON(map[string]any{"activity": map[string]any{"id": int64(a.ID)}})
			}
			return Found, mustJSON(int64(a.ID))
		}
	}
	if len(list) > 0 {
		return Undecided, nil
	}
	return Absent, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}

func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}
