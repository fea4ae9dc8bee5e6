package store

import "strings"

// Text keeps a text as people wrote it as far as PostgreSQL and a portal can hold it: NUL and broken characters become U+FFFD.
func Text(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
