package uisconn_test

import (
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/locales"
	"omni/server/account/directory"
	"omni/server/account/uisconn"
	"omni/server/clock"
	"omni/server/history"
	"omni/server/history/historytest"
	"omni/server/httpguard"
	"omni/server/ids"
	"omni/server/sandbox/uisplatform"
	"omni/server/secret"
	"omni/server/store"
	"omni/server/store/storetest"
	"omni/server/uis"
)

// stand is one server, reachable over HTTP, beside an embedded UIS with one account.
type stand struct {
	t         *testing.T
	platform  *uisplatform.Platform
	uis       *uisplatform.Account
	db        *store.DB
	account   ids.AccountID
	conns     *uisconn.Connections
	connected []ids.AccountID

	mu      sync.Mutex
	refused int
	hooks   []string
}

func newStand(t *testing.T, change ...func(*uisplatform.AccountConfig)) *stand {
	t.Helper()
	s := &stand{t: t, db: storetest.New(t)}
	cfg := uisplatform.DemoAccount("romashka")
	for _, f := range change {
		f(&cfg)
	}
	s.platform = uisplatform.New(uisplatform.Options{TempDir: t.TempDir()})
	server := httptest.NewServer(s.platform)
	ours := httptest.NewServer(http.HandlerFunc(s.receive))
	t.Cleanup(func() {
		s.platform.Close()
		server.CloseClientConnections()
		server.Close()
		ours.Close()
	})
	s.platform.SetPublicURL(server.URL)
	s.uis = s.platform.AddAccount(cfg)
	s.account = s.newAccount()
	urls := uisplatform.URLsAt(server.URL)
	listed, err := url.Parse(server.URL)
	require.NoError(t, err)
	guard, err := httpguard.New(httpguard.Options{Listed: []string{listed.Host}})
	require.NoError(t, err)
	keys, err := secret.Parse(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 40))))
	require.NoError(t, err)
	s.conns = uisconn.New(uisconn.Options{
		DB: s.db, Clock: clock.NewFixed(time.Now()), Keys: keys, Log: slog.New(slog.DiscardHandler), HTTP: guard.Client, PublicURL: ours.URL + "/",
		Overrides: uis.Overrides{DataAPI: urls.DataAPI, CallAPI: urls.CallAPI, Chats: urls.Chats, Adapter: urls.Adapter, Login: urls.Login},
		Connected: func(id ids.AccountID) { s.connected = append(s.connected, id) },
	})
	return s
}

func (s *stand) newAccount() (id ids.AccountID) {
	require.NoError(s.t, s.db.AsSystem(s.t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `INSERT INTO account (name, created_at) VALUES ('north', now()) RETURNING id`).Scan(&id)
	}))
	return id
}

// receive is the intake and the step behind it in one.
func (s *stand) receive(w http.ResponseWriter, r *http.Request) {
	token, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/uis/"), "/chat/")
	door, err := s.conns.ByToken(r.Context(), token)
	if err != nil || !door.Opens(r.Header.Get("Authorization")) {
		s.mu.Lock()
		s.refused++
		s.mu.Unlock()
		w.WriteHeader(http.StatusForbidden)
		return
	}
	body, _ := io.ReadAll(r.Body)
	hook, err := uis.ParseWebhook(r.Method, path, body)
	if err == nil {
		err = s.db.InAccount(r.Context(), door.Account, func(ctx context.Context, tx pgx.Tx) error {
			_, err := uisconn.Webhook(ctx, tx, door.Account, time.Now(), hook)
			return err
		})
	}
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	s.hooks = append(s.hooks, string(hook.Kind))
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (s *stand) settled() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(s.t, s.platform.Settled(ctx))
}

func text(s string) *string { return &s }

func good() uisconn.Credentials {
	return uisconn.Credentials{Brand: uis.UIS, APIKey: text("key-romashka"), ChatsLogin: text("romashka@uis.example"), ChatsPassword: text("password-romashka")}
}

