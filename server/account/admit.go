package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"omni/server/history"
	"omni/server/ids"
	"omni/server/store"
)

// Delivered is a proven installation: everything in it was confirmed by the authorization server or by the portal itself, see account/proof.
type Delivered struct {
	MemberID       string
	ClientEndpoint string
	ServerEndpoint string
	// ApplicationToken, Scope and Language are "" or nil when they were not told; what is stored then stays.
	ApplicationToken string
	Scope            []string
	Language         string
	AppStatus        string
	Licence          string
	Version          int
	// Installed is app.info's INSTALLED: installFinish was reached earlier.
	Installed bool
	NotPaid   bool
	// Pair is an administrator's.
	Pair Pair
}

// memberIndex is the unique index of member_id over all accounts.
const memberIndex = "portal_member"

// Admit stores a proven installation in the name of an administrator. An unknown portal makes an account and a portal; a known one, in whatever
// state, is brought up to date and keeps its account. Any number of times, also at once from several servers, gives one portal.
func (a *Accounts) Admit(ctx context.Context, d Delivered) (Portal, error) {
	p, err := a.admit(ctx, d, nil)
	if store.IsUnique(err, memberIndex) { // somebody else was first; now it is known
		p, err = a.admit(ctx, d, nil)
	}
	return p, err
}

// Join is Admit for a portal that gave its consent to the account that asked: the awaited row becomes the portal. A portal of another account
// joins when that account is not in use (no other portal, no UIS connection). Error: ErrElsewhere.
func (a *Accounts) Join(ctx context.Context, awaited Ref, d Delivered) (Portal, error) {
	p, err := a.admit(ctx, d, &awaited)
	if store.IsUnique(err, memberIndex) {
		p, err = a.admit(ctx, d, &awaited)
	}
	return p, err
}

func (a *Accounts) admit(ctx context.Context, d Delivered, awaited *Ref) (Portal, error) {
	if d.MemberID == "" || d.Pair.User <= 0 {
		return Portal{}, errors.New("admit a portal: nothing proves whose it is")
	}
	var row portalRow
	fresh := false
	err := a.db.AsSystemORM(ctx, func(ctx context.Context, u *store.Unit) error {
		now := a.clock.Now()
		before, err := a.place(u.ORM, d, awaited, &row, now)
		if err != nil {
			return err
		}
		a.fill(&row, d, now)
		fresh = before.State == Waiting || before.State == Uninstalled
		if err := u.ORM.Save(&row).Error; err != nil {
			return err
		}
		if d.ApplicationToken != "" { // after Save: a new row has its number only now
			row.ApplicationToken = a.keys.Seal([]byte(d.ApplicationToken), applicationTokenPlace(row.portal().Ref()))
			if err := u.ORM.Model(&portalRow{}).Where("account_id = ? AND id = ?", row.AccountID, row.ID).Update("application_token", row.ApplicationToken).Error; err != nil {
				return err
			}
		}
		if err := a.savePair(u.ORM, row.portal().Ref(), d.Pair, now); err != nil {
			return err
		}
		if fresh {
			if err := noteOpened(ctx, u.Tx, &row, d.Pair.User, now); err != nil {
				return err
			}
		}
		return announce(ctx, u.Tx, row.portal().Ref(), now)
	})
	if err != nil {
		return Portal{}, fmt.Errorf("admit portal: %w", err)
	}
	a.known(ctx, row.portal())
	a.changed(row.portal())
	if fresh {
		a.installed(row.portal())
	}
	return row.portal(), nil
}

// noteOpened notes that the app was installed at a portal, or that the portal gave its consent. Of the person only the number is known as long as the
// portal's people were not read.
func noteOpened(ctx context.Context, tx pgx.Tx, row *portalRow, user ids.B24UserID, now time.Time) error {
	by := fmt.Sprintf("№ %d", user)
	err := tx.QueryRow(ctx, `SELECT trim(first_name || ' ' || last_name) FROM b24_user WHERE account_id = $1 AND portal_id = $2 AND id = $3`, int64(row.AccountID), int64(row.ID), int64(user)).Scan(&by)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("find who opened portal %d: %w", row.ID, err)
	}
	return history.Note(history.By(ctx, by), tx, row.AccountID, now, history.PortalOpened, history.About{Name: row.called()})
}

// place finds or makes the row of a delivered portal, locks it and tells the status it had before.
func (a *Accounts) place(orm *gorm.DB, d Delivered, awaited *Ref, row *portalRow, now time.Time) (Status, error) {
	locked := orm.Clauses(clause.Locking{Strength: "UPDATE"})
	err := locked.Where("member_id = ?", d.MemberID).Take(row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return a.placeNew(orm, d, awaited, row, now)
	case err != nil:
		return Status{}, err
	case awaited == nil || (row.AccountID == awaited.Account && row.ID == awaited.Portal):
		return row.portal().Status, nil
	case row.AccountID == awaited.Account: // it has joined before; the awaited row was a second wish for the same portal
		if err := orm.Where("account_id = ? AND id = ? AND member_id IS NULL", awaited.Account, awaited.Portal).Delete(&portalRow{}).Error; err != nil {
			return Status{}, err
		}
		return row.portal().Status, nil
	}
	if err := a.leave(orm, row, now); err != nil {
		return Status{}, err
	}
	*row = portalRow{}
	return a.placeNew(orm, d, awaited, row, now)
}

