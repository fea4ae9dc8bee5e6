package portal

import "strings"

// crmDirectoryMethods are duplicates, stages, pipelines and the leads mode.
func crmDirectoryMethods() []*method {
	return []*method{
		{name: "crm.duplicate.findbycomm", scope: "crm", style: styleCrm, run: duplicateFind, takes: takes("type str", "values any", "entity_type str")},
		{name: "crm.status.list", scope: "crm", style: styleCrm, run: statusList, takes: takes("filter map", "order map", "start int", "select list")},
		{name: "crm.status.entity.types", scope: "crm", run: statusTypes},
		{name: "crm.category.list", scope: "crm", style: styleCrm, run: categoryList, takes: takes("entityTypeId int*")},
		{name: "crm.settings.mode.get", scope: "crm", run: func(c *call) (any, error) {
			if c.p.cfg.LeadsMode == Simple {
				return 2, nil
			}
			return 1, nil
		}},
	}
}

func statusRow(s *status) *arr {
	var semantics any
	extra := map[string]string{"P": "process", "S": "success", "F": "failure"}[s.semantics]
	if s.semantics == "S" || s.semantics == "F" {
		semantics = s.semantics
	}
	row := kv("ID", text(s.id), "ENTITY_ID", s.entity, "STATUS_ID", s.code, "NAME", s.name, "NAME_INIT", "", "SORT", text(s.sort), "SYSTEM", yn(s.system),
		"CATEGORY_ID", text(s.category), "COLOR", s.color, "SEMANTICS", semantics)
	if extra != "" {
		row.set("EXTRA", kv("SEMANTICS", extra, "COLOR", s.color))
	}
	return row
}

func statusList(c *call) (any, error) {
	var rows []*arr
	for _, s := range c.p.crm.statuses {
		row, keep := statusRow(s), true
		filter := c.args.sub("filter")
		for _, k := range filter.keysOf() {
			op, name := splitPrefix(k)
			if !row.has(name) {
				return nil, breach(400, "INVALID_ARG_VALUE", "Field '%s' is not allowed in filter", name)
			}
			keep = keep && compare(op, row.get(name), filter.vals[k])
		}
		if keep {
			rows = append(rows, row)
		}
	}
	by := c.args.sub("order")
	if by.len() == 0 {
		by = kv("SORT", "ASC")
	}
	sortRows(rows, by, func(r *arr, k string) any { return r.get(k) })
	out := make([]any, len(rows))
	for i, r := range rows {
		out[i] = r
	}
	pg := page{result: listOf(out), total: len(out)} // this list is not paged
	return pg, nil
}

func statusTypes(c *call) (any, error) {
	seen, out := map[string]bool{}, newArr()
	for _, s := range c.p.crm.statuses {
		if seen[s.entity] {
			continue
		}
		seen[s.entity] = true
		info := newArr()
		if strings.HasPrefix(s.entity, "DEAL_STAGE") || s.entity == "STATUS" {
			info = kv("START_FIELD", s.code, "FINAL_SUCCESS_FIELD", "", "FINAL_UNSUCCESS_FIELD", "", "FINAL_SORT", 0)
		}
		out.push(kv("ID", s.entity, "NAME", s.entity, "SEMANTIC_INFO", info))
	}
	return out, nil
}

func categoryList(c *call) (any, error) {
	typ, err := c.entityType()
	if err != nil {
		return nil, err
	}
	out := newArr()
	for i, cat := range c.p.crm.categories {
		if typ != Deal && i > 0 {
			break
		}
		out.push(kv("id", cat.id, "name", cat.name, "sort", 100*(i+1), "entityTypeId", typ, "isDefault", yn(cat.id == 0), "originId", "", "originatorId", ""))
	}
	return page{result: kv("categories", out), total: out.len()}, nil
}
