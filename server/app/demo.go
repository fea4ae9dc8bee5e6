package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"omni/server/config"
	"omni/server/ids"
	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
	"omni/server/uis"
)

// What the demonstration is called at its sandboxes.
const (
	demoApp     = "local.omni"
	demoSecret  = "sandbox-secret"
	demoAccount = "romashka"
)

// sandboxes are the addresses of the demonstration's platforms, four ports in a row on loopback. OMNI_DEMO_PORT moves them, OMNI_LISTEN and
// OMNI_INTERNAL_LISTEN the product itself.
type sandboxes struct{ portal, second, oauth, uis string }

func sandboxesAt(environ []string) (sandboxes, error) {
	first, err := strconv.Atoi(value(environ, "OMNI_DEMO_PORT", "8181"))
	if err != nil || first < 1 || first > 65532 {
		return sandboxes{}, errors.New("OMNI_DEMO_PORT: expected the first of four free ports, such as 8181")
	}
	at := func(n int) string { return "127.0.0.1:" + strconv.Itoa(first+n) }
	return sandboxes{at(0), at(1), at(2), at(3)}, nil
}

// Demo is `omni demo`: the product, sandbox portals and a sandbox UIS. Everything but the product's own data is in memory.
func Demo(ctx context.Context, environ []string, out io.Writer) error {
	at, err := sandboxesAt(environ)
	if err != nil {
		return err
	}
	listen := value(environ, "OMNI_LISTEN", "127.0.0.1:8080")
	public := "http://" + listen
	world := portal.New(portal.Options{})
	world.RegisterApp(portal.App{ClientID: demoApp, ClientSecret: demoSecret, Title: "OMNI", Titles: map[string]string{"ru": "OMNI", "en": "OMNI"},
		InstallURL: public + "/bitrix24/install", AppURL: public + "/bitrix24/app", EventsURL: public + "/bitrix24/events", RedirectURL: public + "/bitrix24/oauth/callback"})
	first := world.AddPortal(portal.PortalConfig{Name: "Ромашка", Host: at.portal, LeadsMode: "classic"})
	world.AddPortal(portal.PortalConfig{Name: "Василёк", Host: at.second, LeadsMode: "simple"})
	served, err := portal.Serve(world, at.oauth)
	if err != nil {
		return fmt.Errorf("start the sandbox portals: %w", err)
	}
	defer func() { _ = served.Close() }()
	account, stopUIS, err := demoPlatform(at.uis)
	if err != nil {
		return err
	}
	defer stopUIS()

	// The sandboxes forget everything when they stop, so what the product remembers must not outlive them.
	data, err := os.MkdirTemp("", "omni-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demonstration: %w", err)
	}
	defer func() { _ = os.RemoveAll(data) }()
	if err := os.Chmod(data, 0o755); err != nil { //nolint:gosec // PostgreSQL runs as another user when the demonstration runs as root
		return fmt.Errorf("open the folder of the demonstration: %w", err)
	}
	environ = append(environ, "OMNI_DATA_DIR="+filepath.Join(data, "var"))
	environ = append(environ, demoEnvironment(environ, at, listen, public, served.OAuthURL())...)
	c, err := config.Load(environ)
	if err != nil {
		return err
	}
	a, err := New(ctx, c, Logger(c))
	if err != nil {
		return err
	}
	a.connected = func(id ids.AccountID) { a.background("paste notifications", a.paste(id, account, public)) }
	_, _ = fmt.Fprintf(out, `
OMNI for Bitrix24, demonstration

  the portal     %s   open this, go to Applications and install OMNI
  the phone      http://%s/phone/%s   a client's telephone, to write from
  another portal http://%s

In the app's first page connect UIS with
  key            key-%s
  login          %s@uis.example
  password       password-%s
The notifications of calls, which UIS lets nobody set up but its user, the demonstration pastes by itself then.

Ctrl-C stops everything.

`, first.URL(), at.uis, demoAccount, at.second, demoAccount, demoAccount, demoAccount)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.Run(ctx) })
	return group.Wait()
}

