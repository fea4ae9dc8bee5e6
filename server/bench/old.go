package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// aged tells where the old rows end.
type aged struct{ inbox, command, reason int64 }

// emptied are the tables of which the yardstick gets empty copies.
var emptied = []string{"inbox", "feed", "feed_head", "reason", "command", "lane", "bench_state", "chat", "message", "client", "client_alias", "visitor"}

// history makes old rows as months of work leave them: n in all, spread over the accounts, a tenth of them the first one's. $1 is how many rows the
// table gets, $2 the first account, $3 how many there are.
var history = []struct {
	table     string
	share     float64
	statement string
}{
	{"inbox", 0.3, `insert into inbox (account_id, key, kind, natural_id, body, received_at, due_at, done_at)
		select $2::bigint + case when n % 10 = 0 then 0 else n % $3::bigint end, 'chat:' || 100000000 + n / 20, 'uis:POST:message', 'uis:message:' || n || ':old',
			convert_to('{"chat_id":' || 100000000 + n / 20 || ',"id":' || n || ',"text":"' || repeat('Здравствуйте! Есть ли доставка? ', 1 + (n % 5)::int) || '"}', 'UTF8'),
			at, at, at + interval '50 ms' from generate_series(1, $1::bigint) n, lateral (select now() - interval '2 hours' - (n % 800000) * interval '1 s' as at) t`},
	{"command", 0.2, `insert into command (account_id, uid, lane_id, plan_id, plan, key, kind, params, priority, state, result, created_at, due_at, sent_at, done_at)
		select l.account_id, gen_random_uuid(), l.id, gen_random_uuid(), '', 'chat:' || 100000000 + n / 10, 'crm.timeline.comment.update',
			convert_to('{"id":' || n || ',"fields":{"COMMENT":"' || repeat('Здравствуйте! ', 1 + (n % 9)::int) || '"}}', 'UTF8'), 1, case when n % 997 = 0 then 'refused' else 'done' end, 'true',
			at, at, at, at + interval '1 s' from generate_series(1, $1::bigint) n
			join lane l on l.account_id = $2::bigint + case when n % 10 = 0 then 0 else n % $3::bigint end and l.kind = 'b24' and l.portal_id = 1,
			lateral (select now() - interval '2 hours' - (n % 800000) * interval '1 s' as at) t`},
	{"feed", 0.2, `with many as (select account, n, row_number() over (partition by account order by n) as seq from
			(select $2::bigint + case when n % 10 = 0 then 0 else n % $3::bigint end as account, n from generate_series(1, $1::bigint) n) a),
		heads as (insert into feed_head (account_id, seq) select account, max(seq) from many group by account on conflict (account_id) do update set seq = feed_head.seq + excluded.seq)
		insert into feed (account_id, seq, name, data, created_at) select account, seq, 'message.added', jsonb_build_object('chat', n / 20, 'text', repeat('Здравствуйте! ', 1 + (n % 5)::int)),
			now() - interval '2 hours' - (n % 80000) * interval '1 s' from many`},
	{"reason", 0.2, `insert into reason (account_id, ref, code, args, settings_version, created_at)
		select $2::bigint + case when n % 10 = 0 then 0 else n % $3::bigint end, 'chat:' || 100000000 + n / 8, 'crm.created', '{"entity":"lead:4711","priority":"deals"}', 1,
			now() - interval '2 hours' - (n % 7000000) * interval '1 s' from generate_series(1, $1::bigint) n`},
	{"exchange", 0.1, `insert into exchange (account_id, created_at, kind, portal_id, took_ms, commands, failed, methods, refs, body)
		select $2::bigint + case when n % 10 = 0 then 0 else n % $3::bigint end, now() - interval '2 hours' - (n % 250000) * interval '1 s', 'b24', 1, 300, 12, 0,
			array['crm.timeline.comment.update', 'crm.item.add'], array['chat:' || 100000000 + n / 8], decode(repeat(md5(n::text), 20), 'hex') from generate_series(1, $1::bigint) n`},
}

// age fills the tables, and gives the yardstick empty ones: it must not slow down with them.
func (s *stand) age(ctx context.Context, rows int64) error {
	for _, h := range history {
		var there bool
		if err := s.bare.QueryRow(ctx, "select to_regclass($1) is not null", h.table).Scan(&there); err != nil {
			return fmt.Errorf("look for %s: %w", h.table, err)
		}
		if !there {
			continue
		}
		began, count := time.Now(), int64(float64(rows)*h.share)
		if err := s.unindexed(ctx, h.table, func(conn *pgxpool.Conn) error {
			_, err := conn.Exec(ctx, h.statement, count, int64(first), int64(accounts))
			return err
		}); err != nil {
			return fmt.Errorf("fill %s: %w", h.table, err)
		}
		fmt.Printf("%s: %d old rows in %s\n", h.table, count, time.Since(began).Round(time.Second))
	}
	for _, table := range []string{"inbox", "command", "feed", "feed_head", "reason", "exchange"} {
		if _, err := s.bare.Exec(ctx, "vacuum (analyze) "+table); err != nil && table != "exchange" {
			return fmt.Errorf("vacuum %s: %w", table, err)
		}
	}
	s.old = &aged{}
	return errors.Join(
		s.bare.QueryRow(ctx, "select coalesce((select max(id) from inbox), 0), coalesce((select max(id) from command), 0), coalesce((select max(id) from reason), 0)").
			Scan(&s.old.inbox, &s.old.command, &s.old.reason),
		func() error {
			_, err := s.bare.Exec(ctx, "create table bench_heads as select * from feed_head")
			return err
		}())
}

