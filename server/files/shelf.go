package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"

	"omni/server/store"
)

// databaseShelf keeps pieces in PostgreSQL.
type databaseShelf struct{ db *store.DB }

func (s databaseShelf) write(ctx context.Context, f File, n int, piece []byte) error {
	err := s.db.Pipelined(ctx, f.Account, func(batch *pgx.Batch) {
		batch.Queue(`INSERT INTO file_piece (account_id, file_id, n, data) VALUES ($1, $2, $3, $4) ON CONFLICT (account_id, file_id, n) DO UPDATE SET data = EXCLUDED.data`,
			int64(f.Account), int64(f.ID), n, piece)
	})
	if err != nil {
		return full(fmt.Errorf("store piece %d of file %d: %w", n, f.ID, err))
	}
	return nil
}

func (s databaseShelf) read(ctx context.Context, f File, n int) ([]byte, error) {
	var piece []byte
	err := s.db.InAccount(ctx, f.Account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT data FROM file_piece WHERE account_id = $1 AND file_id = $2 AND n = $3`, int64(f.Account), int64(f.ID), n).Scan(&piece)
	})
	if err != nil {
		return nil, fmt.Errorf("read piece %d of file %d: %w", n, f.ID, err)
	}
	return piece, nil
}

func (s databaseShelf) remove(ctx context.Context, f File) error {
	return s.db.InAccount(ctx, f.Account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM file_piece WHERE account_id = $1 AND file_id = $2`, int64(f.Account), int64(f.ID))
		return err
	})
}

// directoryShelf keeps each file as one file in a directory that all servers share.
type directoryShelf struct{ dir string }

func (s directoryShelf) path(f File) string {
	return filepath.Join(s.dir, strconv.FormatInt(int64(f.Account), 10), strconv.FormatInt(int64(f.ID), 10))
}

func (s directoryShelf) write(_ context.Context, f File, n int, piece []byte) (err error) {
	p := s.path(f)
	if n == 0 {
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			return full(fmt.Errorf("make folder of file %d: %w", f.ID, err))
		}
	}
	file, err := os.OpenFile(p, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return full(fmt.Errorf("open file %d for writing: %w", f.ID, err))
	}
	defer func() {
		if e := file.Close(); e != nil && err == nil {
			err = full(fmt.Errorf("close file %d: %w", f.ID, e))
		}
	}()
	if _, err := file.WriteAt(piece, int64(n)*PieceSize); err != nil {
		return full(fmt.Errorf("write piece %d of file %d: %w", n, f.ID, err))
	}
	return nil
}

func (s directoryShelf) read(_ context.Context, f File, n int) ([]byte, error) {
	file, err := os.Open(s.path(f))
	if err != nil {
		return nil, fmt.Errorf("open file %d: %w", f.ID, err)
	}
	defer func() { _ = file.Close() }()
	piece := make([]byte, PieceSize)
	got, err := file.ReadAt(piece, int64(n)*PieceSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read piece %d of file %d: %w", n, f.ID, err)
	}
	return piece[:got], nil
}

func (s directoryShelf) remove(_ context.Context, f File) error {
	if err := os.Remove(s.path(f)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove file %d: %w", f.ID, err)
	}
	return nil
}

// full makes one error of the ways to say that there is no room.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || store.NoRoom(err) {
		return fmt.Errorf("%w: %v", ErrFull, err) //nolint:errorlint // a full disk is nothing to wait for, unlike what a database says otherwise
	}
	return err
}

// reader gives a file piece by piece.
type reader struct {
	ctx   context.Context
	file  File
	on    shelf
	at    int64
	n     int
	piece []byte
	away  *store.Patience
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.at >= r.file.Size {
		return 0, io.EOF
	}
	n := int(r.at / PieceSize)
	if r.piece == nil || n != r.n {
		var piece []byte
		err := r.away.Wait(r.ctx, func() error {
			var err error
			piece, err = r.on.read(r.ctx, r.file, n)
			return err
		})
		if err != nil {
			return 0, err
		}
		r.piece, r.n = piece, n
	}
	from := int(r.at % PieceSize)
	if from >= len(r.piece) {
		return 0, fmt.Errorf("file %d is shorter than it should be: %w", r.file.ID, io.ErrUnexpectedEOF)
	}
	got := copy(p, r.piece[from:])
	r.at += int64(got)
	return got, nil
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.piece = nil
	return nil
}
