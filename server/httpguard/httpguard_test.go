package httpguard_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/httpguard"
)

func guard(t *testing.T, options httpguard.Options) *httpguard.Guard {
	t.Helper()
	g, err := httpguard.New(options)
	require.NoError(t, err)
	t.Cleanup(g.Close)
	return g
}

func get(t *testing.T, client *http.Client, address string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	response, err := client.Do(request)
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		require.NoError(t, response.Body.Close())
	}
	return response, err
}

// target is a server on the loopback address that counts what reaches it.
func target(t *testing.T) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	hits := new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://other.example/", http.StatusFound)
		}
	}))
	t.Cleanup(server.Close)
	return server, hits
}

func TestLoopbackIsReachedOnlyWhenListed(t *testing.T) {
	t.Parallel()
	server, hits := target(t)
	address, err := url.Parse(server.URL)
	require.NoError(t, err)

	listed := guard(t, httpguard.Options{Listed: []string{address.Host}})
	response, err := get(t, listed.Client(nil), server.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.EqualValues(t, 1, hits.Load())

	// The same host with another port is not listed, and allow cannot open what is private.
	_, port, _ := net.SplitHostPort(address.Host)
	other := guard(t, httpguard.Options{Listed: []string{"127.0.0.1:1"}})
	for _, target := range []string{server.URL, "https://127.0.0.1:" + port, "https://localhost:" + port, "https://[::ffff:127.0.0.1]:" + port} {
		_, err := get(t, other.Client(func(string) bool { return true }), target)
		require.ErrorIs(t, err, httpguard.ErrRefused, target)
	}
	require.EqualValues(t, 1, hits.Load(), "nothing was sent")
}

func TestHostMustBeAllowed(t *testing.T) {
	t.Parallel()
	g := guard(t, httpguard.Options{})
	allow := func(host string) bool { return strings.HasSuffix(host, ".bitrix24.example") }
	for address, allowed := range map[string]bool{
		"https://acme.bitrix24.example/rest/":     true,
		"https://ACME.Bitrix24.example/rest/":     true,
		"https://acme.bitrix24.example:8443/":     true,
		"http://acme.bitrix24.example/":           false,
		"ftp://acme.bitrix24.example/":            false,
		"https://acme.bitrix24.example.evil.test": false,
		"https://acme.bitrix24.example@evil.test": false,
		"https://u:p@acme.bitrix24.example/":      false,
		"https:///rest":                           false,
		"https://evil.test/":                      false,
	} {
		parsed, err := url.Parse(address)
		require.NoError(t, err)
		err = g.Check(parsed, allow)
		if allowed {
			require.NoError(t, err, address)
		} else {
			require.ErrorIs(t, err, httpguard.ErrRefused, address)
		}
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	server, hits := target(t)
	g := guard(t, httpguard.Options{Listed: []string{strings.TrimPrefix(server.URL, "http://")}})
	response, err := get(t, g.Client(nil), server.URL+"/away")
	require.NoError(t, err)
	require.Equal(t, http.StatusFound, response.StatusCode)
	require.EqualValues(t, 1, hits.Load())

	// A copy that follows is still checked at each hop.
	following := *g.Client(nil)
	following.CheckRedirect = nil
	_, err = get(t, &following, server.URL+"/away")
	require.ErrorIs(t, err, httpguard.ErrRefused)
}

// A name that answers with a public address when it is looked at and with a private one when it is dialled must not get through: there is no
// look before the dial that could be fooled.
func TestTheDialledAddressIsTheCheckedOne(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	dns := nameServer(t, netip.MustParseAddr("127.0.0.1"))
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", dns)
	}}
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}

	// example.com is the name in httptest's certificate.
	closed := guard(t, httpguard.Options{Resolver: resolver, TLS: config})
	_, err = get(t, closed.Client(nil), "https://example.com:"+port)
	require.ErrorIs(t, err, httpguard.ErrRefused)
	require.ErrorContains(t, err, "private address 127.0.0.1")

	open := guard(t, httpguard.Options{Resolver: resolver, TLS: config, Listed: []string{"example.com:" + port}})
	response, err := get(t, open.Client(nil), "https://example.com:"+port)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, response.StatusCode)
}

// nameServer answers every question for an IPv4 address with the same one, others with nothing.
func nameServer(t *testing.T, answer netip.Addr) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(dnsReply(buffer[:n], answer), from)
		}
	}()
	return conn.LocalAddr().String()
}

// dnsReply repeats the question of a query (RFC 1035) and answers it when it is of type A.
func dnsReply(query []byte, answer netip.Addr) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	question := query[12 : end+5]
	wantsA := question[len(question)-3] == 1
	reply := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
	if wantsA {
		reply[7] = 1
		address := answer.As4()
		reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
		reply = append(reply, address[:]...)
	}
	return reply
}

func TestPublic(t *testing.T) {
	t.Parallel()
	for text, public := range map[string]bool{
		"8.8.8.8": true, "2a00:1450:4010::1": true, "::ffff:8.8.8.8": true, "64:ff9b::808:808": true,
		"127.0.0.1": false, "127.8.8.8": false, "0.0.0.0": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.0.1": false,
		"169.254.169.254": false, "100.100.100.200": false, "198.18.0.1": false, "224.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "fe80::1": false, "fc00::1": false, "fd00:ec2::254": false, "fec0::1": false,
		"ff02::1": false, "64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::1": false, "2002:7f00:1::": false,
		"2001:0:1::1": false, "2001:db8::1": false, "::7f00:1": false,
	} {
		require.Equal(t, public, httpguard.Public(netip.MustParseAddr(text)), text)
	}
}

func TestListedMustBeHostAndPort(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"localhost", "http://localhost:80", ":80", "localhost:", "http://localhost"} {
		_, err := httpguard.New(httpguard.Options{Listed: []string{entry}})
		require.Error(t, err, entry)
	}
	_, err := httpguard.New(httpguard.Options{Listed: []string{" LocalHost:80 ", "[::1]:8080"}})
	require.NoError(t, err)
}
