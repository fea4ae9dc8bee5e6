package portal

import (
	"fmt"
	"strings"
)

// crmItemMethods are crm.item.* for leads, deals, contacts and companies (docs section "crm/universal").
func crmItemMethods() []*method {
	one := takes("entityTypeId int*", "id int*", "useOriginalUfNames yn")
	return []*method{
		{name: "crm.item.add", scope: "crm", style: styleCrm, run: itemAdd, takes: takes("entityTypeId int*", "fields map*", "useOriginalUfNames yn")},
		{name: "crm.item.update", scope: "crm", style: styleCrm, run: itemUpdate, takes: takes(one, "fields map*")},
		{name: "crm.item.get", scope: "crm", style: styleCrm, run: itemGet, takes: one},
		{name: "crm.item.delete", scope: "crm", style: styleCrm, run: itemDelete, takes: one},
		{name: "crm.item.list", scope: "crm", style: styleCrm, run: itemList,
			takes: takes("entityTypeId int*", "select list", "filter map", "order map", "start int", "useOriginalUfNames yn")},
		{name: "crm.item.fields", scope: "crm", style: styleCrm, run: itemFields, takes: takes("entityTypeId int*", "useOriginalUfNames yn")},
	}
}

func (c *call) entityType() (int, error) {
	typ := c.args.int("entityTypeId")
	if entityNames[typ] == "" {
		return 0, breach(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type %d is not supported", typ)
	}
	return typ, nil
}

func (c *call) original() bool { return c.args.str("useOriginalUfNames") == "Y" }

func (c *call) item() (*item, error) {
	typ, err := c.entityType()
	if err != nil {
		return nil, err
	}
	it := c.p.crm.items[typ][c.args.int("id")]
	if it == nil {
		return nil, fail(400, "NOT_FOUND", "Element not found")
	}
	return it, nil
}

func itemAdd(c *call) (any, error) {
	typ, err := c.entityType()
	if err != nil {
		return nil, err
	}
	it, err := c.p.addItem(typ, c.args.sub("fields"), c.original(), c.user.ID)
	if err != nil {
		return nil, err
	}
	c.fireItem(typ, it.id, "Add")
	return kv("item", c.p.itemRow(it, nil, c.original())), nil
}

// addItem makes an item with the defaults of the portal; user is who makes it.
func (p *Portal) addItem(typ int, fields *arr, original bool, user int) (*item, error) {
	if typ == Lead && p.cfg.LeadsMode == Simple {
		return nil, breach(400, "ACCESS_DENIED", "Leads are not used on this portal")
	}
	it := &item{typ: typ, fields: newArr()}
	now := stamp(p.now())
	for _, k := range []string{"createdTime", "updatedTime", "lastActivityTime"} {
		it.fields.set(k, now)
	}
	for _, k := range []string{"assignedById", "createdBy", "updatedBy"} {
		it.fields.set(k, user)
	}
	it.fields.set("opened", "Y")
	if err := p.writeItem(it, fields, original); err != nil {
		return nil, err
	}
	it.id = p.id(entityNames[typ])
	p.completeItem(it)
	p.crm.put(it)
	return it, nil
}

// completeItem fills what depends on the id or on other fields of a new item.
func (p *Portal) completeItem(it *item) {
	if it.typ != Contact && it.str("title") == "" {
		it.fields.set("title", fmt.Sprintf("%s #%d", map[int]string{Lead: "Лид", Deal: "Сделка", Company: "Компания"}[it.typ], it.id))
	}
	if it.typ == Lead || it.typ == Deal {
		category := it.fields.int("categoryId")
		if it.str("stageId") == "" {
			it.fields.set("stageId", p.crm.stages(it.typ, category)[0].code)
		}
		if it.typ == Deal {
			it.fields.set("categoryId", category)
		}
		p.settleStage(it)
		for _, k := range []string{"opportunity"} {
			if !it.fields.has(k) {
				it.fields.set(k, 0)
			}
		}
		if it.str("currencyId") == "" {
			it.fields.set("currencyId", "RUB")
		}
	}
}

// settleStage derives what follows from the stage.
func (p *Portal) settleStage(it *item) {
	st := p.crm.stage(it.typ, it.str("stageId"))
	if st == nil {
		return
	}
	it.fields.set("stageSemanticId", st.semantics)
	if it.typ == Deal {
		it.fields.set("closed", yn(st.semantics != "P"))
	}
}

// writeItem checks and sets fields.
func (p *Portal) writeItem(it *item, fields *arr, original bool) error {
	defs := p.crm.fieldsOf(it.typ, original).defs
	for _, k := range fields.keys {
		d, known := defs[k]
		if !known {
			return breach(400, "INVALID_ARG_VALUE", "Unknown field '%s' of entity type %d", k, it.typ)
		}
		if d.readOnly {
			return breach(400, "INVALID_ARG_VALUE", "Field '%s' is read only", k)
		}
		if e := p.checkValue(it.typ, d, fields.vals[k]); e != nil {
			return e
		}
	}
	if it.typ == Deal {
		if err := p.checkPipeline(it, fields); err != nil {
			return err
		}
	}
	before := it.str("originId")
	defer func() { p.crm.reindex(it, before) }()
	for _, k := range fields.keys {
		d, v := defs[k], fields.vals[k]
		switch d.name {
		case "fm":
			a, ok := v.(*arr)
			if !ok {
				return breach(400, "100", "Invalid value: field fm takes a list")
			}
			if err := p.writeMulti(it, a); err != nil {
				return err
			}
		case "contactIds", "companyIds":
			ids := intList(v)
			it.fields.set(d.name, ids)
			it.fields.set(strings.TrimSuffix(d.name, "s"), first(ids))
		case "contactId", "companyId":
			n, _ := integer(v)
			it.fields.set(d.name, n)
			if _, many := defs[d.name+"s"]; many {
				it.fields.set(d.name+"s", intList(list(n)))
			}
		default:
			it.fields.set(d.name, stored(d, v))
		}
	}
	if it.id != 0 {
		p.settleStage(it)
	}
	return nil
}

// checkPipeline refuses a stage of another pipeline than the deal's.
func (p *Portal) checkPipeline(it *item, fields *arr) error {
	category := it.fields.int("categoryId")
	moved := false
	if fields.has("categoryId") {
		moved = fields.int("categoryId") != category && it.id != 0
		category = fields.int("categoryId")
	}
	code := fields.str("stageId")
	if code == "" {
		if moved {
			fields.set("stageId", p.crm.stages(Deal, category)[0].code)
		}
		return nil
	}
	st := p.crm.stage(Deal, code)
	if !fields.has("categoryId") && it.id == 0 {
		fields.set("categoryId", st.category)
		return nil
	}
	if st.category != category {
		return fail(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", "Stage %s does not belong to pipeline %d", code, category)
	}
	return nil
}

// stored is a value in the type the portal answers it with.
func stored(d fieldDef, v any) any {
	switch d.kind {
	case "integer", "user", "crm_contact", "crm_company", "crm_category":
		if a, ok := v.(*arr); ok {
			return intList(a)
		}
		if n, ok := integer(v); ok {
			return n
		}
		return nil
	case "boolean":
		return yn(truth(v))
	}
	return v
}

func intList(v any) *arr {
	out := newArr()
	if a, ok := v.(*arr); ok {
		for _, x := range a.items() {
			if n, ok := integer(x); ok && n != 0 {
				out.push(n)
			}
		}
	}
	return out
}

func first(ids *arr) any {
	if ids.len() == 0 {
		return 0
	}
	return ids.items()[0]
}

func itemUpdate(c *call) (any, error) {
	it, err := c.item()
	if err != nil {
		return nil, err
	}
	if err := c.p.writeItem(it, c.args.sub("fields"), c.original()); err != nil {
		return nil, err
	}
	it.fields.set("updatedTime", stamp(c.p.now())).set("updatedBy", c.user.ID)
	c.fireItem(it.typ, it.id, "Update")
	return kv("item", c.p.itemRow(it, nil, c.original())), nil
}

func itemGet(c *call) (any, error) {
	it, err := c.item()
	if err != nil {
		return nil, err
	}
	return kv("item", c.p.itemRow(it, nil, c.original())), nil
}

func itemDelete(c *call) (any, error) {
	it, err := c.item()
	if err != nil {
		return nil, err
	}
	c.p.crm.drop(it)
	c.fireItem(it.typ, it.id, "Delete")
	return newArr(), nil
}

func itemList(c *call) (any, error) {
	typ, err := c.entityType()
	if err != nil {
		return nil, err
	}
	set := c.p.crm.fieldsOf(typ, c.original())
	defs := set.defs
	for _, v := range c.args.sub("select").items() {
		name := text(v)
		if _, known := defs[name]; !known && name != "*" && name != "uf*" && name != "UF_*" || name == "fm" {
			return nil, breach(400, "INVALID_ARG_VALUE", "Field '%s' cannot be selected", name)
		}
	}
	by := c.args.sub("order")
	if by.len() == 0 {
		by = kv("id", "ASC")
	}
	for _, k := range by.keys {
		if _, known := defs[k]; !known {
			return nil, breach(400, "INVALID_ARG_VALUE", "Invalid order: field '%s' is not allowed in order", k)
		}
	}
	filter := c.args.sub("filter")
	if err := checkFilter(filter, defs); err != nil {
		return nil, err
	}
	var found []*item
	want := compile(filter, defs)
	for _, it := range c.p.crm.candidates(typ, &want) {
		if it.meets(&want) {
			found = append(found, it)
		}
	}
	sortRows(found, by, func(it *item, k string) any { return it.view(defs[k]) })
	rows := make([]any, len(found))
	for i, it := range found {
		rows[i] = it
	}
	return paged(rows, c.args.int("start"), c.args.has("start"), func(a *arr) any {
		for _, k := range a.keys {
			a.vals[k] = a.vals[k].(*item).row(set, c.args.sub("select"))
		}
		return kv("items", a)
	}), nil
}

// itemRow is an item as crm.item answers it; sel limits it to the named fields.
func (p *Portal) itemRow(it *item, sel *arr, original bool) *arr {
	return it.row(p.crm.fieldsOf(it.typ, original), sel)
}

func (it *item) row(set fieldSet, sel *arr) *arr {
	row := kv("id", it.id)
	want := map[string]bool{}
	for _, v := range sel.items() {
		want[text(v)] = true
	}
	all := len(want) == 0 || want["*"]
	for _, name := range set.names {
		d := set.defs[name]
		uf := strings.HasPrefix(d.kind, "uf:")
		if name == "id" || !want[name] && (!all || d.view) && !(uf && (want["uf*"] || want["UF_*"])) {
			continue
		}
		row.set(name, it.answer(d))
	}
	if all && it.typ != Deal {
		row.set("fm", it.multiRows())
	}
	row.set("entityTypeId", it.typ)
	return row
}

func (it *item) answer(d fieldDef) any {
	switch d.name {
	case "hasPhone":
		return yn(len(it.values("PHONE")) > 0)
	case "hasEmail":
		return yn(len(it.values("EMAIL")) > 0)
	case "hasImol":
		return "N"
	}
	if d.view {
		if a, ok := it.view(d).(*arr); ok && a.len() > 0 {
			return a.items()[0]
		}
		return nil
	}
	v := it.fields.get(d.name)
	if v == nil && d.multiple {
		return newArr()
	}
	return v
}

func itemFields(c *call) (any, error) {
	typ, err := c.entityType()
	if err != nil {
		return nil, err
	}
	out := newArr()
	set := c.p.crm.fieldsOf(typ, c.original())
	for _, name := range set.names {
		d := set.defs[name]
		kind, uf := strings.CutPrefix(d.kind, "uf:")
		row := kv("type", kind, "isRequired", false, "isReadOnly", d.readOnly, "isImmutable", false, "isMultiple", d.multiple, "isDynamic", uf, "title", c.p.fieldTitle(typ, d))
		if uf {
			row.set("upperName", d.name)
		}
		out.set(name, row)
	}
	return kv("fields", out), nil
}

func (p *Portal) fieldTitle(typ int, d fieldDef) string {
	if u := p.crm.userField(typ, d.name); u != nil {
		return u.label(p.cfg.Lang)
	}
	return d.name
}
