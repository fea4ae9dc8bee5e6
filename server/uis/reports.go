package uis

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
)

// Row keeps a report row's every field by its wire name, for templates and field mappings that name fields freely.
type Row map[string]json.RawMessage

// Text is a field as people would write it: strings unquoted, null and missing fields empty, numbers as they came, everything else as JSON.
func (r Row) Text(field string) string {
	raw := r[field]
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	return unquoted(raw)
}

// Analytics are the fields that calls, chats and requests share (Data API, reports).
// Further ones (utm_*, eq_utm_*, openstat_*, referrer, gclid …) are in the row's Row.
type Analytics struct {
	SiteID            SiteID     `json:"site_id"`
	Site              string     `json:"site_domain_name"`
	CampaignID        CampaignID `json:"campaign_id"`
	Campaign          string     `json:"campaign_name"`
	FirstCampaignID   CampaignID `json:"visitor_first_campaign_id"`
	FirstCampaign     string     `json:"visitor_first_campaign_name"`
	VisitorID         VisitorID  `json:"visitor_id"`
	PersonID          Word       `json:"person_id"`
	Channel           string     `json:"channel"` // kind of traffic: paid, organic, direct …
	SourceName        string     `json:"source_name"`
	Tags              []TagMark  `json:"tags"`
	CommunicationPage string     `json:"communication_page_url"`
}

// TagMark is a tag on a communication.
type TagMark struct {
	ID   TagID  `json:"tag_id"`
	Name string `json:"tag_name"`
}

// AnalyticsFields are the wire names of Analytics and what templates most often use, to be added to Query.Fields.
func AnalyticsFields() []string {
	return []string{
		"site_id", "site_domain_name", "campaign_id", "campaign_name", "visitor_first_campaign_id", "visitor_first_campaign_name",
		"visitor_id", "person_id", "channel", "source_id", "source_name", "tags", "communication_page_url", "visitor_type", "visitor_session_id",
		"visitor_city", "visitor_region", "visitor_country", "visitor_device", "utm_source", "utm_medium", "utm_term", "utm_content",
		"utm_campaign", "eq_utm_source", "eq_utm_medium", "eq_utm_term", "eq_utm_content", "eq_utm_campaign", "eq_utm_referrer",
		"eq_utm_expid", "openstat_ad", "openstat_campaign", "openstat_service", "openstat_source", "search_query", "search_engine",
		"referrer_domain", "referrer", "entrance_page", "gclid", "yclid", "ymclid", "ua_client_id", "ym_client_id", "attributes",
	}
}

// Call is one call session (Data API, get.calls_report).
type Call struct {
	ID                 CallSessionID   `json:"id"`
	StartTime          WallTime        `json:"start_time"`
	FinishTime         WallTime        `json:"finish_time"`
	FinishReason       string          `json:"finish_reason"`
	Direction          string          `json:"direction"` // in, out
	Source             string          `json:"source"`
	Lost               bool            `json:"is_lost"`
	Transfer           bool            `json:"is_transfer"`
	ContactNumber      Word            `json:"contact_phone_number"`
	VirtualNumber      Word            `json:"virtual_phone_number"`
	OperatorNumber     Word            `json:"operator_phone_number"`
	CommunicationID    CommunicationID `json:"communication_id"`
	WaitDuration       Seconds         `json:"wait_duration"`
	TotalWait          Seconds         `json:"total_wait_duration"`
	TalkDuration       Seconds         `json:"talk_duration"`
	CleanTalk          Seconds         `json:"clean_talk_duration"`
	TotalDuration      Seconds         `json:"total_duration"`
	Records            []string        `json:"call_records"` // hashes, see RecordLink
	VoiceMails         []string        `json:"voice_mail_records"`
	RecordLink         string          `json:"full_record_file_link"`
	Employees          []CallEmployee  `json:"employees"`
	FirstAnswered      EmployeeID      `json:"first_answered_employee_id"`
	LastAnswered       EmployeeID      `json:"last_answered_employee_id"`
	FirstTalked        EmployeeID      `json:"first_talked_employee_id"`
	LastTalked         EmployeeID      `json:"last_talked_employee_id"`
	ScenarioID         ScenarioID      `json:"scenario_id"`
	ScenarioName       string          `json:"scenario_name"`
	ScenarioOperations []Operation     `json:"scenario_operations"` // the last one is taken to be the last operation
	ContactID          ContactID       `json:"contact_id"`
	ExternalID         Word            `json:"call_api_external_id"` // external_id given to the Call API
	Analytics
	Row Row `json:"-"`
}

// CallEmployee is an employee's part in a call.
type CallEmployee struct {
	ID       EmployeeID `json:"employee_id"`
	FullName string     `json:"employee_full_name"`
	Answered bool       `json:"is_answered"`
	Talked   bool       `json:"is_talked"`
}

// Operation is a step of a telephone scenario that a call went through.
type Operation struct {
	ID   Word   `json:"id"`
	Name string `json:"name"`
}

// VoiceMail is where the last message left on the voice mail lies, as a path at the brand's personal account (Data API, "Links to recordings"); empty: none was left.
func (c Call) VoiceMail() string {
	if n := len(c.VoiceMails); n > 0 && c.CommunicationID != 0 {
		return fmt.Sprintf("/system/media/voice_mail/%d/%s/", c.CommunicationID, url.PathEscape(c.VoiceMails[n-1]))
	}
	return ""
}

// LastOperation is the operation the call ended in, zero when the report names none.
func (c Call) LastOperation() Operation {
	if n := len(c.ScenarioOperations); n > 0 {
		return c.ScenarioOperations[n-1]
	}
	return Operation{}
}

// CallFields are the wire names of Call, to be used as Query.Fields together with AnalyticsFields: without fields only default ones come.
func CallFields() []string {
	return []string{
		"id", "start_time", "finish_time", "finish_reason", "direction", "source", "is_lost", "is_transfer", "contact_phone_number",
		"virtual_phone_number", "operator_phone_number", "communication_id", "communication_type", "communication_number", "wait_duration",
		"total_wait_duration", "talk_duration", "clean_talk_duration", "total_duration", "call_records", "voice_mail_records",
		"full_record_file_link", "employees", "first_answered_employee_id", "last_answered_employee_id", "first_talked_employee_id",
		"last_talked_employee_id", "scenario_id", "scenario_name", "scenario_operations", "contact_id", "contact_full_name",
		"call_api_external_id",
	}
}

// Calls reads call sessions; Extra{"include_ongoing_calls": true} adds running ones. (get.calls_report)
func (c *Client) Calls(ctx context.Context, q Query) ([]Call, Metadata, error) {
	return report(ctx, c, "get.calls_report", q, func(row *Call, all Row) { row.Row = all })
}

// CallLeg is one leg of a call session (Data API, get.call_legs_report).
type CallLeg struct {
	ID             LegID         `json:"id"`
	CallSessionID  CallSessionID `json:"call_session_id"`
	StartTime      WallTime      `json:"start_time"`
	ConnectTime    WallTime      `json:"connect_time"`
	Duration       Seconds       `json:"duration"`
	FinishReason   string        `json:"finish_reason"`
	Direction      string        `json:"direction"`
	CallingNumber  Word          `json:"calling_phone_number"`
	CalledNumber   Word          `json:"called_phone_number"`
	VirtualNumber  Word          `json:"virtual_phone_number"`
	Operator       bool          `json:"is_operator"`
	Talked         bool          `json:"is_talked"`
	Failed         bool          `json:"is_failed"`
	Transferred    bool          `json:"is_transfered"` // spelt so on the wire
	EmployeeID     EmployeeID    `json:"employee_id"`
	EmployeeName   string        `json:"employee_full_name"`
	EmployeeNumber Word          `json:"employee_phone_number"`
	ActionID       Word          `json:"action_id"` // scenario operation that made the leg
	ActionName     string        `json:"action_name"`
	GroupID        GroupID       `json:"group_id"`
	GroupName      string        `json:"group_name"`
	Records        []string      `json:"call_records"`
	Row            Row           `json:"-"`
}

// CallLegs reads legs, for instance with In("call_session_id", …). (get.call_legs_report)
func (c *Client) CallLegs(ctx context.Context, q Query) ([]CallLeg, Metadata, error) {
	return report(ctx, c, "get.call_legs_report", q, func(row *CallLeg, all Row) { row.Row = all })
}

