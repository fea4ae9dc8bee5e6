package web

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/settings"
)

// knownTo gathers what validation compares with: portals, people, channels, numbers, stages. A directory that was never read, or of which nothing is
// there, is not compared with (S4, U4).
func knownTo(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal *int64) (settings.Known, error) {
	var known settings.Known
	var err error
	if known.Portals, err = numbersOf(ctx, tx, `SELECT id FROM portal WHERE account_id = $1`, int64(account)); err != nil {
		return known, err
	}
	if known.Portals == nil {
		known.Portals = map[int64]bool{}
	}
	if known.Users, err = numbersOf(ctx, tx, `SELECT id FROM b24_user WHERE account_id = $1 AND active`, int64(account)); err != nil {
		return known, err
	}
	if known.Channels, err = numbersOf(ctx, tx, `SELECT id FROM uis_channel WHERE account_id = $1 AND gone_at IS NULL`, int64(account)); err != nil {
		return known, err
	}
	numbers, err := directory.Read(ctx, tx, directory.Where{Account: account, Kind: directory.Numbers})
	if err != nil {
		return known, err
	}
	for _, e := range numbers.Here() {
		if known.Numbers == nil {
			known.Numbers = map[string]bool{}
		}
		known.Numbers[e.ID] = true
	}
	if portal == nil {
		return known, nil
	}
	return known, stagesOf(ctx, tx, directory.Where{Account: account, Portal: ids.PortalID(*portal)}, &known)
}

// numbersOf reads a column of ids; nil when there are none.
func numbersOf(ctx context.Context, tx pgx.Tx, sql string, args ...any) (map[int64]bool, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read what settings may name: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("read what settings may name: %w", err)
	}
	var set map[int64]bool
	for _, id := range list {
		if set == nil {
			set = map[int64]bool{}
		}
		set[id] = true
	}
	return set, nil
}

// stagesOf adds the portal's stages and the mode of its CRM.
func stagesOf(ctx context.Context, tx pgx.Tx, at directory.Where, known *settings.Known) error {
	at.Kind = directory.Mode
	mode, err := directory.Read(ctx, tx, at)
	if err != nil {
		return err
	}
	for _, e := range mode.Here() {
		known.Simple = e.ID == "simple"
	}
	at.Kind = directory.Stages
	stages, err := directory.Read(ctx, tx, at)
	if err != nil {
		return err
	}
	for _, e := range stages.Here() {
		stage, _ := e.Data["stage"].(string)
		if e.Data["entity"] == "lead" {
			if known.LeadStages == nil {
				known.LeadStages = map[string]bool{}
			}
			known.LeadStages[stage] = true
			continue
		}
		pipeline, _ := e.Data["pipeline"].(float64) // as JSON gives numbers
		if known.DealStages == nil {
			known.DealStages = map[int64]map[string]bool{}
		}
		if known.DealStages[int64(pipeline)] == nil {
			known.DealStages[int64(pipeline)] = map[string]bool{}
		}
		known.DealStages[int64(pipeline)][stage] = true
	}
	return nil
}
