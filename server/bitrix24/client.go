package bitrix24

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// maxAnswer bounds an answer in memory; the largest lists are a few megabytes.
const maxAnswer = 64 << 20

// Options are what a client is made of.
type Options struct {
	// HTTP sends the requests. It must not follow redirects and should refuse hosts that may not be called with ErrBlocked.
	HTTP *http.Client
	// ClientID and ClientSecret are the app's at the authorization server. The secret goes nowhere else.
	ClientID, ClientSecret string
	// OAuthServers are the allowed authorization servers, e.g. https://oauth.bitrix.info: a forged POST must not make us send the secret elsewhere.
	OAuthServers []string
	UserAgent    string
	// AllowHost is asked before every request, with the port when the address has one; its error stops the request (class Blocked). Nil: all hosts,
	// which is right only when HTTP itself guards where it dials.
	AllowHost func(host, scheme string) error
	// Log is told every request and its answer, without secrets. May be nil.
	Log LogHook
	// Now is the physical time; nil: time.Now.
	Now func() time.Time
}

// Client calls portals and authorization servers. Safe for many goroutines.
type Client struct {
	http    *http.Client
	options Options
	now     func() time.Time
}

// New builds a client.
func New(o Options) *Client {
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: 90 * time.Second}
	}
	bare := *o.HTTP
	bare.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if o.UserAgent == "" {
		o.UserAgent = "omni"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Client{http: &bare, options: o, now: o.Now}
}

// Target is where a call goes and as whom.
type Target struct {
	// Endpoint is the portal's client_endpoint, e.g. https://acme.bitrix24.com/rest/.
	Endpoint string
	// Access is the access token.
	Access string
}

// String is the address without the token.
func (t Target) String() string { return t.Endpoint }

// Params are a call's parameters: JSON values; nested maps and lists as the method wants them.
type Params map[string]any

// Call is one REST call.
type Call struct {
	Method string
	Params Params
}

// Time is what an answer says about its cost (docs: limits).
type Time struct {
	Start, Finish, Duration, Processing float64
	// Operating is what this method used up in the window, in seconds; ResetAt (unix) is when the oldest minute drops out.
	Operating float64
	ResetAt   float64
}

// UnmarshalJSON reads it leniently: any field may be missing, a string, or the whole an empty list.
func (t *Time) UnmarshalJSON(raw []byte) error {
	var fields Map[json.RawMessage]
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil //nolint:nilerr // the cost of an answer is no reason to refuse the answer
	}
	for name, into := range map[string]*float64{"start": &t.Start, "finish": &t.Finish, "duration": &t.Duration, "processing": &t.Processing,
		"operating": &t.Operating, "operating_reset_at": &t.ResetAt} {
		text := strings.Trim(string(fields[name]), `"`)
		if text != "" {
			_, _ = fmt.Sscanf(text, "%g", into)
		}
	}
	return nil
}

// Answer is what a call answered.
type Answer struct {
	Result json.RawMessage
	Total  *int
	Next   *int
	Time   Time
}

// envelope is the common form of all answers.
type envelope struct {
	Result      json.RawMessage `json:"result"`
	Total       json.RawMessage `json:"total"`
	Next        json.RawMessage `json:"next"`
	Time        Time            `json:"time"`
	Error       json.RawMessage `json:"error"`
	Description String          `json:"error_description"`
	Argument    String          `json:"argument"`
}

// Call sends one call as JSON. Errors are *Error. Nothing is sent twice: Go's transport repeats a POST only when no byte of it left.
func (c *Client) Call(ctx context.Context, to Target, call Call) (*Answer, error) {
	body := Params{}
	for k, v := range call.Params {
		body[k] = v
	}
	body["auth"] = to.Access
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, &Error{Method: call.Method, Code: "ENCODING", Description: "the parameters cannot be encoded: " + err.Error(), HTTP: http.StatusBadRequest}
	}
	if !validMethod.MatchString(call.Method) {
		return nil, &Error{Method: short(call.Method, 60), Code: "ENCODING", Description: "this is no name of a method", HTTP: http.StatusBadRequest}
	}
	id := uuid.NewString()
	address := strings.TrimSuffix(to.Endpoint, "/") + "/" + call.Method + "?bx24_request_id=" + id
	return c.post(ctx, exchange{method: call.Method, address: address, contentType: "application/json", body: raw, id: id})
}

