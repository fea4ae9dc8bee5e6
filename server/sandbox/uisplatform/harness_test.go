package uisplatform_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

// object is a JSON object.
type object = map[string]any

// clock is a time that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a platform with one account behind a real HTTP server, and an adapter's web server.
type world struct {
	t     *testing.T
	p     *uisplatform.Platform
	a     *uisplatform.Account
	urls  uisplatform.URLs
	base  string
	clock *clock
	hooks *receiver
}

func newWorld(t *testing.T, change ...func(*uisplatform.Options, *uisplatform.AccountConfig)) *world {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)}
	opt, cfg := uisplatform.Options{Now: c.Now, TempDir: t.TempDir()}, uisplatform.DemoAccount("romashka")
	for _, f := range change {
		f(&opt, &cfg)
	}
	p := uisplatform.New(opt)
	srv := httptest.NewServer(p)
	t.Cleanup(func() { p.Close(); srv.CloseClientConnections(); srv.Close() })
	p.SetPublicURL(srv.URL)
	return &world{t: t, p: p, a: p.AddAccount(cfg), urls: uisplatform.URLsAt(srv.URL), base: srv.URL, clock: c, hooks: newReceiver(t)}
}

// settled waits until everything has been sent.
func (w *world) settled() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(w.t, w.p.Settled(ctx))
}

// clean fails the test when the journal is not empty.
func (w *world) clean() {
	w.t.Helper()
	require.Empty(w.t, w.p.Violations())
}

// violation expects exactly one entry with this code and empties the journal.
func (w *world) violation(code string) {
	w.t.Helper()
	list := w.p.Violations()
	require.Len(w.t, list, 1)
	require.Equal(w.t, code, list[0].Code)
	w.p.ClearViolations()
}

// rpc calls a JSON-RPC method with the account's key; it answers result or error.
func (w *world) rpc(address, method string, params object) (result, failure object) {
	w.t.Helper()
	all := object{"access_token": w.a.Config().APIKey}
	for k, v := range params {
		all[k] = v
	}
	status, body := w.post(address, object{"jsonrpc": "2.0", "id": 7, "method": method, "params": all}, "")
	require.Equal(w.t, http.StatusOK, status)
	require.Equal(w.t, "2.0", body["jsonrpc"])
	result, _ = body["result"].(object)
	failure, _ = body["error"].(object)
	require.True(w.t, (result == nil) != (failure == nil), "either result or error: %v", body)
	return result, failure
}

func (w *world) data(method string, params object) []any {
	w.t.Helper()
	result, failure := w.rpc(w.urls.DataAPI, method, params)
	require.Nil(w.t, failure)
	list, _ := result["data"].([]any)
	return list
}

// mnemonic calls a method that must fail and answers how.
func (w *world) mnemonic(address, method string, params object) string {
	w.t.Helper()
	_, failure := w.rpc(address, method, params)
	require.NotNil(w.t, failure, "%s must fail", method)
	return failure["data"].(object)["mnemonic"].(string)
}

func (w *world) post(address string, body any, bearer string) (int, object) {
	w.t.Helper()
	return w.send(http.MethodPost, address, body, bearer)
}

func (w *world) send(method, address string, body any, bearer string) (int, object) {
	w.t.Helper()
	status, raw := w.sendRaw(method, address, body, bearer)
	var out object
	if len(raw) > 0 && raw[0] == '{' {
		require.NoError(w.t, json.Unmarshal(raw, &out))
	}
	return status, out
}

func (w *world) sendRaw(method, address string, body any, bearer string) (int, []byte) {
	w.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		require.NoError(w.t, err)
		in = bytes.NewReader(raw)
	}
	r, err := http.NewRequest(method, address, in)
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/json; charset=UTF-8")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return resp.StatusCode, raw
}

// jwt logs into the personal account.
func (w *world) jwt() string {
	w.t.Helper()
	cfg := w.a.Config()
	_, body := w.post(w.urls.Login, object{"jsonrpc": "2.0", "id": "0", "method": "login",
		"params": object{"login": cfg.Login, "password": cfg.Password, "project": "uis2"}}, "")
	return body["result"].(object)["jwt"].(string)
}

// connection is an adapter connected to the world's account.
type connection struct {
	adapter, account int64
	channels         map[int64]int64 // account's channel → adapter's channel
	token            string
}

