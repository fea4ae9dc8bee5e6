package files

import (
	"encoding/base64"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"omni/server/clock"
)

// FuzzLink: nobody makes a link but us. Whatever is not the very text we signed opens nothing.
func FuzzLink(f *testing.F) {
	links := NewLinks("https://omni.example/", [][]byte{[]byte("first key"), []byte("second key")}, 7*24*time.Hour, clock.System{})
	good := signedOf(links.URL(7, 9, "a.png"))
	f.Add(good, "a.png")
	f.Add(good+"=", "../../etc/passwd")
	f.Add(good[:len(good)-1], `c:\x\y.txt`)
	f.Add(strings.ToUpper(good), "\x00\u202e.exe")
	f.Add(base64.RawURLEncoding.EncodeToString(make([]byte, 56)), "...")
	f.Add("", strings.Repeat("я", 500))
	f.Fuzz(func(t *testing.T, signed, name string) {
		account, file, err := links.Open(signed)
		if err == nil {
			raw, wrong := base64.RawURLEncoding.DecodeString(signed)
			require.NoError(t, wrong)
			require.Equal(t, sign(links.keys[0], account, file, time.Unix(int64(be64(raw[16:24])), 0)), base64.RawURLEncoding.EncodeToString(raw), "it is one of ours")
		} else {
			require.ErrorIs(t, err, ErrLink)
			require.Zero(t, account)
			require.Zero(t, file)
		}
		address := links.URL(7, 9, name)
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Equal(t, "omni.example", u.Host)
		require.Empty(t, u.RawQuery)
		require.Len(t, strings.Split(u.EscapedPath(), "/"), 4, "the name never makes another address")
		require.False(t, strings.ContainsAny(address, "[]\"'<> \n"), "the address is safe inside markup: %s", address)
		a, b, err := links.Open(signedOf(address))
		require.NoError(t, err)
		require.Equal(t, []int64{7, 9}, []int64{int64(a), int64(b)})

		clean := CleanName(name)
		require.NotEmpty(t, clean)
		require.True(t, utf8.ValidString(clean))
		require.LessOrEqual(t, utf8.RuneCountInString(clean), 120)
		require.Equal(t, clean, filepath.Base(clean), "a name is no path")
		require.False(t, strings.ContainsAny(clean, `/\<>:"|?*`) || strings.ContainsFunc(clean, unicode.IsControl), clean)
		require.NotContains(t, []string{".", ".."}, clean)
		require.Equal(t, clean, CleanName(clean), "cleaning twice changes nothing")
	})
}

func be64(b []byte) uint64 {
	var n uint64
	for _, one := range b {
		n = n<<8 | uint64(one)
	}
	return n
}

func signedOf(address string) string {
	return strings.Split(strings.TrimPrefix(address, "https://omni.example/files/"), "/")[0]
}
