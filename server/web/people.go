package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/server/account"
	"omni/server/chats"
	"omni/server/ids"
	"omni/server/jobs"
)

// Staff keeps who is who at the portal and at UIS.
type Staff interface {
	// Match sets a match by hand; nil: nobody.
	Match(ctx context.Context, account ids.AccountID, portal ids.PortalID, user ids.B24UserID, employee *ids.UISEmployeeID) error
	// Sync queues a synchronisation; a running one is answered with jobs.ErrRunning.
	Sync(ctx context.Context, account ids.AccountID, portal ids.PortalID) (int64, error)
	// Refresh queues a reading of the directories.
	Refresh(ctx context.Context, account ids.AccountID, portal ids.PortalID) (int64, error)
}

// employeeView is a person of the portal and whom he is at UIS.
type employeeView struct {
	User            ids.B24UserID      `json:"b24_user"`
	Name            string             `json:"name"`
	LastNameMissing bool               `json:"last_name_missing"`
	Email           *string            `json:"email"`
	InnerNumber     *string            `json:"inner_number"`
	Position        *string            `json:"position"`
	Active          bool               `json:"active"`
	Employee        *ids.UISEmployeeID `json:"uis_employee"`
	EmployeeName    *string            `json:"uis_name"`
	Match           string             `json:"match"`
	MatchedBy       *string            `json:"matched_by"`
	Candidates      []employeeRef      `json:"candidates"`
}

const peopleQuery = `SELECT u.id, u.first_name, u.last_name, u.email, u.inner_number, u.position, u.active, m.employee, e.full_name, COALESCE(m.how, ''), COALESCE(m.candidates, '{}')
	FROM b24_user u LEFT JOIN staff_match m ON m.account_id = u.account_id AND m.portal_id = u.portal_id AND m.b24_user = u.id
	LEFT JOIN uis_employee e ON e.account_id = u.account_id AND e.id = m.employee
	WHERE u.account_id = $1 AND u.portal_id = $2 AND ($3 = 0 OR u.id = $3) ORDER BY u.active DESC, u.last_name, u.first_name, u.id`

func (s *Server) people(ctx context.Context, tx pgx.Tx, p *person, only ids.B24UserID, names map[ids.UISEmployeeID]string) ([]employeeView, error) {
	rows, err := tx.Query(ctx, peopleQuery, int64(p.Account), int64(p.Portal), int64(only))
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (employeeView, error) {
		var v employeeView
		var first, last, email, inner, position, how string
		var candidates []int64
		if err := row.Scan(&v.User, &first, &last, &email, &inner, &position, &v.Active, &v.Employee, &v.EmployeeName, &how, &candidates); err != nil {
			return v, err
		}
		v.Name, v.LastNameMissing = fullName(first, last), last == ""
		v.Email, v.InnerNumber, v.Position = optionalText(email), optionalText(inner), optionalText(position)
		v.Match, v.MatchedBy = matchOf(how, v.Employee)
		v.Candidates = []employeeRef{}
		for _, id := range candidates {
			v.Candidates = append(v.Candidates, employeeRef{ids.UISEmployeeID(id), names[ids.UISEmployeeID(id)]})
		}
		return v, nil
	})
	if list == nil {
		list = []employeeView{}
	}
	return list, err
}

func fullName(first, last string) string {
	switch {
	case first == "":
		return last
	case last == "":
		return first
	}
	return first + " " + last
}

func matchOf(how string, employee *ids.UISEmployeeID) (string, *string) {
	switch {
	case how == "":
		return "none", nil
	case how == "hand" || how == "several":
		return how, optionalText(how)
	case employee == nil:
		return "none", nil
	}
	return "auto", &how
}

// workdaysView is whether working days can be imported (S2).
type workdaysView struct {
	Granted bool              `json:"granted"`
	Trouble *chats.ReasonView `json:"trouble"`
}

// workdays tells in words why no working day of a portal can be imported: it gave no right to them, or the last try found no time tracking there.
func (s *Server) workdays(lang string, portal account.Portal, trouble string) workdaysView {
	v := workdaysView{Granted: portal.Has("timeman")}
	switch {
	case !v.Granted:
		trouble = "not_granted"
	case trouble == "":
		return v
	}
	v.Trouble = &chats.ReasonView{Code: trouble, Text: s.Texts.Text(lang, "workdays."+trouble)}
	return v
}

