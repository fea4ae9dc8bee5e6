package outbox

import (
	"encoding/json"
	"slices"
	"time"
)

// mind is what the sender of a lane knows and decides by. It is plain data without I/O, so that it can be played on a virtual clock.
type mind struct {
	budget   budget
	uses     uses
	points   points
	expected expectations
	heard    map[string]hearing
	turn     int
}

// choose decides under the budget what leaves now; a request is counted at once. The class is that of the most urgent command aboard.
func (m *mind) choose(now time.Time, heads []head) ([]head, Priority, time.Duration) {
	wait := maxWait
	top := Background
	m.attend(heads)
	awake := slices.DeleteFunc(heads, func(h head) bool {
		rests := m.uses.restsUntil(h.kind, now, h.priority)
		if rests.IsZero() {
			top = min(top, h.priority)
			return false
		}
		wait = min(wait, rests.Sub(now))
		return true
	})
	places := m.budget.PerRequest
	if m.budget.failures >= circuitAt {
		places = 1 // a probe: should it break, it breaks one command
	}
	for i := range awake {
		if places > 1 && !awake[i].alone && !m.uses.restsUntil(batchMethod, now, awake[i].priority).IsZero() {
			awake[i].alone = true // the platform accounts batches as such and this class has used them up; single calls still go
		}
	}
	p := packer{expected: m.expected, sure: func(kind string) bool { return m.heard[kind].sure(now) }, places: places, turn: m.turn, flying: m.budget.flying, scarce: m.budget.over(now, scarce)}
	picked := p.pack(awake)
	if len(picked) == 0 {
		return nil, top, wait
	}
	class := aboard(picked)
	may, later := m.budget.mayFly(now, top, class)
	if !may && class > top { // it was the turn of a lower class, and that has no place: nobody above waits for it
		p.turn = 0
		picked = p.pack(awake)
		class = aboard(picked)
		may, later = m.budget.mayFly(now, top, class)
	}
	if !may {
		return nil, class, later
	}
	if later := m.points.wait(now, top); later > 0 {
		return nil, class, later
	}
	if later := m.budget.gather(now, top, len(awake), oldest(picked)); later > 0 {
		return nil, class, later
	}
	m.turn++
	m.budget.add(now)
	m.points.take()
	m.budget.flying[class]++
	m.leave(now, picked)
	return picked, class, 0
}

// aboard is the class of the most urgent command of a request.
func aboard(picked []head) Priority {
	class := Background
	for _, h := range picked {
		class = min(class, h.priority)
	}
	return class
}

func oldest(heads []head) time.Time {
	at := heads[0].created
	for _, h := range heads {
		if h.created.Before(at) {
			at = h.created
		}
	}
	return at
}

// barred tells how long not even a waiting person's command could leave; then there is no use in looking for one.
func (m *mind) barred(now time.Time) time.Duration {
	may, later := m.budget.mayFly(now, Waiting, Waiting)
	switch {
	case may:
		return 0
	case later == 0:
		return maxWait // the end of a request wakes the lane
	}
	return later
}

// resting are the methods that nobody may call at the moment.
func (m *mind) resting(now time.Time) []string {
	resting := []string{}
	for method := range m.uses {
		if !m.uses.restsUntil(method, now, Waiting).IsZero() {
			resting = append(resting, method)
		}
	}
	return resting
}

// learn takes what the answers to a request say about budget, time and rest. shake is a random number from 0 to 1.
func (m *mind) learn(now, began time.Time, kinds []string, replies []Reply, shake float64) {
	failed, full, inner := 0, false, false
	var after, busy time.Duration
	share := now.Sub(began) / time.Duration(len(replies))
	for i, reply := range replies {
		took := reply.Took
		if reply.Err == nil {
			m.hear(now, began, kinds[i])
		}
		if took == 0 && reply.Err == nil {
			m.expected.learn(kinds[i], share) // a platform that does not tell: as long as its part of the request
		}
		m.expected.learn(kinds[i], took)
		if m.budget.Size == 0 || took < countedFrom {
			took = 0 // on-premise portals account nothing unless they say so
		}
		m.uses.answered(kinds[i], now, took, reply.Operating, reply.ResetAt)
		busy, inner = busy+took, inner || !reply.ResetAt.IsZero()
		if reply.Points != nil {
			m.points.told(now, *reply.Points, m.budget.underway()-1)
		}
		if failure := reply.Err; failure != nil {
			switch {
			case failure.Kind == Rest && failure.Class == batchMethod:
				m.uses.refused(batchMethod, now, failure.Until)
			case failure.Kind == Rest:
				m.uses.refused(kinds[i], now, failure.Until)
			}
			full = full || failure.Kind == Full
			after = max(after, failure.After)
			if failure.Kind == Unclear || failure.Kind == Retry {
				failed++
			}
		}
	}
	if first := replies[0]; len(replies) > 1 && (!first.BatchResetAt.IsZero() || !inner) {
		// A platform that accounts the inner methods does not account the batch again; one that tells nothing may account either.
		m.uses.answered(batchMethod, now, busy, first.BatchOperating, first.BatchResetAt)
	}
	m.budget.took(now.Sub(began))
	switch {
	case full:
		m.budget.fill(now, shake)
		if told := now.Add(after); told.After(m.budget.pause) {
			m.budget.pause = told
		}
	case failed == len(replies):
		m.budget.failures++
		m.budget.pause = now.Add(backoff(250*time.Millisecond, m.budget.failures-1, shake))
	default:
		m.budget.failures, m.budget.fulls, m.budget.pause = 0, 0, time.Time{}
	}
}

// memory is what a lane's sender learned, as stored with the lane.
type memory struct {
	Uses     uses                     `json:"uses,omitempty"`
	Points   points                   `json:"points,omitzero"`
	Expected map[string]time.Duration `json:"expected,omitempty"`
	Fulls    int                      `json:"fulls,omitempty"`
	Slow     time.Duration            `json:"slow,omitempty"`
}

func (m *mind) memory() memory {
	return memory{Uses: m.uses, Points: m.points, Expected: m.expected, Fulls: m.budget.fulls, Slow: m.budget.slow}
}

func (m *mind) remember(s memory) {
	m.uses, m.points, m.expected, m.budget.fulls, m.budget.slow = s.Uses, s.Points, s.Expected, s.Fulls, s.Slow
}

func (m memory) encode() (string, error) {
	raw, err := json.Marshal(m)
	return string(raw), err
}

func decodeMemory(raw []byte) memory {
	var m memory
	if json.Unmarshal(raw, &m) != nil { // of an older version: learned anew
		m = memory{}
	}
	if m.Uses == nil {
		m.Uses = uses{}
	}
	if m.Expected == nil {
		m.Expected = expectations{}
	}
	return m
}
