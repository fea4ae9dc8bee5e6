package chats

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
	"omni/server/uis"
)

func on(param string, op rules.Op, values ...string) rules.Filter {
	return rules.Filter{{{Param: param, Op: op, Values: values}}}
}

var (
	makesLead     = settings.Creation{On: true, Create: []string{"lead"}}
	makesActivity = settings.Creation{On: true, Create: []string{"activity"}}
)

// R2, R4, R7: UIS is asked only for what the settings look at for this chat, its report tells and nothing has told.
func TestWhatIsAskedOfTheReport(t *testing.T) {
	t.Parallel()
	bySite := []settings.ResponsibleRule{{Filter: on("site", rules.Include, "41"), User: 3}}
	byCampaign := settings.ChatFunnel{On: true, Rules: []settings.FunnelRule{{Filter: on("campaign", rules.Include, "7")}}}
	off := byCampaign
	off.On = false
	for name, row := range map[string]struct {
		settings settings.Common
		rows     []string
		state    State
		asked    []string
		want     []string
	}{
		"nothing":                             {settings: settings.Common{First: makesLead, Template: "{{name}} {{chat_channel_name}}"}},
		"a filter":                            {settings: settings.Common{Filter: on("site", rules.Exclude, "41")}, want: []string{"site"}},
		"a filter by what is told":            {settings: settings.Common{Filter: on("channel", rules.Include, "20")}},
		"by what no report tells":             {settings: settings.Common{Filter: on("scenario", rules.Include, "61"), Responsibles: []settings.ResponsibleRule{{Filter: on("group", rules.Include, "5")}}, First: makesLead}},
		"a filter that keeps the chat out":    {settings: settings.Common{Filter: on("channel", rules.Include, "21"), First: makesLead, Responsibles: bySite, Template: "{{site_domain_name}}"}, rows: []string{"utm_source"}},
		"responsibles":                        {settings: settings.Common{Responsibles: bySite, First: makesLead}, want: []string{"site"}},
		"of activities":                       {settings: settings.Common{Responsibles: bySite, Repeat: makesActivity}, want: []string{"site"}},
		"where nothing is made":               {settings: settings.Common{Responsibles: bySite, FunnelFirst: byCampaign, Template: "{{site_domain_name}}", First: settings.Creation{Create: []string{"lead"}}}},
		"a rule before it holds":              {settings: settings.Common{Responsibles: append([]settings.ResponsibleRule{{Filter: on("channel", rules.Include, "20")}}, bySite...), First: makesLead}},
		"a funnel":                            {settings: settings.Common{FunnelFirst: byCampaign, First: makesLead}, want: []string{"campaign"}},
		"of the other form":                   {settings: settings.Common{FunnelRepeat: byCampaign, First: makesLead}},
		"a funnel that is off":                {settings: settings.Common{FunnelFirst: off, First: makesLead}},
		"the standard name":                   {settings: settings.Common{Template: settings.ChatTemplate, First: makesLead}, want: []string{"site_domain_name"}},
		"which names nothing that is made":    {settings: settings.Common{Template: settings.ChatTemplate, Repeat: makesActivity}},
		"extra fields":                        {rows: []string{"name", "utm_source", "chat_initiator"}, want: []string{"chat_initiator", "utm_source"}},
		"tags, which only the end tells":      {rows: []string{"tag_names"}},
		"tags at the end":                     {rows: []string{"tag_names", "employee_full_name"}, state: Closed, want: []string{"tag_names"}},
		"what was asked for already":          {settings: settings.Common{Filter: on("site", rules.Include, "41"), Template: "{{utm_term}}", First: makesLead}, asked: []string{"site", "utm_term"}},
		"the channel of the traffic is none":  {settings: settings.Common{Filter: on("channel", rules.Include, "20")}, rows: []string{"channel"}, want: []string{"channel"}},
		"two rules, one of them already open": {settings: settings.Common{Filter: on("source", rules.Include, "x"), Responsibles: bySite, First: makesLead}, want: []string{"site", "source"}},
	} {
		c := &Chat{State: row.state}
		if row.asked != nil {
			c.CRM.Report = &Report{State: reportOver, Names: row.asked}
		}
		require.Equal(t, row.want, untold(row.settings, c, paramsOf(Channel{ID: 20, Type: "whatsapp"}, c), row.rows), name)
	}
}

