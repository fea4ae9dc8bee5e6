package directory

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Field is what a portal's directory of fields says of one of them.
type Field struct {
	ID string
	// Gone: it vanished from the portal. Multiple: it holds several values.
	Gone, Multiple bool
}

// QueueFields queues the look for fields of a portal by their ids in the directory; those it does not know are left out.
func QueueFields(batch *pgx.Batch, account ids.AccountID, portal ids.PortalID, fields []string, into *[]Field) {
	batch.Queue(`SELECT id, gone_at IS NOT NULL, COALESCE((data->>'multiple')::boolean, false) FROM directory_entry
		WHERE account_id = $1 AND portal_id = $2 AND kind = $3 AND id = ANY ($4)`, int64(account), int64(portal), string(Fields), fields).Query(func(rows pgx.Rows) error {
		var err error
		*into, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (f Field, err error) { return f, row.Scan(&f.ID, &f.Gone, &f.Multiple) })
		if err != nil {
			return fmt.Errorf("look for fields of portal %d: %w", portal, err)
		}
		return nil
	})
}

// Person is an employee at UIS as fields and templates name him.
type Person struct{ Name, Email string }

// QueuePersons queues the look for some of the account's employees at UIS; nil: for all of them.
func QueuePersons(batch *pgx.Batch, account ids.AccountID, employees []ids.UISEmployeeID) map[ids.UISEmployeeID]Person {
	out := map[ids.UISEmployeeID]Person{}
	var wanted []int64
	if employees != nil {
		wanted = make([]int64, len(employees))
	}
	for i, e := range employees {
		wanted[i] = int64(e)
	}
	batch.Queue(`SELECT id, full_name, email FROM uis_employee WHERE account_id = $1 AND ($2::bigint[] IS NULL OR id = ANY ($2))`, int64(account), wanted).Query(func(rows pgx.Rows) error {
		var id ids.UISEmployeeID
		var p Person
		if _, err := pgx.ForEachRow(rows, []any{&id, &p.Name, &p.Email}, func() error { out[id] = p; return nil }); err != nil {
			return fmt.Errorf("look for employees: %w", err)
		}
		return nil
	})
	return out
}
