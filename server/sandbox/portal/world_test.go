package portal_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
)

// stand is a served world with one portal, one application and a sink for its events.
type stand struct {
	t      *testing.T
	world  *portal.World
	server *portal.Server
	portal *portal.Portal
	app    *portal.App
	sink   *sink
	token  string
}

// sink is the application's server: it keeps what the portal posts.
type sink struct {
	*httptest.Server
	mu   sync.Mutex
	got  []url.Values
	fail bool
}

func newSink(t *testing.T) *sink {
	s := &sink{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/files/") {
			w.Header().Set("Content-Type", "audio/mpeg")
			_, _ = io.WriteString(w, "ID3 sound")
			return
		}
		_ = r.ParseForm()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, r.PostForm)
		if s.fail {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) events(name string) []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []url.Values
	for _, v := range s.got {
		if name == "" || v.Get("event") == name {
			out = append(out, v)
		}
	}
	return out
}

func newStand(t *testing.T, change ...func(*portal.PortalConfig)) *stand {
	t.Helper()
	return newStandWith(t, portal.Options{}, change...)
}

func newStandWith(t *testing.T, o portal.Options, change ...func(*portal.PortalConfig)) *stand {
	t.Helper()
	s := &stand{t: t, sink: newSink(t)}
	s.world = portal.New(o)
	cfg := portal.PortalConfig{Name: "gorizont", Bucket: &portal.Bucket{Size: 1000, Drain: 1000}}
	for _, f := range change {
		f(&cfg)
	}
	s.portal = s.world.AddPortal(cfg)
	s.app = s.world.RegisterApp(portal.App{ClientID: "local.app", ClientSecret: "top", Code: "omni.chats", Title: "OMNI", AppURL: s.sink.URL + "/app",
		InstallURL: s.sink.URL + "/install", EventsURL: s.sink.URL + "/events", RedirectURL: s.sink.URL + "/callback"})
	var err error
	s.server, err = portal.Serve(s.world, "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.server.Close() })
	require.NoError(t, s.portal.Install("local.app"))
	s.token = s.tokenOf(1)
	return s
}

func (s *stand) tokenOf(user int) string {
	f, err := s.portal.OpenApp("local.app", user)
	require.NoError(s.t, err)
	return f.Form.Get("AUTH_ID")
}

// reply is an answer of the portal.
type reply struct {
	Status int
	Error  string `json:"error"`
	Text   string `json:"error_description"`
	Result any    `json:"result"`
	Total  *int   `json:"total"`
	Next   *int   `json:"next"`
	Time   map[string]any
	Raw    string
}

func (s *stand) call(method string, params map[string]any) reply {
	s.t.Helper()
	return s.callWith(s.token, method, params)
}

func (s *stand) callWith(token, method string, params map[string]any) reply {
	s.t.Helper()
	r, err := s.try(token, method, params)
	require.NoError(s.t, err)
	return r
}

func (s *stand) try(token, method string, params map[string]any) (reply, error) {
	body := map[string]any{"auth": token}
	for k, v := range params {
		body[k] = v
	}
	raw, err := json.Marshal(body)
	require.NoError(s.t, err)
	resp, err := http.Post(s.portal.ClientEndpoint()+method, "application/json", bytes.NewReader(raw))
	if err != nil {
		return reply{}, err
	}
	return readReply(s.t, resp), nil
}

func readReply(t *testing.T, resp *http.Response) reply {
	t.Helper()
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var r reply
	_ = json.Unmarshal(raw, &r)
	r.Status, r.Raw = resp.StatusCode, string(raw)
	return r
}

// ok calls and demands success.
func (s *stand) ok(method string, params map[string]any) any {
	s.t.Helper()
	r := s.call(method, params)
	require.Equal(s.t, 200, r.Status, r.Raw)
	require.Empty(s.t, r.Error, r.Raw)
	return r.Result
}

// refused calls and demands a refusal with the code.
func (s *stand) refused(status int, code, method string, params map[string]any) {
	s.t.Helper()
	r := s.call(method, params)
	require.Equal(s.t, status, r.Status, r.Raw)
	require.Equal(s.t, code, r.Error, r.Raw)
}

func (s *stand) codes() []string {
	var out []string
	for _, v := range s.world.Violations() {
		out = append(out, v.Code)
	}
	return out
}

func (s *stand) waitEvents(name string, n int) []url.Values {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return len(s.sink.events(name)) >= n && s.portal.EventsPending() == 0 }, 5*time.Second, 5*time.Millisecond, "events %s", name)
	return s.sink.events(name)
}

