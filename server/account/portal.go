package account

import (
	"errors"
	"strings"
	"time"

	"omni/server/ids"
)

// Errors callers branch on.
var (
	// ErrNoPortal says that there is no such portal in the account, or none of that member_id at all.
	ErrNoPortal = errors.New("no such portal")
	// ErrElsewhere says that the portal belongs to another account that is in use, so it cannot join this one.
	ErrElsewhere = errors.New("the portal belongs to another account")
	// ErrConsent says that a consent came back that nobody here asked for, or too late, or a second time.
	ErrConsent = errors.New("this consent was not asked for or is over")
	// ErrNotAdmin says that the person is no administrator of the portal.
	ErrNotAdmin = errors.New("the person is no administrator of the portal")
	// ErrNoToken says that no token of the portal works any more: somebody has to open the app there once.
	ErrNoToken = errors.New("no token of the portal works any more")
)

// Ref names one portal of one account.
type Ref struct {
	Account ids.AccountID
	Portal  ids.PortalID
}

// Portal is one Bitrix24 installation of an account.
type Portal struct {
	Account  ids.AccountID
	ID       ids.PortalID
	MemberID string // "" while a consent is awaited
	// Name is what the administrator calls it; Title falls back to the domain.
	Name string
	// Domain is the host, with :port when there is one.
	Domain string
	// ClientEndpoint is the portal's REST root ("https://example.bitrix24.ru/rest/"), ServerEndpoint the authorization server's.
	ClientEndpoint, ServerEndpoint string
	Scope                          []string
	AppStatus                      string // F, D, T, P, L, S; informational
	Licence                        string // "ru_ent250", "de_selfhosted"
	Language                       string
	Version                        int
	Status
	CreatedAt, ChangedAt time.Time
}

// Ref names the portal.
func (p Portal) Ref() Ref { return Ref{Account: p.Account, Portal: p.ID} }

// Title is what people call the portal: its name, without one the domain.
func (p Portal) Title() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Domain
}

// LimitClass decides a portal's request budget (limits page: X and Y by licence).
type LimitClass string

// Classes of request budgets.
const (
	LimitOrdinary   LimitClass = "ordinary"   // 50 requests, 2 a second
	LimitEnterprise LimitClass = "enterprise" // 250 requests, 5 a second
	LimitNone       LimitClass = "none"       // on-premise: load is the administrator's business
)

// Limits reads the class from the licence: app.info gives "{lang}_{plan}", "{lang}_selfhosted" for an on-premise portal (app.info page).
func (p Portal) Limits() LimitClass {
	switch licence := strings.ToLower(p.Licence); {
	case strings.Contains(licence, "selfhosted"):
		return LimitNone
	case strings.Contains(licence, "ent"):
		return LimitEnterprise
	}
	return LimitOrdinary
}

// Has tells whether the installation was granted a scope.
func (p Portal) Has(scope string) bool {
	for _, one := range p.Scope {
		if one == scope {
			return true
		}
	}
	return false
}

// SplitScope reads a grant list: commas, on some pages spaces.
func SplitScope(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
