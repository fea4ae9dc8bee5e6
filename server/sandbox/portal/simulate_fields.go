package portal

import "fmt"

// AddUserField makes a field of people's own as an administrator of the CRM does; the name begins with UF_CRM_.
func (p *Portal) AddUserField(typ int, name, kind string, multiple bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := &userField{id: p.id("userfield"), typ: typ, name: name, kind: kind, data: kv("EDIT_FORM_LABEL", name), multi: multiple}
	p.crm.setUserFields(append(p.crm.userFields, u))
}

// DeleteUserField takes a field away with all its values.
func (p *Portal) DeleteUserField(typ int, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u := p.crm.userField(typ, name); u != nil {
		p.crm.dropUserField(u)
	}
}

func (s *crmState) dropUserField(f *userField) {
	var kept []*userField
	for _, x := range s.userFields {
		if x != f {
			kept = append(kept, x)
		}
	}
	s.setUserFields(kept)
	for _, it := range s.items[f.typ] {
		it.fields.del(f.name)
	}
}

// AddStage adds a stage at the end of a funnel, as an administrator of the CRM does: entity is STATUS for leads, DEAL_STAGE or DEAL_STAGE_{pipeline}.
func (p *Portal) AddStage(entity, code, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, pipeline := 0, 0
	_, _ = fmt.Sscanf(entity, "DEAL_STAGE_%d", &pipeline)
	for _, s := range p.crm.statuses {
		if s.entity == entity {
			last = max(last, s.sort)
		}
	}
	p.crm.statuses = append(p.crm.statuses, &status{id: p.id("status"), entity: entity, code: code, name: name, sort: last + 10, semantics: "P", category: pipeline, color: "#00a9f4"})
}

// SetScope grants an application other rights than its card asks for; tokens that are issued from then on have them.
func (p *Portal) SetScope(clientID string, scope ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if in := p.installation(clientID); in != nil {
		in.scope = scope
	}
}
