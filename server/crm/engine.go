package crm

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"omni/server/bitrix24"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
)

// Engine works the keys of clients: it reads their picture, plans, carries out and answers, one request of a client after the other.
type Engine struct{ flow *flow.Writer }

// NewEngine builds the engine.
func NewEngine(w *flow.Writer) *Engine { return &Engine{flow: w} }

// Read implements inbox.Reader: the client of the key.
func (e *Engine) Read(batch *pgx.Batch, account ids.AccountID, key ids.Key) any {
	id, err := strconv.ParseInt(key.Rest(), 10, 64)
	if err != nil {
		return nil
	}
	r := &row{ID: ids.ClientID(id)}
	batch.Queue(`SELECT portal_id, COALESCE(joined_into, 0), ties, work, COALESCE((SELECT p.first_id FROM portal p WHERE p.account_id = client.account_id
		AND p.id = client.portal_id), '{}') FROM client WHERE account_id = $1 AND id = $2`, int64(account), id).
		Query(func(rows pgx.Rows) error {
			for rows.Next() {
				if err := rows.Scan(&r.Portal, &r.Joined, &r.ties, &r.work, &r.first); err != nil {
					return fmt.Errorf("read client %d: %w", id, err)
				}
				r.there = true
			}
			return rows.Err()
		})
	return r
}

// Begin implements inbox.Stager: everything was read by Read.
func (e *Engine) Begin(_ context.Context, step *inbox.Step, events []inbox.Event, _ *pgx.Batch) (func(context.Context) error, error) {
	return func(ctx context.Context) error { return e.Step(ctx, step, events) }, nil
}

// Step implements inbox.Handler for keys client:{id}.
func (e *Engine) Step(ctx context.Context, step *inbox.Step, events []inbox.Event) error {
	read, err := step.Found(ctx, e)
	if err != nil {
		return err
	}
	client, ok := read.(*row)
	if !ok {
		return inbox.Permanent(fmt.Errorf("key %s has no client", step.Key))
	}
	if err := client.understand(); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	if client.queueOwn(batch, step) {
		if err := step.Tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("read what client %d needs: %w", client.ID, err)
		}
	}
	out := flow.Outcome{}
	for _, event := range events {
		if event.Kind == KindNeed && len(client.waiting) > 0 {
			client.waiting = append(client.waiting, event)
			continue
		}
		if err := client.take(step, event, &out); err != nil {
			return err
		}
	}
	// The end they wait for may have come later in this very step: a release does not bring back what its own step puts off.
	waiting := client.waiting
	client.waiting = nil
	for _, event := range waiting {
		if err := client.take(step, event, &out); err != nil {
			return err
		}
	}
	for _, event := range client.waiting {
		step.Defer(event)
	}
	if err := client.save(step); err != nil {
		return err
	}
	return e.flow.Apply(ctx, step, out)
}

// understand unpacks what was read.
func (r *row) understand() error {
	if !r.there {
		return fmt.Errorf("there is no client %d", r.ID)
	}
	if err := json.Unmarshal(r.ties, &r.Ties); err != nil {
		return fmt.Errorf("read ties of client %d: %w", r.ID, err)
	}
	if err := json.Unmarshal(r.work, &r.Work); err != nil {
		return fmt.Errorf("read work of client %d: %w", r.ID, err)
	}
	return nil
}

func (r *row) save(step *inbox.Step) error {
	ties, err := json.Marshal(r.Ties)
	if err != nil {
		return fmt.Errorf("encode ties: %w", err)
	}
	rawWork, err := json.Marshal(r.Work)
	if err != nil {
		return fmt.Errorf("encode work: %w", err)
	}
	step.Write(func(batch *pgx.Batch) {
		// Ties are only added to: a join may have brought some meanwhile.
		batch.Queue(`UPDATE client SET work = $3, ties = (SELECT COALESCE(jsonb_agg(DISTINCT t), '[]') FROM jsonb_array_elements(ties || $4::jsonb) t)
			WHERE account_id = $1 AND id = $2`, int64(step.Account), int64(r.ID), rawWork, ties)
	})
	return nil
}

