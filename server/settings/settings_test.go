package settings_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"omni/locales"
	"omni/server/rules"
	"omni/server/settings"
)

// contract is the document of design section 12, initial values and the example rows it shows.
const contract = `{"version": 7,
 "main": {"enabled": false, "portal": null, "import_statuses": false, "sync_all": true, "sync_only": []},
 "telephony": {"enabled": false, "portal": null, "other_telephony": false, "personal_manager": false,
  "create_inbound": false, "create_outbound": false, "talker": "first",
  "responsible_later": false, "responsible_after_min": 5, "number_as_source": false,
  "filter_on": false, "filter_inbound": [], "filter_outbound": [],
  "click": {"on": false, "number": null, "override_caller_id": false}, "callback": {"on": false, "number": null},
  "records": {"send": false, "with_filters": false}, "call_message": false,
  "templates": [{"direction": "in", "entity": "lead", "filter": [], "text": "…"}],
  "funnel": {"lead_stage": null, "pipeline": null, "deal_stage": null},
  "funnels_inbound": [{"filter": [], "lead_stage": "NEW", "pipeline": 1, "deal_stage": "C1:NEW"}], "funnels_outbound": [],
  "responsible_inbound": null, "responsible_outbound": null, "responsibles": [{"filter": [], "user": 14}],
  "fields": [{"entity": "lead", "field": "UF_CRM_1", "param": "utm_source", "always": false}]},
 "chats": {"enabled": false, "portal": null, "channels": [20], "create": false, "responsible": null, "responsibles": [],
  "first": {"on": false, "create": ["deal", "activity"]}, "repeat": {"on": false, "create": []},
  "comment_priority": null, "create_at": "start", "copy_to_contact": false, "notify": false,
  "closed_entities": false, "without_contacts": false, "filter": [], "template": "…",
  "funnel_first": {"on": false, "lead_stage": null, "pipeline": null, "deal_stage": null, "rules": []}, "funnel_repeat": {"on": false},
  "fields_on": false, "fields": []},
 "requests": {"enabled": false},
 "lines": {"enabled": false, "portal": null, "operator_name": true, "auto_close_min": {"20": 0}, "fields": []}}`

func decode(t *testing.T, raw string) settings.Document {
	t.Helper()
	doc, err := settings.Decode([]byte(raw))
	require.NoError(t, err)
	return doc
}

func TestContractDocumentIsRead(t *testing.T) {
	t.Parallel()
	doc := decode(t, contract)
	require.Empty(t, settings.Validate(doc, settings.Known{}))
	require.Equal(t, "C1:NEW", *doc.Telephony.FunnelsInbound[0].DealStage)
	again, err := json.Marshal(doc)
	require.NoError(t, err)
	require.Equal(t, doc, decode(t, string(again)), "what is written is read again")
}

// P3b: missing keys take their initial values: every switch off except "Synchronise all employees".
func TestP3bInitialValues(t *testing.T) {
	t.Parallel()
	require.Equal(t, settings.Initial(), decode(t, `{}`))
	require.Equal(t, settings.Initial(), decode(t, `{"main": null, "chats": {"template": null, "filter": null}}`), "null stands for the initial value")
	raw, err := json.Marshal(settings.Initial())
	require.NoError(t, err)
	on := strings.Count(string(raw), "true")
	require.Equal(t, 2, on, "sync_all and the operator's name in lines (design section 12)")
	require.Empty(t, settings.Validate(settings.Initial(), settings.Known{}))
}

// Every unknown key and every value of a wrong type is named by its pointer, all at once.
func TestDecodeNamesTheField(t *testing.T) {
	t.Parallel()
	rows := []struct{ raw, want string }{
		{`{"weather": 1}`, "/weather unknown"},
		{`{"main": {"enabled": "yes", "Portal": 1}}`, "/main/Portal unknown, /main/enabled type"},
		{`{"telephony": {"filter_inbound": [[{"param": "site", "op": "include", "value": ["1"]}]]}}`, "/telephony/filter_inbound/0/0/value unknown"},
		{`{"telephony": {"responsibles": [{"user": "14"}, null]}}`, "/telephony/responsibles/0/user type, /telephony/responsibles/1 type"},
		{`{"chats": {"channels": [20, 2.5]}}`, "/chats/channels/1 type"},
		{`{"lines": {"auto_close_min": {"a/b": "x"}}}`, "/lines/auto_close_min/a~1b type"},
		{`{"main": []}`, "/main type"},
		{`[]`, " type"},
		{`null`, " type"},
		{`{"main": {}`, " json"},
		{`{} {}`, " json"},
		{`{"version": 99999999999999999999}`, "/version type"},
	}
	for _, row := range rows {
		_, err := settings.Decode([]byte(row.raw))
		require.Equal(t, row.want, words(t, err), row.raw)
	}
}

