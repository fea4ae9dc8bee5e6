package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// likeness is what the chats engine wrote for one new chat with its first message: the yardstick writes the same rows by hand.
type likeness struct {
	inserts []insert
	feed    []insert
}

// insert is a statement with the values of a row the engine wrote.
type insert struct {
	sql     string
	columns []string
	values  []any
}

// look takes the rows of the newest chat that has a client.
func (s *stand) look(ctx context.Context) (likeness, error) {
	var out likeness
	var account, chat, client, number int64
	err := s.bare.QueryRow(ctx, `select account_id, id, client_id, uis_chat_id from chat where client_id is not null order by id desc limit 1`).Scan(&account, &chat, &client, &number)
	if err != nil {
		return out, fmt.Errorf("look for a chat the engine made: %w", err)
	}
	key, ref := fmt.Sprintf("client:%d", client), fmt.Sprintf("chat:%d", number)
	for _, part := range []struct {
		table, where string
		arg          any
	}{
		{"client", "id = $2", client}, {"client_alias", "client_id = $2", client}, {"chat", "id = $2", chat}, {"message", "chat_id = $2", chat},
		{"reason", "ref = $2", ref}, {"inbox", "key = $2 and done_at is null", key}, {"feed", "data->>'chat' = $2::text or data->'chat'->>'id' = $2::text", fmt.Sprint(chat)},
	} {
		rows, err := s.bare.Query(ctx, fmt.Sprintf("select * from %s where account_id = $1 and (%s) order by 2", part.table, part.where), account, part.arg)
		if err != nil {
			return out, fmt.Errorf("look at %s: %w", part.table, err)
		}
		into := &out.inserts
		if part.table == "feed" {
			into = &out.feed
		}
		if err := take(rows, part.table, into); err != nil {
			return out, err
		}
	}
	return out, nil
}

func take(rows pgx.Rows, table string, into *[]insert) error {
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return fmt.Errorf("look at %s: %w", table, err)
		}
		i := insert{values: values}
		var marks []string
		for n, f := range rows.FieldDescriptions() {
			i.columns = append(i.columns, f.Name)
			marks = append(marks, fmt.Sprintf("$%d", n+1))
		}
		i.sql = fmt.Sprintf("insert into %s (%s) values (%s)", table, strings.Join(i.columns, ", "), strings.Join(marks, ", "))
		*into = append(*into, i)
	}
	return rows.Err()
}

// of gives the row to another chat.
func (i insert) of(account, number int64) []any {
	values := slices.Clone(i.values)
	for n, column := range i.columns {
		switch column {
		case "account_id":
			values[n] = account
		case "id", "client_id", "chat_id", "uis_chat_id", "last_message":
			values[n] = number + 1_000_000_000
		case "value", "natural_id", "visitor_id", "key", "ref":
			values[n] = fmt.Sprintf("%.8s%d", fmt.Sprint(values[n]), number)
		case "uis_id":
			values[n] = number
		}
	}
	return values
}

// bareChats writes what the engine writes, with the reads it cannot do without, as bare pgx transactions: two pipelined batches per chat.
func (s *stand) bareChats(ctx context.Context, many, from int64, like likeness, chats int64) (float64, error) {
	var next atomic.Int64
	started := time.Now()
	_, err := full(ctx, time.Hour, func(ctx context.Context, _ int64) error {
		n := next.Add(1) - 1
		if n >= chats {
			return errDone
		}
		return s.bareChat(ctx, first+n%many, from+n, like)
	})
	if !errors.Is(err, errDone) {
		return 0, err
	}
	return float64(2*chats) / time.Since(started).Seconds(), nil
}

func (s *stand) bareChat(ctx context.Context, account, number int64, like likeness) error {
	ctx = context.WithoutCancel(ctx) // see bareStep
	conn, err := s.yard.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("take a connection: %w", err)
	}
	defer conn.Release()
	key := fmt.Sprintf("chat:%d", number)
	read := &pgx.Batch{}
	var rows []int64
	queueDueRows(read, account, key, &rows)
	read.Queue("select * from chat where account_id = $1 and uis_chat_id = $2 for update", account, number)
	read.Queue("select version from settings where account_id = $1 order by version desc limit 1", account)
	read.Queue("select * from uis_channel where account_id = $1 and id = $2", account, whatsapp)
	if err := conn.SendBatch(ctx, read).Close(); err != nil {
		return fmt.Errorf("first half: %w", err)
	}
	write := &pgx.Batch{}
	for _, i := range like.inserts {
		write.Queue(i.sql, i.of(account, number)...)
	}
	write.Queue("update inbox set done_at = now() where account_id = $1 and id = any ($2)", account, rows)
	write.Queue(`with head as (insert into feed_head (account_id, seq) values ($1, $2) on conflict (account_id) do update set seq = feed_head.seq + $2 returning seq)
		insert into feed (account_id, seq, name, data, created_at)
		select $1, head.seq - $2 + n, 'message.added', $3::jsonb, now() from head, generate_series(1, $2) n`, account, max(1, len(like.feed)), like.entry())
	write.Queue("commit")
	if err := conn.SendBatch(ctx, write).Close(); err != nil {
		return fmt.Errorf("second half: %w", err)
	}
	return nil
}

// entry is what a feed entry of the engine holds.
func (l likeness) entry() any {
	for _, i := range l.feed {
		if n := slices.Index(i.columns, "data"); n >= 0 {
			return i.values[n]
		}
	}
	return map[string]any{}
}