// exchange is one HTTP request.
type exchange struct {
	method, address, contentType, id string
	body                             []byte
}

// post sends a request and reads the envelope.
func (c *Client) post(ctx context.Context, x exchange) (*Answer, error) {
	began := c.now()
	answer, status, raw, err := c.exchange(ctx, x)
	if c.options.Log != nil {
		c.options.Log(ctx, record(x, status, raw, err, began, c.now()))
	}
	return answer, err
}

func (c *Client) exchange(ctx context.Context, x exchange) (*Answer, int, []byte, error) {
	fail := func(e Error) error {
		e.Method, e.RequestID = x.method, x.id
		return &e
	}
	response, raw, failure := c.roundTrip(ctx, x)
	if failure != nil {
		return nil, failure.HTTP, nil, fail(*failure)
	}
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		return nil, response.StatusCode, raw, fail(Error{HTTP: response.StatusCode, Code: codeRenamed, Location: location(response)})
	}
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, response.StatusCode, raw, fail(notJSON(response.StatusCode))
	}
	if code, failed := errorCode(e.Error); failed || response.StatusCode >= 400 {
		return nil, response.StatusCode, raw, fail(Error{HTTP: response.StatusCode, Code: code, Description: e.words(), Argument: string(e.Argument), Time: e.Time})
	}
	if e.Result == nil {
		return nil, response.StatusCode, raw, fail(Error{HTTP: http.StatusBadGateway, Code: codeUnexpected, Description: "the answer holds neither a result nor an error"})
	}
	return &Answer{Result: e.Result, Total: count(e.Total), Next: count(e.Next), Time: e.Time}, response.StatusCode, raw, nil
}

// roundTrip sends one request and reads its answer whole. It follows no redirect.
func (c *Client) roundTrip(ctx context.Context, x exchange) (*http.Response, []byte, *Error) {
	connected := false // a connection was ready, so the request may have left
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, x.address, bytes.NewReader(x.body))
	if err != nil || request.URL.Host == "" || (request.URL.Scheme != "https" && request.URL.Scheme != "http") {
		return nil, nil, &Error{Cause: errors.New("the address is not understood")}
	}
	if c.options.AllowHost != nil {
		if err := c.options.AllowHost(request.URL.Host, request.URL.Scheme); err != nil {
			return nil, nil, &Error{Cause: fmt.Errorf("%w: %w", ErrBlocked, err)}
		}
	}
	request.Header.Set("Content-Type", x.contentType)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", c.options.UserAgent)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, nil, &Error{Cause: withoutAddress(err), Sent: connected}
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, nil, &Error{HTTP: response.StatusCode, Cause: withoutAddress(err), Sent: true}
	}
	return response, raw, nil
}

// words are the portal's description: v2 puts it beside the code, v3 into it.
func (e envelope) words() string {
	if e.Description != "" {
		return string(e.Description)
	}
	var nested struct {
		Message String `json:"message"`
	}
	if json.Unmarshal(e.Error, &nested) != nil {
		return ""
	}
	return string(nested.Message)
}

// notJSON judges an answer that no portal gives: it comes from something in between. The request may have reached the portal, except where the status says that it was refused as it was.
func notJSON(status int) Error {
	switch status {
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge:
		return Error{HTTP: status, Description: "refused by something before the portal"}
	}
	return Error{HTTP: max(status, http.StatusBadGateway), Code: codeUnexpected, Description: fmt.Sprintf("the answer (HTTP %d) is not JSON", status)}
}

// location is where a redirect points, as an absolute address without the query.
func location(response *http.Response) string {
	to, err := response.Location()
	if err != nil {
		return ""
	}
	to.RawQuery, to.Fragment, to.User = "", "", nil
	return to.String()
}

// errorCode reads v2's "error":"CODE" and v3's "error":{"code":…}. Placement methods answer errors with HTTP 200.
func errorCode(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", false
	}
	var nested struct {
		Code String `json:"code"`
	}
	if json.Unmarshal(raw, &nested) == nil && nested.Code != "" {
		return string(nested.Code), true
	}
	var code String
	if err := json.Unmarshal(raw, &code); err != nil {
		return "", true
	}
	return string(code), true
}

// withoutAddress takes the URL out of an error: it may hold a webhook's secret.
func withoutAddress(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
