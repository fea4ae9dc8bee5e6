package uis

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// ErrTwoFactor means that the personal account's user has two-factor authentication on: no JWT is given and the way past it is not documented.
// Cure: a user without it.
var ErrTwoFactor = errors.New("uis: the user has two-factor authentication on")

// Login is the proof of a personal account's user for the management API. How long it lives is not documented: log in again on KeyInvalid.
type Login struct {
	JWT     string
	Refresh string
}

// Login logs a user of the personal account in (Chat API, "Managing adapters"). Errors: ErrTwoFactor, KeyInvalid for a wrong password.
func (c *Client) Login(ctx context.Context, user, password string) (Login, error) {
	address, err := c.hosts.Address(LoginAPI)
	if err != nil {
		return Login{}, err
	}
	params, err := encode(map[string]string{"login": user, "password": password, "project": c.hosts.Project})
	if err != nil {
		return Login{}, err
	}
	x := Exchange{API: LoginAPI, Method: "login", Started: time.Now()}
	raw, _, err := c.rpc(ctx, LoginAPI, address, "login", params, &x)
	x.Err = err
	c.report(ctx, x)
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Code != 0 && classOfMnemonic[e.Mnemonic] == "" && e.Code != codeInternal {
			e.Mnemonic = "auth_error" // the login's own error list is not documented; a refusal means the pair was wrong
		}
		return Login{}, err
	}
	var result struct {
		JWT       string `json:"jwt"`
		Refresh   string `json:"refresh"`
		TwoFactor bool   `json:"is_2fa_enabled"`
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		return Login{}, &Error{API: LoginAPI, Method: "login", HTTP: x.HTTP, Message: "unexpected answer", Cause: err, sent: true}
	}
	switch {
	case result.JWT != "":
		return Login{JWT: result.JWT, Refresh: result.Refresh}, nil
	case result.TwoFactor:
		return Login{}, ErrTwoFactor
	}
	return Login{}, &Error{API: LoginAPI, Method: "login", HTTP: x.HTTP, Message: "the answer holds no token", sent: true}
}

// ChatAdapter is an adapter as the management API shows it (Chat API, "Adapter"). Owner nil: a system adapter that nobody can change.
type ChatAdapter struct {
	ID             AdapterID `json:"id"`
	Type           string    `json:"type"` // ^[a-z0-9_]+$, unique
	Name           string    `json:"name"`
	Status         string    `json:"status"` // active, disabled
	ChannelTypes   []string  `json:"supported_channel_types"`
	Owner          *int64    `json:"owner"`
	Login          string    `json:"login"`
	WebhookURL     string    `json:"webhook_url"`
	WebhookVersion string    `json:"webhook_version"`
}

// WebhookAuth is how the platform proves itself to webhook_url. Make one with BearerAuth or BasicAuth.
type WebhookAuth struct {
	Type     string `json:"type"`
	Token    string `json:"token,omitempty"`
	Login    string `json:"login,omitempty"`
	Password string `json:"password,omitempty"`
}

// BearerAuth makes webhooks carry "Authorization: Bearer token".
func BearerAuth(token string) *WebhookAuth { return &WebhookAuth{Type: "Bearer", Token: token} }

// BasicAuth makes webhooks carry "Authorization: Basic base64(login:password)".
func BasicAuth(login, password string) *WebhookAuth {
	return &WebhookAuth{Type: "Basic", Login: login, Password: password}
}

// WebhookKwargs tune the platform's requests to webhook_url.
type WebhookKwargs struct {
	Timeout float64           `json:"timeout,omitempty"` // seconds
	Headers map[string]string `json:"headers,omitempty"`
}

// AdapterFields are the values of an adapter to write; empty ones are left out. Type only counts when creating.
type AdapterFields struct {
	Type           string         `json:"type,omitempty"`
	Name           string         `json:"name,omitempty"`
	Login          string         `json:"login,omitempty"`
	Password       string         `json:"password,omitempty"`
	Status         string         `json:"status,omitempty"`
	WebhookURL     string         `json:"webhook_url,omitempty"`
	WebhookVersion string         `json:"webhook_version,omitempty"` // v1, v2 (default)
	WebhookAuth    *WebhookAuth   `json:"webhook_auth,omitempty"`
	WebhookKwargs  *WebhookKwargs `json:"webhook_kwargs,omitempty"`
	ChannelTypes   []string       `json:"supported_channel_types,omitempty"`
}

// AdapterChannelTypes are the channel types an adapter can serve (Chat API, "Adapter").
func AdapterChannelTypes() []string {
	return []string{"comagic", "telegram", "auto_ru", "avito", "realty_yandex", "viber", "telegram_private", "whatsapp", "waba", "sms", "email"}
}

// FirstContactBy tells how a chat can be started in a channel of the type: by "phone", "email" or "username"; none: the client has to start.
// (Chat API, "Creating a chat")
func FirstContactBy(channelType string) []string {
	switch channelType {
	case "whatsapp", "waba", "sms":
		return []string{"phone"}
	case "telegram_private":
		return []string{"phone", "username"}
	case "email":
		return []string{"email"}
	}
	return nil
}

