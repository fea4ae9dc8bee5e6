package portal_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestApplicationsPage drives the buttons people press: install, finish in the frame, update, uninstall.
func TestApplicationsPage(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	require.NoError(t, s.portal.Uninstall("local.app", false))
	client := &http.Client{Jar: &cookies{}}
	text := func(resp *http.Response, err error) string {
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(raw)
	}
	press := func(action string) string {
		return text(client.PostForm(s.portal.URL()+"/marketplace/", url.Values{"client_id": {"local.app"}, "action": {action}}))
	}
	sid := regexp.MustCompile(`data-sid="([0-9a-f]+)"`)
	ask := func(frame, command, body string) (int, map[string]any) {
		resp, err := client.Post(s.portal.URL()+"/_frame/"+frame+"/"+command, "application/json", strings.NewReader(body))
		require.NoError(t, err)
		status := resp.StatusCode
		var out map[string]any
		_ = json.Unmarshal([]byte(text(resp, nil)), &out)
		return status, out
	}
	page := press("install")
	found := sid.FindStringSubmatch(page)
	require.NotNil(t, found, "the installer's frame opens at once")
	_, init := ask(found[1], "init", "")
	require.Equal(t, true, init["INSTALL"])
	_, init = ask(found[1], "init", "")
	require.Equal(t, false, init["FIRST_RUN"], "only the first start is the first run")
	require.Equal(t, []any{}, init["APP_OPTIONS"])
	_, renewed := ask(found[1], "refresh", "")
	require.NotEqual(t, init["AUTH_ID"], renewed["AUTH_ID"])
	require.Equal(t, "1", at(s.callWith(renewed["AUTH_ID"].(string), "profile", nil).Result, "ID"))
	_, options := ask(found[1], "app-option", `{"name":"a","value":{"b":1}}`)
	require.Equal(t, map[string]any{"a": map[string]any{"b": float64(1)}}, options)

	status, _ := ask(found[1], "finish", "")
	require.Equal(t, 200, status)
	require.True(t, s.portal.Installed("local.app"))
	s.waitEvents("ONAPPINSTALL", 1)
	require.Contains(t, text(client.Get(s.portal.URL()+"/marketplace/app/2/")), s.sink.URL+"/app?")

	require.Contains(t, press("update"), s.sink.URL+"/install?", "a new version opens its installer")
	require.False(t, s.portal.Installed("local.app"))
	s.waitEvents("ONAPPUPDATE", 1)
	_ = press("uninstall_clean")
	require.Equal(t, "1", s.waitEvents("ONAPPUNINSTALL", 2)[1].Get("data[CLEAN]"))
	status, _ = ask(found[1], "init", "")
	require.Equal(t, 404, status, "the frame of a removed application is dead")

	_ = text(client.Get(s.portal.URL() + "/?as=2"))
	require.Contains(t, press("install"), "только администратору")
	require.Error(t, s.portal.FinishInstall("local.app", 2))
}

// TestCardActions drives a card as a person does: a comment, another stage.
func TestCardActions(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for _, e := range []string{"onCrmTimelineCommentAdd", "onCrmLeadUpdate"} {
		s.ok("event.bind", m{"event": e, "handler": s.sink.URL + "/e"})
	}
	require.NoError(t, s.portal.FinishInstall("local.app", 1))
	_, err := http.PostForm(s.portal.URL()+"/crm/lead/details/1/", url.Values{"comment": {"Перезвонить"}})
	require.NoError(t, err)
	s.waitEvents("ONCRMTIMELINECOMMENTADD", 1)
	_, err = http.PostForm(s.portal.URL()+"/crm/lead/details/1/", url.Values{"stage": {"JUNK"}})
	require.NoError(t, err)
	s.waitEvents("ONCRMLEADUPDATE", 1)
	require.Equal(t, "F", at(s.ok("crm.item.get", m{"entityTypeId": 1, "id": 1}), "item", "stageSemanticId"))
	require.Equal(t, "Перезвонить", s.portal.Comments(1, 1)[0].Text)
}
