package portal

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// App is an application as its card in the catalogue describes it.
type App struct {
	ClientID     string
	ClientSecret string
	Code         string            // what app.info answers as CODE; the client id when empty
	Title        string            // name in the menu and on the Applications page
	Titles       map[string]string // by language
	InstallURL   string            // installer page; AppURL when empty
	AppURL       string            // main page
	EventsURL    string            // where application events go that nobody bound (ONAPPINSTALL, ONAPPUPDATE, ONAPPUNINSTALL, ONAPPPAYMENT)
	RedirectURL  string            // end of the authorization, without it the code is shown
	Scope        []string          // what the product asks for when nil
	Version      int               // 1 when zero
	Status       string            // F when empty
}

// defaultScope is what the product asks for.
var defaultScope = []string{"crm", "placement", "telephony", "imconnector", "imopenlines", "im", "contact_center", "user_basic", "department", "timeman", "bizproc"}

func (a App) withDefaults() *App {
	if a.Code == "" {
		a.Code = a.ClientID
	}
	if a.Title == "" {
		a.Title = a.Code
	}
	if a.InstallURL == "" {
		a.InstallURL = a.AppURL
	}
	if a.Scope == nil {
		a.Scope = defaultScope
	}
	if a.Version == 0 {
		a.Version = 1
	}
	if a.Status == "" {
		a.Status = "F"
	}
	return &a
}

func (a *App) title(lang string) string {
	if t := a.Titles[lang]; t != "" {
		return t
	}
	return a.Title
}

// Errors of the life cycle.
var (
	ErrNoApp        = errors.New("the application is not registered in this world")
	ErrNotInstalled = errors.New("the application is not installed on this portal")
	ErrNoUser       = errors.New("the portal has no such user")
)

// installation is an application on a portal.
type installation struct {
	app        *App
	id         int
	version    int
	scope      []string
	installed  bool // installFinish was called
	firstRun   bool
	appToken   string
	status     string
	expired    bool // PAYMENT_EXPIRED
	days       *int
	handlers   []*handler
	placements []*placementRow
	appOptions *arr
	userOption map[int]*arr
	frames     map[int]*token // the pair each user's page hands out
	updating   bool
}

func (p *Portal) installation(clientID string) *installation {
	for _, in := range p.installs {
		if in.app.ClientID == clientID {
			return in
		}
	}
	return nil
}

