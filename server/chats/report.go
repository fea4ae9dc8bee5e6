package chats

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/rules"
	"omni/server/settings"
	"omni/server/store"
	"omni/server/uis"
)

// KindReport is the timer of an inquiry: its answer is late, or the next try is due.
const KindReport = "chat.report"

const (
	// reportDeadline is until when the question has to leave, reportPatience how long its answer is waited for.
	reportDeadline = 8 * time.Second
	reportPatience = 15 * time.Second
	// reportName is what the timer and the command are called.
	reportName = "report"
	// reportReach is how long before its first sign a chat may have begun.
	reportReach = 30 * 24 * time.Hour
)

// reportPauses come before the next try when the report does not have the chat yet, failurePauses when nothing was answered.
var (
	reportPauses  = []time.Duration{5 * time.Second, 15 * time.Second}
	failurePauses = []time.Duration{5 * time.Second}
)

// The states of an inquiry.
const (
	reportAsked = "asked"
	reportLater = "later"
	reportOver  = "over"
)

// Report is what UIS' report of chats (get.chats_report) was asked for, and what it told.
type Report struct {
	State string `json:"state,omitempty"`
	// Try counts the questions; AtEnd: this inquiry is that of the chat's end, of which there is one.
	Try   int  `json:"try,omitempty"`
	First int  `json:"first,omitempty"`
	AtEnd bool `json:"at_end,omitempty"`
	// Names are the parameters and variables that were asked for so far. Plain: without the fields that the report of some brands does not know.
	Names  []string          `json:"names,omitempty"`
	Plain  bool              `json:"plain,omitempty"`
	Values map[string]string `json:"values,omitempty"`
}

// reportedParams are the parameters of R2 that get.chats_report tells, by its fields. It knows neither the group nor the scenario of a chat.
var reportedParams = map[string][]string{"site": {"site_id", "site_domain_name"}, "campaign": {"campaign_id", "campaign_name"}, "source": {"source_name", "utm_source"}}

// reportedAs are variables whose fields in get.chats_report have other names.
var reportedAs = map[string]string{"chat_initiator": "initiator", "session_id": "visitor_session_id", "tag_names": "tags"}

// scarce are fields that the report of some brands does not know: Novofon's page lacks it.
var scarce = []string{"chat_ad_url"}

// fieldsOf are the fields that tell what a parameter or a variable names.
func fieldsOf(name string) []string {
	if fields, is := reportedParams[name]; is {
		return fields
	}
	if field, is := reportedAs[name]; is {
		return []string{field}
	}
	return []string{name}
}

// missing tells of a parameter or variable that only the report knows, by the catalogue, and that it was not asked for yet. What is known at the end of a
// chat, its tags, no webhook tells either.
func (c *Chat) missing(known rules.Moment, name string) bool {
	r := c.CRM.Report
	switch {
	case r != nil && slices.Contains(r.Names, name):
		return false
	case known == rules.AtEnd:
		return c.State == Closed
	}
	return known == rules.AtReport
}

func (c *Chat) missingParam(name string) bool {
	return reportedParams[name] != nil && c.missing(rules.ParameterKnown(name, rules.Chat), name)
}

func (c *Chat) missingVariable(name string) bool {
	return c.missing(rules.VariableKnown(name, rules.Chat), name)
}

// untold are the parameters and variables that the settings look at before this chat goes to the CRM and that only the report tells. It is pure.
func untold(s settings.Common, c *Chat, params rules.Params, rows []string) []string {
	return crm.Untold(s, params, rows, c.missingParam, c.missingVariable)
}

// inquire asks UIS' report for what names stand for; true: its answer, or the next try, is waited for. It costs a point, and only a chat whose settings look at
// such things pays it. An account that UIS gives no such report is not asked for, for a while.
func (t *turn) inquire(names []string) bool {
	r := t.chat.CRM.Report
	switch {
	case r != nil && r.State != reportOver:
		return true
	case len(names) == 0:
		return false
	case r == nil:
		r = &Report{}
		t.chat.CRM.Report = r
	}
	r.Names = slices.Compact(slices.Sorted(slices.Values(append(r.Names, names...))))
	r.First, r.AtEnd = r.Try+1, t.chat.State == Closed
	if t.setting.reportless {
		t.absent()
		return false
	}
	t.question()
	return true
}

