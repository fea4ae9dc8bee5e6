package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"omni/server/store/cluster"
)

const (
	// privateRole owns the private database and everything in it. It is no superuser: that would pass row level security.
	privateRole = "omni"
	// openPlace holds private clusters whose owner cannot walk the path to the data folder.
	openPlace = "/var/lib/omni"
	// logLimit is the size at which PostgreSQL's log is put aside when the server starts.
	logLimit = 10 << 20
)

// PrivateOptions tell where a private PostgreSQL lives.
type PrivateOptions struct {
	DataDir   string       // the cluster is DataDir/postgres; made when missing
	Programs  string       // folder with initdb and postgres; empty: those of the machine
	OpenPlace string       // replaces /var/lib/omni, for tests
	Log       *slog.Logger // nil: nothing is logged
}

// Private is a PostgreSQL that belongs to this process: it was started by it and goes down with it, also when it is killed.
type Private struct {
	server *cluster.Server
	lock   *os.File
}

// StartPrivate starts the private PostgreSQL of a data folder, making it at the first time, and tells the address of its database. It waits up to a
// minute for crash recovery or a predecessor that is still going down. Errors are sentences for the person who starts the server: another server
// uses the folder, no programs, programs of another version (*cluster.MajorError).
func StartPrivate(ctx context.Context, options PrivateOptions) (*Private, string, error) {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.OpenPlace == "" {
		options.OpenPlace = openPlace
	}
	place, owner, err := choosePlace(ctx, options)
	if err != nil {
		return nil, "", err
	}
	lock, err := cluster.TryLock(filepath.Join(place, "omni.lock"))
	if errors.Is(err, cluster.ErrLocked) {
		return nil, "", fmt.Errorf("another omni server runs on the private database in %s; "+
			"to run several, give all of them one PostgreSQL in OMNI_DATABASE_URL", place)
	}
	if err != nil {
		return nil, "", err
	}
	p := &Private{lock: lock}
	url, err := p.start(ctx, place, owner, options)
	if err != nil {
		return nil, "", errors.Join(err, p.Stop())
	}
	return p, url, nil
}

// Exited is closed when PostgreSQL has ended, wanted or not.
func (p *Private) Exited() <-chan struct{} { return p.server.Exited() }

// Stop ends PostgreSQL; the pool must be closed before.
func (p *Private) Stop() error {
	defer func() { _ = p.lock.Close() }()
	if p.server == nil {
		return nil
	}
	return p.server.Stop()
}

func (p *Private) start(ctx context.Context, place string, owner cluster.Owner, options PrivateOptions) (string, error) {
	dataDir, logFile := filepath.Join(place, "postgres"), filepath.Join(place, "postgres.log")
	programs, err := cluster.Choose(dataDir, cluster.Find(ctx, options.Programs))
	if err != nil {
		if errors.Is(err, cluster.ErrNoPrograms) {
			err = fmt.Errorf("%w: install the package postgresql, set OMNI_POSTGRES_PROGRAMS, or give a running one in OMNI_DATABASE_URL", err)
		}
		return "", err
	}
	if programs, err = programs.Within(owner, options.OpenPlace); err != nil {
		return "", err
	}
	if info, err := os.Stat(logFile); err == nil && info.Size() > logLimit {
		_ = os.Rename(logFile, logFile+".1")
	}
	if err := p.forgetSocket(); err != nil {
		return "", err
	}
	p.server, err = cluster.Start(ctx, cluster.Options{
		Programs: programs, Owner: owner, DataDir: dataDir, LogFile: logFile, Settings: []string{"max_connections=200"}, Log: options.Log,
	})
	if err != nil {
		return "", err
	}
	if _, err := p.lock.WriteAt([]byte(p.server.Socket()), 0); err != nil {
		return "", fmt.Errorf("note the database socket: %w", err)
	}
	if err := prepareDatabase(ctx, p.server.URL(cluster.Superuser, "postgres")); err != nil {
		return "", err
	}
	options.Log.InfoContext(ctx, "private PostgreSQL runs", "version", programs.Major, "folder", dataDir, "user", owner.Name)
	return p.server.URL(privateRole, privateRole), nil
}

// forgetSocket removes the socket folder a killed predecessor has left; its path stands in the lock file.
func (p *Private) forgetSocket() error {
	left, err := os.ReadFile(p.lock.Name())
	if err != nil {
		return fmt.Errorf("read the lock file: %w", err)
	}
	if strings.HasPrefix(filepath.Base(string(left)), cluster.SocketPrefix) {
		_ = os.RemoveAll(string(left)) // what cannot be removed does no harm
	}
	if err := p.lock.Truncate(0); err != nil {
		return fmt.Errorf("empty the lock file: %w", err)
	}
	return nil
}

// choosePlace finds the folder that holds the cluster, and the system user it belongs to: the data folder, unless that user cannot walk the path to
// it. A cluster that exists stays where it is and with whom it is.
func choosePlace(ctx context.Context, options PrivateOptions) (string, cluster.Owner, error) {
	wanted, err := filepath.Abs(options.DataDir)
	if err != nil {
		return "", cluster.Owner{}, fmt.Errorf("find the data folder: %w", err)
	}
	if err := os.MkdirAll(wanted, 0o755); err != nil {
		return "", cluster.Owner{}, fmt.Errorf("make the data folder: %w", err)
	}
	sum := sha256.Sum256([]byte(wanted))
	other := filepath.Join(options.OpenPlace, hex.EncodeToString(sum[:6]))

	for _, place := range []string{wanted, other} {
		owner, exists, err := cluster.OwnerOf(filepath.Join(place, "postgres"))
		switch {
		case err != nil:
			return "", cluster.Owner{}, err
		case exists && !owner.CanEnter(place):
			return "", cluster.Owner{}, fmt.Errorf("the database in %s belongs to the user %s, who cannot enter that folder: "+
				"open the path to it, or move the data folder and set OMNI_DATA_DIR", place, owner.Name)
		case exists:
			return place, owner, nil
		}
	}
	owner, err := cluster.PickOwner()
	if err != nil {
		return "", cluster.Owner{}, err
	}
	if owner.CanEnter(wanted) {
		return wanted, owner, nil
	}
	if err := os.MkdirAll(other, 0o755); err != nil {
		return "", cluster.Owner{}, fmt.Errorf("make the folder of the private database: %w", err)
	}
	options.Log.WarnContext(ctx, "the private database does not lie in the data folder, because PostgreSQL's user cannot enter that",
		"folder", other, "data_folder", wanted, "user", owner.Name)
	return other, owner, nil
}

// prepareDatabase makes the role and its database, the only things the superuser does.
func prepareDatabase(ctx context.Context, superuserURL string) error {
	conn, err := pgx.Connect(ctx, superuserURL)
	if err != nil {
		return fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, step := range []struct{ statement, existsCode string }{
		{"create role " + privateRole + " login nosuperuser nocreatedb nocreaterole", "42710"},
		{"create database " + privateRole + " owner " + privateRole, "42P04"},
	} {
		_, err := conn.Exec(ctx, step.statement)
		var failure *pgconn.PgError
		if err != nil && !(errors.As(err, &failure) && failure.Code == step.existsCode) {
			return fmt.Errorf("%s: %w", step.statement, err)
		}
	}
	return nil
}
