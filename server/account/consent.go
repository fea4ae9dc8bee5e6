package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/bitrix24"
	"omni/server/history"
	"omni/server/ids"
	"omni/server/restlog"
	"omni/server/store"
)

// consentLife is how long a consent that was asked for is awaited.
const consentLife = 10 * time.Minute

// Asker is the administrator in whose name a consent is asked.
type Asker struct {
	Portal ids.PortalID
	User   ids.B24UserID
}

// AddPortal begins "Add credentials" (P1): the portal is listed as waiting, the person goes to the address and gives consent there. A portal that the
// account has already is authorised again. Error: *DomainError.
func (a *Accounts) AddPortal(ctx context.Context, account ids.AccountID, by Asker, name, domain string) (Portal, string, error) {
	host, root, err := ParseDomain(domain, a.guard.Lists)
	if err != nil {
		return Portal{}, "", err
	}
	var row portalRow
	state := rand.Text()
	err = a.db.InAccountORM(ctx, account, func(ctx context.Context, u *store.Unit) error {
		now := a.clock.Now()
		found := u.ORM.Where("account_id = ? AND domain = ? AND NOT erase", account, host).Order("id").Limit(1).Find(&row)
		if found.Error != nil {
			return found.Error
		}
		if found.RowsAffected == 0 {
			row = portalRow{
				AccountID: account, Name: strings.TrimSpace(name), Domain: host, ClientEndpoint: root + "/rest/", State: Waiting, Reason: ReasonConsent,
				IdleSince: now, CreatedAt: now, ChangedAt: now,
			}
			if err := u.ORM.Create(&row).Error; err != nil {
				return err
			}
			if err := history.Note(ctx, u.Tx, account, now, history.PortalAdded, history.About{Name: row.called()}); err != nil {
				return err
			}
		}
		if err := await(ctx, u.Tx, row.portal().Ref(), host, by, state); err != nil {
			return err
		}
		return announce(ctx, u.Tx, row.portal().Ref(), now)
	})
	if err != nil {
		return Portal{}, "", fmt.Errorf("add portal %s: %w", host, err)
	}
	return row.portal(), a.b24.AuthorizeURL(root, state), nil
}

// AskConsent begins a new consent for a portal of the account: the round arrow (P2), or a changed domain, which takes effect when the consent is there.
// An empty domain means the one it has. Errors: ErrNoPortal, *DomainError.
func (a *Accounts) AskConsent(ctx context.Context, ref Ref, by Asker, domain string) (string, error) {
	p, err := a.Get(ctx, ref)
	if err != nil {
		return "", err
	}
	if domain == "" {
		domain = strings.TrimSuffix(strings.TrimSuffix(p.ClientEndpoint, "/"), "/rest")
	}
	host, root, err := ParseDomain(domain, a.guard.Lists)
	if err != nil {
		return "", err
	}
	state := rand.Text()
	err = a.db.InAccount(ctx, ref.Account, func(ctx context.Context, tx pgx.Tx) error { return await(ctx, tx, ref, host, by, state) })
	if err != nil {
		return "", fmt.Errorf("ask consent for portal %d: %w", ref.Portal, err)
	}
	return a.b24.AuthorizeURL(root, state), nil
}

func await(ctx context.Context, tx pgx.Tx, ref Ref, domain string, by Asker, state string) error {
	hash := sha256.Sum256([]byte(state))
	_, err := tx.Exec(ctx, `INSERT INTO portal_consent (account_id, state_hash, portal_id, domain, user_portal, user_id, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7::interval)`,
		int64(ref.Account), hash[:], int64(ref.Portal), domain, int64(by.Portal), int64(by.User), consentLife)
	if err != nil {
		return fmt.Errorf("note the awaited consent: %w", err)
	}
	return nil
}

// awaited is a consent that somebody asked for.
type awaited struct {
	ref    Ref
	domain string
}

