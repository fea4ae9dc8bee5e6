package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/server/account"
	"omni/server/ids"
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
		return badField("/domain", "domain_"+bad.Key)
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

func (s *Server) removePortal(c *fiber.Ctx) error {
	id, err := number[ids.PortalID](c, "id")
	if err != nil {
		return err
	}
	p := who(c)
	if id == p.Portal {
		return badField("/id", "current_portal")
	}
	if err := s.Accounts.Remove(c.UserContext(), account.Ref{Account: p.Account, Portal: id}); err != nil {
		return err
	}
	return c.SendStatus(http.StatusNoContent)
}

// repairPortal binds what is missing; the installer page calls it too.
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
	steps, err := s.Installer.Repair(c.UserContext(), portal, p.Lang)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"items": steps, "next": nil})
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
