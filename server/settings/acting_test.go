package settings_test

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/settings"
)

// actingRow is a field with a value that is wrong while it acts, and what makes its page disable or hide it. /talk/ stands for chats and for requests.
// The page's test reads the same rows, so that both agree: dependencies.spec.ts.
type actingRow struct {
	What  string           `json:"what"`
	Field string           `json:"field"`
	State string           `json:"state"`
	Value any              `json:"value"`
	Wrong string           `json:"wrong"`
	On    map[string]any   `json:"on"`
	Off   []map[string]any `json:"off"`
	// Simple: "off" when a CRM without leads disables the field, too, "always" when the row is about such a CRM.
	Simple string `json:"simple"`
}

func actingRows(t *testing.T) []actingRow {
	t.Helper()
	raw, err := os.ReadFile("testdata/acting.json")
	require.NoError(t, err)
	var out []actingRow
	for _, section := range []string{"/chats/", "/requests/"} {
		var rows []actingRow
		require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(string(raw), "/talk/", section)), &rows))
		for _, row := range rows {
			if section == "/chats/" || strings.HasPrefix(row.Field, section) {
				out = append(out, row)
			}
		}
	}
	return out
}

// put writes a value at a pointer; requests have no master switch (C13).
func put(doc map[string]any, pointer string, value any) bool {
	if pointer == "/requests/create" {
		return false
	}
	parts := strings.Split(pointer, "/")[1:]
	for _, part := range parts[:len(parts)-1] {
		doc = doc[part].(map[string]any)
	}
	doc[parts[len(parts)-1]] = value
	return true
}

// What does not act, and what its page therefore disables or hides, never stands in the way of a save.
func TestWhatDoesNotActIsNotCompared(t *testing.T) {
	t.Parallel()
	simple := known
	has := known.At[3]
	has.Simple = true
	simple.At = map[int64]settings.Choices{3: has}
	base, err := json.Marshal(right())
	require.NoError(t, err)
	for _, row := range actingRows(t) {
		judge := func(with settings.Known, sets ...map[string]any) string {
			var doc map[string]any
			require.NoError(t, json.Unmarshal(base, &doc))
			if row.Simple == "always" {
				with = simple
				for _, section := range []string{"/chats", "/requests"} { // nothing else of the document is wrong there
					put(doc, section+"/first/create", []any{"deal"})
				}
			}
			put(doc, row.Field, row.Value)
			for _, set := range sets {
				for pointer, value := range maps.All(set) {
					put(doc, pointer, value)
				}
			}
			put(doc, row.Field, row.Value)
			raw, err := json.Marshal(doc)
			require.NoError(t, err)
			return words(t, settings.Validate(decode(t, string(raw)), with))
		}
		require.Equal(t, row.Wrong, judge(known, row.On), "%s: %s acts", row.What, row.Field)
		for _, off := range row.Off {
			if _, master := off["/requests/create"]; !master {
				require.Empty(t, judge(known, row.On, off), "%s: %s does not act with %v", row.What, row.Field, off)
			}
		}
		if row.Simple == "off" {
			require.NotContains(t, judge(simple, row.On), row.Field, "%s: %s does not act without leads", row.What, row.Field)
		}
	}
}