// take works one event. A request that comes while another one runs waits for its end.
func (r *row) take(step *inbox.Step, event inbox.Event, out *flow.Outcome) error {
	if event.Kind == KindNeed {
		if r.Joined != 0 {
			out.Letters = append(out.Letters, inbox.Row{Key: ids.ClientKey(r.Joined), Kind: KindNeed, Body: event.Body})
			return nil
		}
		if r.Work.Need != nil {
			r.waiting = append(r.waiting, event)
			return nil
		}
		var need Need
		if err := json.Unmarshal(event.Body, &need); err != nil {
			return inbox.Permanent(fmt.Errorf("read a request for entities: %w", err))
		}
		r.Work = r.Work.next(&need)
		out.Commands = append(out.Commands, finds(need, r.ID, r.Work.Round)...)
		return nil
	}
	var answer outbox.PlanAnswer
	if err := json.Unmarshal(event.Body, &answer); err != nil {
		return inbox.Permanent(fmt.Errorf("read the answer of a plan: %w", err))
	}
	if event.Kind == KindMarked {
		return r.marked(answer, out)
	}
	if r.Work.Need == nil || r.Work.Round != roundOf(answer.Plan) {
		if again, err := r.resume(event, answer); !again || err != nil {
			return err
		}
	}
	switch event.Kind {
	case KindFound:
		return r.foundAnswered(step, answer, out)
	case KindRead:
		return r.readAnswered(step, answer, out)
	case KindPlanned:
		return r.planAnswered(step, answer, out)
	}
	return inbox.Permanent(fmt.Errorf("unknown row %s", event.Kind))
}

func (r *row) foundAnswered(step *inbox.Step, answer outbox.PlanAnswer, out *flow.Outcome) error {
	f, mode, err := readFound(answer.Results)
	if err != nil {
		r.giveUp(step, out, because("crm.picture_not_read", "text", err.Error()))
		return nil
	}
	if r.Work.Need.KeepNumbers {
		r.Work.ByNumber = found{Leads: slices.Clone(f.Leads), Contacts: slices.Clone(f.Contacts), Companies: slices.Clone(f.Companies)}
	}
	for _, tie := range r.Ties {
		f.add(tie)
	}
	r.Work.Found, r.Work.Mode = f, mode
	if f.empty() {
		r.decide(step, Picture{At: step.Now, Mode: mode}, out)
		return nil
	}
	out.Commands = append(out.Commands, reads(*r.Work.Need, r.ID, r.Work.Round, f, r.first)...)
	return nil
}

func (r *row) readAnswered(step *inbox.Step, answer outbox.PlanAnswer, out *flow.Outcome) error {
	picture, err := readPicture(answer.Results, r.Work.Found, r.Work.Mode, step.Now)
	if err != nil && r.readPlainly(answer, out) {
		return nil
	}
	if err != nil {
		r.giveUp(step, out, because("crm.picture_not_read", "text", err.Error()))
		return nil
	}
	if r.Work.Plain {
		r.lost(step, out)
	}
	r.decide(step, picture, out)
	return nil
}

func (r *row) decide(step *inbox.Step, picture Picture, out *flow.Outcome) {
	need := *r.Work.Need
	if need.Watch != nil {
		r.watched(step, picture, out)
		return
	}
	if known := seen(need, picture, r.Work.ByNumber); len(known) > 0 {
		step.Write(func(batch *pgx.Batch) { QueueKnown(batch, step.Account, need.Portal, picture.At, known) })
	}
	var d Decision
	if need.Call != nil {
		d = DecideCall(*need.Call, picture)
		r.Work.Call = callAnswer(*need.Call, picture, d)
	} else {
		d = Decide(need.Policy, need.Facts, picture)
		d.Responsible = need.Policy.Responsible
	}
	r.Work.Decision = &d
	r.note(out, d.Reasons...)
	r.mark(d, out)
	commands := carryOut(need, r.ID, r.Work.Round, d, r.first, nil)
	if len(commands) > 0 {
		out.Commands = append(out.Commands, commands...)
		return
	}
	r.reply(step, out, Answer{Ref: need.Ref, Nothing: len(d.Joined) == 0, Call: r.Work.Call})
}