// Chat is one chat (Data API, get.chats_report).
type Chat struct {
	ID                   ChatID          `json:"id"`
	Status               string          `json:"status"`    // new, active, lost, succeed, refused
	Initiator            string          `json:"initiator"` // operator, visitor, autoinvite, chat_channel, chatbot
	Time                 WallTime        `json:"date_time"`
	Duration             Seconds         `json:"duration"`
	AnswerTime           Seconds         `json:"answer_time"`
	ReleaseCause         string          `json:"release_cause"` // why it ended, "" while open
	CommunicationID      CommunicationID `json:"communication_id"`
	ChannelID            ChannelID       `json:"chat_channel_id"`
	ChannelType          string          `json:"chat_channel_type"`
	ChannelName          string          `json:"chat_channel_name"`
	UserID               Word            `json:"chat_user_id"`  // messenger user id
	Username             Word            `json:"chat_username"` // nickname
	AdURL                string          `json:"chat_ad_url"`
	MessagesCount        Count           `json:"messages_count"`
	EmployeeMessageCount Count           `json:"employee_messages_count"`
	GroupChat            bool            `json:"is_group_chat"`
	Transfer             bool            `json:"is_transfer"`
	EmployeeID           EmployeeID      `json:"employee_id"` // who accepted it
	EmployeeName         string          `json:"employee_full_name"`
	VisitorNumber        Word            `json:"visitor_phone_number"`
	Analytics
	Row Row `json:"-"`
}

// Open reports whether the chat is still going on.
func (c Chat) Open() bool { return c.Status == "new" || c.Status == "active" }

// ChatFields are the wire names of Chat that the brand's report has, to be used as Query.Fields together with AnalyticsFields.
func ChatFields(b Brand) []string {
	fields := []string{
		"id", "status", "initiator", "date_time", "duration", "answer_time", "release_cause", "communication_id", "communication_type",
		"communication_number", "chat_channel_type", "chat_channel_name", "messages_count", "employee_messages_count", "is_transfer",
		"employee_id", "employee_full_name", "visitor_phone_number",
	}
	if b != Novofon { // its copy of the page lacks these
		fields = append(fields, "chat_channel_id", "chat_user_id", "chat_username", "chat_ad_url", "is_group_chat", "visitor_ids", "visitor_profile_url")
	}
	return fields
}

// Chats reads chats. (get.chats_report)
func (c *Client) Chats(ctx context.Context, q Query) ([]Chat, Metadata, error) {
	return report(ctx, c, "get.chats_report", q, func(row *Chat, all Row) { row.Row = all })
}

// ChatMessage is one message of a chat's history (Data API, get.chat_messages_report).
type ChatMessage struct {
	ID           MessageID       `json:"id"`
	ChatID       ChatID          `json:"chat_id"`
	ChannelID    ChannelID       `json:"channel_id"`
	ChannelType  string          `json:"channel_type"`
	Time         WallTime        `json:"date_time"`
	VisitorID    VisitorID       `json:"visitor_id"`
	Text         string          `json:"text"`
	Source       string          `json:"source"` // system, operator, visitor, retention, autoinvite, form_text, chat_channel, chatbot
	EmployeeID   EmployeeID      `json:"employee_id"`
	EmployeeName string          `json:"employee_full_name"`
	Resource     *ReportResource `json:"resource"`
	Row          Row             `json:"-"`
}

// ReportResource is the file of a message in the report.
type ReportResource struct {
	Type string `json:"type"`
	Name string `json:"file_name"`
	MIME string `json:"mime_type"`
	URL  string `json:"file_url"`
	Size Count  `json:"size"` // bytes
}

// ChatMessages reads messages by Extra{"chat_id": n} or {"chat_ids": […]}, or by dates at most 30 days apart; sort by date_time for the order of
// sending. (get.chat_messages_report, component consultant or upload_chats)
func (c *Client) ChatMessages(ctx context.Context, q Query) ([]ChatMessage, Metadata, error) {
	return report(ctx, c, "get.chat_messages_report", q, func(row *ChatMessage, all Row) { row.Row = all })
}

// OfflineMessage is a request left on a site (Data API, get.offline_messages_report).
type OfflineMessage struct {
	ID              OfflineMessageID `json:"id"`
	Time            WallTime         `json:"date_time"`
	Text            string           `json:"text"`
	Status          string           `json:"status"` // not_processed, processing, processed
	FormType        string           `json:"form_type"`
	FormName        string           `json:"form_name"`
	VisitorName     string           `json:"visitor_name"`
	VisitorNumber   Word             `json:"visitor_phone_number"`
	VisitorEmail    string           `json:"visitor_email"`
	GroupID         GroupID          `json:"group_id"` // chosen by the visitor
	GroupName       string           `json:"group_name"`
	EmployeeID      EmployeeID       `json:"employee_id"`
	CommunicationID CommunicationID  `json:"communication_id"`
	Analytics
	Row Row `json:"-"`
}

