package portal

import (
	"io"
	"net/http"
	"strings"
)

// frameView is what the page needs to draw a frame and to be its parent.
type frameView struct {
	SID     string
	Name    string // HOST|PROTO|SID
	Action  string
	Fields  []fieldView
	Hidden  bool
	Install bool
	Code    string
}

// frame registers a rendering of a handler and gives its view.
func (q *pageRequest) frame(in *installation, code string, options *arr, handler string) *frameView {
	f := q.p.newFrame(in, q.user, code, options, handler)
	post := q.p.frameForm(f, q.user)
	v := &frameView{SID: f.sid, Name: q.p.Host() + "|0|" + f.sid, Action: strings.Replace(post.Action, "LANG="+q.p.langOf(q.user), "LANG="+q.lang, 1), Install: f.install, Code: code}
	for _, k := range sortedKeys(post.Form) {
		v.Fields = append(v.Fields, fieldView{Label: k, Value: post.Form.Get(k)})
	}
	return v
}

// workers are the hidden frames of PAGE_BACKGROUND_WORKER.
func (q *pageRequest) workers() []frameView {
	var out []frameView
	for _, in := range q.p.installs {
		if !in.installed {
			continue
		}
		for _, r := range in.placements {
			if r.code == "PAGE_BACKGROUND_WORKER" && (r.user == 0 || r.user == q.user.ID) {
				v := q.frame(in, r.code, kv("ID", r.code, "URI", q.r.URL.RequestURI()), r.handler)
				v.Hidden = true
				out = append(out, *v)
			}
		}
	}
	return out
}

// appView is an application on the Applications page.
type appView struct {
	ClientID, Code, Title, State string
	ID, Version, Newest          int
	Installed, There             bool
	Events, Placements           []string
}

func (q *pageRequest) market(seg []string) {
	switch {
	case len(seg) == 0 || seg[0] == "":
		if q.r.Method == http.MethodPost {
			q.marketPost()
			return
		}
		q.marketList()
	case (seg[0] == "app" || seg[0] == "view") && len(seg) > 1:
		q.appPage(seg[0], seg[1])
	default:
		q.missing("not_found")
	}
}

func (q *pageRequest) marketList() {
	var out []appView
	for _, a := range q.p.world.allApps() {
		v := appView{ClientID: a.ClientID, Code: a.Code, Title: a.title(q.lang), State: q.t("not_installed"), Version: a.Version}
		if in := q.p.installation(a.ClientID); in != nil {
			v.There, v.Installed, v.ID, v.Version = true, in.installed, in.id, in.version
			v.State = q.t("installing")
			if in.installed {
				v.State = q.t("installed")
			}
			for _, h := range in.handlers {
				v.Events = append(v.Events, h.event)
			}
			for _, r := range in.placements {
				v.Placements = append(v.Placements, r.code)
			}
		}
		out = append(out, v)
	}
	q.show("market", q.t("apps_title"), "market", out)
}

