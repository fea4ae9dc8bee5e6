package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/locales"
	"omni/server/account/directory"
	"omni/server/account/session"
	"omni/server/clock"
	"omni/server/ids"
	"omni/server/relay"
	"omni/server/settings"
	"omni/server/store/storetest"
)

// An account with two portals: user 14 works at the first (classic) one, user 40 at the second, whose CRM is simple; user 1 is another person in each.
const (
	company      = ids.AccountID(1)
	firstPortal  = int64(3)
	secondPortal = int64(4)
)

// cabinet is the settings' route over HTTP, an administrator of the first portal signed in.
type cabinet struct {
	*testing.T
	*Server
}

func newCabinet(t *testing.T) cabinet {
	t.Helper()
	texts, err := locales.Load()
	require.NoError(t, err)
	s := &Server{Options: Options{DB: storetest.New(t), Clock: clock.NewFixed(time.Now()), Texts: texts, Saved: func(ids.AccountID) {}, Log: slog.New(slog.DiscardHandler)}}
	s.Hub = relay.NewHub(s.DB, s.Clock, s.Log, nil)
	s.app = fiber.New(fiber.Config{ErrorHandler: s.fail})
	admin := &person{Person: session.Person{Account: company, Portal: ids.PortalID(firstPortal), User: 1, Name: "Анна", Admin: true, Lang: "en"}}
	s.app.Use(func(c *fiber.Ctx) error { c.Locals(personKey, admin); return c.Next() })
	s.app.Get("/settings", s.getSettings)
	s.app.Put("/settings", s.putSettings)
	s.app.Get("/settings/versions", s.settingsVersions)
	s.app.Get("/history", s.history)
	s.app.Post("/settings/versions/:n/restore", s.restoreSettings)
	c := cabinet{t, s}
	c.sql(`INSERT INTO account (id, name, created_at) OVERRIDING SYSTEM VALUE VALUES ($1, 'A', now())`, int64(company))
	for _, p := range []struct {
		id    int64
		mode  string
		users []int64
	}{{firstPortal, "classic", []int64{1, 14}}, {secondPortal, "simple", []int64{1, 40}}} {
		c.sql(`INSERT INTO portal (account_id, id, domain, state, idle_since, created_at, changed_at) VALUES ($1, $2, $3, 'active', now(), now(), now())`,
			int64(company), p.id, fmt.Sprintf("p%d.example.com", p.id))
		for _, user := range p.users {
			c.sql(`INSERT INTO b24_user (account_id, portal_id, id, active, seen_at) VALUES ($1, $2, $3, true, now())`, int64(company), p.id, user)
		}
		c.keep(p.id, directory.Mode, directory.Entry{ID: p.mode})
	}
	return c
}

func (c cabinet) sql(query string, args ...any) {
	c.Helper()
	require.NoError(c, c.DB.InAccount(c.Context(), company, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	}))
}

func (c cabinet) keep(portal int64, kind directory.Kind, entries ...directory.Entry) {
	c.Helper()
	require.NoError(c, c.DB.InAccount(c.Context(), company, func(ctx context.Context, tx pgx.Tx) error {
		return directory.Keep(ctx, tx, directory.Where{Account: company, Portal: ids.PortalID(portal), Kind: kind}, entries, c.Clock.Now())
	}))
}

// put saves a document on top of a version and answers the status and the wrong fields, each with its sentence.
func (c cabinet) put(doc settings.Document, version int) (int, []string) {
	c.Helper()
	body, err := json.Marshal(doc)
	require.NoError(c, err)
	code, raw := c.call(http.MethodPut, "/settings", body, fmt.Sprintf("%q", fmt.Sprint(version)))
	return code, c.wrong(raw)
}

