package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/store"
)

const (
	// lifeKey with a server's id is the session lock that it holds while it lives.
	lifeKey = "omni jobs "
	// rescueEvery is how often is looked for jobs of dead servers; one has to look dead twice, as a lost connection is made anew within this time.
	rescueEvery = 3 * time.Second
)

// orphans are running jobs whose server holds its lock no more: it was killed, or its host is lost.
const orphans = `SELECT id, attempt FROM river_job WHERE state = 'running' AND cardinality(attempted_by) > 0
	AND hashtextextended($1 || attempted_by[array_upper(attempted_by, 1)], 0) NOT IN ` + store.HeldKeys

// adopt makes an orphan available at once, wherever the next server takes it.
const adopt = `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE id = $1 AND attempt = $2 AND state = 'running'`

// rescue takes up the jobs of dead servers within seconds. A server that only lost its connections for long may do its job a second time beside: every
// handler bears that.
func (r *Runner) rescue(ctx context.Context) error {
	tick := time.NewTicker(rescueEvery)
	defer tick.Stop()
	suspects := map[orphan]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		found, err := r.adoptOrphans(ctx, suspects)
		if err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "jobs of dead servers not looked for, the next look tries again", "error", err)
		}
		suspects = found
	}
}

// orphan is one try of a job.
type orphan struct {
	id      int64
	attempt int
}

// adoptOrphans takes up what looked orphaned the last time too, and answers what looks so now.
func (r *Runner) adoptOrphans(ctx context.Context, suspects map[orphan]bool) (map[orphan]bool, error) {
	rows, err := r.pool.Query(ctx, orphans, lifeKey)
	if err != nil {
		return nil, fmt.Errorf("look for orphaned jobs: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (orphan, error) {
		var o orphan
		err := row.Scan(&o.id, &o.attempt)
		return o, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for orphaned jobs: %w", err)
	}
	found := map[orphan]bool{}
	for _, o := range list {
		if !suspects[o] {
			found[o] = true
			continue
		}
		if _, err := r.pool.Exec(ctx, adopt, o.id, o.attempt); err != nil {
			return found, fmt.Errorf("take up job %d: %w", o.id, err)
		}
		r.Log.InfoContext(ctx, "a job of a server that is gone was taken up", "job", o.id)
	}
	return found, nil
}
