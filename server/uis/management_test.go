package uis_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/uis"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	for brand, project := range map[uis.Brand]string{uis.UIS: "uis2", uis.CoMagic: "comagic", uis.CallGear: "usa"} {
		p := newPlatform(t, says(200, `{"error":null,"id":"U7-r8","jsonrpc":"2.0","result":{"is_2fa_enabled":false,"jwt":"J","refresh":"R"}}`))
		login, err := p.client(t, brand).Login(t.Context(), "user", "password")
		require.NoError(t, err)
		require.Equal(t, uis.Login{JWT: "J", Refresh: "R"}, login)
		r := p.seen()[0]
		require.Equal(t, "/api/auth/json_rpc", r.Path)
		require.Equal(t, "method=login", r.Query)
		require.JSONEq(t, `{"jsonrpc":"2.0","id":1,"method":"login","params":{"login":"user","password":"password","project":"`+project+`"}}`, string(r.Body),
			"the Data API key has no place here")
	}
}

func TestLoginRefused(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, says(200, `{"result":{"jwt":null,"refresh":null,"is_2fa_enabled":true}}`))
	_, err := p.client(t, uis.UIS).Login(t.Context(), "user", "password")
	require.ErrorIs(t, err, uis.ErrTwoFactor)

	p = newPlatform(t, says(200, `{"result":{"jwt":"J","refresh":"R","is_2fa_enabled":true}}`))
	_, err = p.client(t, uis.UIS).Login(t.Context(), "user", "password")
	require.NoError(t, err, "a token is a token")

	for _, body := range []string{`{"error":{"code":-32001,"message":"no","data":{"mnemonic":"auth_error"}}}`, `{"error":{"code":1,"message":"wrong password"}}`} {
		p = newPlatform(t, says(200, body))
		_, err = p.client(t, uis.UIS).Login(t.Context(), "user", "password")
		require.Equal(t, uis.KeyInvalid, uis.ClassOf(err))
	}
	p = newPlatform(t, says(200, `{"result":{}}`))
	_, err = p.client(t, uis.UIS).Login(t.Context(), "user", "password")
	require.Equal(t, uis.Transport, uis.ClassOf(err))
}

// manager is a management API that remembers adapters and connections.
type manager struct {
	mu       sync.Mutex
	adapters []map[string]any
	accounts []map[string]any
	failures int // how many creations are carried out but answered 502
}

func (m *manager) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sent map[string]any
	_ = json.Unmarshal(body, &sent)
	list := &m.adapters
	if len(r.URL.Path) >= len("/v1/integration/account") && r.URL.Path[:len("/v1/integration/account")] == "/v1/integration/account" {
		list = &m.accounts
	}
	var out any
	switch r.Method {
	case http.MethodGet:
		out = *list
		if *list == nil {
			out = []any{}
		}
	case http.MethodPost:
		sent["id"] = len(*list) + 1
		if _, adapter := sent["type"]; adapter {
			sent["owner"] = 4735
		}
		*list = append(*list, sent)
		out = sent
		if m.failures > 0 {
			m.failures--
			w.WriteHeader(http.StatusBadGateway)
			return
		}
	case http.MethodPatch:
		for name, value := range sent {
			(*list)[0][name] = value
		}
		out = (*list)[0]
	}
	_ = json.NewEncoder(w).Encode(out)
}

func newManager(t *testing.T) (*manager, *platform) {
	t.Helper()
	m := &manager{}
	p := &platform{}
	p.Server = newTestServer(t, func(w http.ResponseWriter, r *http.Request) { m.serve(w, r, p.keep(r).Body) })
	return m, p
}

func TestEnsureAdapter(t *testing.T) {
	t.Parallel()
	m, p := newManager(t)
	m.failures = 1
	api := p.client(t, uis.UIS).Management("J")
	want := uis.AdapterFields{
		Type: "omni_1", Name: "OMNI", Login: "l", Password: "p", WebhookURL: "https://app.example/uis/t/chat", WebhookVersion: "v2",
		WebhookAuth: uis.BearerAuth("w"), ChannelTypes: []string{"whatsapp", "sms"},
	}
	_, _, err := api.EnsureAdapter(t.Context(), want, false)
	require.Equal(t, uis.Unknown, uis.ExecutedOf(err), "it was made, but the answer got lost")
	made, plan, err := api.EnsureAdapter(t.Context(), want, false)
	require.NoError(t, err)
	require.Equal(t, uis.StepNothing, plan.Step, "repeating finds it")
	require.Equal(t, uis.AdapterID(1), made.ID)
	require.Len(t, m.adapters, 1)

	want.WebhookURL = "https://new.example/uis/t/chat"
	want.ChannelTypes = []string{"sms", "whatsapp"}
	made, plan, err = api.EnsureAdapter(t.Context(), want, false)
	require.NoError(t, err)
	require.Equal(t, []string{"webhook_url"}, plan.Reasons)
	require.Equal(t, "https://new.example/uis/t/chat", made.WebhookURL)
	last := p.seen()[len(p.seen())-1]
	require.Equal(t, "PATCH", last.Method)
	require.Equal(t, "/v1/integration/adapter/1", last.Path)
	require.Equal(t, "Bearer J", last.Auth)
	require.NotContains(t, last.json(t), "type", "the type cannot be changed")
	require.Equal(t, map[string]any{"type": "Bearer", "token": "w"}, last.json(t)["webhook_auth"])

	_, plan, err = api.EnsureAdapter(t.Context(), want, true)
	require.NoError(t, err)
	require.Equal(t, []string{"secrets"}, plan.Reasons, "secrets cannot be compared, only set")
}

