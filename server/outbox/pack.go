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

// unknownTime is what a method takes that was never called: rather much, so that few of them keep a person waiting.
const unknownTime = 250 * time.Millisecond

func (e expectations) of(kind string) time.Duration {
	if d, ok := e[kind]; ok {
		return d
	}
	return unknownTime
}

// learn follows quickly when a method has become several times slower than it was.
func (e expectations) learn(kind string, took time.Duration) {
	if took <= 0 {
		return
	}
	known, ok := e[kind]
	switch {
	case !ok:
		e[kind] = took
	case took > 4*known:
		e[kind] = (known + took) / 2
	default:
		e[kind] = (known*7 + took) / 8
	}
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

// company is how long a request may keep the portal busy with commands less urgent than its top class aboard: they ride along, and lengthen the wait of those
// above them. While requests are scarce they have no other way.
var company = [3][3]struct{ plenty, scarce time.Duration }{
	Waiting: {Live: {150 * time.Millisecond, 400 * time.Millisecond}, Background: {150 * time.Millisecond, 150 * time.Millisecond}},
	Live:    {Background: {time.Second, 2 * time.Second}},
}

// share is what they get while requests are scarce even when those above fill the request.
var share = [3][3]time.Duration{
	Waiting: {Live: 400 * time.Millisecond},
	Live:    {Background: 200 * time.Millisecond},
}

// strangers is how many less urgent commands ride along with a waiting person of which it is not sure what they take now: however slow they have become, the
// one request that finds that out stays short.
const strangers = 10

// packer puts a request together.
type packer struct {
	expected expectations
	sure     func(kind string) bool // what is expected of a kind can be relied on
	places   int
	turn     int
	flying   [3]int
	scarce   bool

	picked []head
	busy   time.Duration
	size   int
}

// pack picks what shares the next request: the most urgent first, then the oldest, with a tenth of the places kept for the class below, and no more
// than the time allows. Doubtful commands (their last request broke) travel only with their like, a quarter as many each time: one that breaks every
// request it is in would else break all the others with it.
func (p *packer) pack(heads []head) []head {
	p.picked, p.busy, p.size = nil, 0, 0
	if len(heads) == 0 || p.places < 1 {
		return nil
	}
	slices.SortStableFunc(heads, func(a, b head) int { return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.id, b.id)) })
	first := heads[0]
	if lowest := heads[len(heads)-1].priority; p.turn%turnOf == turnOf-1 && lowest > first.priority && p.flying[lowest] == 0 {
		first = heads[slices.IndexFunc(heads, func(h head) bool { return h.priority == lowest })]
	}
	p.put(first)
	places := p.places
	if first.doubts > 0 {
		places = max(1, places>>(2*min(first.doubts, 4)))
	}
	if first.alone || first.size > bigBody || places == 1 {
		return p.picked
	}
	byClass := [3][]head{}
	for _, h := range heads {
		if h.id != first.id && !h.alone && h.size <= bigBody && (h.doubts > 0) == (first.doubts > 0) {
			byClass[h.priority] = append(byClass[h.priority], h)
		}
	}
	kept := max(1, places/10)
	unsure := 0
	for c := range byClass {
		below := 0
		for lower := c + 1; lower < len(byClass); lower++ {
			below += min(kept, len(byClass[lower]))
		}
		room := places - len(p.picked) - below
		limit := p.limit(heads[0].priority, Priority(c))
		for _, h := range byClass[c] {
			if room <= 0 {
				break
			}
			if p.busy+p.expected.of(h.kind) > limit || p.size+h.size > bigBody {
				continue
			}
			if heads[0].priority == Waiting && h.priority > Waiting && !p.sure(h.kind) {
				if unsure == strangers {
					continue
				}
				unsure++
			}
			p.put(h)
			room--
		}
	}
	return p.picked
}

// limit is how long the request may get by taking commands of a class along, when top is the highest class that is ready.
func (p *packer) limit(top, class Priority) time.Duration {
	switch c := company[top][class]; {
	case class <= top:
		return timeLimit(top)
	case p.scarce:
		return max(c.scarce, p.busy+share[top][class])
	default:
		return c.plenty
	}
}

func (p *packer) put(h head) {
	p.picked = append(p.picked, h)
	p.busy += p.expected.of(h.kind)
	p.size += h.size
}
