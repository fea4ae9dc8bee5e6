package account

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// NoteFirstID keeps on which kinds of entities the portal has the app's own field "First communication ID" (R7c): lead, deal, contact, company.
func (a *Accounts) NoteFirstID(ctx context.Context, portal Ref, kinds []string) error {
	if kinds == nil {
		kinds = []string{}
	}
	err := a.db.InAccount(ctx, portal.Account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE portal SET first_id = $3 WHERE account_id = $1 AND id = $2 AND first_id <> $3`, int64(portal.Account), int64(portal.Portal), kinds)
		return err
	})
	if err != nil {
		return fmt.Errorf("note the fields of portal %d: %w", portal.Portal, err)
	}
	return nil
}
