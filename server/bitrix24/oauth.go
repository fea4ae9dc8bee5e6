package bitrix24

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Token is a pair of tokens with what came beside it (docs: OAuth).
type Token struct {
	Access  string
	Refresh string
	// ExpiresAt is when the access token ends; it lives an hour.
	ExpiresAt time.Time
	// ClientEndpoint is https://{portal}/rest/, ServerEndpoint the authorization server's REST root.
	ClientEndpoint, ServerEndpoint string
	MemberID                       string
	Scope                          []string
	Status                         string
	UserID                         int64
}

// String names the token's owner and never the token, so that none ends in a log by accident.
func (t Token) String() string { return "token of " + t.MemberID }

// ErrServerNotAllowed says that an authorization server is not one of the known ones.
var ErrServerNotAllowed = errors.New("bitrix24: this authorization server is not known")

// AuthorizeURL is where a person gives consent; redirect and scopes come from the app's card.
func (c *Client) AuthorizeURL(portal, state string) string {
	return strings.TrimSuffix(portal, "/") + "/oauth/authorize/?" + url.Values{"client_id": {c.options.ClientID}, "state": {state}}.Encode()
}

// Exchange turns the code of a consent into tokens. A code lives 30 seconds and works once.
func (c *Client) Exchange(ctx context.Context, serverEndpoint, code string) (*Token, error) {
	return c.token(ctx, serverEndpoint, url.Values{"grant_type": {"authorization_code"}, "code": {code}})
}

