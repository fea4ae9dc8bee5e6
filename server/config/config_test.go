package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/config"
)

var update = flag.Bool("update", false, "write docs/settings.md")

func TestNothingConfiguredIsAPrivateServer(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{"PATH=/bin", "OMNI_FILE_LIMIT=", "OMNI_B24_REQUEST_LIMIT= "})
	require.NoError(t, err)
	require.True(t, c.Private())
	require.Equal(t, "127.0.0.1:8080", c.Listen)
	require.Equal(t, "127.0.0.1:9090", c.InternalListen)
	require.Equal(t, "http://127.0.0.1:8080", c.PublicURL.String())
	require.Equal(t, "var/secret.keys", c.KeyFile())
	require.EqualValues(t, 50<<20, c.FileLimit)
	require.Equal(t, 60*time.Second, c.B24RequestLimit)
	require.Equal(t, 30*time.Second, c.UISRequestLimit)
	require.Equal(t, "https://oauth.bitrix.info", c.B24OAuthURLs[0].String())
	require.Equal(t, "https://oauth.bitrix24.tech", c.B24OAuthURLs[1].String())
	require.Empty(t, c.ListedHosts())
	require.Equal(t, slog.LevelInfo, c.LogLevel)
	require.Equal(t, "json", c.LogFormat)
}

func TestEverythingConfigured(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{
		"OMNI_PUBLIC_URL=https://omni.example.com/", "OMNI_DATABASE_URL=postgres://omni:pw@db/omni", "OMNI_SECRET_KEYS=a,b",
		"OMNI_B24_CLIENT_ID=local.1", "OMNI_B24_CLIENT_SECRET=s3cret", "OMNI_B24_OAUTH_URLS=http://127.0.0.1:7000",
		"OMNI_B24_INSECURE_HOSTS=127.0.0.1:7000,portal.local:80", "OMNI_UIS_DATA_API_URL=http://127.0.0.1:7001/v2.0",
		"OMNI_UIS_LOGIN_URL=https://login.example", "OMNI_UIS_MEDIA_HOSTS=media.local:80", "OMNI_TEST_CLOCK=1", "OMNI_LOG_LEVEL=debug",
		"OMNI_FILE_LIMIT=512KB",
	})
	require.NoError(t, err)
	require.False(t, c.Private())
	require.Equal(t, "https://omni.example.com", c.PublicURL.String())
	require.Equal(t, "local.1", c.B24AppCode, "the client id, as with local apps")
	require.Equal(t, []string{"127.0.0.1:7000", "portal.local:80", "media.local:80", "127.0.0.1:7001", "login.example:443"}, c.ListedHosts())
	require.True(t, c.TestClock)
	require.EqualValues(t, 512<<10, c.FileLimit)
	require.Len(t, c.Warnings(), 1)
}

