package uisplatform

import (
	"bufio"
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed spec/*.txt
var specFiles embed.FS

// method is what the documentation says about one method: parameters and, for readers, fields.
type method struct {
	name       string
	components []string // one of them must be in the tariff
	params     []*param
	fields     []field
	months     int // longest interval of a report
	days       int
}

// field of a reader's answer.
type field struct {
	name, kind             string
	filter, sort, standard bool
	values                 []string
}

// param of a method; objects and arrays of objects have children.
type param struct {
	name, kind string
	required   bool
	values     []string
	children   []*param
}

func (m *method) reader() bool { return len(m.fields) > 0 }

func (m *method) report() bool { return m.months > 0 || m.days > 0 }

func (m *method) field(name string) *field {
	for i := range m.fields {
		if m.fields[i].name == name {
			return &m.fields[i]
		}
	}
	return nil
}

// loadSpec reads the embedded tables.
func loadSpec() (map[string]*method, error) {
	all := map[string]*method{}
	for _, name := range []string{"directories", "reports", "methods", "rest"} {
		f, err := specFiles.Open("spec/" + name + ".txt")
		if err != nil {
			return nil, fmt.Errorf("open table %s: %w", name, err)
		}
		defer f.Close()
		var m *method
		for scan, n := bufio.NewScanner(f), 1; scan.Scan(); n++ {
			line := strings.TrimSpace(scan.Text())
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if rest, ok := strings.CutPrefix(line, "method "); ok {
				m = &method{name: rest}
				all[rest] = m
				continue
			}
			if err := m.line(line); err != nil {
				return nil, fmt.Errorf("table %s, line %d: %w", name, n, err)
			}
		}
	}
	for _, m := range all {
		m.addCommon()
	}
	return all, nil
}

func (m *method) line(line string) error {
	head, list, hasValues := strings.Cut(line, " = ")
	words, values := strings.Fields(head), strings.Fields(list)
	switch {
	case words[0] == "components":
		m.components = words[1:]
	case words[0] == "period":
		n, err := strconv.Atoi(words[1][:len(words[1])-1])
		if err != nil {
			return fmt.Errorf("period %q: %w", words[1], err)
		}
		if strings.HasSuffix(words[1], "m") {
			m.months = n
		} else {
			m.days = n
		}
	case words[0] == "param" || words[0] == "param!":
		if len(words) != 3 {
			return fmt.Errorf("wrong line %q", line)
		}
		m.addParam(strings.Split(words[1], "."), &param{kind: words[2], required: words[0] == "param!", values: values})
	default:
		if len(words) < 3 || hasValues && len(words) != 3 {
			return fmt.Errorf("wrong line %q", line)
		}
		for _, name := range words[2:] {
			m.fields = append(m.fields, field{name: name, kind: words[0], values: values,
				filter: strings.Contains(words[1], "F"), sort: strings.Contains(words[1], "S"), standard: strings.Contains(words[1], "D")})
		}
	}
	return nil
}

func (m *method) addParam(path []string, p *param) {
	list := &m.params
	for _, step := range path[:len(path)-1] {
		i := slices.IndexFunc(*list, func(q *param) bool { return q.name == step })
		list = &(*list)[i].children
	}
	p.name = path[len(path)-1]
	*list = append(*list, p)
}

// addCommon adds the parameters that the documentation describes once for all methods. get.account alone has no paging.
func (m *method) addCommon() {
	if strings.Contains(m.name, "/") || m.name == "login.user" || m.name == "logout.user" {
		return
	}
	m.params = append(m.params, &param{name: "access_token", kind: "string", required: true}, &param{name: "user_id", kind: "number"})
	if !m.reader() {
		return
	}
	for _, p := range [][2]string{{"limit", "number"}, {"offset", "number"}, {"filter", "any"}, {"fields", "strings"}, {"sort", "any"}} {
		m.params = append(m.params, &param{name: p[0], kind: p[1]})
	}
	if m.report() {
		required := m.name != "get.chat_messages_report"
		m.params = append(m.params, &param{name: "date_from", kind: "date", required: required}, &param{name: "date_till", kind: "date", required: required})
	}
}

// paramError says what is wrong with a parameter in the words of the Data API (documentation, list of errors).
type paramError struct {
	mnemonic, field string
	value           any
}

// checkParams compares what was sent with what the documentation allows; nil means it is right.
func checkParams(params []*param, in map[string]any, prefix string) *paramError {
	for _, name := range sortedKeys(in) {
		if !slices.ContainsFunc(params, func(p *param) bool { return p.name == name }) {
			return &paramError{"unexpected_parameters", prefix + name, in[name]}
		}
	}
	for _, p := range params {
		v, sent := in[p.name]
		if !sent || v == nil {
			if p.required {
				return &paramError{"required_parameter_missed", prefix + p.name, nil}
			}
			continue
		}
		if e := p.check(v, prefix+p.name); e != nil {
			return e
		}
	}
	return nil
}

func (p *param) check(v any, name string) *paramError {
	wrongType := &paramError{"data_type_error", name, v}
	switch p.kind {
	case "any":
		return nil
	case "object":
		o, ok := v.(map[string]any)
		if !ok {
			return wrongType
		}
		return checkParams(p.children, o, name+".")
	case "objects", "numbers", "strings", "array":
		list, ok := v.([]any)
		if !ok {
			return wrongType
		}
		item := &param{kind: map[string]string{"objects": "object", "numbers": "number", "strings": "string", "array": "any"}[p.kind], children: p.children}
		for _, x := range list {
			if e := item.check(x, name); e != nil {
				return e
			}
		}
		return nil
	default:
		mnemonic := checkScalar(p.kind, p.values, v)
		if mnemonic != "" {
			return &paramError{mnemonic, name, v}
		}
		return nil
	}
}

// checkScalar names what is wrong with a single value, "" when nothing is.
func checkScalar(kind string, values []string, v any) string {
	s, isString := v.(string)
	switch kind {
	case "number":
		if _, ok := v.(json.Number); !ok {
			return "data_type_error"
		}
		return ""
	case "bool":
		if _, ok := v.(bool); !ok {
			return "data_type_error"
		}
		return ""
	}
	if !isString {
		return "data_type_error"
	}
	switch kind {
	case "enum":
		if len(values) > 0 && !slices.Contains(values, s) {
			return "invalid_parameter_value"
		}
	case "date":
		if _, err := time.Parse(dateFormat, s); err != nil {
			return "invalid_parameter_value"
		}
	case "iso":
		if _, err := time.Parse(time.RFC3339Nano, s); err != nil {
			return "invalid_parameter_value"
		}
	}
	return ""
}

// whole reads a JSON number as an id.
func whole(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	if i, err := n.Int64(); err == nil {
		return i, true
	}
	f, err := n.Float64()
	if err != nil || f != math.Trunc(f) {
		return 0, false
	}
	return int64(f), true
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
