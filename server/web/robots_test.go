package web

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What people put into a robot's fields is stored and told: no control characters, no whole texts.
func TestWord(t *testing.T) {
	t.Parallel()
	require.Equal(t, "звоните завтра", word("зво\x00ните\n завтра\x7f"))
	require.Equal(t, longestWord, len([]rune(word(strings.Repeat("ы", 5000)))))
	require.Empty(t, word(""))
}
