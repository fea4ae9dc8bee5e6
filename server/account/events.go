package account

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"omni/server/bitrix24"
	"omni/server/history"
	"omni/server/restlog"
	"omni/server/store"
)

// AppEvent handles a proven event about the app itself (ONAPPINSTALL, ONAPPUPDATE, ONAPPUNINSTALL, ONAPPPAYMENT); false: it is another event. It may be
// called any number of times for one event.
func (a *Accounts) AppEvent(ctx context.Context, p Portal, e *bitrix24.EventPOST) (bool, error) {
	switch e.Name {
	case "ONAPPINSTALL": // its tokens were stored by the proof
		return true, nil
	case "ONAPPUPDATE":
		_, err := a.Happen(ctx, p.Ref(), Updated)
		return true, err
	case "ONAPPUNINSTALL":
		return true, a.Uninstall(ctx, p.Ref(), e.Data.At("CLEAN").Text == "1")
	case "ONAPPPAYMENT":
		return true, a.CheckPayment(ctx, p.Ref())
	}
	return false, nil
}

// Uninstall takes a removed app's access away at once: tokens, proofs, the application token; open sessions end. clean also erases what we hold of
// the portal, and of the account when it has no other one; the keeper does that soon. An installation after a clean one starts from nothing.
func (a *Accounts) Uninstall(ctx context.Context, ref Ref, clean bool) error {
	err := a.uninstall(ctx, ref, history.AppUninstalled, func(*gorm.DB) (bool, error) { return clean, nil })
	if errors.Is(err, ErrNoPortal) {
		return nil
	}
	return err
}

// Remove takes a portal out of the account as if the app had been removed there: tokens, proofs and awaited consents are gone at once, sessions end. One of
// several is erased with its lists; opened again, the app makes an account of its own. The only portal of an account leaves everything behind
// for its return, as without it nobody could reach the settings again. Error: ErrNoPortal.
func (a *Accounts) Remove(ctx context.Context, ref Ref) error {
	return a.uninstall(ctx, ref, history.PortalRemoved, func(orm *gorm.DB) (bool, error) {
		var others bool
		err := orm.Raw(`SELECT EXISTS (SELECT FROM portal WHERE account_id = ? AND id <> ? AND member_id IS NOT NULL AND NOT erase)`, ref.Account, ref.Portal).Scan(&others).Error
		return others, err
	})
}

// uninstall is what Uninstall and Remove do, and leave a trace of as what; clean decides, in its transaction, whether the portal is erased.
func (a *Accounts) uninstall(ctx context.Context, ref Ref, what history.Kind, clean func(orm *gorm.DB) (bool, error)) error {
	var row portalRow
	err := a.db.InAccountORM(ctx, ref.Account, func(ctx context.Context, u *store.Unit) error {
		if err := take(u.ORM.Clauses(clause.Locking{Strength: "UPDATE"}), ref, &row); err != nil {
			return err
		}
		if row.Erase && what == history.PortalRemoved {
			return ErrNoPortal // removed already
		}
		now := a.clock.Now()
		member, gone := row.MemberID, row.Erase
		erase, err := clean(u.ORM)
		if err != nil {
			return err
		}
		erase = erase || row.Erase
		if err := detach(u.ORM, &row, now); err != nil {
			return err
		}
		if !erase { // the portal keeps its name and comes back to this account
			row.MemberID, row.Erase = member, false
			if err := u.ORM.Save(&row).Error; err != nil {
				return err
			}
		}
		if err := raiseRights(ctx, u.Tx, ref.Account); err != nil {
			return err
		}
		if !gone { // what waits to be erased was told of
			if err := history.Note(ctx, u.Tx, ref.Account, now, what, history.About{Name: row.called()}); err != nil {
				return err
			}
		}
		return announce(ctx, u.Tx, ref, now)
	})
	if err != nil {
		return fmt.Errorf("uninstall portal %d: %w", ref.Portal, err)
	}
	a.changed(row.portal())
	return nil
}

// CheckPayment reads app.info at the authorization server with our own token and notes whether the app is paid: an event is only a hint.
func (a *Accounts) CheckPayment(ctx context.Context, ref Ref) error {
	access, err := a.Working(ctx, ref)
	if errors.Is(err, ErrNoToken) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx = restlog.Of(ctx, ref.Account, ref.Portal)
	info, err := a.b24.AppInfo(ctx, access.Portal.ServerEndpoint, access.Pair.Access)
	if errors.Is(err, bitrix24.ErrTokenExpired) {
		if access, err = a.Refresh(ctx, ref, access.Pair.Access); err == nil {
			info, err = a.b24.AppInfo(ctx, access.Portal.ServerEndpoint, access.Pair.Access)
		}
	}
	var refused *bitrix24.Error
	switch {
	case errors.As(err, &refused) && refused.Class() == bitrix24.PaymentRequired:
		_, err = a.Happen(ctx, ref, NotPaid)
		return err
	case errors.Is(err, ErrNoToken):
		return nil
	case err != nil:
		return fmt.Errorf("read app.info of portal %d: %w", ref.Portal, err)
	}
	h := Paid
	if info.PaymentExpired {
		h = NotPaid
	}
	_, err = a.change(ctx, ref, func(row *portalRow) {
		row.AppStatus, row.Licence = string(info.Status), string(info.License)
		row.setStatus(Next(row.portal().Status, h))
	})
	return err
}

// Moved follows a renamed portal (HTTP 302): the new address counts when the portal there accepts our token and the authorization server did not name
// another portal for it. Error: what the new address answered; nothing is changed then.
func (a *Accounts) Moved(ctx context.Context, ref Ref, location string) (Portal, error) {
	host, root, err := ParseDomain(rootOf(location), a.guard.Lists)
	if err != nil {
		return Portal{}, fmt.Errorf("follow portal %d: %w", ref.Portal, err)
	}
	access, err := a.Working(ctx, ref)
	if err != nil {
		return Portal{}, err
	}
	// A token that does not belong there must not be shown to a stranger: the authorization server is asked first, and only its word counts.
	if access, err = a.Refresh(ctx, ref, access.Pair.Access); err != nil {
		return Portal{}, err
	}
	if access.Portal.Domain != host {
		return Portal{}, fmt.Errorf("follow portal %d: the authorization server does not know %s", ref.Portal, host)
	}
	if _, err := a.Profile(restlog.Of(ctx, ref.Account, ref.Portal), ref, bitrix24.Target{Endpoint: root + "/rest/", Access: access.Pair.Access}); err != nil {
		return Portal{}, fmt.Errorf("follow portal %d: %w", ref.Portal, err)
	}
	return access.Portal, nil
}
