// Package httpguard makes the HTTP clients with which the product leaves its own machine: only to allowed hosts, never into the private network.
package httpguard

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrRefused is the cause of every request that was not sent because it is not allowed.
var ErrRefused = errors.New("refused")

// Options are the adjustable parts of a Guard.
type Options struct {
	// Listed are the "host:port" pairs an operator has allowed by name (OMNI_B24_INSECURE_HOSTS and the like): plain http and private addresses
	// included.
	Listed []string
	// DialTimeout bounds name resolution and connecting together; 0: 10 s.
	DialTimeout time.Duration
	// TLS replaces the default settings, for tests.
	TLS *tls.Config
	// Resolver replaces the system's name resolution, for tests.
	Resolver *net.Resolver
}

// Guard makes clients that share one set of connections and one list.
type Guard struct {
	listed    map[string]bool
	transport *http.Transport
	resolver  *net.Resolver
	timeout   time.Duration
}

// New makes a guard. A listed entry that is not host:port is an error that names it.
func New(options Options) (*Guard, error) {
	g := &Guard{listed: map[string]bool{}, resolver: options.Resolver, timeout: options.DialTimeout}
	if g.timeout == 0 {
		g.timeout = 10 * time.Second
	}
	for _, entry := range options.Listed {
		host, port, err := net.SplitHostPort(strings.TrimSpace(entry))
		if _, wrong := strconv.ParseUint(port, 10, 16); err != nil || wrong != nil || host == "" {
			return nil, fmt.Errorf("%q is not host:port", entry)
		}
		g.listed[net.JoinHostPort(strings.ToLower(host), port)] = true
	}
	g.transport = &http.Transport{
		DialContext:           g.dial,
		Proxy:                 nil, // a proxy would resolve the name itself, past the check
		TLSClientConfig:       options.TLS,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       60 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	return g, nil
}

// Close gives up idle connections.
func (g *Guard) Close() { g.transport.CloseIdleConnections() }

// Lists tells whether a "host:port" is listed.
func (g *Guard) Lists(hostPort string) bool { return g.listed[strings.ToLower(hostPort)] }

// Client makes a client for the hosts that allow accepts (lower case, without port) and for listed ones; nil accepts every public host. It follows
// no redirect: the answer 3xx is returned as it is. Every request is checked, also those of a copy of the client that does follow. It has no time
// limit of its own: requests carry theirs in the context.
func (g *Guard) Client(allow func(host string) bool) *http.Client {
	return &http.Client{
		Transport:     &checked{guard: g, allow: allow},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checked lets only allowed requests through to the shared transport.
type checked struct {
	guard *Guard
	allow func(host string) bool
}

// RoundTrip implements http.RoundTripper.
func (c *checked) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := c.guard.Check(request.URL, c.allow); err != nil {
		if request.Body != nil {
			_ = request.Body.Close() // a RoundTripper always closes it
		}
		return nil, err
	}
	return c.guard.transport.RoundTrip(request)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections work.
func (c *checked) CloseIdleConnections() { c.guard.transport.CloseIdleConnections() }

// Check tells whether an address may be requested as far as its text shows: https, or listed; an allowed host; no user name in it. The address
// behind the name is checked when it is dialled. Errors wrap ErrRefused and name the host only.
func (g *Guard) Check(address *url.URL, allow func(host string) bool) error {
	host := strings.ToLower(address.Hostname())
	if host == "" {
		return fmt.Errorf("%w: an address without host", ErrRefused)
	}
	if address.User != nil {
		return fmt.Errorf("%w: an address of %s with a user name in it", ErrRefused, host)
	}
	if (address.Scheme == "http" || address.Scheme == "https") && g.listed[net.JoinHostPort(host, portOf(address))] {
		return nil
	}
	if address.Scheme != "https" {
		return fmt.Errorf("%w: %s is not reached by https", ErrRefused, host)
	}
	if allow != nil && !allow(host) {
		return fmt.Errorf("%w: the host %s is not allowed", ErrRefused, host)
	}
	return nil
}

func portOf(address *url.URL) string {
	switch {
	case address.Port() != "":
		return address.Port()
	case address.Scheme == "http":
		return "80"
	default:
		return "443"
	}
}

// dial connects to a name. Unless it is listed, each address is checked by the dialer itself at the last moment, so the checked address is the
// dialled one whatever the name resolves to a second later.
func (g *Guard) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: g.timeout, KeepAlive: 30 * time.Second, Resolver: g.resolver}
	if !g.Lists(hostPort) {
		dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return checkAddress(hostPort, address)
		}
	}
	return dialer.DialContext(ctx, network, hostPort)
}

func checkAddress(name, address string) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s leads to an address that is not understood", ErrRefused, name)
	}
	if !Public(parsed.Addr()) {
		return fmt.Errorf("%w: %s leads to the private address %s; list it to allow that", ErrRefused, name, parsed.Addr())
	}
	return nil
}
