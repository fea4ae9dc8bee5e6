package staff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/bitrix24"
	"omni/server/clock"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store"
)

// Errors callers branch on.
var (
	// ErrEmpty says that a portal answered with no users at all: what is stored stays (S4).
	ErrEmpty = errors.New("the portal returned an empty list of users")
	// ErrUnknown says that there is no such user at the portal, or no such employee at UIS.
	ErrUnknown = errors.New("no such person")
)

// Asker reads through the portal's lane.
type Asker interface {
	Ask(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, kind string, params any, p outbox.Priority) (json.RawMessage, error)
}

// Options are what Staff is made of.
type Options struct {
	DB    *store.DB
	Clock clock.Clock
	Asker Asker
	Log   *slog.Logger
	// Employees reads the account's UIS employees again before they are matched; nil: they are taken as they are.
	Employees func(ctx context.Context, account ids.AccountID) error
}

// Staff keeps the people of accounts. Safe for many goroutines.
type Staff struct{ Options }

// New makes the staff.
func New(o Options) *Staff { return &Staff{o} }

// At names the portal whose people are meant.
type At struct {
	Account ids.AccountID
	Portal  ids.PortalID
}

// Result is what a synchronisation found and changed.
type Result struct {
	Users           int       `json:"users"`
	Employees       int       `json:"employees"`
	Matched         int       `json:"matched"`
	Several         int       `json:"several"`
	WithoutLastName int       `json:"without_last_name"`
	Changes         []Change  `json:"changes"`
	At              time.Time `json:"at"`
}

// Change is one user whose match is another one than before; 0 is nobody.
type Change struct {
	User   ids.B24UserID     `json:"user"`
	Name   string            `json:"name"`
	Before ids.UISEmployeeID `json:"before"`
	After  ids.UISEmployeeID `json:"after"`
	How    How               `json:"how"`
}

// Progress is told how many people were read; total is 0 as long as it is not known. Its error ends the synchronisation.
type Progress func(done, total int) error

// Sync reads the people of both sides and matches them (S1). only limits it to these users (S3), empty means all; whoever stands outside is not matched.
// Repeating it is harmless; an error leaves everything as it was.
func (s *Staff) Sync(ctx context.Context, at At, only []ids.B24UserID, progress Progress) (Result, error) {
	if progress == nil {
		progress = func(int, int) error { return nil }
	}
	if s.Employees != nil {
		if err := s.Employees(ctx, at.Account); err != nil {
			s.Log.WarnContext(ctx, "the UIS employees could not be read again, the stored ones are matched", "account", at.Account, "error", err)
		}
	}
	users, err := s.readUsers(ctx, at, progress)
	if err != nil {
		return Result{}, err
	}
	var result Result
	err = s.DB.InAccount(ctx, at.Account, func(ctx context.Context, tx pgx.Tx) error {
		now := s.Clock.Now()
		if err := lock(ctx, tx, at); err != nil {
			return err
		}
		if err := storeUsers(ctx, tx, at, users, now); err != nil {
			return err
		}
		var err error
		if result, err = rematch(ctx, tx, at, only, now); err != nil {
			return err
		}
		return noteSync(ctx, tx, at, result, now)
	})
	if err != nil {
		return Result{}, fmt.Errorf("match people of portal %d: %w", at.Portal, err)
	}
	return result, progress(len(users), len(users))
}

// Read reads the portal's users again and stores them, without matching anybody (P2): S3 limits only the matching. Whoever was dismissed is nobody from
// then on. An error, ErrEmpty among them, leaves everything as it was (S4). It tells how many users there are.
func (s *Staff) Read(ctx context.Context, at At, progress Progress) (int, error) {
	if progress == nil {
		progress = func(int, int) error { return nil }
	}
	users, err := s.readUsers(ctx, at, progress)
	if err != nil {
		return 0, err
	}
	err = s.DB.InAccount(ctx, at.Account, func(ctx context.Context, tx pgx.Tx) error {
		if err := lock(ctx, tx, at); err != nil {
			return err
		}
		if err := storeUsers(ctx, tx, at, users, s.Clock.Now()); err != nil {
			return err
		}
		return dismiss(ctx, tx, at)
	})
	if err != nil {
		return 0, fmt.Errorf("store the users of portal %d: %w", at.Portal, err)
	}
	return len(users), nil
}

// dismiss ends the matches of users who were dismissed; one made by hand is remembered for their return.
func dismiss(ctx context.Context, tx pgx.Tx, at At) error {
	batch := &pgx.Batch{}
	for _, statement := range []string{
		`DELETE FROM staff_match m USING b24_user u WHERE m.account_id = $1 AND m.portal_id = $2 AND m.how <> 'hand'
			AND u.account_id = m.account_id AND u.portal_id = m.portal_id AND u.id = m.b24_user AND NOT u.active`,
		`UPDATE staff_match m SET employee = NULL FROM b24_user u WHERE m.account_id = $1 AND m.portal_id = $2 AND m.employee IS NOT NULL
			AND u.account_id = m.account_id AND u.portal_id = m.portal_id AND u.id = m.b24_user AND NOT u.active`,
	} {
		batch.Queue(statement, int64(at.Account), int64(at.Portal))
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("end the matches of dismissed users: %w", err)
	}
	return nil
}