func (a *Accounts) placeNew(orm *gorm.DB, d Delivered, awaited *Ref, row *portalRow, now time.Time) (Status, error) {
	if awaited != nil {
		if err := take(orm.Clauses(clause.Locking{Strength: "UPDATE"}), *awaited, row); err != nil {
			return Status{}, err
		}
		if row.MemberID != nil && *row.MemberID != d.MemberID {
			return Status{}, ErrConsent // a consent for one portal cannot turn it into another
		}
		row.MemberID = &d.MemberID
		return row.portal().Status, nil
	}
	var account ids.AccountID
	name := hostOf(d.ClientEndpoint)
	if err := orm.Raw(`INSERT INTO account (name, created_at) VALUES (?, ?) RETURNING id`, name, now).Scan(&account).Error; err != nil {
		return Status{}, fmt.Errorf("make account: %w", err)
	}
	*row = portalRow{AccountID: account, MemberID: &d.MemberID, Domain: name, CreatedAt: now, IdleSince: now, State: Waiting, ChangedAt: now}
	if err := orm.Create(row).Error; err != nil {
		return Status{}, err
	}
	return Status{State: Waiting}, nil
}

// leave lets a portal go from an account that is not in use: that account's data is erased later by the keeper.
func (a *Accounts) leave(orm *gorm.DB, row *portalRow, now time.Time) error {
	var used bool
	err := orm.Raw(`SELECT EXISTS (SELECT FROM portal WHERE account_id = ? AND id <> ? AND NOT erase) OR EXISTS (SELECT FROM uis_connection WHERE account_id = ?)`,
		row.AccountID, row.ID, row.AccountID).Scan(&used).Error
	if err != nil {
		return fmt.Errorf("look whether account %d is in use: %w", row.AccountID, err)
	}
	if used {
		return ErrElsewhere
	}
	return detach(orm, row, now)
}

// detach takes the member_id and every secret from a portal's row, which then only waits to be erased.
func detach(orm *gorm.DB, row *portalRow, now time.Time) error {
	row.MemberID, row.ApplicationToken, row.WorkingUser, row.Erase, row.ChangedAt = nil, nil, nil, true, now
	row.setStatus(Next(row.portal().Status, Removed))
	if err := orm.Save(row).Error; err != nil {
		return fmt.Errorf("detach portal %d: %w", row.ID, err)
	}
	return dropAccess(orm, row.portal().Ref())
}

// dropAccess removes tokens, proofs and awaited consents of a portal.
func dropAccess(orm *gorm.DB, ref Ref) error {
	if err := orm.Where("account_id = ? AND portal_id = ?", ref.Account, ref.Portal).Delete(&tokenRow{}).Error; err != nil {
		return fmt.Errorf("remove tokens of portal %d: %w", ref.Portal, err)
	}
	for _, table := range []string{"portal_proof", "portal_consent"} {
		if err := orm.Exec(`DELETE FROM `+table+` WHERE account_id = ? AND portal_id = ?`, ref.Account, ref.Portal).Error; err != nil {
			return fmt.Errorf("empty %s of portal %d: %w", table, ref.Portal, err)
		}
	}
	return nil
}

func (a *Accounts) fill(row *portalRow, d Delivered, now time.Time) {
	before := row.portal().Status
	row.ClientEndpoint, row.Domain = d.ClientEndpoint, hostOf(d.ClientEndpoint)
	row.ServerEndpoint, row.AppStatus, row.Licence, row.ChangedAt = d.ServerEndpoint, d.AppStatus, d.Licence, now
	if len(d.Scope) > 0 {
		row.Scope = strings.Join(d.Scope, ",")
	}
	if d.Language != "" {
		row.Language = d.Language
	}
	if row.Version != 0 && d.Version > row.Version {
		row.setStatus(Next(row.portal().Status, Updated)) // ONAPPUPDATE was lost
	}
	row.Version = max(row.Version, d.Version)
	row.setStatus(Next(row.portal().Status, Opened))
	if d.Installed && (before.State == Waiting || before.State == Uninstalled) && !row.Finished {
		// Finished in an earlier life: what is bound there is not known to us, so it is walked once.
		row.Finished, row.Repair = true, true
		row.setStatus(Next(row.portal().Status, Opened))
	}
	if d.NotPaid {
		row.setStatus(Next(row.portal().Status, NotPaid))
	}
	user := int64(d.Pair.User)
	if row.WorkingUser == nil || before.Sleeps() {
		row.WorkingUser = &user
	}
	row.IdleSince = now
}
