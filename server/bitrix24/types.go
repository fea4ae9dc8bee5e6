package bitrix24

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ID is a number that the portal sends as a number, as a string, as null, false or an empty string (bitrix24 docs, data types).
type ID int64

// UnmarshalJSON reads every form.
func (v *ID) UnmarshalJSON(raw []byte) error {
	text := strings.TrimSpace(strings.Trim(string(bytes.TrimSpace(raw)), `"`))
	switch text {
	case "", "null", "false", "[]", "{}":
		*v = 0
		return nil
	case "true":
		*v = 1
		return nil
	}
	n, ok := whole(text)
	if !ok {
		return fmt.Errorf("bitrix24: %q is no id", short(text, 40))
	}
	*v = ID(n)
	return nil
}

// whole reads a whole number written as a decimal, exactly: 5, 12.0, 1e3. A float would make other numbers of long ones.
func whole(text string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	if len(text) > 24 || strings.Trim(text, "+-.0123456789eE") != "" {
		return 0, false
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if power, err := strconv.Atoi(text[i+1:]); err != nil || power < -20 || power > 20 {
			return 0, false
		}
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok || !exact.IsInt() || !exact.Num().IsInt64() {
		return 0, false
	}
	return exact.Num().Int64(), true
}

// Bool is a yes or no sent as true, "Y", 1, "1" or "true".
type Bool bool

// UnmarshalJSON reads every form; what is none of them is no.
func (v *Bool) UnmarshalJSON(raw []byte) error {
	switch strings.ToLower(strings.Trim(string(bytes.TrimSpace(raw)), `"`)) {
	case "true", "y", "1":
		*v = true
	default:
		*v = false
	}
	return nil
}

// String is a text that may come as a number, null or false.
type String string

// UnmarshalJSON reads every form.
func (v *String) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) > 0 && raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		*v = String(s)
	case IsEmpty(raw):
		*v = ""
	default:
		*v = String(raw)
	}
	return nil
}

// Moment is a date-time: ISO 8601, DD.MM.YYYY HH:MM:SS or unix seconds; some come as the empty object or as "". What cannot be read is the zero time.
type Moment struct{ time.Time }

// UnmarshalJSON reads every form.
func (v *Moment) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(bytes.TrimSpace(raw)), `"`)
	v.Time = time.Time{}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "02.01.2006 15:04:05", "2006-01-02", "02.01.2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			v.Time = t
			return nil
		}
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < 1e11 {
		v.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
	}
	return nil
}

// Map is an object; PHP sends an empty one as [] and one with numeric keys as a list.
type Map[T any] map[string]T

// UnmarshalJSON reads every form.
func (m *Map[T]) UnmarshalJSON(raw []byte) error {
	out := map[string]T{}
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '[' {
		var list []T
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		for i, v := range list {
			out[strconv.Itoa(i)] = v
		}
		*m = out
		return nil
	}
	if !IsEmpty(raw) {
		if err := json.Unmarshal(raw, &out); err != nil {
			return err
		}
	}
	*m = out
	return nil
}

// List is an array; an object's values (a PHP list with gaps) come in the order of their keys, and nothing at all is an empty list.
type List[T any] []T

// UnmarshalJSON reads every form.
func (l *List[T]) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '{' {
		var m map[string]T
		if err := json.Unmarshal(raw, &m); err != nil {
			return err
		}
		out := make([]T, 0, len(m))
		for _, k := range inOrder(m) {
			out = append(out, m[k])
		}
		*l = out
		return nil
	}
	if IsEmpty(raw) {
		*l = nil
		return nil
	}
	var out []T
	if err := json.Unmarshal(raw, &out); err != nil {
		return err
	}
	*l = out
	return nil
}

// inOrder sorts keys as PHP lists would be: numbers by value, before words.
func inOrder[T any](m map[string]T) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		switch {
		case errX == nil && errY == nil:
			return cmp.Compare(x, y)
		case errX == nil:
			return -1
		case errY == nil:
			return 1
		}
		return strings.Compare(a, b)
	})
}

// IsEmpty tells whether a value is one of the portal's ways to say nothing: null, "", false, [] or {}.
func IsEmpty(raw json.RawMessage) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", `""`, "false", "[]", "{}":
		return true
	}
	return false
}

// PlainBB takes the bb-codes out of text that others wrote: its brackets become look-alikes, so that [user=1] mentions nobody
// and [url] links nowhere (timeline comments and messages are rendered by the blog parser).
func PlainBB(text string) string {
	return strings.NewReplacer("[", "［", "]", "］").Replace(text)
}

func short(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
