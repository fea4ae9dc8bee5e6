package portal

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Options configure a world.
type Options struct {
	Log           *slog.Logger     // where the world reports its own troubles; nothing when nil
	Now           func() time.Time // real time when nil; Advance shifts it
	VirtualBucket bool             // the leaky bucket and the operating counters follow the world's clock instead of the real one
	RequireDomain bool             // refuse handler addresses without a dot in the host name, as real portals do (localhost)
	RequestCut    time.Duration    // how long a request may run before the portal gives up on it, 60 s when zero
	Client        *http.Client     // sends events and fetches files; a client with a 30 s limit when nil
}

// World is one authorization server with its portals.
type World struct {
	opts    Options
	log     *slog.Logger
	client  *http.Client
	methods map[string]*method
	events  map[string]string // known events with the scope each needs
	tokens  *tokenStore
	journal *journal
	faults  *faultBox
	look    *look

	mu        sync.Mutex
	shift     time.Duration
	oauthBase string // http://host:port of the authorization server
	apps      []*App
	portals   []*Portal
	closed    chan struct{}
	closeOnce sync.Once
	sending   sync.WaitGroup
}

// New makes an empty world.
func New(o Options) *World {
	w := &World{opts: o, log: o.Log, client: o.Client, closed: make(chan struct{}), oauthBase: "http://oauth.invalid"}
	if w.log == nil {
		w.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if w.opts.Now == nil {
		w.opts.Now = time.Now
	}
	if w.opts.RequestCut == 0 {
		w.opts.RequestCut = time.Minute
	}
	if w.client == nil {
		w.client = &http.Client{Timeout: 30 * time.Second}
	}
	w.methods, w.events = registry(), knownEvents()
	w.tokens = newTokenStore()
	w.journal = &journal{}
	w.faults = newFaultBox()
	var err error
	if w.look, err = newLook(); err != nil {
		panic("portal: the embedded pages are broken: " + err.Error())
	}
	return w
}

// Now is the world's time.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opts.Now().Add(w.shift)
}

// Advance moves the world's time forward: tokens expire, timers run out.
func (w *World) Advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shift += d
}

// Close stops the delivery of events.
func (w *World) Close() {
	w.closeOnce.Do(func() { close(w.closed) })
	w.sending.Wait()
}

// SetOAuthBase tells the world where its authorization server is reached, such as http://127.0.0.1:8201.
func (w *World) SetOAuthBase(base string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.oauthBase = base
}

// OAuthBase is where the authorization server is reached.
func (w *World) OAuthBase() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.oauthBase
}

// ServerEndpoint is the REST root of the authorization server, as tokens name it.
func (w *World) ServerEndpoint() string { return w.OAuthBase() + "/rest/" }

// AddPortal adds a portal with invented users and directories.
func (w *World) AddPortal(c PortalConfig) *Portal {
	p := newPortal(w, c)
	w.mu.Lock()
	w.portals = append(w.portals, p)
	w.mu.Unlock()
	return p
}

// Portals are all portals in the order they were added.
func (w *World) Portals() []*Portal {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*Portal(nil), w.portals...)
}

// Portal finds a portal by name, nil when there is none.
func (w *World) Portal(name string) *Portal {
	for _, p := range w.Portals() {
		if p.Name() == name {
			return p
		}
	}
	return nil
}

// RegisterApp makes an application known to the authorization server and to every portal's Applications page. A second registration of a client id replaces the first.
func (w *World) RegisterApp(a App) *App {
	app := a.withDefaults()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, old := range w.apps {
		if old.ClientID == app.ClientID {
			*old = *app
			return old
		}
	}
	w.apps = append(w.apps, app)
	return app
}

func (w *World) app(clientID string) *App {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.apps {
		if a.ClientID == clientID || a.Code == clientID {
			return a
		}
	}
	return nil
}

func (w *World) allApps() []*App {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*App(nil), w.apps...)
}

// Violations is the journal of what callers did against the documentation; a test fails on the first entry.
func (w *World) Violations() []Violation { return w.journal.violations() }

// Requests is the log of REST and OAuth requests, oldest first, without secrets.
func (w *World) Requests() []Request { return w.journal.requests() }

// Deliveries is the log of events sent to applications, oldest first.
func (w *World) Deliveries() []Delivery { return w.journal.deliveries() }

// Reset removes violations, logs and faults, and puts every portal back to its first state (uninstalled, invented data).
func (w *World) Reset() {
	w.journal.reset()
	w.faults.clear()
	w.tokens.clear()
	for _, p := range w.Portals() {
		p.reset()
	}
}

// bucketNow is the time the limits follow.
func (w *World) bucketNow() time.Time {
	if w.opts.VirtualBucket {
		return w.Now()
	}
	return time.Now()
}

// secret is a random name of n bytes in hex.
func secret(n int) string {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic(fmt.Sprintf("read randomness: %v", err))
	}
	return hex.EncodeToString(b)
}
