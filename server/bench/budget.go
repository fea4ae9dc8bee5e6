package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/account/transport"
	"omni/server/clock"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/sandbox/portal"
)

// calls is over how many keys the commands are spread.
const calls = 200

// hintChannel is where the product hears that there is work (server/app).
const hintChannel = "omni"

// budget queues commands of many calls and looks how full the requests are that the product's lane sends.
func (s *stand) budget(ctx context.Context, t *town) ([]figure, error) {
	lead := t.portal.Items(portal.Lead)[0].ID
	registry := outbox.NewRegistry()
	if err := transport.Register(registry); err != nil {
		return nil, err
	}
	notifier := s.db.NewNotifier(hintChannel)
	hinting, stop := context.WithCancel(ctx)
	defer stop()
	go func() { _ = notifier.Run(hinting) }()
	queue := outbox.New(outbox.Options{DB: s.db, Log: s.log, Registry: registry, Business: clock.System{}.Now, Hints: notifier})
	lane := outbox.LaneRef{Kind: outbox.LaneB24, Portal: ids.PortalID(t.number)}
	account := ids.AccountID(t.account)
	err := s.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		for n := range s.size.commands / calls {
			commands := make([]outbox.Command, calls)
			for k := range commands {
				commands[k] = outbox.Command{Lane: lane, Key: ids.Key(fmt.Sprintf("call:%d", k)), Kind: "crm.timeline.comment.add", Priority: outbox.Background,
					Params: map[string]any{"fields": map[string]any{"ENTITY_TYPE": "lead", "ENTITY_ID": lead, "COMMENT": fmt.Sprintf("call %d, %d", k, n)}}}
			}
			if _, _, err := queue.Enqueue(ctx, tx, account, commands...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("queue commands: %w", err)
	}
	before, began := len(t.world.Requests()), time.Now()
	queue.Wake(account, lane)
	sent, requests, over := 0, 0, 0
	for sent < s.size.commands {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("only %d of %d commands were sent: %w", sent, s.size.commands, err)
		}
		pause(ctx, 50*time.Millisecond)
		sent, requests, over = 0, 0, 0
		for _, r := range t.asked(before) {
			requests++
			if r.Error == "QUERY_LIMIT_EXCEEDED" {
				over++
			}
			for _, c := range r.Calls {
				if c.Method == "crm.timeline.comment.add" && c.Error == "" {
					sent++
				}
			}
		}
	}
	took := time.Since(began)
	f := figure{Name: "portal budget", Value: float64(sent) / float64(requests), Unit: "commands/request", Yardstick: 50, Goal: "≥ 45, never QUERY_LIMIT_EXCEEDED", Note: fmt.Sprintf(
		"%d background commands of %d calls in %d requests and %s, QUERY_LIMIT_EXCEEDED %d times; limited by the bucket (250, 5 a second) after the first half of it",
		sent, calls, requests, took.Round(100*time.Millisecond), over)}
	if over > 0 {
		return []figure{f}, fmt.Errorf("the portal refused %d requests as too many", over)
	}
	return []figure{f}, nil
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
