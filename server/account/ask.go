package account

import (
	"context"
	"sync"
	"time"

	"omni/server/bitrix24"
	"omni/server/ids"
	"omni/server/outbox"
)

// Lanes count what is asked of a portal beside its lane (the outbox).
type Lanes interface {
	// Direct counts one request and waits a moment for room in the portal's bucket; an error means that nothing may be sent.
	Direct(ctx context.Context, account ids.AccountID, lane outbox.LaneRef) error
	// Made counts requests that were made before anybody knew whose portal it is.
	Made(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, requests int) error
}

// Turn counts a request to the portal that does not go through its lane; call it right before the request. Error: the portal's bucket is full, nothing
// may be sent.
func (a *Accounts) Turn(ctx context.Context, ref Ref) error {
	if a.lanes == nil {
		return nil
	}
	return a.lanes.Direct(ctx, ref.Account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: ref.Portal})
}

// Profile asks a portal whose token it is, beside its lane: the answer decides whether there is a lane to speak of. An unknown portal (no ref) has a
// bucket of its own until it is admitted.
func (a *Accounts) Profile(ctx context.Context, ref Ref, to bitrix24.Target) (*bitrix24.Answer, error) {
	var err error
	if ref.Portal != 0 {
		err = a.Turn(ctx, ref)
	} else {
		err = a.strangers.turn(ctx, hostOf(to.Endpoint))
	}
	if err != nil {
		return nil, err
	}
	return a.b24.Call(ctx, to, bitrix24.Call{Method: "profile"})
}

// known moves what was asked of a portal while it was unknown into its lane's bucket.
func (a *Accounts) known(ctx context.Context, p Portal) {
	requests := a.strangers.take(hostOf(p.ClientEndpoint))
	if a.lanes == nil || requests == 0 {
		return
	}
	if err := a.lanes.Made(ctx, p.Account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: p.ID}, requests); err != nil {
		a.log.WarnContext(ctx, "requests to a new portal not counted", "account", p.Account, "portal", p.ID, "error", err)
	}
}

// strangers are the buckets of portals that no account has, by host.
type strangers struct {
	mu  sync.Mutex
	all map[string]bitrix24.Bucket
}

const (
	strangerKeep     = 2
	strangerPatience = 5 * time.Second
	// maxStrangers bounds the memory; buckets that have drained go first.
	maxStrangers = 10_000
)

// turn counts a request and waits a moment for room.
func (s *strangers) turn(ctx context.Context, host string) error {
	until := time.Now().Add(strangerPatience)
	for {
		later := s.ask(host, time.Now())
		if later == 0 {
			return nil
		}
		if time.Now().Add(later).After(until) {
			return outbox.ErrSlow
		}
		timer := time.NewTimer(later)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

func (s *strangers) ask(host string, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, known := s.all[host]
	if !known {
		b = bitrix24.BucketFor("")
		b.At = now
	}
	if later := b.Wait(now, strangerKeep); later > 0 {
		return later
	}
	if !known && len(s.all) >= maxStrangers {
		for h, old := range s.all {
			if old.Now(now).Level == 0 {
				delete(s.all, h)
			}
		}
	}
	if s.all == nil {
		s.all = map[string]bitrix24.Bucket{}
	}
	s.all[host] = b.Add(now)
	return 0
}

// take empties a bucket and tells what was in it.
func (s *strangers) take(host string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, known := s.all[host]
	if !known {
		return 0
	}
	delete(s.all, host)
	return int(b.Now(time.Now()).Level + 0.999)
}
