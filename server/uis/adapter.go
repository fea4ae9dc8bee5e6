package uis

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// AdapterCredentials are the login and password the adapter was registered with.
type AdapterCredentials struct{ Login, Password string }

// AdapterToken lets an adapter call the Chat API until it expires.
type AdapterToken struct {
	Value     string
	ExpiresAt time.Time // zero: not told
}

// AdapterLogin gets a token. Most callers use an AdapterSession instead. (POST login, form)
func (c *Client) AdapterLogin(ctx context.Context, credentials AdapterCredentials) (AdapterToken, error) {
	base, err := c.hosts.Address(AdapterAPI)
	if err != nil {
		return AdapterToken{}, err
	}
	form := url.Values{"username": {credentials.Login}, "password": {credentials.Password}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"login", strings.NewReader(form.Encode()))
	if err != nil {
		return AdapterToken{}, fmt.Errorf("uis: making the request: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	const name = "POST login"
	x := Exchange{API: AdapterAPI, Method: name, Started: time.Now()}
	var made struct {
		Token     string `json:"access_token"`
		ExpiresAt Count  `json:"expires_at"`
	}
	got, failure := c.do(r, AdapterAPI, name)
	if failure != nil {
		x.HTTP, x.Err = failure.HTTP, failure
	} else {
		x.HTTP, x.Err = got.status, judgeREST(AdapterAPI, name, got, &made)
	}
	if x.Err == nil && made.Token == "" {
		x.Err = &Error{API: AdapterAPI, Method: name, HTTP: got.status, Message: "the answer holds no token", sent: true}
	}
	c.report(ctx, x)
	if x.Err != nil {
		return AdapterToken{}, x.Err
	}
	token := AdapterToken{Value: made.Token}
	if made.ExpiresAt > 0 {
		token.ExpiresAt = time.Unix(int64(made.ExpiresAt), 0)
	}
	return token, nil
}

// Close reason that an adapter may give; webhooks bring further ones (closed_by_timeout, closed_by_visitor …).
const ClosedByOperator = "closed_by_operator"

// NewChat starts a chat with somebody who has not written yet (Chat API, "Creating a chat"). Exactly one of the visitor's addresses is set, see
// FirstContactBy. Its JSON is the request's body, so a stored command can hold it.
type NewChat struct {
	ConnectionID    ConnectionID     `json:"account_id"`
	ChannelID       AdapterChannelID `json:"channel_id"`
	OperatorID      EmployeeID       `json:"operator_id"`             // must have chat rights
	Initiator       string           `json:"initiator"`               // filled in: operator
	VisitorPhone    string           `json:"visitor_phone,omitempty"` // E.164 digits without plus
	VisitorEmail    string           `json:"visitor_email,omitempty"`
	VisitorUsername string           `json:"visitor_username,omitempty"` // @name
	CreatedAt       Instant          `json:"created_at"`
}

// StartedChat is the chat that StartChat made.
type StartedChat struct {
	ChatID    ChatID    `json:"chat_id"`
	VisitorID VisitorID `json:"visitor_id"`
	CreatedAt Instant   `json:"created_at"`
}

// CloseChat ends a chat in an operator's name (Chat API, "Closing a chat").
type CloseChat struct {
	ConnectionID ConnectionID     `json:"account_id"`
	ChannelID    AdapterChannelID `json:"channel_id"`
	ChatID       ChatID           `json:"chat_id"`
	OperatorID   EmployeeID       `json:"operator_id"`
	Reason       string           `json:"reason"`  // filled in: closed_by_operator
	Context      map[string]any   `json:"context"` // filled in: empty
}

// TransferChat gives a chat to another operator (Chat API, "Transfer of a chat").
type TransferChat struct {
	ConnectionID ConnectionID     `json:"account_id"`
	ChannelID    AdapterChannelID `json:"channel_id"`
	ChatID       ChatID           `json:"chat_id"`
	From         EmployeeID       `json:"from_operator_id"`
	To           EmployeeID       `json:"to_operator_id"`
	Context      map[string]any   `json:"context"` // filled in: empty
}

// OutMessage is a message from an operator (Chat API, "Sending a message"). Its JSON is the request's body, so a stored command can hold it.
type OutMessage struct {
	ConnectionID ConnectionID     `json:"account_id"`
	ChannelID    AdapterChannelID `json:"channel_id"`
	ChatID       ChatID           `json:"chat_id"`
	OperatorID   EmployeeID       `json:"operator_id"`
	Source       string           `json:"source"` // filled in: operator
	Text         string           `json:"text"`
	CreatedAt    Instant          `json:"created_at"`
	ReplyTo      MessageID        `json:"reply_to_id,omitempty"`
	Resource     *Resource        `json:"resource,omitempty"` // from UploadResource
	Context      *OutContext      `json:"context,omitempty"`
}

// OutContext accompanies a message. Template sends an approved WABA template: the only way to write first there.
type OutContext struct {
	Template *MessageTemplate `json:"template,omitempty"`
}

// Resource is a file of a message. To fetch it, both numbers and the token are needed; the token is a secret.
type Resource struct {
	ID    Word   `json:"id"`
	Token string `json:"token"`
	Type  string `json:"type"` // photo, video, audio, voice, document
	Name  string `json:"name"`
	Size  Count  `json:"size"` // bytes
}

// ResourceTypeFor picks the resource type for a MIME type; voice is a choice of the sender and never picked.
func ResourceTypeFor(mime string) string {
	switch kind, _, _ := strings.Cut(strings.ToLower(mime), "/"); kind {
	case "image":
		return "photo"
	case "video":
		return "video"
	case "audio":
		return "audio"
	}
	return "document"
}

// MessageTemplate is a WABA template: as webhooks list it and as OutMessage.Template sends it (Chat API, "Working with waba").
// The parts are passed through as they came.
type MessageTemplate struct {
	ID       Word            `json:"id"`
	Text     string          `json:"text"`
	Header   json.RawMessage `json:"header,omitempty"`
	Footer   json.RawMessage `json:"footer,omitempty"`
	Keyboard json.RawMessage `json:"keyboard,omitempty"`
}

// AdapterSession calls the Chat API as one adapter. It logs in when it has no token, when the token is about to expire and once more after a 401;
// any number of callers share one login. Safe for use by many goroutines.
type AdapterSession struct {
	client *Client
	tokens *tokenKeeper
}

// NewAdapterSession makes a session. saved is a token kept from earlier (zero for none); onToken is told every new one, to be kept (nil: nobody).
func (c *Client) NewAdapterSession(credentials AdapterCredentials, saved AdapterToken, onToken func(AdapterToken)) *AdapterSession {
	return &AdapterSession{client: c, tokens: &tokenKeeper{
		token: saved, now: c.now, limit: c.limit, onToken: onToken,
		login: func(ctx context.Context) (AdapterToken, error) { return c.AdapterLogin(ctx, credentials) },
	}}
}

// Paths of the adapter API whose answers are not documented; Command.Method is "POST " and the path.
const (
	pathClose    = "chat/close"
	pathTransfer = "chat/transfer"
)

// StartChat starts a chat. Its outcome unclear, see SpecOf(MethodStartChat). (POST chat)
func (s *AdapterSession) StartChat(ctx context.Context, chat NewChat) (StartedChat, error) {
	var made StartedChat
	err := s.post(ctx, chat, &made)
	return made, err
}

// CloseChat ends a chat. Repeating it is harmless. (POST chat/close)
func (s *AdapterSession) CloseChat(ctx context.Context, chat CloseChat) error {
	return s.post(ctx, chat, nil)
}

// TransferChat gives a chat to another operator. Repeating it is harmless. (POST chat/transfer)
func (s *AdapterSession) TransferChat(ctx context.Context, chat TransferChat) error {
	return s.post(ctx, chat, nil)
}

// SendMessage sends a message and tells its number. Its outcome unclear, see SpecOf(MethodSendMessage). (POST message)
func (s *AdapterSession) SendMessage(ctx context.Context, message OutMessage) (MessageID, error) {
	var made struct {
		ID MessageID `json:"id"`
	}
	err := s.post(ctx, message, &made)
	return made.ID, err
}

// FetchResource opens a message's file. The body is streamed; ranges are not offered. (GET resource/…/payload)
func (s *AdapterSession) FetchResource(ctx context.Context, connection ConnectionID, channel AdapterChannelID, resource Resource) (*Download, error) {
	base, err := s.client.hosts.Address(AdapterAPI)
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("%sresource/%d/%d/%s/%s/payload", base, connection, channel,
		url.PathEscape(string(resource.ID)), url.PathEscape(resource.Token))
	var file *Download
	err = s.tokens.with(ctx, func(token string) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return fmt.Errorf("uis: making the request: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		file, err = s.client.download(r, s.client.media, AdapterAPI, "GET resource")
		return err
	})
	return file, err
}

// post makes the call of typed parameters; out is nil where the answer is not documented.
func (s *AdapterSession) post(ctx context.Context, params, out any) error {
	command, err := NewCommand(params)
	if err != nil {
		return err
	}
	data, err := s.Do(ctx, command)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return &Error{API: AdapterAPI, Method: command.Method, HTTP: http.StatusOK, Message: "unexpected answer", Cause: err, sent: true}
	}
	return nil
}

// call posts to the adapter API. The check for the brand comes before a login is tried.
func (s *AdapterSession) call(ctx context.Context, path string, body json.RawMessage, out any) error {
	if _, err := s.client.hosts.Address(AdapterAPI); err != nil {
		return err
	}
	return s.tokens.with(ctx, func(token string) error {
		return s.client.rest(ctx, restCall{api: AdapterAPI, verb: http.MethodPost, path: path, bearer: token, body: body}, out)
	})
}
