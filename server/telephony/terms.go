package telephony

import (
	"slices"
	"strconv"
	"strings"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/rules"
	"omni/server/settings"
)

// passage says whether the settings let a call into Bitrix24.
type passage int

const (
	refused passage = iota
	// waits: a condition asks what is known only once an employee has answered (T8a).
	waits
	passes
	// watches: another telephony registers it, and this one only updates (T2).
	watches
)

// portalOf is the portal of telephony; 0: none is chosen.
func portalOf(doc settings.Document) ids.PortalID { return doc.PortalOf(doc.Telephony.Portal) }

// Where is the portal that calls go to; 0: telephony is off, or no portal is chosen (P3a).
func Where(doc settings.Document) ids.PortalID {
	if !doc.Main.Enabled || !doc.Telephony.Enabled {
		return 0
	}
	return portalOf(doc)
}

// pass judges a call that is known (T2, T8, T8a, P3a). It is pure.
func pass(doc settings.Document, f *Facts, params rules.Params) (passage, crm.Reason) {
	t := doc.Telephony
	why := func(code string, args map[string]any) (passage, crm.Reason) {
		return refused, crm.Reason{Code: code, Args: args}
	}
	switch {
	case !doc.Main.Enabled:
		return why("settings.main_off", nil)
	case !t.Enabled:
		return why("settings.telephony_off", nil)
	case portalOf(doc) == 0:
		return why("settings.no_portal", nil)
	case f.value("is_internal") == "true":
		return why("call.internal", nil)
	case t.OtherTelephony:
		return watches, crm.Reason{}
	}
	filter := filterOf(t, f.Direction)
	if len(filter) == 0 {
		return passes, crm.Reason{}
	}
	if f.Direction == In && rules.Needed(filter, rules.Call) >= rules.AtAnswer && !f.answered() {
		if f.ended() {
			return why("call.filter_needs_answer", nil)
		}
		return waits, crm.Reason{}
	}
	if !f.ended() && groupUntold(filter, params) {
		return waits, crm.Reason{}
	}
	if !filter.Holds(params) {
		return why("call.filtered_out", map[string]any{"values": told(filter, params)})
	}
	return passes, crm.Reason{}
}

// filterOf is the filter that acts on calls of a direction; empty: all pass.
func filterOf(t settings.Telephony, direction string) rules.Filter {
	switch {
	case !t.FilterOn:
		return nil
	case direction == Out:
		return t.FilterOutbound
	}
	return t.FilterInbound
}

// told are the values a filter looked at, for the "Why?" page: employee = 15, 16.
func told(f rules.Filter, params rules.Params) string {
	var list []string
	for _, group := range f {
		for _, c := range group {
			one := c.Param + " = " + strings.Join(params[c.Param], ", ")
			if !slices.Contains(list, one) {
				list = append(list, one)
			}
		}
	}
	return strings.Join(list, "; ")
}

// passedOn says whether a call's activity is made, and whether its recording is sent (T12).
type passedOn struct{ activity, recording bool }

// records is the table of T12 for a call that passes its filter. A certain filter is one of the call's direction with a condition on the employee or the
// last operation of the scenario; "when certain filters are set" counts as off without sending.
func records(t settings.Telephony, direction string) passedOn {
	if certain(filterOf(t, direction)) {
		both := t.Records.Send && t.Records.WithFilters
		return passedOn{both, both}
	}
	return passedOn{true, t.Records.Send}
}

func certain(f rules.Filter) bool {
	for _, group := range f {
		for _, c := range group {
			if c.Param == "employee" || c.Param == "last_operation" {
				return true
			}
		}
	}
	return false
}

// creates is the switch of a direction (T4, T5).
func creates(t settings.Telephony, direction string) bool {
	if direction == Out {
		return t.CreateOutbound
	}
	return t.CreateInbound
}

// funnelOf is the first funnel rule of the direction that holds, else the default (R3, R5).
func funnelOf(t settings.Telephony, direction string, params rules.Params) crm.Funnel {
	lead, pipeline, deal := t.Funnel.LeadStage, t.Funnel.Pipeline, t.Funnel.DealStage
	if list, i := funnelRule(t, direction, params); i >= 0 {
		lead, pipeline, deal = list[i].LeadStage, list[i].Pipeline, list[i].DealStage
	}
	f := crm.Funnel{Pipeline: pipeline}
	if lead != nil {
		f.LeadStage = *lead
	}
	if deal != nil {
		f.DealStage = *deal
	}
	return f
}

// funnelRule is the first funnel rule of a direction that holds; -1: none.
func funnelRule(t settings.Telephony, direction string, params rules.Params) ([]settings.FunnelRule, int) {
	list := t.FunnelsInbound
	if direction == Out {
		list = t.FunnelsOutbound
	}
	return list, rules.First(filters(list, func(r settings.FunnelRule) rules.Filter { return r.Filter }), params)
}

// responsibleRule is the first responsible rule that holds, of inbound calls only; -1: none.
func responsibleRule(t settings.Telephony, direction string, params rules.Params) int {
	if direction == Out {
		return -1
	}
	return rules.First(filters(t.Responsibles, func(r settings.ResponsibleRule) rules.Filter { return r.Filter }), params)
}

