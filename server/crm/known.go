package crm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Known is one entity with a telephone number of it, as the table of known numbers holds it (T3). Deals have no numbers and do not stand there.
type Known struct {
	Ref
	// Phone is in digits of E.164 without plus.
	Phone       string
	Responsible ids.B24UserID
	// CreatedAt is when the entity was made; zero: the portal did not say.
	CreatedAt time.Time
	// Closed: a lead that is over.
	Closed bool
}

// nobody is the kind of a row that says that the portal knew no client of a number.
const nobody EntityType = "nobody"

// The ranks of known numbers: the smallest wins (T9, "existing").
const (
	rankContact    = 1
	rankCompany    = 2
	rankOpenLead   = 3
	rankClosedLead = 4
	rankNobody     = 9
)

func (k Known) rank() int {
	switch {
	case k.Type == Contact:
		return rankContact
	case k.Type == Company:
		return rankCompany
	case k.Type == nobody:
		return rankNobody
	case k.Closed:
		return rankClosedLead
	}
	return rankOpenLead
}

// KnownEntity makes an entity of a picture of a row of the table.
func KnownEntity(ref Ref, rank int, responsible ids.B24UserID, created time.Time) Entity {
	e := Entity{Ref: ref, Responsible: responsible, CreatedAt: created}
	switch rank {
	case rankOpenLead:
		e.Semantic = "P"
	case rankClosedLead:
		e.Semantic = "F"
	}
	return e
}

// QueueKnown writes what a portal said of numbers at a moment of business time. What was read later stays; what the portal did not say (when an entity was made,
// whether a lead is over) does not replace what it said before.
func QueueKnown(batch *pgx.Batch, account ids.AccountID, portal ids.PortalID, at time.Time, list []Known) {
	if len(list) == 0 {
		return
	}
	// In one order, so that two writers never wait for each other in a circle; and each once, as one statement may write a row once.
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Known) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Phone, b.Phone))
	})
	list = slices.CompactFunc(list, func(a, b Known) bool { return a.Ref == b.Ref && a.Phone == b.Phone })
	types, numbers, phones := make([]string, len(list)), make([]int64, len(list)), make([]string, len(list))
	ranks, users, made := make([]int16, len(list)), make([]int64, len(list)), make([]time.Time, len(list))
	for i, k := range list {
		types[i], numbers[i], phones[i], ranks[i], users[i] = string(k.Type), k.ID, k.Phone, int16(k.rank()), int64(k.Responsible) //nolint:gosec // a rank is below ten
		made[i] = k.CreatedAt
		if made[i].IsZero() {
			made[i] = time.Unix(0, 0)
		}
	}
	batch.Queue(`INSERT INTO known_number AS n (account_id, portal_id, entity_type, entity_id, phone, rank, responsible, created_at, seen_at)
		SELECT $1, $2, k.type, k.id, k.phone, k.rank, k.responsible, k.made, $3
		FROM unnest($4::text[], $5::bigint[], $6::text[], $7::smallint[], $8::bigint[], $9::timestamptz[]) AS k(type, id, phone, rank, responsible, made)
		ON CONFLICT (account_id, portal_id, entity_type, entity_id, phone) DO UPDATE SET responsible = EXCLUDED.responsible, seen_at = EXCLUDED.seen_at,
		rank = CASE WHEN EXCLUDED.created_at > 'epoch' THEN EXCLUDED.rank ELSE n.rank END, created_at = greatest(n.created_at, EXCLUDED.created_at)
		WHERE n.seen_at <= EXCLUDED.seen_at`, int64(account), int64(portal), at, types, numbers, phones, ranks, users, made)
}

// QueueRead writes what entities of one kind are like now: asked are those that were asked for, and what the answer does not hold of them is gone.
func QueueRead(batch *pgx.Batch, account ids.AccountID, portal ids.PortalID, at time.Time, kind EntityType, asked []int64, list []Known) {
	numbers, phones := make([]int64, len(list)), make([]string, len(list))
	for i, k := range list {
		numbers[i], phones[i] = k.ID, k.Phone
	}
	batch.Queue(`DELETE FROM known_number n WHERE n.account_id = $1 AND n.portal_id = $2 AND n.entity_type = $3 AND n.entity_id = ANY($4) AND n.seen_at <= $5
		AND NOT EXISTS (SELECT FROM unnest($6::bigint[], $7::text[]) AS k(id, phone) WHERE k.id = n.entity_id AND k.phone = n.phone)`,
		int64(account), int64(portal), string(kind), asked, at, numbers, phones)
	QueueKnown(batch, account, portal, at, list)
}

// QueueNobody notes that the portal knew no client of a number.
func QueueNobody(batch *pgx.Batch, account ids.AccountID, portal ids.PortalID, at time.Time, phone string) {
	QueueKnown(batch, account, portal, at, []Known{{Ref: Ref{Type: nobody}, Phone: phone}})
}

// ForgetUnseen removes what was last seen before a moment, of one kind or of the numbers nobody had: a whole walk since did not meet it. It removes up to most
// rows and tells how many.
func ForgetUnseen(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID, kind EntityType, before time.Time, most int) (int64, error) {
	tag, err := tx.Exec(ctx, `DELETE FROM known_number WHERE account_id = $1 AND portal_id = $2 AND (entity_type, entity_id, phone) IN
		(SELECT entity_type, entity_id, phone FROM known_number WHERE account_id = $1 AND portal_id = $2 AND entity_type IN ($3, $4) AND seen_at < $5 LIMIT $6)`,
		int64(account), int64(portal), string(kind), string(nobody), before, most)
	if err != nil {
		return 0, fmt.Errorf("forget numbers of portal %d: %w", portal, err)
	}
	return tag.RowsAffected(), nil
}

// seen are the entities of a picture as known numbers, when there is no doubt whose the number is: it is all that was searched for, and the search brought
// these entities up.
func seen(need Need, picture Picture, byNumber found) []Known {
	var searched []Alias
	for _, a := range need.Aliases {
		if a.Kind == AliasPhone || a.Kind == AliasEmail {
			searched = append(searched, a)
		}
	}
	if !need.KeepNumbers || len(searched) != 1 || searched[0].Kind != AliasPhone {
		return nil
	}
	var list []Known
	for _, e := range picture.Entities {
		with := map[EntityType][]int64{Contact: byNumber.Contacts, Company: byNumber.Companies, Lead: byNumber.Leads}[e.Type]
		if slices.Contains(with, e.ID) {
			list = append(list, Known{Ref: e.Ref, Phone: searched[0].Value, Responsible: e.Responsible, CreatedAt: e.CreatedAt, Closed: e.Closed()})
		}
	}
	return list
}
