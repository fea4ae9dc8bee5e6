package requests

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/rules"
	"omni/server/settings"
)

func byForm(form string) rules.Filter {
	return rules.Filter{{{Param: "form", Op: rules.Include, Values: []string{form}}}}
}

// R2, C13: the report is asked only for what the settings look at, it tells and nothing has told.
func TestWhatIsAskedOfTheReport(t *testing.T) {
	t.Parallel()
	makes := settings.Creation{On: true, Create: []string{"deal"}}
	row := func(param string) []rules.Mapping {
		return []rules.Mapping{{Entity: "deal", Field: "UF_CRM_1", Param: param}}
	}
	for name, c := range map[string]struct {
		s      settings.Common
		rows   []rules.Mapping
		values map[string]string
		params rules.Params
		want   []string
	}{
		"nothing":                {settings.Common{First: makes, Template: "Заявка с сайта {{site_domain_name}} от {{name}}"}, nil, nil, nil, nil},
		"a filter":               {settings.Common{Filter: byForm("Заказ")}, nil, nil, nil, []string{"form"}},
		"a filter, told":         {settings.Common{Filter: byForm("Заказ")}, nil, nil, rules.Params{"form": {"Заказ"}}, nil},
		"a rule that acts":       {settings.Common{First: makes, Responsibles: []settings.ResponsibleRule{{Filter: byForm("Заказ"), User: 3}}}, nil, nil, nil, []string{"form"}},
		"a rule for nothing":     {settings.Common{Responsibles: []settings.ResponsibleRule{{Filter: byForm("Заказ"), User: 3}}}, nil, nil, nil, nil},
		"a name":                 {settings.Common{First: makes, Template: "{{offline_message_form_name}}"}, nil, nil, nil, []string{"offline_message_form_name"}},
		"a field":                {settings.Common{First: makes}, row("source_name"), nil, nil, []string{"source_name"}},
		"a field, told":          {settings.Common{First: makes}, row("source_name"), map[string]string{"source_name": "yandex"}, nil, nil},
		"what no report tells":   {settings.Common{First: makes}, row("employee_full_name"), nil, nil, nil},
		"what the request tells": {settings.Common{First: makes}, row("visitor_message"), nil, nil, nil},
	} {
		turn := &turn{doc: settings.Document{Requests: settings.Requests{Common: c.s}}, params: c.params, mappings: crm.MappingsOf(c.rows, nil), request: &Request{ID: 5, Values: c.values}}
		require.Equal(t, c.want, turn.untold(), name)
	}
}

// U3, C13: an answer without the row is asked again, three times; then the request is judged without it. A refusal is final. What the notification told stands.
func TestAnswersOfTheReport(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	answer := func(state, data string) []byte {
		body, err := json.Marshal(outbox.PlanAnswer{Results: map[string]outbox.Result{reportName: {Command: 9, State: state, Result: json.RawMessage(data)}}})
		require.NoError(t, err)
		return body
	}
	asked := func(tries int) *turn {
		return &turn{key: ids.RequestKey(5), now: now, texts: plainTexts{}, request: &Request{ID: 5, Phase: Waiting, Values: map[string]string{"source_name": "told"}, Link: Link{Tries: tries}}}
	}
	one := asked(1)
	ready, err := one.reported(answer("done", `[{"id":5,"form_name":"Заказ","source_name":"other","group_name":null,"employee_full_name":"Кто-то","tags":[]}]`))
	require.NoError(t, err)
	require.True(t, ready)
	require.Equal(t, map[string]string{"source_name": "told", "offline_message_form_name": "Заказ", "offline_message_id": "5", "event": "offline_message"}, one.request.Values)
	for tries, again := range map[int]bool{1: true, 2: true, 3: true, 4: false} {
		for _, nothing := range [][]byte{answer("done", `[]`), answer("expired", `null`), answer("done", `[{"id":6}]`)} {
			turn := asked(tries)
			ready, err := turn.reported(nothing)
			require.NoError(t, err)
			require.Equal(t, !again, ready, tries)
			if again {
				require.Equal(t, now.Add(reportPauses[tries-1]), turn.out.Timers[0].At)
				continue
			}
			require.Equal(t, "request.report_not_read", turn.out.Reasons[0].Code)
		}
	}
	refused := asked(1)
	ready, err = refused.reported(answer("refused", `null`))
	require.NoError(t, err)
	require.True(t, ready)
	require.Equal(t, []ids.CommandID{9}, refused.out.Replaced)
	late := asked(1)
	late.request.Phase = Done
	ready, err = late.reported(answer("done", `[{"id":5,"form_name":"Заказ"}]`))
	require.NoError(t, err)
	require.False(t, ready, "nothing is judged twice")
}
