package uisconn

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"omni/server/history"
	"omni/server/ids"
	"omni/server/store"
	"omni/server/uis"
)

// Credentials are what an administrator enters. A nil field keeps what is stored.
type Credentials struct {
	Brand                             uis.Brand
	APIKey, ChatsLogin, ChatsPassword *string
}

// attempt is one Put under way: what is tested, with what is known of it so far.
type attempt struct {
	account         ids.AccountID
	brand           uis.Brand
	key             string
	login, password string
	about           uis.Account
	jwt             string
	checks          checks
	// changed are the parts of the connection that are others than before, for the account's history.
	changed []string
}

// Put tests the credentials, each at once and in words (U1), stores those that are not certainly wrong, registers our adapter and its connection (U2)
// and reads channels and employees (U4). A wrong credential never replaces one that is stored. Any number of times. Errors: ErrBrand; what failed at
// UIS is in the checks.
func (c *Connections) Put(ctx context.Context, account ids.AccountID, given Credentials) (Connection, error) {
	a, err := c.prepare(ctx, account, given)
	if err != nil {
		return Connection{}, err
	}
	if err := c.test(ctx, a); err != nil {
		return Connection{}, err
	}
	r, stored, err := c.store(ctx, a)
	if err != nil {
		return Connection{}, err
	}
	if !stored {
		return Connection{Brand: given.Brand, Checks: a.checks}, nil
	}
	if a.jwt != "" {
		a.checks = append(a.checks, c.register(ctx, a, r))
	}
	a.checks = append(a.checks, c.readDirectories(ctx, a, r)...)
	r, err = c.noteChecks(ctx, a)
	if err != nil {
		return Connection{}, err
	}
	c.forget(account)
	c.Changed(account)
	for _, check := range a.checks {
		if check.Code == CheckEmployees && check.Why == "ok" {
			c.Connected(account)
		}
	}
	return c.view(r)
}

// prepare puts what was given and what is stored together.
func (c *Connections) prepare(ctx context.Context, account ids.AccountID, given Credentials) (*attempt, error) {
	if _, err := given.Brand.Hosts(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBrand, err)
	}
	a := &attempt{account: account, brand: given.Brand}
	stored, err := c.read(ctx, account)
	if err != nil && !errors.Is(err, ErrNotConnected) {
		return nil, err
	}
	if stored.Brand == given.Brand { // credentials of one brand mean nothing to another
		if a.key, err = c.open(account, "api_key", stored.APIKey); err != nil {
			return nil, err
		}
		if a.password, err = c.open(account, "chats_password", stored.ChatsPassword); err != nil {
			return nil, err
		}
		a.login = stored.ChatsLogin
	} else {
		a.changed = append(a.changed, "brand")
	}
	for _, field := range []struct {
		given *string
		into  *string
		part  string
	}{{given.APIKey, &a.key, "api_key"}, {given.ChatsLogin, &a.login, "chats_login"}, {given.ChatsPassword, &a.password, "chats_password"}} {
		if field.given == nil {
			continue
		}
		text := strings.TrimSpace(*field.given)
		if text != *field.into {
			a.changed = append(a.changed, field.part)
		}
		*field.into = text
	}
	return a, nil
}

// test asks UIS about each credential.
func (c *Connections) test(ctx context.Context, a *attempt) error {
	client, err := c.client(a.account, a.brand, a.key)
	if err != nil {
		return err
	}
	if a.key == "" {
		a.checks = append(a.checks, Check{Code: CheckDataAPI, Why: "missing"}, Check{Code: CheckCallAPI, Why: "missing"})
	} else {
		a.about, _, err = client.Account(ctx)
		a.checks = append(a.checks, judge(CheckDataAPI, err))
		_, _, err = client.ListCalls(ctx, "", "")
		a.checks = append(a.checks, judge(CheckCallAPI, err))
		for i := range a.checks {
			if a.checks[i].Why == string(uis.IPNotAllowed) {
				a.checks[i].IP = outgoing(ctx, client.Hosts().DataAPI)
			}
		}
	}
	switch {
	case !client.Hosts().Offers(uis.LoginAPI):
		a.checks = append(a.checks, Check{Code: CheckLogin, OK: true, Why: "absent"})
	case a.login == "" || a.password == "":
		a.checks = append(a.checks, Check{Code: CheckLogin, Why: "missing"})
	default:
		login, err := client.Login(ctx, a.login, a.password)
		a.jwt = login.JWT
		a.checks = append(a.checks, judge(CheckLogin, err))
	}
	return nil
}

