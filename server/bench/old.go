package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// aged tells where the old rows end.
type aged struct {
	inbox, command, reason, exchange, chat, message int64
	since                                           string // SQL: everything made since then is younger
}

// emptied are the tables of which the yardstick gets empty copies.
var emptied = []string{"inbox", "feed", "feed_head", "reason", "command", "lane", "bench_state", "chat", "message", "client", "client_alias", "visitor",
	"exchange", "exchange_ref", "exchange_size"}

// history makes old rows as months of work leave them: a tenth of them the first account's, a tenth those of the town's account, the others spread. $1 is how
// many rows the table gets; {account} and {portal} are whose row number n is.
var history = []struct {
	table     string
	share     float64
	statement string
}{
	{"inbox", 0.25, `insert into inbox (account_id, key, kind, natural_id, body, received_at, due_at, done_at)
		select {account}, 'chat:' || 100000000 + n / 20, 'uis:POST:message', 'uis:message:' || n || ':old',
			convert_to('{"chat_id":' || 100000000 + n / 20 || ',"id":' || n || ',"text":"' || repeat('Здравствуйте! Есть ли доставка? ', 1 + (n % 5)::int) || '"}', 'UTF8'),
			at, at, at + interval '50 ms' from generate_series(1, $1::bigint) n, lateral (select now() - interval '2 hours' - (n % 800000) * interval '1 s' as at) t`},
	{"command", 0.2, `insert into command (account_id, uid, lane_id, plan_id, plan, key, kind, params, priority, state, result, created_at, due_at, sent_at, done_at)
		select l.account_id, gen_random_uuid(), l.id, gen_random_uuid(), '', 'chat:' || 100000000 + n / 10, 'crm.timeline.comment.update',
			convert_to('{"id":' || n || ',"fields":{"COMMENT":"' || repeat('Здравствуйте! ', 1 + (n % 9)::int) || '"}}', 'UTF8'), 1, case when n % 997 = 0 then 'refused' else 'done' end, 'true',
			at, at, at, at + interval '1 s' from generate_series(1, $1::bigint) n
			join (select account_id, max(id) as id from lane where kind = 'b24' group by 1) l on l.account_id = {account},
			lateral (select now() - interval '2 hours' - (n % 800000) * interval '1 s' as at) t`},
	{"feed", 0.15, `with many as (select account, n, row_number() over (partition by account order by n) as seq from
			(select {account} as account, n from generate_series(1, $1::bigint) n) a),
		heads as (insert into feed_head (account_id, seq) select account, max(seq) from many group by account on conflict (account_id) do update set seq = feed_head.seq + excluded.seq)
		insert into feed (account_id, seq, name, data, created_at) select account, seq, 'message.added', jsonb_build_object('chat', n / 20, 'text', repeat('Здравствуйте! ', 1 + (n % 5)::int)),
			now() - interval '2 hours' - (n % 80000) * interval '1 s' from many`},
	{"reason", 0.15, `insert into reason (account_id, ref, code, args, settings_version, created_at)
		select {account}, 'chat:' || 100000000 + n / 8, 'crm.created', '{"entity":"lead:4711","priority":"deals"}', 1,
			now() - interval '2 hours' - (n % 7000000) * interval '1 s' from generate_series(1, $1::bigint) n`},
	// A request is found by its chat, its two methods and, one of thirty, its failure: three rows of exchange_ref, which are counted with it.
	{"exchange", 0.06, `with made as (insert into exchange (account_id, created_at, kind, portal_id, took_ms, commands, failed, methods, refs, body)
			select {account}, now() - interval '2 hours' - (n % 250000) * interval '1 s', 'b24', {portal}, 300, 12, (n % 30 = 0)::int,
				array['crm.timeline.comment.update', 'crm.item.add'], array['chat:' || 100000000 + n / 8], decode(repeat(md5(n::text), 20), 'hex') from generate_series(1, $1::bigint) n
			returning account_id, id, created_at, methods, refs, failed)
		insert into exchange_ref (account_id, ref, id, created_at) select account_id, mark, id, created_at from made, lateral (
			select unnest(refs) union all select 'method:' || unnest(methods) union all select 'failed' where failed > 0) as marks(mark) order by 1, 2, 3`},
	// Chats and their messages come on top of what is asked for: every message looks at them.
	{"chat", 0.01, `insert into chat (account_id, uis_chat_id, channel_id, state, visitor_id, name, phones, created_at, changed_at, closed_at)
		select {account}, 100000000 + n, {channel}, 'closed', 'old' || n, 'Олег', array['78' || lpad(n::text, 9, '0')], at, at, at
			from generate_series(1, $1::bigint) n, lateral (select now() - interval '2 hours' - (n % 7000000) * interval '1 s' as at) t`},
	{"message", 0.08, `insert into message (account_id, chat_id, uis_id, side, kind, text, status, created_at, received_at)
		select c.account_id, c.id, n, case when n % 2 = 0 then 'client' else 'operator' end, 'text', repeat('Здравствуйте! ', 1 + (n % 5)::int), 'read', c.created_at, c.created_at
			from chat c, generate_series(1, 8) n where c.uis_chat_id >= 100000000 and $1::bigint > 0`},
}