// reportTurn is a step of a chat whose responsible hangs on its site.
func reportTurn() *turn {
	person := int64(1)
	doc := settings.Document{Version: 3}
	doc.Main.Enabled, doc.Main.Portal = true, &person
	doc.Chats = settings.Chats{Channels: []int64{20}, Create: true, CreateAt: "start", Common: settings.Common{Enabled: true, Responsible: &person, First: makesLead,
		Responsibles: []settings.ResponsibleRule{{Filter: on("site", rules.Include, "41"), User: 3}}, Template: "{{site_domain_name}}, {{name}}"}}
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	return &turn{now: start, physical: start, key: "chat:9", texts: plainTexts{}, setting: Setting{Channel: Channel{ID: 20}, Document: doc}, lines: []*Message{{ID: 1}},
		chat: &Chat{ID: 9, UIS: 9, State: New, Phones: []string{"79000000001"}, Name: "Анна", CreatedAt: start}}
}

// next is a further step of the same chat, as it was stored.
func (t *turn) next() *turn {
	n, c := *t, *t.chat
	c.CRM = Link{}
	if err := json.Unmarshal(encode(t.chat.CRM), &c.CRM); err != nil {
		panic(err)
	}
	n.chat = &c
	n.commands, n.timers, n.cancel, n.replaced, n.letters, n.reasons, n.touched = nil, nil, nil, nil, nil, nil, false
	return &n
}

func (t *turn) hear(do func(*turn)) *turn {
	n := t.next()
	do(n)
	n.link()
	return n
}

func answered(try int, result outbox.Result) func(*turn) {
	return func(t *turn) { t.reported(commandTag{Do: tagReport, Part: try}, result) }
}

func rowsOf9(fields string) outbox.Result {
	return outbox.Result{State: "done", Result: json.RawMessage(`[{"id":8,"site_id":40},{"id":9` + fields + `}]`)}
}

var noRow = outbox.Result{State: "done", Result: json.RawMessage(`[]`)}

func (t *turn) need(test *testing.T) crm.Need {
	test.Helper()
	require.Len(test, t.letters, 1)
	var need crm.Need
	require.NoError(test, json.Unmarshal(t.letters[0].Body, &need))
	return need
}

func codes(t *turn) (list []string) {
	for _, r := range t.reasons {
		list = append(list, r.Code)
	}
	return list
}

// The question, its answer, and the decision by it.
func TestAChatAsksForItsOwnRow(t *testing.T) {
	t.Parallel()
	asks := reportTurn().hear(func(*turn) {})
	require.Empty(t, asks.letters, "the CRM waits")
	require.Len(t, asks.commands, 1)
	c := asks.commands[0]
	require.Equal(t, outbox.LaneUISData, c.Lane.Kind)
	require.Equal(t, asks.physical.Add(reportDeadline), c.Deadline)
	params, err := json.Marshal(c.Params)
	require.NoError(t, err)
	require.JSONEq(t, `{"date_from":"2026-01-30 09:00:00","date_till":"2026-03-02 09:00:00","fields":["id","site_domain_name","site_id"],"filter":{"field":"id","operator":"=","value":9}}`, string(params))
	require.Len(t, asks.timers, 1)

	waits := asks.hear(func(*turn) {})
	require.Empty(t, waits.commands, "a message meanwhile asks nothing more")
	require.Empty(t, waits.letters)

	judged := waits.hear(answered(1, rowsOf9(`,"site_id":41,"site_domain_name":"romashka.example"`)))
	need := judged.need(t)
	require.Equal(t, []any{ids.B24UserID(3), "romashka.example, Анна"}, []any{need.Policy.Responsible, need.Policy.Title})
	require.Equal(t, []string{reportName}, judged.cancel)
	require.Empty(t, judged.commands)

	named := asks.next()
	named.setting.names = Names{{"sites", "romashka.example"}: "41"}
	require.Equal(t, ids.B24UserID(3), named.hear(answered(1, rowsOf9(`,"site_id":null,"site_domain_name":"romashka.example"`))).need(t).Policy.Responsible, "its number by the account's list")

	none := asks.hear(answered(1, rowsOf9(`,"site_id":0`)))
	require.Empty(t, none.chat.CRM.Report.Values)
	nowhere := asks.hear(answered(1, rowsOf9(`,"site_id":null,"site_domain_name":null`))).need(t)
	require.Equal(t, []any{ids.B24UserID(1), ", Анна"}, []any{nowhere.Policy.Responsible, nowhere.Policy.Title})
}