func filters[T any](list []T, of func(T) rules.Filter) []rules.Filter {
	out := make([]rules.Filter, len(list))
	for i, r := range list {
		out[i] = of(r)
	}
	return out
}

// titles are the names of what a call may create: by the first template of its direction and kind that holds, else the standard one (R4).
func titles(t settings.Telephony, direction, standard string, params rules.Params, values map[string]string) map[crm.EntityType]string {
	out := map[crm.EntityType]string{}
	for _, kind := range []crm.EntityType{crm.Lead, crm.Deal, crm.Contact, crm.Company} {
		list := slices.DeleteFunc(slices.Clone(t.Templates), func(c settings.CallTemplate) bool { return c.Direction != direction || c.Entity != string(kind) })
		text := ""
		if i := rules.First(filters(list, func(c settings.CallTemplate) rules.Filter { return c.Filter }), params); i >= 0 {
			text = list[i].Text
		}
		switch {
		case text != "":
			out[kind] = rules.Render(text, values, limitOf(kind))
		case kind == crm.Lead || kind == crm.Deal:
			out[kind] = standard
		}
	}
	return out
}

func limitOf(kind crm.EntityType) int {
	if kind == crm.Contact || kind == crm.Company {
		return rules.NameLimit
	}
	return rules.TitleLimit
}

// everybody gathers who a call may fall to.
func everybody(t settings.Telephony, f *Facts, p people, params rules.Params) who {
	w := who{direction: f.Direction, answered: f.answered(), standIn: p.admin}
	user := func(id *int64) ids.B24UserID {
		if id == nil {
			return 0
		}
		return p.active(ids.B24UserID(*id))
	}
	if f.Direction == Out {
		w.talker, w.standard = p.matched[f.caller()], user(t.ResponsibleOutbound)
		return w
	}
	w.standard = user(t.ResponsibleInbound)
	if i := responsibleRule(t, f.Direction, params); i >= 0 {
		w.rule = p.active(ids.B24UserID(t.Responsibles[i].User))
	}
	if talkers := f.talkers(); len(talkers) > 0 {
		talker := talkers[0]
		if t.Talker == "last" {
			talker = talkers[len(talkers)-1]
		}
		w.talker = p.matched[talker]
	}
	return w
}

// names finds the numbers of things that notifications only name; by directory kind and name.
type names map[[2]string]string

// paramsOf are the values a call's rules look at (R2), as far as notifications tell them.
func paramsOf(f *Facts, n names) rules.Params {
	p := rules.Params{}
	put := func(param string, values ...string) {
		for _, v := range values {
			if v != "" {
				p[param] = append(p[param], v)
				return
			}
		}
	}
	put("virtual_number", f.Number)
	put("scenario", f.value("scenario_id"), n[[2]string{"scenarios", f.value("scenario_name")}])
	put("campaign", f.value("campaign_id"), n[[2]string{"campaigns", f.value("campaign_name")}])
	put("first_campaign", f.value("visitor_first_campaign_id"), n[[2]string{"campaigns", f.value("visitor_first_campaign_name")}])
	put("site", f.value("site_id"), n[[2]string{"sites", f.value("site_domain_name")}])
	put(paramGroup, f.value("group_id"), n[[2]string{"groups", f.value("communication_group_name")}])
	put("last_operation", n[[2]string{"operations", f.value("last_operation_name")}], f.value("last_operation_name")) // operations are known by their names
	put("source", f.value("source_name"), f.value("utm_source"))
	if f.Direction == Out {
		put("employee", number(f.caller()))
	} else if talkers := f.talkers(); len(talkers) > 0 { // who took the call: later talkers are not known when it is judged (T8a)
		put("employee", number(talkers[0]))
	}
	return p
}

func number(e ids.UISEmployeeID) string {
	if e == 0 {
		return ""
	}
	return strconv.FormatInt(int64(e), 10)
}

// named are the directories' entries that a call's rules may ask for by name.
func named(f *Facts) (kinds, values []string) {
	for _, pair := range [][2]string{{"scenarios", "scenario_name"}, {"campaigns", "campaign_name"}, {"campaigns", "visitor_first_campaign_name"}, {"sites", "site_domain_name"},
		{"groups", "communication_group_name"}, {"operations", "last_operation_name"}} {
		if v := f.value(pair[1]); v != "" {
			kinds, values = append(kinds, pair[0]), append(values, v)
		}
	}
	return kinds, values
}

// variablesOf are the values a call's templates may use (R4). Numbers are the client's in both contact variables, whatever the direction.
func variablesOf(id ids.UISCallID, f *Facts, appName string) map[string]string {
	v := map[string]string{}
	for name, value := range f.Values {
		v[name] = value.Text
	}
	v["contact_phone_number"], v["virtual_phone_number"] = f.Phone, f.Number
	v["call_session_id"], v["direction"], v["external_id"] = strconv.FormatInt(int64(id), 10), f.Direction, f.ExternalID
	v["name"], v["app_name"] = f.value("contact_full_name"), appName
	return v
}
