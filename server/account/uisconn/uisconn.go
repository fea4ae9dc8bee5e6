// Package uisconn connects an account to UIS: it keeps and tests the credentials, registers our chat adapter there and keeps what UIS tells of channels
// and employees.
//
// The one statement over all accounts is ByToken: a webhook's address does not tell its account.
package uisconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"omni/server/account/transport"
	"omni/server/clock"
	"omni/server/ids"
	"omni/server/secret"
	"omni/server/store"
	"omni/server/uis"
)

// Errors callers branch on.
var (
	// ErrNotConnected says that the account has no connection to UIS, or not the credentials for what is wanted.
	ErrNotConnected = transport.ErrNotConnected
	// ErrToken says that no connection has this address token.
	ErrToken = errors.New("no UIS connection has this address")
	// ErrBrand says that the brand is unknown.
	ErrBrand = errors.New("this brand is not known")
)

// Options are what Connections are made of.
type Options struct {
	DB    *store.DB
	Clock clock.Clock
	Keys  *secret.Keyring
	Log   *slog.Logger
	// HTTP makes the client for hosts that allow accepts (httpguard.Guard.Client).
	HTTP func(allow func(host string) bool) *http.Client
	// PublicURL is how UIS reaches us.
	PublicURL string
	// Overrides replace the brands' hosts; AllowMedia further lets recordings come from there.
	Overrides    uis.Overrides
	AllowMedia   func(scheme, host string) bool
	RequestLimit time.Duration
	// Observe gives who is told of an account's requests. Nil: nobody.
	Observe func(ids.AccountID) func(context.Context, uis.Exchange)
	// Connected is told that an account's employees were read for the first time with these credentials: matching can start. It must not block.
	Connected func(ids.AccountID)
	// Changed is told that channels or employees changed. It must not block.
	Changed func(ids.AccountID)
}

// Connections keep the UIS connections of all accounts. Safe for many goroutines.
type Connections struct {
	Options

	mu       sync.Mutex
	sessions map[ids.AccountID]cachedSession
	tokens   map[string]cachedToken
	// changes counts forget, so that a look-up that began before is not kept.
	changes int
}

// New makes the connections.
func New(o Options) *Connections {
	if o.Connected == nil {
		o.Connected = func(ids.AccountID) {}
	}
	if o.Changed == nil {
		o.Changed = func(ids.AccountID) {}
	}
	o.PublicURL = strings.TrimSuffix(o.PublicURL, "/")
	return &Connections{Options: o, sessions: map[ids.AccountID]cachedSession{}, tokens: map[string]cachedToken{}}
}

// row is a row of uis_connection.
type row struct {
	AccountID       ids.AccountID `gorm:"primaryKey;autoIncrement:false"`
	Brand           uis.Brand
	APIKey          []byte `gorm:"column:api_key"`
	ChatsLogin      string
	ChatsPassword   []byte
	URLTokenHash    []byte `gorm:"column:url_token_hash"`
	URLToken        []byte `gorm:"column:url_token"`
	WebhookSecret   []byte
	AdapterType     string
	AdapterLogin    string
	AdapterPassword []byte
	AdapterID       *int64
	ConnectionID    *int64
	AppID           *int64
	AccountName     string
	Timezone        string
	Checks          checks `gorm:"serializer:json"`
	CheckedAt       *time.Time
	ChangedAt       time.Time
	Version         int
}

// TableName implements gorm's Tabler.
func (row) TableName() string { return "uis_connection" }

func place(account ids.AccountID, column string) secret.Place {
	return secret.At("uis_connection", column, account, 0)
}

func (c *Connections) seal(account ids.AccountID, column, plain string) []byte {
	if plain == "" {
		return nil
	}
	return c.Keys.Seal([]byte(plain), place(account, column))
}

func (c *Connections) open(account ids.AccountID, column string, sealed []byte) (string, error) {
	if sealed == nil {
		return "", nil
	}
	plain, err := c.Keys.Open(sealed, place(account, column))
	if err != nil {
		return "", fmt.Errorf("open %s of the UIS connection of account %d: %w", column, account, err)
	}
	return string(plain), nil
}

// read finds the account's row. Error: ErrNotConnected.
func (c *Connections) read(ctx context.Context, account ids.AccountID) (row, error) {
	var r row
	err := c.DB.InAccountORM(ctx, account, func(_ context.Context, u *store.Unit) error {
		return u.ORM.Where("account_id = ?", account).Take(&r).Error
	})
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row{}, ErrNotConnected
	}
	if err != nil {
		return row{}, fmt.Errorf("read UIS connection of account %d: %w", account, err)
	}
	return r, nil
}

