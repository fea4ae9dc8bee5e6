package portal_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
)

func TestFramePost(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	f, err := s.portal.OpenApp("local.app", 1)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(f.Action, s.sink.URL+"/install?"), f.Action)
	u, err := url.Parse(f.Action)
	require.NoError(t, err)
	require.Equal(t, s.portal.Host(), u.Query().Get("DOMAIN"))
	require.Equal(t, "0", u.Query().Get("PROTOCOL"))
	require.Equal(t, "ru", u.Query().Get("LANG"))
	require.Equal(t, f.SID, u.Query().Get("APP_SID"))
	for _, k := range []string{"AUTH_ID", "AUTH_EXPIRES", "REFRESH_ID", "SERVER_ENDPOINT", "APPLICATION_TOKEN", "APPLICATION_SCOPE", "member_id", "status"} {
		require.NotEmpty(t, f.Form.Get(k), k)
	}
	require.Equal(t, "DEFAULT", f.Form.Get("PLACEMENT"))
	require.NotContains(t, f.Form, "PLACEMENT_OPTIONS")
	again, err := s.portal.OpenApp("local.app", 1)
	require.NoError(t, err)
	require.Equal(t, f.Form.Get("AUTH_ID"), again.Form.Get("AUTH_ID"), "one pair per person while it lives")
	require.NotEqual(t, f.SID, again.SID)

	s.ok("placement.bind", m{"PLACEMENT": "CRM_LEAD_DETAIL_TAB", "HANDLER": s.sink.URL + "/tab?x=1", "LANG_ALL": m{"ru": m{"TITLE": "Чаты"}}})
	tab, err := s.portal.Open("local.app", 2, "CRM_LEAD_DETAIL_TAB", m{"ID": "1"})
	require.NoError(t, err)
	require.Contains(t, tab.Action, "/tab?x=1&")
	require.Equal(t, `{"ID":"1"}`, tab.Form.Get("PLACEMENT_OPTIONS"))
	_, err = s.portal.Open("local.app", 2, "LEFT_MENU", nil)
	require.Error(t, err)
}

func TestPlacements(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	bind := func(code, path string) m { return m{"PLACEMENT": code, "HANDLER": s.sink.URL + path} }
	require.Equal(t, true, s.ok("placement.bind", bind("LEFT_MENU", "/a")))
	require.Equal(t, true, s.ok("placement.bind", bind("LEFT_MENU", "/b")))
	s.refused(400, "ERROR_CORE", "placement.bind", bind("LEFT_MENU", "/a"))
	got := s.ok("placement.get", nil)
	require.Len(t, got, 2)
	require.Equal(t, []any{}, at(got, 0, "options"))
	require.Contains(t, s.ok("placement.list", nil), "CRM_LEAD_DETAIL_TAB")
	require.Equal(t, float64(4), at(s.ok("placement.unbind", m{"PLACEMENT": "LEFT_MENU"}), "count"), "each handler is counted twice")
	require.Empty(t, s.world.Violations())
	s.refused(400, "ERROR_PLACEMENT_NOT_FOUND", "placement.bind", bind("LEFT_MENUE", "/a"))
	s.refused(200, "EMPTY_ERROR_HANDLER_URL", "placement.bind", bind("PAGE_BACKGROUND_WORKER", "/w"))
	s.refused(200, "ERROR_PLACEMENT_USER_MODE", "placement.bind", m{"PLACEMENT": "LEFT_MENU", "HANDLER": s.sink.URL, "USER_ID": 2})
	s.refused(400, "ERROR_UNSUPPORTED_PROTOCOL", "placement.bind", m{"PLACEMENT": "LEFT_MENU", "HANDLER": "ftp://files.example/x"})
	require.Len(t, s.world.Violations(), 4)
}

