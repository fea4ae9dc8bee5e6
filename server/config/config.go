// Package config reads the settings of the server from its environment, checks them and explains them.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Config is everything a server is told by its environment. The tags `doc` are the text of docs/settings.md.
type Config struct {
	Listen         string `env:"OMNI_LISTEN" envDefault:"127.0.0.1:8080" doc:"Public address: host and port to listen on."`
	InternalListen string `env:"OMNI_INTERNAL_LISTEN" envDefault:"127.0.0.1:9090" doc:"Internal address for '/healthz', '/readyz', '/metrics', '/pending' and pprof. Never open it to the world."`
	PublicURL      URL    `env:"OMNI_PUBLIC_URL" doc:"How Bitrix24, UIS and browsers reach this server. Bitrix24 wants https. Empty: 'http://' and the public address, good for a look on one machine only."`

	DatabaseURL      Secret `env:"OMNI_DATABASE_URL" doc:"PostgreSQL 15 or newer, reached directly: no pooler between, because servers hear of each other by LISTEN. A superuser's role works but passes row level security; 'omni check' warns about it. Empty: a private PostgreSQL in 'OMNI_DATA_DIR', for one server."`
	DatabaseConns    int    `env:"OMNI_DATABASE_CONNS" envDefault:"16" doc:"Largest number of connections this server keeps in its pool. A few more are used for listening and for long procedures."`
	DataDir          string `env:"OMNI_DATA_DIR" envDefault:"./var" doc:"Folder of the private PostgreSQL and of the generated key."`
	PostgresPrograms string `env:"OMNI_POSTGRES_PROGRAMS" doc:"Folder with 'initdb' and 'postgres' for the private PostgreSQL. Empty: those of PATH, then Debian's, then those 'make' has downloaded."`

	FilesDir        string `env:"OMNI_FILES_DIR" doc:"Directory for files, shared by all servers. Empty: files are kept in PostgreSQL."`
	FileLimit       Bytes  `env:"OMNI_FILE_LIMIT" envDefault:"50MB" doc:"Largest file, in bytes or with 'KB', 'MB', 'GB' (powers of 1024)."`
	FilesPerAccount Bytes  `env:"OMNI_FILES_PER_ACCOUNT" envDefault:"20GB" doc:"What the files of one account may take in all, so that one account cannot fill the disk of the others. '0': no limit."`

	SecretKeys Secret `env:"OMNI_SECRET_KEYS" doc:"Comma-separated base64 keys of at least 32 bytes ('openssl rand -base64 32'). The first encrypts and signs, all decrypt: to replace a key, put the new one in front and drop the old one later. Required with 'OMNI_DATABASE_URL', as all servers need the same. Empty with the private PostgreSQL: a key is generated once into 'OMNI_DATA_DIR/secret.keys'."`

	B24ClientID      string        `env:"OMNI_B24_CLIENT_ID" doc:"Client id of the app at Bitrix24. Without it the server runs, but no portal can install the app."`
	B24ClientSecret  Secret        `env:"OMNI_B24_CLIENT_SECRET" doc:"Client secret of the app at Bitrix24."`
	B24AppCode       string        `env:"OMNI_B24_APP_CODE" doc:"What the authorization server must answer as 'CODE' of our app. Empty: the client id, as with local apps."`
	B24OAuthURLs     []URL         `env:"OMNI_B24_OAUTH_URLS" envDefault:"https://oauth.bitrix.info,https://oauth.bitrix24.tech" doc:"Allowed authorization servers, comma-separated."`
	B24InsecureHosts []string      `env:"OMNI_B24_INSECURE_HOSTS" doc:"'host:port' pairs, comma-separated, that may be reached by plain http and on private addresses: on-premise portals and tests."`
	B24RequestLimit  time.Duration `env:"OMNI_B24_REQUEST_LIMIT" envDefault:"60s" doc:"How long a portal may go on working on a request after we stopped listening. Nothing that may have run is repeated earlier."`

	UISRequestLimit time.Duration `env:"OMNI_UIS_REQUEST_LIMIT" envDefault:"30s" doc:"The same for UIS."`
	UISRepairEvery  time.Duration `env:"OMNI_UIS_REPAIR_EVERY" envDefault:"10m" doc:"How often UIS' reports are read for chats and messages whose webhooks never came. An account has few points a day: a round takes one or two of them."`
	UISDataAPIURL   URL           `env:"OMNI_UIS_DATA_API_URL" doc:"Overrides the brand's Data API for all accounts (tests); its host is then allowed as it is."`
	UISCallAPIURL   URL           `env:"OMNI_UIS_CALL_API_URL" doc:"The same for the Call API."`
	UISChatsURL     URL           `env:"OMNI_UIS_CHATS_URL" doc:"The same for the management of chats."`
	UISAdapterURL   URL           `env:"OMNI_UIS_ADAPTER_URL" doc:"The same for the Chat API of adapters."`
	UISLoginURL     URL           `env:"OMNI_UIS_LOGIN_URL" doc:"The same for the login to the management of chats."`
	UISMediaHosts   []string      `env:"OMNI_UIS_MEDIA_HOSTS" doc:"Further 'host:port' pairs recordings and files may be fetched from, plain http included. Empty: the brand's own."`

	RESTLogKeep         time.Duration `env:"OMNI_REST_LOG_KEEP" envDefault:"72h" doc:"How long requests to Bitrix24 and UIS are kept in the log, at least. The market demands three days; days are dropped whole, so it is up to a day more."`
	RESTLogAccountLimit Bytes         `env:"OMNI_REST_LOG_ACCOUNT_LIMIT" envDefault:"1GB" doc:"How much the bodies of one account's logged requests may take. Beyond it the oldest lose their bodies; that they were made, when, about what and how they ended stays."`
	RESTLogLimit        Bytes         `env:"OMNI_REST_LOG_LIMIT" envDefault:"20GB" doc:"The same for all accounts together: the largest gives way first."`

	TestClock bool       `env:"OMNI_TEST_CLOCK" doc:"'1': 'POST /clock {\"advance\":\"5m\"}' on the internal address moves the business time of this server forward, 'POST /rounds' begins what is due by it at once. Never in production; 'omni check' warns about it."`
	LogLevel  slog.Level `env:"OMNI_LOG_LEVEL" envDefault:"info" doc:"'debug', 'info', 'warn' or 'error'."`
	LogFormat string     `env:"OMNI_LOG_FORMAT" envDefault:"json" doc:"'json' or 'text'."`
}

