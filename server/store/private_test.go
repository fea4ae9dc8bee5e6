package store_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/store"
	"omni/server/store/cluster"
)

// openDir is a folder every user can walk to, unlike t.TempDir.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "omni-private-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func startPrivate(t *testing.T, options store.PrivateOptions) (*store.Private, string) {
	t.Helper()
	private, url, err := store.StartPrivate(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { _ = private.Stop() }) // for a test that fails half-way
	return private, url
}

// keep writes something that must outlive the server.
func keep(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	_, err = conn.Exec(t.Context(), "create table kept as select 'made' as word")
	require.NoError(t, err)
}

// ask runs one query and returns its only value.
func ask(t *testing.T, url, query string) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&answer))
	return answer
}

func TestPrivateDatabaseKeepsItsDataAndKnowsCyrillic(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	private, url := startPrivate(t, store.PrivateOptions{DataDir: dir})
	require.Equal(t, "off", ask(t, url, "select current_setting('is_superuser')"))
	require.Equal(t, "UTF8", ask(t, url, "select current_setting('server_encoding')"))
	require.Equal(t, "", ask(t, url, "select current_setting('listen_addresses')"))
	require.Equal(t, "true", ask(t, url, "select ('ПРИВЕТ' ilike 'привет' and lower('ЁЖ') = 'ёж')::text"))
	keep(t, url)

	_, _, err := store.StartPrivate(t.Context(), store.PrivateOptions{DataDir: dir})
	require.ErrorContains(t, err, "another omni server runs on the private database")
	require.ErrorContains(t, err, "OMNI_DATABASE_URL")
	require.Equal(t, "made", ask(t, url, "select word from kept"), "the first one is not disturbed")

	require.NoError(t, private.Stop())
	private, url = startPrivate(t, store.PrivateOptions{DataDir: dir})
	require.Equal(t, "made", ask(t, url, "select word from kept"))
	require.NoError(t, private.Stop())
	sockets, err := filepath.Glob(filepath.Join(dir, cluster.SocketPrefix+"*"))
	require.NoError(t, err)
	require.Empty(t, sockets, "the socket is never below the data folder")
}

func TestPrivateDatabaseRecoversFromACrash(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	private, url := startPrivate(t, store.PrivateOptions{DataDir: dir})
	keep(t, url)
	require.NoError(t, syscall.Kill(postmaster(t, dir), syscall.SIGKILL))
	<-private.Exited()
	require.Error(t, private.Stop(), "it ended badly")

	private, url = startPrivate(t, store.PrivateOptions{DataDir: dir})
	require.Equal(t, "made", ask(t, url, "select word from kept"))
	require.NoError(t, private.Stop())
}

func postmaster(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	require.NoError(t, err)
	return pid
}

func TestHalfMadeClusterIsMadeAnew(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "postgres.new", "base"), 0o700))
	private, url := startPrivate(t, store.PrivateOptions{DataDir: dir})
	require.Equal(t, "omni", ask(t, url, "select current_user::text"))
	require.NoError(t, private.Stop())
}

func TestClusterOfAnotherVersionIsNotTouched(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	private, _ := startPrivate(t, store.PrivateOptions{DataDir: dir})
	require.NoError(t, private.Stop())
	version := filepath.Join(dir, "postgres", "PG_VERSION")
	require.NoError(t, os.WriteFile(version, []byte("14\n"), 0o600))
	before := listing(t, dir)

	_, _, err := store.StartPrivate(t.Context(), store.PrivateOptions{DataDir: dir})
	var mismatch *cluster.MajorError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, 14, mismatch.Has)
	require.NotContains(t, mismatch.Found, 14)
	require.ErrorContains(t, err, "was made by PostgreSQL 14, but this machine has only PostgreSQL "+strconv.Itoa(mismatch.Found[0]))
	require.ErrorContains(t, err, "pg_upgrade")
	require.Equal(t, before, listing(t, dir))
}

