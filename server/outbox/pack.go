package outbox

import (
	"cmp"
	"slices"
	"time"

	"omni/server/ids"
)

// head is a command that could leave now: the first of its key, or an independent one.
type head struct {
	id       ids.CommandID
	key      string
	kind     string
	priority Priority
	alone    bool
	created  time.Time
	size     int // of its parameters, bytes
	doubts   int
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

const (
	// bigBody travels alone, and no request is bigger unless one command is.
	bigBody = 1 << 20
	// turnOf: every tenth request starts with the oldest of the lowest class, so that what never fits beside others gets away too.
	turnOf = 10
)

// pack chooses what shares the next request: waiting persons first, then live, then background, oldest first; a tenth of the places is
// kept for the class below, so that nobody starves; and the portal is not kept busy for longer than the most urgent aboard can bear.
// A command whose outcome was unclear before travels only with others like it, fewer each time: one that breaks every request it is in would
// else break all the others with it. The second value is the class the request counts as.
func pack(heads []head, places int, expected expectations, turn int) ([]head, Priority) {
	if len(heads) == 0 || places < 1 {
		return nil, Background
	}
	slices.SortStableFunc(heads, func(a, b head) int { return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.id, b.id)) })
	first, class := heads[0], heads[0].priority
	if lowest := heads[len(heads)-1].priority; turn%turnOf == turnOf-1 && class != Waiting && lowest > class {
		first = heads[slices.IndexFunc(heads, func(h head) bool { return h.priority == lowest })]
	}
	if first.alone || first.size > bigBody || places == 1 {
		return []head{first}, class
	}
	if first.doubts > 0 {
		places = max(1, places>>(2*min(first.doubts, 4)))
	}
	p := packing{expected: expected, limit: timeLimit(class)}
	p.put(first)
	byClass := [3][]head{}
	for _, h := range heads {
		if h.id != first.id && !h.alone && h.size <= bigBody && (h.doubts > 0) == (first.doubts > 0) {
			byClass[h.priority] = append(byClass[h.priority], h)
		}
	}
	kept := max(1, places/10)
	for c := range byClass {
		below := 0
		for lower := c + 1; lower < len(byClass); lower++ {
			below += min(kept, len(byClass[lower]))
		}
		room := places - len(p.picked) - below
		for _, h := range byClass[c] {
			if room <= 0 {
				break
			}
			if p.fits(h) {
				p.put(h)
				room--
			}
		}
	}
	return p.picked, class
}

// packing is a request being put together.
type packing struct {
	picked   []head
	busy     time.Duration
	size     int
	expected expectations
	limit    time.Duration
}

func (p *packing) fits(h head) bool {
	return p.busy+p.expected.of(h.kind) <= p.limit && p.size+h.size <= bigBody
}

func (p *packing) put(h head) {
	p.picked = append(p.picked, h)
	p.busy += p.expected.of(h.kind)
	p.size += h.size
}
