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
func knownTo(ctx context.Context, tx pgx.Tx, account ids.AccountID, doc settings.Document) (settings.Known, error) {
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
	if doc.Main.Portal != nil {
		if known.CRM, err = crmOf(ctx, tx, directory.Where{Account: account, Portal: ids.PortalID(*doc.Main.Portal)}); err != nil {
			return known, err
		}
	}
	known.CRMs = map[int64]settings.CRM{}
	for _, portal := range []*int64{doc.Telephony.Portal, doc.Chats.Portal, doc.Requests.Portal} {
		if portal == nil || !known.Portals[*portal] {
			continue
		}
		if known.CRMs[*portal], err = crmOf(ctx, tx, directory.Where{Account: account, Portal: ids.PortalID(*portal)}); err != nil {
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

// crmOf is what a portal has to choose from: its stages and the mode of its CRM.
func crmOf(ctx context.Context, tx pgx.Tx, at directory.Where) (settings.CRM, error) {
	var crm settings.CRM
	at.Kind = directory.Mode
	mode, err := directory.Read(ctx, tx, at)
	if err != nil {
		return crm, err
	}
	for _, e := range mode.Here() {
		crm.Simple = e.ID == "simple"
	}
	at.Kind = directory.Stages
	stages, err := directory.Read(ctx, tx, at)
	if err != nil {
		return crm, err
	}
	for _, e := range stages.Here() {
		stage, _ := e.Data["stage"].(string)
		if e.Data["entity"] == "lead" {
			if crm.LeadStages == nil {
				crm.LeadStages = map[string]bool{}
			}
			crm.LeadStages[stage] = true
			continue
		}
		pipeline, _ := e.Data["pipeline"].(float64) // as JSON gives numbers
		if crm.DealStages == nil {
			crm.DealStages = map[int64]map[string]bool{}
		}
		if crm.DealStages[int64(pipeline)] == nil {
			crm.DealStages[int64(pipeline)] = map[string]bool{}
		}
		crm.DealStages[int64(pipeline)][stage] = true
	}
	return crm, nil
}