// listing is every file below the cluster with size and time.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	require.NoError(t, filepath.Walk(filepath.Join(dir, "postgres"), func(path string, info os.FileInfo, err error) error {
		require.NoError(t, err)
		_, _ = all.WriteString(path + " " + info.ModTime().String() + " " + strconv.FormatInt(info.Size(), 10) + "\n")
		return nil
	}))
	return all.String()
}

// Root runs PostgreSQL as another user, who cannot walk to a folder below a closed home.
func TestClosedHome(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root has to run PostgreSQL as somebody else")
	}
	home, open := openDir(t), openDir(t)
	require.NoError(t, os.Chmod(home, 0o700))
	var log bytes.Buffer
	options := store.PrivateOptions{DataDir: filepath.Join(home, "var"), OpenPlace: open, Log: slog.New(slog.NewTextHandler(&log, nil))}
	private, url := startPrivate(t, options)
	keep(t, url)
	require.NoError(t, private.Stop())
	require.Contains(t, log.String(), "the private database does not lie in the data folder")
	require.NoDirExists(t, filepath.Join(home, "var", "postgres"))

	// The home is open now, but the data stays where it is.
	require.NoError(t, os.Chmod(home, 0o755))
	private, url = startPrivate(t, options)
	require.Equal(t, "made", ask(t, url, "select word from kept"))
	require.NoError(t, private.Stop())
}

// A cluster that was open once and is closed now must not be replaced by an empty one.
func TestClusterThatCanNoLongerBeReachedIsNotReplaced(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root has to run PostgreSQL as somebody else")
	}
	home, open := openDir(t), openDir(t)
	options := store.PrivateOptions{DataDir: filepath.Join(home, "var"), OpenPlace: open}
	private, _ := startPrivate(t, options)
	require.NoError(t, private.Stop())
	require.NoError(t, os.Chmod(home, 0o700))
	_, _, err := store.StartPrivate(t.Context(), options)
	require.ErrorContains(t, err, "cannot enter that folder")
}

func TestNoPrograms(t *testing.T) {
	t.Parallel()
	_, err := cluster.Choose(t.TempDir(), nil)
	require.ErrorIs(t, err, cluster.ErrNoPrograms)
}

// killedDir tells a test process to be a server that gets killed, see TestServerToBeKilled.
const killedDir = "OMNI_TEST_KILLED_DIR"

// TestServerToBeKilled is no test of its own: the next one starts it as a process and kills it.
func TestServerToBeKilled(t *testing.T) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		t.Skip("serves another test")
	}
	_, url := startPrivate(t, store.PrivateOptions{DataDir: dir})
	_, _ = os.Stdout.WriteString("url " + url + "\n")
	select {
	case <-t.Context().Done():
	case <-time.After(time.Minute): // the end comes from outside, long before
	}
}

// A killed server takes its PostgreSQL down cleanly, and the next server on the folder starts at once, while the old one may still be going down.
func TestKilledServerTakesItsDatabaseDown(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	server := exec.Command(os.Args[0], "-test.run=^TestServerToBeKilled$")
	server.Env = append(os.Environ(), killedDir+"="+dir)
	out, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	url := firstLine(t, out, "url ")
	keep(t, url)
	old := postmaster(t, dir)

	require.NoError(t, server.Process.Kill())
	_ = server.Wait()
	private, url := startPrivate(t, store.PrivateOptions{DataDir: dir})
	require.Equal(t, "made", ask(t, url, "select word from kept"))
	require.NotEqual(t, old, postmaster(t, dir))
	require.NoError(t, private.Stop())

	log, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	require.NoError(t, err)
	require.Contains(t, string(log), "received fast shutdown request")
	require.NotContains(t, string(log), "was not properly shut down")
}

func firstLine(t *testing.T, from interface{ Read([]byte) (int, error) }, prefix string) string {
	t.Helper()
	var said bytes.Buffer
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		_, _ = said.Write(buffer[:n])
		for line := range strings.Lines(said.String()) {
			if rest, found := strings.CutPrefix(line, prefix); found && strings.HasSuffix(line, "\n") {
				return strings.TrimSpace(rest)
			}
		}
		require.NoError(t, err, said.String())
	}
}