// inquireAtEnd asks once more when the chat is over, for rows of extra fields: what its report tells may have changed, and tags are complete now (R7a).
func (t *turn) inquireAtEnd() {
	r := t.chat.CRM.Report
	if t.chat.State != Closed || r != nil && (r.AtEnd || r.State != reportOver) {
		return
	}
	names := slices.DeleteFunc(t.setting.extras.Variables(), func(name string) bool { return rules.VariableKnown(name, rules.Chat) < rules.AtEnd })
	t.inquire(names)
}

// question is one try. Whatever becomes of it, the timer brings the matter forward.
func (t *turn) question() {
	c, r := t.chat, t.chat.CRM.Report
	r.State, t.touched = reportAsked, true
	r.Try++
	q := uis.Query{From: c.CreatedAt.Add(-reportReach), Till: c.CreatedAt.Add(24 * time.Hour), Zone: t.zone(), Fields: r.fields(),
		Filter: uis.Equal("id", int64(c.UIS))}
	t.commands = append(t.commands, outbox.Command{Lane: outbox.LaneRef{Kind: outbox.LaneUISData}, Key: t.key, Independent: true, Kind: "get.chats_report", Params: q.Params(),
		Plan: fmt.Sprintf("report:%d:%d", c.UIS, r.Try), Name: reportName, Priority: outbox.Live, Deadline: t.physical.Add(reportDeadline), ReplyKey: t.key, ReplyKind: KindAnswer,
		Tag: encode(commandTag{Do: tagReport, Part: r.Try})})
	t.timer(reportPatience)
}

