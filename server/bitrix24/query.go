package bitrix24

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrBatchUnsafe says that a command cannot be written into a batch without changing its meaning; send it alone. Either a text in it looks like a reference to
// another command's answer (client text with "$result[…]", which the portal would replace), or it holds an empty list or object, for which a batch's form encoding
// has no words: a filter {"@id": []} would become no filter at all and bring foreign records.
var ErrBatchUnsafe = errors.New("bitrix24: the call cannot stand in a batch")

// ErrRef says that a Ref stands where the portal would not resolve it safely: outside a batch with halt.
var ErrRef = errors.New("bitrix24: a reference needs a batch that halts")

// Ref stands for a value of an earlier command of the same batch: Ref{"c", "item.id"} goes out as $result[c][item][id]. Only in a batch with halt: without it a
// failed command leaves the literal text in its place. The path must be one that the answer always has, as the portal gives a missing one's parent level.
type Ref struct{ Key, Path string }

func (r Ref) text() string {
	return "$result[" + r.Key + "][" + strings.ReplaceAll(r.Path, ".", "][") + "]"
}

// MarshalJSON refuses: in a JSON body a reference means nothing.
func (Ref) MarshalJSON() ([]byte, error) { return nil, ErrRef }

// referenceLike is the outline of what portals replace: their source looks for $ and the name of one of its own tables (result and siblings), in any case, then a run
// of non-spaces with a bracket in it. Whatever has that outline is refused, so a few harmless texts travel alone.
var referenceLike = regexp.MustCompile(`\$\S*\[`)

// BatchSafe tells whether a call with these parameters may stand in a batch (Spec.Alone tells it of the method).
func BatchSafe(p Params) bool {
	_, err := Query(p, true)
	return err == nil
}

// Query encodes parameters for a batch in PHP's bracket form: fields[PHONE][0][VALUE]=…. Keys are sorted, so equal parameters give equal queries. True and false
// become 1 and 0, null the empty text. References are allowed with refs. Errors wrap ErrBatchUnsafe or ErrRef.
func Query(p Params, refs bool) (string, error) {
	w := queryWriter{refs: refs}
	for _, k := range slices.Sorted(maps.Keys(p)) {
		if strings.ContainsAny(k, ". ") { // PHP would make it another name
			return "", fmt.Errorf("%w: the name %q", ErrBatchUnsafe, short(k, 60))
		}
		if err := w.named(k); err != nil {
			return "", err
		}
		if err := w.value(k, k, p[k]); err != nil {
			return "", err
		}
	}
	return w.out.String(), nil
}

// named refuses names that mean something else in bracket notation: an empty one counts on, brackets begin another level.
func (*queryWriter) named(name string) error {
	if name == "" || strings.ContainsAny(name, "[]\x00") || !utf8.ValidString(name) {
		return fmt.Errorf("%w: the name %q", ErrBatchUnsafe, short(name, 60))
	}
	return nil
}

type queryWriter struct {
	out  strings.Builder
	refs bool
}

// value writes one value; key is its whole name on the wire, path the same for people.
func (w *queryWriter) value(key, path string, value any) error {
	if referenceLike.MatchString(key) {
		return fmt.Errorf("%w: the key %s looks like a reference", ErrBatchUnsafe, short(path, 60))
	}
	switch v := value.(type) {
	case nil:
		w.pair(key, "")
	case Ref:
		if !w.refs {
			return fmt.Errorf("%s: %w", path, ErrRef)
		}
		w.pair(key, v.text())
	case string:
		if referenceLike.MatchString(v) {
			return fmt.Errorf("%w: the text of %s looks like a reference", ErrBatchUnsafe, path)
		}
		w.pair(key, strings.ToValidUTF8(v, "\uFFFD"))
	case bool:
		w.pair(key, map[bool]string{true: "1", false: "0"}[v])
	case int:
		w.pair(key, strconv.Itoa(v))
	case int64:
		w.pair(key, strconv.FormatInt(v, 10))
	case json.Number:
		w.pair(key, v.String())
	case Params:
		return w.group(key, path, v)
	case map[string]any:
		return w.group(key, path, v)
	case []any:
		return w.list(key, path, v)
	default:
		plain, err := plainValue(value)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return w.value(key, path, plain)
	}
	return nil
}

func (w *queryWriter) group(key, path string, v map[string]any) error {
	if len(v) == 0 {
		return w.empty(path)
	}
	for _, k := range slices.Sorted(maps.Keys(v)) {
		if err := w.named(k); err != nil {
			return err
		}
		if err := w.value(key+"["+k+"]", path+"."+k, v[k]); err != nil {
			return err
		}
	}
	return nil
}

func (w *queryWriter) list(key, path string, v []any) error {
	if len(v) == 0 {
		return w.empty(path)
	}
	for i, one := range v {
		n := strconv.Itoa(i)
		if err := w.value(key+"["+n+"]", path+"."+n, one); err != nil {
			return err
		}
	}
	return nil
}

// empty leaves out what means the same when it is missing, and refuses everything else.
func (*queryWriter) empty(path string) error {
	switch strings.ToLower(path) {
	case "filter", "select", "order", "params":
		return nil
	}
	return fmt.Errorf("%w: %s is empty", ErrBatchUnsafe, path)
}

func (w *queryWriter) pair(key, value string) {
	if w.out.Len() > 0 {
		w.out.WriteByte('&')
	}
	w.out.WriteString(url.QueryEscape(key) + "=" + url.QueryEscape(value))
}

// plainValue turns any Go value into what its JSON would be.
func plainValue(value any) (any, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var plain any
	if err := d.Decode(&plain); err != nil {
		return nil, err
	}
	if plain == nil {
		return "", nil // a nil pointer or nil slice: null
	}
	return plain, nil
}