// marketPost does the buttons of the Applications page. The portal's lock is lent to the life cycle, which takes it itself.
func (q *pageRequest) marketPost() {
	_ = q.r.ParseForm()
	if !q.user.Admin {
		q.missing("forbidden")
		return
	}
	id, user, to := q.r.PostForm.Get("client_id"), q.user.ID, "/marketplace/"
	q.p.mu.Unlock()
	var err error
	switch q.r.PostForm.Get("action") {
	case "install":
		err = q.p.Install(id)
	case "reinstall":
		err = q.p.Reinstall(id)
	case "update":
		err = q.p.Update(id, user)
	case "uninstall":
		err = q.p.Uninstall(id, false)
	case "uninstall_clean":
		err = q.p.Uninstall(id, true)
	}
	q.p.mu.Lock()
	if in := q.p.installation(id); in != nil && !in.installed {
		to = "/marketplace/app/" + text(in.id) + "/"
	}
	if err != nil {
		http.Error(q.w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(q.w, q.r, to, http.StatusSeeOther)
}

// appPage shows an application's own page (the installer until it is finished) or a LEFT_MENU placement.
func (q *pageRequest) appPage(kind, id string) {
	for _, in := range q.p.installs {
		if kind == "app" && (text(in.id) == id || in.app.Code == id || in.app.ClientID == id) {
			if !in.installed && !q.user.Admin {
				q.missing("not_finished")
				return
			}
			options := newArr()
			if raw := q.r.URL.Query().Get("params"); raw != "" {
				if v, err := decodeJSON([]byte(raw)); err == nil {
					if a, ok := v.(*arr); ok {
						options = a
					}
				}
			}
			if q.iframe() {
				options.set("IFRAME", "Y").set("IFRAME_TYPE", "SIDE_SLIDER")
			}
			v := q.frame(in, "DEFAULT", options, "")
			q.show("app", in.app.title(q.lang), "app"+text(in.id), map[string]any{"Frame": v, "Title": in.app.title(q.lang)})
			return
		}
		for _, r := range in.placements {
			if kind == "view" && r.code == "LEFT_MENU" && text(r.id) == id && in.installed {
				v := q.frame(in, r.code, kv("URI", q.r.URL.RequestURI()), r.handler)
				q.show("app", r.titleFor(q.lang, in.app), "placement"+text(r.id), map[string]any{"Frame": v, "Title": r.titleFor(q.lang, in.app)})
				return
			}
		}
	}
	q.missing("need_install")
}

// frameCommand is what the page's script asks of the portal for a frame: init, refresh, options, finish, choices.
func (q *pageRequest) frameCommand(sid, name string) {
	f := q.p.frames[sid]
	if f == nil || f.user != q.user.ID {
		http.NotFound(q.w, q.r)
		return
	}
	raw, _ := io.ReadAll(io.LimitReader(q.r.Body, 1<<20))
	params := newArr()
	if v, err := decodeJSON(raw); err == nil {
		if a, ok := v.(*arr); ok {
			params = a
		}
	}
	if q.p.installation(f.in.app.ClientID) != f.in {
		http.NotFound(q.w, q.r)
		return
	}
	var out any
	switch name {
	case "init":
		out = q.initData(f)
	case "refresh":
		out = q.refresh(f)
	case "user-option":
		f.in.options(q.user.ID).set(params.str("name"), params.get("value"))
		out = params
	case "app-option":
		if !q.user.Admin {
			http.Error(q.w, "administrators only", http.StatusForbidden)
			return
		}
		f.in.appOptions.set(params.str("name"), params.get("value"))
		out = f.in.appOptions
	case "finish":
		client, user := f.in.app.ClientID, q.user.ID
		if !f.install || !q.user.Admin {
			http.Error(q.w, "the frame is not an installer", http.StatusForbidden)
			return
		}
		q.p.mu.Unlock()
		err := q.p.FinishInstall(client, user)
		q.p.mu.Lock()
		if err != nil {
			http.Error(q.w, err.Error(), http.StatusBadRequest)
			return
		}
		out = true
	case "users":
		out = q.choiceUsers()
	case "crm":
		out = q.choiceCRM(params)
	default:
		http.NotFound(q.w, q.r)
		return
	}
	writeJSON(q.w, 200, out)
}

// initData is the answer of getInitData.
func (q *pageRequest) initData(f *frame) *arr {
	t := q.p.framePair(f.in, q.user.ID)
	first := f.install && f.in.firstRun
	f.in.firstRun = f.in.firstRun && !first
	options := f.options
	if options == nil {
		options = newArr()
	}
	a := kv("LANG", q.lang, "DOMAIN", q.p.Host(), "PROTOCOL", 0, "PATH", "/rest", "AUTH_ID", t.access, "AUTH_EXPIRES", q.p.lifeLeft(t), "REFRESH_ID", t.refresh,
		"MEMBER_ID", q.p.memberID, "FIRST_RUN", first, "IS_ADMIN", q.user.Admin, "INSTALL", f.install, "USER_OPTIONS", f.in.options(q.user.ID), "APP_OPTIONS", f.in.appOptions,
		"PLACEMENT", f.placement, "PLACEMENT_OPTIONS", options)
	return a
}

// refresh renews the pair of the page, as the portal's backend does for refreshAuth.
func (q *pageRequest) refresh(f *frame) *arr {
	t := q.p.world.tokens.issue(q.p, f.in.app.ClientID, q.user.ID, f.in.scope, q.p.world.Now(), true)
	f.in.frames[q.user.ID] = t
	return kv("AUTH_ID", t.access, "AUTH_EXPIRES", 3600, "REFRESH_ID", t.refresh)
}

func (q *pageRequest) choiceUsers() *arr {
	out := newArr()
	for _, u := range q.p.users {
		if !u.Dismissed {
			out.push(kv("id", text(u.ID), "name", u.FullName(), "photo", "", "position", u.Position, "url", "/company/personal/user/"+text(u.ID)+"/", "sub", false, "sup", false))
		}
	}
	return out
}

// choiceCRM lists what selectCRM offers, with its prefixes.
func (q *pageRequest) choiceCRM(params *arr) *arr {
	prefix := map[int]string{Lead: "L_", Deal: "D_", Contact: "C_", Company: "CO_"}
	out := newArr()
	for _, kind := range params.sub("entityType").items() {
		typ := entityType(text(kind))
		for _, it := range q.p.crm.sorted(typ) {
			out.push(kv("id", prefix[typ]+text(it.id), "type", strings.ToLower(entityNames[typ]), "place", strings.ToLower(entityNames[typ]), "title", it.name(), "desc", "",
				"url", cardURL(typ, it.id)))
		}
	}
	return out
}
