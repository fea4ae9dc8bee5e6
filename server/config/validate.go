package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Validate checks the settings. The error is one sentence that begins with the variable's name and holds no secret.
func (c *Config) Validate() error {
	checks := []struct {
		variable string
		err      error
	}{
		{"OMNI_LISTEN", validListen(c.Listen)},
		{"OMNI_INTERNAL_LISTEN", validListen(c.InternalListen)},
		{"OMNI_PUBLIC_URL", c.publicURL()},
		{"OMNI_DATABASE_URL", c.databaseURL()},
		{"OMNI_DATABASE_CONNS", between(c.DatabaseConns, 4, 1000)},
		{"OMNI_FILE_LIMIT", between(int(c.FileLimit), 1, 4<<30)},
		{"OMNI_FILES_PER_ACCOUNT", between(int(c.FilesPerAccount), 0, 1<<50)},
		{"OMNI_SECRET_KEYS", c.secretKeys()},
		{"OMNI_B24_CLIENT_SECRET", c.credentials()},
		{"OMNI_B24_OAUTH_URLS", c.oauthURLs()},
		{"OMNI_B24_INSECURE_HOSTS", hostPorts(c.B24InsecureHosts)},
		{"OMNI_B24_REQUEST_LIMIT", limit(c.B24RequestLimit)},
		{"OMNI_UIS_REQUEST_LIMIT", limit(c.UISRequestLimit)},
		{"OMNI_UIS_REPAIR_EVERY", limit(c.UISRepairEvery)},
		{"OMNI_UIS_MEDIA_HOSTS", hostPorts(c.UISMediaHosts)},
		{"OMNI_REST_LOG_KEEP", duration(c.RESTLogKeep, 72*time.Hour, 90*24*time.Hour)},
		{"OMNI_REST_LOG_ACCOUNT_LIMIT", between(int(c.RESTLogAccountLimit), 1<<20, 1<<40)},
		{"OMNI_REST_LOG_LIMIT", between(int(c.RESTLogLimit), 1<<20, 1<<44)},
		{"OMNI_LOG_FORMAT", oneOf(c.LogFormat, "json", "text")},
	}
	for _, check := range checks {
		if check.err != nil {
			return fmt.Errorf("%s: %w", check.variable, check.err)
		}
	}
	return nil
}

func (c *Config) publicURL() error {
	if c.PublicURL.URL == nil {
		return errors.New("it is not set")
	}
	if c.PublicURL.RawQuery != "" || c.PublicURL.Fragment != "" {
		return errors.New("expected an address without ? and #")
	}
	return nil
}

func (c *Config) databaseURL() error {
	if c.Private() {
		return nil
	}
	address, err := url.Parse(string(c.DatabaseURL))
	if err != nil || address.Scheme != "postgres" && address.Scheme != "postgresql" {
		return errors.New("expected postgres://user:password@host:port/database")
	}
	return nil
}

func (c *Config) secretKeys() error {
	if c.SecretKeys == "" && !c.Private() {
		return errors.New("it is required together with OMNI_DATABASE_URL, as all servers of one database need the same keys; " +
			"make one with: openssl rand -base64 32")
	}
	return nil
}

func (c *Config) credentials() error {
	if (c.B24ClientID == "") != (c.B24ClientSecret == "") {
		return errors.New("it belongs together with OMNI_B24_CLIENT_ID: set both or neither")
	}
	return nil
}

func (c *Config) oauthURLs() error {
	for _, address := range c.B24OAuthURLs {
		if address.Scheme != "https" && !slices.Contains(c.B24InsecureHosts, address.HostPort()) {
			return fmt.Errorf("%s is not https; if that is meant, list %s in OMNI_B24_INSECURE_HOSTS", address, address.HostPort())
		}
	}
	return nil
}

func between(n, low, high int) error {
	if n < low || n > high {
		return fmt.Errorf("expected %d to %d, got %d", low, high, n)
	}
	return nil
}

func limit(d time.Duration) error {
	if d < time.Second || d > time.Hour {
		return fmt.Errorf("expected 1s to 1h, got %s", d)
	}
	return nil
}

func duration(d, low, high time.Duration) error {
	if d < low || d > high {
		return fmt.Errorf("expected %gh to %gh, got %s", low.Hours(), high.Hours(), d)
	}
	return nil
}

func hostPorts(list []string) error {
	for _, entry := range list {
		host, port, err := net.SplitHostPort(entry)
		if _, wrong := strconv.ParseUint(port, 10, 16); err != nil || wrong != nil || host == "" {
			return fmt.Errorf("%q is not host:port", entry)
		}
	}
	return nil
}

func oneOf(value string, allowed ...string) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("%q is none of %q", value, allowed)
	}
	return nil
}
