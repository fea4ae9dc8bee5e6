package uis

import (
	"encoding/json"
	"time"
)

// CheckMode says what becomes of a command whose outcome is unclear (Execution Unknown) once the request can no longer be running.
type CheckMode string

const (
	// CheckSet: repeating is harmless, so it is repeated; a probe or a webhook may show earlier that it is done.
	CheckSet CheckMode = "set"
	// CheckFind: its effect can be found; not found means send again.
	CheckFind CheckMode = "find"
	// CheckPerson: its effect may be found; not found means that a person is told, it is never repeated by itself.
	CheckPerson CheckMode = "person"
)

// Sent is a command that went out, with what is needed to recognise its effect.
type Sent struct {
	Command Command
	At      time.Time      // when it was marked sent
	Zone    *time.Location // of the account (reports give wall time); nil: unknown, then reports decide nothing
	// KnownMessages are the ids of the chat's messages that belong to other commands or people. Chat commands go in order per chat, so at most one
	// message of a chat is unclear at a time.
	KnownMessages map[MessageID]bool
	// Channel is the account's channel of a chat that was started: the adapter's channel id is another number.
	Channel ChannelID
	// ChatStarted is when the chat began, for reports that want dates; zero: unknown.
	ChatStarted time.Time
}

// Probe is a read that shows the effect. Its answer is result.data of Client.Do.
type Probe Command

// Finding is what a judge concludes.
type Finding string

const (
	// Found: the effect is there, the command is done. ID is that of what was made.
	Found Finding = "found"
	// Absent: the effect is not there. It counts only when the probe was made after the request could no longer be running.
	Absent Finding = "absent"
	// Undecided: nothing can be said, Reason tells why.
	Undecided Finding = "undecided"
)

// Verdict is a finding with its reason, in English for logs.
type Verdict struct {
	Finding Finding
	ID      int64 // message, chat, call session or contact; 0 when nothing was made or it is not known
	Reason  string
}

// Spec says how the effect of one writing method is checked. All its functions are pure.
type Spec struct {
	Method string
	Mode   CheckMode
	// Within is how long finding is tried before a CheckPerson is told to a person; 0: the request's own limit.
	Within time.Duration

	probes   func(Sent) []Probe
	judge    func(Sent, []json.RawMessage) Verdict
	webhook  func(Sent, Webhook) Verdict
	notified func(Sent, Notification) Verdict
	done     map[Class]bool
}

// SpecOf gives the spec of a writing method (MethodSendMessage, "start.employee_call" …); false for methods that only read and for unknown ones.
func SpecOf(method string) (Spec, bool) {
	spec, ok := specs()[method]
	spec.Method = method
	return spec, ok
}

// Specs lists all of them.
func Specs() []Spec {
	var all []Spec
	for method, spec := range specs() {
		spec.Method = method
		all = append(all, spec)
	}
	return all
}

func specs() map[string]Spec {
	call := Spec{Mode: CheckPerson, Within: 5 * time.Second, probes: callProbes, judge: judgeCall, notified: notifiedCall}
	return map[string]Spec{
		MethodSendMessage:       {Mode: CheckFind, probes: messageProbes, judge: judgeMessage, webhook: webhookMessage},
		MethodStartChat:         {Mode: CheckPerson, probes: chatProbes, judge: judgeChat, webhook: webhookChat, notified: nil},
		MethodCloseChat:         {Mode: CheckSet, probes: closeProbes, judge: judgeClose, webhook: webhookClose, notified: notifiedClose, done: closedClasses},
		MethodTransferChat:      {Mode: CheckSet, webhook: webhookTransfer, notified: notifiedTransfer},
		MethodUpload:            {Mode: CheckSet},
		MethodStartEmployeeCall: call,
		MethodStartScenarioCall: call,
		MethodStartVNumberCall:  call,
		MethodStartSimpleCall:   call,
		MethodReleaseCall:       {Mode: CheckSet, done: map[Class]bool{NotFound: true}},
		MethodUpdateEmployees:   {Mode: CheckSet, probes: employeeProbes, judge: judgeEmployee},
		MethodCreateContacts:    {Mode: CheckFind, probes: contactProbes, judge: judgeContact},
		MethodUpdateContacts:    {Mode: CheckSet},
		MethodDeleteContacts:    {Mode: CheckSet, done: map[Class]bool{NotFound: true}},
		MethodCreateTags:        {Mode: CheckSet, done: map[Class]bool{Duplicate: true}},
		MethodSetTag:            {Mode: CheckSet, done: map[Class]bool{Duplicate: true}},
		MethodUnsetTag:          {Mode: CheckSet, done: map[Class]bool{NotFound: true}},
		MethodEnsureAdapter:     {Mode: CheckSet},
		MethodEnsureAccount:     {Mode: CheckSet},
	}
}

