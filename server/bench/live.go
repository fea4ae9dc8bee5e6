package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"omni/server/sandbox/uisplatform"
)

const (
	clients   = 200 // people who write
	operators = 5   // open pages
)

// stamp is the text of a measured message: when it was written.
var stamp = regexp.MustCompile(`at:(\d+):`)

// live measures from a client's message at the platform (its webhook leaves then) to the frame on operators' sockets.
func (s *stand) live(ctx context.Context, t *town) ([]figure, error) {
	// The CRM work of these messages would be paced by the portal's budget and run long after the measurement.
	if err := t.chats(ctx, false); err != nil {
		return nil, err
	}
	arrivals := &arrivals{seen: map[string]int{}}
	for range operators {
		ws, err := t.page(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { _ = ws.Close() }()
		go arrivals.read(ws)
	}
	write := func(n int64, text string) error {
		_, err := t.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: fmt.Sprintf("7900%07d", n%clients)}, text)
		return err
	}
	for n := range int64(clients) { // their chats begin before the clock does
		if err := write(n, "Здравствуйте!"); err != nil {
			return nil, err
		}
	}
	if err := t.platform.Settled(ctx); err != nil {
		return nil, fmt.Errorf("wait for the first webhooks: %w", err)
	}
	pause(ctx, time.Second)
	var written int64
	_, _, err := paced(ctx, s.size.live, s.size.rate, func(_ context.Context, n int64) error {
		arrivals.wrote()
		return write(n, fmt.Sprintf("at:%d: Есть ли доставка в субботу?", time.Now().UnixNano()))
	})
	if err != nil {
		return nil, err
	}
	written = arrivals.written()
	err = until(ctx, "the last frames", func() (bool, error) { return arrivals.complete(), nil })
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, arrivals)
	}
	p50, p99 := spread(arrivals.took)
	stages, err := s.stages(ctx)
	if err != nil {
		return nil, err
	}
	rate := float64(written) / s.size.live.Seconds()
	return []figure{{Name: "webhook in → frame on a socket", Value: rate, Unit: "messages/s", P50: inMS(p50), P99: inMS(p99), Goal: "at 500: p50 < 10 ms, p99 < 60 ms", Note: fmt.Sprintf(
		"%d clients of one account write, %d operators' pages; from the client's message in the sandbox, which sends one webhook of a chat after the other, to the frame read; "+
			"creation in the CRM is off; %s", clients, operators, stages)}}, nil
}

// stages tells where the time of the measured messages went, by the times the product noted itself: until the webhook was taken in, and until its step
// began; the rest is the step, the commit, the hub and the way to the page.
func (s *stand) stages(ctx context.Context) (string, error) {
	var times []float64
	err := s.bare.QueryRow(ctx, `with said as (select i.received_at, m.received_at as stepped_at, to_timestamp(substring(m.text from 'at:(\d+):')::numeric / 1e9) as at
		from message m join chat c on c.account_id = m.account_id and c.id = m.chat_id
		join inbox i on i.account_id = m.account_id and i.key = 'chat:' || c.uis_chat_id and i.kind like '%message' and convert_from(i.body, 'UTF8') like '%' || m.text || '%'
		where m.text like 'at:%')
		select percentile_cont(array[0.5, 0.99]) within group (order by 1000 * extract(epoch from received_at - at)) ||
			percentile_cont(array[0.5, 0.99]) within group (order by 1000 * extract(epoch from stepped_at - received_at)) from said`).Scan(&times)
	if err != nil || len(times) != 4 {
		return "", fmt.Errorf("look where the time went: %v %w", times, err)
	}
	return fmt.Sprintf("p50/p99 until taken in %.0f/%.0f ms, until the step began %.0f/%.0f ms", times[0], times[1], times[2], times[3]), nil
}

// page opens a socket as an operator's page does.
func (t *town) page(ctx context.Context) (*websocket.Conn, error) {
	ws, resp, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+t.address+"/ws", nil)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	_ = resp.Body.Close()
	if err := ws.WriteJSON(map[string]any{"type": "hello", "session": t.session}); err != nil {
		return nil, fmt.Errorf("say hello: %w", err)
	}
	if _, raw, err := ws.ReadMessage(); err != nil || !bytes.Contains(raw, []byte(`"ready"`)) {
		return nil, fmt.Errorf("the socket was not ready: %s %w", raw, err)
	}
	return ws, nil
}

// arrivals are what reached the pages.
type arrivals struct {
	mu   sync.Mutex
	sent int64
	took []time.Duration
	seen map[string]int // pages by message
}

func (a *arrivals) wrote() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent++
}

func (a *arrivals) written() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sent
}

// complete: every message reached every page.
func (a *arrivals) complete() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return int64(len(a.took)) == a.sent*operators
}

// String tells what is missing.
func (a *arrivals) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Sprintf("%d messages, %d seen, %d frames at %d pages", a.sent, len(a.seen), len(a.took), operators)
}

// read counts frames of new messages until the socket closes.
func (a *arrivals) read(ws *websocket.Conn) {
	for {
		_, raw, err := ws.ReadMessage()
		if err != nil {
			return
		}
		now := time.Now()
		if !bytes.Contains(raw, []byte(`"message.added"`)) {
			continue
		}
		found := stamp.FindSubmatch(raw)
		if found == nil {
			continue
		}
		at, err := strconv.ParseInt(string(found[1]), 10, 64)
		if err != nil {
			continue
		}
		a.mu.Lock()
		a.took = append(a.took, now.Sub(time.Unix(0, at)))
		a.seen[string(found[1])]++
		a.mu.Unlock()
	}
}