func words(t *testing.T, err error) string {
	t.Helper()
	var wrong settings.FieldErrors
	if wrongs, ok := err.(settings.FieldErrors); ok {
		wrong = wrongs
	} else {
		require.NoError(t, err)
	}
	var parts []string
	for _, f := range wrong {
		parts = append(parts, f.Field+" "+f.Code)
	}
	return strings.Join(parts, ", ")
}

func ptr[T any](v T) *T { return &v }

var known = settings.Known{Portals: map[int64]bool{3: true}, Channels: map[int64]bool{20: true}, Numbers: map[string]bool{"74950000001": true},
	Lists: map[string]map[string]bool{"sites": {"1": true}, "uis-employees": {"5": true}},
	At: map[int64]settings.Choices{3: {Users: map[int64]bool{14: true}, Fields: map[string]bool{"lead:UF_CRM_1": true, "lead:UF_CRM_2": false, "deal:UF_CRM_1": true},
		LeadStages: map[string]bool{"NEW": true}, DealStages: map[int64]map[string]bool{0: {"NEW": true}, 1: {"C1:NEW": true}}}}}

// twoPortals is an account with a second portal, of which everything but the numbers is another.
func twoPortals() settings.Known {
	two := known
	two.Portals = map[int64]bool{3: true, 4: true}
	two.At = map[int64]settings.Choices{3: known.At[3], 4: {Users: map[int64]bool{1: true, 40: true}, LeadStages: map[string]bool{"OTHER": true}, Simple: true}}
	return two
}

// A section that chose a portal of its own is compared with that portal's stages and CRM mode, the others with the main one's.
func TestStagesOfTheSectionsPortal(t *testing.T) {
	t.Parallel()
	two := twoPortals()
	doc := right()
	doc.Telephony.Portal, doc.Telephony.Funnel = ptr(int64(4)), settings.Funnel{LeadStage: ptr("OTHER")}
	doc.Telephony.ResponsibleInbound, doc.Telephony.ResponsibleOutbound = ptr(int64(40)), ptr(int64(40))
	doc.Telephony.FunnelsInbound = nil
	require.Empty(t, settings.Validate(doc, two))
	doc.Telephony.Portal, doc.Telephony.ResponsibleInbound, doc.Telephony.ResponsibleOutbound = nil, ptr(int64(14)), ptr(int64(14))
	require.Equal(t, settings.FieldErrors{{Field: "/telephony/funnel/lead_stage", Code: "gone"}}, settings.Validate(doc, two))
	doc.Telephony.Funnel.LeadStage, doc.Requests.Portal, doc.Requests.First.Create = nil, ptr(int64(4)), []string{"lead", "deal"}
	require.Contains(t, settings.Validate(doc, two), settings.FieldError{Field: "/requests/first/create/0", Code: "no_leads"})
}