// Load reads and checks the settings of an environment (os.Environ()). An empty variable counts as unset. The error is one sentence that begins with
// the variable's name and holds no secret.
func Load(environ []string) (*Config, error) {
	given := map[string]string{}
	for name, value := range env.ToMap(environ) {
		if value = strings.TrimSpace(value); value != "" {
			given[name] = value
		}
	}
	c := &Config{}
	if err := env.ParseWithOptions(c, env.Options{Environment: given}); err != nil {
		return nil, explain(err)
	}
	c.fill()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// fill derives what depends on other settings.
func (c *Config) fill() {
	if c.PublicURL.URL == nil && validListen(c.Listen) == nil {
		c.PublicURL = URL{&url.URL{Scheme: "http", Host: c.Listen}}
	}
	if c.B24AppCode == "" {
		c.B24AppCode = c.B24ClientID
	}
}

// KeyFile is where the generated key lies when OMNI_SECRET_KEYS is empty, which only the private database allows.
func (c *Config) KeyFile() string { return filepath.Join(c.DataDir, "secret.keys") }

// Private tells whether the server brings its own PostgreSQL.
func (c *Config) Private() bool { return c.DatabaseURL == "" }

// ListedHosts are the host:port pairs that may be reached by plain http and on private addresses.
func (c *Config) ListedHosts() []string {
	hosts := slices.Concat(c.B24InsecureHosts, c.UISMediaHosts)
	for _, override := range []URL{c.UISDataAPIURL, c.UISCallAPIURL, c.UISChatsURL, c.UISAdapterURL, c.UISLoginURL} {
		if override.URL != nil {
			hosts = append(hosts, override.HostPort())
		}
	}
	return hosts
}

// Warnings are sentences about settings that are allowed but dangerous or incomplete.
func (c *Config) Warnings() []string {
	var warnings []string
	if c.TestClock {
		warnings = append(warnings, "OMNI_TEST_CLOCK is on: whoever reaches the internal address can move the time of this server")
	}
	if c.B24ClientID == "" {
		warnings = append(warnings, "OMNI_B24_CLIENT_ID and OMNI_B24_CLIENT_SECRET are empty: no portal can install the app")
	}
	if c.PublicURL.URL != nil && c.PublicURL.Scheme != "https" {
		warnings = append(warnings, "OMNI_PUBLIC_URL is not https: Bitrix24 in the cloud will not open it")
	}
	return warnings
}

// Unknown lists the OMNI_ variables of an environment that mean nothing to the server, most likely misspelt.
func Unknown(environ []string) []string {
	known := map[string]bool{"OMNI_TEST_DATABASE_URL": true, "OMNI_DEMO_PORT": true} // read by the tests and by the demonstration
	for field := range fields() {
		known[field.Tag.Get("env")] = true
	}
	var unknown []string
	for name := range env.ToMap(environ) {
		if strings.HasPrefix(name, "OMNI_") && !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

func fields() func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		kind := reflect.TypeFor[Config]()
		for i := range kind.NumField() {
			if !yield(kind.Field(i)) {
				return
			}
		}
	}
}

// explain turns the parser's error, which knows the field only, into a sentence that begins with the variable.
func explain(err error) error {
	var all env.AggregateError
	if !errors.As(err, &all) || len(all.Errors) == 0 {
		return fmt.Errorf("read the settings: %w", err)
	}
	var wrong env.ParseError
	if !errors.As(all.Errors[0], &wrong) {
		return fmt.Errorf("read the settings: %w", all.Errors[0])
	}
	for field := range fields() {
		if field.Name == wrong.Name {
			return fmt.Errorf("%s: %s", field.Tag.Get("env"), expected(field.Type, wrong.Err))
		}
	}
	return fmt.Errorf("read the settings: %w", wrong)
}

// expected says what a value of a type must look like.
func expected(kind reflect.Type, cause error) string {
	switch kind {
	case reflect.TypeFor[time.Duration]():
		return "expected a duration such as 30s or 2m"
	case reflect.TypeFor[int]():
		return "expected a whole number"
	case reflect.TypeFor[bool]():
		return "expected 1 or 0"
	case reflect.TypeFor[slog.Level]():
		return "expected debug, info, warn or error"
	}
	return cause.Error()
}

func validListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if _, wrong := strconv.ParseUint(port, 10, 16); err != nil || wrong != nil {
		return fmt.Errorf("%q is not host:port", address)
	}
	return nil
}
