package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"omni/server/rules"
)

// FieldError is one wrong field: a JSON pointer and a code; the sentence is locales' field.<code>.
type FieldError struct {
	Field string
	Code  string
}

// FieldErrors are all wrong fields of a document.
type FieldErrors []FieldError

// Error implements error.
func (e FieldErrors) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + ": " + f.Code
	}
	return "wrong settings: " + strings.Join(parts, ", ")
}

// maxRules is how many rules a list may have.
const maxRules = 500

// maxAutoClose is the longest time to automatic closing: a week, in minutes.
const maxAutoClose = 7 * 24 * 60

// Validate checks a document: mandatory fields of switched-on sections, choices, dependencies, filters and templates, and references to things that
// exist (P3b, R1–R7, T2–T12, C2–C12, O9): people, pipelines and stages in the portal that the section works with.
func Validate(doc Document, known Known) FieldErrors {
	v := &validator{known: known}
	v.portal("/main/portal", doc.Main.Portal, doc.Main.Enabled)
	at := func(own *int64) { v.here = known.of(doc, own) }
	at(nil)
	for i, user := range doc.Main.SyncOnly { // S3: with everybody synchronised the list says nothing, and its page hides it
		v.user(fmt.Sprintf("/main/sync_only/%d", i), &user, use{acts: !doc.Main.SyncAll})
	}
	at(doc.Telephony.Portal)
	v.telephony(doc.Telephony)
	at(doc.Chats.Portal)
	v.common("/chats", doc.Chats.Common, doc.Chats.Create, chatPlaces)
	v.choice("/chats/create_at", doc.Chats.CreateAt, creationMoments)
	for i, c := range doc.Chats.Channels {
		if v.known.Channels != nil && !v.known.Channels[c] {
			v.wrong(fmt.Sprintf("/chats/channels/%d", i), "gone")
		}
	}
	at(doc.Requests.Portal)
	v.common("/requests", doc.Requests.Common, true, requestPlaces)
	at(doc.Lines.Portal)
	v.lines(doc.Lines)
	return v.errors
}

// places are where the conditions of a section of chats or requests stand.
type places struct {
	kind                        rules.Kind
	filter, funnel, responsible rules.Place
}

var (
	chatPlaces    = places{rules.Chat, rules.ChatFilter, rules.ChatFunnel, rules.ChatResponsible}
	requestPlaces = places{rules.Request, rules.RequestFilter, rules.RequestFunnel, rules.RequestResponsible}
)

type validator struct {
	known Known
	// here is what the portal of the section has that is being looked at.
	here   Choices
	errors FieldErrors
}

// telephony: with "use another telephony" on only the extra fields act, so nothing else is mandatory, and its page disables the Main tab (T2).
func (v *validator) telephony(t Telephony) {
	shown := !t.OtherTelephony
	active := t.Enabled && shown
	v.portal("/telephony/portal", t.Portal, false)
	v.choice("/telephony/talker", t.Talker, talkers)
	if !slices.Contains(laterMinutes, t.ResponsibleAfterMin) {
		v.wrong("/telephony/responsible_after_min", "choice")
	}
	v.filter("/telephony/filter_inbound", t.FilterInbound, rules.InboundFilter, shown && t.FilterOn)
	v.filter("/telephony/filter_outbound", t.FilterOutbound, rules.OutboundFilter, shown && t.FilterOn)
	v.number("/telephony/click/number", t.Click.Number, use{acts: shown && t.Click.On, must: active})
	v.number("/telephony/callback/number", t.Callback.Number, use{acts: shown && t.Callback.On, must: active})
	v.templates("/telephony/templates", t.Templates)
	v.stages("/telephony/funnel", acting{lead: !v.here.Simple, deal: true}, t.Funnel.LeadStage, t.Funnel.Pipeline, t.Funnel.DealStage)
	v.callFunnels("/telephony/funnels_inbound", t.FunnelsInbound)
	v.callFunnels("/telephony/funnels_outbound", t.FunnelsOutbound)
	v.user("/telephony/responsible_inbound", t.ResponsibleInbound, use{acts: true, must: active})
	v.user("/telephony/responsible_outbound", t.ResponsibleOutbound, use{acts: true, must: active})
	v.responsibles("/telephony/responsibles", t.Responsibles, rules.CallResponsible, true)
	v.fields("/telephony/fields", t.Fields, rules.Call, true)
}

func (v *validator) templates(at string, list []CallTemplate) {
	v.many(at, len(list))
	for i, template := range list {
		row := fmt.Sprintf("%s/%d", at, i)
		v.choice(row+"/direction", template.Direction, directions)
		v.choice(row+"/entity", template.Entity, entities)
		v.filter(row+"/filter", template.Filter, rules.CallTitle, true)
		v.template(row+"/text", template.Text, rules.Call)
	}
	v.repeated(at, len(list), func(i int) (string, rules.Filter) { return list[i].Direction + " " + list[i].Entity, list[i].Filter })
}

// callFunnels: in a rule all active fields are mandatory (R5); without leads in the CRM there is no lead stage to give.
func (v *validator) callFunnels(at string, list []FunnelRule) {
	v.many(at, len(list))
	for i, r := range list {
		row := fmt.Sprintf("%s/%d", at, i)
		v.filter(row+"/filter", r.Filter, rules.CallFunnel, true)
		v.stages(row, acting{lead: !v.here.Simple, deal: true, must: true}, r.LeadStage, r.Pipeline, r.DealStage)
	}
	v.repeated(at, len(list), func(i int) (string, rules.Filter) { return "", list[i].Filter })
}

