package uis_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/uis"
)

var sentAt = time.Date(2025, 1, 31, 9, 0, 0, 0, time.UTC)

// moscow is three hours ahead, so that a report's wall time differs from ours.
var moscow = time.FixedZone("MSK", 3*3600)

func sentCommand(t *testing.T, params any) (uis.Spec, uis.Sent) {
	t.Helper()
	command, err := uis.NewCommand(params)
	require.NoError(t, err)
	spec, ok := uis.SpecOf(command.Method)
	require.True(t, ok)
	return spec, uis.Sent{Command: command, At: sentAt, Zone: moscow}
}

func rows(text string) []json.RawMessage { return []json.RawMessage{json.RawMessage(text)} }

// Every method that writes has its row of the table; what must not be repeated by itself is CheckPerson.
func TestSpecModes(t *testing.T) {
	t.Parallel()
	for method, mode := range map[string]uis.CheckMode{
		uis.MethodSendMessage: uis.CheckFind, uis.MethodStartChat: uis.CheckPerson, uis.MethodCloseChat: uis.CheckSet, uis.MethodTransferChat: uis.CheckSet,
		uis.MethodUpload: uis.CheckSet, uis.MethodStartEmployeeCall: uis.CheckPerson, uis.MethodStartScenarioCall: uis.CheckPerson,
		uis.MethodStartVNumberCall: uis.CheckPerson, uis.MethodStartSimpleCall: uis.CheckPerson, uis.MethodReleaseCall: uis.CheckSet,
		uis.MethodUpdateEmployees: uis.CheckSet, uis.MethodCreateContacts: uis.CheckFind, uis.MethodUpdateContacts: uis.CheckSet,
		uis.MethodDeleteContacts: uis.CheckSet, uis.MethodCreateTags: uis.CheckSet, uis.MethodSetTag: uis.CheckSet, uis.MethodUnsetTag: uis.CheckSet,
		uis.MethodEnsureAdapter: uis.CheckSet, uis.MethodEnsureAccount: uis.CheckSet,
	} {
		spec, ok := uis.SpecOf(method)
		require.True(t, ok, method)
		require.Equal(t, mode, spec.Mode, method)
		require.Equal(t, method, spec.Method)
		// What cannot be read at all is never "absent", whatever the answers.
		require.NotEqual(t, uis.Absent, spec.Judge(uis.Sent{}, nil).Finding, method)
	}
	_, ok := uis.SpecOf("get.employees")
	require.False(t, ok)
	require.Len(t, uis.Specs(), 19)
}

