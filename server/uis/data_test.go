package uis_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/uis"
)

func TestEnvelope(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, says(200, `{"jsonrpc":"2.0","id":1,"result":{"data":[],"metadata":{"total_items":0,
		"api_version":{"current_version_depricated":true},"limits":{"day_limit":1000,"day_remaining":"998","day_reset":3600,"minute_limit":250,"minute_remaining":249,"minute_reset":12}}}}`))
	client := p.client(t, uis.UIS, func(o *uis.Options) { o.CustomerID = 77 })
	_, metadata, err := client.Employees(t.Context(), uis.Query{})
	require.NoError(t, err)
	require.True(t, metadata.Deprecated)
	require.Equal(t, uis.Limits{Known: true, DayLimit: 1000, DayRemaining: 998, DayReset: time.Hour, MinuteLimit: 250, MinuteRemaining: 249, MinuteReset: 12 * time.Second}, metadata.Limits)
	r := p.seen()[0]
	require.Equal(t, "POST", r.Method)
	require.Equal(t, "/v2.0", r.Path)
	require.Equal(t, "application/json; charset=UTF-8", r.ContentType)
	require.JSONEq(t, `{"jsonrpc":"2.0","id":1,"method":"get.employees","params":{"access_token":"`+testKey+`","user_id":77}}`, string(r.Body))
}

func TestCallRefusesOtherThanObjects(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, says(200, `{}`))
	_, err := p.client(t, uis.UIS).Call(t.Context(), uis.DataAPI, "get.tags", []int{1}, nil)
	require.Error(t, err)
	require.Equal(t, uis.NotExecuted, uis.ExecutedOf(err))
	require.Empty(t, p.seen())
}

