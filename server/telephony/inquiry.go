package telephony

import (
	"maps"
	"slices"
	"time"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/rules"
	"omni/server/settings"
	"omni/server/uis"
)

// inquiryDeadline is how long a call waits for UIS' report before it is judged without: the card must not come late.
const inquiryDeadline = 8 * time.Second

// The states of an inquiry.
const (
	inquiryAsked = "asked"
	// inquiryLater: the report had no row yet, or was not read; it is asked again.
	inquiryLater = "later"
	inquiryOver  = "over"
)

// inquiryPauses are how long is waited before the report is asked again: it lags behind. A call that goes on is not asked for twice, its card would come late.
var inquiryPauses = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// reportedParams are the parameters that notifications need not tell and the report does, by the variables they come from (get.calls_report). The group is told
// by the report of legs alone, and that only when the call is over.
var reportedParams = map[string][]string{
	"campaign": {"campaign_id", "campaign_name"}, "first_campaign": {"visitor_first_campaign_id", "visitor_first_campaign_name"}, "site": {"site_id", "site_domain_name"},
	"source": {"source_name"}, "scenario": {"scenario_id", "scenario_name"}, "last_operation": {"last_operation_name"}, paramGroup: nil,
}

// paramGroup is the group that the visitor chose.
const paramGroup = "group"

// inquire asks UIS for what the settings judge this call by and no notification told (R2, T8, R4); true: the answer is waited for. It costs one point, and only
// accounts whose rules or titles ask for such things pay it.
func (t *turn) inquire(f *Facts) bool {
	l := &t.call.Link
	switch {
	case l.Inquiry == inquiryAsked:
		return true
	case l.Inquiry == inquiryLater && t.now.Before(l.InquiryDue):
		t.timer("inquiry", l.InquiryDue)
		return true
	case l.Inquiry == inquiryOver:
		return false
	}
	missing := untold(t.setting.Document.Telephony, f, paramsOf(f, t.setting.names))
	if len(missing) == 0 {
		return false
	}
	l.Inquiry, t.touched = inquiryAsked, true
	if len(missing) > 1 || missing[0] != paramGroup {
		t.askReport("inquiry")
	}
	if slices.Contains(missing, paramGroup) {
		q := t.reportQuery()
		q.Fields, q.Filter = []string{"id", "call_session_id", "start_time", "is_talked", "group_id", "group_name"}, uis.Equal("call_session_id", int64(t.call.ID))
		t.askUIS("inquiry", "legs", "get.call_legs_report", q)
	}
	return true
}

// untold are the parameters that rules of this direction ask for and the variables that its titles use, that the report tells and that nothing has told yet.
// It is pure.
func untold(s settings.Telephony, f *Facts, params rules.Params) []string {
	asked := map[string]bool{}
	look := func(filter rules.Filter) {
		for _, group := range filter {
			for _, c := range group {
				_, reported := reportedParams[c.Param]
				asked[c.Param] = reported && len(params[c.Param]) == 0
			}
		}
	}
	look(filterOf(s, f.Direction))
	funnels, _ := funnelRule(s, f.Direction, params)
	for _, r := range funnels {
		look(r.Filter)
	}
	for _, r := range s.Templates {
		if r.Direction != f.Direction {
			continue
		}
		look(r.Filter)
		for _, name := range rules.Variables(r.Text) {
			asked[name] = asked[name] || visitTells(name) && f.value(name) == ""
		}
	}
	if f.Direction == In {
		for _, r := range s.Responsibles {
			look(r.Filter)
		}
	}
	maps.DeleteFunc(asked, func(_ string, missing bool) bool { return !missing })
	return slices.Sorted(maps.Keys(asked))
}

// groupUntold tells that a filter asks for the group, which only the report of legs tells, when the call is over.
func groupUntold(filter rules.Filter, params rules.Params) bool {
	for _, group := range filter {
		for _, c := range group {
			if c.Param == paramGroup {
				return len(params[paramGroup]) == 0
			}
		}
	}
	return false
}

// informed takes UIS' answer in. An ended call asks again for a while, since nobody waits for its card. Without an answer it is judged by what is known: a condition
// on what nobody told includes nothing and excludes nothing.
func (t *turn) informed(results map[string]outbox.Result) {
	l, f := &t.call.Link, &t.call.Facts
	if l.Inquiry != inquiryAsked {
		return
	}
	l.Inquiry, t.touched = inquiryOver, true
	problem := ""
	if r, asked := results["inquiry"]; asked {
		problem = t.tell(r)
	}
	if r, asked := results["legs"]; asked && problem == "" {
		if problem = r.Text; r.State == "done" {
			rows, err := uis.DecodeCallLegs(r.Result)
			switch {
			case err != nil:
				problem = err.Error()
			case len(rows) == 0:
				problem = noRow
			default:
				problem = ""
				f.group(rows)
			}
		}
	}
	if problem == "" {
		return
	}
	if f.ended() && l.InquiryTries < len(inquiryPauses) {
		l.Inquiry, l.InquiryDue = inquiryLater, t.now.Add(inquiryPauses[l.InquiryTries])
		l.InquiryTries++
		return // advance sets the timer
	}
	t.because("call.report_not_read", map[string]any{"text": problem})
}

// group takes the group from the report of legs: of the leg that talked, else of the last that has one.
func (f *Facts) group(legs []uis.CallLeg) {
	var chosen *uis.CallLeg
	for i := range legs {
		l := &legs[i]
		if l.GroupID == 0 || chosen != nil && (chosen.Talked && !l.Talked || chosen.Talked == l.Talked && l.ID < chosen.ID) {
			continue
		}
		chosen = l
	}
	if chosen == nil || f.value("communication_group_name") != "" {
		return
	}
	f.told(map[string]string{"group_id": number(ids.UISEmployeeID(chosen.GroupID)), "communication_group_name": chosen.GroupName})
}