// at walks into a decoded result.
func at(v any, path ...any) any {
	for _, p := range path {
		switch k := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			a, _ := v.([]any)
			if k >= len(a) {
				return nil
			}
			v = a[k]
		}
	}
	return v
}

type m = map[string]any

func TestOAuth(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	code := func() url.Values {
		resp, err := client.Get(s.portal.URL() + "/oauth/authorize/?client_id=local.app&state=a%2Bb")
		require.NoError(t, err)
		require.Equal(t, http.StatusFound, resp.StatusCode)
		u, err := resp.Location()
		require.NoError(t, err)
		return u.Query()
	}
	token := func(v url.Values) reply {
		resp, err := http.PostForm(s.server.OAuthURL()+"/oauth/token/", v)
		require.NoError(t, err)
		return readReply(t, resp)
	}
	get := func(raw string) map[string]any {
		var out map[string]any
		require.NoError(t, json.Unmarshal([]byte(raw), &out))
		return out
	}
	back := code()
	require.Equal(t, "a+b", back.Get("state"))
	require.Equal(t, s.portal.Host(), back.Get("domain"))
	require.Equal(t, s.portal.MemberID(), back.Get("member_id"))
	creds := url.Values{"client_id": {"local.app"}, "client_secret": {"top"}}
	with := func(kv ...string) url.Values {
		v := url.Values{}
		for k, x := range creds {
			v[k] = x
		}
		for i := 0; i < len(kv); i += 2 {
			v.Set(kv[i], kv[i+1])
		}
		return v
	}
	first := token(with("grant_type", "authorization_code", "code", back.Get("code")))
	require.Equal(t, 200, first.Status, first.Raw)
	pair := get(first.Raw)
	require.Equal(t, s.portal.ClientEndpoint(), pair["client_endpoint"])
	require.Equal(t, float64(3600), pair["expires_in"])
	require.NotContains(t, pair, "user_id")
	require.Equal(t, 200, s.callWith(pair["access_token"].(string), "profile", nil).Status)

	again := token(with("grant_type", "authorization_code", "code", back.Get("code")))
	require.Equal(t, "invalid_grant", again.Error, "a code works once")

	late := code().Get("code")
	s.world.Advance(31 * time.Second)
	require.Equal(t, "invalid_grant", token(with("grant_type", "authorization_code", "code", late)).Error)

	refresh := with("grant_type", "refresh_token", "refresh_token", pair["refresh_token"].(string))
	resp, err := http.Get(s.server.OAuthURL() + "/oauth/token/?" + refresh.Encode())
	require.NoError(t, err)
	second := get(readReply(t, resp).Raw)
	require.NotEqual(t, pair["refresh_token"], second["refresh_token"])
	require.Equal(t, float64(1), second["user_id"])
	require.Equal(t, "invalid_grant", token(refresh).Error, "a refresh token works once")
	require.Empty(t, s.world.Violations())

	s.world.Advance(time.Hour)
	require.Equal(t, "expired_token", s.callWith(second["access_token"].(string), "profile", nil).Error)
	wrong := token(url.Values{"client_id": {"local.app"}, "client_secret": {"no"}, "grant_type": {"refresh_token"}})
	require.Equal(t, "invalid_client", wrong.Error)
	require.Equal(t, 401, wrong.Status)

	info := func(tok string) reply {
		resp, err := http.PostForm(s.server.OAuthURL()+"/rest/app.info", url.Values{"auth": {tok}})
		require.NoError(t, err)
		return readReply(t, resp)
	}
	require.Equal(t, "omni.chats", at(info(s.tokenOf(2)).Result, "CODE"))
	require.Equal(t, 401, info("invented").Status)
	require.NoError(t, s.portal.Payment("local.app", "P", true, -1))
	f, err := s.portal.OpenApp("local.app", 3)
	require.NoError(t, err)
	require.Equal(t, "PAYMENT_REQUIRED", token(with("grant_type", "refresh_token", "refresh_token", f.Form.Get("REFRESH_ID"))).Error)
}

