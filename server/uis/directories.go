package uis

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Account is the customer's account at the platform (Data API, get.account).
type Account struct {
	AppID    int64  `json:"app_id"` // context.app_id of chat webhooks
	Name     string `json:"name"`
	TimeZone string `json:"timezone"` // IANA
}

// Location is the account's time zone, in which the Data API and notifications give their times.
func (a Account) Location() (*time.Location, error) {
	zone, err := time.LoadLocation(a.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("uis: account %d has the unknown time zone %q", a.AppID, a.TimeZone)
	}
	return zone, nil
}

// Account reads the account; it is the cheapest check of a key. (get.account)
func (c *Client) Account(ctx context.Context) (Account, Metadata, error) {
	var raw json.RawMessage
	metadata, err := c.Call(ctx, DataAPI, "get.account", nil, &raw)
	if err != nil {
		return Account{}, metadata, err
	}
	var rows []Account // the page shows a list of one
	if len(raw) > 0 && raw[0] == '{' {
		rows = make([]Account, 1)
		err = json.Unmarshal(raw, &rows[0])
	} else {
		err = json.Unmarshal(raw, &rows)
	}
	if err != nil || len(rows) == 0 {
		return Account{}, metadata, &Error{API: DataAPI, Method: "get.account", HTTP: 200, Message: "unexpected data", Cause: err, sent: true}
	}
	return rows[0], metadata, nil
}

// Employee is a person of the account (Data API, get.employees).
type Employee struct {
	ID           EmployeeID `json:"id"`
	Login        string     `json:"login"`
	FirstName    string     `json:"first_name"`
	LastName     string     `json:"last_name"`
	Patronymic   string     `json:"patronymic"`
	FullName     string     `json:"full_name"`
	Email        string     `json:"email"`
	StatusID     StatusID   `json:"status_id"`
	Groups       []GroupRef `json:"groups"`
	PhoneNumbers []struct {
		ID     NumberID `json:"phone_id"`
		Number Word     `json:"phone_number"` // may hold an extra dial: 7495…...2345
		Status string   `json:"status"`       // active, inactive
	} `json:"phone_numbers"`
	Extension struct {
		Number Word `json:"extension_phone_number"`
	} `json:"extension"`
	Operator struct {
		DisplayName     string `json:"operator_display_name"`
		Login           string `json:"operator_login"`
		ChatEnabled     bool   `json:"operator_chat_enabled"`
		RequestsEnabled bool   `json:"operator_offline_message_enabled"`
	} `json:"operator"`
}

// Active lists the numbers the platform may ring the employee at, in their order of priority.
func (e Employee) Active() []string {
	var numbers []string
	for _, n := range e.PhoneNumbers {
		if n.Status != "inactive" && n.Number != "" {
			numbers = append(numbers, string(n.Number))
		}
	}
	return numbers
}

// GroupRef names a group an employee or contact belongs to.
type GroupRef struct {
	ID   GroupID `json:"group_id"`
	Name string  `json:"group_name"`
}

// Employees lists people. (get.employees)
func (c *Client) Employees(ctx context.Context, q Query) ([]Employee, Metadata, error) {
	return list[Employee](ctx, c, "get.employees", q)
}

// Group is a group of employees (Data API, get.group_employees).
type Group struct {
	ID      GroupID `json:"id"`
	Name    string  `json:"name"`
	Number  Word    `json:"group_phone_number"`
	Members []struct {
		EmployeeID EmployeeID `json:"employee_id"`
		FullName   string     `json:"employee_full_name"`
	} `json:"members"`
}

// Groups lists groups of employees. (get.group_employees)
func (c *Client) Groups(ctx context.Context, q Query) ([]Group, Metadata, error) {
	return list[Group](ctx, c, "get.group_employees", q)
}

// VirtualNumber is a number the account rents (Data API, get.virtual_numbers).
type VirtualNumber struct {
	ID        NumberID `json:"id"`
	Number    Word     `json:"virtual_phone_number"` // E.164 digits
	Name      string   `json:"name"`
	Status    string   `json:"status"` // active, waiting, cleaning, prereserved, reserved, manual_lock, limit_lock
	Type      string   `json:"type"`   // va, call_tracking, dynamic_call_tracking
	Campaigns []struct {
		ID       CampaignID `json:"campaign_id"`
		Name     string     `json:"campaign_name"`
		SiteID   SiteID     `json:"site_id"`
		SiteName string     `json:"site_domain_name"`
	} `json:"campaigns"`
	Scenarios []struct {
		ID   ScenarioID `json:"scenario_id"`
		Name string     `json:"scenario_name"`
	} `json:"scenarios"`
}

