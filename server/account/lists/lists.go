// Package lists reads what people choose from in the settings (pipelines, stages, sources, fields, lines and departments of a portal; groups, numbers, sites, campaigns, scenarios and tags of UIS) and keeps good copies.
package lists

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"omni/server/account/directory"
	"omni/server/bitrix24"
	"omni/server/clock"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/relay"
	"omni/server/store"
)

// Asker reads through the portal's lane.
type Asker interface {
	Ask(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, kind string, params any, p outbox.Priority) (json.RawMessage, error)
}

// Options are what Lists is made of.
type Options struct {
	DB    *store.DB
	Clock clock.Clock
	Asker Asker
	Log   *slog.Logger
	// Grew is told that an account's feed has news, after the commit; nil: nobody listens.
	Grew func(ids.AccountID)
}

// Lists reads directories. Safe for many goroutines.
type Lists struct{ Options }

// New makes it.
func New(o Options) *Lists { return &Lists{o} }

// Outcome is what became of one directory: how many entries it has now, or why it kept its old copy.
type Outcome struct {
	Kind    directory.Kind `json:"kind"`
	Entries int            `json:"entries"`
	Trouble string         `json:"trouble,omitempty"`
}

// read is a directory that was read from a platform, or why it could not be.
type read struct {
	kind    directory.Kind
	entries []directory.Entry
	err     error
}

// keep stores what is good; what failed or came empty leaves the old copy. Open pages are told of lines that changed (P6).
func (l *Lists) keep(ctx context.Context, account ids.AccountID, portal ids.PortalID, list []read) ([]Outcome, error) {
	outcomes := make([]Outcome, len(list))
	var news []relay.Event
	err := l.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		news = nil
		now := l.Clock.Now()
		for i, r := range list {
			at := directory.Where{Account: account, Portal: portal, Kind: r.kind}
			outcomes[i] = Outcome{Kind: r.kind, Entries: len(r.entries)}
			err := r.err
			if err == nil {
				var changed []relay.Event
				changed, err = replace(ctx, tx, at, r.entries, now)
				news = append(news, changed...)
			}
			switch {
			case err == nil:
				continue
			case errors.Is(err, directory.ErrEmpty):
				outcomes[i].Trouble = "empty"
			case r.err == nil:
				return err
			default:
				outcomes[i].Trouble = Trouble(err)
				l.Log.WarnContext(ctx, "a directory was not read, its copy stays", "account", account, "portal", portal, "directory", r.kind, "error", err)
			}
			if err := directory.Trouble(ctx, tx, at, outcomes[i].Trouble, now); err != nil {
				return err
			}
		}
		return relay.Append(ctx, tx, account, now, news...)
	})
	if err == nil && len(news) > 0 && l.Grew != nil {
		l.Grew(account)
	}
	return outcomes, err
}

// Portal reads the directories of a portal through its lane; the reads leave together in one request.
func (l *Lists) Portal(ctx context.Context, account ids.AccountID, portal ids.PortalID) ([]Outcome, error) {
	asks := portalReads()
	answers, errs := make([]json.RawMessage, len(asks)), make([]error, len(asks))
	group, asking := errgroup.WithContext(ctx)
	for i, a := range asks {
		group.Go(func() error {
			answers[i], errs[i] = l.Asker.Ask(asking, account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: portal}, a.method, a.params, outbox.Background)
			return nil
		})
	}
	var departments read
	group.Go(func() error { departments = l.departments(asking, account, portal); return nil })
	_ = group.Wait() // what failed is told per directory
	list := []read{departments}
	for i, a := range asks {
		r := read{kind: a.kind, err: errs[i]}
		if r.err == nil {
			r.entries, r.err = a.parse(answers[i])
		}
		if n := len(list); n > 0 && list[n-1].kind == a.kind { // one directory of several reads: all of them or none
			list[n-1].entries = append(list[n-1].entries, r.entries...)
			list[n-1].err = errors.Join(list[n-1].err, r.err)
			continue
		}
		list = append(list, r)
	}
	return l.keep(ctx, account, portal, list)
}

