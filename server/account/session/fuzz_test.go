package session

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzVerify: nobody makes a session but us, and a wrong one tells nothing but that it is over.
func FuzzVerify(f *testing.F) {
	signer := &Signer{keys: [][]byte{[]byte(strings.Repeat("k", 32))}, now: func() time.Time { return time.Unix(1_790_000_000, 0) }}
	person := Person{Account: 7, Portal: 8, User: 9, Name: "Анна", Lang: "ru"}
	token, _, err := signer.Issue(person)
	require.NoError(f, err)
	parts := strings.Split(token, ".")
	f.Add(token)
	f.Add(parts[0] + "." + parts[1] + ".")
	f.Add("eyJhbGciOiJub25lIn0." + parts[1] + ".")
	f.Add(strings.Repeat(".", 10000))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := signer.Verify(text)
		if err != nil {
			require.ErrorIs(t, err, ErrOver)
			require.Equal(t, Person{}, got)
			return
		}
		require.Equal(t, person, got, "only what we signed is a session")
	})
}
