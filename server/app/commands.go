package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/migrations"
	"omni/server/config"
	"omni/server/store"
)

// Serve is `omni serve`.
func Serve(ctx context.Context, environ []string) error {
	c, err := config.Load(environ)
	if err != nil {
		return err
	}
	log := Logger(c)
	for _, warning := range append(c.Warnings(), unknown(environ)...) {
		log.Warn(warning)
	}
	a, err := New(ctx, c, log)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

func unknown(environ []string) []string {
	var out []string
	for _, name := range config.Unknown(environ) {
		out = append(out, name+" means nothing to this server: is it misspelt?")
	}
	return out
}

// Migrate is `omni migrate`.
func Migrate(ctx context.Context, environ []string) error {
	c, err := config.Load(environ)
	if err != nil {
		return err
	}
	a := &App{config: c, log: Logger(c)}
	defer a.Close()
	return a.open(ctx)
}

// checkFor bounds each thing that is looked at.
const checkFor = 10 * time.Second

// Check is `omni check`: every dependency, in words. Its error says that something is missing.
func Check(ctx context.Context, environ []string, out io.Writer) error {
	c, err := config.Load(environ)
	if err != nil {
		return err
	}
	missing := 0
	say := func(ok bool, text string) {
		mark := "ok     "
		if !ok {
			mark = "MISSING"
			missing++
		}
		_, _ = fmt.Fprintf(out, "%s  %s\n", mark, text)
	}
	for _, warning := range append(c.Warnings(), unknown(environ)...) {
		_, _ = fmt.Fprintf(out, "warning  %s\n", warning)
	}
	say(true, "the environment is understood")
	a := &App{config: c, log: Logger(c)}
	if _, err := a.keys(); err != nil {
		say(false, "secret keys: "+err.Error())
	} else {
		say(true, "secret keys can be read")
	}
	if c.Private() {
		say(true, "the private database belongs to a running server; set OMNI_DATABASE_URL to have it looked at")
		return verdict(missing)
	}
	checkDatabase(ctx, c, say)
	return verdict(missing)
}

func verdict(missing int) error {
	if missing > 0 {
		return fmt.Errorf("%d things are missing", missing)
	}
	return nil
}

func checkDatabase(ctx context.Context, c *config.Config, say func(bool, string)) {
	ctx, cancel := context.WithTimeout(ctx, checkFor)
	defer cancel()
	pending, err := migrations.Pending(ctx, string(c.DatabaseURL))
	if err != nil {
		say(false, "the database: "+err.Error())
		return
	}
	say(!pending, "the database is up to date")
	db, err := store.Open(ctx, string(c.DatabaseURL), store.Options{MaxConns: 2})
	if err != nil {
		say(false, "the database: "+err.Error())
		return
	}
	defer db.Close()
	err = db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var version int
		var super bool
		if err := tx.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user`).Scan(&version, &super); err != nil {
			return err
		}
		say(version >= 150000, fmt.Sprintf("PostgreSQL %d", version/10000))
		if super {
			say(true, "warning: the role passes row level security, the second wall between accounts; use an ordinary role")
		}
		return checkPortals(ctx, tx, say)
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		say(false, "reading portals: "+err.Error())
	}
}

func checkPortals(ctx context.Context, tx pgx.Tx, say func(bool, string)) error {
	rows, err := tx.Query(ctx, `SELECT p.domain, p.state, p.reason, p.repair, (SELECT count(*) FROM portal_token t WHERE t.account_id = p.account_id AND t.portal_id = p.id AND t.dead IS NULL),
		COALESCE((SELECT l.asleep FROM lane l WHERE l.account_id = p.account_id AND l.kind = 'b24' AND l.portal_id = p.id), '') FROM portal p WHERE p.state <> 'uninstalled' ORDER BY p.domain`)
	if err != nil {
		return err
	}
	var domain, state, reason, asleep string
	var repair bool
	var tokens int
	_, err = pgx.ForEachRow(rows, []any{&domain, &state, &reason, &repair, &tokens, &asleep}, func() error {
		text := fmt.Sprintf("portal %s: %s, %d tokens", domain, state, tokens)
		if reason != "" {
			text += ", " + reason
		}
		if asleep != "" {
			text += ", nothing is sent: " + asleep
		}
		if repair {
			text += ", its bindings have to be repaired"
		}
		say(state == "active" && tokens > 0 && asleep == "" && !repair, text)
		return nil
	})
	return err
}
