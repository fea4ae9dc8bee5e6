package numbers

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/bitrix24"
	"omni/server/clock"
	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store"
)

const (
	// Patience is how long the database may take: the client hears it ring, or nothing, meanwhile.
	Patience = 250 * time.Millisecond
	// askFor is how long the answer waits for a portal that is asked about an unknown number.
	askFor = 1500 * time.Millisecond
	// nobodyFor is how long a portal's "nobody" is believed, business time. Whoever is entered meanwhile is told of by an event.
	nobodyFor = 5 * time.Minute
)

// Asker reads something at a portal through its lane.
type Asker interface {
	Ask(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, kind string, params any, p outbox.Priority) (json.RawMessage, error)
	AskAll(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, p outbox.Priority, questions ...outbox.Question) ([]json.RawMessage, error)
}

// Finder tells whom a call belongs to.
type Finder struct {
	DB    *store.DB
	Clock clock.Clock
	Asker Asker
	Log   *slog.Logger
	// Background runs what nobody waits for.
	Background func(name string, fn func(ctx context.Context) error)

	mu    sync.Mutex
	under map[question]chan struct{}
}

// question is a number a portal is being asked about.
type question struct {
	account ids.AccountID
	portal  ids.PortalID
	phone   string
}

// Caller is a call whose scenario asks.
type Caller struct {
	Account ids.AccountID
	// Phone is in digits of E.164 without plus; empty: the caller hides his number.
	Phone string
	// Session names the call; 0: the scenario did not say.
	Session ids.UISCallID
}

// Find gives the telephones of the caller's personal manager, in the order in which they are to be rung; none: nobody is known, and the scenario's own branch
// decides. It never fails. ctx bounds the look into the database; a portal that is asked gets its own time. Why is noted afterwards.
func (f *Finder) Find(ctx context.Context, c Caller) []string {
	if c.Phone == "" {
		return f.told(c, 0, nil, flow.Reason{Code: "manager.hidden"})
	}
	k, err := look(ctx, f.DB, c.Account, c.Phone)
	if err != nil {
		f.Log.Warn("who calls was not looked up, nobody was given", "account", c.Account, "error", err)
		return f.told(c, 0, nil, flow.Reason{Code: "manager.database_away"})
	}
	switch {
	case k.off != "":
		return f.told(c, k.version, nil, offBecause(k.off))
	case len(k.entities) > 0:
		phones, reasons := choose(k.entities, k.people)
		return f.told(c, k.version, phones, reasons...)
	case k.sleeps:
		return f.told(c, k.version, nil, flow.Reason{Code: "manager.asleep"})
	case !k.nobodyAt.IsZero() && f.Clock.Now().Sub(k.nobodyAt) < nobodyFor:
		return f.told(c, k.version, nil, flow.Reason{Code: "manager.unknown"})
	}
	return f.ask(context.WithoutCancel(ctx), c, k)
}

// ask asks the portal and waits a moment. The question goes on without this call: who calls again soon is known then.
func (f *Finder) ask(ctx context.Context, c Caller, k known) []string {
	timer := time.NewTimer(askFor)
	defer timer.Stop()
	select {
	case <-f.question(question{c.Account, k.portal, c.Phone}):
	case <-timer.C:
		return f.told(c, k.version, nil, flow.Reason{Code: "manager.portal_slow"})
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	after, err := look(ctx, f.DB, c.Account, c.Phone)
	switch {
	case err != nil:
		return f.told(c, k.version, nil, flow.Reason{Code: "manager.database_away"})
	case len(after.entities) > 0:
		phones, reasons := choose(after.entities, after.people)
		return f.told(c, after.version, phones, append([]flow.Reason{flow.Reason{Code: "manager.asked"}}, reasons...)...)
	case after.nobodyAt.After(k.nobodyAt):
		return f.told(c, after.version, nil, flow.Reason{Code: "manager.unknown"})
	}
	return f.told(c, k.version, nil, flow.Reason{Code: "manager.portal_silent"})
}

// question asks a portal about a number, once at a time; the channel closes when its answer is stored, or none came.
func (f *Finder) question(q question) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if under, ok := f.under[q]; ok {
		return under
	}
	if f.under == nil {
		f.under = map[question]chan struct{}{}
	}
	ended := make(chan struct{})
	f.under[q] = ended
	f.Background("ask whose a number is", func(ctx context.Context) error {
		defer func() {
			f.mu.Lock()
			delete(f.under, q)
			f.mu.Unlock()
			close(ended)
		}()
		return f.remember(ctx, q)
	})
	return ended
}

// hit is a row of telephony.externalCall.searchCrmEntities.
type hit struct {
	Type        bitrix24.String `json:"CRM_ENTITY_TYPE"`
	ID          bitrix24.ID     `json:"CRM_ENTITY_ID"`
	Responsible bitrix24.ID     `json:"ASSIGNED_BY_ID"`
}

// remember asks and stores the answer, also "nobody". A portal that does not answer has said nothing.
func (f *Finder) remember(ctx context.Context, q question) error {
	at := f.Clock.Now()
	raw, err := f.Asker.Ask(ctx, q.account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: q.portal}, "telephony.externalCall.searchCrmEntities", map[string]any{"PHONE_NUMBER": "+" + q.phone}, outbox.Waiting)
	if err != nil {
		return fmt.Errorf("ask portal %d whose a number is: %w", q.portal, err)
	}
	var hits bitrix24.List[hit]
	if err := json.Unmarshal(raw, &hits); err != nil {
		return fmt.Errorf("searchCrmEntities: %w", err)
	}
	var list []crm.Known
	for _, h := range hits {
		kind := crm.EntityType(strings.ToLower(string(h.Type)))
		if walked(kind) && h.ID > 0 {
			list = append(list, crm.Known{Ref: crm.Ref{Type: kind, ID: int64(h.ID)}, Phone: q.phone, Responsible: ids.B24UserID(h.Responsible)})
		}
	}
	batch := &pgx.Batch{}
	if crm.QueueKnown(batch, q.account, q.portal, at, list); len(list) == 0 {
		crm.QueueNobody(batch, q.account, q.portal, at, q.phone)
	}
	return f.DB.InAccount(ctx, q.account, func(ctx context.Context, tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() })
}

// told notes, behind the answer, what was answered and why.
func (f *Finder) told(c Caller, version int, phones []string, reasons ...flow.Reason) []string {
	if c.Session == 0 {
		return phones
	}
	now := f.Clock.Now()
	for i := range reasons {
		reasons[i].Ref, reasons[i].Version = "call:"+ids.CallKey(c.Session).Rest(), version
	}
	f.Background("note whom a call was given to", func(ctx context.Context) error {
		return f.DB.InAccount(ctx, c.Account, func(ctx context.Context, tx pgx.Tx) error { return flow.Note(ctx, tx, c.Account, now, reasons...) })
	})
	return phones
}
