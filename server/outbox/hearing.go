package outbox

import "time"

// hearing is what there was of a kind of command lately.
type hearing struct {
	left  time.Time // when the newest request left that carried it
	began time.Time // when the newest answered one left
	at    time.Time // when that was answered
}

// surely is for how long an answer tells what a kind takes.
const surely = 2 * time.Second

// sure tells whether what a kind is expected to take can be relied on: it was heard of lately, and nothing is under way that may tell otherwise.
func (h hearing) sure(now time.Time) bool {
	return !h.at.IsZero() && now.Sub(h.at) <= surely && !h.left.After(h.began)
}

// attend forgets the kinds of which nothing waits and nothing is under way: when they come again the platform may have become slower with them.
func (m *mind) attend(heads []head) {
	waiting := make(map[string]bool, len(m.heard))
	for _, h := range heads {
		waiting[h.kind] = true
	}
	for kind, h := range m.heard {
		if !waiting[kind] && !h.left.After(h.began) {
			delete(m.heard, kind)
		}
	}
}

// leave notes a request that leaves now.
func (m *mind) leave(now time.Time, picked []head) {
	if m.heard == nil {
		m.heard = map[string]hearing{}
	}
	for _, p := range picked {
		h := m.heard[p.kind]
		h.left = now
		m.heard[p.kind] = h
	}
}

// hear notes an answer to a request that left at began.
func (m *mind) hear(now, began time.Time, kind string) {
	if h, left := m.heard[kind]; left && !began.Before(h.began) {
		h.began, h.at = began, now
		m.heard[kind] = h
	}
}
