package secret_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/secret"
)

func TestKeyFileIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "var", "secret.keys")
	keys, made, err := secret.KeyFile(path)
	require.NoError(t, err)
	require.True(t, made)
	_, err = secret.Parse(keys)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	again, made, err := secret.KeyFile(path)
	require.NoError(t, err)
	require.False(t, made)
	require.Equal(t, keys, again)

	require.NoError(t, os.Chmod(path, 0o644))
	_, _, err = secret.KeyFile(path)
	require.ErrorContains(t, err, "may be read by others")
}

func TestServersThatStartTogetherGetOneKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.keys")
	var servers sync.WaitGroup
	keys := make([]string, 8)
	for i := range keys {
		servers.Go(func() { keys[i], _, _ = secret.KeyFile(path) })
	}
	servers.Wait()
	for _, key := range keys {
		require.NotEmpty(t, key)
		require.Equal(t, keys[0], key)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no drafts are left")
}
