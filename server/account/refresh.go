package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/bitrix24"
	"omni/server/restlog"
	"omni/server/store"
)

const (
	// refreshLease is how long one server has the right to refresh a portal's token; a request to the authorization server ends well before.
	refreshLease = 30 * time.Second
	// refreshTime bounds one request to the authorization server.
	refreshTime = 15 * time.Second
	// refreshLook is how often the others look whether the new pair is there, at first; slowestLook later.
	refreshLook = 50 * time.Millisecond
	slowestLook = 400 * time.Millisecond
	// keepTrying is how long a new pair is held in memory while it cannot be stored: lost, it costs the portal one of its administrators' pairs.
	keepTrying = 5 * time.Minute
	// renewMost bounds the requests of one caller: each of them brings a new pair or buries one.
	renewMost = 50
)

// Refresh gives an access that is newer than the refused one. It asks the authorization server only when the stored pair is still the refused one,
// once per portal in the cluster at a time: the right to do so is a lease in the portal's row, as a transaction must not wait for a network. The new
// pair is stored before anybody uses it. A refused refresh token buries its pair and the next spare is tried; when none is left the portal is blocked
// and the error is ErrNoToken. Other errors (*bitrix24.Error, store) change nothing: try again later.
func (a *Accounts) Refresh(ctx context.Context, ref Ref, refused string) (Access, error) {
	owner := rand.Text()
	look, renewed := refreshLook, 0
	for {
		access, err := a.Working(ctx, ref)
		if errors.Is(err, ErrNoToken) {
			return access, a.noToken(ctx, ref)
		}
		if err != nil {
			return Access{}, err
		}
		if access.Pair.Access != refused {
			return access, nil
		}
		mine, err := a.lease(ctx, ref, owner)
		if err != nil {
			return Access{}, err
		}
		if mine {
			if renewed++; renewed > renewMost {
				return Access{}, errors.Join(fmt.Errorf("refresh token of portal %d: the new access token is the refused one", ref.Portal), a.settle(ctx, ref, owner, nil))
			}
			if err := a.renew(ctx, ref, owner, refused); err != nil {
				return Access{}, err
			}
			continue // read what is stored now: the new pair, or the next spare
		}
		select {
		case <-ctx.Done():
			return Access{}, ctx.Err()
		case <-time.After(look):
			look = min(2*look, slowestLook)
		}
	}
}

