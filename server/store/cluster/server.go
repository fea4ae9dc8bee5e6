package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// Superuser is the role initdb makes. It only prepares databases and roles for others.
	Superuser = "postgres"

	// SocketPrefix begins the name of every socket folder.
	SocketPrefix = "omni-pg-"

	readyTime = 60 * time.Second // crash recovery, or a predecessor that is still going down
	stopTime  = 30 * time.Second
	// socketPathLimit is what fits into a sockaddr_un with PostgreSQL's file name behind it.
	socketPathLimit = 80
)

// Options tell how to run a cluster.
type Options struct {
	Programs Programs
	Owner    Owner
	DataDir  string   // made when missing; then holds nothing but the cluster
	LogFile  string   // PostgreSQL's own log, appended
	Settings []string // further settings, "fsync=off"
	NoSync   bool     // initdb without fsync: for clusters that need not survive the machine
	Log      *slog.Logger
}

// Server is a running PostgreSQL.
type Server struct {
	options Options
	socket  string
	cmd     *exec.Cmd
	exited  chan struct{}
	err     error // how the process ended; to be read after exited
}

// Start makes the cluster if there is none and starts its server as our child. It returns when connections work. The server goes down with this
// process, also when that is killed.
func Start(ctx context.Context, options Options) (*Server, error) {
	if err := initialize(ctx, options); err != nil {
		return nil, err
	}
	socket, err := socketDir(options.Owner)
	if err != nil {
		return nil, err
	}
	s := &Server{options: options, socket: socket}
	if err := s.start(ctx); err != nil {
		_ = os.RemoveAll(socket)
		return nil, err
	}
	return s, nil
}

// Socket is the folder of the server's unix socket.
func (s *Server) Socket() string { return s.socket }

// URL is the address of a database of this server for a role.
func (s *Server) URL(role, database string) string { return URL(s.socket, role, database) }

// URL is the address of a database behind the unix socket in a folder.
func URL(socket, role, database string) string {
	address := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database, RawQuery: url.Values{"host": {socket}}.Encode()}
	return address.String()
}

// Exited is closed when the server's process has ended, wanted or not.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Restart stops the server and starts it again at the same address: orderly, or as after a crash, which it has to recover from. It must not be called
// together with Stop.
func (s *Server) Restart(ctx context.Context, crash bool) error {
	signal := syscall.SIGINT
	if crash {
		signal = syscall.SIGQUIT
	}
	if err := s.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	select {
	case <-s.exited:
	case <-time.After(stopTime):
		return errors.New("PostgreSQL does not end")
	}
	return s.start(ctx)
}

// Stop ends the server: sessions are closed, everything committed is on disk.
func (s *Server) Stop() error {
	defer func() { _ = os.RemoveAll(s.socket) }()
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = s.cmd.Process.Signal(signal) // an error means that it has ended, which the next lines see
		select {
		case <-s.exited:
			if s.err != nil {
				return fmt.Errorf("PostgreSQL ended badly, see %s: %w", s.options.LogFile, s.err)
			}
			return nil
		case <-time.After(stopTime):
		}
	}
	return errors.New("PostgreSQL does not end")
}

// initialize runs initdb beside the final place and renames its result, so that a killed initdb leaves no half cluster.
func initialize(ctx context.Context, options Options) error {
	if _, err := os.Stat(filepath.Join(options.DataDir, "PG_VERSION")); err == nil {
		return nil
	}
	if left, err := os.ReadDir(options.DataDir); err == nil && len(left) > 0 {
		return fmt.Errorf("%s is neither empty nor a PostgreSQL cluster", options.DataDir)
	}
	fresh := options.DataDir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("remove a half made cluster: %w", err)
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return fmt.Errorf("make the folder of the cluster: %w", err)
	}
	if err := options.Owner.give(fresh); err != nil {
		return err
	}
	args := []string{"--pgdata=" + fresh, "--username=" + Superuser, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"}
	if options.NoSync {
		args = append(args, "--no-sync")
	}
	started := time.Now()
	cmd := options.Owner.command(options.Programs.path("initdb"), args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb as %s: %w: %s", options.Owner.Name, err, strings.TrimSpace(string(out)))
	}
	if err := os.Remove(options.DataDir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replace the empty folder of the cluster: %w", err)
	}
	if err := os.Rename(fresh, options.DataDir); err != nil {
		return fmt.Errorf("put the cluster in place: %w", err)
	}
	options.Log.InfoContext(ctx, "PostgreSQL cluster made", "folder", options.DataDir, "version", options.Programs.Major, "took", time.Since(started))
	return nil
}

// socketDir makes a fresh folder only the owner can enter: with that, trusting every local connection is safe. It is never below the data folder,
// whose path may be too long for a socket.
func socketDir(owner Owner) (string, error) {
	base := os.TempDir()
	if len(base) > socketPathLimit/2 || !owner.CanEnter(base) {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, SocketPrefix)
	if err != nil {
		return "", fmt.Errorf("make the folder of the database socket: %w", err)
	}
	if err := owner.give(dir); err != nil {
		return "", err
	}
	return dir, nil
}

// start runs postgres until it answers. "Already running" and "starting up" are tried again: a predecessor may still be going down, and a crash
// may have to be recovered from. The pid file is never touched.
func (s *Server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for {
		from := logSize(s.options.LogFile)
		if err := s.launch(); err != nil {
			return err
		}
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		_ = s.cmd.Process.Kill()
		<-s.exited
		said := logTail(s.options.LogFile, from)
		if !strings.Contains(said, "postmaster.pid") && !strings.Contains(said, "shared memory block") || pause(ctx, 200*time.Millisecond) != nil {
			return fmt.Errorf("start PostgreSQL in %s: %w: %s", s.options.DataDir, err, said)
		}
	}
}

// launch starts the process from a goroutine that keeps its thread until the process ends: the kernel sends the parent-death signal when that
// thread ends, not when the process does.
func (s *Server) launch() error {
	log, err := os.OpenFile(s.options.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open PostgreSQL's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	args := []string{"-D", s.options.DataDir, "-k", s.socket, "-c", "listen_addresses="}
	for _, setting := range s.options.Settings {
		args = append(args, "-c", setting)
	}
	cmd := s.options.Owner.command(s.options.Programs.path("postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	s.cmd, s.exited = cmd, make(chan struct{})

	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			s.err = cmd.Wait()
			close(s.exited)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s as %s: %w", cmd.Path, s.options.Owner.Name, err)
	}
	return nil
}

// ready waits until a connection works or the process has ended.
func (s *Server) ready(ctx context.Context) error {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		conn, err := pgx.Connect(ctx, s.URL(Superuser, "postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("no connection: %w", err)
		case <-s.exited:
			timer.Stop()
			return fmt.Errorf("it ended at once: %w", s.err)
		case <-timer.C:
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func logSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// logTail is what PostgreSQL has logged since a position, at most its last 2,000 bytes.
func logTail(path string, from int64) string {
	text, err := os.ReadFile(path)
	if err != nil || int64(len(text)) < from {
		return ""
	}
	text = text[from:]
	return strings.TrimSpace(string(text[max(0, len(text)-2000):]))
}
