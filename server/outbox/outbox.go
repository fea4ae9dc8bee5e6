// Package outbox sends everything our address asks of portals and of UIS: commands in lanes, within budgets, in order per key, each with exactly one effect.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"omni/server/ids"
)

// LaneKind says which platform API a lane serves.
type LaneKind string

// The kinds of lanes: one LaneB24 per portal, one of each UIS kind per account.
const (
	LaneB24     LaneKind = "b24"
	LaneUISData LaneKind = "uis.data"
	LaneUISCall LaneKind = "uis.call"
	LaneUISChat LaneKind = "uis.chat"
)

// LaneRef names a lane inside an account. Portal is 0 for UIS lanes.
type LaneRef struct {
	Kind   LaneKind
	Portal ids.PortalID
}

// Lane is a lane of an account.
type Lane struct {
	Account ids.AccountID
	ID      ids.LaneID
	LaneRef
}

// Priority says who waits for a command.
type Priority int

// A person waits; somebody will look soon; nobody is in a hurry.
const (
	Waiting Priority = iota
	Live
	Background
)

// Command is something to do at a platform.
type Command struct {
	Lane LaneRef
	// Key orders commands: those of one key leave one after the other, each when the one before has its answer. Independent ones do not wait.
	Key         ids.Key
	Independent bool
	// Kind is a registered kind: for portals the method's name.
	Kind string
	// Params is encoded as JSON. {"$from":"name","path":"item.id"} anywhere is filled from the result of a followed command of the plan
	// (an empty path is the whole result, a missing or empty value refuses the command); {"$uid":true} is the command's own UUID.
	Params any
	// Meta goes along to the kind's check and transport and is not sent.
	Meta any
	// Commands of one call with the same Plan form a plan and end in one event. Name is what After and $from of others in it refer to; a nameless one
	// of several is called "1", "2" … by its place.
	Plan  string
	Name  string
	After []string

	Priority Priority
	// Deadline drops the command when it has not been sent by then; zero: none. Physical time.
	Deadline time.Time
	// Merge: an unsent command of the same lane, key and kind with this name is replaced by this one, plan and answer included. Only commands that are
	// alone in their plan merge. Of a kind with Join nothing is replaced: those that wait one behind the other leave as one call.
	Merge string
	// NoteUnclear posts ReplyKind+".unclear" when the command's fate has to be looked into.
	NoteUnclear bool

	// ReplyKey gets one event of ReplyKind with a PlanAnswer when the whole plan has ended. Empty: nobody waits.
	ReplyKey  ids.Key
	ReplyKind string
	// Tag comes back with the answer.
	Tag json.RawMessage
}

// PlanAnswer is the body of the event a plan ends in.
type PlanAnswer struct {
	Plan    string            `json:"plan"`
	Tag     json.RawMessage   `json:"tag"`
	Results map[string]Result `json:"results"`
}

// Result is what became of a command.
type Result struct {
	// State is done, refused, cancelled, expired, dropped or unconfirmed.
	State   string          `json:"state"`
	Command ids.CommandID   `json:"command"`
	UID     string          `json:"uid"`
	Result  json.RawMessage `json:"result,omitempty"`
	// Class sorts a refusal, Code and Text are the platform's words.
	Class string `json:"class,omitempty"`
	Code  string `json:"code,omitempty"`
	Text  string `json:"text,omitempty"`
}

// Transport sends requests of one kind of lane. It never retries by itself.
type Transport interface {
	// Send sends commands in one request (several only for portals: a batch) and tells what became of each, in their order.
	Send(ctx context.Context, lane Lane, commands []Outgoing) []Reply
}

// Outgoing is a command as it leaves, with everything filled in.
type Outgoing struct {
	ID      ids.CommandID
	Key     ids.Key
	UID     string
	Kind    string
	Params  json.RawMessage
	Meta    json.RawMessage
	Attempt int
}

// Reply is what became of one command of a request: a result, or a failure.
type Reply struct {
	Result json.RawMessage
	Err    *Failure
	// Took is the portal's time for it, Operating what the method used up, ResetAt when that falls; zero: not told.
	Took      time.Duration
	Operating time.Duration
	ResetAt   time.Time
	// BatchOperating and BatchResetAt are the same of the batch call itself; the first reply's count.
	BatchOperating time.Duration
	BatchResetAt   time.Time
	// Points is what UIS says is left (metadata.limits); nil: not told.
	Points *Points
}

// Points are UIS's counters of one answer.
type Points struct {
	DayLimit, DayRemaining       int
	MinuteLimit, MinuteRemaining int
	DayReset, MinuteReset        time.Duration
}

// FailureKind says what to do about a failure.
type FailureKind int

