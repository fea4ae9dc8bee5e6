package portal

import (
	"bytes"
	"crypto/md5"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

//go:embed assets
var assets embed.FS

// look holds the parsed templates and the texts of the pages.
type look struct {
	tpl   *template.Template
	texts map[string]map[string]string
	files http.Handler
	stamp string // changes with the assets, so that browsers do not keep old ones
}

func newLook() (*look, error) {
	raw, err := assets.ReadFile("assets/texts.json")
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	l := &look{}
	if err := json.Unmarshal(raw, &l.texts); err != nil {
		return nil, fmt.Errorf("parse texts: %w", err)
	}
	l.tpl, err = template.New("").Funcs(template.FuncMap{
		"bb": renderBB, "initials": initials, "hue": hue, "json": func(v any) template.JS { return template.JS(encode(v)) }, "money": money,
	}).ParseFS(assets, "assets/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	sub, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, err
	}
	sum := md5.New()
	for _, name := range []string{"portal.css", "portal.js", "frame.js"} {
		b, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		_, _ = sum.Write(b)
	}
	l.stamp = fmt.Sprintf("%x", sum.Sum(nil))[:8]
	l.files = http.StripPrefix("/bitrix/sandbox/", http.FileServer(http.FS(sub)))
	return l, nil
}

// view is what the layout shows around a page.
type view struct {
	Portal  string
	Lang    string
	Theme   string
	Title   string
	Active  string
	IFrame  bool
	Path    string
	Stamp   string
	User    person
	Users   []person
	Menu    []menuItem
	Notes   int
	Workers []frameView
	Calls   []callView
	Body    template.HTML
	texts   map[string]string
}

// T is a text of the page.
func (v *view) T(key string) string {
	if s, ok := v.texts[key]; ok {
		return s
	}
	return key
}

type person struct {
	ID       int
	Name     string
	Position string
	Admin    bool
}

type menuItem struct {
	ID, Title, URL, Icon string
	App                  bool
}

func (p *Portal) person(id int) person {
	u := p.user(id)
	if u == nil {
		return person{ID: id, Name: "—"}
	}
	return person{ID: u.ID, Name: u.FullName(), Position: u.Position, Admin: u.Admin}
}

// cookie names are per portal: browsers do not keep cookies of ports apart.
func (p *Portal) cookie(name string) string { return "sbx_" + p.memberID[:6] + "_" + name }

// viewer is who looks at the page: the employee chosen by the switch.
func (p *Portal) viewer(r *http.Request) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, err := r.Cookie(p.cookie("user")); err == nil {
		if id, err := strconv.Atoi(c.Value); err == nil && p.user(id) != nil {
			return id
		}
	}
	return p.users[0].ID
}

