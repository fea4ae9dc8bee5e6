package crm

import (
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
)

// The kinds of rows under a client's key.
const (
	// KindNeed asks for entities: a communication's letter.
	KindNeed = "crm.need"
	// KindFound, KindRead and KindPlanned are answers of the planner's own commands.
	KindFound   = "crm.found"
	KindRead    = "crm.read"
	KindPlanned = "crm.planned"
	// KindMarked ends the writing of a first communication's id (R7c).
	KindMarked = "crm.marked"
)

// Need is what a communication tells the planner.
type Need struct {
	// Ref names the communication: chat:4711, request:12.
	Ref string `json:"ref"`
	// ReplyKey and ReplyKind say where the Answer goes.
	ReplyKey  ids.Key      `json:"reply_key"`
	ReplyKind string       `json:"reply_kind"`
	Portal    ids.PortalID `json:"portal"`
	Aliases   []Alias      `json:"aliases"`
	Facts     Facts        `json:"facts"`
	// Policy is what the settings say about chats and requests, Call what they say about a call; one of them counts.
	Policy Policy      `json:"policy,omitzero"`
	Call   *CallPolicy `json:"call,omitempty"`
	// Watch: nothing is created, and the answer tells what is there or what changed (T2).
	Watch *Watch `json:"watch,omitempty"`
	// Fields are the extra fields of what is created, by kind, as crm.item.* takes them (R7).
	Fields map[EntityType]map[string]any `json:"fields,omitempty"`
	// Version is the settings version the communication decided with.
	Version int `json:"version"`
	// KeepNumbers: the picture goes into the table of known numbers (T3).
	KeepNumbers bool `json:"keep_numbers,omitempty"`
}

// Answer is what the planner tells the communication.
type Answer struct {
	Ref string `json:"ref"`
	// Nothing: nothing was created or joined, for the reasons noted.
	Nothing bool `json:"nothing,omitempty"`
	// Late: the request had an answer before, and a person had what failed of it repeated. What is told adds to that answer.
	Late bool `json:"late,omitempty"`
	// Ties are the entities of this communication; Targets get its text, Copies a copy of it (C8).
	Ties     []Tie `json:"ties,omitempty"`
	Targets  []Ref `json:"targets,omitempty"`
	Copies   []Ref `json:"copies,omitempty"`
	Activity int64 `json:"activity,omitempty"`
	// Call is what a call needs to know of the picture.
	Call *CallAnswer `json:"call,omitempty"`
	// Watched answers a Watch.
	Watched *Watched `json:"watched,omitempty"`
}

// work is the request being worked under a client's key.
type work struct {
	Need *Need `json:"need,omitempty"`
	// Round makes plan names of repeated work unique; Rounds is the highest there was.
	Round  int   `json:"round,omitempty"`
	Rounds int   `json:"rounds,omitempty"`
	Mode   Mode  `json:"mode,omitempty"`
	Found  found `json:"found,omitzero"`
	// ByNumber is the part of Found that the search brought up, for the table of known numbers.
	ByNumber found     `json:"by_number,omitzero"`
	Decision *Decision `json:"decision,omitempty"`
	// Call is the part of a call's answer that the picture decided.
	Call *CallAnswer `json:"call,omitempty"`
	// Undone is what of the plan was not done; Late, that this is the repetition.
	Undone []EntityType `json:"undone,omitempty"`
	Late   bool         `json:"late,omitempty"`
	// Failed are requests that ended with something not done, oldest first: they go on when a person has it repeated.
	Failed []work `json:"failed,omitempty"`
	// Plain: the portal refused something about fields that people can take away, and it is tried without them.
	Plain bool `json:"plain,omitempty"`
	// Again: the plan was refused with extra fields and is carried out without them; Stands are what the first try made.
	Again  bool                     `json:"again,omitempty"`
	Stands map[string]outbox.Result `json:"stands,omitempty"`
	// Marked are entities whose first communication is being written: for other requests of this client they have one already.
	Marked []Ref `json:"marked,omitempty"`
}

// next is the work on another request, or on none. What is remembered of the client goes along.
func (w work) next(need *Need) work {
	n := work{Need: need, Round: w.Round, Rounds: max(w.Rounds, w.Round), Failed: w.Failed, Marked: w.Marked}
	if need != nil {
		n.Rounds++
		n.Round, n.Failed = n.Rounds, without(w.Failed, need.Ref)
	}
	return n
}

// found are the ids a search brought up.
type found struct {
	Leads     []int64 `json:"leads,omitempty"`
	Contacts  []int64 `json:"contacts,omitempty"`
	Companies []int64 `json:"companies,omitempty"`
	Deals     []int64 `json:"deals,omitempty"`
}

func (f found) empty() bool {
	return len(f.Leads)+len(f.Contacts)+len(f.Companies)+len(f.Deals) == 0
}

// add notes an entity, once.
func (f *found) add(r Ref) {
	into := map[EntityType]*[]int64{Lead: &f.Leads, Contact: &f.Contacts, Company: &f.Companies, Deal: &f.Deals}[r.Type]
	if into == nil || r.ID <= 0 {
		return
	}
	for _, have := range *into {
		if have == r.ID {
			return
		}
	}
	*into = append(*into, r.ID)
}

// row is the client row as the engine loads it.
type row struct {
	ID     ids.ClientID
	Portal ids.PortalID
	Joined ids.ClientID
	Ties   []Ref
	Work   work
	// waiting are requests of this step that came while another one was worked.
	waiting []inbox.Event

	// first are the kinds of entities on which the portal has the field "First communication ID".
	first firstOn
	// own are our own latest changes, for a Watch that compares.
	own []OwnChange

	// there: the row exists; ties and work are as stored.
	there      bool
	ties, work []byte
}