// whose puts the account and the portal of row number n into a statement of history.
func whose(statement string, t *town) string {
	by := func(one, other string) string {
		return fmt.Sprintf("case n %% 10 when 0 then %d::bigint when 1 then %s else %s end", first, one, other)
	}
	return strings.NewReplacer("{account}", "("+by(fmt.Sprint(t.account), fmt.Sprintf("%d + n %% %d", first, accounts))+")",
		"{portal}", fmt.Sprintf("case n %% 10 when 1 then %d else 1 end", t.number), "{channel}", strconv.Itoa(whatsapp)).Replace(statement)
}

// age fills the tables; the yardstick works on empty ones: it must not slow down with them.
func (s *stand) age(ctx context.Context, t *town, rows int64) error {
	// The log's days so far, as the product would have made them.
	if _, err := s.bare.Exec(ctx, "select omni_day_make(p::regclass, (now() at time zone 'UTC')::date - d) from unnest(array['exchange', 'exchange_ref']) p, generate_series(0, 4) d"); err != nil {
		return fmt.Errorf("make the log's days: %w", err)
	}
	all := time.Now()
	for _, h := range history {
		began, count := time.Now(), int64(float64(rows)*h.share)
		if err := s.unindexed(ctx, h.table, func(conn *pgxpool.Conn) error {
			_, err := conn.Exec(ctx, whose(h.statement, t), count)
			return err
		}); err != nil {
			return fmt.Errorf("fill %s: %w", h.table, err)
		}
		fmt.Printf("%s: %d old rows in %s\n", h.table, count, time.Since(began).Round(time.Second))
	}
	for _, statement := range []string{
		"insert into exchange_size (account_id, day, requests, bytes) select account_id, (created_at at time zone 'UTC')::date, count(*), sum(octet_length(body)) from exchange group by 1, 2",
		"vacuum (analyze) inbox, command, feed, feed_head, reason, exchange, exchange_ref, exchange_size, chat, message",
		"create table bench_heads as select * from feed_head",
	} {
		if _, err := s.bare.Exec(ctx, statement); err != nil {
			return fmt.Errorf("finish the old rows: %w", err)
		}
	}
	s.old = &aged{since: fmt.Sprintf("'%s'", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))}
	err := s.bare.QueryRow(ctx, `select coalesce((select max(id) from inbox), 0), coalesce((select max(id) from command), 0), coalesce((select max(id) from reason), 0),
		coalesce((select max(id) from exchange), 0), coalesce((select max(id) from chat), 0), coalesce((select max(id) from message), 0)`).
		Scan(&s.old.inbox, &s.old.command, &s.old.reason, &s.old.exchange, &s.old.chat, &s.old.message)
	if err != nil {
		return fmt.Errorf("look where the old rows end: %w", err)
	}
	syscall.Sync() // what the filling left to be written must not disturb what follows
	fmt.Printf("all old rows in %s\n\n", time.Since(all).Round(time.Second))
	return nil
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

// rejuvenate removes what is younger than the old rows, account by account along the keys: whole tables are not to be read for it.
func (s *stand) rejuvenate(ctx context.Context) error {
	conn, err := s.bare.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("take a connection: %w", err)
	}
	defer conn.Release()
	for _, statement := range []string{
		"truncate bare.inbox, bare.feed, bare.feed_head, bare.reason, bare.command, bare.bench_state, bare.chat, bare.message, bare.client, bare.client_alias, bare.visitor",
		"truncate bench_state, client, client_alias, visitor",
		"set enable_seqscan = off", "set enable_hashjoin = off", "set enable_mergejoin = off",
		fmt.Sprintf("delete from message m using account a where m.account_id = a.id and m.id > %d", s.old.message),
		fmt.Sprintf("delete from chat c using account a where c.account_id = a.id and c.id > %d", s.old.chat),
		fmt.Sprintf("delete from inbox i using account a where i.account_id = a.id and i.id > %d", s.old.inbox),
		fmt.Sprintf("delete from command c using account a where c.account_id = a.id and c.id > %d", s.old.command),
		fmt.Sprintf("delete from reason r using account a where r.account_id = a.id and r.id > %d", s.old.reason),
		"delete from feed f using account a left join bench_heads h on h.account_id = a.id where f.account_id = a.id and f.seq > coalesce(h.seq, 0)",
		"reset enable_seqscan", "reset enable_hashjoin", "reset enable_mergejoin",
		"vacuum inbox, command, reason, feed, chat, message",
	} {
		began := time.Now()
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("remove young rows: %w", err)
		}
		if took := time.Since(began); took > 5*time.Second {
			s.log.Warn("removing young rows takes long", "statement", statement, "took", took)
		}
	}
	return nil
}