// VirtualNumbers lists the account's numbers. (get.virtual_numbers)
func (c *Client) VirtualNumbers(ctx context.Context, q Query) ([]VirtualNumber, Metadata, error) {
	return list[VirtualNumber](ctx, c, "get.virtual_numbers", q)
}

// Site is a site of the account (Data API, get.sites).
type Site struct {
	ID     SiteID `json:"id"`
	Domain string `json:"domain_name"`
	Name   string `json:"name"`
	State  string `json:"state"` // new, disable, error, work
}

// Sites lists sites. Accounts without analytics answer ComponentMissing: the feature is absent. (get.sites)
func (c *Client) Sites(ctx context.Context, q Query) ([]Site, Metadata, error) {
	return list[Site](ctx, c, "get.sites", q)
}

// Campaign is an advertising campaign (Data API, get.campaigns). Id -1 or type "system": visitors without a campaign.
type Campaign struct {
	ID     CampaignID `json:"id"`
	Name   string     `json:"name"`
	Status string     `json:"status"` // active, inactive
	Type   string     `json:"type"`   // basic, system, integrated
	SiteID SiteID     `json:"site_id"`
	Site   string     `json:"site_domain_name"`
}

// Campaigns lists campaigns. Accounts without analytics answer ComponentMissing. (get.campaigns)
func (c *Client) Campaigns(ctx context.Context, q Query) ([]Campaign, Metadata, error) {
	return list[Campaign](ctx, c, "get.campaigns", q)
}

// Scenario is a telephone scenario (Data API, get.scenarios). Operations come only when asked for in Query.Fields.
type Scenario struct {
	ID             ScenarioID      `json:"id"`
	Name           string          `json:"name"`
	VirtualNumbers json.RawMessage `json:"virtual_phone_numbers"`
	Operations     json.RawMessage `json:"operations"`
}

// Scenarios lists telephone scenarios. (get.scenarios, component va)
func (c *Client) Scenarios(ctx context.Context, q Query) ([]Scenario, Metadata, error) {
	return list[Scenario](ctx, c, "get.scenarios", q)
}

// Status is a status an employee can have (Data API, get.statuses).
type Status struct {
	ID       StatusID `json:"id"`
	Name     string   `json:"name"`
	Mnemonic string   `json:"mnemonic"` // standard statuses only: available, break, do_not_disturb, not_at_workplace, not_at_work, auto_out_call, unknown
	Color    string   `json:"color"`
	Deleted  bool     `json:"is_deleted"`
	Worktime bool     `json:"is_worktime"`
	// Selectable says whether a person may choose it.
	Selectable bool `json:"is_select_allowed"`
}

// Statuses lists statuses, deleted ones only with Extra{"is_deleted": true}. (get.statuses)
func (c *Client) Statuses(ctx context.Context, q Query) ([]Status, Metadata, error) {
	return list[Status](ctx, c, "get.statuses", q)
}

// SetEmployeeStatus gives an employee a status. Repeating it is harmless. (update.employees)
func (c *Client) SetEmployeeStatus(ctx context.Context, employee EmployeeID, status StatusID) (Metadata, error) {
	return c.Call(ctx, DataAPI, MethodUpdateEmployees, map[string]any{"id": employee, "status_id": status}, nil)
}

// ChatChannel is a chat channel of the account (Data API, get.chat_channels). Novofon has no such page.
type ChatChannel struct {
	ID           ChannelID  `json:"id"`
	Name         string     `json:"name"`
	Type         string     `json:"type"`   // comagic, whatsapp, telegram, telegram_private, waba, avito, email, sms …; the list grows
	Status       string     `json:"status"` // active, deleted, error, idle, inactive, init
	GroupID      GroupID    `json:"group_id"`
	GroupName    string     `json:"group_name"`
	EmployeeID   EmployeeID `json:"employee_id"` // owner of a personal channel
	EmployeeName string     `json:"employee_full_name"`
	ExternalID   Word       `json:"channel_external_id"` // phone, bot name or community name
}

// ChatChannels lists chat channels. (get.chat_channels)
func (c *Client) ChatChannels(ctx context.Context, q Query) ([]ChatChannel, Metadata, error) {
	return list[ChatChannel](ctx, c, "get.chat_channels", q)
}

// list asks for one page of a get.* method.
func list[T any](ctx context.Context, c *Client, method string, q Query) ([]T, Metadata, error) {
	var rows []T
	metadata, err := c.Call(ctx, DataAPI, method, q.params(), &rows)
	return rows, metadata, err
}
