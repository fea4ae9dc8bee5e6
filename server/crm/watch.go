package crm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/bitrix24"
	"omni/server/flow"
	"omni/server/inbox"
)

// Watch is a request that creates nothing (T2): it asks what is there of a client, or what changed there since an earlier look.
type Watch struct {
	// Compare: what changed is asked for. Else this is the first look.
	Compare bool `json:"compare,omitempty"`
	// Looked: the first look came to something, and Before is what it saw.
	Looked bool    `json:"looked,omitempty"`
	Before []Stamp `json:"before,omitempty"`
	// From and Till are when changes count. Their beginning and end are told by another clock than the portal's.
	From time.Time `json:"from,omitzero"`
	Till time.Time `json:"till,omitzero"`
}

// Stamp is an entity with the moments of its making and its last change, by the portal's clock and to the second.
type Stamp struct {
	Ref
	Title   string    `json:"title,omitempty"`
	Created time.Time `json:"created,omitzero"`
	Changed time.Time `json:"changed,omitzero"`
}

// Touched is an entity that somebody else made or changed.
type Touched struct {
	Stamp
	Made bool `json:"made,omitempty"`
}

// Watched is the answer to a Watch.
type Watched struct {
	// Unread: the portal did not answer.
	Unread bool `json:"unread,omitempty"`
	// Entities are all that are there of the client, Changed those that somebody else changed, Own those that only this app did.
	Entities []Stamp   `json:"entities,omitempty"`
	Changed  []Touched `json:"changed,omitempty"`
	Own      []Stamp   `json:"own,omitempty"`
}

// OwnChange is what the portal answered to one of our own commands: after it the entity's last change was at that moment.
type OwnChange struct {
	Ref
	At   time.Time
	Made bool
}

// drift is how far the clocks of the portal and of UIS may be apart for an entity that the first look did not see.
const drift = 2 * time.Minute

// Differ finds what somebody else made or changed. It is pure. An entity counts when its time has moved since the first look, or lies in the time asked for:
// the other telephony reacts to the same ring as we do and may be there before the first look. What our own command made last is ours, whatever was before it.
func (w Watch) Differ(after []Stamp, own []OwnChange) (changed []Touched, ours []Stamp) {
	for _, e := range after {
		made, moved := w.made(e), w.moved(e)
		switch {
		case made && !slices.ContainsFunc(own, func(o OwnChange) bool { return o.Ref == e.Ref && o.Made }):
			changed = append(changed, Touched{e, true})
		case !made && !moved:
		case slices.ContainsFunc(own, func(o OwnChange) bool { return o.Ref == e.Ref && o.At.Equal(e.Changed) }):
			ours = append(ours, e)
		default:
			changed = append(changed, Touched{e, false})
		}
	}
	return changed, ours
}

// made tells whether an entity was made since the beginning.
func (w Watch) made(e Stamp) bool {
	_, seen := w.before(e.Ref)
	switch {
	case !w.Looked:
		return w.within(e.Created)
	case seen:
		return !e.Created.Before(w.From)
	}
	return !e.Created.Before(w.From.Add(-drift))
}

// moved tells whether an entity was changed since the beginning. One that the first look did not see need not be new: a person may have added the number to
// it, or tied an old deal to somebody new.
func (w Watch) moved(e Stamp) bool {
	before, seen := w.before(e.Ref)
	switch {
	case !w.Looked:
		return w.within(e.Changed)
	case seen:
		return !e.Changed.Equal(before.Changed) || !e.Changed.Before(w.From)
	}
	return !e.Changed.Before(w.From.Add(-drift))
}

func (w Watch) within(at time.Time) bool { return !at.Before(w.From) && !at.After(w.Till) }

func (w Watch) before(ref Ref) (Stamp, bool) {
	i := slices.IndexFunc(w.Before, func(s Stamp) bool { return s.Ref == ref })
	if i < 0 {
		return Stamp{}, false
	}
	return w.Before[i], true
}

// watched answers a Watch. What changed gets this communication as its first one where it has none (R7c).
func (r *row) watched(step *inbox.Step, picture Picture, out *flow.Outcome) {
	need := r.Work.Need
	var w Watched
	for _, e := range picture.Entities {
		w.Entities = append(w.Entities, Stamp{e.Ref, e.Title, e.CreatedAt, e.ChangedAt})
	}
	if need.Watch.Compare {
		w.Changed, w.Own = need.Watch.Differ(w.Entities, r.own)
		var d Decision
		for _, c := range w.Changed {
			i := slices.IndexFunc(picture.Entities, func(e Entity) bool { return e.Ref == c.Ref })
			d.Joined = append(d.Joined, picture.Entities[i])
		}
		for _, ref := range unnamed(d, r.first, r.Work.Marked) {
			r.note(out, because("crm.first_id_given", "entity", ref.Name()))
		}
		r.mark(d, out)
	}
	r.reply(step, out, Answer{Ref: need.Ref, Watched: &w})
}

// mostOwn bounds how many of our own latest commands are looked at.
const mostOwn = 2000

// queueOwn reads what the portal answered to our own writes since a Watch began, when this step answers one that compares. The portal tells the time of the
// change in its own time, so that no clocks are compared.
func (r *row) queueOwn(batch *pgx.Batch, step *inbox.Step) bool {
	need := r.Work.Need
	if need == nil || need.Watch == nil || !need.Watch.Compare {
		return false
	}
	ago := step.Now.Sub(need.Watch.From) + drift
	batch.Queue(`SELECT c.params, c.result FROM command c JOIN lane l ON l.account_id = c.account_id AND l.id = c.lane_id
		WHERE c.account_id = $1 AND l.kind = 'b24' AND l.portal_id = $2 AND c.kind IN ('crm.item.add', 'crm.item.update') AND c.state = 'done'
		AND c.done_at > now() - make_interval(secs => $3) ORDER BY c.done_at DESC LIMIT $4`, int64(step.Account), int64(need.Portal), ago.Seconds(), mostOwn).
		Query(func(rows pgx.Rows) error {
			var params, result []byte
			_, err := pgx.ForEachRow(rows, []any{&params, &result}, func() error {
				if o, told := ownChange(params, result); told {
					r.own = append(r.own, o)
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("read own changes: %w", err)
			}
			return nil
		})
	return true
}

// ownChange reads what our command changed, and when; false: its answer does not tell, as after an outcome that was unclear.
func ownChange(params, result []byte) (OwnChange, bool) {
	var asked struct {
		Type bitrix24.ID `json:"entityTypeId"`
		ID   bitrix24.ID `json:"id"`
	}
	var answer struct {
		Item struct {
			ID      bitrix24.ID `json:"id"`
			Changed string      `json:"updatedTime"`
		} `json:"item"`
	}
	if json.Unmarshal(params, &asked) != nil || json.Unmarshal(result, &answer) != nil || answer.Item.ID <= 0 {
		return OwnChange{}, false
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(answer.Item.Changed))
	for _, t := range []EntityType{Lead, Deal, Contact, Company} {
		if err == nil && int(asked.Type) == t.Wire() {
			return OwnChange{Ref: Ref{t, int64(answer.Item.ID)}, At: at, Made: asked.ID == 0}, true
		}
	}
	return OwnChange{}, false
}
