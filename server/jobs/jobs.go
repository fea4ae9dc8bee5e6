// Package jobs runs long procedures (copies of files, synchronisations) on River: durable, tried again, with progress that people see.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"golang.org/x/sync/errgroup"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/store"
)

const (
	// longest is how long one try may take. River's own rescue of a lost job comes right after it; that of a dead server's within seconds (rescue.go).
	longest  = 2 * time.Minute
	parallel = 8
	poll     = 200 * time.Millisecond
	tries    = 12
)

// Job is one procedure under way.
type Job struct {
	Account ids.AccountID
	ID      int64
	Kind    string
	Payload json.RawMessage
	// Last tells that no further try follows this one.
	Last bool

	runner *Runner
}

// Handler does a job. An error tries it again later, with growing pauses; GiveUp ends it at once. It must bear being run twice.
type Handler func(ctx context.Context, job *Job) (result any, err error)

// GiveUp marks an error that no repeat can cure, with a code people's pages have a sentence for.
func GiveUp(code string, err error) error { return &giveUp{code, err} }

type giveUp struct {
	code string
	error
}

func (g *giveUp) Unwrap() error { return g.error }

// args is the one kind of job River knows; ours are told apart inside.
type args struct {
	Account ids.AccountID   `json:"account"`
	Job     int64           `json:"job"`
	Name    string          `json:"name"`
	Payload json.RawMessage `json:"payload"`
}

// Kind implements river.JobArgs.
func (args) Kind() string { return "omni" }

// Options are the parts of a runner.
type Options struct {
	DB       *store.DB
	Clock    clock.Clock
	Log      *slog.Logger
	Handlers map[string]Handler
	// Changed is told, after the commit, of progress; it must not block.
	Changed func(account ids.AccountID, job int64)
}

// Runner queues and runs jobs.
type Runner struct {
	Options
	id     string // of this server, among those that work jobs
	client *river.Client[pgx.Tx]
	pool   *pgxpool.Pool
}

