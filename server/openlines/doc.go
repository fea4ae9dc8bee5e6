// Package openlines ties chat channels of UIS to the open lines of a portal (features O1, O2, O9): the connector in the contact centre, the one channel
// that each line carries, and what the portal's people and pages change of that. Everything about an account's lines is worked under one key, because a channel
// may go from one line to another, also of another portal. What passes along the lines (O3–O8) will be the work of keys of its own; Carries and Lines
// tell it which channel is on which line.
package openlines

import (
	"strings"

	"omni/server/ids"
)

// Code is the connector's name at portals (imconnector.register ID: digits, a–z and _, docs: imconnector-register).
const Code = "omni_uis"

// State is how far a line is.
type State string

// States of a line. Failed: the portal did not do what was asked; what the line carried before it carries still.
const (
	On            State = "on"
	Connecting    State = "connecting"
	Disconnecting State = "disconnecting"
	Failed        State = "failed"
)

// Line is an open line that carries a channel, or is on its way to or from it.
type Line struct {
	Portal ids.PortalID
	ID     ids.B24LineID
	// Channel is whose messages pass; 0: none.
	Channel ids.UISChannelID
	// Wanted was chosen and is not confirmed by the portal yet; 0: nothing is under way.
	Wanted ids.UISChannelID
	// Choice names the choice that is under way or was made last.
	Choice string
	State  State
	// Trouble is why the portal did not do it: a code whose sentence is lines.trouble.<code>, and the portal's own words.
	Trouble, Words string
	// By is who chose.
	By string
}

// Carries tells whether an open line may carry a channel of this type (O2): all but SMS and Yandex. Offline requests are no channel. UIS' list of types grows
// (uis-api: get.chat_channels): Yandex's have its name in them (yandex.dialogs, realty_yandex).
func Carries(kind string) bool {
	kind = strings.ToLower(kind)
	return kind != "sms" && !strings.Contains(kind, "yandex")
}