// fields are what the report is asked for.
func (r *Report) fields() []string {
	list := []string{"id"}
	for _, name := range r.Names {
		list = append(list, fieldsOf(name)...)
	}
	if r.Plain {
		list = slices.DeleteFunc(list, func(field string) bool { return slices.Contains(scarce, field) })
	}
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

func (t *turn) timer(in time.Duration) {
	t.timers = append(t.timers, flow.Timer{Name: reportName, At: t.now.Add(in), Kind: KindReport, Body: []byte(`{}`)})
}

// reportDue is the timer: the answer is late, or the pause before the next try is over.
func (t *turn) reportDue() {
	r := t.chat.CRM.Report
	switch {
	case r == nil:
	case r.State == reportLater:
		t.question()
	case r.State == reportAsked:
		t.unanswered("", false, failurePauses)
	}
}

// reported takes the answer in. What it tells counts however late it comes; that it tells nothing ends only the try that is waited for.
func (t *turn) reported(tag commandTag, result outbox.Result) {
	r := t.chat.CRM.Report
	if r == nil {
		return
	}
	row, found, text := t.rowOf(result)
	if found {
		r.take(row, t.setting.names)
		t.touched = true
	}
	if r.State == reportOver || !found && (r.State != reportAsked || tag.Part != r.Try) {
		return
	}
	switch {
	case found:
		r.State = reportOver
		t.cancel = append(t.cancel, reportName)
	case result.State == "done" && text == "":
		t.unanswered("", true, reportPauses)
	case result.State == "refused":
		t.refusedReport(result, text)
	default:
		t.unanswered(text, false, failurePauses)
	}
}

// refusedReport is UIS' no: a brand may not know a field, a tariff or a key not have the report. Nothing else is tried again, and no person need decide about it.
func (t *turn) refusedReport(result outbox.Result, text string) {
	r := t.chat.CRM.Report
	t.replaced = append(t.replaced, result.Command)
	switch class := uis.Class(result.Class); {
	case class == uis.Invalid && !r.Plain && slices.ContainsFunc(r.fields(), func(field string) bool { return slices.Contains(scarce, field) }):
		r.Plain = true
		t.question()
	case class == uis.ComponentMissing, class == uis.Forbidden:
		t.lacksReport, t.cancel = true, append(t.cancel, reportName)
		t.absent()
	default:
		t.unanswered(text, false, nil)
	}
}

// absent goes on without a report that UIS does not give.
func (t *turn) absent() {
	t.chat.CRM.Report.State, t.touched = reportOver, true
	if t.chat.CRM.Phase == "tied" {
		t.because("chat.end_not_in_report", "text", "")
		return
	}
	t.because("chat.report_absent")
}

// rowOf is the chat's own row in an answer, or what went wrong.
func (t *turn) rowOf(result outbox.Result) (row uis.Chat, found bool, text string) {
	if result.State != "done" {
		return row, false, store.Text(result.Text)
	}
	rows, err := uis.DecodeChats(result.Result)
	if err != nil {
		return row, false, store.Text(err.Error())
	}
	for _, row := range rows {
		if ids.UISChatID(row.ID) == t.chat.UIS {
			return row, true, ""
		}
	}
	return row, false, ""
}

// unanswered puts the next try off, or goes on without an answer and says so. absent: the report was read and does not have the chat.
func (t *turn) unanswered(text string, absent bool, pauses []time.Duration) {
	r := t.chat.CRM.Report
	t.touched = true
	if tried := r.Try - r.First; tried < len(pauses) {
		r.State = reportLater
		t.timer(pauses[tried])
		return
	}
	r.State = reportOver
	t.cancel = append(t.cancel, reportName)
	switch {
	case t.chat.CRM.Phase == "tied":
		t.because("chat.end_not_in_report", "text", text)
	case absent:
		t.because("chat.not_in_report")
	default:
		t.because("chat.report_not_read", "text", text)
	}
}

// take keeps what a row tells of the names that were asked for; an empty value changes nothing.
func (r *Report) take(row uis.Chat, known Names) {
	if r.Values == nil {
		r.Values = map[string]string{}
	}
	put := func(name, value string) {
		if value = strings.TrimSpace(store.Text(value)); value != "" && (value != "0" || !strings.HasSuffix(name, "_id")) {
			r.Values[name] = value
		}
	}
	for _, name := range r.Names {
		if name == "tag_names" {
			tags := make([]string, len(row.Tags))
			for i, tag := range row.Tags {
				tags[i] = tag.Name
			}
			put(name, strings.Join(tags, ", "))
			continue
		}
		fields := fieldsOf(name)
		if reportedParams[name] == nil {
			put(name, row.Row.Text(fields[0]))
			continue
		}
		for _, field := range fields {
			put(field, row.Row.Text(field))
		}
	}
	for _, d := range directories {
		if d.numberless(row) {
			put(d.id, known[[2]string{d.kind, row.Row.Text(d.name)}])
		}
	}
}

// told is a value of the report; empty: it told none.
func (r *Report) told(name string) string {
	if r == nil {
		return ""
	}
	return r.Values[name]
}

// listed is a list of the account that gives the number of what a report only names.
type listed struct{ kind, id, name string }

var directories = []listed{{"sites", "site_id", "site_domain_name"}, {"campaigns", "campaign_id", "campaign_name"}}

// numberless tells that a row was asked for a number, and only has the name.
func (d listed) numberless(row uis.Chat) bool {
	_, asked := row.Row[d.id]
	return asked && row.Row.Text(d.id) == "" && row.Row.Text(d.name) != ""
}

// Names are the numbers of entries of the account's directories by kind and name.
type Names map[[2]string]string

// namesIn are the entries that answers of the report name without a number.
func namesIn(inputs []input) (kinds, names []string) {
	for _, in := range inputs {
		if in.event.Kind != KindAnswer {
			continue
		}
		var answer outbox.PlanAnswer
		if json.Unmarshal(in.event.Body, &answer) != nil || answer.Results[reportName].State != "done" {
			continue
		}
		rows, err := uis.DecodeChats(answer.Results[reportName].Result)
		if err != nil {
			continue // told when it is worked
		}
		for _, row := range rows {
			for _, d := range directories {
				if d.numberless(row) {
					kinds, names = append(kinds, d.kind), append(names, row.Row.Text(d.name))
				}
			}
		}
	}
	return kinds, names
}
