package staff

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/history"
	"omni/server/ids"
)

// hand is a match an administrator makes; employee 0 is nobody.
type hand struct {
	user     ids.B24UserID
	employee ids.UISEmployeeID
}

// rematch matches what is stored of both sides and replaces the matches. It runs under lock.
func rematch(ctx context.Context, tx pgx.Tx, at At, only []ids.B24UserID, now time.Time) (Result, error) {
	users, err := people(ctx, tx, at)
	if err != nil {
		return Result{}, err
	}
	employees, err := employeesOf(ctx, tx, at.Account)
	if err != nil {
		return Result{}, err
	}
	before, byHand, err := matches(ctx, tx, at)
	if err != nil {
		return Result{}, err
	}
	result := Result{Employees: len(employees), At: now, Changes: []Change{}}
	persons := make([]Person, 0, len(users))
	names := map[ids.B24UserID]string{}
	for _, u := range users {
		if u.Active {
			result.Users++
			if strings.TrimSpace(u.lastName) == "" {
				result.WithoutLastName++
			}
		}
		if len(only) > 0 && !slices.Contains(only, u.ID) && !handMade(byHand, u.ID) {
			u.Active = false // stands outside: not matched (S3)
		}
		names[u.ID] = u.Name
		persons = append(persons, u.Person)
	}
	found := MatchPeople(persons, employees, byHand)
	for _, m := range found {
		if m.Employee != 0 {
			result.Matched++
		}
		if m.How == Several {
			result.Several++
		}
		if m.Employee != before[m.User] {
			result.Changes = append(result.Changes, Change{User: m.User, Name: names[m.User], Before: before[m.User], After: m.Employee, How: m.How})
		}
	}
	return result, replace(ctx, tx, at, found, byHand, now)
}

func handMade(byHand map[ids.B24UserID]ids.UISEmployeeID, user ids.B24UserID) bool {
	_, ok := byHand[user]
	return ok
}

// known is a stored user.
type known struct {
	Person
	lastName string
}

