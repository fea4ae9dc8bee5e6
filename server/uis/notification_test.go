package uis_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/uis"
)

// sample are the values the platform would put into placeholders.
var sample = map[string]string{
	"notification_name": `"Звонок \"1\""`, "notification_time": `"2025-01-31 12:00:05.123"`, "virtual_phone_number": `"74950000000"`, "contact_phone_number": `"79000000000"`,
	"communication_number": `2`, "contact_id": `null`, "contact_full_name": `null`, "call_session_id": `500001`, "scenario_name": `"Main"`, "employee_id": `15`,
	"employee_full_name": `"Иванов Иван"`, "employee_phone_number": `"79000000001"`, "external_id": `"cmd-9"`, "call_source": `"va"`, "direction": `"in"`, "leg_id": `31`,
	"leg_ids": `[31,32]`, "talk_time_duration": `61`, "total_time_duration": `90`, "wait_time_duration": `20`, "tag_names": `["VIP","new"]`, "tag_ids": `[5,6]`,
	"employee_ids": `[15,16]`, "file_link": `"https://media.uiscom.ru/1/abc"`, "file_duration": `59`, "tag_id": `5`, "tag_name": `"VIP"`, "visitor_name": `"Анна"`,
	"visitor_phone_number": `"79000000000"`, "visitor_email": `"a@example.com"`, "visitor_message": `"Call \"me\" {{now}}, please"`, "visitor_id": `500`, "session_id": `77`,
	"offline_message_id": `8`, "site_domain_name": `"example.com"`, "campaign_id": `3`, "campaign_name": `"C"`, "communication_id": `70`, "search_engine": `null`,
	"search_query": `null`, "chat_id": `400`, "previous_employee_id": `14`, "previous_employee_full_name": `"П"`, "utm_source": `"ya"`, "utm_medium": `null`,
	"utm_campaign": `null`, "utm_content": `null`, "utm_term": `null`, "status": `"succeed"`,
}

var placeholder = regexp.MustCompile(`\{\{(\w+)\}\}`)

func render(body string, values map[string]string) string {
	return placeholder.ReplaceAllStringFunc(body, func(p string) string {
		if value, ok := values[strings.Trim(p, "{}")]; ok {
			return value
		}
		return p
	})
}

// U3: what the cabinet hands out is valid, unmistakable and is read back.
func TestTemplates(t *testing.T) {
	t.Parallel()
	want := []uis.EventName{
		"in_call_session", "out_call_session", "call_proceeding", "call_connected", "call_disconnected", "talk_started", "talk_finished", "call_session_finished",
		"lost_call_session", "talk_record_file", "voice_message", "set_mark", "unset_mark", "offline_message", "chat_accepted_to_work", "chat_operator_changed", "chat_finished",
	}
	var have []uis.EventName
	for _, template := range uis.Templates() {
		have = append(have, template.Event)
		require.Equal(t, "POST", template.Method)
		require.NotEmpty(t, template.Label)
		body := render(template.Body, sample)
		for _, variable := range placeholder.FindAllStringSubmatch(template.Body, -1) {
			require.Contains(t, sample, variable[1])
		}
		require.True(t, json.Valid([]byte(body)), body)
		n, err := uis.ParseNotification([]byte(body))
		require.NoError(t, err, template.Event)
		require.Equal(t, template.Event, n.Event)
		require.Empty(t, n.Repairs)
		require.Equal(t, uis.WallTime("2025-01-31 12:00:05.123"), n.Time)
		kind := "call"
		switch {
		case strings.HasPrefix(string(n.Event), "chat_"):
			kind = "chat"
		case n.Event == uis.EventOfflineMessage:
			kind = "request"
		}
		require.Equal(t, kind, n.Subject().Kind, template.Event)
		require.NotZero(t, n.Subject().ID)
	}
	require.Equal(t, want, have)
}

func parse(t *testing.T, event uis.EventName) uis.Notification {
	t.Helper()
	for _, template := range uis.Templates() {
		if template.Event == event {
			n, err := uis.ParseNotification([]byte(render(template.Body, sample)))
			require.NoError(t, err)
			return n
		}
	}
	t.Fatalf("no template for %s", event)
	return uis.Notification{}
}

func TestNotificationFields(t *testing.T) {
	t.Parallel()
	n := parse(t, uis.EventCallFinished)
	require.Equal(t, uis.Subject{Kind: "call", ID: 500001}, n.Subject())
	require.Equal(t, "in", n.Direction)
	require.Equal(t, "79000000000", n.ContactNumber)
	require.Equal(t, "74950000000", n.VirtualNumber)
	require.Equal(t, uis.EmployeeID(15), n.EmployeeID)
	require.Equal(t, uis.Seconds(61), n.TalkTime)
	require.Equal(t, uis.Seconds(90), n.TotalTime)
	require.Equal(t, uis.Seconds(20), n.WaitTime)
	require.Equal(t, []string{"VIP", "new"}, n.TagNames)
	require.Equal(t, "VIP, new", n.Text("tag_names"))
	require.Equal(t, "cmd-9", n.ExternalID)
	require.Equal(t, `Звонок "1"`, n.Name)

	require.Equal(t, []uis.LegID{31, 32}, parse(t, uis.EventTalkStarted).LegIDs)
	require.Equal(t, []uis.LegID{31}, parse(t, uis.EventCallConnected).LegIDs)
	require.Equal(t, []uis.EmployeeID{15, 16}, parse(t, uis.EventCallLost).EmployeeIDs)
	require.Equal(t, uis.Seconds(59), parse(t, uis.EventRecordReady).FileDuration)
	require.Equal(t, "https://media.uiscom.ru/1/abc", parse(t, uis.EventVoiceMessage).FileLink)
	require.Equal(t, uis.TagID(5), parse(t, uis.EventTagSet).TagID)
	require.Equal(t, uis.EmployeeID(14), parse(t, uis.EventChatOperator).PreviousEmployeeID)
	request := parse(t, uis.EventOfflineMessage)
	require.Equal(t, uis.NotifiedVisitor{ID: "500", Name: "Анна", Phone: "79000000000", Email: "a@example.com", Message: `Call "me" {{now}}, please`}, request.Visitor)
	require.Equal(t, uis.Subject{Kind: "request", ID: 8}, request.Subject())
}