// planAnswered gathers what the plan made. What was refused is told; what stands is tied and gets the text.
func (r *row) planAnswered(step *inbox.Step, answer outbox.PlanAnswer, out *flow.Outcome) error {
	if r.planPlainly(answer, out) {
		return nil
	}
	maps.Copy(answer.Results, r.Work.Stands)
	a := Answer{Ref: r.Work.Need.Ref, Call: r.Work.Call.clone()}
	before := r.Work.Undone
	r.Work.Undone = nil
	for _, t := range r.Work.Decision.Create {
		result, asked := answer.Results[string(t)]
		if !asked {
			continue
		}
		if result.State != "done" {
			r.note(out, because("crm.not_created", "entity", string(t), "state", result.State, "text", result.Text))
			r.Work.Undone = append(r.Work.Undone, t)
			continue
		}
		id, err := createdID(t, result.Result)
		if err != nil {
			return err
		}
		if slices.Contains(before, t) {
			r.note(out, because("crm.replayed", "entity", fmt.Sprintf("%s:%d", t, id)))
		}
		if t == Activity {
			a.Activity = id
			continue
		}
		ref := Ref{t, id}
		a.Ties = append(a.Ties, Tie{Ref: ref, Title: titleOf(*r.Work.Need, t), Created: true})
		switch {
		case t == Lead || t == Deal:
			a.Targets = append(a.Targets, ref)
		case t == Contact && r.Work.Decision.CopyToNewContact:
			a.Copies = append(a.Copies, ref)
		}
		a.Call.made(ref, r.Work.Decision.Responsible)
		r.Ties = append(r.Ties, ref)
	}
	a.Nothing = len(a.Targets) == 0 && len(r.Work.Decision.Joined) == 0
	if len(r.Work.Undone) > 0 {
		r.remember()
	}
	r.reply(step, out, a)
	return nil
}

// reply answers the communication and takes the next request up.
func (r *row) reply(step *inbox.Step, out *flow.Outcome, a Answer) {
	if d := r.Work.Decision; d != nil {
		for _, e := range d.Joined {
			a.Ties = append(a.Ties, Tie{Ref: e.Ref, Title: e.Title})
			a.Targets = append(a.Targets, e.Ref)
		}
		for _, e := range d.Copies {
			a.Copies = append(a.Copies, e.Ref)
		}
		for _, e := range []*Entity{d.Contact, d.Company} {
			if e != nil && !slices.ContainsFunc(a.Ties, func(t Tie) bool { return t.Ref == e.Ref }) {
				a.Ties = append(a.Ties, Tie{Ref: e.Ref, Title: e.Title})
			}
		}
	}
	need := r.Work.Need
	a.Late = r.Work.Late
	out.Letters = append(out.Letters, inbox.Row{Key: need.ReplyKey, Kind: need.ReplyKind, Body: mustJSON(a)})
	r.Work = r.Work.next(nil)
	step.Release()
}

func (r *row) giveUp(step *inbox.Step, out *flow.Outcome, why Reason) {
	r.note(out, why)
	r.Work.Decision = nil
	a := Answer{Ref: r.Work.Need.Ref, Nothing: true}
	if r.Work.Need.Watch != nil { // a look that a person has repeated later says nothing of now
		a.Watched = &Watched{Unread: true}
		r.reply(step, out, a)
		return
	}
	r.remember()
	if r.Work.Need.Call != nil {
		a.Call = &CallAnswer{Unread: true}
	}
	r.reply(step, out, a)
}

func (r *row) note(out *flow.Outcome, reasons ...Reason) {
	for _, why := range reasons {
		out.Reasons = append(out.Reasons, flow.Reason{Ref: r.Work.Need.Ref, Code: why.Code, Args: why.Args, Version: r.Work.Need.Version})
	}
}

// createdID reads {"item":{"id":5}} and {"activity":{"id":5}}.
func createdID(t EntityType, raw json.RawMessage) (int64, error) {
	var made struct {
		Item     struct{ ID bitrix24.ID } `json:"item"`
		Activity struct{ ID bitrix24.ID } `json:"activity"`
	}
	if err := json.Unmarshal(raw, &made); err != nil {
		return 0, fmt.Errorf("the answer about a new %s: %w", t, err)
	}
	id := made.Item.ID
	if t == Activity {
		id = made.Activity.ID
	}
	if id <= 0 {
		return 0, fmt.Errorf("the answer about a new %s has no id: %s", t, raw)
	}
	return int64(id), nil
}

func mustJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		// Only our own structs come here; a failure is a programming error, caught as a failed step.
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return raw
}
