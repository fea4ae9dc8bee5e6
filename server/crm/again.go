package crm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"omni/server/inbox"
	"omni/server/outbox"
)

// mostFailed bounds what a client remembers of requests that failed; the oldest goes first.
const mostFailed = 8

// remember keeps the request being worked, of which something was not done, for when a person has that repeated.
func (r *row) remember() {
	failed := r.Work
	failed.Failed, failed.Marked = nil, nil
	list := append(without(r.Work.Failed, r.Work.Need.Ref), failed)
	r.Work.Failed = list[max(len(list)-mostFailed, 0):]
}

// without leaves the requests of a communication out: one that asks anew has a new plan.
func without(list []work, ref string) []work {
	return slices.DeleteFunc(slices.Clone(list), func(w work) bool { return w.Need.Ref == ref })
}

// resume takes up the request that an answer belongs to when it had ended before: a command that had failed was repeated, and the plan has ended once more.
// While another request is worked the answer waits. It tells whether there is something to go on with.
func (r *row) resume(event inbox.Event, answer outbox.PlanAnswer) (bool, error) {
	at := slices.IndexFunc(r.Work.Failed, func(w work) bool { return w.Round == roundOf(answer.Plan) })
	if at < 0 {
		return false, nil
	}
	if r.Work.Need != nil {
		r.waiting = append(r.waiting, event)
		return false, nil
	}
	again := r.Work.Failed[at]
	if event.Kind == KindPlanned && again.Decision == nil {
		return false, inbox.Permanent(fmt.Errorf("plan %s was never decided", answer.Plan))
	}
	again.Marked = r.Work.Marked
	again.Late, again.Rounds, again.Failed = true, max(r.Work.Rounds, r.Work.Round), without(r.Work.Failed, again.Need.Ref)
	r.Work = again
	return true, nil
}

// roundOf reads the round out of a plan's name: plan:7:3.
func roundOf(plan string) int {
	n, err := strconv.Atoi(plan[strings.LastIndexByte(plan, ':')+1:])
	if err != nil {
		return 0
	}
	return n
}
