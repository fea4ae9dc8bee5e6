package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// workers is how many callers work at once.
	workers = 16
	// senders is how many send at once while intake is measured: a platform does not wait for one answer before it sends the next webhook.
	senders = 64
)

// full calls work as fast as it goes, from all workers, and tells how many calls a second were done. n counts the calls.
func full(ctx context.Context, lasting time.Duration, work func(ctx context.Context, n int64) error) (float64, error) {
	return fullBy(ctx, workers, lasting, work)
}

// fullBy is full with so many callers.
func fullBy(ctx context.Context, callers int, lasting time.Duration, work func(ctx context.Context, n int64) error) (float64, error) {
	var calls atomic.Int64
	started := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range callers {
		group.Go(func() error {
			for time.Since(started) < lasting {
				if err := work(ctx, calls.Add(1)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("full load: %w", err)
	}
	return float64(calls.Load()) / time.Since(started).Seconds(), nil
}

// paced calls work at a fixed rate, however long the calls take, and tells the time half and 99 of 100 calls needed, counted from when each was due.
func paced(ctx context.Context, lasting time.Duration, rate float64, work func(ctx context.Context, n int64) error) (p50, p99 time.Duration, err error) {
	return pacedBy(ctx, senders, lasting, rate, work)
}

// pacedBy is paced with so many callers.
func pacedBy(ctx context.Context, callers int, lasting time.Duration, rate float64, work func(ctx context.Context, n int64) error) (p50, p99 time.Duration, err error) {
	type call struct {
		n   int64
		due time.Time
	}
	calls := make(chan call, 100_000)
	var mu sync.Mutex
	var took []time.Duration
	group, ctx := errgroup.WithContext(ctx)
	for range callers {
		group.Go(func() error {
			for c := range calls {
				if err := work(ctx, c.n); err != nil {
					return err
				}
				mu.Lock()
				took = append(took, time.Since(c.due))
				mu.Unlock()
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(calls)
		started := time.Now()
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for n := int64(0); time.Since(started) < lasting; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-ticker.C:
			}
			for ; float64(n) < time.Since(started).Seconds()*rate; n++ {
				calls <- call{n: n, due: started.Add(time.Duration(float64(n) / rate * float64(time.Second)))}
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return 0, 0, fmt.Errorf("paced load: %w", err)
	}
	p50, p99 = spread(took)
	return p50, p99, nil
}

// spread is the middle of the times and what 99 of 100 stay below.
func spread(took []time.Duration) (p50, p99 time.Duration) {
	if len(took) == 0 {
		return 0, 0
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100]
}

func inMS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
