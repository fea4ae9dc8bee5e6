package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"omni/server/ids"
	"omni/server/secret"
	"omni/server/store"
)

// Pair is an access token with the refresh token that renews it, both of one user of one portal.
type Pair struct {
	User            ids.B24UserID
	Access, Refresh string
	// ExpiresAt is when the access token ends; physical time.
	ExpiresAt time.Time

	sealed []byte // the refresh token as it is stored: what tells this pair from a newer one of the same user
}

// tokenRow is a row of portal_token.
type tokenRow struct {
	AccountID ids.AccountID `gorm:"primaryKey"`
	PortalID  ids.PortalID  `gorm:"primaryKey"`
	UserID    ids.B24UserID `gorm:"primaryKey"`
	Access    []byte
	Refresh   []byte
	ExpiresAt time.Time
	StoredAt  time.Time
	Dead      *string
}

// TableName implements gorm's Tabler.
func (tokenRow) TableName() string { return "portal_token" }

// tokenPlace binds a sealed token to its row: account, portal and user.
func tokenPlace(column string, ref Ref, user ids.B24UserID) secret.Place {
	return secret.At("portal_token", fmt.Sprintf("%s:%d", column, user), ref.Account, int64(ref.Portal))
}

func (a *Accounts) savePair(orm *gorm.DB, ref Ref, p Pair, now time.Time) error {
	row := tokenRow{
		AccountID: ref.Account, PortalID: ref.Portal, UserID: p.User, ExpiresAt: p.ExpiresAt, StoredAt: now,
		Access:  a.keys.Seal([]byte(p.Access), tokenPlace("access", ref, p.User)),
		Refresh: a.keys.Seal([]byte(p.Refresh), tokenPlace("refresh", ref, p.User)),
	}
	err := orm.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "account_id"}, {Name: "portal_id"}, {Name: "user_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"access", "refresh", "expires_at", "stored_at", "dead"}),
	}).Create(&row).Error
	if err != nil {
		return fmt.Errorf("store token of user %d of portal %d: %w", p.User, ref.Portal, err)
	}
	return nil
}

func (a *Accounts) openPair(row tokenRow) (Pair, error) {
	ref := Ref{row.AccountID, row.PortalID}
	access, err := a.keys.Open(row.Access, tokenPlace("access", ref, row.UserID))
	if err != nil {
		return Pair{}, fmt.Errorf("open token of portal %d: %w", ref.Portal, err)
	}
	refresh, err := a.keys.Open(row.Refresh, tokenPlace("refresh", ref, row.UserID))
	if err != nil {
		return Pair{}, fmt.Errorf("open token of portal %d: %w", ref.Portal, err)
	}
	return Pair{User: row.UserID, Access: string(access), Refresh: string(refresh), ExpiresAt: row.ExpiresAt, sealed: row.Refresh}, nil
}

// Access is what a request to a portal needs.
type Access struct {
	Portal Portal
	Pair   Pair
}

// Working reads the portal with the pair its lane works with: the working user's, else the newest spare. Errors: ErrNoPortal, ErrNoToken (with the
// portal still set).
func (a *Accounts) Working(ctx context.Context, ref Ref) (Access, error) {
	var row portalRow
	var tokens []tokenRow
	err := a.db.InAccountORM(ctx, ref.Account, func(_ context.Context, u *store.Unit) error {
		if err := take(u.ORM, ref, &row); err != nil {
			return err
		}
		return good(u.ORM, ref, row.WorkingUser).Limit(1).Find(&tokens).Error
	})
	if err != nil {
		return Access{}, fmt.Errorf("read token of portal %d: %w", ref.Portal, err)
	}
	if len(tokens) == 0 {
		return Access{Portal: row.portal()}, ErrNoToken
	}
	pair, err := a.openPair(tokens[0])
	if err != nil {
		return Access{}, err
	}
	return Access{Portal: row.portal(), Pair: pair}, nil
}

// Refused is told that the portal refuses an access token for good (its user was dismissed, say): that pair is buried and the next one given. When
// none is left the portal is blocked and the error is ErrNoToken.
func (a *Accounts) Refused(ctx context.Context, ref Ref, access, why string) (Access, error) {
	now, err := a.Working(ctx, ref)
	if err == nil && now.Pair.Access != access {
		return now, nil // somebody else was faster
	}
	if err == nil {
		err = a.db.InAccount(ctx, ref.Account, func(ctx context.Context, tx pgx.Tx) error {
			// A pair that was stored since is another one.
			return bury(ctx, tx, tokenRow{AccountID: ref.Account, PortalID: ref.Portal, UserID: now.Pair.User, Refresh: now.Pair.sealed}, why)
		})
		if err != nil {
			return Access{}, fmt.Errorf("bury token of portal %d: %w", ref.Portal, err)
		}
		now, err = a.Working(ctx, ref)
	}
	if errors.Is(err, ErrNoToken) {
		return now, a.noToken(ctx, ref)
	}
	return now, err
}

// good selects the pairs that still count, the working one first, then the newest.
func good(orm *gorm.DB, ref Ref, working *int64) *gorm.DB {
	user := int64(0)
	if working != nil {
		user = *working
	}
	return orm.Where("account_id = ? AND portal_id = ? AND dead IS NULL", ref.Account, ref.Portal).
		Order(clause.OrderBy{Expression: clause.Expr{SQL: "user_id = ? DESC, stored_at DESC", Vars: []any{user}}})
}

// ApplicationToken reads the secret that the portal's events carry; "" when none was delivered yet.
func (a *Accounts) ApplicationToken(ctx context.Context, ref Ref) (string, error) {
	var row portalRow
	err := a.db.InAccountORM(ctx, ref.Account, func(_ context.Context, u *store.Unit) error { return take(u.ORM, ref, &row) })
	if err != nil {
		return "", fmt.Errorf("read application token of portal %d: %w", ref.Portal, err)
	}
	return a.openApplicationToken(row)
}

func (a *Accounts) openApplicationToken(row portalRow) (string, error) {
	if row.ApplicationToken == nil {
		return "", nil
	}
	token, err := a.keys.Open(row.ApplicationToken, applicationTokenPlace(row.portal().Ref()))
	if err != nil {
		return "", fmt.Errorf("open application token of portal %d: %w", row.ID, err)
	}
	return string(token), nil
}

// bury marks a pair as worthless, unless it was replaced in the meantime.
func bury(ctx context.Context, tx pgx.Tx, row tokenRow, why string) error {
	_, err := tx.Exec(ctx, `UPDATE portal_token SET dead = $5 WHERE account_id = $1 AND portal_id = $2 AND user_id = $3 AND refresh = $4`,
		int64(row.AccountID), int64(row.PortalID), int64(row.UserID), row.Refresh, why)
	if err != nil {
		return fmt.Errorf("bury token of portal %d: %w", row.PortalID, err)
	}
	return nil
}
