package telephony

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/rules"
	"omni/server/settings"
	"omni/server/uis"
)

// R2: UIS is asked only for what a rule of the call's direction looks at, the report tells, and nothing has told.
func TestWhatIsAskedOfTheReport(t *testing.T) {
	t.Parallel()
	f := func(direction string) *Facts {
		return &Facts{Direction: direction, Number: "1", Values: map[string]Value{"scenario_id": {Text: "61"}}}
	}
	for name, row := range map[string]struct {
		settings  settings.Telephony
		direction string
		want      []string
	}{
		"no rules":               {settings.Telephony{}, In, nil},
		"what is told":           {settings.Telephony{FilterOn: true, FilterInbound: condition("scenario", rules.Include, "61")}, In, nil},
		"a parameter of its own": {settings.Telephony{FilterOn: true, FilterInbound: condition("employee", rules.Include, "5")}, In, nil},
		"the group":              {settings.Telephony{FilterOn: true, FilterInbound: condition("group", rules.Include, "5")}, In, []string{"group"}},
		"what a title says": {settings.Telephony{Templates: []settings.CallTemplate{{Direction: In, Text: "{{site_domain_name}} {{contact_phone_number}} {{scenario_name}}"},
			{Direction: Out, Text: "{{utm_source}}"}}}, In, []string{"scenario_name", "site_domain_name"}},
		"a filter":                    {settings.Telephony{FilterOn: true, FilterInbound: condition("last_operation", rules.Exclude, "x")}, In, []string{"last_operation"}},
		"a filter that is off":        {settings.Telephony{FilterInbound: condition("site", rules.Include, "41")}, In, nil},
		"the filter of the other way": {settings.Telephony{FilterOn: true, FilterInbound: condition("site", rules.Include, "41")}, Out, nil},
		"funnels":                     {settings.Telephony{FunnelsOutbound: []settings.FunnelRule{{Filter: condition("campaign", rules.Include, "71")}}}, Out, []string{"campaign"}},
		"responsibles, inbound only":  {settings.Telephony{Responsibles: []settings.ResponsibleRule{{Filter: condition("site", rules.Include, "41")}}}, Out, nil},
		"templates": {settings.Telephony{Templates: []settings.CallTemplate{{Direction: In, Filter: condition("source", rules.Include, "x")},
			{Direction: Out, Filter: condition("site", rules.Include, "41")}}}, In, []string{"source"}},
	} {
		call := f(row.direction)
		require.Equal(t, row.want, untold(row.settings, call, paramsOf(call, nil)), name)
	}
}

// What a notification told stands, whenever it comes.
func TestInformedBehindNotifications(t *testing.T) {
	t.Parallel()
	rows, err := uis.DecodeCalls([]byte(`[{"id":1,"scenario_name":"из отчёта","scenario_id":0,"site_id":41,"site_domain_name":"shop.example","segments":[],"utm_term":null,
		"tags":[{"tag_id":1,"tag_name":"Горячий"},{"tag_id":2,"tag_name":"VIP"}],"scenario_operations":[{"id":1,"name":"Меню"},{"id":2,"name":"Распределение"}],
		"visitor_session_id":77,"source":"va","finish_reason":"success_finish"}]`))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"scenario_name": "из отчёта", "site_id": "41", "site_domain_name": "shop.example", "tag_names": "Горячий, VIP",
		"last_operation_name": "Распределение", "session_id": "77", "call_source": "va", "lost_reason": "success_finish"}, visitOf(rows[0]))
	f := &Facts{Values: map[string]Value{"scenario_name": {Text: "из уведомления", At: time.Unix(1, 0)}}}
	f.told(visitOf(rows[0]))
	require.Equal(t, "из уведомления", f.value("scenario_name"))
	require.Equal(t, "41", f.value("site_id"))
	n, err := uis.ParseNotification([]byte(`{"event":"talk_started","call_session_id":1,"notification_time":"2026-03-02 10:00:00","site_domain_name":"other.example"}`))
	require.NoError(t, err)
	f.take(n, time.UTC, time.Time{})
	require.Equal(t, "other.example", f.value("site_domain_name"))
}

// R7: at the end the report is asked for what the rows lack: what it alone tells, once, and what it tells only of an ended call.
func TestWhatExtraFieldsLack(t *testing.T) {
	t.Parallel()
	rows := func(params ...string) (list []rules.Mapping) {
		for _, p := range params {
			list = append(list, rules.Mapping{Entity: "lead", Field: "UF_CRM_1", Param: p})
		}
		return list
	}
	for name, row := range map[string]struct {
		rows    []rules.Mapping
		visited bool
		values  map[string]string
		want    []string
	}{
		"no rows":              {nil, false, nil, nil},
		"what the call says":   {rows("contact_phone_number", "talk_time_duration", "last_talked_employee_full_name"), false, nil, nil},
		"what a report says":   {rows("source_name", "utm_source", "session_id"), false, nil, []string{"source_name", "utm_source", "session_id"}},
		"what was told":        {rows("source_name", "utm_source"), false, map[string]string{"utm_source": "yandex"}, []string{"source_name"}},
		"asked before":         {rows("source_name", "utm_source"), true, nil, nil},
		"known at the end":     {rows("source_name", "tag_names", "last_operation_name"), true, nil, []string{"tag_names", "last_operation_name"}},
		"all of it known":      {rows("tag_names"), true, map[string]string{"tag_names": "VIP"}, nil},
		"no variable of a row": {rows("tags"), false, nil, nil},
	} {
		require.Equal(t, row.want, lacking(row.rows, &Facts{Visited: row.visited}, row.values), name)
	}
}

// R2: the group is the one of the leg that talked, else of the last; what a notification told stands.
func TestGroupOfTheCall(t *testing.T) {
	t.Parallel()
	leg := func(id, group int64, talked bool) uis.CallLeg {
		return uis.CallLeg{ID: uis.LegID(id), GroupID: uis.GroupID(group), GroupName: "Группа", Talked: talked}
	}
	for name, row := range map[string]struct {
		legs []uis.CallLeg
		told string
		want string
	}{
		"nobody in a group":  {[]uis.CallLeg{leg(1, 0, true)}, "", ""},
		"the one that talks": {[]uis.CallLeg{leg(3, 51, false), leg(2, 52, true), leg(4, 53, false)}, "", "52"},
		"the last that rang": {[]uis.CallLeg{leg(3, 51, false), leg(2, 52, false)}, "", "51"},
		"a notification":     {[]uis.CallLeg{leg(3, 51, true)}, "Продажи", ""},
	} {
		f := &Facts{}
		if row.told != "" {
			f.Values = map[string]Value{"communication_group_name": {Text: row.told}}
		}
		f.group(row.legs)
		require.Equal(t, row.want, f.value("group_id"), name)
	}
}
