// Package uisplatform is an embedded UIS platform for tests and the demo: Data API v2.0, Call API v4.0, Chat API (management and adapter), webhooks, HTTP
// notifications and a client's phone, strict as the documentation and able to fail on demand.
//
// It keeps everything in memory, its data is invented, and it shares no code with the product, so that it cannot share the product's mistakes. Whatever the
// documentation does not allow is refused as documented and written to a journal of violations (Platform.Violations); a test that finds an entry there has
// found a bug of the caller. What the documentation leaves open is answered in the way a comment names.
//
// Addresses, all on one handler: /v2.0 (Data API), /v4.0 (Call API), /v1/integration/ (chats management), /v1/adapter/ (Chat API for adapters),
// /api/auth/json_rpc?method=login (login of the personal account), /system/media/ (recordings), /files/ (files of chats), /phone/{account} (the client's
// phone) and /_sandbox/ (control).
package uisplatform

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// Options configure a platform; every field may be left empty.
type Options struct {
	Log *slog.Logger
	// Now tells the time; default time.Now.
	Now func() time.Time
	// PublicURL is the platform's own address without a path. It is used in links to recordings and files; empty: taken from the first request.
	PublicURL string
	// TempDir is where a directory for files is made; default the system's.
	TempDir string
	// FileLimit is the largest file of a chat in bytes; default 50 MiB (the documentation names none).
	FileLimit int64
	// AdapterTokenLife and LoginLife are the lives of an adapter's token and of a personal account's JWT; default one hour each.
	AdapterTokenLife, LoginLife time.Duration
	// WebhookTimeout is how long a webhook or notification waits for its answer when the adapter's webhook_kwargs say nothing; default 10 s.
	WebhookTimeout time.Duration
	// WebhookRetries is how often a webhook that was not answered 200 or 204 is sent again (after 100 ms, 200 ms, …); default none, as nothing is documented.
	WebhookRetries int
	// StepDelay is the pause between the steps of a simulated call; 0: the steps follow at once.
	StepDelay time.Duration
	// AdapterTypesPerAccount makes an adapter's type unique per account only. Default: unique on the whole platform, the stricter reading.
	AdapterTypesPerAccount bool
}

// Platform is one UIS platform with several accounts. It is an http.Handler for everything; it is safe for concurrent use.
type Platform struct {
	opt  Options
	log  *slog.Logger
	mux  *http.ServeMux
	spec map[string]*method

	mu         sync.Mutex // guards everything below and all accounts' state
	publicURL  string
	accounts   map[string]*Account
	order      []*Account
	adapters   map[int64]*adapter
	tokens     map[string]*token
	violations []Violation
	faults     []*Fault
	nextFault  int64
	nextAdpt   int64
	nextFile   int64
	tempDir    string
	closed     bool

	senders sync.WaitGroup
	work    int           // queued and running webhooks, notifications and call scripts
	idle    chan struct{} // closed when work falls to zero
	ctx     context.Context
	cancel  context.CancelFunc
	client  *http.Client
}

