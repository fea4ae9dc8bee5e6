package uis

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sort"
	"strings"
)

// decodeNumbers decodes one JSON value, keeping numbers as they came: session ids may be longer than a float holds.
func decodeNumbers(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// decodeTemplate decodes a body made from a template, mending only as much as it takes: control characters first, then the template's faults (which
// must come before looking for control characters again, as misplaced quotes hide where strings begin).
func decodeTemplate(body []byte) (map[string]any, []Repair, error) {
	mended, repairs := mend(body)
	var all map[string]any
	if decodeNumbers(mended, &all) == nil {
		return all, repairs, nil
	}
	mended, faults := repairTemplate(bytes.TrimPrefix(body, []byte(byteOrderMark)))
	mended, repairs = mend(mended)
	if bytes.HasPrefix(body, []byte(byteOrderMark)) {
		repairs = append(repairs, RepairBOM)
	}
	if err := decodeNumbers(mended, &all); err != nil {
		return nil, nil, err
	}
	return all, append(repairs, faults...), nil
}

// flatten puts the leaves of nested objects under their own names; an outer value wins over an inner one of the same name, unless it is empty.
func flatten(into, from map[string]any) {
	var nested []string
	for name, value := range from {
		if _, isObject := value.(map[string]any); isObject {
			nested = append(nested, name)
			continue
		}
		if old, there := into[name]; !there || textOf(old) == "" {
			into[name] = value
		}
	}
	sort.Strings(nested) // the same result every time
	for _, name := range nested {
		if inner, isObject := from[name].(map[string]any); isObject {
			flatten(into, inner)
		}
	}
}

func textOf(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		if v == "null" || v == "None" { // a quoted placeholder whose variable was empty
			return ""
		}
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	case []any:
		texts := make([]string, 0, len(v))
		for _, one := range v {
			texts = append(texts, textOf(one))
		}
		return strings.Join(texts, ", ")
	}
	encoded, err := encode(value)
	if err != nil {
		return ""
	}
	return string(encoded)
}

// list reads a variable that may be a list, a list inside a string ("[1,2]") or a single value.
func (n Notification) list(variable string) []string {
	value := n.Values[variable]
	if text, isText := value.(string); isText && strings.HasPrefix(strings.TrimSpace(text), "[") {
		var inner []any
		if decodeNumbers([]byte(text), &inner) == nil {
			value = inner
		}
	}
	many, isList := value.([]any)
	if !isList {
		many = []any{value}
	}
	var texts []string
	for _, one := range many {
		if text := textOf(one); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// digits brings a phone to E.164 digits where it is one; what holds letters (a SIP name) stays.
func digits(phone string) string {
	stripped := strings.Map(func(r rune) rune {
		if strings.ContainsRune("+ -()\u00a0", r) {
			return -1
		}
		return r
	}, phone)
	for _, r := range stripped {
		if r < '0' || r > '9' {
			return phone
		}
	}
	return stripped
}

// repairTemplate mends what people do to templates: placeholders inside quotes ("x":""abc"", "x":"["a"]"), unfilled placeholders ("x":{{abc}}) and
// missing values ("x":,). Strings that are right stay as they are.
func repairTemplate(body []byte) ([]byte, []Repair) {
	r := templateRepair{in: body}
	for r.at < len(body) {
		r.step()
	}
	return r.out, r.done
}

type templateRepair struct {
	in   []byte
	at   int
	out  []byte
	done []Repair
	last byte // the last byte that was not white space, outside strings
}

func (r *templateRepair) note(what Repair) {
	for _, had := range r.done {
		if had == what {
			return
		}
	}
	r.done = append(r.done, what)
}

// step copies one token, mending it when it stands where a value is expected.
func (r *templateRepair) step() {
	b := r.in[r.at]
	value := r.last == ':' || r.last == '['
	switch {
	case b == ' ' || b == '\n' || b == '\r' || b == '\t':
		r.out = append(r.out, b)
		r.at++
		return
	case value && (b == ',' || b == '}' || (b == ']' && r.last == ':')):
		r.out = append(r.out, "null"...)
		r.note(RepairPlaceholder)
	case bytes.HasPrefix(r.in[r.at:], []byte("{{")) && value:
		if end := bytes.Index(r.in[r.at:], []byte("}}")); end > 0 {
			r.replace("null", end+2, RepairPlaceholder)
			return
		}
	case b == '"' && value && r.mendQuoted():
		return
	case b == '"':
		end := stringEnd(r.in, r.at)
		r.out = append(r.out, r.in[r.at:end]...)
		r.at, r.last = end, '"'
		return
	}
	r.out = append(r.out, b)
	r.last = b
	r.at++
}

func (r *templateRepair) replace(text string, length int, why Repair) {
	r.out = append(r.out, text...)
	r.at += length
	r.last = '"'
	r.note(why)
}

// mendQuoted handles a quote at the place of a value when a whole JSON value follows it and a quote follows that: ""abc"", "["a"]", "{"a":1}".
func (r *templateRepair) mendQuoted() bool {
	rest := r.in[r.at+1:]
	if len(rest) == 0 {
		return false
	}
	length := 0
	switch rest[0] {
	case '"':
		if after := bytes.TrimLeft(rest[1:], " \r\n\t"); len(after) == 0 || strings.IndexByte(",}]", after[0]) >= 0 {
			return false // an empty string
		}
		length = stringEnd(rest, 0)
	case '[', '{':
		d := json.NewDecoder(bytes.NewReader(rest))
		var skipped json.RawMessage
		if d.Decode(&skipped) != nil {
			return false
		}
		length = int(d.InputOffset())
	default:
		return false
	}
	if length >= len(rest) || rest[length] != '"' {
		return false
	}
	r.replace(string(rest[:length]), length+2, RepairQuotes)
	return true
}

// stringEnd is the position after the string that starts at from.
func stringEnd(b []byte, from int) int {
	for i := from + 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}
