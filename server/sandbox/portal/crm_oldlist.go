package portal

import "strings"

// oldFields are fields of the lists of old (docs: crm.lead.list, crm.contact.list, crm.company.list) and what they are called in crm.item.
var oldFields = map[string]string{"ID": "id", "TITLE": "title", "NAME": "name", "LAST_NAME": "lastName", "ASSIGNED_BY_ID": "assignedById", "DATE_CREATE": "createdTime",
	"DATE_MODIFY": "updatedTime", "STATUS_ID": "stageId", "STATUS_SEMANTIC_ID": "stageSemanticId", "COMPANY_ID": "companyId", "CONTACT_ID": "contactId", "OPENED": "opened"}

// oldListMethods are the lists that name multi-fields, which crm.item.list only gives with everything else.
func oldListMethods() []*method {
	shape := takes("filter map", "select list", "order map", "start int")
	var out []*method
	for name, typ := range map[string]int{"lead": Lead, "contact": Contact, "company": Company} {
		out = append(out, &method{name: "crm." + name + ".list", scope: "crm", style: styleCrm, takes: shape, run: func(c *call) (any, error) { return oldList(c, typ) }})
	}
	return out
}

func oldList(c *call, typ int) (any, error) {
	defs := c.p.crm.fieldsOf(typ, false).defs
	field := func(name string) (fieldDef, error) {
		d, known := defs[oldFields[name]]
		if !known {
			return d, breach(400, "INVALID_ARG_VALUE", "Field '%s' is not a field of this list", name)
		}
		return d, nil
	}
	filter := newArr()
	for _, k := range c.args.sub("filter").keysOf() {
		op, name := splitPrefix(k)
		d, err := field(name)
		if err != nil {
			return nil, err
		}
		filter.set(op+d.name, c.args.sub("filter").get(k))
	}
	by := newArr()
	for _, k := range c.args.sub("order").keysOf() {
		d, err := field(k)
		if err != nil {
			return nil, err
		}
		by.set(d.name, c.args.sub("order").get(k))
	}
	if by.len() == 0 {
		by = kv("id", "ASC")
	}
	want := compile(filter, defs)
	var found []*item
	for _, it := range c.p.crm.candidates(typ, &want) {
		if it.meets(&want) {
			found = append(found, it)
		}
	}
	sortRows(found, by, func(it *item, k string) any { return it.view(defs[k]) })
	rows := make([]any, len(found))
	for i, it := range found {
		row := kv("ID", text(it.id))
		for _, v := range c.args.sub("select").items() {
			name := text(v)
			if multiTypes[name] != "" {
				if list := it.oldMulti(name); list.len() > 0 { // an item without any has no such key
					row.set(name, list)
				}
				continue
			}
			d, err := field(name)
			if err != nil {
				return nil, err
			}
			value := it.view(d)
			if value != nil {
				value = text(value)
			}
			row.set(name, value)
		}
		rows[i] = row
	}
	return paged(rows, c.args.int("start"), c.args.has("start"), nil), nil
}

// oldMulti are the multi-fields of a kind as the lists of old spell them.
func (it *item) oldMulti(typeID string) *arr {
	out := newArr()
	for _, m := range it.fm {
		if strings.EqualFold(m.typeID, typeID) {
			out.push(kv("ID", text(m.id), "VALUE_TYPE", m.valType, "VALUE", m.value, "TYPE_ID", m.typeID))
		}
	}
	return out
}