// Install puts an application on the portal, not finished yet, as pressing "Install" does. The installer page is what AppFrame opens next.
func (p *Portal) Install(clientID string) error {
	app := p.world.app(clientID)
	if app == nil {
		return fmt.Errorf("install %s: %w", clientID, ErrNoApp)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.installation(app.ClientID) != nil {
		return nil
	}
	in := &installation{
		app: app, id: p.id("app"), version: app.Version, scope: app.Scope, firstRun: true, appToken: secret(16), status: app.Status,
		appOptions: newArr(), userOption: map[int]*arr{}, frames: map[int]*token{},
	}
	p.installs = append(p.installs, in)
	return nil
}

// Installed tells whether the installation is there and finished.
func (p *Portal) Installed(clientID string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := p.installation(clientID)
	return in != nil && in.installed
}

// ApplicationToken is the secret the portal adds to events of an application.
func (p *Portal) ApplicationToken(clientID string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if in := p.installation(clientID); in != nil {
		return in.appToken
	}
	return ""
}

// FinishInstall does what installFinish of an administrator's frame does: placements appear, events begin to flow, ONAPPINSTALL (or ONAPPUPDATE) goes out.
func (p *Portal) FinishInstall(clientID string, user int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := p.installation(clientID)
	if in == nil {
		return fmt.Errorf("finish the installation of %s: %w", clientID, ErrNotInstalled)
	}
	if in.installed {
		return nil
	}
	in.installed = true
	u := p.user(user)
	if in.updating {
		in.updating = false // an update was announced by its own event
		return nil
	}
	data := kv("VERSION", in.version, "ACTIVE", "Y", "INSTALLED", "Y", "LANGUAGE_ID", p.cfg.Lang)
	p.fireApp(in, "ONAPPINSTALL", data, p.appAuth(in, u, true))
	return nil
}

// Update installs a new version: the handlers and placements are dropped, the application has to bind them again in its installer, and ONAPPUPDATE brings a new
// application_token.
func (p *Portal) Update(clientID string, user int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := p.installation(clientID)
	if in == nil {
		return fmt.Errorf("update %s: %w", clientID, ErrNotInstalled)
	}
	previous := in.version
	in.version++
	in.scope = in.app.Scope
	in.appToken = secret(16)
	in.updating = true
	data := kv("VERSION", in.version, "PREVIOUS_VERSION", previous, "LANGUAGE_ID", p.cfg.Lang)
	in.installed, in.firstRun = false, true
	p.fireApp(in, "ONAPPUPDATE", data, p.appAuth(in, p.user(user), true))
	in.handlers, in.placements = nil, nil
	return nil
}

// Reinstall opens the installer again without touching what is bound, as "Reinstall" does.
func (p *Portal) Reinstall(clientID string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := p.installation(clientID)
	if in == nil {
		return fmt.Errorf("reinstall %s: %w", clientID, ErrNotInstalled)
	}
	in.installed, in.firstRun, in.updating = false, true, false
	return nil
}

// Uninstall removes the application: tokens die, bindings and connectors go, ONAPPUNINSTALL carries CLEAN.
func (p *Portal) Uninstall(clientID string, clean bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := p.installation(clientID)
	if in == nil {
		return fmt.Errorf("uninstall %s: %w", clientID, ErrNotInstalled)
	}
	n := 0
	if clean {
		n = 1
	}
	data := kv("LANGUAGE_ID", p.cfg.Lang, "CLEAN", n)
	p.fireApp(in, "ONAPPUNINSTALL", data, p.bareAuth(in, true))
	p.world.tokens.kill(func(t *token) bool { return t.portal == p && t.clientID == clientID })
	for i, x := range p.installs {
		if x == in {
			p.installs = append(p.installs[:i:i], p.installs[i+1:]...)
			break
		}
	}
	p.lines.dropApp(clientID)
	p.calls.dropApp(clientID)
	return nil
}

// Payment sets the paid state of an application and sends ONAPPPAYMENT, which carries no application_token and no tokens.
func (p *Portal) Payment(clientID, status string, expired bool, days int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := p.installation(clientID)
	if in == nil {
		return fmt.Errorf("set payment of %s: %w", clientID, ErrNotInstalled)
	}
	in.status, in.expired, in.days = status, expired, &days
	data := kv("CODE", in.app.Code, "VERSION", in.version, "STATUS", status, "PAYMENT_EXPIRED", yn(expired), "DAYS", days, "LANGUAGE_ID", p.cfg.Lang)
	p.fireApp(in, "ONAPPPAYMENT", data, p.bareAuth(in, false))
	return nil
}

// ExpireTokens ends the access tokens of an application on this portal at once; refresh tokens go on. It answers how many there were.
func (p *Portal) ExpireTokens(clientID string) int {
	now := p.world.Now()
	return p.world.tokens.expire(func(t *token) bool { return t.portal == p && t.clientID == clientID }, now)
}

// KillTokens ends all tokens of an application on this portal for good (0: of every user).
func (p *Portal) KillTokens(clientID string, user int) int {
	return p.world.tokens.kill(func(t *token) bool {
		return t.portal == p && t.clientID == clientID && (user == 0 || t.user == user)
	})
}

// bareAuth is the auth block of events without a user.
func (p *Portal) bareAuth(in *installation, withToken bool) *arr {
	a := kv("domain", p.Host(), "server_endpoint", p.world.ServerEndpoint(), "client_endpoint", p.ClientEndpoint(), "member_id", p.memberID)
	if withToken {
		a.set("application_token", in.appToken)
	}
	return a
}

// appAuth is the full auth block of application events.
func (p *Portal) appAuth(in *installation, u *User, withRefresh bool) *arr {
	a := p.bareAuth(in, true)
	a.set("status", in.status).set("scope", strings.Join(in.scope, ","))
	if u != nil {
		t := p.world.tokens.issue(p, in.app.ClientID, u.ID, in.scope, p.world.Now(), withRefresh)
		a.set("access_token", t.access).set("expires_in", int(accessLife/time.Second)).set("user_id", u.ID)
		if withRefresh {
			a.set("refresh_token", t.refresh)
		}
	}
	return a
}

// framePair is the pair of tokens the page hands to a frame of this user.
func (p *Portal) framePair(in *installation, user int) *token {
	now := p.world.Now()
	if t := in.frames[user]; p.world.tokens.reusable(t, now, in.scope) {
		return t
	}
	t := p.world.tokens.issue(p, in.app.ClientID, user, in.scope, now, true)
	in.frames[user] = t
	return t
}
