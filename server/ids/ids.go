// Package ids holds the typed identifiers every other room speaks in, so that a portal's number can never be passed where a chat's is meant.
package ids

import "strconv"

// AccountID is our number of one customer. Every table leads with it.
type AccountID int64

// PortalID is our number of one Bitrix24 installation of an account.
type PortalID int64

// ChatID is our number of one workplace chat of an account.
type ChatID int64

// MessageID is our number of one message of a chat.
type MessageID int64

// ClientID is our number of one client (the person on the other end) of an account.
type ClientID int64

// FileID is our number of one stored file of an account.
type FileID int64

// CommandID is our number of one outgoing command of an account.
type CommandID int64

// LaneID is our number of one outgoing lane of an account.
type LaneID int64

// B24UserID is a user's number inside one Bitrix24 portal. Wire: number or string, see bitrix24.ID.
type B24UserID int64

// B24LineID is an open line's number inside one Bitrix24 portal: imopenlines.config.* `ID`, LINE of imconnector.*.
type B24LineID int64

// UISEmployeeID is an employee's number at UIS: get.employees `id`, the Chat API's operator_id.
type UISEmployeeID int64

// UISChannelID is the account's chat channel at UIS: get.chat_channels `id`, context.chat_channel_id of the Chat API.
type UISChannelID int64

// UISChatID is a chat's number at UIS: chat_id of the Chat API, get.chats_report `id`.
type UISChatID int64

// UISCallID is a call session's number at UIS: call_session_id of notifications, Call API and get.calls_report.
type UISCallID int64

// Key names one ordered queue of work inside an account: "chat:15", "client:3", "portal:1", "account:1".
// Rows of one key are handled in order by one server at a time.
type Key string

// ChatKey is the ordering key of one chat.
func ChatKey(id UISChatID) Key { return numbered("chat", int64(id)) }

// CallKey is the ordering key of one call session.
func CallKey(id UISCallID) Key { return numbered("call", int64(id)) }

// ClickKey is the ordering key of a click on a number, or of a call-back form.
func ClickKey(id string) Key { return Key("click:" + id) }

// RequestKey is the ordering key of one offline request.
func RequestKey(id int64) Key { return numbered("request", id) }

// ClientKey is the ordering key under which entities of one client are planned.
func ClientKey(id ClientID) Key { return numbered("client", int64(id)) }

// PortalKey is the ordering key of one portal's life cycle.
func PortalKey(id PortalID) Key { return numbered("portal", int64(id)) }

// LinesKey is the ordering key of everything about which channel an account's open lines carry: a channel may go from one line to another.
func LinesKey(id AccountID) Key { return numbered("lines", int64(id)) }

// AccountKey is the ordering key of everything that belongs to the account as a whole, and of rows whose own key could not be read.
func AccountKey(id AccountID) Key { return numbered("account", int64(id)) }

// Kind is the part of the key before the colon: "chat", "client", "portal", "account".
func (k Key) Kind() string {
	for i := 0; i < len(k); i++ {
		if k[i] == ':' {
			return string(k[:i])
		}
	}
	return string(k)
}

// Rest is the part of the key after the first colon.
func (k Key) Rest() string {
	for i := 0; i < len(k); i++ {
		if k[i] == ':' {
			return string(k[i+1:])
		}
	}
	return ""
}

func numbered(kind string, n int64) Key { return Key(kind + ":" + strconv.FormatInt(n, 10)) }
