package uisplatform_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

// listenAll sets a notification for each event, with a body that names it.
func (w *world) listenAll(events ...string) {
	w.t.Helper()
	var list []uisplatform.Notification
	for _, e := range events {
		list = append(list, uisplatform.Notification{Event: e, URL: w.hooks.url + "/n?key=secret", Body: `{"event":"` + e + `","call_session_id":{{call_session_id}},` +
			`"phone":{{contact_phone_number}},"employee":{{ employee_full_name }},"talk":{{talk_time_duration}},"link":{{file_link}},"external":{{external_id}},"legs":{{leg_ids}},"time":{{notification_time}}}`})
	}
	require.NoError(w.t, w.a.SetNotifications(list))
	w.clean()
}

var callEvents = []string{"in_call_session", "out_call_session", "in_call", "out_call", "call_proceeding", "call_connected", "talk_started", "talk_finished",
	"call_disconnected", "call_session_finished", "lost_call_session", "talk_record_file"}

func (w *world) events() (names []string, last object) {
	w.settled()
	for _, h := range w.hooks.take("POST /n?key=secret") {
		names = append(names, h.body["event"].(string))
		last = h.body
	}
	return names, last
}

var today = object{"date_from": "2026-03-10 00:00:00", "date_till": "2026-03-10 23:59:59"}

func TestSimulatedCalls(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"answered": "in_call_session in_call out_call call_proceeding call_connected talk_started talk_finished call_disconnected call_disconnected call_session_finished talk_record_file",
		"missed":   "in_call_session in_call out_call call_proceeding call_disconnected call_disconnected lost_call_session call_session_finished",
		"transfer": "in_call_session in_call out_call call_proceeding call_connected talk_started talk_finished call_disconnected out_call call_proceeding call_connected talk_started " +
			"talk_finished call_disconnected call_disconnected call_session_finished talk_record_file talk_record_file",
		"outgoing": "out_call_session out_call call_proceeding call_connected out_call call_proceeding call_connected talk_started talk_finished call_disconnected call_disconnected " +
			"call_session_finished talk_record_file",
		"outgoing_missed": "out_call_session out_call call_proceeding call_connected out_call call_proceeding call_disconnected call_disconnected call_session_finished",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.listenAll(callEvents...)
			call, err := w.a.SimulateCall(kind, uisplatform.CallSpec{Contact: "79000000011"})
			require.NoError(t, err)
			names, last := w.events()
			require.Equal(t, want, strings.Join(names, " "))
			require.EqualValues(t, call.ID(), last["call_session_id"])
			require.Equal(t, "79000000011", last["phone"])
			row := w.data("get.calls_report", today)
			require.Len(t, row, 1)
			talked := strings.Contains(want, "talk_started")
			require.Equal(t, !talked, at(row, 0, "is_lost"))
			if talked {
				require.EqualValues(t, 40, at(row, 0, "talk_duration"))
				resp, err := http.Get(at(row, 0, "full_record_file_link").(string))
				require.NoError(t, err)
				defer resp.Body.Close()
				require.Equal(t, "audio/mpeg", resp.Header.Get("Content-Type"))
				require.Greater(t, resp.ContentLength, int64(100_000))
			}
			w.clean()
		})
	}
}

func TestStepsOfACall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.listenAll(callEvents...)
	call, err := w.a.StartCall(uisplatform.CallSpec{Contact: "79000000001", Operation: "Отдел продаж"})
	require.NoError(t, err)
	require.NoError(t, call.Ring(1002))
	require.Empty(t, w.data("get.calls_report", today))
	ongoing := object{"include_ongoing_calls": true}
	for k, v := range today {
		ongoing[k] = v
	}
	require.Len(t, w.data("get.calls_report", ongoing), 1)
	call.Advance(5 * time.Second)
	require.NoError(t, call.Answer())
	require.ErrorIs(t, call.Answer(), uisplatform.ErrCallOver)
	call.Advance(30 * time.Second)
	require.NoError(t, call.Transfer(1003))
	require.NoError(t, call.Answer())
	call.Advance(10 * time.Second)
	require.NoError(t, call.HangUp())
	require.ErrorIs(t, call.HangUp(), uisplatform.ErrCallOver)
	names, _ := w.events()
	require.Contains(t, names, "talk_record_file")
	params := object{"fields": []string{"wait_duration", "talk_duration", "first_talked_employee_id", "last_talked_employee_id", "scenario_operations", "is_transfer", "scenario_name"}}
	for k, v := range today {
		params[k] = v
	}
	row := w.data("get.calls_report", params)
	require.EqualValues(t, 5, at(row, 0, "wait_duration"))
	require.EqualValues(t, 40, at(row, 0, "talk_duration"))
	require.EqualValues(t, 1002, at(row, 0, "first_talked_employee_id"))
	require.EqualValues(t, 1003, at(row, 0, "last_talked_employee_id"))
	require.Equal(t, "Основной сценарий", at(row, 0, "scenario_name"))
	require.Len(t, w.data("get.call_legs_report", today), 3)
	w.clean()
}

func TestCallAPIStartsCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.listenAll(callEvents...)
	start := object{"first_call": "employee", "virtual_phone_number": "74950000031", "contact": "79000000001", "direction": "out", "external_id": "cmd-1", "employee": object{"id": 1001}}
	result, failure := w.rpc(w.urls.CallAPI, "start.employee_call", start)
	require.Nil(t, failure)
	session := id(result["data"].(object)["call_session_id"])
	names, last := w.events()
	require.Equal(t, "out_call_session", names[0])
	require.Contains(t, names, "talk_record_file")
	require.Equal(t, "cmd-1", last["external"])
	require.EqualValues(t, session, last["call_session_id"])
	require.Equal(t, "access_token_invalid", w.mnemonic(w.urls.CallAPI, "list.calls", object{"access_token": "x"}))
	w.clean()

	with := func(change object) object {
		out := object{}
		for _, m := range []object{start, change} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		change    object
		want      string
		violation bool
	}{
		"number":     {object{"virtual_phone_number": "74990000000"}, "virtual_phone_number_not_found", false},
		"own number": {object{"contact": "74950000032"}, "own_virtual_phone_number_not_allowed", false},
		"employee":   {object{"employee": object{"id": 5}}, "employee_not_found", false},
		"no phone":   {object{"employee": object{"id": 1004}}, "no_active_phone_number", false},
		"contact":    {object{"contact": "+7 900"}, "invalid_parameter_value", true},
		"first":      {object{"first_call": "operator"}, "invalid_parameter_value", true},
		"early":      {object{"early_switching": true}, "invalid_parameters_combination", true},
	} {
		require.Equal(t, c.want, w.mnemonic(w.urls.CallAPI, "start.employee_call", with(c.change)), name)
		if c.violation {
			w.violation(c.want)
		}
		w.clean()
	}
}

func TestListAndReleaseCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.a.SetCallScript(uisplatform.CallScript{Outcome: "manual"})
	result, _ := w.rpc(w.urls.CallAPI, "start.vnumber_call", object{"first_call": "contact", "virtual_phone_number": "74950000031", "contact": "79000000001", "external_id": "x-1"})
	session := id(result["data"].(object)["call_session_id"])
	w.settled()
	list, _ := w.rpc(w.urls.CallAPI, "list.calls", nil)
	calls := list["data"].([]any)
	require.Len(t, calls, 1)
	require.Equal(t, "x-1", at(calls, 0, "external_id"))
	require.Equal(t, "in", at(calls, 0, "direction"), "the documented default")
	require.Len(t, at(calls, 0, "legs"), 2)
	_, failure := w.rpc(w.urls.CallAPI, "release.call", object{"call_session_id": session})
	require.Nil(t, failure)
	require.Equal(t, "call_session_not_found", w.mnemonic(w.urls.CallAPI, "release.call", object{"call_session_id": session}))
	w.clean()
}

func TestTemplatesOfNotifications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Error(t, w.a.SetNotifications([]uisplatform.Notification{{Event: "full_moon", URL: w.hooks.url, Body: "{}"}}))
	require.NoError(t, w.a.SetNotifications([]uisplatform.Notification{{Event: "offline_message", URL: w.hooks.url, Body: `{"a":"{{visitor_name}}"}`}}))
	w.violation("template")
	require.NoError(t, w.a.SetNotifications([]uisplatform.Notification{{Event: "offline_message", URL: w.hooks.url, Body: `{"a":{{visitor_nam}}}`}}))
	w.violation("template")

	w.hooks.take("")
	require.NoError(t, w.a.SetNotifications([]uisplatform.Notification{
		{Event: "offline_message", URL: w.hooks.url + "/n", Body: `{"event":"offline_message","visitor":{"name":{{visitor_name}},"email":{{visitor_email}}},"id":{{offline_message_id}}}`},
		{Event: "offline_message", Method: "get", URL: w.hooks.url + "/g?key=1", Body: `name={{visitor_name}}&email={{visitor_email}}`}}))
	n, err := w.a.SendRequest(uisplatform.Request{Name: `Ольга "О"`, Phone: "79000000011"})
	require.NoError(t, err)
	w.settled()
	got := w.hooks.take("POST /n")
	require.Equal(t, object{"event": "offline_message", "visitor": object{"name": `Ольга "О"`, "email": nil}, "id": float64(n)}, got[0].body)
	require.Len(t, w.hooks.take("GET /g?key=1&name=%D0%9E%D0%BB%D1%8C%D0%B3%D0%B0+%22%D0%9E%22&email="), 1)
	require.Len(t, w.data("get.offline_messages_report", today), 1)
	w.clean()
}

func TestChatEventsAsNotifications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.listenAll("chat_started", "chat_message_received", "chat_message_sent", "chat_accepted_to_work", "chat_operator_changed", "chat_finished", "set_mark", "employee_status_changed")
	m, err := w.a.ClientWrites(20, whatsappClient, "привет")
	require.NoError(t, err)
	_, err = w.a.OperatorWrites(m.Chat, 1001, "здравствуйте")
	require.NoError(t, err)
	require.NoError(t, w.a.AssignChat(m.Chat, 1002))
	require.NoError(t, w.a.CloseChat(m.Chat, "closed_by_timeout"))
	names, _ := w.events()
	require.Equal(t, "chat_started chat_message_received chat_accepted_to_work chat_message_sent chat_operator_changed chat_finished", strings.Join(names, " "))
	require.NoError(t, w.a.SetEmployeeStatus(1001, 92))
	names, _ = w.events()
	require.Equal(t, []string{"employee_status_changed"}, names)
	w.clean()
}
