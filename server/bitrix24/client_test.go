package bitrix24_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
)

// portalServer is a server that answers every request with handle, and a client for it.
func portalServer(t *testing.T, o bitrix24.Options, handle http.HandlerFunc) (*bitrix24.Client, bitrix24.Target) {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	o.HTTP = s.Client()
	return bitrix24.New(o), bitrix24.Target{Endpoint: s.URL + "/rest/", Access: "secret-access"}
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func failure(t *testing.T, err error) *bitrix24.Error {
	t.Helper()
	var e *bitrix24.Error
	require.ErrorAs(t, err, &e)
	return e
}

func TestCallSendsTheTokenInTheBodyAndReadsTheEnvelope(t *testing.T) {
	t.Parallel()
	client, to := portalServer(t, bitrix24.Options{UserAgent: "test/1"}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/rest/crm.item.list" || r.Method != http.MethodPost || r.Header.Get("User-Agent") != "test/1" || r.Header.Get("Authorization") != "" ||
			strings.Contains(r.URL.RawQuery, "secret") || r.URL.Query().Get("bx24_request_id") == "" {
			http.Error(w, "wrong request "+r.URL.String(), http.StatusTeapot)
			return
		}
		var body map[string]any
		if json.NewDecoder(r.Body).Decode(&body) != nil || body["auth"] != "secret-access" || body["entityTypeId"] != 2.0 {
			http.Error(w, "wrong body", http.StatusTeapot)
			return
		}
		_, _ = io.WriteString(w, `{"result":{"items":[]},"total":"120","next":50,"time":{"start":1,"duration":0.36,"processing":"0.3","operating_reset_at":1790000600,"operating":0.31}}`)
	})
	params := bitrix24.Params{"entityTypeId": 2}
	answer, err := client.Call(t.Context(), to, bitrix24.Call{Method: "crm.item.list", Params: params})
	require.NoError(t, err)
	require.JSONEq(t, `{"items":[]}`, string(answer.Result))
	require.Equal(t, 120, *answer.Total)
	require.Equal(t, 50, *answer.Next)
	require.InDelta(t, 0.31, answer.Time.Operating, 1e-9)
	require.InDelta(t, 0.3, answer.Time.Processing, 1e-9)
	require.InDelta(t, 1790000600, answer.Time.ResetAt, 0)
	require.NotContains(t, params, "auth", "the caller's parameters stay as they are")
}

func TestOddEnvelopes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status   int
		body     string
		class    bitrix24.Class // "" means success
		executed bitrix24.Executed
	}{
		"result null":             {200, `{"result":null,"time":[]}`, "", 0},
		"result false":            {200, `{"result":false}`, "", 0},
		"odd time and total":      {200, `{"result":1,"total":"many","next":null,"time":"soon"}`, "", 0},
		"error with HTTP 200":     {200, `{"error":"ERROR_PLACEMENT_MAX_COUNT","error_description":"one only"}`, bitrix24.Already, bitrix24.NotExecuted},
		"error beside a result":   {200, `{"result":true,"error":"ERROR_CORE","error_description":"x"}`, bitrix24.Invalid, bitrix24.NotExecuted},
		"numeric code":            {400, `{"error":100,"error_description":"Could not find value for parameter {id}"}`, bitrix24.Invalid, bitrix24.NotExecuted},
		"empty code":              {400, `{"error":"","error_description":"Access denied."}`, bitrix24.AccessDenied, bitrix24.NotExecuted},
		"v3 error":                {403, `{"error":{"code":"BITRIX_REST_V3_EXCEPTION_ACCESSDENIEDEXCEPTION","message":"no"}}`, bitrix24.AccessDenied, bitrix24.NotExecuted},
		"neither":                 {200, `{}`, bitrix24.Server, bitrix24.Unknown},
		"empty":                   {200, ``, bitrix24.Server, bitrix24.Unknown},
		"HTML of a proxy":         {502, `<html>Bad gateway</html>`, bitrix24.Server, bitrix24.Unknown},
		"HTML with 404":           {404, `<html>nothing</html>`, bitrix24.Server, bitrix24.Unknown},
		"HTML with 200":           {200, `<html>login</html>`, bitrix24.Server, bitrix24.Unknown},
		"too large for the proxy": {413, `<html>too large</html>`, bitrix24.Invalid, bitrix24.NotExecuted},
		"too many for the proxy":  {429, `slow down`, bitrix24.RateLimited, bitrix24.NotExecuted},
		"a list":                  {200, `[1]`, bitrix24.Server, bitrix24.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, to := portalServer(t, bitrix24.Options{}, answers(c.status, c.body))
			answer, err := client.Call(t.Context(), to, bitrix24.Call{Method: "crm.item.add"})
			if c.class == "" {
				require.NoError(t, err)
				require.NotNil(t, answer)
				return
			}
			e := failure(t, err)
			require.Equal(t, c.class, e.Class(), e.Error())
			require.Equal(t, c.executed, e.Executed(), e.Error())
			require.Equal(t, "crm.item.add", e.Method)
			require.NotEmpty(t, e.RequestID)
			require.NotContains(t, err.Error(), "secret-access")
		})
	}
}

