package account

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
)

// Robot is what the robot at a portal lets people choose from, and what it was registered with last.
type Robot struct {
	Scenarios, Numbers []directory.Entry
	// Registered is a digest of what was registered; empty: nothing was.
	Registered string
}

// Robot reads it. A portal that is gone has nothing registered.
func (a *Accounts) Robot(ctx context.Context, portal Ref) (Robot, error) {
	var r Robot
	err := a.db.InAccount(ctx, portal.Account, func(ctx context.Context, tx pgx.Tx) error {
		for kind, into := range map[directory.Kind]*[]directory.Entry{directory.Scenarios: &r.Scenarios, directory.Numbers: &r.Numbers} {
			list, err := directory.Read(ctx, tx, directory.Where{Account: portal.Account, Kind: kind})
			if err != nil {
				return err
			}
			*into = list.Here()
		}
		return tx.QueryRow(ctx, `SELECT COALESCE(max(robot), '') FROM portal WHERE account_id = $1 AND id = $2`, int64(portal.Account), int64(portal.Portal)).Scan(&r.Registered)
	})
	if err != nil {
		return Robot{}, fmt.Errorf("read the robot of portal %d: %w", portal.Portal, err)
	}
	return r, nil
}

// NoteRobot keeps what the robot was registered with.
func (a *Accounts) NoteRobot(ctx context.Context, portal Ref, registered string) error {
	err := a.db.InAccount(ctx, portal.Account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE portal SET robot = $3 WHERE account_id = $1 AND id = $2`, int64(portal.Account), int64(portal.Portal), registered)
		return err
	})
	if err != nil {
		return fmt.Errorf("note the robot of portal %d: %w", portal.Portal, err)
	}
	return nil
}
