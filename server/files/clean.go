package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

const (
	cleanEvery = 10 * time.Minute
	// unfinishedFor is how old an unfinished file must be: uploads and copies end long before.
	unfinishedFor = 30 * time.Minute
	cleanRows     = 100
	// sweepEvery is how many rounds pass between two walks over the directory, walkFiles what one walk looks at.
	sweepEvery = 36
	walkFiles  = 1000
)

// Run removes what broken writing left, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for round := 0; ; round++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := s.Clean(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("unfinished files not removed, the next round tries again", "error", err)
			}
			if round%sweepEvery == 0 {
				if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
					s.log.Warn("files of nobody not removed, the next walk tries again", "error", err)
				}
			}
		}
	}
}

// Clean removes files whose writing was given up: what could not be removed at once, say because the disk was full.
func (s *Store) Clean(ctx context.Context) error {
	last := ids.FileID(0)
	for {
		var left []File
		err := s.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
			rows, err := tx.Query(ctx, `SELECT account_id, id, shelf FROM file WHERE state = 'writing' AND created_at < $1 AND id > $2 ORDER BY id LIMIT $3`,
				s.clock.Now().Add(-unfinishedFor), int64(last), cleanRows)
			if err != nil {
				return err
			}
			left, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (File, error) {
				var f File
				err := row.Scan(&f.Account, &f.ID, &f.shelf)
				return f, err
			})
			return err
		})
		if err != nil {
			return fmt.Errorf("look for unfinished files: %w", err)
		}
		for _, f := range left {
			s.Remove(ctx, f)
			last = f.ID
		}
		if len(left) < cleanRows {
			return nil
		}
	}
}

// Sweep removes files of the directory that no row names: those of erased accounts. It also sets the accounts' sums right.
func (s *Store) Sweep(ctx context.Context) error {
	err := s.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE file_usage u SET bytes = f.bytes FROM (SELECT u.account_id, COALESCE(sum(size) FILTER (WHERE state = 'ready'), 0) AS bytes
			FROM file_usage u LEFT JOIN file USING (account_id) GROUP BY u.account_id) f WHERE f.account_id = u.account_id AND f.bytes <> u.bytes`)
		return err
	})
	if err != nil || s.dir == "" {
		return err
	}
	folders, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("read the directory of files: %w", err)
	}
	for _, folder := range folders {
		account, err := strconv.ParseInt(folder.Name(), 10, 64)
		if err != nil || !folder.IsDir() {
			continue // not ours
		}
		if err := s.sweepFolder(ctx, ids.AccountID(account), filepath.Join(s.dir, folder.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) sweepFolder(ctx context.Context, account ids.AccountID, path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read the files of account %d: %w", account, err)
	}
	defer func() { _ = folder.Close() }()
	for {
		names, err := folder.Readdirnames(walkFiles)
		var numbers []int64
		for _, name := range names {
			if n, err := strconv.ParseInt(name, 10, 64); err == nil {
				numbers = append(numbers, n)
			}
		}
		orphans, failed := s.orphans(ctx, account, numbers)
		if failed != nil {
			return failed
		}
		for _, id := range orphans {
			one := filepath.Join(path, strconv.FormatInt(id, 10))
			if info, err := os.Stat(one); err == nil && time.Since(info.ModTime()) > time.Hour {
				s.log.Info("a file of nobody is removed", "account", account, "file", id)
				_ = os.Remove(one)
			}
		}
		if err != nil || len(names) < walkFiles {
			return nil //nolint:nilerr // the end of the folder
		}
	}
}

// orphans are those numbers that no file of the account has.
func (s *Store) orphans(ctx context.Context, account ids.AccountID, numbers []int64) ([]int64, error) {
	var out []int64
	err := s.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT n FROM unnest($2::bigint[]) n WHERE NOT EXISTS (SELECT FROM file WHERE account_id = $1 AND id = n)`, int64(account), numbers)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for files of nobody: %w", err)
	}
	return out, nil
}
