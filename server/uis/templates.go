package uis

import (
	"net/http"
	"strings"
)

// EventName is the mnemonic of an HTTP notification (personal account, "Notifications").
type EventName string

// Notification events that templates are offered for; others are read too.
const (
	EventInCall           EventName = "in_call_session"
	EventOutCall          EventName = "out_call_session"
	EventCallProceeding   EventName = "call_proceeding"
	EventCallConnected    EventName = "call_connected"
	EventCallDisconnected EventName = "call_disconnected"
	EventTalkStarted      EventName = "talk_started"
	EventTalkFinished     EventName = "talk_finished"
	EventCallFinished     EventName = "call_session_finished"
	EventCallLost         EventName = "lost_call_session"
	EventRecordReady      EventName = "talk_record_file"
	EventVoiceMessage     EventName = "voice_message"
	EventTagSet           EventName = "set_mark"
	EventTagUnset         EventName = "unset_mark"
	EventOfflineMessage   EventName = "offline_message"
	EventChatAccepted     EventName = "chat_accepted_to_work"
	EventChatOperator     EventName = "chat_operator_changed"
	EventChatFinished     EventName = "chat_finished"
	eventLiteral                    = "event"
	eventVariable                   = "notification_mnemonic"
	visitorInfo                     = "visitor_info"
	contactInfo                     = "contact_info"
	employeeInfo                    = "employee_info"
	callInfo                        = "call_info"
)

// Template is what a person pastes into a notification's settings.
type Template struct {
	Event  EventName
	Method string // always POST: the default GET templates of the personal account have faults
	// Label is the event's name in the personal account, which is Russian.
	Label string
	// Body is JSON with placeholders, which stand without quotes: the platform puts a JSON value there.
	Body string
}

// Templates lists the templates in the order of a call, then requests, then chats. Each holds the literal "event", as notification_name is only
// the person's title; the variables are those of the platform's own default body of that event, so that none of them is unknown to it.
func Templates() []Template {
	out := make([]Template, len(templateLines))
	for i, t := range templateLines {
		out[i] = Template{Event: t.event, Method: http.MethodPost, Label: t.label, Body: templateBody(t.event, t.groups)}
	}
	return out
}

// group is one nested object of a body; "" is the top level. A variable "name=other" puts {{other}} under name.
type variables struct {
	object string
	names  string
}

var templateLines = []struct {
	event  EventName
	label  string
	groups []variables
}{
	{EventInCall, "Входящий звонок на виртуальный номер", []variables{
		{"", "notification_name notification_time virtual_phone_number scenario_name call_session_id"},
		{contactInfo, "contact_phone_number communication_number contact_id contact_full_name"}}},
	{EventOutCall, "Исходящий звонок", []variables{
		{"", "notification_name notification_time virtual_phone_number call_session_id"},
		{contactInfo, "contact_phone_number contact_id contact_full_name"}, {employeeInfo, "employee_id employee_full_name employee_phone_number"}}},
	{EventCallProceeding, "Ожидание ответа", legGroups("leg_id")},
	{EventCallConnected, "Поднятие трубки", legGroups("leg_id")},
	{EventCallDisconnected, "Завершение плеча", legGroups("leg_id")},
	{EventTalkStarted, "Начало разговора", legGroups("leg_ids")},
	{EventTalkFinished, "Окончание разговора", []variables{
		{"", "notification_name notification_time virtual_phone_number external_id leg_ids"},
		{contactInfo, "contact_phone_number communication_number"}, {employeeInfo, "employee_id employee_full_name"},
		{callInfo, "call_source call_session_id direction scenario_name talk_time_duration"}}},
	{EventCallFinished, "Завершение звонка", []variables{
		{"", "notification_name notification_time virtual_phone_number external_id"},
		{contactInfo, "contact_phone_number communication_number"}, {employeeInfo, "employee_id employee_full_name"},
		{callInfo, "call_source call_session_id direction scenario_name talk_time_duration total_time_duration wait_time_duration tag_names"}}},
	{EventCallLost, "Потерянный звонок", []variables{
		{"", "notification_name notification_time virtual_phone_number scenario_name wait_time_duration employee_ids call_session_id"},
		{contactInfo, "contact_phone_number communication_number contact_id contact_full_name"}}},
	{EventRecordReady, "Записанный разговор", []variables{
		{"", "notification_name notification_time virtual_phone_number scenario_name call_session_id tag_ids tag_names"},
		{contactInfo, "contact_phone_number communication_number contact_id contact_full_name"}, {employeeInfo, "employee_id employee_full_name"},
		{"call_record_file_info", "file_link call_record_duration=file_duration"}}},
	{EventVoiceMessage, "Голосовое сообщение", []variables{
		{"", "notification_name notification_time virtual_phone_number scenario_name call_session_id"},
		{contactInfo, "contact_phone_number communication_number contact_id contact_full_name"},
		{"voice_mail_file_info", "file_link file_duration"}}},
	{EventTagSet, "Проставление тега", tagGroups},
	{EventTagUnset, "Снятие тега", tagGroups},
	{EventOfflineMessage, "Офлайн заявка", []variables{
		{"", "notification_name notification_time offline_message_id site_domain_name campaign_id campaign_name communication_id search_engine search_query"},
		{"visitor", "visitor_name visitor_phone_number visitor_email visitor_message visitor_id session_id"}}},
	{EventChatAccepted, "Чат принят в работу", []variables{{"", "notification_name notification_time chat_id employee_id employee_full_name"}}},
	{EventChatOperator, "Смена оператора в чате", []variables{
		{"", "notification_name notification_time chat_id previous_employee_id previous_employee_full_name employee_id employee_full_name"}}},
	{EventChatFinished, "Завершение чата", []variables{
		{"", "notification_name notification_time chat_id status site_domain_name campaign_id campaign_name communication_id session_id tag_ids employee_full_name utm_source utm_medium utm_campaign utm_content utm_term"},
		{visitorInfo, "visitor_name visitor_id"}}},
}

var tagGroups = []variables{
	{"", "notification_name notification_time virtual_phone_number external_id"},
	{contactInfo, "contact_phone_number communication_number"}, {callInfo, "call_source call_session_id direction"}, {"tag_info", "tag_id tag_name"},
}

func legGroups(leg string) []variables {
	return []variables{
		{"", "notification_name notification_time external_id call_source call_session_id direction " + leg},
		{contactInfo, "contact_phone_number contact_id"}, {employeeInfo, "employee_id employee_full_name"},
	}
}

func templateBody(event EventName, groups []variables) string {
	parts := []string{`"` + eventLiteral + `":"` + string(event) + `"`}
	for _, g := range groups {
		var inner []string
		for name := range strings.FieldsSeq(g.names) {
			name, variable, renamed := strings.Cut(name, "=")
			if !renamed {
				variable = name
			}
			inner = append(inner, `"`+name+`":{{`+variable+`}}`)
		}
		if g.object == "" {
			parts = append(parts, inner...)
		} else {
			parts = append(parts, `"`+g.object+`":{`+strings.Join(inner, ",")+`}`)
		}
	}
	return "{" + strings.Join(parts, ",\n ") + "}"
}