func TestEventsAndLife(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	url := s.sink.URL + "/bitrix24/events"
	bind := func(names ...string) {
		for _, e := range names {
			require.Equal(t, true, s.ok("event.bind", m{"event": e, "handler": url}))
		}
	}
	bind("onCrmLeadAdd", "ONCRMLEADUPDATE", "onAppInstall")
	s.refused(400, "ERROR_CORE", "event.bind", m{"event": "OnCrmLeadAdd", "handler": url})
	require.Equal(t, "ONCRMLEADADD", at(s.ok("event.get", nil), 0, "event"))

	add := func() {
		_, err := s.portal.AddItem(portal.Lead, m{"title": "Лид & сын"}, 2)
		require.NoError(t, err)
	}
	add()
	require.Zero(t, s.portal.EventsPending(), "nothing is sent before the installation is finished")
	require.NoError(t, s.portal.FinishInstall("local.app", 1))
	install := s.waitEvents("ONAPPINSTALL", 1)[0]
	require.Equal(t, "Y", install.Get("data[INSTALLED]"))
	require.NotEmpty(t, install.Get("auth[refresh_token]"))
	first := install.Get("auth[application_token]")
	require.Equal(t, s.portal.ApplicationToken("local.app"), first)

	add()
	e := s.waitEvents("ONCRMLEADADD", 1)[0]
	require.Equal(t, "4", e.Get("data[FIELDS][ID]"))
	require.Equal(t, "2", e.Get("auth[user_id]"))
	require.Equal(t, s.portal.MemberID(), e.Get("auth[member_id]"))
	require.Equal(t, s.portal.Host(), e.Get("auth[domain]"))
	require.NotContains(t, e, "auth[refresh_token]")
	require.Equal(t, "2", at(s.callWith(e.Get("auth[access_token]"), "profile", nil).Result, "ID"), "the token of an event is the actor's")

	s.ok("crm.item.update", m{"entityTypeId": 1, "id": 4, "fields": m{"title": "x"}})
	s.waitEvents("ONCRMLEADUPDATE", 1)

	t.Run("no retry", func(t *testing.T) {
		s.sink.setFail(true)
		add()
		s.waitEvents("ONCRMLEADADD", 2)
		s.sink.setFail(false)
		d := s.world.Deliveries()
		require.Equal(t, 500, d[len(d)-1].Status)
		require.Contains(t, d[len(d)-1].Body, "access_token%5D=***")
	})
	t.Run("loop guard", func(t *testing.T) {
		token := e.Get("auth[access_token]")
		rounds := 0
		for range 10 {
			n := len(s.sink.events("ONCRMLEADUPDATE"))
			r := s.callWith(token, "crm.item.update", m{"entityTypeId": 1, "id": 4, "fields": m{"title": "y"}})
			require.Equal(t, 200, r.Status)
			if s.portal.EventsPending() == 0 && len(s.sink.events("ONCRMLEADUPDATE")) == n {
				break
			}
			got := s.waitEvents("ONCRMLEADUPDATE", n+1)
			token = got[len(got)-1].Get("auth[access_token]")
			rounds++
		}
		require.Equal(t, 6, rounds)
	})
	t.Run("modes", func(t *testing.T) {
		n := len(s.sink.events("ONCRMLEADADD"))
		s.portal.SetEventMode(portal.EventMode{Duplicate: true, Robots: true})
		add()
		got := s.waitEvents("ONCRMLEADADD", n+2)
		require.Len(t, got, n+2)
		require.NotContains(t, got[n], "auth[access_token]", "robots have no token")
		require.NotEmpty(t, got[n].Get("auth[application_token]"))
		s.portal.SetEventMode(portal.EventMode{})
	})
	t.Run("update", func(t *testing.T) {
		s.ok("placement.bind", m{"PLACEMENT": "LEFT_MENU", "HANDLER": s.sink.URL + "/p"})
		require.NoError(t, s.portal.Update("local.app", 1))
		up := s.waitEvents("ONAPPUPDATE", 1)[0]
		require.Equal(t, "1", up.Get("data[PREVIOUS_VERSION]"))
		require.NotEqual(t, first, up.Get("auth[application_token]"))
		s.token = s.tokenOf(1)
		require.Equal(t, []any{}, s.ok("event.get", nil), "an update drops the handlers")
		require.Equal(t, []any{}, s.ok("placement.get", nil))
		require.NoError(t, s.portal.FinishInstall("local.app", 1))
		require.True(t, s.portal.Installed("local.app"))
	})
	t.Run("payment", func(t *testing.T) {
		require.NoError(t, s.portal.Payment("local.app", "P", false, 10))
		p := s.waitEvents("ONAPPPAYMENT", 1)[0]
		require.Equal(t, "10", p.Get("data[DAYS]"))
		require.NotContains(t, p, "auth[application_token]")
		require.Equal(t, "P", at(s.ok("app.info", nil), "STATUS"))
	})
	t.Run("uninstall", func(t *testing.T) {
		require.NoError(t, s.portal.Uninstall("local.app", true))
		u := s.waitEvents("ONAPPUNINSTALL", 1)[0]
		require.Equal(t, "1", u.Get("data[CLEAN]"))
		require.NotContains(t, u, "auth[access_token]")
		require.NotEmpty(t, u.Get("auth[application_token]"))
		require.Equal(t, 401, s.call("profile", nil).Status)
		require.NoError(t, s.portal.Install("local.app"))
		s.token = s.tokenOf(1)
		s.ok("profile", nil)
	})
	require.Empty(t, s.world.Violations())
	s.refused(400, "ERROR_EVENT_NOT_FOUND", "event.bind", m{"event": "onNothing", "handler": url})
	require.Len(t, s.world.Violations(), 1)
}

