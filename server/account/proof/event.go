package proof

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"omni/server/account"
	"omni/server/bitrix24"
)

// Names of the app's own events.
const (
	eventInstall = "ONAPPINSTALL"
	eventUpdate  = "ONAPPUPDATE"
	eventPayment = "ONAPPPAYMENT"
)

// Event proves an event: its application_token is the one stored for its member_id, compared in constant time. ONAPPINSTALL and ONAPPUPDATE bring a
// new application_token, so theirs may be proven by their access token instead, like a frame of an administrator; it is stored then. ONAPPPAYMENT
// carries none on some portals: it is let through as a hint, and whoever handles it only reads app.info again. Errors: ErrNotProven, or that the
// platform could not be asked.
func (p *Prover) Event(ctx context.Context, e *bitrix24.EventPOST) (account.Portal, error) {
	portal, err := p.Accounts.ByMember(ctx, e.Auth.MemberID)
	known := !errors.Is(err, account.ErrNoPortal)
	if err != nil && known {
		return account.Portal{}, err
	}
	if known {
		stored, err := p.Accounts.ApplicationToken(ctx, portal.Ref())
		if err != nil {
			return account.Portal{}, err
		}
		if sameSecret(stored, e.Auth.ApplicationToken) {
			return portal, nil
		}
	}
	switch {
	case (e.Name == eventInstall || e.Name == eventUpdate) && e.Auth.AccessToken != "":
		return p.eventByToken(ctx, e)
	case e.Name == eventPayment && known && e.Auth.ApplicationToken == "":
		return portal, nil
	case known:
		return account.Portal{}, fmt.Errorf("%w: wrong application_token", ErrNotProven)
	}
	return account.Portal{}, fmt.Errorf("%w: an event of an unknown portal", ErrNotProven)
}

// Robot proves a run of a robot like an event. It brings nothing new, so that only the application_token counts.
func (p *Prover) Robot(ctx context.Context, auth bitrix24.EventAuth) (account.Portal, error) {
	return p.Event(ctx, &bitrix24.EventPOST{Auth: auth})
}

// eventByToken proves an event by the tokens it carries.
func (p *Prover) eventByToken(ctx context.Context, e *bitrix24.EventPOST) (account.Portal, error) {
	c := claim{
		Access: e.Auth.AccessToken, Refresh: e.Auth.RefreshToken, Server: e.Auth.ServerEndpoint, Member: e.Auth.MemberID, Domain: e.Auth.Domain,
		ApplicationToken: e.Auth.ApplicationToken, Lang: e.Data.At("LANGUAGE_ID").Text,
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	// Asked even when the token is known: a known one proves the person, and only asking stores the new application_token.
	opened, err := p.ask(ctx, c)
	if err != nil {
		return account.Portal{}, err
	}
	if !opened.Admin {
		return account.Portal{}, fmt.Errorf("%w: no administrator's token", ErrNotProven)
	}
	return opened.Portal, nil
}

// sameSecret compares in constant time; nothing stored equals nothing.
func sameSecret(stored, given string) bool {
	return stored != "" && subtle.ConstantTimeCompare([]byte(stored), []byte(given)) == 1
}