// Channel is a chat channel as the management API shows it. ID is what connections list and what webhooks call context.chat_channel_id;
// ChannelID is a second number in the vendor's example, of undocumented meaning.
type Channel struct {
	ID           ChannelID `json:"id"`
	ChannelID    int64     `json:"channel_id"`
	Type         string    `json:"type"`
	Name         string    `json:"name"`
	Active       bool      `json:"is_active"`
	Removed      bool      `json:"is_removed"`
	Status       string    `json:"status"`
	StatusReason string    `json:"status_reason"`
}

// Connection is an adapter connected to an account's channels; the platform calls it the adapter's account.
type Connection struct {
	ID        ConnectionID   `json:"id,omitempty"`
	Name      string         `json:"name"`
	AdapterID AdapterID      `json:"adapter_id"`
	Channels  []ChannelID    `json:"channels"`
	Context   map[string]any `json:"context"`
	Status    string         `json:"status,omitempty"` // active, disabled
}

// ScenarioCreated is the context key that controls whether the scenario "Переадресация в CRM" is attached to the connected channels by itself.
const ScenarioCreated = "is_chat_integration_scenario_created"

// Management is the main chat API in the name of one logged-in user.
type Management struct {
	client *Client
	jwt    string
}

// Management gives the main chat API for a login's JWT. A refused JWT shows as KeyInvalid: log in again.
func (c *Client) Management(jwt string) *Management { return &Management{client: c, jwt: jwt} }

// Adapters lists adapters, the user's own and system ones. (GET integration/adapter)
func (m *Management) Adapters(ctx context.Context) ([]ChatAdapter, error) {
	var rows items[ChatAdapter]
	err := m.call(ctx, http.MethodGet, "integration/adapter", nil, true, &rows)
	return rows, err
}

// CreateAdapter registers an adapter. (POST integration/adapter)
func (m *Management) CreateAdapter(ctx context.Context, fields AdapterFields) (ChatAdapter, error) {
	var made ChatAdapter
	err := m.call(ctx, http.MethodPost, "integration/adapter", fields, true, &made)
	return made, err
}

// PatchAdapter changes an adapter. (PATCH integration/adapter/{id})
func (m *Management) PatchAdapter(ctx context.Context, id AdapterID, fields AdapterFields) (ChatAdapter, error) {
	fields.Type = ""
	var changed ChatAdapter
	err := m.call(ctx, http.MethodPatch, "integration/adapter/"+itoa(int64(id)), fields, true, &changed)
	return changed, err
}

// DeleteAdapter removes an adapter that no connection uses. (DELETE integration/adapter/{id})
func (m *Management) DeleteAdapter(ctx context.Context, id AdapterID) error {
	return m.call(ctx, http.MethodDelete, "integration/adapter/"+itoa(int64(id)), nil, true, nil)
}

// Channels lists the account's chat channels. (GET integration/channel)
func (m *Management) Channels(ctx context.Context) ([]Channel, error) {
	var rows items[Channel]
	err := m.call(ctx, http.MethodGet, "integration/channel", nil, false, &rows)
	return rows, err
}

// Accounts lists connections. (GET integration/account)
func (m *Management) Accounts(ctx context.Context) ([]Connection, error) {
	var rows items[Connection]
	err := m.call(ctx, http.MethodGet, "integration/account", nil, false, &rows)
	return rows, err
}

// CreateAccount connects an adapter. The adapter's webhook_url must be reachable at this moment. (POST integration/account)
func (m *Management) CreateAccount(ctx context.Context, want Connection) (Connection, error) {
	want.ID, want.Status = 0, ""
	if want.Context == nil {
		want.Context = map[string]any{}
	}
	if want.Channels == nil {
		want.Channels = []ChannelID{}
	}
	var made Connection
	err := m.call(ctx, http.MethodPost, "integration/account", want, false, &made)
	return made, err
}

// PatchAccount changes a connection: only Name, Channels and Context of want are sent, Context only when not nil. (PATCH integration/account/{id})
func (m *Management) PatchAccount(ctx context.Context, id ConnectionID, want Connection) (Connection, error) {
	if want.Channels == nil {
		want.Channels = []ChannelID{}
	}
	body := map[string]any{"name": want.Name, "channels": want.Channels}
	if want.Context != nil {
		body["context"] = want.Context
	}
	var changed Connection
	err := m.call(ctx, http.MethodPatch, "integration/account/"+itoa(int64(id)), body, false, &changed)
	return changed, err
}

// DeleteAccount removes a connection; NotFound means it is gone already. (DELETE integration/account/{id})
func (m *Management) DeleteAccount(ctx context.Context, id ConnectionID) error {
	return m.call(ctx, http.MethodDelete, "integration/account/"+itoa(int64(id)), nil, false, nil)
}

func (m *Management) call(ctx context.Context, verb, path string, body any, secret bool, out any) error {
	name := verb + " " + path
	if i := strings.LastIndexByte(path, '/'); verb == http.MethodPatch || verb == http.MethodDelete {
		name = verb + " " + path[:i]
	}
	return m.client.rest(ctx, restCall{api: ChatsAPI, verb: verb, path: path, name: name, bearer: m.jwt, body: body, secret: secret}, out)
}