// Nobody waits for ever: what is answered, how often it is asked again, and what is said of it.
func TestAReportThatTellsNothing(t *testing.T) {
	t.Parallel()
	late := func(*turn) {}
	timer := func(t *turn) { t.reportDue() }
	expired, refused := outbox.Result{State: "expired"}, outbox.Result{State: "refused", Class: "key_invalid", Text: "no such key"}
	for name, row := range map[string]struct {
		steps   []func(*turn)
		tries   int
		decided bool
		reason  []string
	}{
		"asked":                        {[]func(*turn){late}, 1, false, nil},
		"no row yet":                   {[]func(*turn){answered(1, noRow)}, 1, false, nil},
		"asked again":                  {[]func(*turn){answered(1, noRow), timer}, 2, false, nil},
		"there at the second":          {[]func(*turn){answered(1, noRow), timer, answered(2, rowsOf9(`,"site_id":41`))}, 2, true, nil},
		"three times":                  {[]func(*turn){answered(1, noRow), timer, answered(2, noRow), timer}, 3, false, nil},
		"never there":                  {[]func(*turn){answered(1, noRow), timer, answered(2, noRow), timer, answered(3, noRow)}, 3, true, []string{"chat.not_in_report"}},
		"expired":                      {[]func(*turn){answered(1, expired), timer}, 2, false, nil},
		"twice":                        {[]func(*turn){answered(1, expired), timer, answered(2, expired)}, 2, true, []string{"chat.report_not_read"}},
		"refused":                      {[]func(*turn){answered(1, refused)}, 1, true, []string{"chat.report_not_read"}},
		"no such report":               {[]func(*turn){answered(1, outbox.Result{State: "refused", Class: "component_missing"})}, 1, true, []string{"chat.report_absent"}},
		"no right to it":               {[]func(*turn){answered(1, outbox.Result{State: "refused", Class: "forbidden"})}, 1, true, []string{"chat.report_absent"}},
		"silence":                      {[]func(*turn){timer}, 1, false, nil},
		"silence twice":                {[]func(*turn){timer, timer, timer}, 2, true, []string{"chat.report_not_read"}},
		"the first answer comes later": {[]func(*turn){timer, timer, answered(1, rowsOf9(`,"site_id":41`))}, 2, true, nil},
		"an old refusal":               {[]func(*turn){timer, timer, answered(1, refused)}, 2, false, nil},
		"unreadable":                   {[]func(*turn){answered(1, outbox.Result{State: "done", Result: json.RawMessage(`{}`)}), timer}, 2, false, nil},
	} {
		tn := reportTurn().hear(func(*turn) {})
		letters, reasons := len(tn.letters), []string(nil)
		for _, step := range row.steps {
			tn = tn.hear(step)
			letters, reasons = letters+len(tn.letters), append(reasons, codes(tn)...)
		}
		require.Equal(t, row.tries, tn.chat.CRM.Report.Try, name)
		require.Equal(t, map[bool]int{true: 1}[row.decided], letters, name)
		require.Equal(t, row.reason, reasons, name)
		if !row.decided {
			require.True(t, len(tn.timers) > 0 || name == "asked" || name == "an old refusal", "%s: a timer goes on", name)
		}
	}
}

// R7a: at the end of the chat it is asked once more when rows need it; a value that is not told any more clears nothing.
func TestTheReportIsAskedAtTheEnd(t *testing.T) {
	t.Parallel()
	lead := crm.Ref{Type: crm.Lead, ID: 3}
	tn := reportTurn()
	tn.setting.extras = Extras{Mappings: crm.MappingsOf([]rules.Mapping{{Entity: "lead", Field: "UF_CRM_1", Param: "tag_names", Always: true}, {Entity: "lead", Field: "UF_CRM_2", Param: "utm_source"}}, nil)}
	tn = tn.hear(func(*turn) {}).hear(answered(1, rowsOf9(`,"site_id":41,"utm_source":"vk"`)))
	require.Equal(t, map[crm.EntityType]map[string]string{crm.Lead: {"UF_CRM_2": "vk"}}, tn.chat.CRM.Given)
	tn = tn.hear(func(t *turn) {
		t.chat.CRM.Phase, t.chat.CRM.Ties = "tied", []crm.Tie{{Ref: lead, Created: true}}
	})
	require.Empty(t, tn.commands, "it goes on")
	closed := tn.hear(func(t *turn) { t.closed("closed_by_visitor") })
	require.Len(t, closed.commands, 1)
	require.Equal(t, "get.chats_report", closed.commands[0].Kind)
	params, err := json.Marshal(closed.commands[0].Params)
	require.NoError(t, err)
	require.Contains(t, string(params), `"tags"`)
	told := closed.hear(answered(2, rowsOf9(`,"utm_source":null,"tags":[{"tag_id":1,"tag_name":"Целевой"},{"tag_id":2,"tag_name":"Спам"}]`)))
	require.Len(t, told.commands, 1)
	require.Equal(t, map[string]any{"UF_CRM_1": "Целевой, Спам"}, told.commands[0].Params.(map[string]any)["fields"])
	require.Equal(t, "vk", told.chat.CRM.Report.Values["utm_source"])
	require.Empty(t, told.hear(func(t *turn) { t.fieldsAnswered(commandTag{Target: lead}, outbox.Result{State: "done"}) }).commands, "once")
}

