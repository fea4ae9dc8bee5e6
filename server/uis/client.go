package uis

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// Options make a Client.
type Options struct {
	// Hosts is Brand.Hosts(), with overrides where wanted.
	Hosts Hosts
	// Key is the Data/Call API key or session (`access_token`); empty for a client that only speaks to the chat APIs.
	Key string
	// CustomerID is the `user_id` that agent and partner keys add (get.customer_users); 0 for ordinary keys.
	CustomerID int64
	// HTTP sends the requests; nil means a client of its own. Its redirect rule is not used: API calls follow none, media only to allowed hosts.
	HTTP *http.Client
	// RequestLimit ends a JSON request that takes longer, 30 s when 0. Uploads and downloads only end with their context.
	RequestLimit time.Duration
	// Now is the clock that token lifetimes are compared with; nil means time.Now.
	Now func() time.Time
	// Observe is told about every finished request, from the goroutine that made it and with its context; nil for nobody.
	Observe func(context.Context, Exchange)
	// AllowMedia is asked, besides the brand's hosts, whether a recording may be fetched from host (with port when the URL has one) by scheme.
	AllowMedia func(scheme, host string) bool
}

// Exchange is one finished request, for logs. It never holds a key, a token or a password.
type Exchange struct {
	API     API
	Method  string
	Params  []byte // parameters as sent, without the key; nil for files and logins
	Answer  []byte // the answer's body, which may be long; nil for files and logins
	HTTP    int
	Took    time.Duration
	Limits  Limits
	Err     error
	Started time.Time
}

// Client makes the calls of one account (one set of credentials). Making one is cheap; it is safe for use by many goroutines.
type Client struct {
	hosts      Hosts
	key        string
	customer   int64
	http       *http.Client // follows no redirects
	media      *http.Client // follows redirects to allowed hosts
	limit      time.Duration
	now        func() time.Time
	observe    func(context.Context, Exchange)
	allowMedia func(scheme, host string) bool
}

const (
	defaultRequestLimit = 30 * time.Second
	maxAnswer           = 64 << 20 // 10,000 rows of a report are well below
	maxShown            = 4 << 10
)

// ErrAnswerTooLarge means that a JSON answer was longer than the client keeps in memory (64 MiB): ask for fewer rows.
var ErrAnswerTooLarge = errors.New("uis: answer too large")

// New makes a client.
func New(o Options) *Client {
	c := &Client{
		hosts: o.Hosts, key: o.Key, customer: o.CustomerID, limit: o.RequestLimit, now: o.Now, observe: o.Observe, allowMedia: o.AllowMedia,
	}
	if c.limit <= 0 {
		c.limit = defaultRequestLimit
	}
	if c.now == nil {
		c.now = time.Now
	}
	base := o.HTTP
	if base == nil {
		base = &http.Client{}
	}
	plain, media := *base, *base
	plain.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	media.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) >= 5 {
			return errors.New("too many redirects")
		}
		if r.URL.Scheme == via[0].URL.Scheme && r.URL.Host == via[0].URL.Host {
			return nil
		}
		return c.MediaAllowed(r.URL)
	}
	plain.Timeout, media.Timeout = 0, 0 // a client's time-out would also cut long files; contexts do the limiting
	c.http, c.media = &plain, &media
	return c
}

// Hosts tells where the client calls.
func (c *Client) Hosts() Hosts { return c.hosts }

// Brand tells whose account it is.
func (c *Client) Brand() Brand { return c.hosts.Brand }

// answer is a whole answer in memory.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request and reads the whole answer. Only transport failures are errors here; the caller judges the status.
func (c *Client) do(r *http.Request, api API, method string) (answer, *Error) {
	ctx, cancel := context.WithTimeout(r.Context(), c.limit)
	defer cancel()
	response, failure := c.open(r.WithContext(ctx), c.http, api, method)
	if failure != nil {
		return answer{}, failure
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = ErrAnswerTooLarge
	}
	if err != nil {
		return answer{}, &Error{API: api, Method: method, HTTP: response.StatusCode, Message: "reading the answer failed", Cause: err, sent: true}
	}
	return answer{status: response.StatusCode, header: response.Header, body: body}, nil
}

// open sends a request and gives the answer with its body still to be read.
func (c *Client) open(r *http.Request, by *http.Client, api API, method string) (*http.Response, *Error) {
	var connected atomic.Bool
	// Once a connection is there nothing tells how much of the request the other side has seen.
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
	response, err := by.Do(r) //nolint:bodyclose // closed by the callers
	if err != nil {
		return nil, &Error{API: api, Method: method, Message: transportWords(err), Cause: err, sent: connected.Load()}
	}
	return response, nil
}

// transportWords says what went wrong without the URL, which may hold a file's token.
func transportWords(err error) string {
	var inner interface{ Unwrap() error }
	if errors.As(err, &inner) && inner.Unwrap() != nil {
		return shorten(inner.Unwrap().Error(), 300)
	}
	return shorten(err.Error(), 300)
}

// jsonRequest makes a request with a JSON body (nil for none).
func jsonRequest(ctx context.Context, verb, address string, body any) (*http.Request, []byte, error) {
	var encoded []byte
	var reader io.Reader
	if body != nil {
		var err error
		if encoded, err = encode(body); err != nil {
			return nil, nil, fmt.Errorf("uis: encoding parameters: %w", err)
		}
		reader = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, verb, address, reader)
	if err != nil {
		return nil, nil, fmt.Errorf("uis: making the request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json; charset=UTF-8")
	}
	r.Header.Set("Accept", "application/json")
	return r, encoded, nil
}

// encode is json.Marshal without the escaping of <, > and &, which only makes texts longer.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func (c *Client) report(ctx context.Context, x Exchange) {
	if c.observe == nil {
		return
	}
	x.Took = time.Since(x.Started)
	c.observe(ctx, x)
}