// R6, S3: people are those of the portal that the section works with; a number that means somebody else, or nobody, there is refused by its field.
func TestPeopleOfTheSectionsPortal(t *testing.T) {
	t.Parallel()
	two := twoPortals()
	rows := []struct {
		name   string
		change func(d *settings.Document)
		want   string
	}{
		{"the main portal's", func(*settings.Document) {}, ""},
		{"S3: the list is of the main portal", func(d *settings.Document) { d.Main.SyncAll, d.Main.SyncOnly = false, []int64{14, 40} }, "/main/sync_only/1 gone"},
		{"the other portal's, saved for the main one's", func(d *settings.Document) { d.Telephony.ResponsibleInbound = ptr(int64(40)) }, "/telephony/responsible_inbound gone"},
		{"a section of its own portal", func(d *settings.Document) {
			d.Chats.Portal, d.Chats.Responsible = ptr(int64(4)), ptr(int64(14))
			d.Chats.Responsibles = []settings.ResponsibleRule{{User: 40}, {User: 14}}
			d.Chats.First.Create, d.Chats.FunnelFirst = []string{"deal"}, settings.ChatFunnel{}
		}, "/chats/responsibles/1/user gone, /chats/responsible gone"},
		{"its own portal's", func(d *settings.Document) {
			d.Requests.Portal, d.Requests.Responsible = ptr(int64(4)), ptr(int64(40))
			d.Requests.First.Create, d.Requests.FunnelFirst = []string{"deal"}, settings.ChatFunnel{}
		}, ""},
		{"no portal chosen, and several: nobody knows yet", func(d *settings.Document) {
			d.Main, d.Telephony.ResponsibleInbound = settings.Initial().Main, ptr(int64(99))
		}, ""},
		{"a portal that is gone has nobody to compare with", func(d *settings.Document) { d.Chats.Portal, d.Chats.Responsible = ptr(int64(9)), ptr(int64(99)) }, "/chats/portal gone"},
	}
	for _, row := range rows {
		doc := right()
		row.change(&doc)
		require.Equal(t, row.want, words(t, settings.Validate(doc, two)), row.name)
	}
	doc := right()
	doc.Main, doc.Telephony.ResponsibleInbound = settings.Initial().Main, ptr(int64(99))
	require.Equal(t, "/telephony/responsible_inbound gone", words(t, settings.Validate(doc, known)), "no portal chosen, but there is only one")
	doc.Chats.Portal = ptr(int64(4))
	require.Equal(t, []int64{3, 4}, settings.PortalsOf(func() settings.Document { d := doc; d.Main.Portal = ptr(int64(3)); return d }(), two.Portals))
	require.Equal(t, []int64{4}, settings.PortalsOf(doc, two.Portals))
	require.Equal(t, []int64{3}, settings.PortalsOf(doc, known.Portals), "another account's portal is not looked at")
}

// right is a document with every section switched on and nothing wrong.
func right() settings.Document {
	doc := settings.Initial()
	doc.Main.Enabled, doc.Main.Portal = true, ptr(int64(3))
	tel := &doc.Telephony
	tel.Enabled, tel.ResponsibleInbound, tel.ResponsibleOutbound = true, ptr(int64(14)), ptr(int64(14))
	tel.Click, tel.Callback = settings.Click{On: true, Number: ptr("74950000001")}, settings.Callback{On: true, Number: ptr("74950000001")}
	tel.FunnelsInbound = []settings.FunnelRule{{LeadStage: ptr("NEW"), Pipeline: ptr(int64(1)), DealStage: ptr("C1:NEW")}}
	for _, c := range []*settings.Common{&doc.Chats.Common, &doc.Requests.Common} {
		c.Enabled, c.Responsible, c.CommentPriority = true, ptr(int64(14)), ptr("deals")
		c.First = settings.Creation{On: true, Create: []string{"lead", "deal", "activity"}}
		c.FunnelFirst = settings.ChatFunnel{On: true, LeadStage: ptr("NEW"), Pipeline: ptr(int64(0)), DealStage: ptr("NEW"),
			Rules: []settings.FunnelRule{{LeadStage: ptr("NEW"), Pipeline: ptr(int64(1)), DealStage: ptr("C1:NEW")}}}
	}
	doc.Chats.Create, doc.Chats.Channels = true, []int64{20}
	return doc
}

