package uisplatform

import (
	"context"
	"fmt"
	"time"
)

// Account is one UIS account of a platform. Its methods play the people around it: clients, operators of the vendor's own workplace, callers.
type Account struct {
	p   *Platform
	cfg AccountConfig
	loc *time.Location

	// All below is guarded by the platform's lock.
	next       int64
	channels   []*channel
	employees  []*Employee
	contacts   []*Contact
	chats      map[int64]*chat
	chatOrder  []*chat
	visitors   map[string]*visitor
	messages   map[int64]*message
	resources  map[int64]*resource
	links      []*link
	calls      []*call
	requests   []*request
	marks      map[mark][]tagMark
	notes      []Notification
	data, call meter
	deliveries []Delivery
	queues     map[string]*queue
	watchers   map[chan phoneEvent]struct{}
	script     CallScript
	blocked    bool
	autoRead   PhoneMarks
}

// AddAccount adds an account. It panics on a wrong description, which is a mistake of the test that wrote it.
func (p *Platform) AddAccount(cfg AccountConfig) *Account {
	a, err := p.addAccount(cfg)
	if err != nil {
		panic("uisplatform: " + err.Error())
	}
	return a
}

func (p *Platform) addAccount(cfg AccountConfig) (*Account, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.accounts[cfg.Name] != nil {
		return nil, fmt.Errorf("account %s exists already", cfg.Name)
	}
	for _, other := range p.order {
		if cfg.APIKey != "" && other.cfg.APIKey == cfg.APIKey {
			return nil, fmt.Errorf("accounts %s and %s have the same key", other.cfg.Name, cfg.Name)
		}
		if cfg.Login != "" && other.cfg.Login == cfg.Login {
			return nil, fmt.Errorf("accounts %s and %s have the same login", other.cfg.Name, cfg.Name)
		}
	}
	n := int64(len(p.order) + 1)
	if cfg.AppID == 0 {
		cfg.AppID = 4700 + n
	}
	if cfg.FirstID == 0 {
		cfg.FirstID = n * 1_000_000
	}
	a := &Account{p: p, cfg: cfg}
	a.loc, _ = time.LoadLocation(cfg.Timezone)
	a.reset()
	p.accounts[cfg.Name] = a
	p.order = append(p.order, a)
	return a, nil
}

// reset puts the account into its initial state; the lock is held.
func (a *Account) reset() {
	cfg := a.cfg
	a.next = cfg.FirstID
	a.chats, a.chatOrder = map[int64]*chat{}, nil
	a.visitors, a.messages, a.resources = map[string]*visitor{}, map[int64]*message{}, map[int64]*resource{}
	a.links, a.calls, a.requests, a.notes, a.deliveries = nil, nil, nil, nil, nil
	a.marks = map[mark][]tagMark{}
	a.data, a.call = meter{}, meter{}
	a.queues = map[string]*queue{}
	if a.watchers == nil {
		a.watchers = map[chan phoneEvent]struct{}{}
	}
	a.script, a.blocked, a.autoRead = CallScript{}, false, PhoneMarks{}
	a.channels, a.employees, a.contacts = nil, nil, nil
	for _, c := range cfg.Channels {
		if c.ID == 0 {
			c.ID = a.id()
		}
		if c.Status == "" {
			c.Status = "active"
		}
		a.channels = append(a.channels, &channel{Channel: c})
	}
	for _, e := range cfg.Employees {
		if e.ID == 0 {
			e.ID = a.id()
		}
		if e.StatusID == 0 && len(cfg.Statuses) > 0 {
			e.StatusID = cfg.Statuses[0].ID
		}
		if e.CallRecording == "" {
			e.CallRecording = "all"
		}
		a.employees = append(a.employees, &e)
	}
	for _, c := range cfg.Contacts {
		if c.ID == 0 {
			c.ID = a.id()
		}
		a.contacts = append(a.contacts, &c)
	}
}

// id is the next number of the account; one counter serves all kinds of objects. The lock is held.
func (a *Account) id() int64 {
	a.next++
	return a.next
}

// Name is the account's name.
func (a *Account) Name() string { return a.cfg.Name }

// Config is the account's description as it was completed by AddAccount.
func (a *Account) Config() AccountConfig {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	return a.cfg
}

// Block makes every API of the account answer that it is blocked (account_inactive), or ends that.
func (a *Account) Block(on bool) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.blocked = on
}

// SetAPIKey replaces the permanent key: the old one is refused from now on.
func (a *Account) SetAPIKey(key string) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.cfg.APIKey = key
}

// SetIPs replaces the white list of the Data API and Call API.
func (a *Account) SetIPs(list ...string) error {
	for _, ip := range list {
		if _, err := parseNet(ip); err != nil {
			return err
		}
	}
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.cfg.IPs = append([]string{}, list...)
	return nil
}

// SetLimits replaces the limits of the Data API and Call API, in points.
func (a *Account) SetLimits(day, minute int) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.cfg.DayLimit, a.cfg.MinuteLimit = day, minute
}

// SetComponents replaces the tariff's components; nil: all.
func (a *Account) SetComponents(list []string) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.cfg.Components = list
}

// Settled waits until the whole platform rests; see Platform.Settled.
func (a *Account) Settled(ctx context.Context) error { return a.p.Settled(ctx) }

func (a *Account) employee(id int64) *Employee {
	for _, e := range a.employees {
		if e.ID == id {
			return e
		}
	}
	return nil
}

func (a *Account) channel(id int64) *channel {
	for _, c := range a.channels {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// ChannelOfType is the id of the first channel of that type, 0 when there is none.
func (a *Account) ChannelOfType(typ string) int64 {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	for _, c := range a.channels {
		if c.Type == typ {
			return c.ID
		}
	}
	return 0
}

// local writes a moment as the Data API does: YYYY-MM-DD hh:mm:ss in the account's time zone.
func (a *Account) local(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.In(a.loc).Format(dateFormat)
}

const dateFormat = "2006-01-02 15:04:05"
