package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/server/account"
	"omni/server/account/directory"
	"omni/server/account/proof"
	"omni/server/account/session"
	"omni/server/history"
	"omni/server/ids"
	"omni/server/workplace"
)

const personKey = "person"

// person is who asks, by his session.
type person struct {
	session.Person
	employee     ids.UISEmployeeID
	employeeName string
}

// others tells whether he may see and act in others' chats: administrators, until rights per employee come.
func (p *person) others() bool { return p.Admin }

func (p *person) operator() workplace.Person {
	return workplace.Person{Account: p.Account, Portal: p.Portal, User: p.User, Employee: p.employee, Others: p.others(), Lang: p.Lang}
}

func (p *person) ref() account.Ref { return account.Ref{Account: p.Account, Portal: p.Portal} }

// signedIn lets only requests with a good session through.
func (s *Server) signedIn(c *fiber.Ctx) error {
	var p *person
	ask := func() error {
		var err error
		p, err = s.personOf(c.UserContext(), strings.TrimPrefix(c.Get(fiber.HeaderAuthorization), "Bearer "))
		return err
	}
	wait := s.away.Wait
	if c.Locals(againKey) != nil { // the whole request is run again
		wait = func(_ context.Context, try func() error) error { return try() }
	}
	if err := wait(c.UserContext(), ask); err != nil {
		return err
	}
	c.Locals(personKey, p)
	c.SetUserContext(history.By(c.UserContext(), p.Name))
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Next()
}

// personOf checks a session: its signature and end, that its rights are not older than the account's, and whom the person is at UIS.
func (s *Server) personOf(ctx context.Context, token string) (*person, error) {
	who, err := s.Sessions.Verify(token)
	if err != nil {
		return nil, err
	}
	p := &person{Person: who}
	err = s.DB.InAccount(ctx, who.Account, func(ctx context.Context, tx pgx.Tx) error {
		var rights int
		var state string
		err := tx.QueryRow(ctx, `SELECT a.rights_version, p.state FROM account a JOIN portal p ON p.account_id = a.id WHERE a.id = $1 AND p.id = $2`,
			int64(who.Account), int64(who.Portal)).Scan(&rights, &state)
		if err != nil || rights > who.Rights || state == string(account.Uninstalled) {
			if err == nil || err == pgx.ErrNoRows { //nolint:errorlint // QueryRow answers the bare error
				return session.ErrOver
			}
			return err
		}
		p.employee, p.employeeName, err = directory.EmployeeOf(ctx, tx, who.Account, who.Portal, who.User)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func who(c *fiber.Ctx) *person {
	p, _ := c.Locals(personKey).(*person)
	return p
}

// admin lets only administrators of the portal through.
func admin(next fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if !who(c).Admin {
			return problem(http.StatusForbidden, "not_admin")
		}
		return next(c)
	}
}

// sessionView is a new browser session.
type sessionView struct {
	Session   string    `json:"session"`
	ExpiresAt time.Time `json:"expires_at"`
}

// renewSession gives a page a new session for the portal's own token of its person. The old session, whatever its end, only says which
// portal to ask when the token was never seen.
func (s *Server) renewSession(c *fiber.Ctx) error {
	var in struct {
		AuthID string `json:"auth_id"`
		Domain string `json:"domain"`
	}
	if err := input(c, &in); err != nil {
		return err
	}
	if in.AuthID == "" {
		return badField("/auth_id", "required")
	}
	old := claimed(strings.TrimPrefix(c.Get(fiber.HeaderAuthorization), "Bearer "))
	var opened proof.Opened
	var err error
	if old.Portal == 0 && in.Domain != "" {
		opened, err = s.Proof.RenewAt(c.UserContext(), in.AuthID, in.Domain)
	} else {
		opened, err = s.Proof.Renew(c.UserContext(), in.AuthID, old.Ref)
	}
	if err != nil {
		return proofProblem(err)
	}
	lang := old.lang
	if lang == "" {
		lang = opened.Portal.Language
	}
	token, expires, err := s.issue(c.UserContext(), opened, lang)
	if err != nil {
		return err
	}
	return c.JSON(sessionView{token, expires})
}

type oldSession struct {
	account.Ref
	lang string
}

// claimed reads what a session says of itself, unproven.
func claimed(token string) oldSession {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return oldSession{}
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return oldSession{}
	}
	var c struct {
		Account int64  `json:"acc"`
		Portal  int64  `json:"por"`
		Lang    string `json:"lng"`
	}
	if json.Unmarshal(raw, &c) != nil {
		return oldSession{}
	}
	return oldSession{account.Ref{Account: ids.AccountID(c.Account), Portal: ids.PortalID(c.Portal)}, c.Lang}
}

// meView is the person.
type meView struct {
	User     ids.B24UserID `json:"user"`
	Name     string        `json:"name"`
	Admin    bool          `json:"admin"`
	Lang     string        `json:"lang"`
	Rights   []string      `json:"rights"`
	Employee *employeeRef  `json:"employee"`
	Account  ids.AccountID `json:"account"`
	Portal   ids.PortalID  `json:"portal"`
	Portals  []portalView  `json:"portals"`
}

type employeeRef struct {
	ID   ids.UISEmployeeID `json:"id"`
	Name string            `json:"name"`
}

func (s *Server) me(c *fiber.Ctx) error {
	p := who(c)
	portals, err := s.portalViews(c, p)
	if err != nil {
		return err
	}
	v := meView{User: p.User, Name: p.Name, Admin: p.Admin, Lang: p.Lang, Rights: []string{"chats"}, Account: p.Account, Portal: p.Portal, Portals: portals}
	if p.Admin {
		v.Rights = append(v.Rights, "cabinet")
	}
	if p.others() {
		v.Rights = append(v.Rights, "chats_others")
	}
	if p.employee != 0 {
		v.Employee = &employeeRef{p.employee, p.employeeName}
	}
	return c.JSON(v)
}
