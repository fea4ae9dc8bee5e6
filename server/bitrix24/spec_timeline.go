package bitrix24

import (
	"encoding/json"
	"slices"
	"strings"
)

// specsTimeline are activities, comments and their bindings.
var specsTimeline = slices.Concat(
	each(Spec{Scope: "crm", Mode: CheckRead}, "crm.timeline.comment.list", "crm.timeline.comment.get", "crm.timeline.comment.fields", "crm.timeline.bindings.list",
		"crm.activity.list", "crm.activity.get", "crm.activity.fields", "crm.activity.binding.list", "crm.timeline.icon.list", "crm.timeline.logo.list"),
	each(Spec{Scope: "crm", Mode: CheckSet}, "crm.timeline.comment.update", "crm.activity.update", "crm.activity.layout.blocks.set"),
	[]Spec{
		{Method: "crm.timeline.comment.add", Scope: "crm", Mode: CheckFind, Probe: probe(probeComment), Judge: judge(judgeComment)},
		{Method: "crm.timeline.comment.delete", Scope: "crm", Mode: CheckSet, Done: gone},
		{Method: "crm.timeline.bindings.bind", Scope: "crm", Mode: CheckSet, Done: already,
			Probe: probe(func(p value) Call {
				return Call{Method: "crm.timeline.bindings.list", Params: Params{"filter": Params{"OWNER_ID": p.at("fields", "OWNER_ID").id()}}}
			}),
			Judge: inList(func(p, row value) bool {
				return row.at("ENTITY_ID").id() != 0 && row.at("ENTITY_ID").id() == p.at("fields", "ENTITY_ID").id() && strings.EqualFold(row.at("ENTITY_TYPE").text(), p.at("fields", "ENTITY_TYPE").text())
			}, resultTrue)},
		{Method: "crm.timeline.bindings.unbind", Scope: "crm", Mode: CheckSet, Done: gone},
		{Method: "crm.timeline.logmessage.add", Scope: "crm", App: true, Mode: CheckPerson},
		{Method: "crm.activity.add", Scope: "crm", Mode: CheckFind, Probe: probe(probeActivity), Judge: judge(judgeActivity)},
		{Method: "crm.activity.configurable.add", Scope: "crm", App: true, Mode: CheckFind, Probe: probe(probeActivity), Judge: judge(judgeActivity)},
		{Method: "crm.activity.configurable.update", Scope: "crm", App: true, Mode: CheckSet},
		{Method: "crm.activity.configurable.get", Scope: "crm", App: true, Mode: CheckRead},
		{Method: "crm.activity.delete", Scope: "crm", Mode: CheckSet, Done: gone},
		// A to-do has no origin to be found by.
		{Method: "crm.activity.todo.add", Scope: "crm", Mode: CheckPerson},
		{Method: "crm.activity.binding.add", Scope: "crm", Mode: CheckSet, Done: already,
			Probe: probe(func(p value) Call {
				return Call{Method: "crm.activity.binding.list", Params: Params{"activityId": p.at("activityId").id()}}
			}),
			Judge: inList(func(p, row value) bool {
				return row.at("entityTypeId").id() == p.at("entityTypeId").id() && row.at("entityId").id() == p.at("entityId").id() && row.at("entityId").id() != 0
			}, resultTrue)},
		{Method: "crm.activity.binding.delete", Scope: "crm", Mode: CheckSet, Done: gone},
	},
)

// probeComment reads the newest comments of the entity: the first line of ours is unique.
func probeComment(params value) Call {
	fields := params.at("fields")
	if fields.at("ENTITY_ID").id() == 0 || firstLine(fields.at("COMMENT").text()) == "" {
		return Call{}
	}
	return Call{Method: "crm.timeline.comment.list", Params: Params{
		"filter": Params{"ENTITY_ID": fields.at("ENTITY_ID").id(), "ENTITY_TYPE": fields.at("ENTITY_TYPE").text()},
		"select": []string{"ID", "COMMENT"}, "order": Params{"ID": "DESC"}}}
}

func judgeComment(params, answer value) (Finding, json.RawMessage) {
	list, isList := answer.v.([]any)
	if !isList {
		return Undecided, nil
	}
	first := firstLine(params.at("fields", "COMMENT").text())
	newest, last := int64(0), int64(0)
	for i, one := range list {
		row := value{one}
		last = row.at("ID").id()
		if i == 0 {
			newest = last
		}
		if last > 0 && firstLine(row.at("COMMENT").text()) == first {
			return Found, mustJSON(last)
		}
	}
	if len(list) >= PageSize && newest <= last {
		return Undecided, nil // not the newest page: the portal did not understand the order
	}
	return Absent, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}

// origin are ORIGINATOR_ID and ORIGIN_ID of an activity, which the configurable ones spell originatorId and originId.
func origin(params value) (originator, id string, configurable bool) {
	fields := params.at("fields")
	if id := fields.at("originId").text(); id != "" {
		return fields.at("originatorId").text(), id, true
	}
	return fields.at("ORIGINATOR_ID").text(), fields.at("ORIGIN_ID").text(), false
}

func probeActivity(params value) Call {
	originator, id, _ := origin(params)
	if id == "" {
		return Call{}
	}
	return Call{Method: "crm.activity.list", Params: Params{"filter": Params{"ORIGINATOR_ID": originator, "ORIGIN_ID": id}, "select": []string{"ID", "ORIGINATOR_ID", "ORIGIN_ID"}}}
}

func judgeActivity(params, answer value) (Finding, json.RawMessage) {
	list, isList := answer.v.([]any)
	if !isList {
		return Undecided, nil
	}
	_, wanted, configurable := origin(params)
	for _, one := range list {
		row := value{one}
		id := row.at("ID").id()
		if id == 0 || row.at("ORIGIN_ID").text() != wanted {
			continue
		}
		if configurable {
			return Found, mustJSON(Params{"activity": Params{"id": id}})
		}
		return Found, mustJSON(id)
	}
	if len(list) > 0 {
		return Undecided, nil // the portal did not understand the filter
	}
	return Absent, nil
}

// entityNames are how the timeline calls the kinds.
var entityNames = map[EntityType]string{Lead: "lead", Deal: "deal", Contact: "contact", Company: "company"}

// CommentAdd puts a comment on an entity's timeline (crm.timeline.comment.add); it answers the id. The first line should be unique, by it the comment is found after a
// lost answer. Client text in it goes through PlainBB. author 0: the token's employee.
func CommentAdd(t EntityType, id int64, text string, author int64) Call {
	fields := Params{"ENTITY_TYPE": entityNames[t], "ENTITY_ID": id, "COMMENT": text}
	if author != 0 {
		fields["AUTHOR_ID"] = author
	}
	return Call{Method: "crm.timeline.comment.add", Params: Params{"fields": fields}}
}

// CommentUpdate replaces a comment's text (crm.timeline.comment.update). The answer is the id, which is another one when the comment was bound to several entities: the
// portal copies it then. Files of the comment are lost.
func CommentUpdate(comment int64, t EntityType, owner int64, text string) Call {
	return Call{Method: "crm.timeline.comment.update", Params: Params{"id": comment, "ownerTypeId": int64(t), "ownerId": owner, "fields": Params{"COMMENT": text}}}
}

// ActivityComplete closes an activity of any kind (crm.activity.update).
func ActivityComplete(activity int64) Call {
	return Call{Method: "crm.activity.update", Params: Params{"id": activity, "fields": Params{"COMPLETED": "Y"}}}
}
