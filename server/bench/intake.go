package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/inbox"
)

// message is a webhook body of ordinary size.
var message = []byte(`{"event":"message","chat_id":4711,"message":{"id":900000123,"type":"text","text":"Здравствуйте! Подскажите, пожалуйста, есть ли доставка в субботу?"},` +
	`"visitor":{"id":77,"name":"Иван","phone":"79000000012"},"channel":{"id":20,"type":"whatsapp"},"created_at":"2026-01-15T10:20:30.123Z"}`)

// intake compares what a webhook costs until it may be answered with one bare insert of the same row.
func (s *stand) intake(ctx context.Context) ([]figure, error) {
	in := inbox.NewIntake(s.db, clock.System{}, func(ids.AccountID, ids.Key) {})
	accept := func(prefix string) func(context.Context, int64) error {
		return func(ctx context.Context, n int64) error {
			return in.Accept(ctx, inbox.Row{
				Account: ids.AccountID(n%accounts + first), Key: ids.ChatKey(ids.UISChatID(n % 5000)), Kind: "uis.message",
				Natural: fmt.Sprintf("%s:%d", prefix, n), Body: message,
			})
		}
	}
	yardstick, rate, err := s.byTurns(ctx, accept)
	if err != nil {
		return nil, err
	}
	p50, p99, bare99, err := s.halfRate(ctx, rate/2, accept("paced"))
	if err != nil {
		return nil, err
	}
	return []figure{{
		Name: "durable intake", Value: rate, Unit: "rows/s", Yardstick: yardstick, P50: inMS(p50), P99: inMS(p99),
		Goal: "≥ 60 %, p99 < 30 ms at half the maximum", Limit: "WAL flush", Note: fmt.Sprintf("without HTTP, %d senders; bare inserts at the pace of p50 and p99: p99 %.1f ms", senders, inMS(bare99)),
	}}, s.empty(ctx)
}

// turns is how often the yardstick and the product take turns, so that both see the same machine.
const turns = 4

// byTurns measures bare inserts and the product in turns. work gets a name that no other turn has.
func (s *stand) byTurns(ctx context.Context, work func(name string) func(context.Context, int64) error) (yardstick, rate float64, err error) {
	for range turns {
		name := rand.Text()
		bare, err := fullBy(ctx, senders, s.size.each/turns, s.bareInsert(name))
		if err != nil {
			return 0, 0, err
		}
		own, err := fullBy(ctx, senders, s.size.each/turns, work(name+"own"))
		if err != nil {
			return 0, 0, err
		}
		yardstick, rate = yardstick+bare/turns, rate+own/turns
	}
	return yardstick, rate, nil
}

// halfRate measures times at a fixed rate, and those of bare inserts at the same.
func (s *stand) halfRate(ctx context.Context, rate float64, work func(context.Context, int64) error) (p50, p99, bare99 time.Duration, err error) {
	if p50, p99, err = paced(ctx, s.size.each, rate, work); err != nil {
		return 0, 0, 0, err
	}
	_, bare99, err = paced(ctx, s.size.each, rate, s.bareInsert(rand.Text()))
	return p50, p99, bare99, err
}

// bareInsert is the yardstick: the same row, nothing else.
func (s *stand) bareInsert(prefix string) func(context.Context, int64) error {
	return func(ctx context.Context, n int64) error {
		now := time.Now()
		_, err := s.yard.Exec(ctx, `insert into inbox (account_id, key, kind, natural_id, body, received_at, due_at) values ($1, $2, $3, $4, $5, $6, $7)`,
			n%accounts+first, fmt.Sprintf("bench:%d", n%5000), "uis.message", fmt.Sprintf("%s:%d", prefix, n), message, now, now)
		if err != nil {
			return fmt.Errorf("bare insert: %w", err)
		}
		return nil
	}
}

// overHTTP is the intake through the product's public address: notifications of UIS, which the worker ticks off meanwhile.
func (s *stand) overHTTP(ctx context.Context, t *town) ([]figure, error) {
	deliveries := t.uis.Deliveries()
	if len(deliveries) == 0 {
		return nil, errors.New("the platform sent no webhooks")
	}
	address := token.FindString(deliveries[0].URL) + "/notifications"
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	post := func(prefix string) func(context.Context, int64) error {
		return func(ctx context.Context, n int64) error {
			body := fmt.Sprintf(`{"event":"call_started","call_session_id":"%s%d","text":%q}`, prefix, n, message)
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
			if err != nil {
				return fmt.Errorf("post a notification: %w", err)
			}
			resp, err := client.Do(req)
			if err != nil {
				return fmt.Errorf("post a notification: %w", err)
			}
			defer func() { _ = resp.Body.Close() }()
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				return fmt.Errorf("a notification was answered %s: %w", resp.Status, err)
			}
			return nil
		}
	}
	yardstick, rate, err := s.byTurns(ctx, post)
	if err != nil {
		return nil, err
	}
	p50, p99, bare99, err := s.halfRate(ctx, rate/2, post("paced"))
	if err != nil {
		return nil, err
	}
	return []figure{{
		Name: "durable intake over HTTP", Value: rate, Unit: "requests/s", Yardstick: yardstick, P50: inMS(p50), P99: inMS(p99), Goal: "≥ 60 %, p99 < 30 ms at half the maximum",
		Limit: "processor", Note: fmt.Sprintf("notifications of one account, %d senders; the client, the HTTP server, PostgreSQL and the worker that ticks the rows off share the processor; "+
			"bare inserts at the pace of p50 and p99: p99 %.1f ms", senders, inMS(bare99)),
	}}, nil
}

// token is the part of a webhook's address that belongs to the account.
var token = regexp.MustCompile(`^http://[^/]+/uis/[^/]+`)
