package crm

import (
	"maps"

	"omni/server/flow"
	"omni/server/outbox"
)

// Fields of people can vanish between two readings of the lists, and take a value that was good yesterday no more. A lead without its extra fields is worth
// more than none, and so is a picture without the first communication: what a portal refuses with them is asked once more without.

// readPlainly reads the picture again without our own field; false: it was not asked for, or nothing was refused.
func (r *row) readPlainly(answer outbox.PlanAnswer, out *flow.Outcome) bool {
	if len(r.first) == 0 || r.Work.Plain || !anyRefused(answer.Results) {
		return false
	}
	r.Work.Plain = true
	r.Work.Round++
	out.Commands = append(out.Commands, reads(*r.Work.Need, r.ID, r.Work.Round, r.Work.Found, nil)...)
	return true
}

// planPlainly creates what was refused once more without extra fields, tied to what was made at the first try; false: nothing was refused, or there were none.
func (r *row) planPlainly(answer outbox.PlanAnswer, out *flow.Outcome) bool {
	entities := maps.Clone(answer.Results)
	delete(entities, string(Activity))
	if r.Work.Again || len(r.first)+len(r.Work.Need.Fields) == 0 || !anyRefused(entities) {
		return false
	}
	stands, made := map[string]outbox.Result{}, map[EntityType]int64{}
	for _, t := range r.Work.Decision.Create {
		result := answer.Results[string(t)]
		if result.State != "done" {
			if result.State == "refused" {
				r.note(out, because("crm.created_plainly", "entity", string(t), "text", result.Text))
			}
			continue
		}
		if id, err := createdID(t, result.Result); err == nil {
			stands[string(t)], made[t] = result, id
		}
	}
	need := *r.Work.Need
	need.Fields = nil
	r.Work.Round++
	commands := carryOut(need, r.ID, r.Work.Round, *r.Work.Decision, nil, made)
	if len(commands) == 0 {
		return false
	}
	for _, result := range answer.Results {
		if result.State != "done" && result.Command != 0 {
			out.Replaced = append(out.Replaced, result.Command)
		}
	}
	r.Work.Again, r.Work.Stands = true, stands
	out.Commands = append(out.Commands, commands...)
	return true
}

func anyRefused(results map[string]outbox.Result) bool {
	for _, r := range results {
		if r.State == "refused" {
			return true
		}
	}
	return false
}
