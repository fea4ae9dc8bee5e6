package telephony

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"omni/server/crm"
	"omni/server/ids"
)

// The table call_open holds the calls whose activity stands as not done, by each entity it shows in (T4a). A client has several telephones: missed from one of them
// and answered from another, it is one contact's, or one client's.

// mostOpen bounds what one answered call turns to done; more of one client waits for his next call.
const mostOpen = 200

// shown are the entities that the call's activity shows in, in columns.
func shown(a *crm.CallAnswer) (types []string, numbers []int64) {
	types, numbers = []string{}, []int64{}
	if a != nil {
		for _, ref := range a.Bind {
			types, numbers = append(types, string(ref.Type)), append(numbers, ref.ID)
		}
	}
	return types, numbers
}

// queueOthers looks at the other calls of the client and of the entities. Of two that began in one moment the higher number came later. Each of two calls that end at
// once sees the other: whatever either may find the other by is locked first, in one order. A call's row is never locked, so nobody who holds one waits here.
func queueOthers(batch *pgx.Batch, account ids.AccountID, t *turn) {
	c := t.call
	types, numbers := shown(c.Link.Answer)
	locks := make([]string, 0, len(types)+1)
	for i := range types {
		locks = append(locks, fmt.Sprintf("call_open:%d:%s:%d", c.Portal, types[i], numbers[i]))
	}
	if c.Client != 0 {
		locks = append(locks, fmt.Sprintf("call_open:client:%d", c.Client))
	}
	if len(locks) == 0 {
		return
	}
	t.setting.older = map[ids.UISCallID]int64{}
	// A statement of its own: the next one sees what was committed before the locks were ours.
	batch.Queue(`SELECT pg_advisory_xact_lock(l.lock) FROM (SELECT DISTINCT hashtextextended(name, $1) AS lock FROM unnest($2::text[]) AS n(name) ORDER BY 1) l`, int64(account), locks)
	batch.Queue(`SELECT o.call_id, o.activity_id FROM unnest($5::text[], $6::bigint[]) AS w(type, id)
			JOIN call_open o ON o.account_id = $1 AND o.portal_id = $2 AND o.entity_type = w.type AND o.entity_id = w.id WHERE (o.started_at, o.call_id) < ($3, $4)
		UNION SELECT o.call_id, o.activity_id FROM call c JOIN call_open o ON o.account_id = $1 AND o.call_id = c.id
			WHERE c.account_id = $1 AND c.client_id = $7 AND o.portal_id = $2 AND (o.started_at, o.call_id) < ($3, $4)
		ORDER BY 1 DESC LIMIT $8`, int64(account), int64(c.Portal), c.Facts.StartedAt, int64(c.ID), types, numbers, int64(c.Client), mostOpen).Query(func(rows pgx.Rows) error {
		var id ids.UISCallID
		var activity int64
		_, err := pgx.ForEachRow(rows, []any{&id, &activity}, func() error { t.setting.older[id] = activity; return nil })
		return err
	})
	if c.Facts.answered() {
		return
	}
	// An answered call later than this missed one: it has looked already, when this one had no activity yet.
	batch.Queue(`SELECT EXISTS (SELECT FROM call c WHERE c.account_id = $1 AND c.portal_id = $2 AND c.started_at >= $3 AND (c.started_at, c.id) > ($3, $4) AND c.answered AND c.ended_at IS NOT NULL
		AND c.phase NOT IN ('', 'off', 'watching', 'comparing', 'updating', 'watched') AND (c.client_id = $7 OR EXISTS (SELECT FROM unnest($5::text[], $6::bigint[]) AS w(type, id)
			WHERE c.crm -> 'answer' -> 'bind' @> jsonb_build_array(jsonb_build_object('type', w.type, 'id', w.id)))))`,
		int64(account), int64(c.Portal), c.Facts.StartedAt, int64(c.ID), types, numbers, int64(c.Client)).QueryRow(func(row pgx.Row) error { return row.Scan(&t.setting.later) })
}

// saveOpen writes whether the call's activity stands as not done, and that those of handled calls do not any more.
func saveOpen(batch *pgx.Batch, account ids.AccountID, t *turn) {
	c := t.call
	gone := slices.Clone(t.handled)
	if t.wasOpen && !c.ActivityOpen {
		gone = append(gone, c.ID)
	}
	if len(gone) > 0 {
		numbers := make([]int64, len(gone))
		for i, id := range gone {
			numbers[i] = int64(id)
		}
		batch.Queue(`DELETE FROM call_open WHERE account_id = $1 AND call_id = ANY($2)`, int64(account), numbers)
	}
	if !c.ActivityOpen || c.Activity == 0 || slices.Contains(gone, c.ID) {
		return
	}
	types, numbers := shown(c.Link.Answer)
	// Another call may have turned it to done since this one was read: only what has just become open, or shows in more entities, is written.
	if t.wasOpen && !t.rebound {
		return
	}
	batch.Queue(`INSERT INTO call_open (account_id, call_id, portal_id, entity_type, entity_id, activity_id, started_at)
		SELECT $1, $2, $3, w.type, w.id, $4, $5 FROM unnest($6::text[], $7::bigint[]) AS w(type, id) ON CONFLICT DO NOTHING`,
		int64(account), int64(c.ID), int64(c.Portal), c.Activity, c.Facts.StartedAt, types, numbers)
}
