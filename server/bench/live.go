package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// stamp is the text of a measured message: when it was written.
var stamp = regexp.MustCompile(`at:(\d+):`)

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

// arrivals are what reached the pages.
type arrivals struct {
	mu   sync.Mutex
	took []time.Duration
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.took)
}

// frame counts a frame with a measured message.
func (a *arrivals) frame(raw []byte) {
	now := time.Now()
	if bytes.Contains(raw, []byte(`"chat.`)) {
		return // the chat's own entry may show the text, too
	}
	found := stamp.FindSubmatch(raw)
	if found == nil {
		return
	}
	at, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.took = append(a.took, now.Sub(time.Unix(0, at)))
}