func TestValidate(t *testing.T) {
	t.Parallel()
	require.Empty(t, settings.Validate(right(), known))
	site := func(op rules.Op, values ...string) rules.Filter {
		return rules.Filter{{{Param: "site", Op: op, Values: values}}}
	}
	rows := []struct {
		name  string
		spoil func(d *settings.Document)
		want  string
	}{
		{"P3b: a portal for the main switch", func(d *settings.Document) { d.Main.Portal = nil }, "/main/portal required"},
		{"a portal that was removed", func(d *settings.Document) { d.Main.Portal = ptr(int64(9)) }, "/main/portal gone"},
		{"S3: a dismissed employee in the list", func(d *settings.Document) { d.Main.SyncAll, d.Main.SyncOnly = false, []int64{14, 15} }, "/main/sync_only/1 gone"},
		{"R6: default responsible, inbound", func(d *settings.Document) { d.Telephony.ResponsibleInbound = nil }, "/telephony/responsible_inbound required"},
		{"R6: default responsible, outbound", func(d *settings.Document) { d.Telephony.ResponsibleOutbound = ptr(int64(0)) }, "/telephony/responsible_outbound required"},
		{"T2: another telephony asks for nothing", func(d *settings.Document) {
			d.Telephony.OtherTelephony, d.Telephony.ResponsibleInbound, d.Telephony.Click.Number = true, nil, nil
		}, ""},
		{"section off asks for nothing", func(d *settings.Document) { d.Telephony = settings.Initial().Telephony }, ""},
		{"T9: talker", func(d *settings.Document) { d.Telephony.Talker = "loudest" }, "/telephony/talker choice"},
		{"T6: minutes", func(d *settings.Document) { d.Telephony.ResponsibleAfterMin = 7 }, "/telephony/responsible_after_min choice"},
		{"T10: number for click calls", func(d *settings.Document) { d.Telephony.Click.Number = nil }, "/telephony/click/number required"},
		{"T10: a number of somebody else", func(d *settings.Document) { d.Telephony.Click.Number = ptr("74950000009") }, "/telephony/click/number gone"},
		{"T10: off keeps what was there", func(d *settings.Document) { d.Telephony.Click = settings.Click{Number: nil} }, ""},
		{"T11: number with a plus", func(d *settings.Document) { d.Telephony.Callback.Number = ptr("+74950000001") }, "/telephony/callback/number digits"},
		{"R4: direction and entity", func(d *settings.Document) { d.Telephony.Templates = []settings.CallTemplate{{Entity: "tree"}} },
			"/telephony/templates/0/direction required, /telephony/templates/0/entity choice"},
		{"R4: unknown variable", func(d *settings.Document) {
			d.Telephony.Templates = []settings.CallTemplate{{Direction: "in", Entity: "lead", Text: "{{погода}}"}}
		}, "/telephony/templates/0/text variable"},
		{"R4: a chat's variable in a call's title", func(d *settings.Document) {
			d.Telephony.Templates = []settings.CallTemplate{{Direction: "in", Entity: "lead", Text: "{{chat_id}}"}}
		}, "/telephony/templates/0/text variable"},
		{"R4: 10,000 characters", func(d *settings.Document) { d.Chats.Template = strings.Repeat("я", 10_000) }, "/chats/template long"},
		{"R4: braces left open", func(d *settings.Document) { d.Chats.Template = "Чат {{name" }, "/chats/template unclosed"},
		{"R1: a half-filled row", func(d *settings.Document) { d.Telephony.FilterInbound = site("include") }, "/telephony/filter_inbound/0/0/values required"},
		{"R2: not at this place", func(d *settings.Document) { d.Telephony.FilterOutbound = site("include", "1") }, "/telephony/filter_outbound/0/0/param not_here"},
		{"R2: unknown", func(d *settings.Document) {
			d.Chats.Filter = rules.Filter{{{Param: "weather", Op: "include", Values: []string{"1"}}}}
		}, "/chats/filter/0/0/param parameter"},
		{"R2: exclude at responsible rules", func(d *settings.Document) {
			d.Telephony.Responsibles = []settings.ResponsibleRule{{Filter: site("exclude", "1"), User: 14}}
		}, "/telephony/responsibles/0/filter/0/0/op choice"},
		{"R6: a rule without a person", func(d *settings.Document) { d.Chats.Responsibles = []settings.ResponsibleRule{{}} }, "/chats/responsibles/0/user required"},
		{"R5: fields of a call rule", func(d *settings.Document) { d.Telephony.FunnelsOutbound = []settings.FunnelRule{{}} },
			"/telephony/funnels_outbound/0/lead_stage required, /telephony/funnels_outbound/0/pipeline required, /telephony/funnels_outbound/0/deal_stage required"},
		{"R5: a deleted stage", func(d *settings.Document) { d.Telephony.Funnel.LeadStage = ptr("GONE") }, "/telephony/funnel/lead_stage gone"},
		{"R5: a stage of another pipeline", func(d *settings.Document) { d.Chats.FunnelFirst.DealStage = ptr("C1:NEW") }, "/chats/funnel_first/deal_stage other_pipeline"},
		{"R5: a deleted pipeline", func(d *settings.Document) { d.Telephony.Funnel.Pipeline = ptr(int64(8)) }, "/telephony/funnel/pipeline gone, /telephony/funnel/deal_stage required"},
		{"R5: a stage without its pipeline", func(d *settings.Document) { d.Telephony.Funnel.DealStage = ptr("NEW") }, "/telephony/funnel/pipeline required"},
		{"R5: a pipeline without its stage", func(d *settings.Document) { d.Telephony.Funnel.Pipeline = ptr(int64(1)) }, "/telephony/funnel/deal_stage required"},
		{"R5: also while the section is off", func(d *settings.Document) {
			d.Telephony = settings.Initial().Telephony
			d.Telephony.Funnel.Pipeline, d.Telephony.Funnel.DealStage = ptr(int64(1)), ptr("")
		}, "/telephony/funnel/deal_stage required"},
		{"R5: a default of leads only", func(d *settings.Document) { d.Telephony.Funnel.LeadStage = ptr("NEW") }, ""},
		{"R5: a default of deals only", func(d *settings.Document) {
			d.Telephony.Funnel.Pipeline, d.Telephony.Funnel.DealStage = ptr(int64(1)), ptr("C1:NEW")
		}, ""},
		{"R7: both sides", func(d *settings.Document) { d.Lines.Fields = []settings.FieldMapping{{Entity: "lead"}} }, "/lines/fields/0/field required, /lines/fields/0/param required"},
		{"R7: a parameter of another kind", func(d *settings.Document) {
			d.Chats.Fields = []settings.FieldMapping{{Entity: "lead", Field: "UF_CRM_1", Param: "call_session_id"}}
		}, "/chats/fields/0/param variable"},
		{"R7: a field twice", func(d *settings.Document) {
			row := settings.FieldMapping{Entity: "lead", Field: "UF_CRM_1", Param: "utm_source"}
			d.Requests.FieldsOn, d.Requests.Fields = true, []settings.FieldMapping{row, row}
		}, "/requests/fields/1/field twice"},
		{"R7: fields the portal does not have", func(d *settings.Document) {
			d.Lines.Fields = []settings.FieldMapping{{Entity: "lead", Field: "UF_CRM_9", Param: "name"}, {Entity: "company", Field: "UF_CRM_1", Param: "name"}, {Entity: "lead", Field: "UF_CRM_2", Param: "name"}}
		}, "/lines/fields/0/field gone, /lines/fields/1/field gone"},
		{"R7: calls fill text fields only", func(d *settings.Document) {
			d.Telephony.Fields = []settings.FieldMapping{{Entity: "lead", Field: "UF_CRM_1", Param: "name"}, {Entity: "lead", Field: "UF_CRM_2", Param: "name"}}
		}, "/telephony/fields/1/field not_text"},
		{"R1: a site that does not exist", func(d *settings.Document) {
			d.Telephony.Templates = []settings.CallTemplate{{Direction: "in", Entity: "lead", Filter: site("include", "1", "9")}}
			d.Chats.Filter = site("exclude", "9")
		}, "/telephony/templates/0/filter/0/0/values/1 gone, /chats/filter/0/0/values/0 gone"},
		{"R1: what was not read is not compared, free texts never", func(d *settings.Document) {
			d.Chats.Filter = rules.Filter{{{Param: "campaign", Op: "include", Values: []string{"9"}}, {Param: "source", Op: "include", Values: []string{"9"}}}}
		}, ""},
		{"R3: a rule that stands above already", func(d *settings.Document) {
			other := rules.Filter{{{Param: "source", Op: "include", Values: []string{"b", "a"}}}, site("include", "1")[0]}
			same := rules.Filter{site("include", "1")[0], {{Param: "source", Op: "include", Values: []string{"a", "b"}}}}
			d.Telephony.Responsibles = []settings.ResponsibleRule{{Filter: other, User: 14}, {Filter: site("include", "1"), User: 14}, {Filter: same, User: 14}}
			d.Telephony.Templates = []settings.CallTemplate{{Direction: "in", Entity: "lead", Filter: same}, {Direction: "in", Entity: "deal", Filter: same}, {Direction: "in", Entity: "lead", Filter: other}}
			d.Chats.Responsibles = []settings.ResponsibleRule{{User: 14}, {User: 14}}
		}, "/telephony/templates/2/filter same_rule, /telephony/responsibles/2/filter same_rule"},
		{"C1: a channel that is gone", func(d *settings.Document) { d.Chats.Channels = []int64{20, 21} }, "/chats/channels/1 gone"},
		{"C2: default responsible", func(d *settings.Document) { d.Chats.Responsible = nil }, "/chats/responsible required"},
		{"C2: master switch off asks for nothing", func(d *settings.Document) { d.Chats.Create, d.Chats.Responsible = false, nil }, ""},
		{"C3: a lead or a deal", func(d *settings.Document) { d.Chats.First.Create = []string{"activity"} }, "/chats/first/create lead_or_deal"},
		{"C3: what cannot be created", func(d *settings.Document) { d.Requests.Repeat.Create = []string{"tree", "deal", "deal"} }, "/requests/repeat/create/0 choice, /requests/repeat/create/2 twice"},
		{"C4: priority when nothing is created", func(d *settings.Document) { d.Chats.CommentPriority = nil }, "/chats/comment_priority required"},
		{"C4: not when repeat creates", func(d *settings.Document) {
			d.Chats.CommentPriority, d.Chats.Repeat = nil, settings.Creation{On: true, Create: []string{"deal"}}
		}, ""},
		{"C5: active fields", func(d *settings.Document) { d.Chats.FunnelFirst.LeadStage = nil }, "/chats/funnel_first/lead_stage required"},
		{"C5: lead only asks for no pipeline", func(d *settings.Document) {
			d.Chats.First.Create, d.Chats.FunnelFirst = []string{"lead"}, settings.ChatFunnel{On: true, LeadStage: ptr("NEW")}
		}, ""},
		{"C5: half a deal", func(d *settings.Document) { d.Chats.FunnelFirst.DealStage = nil }, "/chats/funnel_first/deal_stage required"},
		{"C5: the same for rules", func(d *settings.Document) { d.Requests.FunnelFirst.Rules[0].Pipeline = nil }, "/requests/funnel_first/rules/0/pipeline required"},
		{"C5: half a deal in a section that is off", func(d *settings.Document) { d.Chats.Enabled, d.Chats.FunnelFirst.DealStage = false, nil },
			"/chats/funnel_first/deal_stage required"},
		{"C5: nothing in a section that is off", func(d *settings.Document) {
			d.Chats.Enabled, d.Chats.FunnelFirst = false, settings.ChatFunnel{On: true}
		}, ""},
		{"C5: fields that do not act keep what they had", func(d *settings.Document) {
			d.Chats.FunnelRepeat = settings.ChatFunnel{LeadStage: ptr("GONE"), Pipeline: ptr(int64(7)), Rules: []settings.FunnelRule{{DealStage: ptr("C7:X")}}}
			d.Requests.First.Create = []string{"deal"}
			d.Requests.FunnelFirst.LeadStage = ptr("GONE")
		}, ""},
		{"C6: create at", func(d *settings.Document) { d.Chats.CreateAt = "" }, "/chats/create_at required"},
		{"O12: automatic closing", func(d *settings.Document) { d.Lines.AutoCloseMin = map[string]int{"20": -1, "x": 5} }, "/lines/auto_close_min/20 range, /lines/auto_close_min/x gone"},
		{"O12: no minutes of a channel that is gone say nothing", func(d *settings.Document) { d.Lines.AutoCloseMin = map[string]int{"77": 0, "78": 5} }, "/lines/auto_close_min/78 gone"},
	}
	for _, row := range rows {
		doc := right()
		row.spoil(&doc)
		var err error = settings.FieldErrors(nil)
		if wrong := settings.Validate(doc, known); len(wrong) > 0 {
			err = wrong
		}
		require.Equal(t, row.want, words(t, err), row.name)
	}
}