func TestQueryOnTheWire(t *testing.T) {
	t.Parallel()
	moscow, err := time.LoadLocation("Europe/Moscow")
	require.NoError(t, err)
	p := newPlatform(t, says(200, `{"result":{"data":[]}}`))
	_, _, err = p.client(t, uis.UIS).Calls(t.Context(), uis.Query{
		From: time.Date(2025, 1, 31, 9, 0, 5, 999, time.UTC), Till: time.Date(2025, 1, 31, 21, 30, 0, 0, time.UTC), Zone: moscow,
		Filter: uis.And(uis.In("id", 1, 2), uis.Filter{}, uis.Or(uis.Equal("is_lost", true), uis.Where("contact_phone_number", uis.OpLike, "7900%")),
			uis.Where("scenario_id", uis.OpIsNull, nil)),
		Fields: []string{"id"}, Sort: []uis.Sort{{Field: "start_time", Desc: true}}, Limit: 10, Offset: 20,
		Extra: map[string]any{"include_ongoing_calls": true},
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"access_token":"`+testKey+`","date_from":"2025-01-31 12:00:05","date_till":"2025-02-01 00:30:00","fields":["id"],
		"sort":[{"field":"start_time","order":"desc"}],"limit":10,"offset":20,"include_ongoing_calls":true,
		"filter":{"condition":"and","filters":[{"field":"id","operator":"in","value":[1,2]},
			{"condition":"or","filters":[{"field":"is_lost","operator":"=","value":true},{"field":"contact_phone_number","operator":"like","value":"7900%"}]},
			{"field":"scenario_id","operator":"is_null","value":null}]}}`, mustJSON(t, p.seen()[0].json(t)["params"]))
	require.True(t, uis.And(uis.Filter{}).IsZero())
	require.Equal(t, uis.Equal("a", 1), uis.Or(uis.Filter{}, uis.Equal("a", 1)), "a group of one is the one")
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func TestAllWalksEveryPage(t *testing.T) {
	t.Parallel()
	pages := func(t *testing.T, total int, tellTotal bool) *platform {
		return answering(t, func(r recorded) string {
			var body struct {
				Params struct{ Limit, Offset int }
			}
			_ = json.Unmarshal(r.Body, &body)
			rows := []map[string]any{}
			for i := body.Params.Offset; i < total && i < body.Params.Offset+body.Params.Limit; i++ {
				rows = append(rows, map[string]any{"id": i + 1, "name": fmt.Sprint("tag ", i+1)})
			}
			metadata := map[string]any{}
			if tellTotal {
				metadata["total_items"] = total
			}
			b, _ := json.Marshal(map[string]any{"result": map[string]any{"data": rows, "metadata": metadata}})
			return string(b)
		})
	}
	for _, tc := range []struct {
		total, limit int
		tell         bool
		requests     int
	}{{0, 3, true, 1}, {2, 3, true, 1}, {3, 3, true, 1}, {7, 3, true, 3}, {7, 3, false, 3}, {6, 3, false, 3}} {
		p := pages(t, tc.total, tc.tell)
		tags, err := uis.Collect(uis.All(t.Context(), p.client(t, uis.UIS).Tags, uis.Query{Limit: tc.limit}))
		require.NoError(t, err)
		require.Len(t, tags, tc.total)
		for i, tag := range tags {
			require.Equal(t, uis.TagID(i+1), tag.ID)
		}
		require.Len(t, p.seen(), tc.requests, "%+v", tc)
	}
	_, err := uis.Collect(uis.All(t.Context(), pages(t, 300000, true).client(t, uis.UIS).Tags, uis.Query{Offset: 95000, Limit: 10000}))
	require.ErrorIs(t, err, uis.ErrTooManyRows)
}

func TestDirectories(t *testing.T) {
	t.Parallel()
	rows := map[string]string{
		"get.account":         `[{"app_id":4735,"name":"Example","timezone":"Europe/Moscow"}]`,
		"get.employees":       `[{"id":"15","full_name":"Иванов Иван","email":null,"status_id":1,"groups":[{"group_id":2,"group_name":"Sales"}],"phone_numbers":[{"phone_id":1,"phone_number":"79000000001","status":"inactive"},{"phone_id":2,"phone_number":74950000000,"status":"active"}],"extension":{"extension_phone_number":"101"},"operator":{"operator_chat_enabled":true}}]`,
		"get.group_employees": `[{"id":2,"name":"Sales","members":[{"employee_id":15,"employee_full_name":"Иванов Иван"}],"group_phone_number":null}]`,
		"get.virtual_numbers": `[{"id":9,"virtual_phone_number":"74950000000","status":"active","scenarios":[{"scenario_id":3,"scenario_name":"Main"}]}]`,
		"get.sites":           `[{"id":1,"domain_name":"example.com","name":null,"state":"work"}]`,
		"get.campaigns":       `[{"id":-1,"name":"Без кампании","type":"system"}]`,
		"get.scenarios":       `[{"id":3,"name":"Main","virtual_phone_numbers":["74950000000"],"sites":[]}]`,
		"get.statuses":        `[{"id":1,"name":"Доступен","mnemonic":"available","is_select_allowed":true,"is_worktime":true},{"id":40,"name":"Обед","mnemonic":null}]`,
		"get.chat_channels":   `[{"id":20,"name":"WA","type":"whatsapp","status":"active","channel_external_id":79000000000,"employee_id":null}]`,
		"get.tags":            `[{"id":5,"name":"VIP","is_system":false}]`,
		"get.contacts":        `[{"id":6,"phone_numbers":["79000000002"],"emails":[],"personal_manager_id":15,"groups":[]}]`,
	}
	p := answering(t, func(r recorded) string {
		var body struct{ Method string }
		_ = json.Unmarshal(r.Body, &body)
		return `{"result":{"data":` + rows[body.Method] + `,"metadata":{"total_items":1}}}`
	})
	c, ctx, q := p.client(t, uis.UIS), t.Context(), uis.Query{}
	account, _, err := c.Account(ctx)
	require.NoError(t, err)
	zone, err := account.Location()
	require.NoError(t, err)
	require.Equal(t, "Europe/Moscow", zone.String())

	employees, _, err := c.Employees(ctx, q)
	require.NoError(t, err)
	require.Equal(t, uis.EmployeeID(15), employees[0].ID)
	require.Equal(t, []string{"74950000000"}, employees[0].Active())
	require.Equal(t, uis.Word("101"), employees[0].Extension.Number)
	require.True(t, employees[0].Operator.ChatEnabled)
	groups, _, err := c.Groups(ctx, q)
	require.NoError(t, err)
	require.Equal(t, uis.EmployeeID(15), groups[0].Members[0].EmployeeID)
	numbers, _, err := c.VirtualNumbers(ctx, q)
	require.NoError(t, err)
	require.Equal(t, uis.ScenarioID(3), numbers[0].Scenarios[0].ID)
	sites, _, err := c.Sites(ctx, q)
	require.NoError(t, err)
	require.Equal(t, "example.com", sites[0].Domain)
	campaigns, _, err := c.Campaigns(ctx, q)
	require.NoError(t, err)
	require.Equal(t, uis.CampaignID(-1), campaigns[0].ID)
	scenarios, _, err := c.Scenarios(ctx, q)
	require.NoError(t, err)
	require.Equal(t, "Main", scenarios[0].Name)
	statuses, _, err := c.Statuses(ctx, q)
	require.NoError(t, err)
	require.Empty(t, statuses[1].Mnemonic, "a status of the account's own")
	channels, _, err := c.ChatChannels(ctx, q)
	require.NoError(t, err)
	require.Equal(t, uis.Word("79000000000"), channels[0].ExternalID)
	tags, _, err := c.Tags(ctx, q)
	require.NoError(t, err)
	require.Equal(t, "VIP", tags[0].Name)
	contacts, _, err := c.Contacts(ctx, q)
	require.NoError(t, err)
	require.Equal(t, uis.EmployeeID(15), contacts[0].ManagerID)
}

func TestReports(t *testing.T) {
	t.Parallel()
	rows := map[string]string{
		"get.calls_report": `[{"id":500001,"start_time":"2025-01-31 12:00:05","direction":"in","is_lost":false,"contact_phone_number":"79000000000","talk_duration":61,
			"employees":[{"employee_id":15,"employee_full_name":"И","is_answered":true,"is_talked":true}],"first_talked_employee_id":15,"scenario_operations":[{"id":1,"name":"Menu"},{"id":2,"name":"Sales"}],
			"call_api_external_id":"cmd-9","utm_source":"ya","site_id":1,"tags":[{"tag_id":5,"tag_name":"VIP"}],"source_name":12}]`,
		"get.call_legs_report":        `[{"id":1,"call_session_id":500001,"is_talked":true,"employee_id":15,"group_id":2,"group_name":"Sales","action_name":"Group","duration":"00:01:02"}]`,
		"get.chats_report":            `[{"id":400,"status":"active","initiator":"visitor","date_time":"2025-01-31 12:00:05","duration":"75","chat_channel_id":20,"chat_username":"ann","visitor_phone_number":79000000000,"employee_id":null,"visitor_id":9012381597}]`,
		"get.chat_messages_report":    `[{"id":300,"chat_id":400,"date_time":"2025-01-31 12:00:05","text":"hi","source":"visitor","employee_id":null,"resource":{"size":12,"type":"photo","file_url":"https://x","file_name":"a.jpg","mime_type":"image/jpeg"}}]`,
		"get.offline_messages_report": `[{"id":8,"date_time":"2025-01-31 12:00:05","text":"call me","form_name":"Main","visitor_phone_number":"79000000000","visitor_name":"Анна","group_id":null,"campaign_id":3,"campaign_name":"C"}]`,
	}
	p := answering(t, func(r recorded) string {
		var body struct{ Method string }
		_ = json.Unmarshal(r.Body, &body)
		return `{"result":{"data":` + rows[body.Method] + `}}`
	})
	c, ctx, q := p.client(t, uis.UIS), t.Context(), uis.Query{}
	calls, _, err := c.Calls(ctx, q)
	require.NoError(t, err)
	require.Equal(t, "Sales", calls[0].LastOperation().Name)
	require.Equal(t, uis.EmployeeID(15), calls[0].FirstTalked)
	require.Equal(t, uis.Word("cmd-9"), calls[0].ExternalID)
	require.Equal(t, "VIP", calls[0].Tags[0].Name)
	require.Equal(t, "ya", calls[0].Row.Text("utm_source"))
	require.Equal(t, "12", calls[0].Row.Text("source_name"), "a field of another type is kept in the row")
	require.Equal(t, "", calls[0].Row.Text("gclid"))
	legs, _, err := c.CallLegs(ctx, q)
	require.NoError(t, err)
	require.Equal(t, 62*time.Second, legs[0].Duration.Duration())
	chats, _, err := c.Chats(ctx, q)
	require.NoError(t, err)
	require.True(t, chats[0].Open())
	require.Equal(t, 75*time.Second, chats[0].Duration.Duration())
	require.Equal(t, uis.Word("79000000000"), chats[0].VisitorNumber)
	require.Equal(t, uis.VisitorID("9012381597"), chats[0].VisitorID)
	messages, _, err := c.ChatMessages(ctx, q)
	require.NoError(t, err)
	require.Equal(t, "a.jpg", messages[0].Resource.Name)
	requests, _, err := c.OfflineMessages(ctx, q)
	require.NoError(t, err)
	require.Equal(t, uis.CampaignID(3), requests[0].CampaignID)

	require.NotContains(t, uis.ChatFields(uis.Novofon), "chat_channel_id", "its page lacks the field, and unknown fields are refused")
	require.Contains(t, uis.ChatFields(uis.UIS), "chat_channel_id")
}

func TestWrites(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, says(200, `{"jsonrpc":"2.0","id":1,"result":{"id":31}}`)) // create.* answer without data
	c, ctx := p.client(t, uis.UIS), t.Context()
	name, phones, manager := "Анна", []string{"79000000000"}, uis.EmployeeID(15)
	id, _, err := c.CreateContact(ctx, uis.ContactFields{FirstName: &name, PhoneNumbers: &phones})
	require.NoError(t, err)
	require.Equal(t, uis.ContactID(31), id)
	_, err = c.UpdateContact(ctx, 31, uis.ContactFields{ManagerID: &manager})
	require.NoError(t, err)
	_, err = c.SetEmployeeStatus(ctx, 15, 2)
	require.NoError(t, err)
	_, err = c.SetTag(ctx, uis.Tagging{CommunicationID: 7, CommunicationType: uis.CommunicationChat, TagID: 5})
	require.NoError(t, err)
	tag, _, err := c.CreateTag(ctx, "VIP")
	require.NoError(t, err)
	require.Equal(t, uis.TagID(31), tag)
	for i, want := range []string{
		`{"access_token":"KEY","first_name":"Анна","phone_numbers":["79000000000"]}`, `{"access_token":"KEY","id":31,"personal_manager_id":15}`,
		`{"access_token":"KEY","id":15,"status_id":2}`, `{"access_token":"KEY","communication_id":7,"communication_type":"chat","tag_id":5}`,
		`{"access_token":"KEY","name":"VIP"}`,
	} {
		params := p.seen()[i].json(t)["params"].(map[string]any)
		require.Equal(t, testKey, params["access_token"])
		params["access_token"] = "KEY"
		require.JSONEq(t, want, mustJSON(t, params))
	}
}

func TestCallAPI(t *testing.T) {
	t.Parallel()
	p := answering(t, func(r recorded) string {
		var body struct{ Method string }
		_ = json.Unmarshal(r.Body, &body)
		if body.Method == uis.MethodListCalls {
			return `{"result":{"data":[{"call_session_id":456,"external_id":"cmd-1","legs":[{"leg_id":1,"is_operator":true,"employee_id":15,"state":"Дозвон"}]}]}}`
		}
		return `{"result":{"data":{"call_session_id":456}}}`
	})
	c, ctx := p.client(t, uis.UIS), t.Context()
	hide := false
	base := uis.StartCall{VirtualNumber: "74950000000", Contact: "79000000000", FirstCall: uis.FirstEmployee, Direction: "out", ExternalID: "cmd-1"}
	id, _, err := c.StartEmployeeCall(ctx, uis.EmployeeCall{StartCall: base, Employee: uis.CallTarget{ID: 15}, ShowVirtualNumber: &hide})
	require.NoError(t, err)
	require.Equal(t, uis.CallSessionID(456), id)
	_, _, err = c.StartScenarioCall(ctx, uis.ScenarioCall{StartCall: base, ScenarioID: 3})
	require.NoError(t, err)
	_, _, err = c.StartVNumberCall(ctx, uis.VNumberCall{StartCall: base})
	require.NoError(t, err)
	_, _, err = c.StartSimpleCall(ctx, uis.SimpleCall{StartCall: base, Operator: "79000000001"})
	require.NoError(t, err)
	running, _, err := c.ListCalls(ctx, "out", "")
	require.NoError(t, err)
	require.Equal(t, uis.EmployeeID(15), running[0].Legs[0].EmployeeID)
	_, err = c.ReleaseCall(ctx, 456)
	require.NoError(t, err)

	require.Equal(t, "/v4.0", p.seen()[0].Path)
	require.JSONEq(t, `{"jsonrpc":"2.0","id":1,"method":"start.employee_call","params":{"access_token":"`+testKey+`","virtual_phone_number":"74950000000",
		"contact":"79000000000","first_call":"employee","direction":"out","external_id":"cmd-1","employee":{"id":15},"show_virtual_phone_number":false}}`, string(p.seen()[0].Body))
	for i, method := range []string{"start.employee_call", "start.scenario_call", "start.vnumber_call", "start.simple_call", "list.calls", "release.call"} {
		require.Equal(t, method, p.seen()[i].json(t)["method"])
	}

	command, err := uis.NewCommand(uis.EmployeeCall{StartCall: base, Employee: uis.CallTarget{ID: 15}, ShowVirtualNumber: &hide})
	require.NoError(t, err)
	_, _, err = c.Do(ctx, command)
	require.NoError(t, err)
	require.JSONEq(t, string(p.seen()[0].Body), string(p.seen()[6].Body), "a stored command sends what the typed call sends")
}

func TestWallTime(t *testing.T) {
	t.Parallel()
	moscow, err := time.LoadLocation("Europe/Moscow")
	require.NoError(t, err)
	want := time.Date(2025, 1, 31, 9, 0, 5, 0, time.UTC)
	for _, text := range []uis.WallTime{"2025-01-31 12:00:05", "2025-01-31T12:00:05", "2025-01-31T09:00:05Z", "2025-01-31 12:00:05.000"} {
		at, err := text.In(moscow)
		require.NoError(t, err, text)
		require.True(t, want.Equal(at), "%s: %s", text, at)
	}
	_, err = uis.WallTime("yesterday").In(moscow)
	require.Error(t, err)
	require.Equal(t, uis.WallTime("2025-01-31 12:00:05"), uis.Wall(want, moscow))
	require.Equal(t, uis.WallTime("2025-01-31 09:00:05"), uis.Wall(want, nil))
}
