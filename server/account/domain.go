package account

import (
	"net/netip"
	"net/url"
	"strings"

	"omni/server/httpguard"
)

// DomainError says what is wrong with a portal's address that a person typed. Its sentence is "field.<code>".
type DomainError struct{ Code string }

// Error implements error.
func (e *DomainError) Error() string { return "this is no portal address: " + e.Code }

// What is wrong with an address.
const (
	domainEmpty   = "domain_empty"
	domainHTTPS   = "domain_https"
	domainHost    = "domain_host_only"
	domainPrivate = "domain_private"
)

// ParseDomain reads a portal's address as typed (P2): https, the host only, a slash at the end is cut off. A private or loopback address and plain
// http pass only when lists tells that the operator allowed that host:port. It gives the host and the portal's root ("https://host").
func ParseDomain(text string, lists func(hostPort string) bool) (host, root string, err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", "", &DomainError{domainEmpty}
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", "", &DomainError{domainHost}
	}
	host = strings.ToLower(u.Host)
	if lists(withPort(u)) {
		return host, u.Scheme + "://" + host, nil
	}
	if u.Scheme != "https" {
		return "", "", &DomainError{domainHTTPS}
	}
	name := strings.ToLower(u.Hostname())
	address, parseErr := netip.ParseAddr(name)
	switch {
	case parseErr == nil && !httpguard.Public(address), name == "localhost", strings.HasSuffix(name, ".localhost"):
		return "", "", &DomainError{domainPrivate}
	case parseErr != nil && !strings.Contains(name, "."):
		return "", "", &DomainError{domainHost}
	}
	return host, "https://" + host, nil
}

func withPort(u *url.URL) string {
	if u.Port() != "" {
		return strings.ToLower(u.Host)
	}
	if u.Scheme == "http" {
		return strings.ToLower(u.Hostname()) + ":80"
	}
	return strings.ToLower(u.Hostname()) + ":443"
}

// hostOf is the host of an endpoint, with its port when it is not the scheme's own.
func hostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

// rootOf cuts an address to scheme and host.
func rootOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// SameHost tells whether a posted DOMAIN names the host of an endpoint; ports of the scheme's own may be left out.
func SameHost(domain, endpoint string) bool {
	domain = strings.ToLower(strings.TrimSpace(domain))
	have := hostOf(endpoint)
	return have != "" && (domain == have || domain == have+":443" || domain == have+":80" || strings.TrimSuffix(strings.TrimSuffix(domain, ":443"), ":80") == have)
}
