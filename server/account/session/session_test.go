package session

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"omni/server/secret"
)

var person = Person{Account: 3, Portal: 5, User: 14, Admin: true, Name: "Анна Смирнова", Lang: "ru", Rights: 2}

func signer(t *testing.T, now time.Time, keys ...string) *Signer {
	t.Helper()
	for i, k := range keys {
		keys[i] = base64.StdEncoding.EncodeToString([]byte(strings.Repeat(k, 40)))
	}
	ring, err := secret.Parse(strings.Join(keys, ","))
	require.NoError(t, err)
	s, err := New(ring, func() time.Time { return now })
	require.NoError(t, err)
	return s
}

func TestASessionSaysWhoItIsUntilItEnds(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	token, expires, err := signer(t, start, "a").Issue(person)
	require.NoError(t, err)
	require.Equal(t, start.Add(Lifetime), expires)

	got, err := signer(t, start.Add(Lifetime-time.Second), "a").Verify(token)
	require.NoError(t, err)
	require.Equal(t, person, got)

	_, err = signer(t, start.Add(Lifetime+time.Second), "a").Verify(token)
	require.ErrorIs(t, err, ErrOver)
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	now := time.Now()
	old, _, err := signer(t, now, "old").Issue(person)
	require.NoError(t, err)
	_, err = signer(t, now, "new", "old").Verify(old)
	require.NoError(t, err)
	fresh, _, err := signer(t, now, "new", "old").Issue(person)
	require.NoError(t, err)
	_, err = signer(t, now, "old").Verify(fresh)
	require.ErrorIs(t, err, ErrOver, "the first key signs")
}

func TestForgedSessionsAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := signer(t, now, "a")
	good, _, err := s.Issue(person)
	require.NoError(t, err)
	parts := strings.Split(good, ".")
	sign := func(method jwt.SigningMethod, key any, c jwt.Claims) string {
		token, err := jwt.NewWithClaims(method, c).SignedString(key)
		require.NoError(t, err)
		return token
	}
	end := jwt.NewNumericDate(now.Add(time.Minute))
	for name, token := range map[string]string{
		"empty":                "",
		"not a token":          "a.b.c",
		"changed claims":       parts[0] + "." + parts[1] + "x." + parts[2],
		"no signature":         sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "1", Audience: jwt.ClaimStrings{audience}, ExpiresAt: end}, Account: 1, Portal: 1}),
		"another algorithm":    sign(jwt.SigningMethodHS512, s.keys[0], claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "1", Audience: jwt.ClaimStrings{audience}, ExpiresAt: end}, Account: 1, Portal: 1}),
		"another audience":     sign(jwt.SigningMethodHS256, s.keys[0], claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "1", Audience: jwt.ClaimStrings{"files"}, ExpiresAt: end}, Account: 1, Portal: 1}),
		"without an end":       sign(jwt.SigningMethodHS256, s.keys[0], claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "1", Audience: jwt.ClaimStrings{audience}}, Account: 1, Portal: 1}),
		"naming nobody":        sign(jwt.SigningMethodHS256, s.keys[0], claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "0", Audience: jwt.ClaimStrings{audience}, ExpiresAt: end}, Account: 1, Portal: 1}),
		"the bare secret used": sign(jwt.SigningMethodHS256, []byte("a"), claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "1", Audience: jwt.ClaimStrings{audience}, ExpiresAt: end}, Account: 1, Portal: 1}),
	} {
		_, err := s.Verify(token)
		require.ErrorIs(t, err, ErrOver, name)
	}
}
