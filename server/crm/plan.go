package crm

import (
	"fmt"
	"strings"

	"omni/server/ids"
	"omni/server/outbox"
)

// Originator is our name in the originatorId of everything we create; with originId, the command's own id, an unclear add is found again.
const Originator = "omni"

// carryOut turns a decision into the commands of one plan: contact, then lead, then deal, then activity.
func carryOut(need Need, client ids.ClientID, round int, d Decision) []outbox.Command {
	p := planner{need: need, client: client, name: fmt.Sprintf("plan:%d:%d", client, round), kind: KindPlanned, decision: d}
	for _, t := range d.Create {
		switch t {
		case Contact:
			fields := person(need, map[string]any{})
			if need.Call != nil && need.Call.Titles[Contact] != "" {
				fields["name"] = need.Call.Titles[Contact]
			}
			p.add(Contact, fields)
		case Lead:
			fields := person(need, map[string]any{"title": titleOf(need, Lead)})
			p.tie(fields)
			if d.Funnel.LeadStage != "" {
				fields["stageId"] = d.Funnel.LeadStage
			}
			p.add(Lead, fields)
		case Deal:
			p.deal()
		case Activity:
			p.activity()
		case Company:
		}
	}
	return p.commands
}

func (p *planner) add(t EntityType, fields map[string]any) *outbox.Command {
	fields["originatorId"], fields["originId"] = Originator, map[string]any{"$uid": true}
	if p.decision.Responsible != 0 {
		fields["assignedById"] = int64(p.decision.Responsible)
	}
	if call := p.need.Call; call != nil && call.Source != "" && t != Company {
		fields["sourceDescription"] = call.Source
	}
	return p.command(string(t), "crm.item.add", map[string]any{"entityTypeId": t.Wire(), "fields": fields})
}

func (p *planner) deal() {
	d := p.decision
	fields := map[string]any{"title": titleOf(p.need, Deal)}
	if d.Funnel.Pipeline != nil {
		fields["categoryId"] = *d.Funnel.Pipeline
	}
	if d.Funnel.DealStage != "" {
		fields["stageId"] = d.Funnel.DealStage
	}
	var after []string
	if !p.tie(fields) && p.has(Contact) {
		fields["contactIds"] = []any{map[string]any{"$from": string(Contact), "path": "item.id"}}
		after = []string{string(Contact)}
	}
	p.add(Deal, fields).After = after
}

// tie binds a new lead or deal to the contact that was found, without one to the company; false: neither was.
func (p *planner) tie(fields map[string]any) bool {
	switch d := p.decision; {
	case d.Contact != nil:
		fields["contactIds"] = []any{d.Contact.ID}
	case d.Company != nil:
		fields["companyId"] = d.Company.ID
	default:
		return false
	}
	return true
}

// activity is one activity for all targets: owned by the first, the others are bound afterwards by the planner's caller.
func (p *planner) activity() {
	d := p.decision
	params := map[string]any{
		"fields": map[string]any{"typeId": "CONFIGURABLE", "completed": false, "responsibleId": int64(d.Responsible),
			"originatorId": Originator, "originId": map[string]any{"$uid": true}},
		"layout": map[string]any{
			"icon":   map[string]any{"code": "comment"},
			"header": map[string]any{"title": title(p.need)},
			"body": map[string]any{"logo": map[string]any{"code": "comment"},
				"blocks": map[string]any{"client": map[string]any{"type": "text", "properties": map[string]any{"value": nameOf(p.need)}}}},
		},
	}
	var after []string
	switch {
	case p.has(Deal):
		params["ownerTypeId"], params["ownerId"] = Deal.Wire(), map[string]any{"$from": string(Deal), "path": "item.id"}
		after = []string{string(Deal)}
	case p.has(Lead):
		params["ownerTypeId"], params["ownerId"] = Lead.Wire(), map[string]any{"$from": string(Lead), "path": "item.id"}
		after = []string{string(Lead)}
	case len(d.Joined) > 0:
		params["ownerTypeId"], params["ownerId"] = d.Joined[0].Type.Wire(), d.Joined[0].ID
	default:
		return
	}
	p.command(string(Activity), "crm.activity.configurable.add", params).After = after
}

func (p *planner) has(t EntityType) bool {
	for _, c := range p.commands {
		if c.Name == string(t) {
			return true
		}
	}
	return false
}

// person puts the client's contact data into a lead or contact.
func person(need Need, fields map[string]any) map[string]any {
	fields["name"] = nameOf(need)
	var fm []map[string]any
	for _, a := range need.Aliases {
		switch a.Kind {
		case AliasPhone:
			fm = append(fm, map[string]any{"typeId": "PHONE", "valueType": "WORK", "value": "+" + a.Value})
		case AliasEmail:
			fm = append(fm, map[string]any{"typeId": "EMAIL", "valueType": "WORK", "value": a.Value})
		case AliasVisitor, AliasUsername:
		}
	}
	if len(fm) > 0 {
		fields["fm"] = fm
	}
	return fields
}

func nameOf(need Need) string {
	if need.Facts.Name != "" {
		return need.Facts.Name
	}
	for _, a := range need.Aliases {
		switch a.Kind {
		case AliasPhone:
			return "+" + a.Value
		case AliasEmail, AliasUsername:
			return a.Value
		case AliasVisitor:
		}
	}
	return need.Ref
}

// titleOf is what a new entity is called: by the call's template of its kind, else as the communication itself.
func titleOf(need Need, t EntityType) string {
	if need.Call != nil {
		if text := strings.TrimSpace(need.Call.Titles[t]); text != "" {
			return text
		}
	}
	return title(need)
}

func title(need Need) string {
	if t := strings.TrimSpace(need.Policy.Title); t != "" {
		return t
	}
	return nameOf(need)
}
