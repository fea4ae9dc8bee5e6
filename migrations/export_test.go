package migrations

import "context"

// UpTo brings a database to an older version, for tests that play a server of that time.
func UpTo(ctx context.Context, url string, version int64) error {
	db, err := open(url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	provider, err := steps(db)
	if err != nil {
		return err
	}
	_, err = provider.UpTo(ctx, version)
	return err
}
