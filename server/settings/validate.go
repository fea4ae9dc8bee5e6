package settings

import (
	"fmt"
	"maps"
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
	at := func(own *int64) { v.here = known.of(own, doc.Main.Portal) }
	at(nil)
	for i, user := range doc.Main.SyncOnly {
		v.user(fmt.Sprintf("/main/sync_only/%d", i), &user, false)
	}
	at(doc.Telephony.Portal)
	v.telephony(doc.Telephony)
	at(doc.Chats.Portal)
	v.common("/chats", doc.Chats.Common, doc.Chats.Create, chatPlaces)
	v.choice("/chats/create_at", doc.Chats.CreateAt, "start", "end")
	for i, c := range doc.Chats.Channels {
		if v.known.Channels != nil && !v.known.Channels[c] {
			v.wrong(fmt.Sprintf("/chats/channels/%d", i), "gone")
		}
	}
	at(doc.Requests.Portal)
	v.common("/requests", doc.Requests.Common, true, requestPlaces)
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

func (v *validator) wrong(field, code string) { v.errors = append(v.errors, FieldError{field, code}) }

func (v *validator) choice(field, value string, choices ...string) {
	switch {
	case value == "":
		v.wrong(field, "required")
	case !slices.Contains(choices, value):
		v.wrong(field, "choice")
	}
}

func (v *validator) portal(field string, id *int64, required bool) {
	switch {
	case id == nil && required:
		v.wrong(field, "required")
	case id != nil && v.known.Portals != nil && !v.known.Portals[*id]:
		v.wrong(field, "gone")
	}
}

func (v *validator) user(field string, id *int64, required bool) {
	switch {
	case id == nil || *id == 0:
		if required {
			v.wrong(field, "required")
		}
	case *id < 0, v.here.Users != nil && !v.here.Users[*id]:
		v.wrong(field, "gone")
	}
}

func (v *validator) number(field string, number *string, required bool) {
	switch {
	case number == nil || *number == "":
		if required {
			v.wrong(field, "required")
		}
	case strings.Trim(*number, "0123456789") != "":
		v.wrong(field, "digits")
	case v.known.Numbers != nil && !v.known.Numbers[*number]:
		v.wrong(field, "gone")
	}
}

// telephony: with "use another telephony" on only the extra fields act, so nothing else is mandatory (T2).
func (v *validator) telephony(t Telephony) {
	active := t.Enabled && !t.OtherTelephony
	v.portal("/telephony/portal", t.Portal, false)
	v.choice("/telephony/talker", t.Talker, "first", "last")
	if !slices.Contains([]int{5, 10, 15, 20, 25}, t.ResponsibleAfterMin) {
		v.wrong("/telephony/responsible_after_min", "choice")
	}
	v.filter("/telephony/filter_inbound", t.FilterInbound, rules.InboundFilter)
	v.filter("/telephony/filter_outbound", t.FilterOutbound, rules.OutboundFilter)
	v.number("/telephony/click/number", t.Click.Number, active && t.Click.On)
	v.number("/telephony/callback/number", t.Callback.Number, active && t.Callback.On)
	v.many("/telephony/templates", len(t.Templates))
	for i, template := range t.Templates {
		at := fmt.Sprintf("/telephony/templates/%d", i)
		v.choice(at+"/direction", template.Direction, "in", "out")
		v.choice(at+"/entity", template.Entity, "lead", "deal", "contact", "company")
		v.filter(at+"/filter", template.Filter, rules.CallTitle)
		v.template(at+"/text", template.Text, rules.Call)
	}
	v.stages("/telephony/funnel", acting{lead: !v.here.Simple, deal: true}, t.Funnel.LeadStage, t.Funnel.Pipeline, t.Funnel.DealStage)
	v.callFunnels("/telephony/funnels_inbound", t.FunnelsInbound)
	v.callFunnels("/telephony/funnels_outbound", t.FunnelsOutbound)
	v.user("/telephony/responsible_inbound", t.ResponsibleInbound, active)
	v.user("/telephony/responsible_outbound", t.ResponsibleOutbound, active)
	v.responsibles("/telephony/responsibles", t.Responsibles, rules.CallResponsible)
	v.fields("/telephony/fields", t.Fields, rules.Call)
}

// callFunnels: in a rule all active fields are mandatory (R5); without leads in the CRM there is no lead stage to give.
func (v *validator) callFunnels(at string, list []FunnelRule) {
	v.many(at, len(list))
	for i, r := range list {
		row := fmt.Sprintf("%s/%d", at, i)
		v.filter(row+"/filter", r.Filter, rules.CallFunnel)
		v.stages(row, acting{lead: !v.here.Simple, deal: true, must: true}, r.LeadStage, r.Pipeline, r.DealStage)
	}
}

// common is what chats and requests share. creates: its entities are switched on.
func (v *validator) common(at string, c Common, creates bool, p places) {
	v.portal(at+"/portal", c.Portal, false)
	v.created(at+"/first/create", c.First, creates)
	v.created(at+"/repeat/create", c.Repeat, creates)
	v.priority(at+"/comment_priority", c, creates)
	v.filter(at+"/filter", c.Filter, p.filter)
	v.template(at+"/template", c.Template, p.kind)
	v.responsibles(at+"/responsibles", c.Responsibles, p.responsible)
	v.fields(at+"/fields", c.Fields, p.kind)
	active := c.Enabled && creates
	v.user(at+"/responsible", c.Responsible, active)
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
		v.choice(field, *c.CommentPriority, "deals", "leads", "both")
	}
}

