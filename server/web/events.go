package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"omni/server/account"
	"omni/server/account/proof"
	"omni/server/bitrix24"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/openlines"
	"omni/server/telephony"
)

// event takes an event of a portal: proven, made durable, answered. Bitrix24 never sends one again, and slows slow handlers down.
func (s *Server) event(c *fiber.Ctx) error {
	body, err := small(c, smallBody)
	if err != nil {
		return err
	}
	e, err := bitrix24.ParseEvent(body)
	if err != nil {
		return problem(http.StatusBadRequest, "form")
	}
	portal, err := s.proveEvent(c.UserContext(), e)
	if errors.Is(err, proof.ErrNotProven) {
		s.Log.Warn("event refused", "event", e.Name, "member", e.Auth.MemberID != "", "error", err)
		return problem(http.StatusForbidden, "event_refused")
	}
	if err != nil {
		return err
	}
	if err := s.takeEvent(c.UserContext(), portal, e); err != nil {
		return err
	}
	return c.SendStatus(http.StatusOK)
}

// proveEvent waits a short absence of the database out: the event does not come again.
func (s *Server) proveEvent(ctx context.Context, e *bitrix24.EventPOST) (account.Portal, error) {
	var portal account.Portal
	err := s.patiently(ctx, func() error {
		var err error
		portal, err = s.Proof.Event(ctx, e)
		return err
	})
	return portal, err
}

func (s *Server) takeEvent(ctx context.Context, p account.Portal, e *bitrix24.EventPOST) error {
	switch e.Name {
	case "ONAPPPAYMENT":
		// The event itself is only a hint: a job asks the authorization server.
		return s.patiently(ctx, func() error { return s.CheckPayment(ctx, p) })
	case "ONAPPINSTALL":
		return s.patiently(ctx, func() error { _, err := s.Accounts.Happen(ctx, p.Ref(), account.Finished); return err })
	case "ONAPPUPDATE", "ONAPPUNINSTALL":
		return s.patiently(ctx, func() error { _, err := s.Accounts.AppEvent(ctx, p, e); return err })
	}
	// Tokens of the event are not kept: they stop working after some hops, the stored ones are used.
	body, err := json.Marshal(map[string]any{"event": e.Name, "data": e.Data, "ts": e.TS, "portal": p.ID})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	name := hex.EncodeToString(sum[:16])
	if strings.HasPrefix(e.Name, "ONCRM") || aboutLines(e) {
		// Two changes within a second look the same and the first may have been read already; the portal repeats nothing by itself.
		name += ":" + uuid.NewString()
	}
	return s.Intake.Accept(ctx, inbox.Row{Account: p.Account, Key: keyOf(p, e, name), Kind: "b24." + e.Name, Natural: "b24:" + name, Body: body})
}

// keyOf is what an event is about: a click by the call that the portal registered for it, a form by a name of its own, all else the portal.
func keyOf(p account.Portal, e *bitrix24.EventPOST, name string) ids.Key {
	switch "b24." + e.Name {
	case telephony.KindClick:
		if id := e.Data.At("CALL_ID").Text; id != "" {
			return ids.ClickKey(id)
		}
	case telephony.KindForm:
		return ids.ClickKey("form-" + name)
	}
	if aboutLines(e) {
		return ids.LinesKey(p.Account)
	}
	return ids.PortalKey(p.ID)
}

// aboutLines tells events that change which lines have our connector.
func aboutLines(e *bitrix24.EventPOST) bool { return slices.Contains(openlines.Events(), e.Name) }
