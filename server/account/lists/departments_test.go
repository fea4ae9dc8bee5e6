package lists_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/account/accounttest"
	"omni/server/account/directory"
	"omni/server/account/lists"
	"omni/server/ids"
	"omni/server/outbox"
)

// large is a portal with more departments than a page holds.
type large struct{ direct }

func (l large) Ask(ctx context.Context, of ids.AccountID, lane outbox.LaneRef, kind string, params any, p outbox.Priority) (json.RawMessage, error) {
	if kind != "department.get" {
		return l.direct.Ask(ctx, of, lane, kind, params, p)
	}
	start, _ := params.(map[string]any)["START"].(int)
	page := []map[string]any{}
	for n := start + 1; n <= min(start+50, 120); n++ {
		page = append(page, map[string]any{"ID": fmt.Sprint(n), "NAME": fmt.Sprintf("Отдел %d", n), "SORT": 500, "PARENT": "1"})
	}
	return json.Marshal(page)
}

// The departments are read to the last page, each with the one above it.
func TestDepartments(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	opened := s.Opened("north")
	l := lists.New(lists.Options{DB: s.DB, Clock: s.Clock, Asker: large{direct{s}}, Log: slog.New(slog.DiscardHandler)})
	_, err := l.Portal(t.Context(), opened.Portal.Account, opened.Portal.ID)
	require.NoError(t, err)
	kept := read(t, s, directory.Where{Account: opened.Portal.Account, Portal: opened.Portal.ID, Kind: directory.Departments})
	require.Len(t, kept.Entries, 120)
	require.Equal(t, "Отдел 120", find(kept, "120").Name)
	require.EqualValues(t, 1, find(kept, "120").Data["parent"])
}
