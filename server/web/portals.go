package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/placements"
	"omni/server/account"
	"omni/server/ids"
	"omni/server/jobs"
	"omni/server/settings"
)

// portalView is a portal as pages show it.
type portalView struct {
	ID      ids.PortalID  `json:"id"`
	Name    string        `json:"name"`
	Domain  string        `json:"domain"`
	State   account.State `json:"state"`
	Reason  *string       `json:"reason"`
	Current bool          `json:"current"`
	Missing []string      `json:"missing,omitempty"`
}

func (s *Server) portalView(p account.Portal, asker *person) portalView {
	v := portalView{ID: p.ID, Name: p.Title(), Domain: p.Domain, State: p.State, Current: p.ID == asker.Portal}
	if p.Reason != "" {
		text := s.Texts.Text(asker.Lang, "account.reason."+p.Reason)
		v.Reason = &text
	}
	return v
}

func (s *Server) portalViews(c *fiber.Ctx, p *person) ([]portalView, error) {
	list, err := s.Accounts.List(c.UserContext(), p.Account)
	if err != nil {
		return nil, err
	}
	views := []portalView{}
	for _, portal := range list {
		views = append(views, s.portalView(portal, p))
	}
	return views, nil
}

func (s *Server) listPortals(c *fiber.Ctx) error {
	views, err := s.portalViews(c, who(c))
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"items": views, "next": nil})
}

type portalInput struct {
	Name   *string `json:"name"`
	Domain *string `json:"domain"`
}

// domainProblem names the field of a domain that cannot be used (P2).
func domainProblem(err error) error {
	var bad *account.DomainError
	if errors.As(err, &bad) {
		return badField("/domain", bad.Code)
	}
	return err
}

func (s *Server) addPortal(c *fiber.Ctx) error {
	var in portalInput
	if err := input(c, &in); err != nil {
		return err
	}
	if in.Domain == nil || *in.Domain == "" {
		return badField("/domain", "required")
	}
	name := ""
	if in.Name != nil {
		name = *in.Name
	}
	p := who(c)
	_, address, err := s.Accounts.AddPortal(c.UserContext(), p.Account, account.Asker{Portal: p.Portal, User: p.User}, name, *in.Domain)
	if err != nil {
		return domainProblem(err)
	}
	return c.JSON(fiber.Map{"authorize_url": address})
}

func (s *Server) changePortal(c *fiber.Ctx) error {
	id, err := number[ids.PortalID](c, "id")
	if err != nil {
		return err
	}
	var in portalInput
	if err := input(c, &in); err != nil {
		return err
	}
	p := who(c)
	ref := account.Ref{Account: p.Account, Portal: id}
	portal, err := s.Accounts.Get(c.UserContext(), ref)
	if err != nil {
		return err
	}
	if in.Name != nil {
		if portal, err = s.Accounts.SetName(c.UserContext(), ref, *in.Name); err != nil {
			return err
		}
	}
	var address *string
	if in.Domain != nil && *in.Domain != "" && *in.Domain != portal.Domain {
		url, err := s.Accounts.AskConsent(c.UserContext(), ref, account.Asker{Portal: p.Portal, User: p.User}, *in.Domain)
		if err != nil {
			return domainProblem(err)
		}
		address = &url
	}
	return c.JSON(fiber.Map{"portal": s.portalView(portal, p), "authorize_url": address})
}

// removePortal takes a portal out of the account, the one this page stands in, too: its sessions end with it (P2).
func (s *Server) removePortal(c *fiber.Ctx) error {
	id, err := number[ids.PortalID](c, "id")
	if err != nil {
		return err
	}
	if err := s.Accounts.Remove(c.UserContext(), account.Ref{Account: who(c).Account, Portal: id}); err != nil {
		return err
	}
	return c.SendStatus(http.StatusNoContent)
}

// repairView is what the round arrow comes to: the bindings as they stand when done, the reading of the lists it began, or where a person has to consent
// because nothing can be done at the portal without that.
type repairView struct {
	Items        []placements.Step `json:"items"`
	Next         *string           `json:"next"`
	Job          any               `json:"job"`
	AuthorizeURL *string           `json:"authorize_url"`
}

// repairPortal is the round arrow (P2, S4): it binds what is missing and queues a reading of the portal's lists and users. The installer page calls it,
// too; there the reading was queued with the installation.
func (s *Server) repairPortal(c *fiber.Ctx) error {
	id, err := number[ids.PortalID](c, "id")
	if err != nil {
		return err
	}
	p := who(c)
	portal, err := s.Accounts.Get(c.UserContext(), account.Ref{Account: p.Account, Portal: id})
	if err != nil {
		return err
	}
	if portal.Sleeps() {
		return s.authorizeAgain(c, portal)
	}
	if err := s.Resume(c.UserContext(), portal); err != nil {
		return err
	}
	steps, err := s.Installer.Repair(c.UserContext(), portal, p.Lang)
	if err != nil {
		// Perhaps that was how the lane found out that no token works any more.
		if now, e := s.Accounts.Get(c.UserContext(), portal.Ref()); e == nil && now.Sleeps() {
			return s.authorizeAgain(c, now)
		}
		return err
	}
	view := repairView{Items: steps}
	if portal.State == account.Installing && id == p.Portal {
		return c.JSON(view)
	}
	job, err := s.Staff.Refresh(c.UserContext(), p.Account, id)
	if err != nil && !errors.Is(err, jobs.ErrRunning) {
		return err
	}
	if view.Job, err = s.jobBy(c, job); err != nil {
		return err
	}
	return c.JSON(view)
}

// authorizeAgain answers the round arrow at a portal that nothing can be sent to: where to give consent, or why that would not help.
func (s *Server) authorizeAgain(c *fiber.Ctx, portal account.Portal) error {
	p := who(c)
	switch portal.State {
	case account.Uninstalled:
		return problem(http.StatusConflict, "portal_uninstalled")
	case account.Unpaid:
		if err := s.CheckPayment(c.UserContext(), portal); err != nil {
			return err
		}
		return problem(http.StatusConflict, "portal_unpaid")
	case account.Waiting, account.Blocked, account.Installing, account.Active:
	}
	address, err := s.Accounts.AskConsent(c.UserContext(), portal.Ref(), account.Asker{Portal: p.Portal, User: p.User}, "")
	if err != nil {
		return domainProblem(err)
	}
	return c.JSON(repairView{Items: []placements.Step{}, AuthorizeURL: &address})
}

func (s *Server) document(ctx context.Context, account ids.AccountID) (settings.Document, error) {
	var doc settings.Document
	err := s.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		doc, err = settings.Current(ctx, tx, account)
		return err
	})
	return doc, err
}