// takeConsent finds and ends a consent by its state, over all accounts: the browser that comes back brings nothing else.
func (a *Accounts) takeConsent(ctx context.Context, state string) (awaited, error) {
	hash := sha256.Sum256([]byte(state))
	var w awaited
	var valid bool
	err := a.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `DELETE FROM portal_consent WHERE state_hash = $1 RETURNING account_id, portal_id, domain, expires_at > clock_timestamp()`, hash[:]).
			Scan(&w.ref.Account, &w.ref.Portal, &w.domain, &valid)
	})
	if errors.Is(err, pgx.ErrNoRows) || err == nil && !valid {
		return awaited{}, ErrConsent
	}
	if err != nil {
		return awaited{}, fmt.Errorf("take the consent: %w", err)
	}
	return w, nil
}

// Consent ends what AddPortal or AskConsent began: the code is exchanged, the portal must be the one that was asked for and the person an administrator
// there. serverDomain is the authorization server's host as the redirect names it. Errors: ErrConsent, ErrNotAdmin, ErrElsewhere, *bitrix24.Error; the
// portal's row is unchanged then.
func (a *Accounts) Consent(ctx context.Context, state, code, serverDomain string) (Portal, error) {
	if state == "" || code == "" {
		return Portal{}, ErrConsent
	}
	w, err := a.takeConsent(ctx, state)
	if err != nil {
		return Portal{}, err
	}
	ctx = restlog.Of(ctx, w.ref.Account, w.ref.Portal)
	token, err := a.exchange(ctx, serverDomain, code)
	if err != nil {
		return Portal{}, fmt.Errorf("exchange the consent's code: %w", err)
	}
	if !SameHost(w.domain, token.ClientEndpoint) || token.MemberID == "" {
		return Portal{}, fmt.Errorf("%w: it is for another portal", ErrConsent)
	}
	user, err := a.administrator(ctx, w.ref, token)
	if err != nil {
		return Portal{}, err
	}
	info, err := a.b24.AppInfo(ctx, token.ServerEndpoint, token.Access)
	if err != nil {
		return Portal{}, fmt.Errorf("read app.info: %w", err)
	}
	return a.Join(ctx, w.ref, Delivered{
		MemberID: token.MemberID, ClientEndpoint: token.ClientEndpoint, ServerEndpoint: token.ServerEndpoint, Scope: token.Scope,
		AppStatus: string(info.Status), Licence: string(info.License), Language: string(info.Language), Version: int(info.Version),
		Installed: bool(info.Installed), NotPaid: bool(info.PaymentExpired),
		Pair: Pair{User: user, Access: token.Access, Refresh: token.Refresh, ExpiresAt: token.ExpiresAt},
	})
}

// exchange finds the authorization server by the host that the redirect names; a bare host says nothing about http or https, the allowed list does.
func (a *Accounts) exchange(ctx context.Context, serverDomain, code string) (*bitrix24.Token, error) {
	token, err := a.b24.Exchange(ctx, serverDomain, code)
	if errors.Is(err, bitrix24.ErrServerNotAllowed) && serverDomain != "" && !strings.Contains(serverDomain, "://") {
		return a.b24.Exchange(ctx, "http://"+serverDomain, code)
	}
	return token, err
}

func (a *Accounts) administrator(ctx context.Context, ref Ref, token *bitrix24.Token) (ids.B24UserID, error) {
	answer, err := a.Profile(ctx, ref, bitrix24.Target{Endpoint: token.ClientEndpoint, Access: token.Access})
	if err != nil {
		return 0, fmt.Errorf("ask whose consent it is: %w", err)
	}
	var profile struct {
		ID    bitrix24.ID   `json:"ID"`
		Admin bitrix24.Bool `json:"ADMIN"`
	}
	if err := json.Unmarshal(answer.Result, &profile); err != nil || profile.ID <= 0 {
		return 0, fmt.Errorf("%w: the portal does not tell whose it is", ErrConsent)
	}
	if !profile.Admin {
		return 0, ErrNotAdmin
	}
	return ids.B24UserID(profile.ID), nil
}
