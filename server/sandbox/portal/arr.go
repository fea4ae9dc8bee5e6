package portal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// arr is a PHP array: an ordered map with string keys that is a list when its keys are 0, 1, 2 …. The portal is a PHP program: it sees JSON, forms and batch
// commands as such arrays, and it answers an empty map as [] because of them.
type arr struct {
	keys []string
	vals map[string]any
}

// noObject is answered as {} where the portal answers an object that has lost its content, such as some dates.
type noObject struct{}

func newArr() *arr { return &arr{vals: map[string]any{}} }

// kv builds an array from keys and values in turn.
func kv(pairs ...any) *arr {
	a := newArr()
	for i := 0; i+1 < len(pairs); i += 2 {
		a.set(pairs[i].(string), pairs[i+1])
	}
	return a
}

// list builds a list.
func list(items ...any) *arr {
	a := newArr()
	for _, v := range items {
		a.push(v)
	}
	return a
}

// listOf builds a list from a slice of any type.
func listOf[T any](items []T) *arr {
	a := newArr()
	for _, v := range items {
		a.push(v)
	}
	return a
}

func (a *arr) set(key string, v any) *arr {
	if _, ok := a.vals[key]; !ok {
		a.keys = append(a.keys, key)
	}
	a.vals[key] = v
	return a
}

func (a *arr) push(v any) *arr { return a.set(strconv.Itoa(len(a.keys)), v) }

func (a *arr) del(key string) {
	if _, ok := a.vals[key]; !ok {
		return
	}
	delete(a.vals, key)
	for i, k := range a.keys {
		if k == key {
			a.keys = append(a.keys[:i:i], a.keys[i+1:]...)
			return
		}
	}
}

func (a *arr) has(key string) bool {
	if a == nil {
		return false
	}
	_, ok := a.vals[key]
	return ok
}

func (a *arr) get(key string) any {
	if a == nil {
		return nil
	}
	return a.vals[key]
}

func (a *arr) len() int {
	if a == nil {
		return 0
	}
	return len(a.keys)
}

// sub is the array below key, nil when there is none.
func (a *arr) sub(key string) *arr {
	s, _ := a.get(key).(*arr)
	return s
}

func (a *arr) str(key string) string { return text(a.get(key)) }

func (a *arr) int(key string) int {
	n, _ := integer(a.get(key))
	return n
}

// items are the values in order.
func (a *arr) items() []any {
	if a == nil {
		return nil
	}
	out := make([]any, len(a.keys))
	for i, k := range a.keys {
		out[i] = a.vals[k]
	}
	return out
}

func (a *arr) isList() bool {
	for i, k := range a.keys {
		if k != strconv.Itoa(i) {
			return false
		}
	}
	return true
}

// clone copies the array and the arrays below it.
func (a *arr) clone() *arr {
	if a == nil {
		return nil
	}
	c := newArr()
	for _, k := range a.keys {
		v := a.vals[k]
		if s, ok := v.(*arr); ok {
			v = s.clone()
		}
		c.set(k, v)
	}
	return c
}

// MarshalJSON writes a list as […] and anything else as {…}; an empty array is [].
func (a *arr) MarshalJSON() ([]byte, error) { return appendArr(nil, a), nil }

// encode writes v as JSON without escaping HTML characters.
func encode(v any) []byte { return appendJSON(nil, v) }

func appendArr(b []byte, a *arr) []byte {
	if a == nil {
		return append(b, "null"...)
	}
	isList := a.isList()
	open, shut := byte('{'), byte('}')
	if isList {
		open, shut = '[', ']'
	}
	b = append(b, open)
	for i, k := range a.keys {
		if i > 0 {
			b = append(b, ',')
		}
		if !isList {
			b = append(appendString(b, k), ':')
		}
		b = appendJSON(b, a.vals[k])
	}
	return append(b, shut)
}

func appendJSON(b []byte, v any) []byte {
	switch x := v.(type) {
	case nil:
		return append(b, "null"...)
	case *arr:
		return appendArr(b, x)
	case string:
		return appendString(b, x)
	case int:
		return strconv.AppendInt(b, int64(x), 10)
	case int64:
		return strconv.AppendInt(b, x, 10)
	case bool:
		return strconv.AppendBool(b, x)
	case json.Number:
		return append(b, x...)
	case seconds:
		return strconv.AppendFloat(b, float64(x), 'f', 6, 64)
	case noObject:
		return append(b, '{', '}')
	}
	return appendOther(b, v)
}

// appendString takes the short way for text that needs no escapes.
func appendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			if c >= 0x80 && utf8.ValidString(s[i:]) && !strings.ContainsAny(s[i:], "\u2028\u2029") {
				continue
			}
			return appendOther(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func appendOther(b []byte, v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return append(b, "null"...)
	}
	return append(b, bytes.TrimRight(buf.Bytes(), "\n")...)
}

// decodeJSON reads one JSON value, keeping the order of keys; lists and objects both become *arr, numbers json.Number.
func decodeJSON(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	v, err := decodeValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("text after the JSON value")
	}
	return v, nil
}

func decodeValue(dec *json.Decoder) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	d, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	a := newArr()
	for dec.More() {
		key := strconv.Itoa(len(a.keys))
		if d == '{' {
			k, err := dec.Token()
			if err != nil {
				return nil, err
			}
			key = k.(string)
		}
		v, err := decodeValue(dec)
		if err != nil {
			return nil, err
		}
		a.set(key, v)
	}
	_, err = dec.Token()
	return a, err
}

// text is a scalar as the portal prints it; arrays and nil are empty.
func text(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	case int:
		return strconv.Itoa(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case bool:
		if x {
			return "1"
		}
		return ""
	}
	return ""
}

// integer reads an int or a numeric string.
func integer(v any) (int, bool) {
	switch x := v.(type) {
	case int:
		return x, true
	case bool:
		return 0, false
	}
	s := text(v)
	if s == "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// truth reads the portal's ways of saying yes: true, 1, "1", "Y", "true".
func truth(v any) bool {
	switch text(v) {
	case "1", "Y", "y", "true":
		return true
	}
	return false
}

// yn is Y or N.
func yn(b bool) string {
	if b {
		return "Y"
	}
	return "N"
}
