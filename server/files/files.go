// Package files stores attachments and recordings, always streamed and never whole in memory, and signs the links under which portals, UIS and browsers fetch them.
package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/gabriel-vasile/mimetype"
	"github.com/jackc/pgx/v5"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/store"
)

// PieceSize is how much of a file is in memory at a time.
const PieceSize = 256 << 10

// sniffBytes is how much of the beginning tells the type.
const sniffBytes = 3072

// Errors of the store.
var (
	// ErrTooLarge: the file is over the limit (OMNI_FILE_LIMIT); nothing of it is kept.
	ErrTooLarge = errors.New("the file is larger than allowed")
	// ErrBrokeOff: the sender's connection broke off, nothing was kept.
	ErrBrokeOff = errors.New("the transfer broke off")
	// ErrEmpty: there were no bytes.
	ErrEmpty = errors.New("the file is empty")
	// ErrNotFound: there is no such file, or it is not complete.
	ErrNotFound = errors.New("no such file")
	// ErrFull: the disk or the database has no room.
	ErrFull = errors.New("there is no room to store the file")
	// ErrQuota: the account keeps as much as it may (OMNI_FILES_PER_ACCOUNT).
	ErrQuota = errors.New("the account keeps as many bytes of files as it may")
)

// File is a stored file.
type File struct {
	Account ids.AccountID
	ID      ids.FileID
	Name    string
	// Mime is told by the content, never by the name.
	Mime string
	Size int64
	// CreatedAt is when it was stored.
	CreatedAt time.Time
	shelf     string
}

// Store keeps files of all accounts.
type Store struct {
	db    *store.DB
	clock clock.Clock
	log   *slog.Logger
	// dir is the directory all servers share; empty: the database.
	dir   string
	limit int64
	// quota is what an account may keep in all; 0: as much as there is room.
	quota int64
	away  *store.Patience
}

// Writers and readers of files are held up to so long while the database is away, at most so many.
const (
	patience     = 10 * time.Second
	patienceMost = 200
)

// New builds a store. limit is the largest file in bytes, quota what an account may keep in all (0: no limit); dir may be empty.
func New(db *store.DB, clk clock.Clock, log *slog.Logger, dir string, limit, quota int64) *Store {
	return &Store{db: db, clock: clk, log: log, dir: dir, limit: limit, quota: quota, away: store.NewPatience(patience, patienceMost)}
}

// Limit is the largest file in bytes.
func (s *Store) Limit() int64 { return s.limit }

// shelf is where the bytes of files lie.
type shelf interface {
	// write takes the piece n of a file; pieces come in order and all but the last are PieceSize long.
	write(ctx context.Context, f File, n int, piece []byte) error
	// read gives the bytes of piece n.
	read(ctx context.Context, f File, n int) ([]byte, error)
	remove(ctx context.Context, f File) error
}

func (s *Store) shelfOf(name string) shelf {
	if name == "directory" {
		return directoryShelf{dir: s.dir}
	}
	return databaseShelf{db: s.db}
}

// Put streams a file in. What was written of a refused or broken one is removed.
func (s *Store) Put(ctx context.Context, account ids.AccountID, name string, r io.Reader) (File, error) {
	f := File{Account: account, Name: CleanName(name), CreatedAt: s.clock.Now(), shelf: "database"}
	if s.dir != "" {
		f.shelf = "directory"
	}
	used := int64(0)
	// A short absence of the database is waited out: whoever sends the file cannot send it twice. A row begun twice is cleaned up later.
	err := s.away.Wait(ctx, func() error {
		return full(s.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, `INSERT INTO file (account_id, name, state, shelf, created_at) VALUES ($1, $2, 'writing', $3, $4)
			RETURNING id, COALESCE((SELECT bytes FROM file_usage WHERE account_id = $1), 0)`,
				int64(account), f.Name, f.shelf, f.CreatedAt).Scan(&f.ID, &used)
		}))
	})
	if err != nil {
		return File{}, fmt.Errorf("begin file: %w", err)
	}
	if err := s.pour(ctx, &f, r, used); err != nil {
		s.Remove(context.WithoutCancel(ctx), f)
		return File{}, err
	}
	err = s.away.Wait(ctx, func() error { return full(s.complete(ctx, f)) })
	if err != nil {
		s.Remove(context.WithoutCancel(ctx), f)
		return File{}, fmt.Errorf("complete file %d: %w", f.ID, err)
	}
	return f, nil
}

