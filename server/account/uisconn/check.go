package uisconn

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"

	"omni/server/httpguard"
	"omni/server/uis"
)

// Codes of checks, as the API names them.
const (
	CheckDataAPI   = "data_api"
	CheckCallAPI   = "call_api"
	CheckLogin     = "chats_login"
	CheckAdapter   = "adapter"
	CheckChannels  = "channels"
	CheckEmployees = "employees"
)

// Check is the result of testing one thing. It is kept as data; Text says it in a language.
type Check struct {
	Code string `json:"code"`
	OK   bool   `json:"ok"`
	// Why is "ok", "absent" (the tariff or the brand lacks it: nothing is broken), "missing" (nothing was given), a class of uis errors, "two_factor",
	// "empty" or "not_reached".
	Why    string `json:"why"`
	Detail string `json:"detail,omitempty"` // the platform's own words
	IP     string `json:"ip,omitempty"`     // the address to add to the white list, when we can tell it
}

type checks []Check

// Texts finds sentences.
type Texts interface {
	Text(lang, key string, args ...any) string
}

// Text says how it stands, and what to do about it ("" when nothing).
func (c Check) Text(t Texts, lang string) (text, cure string) {
	text = t.Text(lang, "uisconn."+c.Code+"."+c.state())
	if c.OK {
		return text, ""
	}
	cure = "uisconn.cure." + c.Why
	if c.IP != "" {
		cure += "_named"
	}
	return text + " " + t.Text(lang, "uisconn.why."+c.Why), t.Text(lang, cure, "ip", c.IP)
}

func (c Check) state() string {
	switch {
	case c.Why == "absent":
		return "absent"
	case c.OK:
		return "ok"
	}
	return "failed"
}

// judge makes a check of an error. A missing tariff component or interface of the brand is an absent feature (U4).
func judge(code string, err error) Check {
	var e *uis.Error
	switch {
	case err == nil:
		return Check{Code: code, OK: true, Why: "ok"}
	case errors.Is(err, uis.ErrNotOffered):
		return Check{Code: code, OK: true, Why: "absent"}
	case errors.Is(err, uis.ErrTwoFactor):
		return Check{Code: code, Why: "two_factor"}
	case errors.As(err, &e):
		class := e.Class()
		if class == uis.ComponentMissing {
			return Check{Code: code, OK: true, Why: "absent", Detail: e.Message}
		}
		return Check{Code: code, Why: string(class), Detail: e.Message}
	}
	return Check{Code: code, Why: string(uis.Transport), Detail: err.Error()}
}

// refusedForGood tells whether a credential is certainly wrong, so that it must not replace one that works.
func refusedForGood(c Check) bool {
	switch uis.Class(c.Why) {
	case uis.KeyInvalid, uis.KeyBlocked, uis.KeyExpired:
		return true
	}
	return c.Why == "two_factor"
}

// outgoing is the address UIS sees us under, as far as this machine knows it: behind a translating router it does not, then "". No packet is sent.
func outgoing(ctx context.Context, endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return ""
	}
	defer func() { _ = conn.Close() }()
	local, err1 := netip.ParseAddrPort(conn.LocalAddr().String())
	remote, err2 := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err1 != nil || err2 != nil || !httpguard.Public(local.Addr()) && httpguard.Public(remote.Addr()) {
		return ""
	}
	return local.Addr().Unmap().String()
}
