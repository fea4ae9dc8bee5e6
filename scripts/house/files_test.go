package house

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// handWritten are the kinds of files that people write and read, besides Go.
var handWritten = []string{".sql", ".ts", ".vue", ".mjs", ".js", ".css", ".sh"}

// builtFolders hold what is made or fetched, not written.
var builtFolders = []string{"node_modules", "dist", "bin", "var", "vendor", "test-results"}

// emptyNames say nothing about what a package is for.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "shared", "base"}

func TestPagesAndMigrationsAreShort(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if slices.Contains(builtFolders, entry.Name()) || path != root && strings.HasPrefix(entry.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		case !slices.Contains(handWritten, filepath.Ext(path)) || strings.Contains(entry.Name(), ".gen."):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen[filepath.Ext(path)]++
		if lines := bytes.Count(text, []byte("\n")); lines > maxLines {
			t.Errorf("%s has %d lines, %d are enough", path, lines, maxLines)
		}
		return nil
	}))
	for _, kind := range []string{".sql", ".ts", ".vue"} {
		require.NotZero(t, seen[kind], "no file of kind %s was looked at", kind)
	}
}

func TestPackageNamesSayWhatIsInside(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if slices.Contains(emptyNames, f.syntax.Name.Name) {
			t.Errorf("%s is of a package named %s: what is it about?", f.path, f.syntax.Name.Name)
		}
	}
}