func TestBasics(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	require.Equal(t, "1", at(s.ok("profile", nil), "ID"))
	require.Equal(t, true, at(s.ok("profile", nil), "ADMIN"))
	require.Equal(t, false, at(s.ok("app.info", nil), "INSTALLED"))
	require.Equal(t, "ru_std", at(s.ok("APP.INFO.json", nil), "LICENSE"), "method names in any case, with .json")
	require.Equal(t, true, at(s.ok("method.get", m{"name": "crm.item.add"}), "isExisting"))
	r := s.call("user.get", m{"FILTER": m{"ACTIVE": true}})
	require.Len(t, r.Result, 4)
	require.NotNil(t, r.Total)
	require.Contains(t, r.Time, "operating_reset_at")
	require.Contains(t, r.Raw, `"LAST_ACTIVITY_DATE":{}`)
	resp, err := http.Get(s.portal.ClientEndpoint() + "user.get?auth=" + s.token + "&FILTER[ID]=2")
	require.NoError(t, err)
	require.Equal(t, "Орлов", at(readReply(t, resp).Result, 0, "LAST_NAME"))
	require.Empty(t, s.world.Violations())

	s.refused(404, "ERROR_METHOD_NOT_FOUND", "crm.nothing", nil)
	s.refused(400, "ERROR_ARGUMENT", "user.get", m{"FILTRE": m{}})
	s.refused(400, "100", "crm.item.get", m{"entityTypeId": 1})
	s.refused(400, "100", "crm.item.get", m{"entityTypeId": "lead", "id": 1})
	require.Equal(t, []string{"ERROR_METHOD_NOT_FOUND", "ERROR_ARGUMENT", "100", "100"}, s.codes())
	require.Equal(t, "NO_AUTH_FOUND", s.callWith("", "profile", nil).Error)
	require.Len(t, s.world.Violations(), 4, "a call without a token is no breach")

	req, _ := http.NewRequest(http.MethodOptions, s.portal.ClientEndpoint()+"profile", nil)
	resp, err = http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.Equal(t, "*", resp.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, resp.Header.Get("Access-Control-Allow-Headers"), "content-type")
}

func TestScopeAndRights(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	w2 := s.world
	w2.RegisterApp(portal.App{ClientID: "small", ClientSecret: "x", AppURL: s.sink.URL, Scope: []string{"crm"}})
	require.NoError(t, s.portal.Install("small"))
	f, err := s.portal.OpenApp("small", 1)
	require.NoError(t, err)
	r := s.callWith(f.Form.Get("AUTH_ID"), "im.notify.system.add", m{"USER_ID": 1, "MESSAGE": "x"})
	require.Equal(t, 403, r.Status)
	require.Equal(t, "insufficient_scope", r.Error)
	require.Equal(t, []string{"insufficient_scope"}, s.codes())

	operator := s.tokenOf(2)
	r = s.callWith(operator, "placement.bind", m{"PLACEMENT": "LEFT_MENU", "HANDLER": s.sink.URL + "/p"})
	require.Equal(t, "ACCESS_DENIED", r.Error)
	require.Equal(t, 403, r.Status)
}

func httpPost(to, body string) (*http.Response, error) {
	return http.Post(to, "application/json", strings.NewReader(body))
}

func (s *sink) setFail(v bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = v
}
