package numbers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/settings"
)

// KindRead is the portal's answer about entities that changed, under the portal's key.
const KindRead = "numbers.read"

// eventPrefix begins the kinds of rows that tell of a change in the CRM.
const eventPrefix = "b24.ONCRM"

// events are what the portal is listened to for while the switch is on (docs: CRM events; each tells an id, never what changed).
func events() []string {
	var list []string
	for _, kind := range kinds {
		for _, what := range []string{"ADD", "UPDATE", "DELETE"} {
			list = append(list, "ONCRM"+strings.ToUpper(string(kind))+what)
		}
	}
	return list
}

// listen binds or unbinds those events. Portals whose switch is off send none: in a busy CRM there are many.
func (w *Walk) listen(ctx context.Context, account ids.AccountID, portal ids.PortalID, on bool) error {
	answers, err := w.ask(ctx, account, portal, outbox.Question{Kind: "event.get", Params: map[string]any{}})
	if err != nil {
		return err
	}
	var bound bitrix24.List[struct {
		Event   bitrix24.String `json:"event"`
		Handler bitrix24.String `json:"handler"`
	}]
	if err := json.Unmarshal(answers[0], &bound); err != nil {
		return fmt.Errorf("event.get: %w", err)
	}
	method := map[bool]string{true: "event.bind", false: "event.unbind"}[on]
	var todo []outbox.Question
	for _, name := range events() {
		stands := false
		for _, b := range bound {
			stands = stands || strings.EqualFold(string(b.Event), name) && string(b.Handler) == w.EventsURL
		}
		if stands != on {
			todo = append(todo, outbox.Question{Kind: method, Params: map[string]any{"event": name, "handler": w.EventsURL}})
		}
	}
	if len(todo) > 0 {
		_, err = w.ask(ctx, account, portal, todo...)
	}
	return err
}

// Changes keeps the known numbers fresh by what the portal tells.
type Changes struct{ Flow *flow.Writer }

// changed are entities of one kind that a step was told of.
type changed struct{ read, gone []int64 }

// asked goes along with a read of changed entities.
type asked struct {
	Kind crm.EntityType `json:"kind"`
	IDs  []int64        `json:"ids"`
	At   time.Time      `json:"at"`
}

// Step takes the rows of a portal's key that are about the CRM: all entities of one step that changed are read in one request.
func (c *Changes) Step(ctx context.Context, step *inbox.Step, portal ids.PortalID, rows []inbox.Event) error {
	told := map[crm.EntityType]*changed{}
	for _, row := range rows {
		if row.Kind == KindRead {
			if err := keep(step, portal, row.Body); err != nil {
				return err
			}
			continue
		}
		if err := note(told, row); err != nil {
			return err
		}
	}
	if len(told) == 0 {
		return nil
	}
	doc, err := settings.Current(ctx, step.Tx, step.Account)
	if err != nil || doc.ManagerPortal() != portal {
		return err
	}
	var out flow.Outcome
	for _, kind := range kinds {
		t := told[kind]
		if t == nil {
			continue
		}
		if len(t.gone) > 0 {
			step.Write(func(batch *pgx.Batch) { crm.QueueRead(batch, step.Account, portal, step.Now, kind, t.gone, nil) })
		}
		for some := range slices.Chunk(t.read, bitrix24.PageSize) {
			q := page(kind, map[string]any{"@ID": some})
			tag, err := json.Marshal(asked{kind, some, step.Now})
			if err != nil {
				return fmt.Errorf("encode what is read: %w", err)
			}
			out.Commands = append(out.Commands, outbox.Command{Lane: outbox.LaneRef{Kind: outbox.LaneB24, Portal: portal}, Key: step.Key, Independent: true, Kind: q.Kind, Params: q.Params,
				Plan: fmt.Sprintf("numbers:%s:%d:%d", kind, some[0], step.Now.UnixNano()), Name: "read", Priority: outbox.Background, ReplyKey: step.Key, ReplyKind: KindRead, Tag: tag})
		}
	}
	return c.Flow.Apply(ctx, step, out)
}

// note takes one event of the CRM in. The last one about an entity counts.
func note(told map[crm.EntityType]*changed, row inbox.Event) error {
	name, isCRM := strings.CutPrefix(row.Kind, eventPrefix)
	if !isCRM {
		return nil
	}
	for _, kind := range kinds {
		what, ours := strings.CutPrefix(name, strings.ToUpper(string(kind)))
		if !ours || what != "ADD" && what != "UPDATE" && what != "DELETE" {
			continue
		}
		var event struct {
			Data struct {
				Fields struct {
					ID bitrix24.ID `json:"ID"`
				} `json:"FIELDS"`
			} `json:"data"`
		}
		if err := json.Unmarshal(row.Body, &event); err != nil {
			return inbox.Permanent(fmt.Errorf("read %s: %w", row.Kind, err))
		}
		id := int64(event.Data.Fields.ID)
		if id <= 0 {
			return nil
		}
		t := told[kind]
		if t == nil {
			t = &changed{}
			told[kind] = t
		}
		same := func(other int64) bool { return other == id }
		t.read, t.gone = slices.DeleteFunc(t.read, same), slices.DeleteFunc(t.gone, same)
		if what == "DELETE" {
			t.gone = append(t.gone, id)
		} else {
			t.read = append(t.read, id)
		}
	}
	return nil
}

// keep takes the portal's answer in. One that refused says nothing of its numbers; the daily walk comes by.
func keep(step *inbox.Step, portal ids.PortalID, body []byte) error {
	var answer outbox.PlanAnswer
	var about asked
	if err := json.Unmarshal(body, &answer); err != nil {
		return inbox.Permanent(fmt.Errorf("read the answer of a plan: %w", err))
	}
	if err := json.Unmarshal(answer.Tag, &about); err != nil {
		return inbox.Permanent(fmt.Errorf("read the tag of plan %s: %w", answer.Plan, err))
	}
	result := answer.Results["read"]
	if result.State != "done" {
		return nil
	}
	_, list, err := read(about.Kind, result.Result)
	if err != nil {
		return inbox.Permanent(err)
	}
	list = slices.DeleteFunc(list, func(k crm.Known) bool { return !slices.Contains(about.IDs, k.ID) }) // a filter the portal did not understand
	step.Write(func(batch *pgx.Batch) {
		crm.QueueRead(batch, step.Account, portal, about.At, about.Kind, about.IDs, list)
	})
	return nil
}
