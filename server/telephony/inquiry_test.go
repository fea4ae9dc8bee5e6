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
		"no rules":                    {settings.Telephony{}, In, nil},
		"what is told":                {settings.Telephony{FilterOn: true, FilterInbound: condition("scenario", rules.Include, "61")}, In, nil},
		"what no report tells":        {settings.Telephony{FilterOn: true, FilterInbound: condition("group", rules.Include, "5")}, In, nil},
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
	row := uis.Call{ScenarioName: "из отчёта", Analytics: uis.Analytics{SiteID: 41, Site: "shop.example"}}
	f := &Facts{Values: map[string]Value{"scenario_name": {Text: "из уведомления", At: time.Unix(1, 0)}}}
	f.inform(row)
	require.Equal(t, "из уведомления", f.value("scenario_name"))
	require.Equal(t, "41", f.value("site_id"))
	n, err := uis.ParseNotification([]byte(`{"event":"talk_started","call_session_id":1,"notification_time":"2026-03-02 10:00:00","site_domain_name":"other.example"}`))
	require.NoError(t, err)
	f.take(n, time.UTC, time.Time{})
	require.Equal(t, "other.example", f.value("site_domain_name"))
}
