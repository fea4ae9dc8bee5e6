package locales

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// built are texts whose names are put together from what no source spells out: why each stays. Every other text is named by somebody.
var built = map[string]string{
	"cabinet.field.":               "the names of settings follow from the document (texts.spec.ts compares them)",
	"cabinet.help.":                "the same",
	"variable.":                    "the catalogue of variables (rules_test.go compares them)",
	"variable_hint.":               "the same",
	"variable_group.":              "the same",
	"param.":                       "the catalogue of parameters (rules_test.go compares them)",
	"cabinet.channel_type.":        "types of channels are UIS' words",
	"cabinet.vanished.kind.":       "the directories",
	"cabinet.lanes.kind.uis_":      "kinds of lanes",
	"chat.reason.closed_by_":       "who closed a chat is UIS' word",
	"message.reason.send_":         "send_ and how the command ended",
	"message.reason.file_":         "file_ and what became of the copy",
	"robot.call.":                  "a robot's fields and their descriptions, {field}_text",
	"uisconn.cure.ip_not_allowed_": "with and without the address",
}

// Every text is used: its name stands in a source, or begins with what a source puts names together from and ends in a word that some source spells.
func TestEveryTextIsUsed(t *testing.T) {
	t.Parallel()
	source := sources(t)
	words := map[string]bool{}
	for _, found := range regexp.MustCompile("['\"`]([A-Za-z0-9_.-]+)['\"`]|\\b([a-z_0-9]+):").FindAllStringSubmatch(source, -1) {
		words[found[1]], words[found[2]] = true, true
	}
	var starts []string
	for _, found := range regexp.MustCompile("['\"`]([a-z][a-z0-9_]*\\.[A-Za-z0-9_.]*|[a-z][a-z0-9_]*\\.)(?:\\$\\{|[\"'`]\\s*[+,)]|%)").FindAllStringSubmatch(source, -1) {
		if strings.HasSuffix(found[1], ".") || strings.HasSuffix(found[1], "_") {
			starts = append(starts, found[1])
		}
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	around := regexp.MustCompile("`([a-z][A-Za-z0-9_.]*\\.)\\$\\{[^}`]*\\}([a-z_]+)`").FindAllStringSubmatch(source, -1) // `cabinet.why.${name}s`
	used := func(key string) bool {
		for start := range built {
			if strings.HasPrefix(key, start) {
				return true
			}
		}
		for _, a := range around {
			middle, begins := strings.CutPrefix(key, a[1])
			middle, ends := strings.CutSuffix(middle, a[2])
			if begins && ends && words[middle] {
				return true
			}
		}
		return words[key] || slices.ContainsFunc(starts, func(start string) bool {
			end, begins := strings.CutPrefix(key, start)
			return begins && end != "" && (words[end] || !slices.ContainsFunc(strings.Split(end, "."), func(part string) bool { return !words[part] }))
		})
	}
	texts, err := Load()
	require.NoError(t, err)
	var unused []string
	for _, key := range texts.Keys("ru") {
		if !used(key) {
			unused = append(unused, key)
		}
	}
	require.Empty(t, unused, "nobody shows these texts")
}

// sources are the product's own sources, without tests and what is generated.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, root := range []string{"../server", "../placements", "../locales", "../frontend/src"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			ours := slices.Contains([]string{".go", ".ts", ".vue"}, filepath.Ext(path))
			for _, not := range []string{"_test.go", ".spec.ts", ".gen.ts"} {
				ours = ours && !strings.HasSuffix(path, not)
			}
			if !ours {
				return nil
			}
			raw, err := os.ReadFile(path)
			all.Write(raw)
			all.WriteByte('\n')
			return err
		}))
	}
	return all.String()
}