func (s *stand) channels() []directory.Channel {
	s.t.Helper()
	var list []directory.Channel
	require.NoError(s.t, s.db.InAccount(s.t.Context(), s.account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		list, err = directory.Channels(ctx, tx, s.account)
		return err
	}))
	return list
}

func byCode(list []uisconn.Check) map[string]uisconn.Check {
	out := map[string]uisconn.Check{}
	for _, c := range list {
		out[c.Code] = c
	}
	return out
}

func TestConnectReadsChannelsAndEmployeesU1U2(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c, err := s.conns.Put(t.Context(), s.account, good())
	require.NoError(t, err)
	for _, check := range c.Checks {
		require.True(t, check.OK, "%+v", check)
	}
	require.Len(t, c.Checks, 6)
	require.True(t, c.HasAPIKey)
	require.True(t, c.HasChatsPassword)
	require.NotEmpty(t, c.Token)
	require.Equal(t, []ids.AccountID{s.account}, s.connected, "matching may start")
	s.settled()

	connected := 0
	for _, ch := range s.channels() {
		if ch.Adapter != 0 {
			require.NotZero(t, ch.Connection)
			connected++
		}
	}
	require.Len(t, s.channels(), 9)
	require.Equal(t, 8, connected, "all but the community that adapters cannot serve")
	require.Zero(t, s.refused)
	require.Empty(t, s.platform.Violations())

	session, err := s.conns.Adapter(t.Context(), s.account)
	require.NoError(t, err)
	same, err := s.conns.Adapter(t.Context(), s.account)
	require.NoError(t, err)
	require.Same(t, session, same, "one login serves all")
	client, err := s.conns.Client(t.Context(), s.account)
	require.NoError(t, err)
	_, _, err = client.Account(t.Context())
	require.NoError(t, err)
}

func TestSavingAgainMakesNothingTwice(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	first, err := s.conns.Put(t.Context(), s.account, good())
	require.NoError(t, err)
	s.settled()
	again, err := s.conns.Put(t.Context(), s.account, uisconn.Credentials{Brand: uis.UIS}) // nothing given: what is stored is tested again
	require.NoError(t, err)
	require.Equal(t, first.Token, again.Token)
	for _, check := range again.Checks {
		require.True(t, check.OK, "%+v", check)
	}
	s.settled()
	made := 0
	for _, hook := range s.hooks {
		if hook == string(uis.WebhookAccountCreated) {
			made++
		}
	}
	require.Equal(t, 1, made)
	require.Empty(t, s.platform.Violations())
}

