package uisplatform

import (
	"fmt"
	"net/netip"
	"regexp"
	"time"
)

// AccountConfig describes a UIS account. Lists left nil are empty; DemoAccount gives a complete one.
type AccountConfig struct {
	// Name is the account's name in addresses and in the control API: latin letters, digits, "-" and "_".
	Name string
	// Title is what get.account answers as name; default Name.
	Title string
	// AppID is the client id (app_id of webhooks and get.account); default: numbered.
	AppID int64
	// APIKey is the permanent key of the Data API and Call API. Login and Password open login.user and the chats management (Project: uis2, comagic or usa;
	// default uis2).
	APIKey, Login, Password, Project string
	// Timezone is an IANA name; default Europe/Moscow.
	Timezone string
	// FirstID is the number after which all ids of the account start. Two accounts with the same FirstID are twins: equal ids everywhere. 0: a range of its own.
	FirstID int64
	// IPs is the white list (addresses or networks); nil: everybody, empty but not nil: nobody, as in a new account.
	IPs []string
	// Components are the tariff's components; nil: all.
	Components []string
	// Limits of the Data API and of the Call API, points; 0: 1000 a day and 250 a minute for each.
	DayLimit, MinuteLimit int
	// TwoFactor makes the personal account's login answer is_2fa_enabled.
	TwoFactor bool

	Employees      []Employee
	Groups         []Group
	Channels       []Channel
	VirtualNumbers []VirtualNumber
	Sites          []Site
	Campaigns      []Campaign
	Scenarios      []Scenario
	Tags           []Tag
	Statuses       []Status
	Contacts       []Contact
}

// Employee of an account; ids left 0 are numbered. The id is the operator_id of the Chat API.
type Employee struct {
	ID                              int64
	LastName, FirstName, Patronymic string
	Email, Login                    string
	StatusID                        int64    // 0: the first status
	Phones                          []string // active numbers in order of priority, E.164 digits
	Extension                       string
	Operator                        bool // may work in chats
	Groups                          []int64
	CallRecording                   string // all, in, out, off; default all
}

// FullName is "last first patronymic", as UIS builds it.
func (e Employee) FullName() string { return joinWords(e.LastName, e.FirstName, e.Patronymic) }

// Group of employees.
type Group struct {
	ID          int64
	Name, Phone string
}

// Channel of chats. Type is a mnemonic such as whatsapp, telegram, telegram_private, waba, sms, email, comagic, avito, vkontakte_groups.
type Channel struct {
	ID                int64
	Type, Name        string
	ExternalID        string // phone or bot name
	Status            string // active (default), deleted, error, idle, inactive, init
	StatusReason      string
	GroupID, Employee int64      // owner of a personal channel
	Templates         []Template // waba only
}

// Template is a message template of a waba channel.
type Template struct {
	ID         int64
	Name, Text string
}

// VirtualNumber of an account: E.164 digits.
type VirtualNumber struct {
	ID           int64
	Number, Name string
	Scenario     int64
	Campaign     int64
	CallTracking bool
}

// Site of an account.
type Site struct {
	ID           int64
	Domain, Name string
}

// Campaign is an advertising campaign; -1 stands for visitors without one.
type Campaign struct {
	ID   int64
	Name string
	Site int64
}

// Scenario of call processing.
type Scenario struct {
	ID   int64
	Name string
}

// Tag that can be put on communications.
type Tag struct {
	ID     int64
	Name   string
	System bool
}

// Status of employees. Mnemonic is set for the standard ones only.
type Status struct {
	ID                          int64
	Name, Mnemonic, Description string
	Color                       string
	InCalls, OutCalls           bool // external calls allowed
	Worktime                    bool
}

// Contact of the account's address book.
type Contact struct {
	ID                              int64
	LastName, FirstName, Patronymic string
	Phones, Emails                  []string
	Manager                         int64 // employee, 0: none
}

// FullName is "last first patronymic".
func (c Contact) FullName() string { return joinWords(c.LastName, c.FirstName, c.Patronymic) }

var accountName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// check completes c and names what is wrong with it.
func (c *AccountConfig) check() error {
	if !accountName.MatchString(c.Name) {
		return fmt.Errorf("account name %q: only latin letters, digits, - and _", c.Name)
	}
	if c.Title == "" {
		c.Title = c.Name
	}
	if c.Timezone == "" {
		c.Timezone = "Europe/Moscow"
	}
	if _, err := time.LoadLocation(c.Timezone); err != nil {
		return fmt.Errorf("time zone of account %s: %w", c.Name, err)
	}
	if c.Project == "" {
		c.Project = "uis2"
	}
	if c.DayLimit == 0 {
		c.DayLimit = 1000
	}
	if c.MinuteLimit == 0 {
		c.MinuteLimit = 250
	}
	for _, ip := range c.IPs {
		if _, err := parseNet(ip); err != nil {
			return fmt.Errorf("white list of account %s: %w", c.Name, err)
		}
	}
	for _, ch := range c.Channels {
		if _, known := channelTypes[ch.Type]; !known {
			return fmt.Errorf("channel %q of account %s has an unknown type %q", ch.Name, c.Name, ch.Type)
		}
	}
	return nil
}

func parseNet(s string) (netip.Prefix, error) {
	if n, err := netip.ParsePrefix(s); err == nil {
		return n, nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("neither an address nor a network: %q", s)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

func joinWords(words ...string) string {
	out := ""
	for _, w := range words {
		if w == "" {
			continue
		}
		if out != "" {
			out += " "
		}
		out += w
	}
	return out
}
