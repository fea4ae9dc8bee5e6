package relay

import (
	"strconv"
	"sync"

	"omni/server/ids"
)

// Audience is who listens at a socket and what he may see.
type Audience struct {
	User     ids.B24UserID
	Employee ids.UISEmployeeID
	// Chats: he may see new chats and his own; without it only events about nobody's chat that are not chats at all.
	Chats bool
	// Others: he may see the chats of other employees too.
	Others bool
}

// TypingNotice says that a person writes in a chat.
type TypingNotice struct {
	Chat ids.ChatID    `json:"chat"`
	User ids.B24UserID `json:"user"`
	Name string        `json:"name"`
}

// End says why a subscription ended.
type End int

// The ends of a subscription. EndTooSlow: the page was too far behind and resumes. EndGoingAway: the server stops.
const (
	EndNone End = iota
	EndTooSlow
	EndGoingAway
)

// Socket is one subscription: a bounded queue of frames that takes memory only while it holds some. A page that does not keep up is cut off, never
// waited for.
type Socket struct {
	hub     *Hub
	account ids.AccountID
	who     Audience

	mu     sync.Mutex
	seq    int64
	opened bool
	early  []earlyFrame
	ended  End
	frames [][]byte
	ready  chan struct{}
	done   chan struct{}
}

// queueFrames bounds the queue; the backlog is up to bufferFrames, and there are a few frames besides.
const queueFrames = bufferFrames + 8

// earlyFrame is a live frame that arrived before the backlog was read.
type earlyFrame struct {
	seq   int64
	frame []byte
}

func newSocket(h *Hub, account ids.AccountID, who Audience) *Socket {
	return &Socket{hub: h, account: account, who: who, ready: make(chan struct{}, 1), done: make(chan struct{})}
}

// Ready has something when frames wait.
func (s *Socket) Ready() <-chan struct{} { return s.ready }

// Take empties the queue: the messages to write to the page, in order.
func (s *Socket) Take() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames := s.frames
	s.frames = nil
	return frames
}

// Done is closed when the subscription ended; End tells why.
func (s *Socket) Done() <-chan struct{} { return s.done }

// End tells why the subscription ended.
func (s *Socket) End() End {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// Leave ends the subscription from the page's side.
func (s *Socket) Leave() {
	s.hub.leave(s)
	s.end(EndNone)
}

func (s *Socket) end(why End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(why)
}

func (s *Socket) endLocked(why End) {
	select {
	case <-s.done:
	default:
		s.ended = why
		close(s.done)
	}
}

// open queues the backlog and whatever came live meanwhile, each number once.
func (s *Socket) open(seq int64, reload bool, missed []Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push([]byte(`{"type":"ready","seq":` + strconv.FormatInt(seq, 10) + `}`))
	if reload {
		s.push([]byte(`{"type":"reload"}`))
	}
	frames := encode(missed)
	for i, e := range missed {
		if s.sees(e) {
			s.push(frames[i])
		}
	}
	s.seq, s.opened = seq, true
	for _, e := range s.early {
		if e.seq > s.seq {
			s.seq = e.seq
			s.push(e.frame)
		}
	}
	s.early = nil
}

// deliver queues live entries; what the page has already is left out.
func (s *Socket) deliver(entries []Entry, frames [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range entries {
		if !s.sees(e) {
			continue
		}
		if !s.opened {
			s.early = append(s.early, earlyFrame{e.Seq, frames[i]})
			if len(s.early) > bufferFrames {
				s.endLocked(EndTooSlow)
			}
			continue
		}
		if e.Seq > s.seq {
			s.seq = e.Seq
			s.push(frames[i])
		}
	}
}

// Pong answers a page's own ping.
func (s *Socket) Pong() { s.hint([]byte(`{"type":"pong"}`)) }

// hint queues a frame that may be dropped.
func (s *Socket) hint(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue(frame)
}

// push queues a frame that may not be missed; the caller holds the lock.
func (s *Socket) push(frame []byte) {
	if !s.queue(frame) {
		s.endLocked(EndTooSlow)
	}
}

func (s *Socket) queue(frame []byte) bool {
	if len(s.frames) >= queueFrames {
		return false
	}
	s.frames = append(s.frames, frame)
	select {
	case s.ready <- struct{}{}:
	default:
	}
	return true
}

// sees tells whether the person may get an entry. A chat that moves to somebody else is announced to everybody who could see
// it before: that entry carries no employee.
func (s *Socket) sees(e Entry) bool {
	if !isChat(e.Name) {
		return true
	}
	return s.who.Chats && (e.Employee == 0 || e.Employee == s.who.Employee || s.who.Others)
}

func isChat(name string) bool {
	switch name {
	case "chat.added", "chat.changed", "message.added", "message.changed":
		return true
	}
	return false
}

// encode makes the frames of entries, once for all sockets. The data are the database's own JSON.
func encode(entries []Entry) [][]byte {
	frames := make([][]byte, len(entries))
	for i, e := range entries {
		frame := make([]byte, 0, len(e.Data)+len(e.Name)+64)
		frame = append(frame, `{"type":"event","seq":`...)
		frame = strconv.AppendInt(frame, e.Seq, 10)
		frame = append(frame, `,"name":`...)
		frame = strconv.AppendQuote(frame, e.Name) // plain ASCII
		frame = append(frame, `,"data":`...)
		frame = append(frame, e.Data...)
		frames[i] = append(frame, '}')
	}
	return frames
}
