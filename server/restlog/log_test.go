package restlog_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
	"omni/server/clock"
	"omni/server/ids"
	"omni/server/restlog"
	"omni/server/store"
	"omni/server/store/storetest"
	"omni/server/uis"
)

type stand struct {
	t     *testing.T
	db    *store.DB
	clock *clock.Shifted
	log   *restlog.Log
	stop  func()
}

func setup(t *testing.T, o restlog.Options) *stand {
	t.Helper()
	s := &stand{t: t, db: storetest.New(t), clock: clock.NewShifted(clock.System{})}
	o.DB, o.Clock, o.Log, o.Keep = s.db, s.clock, slog.New(slog.DiscardHandler), restlog.Least
	s.log = restlog.New(o)
	return s
}

// run starts the service; stop ends it, which stores what waits.
func (s *stand) run() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.log.Run(ctx) }()
	s.stop = func() { cancel(); <-ended }
	s.t.Cleanup(s.stop)
}

func (s *stand) list(account ids.AccountID, q restlog.Query) []restlog.Listed {
	s.t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	var list []restlog.Listed
	require.NoError(s.t, s.db.InAccount(s.t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		list, err = restlog.List(ctx, tx, account, q)
		return err
	}))
	return list
}

func (s *stand) get(account ids.AccountID, id int64) (restlog.Listed, []restlog.Part, error) {
	var l restlog.Listed
	var parts []restlog.Part
	err := s.db.InAccount(s.t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		l, parts, err = restlog.Get(ctx, tx, account, id)
		return err
	})
	return l, parts, err
}

