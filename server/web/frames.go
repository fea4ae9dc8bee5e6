package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"omni/placements"
	"omni/server/account"
	"omni/server/account/proof"
	"omni/server/account/session"
	"omni/server/bitrix24"
	"omni/server/ids"
	"omni/server/store"
)

// opening is a proven opening of a frame.
type opening struct {
	proof.Opened
	frame *bitrix24.FramePOST
	lang  string
}

// frame proves who opens a frame and serves what open decides. What is not proven gets a page that says so, and changes nothing.
func (s *Server) frame(open func(c *fiber.Ctx, o opening) error) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Locals(frameKey, true)
		body, err := small(c, smallBody)
		if err != nil {
			return err
		}
		f, err := bitrix24.ParseFrame(c.Context().QueryArgs().QueryString(), body)
		if err != nil {
			return s.refuse(c, http.StatusBadRequest, "form")
		}
		opened, err := s.Proof.Frame(c.UserContext(), f)
		if err != nil && store.Unavailable(err) {
			return err // waited out; when it takes too long, fail serves the page
		}
		if err != nil {
			p := problemOf(proofProblem(err))
			s.Log.Warn("frame refused", "placement", f.Placement, "domain", f.Domain, "error", err)
			return s.refuse(c, p.Status, p.Code)
		}
		lang := f.Lang
		if lang == "" {
			lang = opened.Portal.Language
		}
		return open(c, opening{Opened: opened, frame: f, lang: lang})
	}
}

// proofProblem maps what proofs answer.
func proofProblem(err error) error {
	switch {
	case errors.Is(err, proof.ErrNotProven):
		return problem(http.StatusForbidden, "frame_refused")
	case errors.Is(err, proof.ErrNotInstalled):
		return problem(http.StatusForbidden, "not_installed")
	case errors.Is(err, account.ErrElsewhere):
		return err
	}
	var e *bitrix24.Error
	if errors.As(err, &e) {
		return problem(http.StatusServiceUnavailable, "portal_slow")
	}
	return err
}

// refuse serves a page with one sentence.
func (s *Server) refuse(c *fiber.Ctx, status int, code string) error {
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	return c.Status(status).SendString("<!doctype html><meta charset=utf-8><title>OMNI</title><body style=\"font:16px sans-serif;padding:32px;color:#525c69\">" +
		html.EscapeString(s.text(langOf(c), "problem."+code)))
}

func (s *Server) openInstaller(c *fiber.Ctx, o opening) error {
	return s.page(c, o, "install", map[string]any{"admin": o.Admin, "reinstall": o.Portal.Finished})
}

// openApp is the app's main page: the installer while it is not finished, the cabinet for an administrator, the workplace for others.
func (s *Server) openApp(c *fiber.Ctx, o opening) error {
	if o.Admin {
		return s.page(c, o, "cabinet", map[string]any{"placement": o.frame.Placement})
	}
	return s.page(c, o, "workplace", map[string]any{"placement": o.frame.Placement})
}

func (s *Server) openPlacement(c *fiber.Ctx, o opening) error {
	p, known := placements.Find(c.Params("name"))
	if !known {
		return s.refuse(c, http.StatusNotFound, "not_found")
	}
	about := map[string]any{"placement": p.Code}
	if p.Entity != "" {
		id, err := strconv.ParseInt(o.frame.Option("ID"), 10, 64)
		if err == nil && id > 0 {
			about["entity_type"], about["entity_id"] = p.Entity, id
		}
	}
	if p.Page == "connector" {
		about["line"], about["connector"], about["active"] = o.frame.Option("LINE"), o.frame.Option("CONNECTOR"), o.frame.Option("STATUS") == "true"
		if !o.Admin {
			return s.refuse(c, http.StatusForbidden, "not_admin")
		}
	}
	return s.page(c, o, p.Page, about)
}

// boot is what a page is told (design section 6).
type boot struct {
	Session string         `json:"session"`
	Page    string         `json:"page"`
	API     string         `json:"api"`
	WS      string         `json:"ws"`
	Lang    string         `json:"lang"`
	Context map[string]any `json:"context"`
}

// page serves a built page with its boot data. Only this very portal may frame it.
func (s *Server) page(c *fiber.Ctx, o opening, name string, about map[string]any) error {
	token, _, err := s.issue(c.UserContext(), o.Opened, o.lang)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(boot{Session: token, Page: name, API: "/api/v1", WS: "/ws", Lang: o.lang, Context: about})
	if err != nil {
		return err
	}
	// json.Marshal escapes <, > and &, so the data cannot leave its element.
	script := `<script type="application/json" id="omni-boot">` + string(raw) + `</script>`
	document := s.pages[name]
	if document == "" {
		document = "<!doctype html><html><head><meta charset=utf-8></head><body></body></html>"
	}
	document = strings.Replace(document, "</head>", script+"</head>", 1)
	origin := originOf(o.Portal.ClientEndpoint)
	c.Set("Content-Security-Policy", "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; media-src 'self' blob:; font-src 'self' data:; "+
		"connect-src 'self' ws: wss: "+origin+"; frame-ancestors 'self' "+origin)
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Send(bytes.TrimSpace([]byte(document)))
}

// issue makes a browser session for a proven person.
func (s *Server) issue(ctx context.Context, o proof.Opened, lang string) (string, time.Time, error) {
	rights, err := s.Accounts.Rights(ctx, o.Portal.Account)
	if err != nil {
		return "", time.Time{}, err
	}
	return s.Sessions.Issue(session.Person{Account: o.Portal.Account, Portal: o.Portal.ID, User: o.User, Admin: o.Admin, Name: o.Name, Lang: lang, Rights: rights})
}

// originOf is the scheme and host of an address.
func originOf(endpoint string) string {
	scheme, rest, found := strings.Cut(endpoint, "://")
	if !found {
		return ""
	}
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// number reads a number of the path; anything else is nothing that exists.
func number[T ids.PortalID | ids.ChatID | ids.MessageID | ids.CommandID | ids.B24UserID | ids.B24LineID | int64](c *fiber.Ctx, name string) (T, error) {
	n, err := strconv.ParseInt(c.Params(name), 10, 64)
	if err != nil || n <= 0 {
		return 0, fiber.ErrNotFound
	}
	return T(n), nil
}