// adapterBody is a right body of POST /v1/integration/adapter.
func (w *world) adapterBody(typ string) object {
	return object{"type": typ, "name": "Adapter " + typ, "login": "login-" + typ, "password": "secret-" + typ, "webhook_url": w.hooks.url + "/hook",
		"webhook_auth":            object{"type": "Basic", "login": "omni", "password": "hook-secret"},
		"supported_channel_types": []string{"whatsapp", "waba", "telegram", "telegram_private", "comagic", "sms", "email", "avito"}}
}

// connect does what a client of the Chat API does: login, adapter, account, adapter's login.
func (w *world) connect(typ string, channels ...int64) connection {
	w.t.Helper()
	jwt := w.jwt()
	status, made := w.post(w.urls.Chats+"/integration/adapter", w.adapterBody(typ), jwt)
	require.Equal(w.t, http.StatusOK, status, "%v", made)
	status, linked := w.post(w.urls.Chats+"/integration/account", object{"name": typ, "adapter_id": made["id"], "channels": channels, "context": object{}}, jwt)
	require.Equal(w.t, http.StatusOK, status, "%v", linked)
	w.settled()
	out := connection{adapter: id(made["id"]), account: id(linked["id"]), channels: map[int64]int64{}, token: w.adapterLogin("login-"+typ, "secret-"+typ)}
	for _, h := range w.hooks.take("POST /hook/channel") {
		out.channels[id(h.body["context"].(object)["chat_channel_id"])] = id(h.body["id"])
	}
	require.Len(w.t, w.hooks.take("POST /hook/account"), 1)
	return out
}

func (w *world) adapterLogin(login, password string) string {
	w.t.Helper()
	resp, err := http.PostForm(w.urls.Adapter+"/login", url.Values{"username": {login}, "password": {password}})
	require.NoError(w.t, err)
	defer resp.Body.Close()
	require.Equal(w.t, http.StatusOK, resp.StatusCode)
	var out object
	require.NoError(w.t, json.NewDecoder(resp.Body).Decode(&out))
	require.Equal(w.t, "bearer", out["token_type"])
	return out["access_token"].(string)
}

// message is a right body of POST /v1/adapter/message.
func (c connection) message(channel, chat int64, text string) object {
	return object{"account_id": c.account, "channel_id": c.channels[channel], "chat_id": chat, "operator_id": 1001, "source": "operator", "text": text,
		"created_at": "2026-03-10T09:00:01.000+00:00"}
}

func id(v any) int64 {
	f, _ := v.(float64)
	return int64(f)
}

// hook is one request that came to the adapter's web server.
type hook struct {
	name string // method and path
	auth string
	raw  string
	body object
}

// receiver is an adapter's web server; it answers 204 unless told otherwise.
type receiver struct {
	url    string
	mu     sync.Mutex
	hooks  []hook
	status int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusNoContent}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	r.url = srv.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	raw, err := io.ReadAll(in.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h := hook{name: in.Method + " " + in.URL.RequestURI(), auth: in.Header.Get("Authorization"), raw: string(raw)}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &h.body); err != nil {
			h.name += " (not JSON)"
		}
	}
	r.mu.Lock()
	r.hooks = append(r.hooks, h)
	status := r.status
	r.mu.Unlock()
	w.WriteHeader(status)
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// take removes and answers the requests with this method and path; "" takes all.
func (r *receiver) take(name string) []hook {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out, left []hook
	for _, h := range r.hooks {
		if name == "" || h.name == name {
			out = append(out, h)
		} else {
			left = append(left, h)
		}
	}
	r.hooks = left
	return out
}

// names are what came, in order; they are taken.
func (r *receiver) names() []string {
	out := []string{}
	for _, h := range r.take("") {
		name := strings.TrimPrefix(h.name, "POST /hook")
		if s, ok := h.body["status"].(string); ok && strings.HasSuffix(h.name, "/status") {
			name += " " + s
		}
		out = append(out, name)
	}
	return out
}

func at(list []any, i int, field string) any { return list[i].(object)[field] }

func ids(list []any) []int64 {
	out := []int64{}
	for i := range list {
		out = append(out, id(at(list, i, "id")))
	}
	return out
}

func text(v any) string { return fmt.Sprint(v) }
