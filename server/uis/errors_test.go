package uis_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/uis"
)

func TestErrorTable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code     int
		mnemonic string
		class    uis.Class
		executed uis.Execution
	}{
		{-32700, "parse_error", uis.Invalid, uis.NotExecuted},
		{-32600, "invalid_request", uis.Invalid, uis.NotExecuted},
		{-32601, "method_not_found", uis.Invalid, uis.NotExecuted},
		{-32602, "required_parameter_missed", uis.Invalid, uis.NotExecuted},
		{-32602, "entity_not_found", uis.NotFound, uis.NotExecuted},
		{-32602, "duplicate_entity", uis.Duplicate, uis.NotExecuted},
		{-32602, "tariff_restrictions", uis.ComponentMissing, uis.NotExecuted},
		{-32602, "contact_in_blacklist", uis.CallForbidden, uis.NotExecuted},
		{-32602, "no_active_phone_number", uis.NotFound, uis.NotExecuted},
		{-32602, "forbidden", uis.Forbidden, uis.NotExecuted},
		{-32602, "something_of_next_year", uis.Invalid, uis.NotExecuted},
		{-32603, "internal_error", uis.Server, uis.Unknown},
		{-32001, "access_token_expired", uis.KeyExpired, uis.NotExecuted},
		{-32001, "access_token_blocked", uis.KeyBlocked, uis.NotExecuted},
		{-32001, "access_token_invalid", uis.KeyInvalid, uis.NotExecuted},
		{-32001, "auth_error", uis.KeyInvalid, uis.NotExecuted},
		{-32002, "", uis.CallForbidden, uis.NotExecuted},
		{-32003, "ip_not_whitelisted", uis.IPNotAllowed, uis.NotExecuted},
		{-32003, "forbidden", uis.Forbidden, uis.NotExecuted},
		{-32004, "invalid_state", uis.WrongState, uis.NotExecuted},
		{-32007, "virtual_phone_number_not_found", uis.NotFound, uis.NotExecuted},
		{-32008, "method_component_disabled", uis.ComponentMissing, uis.NotExecuted},
		{-32009, "account_inactive", uis.AccountInactive, uis.NotExecuted},
		{-32029, "limit_exceeded", uis.LimitExceeded, uis.NotExecuted},
		{-32099, "batch_opreations_not_supported", uis.Invalid, uis.NotExecuted},
		{-31000, "", uis.Invalid, uis.NotExecuted},
	} {
		t.Run(fmt.Sprintf("%d %s", tc.code, tc.mnemonic), func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, says(200, fmt.Sprintf(
				`{"jsonrpc":"2.0","id":1,"error":{"code":%d,"message":"no","data":{"mnemonic":%q,"field":"contact","value":"x","params":{},"extended_helper":null,
				"metadata":{"limits":{"day_limit":1000,"day_remaining":0,"day_reset":60,"minute_limit":10,"minute_remaining":9,"minute_reset":1}}}}}`,
				tc.code, tc.mnemonic)))
			metadata, err := p.client(t, uis.UIS).Call(t.Context(), uis.CallAPI, "start.simple_call", map[string]any{"contact": "x"}, nil)
			var e *uis.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tc.class, e.Class())
			require.Equal(t, tc.executed, e.Executed())
			require.Equal(t, tc.mnemonic, e.Mnemonic)
			require.Equal(t, "contact", e.Field)
			require.Equal(t, tc.class.LocaleKey(), e.LocaleKeys()[len(e.LocaleKeys())-1])
			require.Equal(t, 60*time.Second, metadata.Limits.DayReset, "limits come with errors too")
			require.NotContains(t, err.Error(), testKey)
		})
	}
}

