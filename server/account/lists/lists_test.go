package lists_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/account/accounttest"
	"omni/server/account/directory"
	"omni/server/account/lists"
	"omni/server/bitrix24"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
	"omni/server/uis"
)

// direct asks the portal over HTTP with its working token, as the lane does in the end.
type direct struct{ *accounttest.Stand }

func (d direct) Ask(ctx context.Context, of ids.AccountID, lane outbox.LaneRef, kind string, params any, _ outbox.Priority) (json.RawMessage, error) {
	access, err := d.Accounts.Working(ctx, account.Ref{Account: of, Portal: lane.Portal})
	if err != nil {
		return nil, err
	}
	fields, _ := params.(map[string]any)
	answer, err := d.B24.Call(ctx, bitrix24.Target{Endpoint: access.Portal.ClientEndpoint, Access: access.Pair.Access}, bitrix24.Call{Method: kind, Params: fields})
	if err != nil {
		class := ""
		if e, ok := err.(*bitrix24.Error); ok {
			class = string(e.Class())
		}
		return nil, &outbox.Failure{Kind: outbox.Refused, Class: class, Text: err.Error()}
	}
	return answer.Result, nil
}

func newLists(s *accounttest.Stand) *lists.Lists {
	return lists.New(lists.Options{DB: s.DB, Clock: s.Clock, Asker: direct{s}, Log: slog.New(slog.DiscardHandler)})
}

func read(t *testing.T, s *accounttest.Stand, at directory.Where) directory.Copy {
	t.Helper()
	var c directory.Copy
	require.NoError(t, s.DB.InAccount(t.Context(), at.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		c, err = directory.Read(ctx, tx, at)
		return err
	}))
	return c
}

func find(c directory.Copy, id string) *directory.Entry {
	for i := range c.Entries {
		if c.Entries[i].ID == id {
			return &c.Entries[i]
		}
	}
	return nil
}

// U4, R5, R7: what a portal has to choose from, over real HTTP.
func TestPortal(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	opened := s.Opened("north")
	of, at := opened.Portal.Account, opened.Portal.ID
	l := newLists(s)
	outcomes, err := l.Portal(t.Context(), of, at)
	require.NoError(t, err)
	for _, o := range outcomes {
		if o.Kind != directory.Lines { // there may be none yet
			require.Empty(t, o.Trouble, "%s", o.Kind)
			require.Positive(t, o.Entries, "%s", o.Kind)
		}
	}
	place := func(kind directory.Kind) directory.Where {
		return directory.Where{Account: of, Portal: at, Kind: kind}
	}
	require.NotNil(t, find(read(t, s, place(directory.Mode)), "classic"))
	require.NotNil(t, find(read(t, s, place(directory.Pipelines)), "0"), "the first pipeline is number 0")
	stages := read(t, s, place(directory.Stages))
	lead, deal := find(stages, "lead:NEW"), find(stages, "deal:NEW")
	require.NotNil(t, lead)
	require.NotNil(t, deal, "a lead's NEW and a deal's are two things")
	require.Equal(t, map[string]any{"entity": "lead", "stage": "NEW", "semantic": "P"}, lead.Data)
	require.EqualValues(t, 0, deal.Data["pipeline"])
	require.NotNil(t, find(read(t, s, place(directory.Sources)), "CALL"))
	fields := read(t, s, place(directory.Fields))
	utm := find(fields, "lead:utmSource")
	require.NotNil(t, utm)
	require.Equal(t, true, utm.Data["text"])
	for _, id := range []string{"lead:id", "lead:stageId", "lead:title", "deal:createdTime"} {
		require.Nil(t, find(fields, id), "%s is not for extra fields", id)
	}
	require.Empty(t, s.World.Violations())
}

// U4, S4: an empty answer, a refusal and a missing scope leave the good copy and say why; what vanished is kept and marked.
func TestGoodCopyStays(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	opened := s.Opened("north")
	at := directory.Where{Account: opened.Portal.Account, Portal: opened.Portal.ID, Kind: directory.Sources}
	l := newLists(s)
	_, err := l.Portal(t.Context(), at.Account, at.Portal)
	require.NoError(t, err)
	before := read(t, s, at)
	require.NotEmpty(t, before.Here())

	_, err = s.World.AddFault(portal.Fault{Method: "crm.status.list", Kind: portal.FaultError, Status: 403, Code: "insufficient_scope", Text: "no", Count: -1})
	require.NoError(t, err)
	outcomes, err := l.Portal(t.Context(), at.Account, at.Portal)
	require.NoError(t, err)
	for _, o := range outcomes {
		if o.Kind == directory.Sources || o.Kind == directory.Stages {
			require.Equal(t, directory.Absent, o.Trouble)
		}
	}
	after := read(t, s, at)
	require.Equal(t, before.Entries, after.Entries)
	require.Equal(t, directory.Absent, after.Trouble)
	require.Equal(t, before.ReadAt, after.ReadAt, "the copy is as old as it was")

	keep := func(entries ...directory.Entry) error {
		return s.DB.InAccount(t.Context(), at.Account, func(ctx context.Context, tx pgx.Tx) error {
			return directory.Keep(ctx, tx, at, entries, s.Clock.Now())
		})
	}
	require.ErrorIs(t, keep(), directory.ErrEmpty)
	require.Equal(t, before.Entries, read(t, s, at).Entries)
	require.NoError(t, keep(directory.Entry{ID: "CALL", Name: "Звонок"}))
	c := read(t, s, at)
	require.Len(t, c.Here(), 1)
	require.True(t, find(c, "EMAIL").Gone, "what vanished can still be named")
	require.NoError(t, keep(directory.Entry{ID: "EMAIL", Name: "Почта"}, directory.Entry{ID: "CALL", Name: "Звонок"}))
	c = read(t, s, at)
	require.Equal(t, []string{"EMAIL", "CALL"}, []string{c.Here()[0].ID, c.Here()[1].ID}, "in the platform's order, and back again")
}

