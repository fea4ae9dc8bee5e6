package bitrix24

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Record is one request with its answer.
type Record struct {
	At       time.Time
	Duration time.Duration
	Host     string
	Method   string
	ID       string
	HTTP     int
	Code     string

	form    bool // the request is a form, not JSON
	request []byte
	answer  []byte
	failure *Error
}

// LogHook is told every request. It must not block; what it keeps of a record costs memory (Size).
type LogHook func(ctx context.Context, r Record)

// Request is what was sent, without secrets and bounded.
func (r Record) Request() string { return Redact(r.request) }

// Answer is what came, without secrets and bounded.
func (r Record) Answer() string { return Redact(r.answer) }

// Size is how many bytes a record holds.
func (r Record) Size() int { return len(r.request) + len(r.answer) }

// recordLimit bounds what is kept of a body.
const recordLimit = 16 << 10

// Secrets in JSON and in forms, also when the body was cut in the middle of one; Go writes & in JSON texts as \u0026. base64 of files is no secret but too long to keep.
const secretNames = `auth|access_token|refresh_token|AUTH_ID|REFRESH_ID|application_token|event_token|client_secret|code|signature`

var (
	secretJSON = regexp.MustCompile(`(?i)("(?:` + secretNames + `|uploadUrl)"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)`)
	secretForm = regexp.MustCompile(`(?i)((?:^|[&?\[]|%5B|\\u0026)(?:` + secretNames + `)(?:\]|%5D)?=)[^&"\s\\]*`)
	longBase64 = regexp.MustCompile(`(?:[A-Za-z0-9+/]|%2B|%2F|\\/){400,}(?:=|%3D){0,2}`)
)

// Redact takes secrets and long file contents out of a body, and bounds it.
func Redact(body []byte) string {
	if len(body) > 4*recordLimit {
		body = body[:4*recordLimit]
	}
	text := secretJSON.ReplaceAllString(string(body), `$1"***"`)
	text = secretForm.ReplaceAllString(text, "$1***")
	text = longBase64.ReplaceAllString(text, "…")
	if len(text) > recordLimit {
		text = text[:recordLimit] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

func record(x exchange, status int, answer []byte, err error, began, ended time.Time) Record {
	r := Record{At: began, Duration: ended.Sub(began), Method: x.method, ID: x.id, HTTP: status, form: x.contentType != "application/json", request: x.body, answer: answer}
	if u, e := url.Parse(x.address); e == nil {
		r.Host = u.Host
	}
	if errors.As(err, &r.failure) {
		r.Code = r.failure.Code
		if r.failure.Cause != nil {
			r.Code = "TRANSPORT"
		}
	}
	return r
}
