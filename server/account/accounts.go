package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"omni/server/bitrix24"
	"omni/server/clock"
	"omni/server/history"
	"omni/server/httpguard"
	"omni/server/ids"
	"omni/server/relay"
	"omni/server/secret"
	"omni/server/store"
)

// Options are what Accounts are made of. All of them are needed but the lanes and the two hooks.
type Options struct {
	DB *store.DB
	// Clock is the business time.
	Clock clock.Clock
	Keys  *secret.Keyring
	B24   *bitrix24.Client
	// Guard tells which hosts may be reached by plain http.
	Guard *httpguard.Guard
	Log   *slog.Logger
	// Lanes count what is asked of a portal beside its lane. Nil: nobody counts.
	Lanes Lanes
	// Changed is told after the commit that a portal's row changed: feed hints, waking a lane. It must not block.
	Changed func(Portal)
	// Installed is told, once per installation, that a portal was proven and can be worked with. It must not block.
	Installed func(Portal)
}

// Accounts keep accounts and portals. Safe for many goroutines; it holds no state of its own but the request counts of portals that no account has.
type Accounts struct {
	db        *store.DB
	clock     clock.Clock
	keys      *secret.Keyring
	b24       *bitrix24.Client
	guard     *httpguard.Guard
	log       *slog.Logger
	lanes     Lanes
	strangers strangers
	changed   func(Portal)
	installed func(Portal)
}

// New makes the accounts.
func New(o Options) *Accounts {
	a := &Accounts{db: o.DB, clock: o.Clock, keys: o.Keys, b24: o.B24, guard: o.Guard, log: o.Log, lanes: o.Lanes, changed: o.Changed, installed: o.Installed}
	if a.changed == nil {
		a.changed = func(Portal) {}
	}
	if a.installed == nil {
		a.installed = func(Portal) {}
	}
	return a
}

// portalRow is a row of the table portal.
type portalRow struct {
	AccountID        ids.AccountID `gorm:"primaryKey"`
	ID               ids.PortalID  `gorm:"primaryKey;autoIncrement"`
	MemberID         *string
	Name             string
	Domain           string
	ClientEndpoint   string
	ServerEndpoint   string
	ApplicationToken []byte
	Scope            string
	AppStatus        string
	Licence          string
	Language         string
	Version          int
	State            State
	Reason           string
	Finished         bool
	Repair           bool
	Erase            bool
	WorkingUser      *int64
	RefreshOwner     *string
	RefreshUntil     *time.Time
	IdleSince        time.Time
	CreatedAt        time.Time `gorm:"autoCreateTime:false"`
	ChangedAt        time.Time
}

// TableName implements gorm's Tabler.
func (portalRow) TableName() string { return "portal" }

func (r portalRow) portal() Portal {
	p := Portal{
		Account: r.AccountID, ID: r.ID, Name: r.Name, Domain: r.Domain, ClientEndpoint: r.ClientEndpoint, ServerEndpoint: r.ServerEndpoint,
		Scope: SplitScope(r.Scope), AppStatus: r.AppStatus, Licence: r.Licence, Language: r.Language, Version: r.Version,
		Status:    Status{State: r.State, Reason: r.Reason, Finished: r.Finished, Repair: r.Repair},
		CreatedAt: r.CreatedAt, ChangedAt: r.ChangedAt,
	}
	if r.MemberID != nil {
		p.MemberID = *r.MemberID
	}
	return p
}

// called is what people call the portal: its name, without one the domain (P2).
func (r *portalRow) called() string { return cmp.Or(r.Name, r.Domain) }

func (r *portalRow) setStatus(s Status) {
	r.State, r.Reason, r.Finished, r.Repair = s.State, s.Reason, s.Finished, s.Repair
}

func applicationTokenPlace(r Ref) secret.Place {
	return secret.At("portal", "application_token", r.Account, int64(r.Portal))
}

// List gives the account's portals, oldest first, without those that only wait to be erased.
func (a *Accounts) List(ctx context.Context, account ids.AccountID) ([]Portal, error) {
	var rows []portalRow
	err := a.db.InAccountORM(ctx, account, func(_ context.Context, u *store.Unit) error {
		return u.ORM.Where("account_id = ? AND NOT erase", account).Order("id").Find(&rows).Error
	})
	if err != nil {
		return nil, fmt.Errorf("list portals of account %d: %w", account, err)
	}
	portals := make([]Portal, len(rows))
	for i, row := range rows {
		portals[i] = row.portal()
	}
	return portals, nil
}

// Get reads one portal. Error: ErrNoPortal.
func (a *Accounts) Get(ctx context.Context, ref Ref) (Portal, error) {
	var row portalRow
	err := a.db.InAccountORM(ctx, ref.Account, func(_ context.Context, u *store.Unit) error {
		return take(u.ORM, ref, &row)
	})
	if err != nil {
		return Portal{}, fmt.Errorf("read portal %d: %w", ref.Portal, err)
	}
	return row.portal(), nil
}

func take(orm *gorm.DB, ref Ref, row *portalRow) error {
	err := orm.Where("account_id = ? AND id = ?", ref.Account, ref.Portal).Take(row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return ErrNoPortal
	}
	return err
}

