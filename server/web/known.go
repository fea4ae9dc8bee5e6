package web

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/settings"
)

// knownTo gathers what validation compares with: portals, what UIS has, and the people, stages and fields of the portals that sections work with. A
// directory that was never read, or of which nothing is there, is not compared with (S4, U4).
func knownTo(ctx context.Context, tx pgx.Tx, account ids.AccountID, doc settings.Document) (settings.Known, error) {
	known := settings.Known{At: map[int64]settings.Choices{}}
	var employees map[int64]bool
	uis := make([][]directory.Entry, len(conditionLists))
	batch := &pgx.Batch{}
	queueIDs(batch, &known.Portals, `SELECT id FROM portal WHERE account_id = $1`, int64(account))
	queueIDs(batch, &known.Channels, `SELECT id FROM uis_channel WHERE account_id = $1 AND gone_at IS NULL`, int64(account))
	queueIDs(batch, &employees, `SELECT id FROM uis_employee WHERE account_id = $1 AND gone_at IS NULL`, int64(account))
	for i, kind := range conditionLists {
		directory.QueueHere(batch, directory.Where{Account: account, Kind: kind}, &uis[i])
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return known, fmt.Errorf("read what settings may name: %w", err)
	}
	if known.Portals == nil {
		known.Portals = map[int64]bool{}
	}
	known.Lists = map[string]map[string]bool{"channels": written(known.Channels), "uis-employees": written(employees)}
	for i, kind := range conditionLists {
		var ids map[string]bool
		for _, e := range uis[i] {
			put(&ids, e.ID)
		}
		known.Lists[string(kind)] = ids
	}
	known.Numbers = known.Lists[string(directory.Numbers)]
	portals := settings.PortalsOf(doc, known.Portals)
	read := make([]portalLists, len(portals))
	batch = &pgx.Batch{}
	for i, portal := range portals {
		read[i].queue(batch, account, ids.PortalID(portal))
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return known, fmt.Errorf("read what the portals have: %w", err)
	}
	for i, portal := range portals {
		known.At[portal] = read[i].choices()
	}
	return known, nil
}

// conditionLists are the directories of UIS that conditions take values from (rules.Parameter), besides employees and channels.
var conditionLists = []directory.Kind{directory.Numbers, directory.Operations, directory.Scenarios, directory.Groups, directory.Campaigns, directory.Sites}

// written are numbers as conditions write them; nil stays nil.
func written(set map[int64]bool) map[string]bool {
	var out map[string]bool
	for n := range set {
		put(&out, strconv.FormatInt(n, 10))
	}
	return out
}

// queueIDs queues the read of a column of ids; nil when there are none.
func queueIDs(batch *pgx.Batch, into *map[int64]bool, sql string, args ...any) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		for _, id := range list {
			put(into, id)
		}
		return err
	})
}

func put[T comparable](set *map[T]bool, one T) {
	if *set == nil {
		*set = map[T]bool{}
	}
	(*set)[one] = true
}

// portalLists is what is read of a portal: its active users, its stages and fields and the mode of its CRM.
type portalLists struct {
	users                map[int64]bool
	mode, stages, fields []directory.Entry
}

func (l *portalLists) queue(batch *pgx.Batch, account ids.AccountID, portal ids.PortalID) {
	queueIDs(batch, &l.users, `SELECT id FROM b24_user WHERE account_id = $1 AND portal_id = $2 AND active`, int64(account), int64(portal))
	directory.QueueHere(batch, directory.Where{Account: account, Portal: portal, Kind: directory.Mode}, &l.mode)
	directory.QueueHere(batch, directory.Where{Account: account, Portal: portal, Kind: directory.Stages}, &l.stages)
	directory.QueueHere(batch, directory.Where{Account: account, Portal: portal, Kind: directory.Fields}, &l.fields)
}

// choices puts what was read in the order validation asks for it.
func (l *portalLists) choices() settings.Choices {
	has := settings.Choices{Users: l.users}
	for _, e := range l.mode {
		has.Simple = e.ID == "simple"
	}
	for _, e := range l.fields {
		if has.Fields == nil {
			has.Fields = make(map[string]bool, len(l.fields))
		}
		has.Fields[e.ID] = e.Data["text"] == true
	}
	for _, e := range l.stages {
		stage, _ := e.Data["stage"].(string)
		if e.Data["entity"] == "lead" {
			put(&has.LeadStages, stage)
			continue
		}
		pipeline, _ := e.Data["pipeline"].(float64) // as JSON gives numbers
		if has.DealStages == nil {
			has.DealStages = map[int64]map[string]bool{}
		}
		stages := has.DealStages[int64(pipeline)]
		put(&stages, stage)
		has.DealStages[int64(pipeline)] = stages
	}
	return has
}