func people(ctx context.Context, tx pgx.Tx, at At) ([]known, error) {
	rows, err := tx.Query(ctx, `SELECT id, concat_ws(' ', NULLIF(last_name, ''), NULLIF(first_name, '')), email, inner_number, phones, active, last_name
		FROM b24_user WHERE account_id = $1 AND portal_id = $2 ORDER BY id`, int64(at.Account), int64(at.Portal))
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (known, error) {
		var k known
		err := row.Scan(&k.ID, &k.Name, &k.Email, &k.Inner, &k.Phones, &k.Active, &k.lastName)
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return list, nil
}

func employeesOf(ctx context.Context, tx pgx.Tx, account ids.AccountID) ([]Employee, error) {
	rows, err := tx.Query(ctx, `SELECT id, CASE WHEN last_name <> '' AND first_name <> '' THEN last_name || ' ' || first_name ELSE full_name END, email, extension, phones
		FROM uis_employee WHERE account_id = $1 AND gone_at IS NULL ORDER BY id`, int64(account))
	if err != nil {
		return nil, fmt.Errorf("read UIS employees: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Employee, error) {
		var e Employee
		err := row.Scan(&e.ID, &e.Name, &e.Email, &e.Inner, &e.Phones)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read UIS employees: %w", err)
	}
	return list, nil
}

// matches reads who is whom now, and what was decided by hand.
func matches(ctx context.Context, tx pgx.Tx, at At) (now, byHand map[ids.B24UserID]ids.UISEmployeeID, err error) {
	rows, err := tx.Query(ctx, `SELECT b24_user, COALESCE(employee, 0), how = 'hand', COALESCE(hand, 0) FROM staff_match WHERE account_id = $1 AND portal_id = $2`,
		int64(at.Account), int64(at.Portal))
	if err != nil {
		return nil, nil, fmt.Errorf("read matches: %w", err)
	}
	now, byHand = map[ids.B24UserID]ids.UISEmployeeID{}, map[ids.B24UserID]ids.UISEmployeeID{}
	var user ids.B24UserID
	var employee, chosen ids.UISEmployeeID
	var isHand bool
	_, err = pgx.ForEachRow(rows, []any{&user, &employee, &isHand, &chosen}, func() error {
		now[user] = employee
		if isHand {
			byHand[user] = chosen
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read matches: %w", err)
	}
	return now, byHand, nil
}

func replace(ctx context.Context, tx pgx.Tx, at At, found []Match, byHand map[ids.B24UserID]ids.UISEmployeeID, now time.Time) error {
	batch := &pgx.Batch{}
	batch.Queue(`DELETE FROM staff_match WHERE account_id = $1 AND portal_id = $2`, int64(at.Account), int64(at.Portal))
	for _, m := range found {
		if m.How == ByNothing {
			continue
		}
		candidates := make([]int64, 0, len(m.Candidates))
		for _, c := range m.Candidates {
			candidates = append(candidates, int64(c))
		}
		batch.Queue(`INSERT INTO staff_match (account_id, portal_id, b24_user, employee, how, hand, candidates, changed_at)
			VALUES ($1, $2, $3, NULLIF($4::bigint, 0), $5, NULLIF($6::bigint, 0), $7, $8)`,
			int64(at.Account), int64(at.Portal), int64(m.User), int64(m.Employee), string(m.How), int64(byHand[m.User]), candidates, now)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("store matches: %w", err)
	}
	return nil
}

// Match makes a match by hand (S1); employee 0 means that the user is nobody at UIS. It survives later synchronisations. An employee whom somebody
// else had is taken from him. Error: ErrUnknown.
func (s *Staff) Match(ctx context.Context, at At, user ids.B24UserID, employee ids.UISEmployeeID) (Member, error) {
	var out Member
	err := s.DB.InAccount(ctx, at.Account, func(ctx context.Context, tx pgx.Tx) error {
		if err := lock(ctx, tx, at); err != nil {
			return err
		}
		var fits bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM b24_user WHERE account_id = $1 AND portal_id = $2 AND id = $3)
			AND ($4 = 0 OR EXISTS (SELECT FROM uis_employee WHERE account_id = $1 AND id = $4 AND gone_at IS NULL))`,
			int64(at.Account), int64(at.Portal), int64(user), int64(employee)).Scan(&fits)
		if err != nil {
			return err
		}
		if !fits {
			return ErrUnknown
		}
		if err := byHandOnly(ctx, tx, at, hand{user, employee}, s.Clock.Now()); err != nil {
			return err
		}
		members, err := list(ctx, tx, at)
		if err != nil {
			return err
		}
		for _, m := range members {
			if m.User == user {
				out = m
			}
		}
		return noteHand(ctx, tx, at, out, employee, s.Clock.Now())
	})
	if err != nil {
		return Member{}, fmt.Errorf("match user %d of portal %d: %w", user, at.Portal, err)
	}
	return out, nil
}

// noteHand notes a match by hand in the account's history, by the names people have now.
func noteHand(ctx context.Context, tx pgx.Tx, at At, m Member, employee ids.UISEmployeeID, now time.Time) error {
	if employee == 0 {
		return history.Note(ctx, tx, at.Account, now, history.Unmatched, history.About{Name: m.Name})
	}
	about := history.About{Name: m.Name}
	if err := tx.QueryRow(ctx, `SELECT full_name FROM uis_employee WHERE account_id = $1 AND id = $2`, int64(at.Account), int64(employee)).Scan(&about.Other); err != nil {
		return fmt.Errorf("find employee %d: %w", employee, err)
	}
	about.Other = strings.TrimSpace(about.Other)
	return history.Note(ctx, tx, at.Account, now, history.Matched, about)
}

// byHandOnly changes this one match and whoever loses the employee by it; nobody else is matched anew in passing.
func byHandOnly(ctx context.Context, tx pgx.Tx, at At, h hand, now time.Time) error {
	batch := &pgx.Batch{}
	if h.employee != 0 {
		batch.Queue(`DELETE FROM staff_match WHERE account_id = $1 AND portal_id = $2 AND b24_user <> $3 AND (employee = $4 OR hand = $4)`,
			int64(at.Account), int64(at.Portal), int64(h.user), int64(h.employee))
	}
	batch.Queue(`INSERT INTO staff_match (account_id, portal_id, b24_user, employee, how, hand, changed_at)
		SELECT account_id, portal_id, id, CASE WHEN active THEN NULLIF($4::bigint, 0) END, 'hand', NULLIF($4::bigint, 0), $5
		FROM b24_user WHERE account_id = $1 AND portal_id = $2 AND id = $3
		ON CONFLICT (account_id, portal_id, b24_user) DO UPDATE SET employee = EXCLUDED.employee, how = 'hand', hand = EXCLUDED.hand, candidates = '{}', changed_at = EXCLUDED.changed_at`,
		int64(at.Account), int64(at.Portal), int64(h.user), int64(h.employee), now)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("store the match by hand: %w", err)
	}
	return nil
}
