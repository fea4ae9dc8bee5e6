package staff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"omni/server/bitrix24"
	"omni/server/clock"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store"
)

// StatusFor is the UIS status that a working-day state of Bitrix24 becomes (S2; states: docs timeman.status). An unknown state becomes nothing.
func StatusFor(workday string) string {
	switch strings.ToUpper(workday) {
	case "OPENED":
		return "available"
	case "PAUSED":
		return "break"
	case "CLOSED", "EXPIRED":
		return "not_at_work"
	}
	return ""
}

// ErrNoTimeTracking says that the portal has no time tracking, or that the app has no right to it: the import does nothing and the cabinet says why.
var ErrNoTimeTracking = errors.New("the portal has no time tracking")

// Enqueuer takes commands inside a transaction, and wakes their lanes after it.
type Enqueuer interface {
	Enqueue(ctx context.Context, tx pgx.Tx, account ids.AccountID, commands ...outbox.Command) ([]ids.CommandID, []outbox.LaneRef, error)
	Wake(account ids.AccountID, lane outbox.LaneRef)
}

// Workdays turns working-day states of Bitrix24 into statuses of UIS (S2).
type Workdays struct {
	DB    *store.DB
	Clock clock.Clock
	Asker Asker
	Lanes Enqueuer
	Log   *slog.Logger
}

// Imported is what an import found and set.
type Imported struct {
	Employees int `json:"employees"`
	Changed   int `json:"changed"`
}

// workday is a matched person with the state that was turned into a status last; "" for the first time.
type workday struct {
	user     ids.B24UserID
	employee ids.UISEmployeeID
	before   string
	now      string
}

// uisLane is where statuses are set.
var uisLane = outbox.LaneRef{Kind: outbox.LaneUISData}

// Import reads the states of all matched people and sets the status of those whose state is another than the last time. Only a change is written, so a
// status chosen by hand in UIS stays until the next one. What was set is noted in the transaction that queues it, so a crash neither loses nor repeats it.
func (w *Workdays) Import(ctx context.Context, at At) (Imported, error) {
	people, err := w.matched(ctx, at)
	if err != nil || len(people) == 0 {
		return Imported{}, err
	}
	if err := w.readStates(ctx, at, people); err != nil {
		if errors.Is(err, ErrNoTimeTracking) {
			return Imported{}, errors.Join(err, w.noteTrouble(ctx, at, "absent"))
		}
		return Imported{}, err
	}
	changed := slices.DeleteFunc(slices.Clone(people), func(d workday) bool { return d.now == "" || d.now == d.before })
	result := Imported{Employees: len(people), Changed: len(changed)}
	if len(changed) == 0 {
		return result, w.noteTrouble(ctx, at, "")
	}
	commands, err := w.commands(ctx, at, changed)
	if err != nil {
		return Imported{}, err
	}
	if err := w.store(ctx, at, changed, commands); err != nil {
		return Imported{}, err
	}
	w.Lanes.Wake(at.Account, uisLane)
	return result, w.noteTrouble(ctx, at, "")
}