func TestOperatingLimitTellsWhenItEnds(t *testing.T) {
	t.Parallel()
	client, to := portalServer(t, bitrix24.Options{}, answers(429, `{"error":"OPERATION_TIME_LIMIT","error_description":"blocked","time":{"operating_reset_at":1790000600}}`))
	_, err := client.Call(t.Context(), to, bitrix24.Call{Method: "user.get"})
	require.ErrorIs(t, err, bitrix24.ErrOperatingLimit)
	require.InDelta(t, 1790000600, failure(t, err).Time.ResetAt, 0)
}

// TestRenamedPortal: the token must not follow a redirect, wherever it points.
func TestRenamedPortal(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 307, 308} {
		client, to := portalServer(t, bitrix24.Options{}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/rest/profile?x=1", status)
		})
		_, err := client.Call(t.Context(), to, bitrix24.Call{Method: "profile"})
		require.ErrorIs(t, err, bitrix24.ErrRenamed)
		e := failure(t, err)
		require.Equal(t, other.URL+"/rest/", e.NewEndpoint())
		require.Equal(t, other.URL+"/rest/profile", e.Location)
		require.Equal(t, bitrix24.NotExecuted, e.Executed())
	}
	client, to := portalServer(t, bitrix24.Options{}, answers(302, ``))
	_, err := client.Call(t.Context(), to, bitrix24.Call{Method: "profile"})
	require.ErrorIs(t, err, bitrix24.ErrRenamed, "also when it does not say where it went")
	require.Empty(t, failure(t, err).NewEndpoint())
	require.Zero(t, elsewhere.Load())
}