func TestHTTPStatusTable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status   int
		body     string
		class    uis.Class
		executed uis.Execution
		mnemonic string
		message  string
	}{
		{400, `{"detail":"chat is closed"}`, uis.Invalid, uis.NotExecuted, "", "chat is closed"},
		{401, `{}`, uis.KeyInvalid, uis.NotExecuted, "", "Unauthorized"},
		{402, ``, uis.AccountInactive, uis.NotExecuted, "", "Payment Required"},
		{403, `{"error":"no right"}`, uis.Forbidden, uis.NotExecuted, "", "no right"},
		{404, `<html>`, uis.NotFound, uis.NotExecuted, "", "Not Found"},
		{409, `{"error":{"mnemonic":"chat_closed","message":"already closed"}}`, uis.Duplicate, uis.NotExecuted, "chat_closed", "already closed"},
		{422, `{"detail":[{"loc":["body","operator_id"],"msg":"field required"}]}`, uis.Invalid, uis.NotExecuted, "", "field required"},
		{429, `{"message":"slow down"}`, uis.LimitExceeded, uis.NotExecuted, "", "slow down"},
		{302, ``, uis.Transport, uis.NotExecuted, "", "Found"},
		{408, ``, uis.Invalid, uis.Unknown, "", "Request Timeout"},
		{500, `{"detail":"oops"}`, uis.Server, uis.Unknown, "", "oops"},
		{502, `<html>bad gateway</html>`, uis.Server, uis.Unknown, "", "Bad Gateway"},
		{200, `no json`, uis.Transport, uis.Unknown, "", "unexpected answer"},
	} {
		t.Run(fmt.Sprint(tc.status, tc.mnemonic), func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "http://elsewhere.example/")
				says(tc.status, tc.body)(w, r)
			})
			_, err := p.client(t, uis.UIS).Management("jwt-secret").CreateAdapter(t.Context(), uis.AdapterFields{Type: "a", Password: "pw-secret"})
			var e *uis.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tc.class, e.Class())
			require.Equal(t, tc.executed, e.Executed())
			require.Equal(t, tc.mnemonic, e.Mnemonic)
			require.Contains(t, e.Message, tc.message)
			require.NotContains(t, err.Error(), "secret")
			require.Len(t, p.seen(), 1, "no redirect is followed, nothing is repeated")
		})
	}
}

