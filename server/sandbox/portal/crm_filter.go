package portal

import (
	"sort"
	"strconv"
	"strings"
)

// filterOps are the prefixes of filters, longest first.
var filterOps = []string{"!><", "!=%", "!%=", "><", ">=", "<=", "!@", "=%", "%=", "!%", "!=", "!", ">", "<", "@", "%", "=", "?"}

func splitPrefix(key string) (op, name string) {
	for _, op := range filterOps {
		if strings.HasPrefix(key, op) {
			return op, key[len(op):]
		}
	}
	return "", key
}

// compare tells whether a value meets a condition. A value with several entries meets it when one of them does; a list of wanted values means any of them.
func compare(op string, have, want any) bool {
	if strings.HasPrefix(op, "!") {
		return !compare(op[1:], have, want)
	}
	if a, ok := have.(*arr); ok {
		for _, x := range a.items() {
			if compare(op, x, want) {
				return true
			}
		}
		return a.len() == 0 && compare(op, "", want)
	}
	w, isList := want.(*arr)
	if op == "><" {
		return isList && w.len() == 2 && order(have, w.items()[0]) >= 0 && order(have, w.items()[1]) <= 0
	}
	if isList {
		if w.len() == 0 { // an empty list is no condition at all
			return true
		}
		for _, x := range w.items() {
			if _, deeper := x.(*arr); !deeper && compare(op, have, x) {
				return true
			}
		}
		return false
	}
	switch op {
	case "", "=", "@", "?":
		return same(plain(have), plain(want))
	case ">":
		return order(have, want) > 0
	case ">=":
		return order(have, want) >= 0
	case "<":
		return order(have, want) < 0
	case "<=":
		return order(have, want) <= 0
	case "%":
		return strings.Contains(strings.ToLower(text(have)), strings.ToLower(text(want)))
	case "=%", "%=":
		return like(strings.ToLower(text(have)), strings.ToLower(text(want)))
	}
	return false
}

// same is equality: of numbers as numbers, of text without case.
func same(x, y string) bool {
	if x == y {
		return true
	}
	if numeric(x) && numeric(y) {
		fx, ex := strconv.ParseFloat(x, 64)
		fy, ey := strconv.ParseFloat(y, 64)
		if ex == nil && ey == nil {
			return fx == fy
		}
	}
	return strings.EqualFold(x, y)
}

// numeric tells whether a text may be a number, before it is parsed.
func numeric(s string) bool {
	return s != "" && len(s) < 20 && (s[0] >= '0' && s[0] <= '9' || s[0] == '-' || s[0] == '+' || s[0] == '.')
}

// order compares numbers as numbers and anything else as text without case.
func order(a, b any) int {
	x, y := plain(a), plain(b)
	if x == y {
		return 0
	}
	if numeric(x) && numeric(y) {
		fx, ex := strconv.ParseFloat(x, 64)
		fy, ey := strconv.ParseFloat(y, 64)
		if ex != nil || ey != nil {
			return strings.Compare(strings.ToLower(x), strings.ToLower(y))
		}
		switch {
		case fx < fy:
			return -1
		case fx > fy:
			return 1
		}
		return 0
	}
	return strings.Compare(strings.ToLower(x), strings.ToLower(y))
}

// plain prints a value for comparison: true and Y are alike.
func plain(v any) string {
	switch s := text(v); {
	case s == "Y" || s == "true":
		return "1"
	case s == "N" || s == "false" || v == false:
		return "0"
	default:
		return s
	}
}

// like matches a pattern with % at its ends or inside.
func like(s, pattern string) bool {
	parts := strings.Split(pattern, "%")
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for i, part := range parts[1:] {
		if i == len(parts)-2 {
			return strings.HasSuffix(s, part)
		}
		at := strings.Index(s, part)
		if at < 0 {
			return false
		}
		s = s[at+len(part):]
	}
	return s == ""
}

// checkFilter refuses fields the filter language of crm.item.list does not know: prefixes, nesting, groups with logic OR.
func checkFilter(filter *arr, defs map[string]fieldDef) error {
	for _, k := range filter.keysOf() {
		if k == "logic" || k == "LOGIC" {
			continue
		}
		a, isArr := filter.vals[k].(*arr)
		if _, err := strconv.Atoi(k); err == nil {
			if !isArr {
				return breach(400, "INVALID_ARG_VALUE", "Invalid filter: group '%s' is not an array", k)
			}
			if err := checkFilter(a, defs); err != nil {
				return err
			}
			continue
		}
		_, name := splitPrefix(k)
		if _, known := defs[name]; !known || name == "fm" {
			return breach(400, "INVALID_ARG_VALUE", "Invalid filter: field '%s' is not allowed in filter", name)
		}
		for _, x := range a.items() {
			if _, deeper := x.(*arr); deeper {
				return breach(400, "INVALID_ARG_VALUE", "Invalid filter: value of '%s' is not a list of scalars", name)
			}
		}
	}
	return nil
}

