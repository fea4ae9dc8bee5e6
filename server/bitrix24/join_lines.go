package bitrix24

import (
	"encoding/json"
	"slices"
	"strings"
)

// Join tells how several calls of a method become one. Its functions are pure.
type Join struct {
	// Most is how many calls, Size how many bytes of parameters.
	Most, Size int
	// Params joins the parameters, oldest first; false: these cannot be joined.
	Params func(each []json.RawMessage) (json.RawMessage, bool)
	// Split gives each its part of the answer; fewer parts than calls: the answer says nothing about the rest.
	Split func(each []json.RawMessage, answer json.RawMessage) []Part
}

// Part is what became of one of the calls: a result as if it had been made alone, a refusal, or neither, when the answer says nothing about it.
type Part struct {
	Result json.RawMessage
	Err    *Error
}

// joinLines makes one imconnector.send.messages of several for one line. A file is fetched during the call, so messages with files go alone.
var joinLines = Join{Most: 20, Size: 64 << 10, Params: joinMessages, Split: splitMessages}

// lineCall is what joining looks at; everything else of a message travels as it is.
type lineCall struct {
	Connector json.RawMessage   `json:"CONNECTOR"`
	Line      json.RawMessage   `json:"LINE"`
	Messages  []json.RawMessage `json:"MESSAGES"`
}

func readLineCall(raw json.RawMessage) (lineCall, bool) {
	var fields map[string]json.RawMessage
	var c lineCall
	if json.Unmarshal(raw, &fields) != nil || json.Unmarshal(raw, &c) != nil || len(c.Messages) == 0 {
		return c, false
	}
	for name := range fields {
		if name != "CONNECTOR" && name != "LINE" && name != "MESSAGES" {
			return c, false
		}
	}
	return c, true
}

func joinMessages(each []json.RawMessage) (json.RawMessage, bool) {
	var all lineCall
	for i, raw := range each {
		c, ok := readLineCall(raw)
		if !ok || slices.ContainsFunc(c.Messages, hasFiles) {
			return nil, false
		}
		if i == 0 {
			all = c
			continue
		}
		if string(c.Connector) != string(all.Connector) || string(c.Line) != string(all.Line) {
			return nil, false
		}
		all.Messages = append(all.Messages, c.Messages...)
	}
	joined, err := json.Marshal(all)
	return joined, err == nil
}

func hasFiles(message json.RawMessage) bool {
	files := valueOf(message).at("message", "files")
	list, isList := files.each()
	return len(list) > 0 || !isList && files.v != nil
}

// splitMessages finds the element of each message by its id, or by its place when the answer names no ids. A call none of whose messages arrived is refused in
// the portal's words, although it answered SUCCESS.
func splitMessages(each []json.RawMessage, answer json.RawMessage) []Part {
	parts := make([]Part, len(each))
	var said struct {
		Data struct {
			Result List[json.RawMessage] `json:"RESULT"`
		} `json:"DATA"`
	}
	if json.Unmarshal(answer, &said) != nil {
		return nil
	}
	elements := said.Data.Result
	if len(elements) == 0 && len(each) == 1 && valueOf(answer).at("SUCCESS").text() == "1" {
		return []Part{{Result: answer}} // nothing to tell apart
	}
	total := 0
	calls := make([]lineCall, len(each))
	for i, raw := range each {
		calls[i], _ = readLineCall(raw)
		total += len(calls[i].Messages)
	}
	taken := make([]bool, len(elements))
	place := 0
	for i, c := range calls {
		var own []json.RawMessage
		for _, message := range c.Messages {
			at := elementOf(message, elements, taken, place, total)
			place++
			if at < 0 {
				own = nil
				break
			}
			taken[at] = true
			own = append(own, elements[at])
		}
		parts[i] = partOf(c, own)
	}
	return parts
}

// elementOf is which element of the answer is about a message; -1: none.
func elementOf(message json.RawMessage, elements []json.RawMessage, taken []bool, place, total int) int {
	id := valueOf(message).at("message").at("id").text()
	named := false
	for i, e := range elements {
		theirs := valueOf(e).at("message").at("id").text()
		named = named || theirs != ""
		if !taken[i] && id != "" && theirs == id {
			return i
		}
	}
	if !named && len(elements) == total && !taken[place] {
		return place
	}
	return -1
}

func partOf(c lineCall, own []json.RawMessage) Part {
	if len(own) == 0 || len(own) < len(c.Messages) {
		return Part{}
	}
	var words []string
	arrived := false
	for _, raw := range own {
		var e LineMessage
		if json.Unmarshal(raw, &e) != nil {
			return Part{}
		}
		arrived = arrived || bool(e.OK)
		for _, w := range e.Errors {
			words = append(words, string(w))
		}
	}
	if !arrived {
		return Part{Err: &Error{HTTP: 400, Method: "imconnector.send.messages", Code: "ERROR_ARGUMENT", Description: short(strings.Join(words, "; "), 300)}}
	}
	result, err := json.Marshal(map[string]any{"SUCCESS": true, "DATA": map[string]any{"RESULT": own}})
	if err != nil {
		return Part{}
	}
	return Part{Result: result}
}
