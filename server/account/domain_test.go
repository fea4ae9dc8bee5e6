package account

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseDomainP2(t *testing.T) {
	t.Parallel()
	lists := func(hostPort string) bool { return hostPort == "127.0.0.1:8201" || hostPort == "box.local:80" }
	for _, c := range []struct{ text, host, root, key string }{
		{"https://acme.bitrix24.ru/", "acme.bitrix24.ru", "https://acme.bitrix24.ru", ""},
		{"  Acme.Bitrix24.RU ", "acme.bitrix24.ru", "https://acme.bitrix24.ru", ""},
		{"https://crm.example.com:8443", "crm.example.com:8443", "https://crm.example.com:8443", ""},
		{"http://127.0.0.1:8201", "127.0.0.1:8201", "http://127.0.0.1:8201", ""},
		{"http://box.local/", "box.local", "http://box.local", ""},
		{"", "", "", domainEmpty},
		{"http://acme.bitrix24.ru", "", "", domainHTTPS},
		{"ftp://acme.bitrix24.ru", "", "", domainHTTPS},
		{"https://acme.bitrix24.ru/crm/", "", "", domainHost},
		{"https://acme.bitrix24.ru?x=1", "", "", domainHost},
		{"https://user:pw@acme.bitrix24.ru", "", "", domainHost},
		{"https://intranet", "", "", domainHost},
		{"https://", "", "", domainHost},
		{"https://10.0.0.5", "", "", domainPrivate},
		{"https://127.0.0.1:9000", "", "", domainPrivate},
		{"https://localhost", "", "", domainPrivate},
		{"https://[::1]", "", "", domainPrivate},
	} {
		host, root, err := ParseDomain(c.text, lists)
		if c.key != "" {
			var wrong *DomainError
			require.True(t, errors.As(err, &wrong), "%q must be refused", c.text)
			require.Equal(t, c.key, wrong.Code, c.text)
			continue
		}
		require.NoError(t, err, c.text)
		require.Equal(t, c.host, host)
		require.Equal(t, c.root, root)
	}
}

func TestSameHost(t *testing.T) {
	t.Parallel()
	require.True(t, SameHost("acme.bitrix24.ru", "https://acme.bitrix24.ru/rest/"))
	require.True(t, SameHost("acme.bitrix24.ru:443", "https://acme.bitrix24.ru/rest/"))
	require.True(t, SameHost("127.0.0.1:8201", "http://127.0.0.1:8201/rest/"))
	require.False(t, SameHost("127.0.0.1", "http://127.0.0.1:8201/rest/"))
	require.False(t, SameHost("evil.example.com", "https://acme.bitrix24.ru/rest/"))
	require.False(t, SameHost("", ""))
}
