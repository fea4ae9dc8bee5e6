package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/websocket"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"omni/server/ids"
	"omni/server/relay"
)

// Close codes of design section 6.
const (
	closeSessionOver = 4401
	closeNoRight     = 4403
	closeTooSlow     = 4408
)

const (
	helloWait  = 10 * time.Second
	writeWait  = 10 * time.Second
	pongWait   = 60 * time.Second
	pingEvery  = 25 * time.Second
	frameLimit = 16 << 10
	// readBuffer is what a socket holds for reading all its life: pages say little.
	readBuffer = 256
	// writeBuffer is lent to a socket while it writes.
	writeBuffer = 4 << 10
)

// newUpgrader checks no origin: the session in the first message is the proof, no cookie goes along.
func newUpgrader() *websocket.Upgrader {
	return &websocket.Upgrader{ReadBufferSize: readBuffer, WriteBufferSize: writeBuffer, WriteBufferPool: &sync.Pool{},
		CheckOrigin: func(*http.Request) bool { return true }, Subprotocols: []string{"omni"}}
}

// hijacked lets gorilla take a fasthttp connection over.
type hijacked struct {
	header http.Header
	conn   net.Conn
}

func (h *hijacked) Header() http.Header         { return h.header }
func (h *hijacked) Write(p []byte) (int, error) { return h.conn.Write(p) }
func (h *hijacked) WriteHeader(int)             {}

// Hijack implements http.Hijacker.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReaderSize(h.conn, 16), bufio.NewWriterSize(h.conn, 16)), nil
}

// socket upgrades to a WebSocket: one per page.
func (s *Server) socket(c *fiber.Ctx) error {
	if !websocketUpgrade(c) {
		return problem(http.StatusUpgradeRequired, "request")
	}
	var request http.Request
	if err := fasthttpadaptor.ConvertRequest(c.Context(), &request, true); err != nil {
		return problem(http.StatusBadRequest, "request")
	}
	// ConvertRequest keeps references to buffers that fasthttp reuses.
	request.Header = request.Header.Clone()
	c.Context().HijackSetNoResponse(true)
	// The server keeps hijacked connections (New): when this function returns, fasthttp takes its own buffers back, and the socket holds the bare connection.
	c.Context().Hijack(func(conn net.Conn) {
		if kept, ok := conn.(interface{ UnsafeConn() net.Conn }); ok {
			conn = kept.UnsafeConn()
		}
		ws, err := s.upgrader.Upgrade(&hijacked{header: http.Header{}, conn: conn}, &request, nil)
		if err != nil {
			_ = conn.Close()
			return
		}
		go s.serveSocket(ws)
	})
	return nil
}

func websocketUpgrade(c *fiber.Ctx) bool {
	return strings.EqualFold(c.Get(fiber.HeaderUpgrade), "websocket")
}

// hello is the page's first message. After is the last number it saw; absent: from now on.
type hello struct {
	Type    string     `json:"type"`
	Session string     `json:"session"`
	After   *int64     `json:"after"`
	Chat    ids.ChatID `json:"chat"`
}

// serveSocket lets a page in, or closes its socket. Its stack grows by what that takes; the goroutines that live as long as the socket begin anew.
func (s *Server) serveSocket(ws *websocket.Conn) {
	ws.SetReadLimit(frameLimit)
	_ = ws.SetReadDeadline(time.Now().Add(helloWait))
	feed, p := s.letIn(ws)
	if feed == nil {
		_ = ws.Close()
		return
	}
	go s.readSocket(ws, feed, p)
	go s.writeSocket(ws, feed)
}

// letIn takes the hello in and joins the feed; nil: the socket was told why not.
func (s *Server) letIn(ws *websocket.Conn) (*relay.Socket, *person) {
	var first hello
	if err := ws.ReadJSON(&first); err != nil || first.Type != "hello" {
		end(ws, websocket.CloseProtocolError, "hello expected")
		return nil, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var p *person
	err := s.away.Wait(ctx, func() error {
		var err error
		p, err = s.personOf(ctx, first.Session)
		return err
	})
	if err != nil {
		code := closeSessionOver
		if problemOf(err).Status >= http.StatusInternalServerError {
			code = websocket.CloseTryAgainLater
		}
		end(ws, code, "session")
		return nil, nil
	}
	after := int64(-1)
	if first.After != nil {
		after = *first.After
	}
	var feed *relay.Socket
	err = s.away.Wait(ctx, func() error {
		var err error
		feed, err = s.Hub.Join(ctx, p.Account, relay.Audience{User: p.User, Employee: p.employee, Chats: true, Others: p.others()}, after)
		return err
	})
	if err != nil {
		end(ws, websocket.CloseTryAgainLater, "not now")
		return nil, nil
	}
	return feed, p
}

// readSocket takes what the page says: typing, and the pongs that keep it alive.
func (s *Server) readSocket(ws *websocket.Conn, feed *relay.Socket, p *person) {
	defer feed.Leave()
	alive := func(string) error { return ws.SetReadDeadline(time.Now().Add(pongWait)) }
	ws.SetPongHandler(alive)
	_ = alive("")
	for {
		_, raw, err := ws.ReadMessage()
		if err != nil {
			return
		}
		_ = alive("")
		var m hello
		if json.Unmarshal(raw, &m) != nil {
			continue
		}
		switch {
		case m.Type == "typing" && m.Chat > 0:
			s.Hub.Typing(p.Account, relay.TypingNotice{Chat: m.Chat, User: p.User, Name: p.Name})
		case m.Type == "ping":
			// A page cannot see the protocol's own pings: it asks in words, to notice a dead link.
			feed.Pong()
		}
	}
}

// writeSocket writes frames in order until the subscription or the connection ends.
func (s *Server) writeSocket(ws *websocket.Conn, feed *relay.Socket) {
	defer func() { _ = ws.Close() }()
	defer feed.Leave()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-feed.Ready():
			_ = ws.SetWriteDeadline(time.Now().Add(writeWait))
			for _, frame := range feed.Take() {
				if err := ws.WriteMessage(websocket.TextMessage, frame); err != nil {
					return
				}
			}
		case <-ping.C:
			if err := ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait)); err != nil {
				return
			}
		case <-feed.Done():
			switch feed.End() {
			case relay.EndTooSlow:
				end(ws, closeTooSlow, "too slow")
			case relay.EndGoingAway:
				end(ws, websocket.CloseGoingAway, "server stops")
			case relay.EndNone:
			}
			return
		}
	}
}

func end(ws *websocket.Conn, code int, why string) {
	err := ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(writeWait))
	if err != nil && !errors.Is(err, websocket.ErrCloseSent) {
		return
	}
}
