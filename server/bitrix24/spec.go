package bitrix24

import (
	"encoding/json"
	"slices"
	"strings"
)

// CheckMode says how an unclear call is settled once its request can no longer be running: a portal goes on working after the caller stopped listening.
type CheckMode string

// The four ways.
const (
	CheckRead   CheckMode = "read"   // no effect: send it again
	CheckSet    CheckMode = "set"    // repeating is harmless; a probe, where there is one, may save the repeat
	CheckFind   CheckMode = "find"   // its effect can be looked up: found is done, absent means again, undecided means that nobody knows
	CheckPerson CheckMode = "person" // nothing can tell and repeating would double it: a person decides
)

// Finding is what a judge concludes.
type Finding int

// Undecided: nothing can be said. Absent: the effect is not there. Found: it is. A judge that does not understand an answer says Undecided, never Found.
const (
	Undecided Finding = iota
	Absent
	Found
)

// Spec is what is known of a method.
type Spec struct {
	Method string
	// Scope is what the app must be granted for it; "" is the basic scope.
	Scope string
	// Alone: it may not stand in a batch (files, and calls during which the portal fetches one).
	Alone bool
	// App: it works only with a token of an application (docs: WRONG_AUTH_TYPE), not with an incoming webhook.
	App  bool
	Mode CheckMode
	// Probe is the read that may show the effect of a call with these parameters; uid is the caller's own id of the command. False, or a nil Probe: there is none.
	Probe func(params json.RawMessage, uid string) (Call, bool)
	// Judge reads the probe's answer. With Found, the result is shaped like the lost answer as far as the probe shows it.
	Judge func(params json.RawMessage, uid string, answer json.RawMessage) (Finding, json.RawMessage)
	// Done knows errors that prove the effect when they answer a repeat ("Call is not found" of finish: the first one ended it). Nil: there are none.
	Done func(*Error) bool
	// Join says how several calls become one; nil: they do not.
	Join *Join
}

// Writes tells whether the method changes anything.
func (s Spec) Writes() bool { return s.Mode != CheckRead }

// ProvesDone tells whether an error that answered a repeated call proves that an earlier one had its effect.
func (s Spec) ProvesDone(e *Error) bool { return s.Done != nil && e != nil && s.Done(e) }

// SpecOf gives the spec of a method, in any case: portals do not mind it either.
func SpecOf(method string) (Spec, bool) {
	s, ok := table[strings.ToLower(method)]
	return s, ok
}

// Specs lists all of them by name.
func Specs() []Spec {
	out := make([]Spec, 0, len(table))
	for _, k := range inOrder(table) {
		out = append(out, table[k])
	}
	return out
}

// table is every method by its name in lower case.
var table = func() map[string]Spec {
	out := map[string]Spec{}
	for _, s := range slices.Concat(specsApp, specsCRM, specsTimeline, specsTelephony, specsLines, specsPeople) {
		out[strings.ToLower(s.Method)] = s
	}
	return out
}()

// each gives several methods the same spec.
func each(s Spec, methods ...string) []Spec {
	out := make([]Spec, len(methods))
	for i, m := range methods {
		s.Method = m
		out[i] = s
	}
	return out
}

// already is Done for what may exist only once.
func already(e *Error) bool { return e.Class() == Already }

// gone is Done for deletions.
func gone(e *Error) bool { return e.Class() == NotFound }

// probe makes a Probe of a function that builds the read from the parameters; an empty method means that there is none.
func probe(build func(params value) Call) func(json.RawMessage, string) (Call, bool) {
	return func(params json.RawMessage, _ string) (Call, bool) {
		call := build(valueOf(params))
		return call, call.Method != ""
	}
}

// judge makes a Judge of a function over plain values.
func judge(decide func(params, answer value) (Finding, json.RawMessage)) func(json.RawMessage, string, json.RawMessage) (Finding, json.RawMessage) {
	return func(params json.RawMessage, _ string, answer json.RawMessage) (Finding, json.RawMessage) {
		return decide(valueOf(params), valueOf(answer))
	}
}

// inList judges by a list that names everything there is: found when one element is ours, absent when none is, undecided when the answer is no list.
func inList(ours func(params, row value) bool, result func(row value) json.RawMessage) func(json.RawMessage, string, json.RawMessage) (Finding, json.RawMessage) {
	return judge(func(params, answer value) (Finding, json.RawMessage) {
		rows, isList := answer.each()
		if !isList {
			return Undecided, nil
		}
		for _, row := range rows {
			if ours(params, row) {
				return Found, result(row)
			}
		}
		return Absent, nil
	})
}

func resultTrue(value) json.RawMessage { return json.RawMessage("true") }