func TestMessageIsFoundInTheReport(t *testing.T) {
	t.Parallel()
	message := uis.OutMessage{ConnectionID: 10, ChannelID: 20, ChatID: 400, OperatorID: 15, Text: "Добрый день\nя", CreatedAt: uis.At(sentAt)}
	spec, sent := sentCommand(t, message)
	probes := spec.Probes(sent)
	require.Len(t, probes, 1)
	require.Equal(t, uis.DataAPI, probes[0].API)
	require.JSONEq(t, `{"chat_id":400,"limit":1000,"sort":[{"field":"date_time","order":"desc"}],
		"fields":["id","chat_id","date_time","text","source","employee_id","resource"]}`, string(probes[0].Params))

	const right = `{"id":301,"chat_id":400,"date_time":"2025-01-31 12:00:01","text":"Добрый день\r\nя ","source":"operator","employee_id":15,"resource":null}`
	known := map[uis.MessageID]bool{301: true}
	for name, tc := range map[string]struct {
		rows    string
		change  func(*uis.Sent)
		finding uis.Finding
		id      int64
	}{
		"the message":          {`[` + right + `]`, nil, uis.Found, 301},
		"nothing":              {`[]`, nil, uis.Absent, 0},
		"another's":            {`[{"id":301,"chat_id":400,"date_time":"2025-01-31 12:00:01","text":"Добрый день\nя","source":"operator","employee_id":16}]`, nil, uis.Absent, 0},
		"the visitor's":        {`[{"id":301,"chat_id":400,"date_time":"2025-01-31 12:00:01","text":"Добрый день\nя","source":"visitor","employee_id":15}]`, nil, uis.Absent, 0},
		"another text":         {`[{"id":301,"chat_id":400,"date_time":"2025-01-31 12:00:01","text":"Добрый","source":"operator","employee_id":15}]`, nil, uis.Absent, 0},
		"long before":          {`[{"id":301,"chat_id":400,"date_time":"2025-01-31 11:50:00","text":"Добрый день\nя","source":"operator","employee_id":15}]`, nil, uis.Absent, 0},
		"with a file":          {`[{"id":301,"chat_id":400,"date_time":"2025-01-31 12:00:01","text":"Добрый день\nя","source":"operator","employee_id":15,"resource":{"file_name":"a"}}]`, nil, uis.Absent, 0},
		"a file that is {}":    {`[{"id":301,"chat_id":400,"date_time":"2025-01-31 12:00:01","text":"Добрый день\nя","source":"operator","employee_id":15,"resource":{}}]`, nil, uis.Found, 301},
		"known as another one": {`[` + right + `]`, func(s *uis.Sent) { s.KnownMessages = known }, uis.Absent, 0},
		"twins, one known":     {`[{"id":302,"chat_id":400,"date_time":"2025-01-31 12:00:03","text":"Добрый день\nя","source":"operator","employee_id":15},` + right + `]`, func(s *uis.Sent) { s.KnownMessages = known }, uis.Found, 302},
		"unknown zone":         {`[` + right + `]`, func(s *uis.Sent) { s.Zone = nil }, uis.Undecided, 0},
		"not readable":         {`{"odd":1}`, nil, uis.Undecided, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mine := sent
			if tc.change != nil {
				tc.change(&mine)
			}
			verdict := spec.Judge(mine, rows(tc.rows))
			require.Equal(t, tc.finding, verdict.Finding, verdict.Reason)
			require.Equal(t, tc.id, verdict.ID)
			require.NotEmpty(t, verdict.Reason)
		})
	}
	require.Equal(t, uis.Undecided, spec.Judge(sent, []json.RawMessage{nil}).Finding, "a failed probe says nothing")
}

// A page full of newer messages does not prove that ours is missing.
func TestMessageBeyondTheFirstPage(t *testing.T) {
	t.Parallel()
	spec, sent := sentCommand(t, uis.OutMessage{ChatID: 400, OperatorID: 15, Text: "x"})
	var page []map[string]any
	for i := range uis.DefaultLimit {
		page = append(page, map[string]any{"id": 1000 + i, "chat_id": 400, "date_time": "2025-01-31 12:05:00", "text": "y", "source": "visitor"})
	}
	encoded, err := json.Marshal(page)
	require.NoError(t, err)
	require.Equal(t, uis.Undecided, spec.Judge(sent, []json.RawMessage{encoded}).Finding)
	page[len(page)-1]["date_time"] = "2025-01-31 11:00:00"
	encoded, err = json.Marshal(page)
	require.NoError(t, err)
	require.Equal(t, uis.Absent, spec.Judge(sent, []json.RawMessage{encoded}).Finding, "the page reaches back before the sending")
}

func TestMessageIsFoundByWebhook(t *testing.T) {
	t.Parallel()
	spec, sent := sentCommand(t, uis.OutMessage{ChatID: 400, OperatorID: 15, Text: "hello"})
	sent.KnownMessages = map[uis.MessageID]bool{299: true}
	for body, want := range map[string]struct {
		path string
		uis.Finding
	}{
		`{"id":300,"chat_id":400,"source":"operator","operator_id":15,"text":"hello"}`:  {"message", uis.Found},
		`{"id":299,"chat_id":400,"source":"operator","operator_id":15,"text":"hello"}`:  {"message", uis.Undecided},
		`{"id":300,"chat_id":401,"source":"operator","operator_id":15,"text":"hello"}`:  {"message", uis.Undecided},
		`{"id":300,"chat_id":400,"source":"visitor","operator_id":null,"text":"hello"}`: {"message", uis.Undecided},
		`{"chat_id":400,"message_id":300,"status":"delivered"}`:                         {"message/status", uis.Found},
		`{"chat_id":400,"message_id":299,"status":"read"}`:                              {"message/status", uis.Undecided},
		`{"chat_id":401,"message_id":300,"status":"delivered"}`:                         {"message/status", uis.Undecided},
	} {
		w, err := uis.ParseWebhook("POST", want.path, []byte(body))
		require.NoError(t, err)
		verdict := spec.Webhook(sent, w)
		require.Equal(t, want.Finding, verdict.Finding, body)
		if verdict.Finding == uis.Found {
			require.Equal(t, int64(300), verdict.ID)
		}
	}
}

