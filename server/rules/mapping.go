package rules

import "fmt"

// Mapping is a row "Bitrix24 field ← parameter" (R7).
type Mapping struct {
	Entity string
	Field  string
	Param  string
	// Always: also in entities that were there before (R7a).
	Always bool
}

// Fields are what the rows write into one entity: rows of its own kind, whose value is not empty; into an entity that was there before only the rows
// marked "always" (R7, R7a). Of several rows for one field the last with a value counts.
func Fields(rows []Mapping, entity string, created bool, values map[string]string) map[string]string {
	out := map[string]string{}
	for _, row := range rows {
		if row.Entity == entity && (created || row.Always) && values[row.Param] != "" {
			out[row.Field] = values[row.Param]
		}
	}
	return out
}

// Told are the values of a communication that count as known at a moment: UIS tells some before they mean anything, such as a duration of 0 with the ring. What as
// a rule only a report tells is right whenever it is told.
func Told(values map[string]string, kind Kind, now Moment) map[string]string {
	out := make(map[string]string, len(values))
	for name, value := range values {
		if v, listed := variable()[name]; listed && v.In(kind) && (v.Known[kind] <= now || v.Known[kind] == AtReport) {
			out[name] = value
		}
	}
	return out
}

// FirstIDField is the app's own field "First communication ID" on leads, deals, contacts and companies, by which it is found later (R7c).
const FirstIDField = "UF_CRM_OMNI_FIRST_ID"

// FirstID is the "First communication ID" of a communication (R7c): chat:{id} for chats and lines, call:{session}, request:{id}.
func FirstID(kind Kind, id string) string {
	if kind == Line {
		kind = Chat
	}
	return fmt.Sprintf("%s:%s", kind, id)
}
