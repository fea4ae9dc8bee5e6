package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
	"omni/server/store/storetest"
)

const (
	appID     = "local.omni"
	appSecret = "sandbox-secret"
	// patience is how long anything may take on a loaded machine before a test gives up.
	patience = 60 * time.Second
	// look is the pause between two looks.
	look = 30 * time.Millisecond
)

// binary is the server under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "omni-e2e-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "omni")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "omni/server")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// world is one installation of the product with the platforms around it.
type world struct {
	t        *testing.T
	bitrix   *portal.World
	served   *portal.Server
	platform *uisplatform.Platform
	uis      *httptest.Server
	gate     *gate
	database string
	program  string
	points   int // a UIS account may spend; 0: the usual limits
	extra    []string
	servers  []*server
}

// plan is what a world is made of.
type plan struct {
	servers int
	extra   []string // of the servers' environment
	// database is where the servers keep everything, program what they run, cut when a portal gives a request up; empty: the usual.
	database, program string
	cut               time.Duration
}

// newWorld starts the platforms and n servers behind one address.
func newWorld(t *testing.T, n int, extra ...string) *world {
	t.Helper()
	return plan{servers: n, extra: extra, database: storetest.URL(t), program: binary}.world(t)
}

func (p plan) world(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, database: p.database, program: p.program, gate: newGate(t), extra: p.extra}
	public := "http://" + w.gate.address
	w.bitrix = portal.New(portal.Options{RequestCut: p.cut})
	w.bitrix.RegisterApp(portal.App{ClientID: appID, ClientSecret: appSecret, Title: "OMNI", InstallURL: public + "/bitrix24/install",
		AppURL: public + "/bitrix24/app", EventsURL: public + "/bitrix24/events", RedirectURL: public + "/bitrix24/oauth/callback"})
	served, err := portal.Serve(w.bitrix, "127.0.0.1:0")
	require.NoError(t, err)
	w.served = served
	// The documentation promises no repetition of webhooks; a platform that meets a dead server is played as one that tries again.
	w.platform = uisplatform.New(uisplatform.Options{TempDir: t.TempDir(), WebhookRetries: 30})
	w.uis = httptest.NewServer(w.platform)
	w.platform.SetPublicURL(w.uis.URL)
	t.Cleanup(func() {
		w.stop()
		w.platform.Close()
		w.uis.Close()
		_ = w.served.Close()
		w.bitrix.Close()
	})
	for range p.servers {
		w.servers = append(w.servers, &server{w: w, public: freeAddress(t), internal: freeAddress(t), log: filepath.Join(t.TempDir(), "omni.log")})
	}
	return w
}

// run starts every server; portals must have been added, because their addresses are in the environment.
func (w *world) run() {
	w.t.Helper()
	for _, s := range w.servers {
		s.start()
		w.gate.add(s.public)
	}
}

func (w *world) stop() {
	for _, s := range w.servers {
		s.kill()
		if w.t.Failed() {
			raw, _ := os.ReadFile(s.log)
			w.t.Logf("log of %s:\n%s", s.public, tail(raw, 6000))
		}
	}
}

func tail(raw []byte, n int) []byte {
	if len(raw) > n {
		return raw[len(raw)-n:]
	}
	return raw
}

func (w *world) environment(s *server) []string {
	uis := w.uis.URL
	hosts := []string{strings.TrimPrefix(w.served.OAuthURL(), "http://")}
	for _, p := range w.bitrix.Portals() {
		hosts = append(hosts, p.Host())
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "OMNI_LISTEN=" + s.public, "OMNI_INTERNAL_LISTEN=" + s.internal, "OMNI_PUBLIC_URL=http://" + w.gate.address,
		"OMNI_DATABASE_URL=" + w.database, "OMNI_DATABASE_CONNS=6", "OMNI_SECRET_KEYS=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"OMNI_B24_CLIENT_ID=" + appID, "OMNI_B24_CLIENT_SECRET=" + appSecret, "OMNI_B24_OAUTH_URLS=" + w.served.OAuthURL(),
		"OMNI_B24_INSECURE_HOSTS=" + strings.Join(hosts, ","), "OMNI_B24_REQUEST_LIMIT=2s", "OMNI_UIS_REQUEST_LIMIT=2s",
		"OMNI_UIS_DATA_API_URL=" + uis + "/v2.0", "OMNI_UIS_CALL_API_URL=" + uis + "/v4.0", "OMNI_UIS_CHATS_URL=" + uis + "/v1/",
		"OMNI_UIS_ADAPTER_URL=" + uis + "/v1/adapter/", "OMNI_UIS_LOGIN_URL=" + uis + "/api/auth/json_rpc?method=login",
		"OMNI_UIS_MEDIA_HOSTS=" + strings.TrimPrefix(uis, "http://"), "OMNI_TEST_CLOCK=1", "OMNI_LOG_LEVEL=warn", "OMNI_LOG_FORMAT=text"}
	return append(env, w.extra...)
}

// server is one `omni serve` process.
type server struct {
	w                *world
	public, internal string
	log              string
	mu               sync.Mutex
	cmd              *exec.Cmd
	ended            chan struct{}
	harmed           sync.Mutex  // held while something is done to it
	out              atomic.Bool // left out of the run
}