// portal answers batches and calls.
func portal(t *testing.T, log *restlog.Log) (*bitrix24.Client, bitrix24.Target) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/batch"):
			_, _ = io.WriteString(w, `{"result":{"result":{"c0":{"item":{"id":7}}},"result_error":{"c1":{"error":"ACCESS_DENIED","error_description":"no right"}},"result_time":{"c0":{"duration":0.25}}},"time":{"duration":0.3}}`)
		case strings.HasSuffix(r.URL.Path, "/oauth/token/"):
			_, _ = io.WriteString(w, `{"access_token":"secret-access-2","refresh_token":"secret-refresh-2","expires_in":3600,"member_id":"m","client_endpoint":"https://x/rest/"}`)
		case strings.HasSuffix(r.URL.Path, "/profile"):
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"expired_token","error_description":"The access token provided has expired"}`)
		default:
			_, _ = io.WriteString(w, `{"result":[{"ID":"1","link":"https://x/?auth=secret-access"}]}`)
		}
	}))
	t.Cleanup(server.Close)
	client := bitrix24.New(bitrix24.Options{HTTP: server.Client(), Log: log.B24, ClientID: "app", ClientSecret: "secret-client", OAuthServers: []string{server.URL}})
	return client, bitrix24.Target{Endpoint: server.URL + "/rest/", Access: "secret-access"}
}

func TestEveryRequestIsKeptAndFound(t *testing.T) {
	t.Parallel()
	s := setup(t, restlog.Options{AccountLimit: 1 << 30, Limit: 1 << 30})
	s.run()
	client, to := portal(t, s.log)
	one := restlog.Commands(t.Context(), 1, 5, map[string]restlog.Command{"c0": {ID: 9, Key: "client:3", About: "chat:101"}, "c1": {ID: 10, Key: "check:chat:102"}})
	_, err := client.Batch(one, to, []bitrix24.Command{{Key: "c0", Call: bitrix24.Call{Method: "crm.item.add", Params: bitrix24.Params{"entityTypeId": 1, "fields": map[string]any{"title": "Анна"}}}},
		{Key: "c1", Call: bitrix24.Call{Method: "crm.deal.list"}}}, false)
	require.NoError(t, err)
	_, err = client.Call(restlog.Commands(t.Context(), 1, 6, map[string]restlog.Command{"": {ID: 11, Key: "ask:x"}}), to, bitrix24.Call{Method: "user.get"})
	require.NoError(t, err)
	caller, subject := restlog.Caller(t.Context())
	_, err = client.Call(caller, to, bitrix24.Call{Method: "profile"})
	require.Error(t, err)
	_, err = client.Exchange(restlog.Of(t.Context(), 2, 8), "", "secret-code")
	require.NoError(t, err)
	observe := s.log.UIS(2)
	observe(restlog.Commands(t.Context(), 2, 0, map[string]restlog.Command{"": {ID: 12, Key: "chat:101"}}),
		uis.Exchange{API: uis.AdapterAPI, Method: "POST chat/close", Params: []byte(`{"chat_id":101}`), Answer: []byte(`{}`), Started: time.Now()})
	observe(t.Context(), uis.Exchange{API: uis.DataAPI, Method: "get.account", Err: &uis.Error{Mnemonic: "limit", Message: "too many"}})
	require.Eventually(t, func() bool { return s.log.Stats().Stored == 5 }, 20*time.Second, 10*time.Millisecond, "%v", s.log.Stats())
	require.Equal(t, 1, s.log.Stats().Waiting, "whose it is is not known yet")
	subject.Is(1, 5)
	subject.Settle()
	s.stop()
	require.Zero(t, s.log.Stats().Waiting)

	all := s.list(1, restlog.Query{})
	require.Len(t, all, 3)
	for name, c := range map[string]struct {
		account ids.AccountID
		q       restlog.Query
		want    []string
	}{
		"newest first":             {1, restlog.Query{}, []string{"profile", "user.get", "crm.item.add"}},
		"of a portal":              {1, restlog.Query{Portal: 5}, []string{"profile", "crm.item.add"}},
		"of a communication":       {1, restlog.Query{Refs: []string{"chat:101"}}, []string{"crm.item.add"}},
		"of several":               {1, restlog.Query{Refs: []string{"chat:102", "client:3", "chat:101"}}, []string{"crm.item.add"}},
		"of a client":              {1, restlog.Query{Refs: []string{"client:3"}}, []string{"crm.item.add"}},
		"by method":                {1, restlog.Query{Method: "crm.deal.list"}, []string{"crm.item.add"}},
		"failed":                   {1, restlog.Query{Failed: true}, []string{"profile", "crm.item.add"}},
		"failed by method":         {1, restlog.Query{Failed: true, Method: "profile"}, []string{"profile"}},
		"all at once":              {1, restlog.Query{Failed: true, Method: "crm.item.add", Portal: 5, Refs: []string{"chat:101"}}, []string{"crm.item.add"}},
		"nothing there":            {1, restlog.Query{Portal: 6, Failed: true}, nil},
		"older ones":               {1, restlog.Query{Before: all[1].ID}, []string{"crm.item.add"}},
		"another account's":        {2, restlog.Query{}, []string{"get.account", "POST chat/close", "oauth.token"}},
		"the same chat there":      {2, restlog.Query{Refs: []string{"chat:101"}}, []string{"POST chat/close"}},
		"UIS belongs to no portal": {2, restlog.Query{Portal: 8}, []string{"oauth.token"}},
	} {
		var got []string
		for _, l := range s.list(c.account, c.q) {
			got = append(got, l.Methods[0])
		}
		require.Equal(t, c.want, got, name)
	}
	batch, parts, err := s.get(1, all[2].ID)
	require.NoError(t, err)
	require.Equal(t, []any{"b24", 2, 1, []string{"chat:101", "chat:102"}}, []any{batch.Kind, batch.Commands, batch.Failed, batch.Communications})
	require.Equal(t, ids.CommandID(9), parts[0].Command)
	require.Equal(t, "chat:101", parts[0].Communication)
	require.JSONEq(t, `{"entityTypeId":"1","fields":{"title":"Анна"}}`, string(parts[0].Asked))
	require.JSONEq(t, `{"item":{"id":7}}`, string(parts[0].Answered))
	require.Equal(t, int64(250), parts[0].TookMS)
	require.Equal(t, &restlog.Problem{Code: "ACCESS_DENIED", Class: "access_denied", Text: "no right"}, parts[1].Error)
	_, _, err = s.get(2, all[2].ID)
	require.ErrorIs(t, err, restlog.ErrNotFound, "another account's request")
	for account := ids.AccountID(1); account <= 2; account++ {
		for _, l := range s.list(account, restlog.Query{}) {
			_, parts, err := s.get(account, l.ID)
			require.NoError(t, err)
			require.NotContains(t, fmt.Sprintf("%+v", parts), "secret-")
			for _, p := range parts {
				require.NotContains(t, string(p.Asked)+string(p.Answered), "secret-", p.Method)
			}
		}
	}
}

// The database is away: requests go on being made and wait; what memory does not hold is counted. Later everything that waited is stored, once.
func TestTheLogNeverHoldsARequestUp(t *testing.T) {
	t.Parallel()
	s := setup(t, restlog.Options{AccountLimit: 1 << 30, Limit: 1 << 30})
	lock, err := s.db.Pool().Acquire(store.WithSystem(t.Context()))
	require.NoError(t, err)
	tx, err := lock.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE exchange IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	s.run()
	observe := s.log.UIS(1)
	big := []byte(`"` + strings.Repeat("x ", 64<<10) + `"`)
	for range 400 {
		observe(t.Context(), uis.Exchange{API: uis.DataAPI, Method: "get.big", Answer: big})
	}
	stats := s.log.Stats()
	require.Positive(t, stats.Dropped)
	require.LessOrEqual(t, stats.Bytes, 32<<20)
	require.NoError(t, tx.Rollback(t.Context()))
	lock.Release()
	require.Eventually(t, func() bool { s := s.log.Stats(); return s.Stored+s.Dropped == 400 }, 60*time.Second, 20*time.Millisecond)
	s.stop()
	stats = s.log.Stats()
	require.Equal(t, int64(400), stats.Stored+stats.Dropped)
	require.Len(t, s.list(1, restlog.Query{Limit: 1000}), int(stats.Stored))
	require.Zero(t, stats.Bytes)
}

// Bodies give way, the oldest first and the largest account's first; rows stay.
func TestBodiesGiveWay(t *testing.T) {
	t.Parallel()
	s := setup(t, restlog.Options{AccountLimit: 100_000, Limit: 120_000})
	fill := func(account ids.AccountID, n int) {
		s.run()
		want := s.log.Stats().Stored + int64(n)
		for i := range n {
			var noise strings.Builder // hardly compressible
			for j := range 60 {
				_, _ = fmt.Fprintf(&noise, "%x ", (i*7919+j*104729)*2654435761)
			}
			s.log.UIS(account)(t.Context(), uis.Exchange{API: uis.DataAPI, Method: "get.some", Answer: []byte(`"` + noise.String() + `"`)})
		}
		require.Eventually(t, func() bool { return s.log.Stats().Stored == want }, 2*time.Minute, 10*time.Millisecond) // the last moments of a busy machine may be too few
		s.stop()
	}
	bodies := func(account ids.AccountID) (with, all int, bytes int64, oldest bool) {
		require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(body), count(*), COALESCE(sum(length(body)), 0), COALESCE(min(id) FILTER (WHERE body IS NOT NULL) > max(id) FILTER (WHERE body IS NULL), true) FROM exchange`).
				Scan(&with, &all, &bytes, &oldest)
		}))
		return
	}
	fill(1, 600)
	s.clock.Advance(24 * time.Hour)
	fill(1, 600)
	fill(2, 100)
	_, _, before, _ := bodies(1)
	require.Greater(t, before, int64(100_000))
	taken, err := s.log.MakeRoom(t.Context())
	require.NoError(t, err)
	require.Positive(t, taken)
	require.Equal(t, taken, s.log.Stats().Early, "all of them were younger than three days")
	with, all, bytes, oldest := bodies(1)
	require.Equal(t, 1200, all)
	require.Positive(t, with)
	require.LessOrEqual(t, bytes, int64(100_000))
	require.True(t, oldest, "the oldest gave way")
	withTwo, allTwo, bytesTwo, _ := bodies(2)
	require.LessOrEqual(t, bytes+bytesTwo, int64(120_000))
	require.Equal(t, []int{100, 100}, []int{withTwo, allTwo}, "the smaller account lost nothing")
	list := s.list(1, restlog.Query{Limit: 1200})
	_, parts, err := s.get(1, list[1199].ID)
	require.NoError(t, err)
	require.Nil(t, parts)
	require.Equal(t, []string{"get.some"}, list[1199].Methods, "what it was stays")
	again, err := s.log.MakeRoom(t.Context())
	require.NoError(t, err)
	require.Zero(t, again)
	// Four days later what is old gives way to what is new, and nobody has to be told.
	s.clock.Advance(4 * 24 * time.Hour)
	early := s.log.Stats().Early
	fill(1, 100)
	taken, err = s.log.MakeRoom(t.Context())
	require.NoError(t, err)
	require.Positive(t, taken)
	require.Equal(t, early, s.log.Stats().Early)
}