func (s *Server) listEmployees(c *fiber.Ctx) error {
	p := *who(c)
	if asked, err := strconv.ParseInt(c.Query("portal"), 10, 64); err == nil && asked > 0 {
		p.Portal = ids.PortalID(asked)
	}
	portal, err := s.Accounts.Get(c.UserContext(), p.ref())
	if err != nil {
		return err
	}
	var people []employeeView
	uisList := []employeeRef{}
	var synced *time.Time
	var result json.RawMessage
	var job *jobs.View
	trouble := ""
	err = s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, full_name FROM uis_employee WHERE account_id = $1 AND gone_at IS NULL ORDER BY full_name, id`, int64(p.Account))
		if err != nil {
			return err
		}
		names := map[ids.UISEmployeeID]string{}
		var ref employeeRef
		if _, err := pgx.ForEachRow(rows, []any{&ref.ID, &ref.Name}, func() error {
			names[ref.ID] = ref.Name
			uisList = append(uisList, ref)
			return nil
		}); err != nil {
			return err
		}
		if people, err = s.people(ctx, tx, &p, 0, names); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `SELECT synced_at, result, workday_trouble FROM staff_sync WHERE account_id = $1 AND portal_id = $2`, int64(p.Account), int64(p.Portal)).
			Scan(&synced, &result, &trouble)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		job, err = jobs.Latest(ctx, tx, p.Account, "employees", s.Clock.Now())
		return err
	})
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"items": people, "next": nil, "uis": uisList, "synced_at": synced, "job": s.jobView(job, p.Lang), "result": result,
		"workdays": s.workdays(p.Lang, portal, trouble)})
}

func (s *Server) matchEmployee(c *fiber.Ctx) error {
	user, err := number[ids.B24UserID](c, "user")
	if err != nil {
		return err
	}
	var in struct {
		Employee *ids.UISEmployeeID `json:"uis_employee"`
	}
	if err := input(c, &in); err != nil {
		return err
	}
	p := who(c)
	if err := s.Staff.Match(c.UserContext(), p.Account, p.Portal, user, in.Employee); err != nil {
		return err
	}
	var list []employeeView
	err = s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		list, err = s.people(ctx, tx, p, user, nil)
		return err
	})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fiber.ErrNotFound
	}
	return c.JSON(list[0])
}

func (s *Server) syncEmployees(c *fiber.Ctx) error { return s.queueJob(c, s.Staff.Sync) }

func (s *Server) refreshDirectories(c *fiber.Ctx) error { return s.queueJob(c, s.Staff.Refresh) }

// queueJob starts a job; a second click while it runs starts nothing and answers the running one (S1).
func (s *Server) queueJob(c *fiber.Ctx, start func(context.Context, ids.AccountID, ids.PortalID) (int64, error)) error {
	p := who(c)
	id, err := start(c.UserContext(), p.Account, p.Portal)
	if err != nil && !errors.Is(err, jobs.ErrRunning) {
		return err
	}
	view, err := s.jobBy(c, id)
	if err != nil {
		return err
	}
	return c.Status(http.StatusAccepted).JSON(view)
}

func (s *Server) job(c *fiber.Ctx) error {
	id, err := number[int64](c, "id")
	if err != nil {
		return err
	}
	view, err := s.jobBy(c, id)
	if err != nil {
		return err
	}
	return c.JSON(view)
}

type jobView struct {
	*jobs.View
	Error *chats.ReasonView `json:"error"`
}

func (s *Server) jobBy(c *fiber.Ctx, id int64) (any, error) {
	p := who(c)
	var view *jobs.View
	err := s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		view, err = jobs.Get(ctx, tx, p.Account, id, s.Clock.Now())
		return err
	})
	if err != nil {
		return nil, err
	}
	if view == nil {
		return nil, problem(http.StatusNotFound, "job_not_found")
	}
	return s.jobView(view, p.Lang), nil
}

func (s *Server) jobView(v *jobs.View, lang string) any {
	if v == nil {
		return nil
	}
	out := jobView{View: v}
	if v.State == "failed" {
		out.Error = &chats.ReasonView{Code: v.Code, Text: s.text(lang, "problem.job_"+v.Code)}
	}
	return out
}