// C10, C12: a chat that waits for contact data asks nothing until they are there, and is turned away by its filter only then.
func TestTheReportWaitsForContactData(t *testing.T) {
	t.Parallel()
	tn := reportTurn()
	tn.chat.Phones = nil
	tn.setting.Document.Chats.Filter = on("site", rules.Include, "42")
	tn = tn.hear(func(*turn) {})
	require.Empty(t, tn.commands)
	require.Equal(t, []string{"crm.no_contact_data"}, codes(tn))
	tn = tn.hear(func(t *turn) { t.card(Card{Phones: []string{"79000000001"}}) })
	require.Len(t, tn.commands, 1)
	tn = tn.hear(answered(1, rowsOf9(`,"site_id":41,"site_domain_name":"romashka.example"`)))
	require.Equal(t, []string{"settings.filtered_out"}, codes(tn))
	require.Empty(t, tn.letters)
	tn = tn.hear(func(*turn) {})
	require.Empty(t, tn.reasons)
	require.Empty(t, tn.commands)
}

// U4: an account without the report is not asked for; a brand that lacks a field is asked without it.
func TestReportsThatUISDoesNotGive(t *testing.T) {
	t.Parallel()
	tn := reportTurn()
	tn.setting.reportless = true
	tn = tn.hear(func(*turn) {})
	require.Empty(t, tn.commands)
	require.Equal(t, []string{"chat.report_absent"}, codes(tn))
	require.Equal(t, ids.B24UserID(1), tn.need(t).Policy.Responsible)

	invalid := answered(1, outbox.Result{State: "refused", Command: 77, Class: "invalid", Code: "unexpected_parameters"})
	plain := reportTurn().hear(func(*turn) {}).hear(invalid)
	require.Equal(t, []string{"chat.report_not_read"}, codes(plain))
	require.Equal(t, []ids.CommandID{77}, plain.replaced, "nobody need decide about it")
	novofon := reportTurn()
	novofon.setting.extras = Extras{Mappings: crm.MappingsOf([]rules.Mapping{{Entity: "lead", Field: "UF_CRM_1", Param: "chat_ad_url"}}, nil)}
	novofon = novofon.hear(func(*turn) {})
	require.Contains(t, novofon.chat.CRM.Report.fields(), "chat_ad_url")
	novofon = novofon.hear(invalid)
	require.Len(t, novofon.commands, 1)
	require.Equal(t, []string{"id", "site_domain_name", "site_id"}, novofon.chat.CRM.Report.fields())
	require.Equal(t, ids.B24UserID(3), novofon.hear(answered(2, rowsOf9(`,"site_id":41`))).need(t).Policy.Responsible)
}

// Every variable that only a report tells of a chat stands in get.chats_report as documented: a field it does not know would spoil the whole question.
func TestReportedVariablesAreDocumented(t *testing.T) {
	t.Parallel()
	fields := append(append(uis.ChatFields(uis.UIS), uis.AnalyticsFields()...), "ef_id")
	count := 0
	for _, v := range rules.VariablesOf(rules.Chat) {
		if v.Known[rules.Chat] >= rules.AtEnd {
			require.Subset(t, fields, fieldsOf(v.Name), v.Name)
			count++
		}
	}
	require.Greater(t, count, 30)
	for _, name := range []string{"site", "campaign", "source"} {
		require.Subset(t, fields, fieldsOf(name))
	}
	require.Subset(t, fields, scarce)
	require.NotSubset(t, uis.ChatFields(uis.Novofon), scarce)
}
