package rules

import (
	"strings"
	"unicode"
)

// Variables lists the names a template uses, in order, each once. Text between {{ and }} that is no name is returned as well, so
// that validation can refuse it.
func Variables(template string) []string {
	var names []string
	seen := map[string]bool{}
	scan(template, func(string) {}, func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	})
	return names
}

// Render fills a template. A missing value is empty; values never bring markup, line breaks or further variables in; the result is
// one trimmed line of at most limit characters.
func Render(template string, values map[string]string, limit int) string {
	var b strings.Builder
	scan(template, func(text string) { b.WriteString(text) }, func(name string) { b.WriteString(plain(values[name])) })
	text := strings.Join(strings.Fields(b.String()), " ")
	if runes := []rune(text); limit > 0 && len(runes) > limit {
		text = strings.TrimSpace(string(runes[:limit-1])) + "…"
	}
	return text
}

// plain takes what could act as markup out of a value: titles are shown as HTML and bb-code in several places of the portal.
func plain(value string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '[':
			return '('
		case r == ']':
			return ')'
		case r == '<' || r == '>':
			return ' '
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, value)
}

func scan(template string, text, variable func(string)) {
	for {
		open := strings.Index(template, "{{")
		if open < 0 {
			text(template)
			return
		}
		end := strings.Index(template[open:], "}}")
		if end < 0 {
			text(template)
			return
		}
		text(template[:open])
		variable(strings.TrimSpace(template[open+2 : open+end]))
		template = template[open+end+2:]
	}
}