func (a *attempt) check(code string) Check {
	for _, check := range a.checks {
		if check.Code == code {
			return check
		}
	}
	return Check{Code: code}
}

// store writes the credentials that may be right. The row is durable before anything is made at UIS: the account's webhook comes while its creation
// still runs. false: nothing could be stored.
func (c *Connections) store(ctx context.Context, a *attempt) (row, bool, error) {
	keyGood := a.key != "" && !refusedForGood(a.check(CheckDataAPI))
	chatsGood := a.login != "" && a.password != "" && !refusedForGood(a.check(CheckLogin))
	var r row
	stored := true
	err := c.DB.InAccountORM(ctx, a.account, func(ctx context.Context, u *store.Unit) error {
		kind := history.UISChanged
		err := u.ORM.Clauses(clause.Locking{Strength: "UPDATE"}).Where("account_id = ?", a.account).Take(&r).Error
		if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
			return err
		}
		if err != nil {
			if stored = keyGood || chatsGood; !stored {
				return nil
			}
			r, kind = c.newRow(a.account, a.brand), history.UISConnected
		}
		if !keyGood && !chatsGood && r.Brand != a.brand {
			stored = false
			return nil
		}
		c.fill(&r, a, keyGood, chatsGood)
		if err := u.ORM.Save(&r).Error; err != nil {
			return err
		}
		parts := slices.DeleteFunc(slices.Clone(a.changed), func(part string) bool {
			return part == "api_key" && !keyGood || strings.HasPrefix(part, "chats_") && !chatsGood // what was refused was not stored
		})
		if kind == history.UISChanged && len(parts) == 0 {
			return nil
		}
		return history.Note(ctx, u.Tx, a.account, c.Clock.Now(), kind, history.About{Name: string(a.brand), Parts: parts})
	})
	if err != nil {
		return row{}, false, fmt.Errorf("store UIS connection of account %d: %w", a.account, err)
	}
	return r, stored, nil
}

func (c *Connections) newRow(account ids.AccountID, brand uis.Brand) row {
	token := rand.Text()
	hash := sha256.Sum256([]byte(token))
	name := strings.ToLower(rand.Text()[:16])
	return row{
		AccountID: account, Brand: brand, URLTokenHash: hash[:], URLToken: c.seal(account, "url_token", token),
		WebhookSecret: c.seal(account, "webhook_secret", rand.Text()+rand.Text()),
		AdapterType:   "omni_b24_" + name, AdapterLogin: "omni_" + name, AdapterPassword: c.seal(account, "adapter_password", rand.Text()+rand.Text()),
	}
}

func (c *Connections) fill(r *row, a *attempt, keyGood, chatsGood bool) {
	moved := r.Brand != a.brand || r.AppID != nil && a.about.AppID != 0 && *r.AppID != a.about.AppID
	if moved {
		// Another account at UIS knows nothing of our adapter, nor of the other credentials.
		r.AdapterID, r.ConnectionID, r.AppID, r.AccountName, r.Timezone = nil, nil, nil, "", ""
		r.APIKey, r.ChatsLogin, r.ChatsPassword = nil, "", nil
	}
	r.Brand = a.brand
	if keyGood {
		r.APIKey = c.seal(a.account, "api_key", a.key)
	}
	if chatsGood {
		r.ChatsLogin, r.ChatsPassword = a.login, c.seal(a.account, "chats_password", a.password)
	}
	if a.about.AppID != 0 {
		r.AppID, r.AccountName, r.Timezone = &a.about.AppID, a.about.Name, a.about.TimeZone
	}
	r.Checks, r.Version, r.ChangedAt = a.checks, r.Version+1, c.Clock.Now()
}

func (c *Connections) noteChecks(ctx context.Context, a *attempt) (row, error) {
	var r row
	err := c.DB.InAccountORM(ctx, a.account, func(_ context.Context, u *store.Unit) error {
		now := c.Clock.Now()
		err := u.ORM.Model(&row{}).Where("account_id = ?", a.account).Updates(&row{Checks: a.checks, CheckedAt: &now}).Error
		if err != nil {
			return err
		}
		return u.ORM.Where("account_id = ?", a.account).Take(&r).Error
	})
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row{}, ErrNotConnected
	}
	if err != nil {
		return row{}, fmt.Errorf("note the checks of account %d: %w", a.account, err)
	}
	return r, nil
}
