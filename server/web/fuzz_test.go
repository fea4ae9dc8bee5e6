package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-99", "bytes=100-", "bytes=-100", "bytes=-0", "bytes=--5", "bytes=abc", "bytes=5-x", "bytes=-x", "bytes=9-1", "bytes=-9223372036854775808", "bytes=9223372036854775807-", "bytes=0-0,5-9", "", "x"} {
		f.Add(seed, int64(1000))
		f.Add(seed, int64(0))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		size &= 1<<40 - 1
		from, length, partial, ok := byteRange(header, size)
		if !ok {
			require.Zero(t, length)
			return
		}
		require.GreaterOrEqual(t, from, int64(0))
		require.GreaterOrEqual(t, length, int64(0))
		require.LessOrEqual(t, from+length, size)
		if !partial {
			require.Equal(t, []int64{0, size}, []int64{from, length}, "what is not understood is answered as a whole")
		}
	})
}

func FuzzHello(f *testing.F) {
	for _, seed := range []string{`{"type":"hello","session":"a.b.c","after":123}`, `{"type":"typing","chat":5}`, `{"type":"hello","after":null}`, `{"type":5}`, `{"after":1e99}`, `{"chat":-1,"type":"typing"}`, `[]`, `null`, ``,
		`{"type":"hello","type":"ping"}`, strings.Repeat("[", 16<<10)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m hello
		if json.Unmarshal(raw, &m) != nil {
			return
		}
		// A session that only claims something names nobody by itself; reading the claim never fails loudly.
		old := claimed(m.Session)
		if strings.Count(m.Session, ".") != 2 {
			require.Equal(t, oldSession{}, old)
		}
		parts := strings.Split(m.Session, ".")
		if old.Account != 0 {
			body, err := base64.RawURLEncoding.DecodeString(parts[1])
			require.NoError(t, err)
			require.Contains(t, string(body), strconv.FormatInt(int64(old.Account), 10))
		}
	})
}

func FuzzInput(f *testing.F) {
	for _, seed := range []string{`{"id":"11111111-1111-4111-8111-111111111111","text":"x","file":5,"reply_to":7}`, `{"id":5}`, `{"text":[]}`, `{"a":{"b":"x"}}`, `{"reply_to":1e99}`, `{"reply_to":"5"}`, `{"text":null}`, ` `, `nul`, `{}`, `[]`,
		`{"text":"\ud800\u0000"}`, `{"id":"a","id":"b"}`, `{"list":[1,"x"]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var in struct {
			ID      string  `json:"id"`
			Text    string  `json:"text"`
			File    *int64  `json:"file"`
			ReplyTo *int64  `json:"reply_to"`
			List    []int64 `json:"list"`
			A       struct {
				B int `json:"b"`
			} `json:"a"`
		}
		err := decode(raw, &in)
		if err == nil {
			require.True(t, len(raw) == 0 || json.Valid(raw))
			return
		}
		p := problemOf(err)
		require.GreaterOrEqual(t, p.Status, 400)
		require.Less(t, p.Status, 500, "what a page sends is never our fault: %v", err)
		var wrong *json.UnmarshalTypeError
		if json.Valid(raw) && errors.As(json.Unmarshal(raw, &in), &wrong) {
			require.NotEmpty(t, p.Errors, "an error names its field")
			require.True(t, strings.HasPrefix(p.Errors[0].Field, "/"))
		}
	})
}
