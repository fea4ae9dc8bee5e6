// Package proof finds out who really calls: which portal a frame, an installation, an event or a renewal of a session comes from, and who the person is.
//
// What a POST says of itself (DOMAIN, member_id, SERVER_ENDPOINT) only chooses whom to ask. Three answers bind a token to a portal:
//
//  1. app.info at an allowed authorization server: the token is one of our app's (CODE).
//  2. profile at the portal's own stored address: that very portal accepts the token, so it is not another portal's. It also tells the person.
//  3. For a portal we do not know yet, or whose posted address differs from the stored one, the delivered refresh token is exchanged: the authorization
//     server names member_id and client_endpoint, and only those are stored. The posted ones must agree with them.
//
// A refusal changes nothing. A result is remembered by the token's hash until the token ends, in memory and in the database for the other servers.
package proof

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"omni/server/account"
	"omni/server/bitrix24"
	"omni/server/httpguard"
	"omni/server/ids"
	"omni/server/restlog"
	"omni/server/store"
)

// ErrNotProven says that a caller is not who the request says. Nothing was changed.
var ErrNotProven = errors.New("the caller is not proven")

// ErrNotInstalled says that a genuine person opened the app on a portal that no administrator has installed it on.
var ErrNotInstalled = errors.New("the app is not installed on this portal: an administrator has to open it once")

const (
	// askTime bounds everything one proof asks of the network.
	askTime    = 20 * time.Second
	spentLook  = 100 * time.Millisecond
	spentLooks = 20
	// longest is how long a result is believed at most; access tokens live an hour.
	longest = time.Hour
)

// Opened is a proven person at a proven portal.
type Opened struct {
	Portal account.Portal
	User   ids.B24UserID
	Admin  bool
	Name   string
}

// Options are what a Prover is made of.
type Options struct {
	DB       *store.DB
	Accounts *account.Accounts
	B24      *bitrix24.Client
	// AppCode is what app.info must answer as CODE (OMNI_B24_APP_CODE).
	AppCode string
	Log     *slog.Logger
	// Now is physical time: tokens end by it. Nil: time.Now.
	Now func() time.Time
}

// Prover proves callers. Safe for many goroutines.
type Prover struct {
	Options
	now    func() time.Time
	memory *memory
	flight singleflight.Group
}

// New makes a prover.
func New(o Options) *Prover {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Prover{Options: o, now: o.Now, memory: newMemory(o.Now)}
}

// claim is what a request says of itself.
type claim struct {
	Access, Refresh, Server string
	Member, Domain          string
	ApplicationToken        string
	Scope                   []string
	Lang                    string
	ExpiresIn               time.Duration
}

// Frame proves a frame POST (main page, installer, any placement). Errors: ErrNotProven, ErrNotInstalled, or that the platform could not be asked
// (*bitrix24.Error). A token proven before costs neither the portal nor the authorization server anything.
func (p *Prover) Frame(ctx context.Context, f *bitrix24.FramePOST) (Opened, error) {
	return p.prove(ctx, claim{
		Access: f.AuthID, Refresh: f.RefreshID, Server: f.ServerEndpoint, Member: f.MemberID, Domain: f.Domain, ApplicationToken: f.ApplicationToken,
		Scope: f.Scope, Lang: f.Lang, ExpiresIn: time.Duration(f.AuthExpires) * time.Second,
	})
}

// RenewAt is Renew for a page that knows its portal by the address only.
func (p *Prover) RenewAt(ctx context.Context, access, domain string) (Opened, error) {
	at, err := p.Accounts.ByDomain(ctx, domain)
	if err != nil && !errors.Is(err, account.ErrNoPortal) {
		return Opened{}, err
	}
	return p.Renew(ctx, access, at.Ref()) // an unknown address leaves only what was proven before
}

// Renew proves the person of a running page by the portal's access token alone. portal is where the page says it stands (from its old session, whose
// end is no matter); it only chooses whom to ask when the token is new.
func (p *Prover) Renew(ctx context.Context, access string, portal account.Ref) (Opened, error) {
	if known, ok, err := p.known(ctx, access); err != nil || ok {
		return known, err
	}
	if portal.Portal == 0 {
		return Opened{}, fmt.Errorf("%w: an unknown token of an unnamed portal", ErrNotProven)
	}
	at, err := p.Accounts.Get(ctx, portal)
	if errors.Is(err, account.ErrNoPortal) || err == nil && at.MemberID == "" {
		return Opened{}, ErrNotProven
	}
	if err != nil {
		return Opened{}, err
	}
	return p.prove(ctx, claim{Access: access, Server: at.ServerEndpoint, Member: at.MemberID, Domain: at.Domain})
}

