package staff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Member is a user of a portal with whom he is at UIS, as the cabinet lists him.
type Member struct {
	User            ids.B24UserID
	Name            string
	LastNameMissing bool // S0
	Email           string
	Inner           string
	Position        string
	Active          bool
	Employee        ids.UISEmployeeID // 0: nobody
	EmployeeName    string
	How             How
	Candidates      []ids.UISEmployeeID
}

// Match is the word of the API for how: none, auto, hand, several.
func (m Member) Match() string {
	switch {
	case m.How == ByHand:
		return "hand"
	case m.How == Several:
		return "several"
	case m.Employee != 0:
		return "auto"
	}
	return "none"
}

// Colleague is a UIS employee as lists show him.
type Colleague struct {
	ID    ids.UISEmployeeID
	Name  string
	Email string
	Group string
	// Chats: he may work in chats there.
	Chats bool
}

// Overview is everything the employees page shows.
type Overview struct {
	Members    []Member
	Colleagues []Colleague
	// SyncedAt is zero before the first synchronisation; Last is its result then.
	SyncedAt time.Time
	Last     *Result
}

// Overview lists the people of a portal and the employees of UIS.
func (s *Staff) Overview(ctx context.Context, at At) (Overview, error) {
	var o Overview
	err := s.DB.InAccount(ctx, at.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if o.Members, err = list(ctx, tx, at); err != nil {
			return err
		}
		if o.Colleagues, err = colleagues(ctx, tx, at.Account); err != nil {
			return err
		}
		var raw []byte
		var synced *time.Time
		err = tx.QueryRow(ctx, `SELECT synced_at, result FROM staff_sync WHERE account_id = $1 AND portal_id = $2`, int64(at.Account), int64(at.Portal)).Scan(&synced, &raw)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && synced == nil {
			return nil
		}
		if err != nil {
			return err
		}
		o.SyncedAt, o.Last = *synced, &Result{}
		return json.Unmarshal(raw, o.Last)
	})
	if err != nil {
		return Overview{}, fmt.Errorf("list people of portal %d: %w", at.Portal, err)
	}
	return o, nil
}

func list(ctx context.Context, tx pgx.Tx, at At) ([]Member, error) {
	rows, err := tx.Query(ctx, `SELECT u.id, u.first_name, u.last_name, u.email, u.inner_number, u.position, u.active,
		COALESCE(m.employee, 0), COALESCE(e.full_name, ''), COALESCE(m.how, ''), COALESCE(m.candidates, '{}')
		FROM b24_user u LEFT JOIN staff_match m ON m.account_id = u.account_id AND m.portal_id = u.portal_id AND m.b24_user = u.id
		LEFT JOIN uis_employee e ON e.account_id = m.account_id AND e.id = m.employee
		WHERE u.account_id = $1 AND u.portal_id = $2 ORDER BY u.active DESC, u.last_name, u.first_name, u.id`, int64(at.Account), int64(at.Portal))
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	members, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Member, error) {
		var m Member
		var first, last string
		var candidates []int64
		err := row.Scan(&m.User, &first, &last, &m.Email, &m.Inner, &m.Position, &m.Active, &m.Employee, &m.EmployeeName, &m.How, &candidates)
		m.Name, m.LastNameMissing = strings.TrimSpace(first+" "+last), strings.TrimSpace(last) == ""
		for _, c := range candidates {
			m.Candidates = append(m.Candidates, ids.UISEmployeeID(c))
		}
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return members, nil
}

func colleagues(ctx context.Context, tx pgx.Tx, account ids.AccountID) ([]Colleague, error) {
	rows, err := tx.Query(ctx, `SELECT id, full_name, email, COALESCE(groups[1], ''), chats FROM uis_employee WHERE account_id = $1 AND gone_at IS NULL ORDER BY full_name, id`, int64(account))
	if err != nil {
		return nil, fmt.Errorf("list UIS employees: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Colleague])
	if err != nil {
		return nil, fmt.Errorf("list UIS employees: %w", err)
	}
	return found, nil
}

// EmployeeOf tells who a user is at UIS; 0: nobody.
func (s *Staff) EmployeeOf(ctx context.Context, at At, user ids.B24UserID) (ids.UISEmployeeID, error) {
	return s.one(ctx, at, `SELECT employee FROM staff_match WHERE account_id = $1 AND portal_id = $2 AND b24_user = $3 AND employee IS NOT NULL`, int64(user))
}

// UserOf tells which active user an employee is; 0: nobody.
func (s *Staff) UserOf(ctx context.Context, at At, employee ids.UISEmployeeID) (ids.B24UserID, error) {
	user, err := s.one(ctx, at, `SELECT b24_user FROM staff_match WHERE account_id = $1 AND portal_id = $2 AND employee = $3`, int64(employee))
	return ids.B24UserID(user), err
}

func (s *Staff) one(ctx context.Context, at At, query string, id int64) (ids.UISEmployeeID, error) {
	var found ids.UISEmployeeID
	err := s.DB.InAccount(ctx, at.Account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, query, int64(at.Account), int64(at.Portal), id).Scan(&found)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find a match of portal %d: %w", at.Portal, err)
	}
	return found, nil
}
