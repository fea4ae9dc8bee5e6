package web

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/settings"
)

// knownTo gathers what validation compares with: portals, channels, numbers, and the people and stages of the portals that sections work with. A
// directory that was never read, or of which nothing is there, is not compared with (S4, U4).
func knownTo(ctx context.Context, tx pgx.Tx, account ids.AccountID, doc settings.Document) (settings.Known, error) {
	var known settings.Known
	var err error
	if known.Portals, err = numbersOf(ctx, tx, `SELECT id FROM portal WHERE account_id = $1`, int64(account)); err != nil {
		return known, err
	}
	if known.Portals == nil {
		known.Portals = map[int64]bool{}
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
	known.At = map[int64]settings.Choices{}
	for _, portal := range settings.PortalsOf(doc, known.Portals) {
		if known.At[portal], err = choicesOf(ctx, tx, directory.Where{Account: account, Portal: ids.PortalID(portal)}); err != nil {
			return known, err
		}
	}
	return known, nil
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

// choicesOf is what a portal has to choose from: its active users, its stages and the mode of its CRM.
func choicesOf(ctx context.Context, tx pgx.Tx, at directory.Where) (settings.Choices, error) {
	var has settings.Choices
	var err error
	if has.Users, err = numbersOf(ctx, tx, `SELECT id FROM b24_user WHERE account_id = $1 AND portal_id = $2 AND active`, int64(at.Account), int64(at.Portal)); err != nil {
		return has, err
	}
	at.Kind = directory.Mode
	mode, err := directory.Read(ctx, tx, at)
	if err != nil {
		return has, err
	}
	for _, e := range mode.Here() {
		has.Simple = e.ID == "simple"
	}
	at.Kind = directory.Stages
	stages, err := directory.Read(ctx, tx, at)
	if err != nil {
		return has, err
	}
	for _, e := range stages.Here() {
		stage, _ := e.Data["stage"].(string)
		if e.Data["entity"] == "lead" {
			if has.LeadStages == nil {
				has.LeadStages = map[string]bool{}
			}
			has.LeadStages[stage] = true
			continue
		}
		pipeline, _ := e.Data["pipeline"].(float64) // as JSON gives numbers
		if has.DealStages == nil {
			has.DealStages = map[int64]map[string]bool{}
		}
		if has.DealStages[int64(pipeline)] == nil {
			has.DealStages[int64(pipeline)] = map[string]bool{}
		}
		has.DealStages[int64(pipeline)][stage] = true
	}
	return has, nil
}