func TestALostChannelWebhookIsMadeUpFor(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	_, err := s.conns.Put(t.Context(), s.account, good())
	require.NoError(t, err)
	s.settled()
	require.NoError(t, s.db.InAccount(t.Context(), s.account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE uis_channel SET adapter_channel = NULL WHERE account_id = $1 AND id IN (20, 21)`, int64(s.account))
		return err
	}))
	c, err := s.conns.Put(t.Context(), s.account, uisconn.Credentials{Brand: uis.UIS})
	require.NoError(t, err)
	require.True(t, byCode(c.Checks)[uisconn.CheckAdapter].OK)
	s.settled()
	for _, ch := range s.channels() {
		require.Equal(t, ch.Type != "vkontakte_groups", ch.Adapter != 0, ch.Name)
	}
	require.Empty(t, s.platform.Violations())
}

func TestWhatIsWrongIsSaidInWordsU1(t *testing.T) {
	t.Parallel()
	catalogue, err := locales.Load()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		account func(*uisplatform.AccountConfig)
		given   func(*uisconn.Credentials)
		code    string
		why     string
		stored  bool
	}{
		"a wrong key":      {given: func(c *uisconn.Credentials) { c.APIKey = text("wrong") }, code: uisconn.CheckDataAPI, why: string(uis.KeyInvalid), stored: true},
		"a wrong password": {given: func(c *uisconn.Credentials) { c.ChatsPassword = text("wrong") }, code: uisconn.CheckLogin, why: string(uis.KeyInvalid), stored: true},
		"nothing right": {given: func(c *uisconn.Credentials) {
			c.APIKey, c.ChatsPassword = text("wrong"), text("wrong")
		}, code: uisconn.CheckLogin, why: string(uis.KeyInvalid)},
		"our address is not in the white list": {account: func(a *uisplatform.AccountConfig) { a.IPs = []string{} }, code: uisconn.CheckDataAPI, why: string(uis.IPNotAllowed), stored: true},
		"no password":                          {given: func(c *uisconn.Credentials) { c.ChatsPassword = nil }, code: uisconn.CheckLogin, why: "missing", stored: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := c.account
			if change == nil {
				change = func(*uisplatform.AccountConfig) {}
			}
			s := newStand(t, change)
			given := good()
			if c.given != nil {
				c.given(&given)
			}
			got, err := s.conns.Put(t.Context(), s.account, given)
			require.NoError(t, err)
			check := byCode(got.Checks)[c.code]
			require.False(t, check.OK)
			require.Equal(t, c.why, check.Why)
			for _, lang := range []string{"ru", "en"} {
				words, cure := check.Text(catalogue, lang)
				require.NotContains(t, words, "uisconn.", "every state has a sentence")
				require.NotContains(t, cure, "uisconn.")
				if c.why == string(uis.IPNotAllowed) {
					require.Contains(t, cure, "127.0.0.1", "which address to add")
				}
			}
			_, err = s.conns.Get(t.Context(), s.account)
			if c.stored {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, uisconn.ErrNotConnected)
			}
		})
	}
}

func TestEveryCheckHasItsSentences(t *testing.T) {
	t.Parallel()
	catalogue, err := locales.Load()
	require.NoError(t, err)
	whys := []string{"missing", "two_factor", "empty"}
	for _, class := range uis.Classes() {
		if class != uis.ComponentMissing { // that is "absent"
			whys = append(whys, string(class))
		}
	}
	for _, lang := range []string{"ru", "en"} {
		for _, code := range []string{uisconn.CheckDataAPI, uisconn.CheckCallAPI, uisconn.CheckLogin, uisconn.CheckAdapter, uisconn.CheckChannels, uisconn.CheckEmployees} {
			for _, state := range []string{"ok", "failed", "absent"} {
				require.True(t, catalogue.Has(lang, "uisconn."+code+"."+state), code+" "+state)
			}
		}
		for _, why := range whys {
			require.True(t, catalogue.Has(lang, "uisconn.why."+why), why)
			require.True(t, catalogue.Has(lang, "uisconn.cure."+why), why)
		}
	}
}

func TestAWrongKeyDoesNotReplaceAGoodOne(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	as := history.By(t.Context(), "Анна")
	_, err := s.conns.Put(as, s.account, good())
	require.NoError(t, err)
	c, err := s.conns.Put(as, s.account, uisconn.Credentials{Brand: uis.UIS, APIKey: text("wrong"), ChatsPassword: text("wrong")})
	require.NoError(t, err)
	require.False(t, byCode(c.Checks)[uisconn.CheckDataAPI].OK)
	client, err := s.conns.Client(t.Context(), s.account)
	require.NoError(t, err)
	_, _, err = client.Account(t.Context())
	require.NoError(t, err, "the stored key still works")
	require.Equal(t, []string{"Анна uis_connected uis brand api_key chats_login chats_password"}, historytest.Lines(t, s.db, s.account), "what was refused was not stored, and leaves no trace")
	require.Len(t, s.channels(), 9)
}

func TestAFailedAnswerKeepsTheGoodCopyU4(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	_, err := s.conns.Put(t.Context(), s.account, good())
	require.NoError(t, err)
	s.uis.Block(true)
	result, err := s.conns.Refresh(t.Context(), s.account)
	require.NoError(t, err)
	require.False(t, byCode(result)[uisconn.CheckEmployees].OK)
	require.Len(t, s.channels(), 9)
	s.uis.Block(false)
	result, err = s.conns.Refresh(t.Context(), s.account)
	require.NoError(t, err)
	require.True(t, byCode(result)[uisconn.CheckEmployees].OK)
}

func TestAMissingComponentIsAnAbsentFeatureU4(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(a *uisplatform.AccountConfig) { a.Components = []string{} })
	c, err := s.conns.Put(t.Context(), s.account, good())
	require.NoError(t, err)
	for _, check := range c.Checks {
		require.True(t, check.OK, "%+v", check)
	}
}

func TestABrandWithoutChats(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c, err := s.conns.Put(t.Context(), s.account, uisconn.Credentials{Brand: uis.Novofon, APIKey: text("key-romashka")})
	require.NoError(t, err)
	require.Equal(t, "absent", byCode(c.Checks)[uisconn.CheckLogin].Why)
	require.NotContains(t, byCode(c.Checks), uisconn.CheckAdapter)
	_, err = s.conns.Put(t.Context(), s.account, uisconn.Credentials{Brand: "acme"})
	require.ErrorIs(t, err, uisconn.ErrBrand)
}

func TestDoors(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c, err := s.conns.Put(t.Context(), s.account, good())
	require.NoError(t, err)
	_, err = s.conns.ByToken(t.Context(), "guess")
	require.ErrorIs(t, err, uisconn.ErrToken)
	door, err := s.conns.ByToken(t.Context(), c.Token)
	require.NoError(t, err)
	require.Equal(t, s.account, door.Account)
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic d3Jvbmc6d3Jvbmc="} {
		require.False(t, door.Opens(header), header)
	}
	require.False(t, uisconn.Door{}.Opens("Bearer "), "an empty secret opens nothing")
}

func TestDisconnect(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c, err := s.conns.Put(t.Context(), s.account, good())
	require.NoError(t, err)
	s.settled()
	require.NoError(t, s.conns.Disconnect(t.Context(), s.account))
	_, err = s.conns.Get(t.Context(), s.account)
	require.ErrorIs(t, err, uisconn.ErrNotConnected)
	_, err = s.conns.ByToken(t.Context(), c.Token)
	require.ErrorIs(t, err, uisconn.ErrToken)
	require.Empty(t, s.channels())
	require.NoError(t, s.conns.Disconnect(t.Context(), s.account), "any number of times")
	s.settled()
	fresh, err := s.conns.Put(t.Context(), s.account, good())
	require.NoError(t, err)
	require.NotEqual(t, c.Token, fresh.Token)
	s.settled()
	require.Len(t, s.channels(), 9)
	require.Empty(t, s.platform.Violations())
	lines := historytest.Lines(t, s.db, s.account)
	require.Equal(t, []string{"uis_connected uis brand api_key chats_login chats_password", "uis_removed uis", "uis_connected uis brand api_key chats_login chats_password"}, lines)
}

// TestSecretsAreSealed looks at the bytes in the database.
func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c, err := s.conns.Put(t.Context(), s.account, good())
	require.NoError(t, err)
	var all string
	require.NoError(t, s.db.InAccount(t.Context(), s.account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT row_to_json(u)::text || encode(api_key, 'escape') || encode(url_token, 'escape') || encode(adapter_password, 'escape') || encode(chats_password, 'escape')
			FROM uis_connection u WHERE account_id = $1`, int64(s.account)).Scan(&all)
	}))
	for _, plain := range []string{"key-romashka", "password-romashka", c.Token} {
		require.NotContains(t, all, plain)
	}
}

func TestNotificationsAreTickedOffU3(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for range 2 {
		require.NoError(t, s.db.Pipelined(t.Context(), s.account, func(batch *pgx.Batch) { uisconn.QueueReceived(batch, s.account, "call_started", time.Now()) }))
	}
	seen, err := s.conns.LastReceived(t.Context(), s.account)
	require.NoError(t, err)
	require.Len(t, seen, 1)
	require.Contains(t, seen, "call_started")
}
