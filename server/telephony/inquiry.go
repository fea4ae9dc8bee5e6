package telephony

import (
	"maps"
	"slices"
	"strconv"
	"time"

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
	inquiryOver  = "over"
)

// reportedParams are the parameters that notifications need not tell and the report does, by the variables they come from (get.calls_report).
var reportedParams = map[string][]string{
	"campaign": {"campaign_id", "campaign_name"}, "first_campaign": {"visitor_first_campaign_id", "visitor_first_campaign_name"}, "site": {"site_id", "site_domain_name"},
	"source": {"source_name"}, "scenario": {"scenario_id", "scenario_name"}, "last_operation": {"last_operation_name"},
}

// inquire asks UIS for what the settings judge this call by and no notification told (R2, T8); true: the answer is waited for. It costs one point, and only
// accounts whose rules ask for such things pay it.
func (t *turn) inquire(f *Facts) bool {
	l := &t.call.Link
	switch {
	case l.Inquiry == inquiryAsked:
		return true
	case l.Inquiry != "" || len(untold(t.setting.Document.Telephony, f, paramsOf(f, t.setting.names))) == 0:
		return false
	}
	l.Inquiry, t.touched = inquiryAsked, true
	fields := append([]string{"id"}, "scenario_operations")
	for _, names := range reportedParams {
		fields = append(fields, slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "last_operation_name" })...)
	}
	slices.Sort(fields)
	q := uis.Query{From: f.StartedAt.Add(-10 * time.Minute), Till: t.now.Add(time.Hour), Zone: t.zone(), Fields: fields, Filter: uis.Equal("id", int64(t.call.ID)),
		Extra: map[string]any{"include_ongoing_calls": true}}
	c := t.command("inquiry", "inquiry", "get.calls_report", nil)
	c.Lane, c.Params, c.Deadline = outbox.LaneRef{Kind: outbox.LaneUISData}, q.Params(), t.physical.Add(inquiryDeadline)
	return true
}

// untold are the parameters that rules of this direction ask for, that the report tells and that nothing has told yet. It is pure.
func untold(s settings.Telephony, f *Facts, params rules.Params) []string {
	asked := map[string]bool{}
	look := func(filter rules.Filter) {
		for _, group := range filter {
			for _, c := range group {
				asked[c.Param] = reportedParams[c.Param] != nil && len(params[c.Param]) == 0
			}
		}
	}
	look(filterOf(s, f.Direction))
	funnels, _ := funnelRule(s, f.Direction, params)
	for _, r := range funnels {
		look(r.Filter)
	}
	for _, r := range s.Templates {
		if r.Direction == f.Direction {
			look(r.Filter)
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

// informed takes UIS' answer in. Without one the call is judged by what is known: a condition on what nobody told includes nothing and excludes nothing.
func (t *turn) informed(results map[string]outbox.Result) {
	l := &t.call.Link
	if l.Inquiry != inquiryAsked {
		return
	}
	l.Inquiry, t.touched = inquiryOver, true
	r := results["inquiry"]
	if r.State == "done" {
		rows, err := uis.DecodeCalls(r.Result)
		for _, row := range rows {
			if int64(row.ID) == int64(t.call.ID) {
				t.call.Facts.inform(row)
				return
			}
		}
		if err != nil {
			r.Text = err.Error()
		}
	}
	t.because("call.report_not_read", map[string]any{"text": r.Text})
}

// inform fills in what the report tells; what notifications told stands.
func (f *Facts) inform(c uis.Call) {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	for name, text := range map[string]string{
		"campaign_id": number(int64(c.CampaignID)), "campaign_name": c.Campaign, "visitor_first_campaign_id": number(int64(c.FirstCampaignID)),
		"visitor_first_campaign_name": c.FirstCampaign, "site_id": number(int64(c.SiteID)), "site_domain_name": c.Site, "source_name": c.SourceName,
		"scenario_id": number(int64(c.ScenarioID)), "scenario_name": c.ScenarioName, "last_operation_name": c.LastOperation().Name,
	} {
		if text == "" || f.value(name) != "" {
			continue
		}
		if f.Values == nil {
			f.Values = map[string]Value{}
		}
		f.Values[name] = Value{Text: text} // no time: whatever a notification tells counts more
	}
}