func TestNotificationFaults(t *testing.T) {
	t.Parallel()
	template := `{"event":"call_session_finished","notification_name":{{notification_name}},"contact_info":{"contact_phone_number":{{contact_phone_number}}},
		"call_info":{"call_session_id":{{call_session_id}},"tag_names":{{tag_names}},"external_id":{{external_id}}},"visitor_message":{{visitor_message}}}`
	quoted := placeholder.ReplaceAllString(template, `"$0"`)
	absent := map[string]string{}
	for name, value := range sample {
		absent[name] = value
	}
	absent["external_id"], absent["tag_names"] = "null", "null"
	for name, tc := range map[string]struct {
		body     string
		external string
		tags     []string
		repairs  []uis.Repair
	}{
		"as prescribed":              {render(template, sample), "cmd-9", []string{"VIP", "new"}, nil},
		"placeholders in quotes":     {render(quoted, sample), "cmd-9", []string{"VIP", "new"}, []uis.Repair{uis.RepairQuotes}},
		"quoted and null":            {render(quoted, absent), "", nil, []uis.Repair{uis.RepairQuotes}},
		"unfilled placeholder":       {strings.ReplaceAll(render(template, sample), `"cmd-9"`, `{{external_id}}`), "", []string{"VIP", "new"}, []uis.Repair{uis.RepairPlaceholder}},
		"nothing where a value goes": {strings.ReplaceAll(render(template, sample), `"cmd-9"`, ``), "", []string{"VIP", "new"}, []uis.Repair{uis.RepairPlaceholder}},
		"list in a string":           {strings.ReplaceAll(render(template, sample), `["VIP","new"]`, `"[\"VIP\", \"new\"]"`), "cmd-9", []string{"VIP", "new"}, nil},
		"byte order mark":            {"\xef\xbb\xbf" + render(template, sample), "cmd-9", []string{"VIP", "new"}, []uis.Repair{uis.RepairBOM}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, err := uis.ParseNotification([]byte(tc.body))
			require.NoError(t, err, tc.body)
			require.Equal(t, uis.EventCallFinished, n.Event)
			require.Equal(t, uis.CallSessionID(500001), n.CallSessionID)
			require.Equal(t, "79000000000", n.ContactNumber)
			require.Equal(t, tc.external, n.ExternalID)
			require.Equal(t, tc.tags, n.TagNames)
			require.Equal(t, `Call "me" {{now}}, please`, n.Visitor.Message, "a right string stays as it is")
			require.Equal(t, tc.repairs, n.Repairs)
		})
	}
}

func TestNotificationErrors(t *testing.T) {
	t.Parallel()
	n, err := uis.ParseNotification([]byte(`{"notification_name":"My own","call_session_id":"500001"}`))
	require.ErrorIs(t, err, uis.ErrNoEvent)
	require.Equal(t, uis.CallSessionID(500001), n.CallSessionID, "everything else is read")
	n, err = uis.ParseNotification([]byte(`{"notification_mnemonic":"talk_started","call_session_id":1}`))
	require.NoError(t, err)
	require.Equal(t, uis.EventTalkStarted, n.Event)
	for _, body := range []string{``, `null`, `[]`, `"x"`, `{`, `{"event":"x"} {"event":"y"}`, `hello`} {
		n, err := uis.ParseNotification([]byte(body))
		require.ErrorIs(t, err, uis.ErrNotificationBody, body)
		require.NotEmpty(t, n.Natural())
	}
	one, err := uis.ParseNotification([]byte(`{"event":"talk_started","call_session_id":1,"notification_time":"2025-01-31 12:00:05.1"}`))
	require.NoError(t, err)
	other, err := uis.ParseNotification([]byte(`{"event":"talk_started","call_session_id":1,"notification_time":"2025-01-31 12:00:06.1"}`))
	require.NoError(t, err)
	require.NotEqual(t, one.Natural(), other.Natural())
}

func TestNotificationByGET(t *testing.T) {
	t.Parallel()
	query, err := url.ParseQuery(`event=call_session_finished&call_session_id=500001&contact_phone_number=%2B7+900+000-00-00&communication_number=2employee_full_name=Ivanov&contact_fullname=Anna&%22employee_id%22=15&external_id={{external_id}}&leg_ids=[31,32]`)
	require.NoError(t, err)
	n, err := uis.ParseNotificationQuery(query)
	require.NoError(t, err)
	require.Equal(t, uis.EventCallFinished, n.Event)
	require.Equal(t, "79000000000", n.ContactNumber)
	require.Equal(t, "Ivanov", n.EmployeeName, "the platform's default template lacks an &")
	require.Equal(t, "2", n.Text("communication_number"))
	require.Equal(t, "Anna", n.ContactName)
	require.Equal(t, uis.EmployeeID(15), n.EmployeeID)
	require.Empty(t, n.ExternalID)
	require.Equal(t, []uis.LegID{31, 32}, n.LegIDs)

	n, err = uis.ParseNotification([]byte(`event=offline_message&offline_message_id=8`))
	require.NoError(t, err, "a form as a body")
	require.Equal(t, uis.Subject{Kind: "request", ID: 8}, n.Subject())
}