func (s *server) start() {
	s.w.t.Helper()
	require.NoError(s.w.t, s.launch())
	eventually(s.w.t, "the server is ready", s.ready)
}

// launch starts the process; it is not ready yet.
func (s *server) launch() error {
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), s.w.program, "serve")
	cmd.Env, cmd.Stdout, cmd.Stderr = s.w.environment(s), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); _ = out.Close(); close(ended) }()
	s.mu.Lock()
	s.cmd, s.ended = cmd, ended
	s.mu.Unlock()
	return nil
}

// ready tells whether the server reaches its database and takes connections.
func (s *server) ready() bool {
	resp, err := http.Get("http://" + s.internal + "/readyz")
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	conn, err := net.Dial("tcp", s.public)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return resp.StatusCode == http.StatusOK
}

// gone tells whether the process has ended by itself.
func (s *server) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (s *server) signal(sig os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(sig)
	}
}

// kill is SIGKILL: the process has no moment to tidy up.
func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
	s.cmd = nil
}

func (s *server) restart() {
	s.w.t.Helper()
	s.kill()
	s.start()
}

// rest waits until the platforms have sent everything and nothing is left to do.
func (w *world) rest() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	require.NoError(w.t, w.platform.Settled(ctx))
	var last map[string]any
	calm := 0
	ok := poll(func() bool {
		last = w.pending()
		for _, name := range []string{"inbox", "parked", "outbox", "in_flight", "unclear", "jobs"} {
			if n, known := last[name].(float64); !known || n != 0 {
				calm = 0
				return false
			}
		}
		for _, p := range w.bitrix.Portals() {
			if p.EventsPending() > 0 {
				calm = 0
				return false
			}
		}
		calm++
		return calm > 2
	})
	require.True(w.t, ok, "the system does not rest: %v", last)
}

func (w *world) pending() map[string]any {
	for _, s := range w.servers {
		resp, err := http.Get("http://" + s.internal + "/pending")
		if err != nil {
			continue
		}
		raw, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		var v map[string]any
		if json.Unmarshal(raw, &v) == nil {
			return v
		}
	}
	return nil
}

// clean asserts that nobody did anything the documentation does not allow.
func (w *world) clean() {
	w.t.Helper()
	require.Empty(w.t, w.bitrix.Violations(), "the portal's journal")
	require.Empty(w.t, w.platform.Violations(), "the journal of UIS")
}

func poll(done func() bool) bool {
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(look)
	}
	return true
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	require.True(t, poll(done), "in vain: %s", what)
}

// nextPort is below the ports that the system gives to connections, so that none of them takes an address before its server does; the browser tests' are
// above it.
var nextPort atomic.Int64

// freeAddress is an address that nobody listens on and that no other test of this run is given.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 8000 {
		address := fmt.Sprintf("127.0.0.1:%d", 11000+(int64(os.Getpid())*37+nextPort.Add(1))%8000)
		if l, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, l.Close())
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// gate is the public address in front of the servers: each connection goes to the first server that takes it, and waits while none does.
type gate struct {
	address string
	mu      sync.Mutex
	servers []string
	// turns makes every connection begin with another server.
	turns bool
	turn  int
}

func newGate(t *testing.T) *gate {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	g := &gate{address: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go g.pass(conn)
		}
	}()
	return g
}

func (g *gate) add(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Contains(g.servers, address) {
		g.servers = append(g.servers, address)
	}
}

// remove takes a server out, as a balancer does that finds it dead.
func (g *gate) remove(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.servers = slices.DeleteFunc(slices.Clone(g.servers), func(s string) bool { return s == address })
}

// order is in which order servers are tried.
func (g *gate) order() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := slices.Clone(g.servers)
	if g.turns && len(list) > 0 {
		g.turn++
		at := g.turn % len(list)
		list = append(list[at:], list[:at]...)
	}
	return list
}

func (g *gate) dial() net.Conn {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(look) {
		list := g.order()
		for _, address := range list {
			if conn, err := net.Dial("tcp", address); err == nil {
				return conn
			}
		}
	}
	return nil
}

func (g *gate) pass(in net.Conn) {
	defer func() { _ = in.Close() }()
	out := g.dial()
	if out == nil {
		return
	}
	go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
	_, _ = io.Copy(in, out)
}

// ask sends a request and reads the whole answer; a request that a dying server cut off answers 0.
func ask(method, url, token string, body any) (int, []byte) {
	var reader io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case raw:
		reader, kind = bytes.NewReader(b.body), b.kind
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			panic(err)
		}
		reader = bytes.NewReader(encoded)
	}
	req, err := http.NewRequest(method, url, reader)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	if r, ok := body.(raw); ok {
		for name, value := range r.header {
			req.Header.Set(name, value)
		}
	}
	resp, err := browser.Do(req)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, []byte(err.Error())
	}
	return resp.StatusCode, answer
}

// browser keeps no connections: the server behind the gate may change between two requests.
var browser = &http.Client{Timeout: 40 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// raw is a body that is sent as it is.
type raw struct {
	kind   string
	body   []byte
	header map[string]string
}

func decode[T any](t *testing.T, body []byte) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(body, &v), fmt.Sprintf("%.300s", body))
	return v
}
