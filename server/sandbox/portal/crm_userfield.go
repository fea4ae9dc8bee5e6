package portal

import (
	"regexp"
	"strings"
)

var userFieldName = regexp.MustCompile(`^[A-Z0-9_]+$`)

const userFieldTypes = " string integer double boolean datetime date money url address enumeration file employee crm_status iblock_section iblock_element crm "

// userFieldMethods are crm.{lead,deal,contact,company}.userfield.*.
func userFieldMethods() []*method {
	var out []*method
	fields := with("fields map*", "USER_TYPE_ID str*", "FIELD_NAME str*", "LABEL str", "EDIT_FORM_LABEL any", "LIST_COLUMN_LABEL any", "LIST_FILTER_LABEL any", "XML_ID str",
		"MULTIPLE yn", "MANDATORY yn", "SHOW_FILTER yn", "SORT int", "SETTINGS map", "LIST list", "ERROR_MESSAGE any", "HELP_MESSAGE any")
	for typ, name := range entityNames {
		prefix := "crm." + strings.ToLower(name) + ".userfield."
		out = append(out,
			&method{name: prefix + "add", scope: "crm", style: styleCore, admin: true, takes: takes(fields), run: func(c *call) (any, error) { return userFieldAdd(c, typ) }},
			&method{name: prefix + "list", scope: "crm", style: styleCore, takes: takes("filter map", "order map", "start int"),
				run: func(c *call) (any, error) { return userFieldList(c, typ) }},
			&method{name: prefix + "get", scope: "crm", style: styleCore, takes: takes("id int*"), run: func(c *call) (any, error) {
				f := c.p.crm.userFieldByID(typ, c.args.int("id"))
				if f == nil {
					return nil, fail(400, "ERROR_CORE", "The entity with ID '%d' is not found", c.args.int("id"))
				}
				return f.row(true), nil
			}},
			&method{name: prefix + "delete", scope: "crm", style: styleCore, admin: true, takes: takes("id int*"), run: func(c *call) (any, error) { return userFieldDelete(c, typ) }},
		)
	}
	return out
}

func userFieldAdd(c *call, typ int) (any, error) {
	f := c.args.sub("fields")
	name := strings.ToUpper(f.str("FIELD_NAME"))
	if !strings.HasPrefix(name, "UF_CRM_") {
		name = "UF_CRM_" + name
	}
	if !userFieldName.MatchString(name) || len(name) > 50 {
		return nil, breach(400, "ERROR_CORE", "The field name has characters that are not allowed or is too long")
	}
	if !strings.Contains(userFieldTypes, " "+f.str("USER_TYPE_ID")+" ") {
		return nil, breach(400, "ERROR_CORE", "Unknown user type '%s'", f.str("USER_TYPE_ID"))
	}
	if c.p.crm.userField(typ, name) != nil {
		return nil, coreError("Field %s for object CRM_%s already exists.", name, strings.ToUpper(entityNames[typ]))
	}
	u := &userField{id: c.p.id("userfield"), typ: typ, name: name, kind: f.str("USER_TYPE_ID"), data: f.clone(), multi: f.str("MULTIPLE") == "Y"}
	c.p.crm.setUserFields(append(c.p.crm.userFields, u))
	c.fire("onCrm"+entityNames[typ]+"UserFieldAdd", kv("FIELDS", kv("ID", u.id, "ENTITY_ID", "CRM_"+strings.ToUpper(entityNames[typ]), "FIELD_NAME", u.name)))
	return u.id, nil
}

func (s *crmState) userFieldByID(typ, id int) *userField {
	for _, f := range s.userFields {
		if f.typ == typ && f.id == id {
			return f
		}
	}
	return nil
}

// label is what cards show for the field.
func (u *userField) label(lang string) string {
	for _, key := range []string{"EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LABEL"} {
		if a := u.data.sub(key); a != nil {
			if s := a.str(lang); s != "" {
				return s
			}
			if a.len() > 0 {
				return text(a.items()[0])
			}
		}
		if s := u.data.str(key); s != "" {
			return s
		}
	}
	return u.name
}

func (u *userField) row(labels bool) *arr {
	settings := u.data.sub("SETTINGS")
	if settings == nil {
		settings = newArr()
	}
	row := kv("ID", text(u.id), "ENTITY_ID", "CRM_"+strings.ToUpper(entityNames[u.typ]), "FIELD_NAME", u.name, "USER_TYPE_ID", u.kind, "XML_ID", u.data.get("XML_ID"), "SORT", "100",
		"MULTIPLE", yn(u.multi), "MANDATORY", "N", "SHOW_FILTER", "N", "SHOW_IN_LIST", "Y", "EDIT_IN_LIST", "Y", "IS_SEARCHABLE", "N", "SETTINGS", settings)
	if u.kind == "enumeration" {
		row.set("LIST", u.data.get("LIST"))
	}
	if labels {
		for _, k := range []string{"EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL"} {
			row.set(k, u.label("ru"))
		}
	}
	return row
}

func userFieldList(c *call, typ int) (any, error) {
	var rows []*arr
	filter := c.args.sub("filter")
	labels := filter.has("LANG")
	for _, u := range c.p.crm.userFields {
		if u.typ != typ {
			continue
		}
		row, keep := u.row(labels), true
		for _, k := range filter.keysOf() {
			op, name := splitPrefix(k)
			if name == "LANG" {
				continue
			}
			if !row.has(name) {
				return nil, breach(400, "ERROR_CORE", "Field '%s' is not allowed in filter", name)
			}
			keep = keep && compare(op, row.get(name), filter.vals[k])
		}
		if keep {
			rows = append(rows, row)
		}
	}
	sortRows(rows, c.args.sub("order"), func(r *arr, k string) any { return r.get(k) })
	out := make([]any, len(rows))
	for i, r := range rows {
		out[i] = r
	}
	return page{result: listOf(out), total: len(out)}, nil
}

func userFieldDelete(c *call, typ int) (any, error) {
	f := c.p.crm.userFieldByID(typ, c.args.int("id"))
	if f == nil {
		return nil, fail(400, "ERROR_CORE", "The entity with ID '%d' is not found", c.args.int("id"))
	}
	c.p.crm.dropUserField(f)
	c.fire("onCrm"+entityNames[typ]+"UserFieldDelete", kv("FIELDS", kv("ID", f.id, "ENTITY_ID", "CRM_"+strings.ToUpper(entityNames[typ]), "FIELD_NAME", f.name)))
	return true, nil
}
