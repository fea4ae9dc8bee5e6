package crm

import (
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/outbox"
)

// CarryOut gives tests the commands of a decision on a portal that has the field "First communication ID" on these kinds.
func CarryOut(need Need, d Decision, first ...string) []outbox.Command {
	return carryOut(need, ids.ClientID(7), 1, d, first, nil)
}

// Unnamed gives tests the entities that get a first communication's id.
func Unnamed(d Decision, marked []Ref, first ...string) []Ref { return unnamed(d, first, marked) }

// Attempt is a planner's work on one request, for tests of what it does about a refusal.
type Attempt struct{ row }

// NewAttempt begins to work a decision.
func NewAttempt(need Need, d Decision, first ...string) *Attempt {
	return &Attempt{row{ID: 7, first: first, Work: work{Need: &need, Decision: &d, Round: 1}}}
}

// PlanPlainly answers the plan and gives the commands of another try, if there is one.
func (a *Attempt) PlanPlainly(results map[string]outbox.Result) ([]outbox.Command, bool) {
	var out flow.Outcome
	again := a.planPlainly(outbox.PlanAnswer{Results: results}, &out)
	return out.Commands, again
}