// Names of the two ensuring calls of Management; they list before they create, so repeating them is how they are checked.
const (
	MethodEnsureAdapter = "ensure adapter"
	MethodEnsureAccount = "ensure account"
)

var closedClasses = map[Class]bool{WrongState: true, Duplicate: true}

// Probes are the reads that may show the effect; none when nothing can be read.
func (s Spec) Probes(sent Sent) []Probe {
	if s.probes == nil {
		return nil
	}
	return s.probes(sent)
}

// Judge concludes from the answers to Probes, in their order; an answer that failed is nil and makes "absent" impossible.
func (s Spec) Judge(sent Sent, answers []json.RawMessage) Verdict {
	if s.judge == nil {
		return undecided("nothing to read")
	}
	return s.judge(sent, answers)
}

// Webhook concludes from a webhook that came after sending; Undecided when it says nothing about the command.
func (s Spec) Webhook(sent Sent, w Webhook) Verdict {
	if s.webhook == nil {
		return undecided("no webhook shows it")
	}
	return s.webhook(sent, w)
}

// Notification concludes from a notification that came after sending; Undecided when it says nothing about the command.
func (s Spec) Notification(sent Sent, n Notification) Verdict {
	if s.notified == nil {
		return undecided("no notification shows it")
	}
	return s.notified(sent, n)
}

// Done reports whether a refusal means that the effect is there already ("call session not found" for a call to be ended).
func (s Spec) Done(err error) bool { return s.done[ClassOf(err)] && ExecutedOf(err) == NotExecuted }

// Result is what the lost answer would have been, as far as callers use it: {"id":…}, {"chat_id":…}, {"call_session_id":…}; nil for methods whose
// answer says nothing and for verdicts other than Found.
func (s Spec) Result(v Verdict) json.RawMessage {
	field := map[string]string{
		MethodSendMessage: "id", MethodCreateContacts: "id", MethodStartChat: "chat_id", MethodStartEmployeeCall: "call_session_id",
		MethodStartScenarioCall: "call_session_id", MethodStartVNumberCall: "call_session_id", MethodStartSimpleCall: "call_session_id",
	}[s.Method]
	if field == "" || v.Finding != Found {
		return nil
	}
	return json.RawMessage(`{"` + field + `":` + itoa(v.ID) + `}`)
}

func found(id int64, reason string) Verdict { return Verdict{Finding: Found, ID: id, Reason: reason} }
func absent(reason string) Verdict          { return Verdict{Finding: Absent, Reason: reason} }
func undecided(reason string) Verdict       { return Verdict{Finding: Undecided, Reason: reason} }

// paramsOf reads a stored command's parameters.
func paramsOf[T any](sent Sent) (T, bool) {
	var p T
	return p, json.Unmarshal(sent.Command.Params, &p) == nil
}

// rowsOf reads one answer; false when the probe failed.
func rowsOf[T any](answers []json.RawMessage, i int) ([]T, bool) {
	if i >= len(answers) || answers[i] == nil {
		return nil, false
	}
	var rows []T
	return rows, json.Unmarshal(answers[i], &rows) == nil
}

func reading(api API, method string, q Query) Probe {
	params, err := encode(q.params())
	if err != nil { // only values made here are encoded
		params = nil
	}
	return Probe{API: api, Method: method, Params: params}
}

// Reports round to seconds and the platform's clock is not ours.
const clockSlack = 2 * time.Minute

// notBefore reports whether a report's time is not earlier than sending, give or take the clocks.
func notBefore(wall WallTime, zone *time.Location, sent time.Time) bool {
	at, err := wall.In(zone)
	return err == nil && !at.IsZero() && !at.Before(sent.Add(-clockSlack))
}
