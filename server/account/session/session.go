// Package session makes and checks the short browser sessions of people inside Bitrix24 frames.
package session

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"omni/server/ids"
	"omni/server/secret"
)

const (
	// Lifetime is how long a session is good; the page renews it with the portal's own token before.
	Lifetime = 15 * time.Minute
	audience = "omni-browser"
	keyUse   = "session"
)

// ErrOver says that a session is not good (any more): the page renews it with the portal's token.
var ErrOver = errors.New("the session is over")

// Person is who a session speaks for.
type Person struct {
	Account ids.AccountID
	Portal  ids.PortalID
	User    ids.B24UserID
	Admin   bool
	Name    string
	Lang    string
	// Rights is the account's rights version at the time of issue; an older one than the account's ends the session.
	Rights int
}

// Signer issues and verifies sessions. The first key signs, all verify, so that secret keys can be rotated.
type Signer struct {
	keys [][]byte
	now  func() time.Time
}

// New derives the signing keys from the server's keyring. now is physical time, nil for time.Now: tokens of real browsers live in it.
func New(ring *secret.Keyring, now func() time.Time) (*Signer, error) {
	keys, err := ring.DeriveAll(keyUse)
	if err != nil {
		return nil, fmt.Errorf("derive session keys: %w", err)
	}
	if now == nil {
		now = time.Now
	}
	return &Signer{keys: keys, now: now}, nil
}

// claims are the wire form of a Person.
type claims struct {
	jwt.RegisteredClaims
	Account int64  `json:"acc"`
	Portal  int64  `json:"por"`
	Admin   bool   `json:"adm,omitempty"`
	Name    string `json:"nam,omitempty"`
	Lang    string `json:"lng,omitempty"`
	Rights  int    `json:"rgt"`
}

// Issue makes a session that ends after Lifetime.
func (s *Signer) Issue(p Person) (token string, expires time.Time, err error) {
	now := s.now()
	expires = now.Add(Lifetime).Truncate(time.Second)
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject: strconv.FormatInt(int64(p.User), 10), Audience: jwt.ClaimStrings{audience},
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Account: int64(p.Account), Portal: int64(p.Portal), Admin: p.Admin, Name: p.Name, Lang: p.Lang, Rights: p.Rights,
	}).SignedString(s.keys[0])
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign session: %w", err)
	}
	return token, expires, nil
}

// Verify reads a session. Whatever is wrong with it is ErrOver: a page does the same about all of it.
func (s *Signer) Verify(token string) (Person, error) {
	for _, key := range s.keys {
		var c claims
		_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return key, nil },
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithAudience(audience),
			jwt.WithExpirationRequired(), jwt.WithTimeFunc(s.now))
		if errors.Is(err, jwt.ErrTokenSignatureInvalid) {
			continue
		}
		if err != nil {
			return Person{}, fmt.Errorf("%w: %w", ErrOver, err)
		}
		return c.person()
	}
	return Person{}, fmt.Errorf("%w: not signed by us", ErrOver)
}

func (c claims) person() (Person, error) {
	user, err := strconv.ParseInt(c.Subject, 10, 64)
	if err != nil || user <= 0 || c.Account <= 0 || c.Portal <= 0 {
		return Person{}, fmt.Errorf("%w: it names nobody", ErrOver)
	}
	return Person{
		Account: ids.AccountID(c.Account), Portal: ids.PortalID(c.Portal), User: ids.B24UserID(user),
		Admin: c.Admin, Name: c.Name, Lang: c.Lang, Rights: c.Rights,
	}, nil
}
