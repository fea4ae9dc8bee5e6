package uis_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/uis"
)

// testKey must never show up in errors or logs.
const testKey = "k-2d3f-secret"

// recorded is one request as the platform saw it.
type recorded struct {
	Method, Path, Query, Auth, ContentType string
	Body                                   []byte
}

func (r recorded) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal(r.Body, &v), "body %s", r.Body)
	return v
}

// platform is a web server that records requests and answers what the test says.
type platform struct {
	*httptest.Server
	mu       sync.Mutex
	requests []recorded
}

func newPlatform(t *testing.T, answer http.HandlerFunc) *platform {
	t.Helper()
	p := &platform{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 1<<20 && r.ContentLength >= 0 {
			p.keep(r)
		}
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// keep records a request, body included.
func (p *platform) keep(r *http.Request) recorded {
	body, _ := io.ReadAll(r.Body)
	one := recorded{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), body}
	p.mu.Lock()
	p.requests = append(p.requests, one)
	p.mu.Unlock()
	return one
}

// answering makes a platform whose answers are a function of the request.
func answering(t *testing.T, f func(recorded) string) *platform {
	t.Helper()
	p := &platform{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		says(http.StatusOK, f(p.keep(r)))(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *platform) seen() []recorded {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]recorded(nil), p.requests...)
}

func (p *platform) client(t *testing.T, brand uis.Brand, change ...func(*uis.Options)) *uis.Client {
	t.Helper()
	hosts, err := brand.Hosts()
	require.NoError(t, err)
	hosts, err = hosts.With(uis.Overrides{DataAPI: p.URL, CallAPI: p.URL, Chats: p.URL, Adapter: p.URL, Login: p.URL})
	require.NoError(t, err)
	o := uis.Options{Hosts: hosts, Key: testKey, HTTP: p.Client(), RequestLimit: 5 * time.Second}
	for _, f := range change {
		f(&o)
	}
	return uis.New(o)
}

// says answers every request alike.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func newTestServer(t *testing.T, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server
}

// recordingTo keeps requests before they are answered.
func recordingTo(p *platform, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.keep(r)
		answer(w, r)
	}
}
