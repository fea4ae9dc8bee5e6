package cluster

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseMajor(t *testing.T) {
	t.Parallel()
	for text, major := range map[string]int{
		"postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)": 15,
		"postgres (PostgreSQL) 17.10\n":                        17,
		"postgres (PostgreSQL) 18beta1":                        18,
	} {
		got, err := parseMajor(text)
		require.NoError(t, err, text)
		require.Equal(t, major, got)
	}
	for _, text := range []string{"", "postgres", "15.1", "postgres (PostgreSQL) devel"} {
		_, err := parseMajor(text)
		require.Error(t, err, text)
	}
}

func TestProgramsOfTheClustersVersionAreChosen(t *testing.T) {
	t.Parallel()
	found := []Programs{{Bin: "/newest", Major: 17}, {Bin: "/older", Major: 15}}
	dir := t.TempDir()
	chosen, err := Choose(dir, found)
	require.NoError(t, err)
	require.Equal(t, "/newest", chosen.Bin, "a new cluster")

	version := filepath.Join(dir, "PG_VERSION")
	require.NoError(t, os.WriteFile(version, []byte("15\n"), 0o600))
	chosen, err = Choose(dir, found)
	require.NoError(t, err)
	require.Equal(t, "/older", chosen.Bin)

	require.NoError(t, os.WriteFile(version, []byte("16\n"), 0o600))
	_, err = Choose(dir, found)
	require.ErrorContains(t, err, "made by PostgreSQL 16, but this machine has only PostgreSQL 17, 15")

	require.NoError(t, os.WriteFile(version, []byte("new\n"), 0o600))
	_, err = Choose(dir, found)
	require.Error(t, err)
	_, err = Choose(dir, nil)
	require.ErrorIs(t, err, ErrNoPrograms)
}

// Programs below a closed home are of no use to the user root runs PostgreSQL as: they are copied to an open place.
func TestProgramsBelowAClosedHomeAreCopied(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root has to run PostgreSQL as somebody else")
	}
	closed := t.TempDir()
	open, err := os.MkdirTemp("/tmp", "omni-open-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(open, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(open)) })
	bin := filepath.Join(closed, "native", "bin")
	require.NoError(t, os.MkdirAll(bin, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "postgres"), []byte("#!/bin/sh\necho 'postgres (PostgreSQL) 17.1'\n"), 0o755))
	owner, err := PickOwner()
	require.NoError(t, err)
	require.False(t, owner.CanEnter(bin))

	here := Programs{Bin: bin, Major: 17}
	copied, err := here.Within(owner, open)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(open, "programs-17", "bin"), copied.Bin)
	again, err := here.Within(owner, open)
	require.NoError(t, err)
	require.Equal(t, copied, again)
	same, err := copied.Within(owner, closed)
	require.NoError(t, err)
	require.Equal(t, copied, same, "what can be started stays where it is")
}

func TestLockIsGivenToOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := TryLock(path)
	require.NoError(t, err)
	_, err = TryLock(path)
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, first.Close())
	second, err := TryLock(path)
	require.NoError(t, err)
	require.NoError(t, second.Close())
}
