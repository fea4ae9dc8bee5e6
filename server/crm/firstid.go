package crm

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/rules"
)

// firstOn are the kinds of entities on which a portal has the app's own field "First communication ID" (R7c).
type firstOn []string

func (f firstOn) on(t EntityType) bool { return slices.Contains(f, string(t)) }

// unnamed are the existing entities of a communication that no communication has named yet. The picture of the next request may be older than what is on its
// way, so that does not count either.
func unnamed(d Decision, first firstOn, marked []Ref) []Ref {
	entities := slices.Clone(d.Joined)
	for _, e := range []*Entity{d.Contact, d.Company} {
		if e != nil {
			entities = append(entities, *e)
		}
	}
	var list []Ref
	for _, e := range entities {
		if e.FirstID == "" && first.on(e.Type) && !slices.Contains(marked, e.Ref) && !slices.Contains(list, e.Ref) {
			list = append(list, e.Ref)
		}
	}
	return list
}

// markTag comes back when a first communication's id was written.
type markTag struct {
	Entity  Ref    `json:"entity"`
	About   string `json:"about"`
	Version int    `json:"version"`
}

// mark writes this communication into existing entities that none was written into yet (R7c). Nobody waits for it: once the planner has looked, the field
// stays as it is, whoever comes next.
func (r *row) mark(d Decision, out *flow.Outcome) {
	need := r.Work.Need
	for _, ref := range unnamed(d, r.first, r.Work.Marked) {
		r.Work.Marked = append(r.Work.Marked, ref)
		key := ids.ClientKey(r.ID)
		out.Commands = append(out.Commands, outbox.Command{Lane: outbox.LaneRef{Kind: outbox.LaneB24, Portal: need.Portal}, Key: key, Independent: true, Kind: "crm.item.update",
			Params: map[string]any{"entityTypeId": ref.Type.Wire(), "id": ref.ID, "fields": map[string]any{rules.FirstIDField: need.Ref}, "useOriginalUfNames": "Y"},
			Meta:   meta{About: need.Ref}, Plan: fmt.Sprintf("mark:%s:%d:%d", ref.Type, ref.ID, r.Work.Round), Name: "mark", Priority: outbox.Live,
			ReplyKey: key, ReplyKind: KindMarked, Tag: mustJSON(markTag{ref, need.Ref, need.Version})})
	}
}

// marked ends a mark: from now on the picture shows it, or it is tried with the next communication.
func (r *row) marked(answer outbox.PlanAnswer, out *flow.Outcome) error {
	var tag markTag
	if err := json.Unmarshal(answer.Tag, &tag); err != nil {
		return inbox.Permanent(fmt.Errorf("read the tag of plan %s: %w", answer.Plan, err))
	}
	r.Work.Marked = slices.DeleteFunc(r.Work.Marked, func(m Ref) bool { return m == tag.Entity })
	if result := answer.Results["mark"]; result.State != "done" {
		why := because("crm.first_id_not_written", "entity", string(tag.Entity.Type), "id", tag.Entity.ID, "text", result.Text)
		out.Reasons = append(out.Reasons, flow.Reason{Ref: tag.About, Code: why.Code, Args: why.Args, Version: tag.Version})
	}
	return nil
}

// lost notes that the portal has the field no more: what was refused with it works without it. The self-check tells, and repairing makes it again.
func (r *row) lost(step *inbox.Step, out *flow.Outcome) {
	r.first = nil
	r.note(out, because("crm.first_id_lost"))
	step.Write(func(batch *pgx.Batch) {
		batch.Queue(`UPDATE portal SET first_id = '{}' WHERE account_id = $1 AND id = $2`, int64(step.Account), int64(r.Portal))
	})
}
