package bitrix24

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"sort"
	"strings"
)

// MaxBatch is how many commands a batch holds (docs: batch).
const MaxBatch = 50

// ErrBatchUnsafe says that a command may not stand in a batch: its text holds "$result[", which the portal would replace. Send it alone.
var ErrBatchUnsafe = errors.New("bitrix24: a value holds $result[ and would be replaced inside a batch")

// Command is a call of a batch with the key its result comes under.
type Command struct {
	Key string
	Call
}

// Ref stands for a value of an earlier command of the same batch. Only in a batch with halt: without it a failed command leaves the
// literal text in its place, and a missing path silently gives the parent level.
type Ref struct{ Key, Path string }

// BatchAnswer is what became of a batch: each key is in exactly one of the maps.
type BatchAnswer struct {
	Results map[string]*Answer
	Errors  map[string]*Error
	Time    Time
}

// BatchSafe tells whether a call may stand in a batch.
func BatchSafe(p Params) bool { return !holdsReference(map[string]any(p)) }

func holdsReference(v any) bool {
	switch t := v.(type) {
	case string:
		return strings.Contains(t, "$result[")
	case map[string]any:
		for _, e := range t {
			if holdsReference(e) {
				return true
			}
		}
	case Params:
		return holdsReference(map[string]any(t))
	case []any:
		return slices.ContainsFunc(t, holdsReference)
	case []string:
		for _, e := range t {
			if holdsReference(e) {
				return true
			}
		}
	}
	return false
}

// Batch sends up to 50 commands in one request. An error means that the whole request failed; failures of single commands are in the answer.
func (c *Client) Batch(ctx context.Context, to Target, commands []Command, halt bool) (*BatchAnswer, error) {
	if len(commands) == 0 || len(commands) > MaxBatch {
		return nil, fmt.Errorf("bitrix24: a batch of %d commands", len(commands))
	}
	cmd := map[string]string{}
	for _, command := range commands {
		if !BatchSafe(command.Params) {
			return nil, fmt.Errorf("%w: %s", ErrBatchUnsafe, command.Method)
		}
		query, err := Query(command.Params, halt)
		if err != nil {
			return nil, fmt.Errorf("bitrix24: encode %s: %w", command.Method, err)
		}
		cmd[command.Key] = command.Method + "?" + query
	}
	h := 0
	if halt {
		h = 1
	}
	answer, err := c.Call(ctx, to, Call{Method: "batch", Params: Params{"halt": h, "cmd": cmd}})
	if err != nil {
		return nil, err
	}
	return readBatch(commands, answer, halt)
}

func readBatch(commands []Command, answer *Answer, halt bool) (*BatchAnswer, error) {
	var parts struct {
		Result Map[json.RawMessage] `json:"result"`
		Error  Map[struct {
			Code        json.RawMessage `json:"error"`
			Description String          `json:"error_description"`
			Argument    String          `json:"argument"`
		}] `json:"result_error"`
		Total Map[ID]   `json:"result_total"`
		Next  Map[ID]   `json:"result_next"`
		Time  Map[Time] `json:"result_time"`
	}
	if err := json.Unmarshal(answer.Result, &parts); err != nil {
		return nil, &Error{HTTP: http.StatusBadGateway, Method: "batch", Code: "ERROR_UNEXPECTED_ANSWER", Description: "the batch's answer is not understood"}
	}
	out := &BatchAnswer{Results: map[string]*Answer{}, Errors: map[string]*Error{}, Time: answer.Time}
	failed := false
	for _, command := range commands {
		key := command.Key
		if e, ok := parts.Error[key]; ok {
			code, _ := errorCode(e.Code)
			out.Errors[key] = &Error{HTTP: http.StatusBadRequest, Method: command.Method, Code: code, Description: string(e.Description), Argument: string(e.Argument)}
			failed = true
			continue
		}
		if result, ok := parts.Result[key]; ok {
			a := &Answer{Result: result, Time: parts.Time[key]}
			if n, ok := parts.Total[key]; ok {
				total := int(n)
				a.Total = &total
			}
			if n, ok := parts.Next[key]; ok {
				next := int(n)
				a.Next = &next
			}
			out.Results[key] = a
			continue
		}
		if halt && failed {
			out.Errors[key] = &Error{HTTP: http.StatusBadRequest, Method: command.Method, Code: "NOT_REACHED", Description: "an earlier command of the batch failed"}
			continue
		}
		// Neither a result nor an error: the portal broke off. Whether it ran is unknown.
		out.Errors[key] = &Error{HTTP: http.StatusBadGateway, Method: command.Method, Code: "ERROR_UNEXPECTED_ANSWER", Description: "the batch holds no answer for this command"}
	}
	return out, nil
}

// Query encodes parameters in PHP's bracket form: fields[PHONE][0][VALUE]=…. Keys are sorted, so equal parameters give equal queries.
func Query(p Params, refs bool) (string, error) {
	var parts []string
	if err := appendQuery(&parts, "", map[string]any(p), refs); err != nil {
		return "", err
	}
	return strings.Join(parts, "&"), nil
}

func appendQuery(parts *[]string, prefix string, v any, refs bool) error {
	name := func(key string) string {
		if prefix == "" {
			return url.QueryEscape(key)
		}
		return prefix + "%5B" + url.QueryEscape(key) + "%5D"
	}
	switch t := v.(type) {
	case nil:
		*parts = append(*parts, prefix+"=")
		return nil
	case Ref:
		if !refs {
			return errors.New("a reference needs a batch that halts")
		}
		*parts = append(*parts, prefix+"="+url.QueryEscape("$result["+t.Key+"]["+strings.ReplaceAll(t.Path, ".", "][")+"]"))
		return nil
	case string:
		*parts = append(*parts, prefix+"="+url.QueryEscape(t))
		return nil
	case bool:
		n := "0"
		if t {
			n = "1"
		}
		*parts = append(*parts, prefix+"="+n)
		return nil
	case json.Number:
		*parts = append(*parts, prefix+"="+url.QueryEscape(t.String()))
		return nil
	}
	value := reflect.ValueOf(v)
	switch value.Kind() {
	case reflect.Map:
		keys := make([]string, 0, value.Len())
		for _, k := range value.MapKeys() {
			keys = append(keys, fmt.Sprint(k.Interface()))
		}
		sort.Strings(keys)
		for _, k := range keys {
			if err := appendQuery(parts, name(k), value.MapIndex(reflect.ValueOf(k).Convert(value.Type().Key())).Interface(), refs); err != nil {
				return err
			}
		}
		return nil
	case reflect.Slice, reflect.Array:
		for i := range value.Len() {
			if err := appendQuery(parts, name(fmt.Sprint(i)), value.Index(i).Interface(), refs); err != nil {
				return err
			}
		}
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		*parts = append(*parts, prefix+"="+fmt.Sprint(v))
		return nil
	case reflect.Float32, reflect.Float64:
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		*parts = append(*parts, prefix+"="+url.QueryEscape(string(raw)))
		return nil
	case reflect.String:
		*parts = append(*parts, prefix+"="+url.QueryEscape(value.String()))
		return nil
	}
	return fmt.Errorf("a %T is no parameter", v)
}