// Refresh turns a refresh token into a new pair. The old one is worth nothing afterwards: store the new pair before it is used.
func (c *Client) Refresh(ctx context.Context, serverEndpoint, refresh string) (*Token, error) {
	return c.token(ctx, serverEndpoint, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
}

// AppInfo is app.info at the authorization server: the trusted word about a token (docs: simple way).
type AppInfo struct {
	ID             ID     `json:"ID"`
	Code           String `json:"CODE"`
	Version        ID     `json:"VERSION"`
	Status         String `json:"STATUS"`
	Installed      Bool   `json:"INSTALLED"`
	PaymentExpired Bool   `json:"PAYMENT_EXPIRED"`
	Days           ID     `json:"DAYS"`
	Language       String `json:"LANGUAGE_ID"`
	License        String `json:"LICENSE"`
	LicenseFamily  String `json:"LICENSE_FAMILY"`
}

// AppInfo asks the authorization server what a token is for. CODE tells whether it is a token of our app.
func (c *Client) AppInfo(ctx context.Context, serverEndpoint, access string) (*AppInfo, error) {
	root, err := c.allowed(serverEndpoint)
	if err != nil {
		return nil, err
	}
	answer, err := c.Call(ctx, Target{Endpoint: root + "/rest/", Access: access}, Call{Method: "app.info"})
	if err != nil {
		return nil, err
	}
	info := &AppInfo{}
	if err := json.Unmarshal(answer.Result, info); err != nil {
		return nil, &Error{HTTP: http.StatusBadGateway, Method: "app.info", Code: codeUnexpected, Description: "the answer is not understood"}
	}
	return info, nil
}

// allowed checks an authorization server against the list and gives its root without path. Empty means the first of the list.
func (c *Client) allowed(serverEndpoint string) (string, error) {
	if len(c.options.OAuthServers) == 0 {
		return "", ErrServerNotAllowed
	}
	if serverEndpoint == "" {
		return root(c.options.OAuthServers[0]), nil
	}
	wanted := root(serverEndpoint)
	for _, s := range c.options.OAuthServers {
		if strings.EqualFold(root(s), wanted) {
			return wanted, nil
		}
	}
	return "", ErrServerNotAllowed
}

// root cuts an address to scheme and host. A bare host is https.
func root(address string) string {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// token asks for tokens with a form in the body: a query would put the secret into logs.
func (c *Client) token(ctx context.Context, serverEndpoint string, form url.Values) (*Token, error) {
	base, err := c.allowed(serverEndpoint)
	if err != nil {
		return nil, err
	}
	form.Set("client_id", c.options.ClientID)
	form.Set("client_secret", c.options.ClientSecret)
	x := exchange{method: "oauth.token", address: base + "/oauth/token/", contentType: "application/x-www-form-urlencoded", body: []byte(form.Encode()), id: uuid.NewString()}
	began := c.now()
	t, status, raw, err := c.askToken(ctx, x)
	if c.options.Log != nil {
		c.options.Log(ctx, record(x, status, raw, err, began, c.now()))
	}
	return t, err
}

func (c *Client) askToken(ctx context.Context, x exchange) (*Token, int, []byte, error) {
	response, raw, failure := c.roundTrip(ctx, x)
	if failure != nil {
		failure.Method, failure.RequestID = x.method, x.id
		return nil, failure.HTTP, nil, failure
	}
	var reply struct {
		Access         String          `json:"access_token"`
		Refresh        String          `json:"refresh_token"`
		ExpiresIn      json.RawMessage `json:"expires_in"`
		Expires        json.RawMessage `json:"expires"`
		ClientEndpoint String          `json:"client_endpoint"`
		ServerEndpoint String          `json:"server_endpoint"`
		MemberID       String          `json:"member_id"`
		Scope          String          `json:"scope"`
		Status         String          `json:"status"`
		UserID         json.RawMessage `json:"user_id"`
		Error          json.RawMessage `json:"error"`
		Description    String          `json:"error_description"`
	}
	if err := json.Unmarshal(raw, &reply); err != nil {
		e := notJSON(response.StatusCode)
		e.Method, e.RequestID = x.method, x.id
		return nil, response.StatusCode, raw, &e
	}
	if code, failed := errorCode(reply.Error); failed || response.StatusCode >= 400 {
		return nil, response.StatusCode, raw, &Error{Method: x.method, RequestID: x.id, HTTP: response.StatusCode, Code: code, Description: string(reply.Description)}
	}
	if reply.Access == "" || reply.Refresh == "" {
		return nil, response.StatusCode, raw, &Error{Method: x.method, RequestID: x.id, HTTP: http.StatusBadGateway, Code: codeUnexpected, Description: "the answer holds no pair of tokens"}
	}
	t := &Token{Access: string(reply.Access), Refresh: string(reply.Refresh), ClientEndpoint: string(reply.ClientEndpoint), ServerEndpoint: string(reply.ServerEndpoint),
		MemberID: string(reply.MemberID), Scope: Scopes(string(reply.Scope)), Status: string(reply.Status), UserID: lenient(reply.UserID)}
	t.ExpiresAt = expiry(c.now(), lenient(reply.ExpiresIn), lenient(reply.Expires))
	return t, response.StatusCode, raw, nil
}

// lenient is a number, 0 when it is none: an odd number beside a pair of tokens must not cost the pair, there is no second one.
func lenient(raw json.RawMessage) int64 {
	var n ID
	if raw == nil || json.Unmarshal(raw, &n) != nil {
		return 0
	}
	return int64(n)
}

// longestLife bounds what is believed of a token's life; the refresh token itself lives 180 days.
const longestLife = 180 * 24 * time.Hour

// expiry is when an access token ends: in so many seconds, else at a moment, else after the documented hour.
func expiry(now time.Time, in, at int64) time.Time {
	if in > 0 && in < int64(longestLife/time.Second) {
		return now.Add(time.Duration(in) * time.Second)
	}
	if end := time.Unix(at, 0); at > 0 && end.After(now) && end.Before(now.Add(longestLife)) {
		return end
	}
	return now.Add(time.Hour)
}

// Scopes splits a scope list: commas, URL-encoded commas or spaces.
func Scopes(text string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(text, "%2C", ","), func(r rune) bool { return r == ',' || r == ' ' })
}