func TestStartedChatIsFound(t *testing.T) {
	t.Parallel()
	spec, sent := sentCommand(t, uis.NewChat{ConnectionID: 10, ChannelID: 20, OperatorID: 15, VisitorPhone: "79000000000"})
	require.Empty(t, spec.Probes(sent), "the account's channel is not known")
	sent.Channel = 2
	probes := spec.Probes(sent)
	require.Len(t, probes, 1)
	require.Contains(t, string(probes[0].Params), `"date_from":"2025-01-31 11:58:00"`)

	row := func(initiator, phone, at string) string {
		return `[{"id":400,"initiator":"` + initiator + `","date_time":"` + at + `","employee_id":15,"chat_channel_id":2,"visitor_phone_number":` + phone + `}]`
	}
	for answer, want := range map[string]uis.Finding{
		row("operator", "79000000000", "2025-01-31 12:00:02"): uis.Found,
		row("visitor", "79000000000", "2025-01-31 12:00:02"):  uis.Absent,
		row("operator", "79000000001", "2025-01-31 12:00:02"): uis.Absent,
		row("operator", "79000000000", "2025-01-31 11:00:02"): uis.Absent,
		`[]`: uis.Absent,
	} {
		require.Equal(t, want, spec.Judge(sent, rows(answer)).Finding, answer)
	}
	_, byMail := sentCommand(t, uis.NewChat{OperatorID: 15, VisitorEmail: "a@example.com"})
	byMail.Channel = 2
	require.Equal(t, uis.Undecided, spec.Judge(byMail, rows(`[]`)).Finding, "the report does not promise to name addresses")

	for body, want := range map[string]uis.Finding{
		`{"account_id":10,"channel_id":20,"chat_id":400,"initiator":"operator","operator_id":15,"visitor_phone":"+79000000000"}`: uis.Found,
		`{"account_id":10,"channel_id":20,"chat_id":400,"initiator":"visitor","operator_id":15,"visitor_phone":"79000000000"}`:   uis.Undecided,
		`{"account_id":10,"channel_id":21,"chat_id":400,"initiator":"operator","operator_id":15,"visitor_phone":"79000000000"}`:  uis.Undecided,
		`{"account_id":10,"channel_id":20,"chat_id":400,"initiator":"operator","operator_id":15}`:                                uis.Undecided,
	} {
		w, err := uis.ParseWebhook("POST", "chat", []byte(body))
		require.NoError(t, err)
		require.Equal(t, want, spec.Webhook(sent, w).Finding, body)
	}
}

func TestCloseAndTransferAreFound(t *testing.T) {
	t.Parallel()
	spec, sent := sentCommand(t, uis.CloseChat{ChatID: 400, OperatorID: 15})
	require.Empty(t, spec.Probes(sent), "reports want dates")
	sent.ChatStarted = sentAt.Add(-time.Hour)
	require.Len(t, spec.Probes(sent), 1)
	require.Equal(t, uis.Found, spec.Judge(sent, rows(`[{"id":400,"status":"succeed","release_cause":"closed_by_operator"}]`)).Finding)
	require.Equal(t, uis.Absent, spec.Judge(sent, rows(`[{"id":400,"status":"active","release_cause":null}]`)).Finding)
	require.Equal(t, uis.Undecided, spec.Judge(sent, rows(`[]`)).Finding)
	closed, err := uis.ParseWebhook("POST", "chat/close", []byte(`{"chat_id":400,"reason":"closed_by_visitor"}`))
	require.NoError(t, err)
	require.Equal(t, uis.Found, spec.Webhook(sent, closed).Finding, "whoever closed it")
	require.Equal(t, uis.Found, spec.Notification(sent, uis.Notification{Event: uis.EventChatFinished, ChatID: 400}).Finding)
	require.Equal(t, uis.Undecided, spec.Notification(sent, uis.Notification{Event: uis.EventChatFinished, ChatID: 401}).Finding)

	spec, sent = sentCommand(t, uis.TransferChat{ChatID: 400, From: 15, To: 16})
	for body, want := range map[string]uis.Finding{`{"chat_id":400,"operator_id":16}`: uis.Found, `{"chat_id":400,"operator_id":15}`: uis.Undecided, `{"chat_id":401,"operator_id":16}`: uis.Undecided} {
		w, err := uis.ParseWebhook("PATCH", "chat", []byte(body))
		require.NoError(t, err)
		require.Equal(t, want, spec.Webhook(sent, w).Finding, body)
	}
	require.Equal(t, uis.Found, spec.Notification(sent, uis.Notification{Event: uis.EventChatOperator, ChatID: 400, EmployeeID: 16}).Finding)
}

