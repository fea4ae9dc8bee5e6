package outbox

import (
	"sort"
	"time"

	"omni/server/ids"
)

// head is a command that could leave now: the first of its key, or an independent one.
type head struct {
	id       ids.CommandID
	kind     string
	priority Priority
	alone    bool
	created  time.Time
}

// expectations are the portal's time per method, a moving average.
type expectations map[string]time.Duration

const unknownTime = 100 * time.Millisecond

func (e expectations) of(kind string) time.Duration {
	if d, ok := e[kind]; ok {
		return d
	}
	return unknownTime
}

func (e expectations) learn(kind string, took time.Duration) {
	if took <= 0 {
		return
	}
	e[kind] = (e.of(kind)*7 + took) / 8
}

// timeLimit is how long a request may keep the portal busy, by the highest class aboard.
func timeLimit(p Priority) time.Duration {
	switch p {
	case Waiting:
		return 500 * time.Millisecond
	case Live:
		return 2 * time.Second
	case Background:
	}
	return 5 * time.Second
}

// pack chooses what shares the next request: waiting persons first, then live, then background, oldest first; a tenth of the places is
// kept for the class below, so that nobody starves; and the portal is not kept busy for longer than the most urgent aboard can bear.
func pack(heads []head, places int, expected expectations) []head {
	if len(heads) == 0 {
		return nil
	}
	sort.SliceStable(heads, func(i, j int) bool {
		if heads[i].priority != heads[j].priority {
			return heads[i].priority < heads[j].priority
		}
		return heads[i].id < heads[j].id
	})
	if heads[0].alone || places == 1 {
		return heads[:1]
	}
	byClass := [3][]head{}
	for _, h := range heads {
		if !h.alone {
			byClass[h.priority] = append(byClass[h.priority], h)
		}
	}
	kept := max(1, places/10)
	var picked []head
	busy, limit := time.Duration(0), timeLimit(heads[0].priority)
	for class := range byClass {
		room := places - len(picked)
		below := 0
		for lower := class + 1; lower < len(byClass); lower++ {
			below += len(byClass[lower])
		}
		room -= min(kept, below)
		for _, h := range byClass[class] {
			if room <= 0 || len(picked) > 0 && busy+expected.of(h.kind) > limit {
				break
			}
			picked = append(picked, h)
			busy += expected.of(h.kind)
			room--
		}
	}
	return picked
}
