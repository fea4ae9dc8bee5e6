package bitrix24_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
)

// authServer is an authorization server that counts what reaches it, and a client that trusts only it.
func authServer(t *testing.T, handle http.HandlerFunc) (*bitrix24.Client, string, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); handle(w, r) }))
	t.Cleanup(s.Close)
	at := time.Date(2026, 5, 5, 0, 0, 0, 0, time.UTC)
	c := bitrix24.New(bitrix24.Options{HTTP: s.Client(), ClientID: "app.1", ClientSecret: "top-secret", OAuthServers: []string{s.URL}, Now: func() time.Time { return at }})
	return c, s.URL + "/rest/", &asked
}

func TestRefreshPostsTheSecretInTheBody(t *testing.T) {
	t.Parallel()
	client, server, _ := authServer(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if r.Method != http.MethodPost || r.URL.Path != "/oauth/token/" || r.URL.RawQuery != "" || r.PostForm.Get("client_secret") != "top-secret" ||
			r.PostForm.Get("client_id") != "app.1" || r.PostForm.Get("grant_type") != "refresh_token" || r.PostForm.Get("refresh_token") != "rt-1" {
			http.Error(w, `{"error":"invalid_request"}`, http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"at-2","refresh_token":"rt-2","expires_in":"3600","expires":1790000000,"client_endpoint":"https://acme.example/rest/",
			"server_endpoint":"https://oauth.example/rest/","domain":"oauth.example","member_id":"m1","scope":"crm,im","status":"S","user_id":"7"}`)
	})
	token, err := client.Refresh(t.Context(), server, "rt-1")
	require.NoError(t, err)
	require.Equal(t, &bitrix24.Token{Access: "at-2", Refresh: "rt-2", ExpiresAt: time.Date(2026, 5, 5, 1, 0, 0, 0, time.UTC), ClientEndpoint: "https://acme.example/rest/",
		ServerEndpoint: "https://oauth.example/rest/", MemberID: "m1", Scope: []string{"crm", "im"}, Status: "S", UserID: 7}, token)
}

func TestExchangeOfACode(t *testing.T) {
	t.Parallel()
	client, server, _ := authServer(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if r.PostForm.Get("grant_type") != "authorization_code" || r.PostForm.Get("code") != "c-1" {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"at","refresh_token":"rt","expires_in":3600,"member_id":"m1"}`)
	})
	token, err := client.Exchange(t.Context(), server, "c-1")
	require.NoError(t, err)
	require.Equal(t, "rt", token.Refresh)
	_, err = client.Exchange(t.Context(), server, "used")
	require.ErrorIs(t, err, bitrix24.ErrAuthRefused)
}

// TestSecretsGoOnlyToKnownServers: a forged POST names a server of its own; neither the secret nor a token may reach it.
func TestSecretsGoOnlyToKnownServers(t *testing.T) {
	t.Parallel()
	client, good, asked := authServer(t, answers(200, `{}`))
	evil, evilURL, reached := authServer(t, answers(200, `{"access_token":"x","refresh_token":"y"}`))
	_ = evil
	for _, server := range []string{evilURL, "https://oauth.evil.example/rest/", good[:len(good)-6] + ".evil.example/rest/", "https://" + good[7:], "javascript:1", "https://"} {
		_, err := client.Refresh(t.Context(), server, "rt")
		require.ErrorIs(t, err, bitrix24.ErrServerNotAllowed, server)
		_, err = client.Exchange(t.Context(), server, "code")
		require.ErrorIs(t, err, bitrix24.ErrServerNotAllowed, server)
		_, err = client.AppInfo(t.Context(), server, "at")
		require.ErrorIs(t, err, bitrix24.ErrServerNotAllowed, server)
	}
	require.Zero(t, reached.Load()+asked.Load())
	_, err := bitrix24.New(bitrix24.Options{}).Refresh(t.Context(), good, "rt")
	require.ErrorIs(t, err, bitrix24.ErrServerNotAllowed, "without a list nobody is trusted")
}

func TestRefreshFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status   int
		body     string
		class    bitrix24.Class
		executed bitrix24.Executed
	}{
		"spent":          {400, `{"error":"invalid_grant","error_description":"no"}`, bitrix24.AuthRefused, bitrix24.NotExecuted},
		"wrong app":      {401, `{"error":"invalid_client"}`, bitrix24.AuthRefused, bitrix24.NotExecuted},
		"not paid":       {403, `{"error":"PAYMENT_REQUIRED"}`, bitrix24.PaymentRequired, bitrix24.NotExecuted},
		"down":           {503, `<html>`, bitrix24.Server, bitrix24.Unknown},
		"no tokens":      {200, `{"domain":"x"}`, bitrix24.Server, bitrix24.Unknown},
		"half a pair":    {200, `{"access_token":"at"}`, bitrix24.Server, bitrix24.Unknown},
		"unreadable":     {200, `ok`, bitrix24.Server, bitrix24.Unknown},
		"unreadable 404": {404, `<html>`, bitrix24.Server, bitrix24.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, server, _ := authServer(t, answers(c.status, c.body))
			_, err := client.Refresh(t.Context(), server, "rt-secret")
			e := failure(t, err)
			require.Equal(t, c.class, e.Class(), e.Error())
			require.Equal(t, c.executed, e.Executed(), e.Error())
			require.NotContains(t, e.Error(), "secret")
		})
	}
}

func TestAppInfoAsksTheAuthorizationServer(t *testing.T) {
	t.Parallel()
	client, server, _ := authServer(t, func(w http.ResponseWriter, r *http.Request) {
		var body map[string]string
		if r.URL.Path != "/rest/app.info" || json.NewDecoder(r.Body).Decode(&body) != nil || body["auth"] != "at" {
			http.Error(w, `{"error":"NO_AUTH_FOUND"}`, http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"result":{"ID":1,"CODE":"app.1","VERSION":"3","STATUS":"P","INSTALLED":true,"PAYMENT_EXPIRED":"N","DAYS":null,"LANGUAGE_ID":"ru","LICENSE":"ru_ent250","LICENSE_FAMILY":"ent"}}`)
	})
	info, err := client.AppInfo(t.Context(), server, "at")
	require.NoError(t, err)
	require.Equal(t, "app.1", string(info.Code))
	require.True(t, bool(info.Installed))
	require.False(t, bool(info.PaymentExpired))
	require.InDelta(t, 250, bitrix24.BucketFor(string(info.License)).Size, 0)
	_, err = client.AppInfo(context.Background(), server, "forged")
	require.ErrorIs(t, err, bitrix24.ErrAuthRefused)
}

func TestTokensDoNotPrintThemselves(t *testing.T) {
	t.Parallel()
	for _, v := range []any{bitrix24.Token{Access: "leak", Refresh: "leak", MemberID: "m1"}, &bitrix24.Token{Access: "leak"}, bitrix24.Target{Endpoint: "https://acme.example/rest/", Access: "leak"}} {
		require.NotContains(t, fmt.Sprintf("%v %+v %s", v, v, v), "leak")
	}
}

func TestAuthorizeURL(t *testing.T) {
	t.Parallel()
	c := bitrix24.New(bitrix24.Options{ClientID: "app.1"})
	require.Equal(t, "https://acme.example/oauth/authorize/?client_id=app.1&state=a%26b", c.AuthorizeURL("https://acme.example/", "a&b"))
	require.Equal(t, []string{"crm", "im", "user"}, bitrix24.Scopes("crm%2Cim user"))
}
