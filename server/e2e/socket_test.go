package e2e_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// frame is what a page gets over its socket.
type frame struct {
	Type string
	Seq  int64
	Name string
	Data struct {
		Message *message
		Chat    *chat
		// of line.changed
		Line    int
		Channel *int64
		Changed bool
	}
}

// page is an open workplace: it reads the feed, and after a loss connects again with the last number it saw.
type page struct {
	n       *tenant
	session func() string
	over    chan struct{}
	done    sync.WaitGroup
	mu      sync.Mutex
	conn    *websocket.Conn
	ready   int
	first   int64      // the number it began at
	told    int64      // by the last ready
	skipped [][2]int64 // what it was told to read anew: after the one number, up to the other
	last    int64
	frames  []frame
}

func (n *tenant) listen(session string) *page {
	n.t.Helper()
	p := n.watch(func() string { return session })
	n.t.Cleanup(p.leave)
	eventually(n.t, "the socket is ready", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.ready > 0 })
	return p
}

// watch opens a page that asks for a session whenever it connects.
func (n *tenant) watch(session func() string) *page {
	p := &page{n: n, session: session, over: make(chan struct{}), last: -1}
	p.done.Add(1)
	go p.run()
	return p
}

func (p *page) run() {
	defer p.done.Done()
	for {
		p.connect()
		select {
		case <-p.over:
			return
		case <-time.After(look):
		}
	}
}

func (p *page) connect() {
	session := p.session()
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+p.n.w.gate.address+"/ws", nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	p.mu.Lock()
	p.conn = conn
	hello := map[string]any{"type": "hello", "session": session}
	if p.last >= 0 {
		hello["after"] = p.last
	}
	p.mu.Unlock()
	select {
	case <-p.over:
		return
	default:
	}
	if conn.WriteJSON(hello) != nil {
		return
	}
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			return
		}
		var f frame
		if err := json.Unmarshal(raw, &f); err != nil {
			p.n.t.Errorf("a frame that the page cannot read: %v: %s", err, raw)
			continue
		}
		p.take(f)
	}
}

func (p *page) take(f frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch f.Type {
	case "ready":
		p.ready++
		if p.last < 0 {
			p.last, p.first = f.Seq, f.Seq
		}
		p.told = f.Seq
		return
	case "reload": // the page reads its lists anew and goes on from here
		p.skipped = append(p.skipped, [2]int64{p.last, p.told})
		p.last = p.told
	case "event":
		p.last = f.Seq
	}
	p.frames = append(p.frames, f)
}

func (p *page) leave() {
	p.mu.Lock()
	select {
	case <-p.over:
	default:
		close(p.over)
	}
	if p.conn != nil {
		_ = p.conn.Close()
	}
	p.mu.Unlock()
	p.done.Wait()
}

func (p *page) count(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, f := range p.frames {
		if f.Name == name {
			n++
		}
	}
	return n
}

// texts are the clients' messages in the order in which they came.
func (p *page) texts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, f := range p.frames {
		if f.Name == "message.added" && f.Data.Message.Side == "client" {
			out = append(out, f.Data.Message.Text)
		}
	}
	return out
}

// rising asserts that the numbers of events never go back or repeat.
func (p *page) rising(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	last := int64(-1)
	for _, f := range p.frames {
		require.NotEqual(t, "reload", f.Type)
		if f.Type == "event" {
			require.Greater(t, f.Seq, last)
			last = f.Seq
		}
	}
}

// TestSocketOrderAndEnd: a page hears of a chat before its messages, and a socket without a good session is closed with 4401.
func TestSocketOrderAndEnd(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	p := n.listen(n.operator)
	s := newStory(n)
	s.write()
	s.see()
	s.reply()
	w.rest()
	eventually(t, "question and answer are there", func() bool { return p.count("message.added") >= 2 })
	p.leave()
	p.rising(t)
	known := map[int64]bool{}
	for _, f := range p.frames {
		switch f.Name {
		case "chat.added", "chat.changed":
			known[f.Data.Chat.ID] = true
		case "message.added", "message.changed":
			require.True(t, known[f.Data.Message.Chat], "the chat comes first")
		}
	}
	for name, session := range map[string]string{"none": "", "forged": n.operator[:len(n.operator)-6] + "AAAAAA"} {
		conn, _, err := websocket.DefaultDialer.Dial("ws://"+w.gate.address+"/ws", nil)
		require.NoError(t, err)
		require.NoError(t, conn.WriteJSON(map[string]any{"type": "hello", "session": session}))
		_, _, err = conn.ReadMessage()
		require.True(t, websocket.IsCloseError(err, 4401), "%s: %v", name, err)
		_ = conn.Close()
	}
	w.clean()
}