// Connection is what the cabinet shows. It holds no secret.
type Connection struct {
	Brand            uis.Brand
	HasAPIKey        bool
	ChatsLogin       string
	HasChatsPassword bool
	AccountName      string
	Timezone         string
	// Token is the part of our addresses that names this connection: /uis/{token}/….
	Token     string
	Checks    []Check
	CheckedAt time.Time
}

// Get reads the connection. Error: ErrNotConnected.
func (c *Connections) Get(ctx context.Context, account ids.AccountID) (Connection, error) {
	r, err := c.read(ctx, account)
	if err != nil {
		return Connection{}, err
	}
	return c.view(r)
}

func (c *Connections) view(r row) (Connection, error) {
	token, err := c.open(r.AccountID, "url_token", r.URLToken)
	if err != nil {
		return Connection{}, err
	}
	out := Connection{
		Brand: r.Brand, HasAPIKey: r.APIKey != nil, ChatsLogin: r.ChatsLogin, HasChatsPassword: r.ChatsPassword != nil, AccountName: r.AccountName,
		Timezone: r.Timezone, Token: token, Checks: r.Checks,
	}
	if r.CheckedAt != nil {
		out.CheckedAt = *r.CheckedAt
	}
	return out, nil
}

// client makes a client of an account for a brand with a key; "" for one that only manages chats.
func (c *Connections) client(account ids.AccountID, brand uis.Brand, key string) (*uis.Client, error) {
	hosts, err := brand.Hosts()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBrand, err)
	}
	if hosts, err = hosts.With(c.Overrides); err != nil {
		return nil, err
	}
	options := uis.Options{Hosts: hosts, Key: key, HTTP: c.HTTP(hostsOf(hosts)), RequestLimit: c.RequestLimit, AllowMedia: c.AllowMedia}
	if c.Observe != nil {
		options.Observe = c.Observe(account)
	}
	return uis.New(options), nil
}

// hostsOf accepts exactly the hosts of the brand's interfaces and its media.
func hostsOf(h uis.Hosts) func(string) bool {
	exact := map[string]bool{}
	for _, address := range []string{h.DataAPI, h.CallAPI, h.Chats, h.Adapter, h.Login} {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			exact[strings.ToLower(u.Hostname())] = true
		}
	}
	return func(host string) bool {
		if exact[host] {
			return true
		}
		for _, media := range h.Media {
			if host == strings.TrimPrefix(media, ".") || strings.HasPrefix(media, ".") && strings.HasSuffix(host, media) {
				return true
			}
		}
		return false
	}
}

// Client speaks to the Data and Call API with the account's key. Error: ErrNotConnected.
func (c *Connections) Client(ctx context.Context, account ids.AccountID) (*uis.Client, error) {
	r, err := c.read(ctx, account)
	if err != nil {
		return nil, err
	}
	key, err := c.open(account, "api_key", r.APIKey)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return nil, ErrNotConnected
	}
	return c.client(account, r.Brand, key)
}

// cachedSession is an adapter's session and the version of the credentials it was made with.
type cachedSession struct {
	version int
	session *uis.AdapterSession
}

// Adapter speaks to the Chat API as the account's adapter; the session logs in again by itself after a 401. Error: ErrNotConnected.
func (c *Connections) Adapter(ctx context.Context, account ids.AccountID) (*uis.AdapterSession, error) {
	r, err := c.read(ctx, account)
	if err != nil {
		return nil, err
	}
	if r.AdapterID == nil {
		return nil, ErrNotConnected
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if have := c.sessions[account]; have.session != nil && have.version == r.Version {
		return have.session, nil
	}
	password, err := c.open(account, "adapter_password", r.AdapterPassword)
	if err != nil {
		return nil, err
	}
	client, err := c.client(account, r.Brand, "")
	if err != nil {
		return nil, err
	}
	session := client.NewAdapterSession(uis.AdapterCredentials{Login: r.AdapterLogin, Password: password}, uis.AdapterToken{}, nil)
	c.sessions[account] = cachedSession{r.Version, session}
	return session, nil
}

func (c *Connections) forget(account ids.AccountID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, account)
	clear(c.tokens)
	c.changes++
}
