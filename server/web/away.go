package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"omni/server/inbox"
	"omni/server/store"
)

const (
	// patience is how long a request is held while the database is away: a restart takes a few seconds. At most so many are held at once.
	patience     = 10 * time.Second
	patienceMost = 1000
	// retryAfter is what a 503 tells its sender, in seconds.
	retryAfter = "5"
	againKey   = "again"
	bodyKey    = "body"
	frameKey   = "frame"
)

// patiently holds what a platform sends while the database is away; it does not come again.
func (s *Server) patiently(ctx context.Context, try func() error) error {
	err := s.away.Wait(ctx, try)
	if err != nil && store.Unavailable(err) {
		return inbox.ErrBusy
	}
	return err
}

// waitOut runs a request again while the database is away, if that does no harm: what only reads, what carries a client-made id, openings of frames.
func (s *Server) waitOut(c *fiber.Ctx) error {
	if c.Locals(againKey) != nil || !repeatable(c.Method(), c.Path()) {
		return c.Next()
	}
	c.Locals(againKey, true)
	first := true
	return s.away.Wait(c.UserContext(), func() error {
		if first {
			first = false
			return c.Next()
		}
		c.Response().Reset()
		return c.RestartRouting()
	})
}

// repeatable tells which requests may be run twice, as the first run may have been executed although its answer was lost.
func repeatable(method, path string) bool {
	switch method {
	case http.MethodGet, http.MethodHead:
		return path != "/ws"
	case http.MethodPost:
		return path == "/bitrix24/install" || path == "/bitrix24/app" || strings.HasPrefix(path, "/placements/") || path == "/api/v1/session" ||
			path == "/api/v1/chats" || strings.HasPrefix(path, "/api/v1/chats/")
	}
	return false
}
