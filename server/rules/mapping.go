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

// FirstID is the "First communication ID" of a communication (R7c): chat:{id} for chats and lines, call:{session}, request:{id}.
func FirstID(kind Kind, id string) string {
	if kind == Line {
		kind = Chat
	}
	return fmt.Sprintf("%s:%s", kind, id)
}
