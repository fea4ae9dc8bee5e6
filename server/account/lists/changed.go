package lists

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/relay"
)

// replace keeps what was read of a directory and answers what open pages must be told of it. Error: also directory.ErrEmpty.
func replace(ctx context.Context, tx pgx.Tx, at directory.Where, entries []directory.Entry, now time.Time) ([]relay.Event, error) {
	if at.Kind != directory.Lines {
		return nil, directory.Keep(ctx, tx, at, entries, now)
	}
	before, err := directory.Read(ctx, tx, at)
	if err != nil {
		return nil, err
	}
	if err := directory.Keep(ctx, tx, at, entries, now); err != nil {
		return nil, err
	}
	return changedLines(at.Portal, before, entries), nil
}

// changedLines tells open pages which lines of a portal are not what they were: made, deleted, named otherwise, switched on or off (P6). The first
// reading changes nothing: no page can have shown anything else before.
func changedLines(portal ids.PortalID, before directory.Copy, now []directory.Entry) []relay.Event {
	if before.ReadAt == nil {
		return nil
	}
	old := map[string]directory.Entry{}
	for _, e := range before.Here() {
		old[e.ID] = e
	}
	var events []relay.Event
	tell := func(id string) {
		if line, err := strconv.ParseInt(id, 10, 64); err == nil {
			events = append(events, relay.Event{Name: "line.changed", Data: map[string]any{"portal": int64(portal), "line": line}})
		}
	}
	for _, e := range now {
		was, there := old[e.ID]
		delete(old, e.ID)
		if !there || was.Name != e.Name || was.Data["active"] != e.Data["active"] {
			tell(e.ID)
		}
	}
	for _, e := range before.Here() {
		if _, gone := old[e.ID]; gone {
			tell(e.ID)
		}
	}
	return events
}
