package uisplatform

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// row is one line of an answer: every documented field, nil where empty.
type row map[string]any

// query is what a reader's caller asked for (documentation: paging, filters, sorting, representation).
type query struct {
	limit, offset int
	fields        []string
	match         func(row) bool
	sort          []order
	from, till    time.Time // reports only, inclusive
}

type order struct {
	field string
	desc  bool
}

// readQuery reads the common parameters of a reader.
func (c *rpcCall) readQuery() (*query, *rpcError) {
	q := &query{limit: 1000, match: func(row) bool { return true }}
	for _, v := range []struct {
		name     string
		to       *int
		min, max int64
	}{{"limit", &q.limit, 1, 10000}, {"offset", &q.offset, 0, 100000}} {
		if c.params[v.name] == nil {
			continue
		}
		n, ok := whole(c.params[v.name])
		if !ok || n < v.min || n > v.max {
			return nil, fail("invalid_parameter_value", v.name, c.params[v.name])
		}
		*v.to = int(n)
	}
	if e := c.readFields(q); e != nil {
		return nil, e
	}
	if f := c.params["filter"]; f != nil {
		match, e := c.filter(f, 1)
		if e != nil {
			return nil, e
		}
		q.match = match
	}
	if e := c.readSort(q); e != nil {
		return nil, e
	}
	return q, c.readInterval(q)
}

func (c *rpcCall) readFields(q *query) *rpcError {
	list, _ := c.params["fields"].([]any)
	for _, f := range list {
		name, _ := f.(string)
		if c.method.field(name) == nil {
			return fail("unexpected_parameters", "fields", name)
		}
		q.fields = append(q.fields, name)
	}
	if len(q.fields) == 0 {
		for _, f := range c.method.fields {
			if f.standard {
				q.fields = append(q.fields, f.name)
			}
		}
	}
	return nil
}

func (c *rpcCall) readSort(q *query) *rpcError {
	if c.params["sort"] == nil {
		return nil
	}
	list, ok := c.params["sort"].([]any)
	if !ok {
		return fail("data_type_error", "sort", c.params["sort"])
	}
	for _, x := range list {
		o, _ := x.(map[string]any)
		name, _ := o["field"].(string)
		dir, _ := o["order"].(string)
		f := c.method.field(name)
		switch {
		case o == nil || len(o) > 2:
			return fail("data_type_error", "sort", x)
		case f == nil:
			return fail("unexpected_parameters", "sort", name)
		case !f.sort:
			return fail("sort_prohibited", name, nil)
		case dir != "asc" && dir != "desc" && o["order"] != nil:
			return fail("invalid_parameter_value", "sort", dir)
		}
		q.sort = append(q.sort, order{name, dir == "desc"})
	}
	return nil
}

func (c *rpcCall) readInterval(q *query) *rpcError {
	if !c.method.report() {
		return nil
	}
	from, _ := c.params["date_from"].(string)
	till, _ := c.params["date_till"].(string)
	if (from == "") != (till == "") {
		return fail("required_parameter_missed", map[bool]string{true: "date_from", false: "date_till"}[from == ""], nil)
	}
	if from == "" {
		return nil
	}
	q.from, _ = time.ParseInLocation(dateFormat, from, c.account.loc)
	q.till, _ = time.ParseInLocation(dateFormat, till, c.account.loc)
	if q.till.Before(q.from) {
		return fail("invalid_parameters_combination", "date_till", till)
	}
	if q.till.After(q.from.AddDate(0, c.method.months, c.method.days)) {
		return fail("date_interval_limit_reached", "date_till", till)
	}
	return nil
}

// within tells whether t lies in the asked interval; always when none was asked. The API knows whole seconds only.
func (q *query) within(t time.Time) bool {
	t = t.Truncate(time.Second)
	return q.from.IsZero() || !t.Before(q.from) && !t.After(q.till)
}

