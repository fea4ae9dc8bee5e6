// Command withpg runs a command beside a throw-away PostgreSQL, whose superuser address the command finds in OMNI_TEST_DATABASE_URL.
//
//	withpg [-durable] go test ./...
//
// The cluster lies in the temporary folder and goes away with the command. It never calls fsync, unless -durable asks for the default settings.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"omni/server/store/cluster"
)

func main() {
	durable := flag.Bool("durable", false, "default durability, for benchmarks")
	flag.Parse()
	code, err := run(*durable, flag.Args())
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "withpg:", err)
	}
	os.Exit(code)
}

// run answers the command's exit code, 1 when there was none.
func run(durable bool, command []string) (code int, err error) {
	if len(command) == 0 {
		return 1, errors.New("expected a command")
	}
	// Ctrl-C reaches the command as well, as it is of the same process group; the cluster must outlive it.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	base, err := os.MkdirTemp("/tmp", "omni-test-")
	if err != nil {
		return 1, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(base)) }()
	if err := os.Chmod(base, 0o711); err != nil { // the cluster's user walks through it
		return 1, fmt.Errorf("open the temporary folder: %w", err)
	}
	server, err := startCluster(ctx, base, durable)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()

	child := exec.Command(command[0], command[1:]...)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.Env = append(os.Environ(), "OMNI_TEST_DATABASE_URL="+server.URL(cluster.Superuser, "postgres"))
	if err := child.Start(); err != nil {
		return 1, fmt.Errorf("start %s: %w", command[0], err)
	}
	// A SIGTERM comes to us alone and is passed on.
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-ctx.Done():
			_ = child.Process.Signal(syscall.SIGTERM)
		case <-ended:
		}
	}()
	if err := child.Wait(); err != nil && child.ProcessState == nil {
		return 1, fmt.Errorf("wait for %s: %w", command[0], err)
	}
	if child.ProcessState.Success() {
		return 0, nil
	}
	return max(1, child.ProcessState.ExitCode()), nil
}

func startCluster(ctx context.Context, base string, durable bool) (*cluster.Server, error) {
	found := cluster.Find(ctx, "")
	if len(found) == 0 {
		return nil, cluster.ErrNoPrograms
	}
	owner, err := cluster.PickOwner()
	if err != nil {
		return nil, err
	}
	programs, err := found[0].Within(owner, filepath.Join(base, "programs"))
	if err != nil {
		return nil, err
	}
	options := cluster.Options{
		Programs: programs, Owner: owner, DataDir: filepath.Join(base, "data"), LogFile: filepath.Join(base, "log"),
		Settings: []string{"max_connections=400"}, Log: slog.New(slog.DiscardHandler),
	}
	if !durable {
		options.Settings, options.NoSync = cluster.ThrowawaySettings(), true
	}
	return cluster.Start(ctx, options)
}
