package web

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"omni/server/account"
	"omni/server/jobs"

	_ "embed" // the page at the end of a consent
)

//go:embed consent/page.html
var consentHTML string

//go:embed consent/page.js
var consentJS []byte

// consentScript is where the page finds its script: its policy allows none inside the page.
const consentScript = "/bitrix24/oauth/consent.js"

var consentTemplate = template.Must(template.New("consent").Parse(consentHTML))

// consented ends "Add credentials" and the round arrow's consent: the portal sent the person back (P1, P1a, P2). A refusal changes nothing and says so.
func (s *Server) consented(c *fiber.Ctx) error {
	state, code := c.Query("state"), c.Query("code")
	if state == "" || code == "" {
		return s.consentPage(c, http.StatusBadRequest, "consent.none")
	}
	p, err := s.Accounts.Consent(c.UserContext(), state, code, c.Query("server_domain"))
	switch {
	case errors.Is(err, account.ErrConsent):
		return s.consentPage(c, http.StatusForbidden, "problem.consent_over")
	case errors.Is(err, account.ErrElsewhere):
		return s.consentPage(c, http.StatusConflict, "problem.portal_elsewhere")
	case errors.Is(err, account.ErrNotAdmin):
		return s.consentPage(c, http.StatusForbidden, "problem.not_admin")
	case err != nil:
		s.Log.Warn("consent failed", "error", err)
		return s.consentPage(c, http.StatusBadGateway, "consent.failed")
	}
	s.Background("bind placements", func(ctx context.Context) error {
		_, err := s.Installer.Repair(ctx, p, p.Language)
		return err
	})
	s.Background("read lists after a consent", func(ctx context.Context) error {
		_, err := s.Staff.Refresh(ctx, p.Account, p.ID)
		if errors.Is(err, jobs.ErrRunning) {
			return nil // another one follows it
		}
		return err
	})
	return s.consentPage(c, http.StatusOK, "consent.closes")
}

// consentPage says how it went; a connected one closes by itself (P1a). A refusal's sentence is followed by what it means.
func (s *Server) consentPage(c *fiber.Ctx, status int, key string) error {
	lang := langOf(c)
	page := struct{ Lang, State, Title, Text, Stays, Close string }{Lang: lang, State: "refused", Title: s.Texts.Text(lang, "consent.refused"), Text: s.Texts.Text(lang, key),
		Stays: s.Texts.Text(lang, "consent.stays"), Close: s.Texts.Text(lang, "consent.close")}
	if status == http.StatusOK {
		page.State, page.Title = "done", s.Texts.Text(lang, "consent.done")
	}
	var out bytes.Buffer
	if err := consentTemplate.Execute(&out, page); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	return c.Status(status).Send(out.Bytes())
}

// consentPageScript serves the page's script. It has no name of its own version, so it is asked for again after an hour.
func (s *Server) consentPageScript(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, "text/javascript; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
	return c.Send(consentJS)
}
