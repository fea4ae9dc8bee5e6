package store

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	firstWait   = 50 * time.Millisecond
	longestWait = 500 * time.Millisecond
)

// Patience waits a short absence of the database out for those who stand at the door. It bounds how long, and how many at once, so that memory stays flat
// while the absence is a long one.
type Patience struct {
	limit time.Duration
	most  int64
	held  atomic.Int64
}

// NewPatience makes one: each waits up to limit, at most most of them at a time.
func NewPatience(limit time.Duration, most int64) *Patience {
	return &Patience{limit: limit, most: most}
}

// Wait tries until the database is there. try must bear a repetition: a statement whose answer was lost may have been executed. What it answers last,
// still Unavailable after the limit or when too many wait, is what Wait answers.
func (p *Patience) Wait(ctx context.Context, try func() error) error {
	err := try()
	if err == nil || !Unavailable(err) {
		return err
	}
	defer p.held.Add(-1)
	if p.held.Add(1) > p.most {
		return err
	}
	end := time.NewTimer(p.limit)
	defer end.Stop()
	for pause := firstWait; ; pause = min(2*pause, longestWait) {
		next := time.NewTimer(pause/2 + rand.N(pause)) // not all at once
		select {
		case <-ctx.Done():
			next.Stop()
			return err
		case <-end.C:
			next.Stop()
			return err
		case <-next.C:
		}
		if err = try(); err == nil || !Unavailable(err) {
			return err
		}
	}
}

// Held is how many wait right now.
func (p *Patience) Held() int64 { return p.held.Load() }
