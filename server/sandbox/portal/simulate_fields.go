package portal

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
