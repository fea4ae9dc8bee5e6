package uis

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Class groups errors by what a caller or a person can do about them.
type Class string

// Classes of errors.
const (
	KeyInvalid       Class = "key_invalid"       // key, session, login or password unknown
	KeyBlocked       Class = "key_blocked"       // key blocked in the personal account
	KeyExpired       Class = "key_expired"       // key or token with an end date is over
	IPNotAllowed     Class = "ip_not_allowed"    // our address is missing in the account's white list
	Forbidden        Class = "forbidden"         // the key's user lacks the right
	ComponentMissing Class = "component_missing" // a tariff option is missing: the feature is absent, nothing is broken
	AccountInactive  Class = "account_inactive"  // the account is blocked
	LimitExceeded    Class = "limit_exceeded"    // points of the minute or the day are used up
	Invalid          Class = "invalid"           // the request was wrong; repeating it will not help
	NotFound         Class = "not_found"         // what the request names does not exist
	Duplicate        Class = "duplicate"         // what should be made is there already
	CallForbidden    Class = "call_forbidden"    // direction forbidden by call security, or contact in the black list
	WrongState       Class = "wrong_state"       // the object is not in a state that allows it
	Server           Class = "server"            // the platform failed
	Transport        Class = "transport"         // no usable answer: connection, time-out, unreadable body
)

// Execution says whether a failed request may have had its effect.
type Execution string

const (
	// NotExecuted means that the request certainly had no effect: it never left, or the platform refused it.
	NotExecuted Execution = "not_executed"
	// Unknown means that the request may have had its effect: it left and no clear answer came (reset, time-out, 5xx, internal error).
	Unknown Execution = "unknown"
)

// Error is a failed request to the platform. It never holds credentials.
type Error struct {
	API    API
	Method string // JSON-RPC method, or "POST message" for the chat APIs
	Code   int    // JSON-RPC code, 0 when there was none
	// Mnemonic is the platform's unique key of the error (Data API, "Errors"), "" when there was none.
	Mnemonic string
	Message  string // the platform's or the transport's own words, for logs
	Field    string // the parameter that was refused, "" when not told
	HTTP     int    // HTTP status, 0 when no answer came
	Cause    error  // the transport's error, nil when the platform answered
	sent     bool   // a connection was there, so the request may have left
	before   bool   // logging in failed: whatever became of the login, the call it was for never left
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "uis %s %s:", e.API, e.Method)
	if e.HTTP != 0 && e.HTTP != http.StatusOK {
		fmt.Fprintf(&b, " HTTP %d", e.HTTP)
	}
	if e.Code != 0 {
		fmt.Fprintf(&b, " %d", e.Code)
	}
	if e.Mnemonic != "" {
		b.WriteString(" " + e.Mnemonic)
	}
	if e.Field != "" {
		fmt.Fprintf(&b, " (%s)", e.Field)
	}
	if e.Message != "" {
		b.WriteString(" " + e.Message)
	}
	return b.String()
}

// Unwrap gives the transport's error, so that errors.Is(err, context.DeadlineExceeded) works.
func (e *Error) Unwrap() error { return e.Cause }

// Class tells what kind of failure it is.
func (e *Error) Class() Class {
	if class, ok := classOfMnemonic[e.Mnemonic]; ok {
		return class
	}
	if class, ok := classOfCode[e.Code]; ok {
		return class
	}
	switch {
	case e.Code != 0:
		return Invalid
	case e.HTTP == http.StatusUnauthorized:
		return KeyInvalid
	case e.HTTP == http.StatusPaymentRequired:
		return AccountInactive
	case e.HTTP == http.StatusForbidden:
		return Forbidden
	case e.HTTP == http.StatusNotFound, e.HTTP == http.StatusGone:
		return NotFound
	case e.HTTP == http.StatusConflict:
		return Duplicate
	case e.HTTP == http.StatusTooManyRequests:
		return LimitExceeded
	case e.HTTP >= 500:
		return Server
	case e.HTTP >= 400:
		return Invalid
	}
	return Transport
}

// Executed tells whether the request may have had its effect.
func (e *Error) Executed() Execution {
	switch {
	case e.before:
		return NotExecuted
	case e.HTTP >= 500, e.HTTP == http.StatusRequestTimeout, e.Code == codeInternal, e.Mnemonic == "internal_error":
		return Unknown
	case e.Code != 0, e.HTTP >= 300:
		return NotExecuted
	case e.HTTP != 0: // an answer that could not be read
		return Unknown
	case e.sent:
		return Unknown
	}
	return NotExecuted
}

// LocaleKeys names the texts for people, the most exact first: "uis.error.contact_in_blacklist", then "uis.error.call_forbidden".
// The second always is one of the classes.
func (e *Error) LocaleKeys() []string {
	class := e.Class().LocaleKey()
	if e.Mnemonic == "" || localePrefix+e.Mnemonic == class {
		return []string{class}
	}
	return []string{localePrefix + e.Mnemonic, class}
}

// LocaleKey is the key of the class's text for people: "uis.error.key_invalid".
func (c Class) LocaleKey() string { return localePrefix + string(c) }

// Classes lists every class, for a test that all of them have a text.
func Classes() []Class {
	return []Class{KeyInvalid, KeyBlocked, KeyExpired, IPNotAllowed, Forbidden, ComponentMissing, AccountInactive, LimitExceeded, Invalid,
		NotFound, Duplicate, CallForbidden, WrongState, Server, Transport}
}

// ClassOf is the class of any error of this package: "" for nil and for errors of other origin.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class()
	}
	return ""
}

// ExecutedOf tells for any error of a call whether it may have had its effect. Errors that are not an *Error were made before sending.
func ExecutedOf(err error) Execution {
	var e *Error
	if errors.As(err, &e) {
		return e.Executed()
	}
	return NotExecuted
}

const (
	localePrefix = "uis.error."
	codeInternal = -32603
)

// Groups of the Data and Call API pages, "Errors".
var classOfCode = map[int]Class{
	-32700: Invalid, -32600: Invalid, -32601: Invalid, -32602: Invalid, codeInternal: Server,
	-32001: KeyInvalid, -32002: CallForbidden, -32003: Forbidden, -32004: WrongState, -32007: NotFound, -32008: ComponentMissing,
	-32009: AccountInactive, -32029: LimitExceeded, -32099: Invalid,
}

// Mnemonics whose class is not that of their code's group.
var classOfMnemonic = map[string]Class{
	"access_token_expired": KeyExpired, "access_token_blocked": KeyBlocked, "access_token_invalid": KeyInvalid, "auth_error": KeyInvalid,
	"ip_not_whitelisted": IPNotAllowed, "forbidden": Forbidden, "account_inactive": AccountInactive,
	"method_component_disabled": ComponentMissing, "parameter_component_disabled": ComponentMissing, "component_disabled": ComponentMissing,
	"tariff_restrictions": ComponentMissing, "limit_exceeded": LimitExceeded, "internal_error": Server,
	"entity_not_found": NotFound, "call_session_not_found": NotFound, "leg_not_found": NotFound, "tag_not_found": NotFound,
	"employee_not_found": NotFound, "no_active_phone_number": NotFound, "scenario_not_found": NotFound, "media_file_not_found": NotFound,
	"virtual_phone_number_not_found": NotFound, "coach_not_found": NotFound, "talk_option_not_found": NotFound,
	"duplicate_entity": Duplicate, "duplicate_tag": Duplicate, "duplicate_contact": Duplicate,
	"contact_in_blacklist": CallForbidden, "invalid_state": WrongState,
}