// lock lets one matching of a portal happen at a time.
func lock(ctx context.Context, tx pgx.Tx, at At) error {
	_, err := tx.Exec(ctx, `INSERT INTO staff_sync (account_id, portal_id) VALUES ($1, $2) ON CONFLICT (account_id, portal_id) DO UPDATE SET portal_id = EXCLUDED.portal_id`,
		int64(at.Account), int64(at.Portal))
	if err != nil {
		return fmt.Errorf("wait for another matching: %w", err)
	}
	return nil
}

func noteSync(ctx context.Context, tx pgx.Tx, at At, result Result, now time.Time) error {
	raw, err := json.Marshal(result)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE staff_sync SET synced_at = $3, result = $4 WHERE account_id = $1 AND portal_id = $2`, int64(at.Account), int64(at.Portal), now, raw)
	if err != nil {
		return fmt.Errorf("note the synchronisation: %w", err)
	}
	return nil
}

// user is a row of user.get (docs: user-get). With the scope user_brief there is neither e-mail nor telephone: then names and inner numbers decide.
type user struct {
	ID         bitrix24.ID     `json:"ID"`
	Active     bitrix24.Bool   `json:"ACTIVE"`
	Name       bitrix24.String `json:"NAME"`
	LastName   bitrix24.String `json:"LAST_NAME"`
	SecondName bitrix24.String `json:"SECOND_NAME"`
	Email      bitrix24.String `json:"EMAIL"`
	Inner      bitrix24.String `json:"UF_PHONE_INNER"`
	Position   bitrix24.String `json:"WORK_POSITION"`
	WorkPhone  bitrix24.String `json:"WORK_PHONE"`
	Mobile     bitrix24.String `json:"PERSONAL_MOBILE"`
	Department json.RawMessage `json:"UF_DEPARTMENT"`
}

// departments are the numbers of the user's departments. A form nobody knows leaves him without: names beside a person are no reason to read nobody.
func (u user) departments() []int64 {
	list := []int64{}
	var several bitrix24.List[bitrix24.ID]
	if json.Unmarshal(u.Department, &several) != nil {
		return list
	}
	for _, id := range several {
		list = append(list, int64(id))
	}
	return list
}

func (u user) phones() []string {
	list := []string{}
	for _, phone := range []bitrix24.String{u.WorkPhone, u.Mobile} {
		if strings.TrimSpace(string(phone)) != "" {
			list = append(list, strings.TrimSpace(string(phone)))
		}
	}
	return list
}

// pageSize is how many users user.get gives at once.
const pageSize = 50

// readUsers pages through all employees of the portal by id, without counting (docs: list-methods).
func (s *Staff) readUsers(ctx context.Context, at At, progress Progress) ([]user, error) {
	var all []user
	last := int64(0)
	for {
		raw, err := s.Asker.Ask(ctx, at.Account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: at.Portal}, "user.get", map[string]any{
			"FILTER": map[string]any{">ID": last, "USER_TYPE": "employee"}, "SORT": "ID", "ORDER": "ASC", "start": -1,
		}, outbox.Live)
		if err != nil {
			return nil, fmt.Errorf("read users of portal %d: %w", at.Portal, err)
		}
		var page bitrix24.List[user]
		if err := json.Unmarshal(raw, &page); err != nil {
			return nil, fmt.Errorf("read users of portal %d: %w", at.Portal, err)
		}
		before := last
		for _, u := range page {
			if int64(u.ID) > before {
				all = append(all, u)
				last = max(last, int64(u.ID))
			}
		}
		if err := progress(len(all), 0); err != nil {
			return nil, err
		}
		if len(page) < pageSize || last == before {
			break
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("read users of portal %d: %w", at.Portal, ErrEmpty)
	}
	return all, nil
}

// storeUsers replaces the portal's users. Whoever is not listed any more is dismissed: his old communications keep his name.
func storeUsers(ctx context.Context, tx pgx.Tx, at At, users []user, now time.Time) error {
	batch := &pgx.Batch{}
	seen := make([]int64, 0, len(users))
	for _, u := range users {
		seen = append(seen, int64(u.ID))
		batch.Queue(`INSERT INTO b24_user (account_id, portal_id, id, first_name, last_name, second_name, email, inner_number, phones, position, active, seen_at, departments)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
			ON CONFLICT (account_id, portal_id, id) DO UPDATE SET first_name = EXCLUDED.first_name, last_name = EXCLUDED.last_name, second_name = EXCLUDED.second_name,
			email = EXCLUDED.email, inner_number = EXCLUDED.inner_number, phones = EXCLUDED.phones, position = EXCLUDED.position, active = EXCLUDED.active, seen_at = EXCLUDED.seen_at,
			departments = EXCLUDED.departments`,
			int64(at.Account), int64(at.Portal), int64(u.ID), string(u.Name), string(u.LastName), string(u.SecondName), string(u.Email), string(u.Inner), u.phones(),
			string(u.Position), bool(u.Active), now, u.departments())
	}
	batch.Queue(`UPDATE b24_user SET active = false WHERE account_id = $1 AND portal_id = $2 AND id <> ALL ($3)`, int64(at.Account), int64(at.Portal), seen)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("store users: %w", err)
	}
	return nil
}
