package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"time"

	"omni/server/app"
	"omni/server/config"
	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
	"omni/server/secret"
)

const (
	clientID = "local.bench"
	company  = "bench"
	whatsapp = 20 // a channel of the sandbox account
	patience = 30 * time.Second
)

// town is the product, whole and in this process, between two sandbox platforms: installed on a portal, connected to UIS, chats switched on.
type town struct {
	world    *portal.World
	portal   *portal.Portal
	admin    int
	uis      *uisplatform.Account
	platform *uisplatform.Platform

	address string // the product's public host and port
	session string
	keys    *secret.Keyring // the product's
	account int64           // the product's numbers of the account and the portal
	number  int64

	settings *config.Config
	halted   func()
	closers  []func()
}

// newTown builds the town on the stand's database.
func (s *stand) newTown(ctx context.Context) (*town, error) {
	t := &town{world: portal.New(portal.Options{})}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return t.open(ctx, s) }, t.install, t.connect,
	} {
		if err := step(ctx); err != nil {
			t.close()
			return nil, err
		}
	}
	return t, nil
}

// open starts the platforms and the product.
func (t *town) open(ctx context.Context, s *stand) error {
	listen, err := freeAddresses(ctx, 2)
	if err != nil {
		return err
	}
	t.address = listen[0]
	public := "http://" + t.address
	t.world.RegisterApp(portal.App{ClientID: clientID, ClientSecret: "bench-secret", Title: "OMNI",
		InstallURL: public + "/bitrix24/install", AppURL: public + "/bitrix24/app", EventsURL: public + "/bitrix24/events", RedirectURL: public + "/bitrix24/oauth/callback"})
	t.portal = t.world.AddPortal(portal.PortalConfig{Name: "Ромашка", Licence: "ru_ent250"})
	served, err := portal.Serve(t.world, "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start the sandbox portal: %w", err)
	}
	t.closers = append(t.closers, func() { _ = served.Close(); t.world.Close() })

	t.platform = uisplatform.New(uisplatform.Options{})
	demo := uisplatform.DemoAccount(company)
	t.uis = t.platform.AddAccount(demo)
	door := httptest.NewServer(t.platform)
	t.platform.SetPublicURL(door.URL)
	t.closers = append(t.closers, func() { door.Close(); t.platform.Close() })

	if t.keys, err = secret.Parse(base64.StdEncoding.EncodeToString(s.key)); err != nil {
		return fmt.Errorf("read the key: %w", err)
	}
	oauth := served.OAuthURL()
	c, err := config.Load([]string{
		"OMNI_LISTEN=" + t.address, "OMNI_INTERNAL_LISTEN=" + listen[1], "OMNI_PUBLIC_URL=" + public, "OMNI_DATABASE_URL=" + s.url,
		"OMNI_DATA_DIR=" + s.folder, "OMNI_SECRET_KEYS=" + base64.StdEncoding.EncodeToString(s.key), "OMNI_LOG_LEVEL=warn", "OMNI_LOG_FORMAT=text",
		"OMNI_B24_CLIENT_ID=" + clientID, "OMNI_B24_CLIENT_SECRET=bench-secret", "OMNI_B24_OAUTH_URLS=" + oauth,
		"OMNI_B24_INSECURE_HOSTS=" + t.portal.Host() + "," + strings.TrimPrefix(oauth, "http://"),
		"OMNI_UIS_DATA_API_URL=" + door.URL + "/v2.0", "OMNI_UIS_CALL_API_URL=" + door.URL + "/v4.0", "OMNI_UIS_CHATS_URL=" + door.URL + "/v1/",
		"OMNI_UIS_ADAPTER_URL=" + door.URL + "/v1/adapter/", "OMNI_UIS_LOGIN_URL=" + door.URL + "/api/auth/json_rpc?method=login",
		"OMNI_UIS_MEDIA_HOSTS=" + strings.TrimPrefix(door.URL, "http://"),
	})
	if err != nil {
		return fmt.Errorf("configure the product: %w", err)
	}
	t.settings = c
	t.closers = append(t.closers, t.halt)
	return t.start(ctx, s)
}

