package files_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/clock"
	"omni/server/files"
	"omni/server/ids"
	"omni/server/store"
	"omni/server/store/storetest"
)

// small mounts a file system of so many bytes, which is full as soon as they are used.
func small(t *testing.T, size string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "omni-full-") // not below t.TempDir: PostgreSQL's user has to walk there
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755)) //nolint:gosec // for PostgreSQL's user
	err = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("this user may not mount a small file system: a full disk cannot be shown honestly")
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func content(t *testing.T, size int) []byte {
	t.Helper()
	b := make([]byte, size)
	_, err := rand.Read(b) // so that nothing compresses it
	require.NoError(t, err)
	return b
}

// stored reads a file back.
func stored(t *testing.T, s *files.Store, f files.File) []byte {
	t.Helper()
	r := s.Open(t.Context(), f, 0)
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return b
}

func rows(t *testing.T, db *store.DB, account ids.AccountID) (n int) {
	t.Helper()
	require.NoError(t, db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM file WHERE account_id = $1) + (SELECT count(*) FROM file_piece WHERE account_id = $1)`, int64(account)).Scan(&n)
	}))
	return n
}

// TestAFullDirectory: a file that does not fit is refused with its own error, leaves nothing behind, and fits as soon as there is room.
func TestAFullDirectory(t *testing.T) {
	t.Parallel()
	dir := small(t, "4m")
	db := storetest.New(t)
	s := files.New(db, clock.System{}, slog.New(slog.DiscardHandler), dir, 50<<20, 0)
	first, err := s.Put(t.Context(), 1, "first.bin", bytes.NewReader(content(t, 3<<20)))
	require.NoError(t, err)
	second := content(t, 2<<20)
	for range 3 {
		_, err = s.Put(t.Context(), 1, "second.bin", bytes.NewReader(second))
		require.ErrorIs(t, err, files.ErrFull)
	}
	left, err := filepath.Glob(filepath.Join(dir, "1", "*"))
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing half stored stays")
	require.Equal(t, 1, rows(t, db, 1))
	s.Remove(t.Context(), first)
	again, err := s.Put(t.Context(), 1, "second.bin", bytes.NewReader(second))
	require.NoError(t, err)
	require.Equal(t, second, stored(t, s, again))
}

// TestAFullDatabase: the pieces lie in a small tablespace.
func TestAFullDatabase(t *testing.T) {
	t.Parallel()
	superuser := os.Getenv("OMNI_TEST_DATABASE_URL")
	if superuser == "" {
		t.Skip("the address of the cluster's superuser is not known (run by scripts/withpg)")
	}
	dir := small(t, "8m")
	owner, err := user.Lookup("postgres")
	if err != nil {
		t.Skip("PostgreSQL runs as a user this test does not know")
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	place := filepath.Join(dir, "space")
	require.NoError(t, os.Mkdir(place, 0o700))
	require.NoError(t, os.Chown(place, uid, gid))
	address := storetest.URL(t)
	name := "full_" + strings.ToLower(rand.Text())
	admin := func(database string, statements ...string) {
		t.Helper()
		u, err := url.Parse(superuser)
		require.NoError(t, err)
		u.Path = "/" + database
		conn, err := pgx.Connect(context.Background(), u.String())
		require.NoError(t, err)
		defer func() { _ = conn.Close(context.Background()) }()
		for _, statement := range statements {
			_, err = conn.Exec(context.Background(), statement)
			require.NoError(t, err)
		}
	}
	u, err := url.Parse(address)
	require.NoError(t, err)
	database := strings.TrimPrefix(u.Path, "/")
	t.Cleanup(func() {
		admin(database, `ALTER TABLE file_piece SET TABLESPACE pg_default`)
		admin("postgres", `DROP TABLESPACE `+name)
	})
	admin("postgres", `CREATE TABLESPACE `+name+` LOCATION '`+place+`'`)
	admin(database, `ALTER TABLE file_piece SET TABLESPACE `+name)

	db := storetest.Open(t, address)
	s := files.New(db, clock.System{}, slog.New(slog.DiscardHandler), "", 50<<20, 0)
	first, err := s.Put(t.Context(), 1, "first.bin", bytes.NewReader(content(t, 3<<20)))
	require.NoError(t, err)
	kept := rows(t, db, 1)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 5 {
		_, err = s.Put(t.Context(), 1, "second.bin", io.LimitReader(rand.Reader, 40<<20))
		require.ErrorIs(t, err, files.ErrFull)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(16<<20), "files pass through memory, none stays in it")
	require.Equal(t, kept, rows(t, db, 1), "nothing half stored stays")
	require.Len(t, stored(t, s, first), 3<<20, "what was there is whole")

	// Somebody gives it a larger disk.
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=32m"))
	second := content(t, 3<<20)
	again, err := s.Put(t.Context(), 1, "second.bin", bytes.NewReader(second))
	require.NoError(t, err)
	require.Equal(t, second, stored(t, s, again))
}

// TestAnAccountKeepsWhatItMay: one account's files do not take the others' room.
func TestAnAccountKeepsWhatItMay(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := files.New(db, clock.System{}, slog.New(slog.DiscardHandler), "", 1<<20, 3<<20)
	var all []files.File
	for range 3 {
		f, err := s.Put(t.Context(), 1, "a.bin", bytes.NewReader(content(t, 1<<20)))
		require.NoError(t, err)
		all = append(all, f)
	}
	_, err := s.Put(t.Context(), 1, "b.bin", bytes.NewReader(content(t, 100)))
	require.ErrorIs(t, err, files.ErrQuota)
	_, err = s.Put(t.Context(), 2, "b.bin", bytes.NewReader(content(t, 1<<20)))
	require.NoError(t, err, "another account has room of its own")
	_, err = s.Put(t.Context(), 2, "b.bin", bytes.NewReader(content(t, 1<<20+1)))
	require.ErrorIs(t, err, files.ErrTooLarge)
	s.Remove(t.Context(), all[0])
	_, err = s.Put(t.Context(), 1, "b.bin", bytes.NewReader(content(t, 100)))
	require.NoError(t, err)
	require.NoError(t, s.Sweep(t.Context()), "the sums agree with the files")
	_, err = s.Put(t.Context(), 1, "c.bin", bytes.NewReader(content(t, 1<<20)))
	require.ErrorIs(t, err, files.ErrQuota)
}

// TestWhatACrashLeavesIsRemoved: unfinished rows with their bytes, and bytes that no row names.
func TestWhatACrashLeavesIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := storetest.New(t)
	at := clock.NewFixed(time.Now())
	s := files.New(db, at, slog.New(slog.DiscardHandler), dir, 1<<20, 0)
	whole, err := s.Put(t.Context(), 1, "a.bin", bytes.NewReader(content(t, 1000)))
	require.NoError(t, err)
	for _, account := range []ids.AccountID{1, 2} {
		require.NoError(t, db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO file (account_id, name, state, shelf, created_at) SELECT $1, 'x', 'writing', 'directory', $2 FROM generate_series(1, 150)`, int64(account), at.Now())
			return err
		}))
	}
	path := func(account, id string) string { return filepath.Join(dir, account, id) }
	require.NoError(t, os.MkdirAll(path("9", ""), 0o700))
	old := time.Now().Add(-2 * time.Hour)
	for _, orphan := range []string{path("1", "999999"), path("9", "5")} {
		require.NoError(t, os.WriteFile(orphan, []byte("x"), 0o600))
		require.NoError(t, os.Chtimes(orphan, old, old))
	}
	require.NoError(t, os.WriteFile(path("9", "6"), []byte("x"), 0o600)) // young: its row may be on its way
	require.NoError(t, s.Clean(t.Context()))
	require.Equal(t, 151, rows(t, db, 1), "writing that may still go on is left alone")
	at.Advance(time.Hour)
	require.NoError(t, s.Clean(t.Context()))
	require.NoError(t, s.Sweep(t.Context()))
	require.Equal(t, 1, rows(t, db, 1))
	require.Zero(t, rows(t, db, 2))
	require.NoFileExists(t, path("1", "999999"))
	require.NoFileExists(t, path("9", "5"))
	require.FileExists(t, path("9", "6"))
	require.Len(t, stored(t, s, whole), 1000)
}
