package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// keeper runs PostgreSQL and stops it when nobody has touched the "used" file for half an hour, or when its folder is gone.
const keeper = `used=$1; shift
"$@" & pg=$!
while kill -0 $pg 2>/dev/null; do
  sleep 15
  [ -n "$(find "$used" -mmin -30 2>/dev/null)" ] || kill -INT $pg 2>/dev/null
done`

// ThrowawaySettings make a cluster fast that need not survive a crash of the machine.
func ThrowawaySettings() []string {
	return []string{"fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=400", "shared_buffers=128MB",
		"max_wal_size=1GB", "autovacuum_naptime=5min"}
}

// Shared is the folder of a socket behind which a throw-away cluster runs that all test processes of this user share. The first one starts it; it
// outlives that process and stops by itself once unused. Each call counts as use.
func Shared(ctx context.Context, log *slog.Logger) (socket string, err error) {
	base, err := sharedBase()
	if err != nil {
		return "", err
	}
	if err := touch(filepath.Join(base, "used")); err != nil {
		return "", err
	}
	unlock, err := lockFile(ctx, filepath.Join(base, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	socket = filepath.Join(base, "s")
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for sharedAlive(ctx, socket, filepath.Join(base, "data")) {
		if probe(ctx, socket) == nil {
			return socket, nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return "", fmt.Errorf("the shared test cluster in %s runs but does not answer: %w", base, err)
		}
	}
	return socket, startShared(ctx, base, socket, log)
}

// sharedBase is a folder of this user at a fixed place. Somebody else's folder of that name is refused.
func sharedBase() (string, error) {
	base := filepath.Join(os.TempDir(), "omni-test-pg-"+strconv.Itoa(os.Geteuid()))
	if len(base) > socketPathLimit {
		base = "/tmp/omni-test-pg-" + strconv.Itoa(os.Geteuid())
	}
	if err := os.Mkdir(base, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("make the folder of the shared test cluster: %w", err)
	}
	info, err := os.Lstat(base)
	if err != nil {
		return "", fmt.Errorf("look at the folder of the shared test cluster: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%s is not a folder that only this user can write", base)
	}
	return base, nil
}

// sharedAlive tells whether a server of the cluster still runs: it answers, if only with a refusal, or its process is there.
func sharedAlive(ctx context.Context, socket, data string) bool {
	err := probe(ctx, socket)
	var refusal *pgconn.PgError
	if err == nil || errors.As(err, &refusal) {
		return true
	}
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return false
	}
	// A pid of before a reboot may belong to anything now.
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.HasPrefix(string(name), "postgres")
}

func probe(ctx context.Context, socket string) error {
	conn, err := pgx.Connect(ctx, URL(socket, Superuser, "postgres"))
	if err != nil {
		return fmt.Errorf("connect to the shared test cluster: %w", err)
	}
	return conn.Close(ctx)
}

func startShared(ctx context.Context, base, socket string, log *slog.Logger) error {
	owner, err := PickOwner()
	if err != nil {
		return err
	}
	found := Find(ctx, "")
	if len(found) == 0 {
		return ErrNoPrograms
	}
	programs, err := found[0].Within(owner, base)
	if err != nil {
		return err
	}
	options := Options{Programs: programs, Owner: owner, DataDir: filepath.Join(base, "data"), LogFile: filepath.Join(base, "log"), NoSync: true, Log: log}
	for _, old := range []string{options.DataDir, socket, options.LogFile} {
		if err := os.RemoveAll(old); err != nil {
			return fmt.Errorf("remove the old shared test cluster: %w", err)
		}
	}
	if err := initialize(ctx, options); err != nil {
		return err
	}
	if err := os.Mkdir(socket, 0o700); err != nil {
		return fmt.Errorf("make the folder of the database socket: %w", err)
	}
	if err := owner.give(socket); err != nil {
		return err
	}
	out, err := os.OpenFile(options.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open PostgreSQL's log: %w", err)
	}
	defer func() { _ = out.Close() }()
	args := []string{"-c", keeper, "omni-test-pg", filepath.Join(base, "used"), options.Programs.path("postgres"), "-D", options.DataDir, "-k", socket,
		"-c", "listen_addresses="}
	for _, setting := range ThrowawaySettings() {
		args = append(args, "-c", setting)
	}
	cmd := owner.command("/bin/sh", args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the shared test cluster: %w", err)
	}
	if err := cmd.Process.Release(); err != nil {
		return fmt.Errorf("let go of the shared test cluster: %w", err)
	}
	for probe(ctx, socket) != nil {
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("the shared test cluster does not start: %w: %s", err, logTail(options.LogFile, 0))
		}
	}
	return nil
}

func touch(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	_ = file.Close()
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil {
		return fmt.Errorf("touch %s: %w", path, err)
	}
	return nil
}

// lockFile waits for an exclusive lock on a file. The kernel gives it back when this process ends.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	for {
		file, err := TryLock(path)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, ErrLocked) {
			return nil, err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, fmt.Errorf("wait for %s: %w", path, err)
		}
	}
}

// ErrLocked is returned when another process holds a lock file.
var ErrLocked = errors.New("locked by another process")

// TryLock takes the exclusive lock on a file, which lasts until the file is closed or this process ends. ErrLocked: another process has it.
func TryLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return file, nil
}
