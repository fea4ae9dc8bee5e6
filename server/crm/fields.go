package crm

import (
	"maps"
	"strings"
	"unicode"

	"omni/server/rules"
)

// Field is what the portal's directory says of a field that a mapping names.
type Field struct {
	// Gone: it is not there any more. Multiple: it takes a list of values.
	Gone, Multiple bool
}

// Mappings are the extra fields of a section as one portal can take them (R7).
type Mappings struct {
	rows     []rules.Mapping
	multiple map[string]bool
}

// FieldID names a field of a kind in the directory `fields`.
func FieldID(entity, field string) string { return entity + ":" + fieldName(field) }

// MappingsOf takes the rows whose field is not gone; known are fields by FieldID. A field that the directory does not know at all is tried.
func MappingsOf(rows []rules.Mapping, known map[string]Field) Mappings {
	m := Mappings{multiple: map[string]bool{}}
	for _, row := range rows {
		id := FieldID(row.Entity, row.Field)
		if known[id].Gone {
			continue
		}
		row.Field = fieldName(row.Field)
		m.rows, m.multiple[id] = append(m.rows, row), known[id].Multiple
	}
	return m
}

// Empty tells that nothing is written.
func (m Mappings) Empty() bool { return len(m.rows) == 0 }

// Variables are what the rows ask of a communication.
func (m Mappings) Variables() []string {
	names := make([]string, len(m.rows))
	for i, row := range m.rows {
		names[i] = row.Param
	}
	return names
}

// Created is what is written into an entity that the communication makes, Found what into one that was there before: only the rows marked "always" (R7a).
func (m Mappings) Created(kind EntityType, values map[string]string) map[string]string {
	return rules.Fields(m.rows, string(kind), true, values)
}

// Found: see Created.
func (m Mappings) Found(kind EntityType, values map[string]string) map[string]string {
	return rules.Fields(m.rows, string(kind), false, values)
}

// Given are the fields of every kind that a communication may make.
func (m Mappings) Given(values map[string]string) map[EntityType]map[string]string {
	out := map[EntityType]map[string]string{}
	for _, kind := range []EntityType{Lead, Deal, Contact, Company} {
		if fields := m.Created(kind, values); len(fields) > 0 {
			out[kind] = fields
		}
	}
	return out
}

// News is what is written into an entity whose fields were given before, by the values of now: an "always" row whenever its value is another one, any
// other row only into an entity the communication made, and only while the field was given nothing (R7a).
func (m Mappings) News(kind EntityType, created bool, given, values map[string]string) map[string]string {
	news := map[string]string{}
	if created {
		for field, value := range m.Created(kind, values) {
			if given[field] == "" {
				news[field] = value
			}
		}
	}
	for field, value := range m.Found(kind, values) {
		if given[field] != value {
			news[field] = value
		}
	}
	return news
}

// Wire are fields as crm.item.* takes them: a list for a field that holds several values. The call needs useOriginalUfNames=Y.
func (m Mappings) Wire(kind EntityType, fields map[string]string) map[string]any {
	out := make(map[string]any, len(fields))
	for field, value := range fields {
		out[field] = value
		if m.multiple[FieldID(string(kind), field)] {
			out[field] = []string{value}
		}
	}
	return out
}

// WireAll is Wire for fields of several kinds.
func (m Mappings) WireAll(given map[EntityType]map[string]string) map[EntityType]map[string]any {
	out := make(map[EntityType]map[string]any, len(given))
	for kind, fields := range given {
		out[kind] = m.Wire(kind, fields)
	}
	return out
}

// fieldName is how crm.item.* names a field that settings hold, when called with useOriginalUfNames=Y. The directory `fields` is read with that very option,
// so settings hold these names: UF_CRM_1 for people's own fields, utmSource for Bitrix24's. Settings may also come through the API in the two other spellings
// of Bitrix24's pages, ufCrm1 and UTM_SOURCE: they are brought to the first ones here, and nowhere else. The way back from UF_CRM_A1 to ufCrmA1 is not
// taken, as two names may end in the same one.
func fieldName(setting string) string {
	if rest, own := strings.CutPrefix(setting, "ufCrm"); own {
		return "UF_CRM_" + strings.TrimPrefix(snake(rest), "_")
	}
	if strings.HasPrefix(setting, "UF_") || setting != strings.ToUpper(setting) {
		return setting
	}
	words := strings.Split(strings.ToLower(setting), "_")
	for i, word := range words {
		if i > 0 && word != "" {
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}

func snake(camel string) string {
	var b strings.Builder
	for _, r := range camel {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// extras are people's own fields of a new entity. The product's fields stay as they are, but for the source, which a row of the settings may say better.
func (p *planner) extras(t EntityType, fields map[string]any) {
	for field, value := range p.need.Fields[t] {
		if _, ours := fields[field]; !ours || field == "sourceDescription" {
			fields[field] = value
		}
	}
	if p.first.on(t) {
		fields[rules.FirstIDField] = p.need.Ref
	}
}

// Take notes fields as given.
func Take(given, news map[string]string) map[string]string {
	out := maps.Clone(given)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, news)
	return out
}