func (p *Prover) prove(ctx context.Context, c claim) (Opened, error) {
	if c.Access == "" {
		return Opened{}, fmt.Errorf("%w: no token", ErrNotProven)
	}
	if known, ok, err := p.known(ctx, c.Access); err != nil || ok {
		return agree(known, c, err)
	}
	// Concurrent openings with one token ask once. Whoever joins gets the same person but must agree with his own claim.
	hash := hashOf(c.Access)
	result, err, _ := p.flight.Do(string(hash[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer cancel()
		// Whoever asked before may have ended between our look and now.
		if known, ok, err := p.known(ctx, c.Access); err != nil || ok {
			return known, err
		}
		opened, err := p.ask(ctx, c)
		if errors.Is(err, errSpent) {
			return p.elsewhere(ctx, c, err)
		}
		return opened, err
	})
	if err != nil {
		return Opened{}, err
	}
	opened, _ := result.(Opened)
	return agree(opened, c, nil)
}

// errSpent says that the delivered refresh token is worth nothing: it is forged, or another server has just confirmed the same pair.
var errSpent = errors.New("the refresh token was refused")

// elsewhere waits a moment for the result of another server that proves the same token right now; without one the refusal stands.
func (p *Prover) elsewhere(ctx context.Context, c claim, refused error) (Opened, error) {
	tick := time.NewTicker(spentLook)
	defer tick.Stop()
	for range spentLooks {
		if known, ok, err := p.known(ctx, c.Access); err != nil || ok {
			return known, err
		}
		select {
		case <-ctx.Done():
			return Opened{}, refused
		case <-tick.C:
		}
	}
	return Opened{}, refused
}

// agree refuses a request that names another portal than its token belongs to.
func agree(o Opened, c claim, err error) (Opened, error) {
	if err == nil && c.Member != "" && c.Member != o.Portal.MemberID {
		return Opened{}, fmt.Errorf("%w: the token belongs to another portal", ErrNotProven)
	}
	return o, err
}

// ask does the asking of the package comment.
func (p *Prover) ask(ctx context.Context, c claim) (Opened, error) {
	if c.Member == "" {
		return Opened{}, fmt.Errorf("%w: no member_id", ErrNotProven)
	}
	stored, err := p.Accounts.ByMember(ctx, c.Member)
	unknown := errors.Is(err, account.ErrNoPortal)
	if err != nil && !unknown {
		return Opened{}, err
	}
	ctx, caller := restlog.Caller(ctx)
	defer caller.Settle()
	caller.Is(stored.Account, stored.ID)
	if c.Server == "" {
		c.Server = stored.ServerEndpoint
	}
	info, err := p.B24.AppInfo(ctx, c.Server, c.Access)
	if err != nil {
		return Opened{}, refusal("app.info", err)
	}
	if string(info.Code) != p.AppCode {
		return Opened{}, fmt.Errorf("%w: a token of another app", ErrNotProven)
	}
	d := account.Delivered{
		MemberID: c.Member, ClientEndpoint: stored.ClientEndpoint, ServerEndpoint: c.Server, ApplicationToken: c.ApplicationToken, Scope: c.Scope, Language: c.Lang,
		AppStatus: string(info.Status), Licence: string(info.License), Version: int(info.Version), Installed: bool(info.Installed), NotPaid: bool(info.PaymentExpired),
		Pair: account.Pair{Access: c.Access, Refresh: c.Refresh, ExpiresAt: p.expiry(c)},
	}
	fresh := account.Pair{}
	if unknown || !account.SameHost(c.Domain, stored.ClientEndpoint) {
		if fresh, err = p.confirm(ctx, c, &d); err != nil {
			return Opened{}, err
		}
	}
	who, err := p.profile(ctx, stored.Ref(), d.ClientEndpoint, c.Access)
	if err != nil {
		return Opened{}, err
	}
	if fresh.User != 0 && fresh.User != who.User {
		return Opened{}, fmt.Errorf("%w: the two tokens belong to two persons", ErrNotProven)
	}
	if fresh.Access != "" {
		d.Pair = fresh
	}
	d.Pair.User = who.User
	opened, err := p.accept(ctx, c, who, stored, d)
	if err == nil {
		caller.Is(opened.Portal.Account, opened.Portal.ID)
	}
	return opened, err
}

// confirm exchanges the delivered refresh token: the authorization server's own word on which portal it belongs to.
func (p *Prover) confirm(ctx context.Context, c claim, d *account.Delivered) (account.Pair, error) {
	if c.Refresh == "" {
		return account.Pair{}, fmt.Errorf("%w: nothing confirms the portal", ErrNotProven)
	}
	token, err := p.B24.Refresh(ctx, c.Server, c.Refresh)
	if err != nil {
		if errors.Is(err, bitrix24.ErrAuthRefused) {
			return account.Pair{}, fmt.Errorf("%w: %w: %w", ErrNotProven, errSpent, err)
		}
		return account.Pair{}, refusal("refresh", err)
	}
	if token.MemberID != c.Member {
		return account.Pair{}, fmt.Errorf("%w: the token belongs to another portal", ErrNotProven)
	}
	if !account.SameHost(c.Domain, token.ClientEndpoint) {
		return account.Pair{}, fmt.Errorf("%w: the portal has another address", ErrNotProven)
	}
	d.ClientEndpoint = token.ClientEndpoint
	if token.ServerEndpoint != "" {
		d.ServerEndpoint = token.ServerEndpoint
	}
	if len(token.Scope) > 0 {
		d.Scope = token.Scope
	}
	return account.Pair{User: ids.B24UserID(token.UserID), Access: token.Access, Refresh: token.Refresh, ExpiresAt: token.ExpiresAt}, nil
}

// accept stores what a proof brings: an administrator's pair keeps the portal alive, anybody's result is remembered.
func (p *Prover) accept(ctx context.Context, c claim, who Opened, stored account.Portal, d account.Delivered) (Opened, error) {
	var err error
	switch {
	case who.Admin && d.Pair.Refresh != "":
		who.Portal, err = p.Accounts.Admit(ctx, d)
	case stored.ID == 0 || stored.State == account.Uninstalled:
		return Opened{}, ErrNotInstalled
	default:
		who.Portal = stored
	}
	if err != nil {
		return Opened{}, err
	}
	if err := p.remember(ctx, c, who); err != nil {
		return Opened{}, err
	}
	return who, nil
}

// profile asks the portal whose token it is.
func (p *Prover) profile(ctx context.Context, portal account.Ref, endpoint, access string) (Opened, error) {
	answer, err := p.Accounts.Profile(ctx, portal, bitrix24.Target{Endpoint: endpoint, Access: access})
	if err != nil {
		return Opened{}, refusal("profile", err)
	}
	return readProfile(answer.Result)
}

func readProfile(raw json.RawMessage) (Opened, error) {
	var profile struct {
		ID       bitrix24.ID     `json:"ID"`
		Admin    bitrix24.Bool   `json:"ADMIN"`
		Name     bitrix24.String `json:"NAME"`
		LastName bitrix24.String `json:"LAST_NAME"`
	}
	if err := json.Unmarshal(raw, &profile); err != nil || profile.ID <= 0 {
		return Opened{}, fmt.Errorf("%w: the portal does not tell whose token it is", ErrNotProven)
	}
	name := strings.TrimSpace(string(profile.Name) + " " + string(profile.LastName))
	return Opened{User: ids.B24UserID(profile.ID), Admin: bool(profile.Admin), Name: name}, nil
}

// refusal sorts errors of asking: a platform that refuses the token proves that the caller is not genuine, one that cannot be asked proves nothing.
func refusal(what string, err error) error {
	if errors.Is(err, bitrix24.ErrServerNotAllowed) || errors.Is(err, httpguard.ErrRefused) {
		return fmt.Errorf("%w: %w", ErrNotProven, err)
	}
	var e *bitrix24.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("ask %s: %w", what, err)
	}
	switch e.Class() {
	case bitrix24.TokenExpired, bitrix24.AuthRefused, bitrix24.AccessDenied, bitrix24.Invalid, bitrix24.NotFound, bitrix24.Blocked, bitrix24.MethodNotFound:
		return fmt.Errorf("%w: %s: %w", ErrNotProven, what, err)
	case bitrix24.RateLimited, bitrix24.OperatingLimit, bitrix24.PaymentRequired, bitrix24.InsufficientScope, bitrix24.PortalGone, bitrix24.Renamed,
		bitrix24.Overload, bitrix24.Server, bitrix24.Transport:
	}
	return fmt.Errorf("ask %s: %w", what, err)
}

func (p *Prover) expiry(c claim) time.Time {
	life := c.ExpiresIn
	if life <= 0 || life > longest {
		life = longest
	}
	return p.now().Add(life)
}

func hashOf(access string) [sha256.Size]byte { return sha256.Sum256([]byte(access)) }