// A call is never started twice by itself.
func TestStartedCallIsFound(t *testing.T) {
	t.Parallel()
	spec, sent := sentCommand(t, uis.EmployeeCall{StartCall: uis.StartCall{ExternalID: "cmd-9"}, Employee: uis.CallTarget{ID: 15}})
	require.Equal(t, 5*time.Second, spec.Within)
	probes := spec.Probes(sent)
	require.Len(t, probes, 2)
	require.Equal(t, uis.MethodListCalls, probes[0].Method)
	require.JSONEq(t, `{"date_from":"2025-01-31 11:58:00","date_till":"2025-01-31 13:00:00","include_ongoing_calls":true,"fields":["id","start_time","call_api_external_id"],
		"filter":{"field":"call_api_external_id","operator":"=","value":"cmd-9"}}`, string(probes[1].Params))
	none, running, reported := json.RawMessage(`[]`), json.RawMessage(`[{"call_session_id":456,"external_id":"cmd-9"}]`), json.RawMessage(`[{"id":456,"call_api_external_id":"cmd-9"}]`)
	for name, tc := range map[string]struct {
		answers []json.RawMessage
		want    uis.Finding
	}{
		"running":         {[]json.RawMessage{running, nil}, uis.Found},
		"reported":        {[]json.RawMessage{nil, reported}, uis.Found},
		"neither":         {[]json.RawMessage{none, none}, uis.Absent},
		"half of it":      {[]json.RawMessage{none, nil}, uis.Undecided},
		"only the report": {[]json.RawMessage{nil, none}, uis.Undecided},
	} {
		verdict := spec.Judge(sent, tc.answers)
		require.Equal(t, tc.want, verdict.Finding, name)
		if tc.want == uis.Found {
			require.Equal(t, int64(456), verdict.ID)
		}
	}
	require.Equal(t, uis.Verdict{Finding: uis.Found, ID: 456, Reason: "a notification has its external id"}, spec.Notification(sent, uis.Notification{ExternalID: "cmd-9", CallSessionID: 456}))
	require.Equal(t, uis.Undecided, spec.Notification(sent, uis.Notification{CallSessionID: 456}).Finding)
	require.JSONEq(t, `{"call_session_id":456}`, string(spec.Result(spec.Judge(sent, []json.RawMessage{running, nil}))), "shaped like the lost answer")
	require.Nil(t, spec.Result(uis.Verdict{Finding: uis.Absent}))
	_, nameless := sentCommand(t, uis.EmployeeCall{})
	require.Empty(t, spec.Probes(nameless))
	require.Equal(t, uis.Undecided, spec.Judge(nameless, []json.RawMessage{none, none}).Finding)
	require.Equal(t, uis.Undecided, spec.Notification(nameless, uis.Notification{CallSessionID: 1}).Finding)
}