// TestWhatIsKnownOfALostRequest: never connected means not executed, everything after that is unknown.
func TestWhatIsKnownOfALostRequest(t *testing.T) {
	t.Parallel()
	lost := func(t *testing.T, client *bitrix24.Client, to bitrix24.Target, ctx context.Context) *bitrix24.Error {
		t.Helper()
		_, err := client.Call(ctx, to, bitrix24.Call{Method: "crm.item.add"})
		require.ErrorIs(t, err, bitrix24.ErrTransport)
		require.NotContains(t, err.Error(), to.Endpoint, "addresses may hold secrets of webhooks")
		return failure(t, err)
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address := l.Addr().String()
		require.NoError(t, l.Close())
		e := lost(t, bitrix24.New(bitrix24.Options{}), bitrix24.Target{Endpoint: "http://" + address + "/rest/"}, t.Context())
		require.Equal(t, bitrix24.NotExecuted, e.Executed())
	})
	t.Run("no TLS", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewUnstartedServer(answers(200, `{"result":1}`))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		e := lost(t, bitrix24.New(bitrix24.Options{}), bitrix24.Target{Endpoint: s.URL + "/rest/"}, t.Context())
		require.Equal(t, bitrix24.NotExecuted, e.Executed(), "the certificate was refused before anything was sent")
	})
	t.Run("reset", func(t *testing.T) {
		t.Parallel()
		var got atomic.Int32
		client, to := portalServer(t, bitrix24.Options{}, func(_ http.ResponseWriter, r *http.Request) {
			got.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		})
		e := lost(t, client, to, t.Context())
		require.Equal(t, bitrix24.Unknown, e.Executed())
		require.Equal(t, int32(1), got.Load(), "a request is never repeated behind the caller's back")
	})
	t.Run("cut in the middle of the answer", func(t *testing.T) {
		t.Parallel()
		client, to := portalServer(t, bitrix24.Options{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"result":`)
			panic(http.ErrAbortHandler)
		})
		require.Equal(t, bitrix24.Unknown, lost(t, client, to, t.Context()).Executed())
	})
	t.Run("time-out", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		client, to := portalServer(t, bitrix24.Options{}, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		e := lost(t, client, to, ctx)
		require.Equal(t, bitrix24.Unknown, e.Executed())
		require.ErrorIs(t, e, context.Canceled)
	})
}

func TestHostsMustBeAllowed(t *testing.T) {
	t.Parallel()
	client, to := portalServer(t, bitrix24.Options{AllowHost: func(host, scheme string) error {
		return errors.New(scheme + "://" + host + " is not on the list")
	}}, answers(200, `{"result":1}`))
	_, err := client.Call(t.Context(), to, bitrix24.Call{Method: "profile"})
	require.ErrorIs(t, err, bitrix24.ErrBlocked)
	require.Equal(t, bitrix24.Blocked, failure(t, err).Class())
	require.Equal(t, bitrix24.NotExecuted, failure(t, err).Executed())
}

func TestWhatCannotBeSentIsRefused(t *testing.T) {
	t.Parallel()
	client, to := portalServer(t, bitrix24.Options{}, answers(200, `{"result":1}`))
	for _, method := range []string{"", "../app.info", "crm.item.add?auth=x", "crm item", "a..b", "profile/"} {
		_, err := client.Call(t.Context(), to, bitrix24.Call{Method: method})
		require.ErrorIs(t, err, bitrix24.ErrInvalid, method)
	}
	_, err := client.Call(t.Context(), to, bitrix24.Call{Method: "profile", Params: bitrix24.Params{"a": bitrix24.Ref{Key: "b", Path: "ID"}}})
	require.ErrorIs(t, err, bitrix24.ErrInvalid, "a reference means nothing outside a batch")
	for _, endpoint := range []string{"", "ftp://acme.example/rest/", "://", "/rest/"} {
		_, err := client.Call(t.Context(), bitrix24.Target{Endpoint: endpoint}, bitrix24.Call{Method: "profile"})
		require.Equal(t, bitrix24.NotExecuted, failure(t, err).Executed(), endpoint)
	}
}

func TestLogHasEveryRequestAndNoSecret(t *testing.T) {
	t.Parallel()
	var records []bitrix24.Record
	hook := func(_ context.Context, r bitrix24.Record) { records = append(records, r) }
	at := time.Date(2026, 5, 5, 0, 0, 0, 0, time.UTC)
	client, to := portalServer(t, bitrix24.Options{Log: hook, Now: func() time.Time { at = at.Add(time.Second); return at }},
		answers(401, `{"error":"expired_token","error_description":"over","access_token":"leak-1"}`))
	_, err := client.Call(t.Context(), to, bitrix24.Call{Method: "profile"})
	require.Error(t, err)
	require.Len(t, records, 1)
	r := records[0]
	require.Equal(t, []any{"profile", 401, "expired_token", time.Second}, []any{r.Method, r.HTTP, r.Code, r.Duration})
	require.Contains(t, to.Endpoint, r.Host)
	require.Equal(t, failure(t, err).RequestID, r.ID)
	require.Contains(t, r.Request(), `"auth":"***"`)
	require.NotContains(t, r.Request()+r.Answer(), "secret-access")
	require.NotContains(t, r.Request()+r.Answer(), "leak-1")
}
