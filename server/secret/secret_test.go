package secret_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/secret"
)

func ring(t *testing.T, keys ...string) *secret.Keyring {
	t.Helper()
	r, err := secret.Parse(strings.Join(keys, ","))
	require.NoError(t, err)
	return r
}

func TestSealedTextOpensOnlyInItsPlace(t *testing.T) {
	t.Parallel()
	r := ring(t, secret.Generate())
	here := secret.At("portal", "access_token", 7, 15)
	sealed := r.Seal([]byte("token"), here)

	plain, err := r.Open(sealed, here)
	require.NoError(t, err)
	require.Equal(t, "token", string(plain))
	require.NotContains(t, string(sealed), "token")
	require.NotEqual(t, sealed, r.Seal([]byte("token"), here), "a nonce is never used twice")

	for name, place := range map[string]secret.Place{
		"another row":     secret.At("portal", "access_token", 7, 16),
		"another account": secret.At("portal", "access_token", 8, 15),
		"another column":  secret.At("portal", "refresh_token", 7, 15),
		"another table":   secret.At("spare", "access_token", 7, 15),
		"shifted digits":  secret.At("portal", "access_token", 71, 5),
	} {
		_, err := r.Open(sealed, place)
		require.ErrorIs(t, err, secret.ErrOpen, name)
	}
}

func TestEveryChangedByteIsNoticed(t *testing.T) {
	t.Parallel()
	r := ring(t, secret.Generate())
	place := secret.At("portal", "access_token", 7, 15)
	sealed := r.Seal([]byte("token"), place)
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		_, err := r.Open(changed, place)
		require.ErrorIs(t, err, secret.ErrOpen, "byte %d", i)
		_, err = r.Open(sealed[:i], place)
		require.ErrorIs(t, err, secret.ErrOpen, "cut at %d", i)
	}
}

func TestEmptySecret(t *testing.T) {
	t.Parallel()
	r := ring(t, secret.Generate())
	plain, err := r.Open(r.Seal(nil, "p"), "p")
	require.NoError(t, err)
	require.Empty(t, plain)
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	first, second := secret.Generate(), secret.Generate()
	old := ring(t, first)
	sealed := old.Seal([]byte("token"), "p")
	signing, err := old.Derive("session")
	require.NoError(t, err)

	both := ring(t, second, first)
	plain, err := both.Open(sealed, "p")
	require.NoError(t, err)
	require.Equal(t, "token", string(plain))
	require.True(t, both.Stale(sealed))
	again := both.Seal(plain, "p")
	require.False(t, both.Stale(again))
	verifying, err := both.DeriveAll("session")
	require.NoError(t, err)
	require.Len(t, verifying, 2)
	require.Equal(t, signing, verifying[1])

	fresh := ring(t, second)
	_, err = fresh.Open(sealed, "p")
	require.ErrorIs(t, err, secret.ErrOpen, "the old key is gone")
	plain, err = fresh.Open(again, "p")
	require.NoError(t, err)
	require.Equal(t, "token", string(plain))
}

func TestPurposesShareNoKey(t *testing.T) {
	t.Parallel()
	r := ring(t, secret.Generate())
	session, err := r.Derive("session")
	require.NoError(t, err)
	files, err := r.Derive("files")
	require.NoError(t, err)
	require.Len(t, session, secret.KeySize)
	require.NotEqual(t, session, files)
}

func TestParse(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte{0xfb}, 32)
	short := base64.StdEncoding.EncodeToString(raw[:31])
	for name, list := range map[string]string{
		"standard":         base64.StdEncoding.EncodeToString(raw),
		"without padding":  base64.RawStdEncoding.EncodeToString(raw),
		"of addresses":     base64.URLEncoding.EncodeToString(raw),
		"spaces and holes": " " + base64.StdEncoding.EncodeToString(raw) + " ,, ",
	} {
		_, err := secret.Parse(list)
		require.NoError(t, err, name)
	}
	for name, c := range map[string]struct{ list, says string }{
		"nothing":    {"", "there is no key"},
		"only holes": {" , ", "there is no key"},
		"no base64":  {secret.Generate() + ",пароль", "key 2 is not base64"},
		"too short":  {short, "key 1 has 31 bytes, 32 are needed"},
	} {
		_, err := secret.Parse(c.list)
		require.EqualError(t, err, c.says, name)
	}
	_, err := secret.Parse(short)
	require.NotContains(t, err.Error(), short)
}