// Migrate brings River's own tables up to date, one server at a time. River needs its steps in transactions of their own.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("reach the database for River's migrations: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended('river migrations', 0))`); err != nil {
		return fmt.Errorf("wait for other servers' migrations: %w", err)
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtextextended('river migrations', 0))`)
	}()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("prepare River's migrations: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate River's tables: %w", err)
	}
	return nil
}

// New builds a runner with a small pool of its own. Run starts it.
func New(ctx context.Context, url string, o Options) (*Runner, error) {
	r := &Runner{Options: o, id: uuid.NewString()}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database address is not understood")
	}
	config.MaxConns = 6
	if r.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("make River's pool: %w", err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{runner: r})
	r.client, err = river.NewClient(riverpgxv5.New(r.pool), &river.Config{ID: r.id,
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: parallel}}, Workers: workers, PollOnly: true, FetchPollInterval: poll, FetchCooldown: poll / 2,
		JobTimeout: longest, RescueStuckJobsAfter: longest + 10*time.Second, MaxAttempts: tries, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		r.pool.Close()
		return nil, fmt.Errorf("prepare River: %w", err)
	}
	return r, nil
}

// startPatience is how long a server whose database does not answer goes on trying to begin with jobs.
const startPatience = time.Hour

// Run works jobs until ctx ends; those under way are given a moment.
func (r *Runner) Run(ctx context.Context) error {
	// A database that goes away just now is waited for, as at any other time.
	err := store.NewPatience(startPatience, 1).Wait(ctx, func() error { return r.client.Start(context.WithoutCancel(ctx)) })
	if err != nil {
		r.pool.Close()
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("start River: %w", err)
	}
	group := errgroup.Group{}
	group.Go(func() error { return r.DB.Hold(ctx, lifeKey+r.id) })
	group.Go(func() error { return r.rescue(ctx) })
	group.Go(func() error { r.forget(ctx); return nil })
	_ = group.Wait() // all end with ctx, and only then
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := r.client.Stop(stop); err != nil {
		_ = r.client.StopAndCancel(context.WithoutCancel(ctx))
	}
	r.pool.Close()
	return nil
}

// keepFiles is how long jobs that copied a file are remembered. Others are few, and their last result is shown.
const keepFiles = 10 * 24 * time.Hour

// forget removes old jobs every ten minutes until ctx ends. River removes its own rows by itself.
func (r *Runner) forget(ctx context.Context) {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_, err := r.DB.Prune(ctx, "job", `DELETE FROM job WHERE ctid = ANY(ARRAY(SELECT ctid FROM job WHERE finished_at < $2 AND kind = 'file' LIMIT $1))`, r.Clock.Now().Add(-keepFiles))
			if err != nil && ctx.Err() == nil {
				r.Log.Warn("old jobs not removed, the next round tries again", "error", err)
			}
		}
	}
}

// ErrRunning says that a job of this kind runs already; its number comes along.
var ErrRunning = errors.New("such a job runs already")

// Enqueue queues a job inside the caller's transaction. Kinds other than "file" run once at a time per account: the running one's number
// comes with ErrRunning then.
func (r *Runner) Enqueue(ctx context.Context, tx pgx.Tx, account ids.AccountID, kind string, payload any) (int64, error) {
	raw, err := json.Marshal(payload)
	if err != nil {
		return 0, fmt.Errorf("encode job %s: %w", kind, err)
	}
	id, taken, err := r.claim(ctx, tx, account, kind)
	if err != nil {
		return 0, fmt.Errorf("queue job %s: %w", kind, err)
	}
	if taken {
		return id, ErrRunning
	}
	if _, err := r.client.InsertTx(ctx, tx, args{account, id, kind, raw}, nil); err != nil {
		return 0, fmt.Errorf("queue job %s: %w", kind, err)
	}
	return id, nil
}

// claim writes a job's row, or finds the one that runs in its place (taken). The running one may end between the two looks: then the place is
// free again.
func (r *Runner) claim(ctx context.Context, tx pgx.Tx, account ids.AccountID, kind string) (id int64, taken bool, err error) {
	for {
		err = tx.QueryRow(ctx, `INSERT INTO job (account_id, kind, state, created_at) VALUES ($1, $2, 'queued', $3)
			ON CONFLICT (account_id, kind) WHERE state IN ('queued', 'running') AND kind <> 'file' DO NOTHING RETURNING id`, int64(account), kind, r.Clock.Now()).Scan(&id)
		if !errors.Is(err, pgx.ErrNoRows) {
			return id, false, err
		}
		err = tx.QueryRow(ctx, `SELECT id FROM job WHERE account_id = $1 AND kind = $2 AND state IN ('queued', 'running')`, int64(account), kind).Scan(&id)
		if !errors.Is(err, pgx.ErrNoRows) {
			return id, true, err
		}
	}
}

// Progress tells how far a job is. total 0: not known.
func (j *Job) Progress(ctx context.Context, done, total int) error {
	err := j.runner.DB.InAccount(ctx, j.Account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE job SET done = $3, total = NULLIF($4::bigint, 0) WHERE account_id = $1 AND id = $2`, int64(j.Account), j.ID, done, total)
		return err
	})
	if err != nil {
		return fmt.Errorf("note progress of job %d: %w", j.ID, err)
	}
	j.runner.changed(j.Account, j.ID)
	return nil
}

func (r *Runner) changed(account ids.AccountID, id int64) {
	if r.Changed != nil {
		r.Changed(account, id)
	}
}

