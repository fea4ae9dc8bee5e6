package telephony

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/clock"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/settings"
	"omni/server/store"
)

// Asker reads and sets something at a portal through its lane.
type Asker interface {
	Ask(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, kind string, params any, p outbox.Priority) (json.RawMessage, error)
}

// Lines keeps the account's virtual numbers as external lines of its portal (T1): the portal shows them in its telephony settings, where the outgoing number
// is chosen, and names a call's line by them. The portal's own creation of leads for outgoing calls is off on each, as entities are ours.
type Lines struct {
	DB    *store.DB
	Clock clock.Clock
	Asker Asker
}

// outerLine is a row of telephony.externalLine.get.
type outerLine struct {
	Number string `json:"NUMBER"`
	Name   string `json:"NAME"`
	Auto   string `json:"CRM_AUTO_CREATE"`
}

// Keep brings the portal's lines up to date. Without telephony nothing is done; lines of numbers that are gone stay, as calls of the past name them.
func (l *Lines) Keep(ctx context.Context, account ids.AccountID) error {
	var doc settings.Document
	var numbers []directory.Entry
	err := l.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if doc, err = settings.Current(ctx, tx, account); err != nil {
			return err
		}
		list, err := directory.Read(ctx, tx, directory.Where{Account: account, Kind: directory.Numbers})
		numbers = list.Here()
		return err
	})
	portal := portalOf(doc)
	if err != nil || !doc.Main.Enabled || !doc.Telephony.Enabled || portal == 0 || len(numbers) == 0 {
		return err
	}
	lane := outbox.LaneRef{Kind: outbox.LaneB24, Portal: portal}
	raw, err := l.Asker.Ask(ctx, account, lane, "telephony.externalLine.get", map[string]any{}, outbox.Background)
	if err != nil {
		return fmt.Errorf("read the lines of portal %d: %w", portal, err)
	}
	var there []outerLine
	if err := json.Unmarshal(raw, &there); err != nil {
		return fmt.Errorf("read the lines of portal %d: %w", portal, err)
	}
	known := map[string]outerLine{}
	for _, line := range there {
		known[line.Number] = line
	}
	for _, n := range numbers {
		line, there := known[n.ID]
		method := ""
		switch {
		case !there:
			method = "telephony.externalLine.add"
		case line.Auto != "N" || line.Name != n.Name:
			method = "telephony.externalLine.update"
		default:
			continue
		}
		params := map[string]any{"NUMBER": n.ID, "NAME": n.Name, "CRM_AUTO_CREATE": "N"}
		if _, err := l.Asker.Ask(ctx, account, lane, method, params, outbox.Background); err != nil {
			return fmt.Errorf("make %s a line of portal %d: %w", n.ID, portal, err)
		}
	}
	return l.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		return directory.Keep(ctx, tx, directory.Where{Account: account, Portal: portal, Kind: directory.OuterLines}, numbers, l.Clock.Now())
	})
}
