package rules

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func FuzzRender(f *testing.F) {
	for _, seed := range [][2]string{
		{"Чат {{site}} с {{name}}", "Анна [url=https://x.example]y[/url]"}, {"{{name}}", "{{name}}{{other}}"}, {"{{a}b}}", "<script>"}, {"{{", "x"}, {"}}{{name}}{{", "\n\r\x00\u2028"}, {"{{ name }}", "\xff"}, {"{{name}}", "a\u0085b\u202e"},
	} {
		f.Add(seed[0], seed[1], 255)
		f.Add(seed[0], seed[1], 1)
	}
	f.Fuzz(func(t *testing.T, template, value string, limit int) {
		limit = max(1, limit%2000)
		values := map[string]string{}
		for _, name := range Variables(template) {
			require.Equal(t, strings.TrimSpace(name), name)
			values[name] = value
		}
		got := Render(template, values, limit)
		require.LessOrEqual(t, utf8.RuneCountInString(got), limit)
		require.Equal(t, strings.TrimSpace(got), got)
		require.False(t, strings.ContainsFunc(got, func(r rune) bool { return r == '\n' || r == '\r' || r == '\t' }), "one line")
		var own strings.Builder // the template's own words, without variables
		scan(template, func(text string) { own.WriteString(text) }, func(string) {})
		for _, mark := range []string{"[", "]", "<", ">"} {
			require.LessOrEqual(t, strings.Count(got, mark), strings.Count(own.String(), mark), "a value brings no markup in")
		}
		require.False(t, strings.ContainsFunc(plain(value), unicode.IsControl))
		if !strings.Contains(template, "{{") {
			require.Equal(t, Render(template, nil, 0), Render(template, values, 0), "without variables there is nothing to fill")
		}
	})
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{`[[{"param":"channel","op":"include","values":["1"]}]]`, `[]`, `[[]]`, `null`, `[[{"param":"channel","op":"exclude","values":["1"]}],[{"param":"employee","op":"include","values":[]}]]`, `[[{"param":"","op":"x"}]]`} {
		f.Add([]byte(seed), "1", "2")
	}
	f.Fuzz(func(t *testing.T, raw []byte, one, two string) {
		var filter Filter
		if json.Unmarshal(raw, &filter) != nil {
			return
		}
		params := Params{"channel": {one}, "employee": {one, two}, "site": nil}
		holds := filter.Holds(params)
		if len(filter) == 0 {
			require.True(t, holds, "an empty filter holds for everything")
		}
		// OR between groups: the whole holds exactly when one of the groups does.
		any := len(filter) == 0
		for _, group := range filter {
			any = any || Filter{group}.Holds(params)
		}
		require.Equal(t, any, holds)
		encoded, err := json.Marshal(filter)
		require.NoError(t, err)
		var again Filter
		require.NoError(t, json.Unmarshal(encoded, &again))
		require.Equal(t, holds, again.Holds(params), "stored and read again it means the same")
	})
}