// worker is River's view of us.
type worker struct {
	river.WorkerDefaults[args]
	runner *Runner
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, j *river.Job[args]) error {
	r := w.runner
	job := &Job{Account: j.Args.Account, ID: j.Args.Job, Kind: j.Args.Name, Payload: j.Args.Payload, Last: j.Attempt >= j.MaxAttempts, runner: r}
	if err := r.note(ctx, job, "running", "", nil); err != nil {
		return err
	}
	handler, known := r.Handlers[job.Kind]
	if !known {
		return r.fail(ctx, job, GiveUp("unknown", fmt.Errorf("nobody handles jobs of kind %s", job.Kind)))
	}
	result, err := handler(ctx, job)
	if err != nil {
		return r.fail(ctx, job, err)
	}
	return r.note(ctx, job, "done", "", result)
}

func (r *Runner) fail(ctx context.Context, job *Job, err error) error {
	r.Log.Warn("job failed", "account", job.Account, "job", job.ID, "kind", job.Kind, "error", err)
	var final *giveUp
	if !errors.As(err, &final) && !job.Last {
		return err
	}
	code := "failed"
	if final != nil {
		code = final.code
	}
	if e := r.note(context.WithoutCancel(ctx), job, "failed", code, nil); e != nil {
		return e
	}
	return river.JobCancel(err)
}

func (r *Runner) note(ctx context.Context, job *Job, state, code string, result any) error {
	var raw []byte
	if result != nil {
		var err error
		if raw, err = json.Marshal(result); err != nil {
			return fmt.Errorf("encode the result of job %d: %w", job.ID, err)
		}
	}
	err := r.DB.InAccount(ctx, job.Account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE job SET state = $3, error_code = $4, result = COALESCE($5, result), started_at = COALESCE(started_at, $6),
			finished_at = CASE WHEN $3 IN ('done', 'failed') THEN $6::timestamptz END WHERE account_id = $1 AND id = $2`,
			int64(job.Account), job.ID, state, code, raw, r.Clock.Now())
		return err
	})
	if err != nil {
		return fmt.Errorf("note state of job %d: %w", job.ID, err)
	}
	r.changed(job.Account, job.ID)
	return nil
}

// View is a job as pages show it.
type View struct {
	ID          int64           `json:"id"`
	Kind        string          `json:"kind"`
	State       string          `json:"state"`
	Done        int             `json:"done"`
	Total       *int            `json:"total"`
	SecondsLeft *int            `json:"seconds_left"`
	StartedAt   *time.Time      `json:"started_at"`
	FinishedAt  *time.Time      `json:"finished_at"`
	Code        string          `json:"-"`
	Result      json.RawMessage `json:"result"`
}

// Get reads a job; nil: there is none.
func Get(ctx context.Context, tx pgx.Tx, account ids.AccountID, id int64, now time.Time) (*View, error) {
	return read(ctx, tx, now, `WHERE account_id = $1 AND id = $2`, int64(account), id)
}

// Latest reads the newest job of a kind; nil: there was none.
func Latest(ctx context.Context, tx pgx.Tx, account ids.AccountID, kind string, now time.Time) (*View, error) {
	return read(ctx, tx, now, `WHERE account_id = $1 AND kind = $2 ORDER BY id DESC LIMIT 1`, int64(account), kind)
}

func read(ctx context.Context, tx pgx.Tx, now time.Time, where string, queryArgs ...any) (*View, error) {
	var v View
	err := tx.QueryRow(ctx, `SELECT id, kind, state, done, total, started_at, finished_at, error_code, result FROM job `+where, queryArgs...).
		Scan(&v.ID, &v.Kind, &v.State, &v.Done, &v.Total, &v.StartedAt, &v.FinishedAt, &v.Code, &v.Result)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read job: %w", err)
	}
	if v.State == "running" && v.Total != nil && v.Done > 0 && v.StartedAt != nil {
		left := int(now.Sub(*v.StartedAt).Seconds() * float64(*v.Total-v.Done) / float64(v.Done))
		v.SecondsLeft = &left
	}
	return &v, nil
}

// Count is how many jobs are still to be done, over all accounts.
func Count(ctx context.Context, db *store.DB) (int64, error) {
	var n int64
	err := db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM job WHERE state IN ('queued', 'running')`).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("count jobs: %w", err)
	}
	return n, nil
}
