package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/sandbox/uisplatform"
	"omni/server/telephony/numbers"
)

// What a large company's CRM holds: knownFew of a quick run.
const (
	knownMany = 1_000_000
	knownFew  = 10_000
	// managersAsked is how many calls are looked up in a row.
	managersAsked = 20_000
	knownPeople   = 500
	// knownAccount is whose they are; others measure with the first one.
	knownAccount = first + 1
)

// mute is a portal nobody asks: every number of the measurement is known.
type mute struct{}

func (mute) Ask(context.Context, ids.AccountID, outbox.LaneRef, string, any, outbox.Priority) (json.RawMessage, error) {
	return nil, errors.New("a known number was asked for")
}

func (mute) AskAll(context.Context, ids.AccountID, outbox.LaneRef, outbox.Priority, ...outbox.Question) ([]json.RawMessage, error) {
	return nil, errors.New("a known number was asked for")
}

// managers measures how long a scenario waits for the personal manager of a known number (T3). The yardstick reads the one row of the number with bare pgx, in
// turn with it.
func (s *stand) managers(ctx context.Context) ([]figure, error) {
	known := knownMany
	if s.size.quick {
		known = knownFew
	}
	if err := s.knowNumbers(ctx, known); err != nil {
		return nil, err
	}
	finder := &numbers.Finder{DB: s.db, Clock: clock.System{}, Asker: mute{}, Log: slog.New(slog.DiscardHandler), Background: func(string, func(context.Context) error) {}}
	var took, bare []time.Duration
	for range managersAsked {
		phone := fmt.Sprintf("79%09d", rand.IntN(known)) //nolint:gosec // which number does not matter
		began := time.Now()
		phones := finder.Find(ctx, numbers.Caller{Account: knownAccount, Phone: phone})
		took = append(took, time.Since(began))
		if len(phones) != 2 {
			return nil, fmt.Errorf("%s has no manager", phone)
		}
		began = time.Now()
		var responsible int64
		if err := s.bare.QueryRow(ctx, `select responsible from known_number where account_id = $1 and portal_id = $2 and phone = $3 order by rank, created_at desc, entity_id desc limit 1`,
			knownAccount, knownAccount, phone).Scan(&responsible); err != nil {
			return nil, fmt.Errorf("bare select of a number: %w", err)
		}
		bare = append(bare, time.Since(began))
	}
	p50, p99 := spread(took)
	bare50, bare99 := spread(bare)
	return []figure{{
		Name: "personal manager of a known number, p99", Value: inMS(p99), Unit: "ms", Yardstick: inMS(bare99), P50: inMS(p50), P99: inMS(p99), Goal: "< 5 ms", Limit: "round trips",
		Note: fmt.Sprintf("%d known numbers of one portal, %d lookups one after the other, without HTTP: switch, portal, entities, people and their telephones in one statement, and the "+
			"account's wall before it; the yardstick is a bare select of the number's first row, its p50 %.2f ms", known, managersAsked, inMS(bare50)),
	}}, nil
}

