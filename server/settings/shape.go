package settings

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// shapeErrors compares decoded JSON with the document's type: every unknown key and every value of a wrong type, each by its JSON pointer. null stands
// for an initial value and fits everywhere.
func shapeErrors(value any, like reflect.Type, at string) FieldErrors {
	if value == nil {
		return nil
	}
	wrong := FieldErrors{{Field: at, Code: "type"}}
	switch like.Kind() {
	case reflect.Pointer:
		return shapeErrors(value, like.Elem(), at)
	case reflect.Struct:
		object, ok := value.(map[string]any)
		if !ok {
			return wrong
		}
		return objectErrors(object, like, at)
	case reflect.Map:
		object, ok := value.(map[string]any)
		if !ok {
			return wrong
		}
		var list FieldErrors
		for _, name := range sortedKeys(object) {
			list = append(list, shapeErrors(object[name], like.Elem(), at+"/"+escape(name))...)
		}
		return list
	case reflect.Slice:
		items, ok := value.([]any)
		if !ok {
			return wrong
		}
		var list FieldErrors
		for i, item := range items {
			if item == nil {
				list = append(list, FieldError{Field: fmt.Sprintf("%s/%d", at, i), Code: "type"})
				continue
			}
			list = append(list, shapeErrors(item, like.Elem(), fmt.Sprintf("%s/%d", at, i))...)
		}
		return list
	case reflect.Bool:
		if _, ok := value.(bool); !ok {
			return wrong
		}
	case reflect.String:
		if _, ok := value.(string); !ok {
			return wrong
		}
	case reflect.Int, reflect.Int64:
		if n, ok := value.(json.Number); !ok || !whole(n) {
			return wrong
		}
	}
	return nil
}

func whole(n json.Number) bool {
	i, err := strconv.ParseInt(n.String(), 10, 64)
	return err == nil && i > math.MinInt64
}

func objectErrors(object map[string]any, like reflect.Type, at string) FieldErrors {
	fields := map[string]reflect.Type{}
	keysOf(like, fields)
	var list FieldErrors
	for _, name := range sortedKeys(object) {
		known, ok := fields[name]
		if !ok {
			list = append(list, FieldError{Field: at + "/" + escape(name), Code: "unknown"})
			continue
		}
		list = append(list, shapeErrors(object[name], known, at+"/"+name)...)
	}
	return list
}

// keysOf collects the JSON names of a struct, those of embedded ones included.
func keysOf(t reflect.Type, into map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			keysOf(f.Type, into)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		into[name] = f.Type
	}
}

func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for k := range object {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// escape writes a name as part of a JSON pointer (RFC 6901).
func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }
