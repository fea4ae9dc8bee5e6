package uis

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Notification is one HTTP notification. Every variable is in Values under its own name, however the body nested it; the named fields are what
// most callers need, zero when the event does not bring them.
type Notification struct {
	Event EventName
	Name  string   // the person's title of the notification
	Time  WallTime // in the account's zone

	CallSessionID    CallSessionID
	OfflineMessageID OfflineMessageID
	ChatID           ChatID
	CommunicationID  CommunicationID

	Direction     string // in, out, ""
	Source        string // call_source
	ExternalID    string // external_id given to the Call API
	ContactNumber string // E.164 digits without plus
	VirtualNumber string
	ContactID     ContactID
	ContactName   string

	EmployeeID         EmployeeID
	EmployeeName       string
	EmployeeNumber     string
	EmployeeIDs        []EmployeeID // those who were rung (lost_call_session)
	PreviousEmployeeID EmployeeID
	LegIDs             []LegID // leg_id or leg_ids

	ScenarioName string
	TalkTime     Seconds
	TotalTime    Seconds
	WaitTime     Seconds
	FileLink     string // recording or voice mail
	FileDuration Seconds
	TagID        TagID
	TagName      string
	TagNames     []string
	Status       string
	Visitor      NotifiedVisitor

	// Values are all variables: strings, json.Number, bool, nil, lists and objects.
	Values map[string]any
	// Repairs says what was odd about the body.
	Repairs []Repair

	natural string
}

// NotifiedVisitor is the client of a request or chat.
type NotifiedVisitor struct {
	ID      VisitorID
	Name    string
	Phone   string
	Email   string
	Message string
}

// Subject is what a notification is about: the ordering key of its handling.
type Subject struct {
	Kind string // "call", "request", "chat"; "" when the body names none
	ID   int64
}

// Errors of ParseNotification.
var (
	// ErrNotificationBody means that the body could not be read even after repairs.
	ErrNotificationBody = errors.New("uis: unreadable notification body")
	// ErrNoEvent means that the body was read but names no event: the template lacks the literal "event".
	ErrNoEvent = errors.New("uis: notification without event")
)

// ParseNotification reads a notification's body: JSON made from a template, with common faults (placeholders in quotes, placeholders left unfilled,
// empty values), or a form. Errors: ErrNotificationBody, ErrNoEvent; with the latter everything but Event is filled. Natural is always right.
func ParseNotification(body []byte) (Notification, error) {
	n := Notification{natural: "notification:" + bodyHash(body)}
	text := strings.TrimSpace(strings.TrimPrefix(string(body), "\uFEFF"))
	if text != "" && text[0] != '{' && strings.Contains(text, "=") {
		values, err := url.ParseQuery(text)
		if err != nil {
			return n, fmt.Errorf("%w: neither JSON nor a form", ErrNotificationBody)
		}
		return n.fromQuery(values)
	}
	all, repairs, err := decodeTemplate(body)
	if err != nil {
		return n, fmt.Errorf("%w: %w", ErrNotificationBody, err)
	}
	if all == nil {
		return n, fmt.Errorf("%w: no object", ErrNotificationBody)
	}
	n.Repairs, n.Values = repairs, map[string]any{}
	flatten(n.Values, all)
	return n, n.fill()
}

// ParseNotificationQuery reads the GET variant: a flat query with the same names.
func ParseNotificationQuery(query url.Values) (Notification, error) {
	n := Notification{natural: "notification:" + bodyHash([]byte(query.Encode()))}
	return n.fromQuery(query)
}

func (n Notification) fromQuery(query url.Values) (Notification, error) {
	n.Values = map[string]any{}
	for key, values := range query {
		if len(values) == 0 {
			continue
		}
		key = strings.Trim(key, `"' `)
		value := strings.Trim(values[0], `"`)
		// A known fault of the default template: the & between these two is missing.
		if head, tail, glued := strings.Cut(value, "employee_full_name="); glued && key == "communication_number" {
			n.Values["employee_full_name"] = tail
			value = head
		}
		if key == "contact_fullname" { // another one
			key = "contact_full_name"
		}
		if strings.HasPrefix(value, "{{") && strings.HasSuffix(value, "}}") {
			value = ""
		}
		n.Values[key] = value
	}
	return n, n.fill()
}

