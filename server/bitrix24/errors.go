package bitrix24

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// Class sorts errors by what has to be done about them.
type Class string

// The classes. The page's sentence for one is error.b24.<class>.
const (
	RateLimited       Class = "rate_limited"       // QUERY_LIMIT_EXCEEDED: slow down, the same again
	OperatingLimit    Class = "operating_limit"    // OPERATION_TIME_LIMIT: this method rests until operating_reset_at
	TokenExpired      Class = "token_expired"      // refresh once, the same again
	AuthRefused       Class = "auth_refused"       // the token is worth nothing: the app was removed, or the grant is gone
	PaymentRequired   Class = "payment_required"   // the plan or the app is not paid
	AccessDenied      Class = "access_denied"      // the user may not do that
	InsufficientScope Class = "insufficient_scope" // the app was not granted that
	NotFound          Class = "not_found"          // the object is gone
	MethodNotFound    Class = "method_not_found"   // the portal lacks the method or its module
	PortalGone        Class = "portal_gone"        // the portal was deleted
	Renamed           Class = "renamed"            // the portal answers at another host
	Overload          Class = "overload"           // blocked by hand
	Invalid           Class = "invalid"            // refused for good: wrong parameters
	Server            Class = "server"             // 5xx: it may have run
	Transport         Class = "transport"          // no answer: it may have run, unless it never left
	Blocked           Class = "blocked"            // the address may not be called (our own rule)
)

// Executed is what is known of whether a call ran.
type Executed int

// The three cases.
const (
	NotExecuted Executed = iota
	Unknown
	WasExecuted
)

// Error is what a portal or an authorization server answered, or why there was no answer.
type Error struct {
	HTTP        int
	Code        string
	Description string
	Argument    string
	Method      string
	RequestID   string
	// Location is the new address of a renamed portal.
	Location string
	// Sent tells whether the request left; only meaningful without an answer.
	Sent bool
	// Cause is the failure of the transport, if any.
	Cause error
}

// Error implements error. It holds no tokens: neither codes nor descriptions of the portal do.
func (e *Error) Error() string {
	switch {
	case e.Cause != nil:
		return fmt.Sprintf("bitrix24 %s: %v", e.Method, e.Cause)
	case e.Description != "":
		return fmt.Sprintf("bitrix24 %s: %s (HTTP %d): %s", e.Method, e.Code, e.HTTP, short(e.Description, 300))
	}
	return fmt.Sprintf("bitrix24 %s: %s (HTTP %d)", e.Method, e.Code, e.HTTP)
}

// Unwrap gives the transport's failure.
func (e *Error) Unwrap() error { return e.Cause }

// Is lets errors.Is compare with the sentinels below by class.
func (e *Error) Is(target error) bool {
	c, ok := target.(classError)
	return ok && e.Class() == Class(c)
}

// classError is a sentinel of one class.
type classError Class

// Error implements error.
func (c classError) Error() string { return "bitrix24: " + string(c) }

// Sentinels for errors.Is.
var (
	ErrRateLimited  error = classError(RateLimited)
	ErrTokenExpired error = classError(TokenExpired)
	ErrAuthRefused  error = classError(AuthRefused)
	ErrNotFound     error = classError(NotFound)
	ErrAccessDenied error = classError(AccessDenied)
	ErrRenamed      error = classError(Renamed)
)

// codes maps lower-cased codes to classes (bitrix24 docs: system errors, OAuth error codes, limits; further ones as portals answer them).
var codes = map[string]Class{
	"query_limit_exceeded": RateLimited, "operation_time_limit": OperatingLimit, "overload_limit": Overload,
	"expired_token": TokenExpired, "invalid_token": TokenExpired,
	"no_auth_found": AuthRefused, "invalid_grant": AuthRefused, "bad_verification_code": AuthRefused, "invalid_client": AuthRefused,
	"error_oauth": AuthRefused, "application_not_found": AuthRefused, "authorization_error": AuthRefused, "wrong_client": AuthRefused,
	"payment_required": PaymentRequired, "insufficient_scope": InsufficientScope, "invalid_scope": InsufficientScope,
	"invalid_credentials": AccessDenied, "user_access_error": AccessDenied, "access_denied": AccessDenied, "wrong_auth_type": AccessDenied,
	"method_confirm_waiting": AccessDenied, "method_confirm_denied": AccessDenied, "access_error": AccessDenied, "allowed_only_intranet_user": AccessDenied,
	"error_not_found": NotFound, "not_found": NotFound, "owner_not_found": NotFound,
	"error_method_not_found": MethodNotFound, "error_manifest_is_not_available": MethodNotFound,
	"portal_deleted": PortalGone, "internal_server_error": Server, "error_unexpected_answer": Server, "connection_error": Server,
}

// texts sorts errors whose code says nothing (ERROR_CORE, empty, 0) by their words.
var texts = []struct {
	part  string
	class Class
}{
	{"access denied", AccessDenied}, {"not found", NotFound}, {"is not found", NotFound}, {"commercial", PaymentRequired},
}

// Class sorts the error.
func (e *Error) Class() Class {
	if e.Cause != nil {
		if errors.Is(e.Cause, ErrBlocked) {
			return Blocked
		}
		return Transport
	}
	if e.Location != "" {
		return Renamed
	}
	code := strings.ToLower(e.Code)
	if c, known := codes[code]; known {
		if c == AccessDenied && strings.Contains(strings.ToLower(e.Description), "commercial plan") {
			return PaymentRequired
		}
		return c
	}
	if code == "" || code == "0" || code == "error_core" || code == "error" {
		for _, t := range texts {
			if strings.Contains(strings.ToLower(e.Description), t.part) {
				return t.class
			}
		}
	}
	switch {
	case e.HTTP >= 500:
		return Server
	case e.HTTP == http.StatusTooManyRequests:
		return OperatingLimit
	case e.HTTP == http.StatusUnauthorized:
		return AuthRefused
	}
	return Invalid
}

// Executed tells what is known of whether the call ran: an answer with a 4xx code, or a request that never left, did not.
func (e *Error) Executed() Executed {
	switch e.Class() {
	case Transport:
		if e.Sent {
			return Unknown
		}
		return NotExecuted
	case Server:
		return Unknown
	}
	return NotExecuted
}

// LocaleKey names the sentence for people.
func (e *Error) LocaleKey() string { return "error.b24." + string(e.Class()) }

// ErrBlocked says that a host is not one we may call.
var ErrBlocked = errors.New("this address may not be called")

// neverLeft tells whether a transport failure happened before anything was sent.
func neverLeft(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.Is(err, ErrBlocked)
}