// call asks a route and answers the status and the body.
func (c cabinet) call(method, path string, body []byte, match string) (int, []byte) {
	c.Helper()
	req := httptest.NewRequestWithContext(c.Context(), method, path, bytes.NewReader(body))
	if match != "" {
		req.Header.Set(fiber.HeaderIfMatch, match)
	}
	resp, err := c.app.Test(req, -1)
	require.NoError(c, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(c, err)
	return resp.StatusCode, raw
}

// wrong are the fields a problem names, each with its sentence.
func (c cabinet) wrong(raw []byte) []string {
	c.Helper()
	var p Problem
	require.NoError(c, json.Unmarshal(raw, &p))
	var wrong []string
	for _, e := range p.Errors {
		require.NotEmpty(c, e.Text, e.Field)
		wrong = append(wrong, e.Field+" "+e.Code)
	}
	return wrong
}

func id[T any](v T) *T { return &v }

// working is a document with telephony on and nothing wrong.
func working() settings.Document {
	doc := settings.Initial()
	doc.Main.Enabled, doc.Main.Portal = true, id(firstPortal)
	doc.Telephony.Enabled, doc.Telephony.ResponsibleInbound, doc.Telephony.ResponsibleOutbound = true, id(int64(14)), id(int64(1))
	return doc
}

// R6, S3: a person of one portal is not saved for a section that works with another: numbers of users mean nobody, or somebody else, there.
func TestResponsiblesAreOfTheSectionsPortal(t *testing.T) {
	t.Parallel()
	c := newCabinet(t)
	code, wrong := c.put(working(), 0)
	require.Equal(t, http.StatusOK, code, wrong)

	doc := working()
	doc.Telephony.Portal = id(secondPortal)
	code, wrong = c.put(doc, 1)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Equal(t, []string{"/telephony/responsible_inbound gone"}, wrong, "user 14 works at the first portal only")
	doc.Telephony.ResponsibleInbound = id(int64(40))
	code, wrong = c.put(doc, 1)
	require.Equal(t, http.StatusOK, code, wrong)

	doc = working()
	doc.Main.SyncAll, doc.Main.SyncOnly, doc.Telephony.ResponsibleOutbound = false, []int64{14, 40}, id(int64(40))
	_, wrong = c.put(doc, 2)
	require.Equal(t, []string{"/main/sync_only/1 gone", "/telephony/responsible_outbound gone"}, wrong, "user 40 does not work at the main portal")

	c.sql(`DELETE FROM b24_user WHERE portal_id = $1`, firstPortal)
	code, wrong = c.put(doc, 2)
	require.Equal(t, http.StatusOK, code, "a list that was never read makes nothing wrong (S4): %v", wrong)
}

// C3, C4: what the page of a portal without leads does not offer is refused by its field, and only for the section that works with that portal.
func TestNoCommentsToLeadsWithoutLeads(t *testing.T) {
	t.Parallel()
	c := newCabinet(t)
	doc := working()
	for _, section := range []*settings.Common{&doc.Chats.Common, &doc.Requests.Common} {
		section.Enabled, section.Responsible, section.CommentPriority = true, id(int64(1)), id("both")
	}
	doc.Chats.Create, doc.Chats.Portal = true, id(secondPortal)
	code, wrong := c.put(doc, 0)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Equal(t, []string{"/chats/comment_priority no_leads"}, wrong)
	doc.Chats.CommentPriority = id("deals")
	code, wrong = c.put(doc, 0)
	require.Equal(t, http.StatusOK, code, wrong)
}

// R5: the default funnel of calls is given whole or left to the portal; the missing half is named.
func TestHalfADefaultFunnel(t *testing.T) {
	t.Parallel()
	c := newCabinet(t)
	doc := working()
	doc.Telephony.Funnel.Pipeline = id(int64(0))
	code, wrong := c.put(doc, 0)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Equal(t, []string{"/telephony/funnel/deal_stage required"}, wrong)
	doc.Telephony.Funnel = settings.Funnel{DealStage: id("NEW")}
	_, wrong = c.put(doc, 0)
	require.Equal(t, []string{"/telephony/funnel/pipeline required"}, wrong)
	doc.Telephony.Funnel = settings.Funnel{LeadStage: id("NEW"), Pipeline: id(int64(0)), DealStage: id("NEW")}
	code, wrong = c.put(doc, 0)
	require.Equal(t, http.StatusOK, code, wrong)
}

// P3b, S4: with several portals and none chosen there is nothing to compare people and stages with.
func TestSaveBeforeAPortalIsChosen(t *testing.T) {
	t.Parallel()
	c := newCabinet(t)
	doc := settings.Initial()
	doc.Telephony.ResponsibleInbound = id(int64(99))
	code, wrong := c.put(doc, 0)
	require.Equal(t, http.StatusOK, code, wrong)
	doc.Main.Portal = id(firstPortal)
	_, wrong = c.put(doc, 1)
	require.Equal(t, []string{"/telephony/responsible_inbound gone"}, wrong)
}