// New makes a platform without accounts. Close it when done.
func New(opt Options) *Platform {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	opt.FileLimit = orDefault(opt.FileLimit, 50<<20)
	opt.AdapterTokenLife = orDefault(opt.AdapterTokenLife, time.Hour)
	opt.LoginLife = orDefault(opt.LoginLife, time.Hour)
	opt.WebhookTimeout = orDefault(opt.WebhookTimeout, 10*time.Second)
	spec, err := loadSpec()
	if err != nil {
		panic("uisplatform: its own tables cannot be read: " + err.Error())
	}
	p := &Platform{
		opt: opt, log: opt.Log, spec: spec, publicURL: strings.TrimRight(opt.PublicURL, "/"),
		accounts: map[string]*Account{}, adapters: map[int64]*adapter{}, tokens: map[string]*token{}, nextAdpt: 300,
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.mux = p.routes()
	return p
}

func orDefault[T int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

func (p *Platform) routes() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("/v2.0", p.serveDataAPI)
	m.HandleFunc("/v2.0/", p.serveDataAPI)
	m.HandleFunc("/v4.0", p.serveCallAPI)
	m.HandleFunc("/v4.0/", p.serveCallAPI)
	m.HandleFunc("/api/auth/json_rpc", p.serveLogin)
	m.HandleFunc("/v1/integration/", p.serveManagement)
	m.HandleFunc("/v1/adapter/", p.serveAdapter)
	m.HandleFunc("/system/media/", p.serveRecording)
	m.HandleFunc("/system/media/voice_mail/", p.serveVoiceMail)
	m.HandleFunc("/files/", p.serveFile)
	m.HandleFunc("/phone/", p.servePhone)
	m.HandleFunc("/_sandbox/", p.serveControl)
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.violate(nil, "http", r.Method+" "+r.URL.Path, "unknown_address", "nothing is served at this address")
		http.Error(w, "not found", http.StatusNotFound)
	})
	return m
}

// ServeHTTP implements http.Handler.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	if p.publicURL == "" {
		p.publicURL = "http://" + r.Host
	}
	p.mu.Unlock()
	p.mux.ServeHTTP(w, r)
}

// SetPublicURL tells the platform's own address (without a path) after its listener is known.
func (p *Platform) SetPublicURL(u string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.publicURL = strings.TrimRight(u, "/")
}

// URLs are the platform's addresses in the form in which UIS documents its hosts.
type URLs struct {
	DataAPI, CallAPI string // …/v2.0, …/v4.0
	Chats            string // base of the management API, with /v1
	Adapter          string // base of the adapter API, with /v1/adapter
	Login            string // …/api/auth/json_rpc?method=login
}

// URLsAt are the addresses of a platform that listens at base, for example httptest's server.URL.
func URLsAt(base string) URLs {
	base = strings.TrimRight(base, "/")
	return URLs{DataAPI: base + "/v2.0", CallAPI: base + "/v4.0", Chats: base + "/v1", Adapter: base + "/v1/adapter", Login: base + "/api/auth/json_rpc?method=login"}
}

// Account finds an account by its name, nil when there is none.
func (p *Platform) Account(name string) *Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accounts[name]
}

// Accounts are all accounts in the order in which they were added.
func (p *Platform) Accounts() []*Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*Account(nil), p.order...)
}

// Close stops webhooks and scripts under way and removes the files.
func (p *Platform) Close() {
	p.cancel()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.senders.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tempDir != "" {
		if err := os.RemoveAll(p.tempDir); err != nil {
			p.log.Warn("cannot remove the sandbox's files", "error", err)
		}
		p.tempDir = ""
	}
	p.client.CloseIdleConnections()
}

// Settled waits until no webhook, notification or simulated call is queued or under way.
func (p *Platform) Settled(ctx context.Context) error {
	for {
		p.mu.Lock()
		if p.work == 0 {
			p.mu.Unlock()
			return nil
		}
		if p.idle == nil {
			p.idle = make(chan struct{})
		}
		idle := p.idle
		p.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("wait until the UIS platform rests: %w", ctx.Err())
		}
	}
}

// begin and end count work for Settled; the lock is held.
func (p *Platform) begin() { p.work++ }

func (p *Platform) end() {
	p.work--
	if p.work == 0 && p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
}

func (p *Platform) now() time.Time { return p.opt.Now().UTC() }

// files makes the directory of files at first use; the lock is held.
func (p *Platform) files() (string, error) {
	if p.tempDir == "" {
		dir, err := os.MkdirTemp(p.opt.TempDir, "uis-sandbox-")
		if err != nil {
			return "", fmt.Errorf("make a directory for files: %w", err)
		}
		p.tempDir = dir
	}
	return p.tempDir, nil
}

// secret makes an unguessable string of letters and digits.
func secret(n int) string {
	const abc = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = abc[rand.IntN(len(abc))]
	}
	return string(b)
}
