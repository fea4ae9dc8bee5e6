package bitrix24

import (
	"errors"
	"fmt"
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
	Already           Class = "already"            // what should be made is there already
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
	// Time is what the portal told beside the error; OPERATION_TIME_LIMIT may come with its reset time.
	Time Time
	// Cause is the failure of the transport, if any.
	Cause error
}

// NewEndpoint is the REST root at which a renamed portal answers now (https://new.example/rest/), "" when it was not told. It is only a claim:
// let AppInfo prove that the same portal is there before a token goes to it.
func (e *Error) NewEndpoint() string {
	if e.Class() != Renamed {
		return ""
	}
	if r := root(e.Location); r != "" && strings.HasPrefix(r, "http") {
		return r + "/rest/"
	}
	return ""
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
	switch t := target.(type) {
	case classError:
		return e.Class() == Class(t)
	case codeError:
		return strings.EqualFold(e.Code, string(t))
	}
	return false
}

// classError is a sentinel of one class.
type classError Class

// Error implements error.
func (c classError) Error() string { return "bitrix24: " + string(c) }

// codeError is a sentinel of one code.
type codeError string

// Error implements error.
func (c codeError) Error() string { return "bitrix24: " + string(c) }

// Sentinels for errors.Is: one per class, and two for what a batch may leave open.
var (
	ErrRateLimited       error = classError(RateLimited)
	ErrOperatingLimit    error = classError(OperatingLimit)
	ErrTokenExpired      error = classError(TokenExpired)
	ErrAuthRefused       error = classError(AuthRefused)
	ErrPaymentRequired   error = classError(PaymentRequired)
	ErrAccessDenied      error = classError(AccessDenied)
	ErrInsufficientScope error = classError(InsufficientScope)
	ErrNotFound          error = classError(NotFound)
	ErrMethodNotFound    error = classError(MethodNotFound)
	ErrPortalGone        error = classError(PortalGone)
	ErrRenamed           error = classError(Renamed)
	ErrOverload          error = classError(Overload)
	ErrAlready           error = classError(Already)
	ErrInvalid           error = classError(Invalid)
	ErrServer            error = classError(Server)
	ErrTransport         error = classError(Transport)
	ErrNoAnswer          error = codeError(codeNoAnswer)
	ErrNotReached        error = codeError(codeNotReached)
)

// Codes of our own, and the one that also portals use, for what is no proper answer.
const (
	codeUnexpected = "ERROR_UNEXPECTED_ANSWER"
	codeNoAnswer   = "NO_ANSWER"
	codeNotReached = "NOT_REACHED"
	codeRenamed    = "RENAMED"
)

// codes maps lower-cased codes to classes (docs: system errors, OAuth error codes, limits, the pages of the methods; further ones as portals answer them).
var codes = map[string]Class{
	"query_limit_exceeded": RateLimited, "operation_time_limit": OperatingLimit, "overload_limit": Overload,
	"expired_token": TokenExpired, "invalid_token": TokenExpired,
	"no_auth_found": AuthRefused, "invalid_grant": AuthRefused, "bad_verification_code": AuthRefused, "invalid_client": AuthRefused,
	"error_oauth": AuthRefused, "application_not_found": AuthRefused, "authorization_error": AuthRefused, "wrong_client": AuthRefused,
	"payment_required": PaymentRequired, "create_dynamic_item_restricted": PaymentRequired, "update_dynamic_item_restricted": PaymentRequired,
	"insufficient_scope": InsufficientScope, "invalid_scope": InsufficientScope,
	"invalid_credentials": AccessDenied, "user_access_error": AccessDenied, "access_denied": AccessDenied, "wrong_auth_type": AccessDenied,
	"error_wrong_context": AccessDenied, "error_wrong_application": AccessDenied, "accessexception": AccessDenied, "config_wrong_user_permission": AccessDenied,
	"method_confirm_waiting": AccessDenied, "method_confirm_denied": AccessDenied, "access_error": AccessDenied, "allowed_only_intranet_user": AccessDenied,
	"error_not_found": NotFound, "not_found": NotFound, "owner_not_found": NotFound, "user_not_found": NotFound,
	"error_method_not_found": MethodNotFound, "error_manifest_is_not_available": MethodNotFound,
	"error_event_not_found": MethodNotFound, "error_placement_not_found": MethodNotFound,
	"error_placement_max_count": Already, "error_activity_already_installed": Already,
	"portal_deleted":        PortalGone,
	"internal_server_error": Server, "error_unexpected_answer": Server, "connection_error": Server, "no_answer": Server,
	"renamed": Renamed, "not_reached": Invalid, "encoding": Invalid,
	"error_argument": Invalid, "invalid_argument": Invalid, "invalid_arg_value": Invalid, "invalid_request": Invalid, "wrong_encoding": Invalid,
	"internal_wrong_transport": Invalid, "error_batch_length_exceeded": Invalid, "error_batch_method_not_allowed": Invalid,
}

// texts sorts errors whose code says nothing (ERROR_CORE, empty, 0, 100) by their words; the first that fits counts.
var texts = []struct {
	part  string
	class Class
}{
	{"already bind", Already}, {"already exists", Already}, {"already installed", Already}, {"access denied", AccessDenied}, {"not enough rights", AccessDenied},
	{"could not find value", Invalid}, {"not found", NotFound}, {"could not find", NotFound}, {"commercial", PaymentRequired},
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
	words := strings.ToLower(e.Description)
	code := strings.ToLower(e.Code)
	if c, known := codes[code]; known {
		if c == AccessDenied && strings.Contains(words, "commercial plan") ||
			(c == AccessDenied || code == "error_oauth") && strings.Contains(words, "subscription has been ended") {
			return PaymentRequired
		}
		return c
	}
	if code == "" || code == "0" || code == "100" || code == "error_core" || code == "error" {
		for _, t := range texts {
			if strings.Contains(words, t.part) {
				return t.class
			}
		}
	}
	return ofStatus(e.HTTP, code)
}

// ofStatus is what is left to go by when neither code nor words say anything.
func ofStatus(status int, code string) Class {
	switch {
	case status >= 500 || code == "" && status < 400:
		return Server // without a status or with a good one, and yet no answer that means anything
	case status == http.StatusTooManyRequests:
		return RateLimited
	case status == http.StatusUnauthorized:
		return AuthRefused
	case status == http.StatusForbidden:
		return AccessDenied
	}
	return Invalid
}

// Executed tells what is known of whether the call ran: an answer with a code of refusal, or a request that never left, did not.
func (e *Error) Executed() Executed {
	switch e.Class() {
	case Transport:
		if e.Sent {
			return Unknown
		}
		return NotExecuted
	case Server:
		if strings.EqualFold(e.Code, "connection_error") { // the portal could not ask the authorization server about our token
			return NotExecuted
		}
		return Unknown
	}
	if _, known := codes[strings.ToLower(e.Code)]; !known && e.HTTP >= 500 {
		return Unknown // words alone do not prove that a broken-off call did nothing
	}
	return NotExecuted
}

// ExecutedBy tells it of any error of this package: nil ran; what is no *Error was refused before sending.
func ExecutedBy(err error) Executed {
	var e *Error
	switch {
	case err == nil:
		return WasExecuted
	case errors.As(err, &e):
		return e.Executed()
	}
	return NotExecuted
}

// LocaleKey names the sentence for people.
func (e *Error) LocaleKey() string { return "error.b24." + string(e.Class()) }

// ErrBlocked says that a host is not one we may call.
var ErrBlocked = errors.New("this address may not be called")
