package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"omni/locales"
	"omni/server/account"
	"omni/server/account/accounttest"
	"omni/server/account/session"
)

// portals are the routes of portals over HTTP with an account of one portal, an administrator of it signed in.
type portals struct {
	*accounttest.Stand
	*Server
	north account.Portal
}

func newPortals(t *testing.T) portals {
	t.Helper()
	texts, err := locales.Load()
	require.NoError(t, err)
	stand := accounttest.New(t, "north", "south")
	c := portals{Stand: stand, north: stand.Opened("north").Portal}
	c.Server = &Server{Options: Options{DB: stand.DB, Clock: stand.Clock, Texts: texts, Accounts: stand.Accounts}}
	c.app = fiber.New(fiber.Config{ErrorHandler: c.fail})
	c.app.Get("/bitrix24/oauth/callback", c.consented)
	c.app.Get(consentScript, c.consentPageScript)
	admin := &person{Person: session.Person{Account: c.north.Account, Portal: c.north.ID, User: 1, Admin: true, Lang: "en"}}
	c.app.Use(func(f *fiber.Ctx) error { f.Locals(personKey, admin); return f.Next() })
	c.app.Post("/portals", c.addPortal)
	c.app.Patch("/portals/:id", c.changePortal)
	return c
}

func (c portals) ask(method, path, body string) (*http.Response, string) {
	c.T.Helper()
	resp, err := c.app.Test(httptest.NewRequestWithContext(c.T.Context(), method, path, strings.NewReader(body)), -1)
	require.NoError(c.T, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(c.T, err)
	return resp, string(raw)
}

// P2: each refusal of an address reaches the field with its own sentence, when a portal is added and when its address is changed; nothing is listed then.
func TestDomainsAreRefusedInWordsP2(t *testing.T) {
	t.Parallel()
	c := newPortals(t)
	for _, row := range []struct{ domain, code, text string }{
		{"http://acme.bitrix24.com", "domain_https", "https://"},
		{"https://10.0.0.5", "domain_private", "Internal"},
		{"https://192.168.1.20:8443", "domain_private", "Internal"},
		{"https://127.0.0.1:9", "domain_private", "Internal"},
		{"https://localhost", "domain_private", "Internal"},
		{"https://acme.bitrix24.com/crm/", "domain_host_only", "address only"},
		{"https://acme.bitrix24.com?a=b", "domain_host_only", "address only"},
		{"intranet", "domain_host_only", "address only"},
		{"   ", "domain_empty", "Enter"},
		{"", "required", ""},
	} {
		body, err := json.Marshal(map[string]any{"domain": row.domain})
		require.NoError(t, err)
		tries := map[string]string{"POST": "/portals", "PATCH": "/portals/1"}
		if row.domain == "" {
			delete(tries, "PATCH") // no new address
		}
		for method, path := range tries {
			resp, raw := c.ask(method, path, string(body))
			require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode, "%s %q: %s", method, row.domain, raw)
			var p Problem
			require.NoError(t, json.Unmarshal([]byte(raw), &p))
			require.Len(t, p.Errors, 1, row.domain)
			require.Equal(t, FieldError{"/domain", row.code, p.Errors[0].Text}, p.Errors[0], row.domain)
			require.Contains(t, p.Errors[0].Text, row.text, row.domain)
			require.NotEqual(t, c.Texts.Text("en", "field.other"), p.Errors[0].Text, row.domain)
		}
	}
	list, err := c.Stand.Accounts.List(t.Context(), c.north.Account)
	require.NoError(t, err)
	require.Len(t, list, 1)

	resp, raw := c.ask("POST", "/portals", `{"domain":"https://Acme.bitrix24.com/","name":"Acme"}`)
	require.Equal(t, http.StatusOK, resp.StatusCode, raw)
	require.Contains(t, raw, `"authorize_url":"https://acme.bitrix24.com/oauth/authorize/`, "a slash at the end is cut off")
}

// P1a: a consent that brings nothing, or was not asked for, gets a page that says so, can be closed and loads nothing that is not there; nothing changes.
func TestARefusedConsentSaysSoP1a(t *testing.T) {
	t.Parallel()
	c := newPortals(t)
	before, err := c.Stand.Accounts.List(t.Context(), c.north.Account)
	require.NoError(t, err)
	for query, status := range map[string]int{"": 400, "?state=a&error=access_denied": 400, "?state=unknown&code=x&server_domain=oauth.bitrix.info": 403} {
		resp, page := c.ask("GET", "/bitrix24/oauth/callback"+query, "")
		require.Equal(t, status, resp.StatusCode, query)
		require.Contains(t, page, `data-state="refused"`)
		require.Contains(t, page, c.Texts.Text("en", "consent.refused"))
		require.NotContains(t, page, "javascript:", "its own policy forbids it")
		require.Contains(t, page, `<script src="`+consentScript+`">`)
		require.Contains(t, resp.Header.Get("Content-Security-Policy"), "script-src 'self'")
	}
	resp, script := c.ask("GET", consentScript, "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, resp.Header.Get("Content-Type"), "javascript")
	require.Contains(t, script, "window.close()")
	after, err := c.Stand.Accounts.List(t.Context(), c.north.Account)
	require.NoError(t, err)
	require.Equal(t, before, after)
}