const (
	// Retry: it did not run; the same again after After.
	Retry FailureKind = iota
	// Unclear: it may have run.
	Unclear
	// Refused: for good.
	Refused
	// Sleep: nothing of this lane can be sent until Resume (token refused, unpaid, uninstalled); it did not run.
	Sleep
	// Rest: this method (with Class "batch": the batch call) may not be called until Until; it did not run.
	Rest
	// Full: the portal counts too many requests; it did not run.
	Full
)

// Failure is why a command has no result.
type Failure struct {
	Kind  FailureKind
	Class string
	Code  string
	// Text is the platform's words, without secrets.
	Text  string
	After time.Duration
	Until time.Time
	// Late is how long after it was handed over the request left (a token had to be refreshed first); only meaningful with Unclear.
	Late time.Duration
	// Wide: it is about the request or the whole account, not about the command, which is therefore never given up for it.
	Wide bool
}

// Error implements error.
func (f *Failure) Error() string {
	if f.Text == "" {
		return f.Class + " " + f.Code
	}
	return fmt.Sprintf("%s %s: %s", f.Class, f.Code, f.Text)
}

// CheckMode says how an unclear command is settled once its request can no longer be running.
type CheckMode string

// Set: repeating is harmless. Find: its effect can be looked up; not found means again. Person: it may be looked up, and if it is not
// found a person is told; it is never repeated by itself. Read: it has no effect.
const (
	CheckSet    CheckMode = "set"
	CheckFind   CheckMode = "find"
	CheckPerson CheckMode = "person"
	CheckRead   CheckMode = "read"
)

// Sent is a command that went out, for checks.
type Sent struct {
	Account ids.AccountID
	Lane    LaneRef
	UID     string
	Kind    string
	Params  json.RawMessage
	Meta    json.RawMessage
	At      time.Time
	// Others are the results of other commands of this key and kind that are done: what they made is not this one's, however alike it looks. A judge only.
	Others []json.RawMessage
}

// Probe is the read that may show an effect.
type Probe struct {
	Lane   LaneRef
	Kind   string
	Params any
}

// Finding is what a judge concludes.
type Finding int

// Undecided: nothing can be said. Absent: the effect is not there. Found: it is.
const (
	Undecided Finding = iota
	Absent
	Found
)

// Check tells how one kind's effect is checked after a failure without a clear answer. Its functions are pure.
type Check struct {
	Mode CheckMode
	// Probe gives the read to send; nil or false: nothing can be looked up.
	Probe func(Sent) (Probe, bool)
	// Judge reads its answer. With Found, the result takes the place of the lost one.
	Judge func(Sent, json.RawMessage) (Finding, json.RawMessage)
	// Already tells whether a refusal means that the effect is there ("Call is not found" of a call to be finished), and the result then; nil: never.
	Already func(Sent, Failure) (json.RawMessage, bool)
	// Within shortens the wait of CheckPerson: nothing is repeated, so nothing can be doubled; 0: the lane's request limit.
	Within time.Duration
}

// Kind is a kind of command.
type Kind struct {
	Name  string
	Check Check
	// Alone: it may not share a request.
	Alone bool
	// Join says how several become one call; nil: they do not.
	Join *Join
}

// Registry holds the kinds there are. One without a check cannot be registered.
type Registry struct{ kinds map[string]Kind }

// NewRegistry makes an empty registry.
func NewRegistry() *Registry { return &Registry{kinds: map[string]Kind{}} }

// Register adds a kind.
func (r *Registry) Register(k Kind) error {
	switch {
	case k.Name == "":
		return errors.New("a kind of command needs a name")
	case k.Check.Mode != CheckSet && k.Check.Mode != CheckFind && k.Check.Mode != CheckPerson && k.Check.Mode != CheckRead:
		return fmt.Errorf("the kind %s has no check: nobody could tell what became of it after a lost answer", k.Name)
	case k.Check.Mode == CheckFind && k.Check.Probe == nil, (k.Check.Probe == nil) != (k.Check.Judge == nil):
		return fmt.Errorf("the kind %s is to be found and lacks a probe or a judge", k.Name)
	}
	if j := k.Join; j != nil && (k.Alone || j.Most < 2 || j.Size <= 0 || j.Params == nil || j.Split == nil) {
		return fmt.Errorf("the kind %s is to be joined and does not say how", k.Name)
	}
	if _, twice := r.kinds[k.Name]; twice {
		return fmt.Errorf("the kind %s is registered twice", k.Name)
	}
	r.kinds[k.Name] = k
	return nil
}

// joining are the kinds whose commands leave as one call.
func (r *Registry) joining() []string {
	kinds := []string{}
	for name, k := range r.kinds {
		if k.Join != nil {
			kinds = append(kinds, name)
		}
	}
	return kinds
}

// ErrUnknownKind says that nobody registered a kind.
var ErrUnknownKind = errors.New("this kind of command is not registered")

// ErrSlow says that the platform did not answer a waiting page in time.
var ErrSlow = errors.New("the platform did not answer in time")