// scenarios measures the same over HTTP, as a scenario asks, on a server that is quiet and while notifications of calls arrive at it.
func (s *stand) scenarios(ctx context.Context, t *town) ([]figure, error) {
	notifications, err := t.notifications(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.people(ctx, t, accounts); err != nil {
		return nil, err
	}
	known, lasting := knownMany, 2*s.size.live
	if s.size.quick {
		known = knownFew
	}
	if err := s.knowNumbers(ctx, known); err != nil {
		return nil, err
	}
	if err := t.rest(ctx); err != nil {
		return nil, err
	}
	quiet, err := t.scenarioAsks(ctx, known, lasting)
	if err != nil {
		return nil, err
	}
	e := s.errand(t, samples{}, accounts, s.size.rate, lasting)
	e.Address, e.Calls = "http://"+t.address+"/uis/bench-%d/notifications", notifications
	var sent delivered
	ended := make(chan error, 1)
	go func() { var err error; sent, err = e.send(ctx); ended <- err }()
	busy, err := t.scenarioAsks(ctx, known, lasting)
	if err := errors.Join(err, <-ended); err != nil {
		return nil, err
	}
	p50, p99 := spread(busy)
	quiet50, quiet99 := spread(quiet)
	return []figure{{
		Name: "personal manager beside notifications, p99", Value: inMS(p99), Unit: "ms", Yardstick: inMS(quiet99), P50: inMS(p50), P99: inMS(p99), YardP50: inMS(quiet50), Goal: "nobody waits",
		Limit: "processor", Note: fmt.Sprintf("%d known numbers, %d lookups over HTTP, GET and POST in turn, while %.0f notifications/s of calls of %d accounts arrive (%d in all, p99 of their answers %.1f ms) and are worked; "+
			"the yardstick: %d lookups on the same server before it, p50 %.1f ms", known, len(busy), s.size.rate, accounts, sent.Sent, sent.P99, len(quiet), inMS(quiet50)),
	}}, s.empty(ctx)
}

// notifications are those of one answered call, as UIS sends them, with marks where session and client stand.
func (t *town) notifications(ctx context.Context) ([]string, error) {
	if err := t.telephone(ctx); err != nil {
		return nil, err
	}
	const phone = "79000009977"
	call, err := t.uis.SimulateCall("answered", uisplatform.CallSpec{Contact: phone})
	if err != nil {
		return nil, err
	}
	if err := t.platform.Settled(ctx); err != nil {
		return nil, err
	}
	session := strconv.FormatInt(call.ID(), 10)
	var list []string
	for _, d := range t.uis.Deliveries() {
		if d.Kind == "notification" && strings.Contains(d.Body, session) {
			list = append(list, strings.NewReplacer(session, "{session}", phone, "{phone}").Replace(d.Body))
		}
	}
	if len(list) == 0 {
		return nil, errors.New("the platform sent no notifications of a call")
	}
	return list, nil
}

// scenarioAsks lets one scenario after the other ask for the manager of a known number.
func (t *town) scenarioAsks(ctx context.Context, known int, lasting time.Duration) ([]time.Duration, error) {
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	door := "http://" + t.address + "/uis/" + address(knownAccount) + "/manager"
	var took []time.Duration
	for n, end := 0, time.Now().Add(lasting); time.Now().Before(end); n++ {
		fields := url.Values{"numa": {fmt.Sprintf("79%09d", rand.IntN(known))}, "numb": {"74950000031"}, "call_session_id": {strconv.Itoa(900_000_000 + n)}, "direction": {"in"}} //nolint:gosec // which number does not matter
		method, where, body := http.MethodGet, door+"?"+fields.Encode(), ""
		if n%2 == 1 {
			method, where, body = http.MethodPost, door, fields.Encode()
		}
		req, err := http.NewRequestWithContext(ctx, method, where, strings.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("ask for a manager: %w", err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		began := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			return nil, fmt.Errorf("ask for a manager: %w", err)
		}
		raw, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		took = append(took, time.Since(began))
		if err != nil || !strings.Contains(string(raw), "phones") {
			return nil, fmt.Errorf("a known number's manager: %s %s: %w", resp.Status, raw, err)
		}
		pause(ctx, 5*time.Millisecond)
	}
	return took, nil
}

// knowNumbers fills the table for one account: contacts with a number each, their responsibles matched, the switch on.
func (s *stand) knowNumbers(ctx context.Context, known int) error {
	for _, part := range []struct {
		statement string
		args      []any
	}{
		{`insert into portal (account_id, id, domain, state, idle_since, created_at, changed_at) overriding system value values ($1, $1, 'known.example', 'active', now(), now(), now())
			on conflict do nothing`, []any{knownAccount}},
		{`insert into settings (account_id, version, document, diff, saved_by, saved_at) values ($1, (select coalesce(max(version), 0) + 1 from settings where account_id = $1),
			jsonb_build_object('main', jsonb_build_object('enabled', true, 'portal', $1::bigint), 'telephony', '{"enabled": true, "personal_manager": true}'::jsonb), '[]', '', now())`, []any{knownAccount}},
		{`insert into b24_user (account_id, portal_id, id, active, seen_at) select $1, $1, n, true, now() from generate_series(1, $2::int) n on conflict do nothing`, []any{knownAccount, knownPeople}},
		{`insert into uis_employee (account_id, id, full_name, phones, seen_at) select $1, n, 'Employee', array['79' || n, '78' || n], now() from generate_series(1, $2::int) n on conflict do nothing`,
			[]any{knownAccount, knownPeople}},
		{`insert into staff_match (account_id, portal_id, b24_user, employee, how, changed_at) select $1, $1, n, n, 'email', now() from generate_series(1, $2::int) n on conflict do nothing`,
			[]any{knownAccount, knownPeople}},
		{`insert into known_number (account_id, portal_id, entity_type, entity_id, phone, rank, responsible, created_at, seen_at)
			select $1, $1, 'contact', n + 1, '79' || lpad(n::text, 9, '0'), 1, 1 + n % $3::int, now(), now() from generate_series(0, $2::int - 1) n on conflict do nothing`,
			[]any{knownAccount, known, knownPeople}},
		{`vacuum analyze known_number`, nil},
	} {
		if _, err := s.bare.Exec(ctx, part.statement, part.args...); err != nil {
			return fmt.Errorf("fill the table of known numbers: %w", err)
		}
	}
	return nil
}
