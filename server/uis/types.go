package uis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Identifiers of the platform. 0 means "none"; on the wire they are numbers, numeric strings are read as well.
type (
	EmployeeID       int64 // get.employees `id`; the Chat API's operator_id, the Call API's employee.id
	GroupID          int64
	NumberID         int64 // a virtual number
	SiteID           int64
	CampaignID       int64
	ScenarioID       int64
	TagID            int64
	StatusID         int64
	ContactID        int64
	ChannelID        int64 // the account's chat channel: management channel `id`, context.chat_channel_id of webhooks
	ChatID           int64
	MessageID        int64
	CallSessionID    int64
	LegID            int64
	OfflineMessageID int64
	CommunicationID  int64
	AdapterID        int64
	ConnectionID     int64 // an adapter's "account": account_id of the adapter API and webhooks
	AdapterChannelID int64 // a channel inside a connection: channel_id of the adapter API and webhooks
)

// UnmarshalJSON reads a number, a numeric string or null.
func (v *EmployeeID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *GroupID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *NumberID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *SiteID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *CampaignID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *ScenarioID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *TagID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *StatusID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *ContactID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *ChannelID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *ChatID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *MessageID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *CallSessionID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *LegID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *OfflineMessageID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *CommunicationID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *AdapterID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *ConnectionID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// UnmarshalJSON reads a number, a numeric string or null.
func (v *AdapterChannelID) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// Count is a number of things; numeric strings and null are read as well.
type Count int64

// UnmarshalJSON reads a number, a numeric string or null.
func (v *Count) UnmarshalJSON(b []byte) error { return unmarshalInt(b, (*int64)(v)) }

// VisitorID is a visitor's number as text, as its form is not promised.
type VisitorID = Word

// Word is a string that some pages show as a number: the wire's number becomes its digits, null becomes "".
type Word string

// UnmarshalJSON reads a string, a number, a boolean or null.
func (v *Word) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0 || string(b) == "null":
		*v = ""
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*v = Word(s)
	default: // numbers, and whatever else is better kept as it came than lost
		*v = Word(b)
	}
	return nil
}

// MarshalJSON writes digits as a number and everything else as a string, as the platform sends it.
func (v Word) MarshalJSON() ([]byte, error) {
	if v == "" {
		return []byte("null"), nil
	}
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil && strconv.FormatInt(n, 10) == string(v) {
		return []byte(v), nil
	}
	return json.Marshal(string(v))
}

// Seconds is a duration in seconds. The chats report sends it as a string; "12", 12, 12.5, "00:00:12" and null are read.
type Seconds float64

// longestSeconds is the longest duration that is believed: a hundred years.
const longestSeconds = 100 * 365 * 24 * 3600

// Duration converts to Go's duration.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// UnmarshalJSON reads every form named at the type.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	text := unquoted(b)
	if text == "" || text == "null" {
		*s = 0
		return nil
	}
	total := 0.0
	for _, part := range strings.Split(text, ":") {
		n, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil {
			return fmt.Errorf("uis: %q is no duration", shorten(text, 40))
		}
		total = total*60 + n
	}
	if !(total >= 0 && total <= longestSeconds) { // NaN is neither
		return fmt.Errorf("uis: %q is no duration", shorten(text, 40))
	}
	*s = Seconds(total)
	return nil
}

// WallTime is a date and time in the account's own time zone, as the Data API and notifications send it: "2025-01-31 12:00:05" or with a
// fraction. The zone is get.account `timezone`; without it the moment is not known, so the text is kept. "" means none.
type WallTime string

const wallLayout = "2006-01-02 15:04:05"

// Wall writes a moment the way the platform wants it in parameters: whole seconds in the account's zone (nil: UTC).
func Wall(t time.Time, zone *time.Location) WallTime {
	if zone == nil {
		zone = time.UTC
	}
	return WallTime(t.In(zone).Format(wallLayout))
}

// In gives the moment, reading the text in the account's zone (nil: UTC). A text that names its own offset keeps it.
func (w WallTime) In(zone *time.Location) (time.Time, error) {
	if w == "" {
		return time.Time{}, nil
	}
	return parseTime(string(w), zone)
}

// Instant is a moment of the Chat API (ISO 8601). A text that cannot be read leaves Time zero and stays in Raw: a message is never lost over its date.
type Instant struct {
	time.Time
	Raw string
}

// At makes an instant.
func At(t time.Time) Instant { return Instant{Time: t} }

// UnmarshalJSON never fails.
func (v *Instant) UnmarshalJSON(b []byte) error {
	*v = Instant{Raw: unquoted(b)}
	if v.Raw == "null" {
		v.Raw = ""
	}
	if t, err := parseTime(v.Raw, time.UTC); err == nil {
		v.Time = t.UTC()
	}
	return nil
}

// MarshalJSON writes ISO 8601 with milliseconds, null for the zero time.
func (v Instant) MarshalJSON() ([]byte, error) {
	if v.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(v.UTC().Format("2006-01-02T15:04:05.000-07:00"))
}

var timeLayouts = []string{
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04", "2006-01-02",
}

func parseTime(text string, zone *time.Location) (time.Time, error) {
	if zone == nil {
		zone = time.UTC
	}
	text = strings.TrimSpace(text)
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	if unix, err := strconv.ParseInt(text, 10, 64); err == nil && unix > 1e8 && unix < 1e11 {
		return time.Unix(unix, 0), nil
	}
	return time.Time{}, fmt.Errorf("uis: %q is no date and time", text)
}

func unquoted(b []byte) string {
	b = bytes.TrimSpace(b)
	if len(b) > 0 && b[0] == '"' {
		var s string
		if json.Unmarshal(b, &s) == nil {
			return s
		}
	}
	return string(b)
}

func unmarshalInt(b []byte, into *int64) error {
	n, ok := intOf(unquoted(b))
	if !ok {
		return fmt.Errorf("uis: %s is no whole number", shorten(string(b), 40))
	}
	*into = n
	return nil
}

// intOf reads a whole number; "", null and None count as 0.
func intOf(text string) (int64, bool) {
	text = strings.TrimSpace(text)
	switch text {
	case "", "null", "None":
		return 0, true
	}
	return whole(text)
}

// whole reads a whole number written as a decimal, exactly: 5, 12.0, 1e3. A float would make other numbers of long ones.
func whole(text string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	if len(text) > 24 || strings.Trim(text, "+-.0123456789eE") != "" {
		return 0, false
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if power, err := strconv.Atoi(text[i+1:]); err != nil || power < -20 || power > 20 {
			return 0, false
		}
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok || !exact.IsInt() || !exact.Num().IsInt64() {
		return 0, false
	}
	return exact.Num().Int64(), true
}

func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