// unindexed lets a table be filled without its indexes, which are made anew after it: several times quicker. Partitioned tables keep theirs.
func (s *stand) unindexed(ctx context.Context, table string, fill func(conn *pgxpool.Conn) error) error {
	conn, err := s.bare.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("take a connection: %w", err)
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, `select i.indexname, i.indexdef from pg_indexes i join pg_class c on c.oid = to_regclass('public.' || i.tablename) and c.relkind = 'r'
		where i.schemaname = 'public' and i.tablename = $1 and not exists (select from pg_constraint k where k.conindid = to_regclass('public.' || i.indexname))`, table)
	if err != nil {
		return fmt.Errorf("list indexes: %w", err)
	}
	var name, definition string
	var drop, create []string
	if _, err := pgx.ForEachRow(rows, []any{&name, &definition}, func() error {
		drop, create = append(drop, "drop index public."+name), append(create, definition)
		return nil
	}); err != nil {
		return fmt.Errorf("list indexes: %w", err)
	}
	for _, statement := range append(drop, "set maintenance_work_mem = '512MB'") {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	if err := fill(conn); err != nil {
		return err
	}
	for _, statement := range create {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// copies makes the yardstick's empty tables.
func (s *stand) copies(ctx context.Context) error {
	if _, err := s.bare.Exec(ctx, "create schema bare"); err != nil {
		return fmt.Errorf("make the yardstick's schema: %w", err)
	}
	for _, table := range emptied {
		if _, err := s.bare.Exec(ctx, fmt.Sprintf("create table bare.%[1]s (like public.%[1]s including all)", table)); err != nil {
			return fmt.Errorf("copy %s: %w", table, err)
		}
		if _, err := s.bare.Exec(ctx, fmt.Sprintf("select omni_tenant('bare.%s')", table)); err != nil {
			return fmt.Errorf("wall %s: %w", table, err)
		}
	}
	config := s.bare.Config().Copy()
	config.ConnConfig.RuntimeParams["search_path"] = "bare, public"
	var err error
	s.yard, err = pgxpool.NewWithConfig(ctx, config)
	return err
}

// rejuvenate removes what is younger than the old rows.
func (s *stand) rejuvenate(ctx context.Context) error {
	for _, statement := range []string{
		"truncate bare.inbox, bare.feed, bare.feed_head, bare.reason, bare.command, bare.bench_state, bare.chat, bare.message, bare.client, bare.client_alias, bare.visitor",
		"truncate bench_state, chat, message, client, client_alias, visitor",
		fmt.Sprintf("delete from inbox i using account a where i.account_id = a.id and i.id > %d", s.old.inbox),
		fmt.Sprintf("delete from command c using account a where c.account_id = a.id and c.id > %d", s.old.command),
		fmt.Sprintf("delete from reason r using account a where r.account_id = a.id and r.id > %d", s.old.reason),
		"delete from feed f using account a left join bench_heads h on h.account_id = a.id where f.account_id = a.id and f.seq > coalesce(h.seq, 0)",
		"vacuum inbox, command, reason, feed",
	} {
		if _, err := s.bare.Exec(ctx, statement); err != nil {
			return fmt.Errorf("remove young rows: %w", err)
		}
	}
	return nil
}

// months measures, fills the tables with old rows, and measures again.
func (s *stand) months(ctx context.Context, rows int64) error {
	if err := s.copies(ctx); err != nil {
		return err
	}
	s.only = "old"
	before, err := s.again(ctx)
	if err != nil {
		return fmt.Errorf("before: %w", err)
	}
	if err := s.empty(ctx); err != nil {
		return err
	}
	if err := s.age(ctx, rows); err != nil {
		return err
	}
	after, err := s.again(ctx)
	if err != nil {
		return fmt.Errorf("after: %w", err)
	}
	var size string
	if err := s.bare.QueryRow(ctx, "select pg_size_pretty(pg_database_size(current_database()))").Scan(&size); err != nil {
		return fmt.Errorf("weigh the database: %w", err)
	}
	return compare(before, after, rows, size)
}

// again measures what old rows might slow down.
func (s *stand) again(ctx context.Context) ([]figure, error) {
	var figures []figure
	for _, measure := range []func(context.Context) ([]figure, error){s.intake, s.steps, s.story} {
		measured, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		figures = append(figures, measured...)
	}
	return figures, nil
}

// compare prints both, each by its own yardstick, which works on empty tables both times: so the machine's other work is taken out.
func compare(before, after []figure, rows int64, size string) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "figure\tbefore\tyardstick\twith %d old rows\tyardstick\tratio\tby the yardstick\t\n", rows)
	for i, b := range before {
		a := after[i]
		ratio := a.Value / b.Value
		fair := ratio
		if a.Yardstick > 0 && b.Yardstick > 0 {
			fair = ratio / (a.Yardstick / b.Yardstick)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s %s\t%s\t%s %s\t%s\t%.0f %%\t%.0f %%\t\n", b.Name, number(b.Value), b.Unit, number(b.Yardstick), number(a.Value), a.Unit, number(a.Yardstick), 100*ratio, 100*fair)
	}
	_, _ = fmt.Fprintf(table, "database\t%s\t\t\t\t\t\t\n", size)
	return table.Flush()
}
