package uis

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// restCall is one request to the management or adapter API, which are plain REST.
type restCall struct {
	api    API
	verb   string
	path   string // appended to the API's base; holds no secrets
	name   string // for logs, "POST message"; empty: verb and path
	bearer string
	body   any  // nil for none
	secret bool // body or answer hold secrets: nothing of them is shown to the observer
}

// rest makes the request and decodes the answer into out (nil ignores it).
func (c *Client) rest(ctx context.Context, call restCall, out any) error {
	base, err := c.hosts.Address(call.api)
	if err != nil {
		return err
	}
	name := call.name
	if name == "" {
		name = call.verb + " " + call.path
	}
	r, encoded, err := jsonRequest(ctx, call.verb, base+call.path, call.body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+call.bearer)
	x := Exchange{API: call.api, Method: name, Started: time.Now()}
	if !call.secret {
		x.Params = withoutToken(encoded)
	}
	got, failure := c.do(r, call.api, name)
	switch {
	case failure != nil:
		x.HTTP, x.Err = failure.HTTP, failure
	default:
		x.HTTP = got.status
		if !call.secret {
			x.Answer = withoutToken(got.body)
		}
		x.Err = judgeREST(call.api, name, got, out)
	}
	c.report(ctx, x)
	return x.Err
}

// withoutToken hides the token of a message's file from observers: whoever has it can fetch the file.
func withoutToken(body []byte) []byte {
	var message map[string]json.RawMessage
	var resource map[string]any
	if !bytes.Contains(body, []byte(`"token"`)) || json.Unmarshal(body, &message) != nil || json.Unmarshal(message["resource"], &resource) != nil {
		return body
	}
	resource["token"] = "…"
	hidden, err := encode(resource)
	if err != nil {
		return nil
	}
	message["resource"] = hidden
	if body, err = encode(message); err != nil {
		return nil
	}
	return body
}

func judgeREST(api API, name string, got answer, out any) error {
	if got.status < 200 || got.status > 299 {
		return restError(api, name, got)
	}
	if out == nil {
		return nil
	}
	if _, raw := out.(*json.RawMessage); raw && len(bytes.TrimSpace(got.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(got.body, out); err != nil {
		return &Error{API: api, Method: name, HTTP: got.status, Message: "unexpected answer: " + shorten(err.Error(), 200), Cause: err, sent: true}
	}
	return nil
}

// restError reads what it can of an error whose form is not documented: detail, message or error, as text or as a list of refused fields.
func restError(api API, name string, got answer) *Error {
	e := &Error{API: api, Method: name, HTTP: got.status, Message: http.StatusText(got.status), sent: true}
	var body struct {
		Detail   json.RawMessage `json:"detail"`
		Error    json.RawMessage `json:"error"`
		Message  json.RawMessage `json:"message"`
		Mnemonic Word            `json:"mnemonic"`
	}
	if json.Unmarshal(got.body, &body) != nil {
		return e
	}
	e.Mnemonic = string(body.Mnemonic)
	for _, raw := range []json.RawMessage{body.Detail, body.Error, body.Message} {
		if describe(e, raw) {
			break
		}
	}
	return e
}

func describe(e *Error, raw json.RawMessage) bool {
	if len(raw) == 0 || string(raw) == "null" {
		return false
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		e.Message = shorten(text, 300)
		return text != ""
	}
	type part struct {
		Loc      []Word `json:"loc"`
		Msg      string `json:"msg"`
		Message  string `json:"message"`
		Mnemonic Word   `json:"mnemonic"`
		Field    Word   `json:"field"`
	}
	var parts []part
	if json.Unmarshal(raw, &parts) != nil {
		var one part
		if json.Unmarshal(raw, &one) != nil {
			return false
		}
		parts = []part{one}
	}
	if len(parts) == 0 {
		return false
	}
	p := parts[0]
	if p.Mnemonic != "" {
		e.Mnemonic = string(p.Mnemonic)
	}
	e.Field = string(p.Field)
	if n := len(p.Loc); n > 0 {
		e.Field = string(p.Loc[n-1])
	}
	e.Message = shorten(strings.TrimSpace(p.Msg+p.Message), 300)
	return true
}

// items reads a list that may be wrapped in an object.
type items[T any] []T

// UnmarshalJSON reads a list, or the list inside data, items or result.
func (l *items[T]) UnmarshalJSON(b []byte) error {
	var rows []T
	if len(b) > 0 && b[0] == '{' {
		var wrapped struct {
			Data, Items, Result json.RawMessage
		}
		if err := json.Unmarshal(b, &wrapped); err != nil {
			return err
		}
		for _, inner := range []json.RawMessage{wrapped.Data, wrapped.Items, wrapped.Result} {
			if len(inner) > 0 {
				b = inner
				break
			}
		}
	}
	if err := json.Unmarshal(b, &rows); err != nil {
		return err
	}
	*l = rows
	return nil
}
