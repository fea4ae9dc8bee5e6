package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/account/session"
	"omni/server/ids"
	"omni/server/secret"
)

// bearer is the adapter's secret of the bench's accounts.
const bearer = "bench-adapter"

// people makes accounts into customers: an address for webhooks, a channel, settings, and a portal for their pages' sessions. Nothing is sent to that
// portal: it is blocked, and creation in the CRM is off.
func (s *stand) people(ctx context.Context, t *town, many int64) error {
	statement := fmt.Sprintf(`insert into account (id, name, created_at) overriding system value select %d + n, 'Account ' || n, now() from generate_series(0, %d) n on conflict do nothing`, first, many-1)
	if _, err := s.bare.Exec(ctx, statement); err != nil {
		return fmt.Errorf("make accounts: %w", err)
	}
	if err := s.settle(ctx, t.account); err != nil {
		return err
	}
	_, err := s.bare.Exec(ctx, `insert into portal select r.* from portal t, account a, lateral jsonb_populate_record(null::portal,
		to_jsonb(t) || jsonb_build_object('account_id', a.id, 'member_id', null, 'state', 'blocked', 'domain', 'p' || a.id || '.example')) r
		where t.account_id = $1 and a.id >= $2 on conflict do nothing`, t.account, int64(first))
	if err != nil {
		return fmt.Errorf("make portals: %w", err)
	}
	batch := &pgx.Batch{}
	for n := range many {
		account := first + n
		hash := sha256.Sum256([]byte(address(account)))
		batch.Queue(`update uis_connection set url_token_hash = $2, webhook_secret = $3 where account_id = $1`, account, hash[:],
			t.keys.Seal([]byte(bearer), secret.At("uis_connection", "webhook_secret", ids.AccountID(account), 0)))
	}
	if err := s.bare.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("give the accounts addresses: %w", err)
	}
	return nil
}

func address(account int64) string { return "bench-" + strconv.FormatInt(account, 10) }

// errand is the platform of the bench's accounts.
func (s *stand) errand(t *town, like samples, many int64, rate float64, lasting time.Duration) errand {
	return errand{Address: "http://" + t.address + "/uis/bench-%d/chat/message", Bearer: bearer, Accounts: many, First: first, Rate: rate, Seconds: lasting.Seconds(), Callers: 64,
		From: time.Now().UnixMilli() * 1000, Body: like.message}
}

// open opens sockets of the accounts' pages, each account in turn, and counts what arrives there.
func (s *stand) pages(ctx context.Context, many int64, a *arrivals, dialPage func(account int64) (net.Conn, error)) (closeAll func(), err error) {
	var conns []net.Conn
	var readers sync.WaitGroup
	closeAll = func() {
		for _, c := range conns {
			_ = c.Close()
		}
		readers.Wait()
	}
	for n := range int64(s.size.pages) {
		conn, err := dialPage(first + n%many)
		if err != nil {
			closeAll()
			return nil, fmt.Errorf("open page %d: %w", n, err)
		}
		conns = append(conns, conn)
		readers.Go(func() { frames(conn, a.frame) })
	}
	return closeAll, ctx.Err()
}

// live measures from a client's message (its webhook is posted then, by another process) to the frame on the sockets of its account, beside the same
// by hand: a bare HTTP server, a bare insert, the bare step, and a bare gorilla hub.
func (s *stand) live(ctx context.Context, t *town, like samples) ([]figure, error) {
	if err := errors.Join(t.chats(ctx, false), s.people(ctx, t, accounts)); err != nil {
		return nil, err
	}
	signer, err := session.New(t.keys, nil)
	if err != nil {
		return nil, err
	}
	each := s.size.pages / accounts
	var own, bare []time.Duration
	stages := ""
	for range 2 { // in turns, so that both see the same machine
		took, err := s.liveTurn(ctx, each, s.errand(t, like, accounts, s.size.rate, s.size.live), func(account int64) (net.Conn, error) {
			token, _, err := signer.Issue(session.Person{Account: ids.AccountID(account), Portal: ids.PortalID(t.number), User: ids.B24UserID(t.admin), Admin: true, Lang: "ru", Rights: 1000})
			if err != nil {
				return nil, err
			}
			return dial(ctx, t.address, "", `{"type":"hello","session":"`+token+`"}`)
		})
		if err != nil {
			return nil, err
		}
		own = append(own, took...)
		if s.old == nil { // it looks through whole tables
			if stages, err = s.stages(ctx); err != nil {
				return nil, err
			}
		}
		took, err = s.bareLive(ctx, each, s.errand(t, like, accounts, s.size.rate, s.size.live))
		if err != nil {
			return nil, fmt.Errorf("by hand: %w", err)
		}
		bare = append(bare, took...)
	}
	p50, p99 := spread(own)
	bare50, bare99 := spread(bare)
	return []figure{{Name: "webhook in → frame on a socket, p99", Value: inMS(p99), Yardstick: inMS(bare99), Unit: "ms", P50: inMS(p50), P99: inMS(p99), YardP50: inMS(bare50), Goal: "at 500 messages/s: p50 < 10 ms, p99 < 60 ms",
		Limit: "WAL flush of steps", Note: fmt.Sprintf("%.0f messages/s of %d accounts, %d open sockets; the yardstick does the same by hand (bare insert, bare step, bare gorilla hub): p50 %.1f ms, p99 %.1f ms; "+
			"the sender is a process of its own; creation in the CRM is off; %s", s.size.rate, accounts, each*accounts, inMS(bare50), inMS(bare99), stages)}}, s.empty(ctx)
}