// remember stores ?as=, ?lang= and ?theme= in cookies and sends the browser on without them.
func (p *Portal) remember(w http.ResponseWriter, r *http.Request) bool {
	q, found := r.URL.Query(), false
	for param, name := range map[string]string{"as": "user", "lang": "lang", "theme": "theme"} {
		if q.Has(param) {
			http.SetCookie(w, &http.Cookie{Name: p.cookie(name), Value: q.Get(param), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
			q.Del(param)
			found = true
		}
	}
	if !found {
		return false
	}
	to := r.URL.Path
	if len(q) > 0 {
		to += "?" + q.Encode()
	}
	http.Redirect(w, r, to, http.StatusFound)
	return true
}

// pageRequest is a request for a page with what every page needs.
type pageRequest struct {
	p    *Portal
	w    http.ResponseWriter
	r    *http.Request
	user *User
	lang string
	path string
}

// servePage serves everything people see.
func (p *Portal) servePage(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/bitrix/sandbox/") {
		w.Header().Set("Cache-Control", "max-age=600")
		p.world.look.files.ServeHTTP(w, r)
		return
	}
	if r.Method == http.MethodGet && p.remember(w, r) {
		return
	}
	id := p.viewer(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	user := p.user(id)
	q := &pageRequest{p: p, w: w, r: r, user: user, lang: p.langOf(user), path: strings.Trim(r.URL.Path, "/")}
	if c, err := r.Cookie(p.cookie("lang")); err == nil && p.world.look.texts[c.Value] != nil {
		q.lang = c.Value
	}
	if p.world.look.texts[q.lang] == nil {
		q.lang = "en"
	}
	q.route()
}

func (q *pageRequest) route() {
	seg := strings.Split(q.path, "/")
	switch {
	case q.path == "":
		to := "/crm/lead/list/"
		if q.p.cfg.LeadsMode == Simple {
			to = "/crm/deal/list/"
		}
		http.Redirect(q.w, q.r, to, http.StatusFound)
	case seg[0] == "crm" && len(seg) >= 3 && entityType(seg[1]) != 0:
		q.crm(entityType(seg[1]), seg[2:])
	case seg[0] == "contact_center":
		q.center(seg[1:])
	case seg[0] == "im" || seg[0] == "online":
		q.messenger(seg[1:])
	case seg[0] == "marketplace":
		q.market(seg[1:])
	case seg[0] == "sandbox":
		q.sandbox()
	case seg[0] == "_frame" && len(seg) == 3:
		q.frameCommand(seg[1], seg[2])
	case seg[0] == "_page":
		q.live()
	case seg[0] == "disk" && len(seg) >= 2:
		q.disk(seg[1])
	default:
		q.missing("not_found")
	}
}

func (q *pageRequest) t(key string) string {
	return (&view{texts: q.p.world.look.texts[q.lang]}).T(key)
}

func (q *pageRequest) iframe() bool { return q.r.URL.Query().Get("IFRAME") == "Y" }

// show renders a page template inside the layout.
func (q *pageRequest) show(name, title, active string, data any) {
	l := q.p.world.look
	v := &view{Portal: q.p.Name(), Lang: q.lang, Theme: "light", Title: title, Active: active, IFrame: q.iframe(), Path: q.r.URL.RequestURI(), Stamp: l.stamp,
		User: q.p.person(q.user.ID), Menu: q.menu(), Notes: q.p.unread(q.user.ID), texts: l.texts[q.lang], Calls: q.p.openCards(q.user.ID)}
	if c, err := q.r.Cookie(q.p.cookie("theme")); err == nil && c.Value == "dark" {
		v.Theme = "dark"
	}
	for _, u := range q.p.users {
		if !u.Dismissed {
			v.Users = append(v.Users, q.p.person(u.ID))
		}
	}
	var body bytes.Buffer
	if err := l.tpl.ExecuteTemplate(&body, name, map[string]any{"V": v, "D": data}); err != nil {
		q.p.world.log.Error("portal: render", "page", name, "error", err)
		http.Error(q.w, err.Error(), http.StatusInternalServerError)
		return
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.Header().Set("Cache-Control", "no-store")
	if q.r.URL.Query().Get("fragment") != "" {
		_, _ = q.w.Write(body.Bytes())
		return
	}
	v.Workers, v.Body = q.workers(), template.HTML(body.String())
	var out bytes.Buffer
	if err := l.tpl.ExecuteTemplate(&out, "layout", v); err != nil {
		http.Error(q.w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = q.w.Write(out.Bytes())
}

func (q *pageRequest) missing(key string) {
	q.show("notice", q.t(key), "", map[string]string{"Text": q.t(key)})
}

// menu is the left menu: the portal's own sections and the LEFT_MENU placements of finished installations.
func (q *pageRequest) menu() []menuItem {
	items := []menuItem{{ID: "messenger", Title: q.t("messenger"), URL: "/online/", Icon: "chat"}}
	if q.p.cfg.LeadsMode == Classic {
		items = append(items, menuItem{ID: "lead", Title: q.t("leads"), URL: "/crm/lead/list/", Icon: "funnel"})
	}
	items = append(items, menuItem{ID: "deal", Title: q.t("deals"), URL: "/crm/deal/list/", Icon: "deal"}, menuItem{ID: "contact", Title: q.t("contacts"), URL: "/crm/contact/list/", Icon: "person"},
		menuItem{ID: "company", Title: q.t("companies"), URL: "/crm/company/list/", Icon: "company"}, menuItem{ID: "center", Title: q.t("center"), URL: "/contact_center/", Icon: "center"},
		menuItem{ID: "market", Title: q.t("market"), URL: "/marketplace/", Icon: "grid"})
	for _, in := range q.p.installs {
		if !in.installed && !q.user.Admin {
			continue
		}
		items = append(items, menuItem{ID: "app" + text(in.id), Title: in.app.title(q.lang), URL: "/marketplace/app/" + text(in.id) + "/", Icon: "app", App: true})
		if !in.installed {
			continue
		}
		for _, r := range in.placements {
			if r.code == "LEFT_MENU" {
				items = append(items, menuItem{ID: "placement" + text(r.id), Title: r.titleFor(q.lang, in.app), URL: "/marketplace/view/" + text(r.id) + "/", Icon: "plug", App: true})
			}
		}
	}
	return items
}

func (p *Portal) unread(user int) int {
	n := 0
	for _, x := range p.im.notes {
		if x.user == user && !x.read {
			n++
		}
	}
	return n
}

// live answers the page's question what has changed: the count of notifications and the newest one, cards of calls.
func (q *pageRequest) live() {
	out := kv("notes", q.p.unread(q.user.ID), "last", 0, "text", "", "calls", len(q.p.openCards(q.user.ID)))
	for _, n := range q.p.im.notes {
		if n.user == q.user.ID && !n.read {
			out.set("last", n.id).set("text", string(renderBB(n.text)))
		}
	}
	writeJSON(q.w, 200, out)
}

// sandbox shows what the application did here: breaches of the documentation, requests, events, newest first.
func (q *pageRequest) sandbox() {
	w, name := q.p.world, q.p.Name()
	requests := keep(w.Requests(), func(r Request) bool { return r.Portal == name })
	deliveries := keep(w.Deliveries(), func(d Delivery) bool { return d.Portal == name })
	q.show("sandbox", q.t("control"), "", map[string]any{"Violations": w.Violations(), "Requests": newest(requests, 60), "Deliveries": newest(deliveries, 40)})
}

func newest[T any](all []T, n int) []T {
	out := slices.Clone(all[max(0, len(all)-n):])
	slices.Reverse(out)
	return out
}

// disk serves a file the portal keeps.
func (q *pageRequest) disk(id string) {
	n, _ := strconv.Atoi(id)
	f := q.p.file(n)
	if f == nil {
		http.NotFound(q.w, q.r)
		return
	}
	q.w.Header().Set("Content-Type", "application/octet-stream")
	q.w.Header().Set("Content-Disposition", "attachment; filename*=UTF-8''"+url.PathEscape(f.name))
	_, _ = q.w.Write(f.data)
}

// file finds a stored file: of comments, dialogs and records of calls.
func (p *Portal) file(id int) *storedFile {
	for _, cm := range p.crm.comments {
		for i := range cm.files {
			if cm.files[i].id == id {
				return &cm.files[i]
			}
		}
	}
	if f := p.lines.file(id); f != nil {
		return f
	}
	return p.calls.file(id)
}
