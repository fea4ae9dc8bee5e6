package proof

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/account"
)

// memorySize bounds the results kept in memory; the database has them all.
const memorySize = 20_000

// fresh is how long a result in memory is believed without a look into the database: an uninstallation on another server ends it by then.
const fresh = 5 * time.Second

// memory keeps results for a few seconds by the token's hash.
type memory struct {
	now func() time.Time
	mu  sync.Mutex
	all map[[sha256.Size]byte]remembered
}

type remembered struct {
	opened Opened
	until  time.Time
}

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, all: map[[sha256.Size]byte]remembered{}}
}

func (m *memory) get(hash [sha256.Size]byte) (Opened, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.all[hash]
	if ok && !m.now().Before(r.until) {
		delete(m.all, hash)
		return Opened{}, false
	}
	return r.opened, ok
}

func (m *memory) put(hash [sha256.Size]byte, o Opened, ends time.Time) {
	until := m.now().Add(fresh)
	if ends.Before(until) {
		until = ends
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.all) >= memorySize {
		clear(m.all)
	}
	m.all[hash] = remembered{o, until}
}

// Forget drops what this server remembers of a portal that was removed: opened again, it is asked for anew at once.
func (p *Prover) Forget(portal account.Ref) {
	p.memory.mu.Lock()
	defer p.memory.mu.Unlock()
	for hash, r := range p.memory.all {
		if r.opened.Portal.Ref() == portal {
			delete(p.memory.all, hash)
		}
	}
}

// known finds what was proven of a token: in memory, else with one query over all accounts, as a token does not tell its account.
func (p *Prover) known(ctx context.Context, access string) (Opened, bool, error) {
	hash := hashOf(access)
	if o, ok := p.memory.get(hash); ok {
		return o, true, nil
	}
	var o Opened
	var ref account.Ref
	var ends time.Time
	err := p.DB.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT account_id, portal_id, user_id, admin, name, expires_at FROM portal_proof WHERE token_hash = $1 AND expires_at > $2`,
			hash[:], p.now()).Scan(&ref.Account, &ref.Portal, &o.User, &o.Admin, &o.Name, &ends)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return Opened{}, false, nil
	}
	if err != nil {
		return Opened{}, false, fmt.Errorf("look for a remembered proof: %w", err)
	}
	o.Portal, err = p.Accounts.Get(ctx, ref)
	if errors.Is(err, account.ErrNoPortal) {
		return Opened{}, false, nil
	}
	if err != nil {
		return Opened{}, false, err
	}
	p.memory.put(hash, o, ends)
	return o, true, nil
}

// remember keeps a result until the token ends.
func (p *Prover) remember(ctx context.Context, c claim, o Opened) error {
	hash, ends := hashOf(c.Access), p.expiry(c)
	err := p.DB.InAccount(ctx, o.Portal.Account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO portal_proof (account_id, token_hash, portal_id, user_id, admin, name, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (account_id, token_hash) DO UPDATE SET admin = EXCLUDED.admin, name = EXCLUDED.name, expires_at = EXCLUDED.expires_at`,
			int64(o.Portal.Account), hash[:], int64(o.Portal.ID), int64(o.User), o.Admin, o.Name, ends)
		return err
	})
	if err != nil {
		return fmt.Errorf("remember a proof of portal %d: %w", o.Portal.ID, err)
	}
	p.memory.put(hash, o, ends)
	return nil
}
