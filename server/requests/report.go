package requests

import (
	"encoding/json"
	"fmt"
	"time"

	"omni/server/crm"
	"omni/server/flow"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/rules"
	"omni/server/store"
	"omni/server/uis"
)

// The notification of a request tells neither its form nor its group nor its source. When rules, the name or extra fields look at such things, the request waits for
// its row in UIS' report (get.offline_messages_report): one point, and nobody waits for a card.

// KindAnswer is the end of a question to the report, KindTimer the moment of the next one.
const (
	KindAnswer = "request.answer"
	KindTimer  = "request.timer"
)

// reportName is what the question and its timer are called, reportDeadline until when the question has to leave.
const (
	reportName     = "report"
	reportDeadline = 20 * time.Second
)

// reportPauses come before the next question when the report lacks the row yet, or was not read.
var reportPauses = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute}

// reportedParams are the parameters of R2 that the report tells.
var reportedParams = map[string]bool{"site": true, "campaign": true, "source": true, "group": true, "form": true}

// unreported are variables of which the report says nothing, or something else: who has worked on the request since.
var unreported = map[string]bool{"employee_full_name": true, "employee_email": true}

// untold are the parameters and variables that the settings look at and nobody told. It is pure.
func (t *turn) untold() []string {
	r := t.request
	return crm.Untold(t.doc.Requests.Common, t.params, t.mappings.Variables(),
		func(param string) bool { return reportedParams[param] && len(t.params[param]) == 0 },
		func(name string) bool {
			return rules.VariableKnown(name, rules.Request) == rules.AtReport && r.Values[name] == "" && !unreported[name]
		})
}

// inquire asks the report for what is missing; true: the request waits for it.
func (t *turn) inquire() bool {
	if t.request.Link.Reported || len(t.untold()) == 0 {
		return false
	}
	t.question()
	return true
}

func (t *turn) question() {
	r := t.request
	r.Phase, t.touched = Waiting, true
	r.Link.Tries++
	q := uis.Query{From: r.At.Add(-time.Hour), Till: r.At.Add(24 * time.Hour), Zone: t.zone, Fields: append(uis.OfflineMessageFields(), uis.AnalyticsFields()...),
		Filter: uis.Equal("id", int64(r.ID))}
	t.out.Commands = append(t.out.Commands, outbox.Command{Lane: outbox.LaneRef{Kind: outbox.LaneUISData}, Key: t.key, Kind: "get.offline_messages_report", Params: q.Params(), Independent: true,
		Meta: map[string]string{"about": r.Ref()}, Plan: fmt.Sprintf("%s:%d:%d", reportName, r.ID, r.Link.Tries), Name: reportName, Priority: outbox.Live,
		Deadline: t.physical.Add(reportDeadline), ReplyKey: t.key, ReplyKind: KindAnswer})
}

// reported takes the answer in; true: the request is to be judged now, with it or without.
func (t *turn) reported(body []byte) (bool, error) {
	var answer outbox.PlanAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return false, inbox.Permanent(fmt.Errorf("read the answer of a plan: %w", err))
	}
	r := t.request
	if r.Phase != Waiting {
		return false, nil
	}
	t.touched = true
	result := answer.Results[reportName]
	problem := t.take(result)
	if problem != "" && result.State != "refused" && r.Link.Tries <= len(reportPauses) {
		t.out.Timers = append(t.out.Timers, flow.Timer{Name: reportName, At: t.now.Add(reportPauses[r.Link.Tries-1]), Kind: KindTimer, Body: []byte(`{}`)})
		return false, nil
	}
	r.Link.Reported = true
	if problem != "" {
		t.because("request.report_not_read", map[string]any{"text": problem})
		if result.State == "refused" { // the tariff has no such report, or the key no right to it: nothing that a person has to repeat
			t.out.Replaced = append(t.out.Replaced, result.Command)
		}
	}
	return true, nil
}

// take fills in what the row tells; what the notification told stands. The problem is empty when there was a row.
func (t *turn) take(result outbox.Result) (problem string) {
	if result.State != "done" {
		return store.Text(result.State + " " + result.Text)
	}
	rows, err := uis.DecodeOfflineMessages(result.Result)
	if err != nil {
		return store.Text(err.Error())
	}
	for _, row := range rows {
		if row.ID != t.request.ID {
			continue
		}
		body, err := ReportedOf(row)
		if err != nil {
			return store.Text(err.Error())
		}
		n, err := uis.ParseNotification(body)
		if err != nil {
			return store.Text(err.Error())
		}
		for name := range n.Values {
			if text := n.Text(name); text != "" && t.request.Values[name] == "" {
				t.request.Values[name] = store.Text(text)
			}
		}
		return ""
	}
	return "no row"
}