func (w *Workdays) matched(ctx context.Context, at At) ([]workday, error) {
	var list []workday
	err := w.DB.InAccount(ctx, at.Account, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT m.b24_user, m.employee, COALESCE(w.state, '') FROM staff_match m
			JOIN b24_user u ON u.account_id = m.account_id AND u.portal_id = m.portal_id AND u.id = m.b24_user AND u.active
			LEFT JOIN staff_workday w ON w.account_id = m.account_id AND w.portal_id = m.portal_id AND w.b24_user = m.b24_user AND w.employee = m.employee
			WHERE m.account_id = $1 AND m.portal_id = $2 AND m.employee IS NOT NULL ORDER BY m.b24_user`, int64(at.Account), int64(at.Portal))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (workday, error) {
			var d workday
			err := row.Scan(&d.user, &d.employee, &d.before)
			return d, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the matched people of portal %d: %w", at.Portal, err)
	}
	return list, nil
}

// readStates asks for everybody's state at once; the lane packs fifty into a request. Somebody who cannot be read keeps his status.
func (w *Workdays) readStates(ctx context.Context, at At, people []workday) error {
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(100)
	for i := range people {
		group.Go(func() error {
			raw, err := w.Asker.Ask(asking, at.Account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: at.Portal}, "timeman.status", map[string]any{"USER_ID": int64(people[i].user)}, outbox.Background)
			var failure *outbox.Failure
			switch {
			case errors.As(err, &failure) && (failure.Class == string(bitrix24.InsufficientScope) || failure.Class == string(bitrix24.MethodNotFound)):
				return ErrNoTimeTracking
			case errors.As(err, &failure) && failure.Kind == outbox.Refused:
				w.Log.InfoContext(ctx, "a working day was not read", "account", at.Account, "user", people[i].user, "code", failure.Code)
				return nil
			case err != nil:
				return fmt.Errorf("read the working day of user %d: %w", people[i].user, err)
			}
			var answer struct {
				Status bitrix24.String `json:"STATUS"`
			}
			if err := json.Unmarshal(raw, &answer); err != nil {
				return fmt.Errorf("read the working day of user %d: %w", people[i].user, err)
			}
			if StatusFor(string(answer.Status)) != "" {
				people[i].now = strings.ToUpper(string(answer.Status))
			}
			return nil
		})
	}
	return group.Wait()
}

// uisEmployee is what update.employees wants besides the status: the last name and the numbers as they are, which it would take away otherwise
// (Data API, update.employees).
type uisEmployee struct {
	ID       ids.UISEmployeeID `json:"id"`
	LastName string            `json:"last_name"`
	Phones   json.RawMessage   `json:"phone_numbers"`
}

func (w *Workdays) commands(ctx context.Context, at At, changed []workday) ([]outbox.Command, error) {
	statuses, err := w.statuses(ctx, at.Account)
	if err != nil {
		return nil, err
	}
	numbers := make([]ids.UISEmployeeID, len(changed))
	for i, d := range changed {
		numbers[i] = d.employee
	}
	raw, err := w.Asker.Ask(ctx, at.Account, uisLane, "get.employees", map[string]any{"fields": []string{"id", "last_name", "phone_numbers"}, "limit": 10000,
		"filter": map[string]any{"field": "id", "operator": "in", "value": numbers}}, outbox.Background)
	if err != nil {
		return nil, fmt.Errorf("read the employees of account %d: %w", at.Account, err)
	}
	var rows []uisEmployee
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fmt.Errorf("read the employees of account %d: %w", at.Account, err)
	}
	var list []outbox.Command
	for _, d := range changed {
		i := slices.IndexFunc(rows, func(e uisEmployee) bool { return e.ID == d.employee })
		status, known := statuses[StatusFor(d.now)]
		if i < 0 || !known {
			continue // gone at UIS, or an account without that status
		}
		list = append(list, outbox.Command{Lane: uisLane, Key: ids.Key(fmt.Sprintf("employee:%d", d.employee)), Kind: "update.employees", Merge: "status", Priority: outbox.Live,
			Params: map[string]any{"id": d.employee, "last_name": rows[i].LastName, "phone_numbers": rows[i].Phones, "status_id": status}})
	}
	return list, nil
}

// statuses are the standard statuses of the account by mnemonic (Data API, get.statuses).
func (w *Workdays) statuses(ctx context.Context, account ids.AccountID) (map[string]int64, error) {
	raw, err := w.Asker.Ask(ctx, account, uisLane, "get.statuses", map[string]any{"limit": 10000}, outbox.Background)
	if err != nil {
		return nil, fmt.Errorf("read the statuses of account %d: %w", account, err)
	}
	var rows []struct {
		ID       int64  `json:"id"`
		Mnemonic string `json:"mnemonic"`
	}
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fmt.Errorf("read the statuses of account %d: %w", account, err)
	}
	all := map[string]int64{}
	for _, row := range rows {
		if row.Mnemonic != "" {
			all[row.Mnemonic] = row.ID
		}
	}
	return all, nil
}

func (w *Workdays) store(ctx context.Context, at At, changed []workday, commands []outbox.Command) error {
	now := w.Clock.Now()
	err := w.DB.InAccount(ctx, at.Account, func(ctx context.Context, tx pgx.Tx) error {
		batch := &pgx.Batch{}
		for _, d := range changed {
			batch.Queue(`INSERT INTO staff_workday (account_id, portal_id, b24_user, employee, state, changed_at) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (account_id, portal_id, b24_user, employee) DO UPDATE SET state = EXCLUDED.state, changed_at = EXCLUDED.changed_at`,
				int64(at.Account), int64(at.Portal), int64(d.user), int64(d.employee), d.now, now)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		if len(commands) == 0 {
			return nil
		}
		_, _, err := w.Lanes.Enqueue(ctx, tx, at.Account, commands...)
		return err
	})
	if err != nil {
		return fmt.Errorf("set the statuses of account %d: %w", at.Account, err)
	}
	return nil
}

// noteTrouble tells the cabinet why the import does nothing; empty: it works.
func (w *Workdays) noteTrouble(ctx context.Context, at At, why string) error {
	return w.DB.InAccount(ctx, at.Account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO staff_sync (account_id, portal_id, workday_trouble) VALUES ($1, $2, $3)
			ON CONFLICT (account_id, portal_id) DO UPDATE SET workday_trouble = EXCLUDED.workday_trouble`, int64(at.Account), int64(at.Portal), why)
		return err
	})
}

// ImportEvery is how often working days are looked at (S2).
const ImportEvery = 20 * time.Minute
