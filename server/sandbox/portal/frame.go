package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// keptFrames is how many renderings a portal remembers.
const keptFrames = 5000

// frame is one rendering of an application's page inside the portal.
type frame struct {
	sid       string
	in        *installation
	user      int
	placement string
	options   *arr
	handler   string
	install   bool
}

// FramePost is the form a portal page posts into an application's frame: four fields in the query, the rest in the body.
type FramePost struct {
	SID    string
	Action string // handler with DOMAIN, PROTOCOL, LANG and APP_SID
	Form   url.Values
}

// Send posts the form the way a browser does.
func (f FramePost) Send(client *http.Client) (*http.Response, error) {
	resp, err := client.PostForm(f.Action, f.Form)
	if err != nil {
		return nil, fmt.Errorf("post the frame: %w", err)
	}
	return resp, nil
}

// OpenApp is the post of the application's own page: the installer for an administrator until the installation is finished, then the main page.
func (p *Portal) OpenApp(clientID string, user int) (FramePost, error) {
	return p.Open(clientID, user, "DEFAULT", nil)
}

// Open is the post of a placement, such as LEFT_MENU or CRM_LEAD_DETAIL_TAB with options {"ID":"7"}. The page itself adds URI to the options.
func (p *Portal) Open(clientID string, user int, placement string, options map[string]any) (FramePost, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := p.installation(clientID)
	if in == nil {
		return FramePost{}, fmt.Errorf("open %s: %w", clientID, ErrNotInstalled)
	}
	u := p.user(user)
	if u == nil {
		return FramePost{}, fmt.Errorf("open %s for %d: %w", clientID, user, ErrNoUser)
	}
	opts := newArr()
	for _, k := range sortedKeys(options) {
		opts.set(k, options[k])
	}
	handler := ""
	if placement != "DEFAULT" {
		for _, r := range in.placements {
			if r.code == placement && (r.user == 0 || r.user == user) {
				handler = r.handler
			}
		}
		if placement == "SETTING_CONNECTOR" {
			handler = p.lines.settingsHandler(clientID, opts.str("CONNECTOR"))
		}
		if handler == "" {
			return FramePost{}, fmt.Errorf("open %s: nothing is bound to %s", clientID, placement)
		}
	}
	return p.frameForm(p.newFrame(in, u, placement, opts, handler), u), nil
}

// newFrame registers a rendering. For DEFAULT the handler is chosen by the state of the installation.
func (p *Portal) newFrame(in *installation, u *User, placement string, options *arr, handler string) *frame {
	f := &frame{sid: secret(16), in: in, user: u.ID, placement: placement, options: options, handler: handler}
	if placement == "DEFAULT" && handler == "" {
		f.install = !in.installed && u.Admin
		f.handler = in.app.AppURL
		if f.install {
			f.handler = in.app.InstallURL
		}
	}
	p.frames[f.sid] = f
	p.frameOrder = append(p.frameOrder, f.sid)
	if len(p.frameOrder) > keptFrames { // pages that were left long ago
		delete(p.frames, p.frameOrder[0])
		p.frameOrder = p.frameOrder[1:]
	}
	return f
}

func (p *Portal) frameForm(f *frame, u *User) FramePost {
	t := p.framePair(f.in, u.ID)
	q := url.Values{"DOMAIN": {p.Host()}, "PROTOCOL": {"0"}, "LANG": {p.langOf(u)}, "APP_SID": {f.sid}}
	sep := "?"
	if strings.Contains(f.handler, "?") {
		sep = "&"
	}
	form := url.Values{
		"AUTH_ID": {t.access}, "AUTH_EXPIRES": {p.lifeLeft(t)}, "REFRESH_ID": {t.refresh}, "SERVER_ENDPOINT": {p.world.ServerEndpoint()},
		"APPLICATION_TOKEN": {f.in.appToken}, "APPLICATION_SCOPE": {strings.Join(f.in.scope, ",")}, "member_id": {p.memberID}, "status": {f.in.status},
		"PLACEMENT": {f.placement},
	}
	if f.options.len() > 0 {
		form.Set("PLACEMENT_OPTIONS", string(encode(f.options)))
	}
	return FramePost{SID: f.sid, Action: f.handler + sep + q.Encode(), Form: form}
}

// lifeLeft is AUTH_EXPIRES of a pair.
func (p *Portal) lifeLeft(t *token) string {
	return text(int(t.expires.Sub(p.world.Now()) / time.Second))
}

func (p *Portal) langOf(u *User) string {
	if u.Lang != "" {
		return u.Lang
	}
	return p.cfg.Lang
}