// X2: only what certainly did not run may be sent again at once.
func TestTransportFailures(t *testing.T) {
	t.Parallel()
	call := func(t *testing.T, client *uis.Client, ctx context.Context) *uis.Error {
		t.Helper()
		_, err := client.Call(ctx, uis.CallAPI, "start.simple_call", nil, nil)
		var e *uis.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, uis.Transport, e.Class())
		return e
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		p := newPlatform(t, says(200, "{}"))
		client := p.client(t, uis.UIS)
		p.Close()
		require.Equal(t, uis.NotExecuted, call(t, client, t.Context()).Executed())
	})
	t.Run("unknown name", func(t *testing.T) {
		t.Parallel()
		hosts, err := uis.UIS.Hosts()
		require.NoError(t, err)
		hosts, err = hosts.With(uis.Overrides{CallAPI: "http://no-such-host.invalid"})
		require.NoError(t, err)
		require.Equal(t, uis.NotExecuted, call(t, uis.New(uis.Options{Hosts: hosts}), t.Context()).Executed())
	})
	t.Run("given up before sending", func(t *testing.T) {
		t.Parallel()
		p := newPlatform(t, says(200, "{}"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		e := call(t, p.client(t, uis.UIS), ctx)
		require.Equal(t, uis.NotExecuted, e.Executed())
		require.ErrorIs(t, e, context.Canceled)
	})
	t.Run("reset after the request", func(t *testing.T) {
		t.Parallel()
		p := newPlatform(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
		})
		require.Equal(t, uis.Unknown, call(t, p.client(t, uis.UIS), t.Context()).Executed())
		require.Len(t, p.seen(), 1, "nothing is repeated by itself")
	})
	t.Run("no answer in time", func(t *testing.T) {
		t.Parallel()
		release := make(chan struct{})
		p := newPlatform(t, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		t.Cleanup(func() { close(release) })
		e := call(t, p.client(t, uis.UIS, func(o *uis.Options) { o.RequestLimit = 50 * time.Millisecond }), t.Context())
		require.Equal(t, uis.Unknown, e.Executed())
		require.ErrorIs(t, e, context.DeadlineExceeded)
	})
	t.Run("half an answer", func(t *testing.T) {
		t.Parallel()
		p := newPlatform(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"jsonrpc"`)
		})
		require.Equal(t, uis.Unknown, call(t, p.client(t, uis.UIS), t.Context()).Executed())
	})
	t.Run("neither result nor error", func(t *testing.T) {
		t.Parallel()
		p := newPlatform(t, says(200, `{"jsonrpc":"2.0","id":1}`))
		require.Equal(t, uis.Unknown, call(t, p.client(t, uis.UIS), t.Context()).Executed())
	})
}

func TestNothingSecretIsObserved(t *testing.T) {
	t.Parallel()
	var mux http.ServeMux
	mux.HandleFunc("/v2.0", says(200, `{"result":{"data":[{"app_id":1,"name":"n","timezone":"UTC"}]}}`))
	mux.HandleFunc("/api/auth/json_rpc", says(200, `{"result":{"jwt":"jwt-secret","refresh":"r-secret","is_2fa_enabled":false}}`))
	mux.HandleFunc("/v1/integration/adapter", says(200, `{"id":3,"password":"pw-secret","webhook_auth":{"token":"hook-secret"}}`))
	mux.HandleFunc("/v1/adapter/login", says(200, `{"access_token":"tok-secret","expires_at":4000000000}`))
	mux.HandleFunc("/v1/adapter/message", says(200, `{"id":7,"resource":{"id":1,"token":"file-secret"}}`))
	p := newPlatform(t, mux.ServeHTTP)
	var exchanges []uis.Exchange
	client := p.client(t, uis.UIS, func(o *uis.Options) {
		o.Key = "key-secret"
		o.Observe = func(_ context.Context, x uis.Exchange) { exchanges = append(exchanges, x) }
	})
	_, _, err := client.Account(t.Context())
	require.NoError(t, err)
	login, err := client.Login(t.Context(), "user", "login-secret")
	require.NoError(t, err)
	_, err = client.Management(login.JWT).CreateAdapter(t.Context(), uis.AdapterFields{Password: "pw-secret", WebhookAuth: uis.BearerAuth("hook-secret")})
	require.NoError(t, err)
	session := client.NewAdapterSession(uis.AdapterCredentials{Login: "l", Password: "pw-secret"}, uis.AdapterToken{}, nil)
	_, err = session.SendMessage(t.Context(), uis.OutMessage{Text: "hello", Resource: &uis.Resource{ID: "1", Token: "file-secret", Name: "a.jpg"}})
	require.NoError(t, err)
	_, err = client.Call(t.Context(), uis.DataAPI, "login.user", map[string]any{"login": "l", "password": "pw-secret"}, nil)
	require.NoError(t, err)
	require.Len(t, exchanges, 6)
	for _, x := range exchanges {
		whole := fmt.Sprintf("%+v %s %s", x, x.Params, x.Answer)
		require.NotContains(t, whole, "secret", x.Method)
	}
	require.Contains(t, string(exchanges[4].Params), "hello", "what is no secret is shown")
}

func TestEveryClassHasItsKey(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, class := range uis.Classes() {
		require.False(t, seen[class.LocaleKey()])
		seen[class.LocaleKey()] = true
	}
	require.Equal(t, uis.Class(""), uis.ClassOf(errors.New("other")))
	require.Equal(t, uis.NotExecuted, uis.ExecutedOf(errors.New("made before sending")))
}

func TestAnswersHaveABound(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 80 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	hosts, err := uis.UIS.Hosts()
	require.NoError(t, err)
	hosts, err = hosts.With(uis.Overrides{DataAPI: server.URL})
	require.NoError(t, err)
	var out json.RawMessage
	_, err = uis.New(uis.Options{Hosts: hosts}).Call(t.Context(), uis.DataAPI, "get.calls_report", nil, &out)
	require.ErrorIs(t, err, uis.ErrAnswerTooLarge)
}