// feed reads the account's feed as a socket would.
func feed(t *testing.T, s *accounttest.Stand, of ids.AccountID) []string {
	t.Helper()
	var list []string
	require.NoError(t, s.DB.InAccount(t.Context(), of, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT name || ' ' || (data->>'line') FROM feed WHERE account_id = $1 AND name = 'line.changed' ORDER BY seq`, int64(of))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	}))
	return list
}

// P6: a reading that finds lines changed tells the open pages of each; the first one, and one that finds nothing new, tell nothing.
func TestChangedLinesAreTold(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	opened := s.Opened("north")
	of, at := opened.Portal.Account, opened.Portal.ID
	told := 0
	l := lists.New(lists.Options{DB: s.DB, Clock: s.Clock, Asker: direct{s}, Log: slog.New(slog.DiscardHandler), Grew: func(ids.AccountID) { told++ }})
	ask := func(method string, params map[string]any) int64 {
		raw, err := direct{s}.Ask(t.Context(), of, outbox.LaneRef{Kind: outbox.LaneB24, Portal: at}, method, params, outbox.Background)
		require.NoError(t, err)
		var id bitrix24.ID
		_ = json.Unmarshal(raw, &id)
		return int64(id)
	}
	after := func(what string, want ...int64) {
		t.Helper()
		before := len(feed(t, s, of))
		_, err := l.Portal(t.Context(), of, at)
		require.NoError(t, err)
		var lines []string
		for _, id := range want {
			lines = append(lines, "line.changed "+strconv.FormatInt(id, 10))
		}
		require.ElementsMatch(t, lines, feed(t, s, of)[before:], what)
	}
	one := ask("imopenlines.config.add", map[string]any{"PARAMS": map[string]any{"LINE_NAME": "Продажи"}})
	after("the first reading")
	after("nothing new")
	require.Zero(t, told)
	two := ask("imopenlines.config.add", map[string]any{"PARAMS": map[string]any{"LINE_NAME": "Поддержка"}})
	after("a new line", two)
	require.Equal(t, 1, told)
	ask("imopenlines.config.update", map[string]any{"CONFIG_ID": one, "PARAMS": map[string]any{"LINE_NAME": "Отдел продаж"}})
	after("another name", one)
	ask("imopenlines.config.update", map[string]any{"CONFIG_ID": two, "PARAMS": map[string]any{"ACTIVE": "N"}})
	after("switched off", two)
	ask("imopenlines.config.delete", map[string]any{"CONFIG_ID": two})
	after("deleted", two)
	_, err := s.World.AddFault(portal.Fault{Method: "imopenlines.config.list.get", Kind: portal.FaultError, Status: 403, Code: "insufficient_scope", Text: "no", Count: -1})
	require.NoError(t, err)
	after("what could not be read has not changed")
}

// U4: the account's lists at UIS; a tariff without a component is told as absent.
func TestUIS(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	of := s.Opened("north").Portal.Account
	platform := uisplatform.New(uisplatform.Options{TempDir: t.TempDir()})
	server := httptest.NewServer(platform)
	t.Cleanup(func() { platform.Close(); server.Close() })
	platform.SetPublicURL(server.URL)
	platform.AddAccount(uisplatform.DemoAccount("romashka"))
	hosts, err := uis.UIS.Hosts()
	require.NoError(t, err)
	hosts, err = hosts.With(uis.Overrides{DataAPI: uisplatform.URLsAt(server.URL).DataAPI})
	require.NoError(t, err)
	client := uis.New(uis.Options{Hosts: hosts, Key: "key-romashka", HTTP: server.Client()})

	outcomes, err := newLists(s).UIS(t.Context(), of, client)
	require.NoError(t, err)
	counts := map[directory.Kind]int{}
	for _, o := range outcomes {
		counts[o.Kind] = o.Entries
	}
	require.Equal(t, map[directory.Kind]int{directory.Groups: 2, directory.Numbers: 2, directory.Sites: 2, directory.Campaigns: 3, directory.Scenarios: 2, directory.Tags: 3},
		without(counts, directory.Operations))
	numbers := read(t, s, directory.Where{Account: of, Kind: directory.Numbers})
	require.Equal(t, "Основной", find(numbers, "74950000031").Name)
	require.Empty(t, platform.Violations())

	refused := uisplatform.DemoAccount("poor")
	refused.Components = []string{"va"}
	platform.AddAccount(refused)
	poor := uis.New(uis.Options{Hosts: hosts, Key: "key-poor", HTTP: server.Client()})
	outcomes, err = newLists(s).UIS(t.Context(), of, poor)
	require.NoError(t, err)
	absent := 0
	for _, o := range outcomes {
		if o.Trouble == directory.Absent {
			absent++
		}
	}
	require.Positive(t, absent, "%v", outcomes)
	require.NotEmpty(t, read(t, s, directory.Where{Account: of, Kind: directory.Sites}).Here(), "the copy of before stays")
}

func without(m map[directory.Kind]int, k directory.Kind) map[directory.Kind]int {
	delete(m, k)
	return m
}
