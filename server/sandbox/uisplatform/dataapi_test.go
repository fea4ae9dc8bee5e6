package uisplatform_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

var whatsappClient = uisplatform.Client{Phone: "79000000001", Name: "Ирина"}

func TestDataAPIRefusesWhatTheDocumentationForbids(t *testing.T) {
	t.Parallel()
	period := object{"date_from": "2026-03-01 00:00:00", "date_till": "2026-03-10 23:59:59"}
	with := func(more object) object {
		out := object{}
		for _, m := range []object{period, more} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		method string
		params object
		want   string
	}{
		"method":              {"get.everything", nil, "method_not_found"},
		"parameter":           {"get.employees", object{"page": 1}, "unexpected_parameters"},
		"required":            {"get.calls_report", nil, "required_parameter_missed"},
		"half an interval":    {"get.chat_messages_report", object{"date_from": "2026-03-01 00:00:00"}, "required_parameter_missed"},
		"no interval, no ids": {"get.chat_messages_report", nil, "required_parameter_missed"},
		"type":                {"get.employees", object{"limit": "10"}, "data_type_error"},
		"limit":               {"get.employees", object{"limit": 10001}, "invalid_parameter_value"},
		"offset":              {"get.employees", object{"offset": 100001}, "invalid_parameter_value"},
		"field":               {"get.employees", object{"fields": []string{"id", "shoe_size"}}, "unexpected_parameters"},
		"filter field":        {"get.employees", object{"filter": object{"field": "shoe_size", "operator": "=", "value": 1}}, "unexpected_parameters"},
		"filter prohibited":   {"get.employees", object{"filter": object{"field": "patronymic", "operator": "=", "value": "x"}}, "filter_prohibited"},
		"filter operator":     {"get.employees", object{"filter": object{"field": "email", "operator": "<", "value": "x"}}, "invalid_parameter_value"},
		"filter value":        {"get.employees", object{"filter": object{"field": "id", "operator": "=", "value": "7"}}, "data_type_error"},
		"filter enum":         {"get.chats_report", with(object{"filter": object{"field": "status", "operator": "=", "value": "open"}}), "invalid_parameter_value"},
		"filter tree":         {"get.employees", object{"filter": object{"filters": []any{}, "condition": "and"}}, "invalid_parameter_value"},
		"sort prohibited":     {"get.employees", object{"sort": []any{object{"field": "id", "order": "asc"}}}, "sort_prohibited"},
		"sort order":          {"get.employees", object{"sort": []any{object{"field": "login", "order": "up"}}}, "invalid_parameter_value"},
		"date":                {"get.calls_report", object{"date_from": "2026-03-01", "date_till": "2026-03-02"}, "invalid_parameter_value"},
		"backwards":           {"get.calls_report", object{"date_from": "2026-03-02 00:00:00", "date_till": "2026-03-01 00:00:00"}, "invalid_parameters_combination"},
		"four months":         {"get.calls_report", object{"date_from": "2025-11-01 00:00:00", "date_till": "2026-03-01 00:00:00"}, "date_interval_limit_reached"},
		"31 days":             {"get.chat_messages_report", object{"date_from": "2026-01-01 00:00:00", "date_till": "2026-02-01 00:00:00"}, "date_interval_limit_reached"},
		"nested required":     {"update.employees", object{"id": 1001, "last_name": "Орлова", "phone_numbers": []any{object{}}}, "required_parameter_missed"},
		"phones":              {"update.employees", object{"id": 1001, "last_name": "Орлова"}, "required_parameter_missed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			require.Equal(t, c.want, w.mnemonic(w.urls.DataAPI, c.method, c.params))
			w.violation(c.want)
		})
	}
}

func TestEnvelopeOfJSONRPC(t *testing.T) {
	t.Parallel()
	key := uisplatform.DemoAccount("romashka").APIKey
	for name, c := range map[string]struct {
		body string
		code float64
		want string
	}{
		"no JSON":      {`{"jsonrpc":`, -32700, "parse_error"},
		"batch":        {`[{"jsonrpc":"2.0","id":1,"method":"get.account","params":{}}]`, -32099, "batch_opreations_not_supported"},
		"notification": {`{"jsonrpc":"2.0","method":"get.account","params":{"access_token":"` + key + `"}}`, -32099, "notifications_not_supported"},
		"version":      {`{"jsonrpc":"1.0","id":1,"method":"get.account","params":{}}`, -32600, "invalid_request"},
		"id":           {`{"jsonrpc":"2.0","id":{},"method":"get.account","params":{}}`, -32600, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, body := w.post(w.urls.DataAPI, c.body, "")
			failure := body["error"].(object)
			require.Equal(t, c.code, failure["code"])
			require.Equal(t, c.want, failure["data"].(object)["mnemonic"])
			w.violation(c.want)
		})
	}
}