// TestAPortalIsFoundByAnIndex: the requests of a portal that has few of very many are read without walking over the others.
func TestAPortalIsFoundByAnIndex(t *testing.T) {
	t.Parallel()
	s := setup(t, restlog.Options{AccountLimit: 1 << 30, Limit: 1 << 30})
	require.NoError(t, s.db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		for _, sql := range []string{
			`SELECT omni_day_make('exchange', d::date) FROM generate_series(now() - interval '2 days', now(), interval '1 day') d`,
			`INSERT INTO exchange (account_id, portal_id, created_at, kind, took_ms, commands, failed, methods, refs, body)
				SELECT 1, CASE WHEN n % 2000 = 0 THEN 5 WHEN n % 10 = 0 THEN NULL ELSE 6 END, now() - n * interval '5 seconds', 'b24', 1, 1, 0, '{m}', '{}', 'x' FROM generate_series(1, 30000) n`,
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, s.db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `ANALYZE exchange`)
		return err
	}))
	require.Len(t, s.list(1, restlog.Query{Portal: 5}), 15)
	var plan []string
	require.NoError(t, s.db.InAccount(t.Context(), 1, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		plan, err = restlog.Explain(ctx, tx, 1, restlog.Query{Portal: 5, Limit: 100})
		return err
	}))
	text := strings.Join(plan, "\n")
	require.Contains(t, text, "_portal")
	require.NotContains(t, text, "Seq Scan on exchange_2")
	require.NotContains(t, text, "Rows Removed by Filter")
}
