package staff_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/account/accounttest"
	"omni/server/account/staff"
	"omni/server/bitrix24"
	"omni/server/history"
	"omni/server/history/historytest"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/sandbox/portal"
)

// direct asks the portal over HTTP with its working token, as the lane does in the end.
type direct struct{ *accounttest.Stand }

func (d direct) Ask(ctx context.Context, of ids.AccountID, lane outbox.LaneRef, kind string, params any, _ outbox.Priority) (json.RawMessage, error) {
	access, err := d.Accounts.Working(ctx, refOf(of, lane.Portal))
	if err != nil {
		return nil, err
	}
	fields, _ := params.(map[string]any)
	answer, err := d.B24.Call(ctx, bitrix24.Target{Endpoint: access.Portal.ClientEndpoint, Access: access.Pair.Access}, bitrix24.Call{Method: kind, Params: fields})
	if err != nil {
		return nil, err
	}
	return answer.Result, nil
}

func refOf(a ids.AccountID, p ids.PortalID) account.Ref { return account.Ref{Account: a, Portal: p} }

type person struct {
	id                        int64
	first, last, email, inner string
}

func employees(t *testing.T, s *accounttest.Stand, of ids.AccountID, list ...person) {
	t.Helper()
	require.NoError(t, s.DB.InAccount(t.Context(), of, func(ctx context.Context, tx pgx.Tx) error {
		for _, p := range list {
			_, err := tx.Exec(ctx, `INSERT INTO uis_employee (account_id, id, full_name, first_name, last_name, email, extension, chats, seen_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, true, now())`, int64(of), p.id, p.last+" "+p.first, p.first, p.last, p.email, p.inner)
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

func setUp(t *testing.T, users ...portal.User) (*accounttest.Stand, *staff.Staff, staff.At) {
	t.Helper()
	s := accounttest.New(t, "north")
	for _, u := range users {
		s.Portal("north").SetUser(u)
	}
	o := s.Opened("north")
	return s, staff.New(staff.Options{DB: s.DB, Clock: s.Clock, Asker: direct{s}, Log: slog.New(slog.DiscardHandler)}), staff.At{Account: o.Portal.Account, Portal: o.Portal.ID}
}

func TestSyncMatchesAndTellsTheDiffS1(t *testing.T) {
	t.Parallel()
	s, people, at := setUp(t,
		portal.User{ID: 71, Name: "Анна", LastName: "Смирнова", Email: "smirnova@example.com"},
		portal.User{ID: 72, Name: "Борис", LastName: "", Email: "boris@example.com"},
		portal.User{ID: 73, Name: "Вера", LastName: "Орлова", Email: "vera@example.com", Dismissed: true})
	employees(t, s, at.Account, person{id: 10, first: "А", last: "С", email: "SMIRNOVA@example.com"}, person{id: 12, first: "Вера", last: "Орлова", email: "vera@example.com"})

	var steps [][2]int
	first, err := people.Sync(t.Context(), at, nil, func(done, total int) error { steps = append(steps, [2]int{done, total}); return nil })
	require.NoError(t, err)
	require.Equal(t, 1, first.Matched)
	require.Equal(t, 1, first.WithoutLastName, "S0")
	require.Equal(t, []staff.Change{{User: 71, Name: "Смирнова Анна", After: 10, How: staff.ByEmail}}, first.Changes)
	require.NotEmpty(t, steps)
	require.Equal(t, steps[len(steps)-1][0], steps[len(steps)-1][1], "it ends complete")

	second, err := people.Sync(t.Context(), at, nil, nil)
	require.NoError(t, err)
	require.Empty(t, second.Changes, "repeating it is harmless")

	employee, err := people.EmployeeOf(t.Context(), at, 71)
	require.NoError(t, err)
	require.EqualValues(t, 10, employee)
	user, err := people.UserOf(t.Context(), at, 10)
	require.NoError(t, err)
	require.EqualValues(t, 71, user)
	nobody, err := people.UserOf(t.Context(), at, 12)
	require.NoError(t, err)
	require.Zero(t, nobody, "a dismissed user counts as nobody")

	o, err := people.Overview(t.Context(), at)
	require.NoError(t, err)
	require.Len(t, o.Colleagues, 2)
	require.False(t, o.SyncedAt.IsZero())
	for _, m := range o.Members {
		if m.User == 71 {
			require.Equal(t, "auto", m.Match())
		}
		if m.User == 72 {
			require.True(t, m.LastNameMissing)
			require.Equal(t, "none", m.Match())
		}
	}
	require.Empty(t, s.World.Violations())
}

func TestAHandMatchSurvives(t *testing.T) {
	t.Parallel()
	s, people, at := setUp(t, portal.User{ID: 71, LastName: "Смирнова", Email: "smirnova@example.com"}, portal.User{ID: 72, LastName: "Орлов", Email: "orlov@example.com"})
	employees(t, s, at.Account, person{id: 10, last: "Смирнова", email: "smirnova@example.com"}, person{id: 11, email: "orlov@example.com"})
	_, err := people.Sync(t.Context(), at, nil, nil)
	require.NoError(t, err)

	m, err := people.Match(history.By(t.Context(), "Анна"), at, 72, 10)
	require.NoError(t, err)
	require.EqualValues(t, 10, m.Employee)
	require.Equal(t, "hand", m.Match())
	lost, err := people.EmployeeOf(t.Context(), at, 71)
	require.NoError(t, err)
	require.Zero(t, lost, "one employee is one person")

	_, err = people.Sync(t.Context(), at, nil, nil)
	require.NoError(t, err)
	for user, want := range map[ids.B24UserID]ids.UISEmployeeID{71: 0, 72: 10} {
		got, err := people.EmployeeOf(t.Context(), at, user)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err = people.Match(t.Context(), at, 72, 0)
	require.NoError(t, err)
	_, err = people.Sync(t.Context(), at, nil, nil)
	require.NoError(t, err)
	got, err := people.EmployeeOf(t.Context(), at, 72)
	require.NoError(t, err)
	require.Zero(t, got, "by hand nobody stays nobody")
	got, err = people.EmployeeOf(t.Context(), at, 71)
	require.NoError(t, err)
	require.EqualValues(t, 10, got, "and the employee is free again")

	_, err = people.Match(t.Context(), at, 72, 999)
	require.ErrorIs(t, err, staff.ErrUnknown)
	_, err = people.Match(t.Context(), at, 999, 10)
	require.ErrorIs(t, err, staff.ErrUnknown)
	lines := historytest.Lines(t, s.DB, at.Account)
	require.Equal(t, []string{"Анна matched Орлов Смирнова", "unmatched Орлов"}, lines[len(lines)-2:], "what was refused leaves no trace")
}

func TestOnlyTheListedAreMatchedS3(t *testing.T) {
	t.Parallel()
	s, people, at := setUp(t, portal.User{ID: 71, LastName: "Смирнова", Email: "smirnova@example.com"}, portal.User{ID: 72, LastName: "Орлов", Email: "orlov@example.com"})
	employees(t, s, at.Account, person{id: 10, email: "smirnova@example.com"}, person{id: 11, email: "orlov@example.com"})
	r, err := people.Sync(t.Context(), at, []ids.B24UserID{72}, nil)
	require.NoError(t, err)
	require.Equal(t, 1, r.Matched)
	outside, err := people.EmployeeOf(t.Context(), at, 71)
	require.NoError(t, err)
	require.Zero(t, outside)
}

func TestAFailedReadingChangesNothingS4(t *testing.T) {
	t.Parallel()
	s, people, at := setUp(t, portal.User{ID: 71, LastName: "Смирнова", Email: "smirnova@example.com"})
	employees(t, s, at.Account, person{id: 10, email: "smirnova@example.com"})
	_, err := people.Sync(t.Context(), at, nil, nil)
	require.NoError(t, err)
	_, err = s.World.AddFault(portal.Fault{Method: "user.get", Kind: portal.FaultError, Status: 400, Code: "ERROR_CORE", Text: "no"})
	require.NoError(t, err)
	_, err = people.Sync(t.Context(), at, nil, nil)
	require.Error(t, err)
	empty := staff.New(staff.Options{DB: s.DB, Clock: s.Clock, Asker: nobody{}, Log: slog.New(slog.DiscardHandler)})
	_, err = empty.Sync(t.Context(), at, nil, nil)
	require.ErrorIs(t, err, staff.ErrEmpty)
	stopped := errors.New("stopped")
	_, err = people.Sync(t.Context(), at, nil, func(int, int) error { return stopped })
	require.ErrorIs(t, err, stopped)
	got, err := people.EmployeeOf(t.Context(), at, 71)
	require.NoError(t, err)
	require.EqualValues(t, 10, got)
}

// nobody is a portal that lists no users, as seen in the field after a repeated synchronisation.
type nobody struct{}

func (nobody) Ask(context.Context, ids.AccountID, outbox.LaneRef, string, any, outbox.Priority) (json.RawMessage, error) {
	return json.RawMessage(`[]`), nil
}

func TestManyUsersArePaged(t *testing.T) {
	t.Parallel()
	var users []portal.User
	for i := range 120 {
		users = append(users, portal.User{ID: 1000 + i, LastName: "Иванов"})
	}
	_, people, at := setUp(t, users...)
	r, err := people.Sync(t.Context(), at, nil, nil)
	require.NoError(t, err)
	require.GreaterOrEqual(t, r.Users, 120)
}

// Reading without matching (P2): new users are there, nobody is matched by it, and whoever was dismissed is nobody; a match by hand waits for his return.
func TestReadingMatchesNobody(t *testing.T) {
	t.Parallel()
	s, people, at := setUp(t, portal.User{ID: 71, LastName: "Смирнова", Email: "smirnova@example.com"}, portal.User{ID: 72, LastName: "Орлов", Email: "orlov@example.com"})
	employees(t, s, at.Account, person{id: 10, email: "smirnova@example.com"}, person{id: 11, email: "orlov@example.com"}, person{id: 12, email: "new@example.com"})
	_, err := people.Sync(t.Context(), at, nil, nil)
	require.NoError(t, err)
	_, err = people.Match(t.Context(), at, 72, 11)
	require.NoError(t, err)
	users := s.Portal("north").Users()
	for _, u := range users {
		if u.ID == 71 || u.ID == 72 {
			u.Dismissed = true
			s.Portal("north").SetUser(u)
		}
	}
	s.Portal("north").SetUser(portal.User{ID: 73, LastName: "Новикова", Email: "new@example.com"})
	_, err = people.Read(t.Context(), at, nil)
	require.NoError(t, err)
	for user := range map[ids.B24UserID]bool{71: true, 72: true, 73: true} {
		got, err := people.EmployeeOf(t.Context(), at, user)
		require.NoError(t, err)
		require.Zero(t, got, "%d", user)
	}
	for _, u := range users {
		if u.ID == 72 {
			u.Dismissed = false
			s.Portal("north").SetUser(u)
		}
	}
	_, err = people.Sync(t.Context(), at, nil, nil)
	require.NoError(t, err)
	got, err := people.EmployeeOf(t.Context(), at, 72)
	require.NoError(t, err)
	require.EqualValues(t, 11, got, "the match by hand is remembered")
}