// lease takes the right to refresh. The database's clock decides, servers' clocks may differ.
func (a *Accounts) lease(ctx context.Context, ref Ref, owner string) (bool, error) {
	mine := false
	err := a.db.InAccount(ctx, ref.Account, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE portal SET refresh_owner = $3, refresh_until = clock_timestamp() + $4::interval
			WHERE account_id = $1 AND id = $2 AND (refresh_until IS NULL OR refresh_until < clock_timestamp())`,
			int64(ref.Account), int64(ref.Portal), owner, refreshLease)
		mine = err == nil && tag.RowsAffected() == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take the right to refresh portal %d: %w", ref.Portal, err)
	}
	return mine, nil
}

// renew asks for one new pair and stores what came of it, together with the end of the lease.
func (a *Accounts) renew(ctx context.Context, ref Ref, owner, refused string) error {
	var portal portalRow
	var rows []tokenRow
	err := a.db.InAccountORM(ctx, ref.Account, func(_ context.Context, u *store.Unit) error {
		if err := take(u.ORM, ref, &portal); err != nil {
			return err
		}
		return good(u.ORM, ref, portal.WorkingUser).Limit(1).Find(&rows).Error
	})
	if err != nil {
		return fmt.Errorf("read token of portal %d: %w", ref.Portal, err)
	}
	if len(rows) == 0 {
		return a.settle(ctx, ref, owner, nil)
	}
	pair, err := a.openPair(rows[0])
	if err != nil {
		return errors.Join(err, a.settle(ctx, ref, owner, nil))
	}
	if pair.Access != refused { // somebody refreshed between our look and our lease
		return a.settle(ctx, ref, owner, nil)
	}
	// From here on whoever asked may go: an exchange that is cut off, or not stored, costs the pair.
	ctx = context.WithoutCancel(ctx)
	asked, cancel := context.WithTimeout(ctx, refreshTime)
	token, err := a.b24.Refresh(restlog.Of(asked, ref.Account, ref.Portal), portal.ServerEndpoint, pair.Refresh)
	cancel()
	switch {
	case err == nil && portal.MemberID != nil && token.MemberID != *portal.MemberID:
		err = a.settle(ctx, ref, owner, func(ctx context.Context, u *store.Unit) error { return bury(ctx, u.Tx, rows[0], "other_portal") })
	case err == nil:
		err = a.store(ctx, ref, owner, rows[0], token)
	case pairIsDead(err):
		why := codeOf(err)
		a.log.WarnContext(ctx, "a refresh token was refused, the next one is tried", "account", ref.Account, "portal", ref.Portal, "user", pair.User, "error", err)
		err = a.settle(ctx, ref, owner, func(ctx context.Context, u *store.Unit) error { return bury(ctx, u.Tx, rows[0], why) })
	default:
		err = errors.Join(fmt.Errorf("refresh token of portal %d: %w", ref.Portal, err), a.settle(ctx, ref, owner, nil))
	}
	return err
}

// store keeps a new pair, and does not give up while the database is away: nobody else has this pair. Meanwhile the right to refresh may have passed to
// another server, which found the old pair refused and buried it; the portal is alive all the same.
func (a *Accounts) store(ctx context.Context, ref Ref, owner string, old tokenRow, token *bitrix24.Token) error {
	pause := 100 * time.Millisecond
	for end := time.Now().Add(keepTrying); ; pause = min(2*pause, 2*time.Second) {
		err := a.settle(ctx, ref, owner, func(ctx context.Context, u *store.Unit) error { return a.keep(ctx, u, old, token) })
		if err == nil {
			break
		}
		if time.Now().After(end) {
			return err
		}
		a.log.WarnContext(ctx, "a new token is not stored yet, it is held and tried again", "account", ref.Account, "portal", ref.Portal, "error", err)
		time.Sleep(pause)
	}
	now, err := a.Get(ctx, ref)
	if err == nil && now.State == Blocked && now.Reason == ReasonToken {
		_, err = a.Happen(ctx, ref, Answered)
	}
	return err
}

// keep stores a new pair in the place of the one it came from, unless a frame has delivered another one meanwhile.
func (a *Accounts) keep(ctx context.Context, u *store.Unit, old tokenRow, token *bitrix24.Token) error {
	ref := Ref{old.AccountID, old.PortalID}
	now := a.clock.Now()
	tag, err := u.Tx.Exec(ctx, `UPDATE portal_token SET access = $5, refresh = $6, expires_at = $7, stored_at = $8, dead = NULL
		WHERE account_id = $1 AND portal_id = $2 AND user_id = $3 AND refresh = $4`,
		int64(ref.Account), int64(ref.Portal), int64(old.UserID), old.Refresh,
		a.keys.Seal([]byte(token.Access), tokenPlace("access", ref, old.UserID)), a.keys.Seal([]byte(token.Refresh), tokenPlace("refresh", ref, old.UserID)),
		token.ExpiresAt, now)
	if err != nil {
		return fmt.Errorf("store new token of portal %d: %w", ref.Portal, err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	// The authorization server knows where the portal lives now; nobody else's word moves it.
	_, err = u.Tx.Exec(ctx, `UPDATE portal SET working_user = $3, idle_since = $4, client_endpoint = COALESCE(NULLIF($5, ''), client_endpoint),
		domain = COALESCE(NULLIF($6, ''), domain) WHERE account_id = $1 AND id = $2`,
		int64(ref.Account), int64(ref.Portal), int64(old.UserID), now, token.ClientEndpoint, hostOf(token.ClientEndpoint))
	if err != nil {
		return fmt.Errorf("note refresh of portal %d: %w", ref.Portal, err)
	}
	return nil
}

// settle ends the lease together with what fn writes. fn's statements name the pair they are about, so that they do no harm should the lease have
// passed to another server meanwhile.
func (a *Accounts) settle(ctx context.Context, ref Ref, owner string, fn func(context.Context, *store.Unit) error) error {
	err := a.db.InAccountORM(ctx, ref.Account, func(ctx context.Context, u *store.Unit) error {
		_, err := u.Tx.Exec(ctx, `UPDATE portal SET refresh_owner = NULL, refresh_until = NULL WHERE account_id = $1 AND id = $2 AND refresh_owner = $3`,
			int64(ref.Account), int64(ref.Portal), owner)
		if err != nil || fn == nil {
			return err
		}
		return fn(ctx, u)
	})
	if err != nil {
		return fmt.Errorf("end refresh of portal %d: %w", ref.Portal, err)
	}
	return nil
}

// noToken blocks the portal and gives ErrNoToken.
func (a *Accounts) noToken(ctx context.Context, ref Ref) error {
	if _, err := a.Happen(ctx, ref, TokensGone); err != nil {
		return errors.Join(ErrNoToken, err)
	}
	return ErrNoToken
}

// pairIsDead tells whether the authorization server refused this very refresh token for good. A missing payment or a wrong client secret says nothing
// about the pair.
func pairIsDead(err error) bool {
	var e *bitrix24.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "invalid_grant", "bad_verification_code", "expired_token", "invalid_token":
		return true
	}
	return false
}

func codeOf(err error) string {
	var e *bitrix24.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return "refused"
}