// liveTurn lets clients write and waits until every message has reached every page of its account.
func (s *stand) liveTurn(ctx context.Context, each int, e errand, dialPage func(account int64) (net.Conn, error)) ([]time.Duration, error) {
	a := &arrivals{}
	closeAll, err := s.pages(ctx, accounts, a, dialPage)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	sent, err := e.send(ctx)
	if err != nil {
		return nil, err
	}
	err = until(ctx, "the last frames", func() (bool, error) { return a.count() >= int(sent.Sent)*each, nil })
	if err != nil {
		return nil, fmt.Errorf("%w: %d of %d frames", err, a.count(), int(sent.Sent)*each)
	}
	return a.took, nil
}

// bareLive is the yardstick of live.
func (s *stand) bareLive(ctx context.Context, each int, e errand) ([]time.Duration, error) {
	hub, err := newBareHub(ctx)
	if err != nil {
		return nil, err
	}
	defer hub.close()
	work := make(chan func(), 100_000)
	for range workers {
		go func() {
			for step := range work {
				step()
			}
		}()
	}
	defer close(work)
	hub.other = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		var in struct {
			Chat int64 `json:"chat_id"`
			ID   int64 `json:"id"`
		}
		if err != nil || json.Unmarshal(raw, &in) != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		account, now, key := in.Chat/10, time.Now(), fmt.Sprintf("chat:%d", in.Chat)
		_, err = s.yard.Exec(ctx, `insert into inbox (account_id, key, kind, natural_id, body, received_at, due_at) values ($1, $2, $3, $4, $5, $6, $7)`,
			account, key, "bench", fmt.Sprintf("bench:%d", in.ID), raw, now, now)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		work <- func() {
			if s.bareStep(ctx, account, key) == nil {
				hub.send(strconv.FormatInt(account, 10), raw)
			}
		}
	})
	e.Address = "http://" + hub.address + "/%d"
	if _, err := s.yard.Exec(ctx, `insert into lane (account_id, kind, portal_id, asleep) select id, 'b24', 1, 'bench' from account where id >= $1 on conflict do nothing`, int64(first)); err != nil {
		return nil, fmt.Errorf("prepare the lanes: %w", err)
	}
	return s.liveTurn(ctx, each, e, func(account int64) (net.Conn, error) {
		return dial(ctx, hub.address, "?"+strconv.FormatInt(account, 10), "")
	})
}

// thousand lets the clients of a thousand accounts write one message a second each, and looks whether the queue grows.
func (s *stand) thousand(ctx context.Context, t *town, like samples) ([]figure, error) {
	const many = 1000
	if err := errors.Join(t.chats(ctx, false), s.people(ctx, t, many)); err != nil {
		return nil, err
	}
	rate := float64(many)
	for {
		f, holds, err := s.thousandAt(ctx, t, like, many, rate)
		if err != nil || holds || rate < many/8 {
			return []figure{f}, errors.Join(err, s.empty(ctx))
		}
		rate /= 2
	}
}

func (s *stand) thousandAt(ctx context.Context, t *town, like samples, many int64, rate float64) (figure, bool, error) {
	e := s.errand(t, like, many, rate, s.size.crowd)
	began, before, base := time.Now(), used(), s.database()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var backlog []int64
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for watching.Err() == nil {
			pause(watching, s.size.crowd/12)
			if n, err := s.undone(watching); err == nil {
				backlog = append(backlog, n)
			}
		}
	}()
	sent, err := e.send(ctx)
	stop()
	<-watched
	if err != nil {
		return figure{}, false, err
	}
	took := time.Since(began).Seconds()
	product, database := used()-before, s.database()-base
	drained := time.Now()
	err = until(ctx, "the queue to empty", func() (bool, error) { n, err := s.undone(ctx); return n == 0, err })
	if err != nil {
		return figure{}, false, err
	}
	// A queue that holds more than two seconds' worth after the last message was growing, and so was the sender's own when it took longer than told.
	holds := time.Since(drained) < 2*time.Second && took < 1.1*s.size.crowd.Seconds()+1
	share := func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v/took) }
	return figure{Name: "1,000 portals, one message a second each", Value: float64(sent.Sent) / took, Unit: "messages/s", Yardstick: float64(many), P50: sent.P50, P99: sent.P99, Goal: "no growth of the queue",
		Limit: "processor", Note: fmt.Sprintf("%.0f messages/s asked for %s, queue every twelfth of it: %v, empty %s after the last; of a processor: product and bench %s, PostgreSQL %s, the platform in its own process %s; "+
			"p50 and p99 are the webhooks' answers; creation in the CRM is off", rate, s.size.crowd, backlog, time.Since(drained).Round(100*time.Millisecond), share(product), share(database), share(sent.Processor))}, holds, nil
}

func (s *stand) undone(ctx context.Context) (int64, error) {
	var n int64
	err := s.bare.QueryRow(ctx, `select count(*) from inbox where done_at is null and aside_at is null`).Scan(&n)
	return n, err
}
