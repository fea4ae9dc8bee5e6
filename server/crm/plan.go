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
// What stands already is left out; the rest refers to it.
func carryOut(need Need, client ids.ClientID, round int, d Decision, first firstOn, stands map[EntityType]int64) []outbox.Command {
	p := planner{need: need, client: client, name: fmt.Sprintf("plan:%d:%d", client, round), kind: KindPlanned, decision: d, first: first, stands: stands}
	for _, t := range d.Create {
		if stands[t] != 0 {
			continue
		}
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
	p.extras(t, fields)
	return p.command(string(t), "crm.item.add", map[string]any{"entityTypeId": t.Wire(), "fields": fields, "useOriginalUfNames": "Y"})
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
	if !p.tie(fields) {
		if id, behind := p.made(Contact); id != nil {
			fields["contactIds"], after = []any{id}, behind
		}
	}
	p.add(Deal, fields).After = after
}

// tie binds a new lead or deal to the contact and the company that were found; false: neither was.
func (p *planner) tie(fields map[string]any) bool {
	d := p.decision
	if d.Contact != nil {
		fields["contactIds"] = []any{d.Contact.ID}
	}
	if d.Company != nil {
		fields["companyId"] = d.Company.ID
	}
	return d.Contact != nil || d.Company != nil
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
	owner := Deal
	id, after := p.made(Deal)
	if id == nil {
		owner = Lead
		id, after = p.made(Lead)
	}
	if id == nil {
		if len(d.Joined) == 0 {
			return
		}
		owner, id = d.Joined[0].Type, d.Joined[0].ID
	}
	params["ownerTypeId"], params["ownerId"] = owner.Wire(), id
	p.command(string(Activity), "crm.activity.configurable.add", params).After = after
}

// made points to an entity of this plan: its id when it stands, else what its command will answer, which has to be waited for. Nil: there is none.
func (p *planner) made(t EntityType) (id any, after []string) {
	if p.stands[t] != 0 {
		return p.stands[t], nil
	}
	for _, c := range p.commands {
		if c.Name == string(t) {
			return map[string]any{"$from": string(t), "path": "item.id"}, []string{string(t)}
		}
	}
	return nil, nil
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