// OfflineMessageFields are the wire names of OfflineMessage, to be used as Query.Fields together with AnalyticsFields.
func OfflineMessageFields() []string {
	return []string{
		"id", "date_time", "text", "status", "form_type", "form_name", "visitor_name", "visitor_phone_number", "visitor_email", "group_id",
		"group_name", "employee_id", "employee_full_name", "communication_id", "communication_type", "communication_number",
	}
}

// OfflineMessages reads requests. (get.offline_messages_report)
func (c *Client) OfflineMessages(ctx context.Context, q Query) ([]OfflineMessage, Metadata, error) {
	return report(ctx, c, "get.offline_messages_report", q, func(row *OfflineMessage, all Row) { row.Row = all })
}

// report reads one page, each row both typed and whole.
func report[T any](ctx context.Context, c *Client, method string, q Query, keep func(*T, Row)) ([]T, Metadata, error) {
	raw, metadata, err := list[json.RawMessage](ctx, c, method, q)
	if err != nil {
		return nil, metadata, err
	}
	rows, err := decodeRows(method, raw, keep)
	return rows, metadata, err
}

// DecodeCalls reads the data of get.calls_report likewise.
func DecodeCalls(data json.RawMessage) ([]Call, error) {
	return decodeData("get.calls_report", data, func(row *Call, all Row) { row.Row = all })
}

// DecodeCallLegs reads the data of get.call_legs_report likewise.
func DecodeCallLegs(data json.RawMessage) ([]CallLeg, error) {
	return decodeData("get.call_legs_report", data, func(row *CallLeg, all Row) { row.Row = all })
}

// DecodeOfflineMessages reads the data of get.offline_messages_report likewise.
func DecodeOfflineMessages(data json.RawMessage) ([]OfflineMessage, error) {
	return decodeData("get.offline_messages_report", data, func(row *OfflineMessage, all Row) { row.Row = all })
}

// DecodeChats reads the data of get.chats_report, for callers that send the request themselves (Query.Params).
func DecodeChats(data json.RawMessage) ([]Chat, error) {
	return decodeData("get.chats_report", data, func(row *Chat, all Row) { row.Row = all })
}

// DecodeChatMessages reads the data of get.chat_messages_report likewise.
func DecodeChatMessages(data json.RawMessage) ([]ChatMessage, error) {
	return decodeData("get.chat_messages_report", data, func(row *ChatMessage, all Row) { row.Row = all })
}

func decodeData[T any](method string, data json.RawMessage, keep func(*T, Row)) ([]T, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, &Error{API: DataAPI, Method: method, HTTP: 200, Message: "unexpected data: " + shorten(err.Error(), 200), Cause: err, sent: true}
	}
	return decodeRows(method, raw, keep)
}

func decodeRows[T any](method string, raw []json.RawMessage, keep func(*T, Row)) ([]T, error) {
	rows := make([]T, len(raw))
	for i := range raw {
		var all Row
		if err := json.Unmarshal(raw[i], &all); err != nil {
			return nil, &Error{API: DataAPI, Method: method, HTTP: 200, Message: "unexpected row: " + shorten(err.Error(), 200), Cause: err, sent: true}
		}
		if json.Unmarshal(raw[i], &rows[i]) != nil { // a field of another type than the page says is left empty; Row has it
			var none T
			rows[i] = none
			eachField(all, reflect.ValueOf(&rows[i]).Elem())
		}
		keep(&rows[i], all)
	}
	return rows, nil
}

// eachField fills a struct's fields one by one, so that one that cannot be read does not cost the others.
func eachField(from Row, into reflect.Value) {
	for i := range into.NumField() {
		field := into.Type().Field(i)
		if field.Anonymous {
			eachField(from, into.Field(i))
			continue
		}
		raw := from[field.Tag.Get("json")]
		if len(raw) > 0 && json.Unmarshal(raw, into.Field(i).Addr().Interface()) != nil {
			into.Field(i).SetZero()
		}
	}
}

// RecordLink builds the address of one recording (mp3) from a hash of Call.Records (Data API, "Links to recordings"); "" where none is documented.
// Prefer Call.RecordLink, which is complete.
func (h Hosts) RecordLink(communication CommunicationID, hash string) string {
	host := map[Brand]string{UIS: "app.uiscom.ru", CoMagic: "app.comagic.ru"}[h.Brand]
	if host == "" || hash == "" {
		return "" // the other brands document no such address
	}
	return "https://" + host + "/system/media/talk/" + itoa(int64(communication)) + "/" + hash + "/"
}
