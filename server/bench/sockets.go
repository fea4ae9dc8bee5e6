package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/relay"
)

// sockets compares the memory of idle sockets, and the way of a frame to all of them, with a bare gorilla hub. The clients are raw connections without
// a goroutine while memory is counted, so that it is the servers'.
func (s *stand) sockets(ctx context.Context, t *town) ([]figure, error) {
	bare, err := newBareHub(ctx)
	if err != nil {
		return nil, err
	}
	defer bare.close()
	yard, err := s.crowd(ctx, bare.address, "", func(_ context.Context, text string) error { bare.send("", []byte(text)); return nil })
	if err != nil {
		return nil, fmt.Errorf("bare hub: %w", err)
	}
	notifier := s.db.NewNotifier(hintChannel)
	hinting, stop := context.WithCancel(ctx)
	defer stop()
	go func() { _ = notifier.Run(hinting) }()
	hub := relay.NewHub(s.db, clock.System{}, s.log, notifier)
	account := ids.AccountID(t.account)
	own, err := s.crowd(ctx, t.address, `{"type":"hello","session":"`+t.session+`"}`, func(ctx context.Context, text string) error {
		err := s.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
			return relay.Append(ctx, tx, account, time.Now(), relay.Event{Name: "bench", Data: map[string]any{"text": text}})
		})
		hub.Grew(account)
		return err
	})
	if err != nil {
		return nil, err
	}
	p50, p99 := spread(own.took)
	_, bare99 := spread(yard.took)
	return []figure{
		{Name: "memory per idle socket", Value: own.memory / 1024, Unit: "KB", Yardstick: yard.memory / 1024, Goal: "≤ 1.3 × a bare gorilla hub", Note: fmt.Sprintf(
			"%d sockets; heap and stacks after a collection; each has two goroutines; the yardstick's also a queue of 256 frames and a write buffer, the product's are there only while it writes", s.size.sockets), Limit: "goroutines' stacks"},
		{Name: fmt.Sprintf("fan-out to %d sockets, p99", s.size.sockets), Value: inMS(p99), Yardstick: inMS(bare99), Unit: "ms", P50: inMS(p50), P99: inMS(p99), Goal: "≤ 1.5 × a bare gorilla hub", Limit: "processor: a write per socket",
			Note: "the product's begins before the event is written to the feed and goes over NOTIFY as from another server (5 ms of gathering); limited by one write call per socket, and the readers' share of the processors"},
	}, nil
}

// crowded is what a crowd of sockets showed.
type crowded struct {
	memory float64 // bytes per socket
	took   []time.Duration
}

// crowd opens many sockets, weighs them, and sends frames to all of them.
func (s *stand) crowd(ctx context.Context, address, hello string, send func(ctx context.Context, text string) error) (crowded, error) {
	var out crowded
	conns := make([]net.Conn, 0, s.size.sockets)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	before := weigh()
	for range s.size.sockets {
		conn, err := dial(ctx, address, "", hello)
		if err != nil {
			return out, fmt.Errorf("open socket %d: %w", len(conns), err)
		}
		conns = append(conns, conn)
	}
	out.memory = (weigh() - before) / float64(len(conns))
	var mu sync.Mutex
	var readers sync.WaitGroup
	arrived := make(chan struct{}, len(conns))
	for _, conn := range conns {
		readers.Go(func() {
			frames(conn, func(raw []byte) {
				now := time.Now()
				found := stamp.FindSubmatch(raw)
				if found == nil {
					return
				}
				at, err := strconv.ParseInt(string(found[1]), 10, 64)
				if err != nil {
					return
				}
				mu.Lock()
				out.took = append(out.took, now.Sub(time.Unix(0, at)))
				mu.Unlock()
				arrived <- struct{}{}
			})
		})
	}
	err := s.waves(ctx, len(conns), arrived, send)
	for _, conn := range conns {
		_ = conn.Close()
	}
	readers.Wait()
	return out, err
}

