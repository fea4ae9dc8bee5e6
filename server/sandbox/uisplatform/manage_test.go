package uisplatform_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

func TestLoginOfThePersonalAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := func(password, project string) object {
		return object{"jsonrpc": "2.0", "id": "0", "method": "login", "params": object{"login": w.a.Config().Login, "password": password, "project": project}}
	}
	for _, wrong := range []object{body("x", "uis2"), body(w.a.Config().Password, "usa")} {
		_, out := w.post(w.urls.Login, wrong, "")
		require.Contains(t, text(out["error"]), "auth_error")
	}
	w.clean()
	status, _ := w.post(strings.TrimSuffix(w.urls.Login, "?method=login"), body("x", "uis2"), "")
	require.Equal(t, http.StatusBadRequest, status)
	w.violation("login_request")
	jwt := w.jwt()
	status, raw := w.sendRaw(http.MethodGet, w.urls.Chats+"/integration/channel", nil, jwt)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, string(raw), `"type":"whatsapp"`)
	w.a.ExpireTokens()
	status, _ = w.sendRaw(http.MethodGet, w.urls.Chats+"/integration/channel", nil, jwt)
	require.Equal(t, http.StatusUnauthorized, status)
	w.clean()
	status, _ = w.sendRaw(http.MethodGet, w.urls.Chats+"/integration/channel", nil, "")
	require.Equal(t, http.StatusUnauthorized, status)
	w.violation("no_token")
}

func TestRulesOfAdapters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	jwt, address := w.jwt(), w.urls.Chats+"/integration/adapter"
	status, made := w.post(address, w.adapterBody("omni_rules"), jwt)
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, made, "password")
	require.EqualValues(t, w.a.Config().AppID, made["owner"])
	require.Equal(t, "v2", made["webhook_version"])
	status, out := w.post(address, w.adapterBody("omni_rules"), jwt)
	require.Equal(t, http.StatusConflict, status)
	require.Equal(t, "type_taken", out["code"])
	w.clean()

	for name, change := range map[string]object{
		"type": {"type": "Omni-1"}, "channel type": {"supported_channel_types": []string{"vkontakte_groups"}}, "both proofs": {"webhook_token": "x"},
		"no token": {"webhook_auth": object{"type": "Bearer"}}, "address": {"webhook_url": "nowhere"}, "version": {"webhook_version": "v3"}, "field": {"colour": "red"},
	} {
		body := w.adapterBody("omni_other")
		for k, v := range change {
			body[k] = v
		}
		status, _ := w.post(address, body, jwt)
		require.Equal(t, http.StatusUnprocessableEntity, status, name)
		require.Len(t, w.p.Violations(), 1, name)
		w.p.ClearViolations()
	}
	one := address + "/" + text(id(made["id"]))
	status, changed := w.send(http.MethodPatch, one, object{"name": "Новое имя", "webhook_kwargs": object{"timeout": 2.5, "headers": object{"X-Omni": "1"}}}, jwt)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "Новое имя", changed["name"])

	system := w.p.AddSystemAdapter(uisplatform.Adapter{Type: "vendor", Name: "Vendor", Login: "v", Password: "v", WebhookURL: w.hooks.url})
	status, _ = w.send(http.MethodPatch, address+"/"+text(system), object{"name": "x"}, jwt)
	require.Equal(t, http.StatusForbidden, status)
	w.violation("system_adapter")
	status, _ = w.send(http.MethodDelete, one, nil, jwt)
	require.Equal(t, http.StatusNoContent, status)
	w.clean()
}

func TestConnectionNeedsAReachableAdapter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	jwt := w.jwt()
	_, made := w.post(w.urls.Chats+"/integration/adapter", w.adapterBody("omni_reach"), jwt)
	body := object{"name": "x", "adapter_id": made["id"], "channels": []int{20}}
	w.hooks.answer(http.StatusForbidden)
	status, out := w.post(w.urls.Chats+"/integration/account", body, jwt)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "webhook_url", out["code"])
	w.hooks.answer(http.StatusOK)
	w.hooks.take("")
	status, linked := w.post(w.urls.Chats+"/integration/account", body, jwt)
	require.Equal(t, http.StatusOK, status)
	w.settled()
	require.Equal(t, []string{"/account", "/channel"}, w.hooks.names()[:2:2])
	w.clean()

	one := w.urls.Chats + "/integration/account/" + text(id(linked["id"]))
	status, _ = w.send(http.MethodPatch, one, object{"channels": []int{21, 24}}, jwt)
	require.Equal(t, http.StatusOK, status)
	w.settled()
	names := w.hooks.names()
	require.Len(t, names, 4)
	require.ElementsMatch(t, []string{"/channel", "/channel"}, []string{names[2], names[3]})
	require.Contains(t, names[1], "DELETE /hook/channel/")
	status, _ = w.send(http.MethodDelete, w.urls.Chats+"/integration/adapter/"+text(id(made["id"])), nil, jwt)
	require.Equal(t, http.StatusConflict, status, "it is in use")
	status, _ = w.send(http.MethodDelete, one, nil, jwt)
	require.Equal(t, http.StatusNoContent, status)
	w.settled()
	require.Len(t, w.hooks.names(), 3)
	w.clean()

	for code, channels := range map[string][]int{"no_channel": {999}, "channel_type": {28}} {
		body["channels"] = channels
		status, out := w.post(w.urls.Chats+"/integration/account", body, jwt)
		require.Equal(t, http.StatusUnprocessableEntity, status)
		require.Equal(t, code, out["code"])
		w.violation(code)
	}
}

func TestOldWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	jwt := w.jwt()
	body := w.adapterBody("omni_v1")
	body["webhook_version"], body["webhook_token"] = "v1", "old-token"
	delete(body, "webhook_auth")
	_, made := w.post(w.urls.Chats+"/integration/adapter", body, jwt)
	status, _ := w.post(w.urls.Chats+"/integration/account", object{"name": "x", "adapter_id": made["id"], "channels": []int{20}}, jwt)
	require.Equal(t, http.StatusOK, status)
	m, err := w.a.ClientWrites(20, uisplatform.Client{Phone: "79000000001"}, "привет")
	require.NoError(t, err)
	w.settled()
	w.hooks.take("")
	require.NoError(t, w.a.AssignChat(m.Chat, 1001))
	require.NoError(t, w.a.EditMessage(m.ID, "привет!"))
	w.settled()
	hooks := w.hooks.take("")
	require.Len(t, hooks, 1, "v1 has no updates of messages")
	require.Equal(t, "POST /hook/chat/operator", hooks[0].name)
	require.Equal(t, "Bearer old-token", hooks[0].auth)
	w.clean()
}
