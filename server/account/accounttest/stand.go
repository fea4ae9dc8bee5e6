// Package accounttest sets up a server's accounts over a real database and an embedded Bitrix24 reached over real HTTP, for tests.
package accounttest

import (
	"encoding/base64"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/account/proof"
	"omni/server/bitrix24"
	"omni/server/clock"
	"omni/server/httpguard"
	"omni/server/sandbox/portal"
	"omni/server/secret"
	"omni/server/store"
	"omni/server/store/storetest"
)

// The app as it is known to the embedded Bitrix24, and another one.
const (
	ClientID     = "local.omni.test"
	ClientSecret = "a secret of the app"
	AppCode      = "omni.chats"
	OtherApp     = "local.other.app"
)

// Stand is one server in a world of portals.
type Stand struct {
	T        testing.TB
	World    *portal.World
	Server   *portal.Server
	URL      string // of the database
	DB       *store.DB
	Clock    *clock.Fixed
	Keys     *secret.Keyring
	Guard    *httpguard.Guard
	B24      *bitrix24.Client
	Accounts *account.Accounts
	Prover   *proof.Prover
	// Lanes count what is asked of portals beside their lanes; see Counting.
	Lanes account.Lanes
}

// New starts a world with portals of these names and one server.
func New(t testing.TB, portals ...string) *Stand {
	t.Helper()
	configs := make([]portal.PortalConfig, len(portals))
	for i, name := range portals {
		configs[i] = portal.PortalConfig{Name: name, Bucket: &portal.Bucket{Size: 1000, Drain: 1000}}
	}
	return With(t, configs...)
}

// With is New with portals of any kind.
func With(t testing.TB, portals ...portal.PortalConfig) *Stand {
	t.Helper()
	s := &Stand{T: t, World: portal.New(portal.Options{}), Clock: clock.NewFixed(time.Now()), URL: storetest.URL(t)}
	for _, c := range portals {
		s.World.AddPortal(c)
	}
	// Handlers need an address of some kind; nobody listens there.
	base := "http://app.example.com"
	s.World.RegisterApp(portal.App{ClientID: ClientID, ClientSecret: ClientSecret, Code: AppCode, AppURL: base + "/app", InstallURL: base + "/install", RedirectURL: base + "/callback"})
	s.World.RegisterApp(portal.App{ClientID: OtherApp, ClientSecret: "another secret", AppURL: base + "/other"})
	var err error
	s.Server, err = portal.Serve(s.World, "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Server.Close() })
	s.Keys, err = secret.Parse(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 40))))
	require.NoError(t, err)
	s.start()
	return s
}

// Second is another server on the same database and world; it may also reach these further hosts.
func (s *Stand) Second(hosts ...string) *Stand {
	s.T.Helper()
	second := *s
	second.start(hosts...)
	return &second
}

func (s *Stand) start(hosts ...string) {
	s.T.Helper()
	s.DB = storetest.Open(s.T, s.URL)
	s.allow(hosts...)
	log := slog.New(slog.DiscardHandler)
	s.B24 = bitrix24.New(bitrix24.Options{HTTP: s.Guard.Client(nil), ClientID: ClientID, ClientSecret: ClientSecret, OAuthServers: []string{s.Server.OAuthURL()}})
	s.Accounts = account.New(account.Options{DB: s.DB, Clock: s.Clock, Keys: s.Keys, B24: s.B24, Guard: s.Guard, Log: log, Lanes: s.Lanes})
	s.Prover = proof.New(proof.Options{DB: s.DB, Accounts: s.Accounts, B24: s.B24, AppCode: AppCode, Log: log})
}

// Counting is Second with lanes that count what is asked beside them.
func (s *Stand) Counting(lanes account.Lanes) *Stand {
	s.T.Helper()
	second := *s
	second.Lanes = lanes
	second.start()
	return &second
}

// allow lists the addresses of the world, and further ones, as OMNI_B24_INSECURE_HOSTS does.
func (s *Stand) allow(more ...string) {
	s.T.Helper()
	listed := append([]string{hostPort(s.T, s.Server.OAuthURL())}, more...)
	for _, p := range s.World.Portals() {
		listed = append(listed, p.Host())
	}
	var err error
	s.Guard, err = httpguard.New(httpguard.Options{Listed: listed})
	require.NoError(s.T, err)
}

func hostPort(t testing.TB, address string) string {
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Host
}

// Portal finds a portal of the world.
func (s *Stand) Portal(name string) *portal.Portal { return s.World.Portal(name) }

// Install puts the app on a portal.
func (s *Stand) Install(name string) {
	s.T.Helper()
	require.NoError(s.T, s.Portal(name).Install(ClientID))
}

// Frame is what the portal posts when the user opens the app.
func (s *Stand) Frame(name string, user int) *bitrix24.FramePOST {
	s.T.Helper()
	return s.FrameOf(ClientID, name, user)
}

// FrameOf is Frame for any app.
func (s *Stand) FrameOf(app, name string, user int) *bitrix24.FramePOST {
	s.T.Helper()
	post, err := s.Portal(name).OpenApp(app, user)
	require.NoError(s.T, err)
	u, err := url.Parse(post.Action)
	require.NoError(s.T, err)
	f, err := bitrix24.ParseFrame([]byte(u.RawQuery), []byte(post.Form.Encode()))
	require.NoError(s.T, err)
	return f
}

// Opened installs the app on a portal and lets its administrator open it.
func (s *Stand) Opened(name string) proof.Opened {
	s.T.Helper()
	s.Install(name)
	opened, err := s.Prover.Frame(s.T.Context(), s.Frame(name, 1))
	require.NoError(s.T, err)
	return opened
}

// Asked counts the requests the world got for a method: "profile", "oauth.app.info", "oauth.token".
func (s *Stand) Asked(method string) int {
	n := 0
	for _, r := range s.World.Requests() {
		if r.Method == method {
			n++
		}
	}
	return n
}
