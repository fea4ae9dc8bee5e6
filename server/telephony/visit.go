package telephony

import (
	"cmp"
	"strings"
	"time"

	"omni/server/outbox"
	"omni/server/rules"
	"omni/server/uis"
)

// What only UIS' report tells of a call: the visit to the site, its marks, tags (get.calls_report). Titles and conditions need it before the call is registered
// (inquiry.go), extra fields at its end (R7).

// noRow stands in the log of reasons for a report that does not hold the call.
const noRow = "no row"

// visitFields are the report's fields that say no more than the variable of the same name.
var visitFields = append(uis.AnalyticsFields(), "ef_id", "scenario_id", "scenario_name", "communication_id", "communication_number", "cpn_region_name", "contact_full_name")

// renamed are variables whose field in the report has another name.
var renamed = map[string]string{"session_id": "visitor_session_id", "call_source": "source"}

// visitTells tells that a variable stands in the report, and not only in what the call itself says at its end.
func visitTells(variable string) bool {
	if _, other := renamed[variable]; other {
		return true
	}
	for _, field := range visitFields {
		if field == variable && variable != "tags" {
			return true
		}
	}
	return false
}

// atEnd are variables that the report tells only of a call that is over.
func atEnd(variable string) bool { return variable == "tag_names" || variable == "last_operation_name" }

// visitOf are the values of a row by the names of variables and of what rules look at. Empty ones are left out.
func visitOf(c uis.Call) map[string]string {
	values := map[string]string{}
	put := func(name, text string) {
		if text != "" && !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, "{") {
			values[name] = text
		}
	}
	for _, field := range visitFields {
		if field == "visitor_session_id" {
			continue // a variable of another name
		}
		text := c.Row.Text(field)
		if strings.HasSuffix(field, "_id") && text == "0" {
			text = ""
		}
		put(field, text)
	}
	for variable, field := range renamed {
		put(variable, c.Row.Text(field))
	}
	put("last_operation_name", c.LastOperation().Name)
	put("lost_reason", c.FinishReason)
	tags := make([]string, 0, len(c.Tags))
	for _, tag := range c.Tags {
		tags = append(tags, tag.Name)
	}
	put("tag_names", strings.Join(tags, ", "))
	return values
}

// told fills values in that a report tells; what notifications told stands, whenever it comes.
func (f *Facts) told(values map[string]string) (news []string) {
	for name, text := range values {
		if text == "" || f.value(name) != "" {
			continue
		}
		if f.Values == nil {
			f.Values = map[string]Value{}
		}
		f.Values[name] = Value{Text: text} // no time: whatever a notification tells counts more
		news = append(news, name)
	}
	return news
}

func (t *turn) reportQuery() uis.Query {
	return uis.Query{From: t.call.Facts.StartedAt.Add(-10 * time.Minute), Till: t.now.Add(time.Hour), Zone: t.zone()}
}

// askUIS adds a question to the account's lane of the Data API.
func (t *turn) askUIS(plan, name, method string, q uis.Query) {
	c := t.command(plan, name, method, nil)
	c.Lane, c.Params, c.Deadline, c.Independent = outbox.LaneRef{Kind: outbox.LaneUISData}, q.Params(), t.physical.Add(inquiryDeadline), true
}

// askReport asks for the call's own row with everything it may tell.
func (t *turn) askReport(plan string) {
	q := t.reportQuery()
	q.Fields, q.Filter = append([]string{"id", "source", "scenario_operations", "finish_reason", "full_record_file_link"}, visitFields...), uis.Equal("id", int64(t.call.ID))
	q.Extra = map[string]any{"include_ongoing_calls": true}
	t.askUIS(plan, "inquiry", "get.calls_report", q)
}

