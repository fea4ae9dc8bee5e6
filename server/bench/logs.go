package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/restlog"
	"omni/server/store"
	"omni/server/uis"
)

const (
	// logged is how many requests the log is given, and loggedQuick in a quick run.
	logged      = 10_000
	loggedQuick = 800
	// perTalk is how many of them are about one chat.
	perTalk = 12
	// searches is how often each search is made.
	searches = 300
	searched = 50 // rows a page of the list shows
)

// logs measures how fast the log of requests stores, and how long the page of requests waits for a search of it. The yardstick is the product's own log
// on tables that hold nothing else.
func (s *stand) logs(ctx context.Context) ([]figure, error) {
	yard, err := s.yardStore(ctx)
	if err != nil {
		return nil, err
	}
	defer yard.Close()
	many := logged
	if s.size.quick {
		many = loggedQuick
	}
	stored := figure{Name: "log of requests, stored", Unit: "rows/s", Goal: "the same with old rows", Limit: "WAL flush, processor",
		Note: "batches of 500 with what they are found by, as the product stores them; the yardstick: the same into tables that hold nothing else"}
	for turn := range turns {
		bare, err := s.logTurn(ctx, yard, many/turns, turn)
		if err != nil {
			return nil, err
		}
		own, err := s.logTurn(ctx, s.db, many/turns, turn)
		if err != nil {
			return nil, err
		}
		stored.Value, stored.Yardstick = stored.Value+own/turns, stored.Yardstick+bare/turns
	}
	figures := []figure{stored}
	for _, search := range []struct {
		name  string
		query func(n int) restlog.Query
	}{
		{"of a communication", func(n int) restlog.Query { return restlog.Query{Refs: []string{talk(n % (many / perTalk))}} }},
		{"of a method", func(int) restlog.Query { return restlog.Query{Method: "get.bench"} }},
		{"of failures", func(int) restlog.Query { return restlog.Query{Failed: true} }},
		{"of all", func(int) restlog.Query { return restlog.Query{} }},
	} {
		var own, bare []time.Duration
		for n := range searches {
			for _, side := range []struct {
				db   *store.DB
				took *[]time.Duration
			}{{yard, &bare}, {s.db, &own}} {
				began := time.Now()
				query := search.query(n)
				query.Limit = searched
				found := 0
				err := side.db.InAccount(ctx, first, func(ctx context.Context, tx pgx.Tx) error {
					list, err := restlog.List(ctx, tx, first, query)
					found = len(list)
					return err
				})
				if err != nil || found == 0 {
					return nil, fmt.Errorf("search %s: %d found: %w", search.name, found, err)
				}
				*side.took = append(*side.took, time.Since(began))
			}
		}
		p50, p99 := spread(own)
		bare50, bare99 := spread(bare)
		figures = append(figures, figure{Name: "search in the log of requests, " + search.name, Value: inMS(p99), Unit: "ms", Yardstick: inMS(bare99), P50: inMS(p50), P99: inMS(p99),
			YardP50: inMS(bare50), Goal: "the same with old rows", Limit: "round trips", Note: fmt.Sprintf("the first %d rows, without HTTP; the yardstick: the same in tables of %d requests", searched, many)})
	}
	return figures, s.emptyLog(ctx)
}

func talk(n int) string { return fmt.Sprintf("chat:%d", 500_000_000+n) }

// logTurn lets the log store requests of one account and tells how many a second. Every thirtieth has failed.
func (s *stand) logTurn(ctx context.Context, db *store.DB, many, turn int) (float64, error) {
	log := restlog.New(restlog.Options{DB: db, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler), Keep: restlog.Least, AccountLimit: 1 << 40, Limit: 1 << 40})
	take := log.UIS(first)
	for n := range many {
		n += turn * many
		about := ids.Key(talk(n / perTalk))
		x := uis.Exchange{API: uis.DataAPI, Method: "get.bench", Params: message, Answer: []byte(`{"result":{"data":[` + string(message) + `]}}`), HTTP: 200, Took: time.Millisecond}
		if n%30 == 0 {
			x.Err = errors.New("no answer")
		}
		take(restlog.Commands(ctx, first, 0, map[string]restlog.Command{"": {ID: ids.CommandID(n + 1), Key: about}}), x)
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- log.Run(ctx) }()
	err := until(ctx, "the log to be stored", func() (bool, error) { return log.Stats().Stored >= int64(many), nil })
	took := time.Since(began)
	stop()
	return float64(many) / took.Seconds(), errors.Join(err, <-ended)
}

// yardStore is the product's store on the yardstick's tables.
func (s *stand) yardStore(ctx context.Context) (*store.DB, error) {
	address, err := url.Parse(s.url)
	if err != nil {
		return nil, errors.New("the address of the database cannot be read")
	}
	values := address.Query()
	values.Set("search_path", "bare, public")
	address.RawQuery = values.Encode()
	return store.Open(ctx, address.String(), store.Options{MaxConns: 4, Name: "yardstick"})
}

// emptyLog removes what was logged since the old rows.
func (s *stand) emptyLog(ctx context.Context) error {
	statements := []string{"truncate bare.exchange, bare.exchange_ref, bare.exchange_size"}
	if s.old == nil {
		statements = append(statements, "truncate exchange, exchange_ref, exchange_size")
	} else {
		statements = append(statements,
			fmt.Sprintf("delete from exchange_ref where id > %d and created_at > %s", s.old.exchange, s.old.since),
			fmt.Sprintf("delete from exchange where id > %d and created_at > %s", s.old.exchange, s.old.since),
			"vacuum (analyze) exchange, exchange_ref")
	}
	for _, statement := range statements {
		if _, err := s.bare.Exec(ctx, statement); err != nil {
			return fmt.Errorf("empty the log: %w", err)
		}
	}
	return nil
}