func TestDataWritesAreFound(t *testing.T) {
	t.Parallel()
	spec, ok := uis.SpecOf(uis.MethodUpdateEmployees)
	require.True(t, ok)
	sent := uis.Sent{Command: uis.Command{API: uis.DataAPI, Method: uis.MethodUpdateEmployees, Params: []byte(`{"id":15,"status_id":2}`)}}
	require.Len(t, spec.Probes(sent), 1)
	require.Equal(t, uis.Found, spec.Judge(sent, rows(`[{"id":15,"status_id":2}]`)).Finding)
	require.Equal(t, uis.Absent, spec.Judge(sent, rows(`[{"id":15,"status_id":1}]`)).Finding)

	spec, _ = uis.SpecOf(uis.MethodCreateContacts)
	sent = uis.Sent{Command: uis.Command{API: uis.DataAPI, Method: uis.MethodCreateContacts, Params: []byte(`{"first_name":"Анна","phone_numbers":["79000000000"],"emails":["a@example.com"]}`)}}
	require.Contains(t, string(spec.Probes(sent)[0].Params), `"operator":"overlap"`)
	require.Equal(t, uis.Found, spec.Judge(sent, rows(`[{"id":6,"first_name":"Анна","phone_numbers":[79000000000,"79000000001"],"emails":["a@example.com"]}]`)).Finding)
	require.Equal(t, uis.Absent, spec.Judge(sent, rows(`[{"id":6,"first_name":"Анна","phone_numbers":["79000000000"],"emails":[]}]`)).Finding)
	require.Equal(t, uis.Absent, spec.Judge(sent, rows(`[{"id":6,"first_name":"Ольга","phone_numbers":["79000000000"],"emails":["a@example.com"]}]`)).Finding)
}

func TestRefusalsThatMeanDone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method string
		err    error
		want   bool
	}{
		{uis.MethodReleaseCall, &uis.Error{Code: -32602, Mnemonic: "call_session_not_found", HTTP: 200}, true},
		{uis.MethodReleaseCall, &uis.Error{Code: -32029, Mnemonic: "limit_exceeded", HTTP: 200}, false},
		{uis.MethodCloseChat, &uis.Error{HTTP: 409}, true},
		{uis.MethodCloseChat, &uis.Error{HTTP: 404}, false},
		{uis.MethodCreateTags, &uis.Error{Code: -32602, Mnemonic: "duplicate_entity", HTTP: 200}, true},
		{uis.MethodDeleteContacts, &uis.Error{Code: -32602, Mnemonic: "entity_not_found", HTTP: 200}, true},
		{uis.MethodSendMessage, &uis.Error{HTTP: 409}, false},
		{uis.MethodReleaseCall, errors.New("other"), false},
		{uis.MethodReleaseCall, nil, false},
	} {
		spec, ok := uis.SpecOf(tc.method)
		require.True(t, ok)
		require.Equal(t, tc.want, spec.Done(tc.err), "%s %v", tc.method, tc.err)
	}
}

// A stored command sends what the typed call sends, after a way through the database.
func TestStoredCommands(t *testing.T) {
	t.Parallel()
	a := newAdapterAPI(t, says(200, `{"id":5}`))
	a.handle = recordingTo(a.platform, says(200, `{"id":5}`))
	s := a.session(t, uis.AdapterToken{}, nil)
	message := uis.OutMessage{ConnectionID: 1, ChannelID: 2, ChatID: 3, OperatorID: 4, Text: "a\x00<b>", CreatedAt: uis.At(sentAt)}
	_, err := s.SendMessage(t.Context(), message)
	require.NoError(t, err)
	command, err := uis.NewCommand(message)
	require.NoError(t, err)
	answer, err := s.Do(t.Context(), command)
	require.NoError(t, err)
	require.JSONEq(t, `{"id":5}`, string(answer))
	seen := a.seen()
	require.Equal(t, string(seen[1].Body), string(seen[2].Body))
	var back uis.OutMessage
	require.NoError(t, json.Unmarshal(command.Params, &back))
	require.Equal(t, message.Text, back.Text)

	_, err = s.Do(t.Context(), uis.Command{API: uis.DataAPI, Method: "get.tags"})
	require.Error(t, err)
	_, _, err = a.client(t, uis.UIS).Do(t.Context(), command)
	require.Error(t, err)
	_, err = uis.NewCommand(struct{}{})
	require.Error(t, err)
}