// Subject tells what the notification is about. A request's notification may name a chat or call as well: the event decides first.
func (n Notification) Subject() Subject {
	switch {
	case n.Event == EventOfflineMessage && n.OfflineMessageID != 0:
		return Subject{"request", int64(n.OfflineMessageID)}
	case strings.HasPrefix(string(n.Event), "chat_") && n.ChatID != 0:
		return Subject{"chat", int64(n.ChatID)}
	case n.CallSessionID != 0:
		return Subject{"call", int64(n.CallSessionID)}
	case n.ChatID != 0:
		return Subject{"chat", int64(n.ChatID)}
	case n.OfflineMessageID != 0:
		return Subject{"request", int64(n.OfflineMessageID)}
	}
	return Subject{}
}

// Natural names this notification: equal for two deliveries of the same one. It is a hash of the body, whose notification_time tells occasions apart.
func (n Notification) Natural() string { return n.natural }

// Text is a variable as people would write it: "" for null and missing ones, lists joined by commas.
func (n Notification) Text(variable string) string { return textOf(n.Values[variable]) }

// fill reads the named fields from Values.
func (n *Notification) fill() error {
	id := func(variable string) int64 { v, _ := intOf(n.Text(variable)); return v }
	seconds := func(variable string) Seconds {
		var s Seconds
		if encoded, err := json.Marshal(n.Text(variable)); err == nil && s.UnmarshalJSON(encoded) != nil {
			return 0
		}
		return s
	}
	n.Name, n.Time = n.Text("notification_name"), WallTime(n.Text("notification_time"))
	n.CallSessionID, n.OfflineMessageID = CallSessionID(id("call_session_id")), OfflineMessageID(id("offline_message_id"))
	n.ChatID, n.CommunicationID = ChatID(id("chat_id")), CommunicationID(id("communication_id"))
	n.Direction, n.Source, n.ExternalID = n.Text("direction"), n.Text("call_source"), n.Text("external_id")
	n.ContactNumber, n.VirtualNumber = digits(n.Text("contact_phone_number")), digits(n.Text("virtual_phone_number"))
	n.ContactID, n.ContactName = ContactID(id("contact_id")), n.Text("contact_full_name")
	n.EmployeeID, n.EmployeeName = EmployeeID(id("employee_id")), n.Text("employee_full_name")
	n.EmployeeNumber, n.PreviousEmployeeID = n.Text("employee_phone_number"), EmployeeID(id("previous_employee_id"))
	for _, one := range n.list("employee_ids") {
		if v, ok := intOf(one); ok && v != 0 {
			n.EmployeeIDs = append(n.EmployeeIDs, EmployeeID(v))
		}
	}
	for _, one := range append(n.list("leg_id"), n.list("leg_ids")...) {
		if v, ok := intOf(one); ok && v != 0 {
			n.LegIDs = append(n.LegIDs, LegID(v))
		}
	}
	n.ScenarioName, n.FileLink, n.Status = n.Text("scenario_name"), n.Text("file_link"), n.Text("status")
	n.TalkTime, n.TotalTime, n.WaitTime = seconds("talk_time_duration"), seconds("total_time_duration"), seconds("wait_time_duration")
	if n.FileDuration = seconds("file_duration"); n.FileDuration == 0 {
		n.FileDuration = seconds("call_record_duration")
	}
	n.TagID, n.TagName, n.TagNames = TagID(id("tag_id")), n.Text("tag_name"), n.list("tag_names")
	n.Visitor = NotifiedVisitor{
		ID: VisitorID(n.Text("visitor_id")), Name: n.Text("visitor_name"), Phone: digits(n.Text("visitor_phone_number")),
		Email: n.Text("visitor_email"), Message: n.Text("visitor_message"),
	}
	n.Event = EventName(n.Text(eventLiteral))
	if n.Event == "" {
		n.Event = EventName(n.Text(eventVariable))
	}
	if n.Event == "" {
		return ErrNoEvent
	}
	return nil
}
