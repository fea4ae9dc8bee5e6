package portal

import (
	"strconv"
	"strings"
)

// multiTypes are the kinds of multifields with their value types (docs page "crm/data-types").
var multiTypes = map[string]string{
	"PHONE": "WORK MOBILE FAX HOME PAGER MAILING OTHER",
	"EMAIL": "WORK HOME MAILING OTHER",
	"IM":    "TELEGRAM VK SKYPE VIBER BITRIX24 OPENLINE IMOL ICQ MSN JABBER FACEBOOK OTHER",
	"WEB":   "WORK HOME VK LIVEJOURNAL TWITTER FACEBOOK OTHER",
	"LINK":  "USER",
}

var multiShape = takes("id int", "typeId str", "valueType str", "value str")

// writeMulti adds, changes and removes entries of fm. On a change the keys are the numbers of entries, n0, n1 … add; what is not named stays.
func (p *Portal) writeMulti(it *item, entries *arr) error {
	for _, key := range entries.keys {
		e, ok := entries.vals[key].(*arr)
		if !ok {
			return breach(400, "100", "Invalid value: an entry of fm is not an array")
		}
		if e := multiShape.check(e, styleCrm, "fm."); e != nil {
			return e
		}
		types, known := multiTypes[e.str("typeId")]
		if !known {
			return breach(400, "INVALID_ARG_VALUE", "An entry of fm without a typeId would be ignored")
		}
		if vt := e.str("valueType"); vt != "" && !strings.Contains(" "+types+" ", " "+vt+" ") {
			return breach(400, "INVALID_ARG_VALUE", "Unknown valueType %s of %s", vt, e.str("typeId"))
		}
	}
	for _, key := range entries.keys {
		e := entries.sub(key)
		id := 0
		if it.id != 0 {
			id, _ = strconv.Atoi(key)
		}
		at := -1
		for i, m := range it.fm {
			if id != 0 && m.id == id {
				at = i
			}
		}
		value := strings.TrimSpace(e.str("value"))
		switch {
		case at >= 0 && value == "":
			it.fm = append(it.fm[:at:at], it.fm[at+1:]...)
		case at >= 0:
			it.fm[at].value, it.fm[at].norm = value, normalizeComm(e.str("typeId"), value)
			if vt := e.str("valueType"); vt != "" {
				it.fm[at].valType = vt
			}
		case value != "":
			vt := e.str("valueType")
			if vt == "" {
				vt = "WORK"
			}
			it.fm = append(it.fm, &multi{id: p.id("multi"), typeID: e.str("typeId"), valType: vt, value: value, norm: normalizeComm(e.str("typeId"), value)})
		}
	}
	return nil
}

func (it *item) multiRows() *arr {
	out := newArr()
	for _, m := range it.fm {
		out.push(kv("id", m.id, "valueType", m.valType, "value", m.value, "typeId", m.typeID))
	}
	return out
}

// NormalizePhone reduces a number as the portal's search for duplicates does: digits only, the extension cut, Russian trunk prefixes to 7.
func NormalizePhone(raw string) string {
	if i := strings.IndexAny(raw, ";#"); i >= 0 {
		raw = raw[:i]
	}
	raw = strings.TrimSpace(raw)
	plus := strings.HasPrefix(raw, "+")
	var b strings.Builder
	for _, r := range raw {
		if r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	d := b.String()
	if len(d) < 10 || plus {
		return d
	}
	for _, prefix := range []string{"011", "00", "0"} {
		if strings.HasPrefix(d, prefix) && len(d)-len(prefix) >= 10 {
			return d[len(prefix):]
		}
	}
	if d[0] == '8' && !strings.HasPrefix(d, "80") && !strings.HasPrefix(d, "81") && !strings.HasPrefix(d, "82") {
		return "7" + d[1:]
	}
	return d
}

func normalizeComm(typeID, value string) string {
	if typeID == "PHONE" {
		return NormalizePhone(value)
	}
	return strings.ToLower(strings.TrimSpace(value))
}

// findByComm gives the ids of items of a type that have one of the values.
func (p *Portal) findByComm(typ int, typeID string, values []string) []int {
	want := map[string]bool{}
	for _, v := range values {
		if n := normalizeComm(typeID, v); n != "" {
			want[n] = true
		}
	}
	var ids []int
	for _, it := range p.crm.sorted(typ) {
		for _, m := range it.fm {
			if m.typeID == typeID && want[m.norm] {
				ids = append(ids, it.id)
				break
			}
		}
	}
	return ids
}

// duplicateFind is crm.duplicate.findbycomm. Twenty hits of one type hide the following types.
func duplicateFind(c *call) (any, error) {
	typeID := c.args.str("type")
	if typeID == "" {
		return nil, breach(400, "", "Communication type is not defined")
	}
	if typeID != "PHONE" && typeID != "EMAIL" {
		return nil, breach(400, "", "Communication type '%s' is not supported in current context", typeID)
	}
	var values []string
	for _, v := range c.args.sub("values").items() {
		if s, ok := v.(string); ok {
			values = append(values, s)
		}
	}
	if len(values) == 0 || len(values) > 20 {
		return nil, breach(400, "", "Communication values is not defined")
	}
	types := []int{Lead, Contact, Company}
	if only := c.args.str("entity_type"); only != "" {
		typ := entityType(only)
		if typ == 0 || typ == Deal {
			return nil, breach(400, "", "Entity type '%s' is not supported in current context", only)
		}
		types = []int{typ}
	}
	out := newArr()
	for _, typ := range types {
		ids := c.p.findByComm(typ, typeID, values)
		if len(ids) > 0 {
			out.set(strings.ToUpper(entityNames[typ]), listOf(ids[:min(len(ids), 20)]))
		}
		if len(ids) >= 20 {
			break
		}
	}
	return out, nil
}