// ask is one read of a portal and how its answer becomes entries.
type ask struct {
	kind   directory.Kind
	method string
	params any
	parse  func(json.RawMessage) ([]directory.Entry, error)
}

// linesPage is the most imopenlines.config.list.get gives at once; a portal has a handful.
const linesPage = 200

func portalReads() []ask {
	list := []ask{
		{directory.Mode, "crm.settings.mode.get", nil, parseMode},
		{directory.Pipelines, "crm.category.list", map[string]any{"entityTypeId": bitrix24.Deal}, parsePipelines},
		{directory.Stages, "crm.status.list", map[string]any{"order": map[string]any{"SORT": "ASC"}}, parseStages},
		{directory.Sources, "crm.status.list", map[string]any{"filter": map[string]any{"ENTITY_ID": "SOURCE"}, "order": map[string]any{"SORT": "ASC"}}, parseSources},
		{directory.Lines, "imopenlines.config.list.get", map[string]any{"PARAMS": map[string]any{"select": []string{"ID", "LINE_NAME", "ACTIVE"}, "limit": linesPage}}, parseLines},
	}
	for _, e := range []struct {
		name string
		id   bitrix24.EntityType
	}{{"lead", bitrix24.Lead}, {"deal", bitrix24.Deal}, {"contact", bitrix24.Contact}, {"company", bitrix24.Company}} {
		list = append(list, ask{directory.Fields, "crm.item.fields", map[string]any{"entityTypeId": e.id, "useOriginalUfNames": "Y"},
			func(raw json.RawMessage) ([]directory.Entry, error) { return parseFields(e.name, raw) }})
	}
	return list
}

// Trouble is the word for why a portal's directory could not be read.
func Trouble(err error) string {
	var failure *outbox.Failure
	switch {
	case errors.As(err, &absent{}):
		return directory.Absent
	case errors.Is(err, outbox.ErrSlow):
		return "slow"
	case errors.As(err, &failure) && (failure.Class == string(bitrix24.InsufficientScope) || failure.Class == string(bitrix24.MethodNotFound)):
		return directory.Absent
	case errors.As(err, &failure) && failure.Kind == outbox.Sleep:
		return "asleep"
	case errors.As(err, &failure):
		return "refused"
	}
	return "failed"
}

func parseMode(raw json.RawMessage) ([]directory.Entry, error) {
	var mode bitrix24.ID
	if err := json.Unmarshal(raw, &mode); err != nil {
		return nil, fmt.Errorf("crm.settings.mode.get: %w", err)
	}
	switch mode { // docs: crm-settings-mode-get
	case 1:
		return []directory.Entry{{ID: "classic"}}, nil
	case 2:
		return []directory.Entry{{ID: "simple"}}, nil
	}
	return nil, fmt.Errorf("crm.settings.mode.get answered %d", mode)
}

func parsePipelines(raw json.RawMessage) ([]directory.Entry, error) {
	var answer struct {
		Categories bitrix24.List[struct {
			ID        bitrix24.ID     `json:"id"`
			Name      bitrix24.String `json:"name"`
			IsDefault bitrix24.Bool   `json:"isDefault"`
		}] `json:"categories"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("crm.category.list: %w", err)
	}
	var list []directory.Entry
	for _, c := range answer.Categories {
		list = append(list, directory.Entry{ID: strconv.FormatInt(int64(c.ID), 10), Name: string(c.Name), Data: map[string]any{"default": bool(c.IsDefault)}})
	}
	return list, nil
}

// Lines reads the open lines of a portal while a person waits. Error: why they could not be read; the copy stays.
func (l *Lists) Lines(ctx context.Context, account ids.AccountID, portal ids.PortalID) error {
	for _, a := range portalReads() {
		if a.kind != directory.Lines {
			continue
		}
		r := read{kind: a.kind}
		raw, err := l.Asker.Ask(ctx, account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: portal}, a.method, a.params, outbox.Waiting)
		if err == nil {
			r.entries, err = a.parse(raw)
		}
		r.err = err
		if _, kept := l.keep(ctx, account, portal, []read{r}); kept != nil {
			return kept
		}
		return err
	}
	return nil
}