// start starts the product.
func (t *town) start(ctx context.Context, s *stand) error {
	product, err := app.New(ctx, t.settings, s.log)
	if err != nil {
		return fmt.Errorf("build the product: %w", err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- product.Run(running) }()
	t.halted = func() {
		stop()
		if err := <-ended; err != nil {
			s.log.Warn("the product ended", "error", err)
		}
	}
	return until(ctx, "the product to listen", func() (bool, error) {
		conn, err := net.DialTimeout("tcp", t.address, time.Second)
		if err != nil {
			return false, nil //nolint:nilerr // not yet
		}
		return true, conn.Close()
	})
}

// booted is how a page's boot data name it.
var booted = regexp.MustCompile(`"session":"([^"]+)"`)

// install does what the administrator and the installer's page do.
func (t *town) install(ctx context.Context) error {
	for _, user := range t.portal.Users() {
		if user.Admin {
			t.admin = user.ID
			break
		}
	}
	if err := t.portal.Install(clientID); err != nil {
		return err
	}
	if err := t.openApp(); err != nil {
		return err
	}
	var me struct {
		Account int64 `json:"account"`
		Portal  int64 `json:"portal"`
	}
	if err := t.call(ctx, http.MethodGet, "/me", nil, &me); err != nil {
		return err
	}
	t.account, t.number = me.Account, me.Portal
	if err := t.call(ctx, http.MethodPost, "/portals/"+strconv.FormatInt(t.number, 10)+"/repair", nil, nil); err != nil {
		return err
	}
	return t.portal.FinishInstall(clientID, t.admin)
}

// openApp opens the app in the portal and keeps the session of its page.
func (t *town) openApp() error {
	frame, err := t.portal.OpenApp(clientID, t.admin)
	if err != nil {
		return err
	}
	resp, err := frame.Send(http.DefaultClient)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the frame: %w", err)
	}
	found := booted.FindSubmatch(raw)
	if found == nil {
		return fmt.Errorf("the frame was answered %s without a session", resp.Status)
	}
	t.session = string(found[1])
	return nil
}

// connect enters the UIS credentials and switches chats on.
func (t *town) connect(ctx context.Context) error {
	credentials := map[string]any{"brand": "uis", "api_key": "key-" + company, "chats_login": company + "@uis.example", "chats_password": "password-" + company}
	if err := t.call(ctx, http.MethodPut, "/uis", credentials, nil); err != nil {
		return err
	}
	err := until(ctx, "the channels to be known", func() (bool, error) {
		var uis struct {
			Channels []struct{ ID int64 } `json:"channels"`
		}
		err := t.call(ctx, http.MethodGet, "/uis", nil, &uis)
		return len(uis.Channels) > 0, err
	})
	if err != nil {
		return err
	}
	return t.chats(ctx, true)
}

// chats saves settings: chats on, and whether they make leads and comments.
func (t *town) chats(ctx context.Context, create bool) error {
	var doc map[string]any
	if err := t.call(ctx, http.MethodGet, "/settings", nil, &doc); err != nil {
		return err
	}
	set := func(form string, values map[string]any) {
		part, _ := doc[form].(map[string]any)
		for k, v := range values {
			part[k] = v
		}
	}
	set("main", map[string]any{"enabled": true, "portal": t.number})
	set("chats", map[string]any{"enabled": true, "portal": t.number, "channels": []int{whatsapp}, "create": create, "responsible": t.admin,
		"first": map[string]any{"on": true, "create": []string{"lead"}}, "comment_priority": "deals",
		"template": "{{chat_channel_name}}: {{name}}"}) // the standard name is the site's, which is asked of UIS first
	return t.call(ctx, http.MethodPut, "/settings", doc, nil)
}

// call asks the product's API as the page does.
func (t *town) call(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	version := ""
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return fmt.Errorf("encode for %s: %w", path, err)
		}
		if doc, ok := in.(map[string]any); ok && doc["version"] != nil {
			version = fmt.Sprint(doc["version"])
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+t.address+"/api/v1"+path, &body)
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	req.Header.Set("Authorization", "Bearer "+t.session)
	req.Header.Set("Content-Type", "application/json")
	if version != "" {
		req.Header.Set("If-Match", strconv.Quote(version))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s %s", method, path, resp.Status, raw)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// halt ends the product; the platforms stay, and start starts it again.
func (t *town) halt() {
	if t.halted != nil {
		t.halted()
	}
	t.halted = nil
}

// close ends the product first: nothing calls platforms that are gone.
func (t *town) close() {
	for i := len(t.closers) - 1; i >= 0; i-- {
		t.closers[i]()
	}
	t.closers = nil
}

// freeAddresses finds loopback addresses that nobody listens on.
func freeAddresses(ctx context.Context, n int) ([]string, error) {
	var out []string
	for range n {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		out = append(out, l.Addr().String())
	}
	return out, nil
}

// until looks again and again until something is so.
func until(ctx context.Context, what string, so func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := so(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("waited too long for " + what)
		case <-tick.C:
		}
	}
}
