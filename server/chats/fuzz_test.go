package chats

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
)

// plainTexts answers a key with its arguments.
type plainTexts struct{}

// Text implements Texts.
func (plainTexts) Text(_, key string, args ...any) string { return key + fmt.Sprint(args...) }

// ours is the markup a comment may hold: what we write ourselves.
var ours = regexp.MustCompile(`\[/?B\]|\[I\]\d\d\.\d\d\.\d{4}\[/I\]|\[URL=https://omni\.example/files/x/[^\s\[\]]*\]|\[/URL\]`)

// FuzzComment: whatever a client writes, is called or names his file, the growing comment holds no markup but ours.
func FuzzComment(f *testing.F) {
	for _, seed := range []string{"[url=https://x.example]y[/url]", "[user=1]Анна[/user]", "[/B][B]", "a\nb\r\n[I]01.01.2026[/I]", "[", "]", "\x00\xff", "［B］", "[URL=https://omni.example/files/x/y]", strings.Repeat("[", 5000), "$result[c0][id]"} {
		f.Add(seed, seed, seed)
	}
	f.Fuzz(func(t *testing.T, text, name, file string) {
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		tn := &turn{texts: plainTexts{}, chat: &Chat{UIS: 400, Name: name}, fileURL: func(id ids.FileID, _ string) string { return fmt.Sprintf("https://omni.example/files/x/%d", id) },
			setting: Setting{Channel: Channel{Name: name}, Employees: map[ids.UISEmployeeID]string{5: name}}}
		for i := range 3 {
			m := &Message{ID: ids.MessageID(i + 1), Side: []Side{FromClient, FromOperator, FromSystem}[i], Employee: 5, Text: text, CreatedAt: at}
			if i < 2 {
				m.File = &File{ID: 9, Name: file, State: []string{"ready", "coming"}[i]}
			}
			tn.lines = append(tn.lines, m)
		}
		comment, upto, next := tn.compose(Comment{Part: 1, From: 1})
		rest := ours.ReplaceAllString(comment, "")
		require.NotContains(t, rest, "[", comment)
		require.NotContains(t, rest, "]", comment)
		require.True(t, strings.HasPrefix(comment, "[B]crm.comment.head"), "the first line is what an unclear add is found by")
		require.True(t, upto == 3 || next != 0 || text == "", "every message is in it or left over")
		require.Equal(t, strings.Count(comment, "[B]"), strings.Count(comment, "[/B]"))
	})
}