// C3, C4: a CRM in simple mode has no leads: neither to create nor to put comments into. What is switched off stays as it was.
func TestNoLeadsInSimpleMode(t *testing.T) {
	t.Parallel()
	simple, has := known, known.At[3]
	has.Simple = true
	simple.At = map[int64]settings.Choices{3: has}
	rows := []struct {
		name   string
		change func(c *settings.Common)
		want   string
	}{
		{"C3: a lead", func(c *settings.Common) { c.First.Create = []string{"lead", "deal"} }, "/chats/first/create/0 no_leads"},
		{"C3: of a form that is off", func(c *settings.Common) { c.Repeat = settings.Creation{Create: []string{"lead"}} }, ""},
		{"C5: a lead's stage does not act", func(c *settings.Common) { c.FunnelFirst.LeadStage = nil }, ""},
		{"C4: to deals", func(*settings.Common) {}, ""},
		{"C4: to leads", func(c *settings.Common) { c.CommentPriority = ptr("leads") }, "/chats/comment_priority no_leads"},
		{"C4: to both", func(c *settings.Common) { c.CommentPriority = ptr("both") }, "/chats/comment_priority no_leads"},
		{"C4: to the moon", func(c *settings.Common) { c.CommentPriority = ptr("moon") }, "/chats/comment_priority choice"},
		{"C4: without effect", func(c *settings.Common) {
			c.CommentPriority, c.Repeat = ptr("leads"), settings.Creation{On: true, Create: []string{"deal"}}
		}, ""},
	}
	for _, row := range rows {
		doc := right()
		doc.Requests = settings.Initial().Requests
		doc.Chats.First.Create, doc.Chats.FunnelFirst.Rules = []string{"deal"}, nil
		row.change(&doc.Chats.Common)
		require.Equal(t, row.want, words(t, settings.Validate(doc, simple)), row.name)
		doc.Chats.Create = false
		if want := row.want; !strings.HasSuffix(want, "choice") {
			require.Empty(t, settings.Validate(doc, simple), "C2 off: %s", row.name)
		}
	}
}