// condition is one compiled part of a filter: a field or a group.
type condition struct {
	op    string
	field fieldDef
	want  any
	group *condition
	or    bool
	parts []condition
}

// compile prepares a checked filter for many items.
func compile(filter *arr, defs map[string]fieldDef) condition {
	c := condition{or: strings.EqualFold(filter.str("logic"), "OR")}
	for _, k := range filter.keysOf() {
		if k == "logic" || k == "LOGIC" {
			continue
		}
		if _, err := strconv.Atoi(k); err == nil {
			group := compile(filter.sub(k), defs)
			c.parts = append(c.parts, condition{group: &group})
			continue
		}
		op, name := splitPrefix(k)
		c.parts = append(c.parts, condition{op: op, field: defs[name], want: filter.vals[k]})
	}
	return c
}

// meets tests an item.
func (it *item) meets(c *condition) bool {
	for i := range c.parts {
		p := &c.parts[i]
		ok := false
		if p.group != nil {
			ok = it.meets(p.group)
		} else {
			ok = compare(p.op, it.view(p.field), p.want)
		}
		if ok == c.or {
			return c.or
		}
	}
	return !c.or || len(c.parts) == 0
}

// candidates are the items a filter can match: few when it names ids or an originId, else all.
func (s *crmState) candidates(typ int, c *condition) []*item {
	if c.or {
		return s.sorted(typ)
	}
	for _, p := range c.parts {
		if p.group != nil || p.op != "" && p.op != "=" && p.op != "@" {
			continue
		}
		wanted, isList := p.want.(*arr)
		if isList && wanted.len() == 0 {
			continue
		}
		values := []any{p.want}
		if isList {
			values = wanted.items()
		}
		switch p.field.name {
		case "id":
			return s.byID(typ, values)
		case "originId":
			if !isList && text(p.want) != "" {
				return s.origins[typ][strings.ToLower(text(p.want))]
			}
		}
	}
	return s.sorted(typ)
}

func (s *crmState) byID(typ int, values []any) []*item {
	ids := map[int]bool{}
	for _, v := range values {
		if n, ok := integer(v); ok {
			ids[n] = true
		}
	}
	var out []*item
	for _, it := range s.sorted(typ) {
		if ids[it.id] {
			out = append(out, it)
		}
	}
	return out
}

// view is the value of a field as filters and lists see it.
func (it *item) view(d fieldDef) any {
	typeID, valType := "", ""
	switch d.name {
	case "id":
		return it.id
	case "phone", "email", "imol", "web":
		typeID = strings.ToUpper(d.name)
		if d.name == "imol" {
			typeID = "IM"
		}
	case "phoneMobile", "phoneWork", "phoneMailing":
		typeID, valType = "PHONE", strings.ToUpper(d.name[5:])
	case "emailMailing", "emailHome", "emailWork":
		typeID, valType = "EMAIL", strings.ToUpper(d.name[5:])
	default:
		return it.fields.get(d.name)
	}
	out := newArr()
	for _, m := range it.fm {
		if m.typeID == typeID && (valType == "" || m.valType == valType) {
			out.push(m.value)
		}
	}
	return out
}

// sortRows orders rows by a map of field to direction; get reads a field.
func sortRows[T any](rows []T, by *arr, get func(T, string) any) {
	sort.SliceStable(rows, func(i, j int) bool {
		for _, k := range by.keysOf() {
			n := order(get(rows[i], k), get(rows[j], k))
			if strings.EqualFold(by.str(k), "DESC") {
				n = -n
			}
			if n != 0 {
				return n < 0
			}
		}
		return false
	})
}

// paged cuts a page of 50. start -1 means: do not count. wrap puts the rows into the method's result.
func paged(rows []any, start int, given bool, wrap func(*arr) any) page {
	total, from := len(rows), start
	if from < 0 {
		from = 0
	}
	if from > total {
		from = total
	}
	end := min(from+pageSize, total)
	pg := page{total: total}
	if end < total {
		pg.next = end
	}
	if given && start < 0 {
		pg.total, pg.next = 0, 0
	}
	out := listOf(rows[from:end])
	pg.result = out
	if wrap != nil {
		pg.result = wrap(out)
	}
	return pg
}

func reverse(rows []any) {
	for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
		rows[i], rows[j] = rows[j], rows[i]
	}
}