func TestRefusalsThatAreNoFaultOfTheCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, "access_token_invalid", w.mnemonic(w.urls.DataAPI, "get.account", object{"access_token": "wrong"}))
	w.a.SetComponents([]string{"va"})
	require.Equal(t, "method_component_disabled", w.mnemonic(w.urls.DataAPI, "get.sites", nil))
	require.Equal(t, "component_disabled", w.mnemonic(w.urls.CallAPI, "list.calls", nil))
	require.NoError(t, w.a.SetIPs("10.0.0.0/8"))
	require.Equal(t, "ip_not_whitelisted", w.mnemonic(w.urls.DataAPI, "get.account", nil))
	require.NoError(t, w.a.SetIPs("127.0.0.1", "::1"))
	require.Len(t, w.data("get.account", nil), 1)
	w.a.Block(true)
	require.Equal(t, "account_inactive", w.mnemonic(w.urls.DataAPI, "get.account", nil))
	w.clean()
}

func TestSessionsOfLoginUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.a.Config()
	login := func(password string) object {
		_, body := w.post(w.urls.DataAPI, object{"jsonrpc": "2.0", "id": "a", "method": "login.user", "params": object{"login": cfg.Login, "password": password}}, "")
		return body
	}
	require.Contains(t, text(login("wrong")), "auth_error")
	session := login(cfg.Password)["result"].(object)["data"].(object)
	require.EqualValues(t, w.clock.Now().Add(time.Hour).Unix(), session["expire_at"])
	token := object{"access_token": session["access_token"]}
	require.Len(t, w.data("get.account", token), 1)
	w.clock.advance(time.Hour)
	require.Equal(t, "access_token_invalid", w.mnemonic(w.urls.DataAPI, "get.account", token))
	w.clean()
}

func TestLimitsAreToldAndKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.a.SetLimits(100, 2)
	limits := func() object {
		result, _ := w.rpc(w.urls.DataAPI, "get.tags", nil)
		return result["metadata"].(object)["limits"].(object)
	}
	require.EqualValues(t, 1, limits()["minute_remaining"])
	w.mnemonic(w.urls.DataAPI, "get.employees", object{"limit": 0}) // a failed call costs nothing
	w.violation("invalid_parameter_value")
	last := limits()
	require.EqualValues(t, 0, last["minute_remaining"])
	require.EqualValues(t, 98, last["day_remaining"])
	require.EqualValues(t, 60, last["minute_reset"])
	require.Equal(t, "limit_exceeded", w.mnemonic(w.urls.DataAPI, "get.tags", nil))
	w.clean() // it may have been on its way already
	w.clock.advance(time.Second)
	require.Equal(t, "limit_exceeded", w.mnemonic(w.urls.DataAPI, "get.tags", nil))
	w.violation("limit_exceeded") // the metadata had said so
	w.clock.advance(time.Minute)
	require.EqualValues(t, 1, limits()["minute_remaining"])
}

func TestPagingFieldsFiltersAndSorting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	get := func(params object) []any { return w.data("get.employees", params) }
	f := func(field, op string, v any) object { return object{"field": field, "operator": op, "value": v} }

	require.Equal(t, []int64{1002, 1003}, ids(get(object{"offset": 1, "limit": 2})))
	require.Equal(t, object{"id": 1001.0, "email": "orlova@romashka.example"}, get(object{"limit": 1, "fields": []string{"id", "email"}})[0])
	for name, c := range map[string]struct {
		filter object
		want   []int64
	}{
		"equal":   {f("id", "=", 1002), []int64{1002}},
		"in":      {f("id", "in", []int{1001, 1004}), []int64{1001, 1004}},
		"ilike":   {f("email", "ilike", "OR%"), []int64{1001}},
		"like":    {f("email", "like", "OR%"), []int64{}},
		"regexp":  {f("email", "regexp", "^(leb|vor)"), []int64{1003, 1004}},
		"greater": {f("id", ">=", 1003), []int64{1003, 1004}},
		"null":    {f("email", "is_null", nil), []int64{}},
		"tree": {object{"condition": "or", "filters": []any{f("id", "=", 1001),
			object{"condition": "and", "filters": []any{f("id", ">", 1002), f("last_name", "!=", "Воронов")}}}}, []int64{1001, 1003}},
	} {
		require.Equal(t, c.want, ids(get(object{"filter": c.filter})), name)
	}
	sorted := func(direction string) []int64 {
		return ids(get(object{"sort": []any{object{"field": "last_name", "order": direction}}}))
	}
	require.Equal(t, []int64{1004, 1003, 1001, 1002}, sorted("asc"))
	require.Equal(t, []int64{1002, 1001, 1003, 1004}, sorted("desc"))
	result, _ := w.rpc(w.urls.DataAPI, "get.employees", object{"limit": 1})
	require.EqualValues(t, 4, result["metadata"].(object)["total_items"])
	w.clean()
}

func TestDirectoriesAnswerTheirDefaultFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for method, n := range map[string]int{"get.account": 1, "get.employees": 4, "get.statuses": 6, "get.group_employees": 2, "get.virtual_numbers": 2, "get.sites": 2,
		"get.campaigns": 3, "get.scenarios": 2, "get.tags": 3, "get.chat_channels": 9, "get.contacts": 1, "get.group_contacts": 1} {
		require.Len(t, w.data(method, nil), n, method)
	}
	require.Equal(t, "romashka_demo_bot", at(w.data("get.chat_channels", object{"filter": object{"field": "type", "operator": "=", "value": "telegram"}}), 0, "channel_external_id"))
	w.clean()
}

func TestUpdateEmployeesReplacesWholeLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, failure := w.rpc(w.urls.DataAPI, "update.employees", object{"id": 1002, "last_name": "Соколов", "status_id": 92, "phone_numbers": []any{object{"phone_number": "79000000199"}}})
	require.Nil(t, failure)
	e := w.data("get.employees", object{"filter": object{"field": "id", "operator": "=", "value": 1002}})
	require.EqualValues(t, 92, at(e, 0, "status_id"))
	require.Equal(t, "break", at(e, 0, "status"))
	require.Equal(t, "Илья", at(e, 0, "first_name"))
	require.Len(t, at(e, 0, "phone_numbers"), 1)
	require.Equal(t, "entity_not_found", w.mnemonic(w.urls.DataAPI, "update.employees", object{"id": 5, "last_name": "x", "phone_numbers": []any{}}))
	w.clean()
}

func TestContactsAndTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	result, _ := w.rpc(w.urls.DataAPI, "create.contacts", object{"last_name": "Новикова", "phone_numbers": []string{"79000000077"}, "personal_manager_id": 1001})
	contact := id(result["data"].(object)["id"])
	require.Equal(t, "duplicate_entity", w.mnemonic(w.urls.DataAPI, "create.contacts", object{"last_name": "Другая", "phone_numbers": []string{"79000000077"}}))
	_, failure := w.rpc(w.urls.DataAPI, "update.contacts", object{"id": contact, "last_name": "Новикова", "phone_numbers": []string{"79000000078"}, "personal_manager_id": 1002})
	require.Nil(t, failure)
	row := w.data("get.contacts", object{"filter": object{"field": "id", "operator": "=", "value": contact}})
	require.Equal(t, "Соколов Илья Андреевич", at(row, 0, "personal_manager_full_name"))

	m, err := w.a.ClientWrites(20, whatsappClient, "привет")
	require.NoError(t, err)
	period := object{"date_from": "2026-03-10 00:00:00", "date_till": "2026-03-10 23:59:59"}
	communication := at(w.data("get.chats_report", period), 0, "communication_id")
	tag := object{"communication_id": communication, "communication_type": "chat", "tag_id": 81}
	_, failure = w.rpc(w.urls.DataAPI, "set.tag_communications", tag)
	require.Nil(t, failure)
	require.Equal(t, "duplicate_entity", w.mnemonic(w.urls.DataAPI, "set.tag_communications", tag))
	period["fields"] = []string{"id", "tags"}
	rows := w.data("get.chats_report", period)
	require.Equal(t, m.Chat, id(at(rows, 0, "id")))
	require.EqualValues(t, 81, at(at(rows, 0, "tags").([]any), 0, "tag_id"))
	_, failure = w.rpc(w.urls.DataAPI, "set.communications_tags", object{"communication_id": communication, "communication_type": "chat", "tag_ids": []int{82}})
	require.Nil(t, failure)
	require.EqualValues(t, 82, at(at(w.data("get.chats_report", period), 0, "tags").([]any), 0, "tag_id"))
	w.clean()
}

func TestUnknownAddressIsAViolation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, _ := w.post(w.base+"/v3.0", object{}, "")
	require.Equal(t, http.StatusNotFound, status)
	w.violation("unknown_address")
}