// ownRow is the call's own row in an answer; the problem is empty when there is one.
func (t *turn) ownRow(r outbox.Result) (row uis.Call, problem string) {
	if r.State != "done" {
		return row, cmp.Or(r.Text, r.State)
	}
	rows, err := uis.DecodeCalls(r.Result)
	if err != nil {
		return row, err.Error()
	}
	for _, row := range rows {
		if int64(row.ID) == int64(t.call.ID) {
			return row, ""
		}
	}
	return row, noRow
}

// tell takes the call's own row in; the problem is empty when there was one.
func (t *turn) tell(r outbox.Result) (problem string) {
	row, problem := t.ownRow(r)
	if problem == "" {
		t.call.Facts.told(visitOf(row))
		t.call.Facts.Visited = true
	}
	return problem
}

// lacking are the variables that rows of extra fields ask for, that the report tells, and that nothing has told. It is pure.
func lacking(rows []rules.Mapping, f *Facts, values map[string]string) []string {
	var list []string
	for _, row := range rows {
		asked := atEnd(row.Param) || !f.Visited && visitTells(row.Param)
		if asked && values[row.Param] == "" {
			list = append(list, row.Param)
		}
	}
	return list
}

// visit asks, when the call is over and before it is finished or compared, for what the extra fields lack, and why nobody took an outgoing call, of which the portal
// wants to know; true: the answer is waited for.
func (t *turn) visit() bool {
	l := &t.call.Link
	switch {
	case l.Visit == inquiryAsked:
		return true
	case l.Visit != "":
		return false
	}
	f := &t.call.Facts
	vain := f.Direction == Out && !f.answered() && f.value("lost_reason") == "" && l.Watch == nil
	if !vain && len(t.lacks()) == 0 {
		return false
	}
	l.Visit, t.touched = inquiryAsked, true
	t.askReport("visit")
	return true
}

// lacks are the variables that the account's rows want and nothing has told.
func (t *turn) lacks() []string {
	rows := t.setting.Document.Telephony.Fields
	if len(rows) == 0 {
		return nil
	}
	list := make([]rules.Mapping, len(rows))
	for i, row := range rows {
		list[i] = rules.Mapping(row)
	}
	return lacking(list, &t.call.Facts, t.fieldValues())
}

// visited takes the answer in. One that is not there yet is asked for again behind the call's end, and then written by itself.
func (t *turn) visited(results map[string]outbox.Result) {
	l := &t.call.Link
	if l.Visit != inquiryAsked {
		return
	}
	var before map[string]string
	if l.Phase == Done {
		before = t.fieldValues()
	}
	problem := t.tell(results["inquiry"])
	l.Visit, t.touched = inquiryOver, true
	switch {
	case problem == "":
		if l.Phase == Done {
			t.lateFields(before)
		}
	case len(t.lacks()) == 0: // why nobody answered is worth no second question
	case l.VisitTries < len(inquiryPauses):
		l.Visit = inquiryLater
		t.timer("visit", t.now.Add(inquiryPauses[l.VisitTries]))
		l.VisitTries++
	default:
		t.because("call.report_not_read", map[string]any{"text": problem})
	}
}

// visitAgain asks once more.
func (t *turn) visitAgain() {
	l := &t.call.Link
	switch {
	case l.Visit != inquiryLater:
	case l.Phase == Done:
		l.Visit, t.touched = inquiryAsked, true
		t.askReport("visit")
	case l.Phase == Finishing || l.Phase == Closing || l.Phase == Registered:
		t.timer("visit", t.now.Add(inquiryPauses[0]))
	default: // nothing of it stands at the portal
	}
}

// lateFields writes what the report told after the call was finished.
func (t *turn) lateFields(before map[string]string) {
	if t.call.Link.Answer == nil {
		return
	}
	news := t.fieldValues()
	for name, text := range before {
		if news[name] == text {
			delete(news, name)
		}
	}
	updates := changes{}
	t.extraFields(updates, news)
	for _, ref := range updates.refs() {
		t.command("late", nameOf(ref), "crm.item.update", updateOf(ref, updates[ref])).Independent = true
	}
}
