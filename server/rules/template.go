package rules

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// TitleLimit is the longest title a lead or deal takes, in characters; NameLimit the longest name of a contact or company (docs: crm.item fields, 255 and 50).
const (
	TitleLimit = 255
	NameLimit  = 50
)

// MaxTemplate is the longest template in characters.
const MaxTemplate = 1000

// Fault is what is wrong with a template: where (in characters), what and which name.
type Fault struct {
	At int
	// Code is unclosed, empty, unknown, not_here (a variable that this kind of communication never has) or long.
	Code string
	Name string
}

// CheckTemplate tells what is wrong with a template for a kind of communication, in the order of the text (R4). An empty template is right: it means
// the standard text.
func CheckTemplate(template string, kind Kind) []Fault {
	var faults []Fault
	if utf8.RuneCountInString(template) > MaxTemplate {
		faults = append(faults, Fault{At: MaxTemplate, Code: "long"})
	}
	at := 0
	scan(template, func(text string) {
		if open := strings.Index(text, "{{"); open >= 0 {
			faults = append(faults, Fault{At: at + utf8.RuneCountInString(text[:open]), Code: "unclosed"})
		}
		at += utf8.RuneCountInString(text)
	}, func(inner string) {
		name := strings.TrimSpace(inner)
		known, exists := variable()[name]
		switch {
		case name == "":
			faults = append(faults, Fault{At: at, Code: "empty"})
		case !exists:
			faults = append(faults, Fault{At: at, Code: "unknown", Name: name})
		case !known.In(kind):
			faults = append(faults, Fault{At: at, Code: "not_here", Name: name})
		}
		at += utf8.RuneCountInString(inner) + len("{{}}")
	})
	return faults
}

// Variables lists the names a template uses, in order, each once. Text between {{ and }} that is no name is returned as well, so
// that validation can refuse it.
func Variables(template string) []string {
	var names []string
	seen := map[string]bool{}
	scan(template, func(string) {}, func(inner string) {
		name := strings.TrimSpace(inner)
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
	scan(template, func(text string) { b.WriteString(text) }, func(inner string) { b.WriteString(plain(values[strings.TrimSpace(inner)])) })
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
		case unicode.Is(unicode.Bidi_Control, r): // turns the reading direction of everything behind it
			return -1
		}
		return r
	}, value)
}

// scan walks a template: text between variables, and what stands inside the braces, as written.
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
		variable(template[open+2 : open+end])
		template = template[open+end+2:]
	}
}
