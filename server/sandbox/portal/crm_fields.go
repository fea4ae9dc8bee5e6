package portal

import "strings"

// fieldDef is one field of crm.item (docs page "object-fields").
type fieldDef struct {
	name     string
	kind     string // string integer double char datetime date user crm_status crm_company crm_contact crm_multifield crm_category currency boolean text
	readOnly bool
	multiple bool
	view     bool // can be selected and filtered, is not part of a full item
}

// fieldTable gives the fields of a type, without user fields.
func fieldTable(typ int) []fieldDef {
	var defs []fieldDef
	add := func(kind string, names ...string) {
		for _, n := range names {
			d := fieldDef{kind: kind}
			for _, mark := range n[:strings.IndexFunc(n, isLetter)] {
				switch mark {
				case '!':
					d.readOnly = true
				case '*':
					d.multiple = true
				case '~':
					d.view, d.readOnly = true, true
				}
			}
			d.name = strings.TrimLeft(n, "!*~")
			defs = append(defs, d)
		}
	}
	add("integer", "!id")
	if typ != Contact {
		add("string", "title")
	}
	if typ == Lead || typ == Contact {
		add("string", "name", "secondName", "lastName", "post")
		add("crm_status", "honorific")
		add("date", "birthdate")
	}
	add("user", "assignedById", "!createdBy", "!updatedBy")
	add("datetime", "!createdTime", "!updatedTime", "!lastActivityTime")
	add("user", "!lastActivityBy", "*observers")
	add("char", "opened")
	add("text", "comments")
	if typ != Company {
		add("string", "sourceDescription")
		add("crm_status", "sourceId")
	}
	add("string", "originatorId", "originId", "utmSource", "utmMedium", "utmCampaign", "utmContent", "utmTerm")
	add("integer", "!webformId")
	switch typ {
	case Lead:
		add("string", "companyTitle")
		add("crm_status", "stageId")
		add("string", "!stageSemanticId", "stageDescription")
		add("boolean", "!isReturnCustomer")
	case Deal:
		add("crm_category", "categoryId")
		add("crm_status", "stageId", "typeId")
		add("string", "!stageSemanticId", "additionalInfo")
		add("char", "!closed")
		add("date", "begindate", "closedate")
		add("integer", "leadId", "probability")
		add("boolean", "!isNew", "!isRecurring", "!isReturnCustomer", "!isRepeatedApproach")
	case Contact:
		add("crm_status", "typeId")
		add("crm_category", "categoryId")
		add("string", "originVersion")
		add("integer", "leadId")
	case Company:
		add("crm_status", "typeId", "industry", "employees")
		add("crm_category", "categoryId")
		add("integer", "leadId")
		add("boolean", "isMyCompany")
	}
	if typ == Lead || typ == Deal {
		add("double", "opportunity")
		add("currency", "currencyId")
		add("boolean", "isManualOpportunity")
		add("datetime", "!movedTime")
		add("user", "!movedBy")
		add("crm_contact", "contactId", "*contactIds")
	}
	if typ != Company {
		add("crm_company", "companyId")
	}
	if typ == Contact {
		add("crm_company", "*companyIds")
	}
	if typ == Company {
		add("crm_contact", "*contactIds")
	}
	if typ != Deal {
		add("crm_multifield", "*fm")
		add("boolean", "!hasPhone", "!hasEmail", "!hasImol")
		add("string", "~phone", "~email", "~imol", "~phoneMobile", "~phoneWork", "~phoneMailing", "~emailMailing", "~emailHome", "~emailWork", "~skype", "~icq", "~web")
	}
	return defs
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' }

// fieldSet is the fields of a type by name, with the names in order.
type fieldSet struct {
	defs  map[string]fieldDef
	names []string
}

type fieldKey struct {
	typ      int
	original bool
}

// fieldsOf is fieldTable with the portal's user fields, by name; original keeps UF_CRM_ names.
func (s *crmState) fieldsOf(typ int, original bool) fieldSet {
	key := fieldKey{typ, original}
	if set, ok := s.fields[key]; ok {
		return set
	}
	m := map[string]fieldDef{}
	for _, d := range fieldTable(typ) {
		m[d.name] = d
	}
	for _, u := range s.userFields {
		if u.typ != typ {
			continue
		}
		name := u.name
		if !original {
			name = camelUF(name)
		}
		m[name] = fieldDef{name: u.name, kind: "uf:" + u.kind, multiple: u.multi}
	}
	set := fieldSet{defs: m, names: sortedKeys(m)}
	s.fields[key] = set
	return set
}

// setUserFields changes the user fields of the CRM.
func (s *crmState) setUserFields(all []*userField) {
	s.userFields, s.fields = all, map[fieldKey]fieldSet{}
}

// checkValue compares a value with a field.
func (p *Portal) checkValue(typ int, d fieldDef, v any) *apiError {
	bad := func() *apiError {
		return breach(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", "Invalid value of field \"%s\"", d.name)
	}
	if v == nil {
		return nil
	}
	a, isArr := v.(*arr)
	if isArr != d.multiple && d.name != "fm" && !strings.HasPrefix(d.kind, "uf:") && !(d.multiple && v == "") {
		if d.multiple {
			return breach(400, "100", "Invalid value: field %s takes a list", d.name)
		}
		return bad()
	}
	if isArr {
		for _, x := range a.items() {
			if e := p.checkScalar(typ, d, x, bad); e != nil {
				return e
			}
		}
		return nil
	}
	return p.checkScalar(typ, d, v, bad)
}

func (p *Portal) checkScalar(typ int, d fieldDef, v any, bad func() *apiError) *apiError {
	s := text(v)
	if s == "" && v != false {
		return nil
	}
	n, isInt := integer(v)
	switch kind := strings.TrimPrefix(d.kind, "uf:"); kind {
	case "integer", "user", "crm_contact", "crm_company", "crm_category":
		if !isInt {
			return bad()
		}
		switch {
		case kind == "user" && p.user(n) == nil, kind == "crm_contact" && n != 0 && p.crm.items[Contact][n] == nil,
			kind == "crm_company" && n != 0 && p.crm.items[Company][n] == nil, kind == "crm_category" && typ == Deal && p.crm.category(n) == nil:
			return fail(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", "Invalid value of field \"%s\"", d.name)
		}
	case "double":
		if !scalarFits("num", v) {
			return bad()
		}
	case "char":
		if s != "Y" && s != "N" {
			return bad()
		}
	case "boolean":
		if !scalarFits("bool", v) {
			return bad()
		}
	case "date", "datetime":
		if len(s) < 10 {
			return bad()
		}
	case "crm_status":
		return p.checkStatus(typ, d, s)
	case "string", "text":
		if _, isBool := v.(bool); isBool {
			return bad()
		}
	}
	return nil
}

func (p *Portal) checkStatus(typ int, d fieldDef, code string) *apiError {
	ok := true
	switch d.name {
	case "stageId":
		ok = p.crm.stage(typ, code) != nil
	case "sourceId":
		ok = p.crm.hasStatus("SOURCE", code)
	}
	if !ok {
		return fail(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", "Invalid value of field \"%s\"", d.name)
	}
	return nil
}