// paste does what an administrator does at UIS with the templates of the cabinet (U3).
func (a *App) paste(id ids.AccountID, at *uisplatform.Account, public string) func(context.Context) error {
	return func(ctx context.Context) error {
		connection, err := a.connections.Get(ctx, id)
		if err != nil {
			return err
		}
		var list []uisplatform.Notification
		for _, t := range uis.Templates() {
			list = append(list, uisplatform.Notification{Event: string(t.Event), Name: t.Label, Method: t.Method, URL: public + "/uis/" + url.PathEscape(connection.Token) + "/notifications", Body: t.Body})
		}
		return at.SetNotifications(list)
	}
}

// demoStep is how long each step of a call in the demonstration takes: long enough to see the card.
const demoStep = 3 * time.Second

func demoPlatform(address string) (*uisplatform.Account, func(), error) {
	platform := uisplatform.New(uisplatform.Options{StepDelay: demoStep})
	account := uisplatform.DemoAccount(demoAccount)
	// The same people as in the sandbox portal, so that the first synchronisation matches them by their e-mails.
	account.Employees = []uisplatform.Employee{
		{ID: 1001, LastName: "Власова", FirstName: "Анна", Email: "anna.vlasova@gorizont.example", Login: "vlasova", Phones: []string{"79000000101"}, Extension: "101", Operator: true, Groups: []int64{51}},
		{ID: 1002, LastName: "Орлов", FirstName: "Павел", Email: "pavel.orlov@gorizont.example", Login: "orlov", Phones: []string{"79000000102"}, Extension: "102", Operator: true, Groups: []int64{51, 52}},
		{ID: 1003, LastName: "Зимина", FirstName: "Мария", Email: "maria.zimina@gorizont.example", Login: "zimina", Phones: []string{"79000000103"}, Extension: "103", Operator: true, Groups: []int64{52}},
		{ID: 1004, LastName: "Воронов", FirstName: "Пётр", Email: "voronov@romashka.example", Login: "voronov", Extension: "104"},
	}
	added := platform.AddAccount(account)
	platform.SetPublicURL("http://" + address)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("start the sandbox UIS: %w", err)
	}
	server := &http.Server{Handler: platform, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			_, _ = fmt.Fprintln(os.Stderr, "sandbox UIS:", err)
		}
	}()
	return added, func() { _ = server.Close(); platform.Close() }, nil
}

// demoEnvironment points the product at the sandboxes; what the caller set stays.
func demoEnvironment(given []string, at sandboxes, listen, public, oauth string) []string {
	uis := "http://" + at.uis
	var out []string
	for name, text := range map[string]string{
		"OMNI_LISTEN": listen, "OMNI_PUBLIC_URL": public, "OMNI_B24_CLIENT_ID": demoApp, "OMNI_B24_CLIENT_SECRET": demoSecret,
		"OMNI_B24_OAUTH_URLS": oauth, "OMNI_B24_INSECURE_HOSTS": strings.Join([]string{at.portal, at.second, at.oauth}, ","),
		"OMNI_UIS_DATA_API_URL": uis + "/v2.0", "OMNI_UIS_CALL_API_URL": uis + "/v4.0", "OMNI_UIS_CHATS_URL": uis + "/v1/", "OMNI_UIS_ADAPTER_URL": uis + "/v1/adapter/",
		"OMNI_UIS_LOGIN_URL": uis + "/api/auth/json_rpc?method=login", "OMNI_UIS_MEDIA_HOSTS": at.uis, "OMNI_LOG_FORMAT": "text", "OMNI_LOG_LEVEL": "warn", "OMNI_TEST_CLOCK": "1",
	} {
		if value(given, name, "") == "" {
			out = append(out, name+"="+text)
		}
	}
	return out
}

func value(environ []string, name, otherwise string) string {
	for _, pair := range environ {
		if text, ok := strings.CutPrefix(pair, name+"="); ok && text != "" {
			return text
		}
	}
	return otherwise
}
