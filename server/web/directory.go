package web

import (
	"context"
	"maps"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/chats"
	"omni/server/ids"
	"omni/server/rules"
)

// staleAfter is the age from which a page says that a list may be out of date (S4): directories are read once a day.
const staleAfter = 48 * time.Hour

// kept are the directories that are kept as entries; those of a portal belong to the one the person is on.
var kept = map[string]directory.Kind{"pipelines": directory.Pipelines, "stages": directory.Stages, "sources": directory.Sources, "fields": directory.Fields, "lines": directory.Lines,
	"groups": directory.Groups, "numbers": directory.Numbers, "sites": directory.Sites, "campaigns": directory.Campaigns, "scenarios": directory.Scenarios,
	"departments": directory.Departments, "operations": directory.Operations, "tags": directory.Tags, "mode": directory.Mode}

func ofPortal(kind directory.Kind) bool {
	switch kind {
	case directory.Pipelines, directory.Stages, directory.Sources, directory.Fields, directory.Lines, directory.Mode, directory.Departments:
		return true
	}
	return false
}

// list is a directory as pages get it: the cached copy, its age, and why the last try to renew it failed.
type list struct {
	items   []fiber.Map
	readAt  *time.Time
	trouble string
}

// directory answers a cached list.
func (s *Server) directory(c *fiber.Ctx) error {
	p, name := who(c), c.Params("name")
	portal := p.Portal
	if asked, err := strconv.ParseInt(c.Query("portal"), 10, 64); err == nil && asked > 0 {
		portal = ids.PortalID(asked)
	}
	if items, own := s.catalogue(p.Lang, name); own {
		return c.JSON(fiber.Map{"items": items, "next": nil, "read_at": nil, "stale": false, "trouble": nil})
	}
	var l list
	err := s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		l, err = readList(ctx, tx, p.Account, portal, name)
		return err
	})
	if err != nil {
		return err
	}
	var trouble *chats.ReasonView
	if l.trouble != "" {
		trouble = &chats.ReasonView{Code: l.trouble, Text: s.Texts.Text(p.Lang, "directory.trouble."+l.trouble)}
	}
	return c.JSON(fiber.Map{"items": l.items, "next": nil, "read_at": l.readAt, "stale": l.readAt == nil || s.Clock.Now().Sub(*l.readAt) > staleAfter, "trouble": trouble})
}

func readList(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID, name string) (list, error) {
	switch name {
	case "channels":
		return channelList(ctx, tx, account)
	case "uis-employees":
		return query(ctx, tx, `SELECT id, full_name AS name, email, seen_at FROM uis_employee WHERE account_id = $1 AND gone_at IS NULL ORDER BY full_name, id`, int64(account))
	case "b24-users":
		return query(ctx, tx, `SELECT id, trim(first_name || ' ' || last_name) AS name, email, active, seen_at,
			COALESCE((SELECT string_agg(d.name, ', ' ORDER BY d.position) FROM directory_entry d WHERE d.account_id = u.account_id AND d.portal_id = u.portal_id
				AND d.kind = 'departments' AND d.gone_at IS NULL AND d.id = ANY (u.departments::text[])), '') AS department
			FROM b24_user u WHERE account_id = $1 AND portal_id = $2 AND active ORDER BY last_name, first_name, id`, int64(account), int64(portal))
	}
	kind, known := kept[name]
	if !known {
		return list{}, fiber.ErrNotFound
	}
	if !ofPortal(kind) {
		portal = 0
	}
	found, err := directory.Read(ctx, tx, directory.Where{Account: account, Portal: portal, Kind: kind})
	l := list{items: []fiber.Map{}, readAt: found.ReadAt, trouble: found.Trouble}
	for _, e := range found.Entries {
		l.items = append(l.items, entryItem(kind, e))
	}
	return l, err
}