// page filters, sorts, cuts and projects; it also tells how many rows there are in all.
func (q *query) page(rows []row) ([]row, int) {
	kept := []row{}
	for _, r := range rows {
		if q.match(r) {
			kept = append(kept, r)
		}
	}
	slices.SortStableFunc(kept, func(a, b row) int {
		for _, o := range q.sort {
			n := compare(a[o.field], b[o.field])
			if o.desc {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
	total := len(kept)
	kept = kept[min(q.offset, total):]
	kept = kept[:min(q.limit, len(kept))]
	for i, r := range kept {
		out := make(row, len(q.fields))
		for _, f := range q.fields {
			out[f] = r[f]
		}
		kept[i] = out
	}
	return kept, total
}

// filter compiles a simple filter or a tree of them.
func (c *rpcCall) filter(v any, depth int) (func(row) bool, *rpcError) {
	o, ok := v.(map[string]any)
	if !ok {
		return nil, fail("data_type_error", "filter", v)
	}
	list, isTree := o["filters"]
	if !isTree {
		return c.condition(o)
	}
	items, ok := list.([]any)
	cond, _ := o["condition"].(string)
	if !ok || len(items) == 0 || len(o) != 2 || cond != "and" && cond != "or" || depth > 3 {
		return nil, fail("invalid_parameter_value", "filter", v)
	}
	var parts []func(row) bool
	for _, x := range items {
		part, e := c.filter(x, depth+1)
		if e != nil {
			return nil, e
		}
		parts = append(parts, part)
	}
	return func(r row) bool {
		for _, part := range parts {
			if part(r) != (cond == "and") {
				return cond == "or"
			}
		}
		return cond == "and"
	}, nil
}

// operators of filters and the kinds of fields they fit.
var operators = map[string]string{
	"=": "number string bool date enum", "!=": "number string bool date enum",
	"<": "number date", ">": "number date", "<=": "number date", ">=": "number date",
	"like": "string enum", "ilike": "string enum", "not_like": "string enum", "not_ilike": "string enum", "regexp": "string enum",
	"in": "number string bool date enum", "not_in": "number string bool date enum",
	"overlap": "array", "not_overlap": "array", "jsquery": "array object",
	"is_null": "number string bool date enum array object", "is_not_null": "number string bool date enum array object",
}

func (c *rpcCall) condition(o map[string]any) (func(row) bool, *rpcError) {
	name, _ := o["field"].(string)
	op, _ := o["operator"].(string)
	value, hasValue := o["value"]
	f := c.method.field(name)
	kinds, known := operators[op]
	switch {
	case len(o) > 3 || !hasValue:
		return nil, fail("invalid_parameter_value", "filter", o)
	case f == nil:
		return nil, fail("unexpected_parameters", "filter", name)
	case !f.filter:
		return nil, fail("filter_prohibited", name, nil)
	case !known || !slices.Contains(strings.Fields(kinds), f.kind):
		return nil, fail("invalid_parameter_value", "filter", op)
	}
	if op == "jsquery" {
		e := fail("internal_error", "filter", nil)
		e.text = "jsquery is not evaluated by this platform"
		return nil, e
	}
	if e := f.checkValue(op, value); e != nil {
		return nil, e
	}
	return func(r row) bool { return holds(op, r[name], value) }, nil
}

func (f *field) checkValue(op string, v any) *rpcError {
	switch op {
	case "is_null", "is_not_null":
		if v != nil {
			return fail("invalid_parameter_value", f.name, v)
		}
		return nil
	case "in", "not_in", "overlap", "not_overlap":
		list, ok := v.([]any)
		if !ok || len(list) == 0 {
			return fail("data_type_error", f.name, v)
		}
		for _, x := range list {
			if e := f.checkValue("=", x); e != nil {
				return e
			}
		}
		return nil
	case "regexp":
		s, _ := v.(string)
		if _, err := regexp.Compile(s); err != nil || s == "" {
			return fail("invalid_parameter_value", f.name, v)
		}
		return nil
	case "like", "ilike", "not_like", "not_ilike":
		if _, ok := v.(string); !ok {
			return fail("data_type_error", f.name, v)
		}
		return nil
	}
	if v == nil && (op == "=" || op == "!=") || f.kind == "array" {
		return nil
	}
	if mnemonic := checkScalar(f.kind, f.values, v); mnemonic != "" {
		return fail(mnemonic, f.name, v)
	}
	return nil
}

// holds decides one condition for one value.
func holds(op string, have, want any) bool {
	switch op {
	case "=":
		return compare(have, want) == 0
	case "!=":
		return compare(have, want) != 0
	case "is_null":
		return have == nil
	case "is_not_null":
		return have != nil
	case "in", "not_in":
		return slices.ContainsFunc(want.([]any), func(x any) bool { return compare(have, x) == 0 }) == (op == "in")
	case "overlap", "not_overlap":
		list, _ := have.([]any)
		return slices.ContainsFunc(want.([]any), func(x any) bool {
			return slices.ContainsFunc(list, func(y any) bool { return compare(x, y) == 0 })
		}) == (op == "overlap")
	}
	if have == nil {
		return false
	}
	switch op {
	case "<":
		return compare(have, want) < 0
	case ">":
		return compare(have, want) > 0
	case "<=":
		return compare(have, want) <= 0
	case ">=":
		return compare(have, want) >= 0
	}
	s, _ := have.(string)
	pattern, _ := want.(string)
	if op != "regexp" {
		pattern = "(?s)^" + strings.ReplaceAll(strings.ReplaceAll(regexp.QuoteMeta(pattern), "%", ".*"), "_", ".") + "$"
		if strings.HasSuffix(op, "ilike") {
			pattern = "(?i)" + pattern
		}
	}
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(s) == !strings.HasPrefix(op, "not_")
}

// compare orders values of one field; nil comes last, as in PostgreSQL.
func compare(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	if x, ok := float(a); ok {
		if y, ok := float(b); ok {
			return cmp.Compare(x, y)
		}
	}
	if x, ok := a.(bool); ok {
		y, _ := b.(bool)
		return cmp.Compare(bit(x), bit(y))
	}
	x, okX := a.(string)
	y, okY := b.(string)
	if okX && okY {
		return cmp.Compare(x, y)
	}
	return -2
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func float(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case int:
		return float64(n), true
	case float64:
		return n, true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	}
	return 0, false
}
