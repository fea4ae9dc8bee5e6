package bitrix24

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
)

// MaxBatch is how many commands a batch holds (docs: batch).
const MaxBatch = 50

// Command is a call of a batch with the key its result comes under: letters, digits and underscores, unique in the batch.
type Command struct {
	Key string
	Call
}

// BatchAnswer is what became of a batch: each key is in exactly one of the maps.
type BatchAnswer struct {
	Results map[string]*Answer
	// Errors may hold two codes of our own: NO_ANSWER (the portal said nothing about the command, so it may have run) and
	// NOT_REACHED (a batch with halt stopped before it, so it did not).
	Errors map[string]*Error
	Time   Time
}

var (
	validKey    = regexp.MustCompile(`^[A-Za-z0-9_]{1,100}$`)
	validMethod = regexp.MustCompile(`^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$`)
)

// Batch sends up to 50 commands in one request, in their order. With halt the portal stops at the first failing command. An error means that the whole request
// failed: *Error, or ErrBatchUnsafe (wrapped) before anything was sent. Failures of single commands are in the answer.
func (c *Client) Batch(ctx context.Context, to Target, commands []Command, halt bool) (*BatchAnswer, error) {
	cmd, err := encodeCommands(commands, halt)
	if err != nil {
		return nil, err
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

// encodeCommands writes the object `cmd`. It is written by hand because the portal runs commands in the order of its keys, which a Go map does not keep.
func encodeCommands(commands []Command, halt bool) (json.RawMessage, error) {
	if len(commands) == 0 || len(commands) > MaxBatch {
		return nil, fmt.Errorf("bitrix24: a batch of %d commands", len(commands))
	}
	var out bytes.Buffer
	seen := map[string]bool{}
	for i, command := range commands {
		if !validKey.MatchString(command.Key) || seen[command.Key] {
			return nil, fmt.Errorf("bitrix24: %q is no key of a batch, or used twice", short(command.Key, 60))
		}
		seen[command.Key] = true
		if !validMethod.MatchString(command.Method) {
			return nil, fmt.Errorf("bitrix24: %q is no method", short(command.Method, 60))
		}
		query, err := Query(command.Params, halt)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", command.Method, err)
		}
		line, err := json.Marshal(command.Method + "?" + query)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", command.Method, err)
		}
		out.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(&out, "%q:%s", command.Key, line)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// batchParts is the result of `batch`. Every part may come as [] when it is empty and as a list when its keys are 0, 1, 2…
type batchParts struct {
	Result Map[json.RawMessage] `json:"result"`
	Error  Map[json.RawMessage] `json:"result_error"`
	Total  Map[json.RawMessage] `json:"result_total"`
	Next   Map[json.RawMessage] `json:"result_next"`
	Time   Map[json.RawMessage] `json:"result_time"`
}

func readBatch(commands []Command, answer *Answer, halt bool) (*BatchAnswer, error) {
	var parts batchParts
	if err := json.Unmarshal(answer.Result, &parts); err != nil {
		return nil, &Error{HTTP: http.StatusBadGateway, Method: "batch", Code: codeUnexpected, Description: "the batch's answer is not understood"}
	}
	out := &BatchAnswer{Results: map[string]*Answer{}, Errors: map[string]*Error{}, Time: answer.Time}
	failed := false
	for _, command := range commands {
		key := command.Key
		result, answered := parts.Result[key]
		switch e, refused := parts.Error[key]; {
		case refused:
			out.Errors[key] = commandError(command.Method, e)
			failed = true
		case answered:
			out.Results[key] = &Answer{Result: result, Total: count(parts.Total[key]), Next: count(parts.Next[key]), Time: timeOf(parts.Time[key])}
		case halt && failed:
			out.Errors[key] = &Error{HTTP: http.StatusBadRequest, Method: command.Method, Code: codeNotReached, Description: "an earlier command of the batch failed"}
		default:
			out.Errors[key] = &Error{HTTP: http.StatusBadGateway, Method: command.Method, Code: codeNoAnswer, Description: "the batch holds no answer for this command"}
		}
	}
	return out, nil
}

// commandError reads one entry of result_error. Its HTTP status is ours: the portal sends none for a command.
func commandError(method string, raw json.RawMessage) *Error {
	e := &Error{HTTP: http.StatusBadRequest, Method: method}
	var said envelope
	if err := json.Unmarshal(raw, &said); err != nil {
		e.Description = short(string(raw), 300) // not an object: its words are all there is
		return e
	}
	e.Code, _ = errorCode(said.Error)
	e.Description, e.Argument = said.words(), string(said.Argument)
	return e
}

// count reads result_total and result_next; what is not a number counts as not told.
func count(raw json.RawMessage) *int {
	var id ID
	if raw == nil || json.Unmarshal(raw, &id) != nil {
		return nil
	}
	n := int(id)
	return &n
}

func timeOf(raw json.RawMessage) Time {
	var t Time
	if raw != nil {
		_ = json.Unmarshal(raw, &t) // Time never refuses
	}
	return t
}