// entryItem gives an entry the id that settings documents use (design section 12): numbers for pipelines and UIS's objects, Bitrix24's own strings for
// stages and fields, digits for telephone numbers.
func entryItem(kind directory.Kind, e directory.Entry) fiber.Map {
	item := fiber.Map{"id": e.ID, "name": e.Name, "gone": e.Gone}
	maps.Copy(item, e.Data)
	switch kind {
	case directory.Stages:
		item["id"] = e.Data["stage"]
		delete(item, "stage")
	case directory.Fields:
		item["id"] = e.Data["field"]
		delete(item, "field")
	case directory.Sources, directory.Numbers, directory.Operations, directory.Mode:
	default:
		if n, err := strconv.ParseInt(e.ID, 10, 64); err == nil {
			item["id"] = n
		}
	}
	return item
}

func channelList(ctx context.Context, tx pgx.Tx, account ids.AccountID) (list, error) {
	l := list{items: []fiber.Map{}}
	found, err := directory.Channels(ctx, tx, account)
	if err != nil {
		return l, err
	}
	for _, ch := range found {
		v := chats.Viewer{}.ChannelView(chats.ChannelFrom(ch))
		l.items = append(l.items, fiber.Map{"id": v.ID, "name": v.Name, "type": v.Type, "active": v.Active, "write_first": v.WriteFirst, "status": ch.Status, "connected": ch.Adapter != 0})
	}
	return l, tx.QueryRow(ctx, `SELECT max(seen_at) FROM uis_channel WHERE account_id = $1`, int64(account)).Scan(&l.readAt)
}

// query reads rows whose seen_at says how old they are.
func query(ctx context.Context, tx pgx.Tx, sql string, args ...any) (list, error) {
	l := list{items: []fiber.Map{}}
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return l, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToMap)
	for _, row := range found {
		if at, ok := row["seen_at"].(time.Time); ok && (l.readAt == nil || at.After(*l.readAt)) {
			l.readAt = &at
		}
		delete(row, "seen_at")
		l.items = append(l.items, row)
	}
	return l, err
}

// moments are the words of the API for when a value is known.
var moments = map[rules.Moment]string{rules.AtStart: "start", rules.AtAnswer: "answer", rules.AtEnd: "end", rules.AtReport: "report"}

// catalogue answers the lists that the product itself declares: variables of templates and extra fields, parameters of conditions.
func (s *Server) catalogue(lang, name string) ([]fiber.Map, bool) {
	items := []fiber.Map{}
	switch name {
	case "variables":
		for _, v := range rules.AllVariables() {
			items = append(items, s.variableItem(lang, v))
		}
	case "parameters":
		for _, p := range rules.Parameters() {
			items = append(items, s.parameterItem(lang, p))
		}
	default:
		return nil, false
	}
	return items, true
}

func knownItem(known map[rules.Kind]rules.Moment) fiber.Map {
	item := fiber.Map{}
	for kind, at := range known {
		item[string(kind)] = moments[at]
	}
	return item
}

// variableItem is a variable of templates and extra fields: where it may be used and from when on it is known there.
func (s *Server) variableItem(lang string, v rules.Variable) fiber.Map {
	return fiber.Map{"id": v.Name, "name": s.Texts.Text(lang, "variable."+v.Name), "hint": s.Texts.Text(lang, "variable_hint."+v.Name), "group": v.Group, "group_name": s.Texts.Text(lang, "variable_group."+v.Group),
		"sample": v.Sample, "known": knownItem(v.Known)}
}

// parameterItem is a parameter of conditions (R2): where its values come from, the places that offer it with the conditions they allow, and from when
// on it is known.
func (s *Server) parameterItem(lang string, p rules.Parameter) fiber.Map {
	places := fiber.Map{}
	for _, at := range p.Places {
		places[string(at)] = at.Ops()
	}
	item := fiber.Map{"id": p.Name, "name": s.Texts.Text(lang, "param."+p.Name), "directory": nil, "values": p.Values, "free": p.Free, "places": places, "known": knownItem(p.Known)}
	if p.Directory != "" {
		item["directory"] = p.Directory
	}
	if p.Values == nil {
		item["values"] = []string{}
	}
	return item
}
