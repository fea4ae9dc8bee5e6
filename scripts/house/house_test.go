// Package house checks the shape of the code: a room imports only rooms below it, files stay short, and every package says what it is for.
package house

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	root     = "../.."
	maxLines = 500
)

// floors are the rooms from the ground up (docs/architecture.md). A room with deeper folders stands for them too.
var floors = [][]string{
	{"server/ids", "server/clock", "server/store", "server/config", "server/rules", "server/secret", "server/httpguard", "locales", "migrations"},
	{"server/bitrix24", "server/uis"},
	{"server/outbox", "server/jobs", "server/rounds", "server/inbox", "server/relay", "server/files", "server/days", "server/restlog", "server/history"},
	{"server/crm", "server/account", "server/settings", "server/flow", "server/why", "server/report"},
	{"server/chats", "server/workplace", "server/telephony", "server/requests", "server/openlines"},
	{"server/web", "placements"},
	{"server/app"},
	{"server"}, // the command itself
}

// neighbours are imports inside one floor that are wanted.
var neighbours = map[string][]string{
	"server/outbox": {"server/inbox"},
	"server/jobs":   {"server/inbox"},
	"server/web":    {"placements"},
	// The planner hands its steps to the same runner as every other state.
	// and what it plans by stands in the settings.
	"server/crm": {"server/flow", "server/settings"},
	// In what zone an account's reports are stands with its directories.
	"server/report": {"server/account"},
	// The operator's lists and actions stand on the chats' engine.
	"server/workplace": {"server/chats"},
}

// sourceFile is a parsed Go file of the project.
type sourceFile struct {
	path   string // from the root
	folder string
	text   []byte
	syntax *ast.File
}

// isTest tells tests and the packages that support them ("storetest").
func (f sourceFile) isTest() bool {
	return strings.HasSuffix(f.path, "_test.go") || strings.HasSuffix(f.folder, "test")
}

func sources(t *testing.T) []sourceFile {
	t.Helper()
	var all []sourceFile
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || path != root && strings.HasPrefix(entry.Name(), ".")) {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		all = append(all, sourceFile{path: name, folder: filepath.Dir(name), text: text, syntax: syntax})
		return err
	}))
	require.NotEmpty(t, all)
	return all
}

// roomOf finds the room and the floor of a folder; the longest name counts.
func roomOf(folder string) (room string, floor int) {
	floor = -1
	for i, rooms := range floors {
		for _, candidate := range rooms {
			inside := folder == candidate || candidate != "server" && strings.HasPrefix(folder, candidate+"/")
			if inside && len(candidate) > len(room) {
				room, floor = candidate, i
			}
		}
	}
	return room, floor
}

func imports(f sourceFile) []string {
	var own []string
	for _, spec := range f.syntax.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil && strings.HasPrefix(path, "omni/") {
			own = append(own, strings.TrimPrefix(path, "omni/"))
		}
	}
	return own
}

func TestNoImportRunsUpward(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		room, floor := roomOf(f.folder)
		if floor < 0 || f.isTest() {
			continue
		}
		for _, imported := range imports(f) {
			other, below := roomOf(imported)
			allowed := below < floor || other == room || floor == 0 && below == 0 || slices.Contains(neighbours[room], other)
			if other == "" { // sandbox, frontend and scripts are beside the house
				allowed = room == "server/app" || imported == "frontend"
			}
			if !allowed {
				t.Errorf("%s (floor %d) imports %s (floor %d)", f.path, floor, imported, below)
			}
		}
	}
}

// The sandbox must not share the product's mistakes.
func TestSandboxImportsNothingOfTheProduct(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if !strings.HasPrefix(f.path, "server/sandbox/") {
			continue
		}
		for _, imported := range imports(f) {
			if !strings.HasPrefix(imported, "server/sandbox") && imported != "frontend" && imported != "locales" {
				t.Errorf("%s imports %s", f.path, imported)
			}
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if lines := bytes.Count(f.text, []byte("\n")); lines > maxLines {
			t.Errorf("%s has %d lines, %d are enough", f.path, lines, maxLines)
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	explained := map[string]bool{}
	for _, f := range sources(t) {
		if strings.HasSuffix(f.syntax.Name.Name, "_test") {
			continue
		}
		explained[f.folder] = explained[f.folder] || f.syntax.Doc.Text() != ""
	}
	for folder, ok := range explained {
		if !ok {
			t.Errorf("%s has no package comment", folder)
		}
	}
}

func TestNothingHappensOnImport(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		for _, declaration := range f.syntax.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == "init" {
				t.Errorf("%s has an init function", f.path)
			}
		}
	}
}