func TestWrongValueIsOneSentenceThatNamesTheVariable(t *testing.T) {
	t.Parallel()
	for setting, says := range map[string]string{
		"OMNI_LISTEN=8080":                          `OMNI_LISTEN: "8080" is not host:port`,
		"OMNI_INTERNAL_LISTEN=localhost":            `OMNI_INTERNAL_LISTEN: "localhost" is not host:port`,
		"OMNI_PUBLIC_URL=omni.example.com":          "OMNI_PUBLIC_URL: expected an address such as https://omni.example.com",
		"OMNI_PUBLIC_URL=https://a.example/?x=1":    "OMNI_PUBLIC_URL: expected an address without ? and #",
		"OMNI_DATABASE_URL=mysql://u:pw@db/x":       "OMNI_DATABASE_URL: expected postgres://user:password@host:port/database",
		"OMNI_DATABASE_CONNS=many":                  "OMNI_DATABASE_CONNS: expected a whole number",
		"OMNI_DATABASE_CONNS=0":                     "OMNI_DATABASE_CONNS: expected 4 to 1000, got 0",
		"OMNI_FILE_LIMIT=huge":                      "OMNI_FILE_LIMIT: expected a size such as 50MB",
		"OMNI_FILE_LIMIT=0":                         "OMNI_FILE_LIMIT: expected 1 to 4294967296, got 0",
		"OMNI_B24_CLIENT_ID=local.1":                "OMNI_B24_CLIENT_SECRET: it belongs together with OMNI_B24_CLIENT_ID: set both or neither",
		"OMNI_B24_OAUTH_URLS=http://10.0.0.1":       "OMNI_B24_OAUTH_URLS: http://10.0.0.1 is not https; if that is meant, list 10.0.0.1:80 in OMNI_B24_INSECURE_HOSTS",
		"OMNI_B24_OAUTH_URLS=https://a.example,b":   "OMNI_B24_OAUTH_URLS: expected an address such as https://omni.example.com",
		"OMNI_B24_INSECURE_HOSTS=portal.local":      `OMNI_B24_INSECURE_HOSTS: "portal.local" is not host:port`,
		"OMNI_B24_REQUEST_LIMIT=60":                 "OMNI_B24_REQUEST_LIMIT: expected a duration such as 30s or 2m",
		"OMNI_UIS_REQUEST_LIMIT=0s":                 "OMNI_UIS_REQUEST_LIMIT: expected 1s to 1h, got 0s",
		"OMNI_UIS_CHATS_URL=/chats":                 "OMNI_UIS_CHATS_URL: expected an address such as https://omni.example.com",
		"OMNI_UIS_MEDIA_HOSTS=http://media.example": `OMNI_UIS_MEDIA_HOSTS: "http://media.example" is not host:port`,
		"OMNI_REST_LOG_KEEP=71h":                    "OMNI_REST_LOG_KEEP: expected 72h to 2160h, got 71h0m0s",
		"OMNI_REST_LOG_LIMIT=10":                    "OMNI_REST_LOG_LIMIT: expected 1048576 to 17592186044416, got 10",
		"OMNI_REST_LOG_ACCOUNT_LIMIT=0":             "OMNI_REST_LOG_ACCOUNT_LIMIT: expected 1048576 to 1099511627776, got 0",
		"OMNI_TEST_CLOCK=maybe":                     "OMNI_TEST_CLOCK: expected 1 or 0",
		"OMNI_LOG_LEVEL=loud":                       "OMNI_LOG_LEVEL: expected debug, info, warn or error",
		"OMNI_LOG_FORMAT=xml":                       `OMNI_LOG_FORMAT: "xml" is none of ["json" "text"]`,
	} {
		_, err := config.Load([]string{setting})
		require.EqualError(t, err, says, setting)
	}
	_, err := config.Load([]string{"OMNI_DATABASE_URL=postgres://omni:pw@db/omni"})
	require.ErrorContains(t, err, "OMNI_SECRET_KEYS: it is required together with OMNI_DATABASE_URL")
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{
		"OMNI_DATABASE_URL=postgres://omni:hunter2@db/omni", "OMNI_SECRET_KEYS=hunter2", "OMNI_B24_CLIENT_ID=x", "OMNI_B24_CLIENT_SECRET=hunter2",
	})
	require.NoError(t, err)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("settings", "config", c, "key", c.SecretKeys)
	slog.New(slog.NewTextHandler(&log, nil)).Info("settings", "config", c, "key", c.SecretKeys)
	encoded, err := json.Marshal(c)
	require.NoError(t, err)
	all := log.String() + string(encoded) + fmt.Sprintf("%v %+v %#v %s %q %x", c, *c, *c, c.SecretKeys, c.SecretKeys, c.SecretKeys)
	require.NotContains(t, all, "hunter2")
	require.NotContains(t, all, fmt.Sprintf("%x", "hunter2"))
	require.Equal(t, "hunter2", c.SecretKeys.Reveal())
}

func TestMisspeltVariablesAreFound(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"OMNI_PUBLC_URL"}, config.Unknown([]string{"OMNI_PUBLC_URL=x", "OMNI_LISTEN=x", "HOME=/", "OMNI_TEST_DATABASE_URL=x"}))
}

func TestDocsAgree(t *testing.T) {
	t.Parallel()
	page := filepath.Join("..", "..", "docs", "settings.md")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(page), 0o755))
		require.NoError(t, os.WriteFile(page, []byte(config.Docs()), 0o644))
	}
	written, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, config.Docs(), string(written), "run: go test ./server/config -run Docs -update")
	require.NotContains(t, strings.ReplaceAll(config.Docs(), "| ---", ""), "|  |  |", "every variable is explained")
}
