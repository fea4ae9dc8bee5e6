package why

import (
	"slices"
	"strings"
)

// Advice is what helps against a trouble, in words, and where on the cabinet's pages it is done.
type Advice struct {
	Code string
	Text string
	// Place is a field of the settings (/chats/filter) or a section (operations); empty: nowhere.
	Place string
}

// Troubles is what advice follows from.
type Troubles struct {
	Kind Kind
	// Direction of a call: in, out.
	Direction string
	// Reasons are the codes noted, oldest first; Signs what the engine sees.
	Reasons, Signs []string
	// Tied: there are entities, so that nobody asks why there are none.
	Tied   bool
	Failed Failed
	// Checking counts commands whose fate is being looked into.
	Checking int
}

// cure is one line of the table of advice.
type cure struct {
	// on is a reason or a sign.
	on, advice, place string
	// nothing: it explains why there are no entities, and is idle once there are some.
	nothing bool
}

// cures are what helps against what (C13a, T15), most important first. {section} is the settings section of the kind, {direction} inbound or outbound. A further engine adds its lines here
// and the sentences advice.{code} to the texts.
var cures = []cure{
	{"settings.main_off", "main_off", "/main/enabled", true},
	{"settings.chats_off", "section_off", "/{section}/enabled", true},
	{"settings.requests_off", "section_off", "/{section}/enabled", true},
	{"settings.telephony_off", "section_off", "/{section}/enabled", true},
	{"call.other_telephony", "other_telephony", "/telephony/other_telephony", true},
	{"call.filtered_out", "call_filtered_out", "/telephony/filter_{direction}", true},
	{"call.filter_needs_answer", "needs_answer", "/telephony/filter_inbound", true},
	{"call.nobody", "no_responsible", "/telephony/responsible_{direction}", false},
	{"call.stand_in", "no_responsible", "/telephony/responsible_{direction}", false},
	{"crm.call_create_off", "call_create_off", "/telephony/create_{direction}", false},
	{"crm.call_only_closed", "repeat_sales", "", false},
	{"settings.create_off", "create_off", "/{section}/create", true},
	{"settings.no_portal", "no_portal", "/main/portal", true},
	{"settings.channel_not_chosen", "channel_not_chosen", "/{section}/channels", true},
	{"settings.filtered_out", "filtered_out", "/{section}/filter", true},
	{"crm.no_contact_data", "no_contact_data", "/{section}/without_contacts", true},
	{"crm.first_off", "first_off", "/{section}/first", true},
	{"crm.picture_not_read", "not_read", "operations", true},
	{"at_end", "at_end", "/{section}/create_at", true},
	{"asked", "asked", "operations", true},
	{"crm.not_created", "not_created", "operations", false},
	{"no_responsible", "no_responsible", "/{section}/responsible", false},
	{"crm.comment_not_written", "not_written", "", false},
	{"messages_pending", "messages_pending", "", false},
	{"crm.repeat_joins", "repeat_joins", "/{section}/repeat", false},
	{"crm.without_contacts", "without_contacts", "/{section}/without_contacts", false},
	{"led_by_one", "led_by_one", "employees", false},
	{"no_employees", "no_employees", "employees", false},
	{"users_empty", "users_empty", "employees", false},
	{"funnels_empty", "funnels_empty", "/main/portal", false},
	{"recording_awaited", "recording_awaited", "", false},
	{"recording_coming", "recording_coming", "", false},
	{"recording_waiting", "recording_waiting", "", false},
}

// sections name the kinds in the settings.
var sections = map[Kind]string{Call: "telephony", Chat: "chats", Request: "requests"}

// directions name those of calls in the settings.
var directions = map[string]string{"": "inbound", "in": "inbound", "out": "outbound"}

// Advise tells by codes what helps. It reads nothing but its argument.
func Advise(t Troubles) []Advice {
	var out []Advice
	noted := map[string]bool{}
	for _, code := range append(append([]string{}, t.Reasons...), t.Signs...) {
		noted[code] = true
	}
	if t.Failed.Commands+t.Failed.Rows > 0 {
		out = append(out, Advice{Code: "failed", Place: "operations"})
	}
	if t.Checking > 0 {
		out = append(out, Advice{Code: "checking", Place: "operations"})
	}
	for _, c := range cures {
		if noted[c.on] && !(c.nothing && t.Tied) && !slices.ContainsFunc(out, func(a Advice) bool { return a.Code == c.advice }) {
			out = append(out, Advice{Code: c.advice, Place: strings.NewReplacer("{section}", sections[t.Kind], "{direction}", directions[t.Direction]).Replace(c.place)})
		}
	}
	return out
}

// AdviceCodes are all codes that Advise may answer.
func AdviceCodes() []string {
	codes := []string{"failed", "checking"}
	for _, c := range cures {
		codes = append(codes, c.advice)
	}
	return codes
}

// advice finds the words for what helps.
func (r *Room) advice(lang string, kind Kind, t *Told) []Advice {
	troubles := Troubles{Kind: kind, Direction: t.Direction, Signs: t.Signs, Tied: len(t.Entities) > 0, Failed: t.Failed}
	for _, why := range t.Reasons {
		troubles.Reasons = append(troubles.Reasons, why.Code)
	}
	for _, c := range t.Commands {
		if c.State == "unclear" {
			troubles.Checking++
		}
	}
	list := Advise(troubles)
	for i := range list {
		list[i].Text = r.Texts.Text(lang, "advice."+list[i].Code)
	}
	return list
}