// fill reads until the piece is full or the sender ends. It is not io.ReadFull, whose io.ErrUnexpectedEOF for a short last piece cannot be told from that
// of a connection which broke off: half a file would pass for a whole one.
func fill(r io.Reader, piece []byte) (int, error) {
	got := 0
	for got < len(piece) {
		n, err := r.Read(piece[got:])
		got += n
		if err != nil {
			return got, err
		}
	}
	return got, nil
}

// complete makes a file one that others see, and counts it; done twice it counts once.
func (s *Store) complete(ctx context.Context, f File) error {
	return s.db.InAccount(ctx, f.Account, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE file SET state = 'ready', size = $3, mime = $4 WHERE account_id = $1 AND id = $2 AND state = 'writing'`,
			int64(f.Account), int64(f.ID), f.Size, f.Mime)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO file_usage (account_id, bytes) VALUES ($1, $2) ON CONFLICT (account_id) DO UPDATE SET bytes = file_usage.bytes + EXCLUDED.bytes`,
			int64(f.Account), f.Size)
		return err
	})
}

// pour writes the pieces; the reader may be a network, so each piece is a statement of its own and no transaction is open meanwhile.
func (s *Store) pour(ctx context.Context, f *File, r io.Reader, used int64) error {
	on := s.shelfOf(f.shelf)
	piece := make([]byte, PieceSize)
	for n := 0; ; n++ {
		got, err := fill(r, piece)
		f.Size += int64(got)
		if f.Size > s.limit {
			return ErrTooLarge // also when it broke off just there: whoever reads no further than the limit makes it look so
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("receive file %d: %w: %v", f.ID, ErrBrokeOff, err) //nolint:errorlint // the sender's connection is not the database's
		}
		end := err != nil
		if n == 0 {
			f.Mime = mimetype.Detect(piece[:min(got, sniffBytes)]).String()
		}
		if s.quota > 0 && used+f.Size > s.quota {
			return ErrQuota
		}
		if got > 0 {
			if err := s.away.Wait(ctx, func() error { return on.write(ctx, *f, n, piece[:got]) }); err != nil {
				return err
			}
		}
		if end {
			if f.Size == 0 {
				return ErrEmpty
			}
			return nil
		}
	}
}

// Stat finds a complete file.
func (s *Store) Stat(ctx context.Context, account ids.AccountID, id ids.FileID) (File, error) {
	f := File{Account: account, ID: id}
	err := s.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT name, mime, size, shelf, created_at FROM file WHERE account_id = $1 AND id = $2 AND state = 'ready'`,
			int64(account), int64(id)).Scan(&f.Name, &f.Mime, &f.Size, &f.shelf, &f.CreatedAt)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return File{}, ErrNotFound
	}
	if err != nil {
		return File{}, fmt.Errorf("find file %d: %w", id, err)
	}
	return f, nil
}

// Open reads a file from an offset on. The reader holds one piece at a time.
func (s *Store) Open(ctx context.Context, f File, offset int64) io.ReadCloser {
	return &reader{ctx: ctx, file: f, on: s.shelfOf(f.shelf), at: offset, away: s.away}
}

// Remove takes a file and its bytes away. It is used on failures too, so it only logs what it cannot do; Run tries again.
func (s *Store) Remove(ctx context.Context, f File) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err := s.shelfOf(f.shelf).remove(ctx, f)
	if err == nil {
		err = s.db.InAccount(ctx, f.Account, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `WITH gone AS (DELETE FROM file WHERE account_id = $1 AND id = $2 RETURNING size, state)
				UPDATE file_usage SET bytes = GREATEST(0, bytes - gone.size) FROM gone WHERE account_id = $1 AND gone.state = 'ready'`, int64(f.Account), int64(f.ID))
			return err
		})
	}
	if err != nil {
		s.log.Warn("file not removed, the clean-up tries again", "account", f.Account, "file", f.ID, "error", err)
	}
}

// CleanName makes a file name safe for headers, paths and pages; nothing left becomes "file".
func CleanName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`"<>|?*:/`, r) {
			return -1
		}
		return r
	}, name)
	name = strings.TrimFunc(name, func(r rune) bool { return r == '.' || unicode.IsSpace(r) })
	if runes := []rune(name); len(runes) > 120 {
		name = string(runes[:100]) + string(runes[len(runes)-20:])
	}
	if name == "" {
		return "file"
	}
	return name
}
