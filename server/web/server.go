package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/websocket"

	"omni/placements"
	"omni/server/account"
	"omni/server/account/proof"
	"omni/server/account/session"
	"omni/server/bitrix24"
	"omni/server/clock"
	"omni/server/files"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/openlines"
	"omni/server/outbox"
	"omni/server/relay"
	"omni/server/store"
	"omni/server/telephony/numbers"
	"omni/server/why"
	"omni/server/workplace"
)

const (
	// smallBody is the limit of every body that is not a file.
	smallBody = 1 << 20
	// shutdownFor is how long open requests may take when the server stops.
	shutdownFor = 10 * time.Second
)

// Texts finds sentences.
type Texts interface {
	Text(lang, key string, args ...any) string
	Languages() []string
}

// Options are the parts of the server.
type Options struct {
	Log       *slog.Logger
	Clock     clock.Clock
	DB        *store.DB
	Texts     Texts
	Listen    string
	PublicURL string
	// Pages is the built frontend: {page}.html and assets.
	Pages      fs.FS
	Accounts   *account.Accounts
	Proof      *proof.Prover
	Sessions   *session.Signer
	B24        *bitrix24.Client
	Installer  *placements.Installer
	UIS        UIS
	Staff      Staff
	Intake     *inbox.Intake
	WakeKey    func(ids.AccountID, ids.Key)
	Outbox     *outbox.Outbox
	Hub        *relay.Hub
	Files      *files.Store
	Links      *files.Links
	Workplace  *workplace.Service
	Lines      *openlines.Desk
	Why        *why.Room
	ClientID   string
	FileLimit  int64
	Background func(name string, fn func(ctx context.Context) error)
	// Saved hears that an account's settings were saved.
	Saved func(account ids.AccountID)
	// Resume wakes the lane of a portal that works.
	Resume func(ctx context.Context, p account.Portal) error
	// CheckPayment queues a look at whether a portal's app is paid.
	CheckPayment func(ctx context.Context, p account.Portal) error
	// Numbers tells scenarios of UIS whom a call belongs to.
	Numbers *numbers.Finder
}

// Server serves the public address.
type Server struct {
	Options
	app      *fiber.App
	pages    map[string]string
	upgrader *websocket.Upgrader
	away     *store.Patience
}

// New builds the server and its routes.
func New(o Options) (*Server, error) {
	s := &Server{Options: o, pages: map[string]string{}, upgrader: newUpgrader(), away: store.NewPatience(patience, patienceMost)}
	for _, page := range []string{"cabinet", "workplace", "connector", "install"} {
		raw, err := fs.ReadFile(o.Pages, page+".html")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read page %s: %w", page, err)
		}
		s.pages[page] = string(raw)
	}
	s.app = fiber.New(fiber.Config{
		AppName: "omni", DisableStartupMessage: true, ErrorHandler: s.fail,
		// fasthttp reuses its buffers: what a handler takes out is a copy of its own.
		Immutable: true,
		// Large bodies are streamed; every route but the upload reads its body through small().
		StreamRequestBody: true, BodyLimit: smallBody,
		ReadTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute,
		ReadBufferSize: 16 << 10,
	})
	s.app.Server().KeepHijackedConns = true // see socket
	if err := s.routes(); err != nil {
		return nil, err
	}
	return s, nil
}

// App is the Fiber application, for tests.
func (s *Server) App() *fiber.App { return s.app }

// Run listens until ctx ends, then lets open requests finish.
func (s *Server) Run(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.Listen, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.app.Listener(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", s.Listen, err)
	case <-ctx.Done():
		return s.app.ShutdownWithTimeout(shutdownFor)
	}
}

// small reads a body of at most limit bytes, streamed or not.
func small(c *fiber.Ctx, limit int) ([]byte, error) {
	if raw, read := c.Locals(bodyKey).([]byte); read { // the request runs again
		return raw, nil
	}
	if n := c.Request().Header.ContentLength(); n > limit {
		return nil, problem(http.StatusRequestEntityTooLarge, "body_too_large")
	}
	var raw []byte
	if stream := c.Context().RequestBodyStream(); stream != nil {
		var err error
		if raw, err = io.ReadAll(io.LimitReader(stream, int64(limit)+1)); err != nil {
			return nil, problem(http.StatusBadRequest, "request")
		}
	} else {
		raw = append(raw, c.Request().Body()...)
	}
	if len(raw) > limit {
		return nil, problem(http.StatusRequestEntityTooLarge, "body_too_large")
	}
	c.Locals(bodyKey, raw)
	return raw, nil
}

// input reads a JSON body into v; an empty one leaves v as it is.
func input(c *fiber.Ctx, v any) error {
	raw, err := small(c, smallBody)
	if err != nil {
		return err
	}
	return decode(raw, v)
}

// decode reads JSON; a field of a wrong type is named.
func decode(raw []byte, v any) error {
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return badField("/"+strings.ReplaceAll(wrong.Field, ".", "/"), "type")
		}
		return problem(http.StatusBadRequest, "json")
	}
	return nil
}

// langOf is the language of the person who asks.
func langOf(c *fiber.Ctx) string {
	if p, ok := c.Locals(personKey).(*person); ok {
		return p.Lang
	}
	if lang := c.Query("LANG"); lang != "" {
		return strings.ToLower(lang)
	}
	lang, _, _ := strings.Cut(c.Get(fiber.HeaderAcceptLanguage), ",")
	lang, _, _ = strings.Cut(lang, "-")
	return lang
}