// Every code that validation can answer has a sentence in every language.
func TestCodesHaveTexts(t *testing.T) {
	t.Parallel()
	texts, err := locales.Load()
	require.NoError(t, err)
	for _, code := range strings.Fields("required choice gone digits type unknown json long unclosed variable parameter not_here twice many range no_leads other_pipeline lead_or_deal not_text same_rule") {
		for _, lang := range texts.Languages() {
			require.True(t, texts.Has(lang, "field."+code), "%s: field.%s", lang, code)
		}
	}
}

// Whatever JSON arrives is read or refused by pointer, and what was read is written and read again unchanged.
func TestDecodeNeverGuesses(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(right())
	require.NoError(t, err)
	values := []string{`null`, `true`, `"x"`, `5`, `[]`, `{}`, `[[]]`, `{"x":1}`, `-1`, `1e400`}
	rapid.Check(t, func(t *rapid.T) {
		var tree map[string]any
		require.NoError(t, json.Unmarshal(raw, &tree))
		section := rapid.SampledFrom([]string{"main", "telephony", "chats", "requests", "lines"}).Draw(t, "section")
		inner := tree[section].(map[string]any)
		keys := make([]string, 0, len(inner))
		for k := range inner {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		key := rapid.SampledFrom(append(keys, "extra")).Draw(t, "key")
		inner[key] = json.RawMessage(rapid.SampledFrom(values).Draw(t, "value"))
		spoilt, err := json.Marshal(tree)
		if err != nil {
			return // 1e400 is no JSON number of Go's encoder
		}
		doc, err := settings.Decode(spoilt)
		if err != nil {
			wrong, ok := err.(settings.FieldErrors)
			require.True(t, ok)
			require.True(t, strings.HasPrefix(wrong[0].Field, fmt.Sprintf("/%s/%s", section, key)) || wrong[0].Code == "json", "%v", wrong)
			return
		}
		require.NotEqual(t, "extra", key)
		again, err := json.Marshal(doc)
		require.NoError(t, err)
		second, err := settings.Decode(again)
		require.NoError(t, err)
		require.Equal(t, doc, second)
	})
}