// common is what chats and requests share. creates: its entities are switched on.
func (v *validator) common(at string, c Common, creates bool, p places) {
	v.portal(at+"/portal", c.Portal, false)
	v.created(at+"/first/create", c.First, creates)
	v.created(at+"/repeat/create", c.Repeat, creates)
	v.priority(at+"/comment_priority", c, creates)
	v.filter(at+"/filter", c.Filter, p.filter, true)
	v.template(at+"/template", c.Template, p.kind)
	v.responsibles(at+"/responsibles", c.Responsibles, p.responsible, creates)
	v.fields(at+"/fields", c.Fields, p.kind, c.FieldsOn)
	active := c.Enabled && creates
	v.user(at+"/responsible", c.Responsible, use{acts: creates, must: active})
	v.funnel(at+"/funnel_first", c.FunnelFirst, v.acts(c.FunnelFirst, c.First, creates, active), p.funnel)
	v.funnel(at+"/funnel_repeat", c.FunnelRepeat, v.acts(c.FunnelRepeat, c.Repeat, creates, active), p.funnel)
	if !active {
		return
	}
	if c.First.On && !slices.Contains(c.First.Create, "lead") && !slices.Contains(c.First.Create, "deal") {
		v.wrong(at+"/first/create", "lead_or_deal")
	}
}

// priority says something only while a repeat communication makes no lead or deal of its own (C4).
func (v *validator) priority(field string, c Common, creates bool) {
	repeatCreates := c.Repeat.On && (slices.Contains(c.Repeat.Create, "lead") || slices.Contains(c.Repeat.Create, "deal"))
	acts := creates && !repeatCreates
	switch {
	case c.CommentPriority == nil:
		if acts && c.Enabled {
			v.wrong(field, "required")
		}
	case acts && v.here.Simple && (*c.CommentPriority == "leads" || *c.CommentPriority == "both"):
		v.wrong(field, "no_leads")
	default:
		v.choice(field, *c.CommentPriority, commentTargets)
	}
}

// created: a CRM without leads is offered none. Where nothing is created a lead stays as it was: its page shows it disabled, nobody could take it out.
func (v *validator) created(field string, c Creation, creates bool) {
	for i, e := range c.Create {
		at := fmt.Sprintf("%s/%d", field, i)
		switch {
		case !slices.Contains(created, e):
			v.wrong(at, "choice")
		case slices.Contains(c.Create[:i], e):
			v.wrong(at, "twice")
		case e == "lead" && v.here.Simple && creates && c.On:
			v.wrong(at, "no_leads")
		}
	}
}

// acting says which fields of a funnel and whether its rules act, and whether the fields that do must be filled. One that does not act is not looked at: its page shows it disabled and
// keeps its value, nobody could mend it.
type acting struct{ lead, deal, rules, must bool }

// acts: the fields of a form of chats or requests follow from what its form of C3 creates (C5).
func (v *validator) acts(f ChatFunnel, c Creation, creates, active bool) acting {
	on := creates && f.On && c.On
	return acting{lead: on && !v.here.Simple && slices.Contains(c.Create, "lead"), deal: on && slices.Contains(c.Create, "deal"), rules: creates && f.On, must: active}
}

func (v *validator) funnel(at string, f ChatFunnel, acts acting, place rules.Place) {
	v.stages(at, acts, f.LeadStage, f.Pipeline, f.DealStage)
	v.many(at+"/rules", len(f.Rules))
	for i, r := range f.Rules {
		row := fmt.Sprintf("%s/rules/%d", at, i)
		v.filter(row+"/filter", r.Filter, place, acts.rules)
		v.stages(row, acts, r.LeadStage, r.Pipeline, r.DealStage)
	}
	if acts.rules {
		v.repeated(at+"/rules", len(f.Rules), func(i int) (string, rules.Filter) { return "", f.Rules[i].Filter })
	}
}

func empty(s *string) bool { return s == nil || *s == "" }

// stages looks at the fields of one funnel. A pipeline and its stage are given together or not at all: half of it would leave the other half to
// chance (R5). Bitrix24 names the stages of pipeline n "Cn:…", those of the first pipeline (0) without a prefix (docs: crm.status.list, ENTITY_ID
// DEAL_STAGE_{id}).
func (v *validator) stages(at string, acts acting, lead *string, pipeline *int64, deal *string) {
	switch {
	case !acts.lead:
	case empty(lead):
		v.missing(at+"/lead_stage", acts.must)
	case v.here.LeadStages != nil && !v.here.LeadStages[*lead]:
		v.wrong(at+"/lead_stage", "gone")
	}
	if !acts.deal {
		return
	}
	switch {
	case pipeline == nil:
		v.missing(at+"/pipeline", acts.must || !empty(deal))
	case *pipeline < 0, v.here.DealStages != nil && v.here.DealStages[*pipeline] == nil:
		v.wrong(at+"/pipeline", "gone")
	}
	switch {
	case empty(deal):
		v.missing(at+"/deal_stage", acts.must || pipeline != nil)
	case pipeline == nil:
	case pipelineOf(*deal) != *pipeline:
		v.wrong(at+"/deal_stage", "other_pipeline")
	case v.here.DealStages[*pipeline] != nil && !v.here.DealStages[*pipeline][*deal]:
		v.wrong(at+"/deal_stage", "gone")
	}
}

func pipelineOf(stage string) int64 {
	prefix, _, found := strings.Cut(stage, ":")
	if !found || !strings.HasPrefix(prefix, "C") {
		return 0
	}
	n, err := strconv.ParseInt(prefix[1:], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