func TestPortalsAreApart(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	other := s.world.AddPortal(portal.PortalConfig{Name: "vostok"})
	require.NoError(t, s.server.Add(other))
	resp, err := httpPost(other.ClientEndpoint()+"profile", `{"auth":"`+s.token+`"}`)
	require.NoError(t, err)
	require.Equal(t, 401, readReply(t, resp).Status)
	require.NotEqual(t, s.portal.MemberID(), other.MemberID())
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	jar := &cookies{}
	client := &http.Client{Jar: jar}
	page := func(path string) (int, string) {
		resp, err := client.Get(s.portal.URL() + path)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(raw)
	}
	_, home := page("/")
	require.Contains(t, home, "Запрос с сайта")
	_, app := page("/marketplace/app/1/")
	require.Contains(t, app, s.sink.URL+"/install?")
	require.Contains(t, app, `name="`+s.portal.Host()+`|0|`)
	_, app = page("/marketplace/app/1/?as=2")
	require.NotContains(t, app, "/install?", "others see a notice until the installation is finished")
	require.Contains(t, app, "установлено не полностью")

	s.ok("placement.bind", m{"PLACEMENT": "CRM_DEAL_DETAIL_TAB", "HANDLER": s.sink.URL + "/tab", "TITLE": "UIS Chats"})
	_, card := page("/crm/deal/details/1/")
	require.NotContains(t, card, "UIS Chats", "placements stay hidden until then")
	require.NoError(t, s.portal.FinishInstall("local.app", 1))
	_, card = page("/crm/deal/details/1/")
	require.Contains(t, card, "UIS Chats")
	_, card = page("/crm/deal/details/1/?tab=rest1")
	require.Contains(t, card, s.sink.URL+"/tab?")
	require.Contains(t, card, "CRM_DEAL_DETAIL_TAB")

	s.ok("crm.timeline.comment.add", m{"fields": m{"ENTITY_TYPE": "deal", "ENTITY_ID": 1, "COMMENT": "[b]Ок[/b] <script>"}})
	_, card = page("/crm/deal/details/1/")
	require.Contains(t, card, "<b>Ок</b> &lt;script&gt;")
	s.ok("im.notify.system.add", m{"USER_ID": 2, "MESSAGE": "Новый чат", "TAG": "t1"})
	s.ok("im.notify.system.add", m{"USER_ID": 2, "MESSAGE": "Ещё чат", "TAG": "t1"})
	_, im := page("/online/?lang=en")
	require.Contains(t, im, "Ещё чат")
	require.NotContains(t, im, "Новый чат", "the same tag replaces")
	require.Contains(t, im, "Notifications")
	for _, path := range []string{"/crm/lead/list/", "/crm/contact/list/", "/crm/company/details/1/", "/contact_center/", "/marketplace/", "/sandbox/", "/bitrix/sandbox/portal.css"} {
		status, _ := page(path)
		require.Equal(t, 200, status, path)
	}
	require.Empty(t, s.world.Violations())
}

// cookies keeps everything of one host; the standard jar would do too but wants a public suffix list.
type cookies struct{ m map[string]*http.Cookie }

func (c *cookies) SetCookies(_ *url.URL, cs []*http.Cookie) {
	if c.m == nil {
		c.m = map[string]*http.Cookie{}
	}
	for _, x := range cs {
		c.m[x.Name] = x
	}
}

func (c *cookies) Cookies(*url.URL) []*http.Cookie {
	var out []*http.Cookie
	for _, x := range c.m {
		out = append(out, x)
	}
	return out
}
