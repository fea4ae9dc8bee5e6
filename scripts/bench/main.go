// Command bench measures the durable core beside its yardsticks, prints a table and writes bench.json (`make bench`).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"omni/migrations"
	"omni/server/store"
)

// figure is one line of the table.
type figure struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Yardstick float64 `json:"yardstick,omitempty"` // the same work by bare pgx, in the same run
	Share     float64 `json:"share,omitempty"`     // value / yardstick
	P99       float64 `json:"p99_ms,omitempty"`
	Goal      string  `json:"goal"`
	Note      string  `json:"note,omitempty"`
}

// stand is what all measurements share: one database, seen through the product's store and through bare pgx.
type stand struct {
	db   *store.DB
	bare *pgxpool.Pool
	each time.Duration // how long each measurement lasts
}

func main() {
	out := flag.String("out", "bench.json", "file for the figures")
	each := flag.Duration("each", 4*time.Second, "how long each measurement lasts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out, *each); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string, each time.Duration) error {
	s, err := newStand(ctx, os.Getenv("OMNI_TEST_DATABASE_URL"), each)
	if err != nil {
		return err
	}
	defer s.close()
	var figures []figure
	for _, measure := range []func(context.Context) ([]figure, error){s.intake, s.steps} {
		measured, err := measure(ctx)
		if err != nil {
			return err
		}
		figures = append(figures, measured...)
	}
	if err := show(figures); err != nil {
		return err
	}
	text, err := json.MarshalIndent(map[string]any{"at": time.Now().UTC().Format(time.RFC3339), "figures": figures}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the figures: %w", err)
	}
	if err := os.WriteFile(out, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	return nil
}

// newStand makes a database of its own on the cluster of a superuser's address.
func newStand(ctx context.Context, superuser string, each time.Duration) (*stand, error) {
	if superuser == "" {
		return nil, errors.New("OMNI_TEST_DATABASE_URL is empty; start it by: make bench")
	}
	address, err := url.Parse(superuser)
	if err != nil {
		return nil, errors.New("OMNI_TEST_DATABASE_URL is not an address")
	}
	conn, err := pgx.Connect(ctx, superuser)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range []string{"drop database if exists bench with (force)", "drop role if exists bench", "create role bench login", "create database bench owner bench"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
	}
	address.User, address.Path = url.User("bench"), "/bench"
	if err := migrations.Up(ctx, address.String(), slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	s := &stand{each: each}
	if s.db, err = store.Open(ctx, address.String(), store.Options{MaxConns: workers + 4, Name: "bench"}); err != nil {
		return nil, err
	}
	// The yardstick passes row level security: the wall is part of the product's cost.
	address.User = url.User("postgres")
	config, err := pgxpool.ParseConfig(address.String())
	if err != nil {
		return nil, fmt.Errorf("read the address: %w", err)
	}
	config.MaxConns = workers + 4
	if s.bare, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("open the yardstick's pool: %w", err)
	}
	return s, s.prepare(ctx)
}

func (s *stand) close() {
	s.bare.Close()
	s.db.Close()
}

// prepare makes the accounts, and a table of state such as every engine has.
func (s *stand) prepare(ctx context.Context) error {
	_, err := s.bare.Exec(ctx, `insert into account (id, name, created_at) select n, 'Account ' || n, now() from generate_series(1, 200) n;
		create table bench_state (account_id bigint, id bigint, count bigint not null, data jsonb not null, primary key (account_id, id));
		alter table bench_state owner to bench;
		select omni_tenant('bench_state')`)
	if err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	return nil
}

func show(figures []figure) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "figure\tmeasured\tyardstick\tshare\tp99\tgoal\t")
	for _, f := range figures {
		yardstick, share, p99 := "–", "–", "–"
		if f.Yardstick > 0 {
			yardstick, share = fmt.Sprintf("%.0f %s", f.Yardstick, f.Unit), fmt.Sprintf("%.0f %%", 100*f.Share)
		}
		if f.P99 > 0 {
			p99 = fmt.Sprintf("%.1f ms", f.P99)
		}
		_, _ = fmt.Fprintf(table, "%s\t%.0f %s\t%s\t%s\t%s\t%s\t\n", f.Name, f.Value, f.Unit, yardstick, share, p99, f.Goal)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	for _, f := range figures {
		if f.Note != "" {
			fmt.Printf("%s: %s\n", f.Name, f.Note)
		}
	}
	return nil
}
