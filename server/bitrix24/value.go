package bitrix24

import (
	"encoding/json"
	"strconv"
	"strings"
)

// value is plain JSON read without fear of its shape: a step into something missing gives the empty value.
type value struct{ v any }

func valueOf(raw json.RawMessage) value {
	plain, err := plainValue(raw)
	if err != nil {
		return value{}
	}
	return value{plain}
}

// at walks down by names. Names compare without case, as methods take them.
func (n value) at(path ...string) value {
	for _, name := range path {
		switch v := n.v.(type) {
		case map[string]any:
			n = value{find(v, name)}
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return value{}
			}
			n = value{v[i]}
		default:
			return value{}
		}
	}
	return n
}

func find(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// text is a scalar as text, "" for everything else.
func (n value) text() string {
	switch v := n.v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "1"
		}
	}
	return ""
}

// id is a number, 0 when it is none.
func (n value) id() int64 {
	id, err := strconv.ParseInt(n.text(), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// each are the elements of a list, also of one that PHP wrote as an object because its keys have gaps. The second result tells whether there was a list at all: an
// answer of another shape proves nothing.
func (n value) each() ([]value, bool) {
	switch v := n.v.(type) {
	case []any:
		out := make([]value, len(v))
		for i := range v {
			out[i] = value{v[i]}
		}
		return out, true
	case map[string]any:
		out := make([]value, 0, len(v))
		for _, k := range inOrder(v) {
			if _, err := strconv.Atoi(k); err != nil {
				return nil, false
			}
			out = append(out, value{v[k]})
		}
		return out, true
	}
	return nil, false
}

func (n value) raw() json.RawMessage { return mustJSON(n.v) }

func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}