// created: a CRM without leads is offered none. Where nothing is created a lead stays as it was: its page shows it disabled, nobody could take it out.
func (v *validator) created(field string, c Creation, creates bool) {
	for i, e := range c.Create {
		at := fmt.Sprintf("%s/%d", field, i)
		switch {
		case !slices.Contains([]string{"lead", "deal", "activity"}, e):
			v.wrong(at, "choice")
		case slices.Contains(c.Create[:i], e):
			v.wrong(at, "twice")
		case e == "lead" && v.here.Simple && creates && c.On:
			v.wrong(at, "no_leads")
		}
	}
}

// acting says which fields of a funnel act, and whether those must be filled. One that does not act is not looked at: its page shows it disabled and
// keeps its value, nobody could mend it.
type acting struct{ lead, deal, must bool }

// acts: the fields of a form of chats or requests follow from what its form of C3 creates (C5).
func (v *validator) acts(f ChatFunnel, c Creation, creates, active bool) acting {
	on := creates && f.On && c.On
	return acting{lead: on && !v.here.Simple && slices.Contains(c.Create, "lead"), deal: on && slices.Contains(c.Create, "deal"), must: active}
}

func (v *validator) funnel(at string, f ChatFunnel, acts acting, place rules.Place) {
	v.stages(at, acts, f.LeadStage, f.Pipeline, f.DealStage)
	v.many(at+"/rules", len(f.Rules))
	for i, r := range f.Rules {
		row := fmt.Sprintf("%s/rules/%d", at, i)
		v.filter(row+"/filter", r.Filter, place)
		v.stages(row, acts, r.LeadStage, r.Pipeline, r.DealStage)
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

func (v *validator) missing(field string, mandatory bool) {
	if mandatory {
		v.wrong(field, "required")
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

func (v *validator) responsibles(at string, list []ResponsibleRule, place rules.Place) {
	v.many(at, len(list))
	for i, r := range list {
		row := fmt.Sprintf("%s/%d", at, i)
		v.filter(row+"/filter", r.Filter, place)
		v.user(row+"/user", &r.User, true)
	}
}

// fields: both sides of a row are mandatory (R7); a parameter must be one that this kind of communication can have.
func (v *validator) fields(at string, list []FieldMapping, kind rules.Kind) {
	v.many(at, len(list))
	known := map[string]bool{}
	for _, variable := range rules.VariablesOf(kind) {
		known[variable.Name] = true
	}
	for i, f := range list {
		row := fmt.Sprintf("%s/%d", at, i)
		v.choice(row+"/entity", f.Entity, "lead", "deal", "contact", "company")
		if f.Field == "" {
			v.wrong(row+"/field", "required")
		}
		switch {
		case f.Param == "":
			v.wrong(row+"/param", "required")
		case !known[f.Param]:
			v.wrong(row+"/param", "variable")
		case slices.ContainsFunc(list[:i], func(o FieldMapping) bool { return o.Entity == f.Entity && o.Field == f.Field && f.Field != "" }):
			v.wrong(row+"/field", "twice")
		}
	}
}

func (v *validator) lines(l Lines) {
	v.portal("/lines/portal", l.Portal, false)
	v.fields("/lines/fields", l.Fields, rules.Line)
	for _, channel := range slices.Sorted(maps.Keys(l.AutoCloseMin)) {
		at := "/lines/auto_close_min/" + escape(channel)
		if id, err := strconv.ParseInt(channel, 10, 64); err != nil || id <= 0 || v.known.Channels != nil && !v.known.Channels[id] {
			v.wrong(at, "gone")
		}
		if minutes := l.AutoCloseMin[channel]; minutes < 0 || minutes > maxAutoClose {
			v.wrong(at, "range")
		}
	}
}

func (v *validator) many(at string, n int) {
	if n > maxRules {
		v.wrong(at, "many")
	}
}

func (v *validator) filter(at string, f rules.Filter, place rules.Place) {
	for _, w := range rules.Check(f, place) {
		field := fmt.Sprintf("%s/%d", at, w.Group)
		if w.Field != "" {
			field = fmt.Sprintf("%s/%d/%s", field, w.Row, w.Field)
		}
		if w.Value >= 0 {
			field = fmt.Sprintf("%s/%d", field, w.Value)
		}
		code := w.Code
		if code == "unknown" {
			code = "parameter"
		}
		v.wrong(field, code)
	}
}

// template names its first fault; the page checks the text as it is typed and shows all of them.
func (v *validator) template(at, text string, kind rules.Kind) {
	if faults := rules.CheckTemplate(text, kind); len(faults) > 0 {
		code := faults[0].Code
		if code == "unknown" || code == "not_here" || code == "empty" {
			code = "variable"
		}
		v.wrong(at, code)
	}
}
