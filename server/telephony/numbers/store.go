package numbers

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/store"
)

// lookup answers, in one round trip, whether anybody is to be asked (settings.Document.ManagerPortal has the same rule), whom the number belongs to, and what is
// known of those people. The number itself costs one access to the index known_number_phone. A number that more than a hundred entities share is a
// switchboard's; the first of them say whose it is.
const lookup = `WITH s AS MATERIALIZED (SELECT version, document -> 'main' AS main, document -> 'telephony' AS tel FROM settings WHERE account_id = $1 ORDER BY version DESC LIMIT 1),
	g AS MATERIALIZED (SELECT s.version, p.id AS portal, CASE
		WHEN NOT COALESCE((main ->> 'enabled')::boolean, false) THEN 'main_off'
		WHEN NOT COALESCE((tel ->> 'enabled')::boolean, false) THEN 'telephony_off'
		WHEN COALESCE((tel ->> 'other_telephony')::boolean, false) THEN 'other_telephony'
		WHEN NOT COALESCE((tel ->> 'personal_manager')::boolean, false) THEN 'switch_off'
		WHEN p.id IS NULL THEN 'no_portal'
		WHEN p.state = 'uninstalled' THEN 'asleep' ELSE '' END AS off, p.state NOT IN ('active', 'installing') AS sleeps
		FROM s LEFT JOIN portal p ON p.account_id = $1 AND p.id = COALESCE((tel ->> 'portal')::bigint, (main ->> 'portal')::bigint))
	SELECT g.version, g.off, COALESCE(g.sleeps, false), COALESCE(g.portal, 0), k.rank, k.entity_type, k.entity_id, k.responsible, k.created_at, k.seen_at, COALESCE(u.active, false), m.employee IS NOT NULL, e.phones
	FROM g LEFT JOIN LATERAL (SELECT * FROM known_number n WHERE n.account_id = $1 AND n.portal_id = g.portal AND n.phone = $2
		ORDER BY n.rank, n.created_at DESC, n.entity_id DESC LIMIT 100) k ON g.off = ''
	LEFT JOIN LATERAL (SELECT active FROM b24_user WHERE account_id = $1 AND portal_id = g.portal AND id = k.responsible LIMIT 1) u ON true
	LEFT JOIN LATERAL (SELECT employee FROM staff_match WHERE account_id = $1 AND portal_id = g.portal AND b24_user = k.responsible LIMIT 1) m ON true
	LEFT JOIN LATERAL (SELECT phones FROM uis_employee WHERE account_id = $1 AND id = m.employee AND gone_at IS NULL LIMIT 1) e ON true
	ORDER BY k.rank, k.created_at DESC, k.entity_id DESC`

// known is what the account knows of a number.
type known struct {
	version int
	// off says why nobody is asked; empty: the switch acts.
	off string
	// sleeps: nothing may be asked of the portal now; what is known of it holds all the same.
	sleeps   bool
	portal   ids.PortalID
	entities []crm.Entity
	people   map[ids.B24UserID]person
	// nobodyAt is when the portal said that it knows nobody; zero: it never did.
	nobodyAt time.Time
}

// look reads what is known of a number, outside a transaction: it is one statement.
func look(ctx context.Context, db *store.DB, account ids.AccountID, phone string) (known, error) {
	k := known{off: "main_off", people: map[ids.B24UserID]person{}} // an account that never saved has everything off
	rows, err := db.Pool().Query(store.WithAccount(ctx, account), lookup, int64(account), phone)
	if err != nil {
		return k, fmt.Errorf("look up a number: %w", err)
	}
	var rank *int
	var kind *string
	var id, responsible *int64
	var created, seen *time.Time
	var p person
	_, err = pgx.ForEachRow(rows, []any{&k.version, &k.off, &k.sleeps, &k.portal, &rank, &kind, &id, &responsible, &created, &seen, &p.active, &p.matched, &p.phones}, func() error {
		switch {
		case rank == nil:
		case *responsible == 0 && *id == 0:
			k.nobodyAt = *seen
		default:
			user := ids.B24UserID(*responsible)
			k.people[user] = p
			k.entities = append(k.entities, crm.KnownEntity(crm.Ref{Type: crm.EntityType(*kind), ID: *id}, *rank, user, *created))
		}
		return nil
	})
	if err != nil {
		return k, fmt.Errorf("look up a number: %w", err)
	}
	return k, nil
}
