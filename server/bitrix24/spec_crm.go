package bitrix24

import (
	"encoding/json"
	"slices"
	"strings"
)

// EntityType is a kind of CRM item (docs: object types).
type EntityType int64

// The kinds every portal has.
const (
	Lead    EntityType = 1
	Deal    EntityType = 2
	Contact EntityType = 3
	Company EntityType = 4
)

// specsCRM are crm.item and everything around it.
var specsCRM = slices.Concat(
	each(Spec{Scope: "crm", Mode: CheckRead}, "crm.item.get", "crm.item.list", "crm.item.fields", "crm.duplicate.findbycomm", "crm.status.list", "crm.status.entity.types",
		"crm.category.list", "crm.settings.mode.get", "crm.lead.list", "crm.contact.list", "crm.company.list", "crm.deal.contact.items.get", "crm.contact.company.items.get"),
	each(Spec{Scope: "crm", Mode: CheckSet, Done: gone}, "crm.item.delete"),
	userFields("lead", "deal", "contact", "company"),
	[]Spec{
		{Method: "crm.item.add", Scope: "crm", Mode: CheckFind, Probe: probe(probeItem), Judge: judge(judgeItem)},
		// Repeating an update is harmless but for phones and e-mails that it adds: a second time would double them, so these are looked for.
		{Method: "crm.item.update", Scope: "crm", Mode: CheckSet, Probe: probe(probeUpdate), Judge: judge(judgeUpdate)},
	},
)

// probeItem looks for an item by its origin (crm.item.list); without one there is nothing to look by.
func probeItem(params value) Call {
	origin := params.at("fields", "originId").text()
	if origin == "" || params.at("entityTypeId").id() == 0 {
		return Call{}
	}
	return Call{Method: "crm.item.list", Params: Params{"entityTypeId": params.at("entityTypeId").id(), "select": []string{"id", "originatorId", "originId"},
		"filter": Params{"=originatorId": params.at("fields", "originatorId").text(), "=originId": origin}, "order": Params{"id": "ASC"}}}
}

func judgeItem(params, answer value) (Finding, json.RawMessage) {
	rows, isList := answer.at("items").each()
	if !isList {
		return Undecided, nil
	}
	for _, row := range rows {
		if row.at("originId").text() == params.at("fields", "originId").text() && row.at("id").id() > 0 {
			return Found, mustJSON(Params{"item": Params{"id": row.at("id").id()}})
		}
	}
	if len(rows) > 0 {
		return Undecided, nil // the portal did not understand the filter
	}
	return Absent, nil
}

// addedMulti are the multi-fields that an update adds: elements of a list, or keys n0, n1 … of an object (docs: how to change e-mail or phone).
func addedMulti(params value) []value {
	fm := params.at("fields", "fm")
	if m, isMap := fm.v.(map[string]any); isMap {
		var out []value
		for _, k := range inOrder(m) {
			if strings.HasPrefix(k, "n") {
				out = append(out, value{m[k]})
			}
		}
		return out
	}
	added, _ := fm.each()
	return added
}

func probeUpdate(params value) Call {
	if len(addedMulti(params)) == 0 {
		return Call{}
	}
	return Call{Method: "crm.item.get", Params: Params{"entityTypeId": params.at("entityTypeId").id(), "id": params.at("id").id()}}
}

func judgeUpdate(params, answer value) (Finding, json.RawMessage) {
	there, isList := answer.at("item", "fm").each()
	if !isList {
		return Undecided, nil
	}
	for _, wanted := range addedMulti(params) {
		found := false
		for _, one := range there {
			found = found || sameMulti(one, wanted)
		}
		if !found {
			return Absent, nil
		}
	}
	return Found, mustJSON(Params{"item": answer.at("item").v})
}

