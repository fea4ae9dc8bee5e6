package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// hidden is what is printed in place of a secret.
const hidden = "(hidden)"

// Secret is a setting that is never printed: not by fmt, slog or JSON. Reveal gives it out.
type Secret string

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return s.String() }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler, which JSON uses.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// URL is an absolute http or https address without a slash at its end.
type URL struct{ *url.URL }

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *URL) UnmarshalText(text []byte) error {
	address, err := url.Parse(strings.TrimRight(strings.TrimSpace(string(text)), "/"))
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Hostname() == "" || address.User != nil {
		return errors.New("expected an address such as https://omni.example.com")
	}
	u.URL = address
	return nil
}

// String is the address, or nothing when it is not set.
func (u URL) String() string {
	if u.URL == nil {
		return ""
	}
	return u.URL.String()
}

// HostPort is the host with the port, also when that is the scheme's own.
func (u URL) HostPort() string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Bytes is a size.
type Bytes int64

// UnmarshalText implements encoding.TextUnmarshaler: "50MB", "512 KB", "1048576".
func (b *Bytes) UnmarshalText(text []byte) error {
	number := strings.ToUpper(strings.TrimSpace(string(text)))
	factor := int64(1)
	for suffix, of := range map[string]int64{"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30} {
		if rest, found := strings.CutSuffix(number, suffix); found {
			number, factor = strings.TrimSpace(rest), of
		}
	}
	size, err := strconv.ParseInt(number, 10, 32)
	if err != nil || size < 0 {
		return errors.New("expected a size such as 50MB")
	}
	*b = Bytes(size * factor)
	return nil
}

// String writes the size with the largest unit that leaves it whole.
func (b Bytes) String() string {
	for _, unit := range []struct {
		name string
		of   Bytes
	}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}} {
		if b > 0 && b%unit.of == 0 {
			return fmt.Sprintf("%d%s", b/unit.of, unit.name)
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
