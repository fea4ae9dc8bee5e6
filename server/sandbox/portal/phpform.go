package portal

import (
	"fmt"
	"net/url"
	"strings"
)

// parseForm reads a query or a form body with PHP brackets (fields[PHONE][0][VALUE]=…), keeping the order of first appearance.
func parseForm(raw string) (*arr, error) {
	root := newArr()
	for _, pair := range strings.Split(raw, "&") {
		if pair == "" {
			continue
		}
		rawKey, rawVal, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(rawKey)
		if err != nil {
			return nil, fmt.Errorf("parse key %q: %w", rawKey, err)
		}
		val, err := url.QueryUnescape(rawVal)
		if err != nil {
			return nil, fmt.Errorf("parse value of %q: %w", key, err)
		}
		putForm(root, key, val)
	}
	return root, nil
}

// putForm sets a value below a bracketed key. An empty pair of brackets appends.
func putForm(root *arr, key string, val any) {
	name, rest := key, ""
	if i := strings.IndexByte(key, '['); i > 0 {
		name, rest = key[:i], key[i:]
	}
	at, seg := root, name
	for strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			break
		}
		next := at.sub(seg)
		if next == nil {
			next = newArr()
			at.set(seg, next)
		}
		at, seg, rest = next, rest[1:end], rest[end+1:]
		if seg == "" {
			seg = fmt.Sprint(at.len())
		}
	}
	at.set(seg, val)
}

// buildForm writes an array as PHP's http_build_query does: nested brackets, every value a string, true as 1, false as 0, null left out, empty arrays left out.
func buildForm(a *arr) string {
	var b strings.Builder
	writeForm(&b, "", a)
	return b.String()
}

func writeForm(b *strings.Builder, prefix string, v any) {
	switch x := v.(type) {
	case *arr:
		for _, k := range x.keys {
			name := k
			if prefix != "" {
				name = prefix + "[" + k + "]"
			}
			writeForm(b, name, x.vals[k])
		}
		return
	case nil, noObject:
		return
	case bool:
		if !x {
			v = "0"
		}
	}
	if b.Len() > 0 {
		b.WriteByte('&')
	}
	b.WriteString(url.QueryEscape(prefix))
	b.WriteByte('=')
	b.WriteString(url.QueryEscape(text(v)))
}
