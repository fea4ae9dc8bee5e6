package portal

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// OAuth is the authorization server: /oauth/token/, /rest/app.info and the control interface.
func (w *World) OAuth() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/oauth/token/" || path == "/oauth/token":
			w.serveToken(rw, r)
		case strings.HasPrefix(path, "/rest/"):
			w.serveAuthREST(rw, r)
		case strings.HasPrefix(path, "/_sandbox/"):
			w.serveControl(rw, r, nil)
		default:
			http.NotFound(rw, r)
		}
	})
}

// requestArgs reads query and body of a call; the body wins.
func requestArgs(r *http.Request) (*arr, error) {
	args, err := parseForm(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if r.Method != http.MethodPost {
		return args, nil
	}
	var body *arr
	kind := r.Header.Get("Content-Type")
	if strings.HasPrefix(kind, "multipart/form-data") {
		if err := r.ParseMultipartForm(32 << 20); err != nil {
			return nil, err
		}
		body = newArr()
		for k, vs := range r.MultipartForm.Value {
			for _, v := range vs {
				putForm(body, k, v)
			}
		}
	} else {
		raw, err := io.ReadAll(io.LimitReader(r.Body, 256<<20))
		if err != nil {
			return nil, err
		}
		if body, err = parseBody(kind, raw); err != nil {
			return nil, err
		}
	}
	for _, k := range body.keys {
		args.set(k, body.vals[k])
	}
	return args, nil
}

func parseBody(kind string, raw []byte) (*arr, error) {
	if len(raw) == 0 {
		return newArr(), nil
	}
	if !strings.HasPrefix(kind, "application/json") {
		return parseForm(string(raw))
	}
	v, err := decodeJSON(raw)
	if err != nil {
		return nil, err
	}
	if a, ok := v.(*arr); ok {
		return a, nil
	}
	return newArr(), nil
}

func writeJSON(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = rw.Write(encode(v))
}

// serveToken answers both grants (docs page "oauth").
func (w *World) serveToken(rw http.ResponseWriter, r *http.Request) {
	start := time.Now()
	rec := Request{Time: w.Now(), Method: "oauth.token"}
	args, err := requestArgs(r)
	if err != nil {
		args = newArr()
	}
	rec.Params = blot(args)
	faults := w.faults.strike("", []string{"oauth.token"}, wholeRequest)
	stop, done := w.beforeCall(rw, r, nil, nil, faults, &rec)
	if stop {
		w.journal.request(rec)
		return
	}
	body, e := w.grant(args)
	rec.TookMS = float64(time.Since(start).Microseconds()) / 1000
	rec.Status = 200
	if e != nil {
		rec.Status, rec.Error, body = e.status, e.code, e.body()
		w.noteBreach(e, nil, args.str("client_id"), "oauth.token")
	}
	w.journal.request(rec)
	if done(rw) {
		return
	}
	writeJSON(rw, rec.Status, body)
}

func (w *World) grant(args *arr) (*arr, *apiError) {
	app := w.app(args.str("client_id"))
	if app == nil || app.ClientID != args.str("client_id") || app.ClientSecret != args.str("client_secret") {
		return nil, breach(401, "invalid_client", "Client not found or wrong secret")
	}
	var p *Portal
	var user int
	now := w.Now()
	refreshing := false
	switch args.str("grant_type") {
	case "authorization_code":
		c, ok := w.tokens.takeCode(args.str("code"))
		if !ok || now.After(c.expires) || c.clientID != app.ClientID {
			return nil, fail(400, "invalid_grant", "The authorization code is wrong or has expired")
		}
		p, user = c.portal, c.user
	case "refresh_token":
		t := w.tokens.takeRefresh(args.str("refresh_token"), now)
		if t == nil || t.clientID != app.ClientID {
			return nil, fail(400, "invalid_grant", "The refresh token is wrong or has expired")
		}
		p, user, refreshing = t.portal, t.user, true
	default:
		return nil, breach(400, "invalid_request", "Unknown grant_type")
	}
	p.mu.Lock()
	in := p.installation(app.ClientID)
	p.mu.Unlock()
	if in == nil {
		return nil, fail(401, "invalid_client", "Application is not installed on this portal")
	}
	if in.expired {
		return nil, fail(401, "PAYMENT_REQUIRED", "Payment required")
	}
	t := w.tokens.issue(p, app.ClientID, user, in.scope, now, true)
	asHost := strings.TrimPrefix(strings.TrimPrefix(w.OAuthBase(), "http://"), "https://")
	body := kv("access_token", t.access, "expires_in", int(accessLife/time.Second), "scope", t.scopeList(), "domain", asHost,
		"server_endpoint", w.ServerEndpoint(), "status", in.status, "client_endpoint", p.ClientEndpoint(), "member_id", p.memberID, "refresh_token", t.refresh)
	if refreshing {
		body.set("user_id", user).set("expires", t.expires.Unix())
	}
	return body, nil
}

// serveAuthREST answers app.info of the authorization server: the proof that a token belongs to an application.
func (w *World) serveAuthREST(rw http.ResponseWriter, r *http.Request) {
	rec := Request{Time: w.Now(), Method: "oauth." + methodName(r.URL.Path)}
	args, err := requestArgs(r)
	if err != nil {
		args = newArr()
	}
	faults := w.faults.strike("", []string{rec.Method}, wholeRequest)
	stop, done := w.beforeCall(rw, r, nil, nil, faults, &rec)
	if stop {
		w.journal.request(rec)
		return
	}
	body, e := w.authInfo(rec.Method, args)
	rec.Status = 200
	if e != nil {
		rec.Status, rec.Error, body = e.status, e.code, e.body()
		w.noteBreach(e, nil, "", rec.Method)
	}
	w.journal.request(rec)
	if done(rw) {
		return
	}
	writeJSON(rw, rec.Status, body)
}

func (w *World) authInfo(method string, args *arr) (*arr, *apiError) {
	if method != "oauth.app.info" {
		return nil, breach(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
	}
	start := time.Now()
	t, e := w.authenticate(args, nil)
	if e != nil {
		return nil, e
	}
	t.portal.mu.Lock()
	defer t.portal.mu.Unlock()
	in := t.portal.installation(t.clientID)
	if in == nil {
		return nil, fail(401, "invalid_client", "Application is not installed on this portal")
	}
	return kv("result", t.portal.appInfo(in), "time", timeBlock(start, 0, time.Now(), w.Now())), nil
}

// authenticate finds the token of a call; p is nil at the authorization server.
func (w *World) authenticate(args *arr, p *Portal) (*token, *apiError) {
	access := args.str("auth")
	if access == "" {
		access = args.str("access_token")
	}
	if access == "" {
		return nil, fail(401, "NO_AUTH_FOUND", "Wrong authorization data")
	}
	t := w.tokens.byAccess(access)
	if t == nil || p != nil && t.portal != p {
		return nil, fail(401, "NO_AUTH_FOUND", "Wrong authorization data")
	}
	dead, expired := w.tokens.state(t, w.Now())
	switch {
	case dead:
		return nil, fail(401, "invalid_token", "Unable to get application by token")
	case expired:
		return nil, fail(401, "expired_token", "The access token provided has expired.")
	}
	return t, nil
}

// serveAuthorize is the portal's page that sends a signed-in user back with a code. Its failures are shown on the page, never redirected.
func (p *Portal) serveAuthorize(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	app := p.world.app(q.Get("client_id"))
	user := p.viewer(r)
	p.mu.Lock()
	in := (*installation)(nil)
	if app != nil {
		in = p.installation(app.ClientID)
	}
	p.mu.Unlock()
	if in == nil {
		p.world.noteBreach(breach(400, "invalid_client", "authorize: the application is unknown or not installed"), p, q.Get("client_id"), "oauth.authorize")
		http.Error(rw, "The application is not installed on this Bitrix24.", http.StatusBadRequest)
		return
	}
	code := secret(16)
	p.world.tokens.putCode(code, authCode{portal: p, clientID: app.ClientID, user: user, expires: p.world.Now().Add(codeLife)})
	if app.RedirectURL == "" {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(rw, code)
		return
	}
	back := url.Values{"code": {code}, "domain": {p.Host()}, "member_id": {p.memberID}, "scope": {strings.Join(in.scope, ",")},
		"server_domain": {strings.TrimPrefix(p.world.OAuthBase(), "http://")}}
	if q.Has("state") {
		back.Set("state", q.Get("state"))
	}
	sep := "?"
	if strings.Contains(app.RedirectURL, "?") {
		sep = "&"
	}
	http.Redirect(rw, r, app.RedirectURL+sep+back.Encode(), http.StatusFound)
}

func methodName(path string) string {
	name := strings.ToLower(strings.Trim(strings.TrimPrefix(path, "/rest/"), "/"))
	return strings.TrimSuffix(name, ".json")
}
