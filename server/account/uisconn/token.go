package uisconn

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"omni/server/ids"
	"omni/server/store"
)

// tokenFresh is how long a look-up by address token is believed; a disconnection on another server is noticed by then.
const tokenFresh = 5 * time.Second

// tokensKept bounds the look-ups in memory.
const tokensKept = 10_000

// Door is what an address /uis/{token}/… leads to.
type Door struct {
	Account ids.AccountID
	secret  string
}

// Opens tells whether a chat webhook's Authorization header carries the adapter's secret; compared in constant time.
func (d Door) Opens(authorization string) bool {
	scheme, token, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	return d.secret != "" && strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(strings.TrimSpace(token)), []byte(d.secret)) == 1
}

type cachedToken struct {
	door  Door
	until time.Time
}

// ByToken finds whose address it is, by one query over all accounts. Error: ErrToken.
func (c *Connections) ByToken(ctx context.Context, token string) (Door, error) {
	sum := sha256.Sum256([]byte(token))
	hash := string(sum[:])
	c.mu.Lock()
	have, ok := c.tokens[hash]
	changes := c.changes
	c.mu.Unlock()
	if ok && time.Now().Before(have.until) {
		return have.door, nil
	}
	var r row
	err := c.DB.AsSystemORM(ctx, func(_ context.Context, u *store.Unit) error {
		return u.ORM.Where("url_token_hash = ?", sum[:]).Take(&r).Error
	})
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Door{}, ErrToken
	}
	if err != nil {
		return Door{}, fmt.Errorf("find UIS connection by its address: %w", err)
	}
	webhook, err := c.open(r.AccountID, "webhook_secret", r.WebhookSecret)
	if err != nil {
		return Door{}, err
	}
	door := Door{Account: r.AccountID, secret: webhook}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != changes {
		return door, nil // something changed while we looked: true for this request, not to be kept
	}
	if len(c.tokens) >= tokensKept {
		clear(c.tokens)
	}
	c.tokens[hash] = cachedToken{door, time.Now().Add(tokenFresh)}
	return door, nil
}
