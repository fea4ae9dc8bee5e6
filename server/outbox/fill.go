package outbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// fill puts the results of followed commands and the command's own UUID into its parameters. A missing or empty value is an error, so that it never
// becomes an empty or a foreign id.
func fill(params json.RawMessage, uid string, results map[string]json.RawMessage) (json.RawMessage, error) {
	if !bytes.Contains(params, []byte(`"$`)) {
		return params, nil
	}
	tree, err := decode(params)
	if err != nil {
		return nil, fmt.Errorf("read parameters: %w", err)
	}
	filled, err := fillNode(tree, uid, results)
	if err != nil {
		return nil, err
	}
	return json.Marshal(filled)
}

func fillNode(node any, uid string, results map[string]json.RawMessage) (any, error) {
	switch n := node.(type) {
	case map[string]any:
		if from, ok := n["$from"].(string); ok {
			path, _ := n["path"].(string)
			return lookUp(results, from, path)
		}
		if own, ok := n["$uid"].(bool); ok && own && len(n) == 1 {
			return uid, nil
		}
		for k, v := range n {
			filled, err := fillNode(v, uid, results)
			if err != nil {
				return nil, err
			}
			n[k] = filled
		}
	case []any:
		for i, v := range n {
			filled, err := fillNode(v, uid, results)
			if err != nil {
				return nil, err
			}
			n[i] = filled
		}
	}
	return node, nil
}

func lookUp(results map[string]json.RawMessage, from, path string) (any, error) {
	raw, ok := results[from]
	if !ok {
		return nil, fmt.Errorf("%s has no result", from)
	}
	at, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("read the result of %s: %w", from, err)
	}
	for _, step := range strings.Split(path, ".") {
		if step == "" {
			continue
		}
		switch n := at.(type) {
		case map[string]any:
			at, ok = n[step]
		case []any:
			i, err := strconv.Atoi(step)
			if ok = err == nil && i >= 0 && i < len(n); ok {
				at = n[i]
			}
		default:
			ok = false
		}
		if !ok {
			return nil, fmt.Errorf("the result of %s has no %s", from, path)
		}
	}
	if empty(at) {
		return nil, fmt.Errorf("the result of %s has nothing at %q", from, path)
	}
	return at, nil
}

// empty tells what stands for "no value" on the wire: a missing one arrives as null, "", false, [], {} (docs: data types), a missing id as 0.
func empty(v any) bool {
	switch n := v.(type) {
	case nil:
		return true
	case bool:
		return !n
	case string:
		return n == "" || n == "0"
	case json.Number:
		return n == "0"
	case []any:
		return len(n) == 0
	case map[string]any:
		return len(n) == 0
	}
	return false
}

func decode(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}