// sameMulti compares two multi-fields as the portal does: telephones by their digits, the rest without case.
func sameMulti(a, b value) bool {
	kind := a.at("typeId").text()
	if !strings.EqualFold(kind, b.at("typeId").text()) {
		return false
	}
	x, y := strings.TrimSpace(a.at("value").text()), strings.TrimSpace(b.at("value").text())
	if strings.EqualFold(kind, "PHONE") {
		x, y = digits(x), digits(y)
	}
	return x != "" && strings.EqualFold(x, y)
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

// userFields are crm.{entity}.userfield.*: a field is unique by its name.
func userFields(entities ...string) []Spec {
	var out []Spec
	for _, e := range entities {
		base := "crm." + e + ".userfield."
		out = append(out, each(Spec{Scope: "crm", Mode: CheckRead}, base+"list", base+"get", "crm."+e+".fields")...)
		out = append(out, Spec{Method: base + "update", Scope: "crm", Mode: CheckSet}, Spec{Method: base + "delete", Scope: "crm", Mode: CheckSet, Done: gone},
			Spec{Method: base + "add", Scope: "crm", Mode: CheckFind, Done: already,
				Probe: probe(func(params value) Call {
					return Call{Method: base + "list", Params: Params{"filter": Params{"FIELD_NAME": userFieldName(params.at("fields", "FIELD_NAME").text())}}}
				}),
				Judge: inList(
					func(params, row value) bool {
						return row.at("FIELD_NAME").text() == userFieldName(params.at("fields", "FIELD_NAME").text())
					},
					func(row value) json.RawMessage { return mustJSON(row.at("ID").id()) })})
	}
	return out
}

// userFieldName is what the portal makes of a name: upper case, with the prefix UF_CRM_.
func userFieldName(name string) string {
	name = strings.ToUpper(name)
	if strings.HasPrefix(name, "UF_CRM_") {
		return name
	}
	return "UF_CRM_" + name
}

// ItemAdd makes an item (crm.item.add); it answers {"item":{"id":…}}. originator and origin are the outside id by which the item is found after a lost answer.
func ItemAdd(t EntityType, originator, origin string, fields Params) Call {
	all := Params{}
	for k, v := range fields {
		all[k] = v
	}
	all["originatorId"], all["originId"] = originator, origin
	return Call{Method: "crm.item.add", Params: Params{"entityTypeId": int64(t), "fields": all}}
}

// ItemUpdate changes an item (crm.item.update).
func ItemUpdate(t EntityType, id int64, fields Params) Call {
	return Call{Method: "crm.item.update", Params: Params{"entityTypeId": int64(t), "id": id, "fields": fields}}
}

// ItemGet reads an item whole (crm.item.get).
func ItemGet(t EntityType, id int64) Call {
	return Call{Method: "crm.item.get", Params: Params{"entityTypeId": int64(t), "id": id}}
}

// FindByComm finds leads, contacts or companies (t; 0: all three) by telephones ("PHONE") or e-mails ("EMAIL"), at most 20 (crm.duplicate.findbycomm). With 20 hits
// of one type the portal leaves the following types out: ask with t then. DecodeFound reads the answer.
func FindByComm(kind string, t EntityType, values ...string) Call {
	p := Params{"type": kind, "values": values}
	if name, ok := map[EntityType]string{Lead: "LEAD", Contact: "CONTACT", Company: "COMPANY"}[t]; ok {
		p["entity_type"] = name
	}
	return Call{Method: "crm.duplicate.findbycomm", Params: p}
}

// DecodeFound reads {"CONTACT":[275],"LEAD":["11"]}; nothing found comes as [].
func DecodeFound(result json.RawMessage) (map[EntityType][]int64, error) {
	var hits Map[List[ID]]
	if err := json.Unmarshal(result, &hits); err != nil {
		return nil, err
	}
	out := map[EntityType][]int64{}
	for name, t := range map[string]EntityType{"LEAD": Lead, "CONTACT": Contact, "COMPANY": Company} {
		for _, id := range hits[name] {
			out[t] = append(out[t], int64(id))
		}
	}
	return out, nil
}
