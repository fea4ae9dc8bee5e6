package bitrix24

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// RecordPart is one call of a recorded request: the request itself, or a command of a batch.
type RecordPart struct {
	// Key is the command's key in its batch; empty: the request was no batch.
	Key    string
	Method string
	// Asked and Answered are JSON, as they went over the wire but for the access token. They may hold other secrets and be long. Nil: nothing.
	Asked, Answered []byte
	Error           *Error
	Took            time.Duration
}

// Parts takes a record apart. It is some work, so whoever logs does it aside.
func (r Record) Parts() []RecordPart {
	if r.form {
		return []RecordPart{{Method: r.Method, Asked: formJSON(r.request), Answered: onlyJSON(r.answer), Error: r.failure, Took: r.Duration}}
	}
	var asked map[string]json.RawMessage
	if json.Unmarshal(r.request, &asked) != nil {
		asked = nil
	}
	delete(asked, "auth")
	if r.Method == "batch" {
		if parts := r.commands(asked["cmd"]); len(parts) > 0 {
			return parts
		}
	}
	part := RecordPart{Method: r.Method, Asked: mustJSON(asked), Error: r.failure, Took: r.Duration}
	var e envelope
	switch {
	case json.Unmarshal(r.answer, &e) != nil:
	case e.Result != nil:
		part.Answered = e.Result
	default:
		part.Answered = r.answer
	}
	return []RecordPart{part}
}

// commands are the parts of a batch, in its order.
func (r Record) commands(cmd json.RawMessage) []RecordPart {
	var e envelope
	var answered batchParts
	if json.Unmarshal(r.answer, &e) == nil && e.Result != nil {
		_ = json.Unmarshal(e.Result, &answered) // what cannot be read leaves the parts without answers
	}
	d := json.NewDecoder(bytes.NewReader(cmd))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	var parts []RecordPart
	for d.More() {
		key, err := d.Token()
		name, isText := key.(string)
		var line string
		if err != nil || !isText || d.Decode(&line) != nil {
			return parts
		}
		method, query, _ := strings.Cut(line, "?")
		part := RecordPart{Key: name, Method: method, Asked: formJSON([]byte(query)), Error: r.failure, Took: seconds(timeOf(answered.Time[name]).Duration)}
		if raw, refused := answered.Error[name]; refused {
			part.Error = commandError(method, raw)
		} else if result, done := answered.Result[name]; done {
			part.Answered = result
		} else if part.Error == nil {
			part.Error = &Error{HTTP: http.StatusBadGateway, Method: method, Code: codeNoAnswer}
		}
		parts = append(parts, part)
	}
	return parts
}

// formJSON shows a form as JSON. The code of a consent is a secret that no name gives away elsewhere.
func formJSON(body []byte) []byte {
	form, err := ParseForm(body)
	if err != nil {
		return nil
	}
	if code := form.Children["code"]; code != nil && form.Children["grant_type"] != nil {
		code.Text = "***"
	}
	if form.Children == nil {
		return []byte("{}")
	}
	return mustJSON(form)
}

func onlyJSON(raw []byte) []byte {
	if !json.Valid(raw) {
		return nil
	}
	return raw
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
