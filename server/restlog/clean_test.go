package restlog

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const leak = "Zm9vYmFyLWxlYWs1NTU1"

func TestSecretsAreTakenOut(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"token answer":        `{"access_token":"LEAK","refresh_token":"LEAK","expires_in":3600}`,
		"other case":          `{"Access_Token":"LEAK","AUTH_ID":"LEAK"}`,
		"event":               `{"auth":{"access_token":"LEAK","member_id":"m"},"data":{"auth":"LEAK"}}`,
		"deep in lists":       `[[{"a":[{"client_secret":"LEAK"}]}]]`,
		"a number":            `{"token":5555,"password":["LEAK"]}`,
		"upload address":      `{"uploadUrl":"https://acme.example/rest/upload.json?auth=LEAK&token=t"}`,
		"address":             `{"link":"https://acme.example/x?id=5&auth=LEAK&z=1"}`,
		"escaped address":     `{"url":"https:\/\/acme.example\/rest\/x?id=5\u0026access_token=LEAK\u0026z=1"}`,
		"file of ours":        `{"COMMENT":"[URL=https://omni.example/files/LEAKLEAKLEAKLEAK/a.jpg]a.jpg[/URL]"}`,
		"webhook of ours":     `{"webhook_url":"https://omni.example/uis/LEAK/chat/"}`,
		"webhook of a portal": `{"u":"https://acme.example/rest/1/LEAK/profile.json"}`,
		"record":              `{"RECORD_URL":"https://app.example/system/media/talk/123/LEAK/"}`,
		"bearer":              `{"header":"Authorization: Bearer LEAK"}`,
		"session":             `{"s":"eyJhbGciOiJIUzI1NiJ9.eyJhIjoxLEAK.LEAKLEAKLEAK"}`,
		"no JSON":             `<a href="https://x.example/?auth=LEAK">`,
		"cut by length":       `{"a":"` + strings.Repeat("ы", 20000) + `","b":"https://x.example/?auth=LEAK"}`,
		"at the cut":          `{"a":"` + strings.Repeat("x ", 2025) + `https://x.example/?auth=LEAKLEAK"}`,
	} {
		out, _ := clean([]byte(strings.ReplaceAll(body, "LEAK", leak)), partLimit)
		require.NotContains(t, string(out), leak, name)
		require.NotContains(t, string(out), leak[:12], name)
		require.True(t, json.Valid(out), name)
	}
	same := `{"CODE":"NEW","fields":{"TITLE":"Звонок & <b>","id":12345678901234567890,"key":"chat:5","state":"work"},"list":[1,2.50,null,true]}`
	out, cut := clean([]byte(same), partLimit)
	require.False(t, cut)
	require.JSONEq(t, same, string(out))
	require.Contains(t, string(out), "12345678901234567890", "numbers keep their digits")
	none, cut := clean(nil, partLimit)
	require.Nil(t, none)
	require.False(t, cut)
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	file := strings.Repeat("QUJD", 1000)
	out, cut := clean([]byte(`{"FILE_CONTENT":"`+file+`","NAME":"a.mp3"}`), partLimit)
	require.True(t, cut)
	require.Contains(t, string(out), "a.mp3")
	require.Less(t, len(out), 100, "file contents are left out however short a request is")
	many := map[string]any{}
	for i := range 5000 {
		many[fmt.Sprint("field", i)] = strings.Repeat("слово ", 10)
	}
	wide, _ := json.Marshal(many)
	long, _ := json.Marshal(strings.Repeat("слово ", 1<<17))
	list, _ := json.Marshal(make([]map[string]any, 30_000))
	for _, limit := range []int{600, partLimit} {
		for _, body := range [][]byte{wide, long, list} {
			out, cut := clean(body, limit)
			require.True(t, cut)
			require.LessOrEqual(t, len(out), limit)
			require.True(t, json.Valid(out))
			require.Greater(t, len(out), 10)
		}
	}
}

// Whatever is built around a secret, it does not come through: random nesting, names and lengths.
func TestNoSecretComesThrough(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test
	names := make([]string, 0, len(secretNames))
	for name := range secretNames {
		names = append(names, name)
	}
	shapes := []string{"https://a.example/x?y=1&auth=%s", "/files/%s%[1]s/name.jpg", "http://b.example/uis/%s/chat", "Bearer %s", "https://p.example/rest/7/%s/x"}
	var build func(depth int) any
	build = func(depth int) any {
		switch pick := r.IntN(7); {
		case depth == 0 || pick == 0:
			return fmt.Sprintf(strings.Repeat("ю ", 1<<r.IntN(12))+shapes[r.IntN(len(shapes))]+strings.Repeat(" я", r.IntN(50)), leak)
		case pick < 3:
			return map[string]any{"plain": build(depth - 1), strings.ToUpper(names[r.IntN(len(names))]): leak, names[r.IntN(len(names))]: []any{leak, build(depth - 1)}}
		case pick < 5:
			list := []any{}
			for range 1 << r.IntN(depth+2) {
				list = append(list, build(depth-1))
			}
			return list
		}
		return map[string]any{"n": r.IntN(100), "in": build(depth - 1)}
	}
	for range 200 {
		raw, err := json.Marshal(build(3))
		require.NoError(t, err)
		out, _ := clean(raw, 300+r.IntN(partLimit))
		require.NotContains(t, string(out), leak[:10], "seed %d", seed)
		require.True(t, json.Valid(out), "seed %d", seed)
	}
}

// FuzzClean: whatever comes from outside, what is kept is JSON, bounded, and holds no token that stands where tokens stand.
func FuzzClean(f *testing.F) {
	for _, seed := range []string{`{"a":"x"}`, `[1,2`, "\xff\x00", `{"u":"https://x/?auth=1&auth=2"}`, `"` + strings.Repeat("я", 500) + `"`, `{"auth":{"x":1}}`} {
		f.Add([]byte(seed), uint16(700))
	}
	f.Fuzz(func(t *testing.T, body []byte, limit uint16) {
		bound := 600 + int(limit)
		out, _ := clean(body, bound)
		if out != nil && (!json.Valid(out) || len(out) > bound) {
			t.Fatalf("%d bytes of %d: %q", len(out), bound, out)
		}
		wrapped, _ := json.Marshal(map[string]any{"note": string(body), "access_token": leak})
		out, _ = clean(wrapped, bound)
		if strings.Contains(string(out), leak) {
			t.Fatalf("a token came through: %q", out)
		}
	})
}