// waves sends one frame after the other, each when the one before has reached everybody.
func (s *stand) waves(ctx context.Context, n int, arrived <-chan struct{}, send func(ctx context.Context, text string) error) error {
	for range s.size.rounds {
		if err := send(ctx, fmt.Sprintf("at:%d: %s", time.Now().UnixNano(), strings.Repeat("x", 200))); err != nil {
			return err
		}
		late := time.NewTimer(patience)
		for i := range n {
			select {
			case <-arrived:
			case <-late.C:
				return fmt.Errorf("a frame reached %d of %d sockets", i, n)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		late.Stop()
	}
	return nil
}

// weigh is the memory in use, heap and stacks.
func weigh() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

var switched = regexp.MustCompile(`^HTTP/1\.1 101 `)

// dial opens a WebSocket by hand: no buffers stay behind. With a hello it waits for the server's answer, too.
func dial(ctx context.Context, address, query, hello string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(conn, "GET /ws"+query+" HTTP/1.1\r\nHost: "+address+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if err == nil {
		err = answered(conn)
	}
	if err == nil && hello != "" {
		if _, err = conn.Write(masked(hello)); err == nil {
			_, err = readFrame(conn)
		}
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, conn.SetDeadline(time.Time{})
}

// answered reads the server's handshake byte by byte: nothing after it may be swallowed.
func answered(conn net.Conn) error {
	var head []byte
	one := make([]byte, 1)
	for !strings.HasSuffix(string(head), "\r\n\r\n") {
		if _, err := conn.Read(one); err != nil {
			return err
		}
		head = append(head, one[0])
	}
	if !switched.Match(head) {
		return fmt.Errorf("no upgrade: %.60s", head)
	}
	return nil
}

// masked is a client's text frame of less than 64 KB, with a mask of zeros (RFC 6455, 5.2).
func masked(text string) []byte {
	out := []byte{0x81, 0x80 | 126, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(out[2:], uint16(len(text))) //nolint:gosec // a session is short
	return append(out, text...)
}

// readFrame reads one frame of a server.
func readFrame(r io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int(head[1] & 0x7f)
	switch n {
	case 126:
		var more [2]byte
		if _, err := io.ReadFull(r, more[:]); err != nil {
			return nil, err
		}
		n = int(binary.BigEndian.Uint16(more[:]))
	case 127:
		return nil, errors.New("a frame of more than 64 KB")
	}
	raw := make([]byte, n)
	_, err := io.ReadFull(r, raw)
	return raw, err
}

// frames reads until the connection ends.
func frames(conn net.Conn, take func([]byte)) {
	r := bufio.NewReaderSize(conn, 512)
	for {
		raw, err := readFrame(r)
		if err != nil {
			return
		}
		take(raw)
	}
}

// bareHub is the yardstick: gorilla's own chat example, a goroutine for each direction and a queue of 256 frames per socket.
type bareHub struct {
	address string
	server  *http.Server
	mu      sync.Mutex
	rooms   map[string]map[chan []byte]bool // by what the address asks for
	// other handles what is no socket.
	other http.Handler
}

func newBareHub(ctx context.Context) (*bareHub, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	h := &bareHub{address: listener.Addr().String(), rooms: map[string]map[chan []byte]bool{}}
	h.server = &http.Server{Handler: http.HandlerFunc(h.serve), ReadHeaderTimeout: patience}
	go func() { _ = h.server.Serve(listener) }()
	return h, nil
}

func (h *bareHub) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/ws" {
		h.other.ServeHTTP(w, r)
		return
	}
	room := r.URL.RawQuery
	up := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	queue := make(chan []byte, 256)
	h.mu.Lock()
	if h.rooms[room] == nil {
		h.rooms[room] = map[chan []byte]bool{}
	}
	h.rooms[room][queue] = true
	h.mu.Unlock()
	go func() {
		defer func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			delete(h.rooms[room], queue)
			close(queue)
		}()
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	go func() {
		defer func() { _ = ws.Close() }()
		for frame := range queue {
			if err := ws.WriteMessage(websocket.TextMessage, frame); err != nil {
				return
			}
		}
	}()
}

func (h *bareHub) send(room string, frame []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for queue := range h.rooms[room] {
		queue <- frame
	}
}

func (h *bareHub) close() { _ = h.server.Close() }
