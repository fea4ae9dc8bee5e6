package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"omni/server/rules"
)

// FieldError is one wrong field: a JSON pointer and a code; the sentence is locales' settings.error.<code>.
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

// decodeError turns a decoder's error into that of a field.
func decodeError(err error) FieldErrors {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return FieldErrors{{Field: "/" + strings.ReplaceAll(wrong.Field, ".", "/"), Code: "type"}}
	}
	if name, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
		return FieldErrors{{Field: "/" + strings.Trim(name, `"`), Code: "unknown"}}
	}
	return FieldErrors{{Field: "", Code: "json"}}
}

// Known is what the directories hold, as far as validation looks at it. A nil set is not checked: an empty or unread directory never makes a document wrong.
type Known struct {
	Portals  map[int64]bool
	Channels map[int64]bool
	Users    map[int64]bool
}

// maxTemplate is the longest template in characters.
const maxTemplate = 1000

// Validate checks a document: fields with an asterisk of switched-on sections, choices, and references to things that exist (P3b, C2–C6).
func Validate(doc Document, known Known) FieldErrors {
	v := &validator{known: known}
	v.portal("/main/portal", doc.Main.Portal, doc.Main.Enabled)
	v.choice("/telephony/talker", doc.Telephony.Talker, "first", "last")
	if !slices.Contains([]int{5, 10, 15, 20, 25}, doc.Telephony.ResponsibleAfterMin) {
		v.wrong("/telephony/responsible_after_min", "choice")
	}
	v.portal("/telephony/portal", doc.Telephony.Portal, false)
	v.portal("/lines/portal", doc.Lines.Portal, false)
	v.common("/chats", doc.Chats.Common, doc.Chats.Create)
	v.choice("/chats/create_at", doc.Chats.CreateAt, "start", "end")
	for i, c := range doc.Chats.Channels {
		if v.known.Channels != nil && !v.known.Channels[c] {
			v.wrong(fmt.Sprintf("/chats/channels/%d", i), "gone")
		}
	}
	v.common("/requests", doc.Requests.Common, true)
	v.filter("/telephony/filter_inbound", doc.Telephony.FilterInbound)
	v.filter("/telephony/filter_outbound", doc.Telephony.FilterOutbound)
	return v.errors
}

type validator struct {
	known  Known
	errors FieldErrors
}

func (v *validator) wrong(field, code string) { v.errors = append(v.errors, FieldError{field, code}) }

func (v *validator) choice(field, value string, choices ...string) {
	if !slices.Contains(choices, value) {
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

// common is what chats and requests share. creates: its entities are switched on.
func (v *validator) common(at string, c Common, creates bool) {
	v.portal(at+"/portal", c.Portal, false)
	v.created(at+"/first/create", c.First.Create)
	v.created(at+"/repeat/create", c.Repeat.Create)
	if c.CommentPriority != nil {
		v.choice(at+"/comment_priority", *c.CommentPriority, "deals", "leads", "both")
	}
	v.filter(at+"/filter", c.Filter)
	if len([]rune(c.Template)) > maxTemplate {
		v.wrong(at+"/template", "long")
	}
	for i, r := range c.Responsibles {
		v.filter(fmt.Sprintf("%s/responsibles/%d/filter", at, i), r.Filter)
	}
	if !c.Enabled || !creates {
		return
	}
	switch {
	case c.Responsible == nil:
		v.wrong(at+"/responsible", "required")
	case v.known.Users != nil && !v.known.Users[*c.Responsible]:
		v.wrong(at+"/responsible", "gone")
	}
	if c.First.On && !slices.Contains(c.First.Create, "lead") && !slices.Contains(c.First.Create, "deal") {
		v.wrong(at+"/first/create", "lead_or_deal")
	}
	repeatCreates := c.Repeat.On && (slices.Contains(c.Repeat.Create, "lead") || slices.Contains(c.Repeat.Create, "deal"))
	if !repeatCreates && c.CommentPriority == nil {
		v.wrong(at+"/comment_priority", "required")
	}
	v.funnel(at+"/funnel_first", c.FunnelFirst, c.First)
	v.funnel(at+"/funnel_repeat", c.FunnelRepeat, c.Repeat)
}

func (v *validator) created(field string, list []string) {
	for i, e := range list {
		if !slices.Contains([]string{"lead", "deal", "activity"}, e) {
			v.wrong(fmt.Sprintf("%s/%d", field, i), "choice")
		}
	}
}

// funnel: active fields are mandatory by what its form creates (C5).
func (v *validator) funnel(at string, f ChatFunnel, c Creation) {
	if !f.On || !c.On {
		return
	}
	v.stages(at, c, f.LeadStage, f.Pipeline, f.DealStage)
	for i, r := range f.Rules {
		v.filter(fmt.Sprintf("%s/rules/%d/filter", at, i), r.Filter)
		v.stages(fmt.Sprintf("%s/rules/%d", at, i), c, r.LeadStage, r.Pipeline, r.DealStage)
	}
}

func (v *validator) stages(at string, c Creation, lead *string, pipeline *int64, deal *string) {
	if slices.Contains(c.Create, "lead") && lead == nil {
		v.wrong(at+"/lead_stage", "required")
	}
	if slices.Contains(c.Create, "deal") {
		if pipeline == nil {
			v.wrong(at+"/pipeline", "required")
		}
		if deal == nil {
			v.wrong(at+"/deal_stage", "required")
		}
	}
}

func (v *validator) filter(at string, f rules.Filter) {
	for g, group := range f {
		for i, c := range group {
			field := fmt.Sprintf("%s/%d/%d", at, g, i)
			switch {
			case c.Param == "":
				v.wrong(field+"/param", "required")
			case c.Op != rules.Include && c.Op != rules.Exclude:
				v.wrong(field+"/op", "choice")
			case len(c.Values) == 0:
				v.wrong(field+"/values", "required")
			}
		}
	}
}