func TestPlanAdapterLeavesSystemAdaptersAlone(t *testing.T) {
	t.Parallel()
	_, err := uis.PlanAdapter([]uis.ChatAdapter{{ID: 1, Type: "bitrix24"}}, uis.AdapterFields{Type: "bitrix24", Name: "x"}, true)
	require.ErrorIs(t, err, uis.ErrSystemAdapter)
}

func TestEnsureAccount(t *testing.T) {
	t.Parallel()
	m, p := newManager(t)
	m.failures = 1
	api := p.client(t, uis.UIS).Management("J")
	want := uis.Connection{Name: "OMNI", AdapterID: 1, Channels: []uis.ChannelID{20, 21}, Context: map[string]any{uis.ScenarioCreated: true}}
	_, _, err := api.EnsureAccount(t.Context(), want)
	require.Equal(t, uis.Unknown, uis.ExecutedOf(err))
	require.JSONEq(t, `{"name":"OMNI","adapter_id":1,"channels":[20,21],"context":{"is_chat_integration_scenario_created":true}}`, string(p.seen()[1].Body))
	made, plan, err := api.EnsureAccount(t.Context(), want)
	require.NoError(t, err)
	require.Equal(t, uis.StepNothing, plan.Step)
	require.Equal(t, uis.ConnectionID(1), made.ID)

	m.accounts[0]["context"].(map[string]any)["app_id"] = 4735.0
	want.Channels = []uis.ChannelID{21}
	want.Context = map[string]any{uis.ScenarioCreated: false}
	_, plan, err = api.EnsureAccount(t.Context(), want)
	require.NoError(t, err)
	require.Equal(t, []string{"channels", "context.is_chat_integration_scenario_created"}, plan.Reasons)
	require.JSONEq(t, `{"name":"OMNI","channels":[21],"context":{"is_chat_integration_scenario_created":false,"app_id":4735}}`,
		string(p.seen()[len(p.seen())-1].Body), "others' context stays")
	require.NoError(t, api.DeleteAccount(t.Context(), 1))
	require.NoError(t, api.DeleteAdapter(t.Context(), 1))
}

func TestPlanAccountFindsTheRightOne(t *testing.T) {
	t.Parallel()
	have := []uis.Connection{{ID: 1, AdapterID: 9, Name: "A"}, {ID: 2, AdapterID: 9, Name: "B"}, {ID: 3, AdapterID: 8, Name: "C"}}
	for _, tc := range []struct {
		want uis.Connection
		id   uis.ConnectionID
	}{
		{uis.Connection{ID: 2, AdapterID: 9, Name: "Z"}, 2},
		{uis.Connection{AdapterID: 9, Name: "B"}, 2},
		{uis.Connection{AdapterID: 8, Name: "renamed"}, 3},
		{uis.Connection{AdapterID: 9, Name: "neither"}, 0},
		{uis.Connection{AdapterID: 7, Name: "A"}, 0},
	} {
		plan := uis.PlanAccount(have, tc.want)
		require.Equal(t, tc.id, plan.Have.ID)
		require.Equal(t, tc.id == 0, plan.Step == uis.StepCreate)
	}
}

func TestChannels(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`[{"id":740805,"channel_id":28910,"type":"whatsapp","name":"Main","is_active":true,"is_removed":false,"status":"active","status_reason":""}]`,
		`{"data":[{"id":740805,"channel_id":28910,"type":"whatsapp","name":"Main","is_active":true}]}`,
	} {
		p := newPlatform(t, says(200, body))
		channels, err := p.client(t, uis.UIS).Management("J").Channels(t.Context())
		require.NoError(t, err)
		require.Equal(t, uis.ChannelID(740805), channels[0].ID)
		require.Equal(t, "/v1/integration/channel", p.seen()[0].Path)
	}
}
