package bitrix24_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
)

func TestRedaction(t *testing.T) {
	t.Parallel()
	const secret = "Zm9vYmFy-leak"
	for name, body := range map[string]string{
		"JSON body":            `{"a":1,"auth":"` + secret + `","b":2}`,
		"spaces":               `{"auth" : "` + secret + `"}`,
		"quotes in it":         `{"auth":"x\"` + secret + `"}`,
		"token answer":         `{"access_token":"` + secret + `","refresh_token":"` + secret + `","expires_in":3600}`,
		"token request":        "grant_type=refresh_token&refresh_token=" + secret + "&client_id=app.1&client_secret=" + secret,
		"code exchange":        "code=" + secret + "&grant_type=authorization_code",
		"event":                "event=ONAPPINSTALL&auth%5Baccess_token%5D=" + secret + "&auth[application_token]=" + secret + "&auth%5Brefresh_token%5D=" + secret,
		"frame":                "AUTH_ID=" + secret + "&REFRESH_ID=" + secret + "&APPLICATION_TOKEN=" + secret + "&member_id=m1",
		"address in JSON":      `{"uploadUrl":"https://acme.example/rest/upload.json?auth=` + secret + `&token=t"}`,
		"address, escaped":     `{"url":"https:\/\/acme.example\/rest\/x?id=5\u0026auth=` + secret + `\u0026z=1"}`,
		"address elsewhere":    `{"link":"https://acme.example/x?id=5&auth=` + secret + `"}`,
		"nested":               `{"data":{"auth":{"access_token":"` + secret + `"}}}`,
		"other case":           `{"Access_Token":"` + secret + `"}`,
		"robot":                `{"event_token":"` + secret + `"}`,
		"cut in the middle":    `{"auth":"` + secret,
		"cut at a backslash":   `{"auth":"` + secret + `\`,
		"cut by the own limit": `{"A":"` + strings.Repeat("ы ", 32<<10-20) + `","auth":"` + secret + strings.Repeat("x", 100) + `"}`,
	} {
		out := bitrix24.Redact([]byte(body))
		require.NotContains(t, out, secret, name)
		require.True(t, utf8.ValidString(out), name)
	}
	require.Equal(t, `{"error":"expired_token","result":{"title":"Звонок"}}`, bitrix24.Redact([]byte(`{"error":"expired_token","result":{"title":"Звонок"}}`)), "the rest stays readable")
}

func TestFilesAreLeftOut(t *testing.T) {
	t.Parallel()
	file := strings.Repeat("QUJD", 1000)
	for _, body := range []string{`{"FILE_CONTENT":"` + file + `"}`, `{"fileData":["a.mp3","` + file + `=="]}`, "FILE_CONTENT=" + strings.ReplaceAll(strings.Repeat("QU/D", 1000), "/", "%2F")} {
		require.Less(t, len(bitrix24.Redact([]byte(body))), 100)
	}
	require.Less(t, len(bitrix24.Redact([]byte(strings.Repeat("слово ", 1<<20)))), 20<<10, "a record is bounded")
}
