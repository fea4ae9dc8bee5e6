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

const (
	// calls is over how many keys the commands are spread.
	calls = 200
	// hintChannel is where the product hears that there is work (server/app).
	hintChannel = "omni"
	// askEvery is how often an operator asks something while background commands leave.
	askEvery = 250 * time.Millisecond
	// slowest and half of it is how long the portal needs for a slow command: a full request takes it some two seconds.
	slowest = 60 * time.Millisecond
	comment = "crm.timeline.comment.add"
)

// budget queues commands of many calls and looks how full the requests are that the product's lane sends, and how long an operator who asks for
// something meanwhile has to wait; then the same at a portal that is slow with these commands.
func (s *stand) budget(ctx context.Context, t *town) ([]figure, error) {
	quick, err := s.sync(ctx, t, s.size.commands)
	if err != nil {
		return nil, err
	}
	t.portal.SetMethodDelay(comment, slowest/3, slowest)
	slow, err := s.sync(ctx, t, max(calls, s.size.commands/10))
	t.portal.SetMethodDelay(comment, 0, 0)
	if err != nil {
		return nil, err
	}
	const goal = "< 1 s"
	figures := []figure{
		{Name: "portal budget", Value: float64(quick.sent) / float64(quick.requests), Unit: "commands/request", Yardstick: 50, Goal: "≥ 45, never QUERY_LIMIT_EXCEEDED", Limit: "bucket",
			Note: fmt.Sprintf("%s; the bucket (250, 5 a second) paces after its first half", quick)},
		quick.waits("operator's wait beside a sync", goal, quick.String()),
		slow.waits("operator's wait beside a slow sync", goal, fmt.Sprintf("%s; each command takes the portal %s to %s", slow, slowest/3, slowest)),
	}
	if over := quick.over + slow.over; over > 0 {
		return figures, fmt.Errorf("the portal refused %d requests as too many", over)
	}
	return figures, nil
}

// synced is what a background synchronisation came to.
type synced struct {
	sent, requests, over int
	took                 time.Duration
	asked                []time.Duration
}

func (s synced) String() string {
	return fmt.Sprintf("%d background commands of %d calls in %d requests and %s, QUERY_LIMIT_EXCEEDED %d times, %d operator's reads between them", s.sent, calls, s.requests,
		s.took.Round(100*time.Millisecond), s.over, len(s.asked))
}

func (s synced) waits(name, goal, note string) figure {
	p50, p99 := spread(s.asked)
	return figure{Name: name, Value: inMS(p99), Unit: "ms", Yardstick: 1000, Grain: inMS(askEvery), P50: inMS(p50), P99: inMS(p99), Goal: goal, Limit: "round trips", Note: note + "; the yardstick is the goal"}
}

// sync queues background commands and lets an operator ask until all of them have left.
func (s *stand) sync(ctx context.Context, t *town, commands int) (synced, error) {
	var out synced
	lead := t.portal.Items(portal.Lead)[0].ID
	registry := outbox.NewRegistry()
	if err := transport.Register(registry); err != nil {
		return out, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	notifier := s.db.NewNotifier(hintChannel)
	go func() { _ = notifier.Run(ctx) }()
	queue := outbox.New(outbox.Options{DB: s.db, Log: s.log, Registry: registry, Business: clock.System{}.Now, Hints: notifier})
	lane := outbox.LaneRef{Kind: outbox.LaneB24, Portal: ids.PortalID(t.number)}
	account := ids.AccountID(t.account)
	err := s.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		for n := range commands / calls {
			list := make([]outbox.Command, calls)
			for k := range list {
				list[k] = outbox.Command{Lane: lane, Key: ids.Key(fmt.Sprintf("call:%d", k)), Kind: comment, Priority: outbox.Background,
					Params: map[string]any{"fields": map[string]any{"ENTITY_TYPE": "lead", "ENTITY_ID": lead, "COMMENT": fmt.Sprintf("call %d, %d", k, n)}}}
			}
			if _, _, err := queue.Enqueue(ctx, tx, account, list...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return out, fmt.Errorf("queue commands: %w", err)
	}
	commands = commands / calls * calls
	before, began := len(t.world.Requests()), time.Now()
	queue.Wake(account, lane)
	for out.sent < commands {
		if err := ctx.Err(); err != nil {
			return out, fmt.Errorf("only %d of %d commands were sent: %w", out.sent, commands, err)
		}
		asked := time.Now()
		if _, err := queue.Ask(ctx, account, lane, "crm.item.get", map[string]any{"entityTypeId": 1, "id": lead}, outbox.Waiting); err != nil {
			return out, fmt.Errorf("an operator's read: %w", err)
		}
		out.asked = append(out.asked, time.Since(asked))
		pause(ctx, askEvery-time.Since(asked))
		out.count(t.asked(before))
	}
	out.took = time.Since(began)
	return out, nil
}

// count looks what the portal was sent.
func (s *synced) count(requests []portal.Request) {
	s.sent, s.requests, s.over = 0, 0, 0
	for _, r := range requests {
		if r.Error == "QUERY_LIMIT_EXCEEDED" {
			s.over++
		}
		before := s.sent
		for _, c := range r.Calls {
			if c.Method == comment && c.Error == "" {
				s.sent++
			}
		}
		if s.sent > before {
			s.requests++
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
