package portal

import (
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Leads modes of a portal.
const (
	Classic = "classic" // leads are in use
	Simple  = "simple"  // contacts and deals only
)

// PortalConfig describes a portal; the zero value of everything but Name works.
type PortalConfig struct { //nolint:revive // Config would be taken for the world's
	Name      string        // shown on the page, and the name in the control interface
	Host      string        // host:port it is reached at; Serve fills it when empty
	Licence   string        // such as ru_std, ru_ent250 (bucket 250/5), ru_selfhosted (no limits); default ru_std
	LeadsMode string        // Classic (default) or Simple
	Lang      string        // interface language of users who have none, ru by default
	Users     []User        // invented ones when empty
	Bucket    *Bucket       // overrides what the licence gives
	Operating time.Duration // seconds of one method in ten minutes, 480 s when zero
	// OperatingPerBatch accounts a batch as a call of its own (method batch) instead of the methods in it. The documentation says the opposite; callers must
	// get along with either.
	OperatingPerBatch bool
	Empty             bool // start without leads, contacts and deals
}

// User is an employee of a portal.
type User struct {
	ID          int
	Name        string
	LastName    string
	Email       string
	Position    string
	InnerPhone  string
	Phone       string
	Admin       bool
	Dismissed   bool
	Online      bool
	Lang        string
	Departments []int
	WorkDay     string // OPENED, CLOSED, PAUSED, EXPIRED
}

// FullName is first and last name.
func (u *User) FullName() string { return strings.TrimSpace(u.Name + " " + u.LastName) }

// Portal is one Bitrix24 account: an http.Handler to be served at its own origin.
type Portal struct {
	world *World
	cfg   PortalConfig

	hostMu sync.Mutex
	host   string

	limits *limiter
	queue  *eventQueue

	mu         sync.Mutex // guards everything below
	memberID   string
	users      []*User
	installs   []*installation
	nextID     map[string]int
	crm        *crmState
	im         *imState
	lines      *lineState
	calls      *callState
	frames     map[string]*frame
	frameOrder []string
}

func newPortal(w *World, c PortalConfig) *Portal {
	if c.Licence == "" {
		c.Licence = "ru_std"
	}
	if c.LeadsMode == "" {
		c.LeadsMode = Classic
	}
	if c.Lang == "" {
		c.Lang = "ru"
	}
	sum := md5.Sum([]byte("portal " + c.Name))
	p := &Portal{world: w, cfg: c, host: c.Host, memberID: hex.EncodeToString(sum[:])}
	p.queue, p.limits = newEventQueue(p), newLimiter(c)
	p.reset()
	return p
}

// reset puts the portal back to its first state.
func (p *Portal) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limits.clear()
	p.installs, p.nextID, p.frames, p.frameOrder = nil, map[string]int{}, map[string]*frame{}, nil
	p.users = seedUsers(p.cfg)
	p.crm, p.im, p.lines, p.calls = newCRM(), newIM(), newLines(), newCalls()
	p.seedDirectories()
	if !p.cfg.Empty {
		p.seedCRM()
	}
}

// Name is the portal's name.
func (p *Portal) Name() string { return p.cfg.Name }

// MemberID is the stable id of the portal.
func (p *Portal) MemberID() string { return p.memberID }

// Host is host and port the portal is reached at.
func (p *Portal) Host() string {
	p.hostMu.Lock()
	defer p.hostMu.Unlock()
	return p.host
}

// SetHost changes the address the portal tells about itself. Serve calls it.
func (p *Portal) SetHost(host string) {
	p.hostMu.Lock()
	defer p.hostMu.Unlock()
	p.host = host
}

// URL is the portal's origin.
func (p *Portal) URL() string { return "http://" + p.Host() }

// ClientEndpoint is the REST root of the portal, as tokens name it.
func (p *Portal) ClientEndpoint() string { return p.URL() + "/rest/" }

// Users are the employees.
func (p *Portal) Users() []User {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]User, len(p.users))
	for i, u := range p.users {
		out[i] = *u
	}
	return out
}

// SetUser adds an employee or replaces the one with that id; a new one raises ONUSERADD.
func (p *Portal) SetUser(u User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, old := range p.users {
		if old.ID == u.ID {
			p.users[i] = &u
			return
		}
	}
	p.users = append(p.users, &u)
	p.fire("ONUSERADD", userRow(&u, "user"), nil, 0)
}

// now is the world's time in the portal's zone (Moscow).
func (p *Portal) now() time.Time { return p.world.Now().In(zone) }

// zone is the portals' time zone, fixed so that no zone database is needed.
var zone = time.FixedZone("MSK", 3*3600)

func stamp(t time.Time) string { return t.In(zone).Format("2006-01-02T15:04:05-07:00") }

// id gives the next number of a sequence.
func (p *Portal) id(sequence string) int {
	p.nextID[sequence]++
	return p.nextID[sequence]
}

func (p *Portal) user(id int) *User {
	for _, u := range p.users {
		if u.ID == id {
			return u
		}
	}
	return nil
}

// ServeHTTP serves REST, the authorize page, the control interface and the pages people see.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/rest/upload.json":
		p.serveUpload(w, r)
	case strings.HasPrefix(path, "/rest/"):
		p.serveREST(w, r)
	case path == "/oauth/authorize/" || path == "/oauth/authorize":
		p.serveAuthorize(w, r)
	case path == "/oauth/token/" || path == "/oauth/token": // a cloud portal passes this on to the authorization server
		p.world.serveToken(w, r)
	case strings.HasPrefix(path, "/_sandbox/"):
		p.world.serveControl(w, r, p)
	default:
		p.servePage(w, r)
	}
}