// ByMember finds the one portal of that member_id among all accounts. Error: ErrNoPortal. It is a look-up, not a proof.
func (a *Accounts) ByMember(ctx context.Context, member string) (Portal, error) {
	if member == "" {
		return Portal{}, ErrNoPortal
	}
	var row portalRow
	err := a.db.AsSystemORM(ctx, func(_ context.Context, u *store.Unit) error {
		err := u.ORM.Where("member_id = ?", member).Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return ErrNoPortal
		}
		return err
	})
	if err != nil {
		return Portal{}, fmt.Errorf("find portal by member: %w", err)
	}
	return row.portal(), nil
}

// ByDomain finds the portal at that address among all accounts, the one that changed last. Like ByMember it only tells whom to ask. Error: ErrNoPortal.
func (a *Accounts) ByDomain(ctx context.Context, domain string) (Portal, error) {
	var row portalRow
	err := a.db.AsSystemORM(ctx, func(_ context.Context, u *store.Unit) error {
		err := u.ORM.Where("domain = ? AND member_id IS NOT NULL", strings.ToLower(domain)).Order("changed_at DESC").Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return ErrNoPortal
		}
		return err
	})
	if err != nil {
		return Portal{}, fmt.Errorf("find portal by address: %w", err)
	}
	return row.portal(), nil
}

// Happen applies a happening to a portal's life cycle and gives the portal as it is then. Error: ErrNoPortal.
func (a *Accounts) Happen(ctx context.Context, ref Ref, h Happening) (Portal, error) {
	p, err := a.change(ctx, ref, func(row *portalRow) { row.setStatus(Next(row.portal().Status, h)) })
	if err != nil {
		return Portal{}, fmt.Errorf("portal %d %s: %w", ref.Portal, h, err)
	}
	return p, nil
}

// SetName changes what people call the portal. Error: ErrNoPortal.
func (a *Accounts) SetName(ctx context.Context, ref Ref, name string) (Portal, error) {
	return a.change(ctx, ref, func(row *portalRow) { row.Name = strings.TrimSpace(name) })
}

// Rights is the account's rights version; a session with an older one is over.
func (a *Accounts) Rights(ctx context.Context, account ids.AccountID) (int, error) {
	var version int
	err := a.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT rights_version FROM account WHERE id = $1`, int64(account)).Scan(&version)
	})
	if err != nil {
		return 0, fmt.Errorf("read rights version of account %d: %w", account, err)
	}
	return version, nil
}

// RaiseRights ends all sessions of the account: each page renews its own and gets what its person may do now.
func (a *Accounts) RaiseRights(ctx context.Context, account ids.AccountID) error {
	return a.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error { return raiseRights(ctx, tx, account) })
}

func raiseRights(ctx context.Context, tx pgx.Tx, account ids.AccountID) error {
	if _, err := tx.Exec(ctx, `UPDATE account SET rights_version = rights_version + 1 WHERE id = $1`, int64(account)); err != nil {
		return fmt.Errorf("raise rights version of account %d: %w", account, err)
	}
	return nil
}

// change rewrites one portal under its row lock. Nothing is written when fn changed nothing.
func (a *Accounts) change(ctx context.Context, ref Ref, fn func(*portalRow)) (Portal, error) {
	var row portalRow
	changed := false
	err := a.db.InAccountORM(ctx, ref.Account, func(ctx context.Context, u *store.Unit) error {
		if err := take(u.ORM.Clauses(clause.Locking{Strength: "UPDATE"}), ref, &row); err != nil {
			return err
		}
		before := row.portal()
		fn(&row)
		if changed = !samePortal(before, row.portal()); !changed {
			return nil
		}
		row.ChangedAt = a.clock.Now()
		if err := u.ORM.Save(&row).Error; err != nil {
			return err
		}
		if before.Name != row.Name {
			about := history.About{Name: cmp.Or(before.Name, before.Domain), Other: row.called()}
			if err := history.Note(ctx, u.Tx, ref.Account, row.ChangedAt, history.PortalRenamed, about); err != nil {
				return err
			}
		}
		return announce(ctx, u.Tx, ref, row.ChangedAt)
	})
	if err != nil {
		return Portal{}, err
	}
	if changed {
		a.changed(row.portal())
	}
	return row.portal(), nil
}

func samePortal(a, b Portal) bool {
	return a.Name == b.Name && a.Domain == b.Domain && a.ClientEndpoint == b.ClientEndpoint && a.ServerEndpoint == b.ServerEndpoint && a.Status == b.Status &&
		strings.Join(a.Scope, ",") == strings.Join(b.Scope, ",") && a.AppStatus == b.AppStatus && a.Licence == b.Licence && a.Language == b.Language &&
		a.Version == b.Version && a.MemberID == b.MemberID
}

// announce tells open pages that a portal changed; it is the last statement of its transaction.
func announce(ctx context.Context, tx pgx.Tx, ref Ref, now time.Time) error {
	return relay.Append(ctx, tx, ref.Account, now, relay.Event{Name: "portal.changed", Data: map[string]any{"portal": ref.Portal}})
}
