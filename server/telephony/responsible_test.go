package telephony

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/rules"
	"omni/server/settings"
)

// Who is who in the tables: the default, the talker (of an outgoing call the caller), the rule's person, the responsibles of contact, company and work.
const (
	standard  ids.B24UserID = 4
	talker    ids.B24UserID = 2
	ruled     ids.B24UserID = 3
	ofPerson  ids.B24UserID = 11
	ofCompany ids.B24UserID = 12
	ofWork    ids.B24UserID = 14
)

// T9, every row. created is who gets what the call made, open who gets the open lead or deal that was found (0: unchanged).
func TestResponsibles(t *testing.T) {
	t.Parallel()
	first := crm.CallAnswer{First: true}
	repeat := func(open bool, existing ...ids.B24UserID) crm.CallAnswer {
		a := crm.CallAnswer{Existing: existing}
		if open {
			a.Open = &crm.Owned{Ref: crm.Ref{Type: crm.Deal, ID: 1}, Responsible: existing[len(existing)-1]}
		}
		return a
	}
	call := func(direction string, answered bool, talker, rule ids.B24UserID) who {
		return who{direction: direction, answered: answered, talker: talker, rule: rule, standard: standard, standIn: 1}
	}
	for _, row := range []struct {
		name                    string
		who                     who
		picture                 crm.CallAnswer
		created, open, activity ids.B24UserID
	}{
		{"1 first, outbound, caller not matched", call(Out, true, 0, 0), first, standard, 0, standard},
		{"2 first, outbound, caller matched", call(Out, true, talker, 0), first, talker, 0, talker},
		{"2 the same unanswered", call(Out, false, talker, 0), first, talker, 0, talker},
		{"3 first, missed", call(In, false, 0, 0), first, standard, 0, standard},
		{"4 first, answered", call(In, true, talker, 0), first, talker, 0, talker},
		{"4 the talker is not matched", call(In, true, 0, 0), first, standard, 0, standard},
		{"5 first, missed, a rule", call(In, false, 0, ruled), first, ruled, 0, ruled},
		{"6 first, answered, a rule", call(In, true, talker, ruled), first, talker, 0, talker},
		{"6 the talker is not matched", call(In, true, 0, ruled), first, ruled, 0, ruled},
		{"7 missed on the rule's number", call(In, false, 0, ruled), repeat(true, ofPerson, ofWork), ofPerson, 0, ofPerson},
		{"8 missed, no rule for it", call(In, false, 0, 0), repeat(true, ofPerson, ofWork), ofPerson, 0, ofPerson},
		{"10 answered, a rule holds", call(In, true, talker, ruled), repeat(true, ofPerson, ofWork), ofPerson, talker, talker},
		{"10 the talker is not matched", call(In, true, 0, ruled), repeat(true, ofPerson, ofWork), ofPerson, 0, ofPerson},
		{"11 answered, no rule", call(In, true, talker, 0), repeat(true, ofPerson, ofWork), ofPerson, 0, talker},
		{"12 outbound, caller matched", call(Out, false, talker, 0), repeat(true, ofPerson, ofWork), ofPerson, 0, talker},
		{"13 outbound, caller not matched", call(Out, true, 0, 0), repeat(true, ofPerson, ofWork), ofPerson, 0, ofPerson},
		{"9 missed on another number with a rule", call(In, false, 0, ruled), repeat(true, ofPerson, ofWork), ofPerson, 0, ofPerson},
		{"14 contact, company, open deal, missed", call(In, false, 0, 0), repeat(true, ofPerson, ofCompany, ofWork), ofPerson, 0, ofPerson},
		{"14 the same answered", call(In, true, talker, 0), repeat(true, ofPerson, ofCompany, ofWork), ofPerson, 0, talker},
		{"14 the same answered, a rule holds (10)", call(In, true, talker, ruled), repeat(true, ofPerson, ofCompany, ofWork), ofPerson, talker, talker},
		{"16 company, open deal, missed", call(In, false, 0, ruled), repeat(true, ofCompany, ofWork), ofCompany, 0, ofCompany},
		{"16 the same answered", call(In, true, talker, 0), repeat(true, ofCompany, ofWork), ofCompany, 0, talker},
		{"17 the deal alone, answered", call(In, true, talker, 0), repeat(true, ofWork), ofWork, 0, talker},
		{"18 contact, open deal, missed", call(In, false, 0, ruled), repeat(true, ofPerson, ofWork), ofPerson, 0, ofPerson},
		{"18 the same answered", call(In, true, talker, 0), repeat(true, ofPerson, ofWork), ofPerson, 0, talker},
		{"19 lead, contact, deal, company, missed", call(In, false, 0, ruled), repeat(true, ofPerson, ofCompany, ofWork), ofPerson, 0, ofPerson},
		{"19 the same answered", call(In, true, talker, 0), repeat(true, ofPerson, ofCompany, ofWork), ofPerson, 0, talker},
		{"20 lead, contact, missed", call(In, false, 0, ruled), repeat(true, ofPerson, ofWork), ofPerson, 0, ofPerson},
		{"20 the same answered", call(In, true, talker, 0), repeat(true, ofPerson, ofWork), ofPerson, 0, talker},
		{"21 the lead alone, answered", call(In, true, talker, 0), repeat(true, ofWork), ofWork, 0, talker},
		{"22 closed lead alone, missed", call(In, false, 0, ruled), repeat(false, ofWork), ofWork, 0, ofWork},
		{"15 only closed, missed", call(In, false, 0, 0), repeat(false, ofPerson, ofWork), ofPerson, 0, ofPerson},
		{"15 only closed, answered", call(In, true, talker, ruled), repeat(false, ofPerson, ofWork), ofPerson, 0, talker},
		{"17, 21 the work alone, missed", call(In, false, 0, 0), repeat(true, ofWork), ofWork, 0, ofWork},
		{"22 closed lead alone, answered", call(In, true, talker, 0), repeat(false, ofWork), ofWork, 0, talker},
		{"the existing people were dismissed, missed", call(In, false, 0, ruled), crm.CallAnswer{}, ruled, 0, ruled},
		{"the existing people were dismissed, answered", call(In, true, talker, 0), crm.CallAnswer{}, talker, 0, talker},
		{"the default was dismissed", who{direction: In, standIn: 1}, first, 1, 0, 1},
	} {
		require.Equal(t, Verdict{row.created, row.open, row.activity}, row.who.judge(row.picture), row.name)
	}
}

func condition(param string, op rules.Op, values ...string) rules.Filter {
	return rules.Filter{{{Param: param, Op: op, Values: values}}}
}

// T12, every row that passes the filter (row 4 and 10 do not: T8).
func TestRecords(t *testing.T) {
	t.Parallel()
	include, exclude := condition("employee", rules.Include, "7"), condition("last_operation", rules.Exclude, "7")
	other := condition("virtual_number", rules.Include, "7")
	for _, row := range []struct {
		row                 string
		send, when          bool
		filter              rules.Filter
		activity, recording bool
	}{
		{"1", true, false, nil, true, true}, {"1", true, false, other, true, true}, {"2", true, true, nil, true, true}, {"3", true, true, include, true, true},
		{"5", true, true, exclude, true, true}, {"6", true, false, include, false, false}, {"7", true, false, exclude, false, false}, {"8", false, false, nil, true, false},
		{"8", false, true, nil, true, false}, {"9", false, false, include, false, false}, {"9", false, true, exclude, false, false},
	} {
		for _, direction := range []string{In, Out} {
			s := settings.Telephony{FilterOn: true, Records: settings.Records{Send: row.send, WithFilters: row.when}}
			if direction == In {
				s.FilterInbound, s.FilterOutbound = row.filter, condition("employee", rules.Include, "1")
			} else {
				s.FilterOutbound, s.FilterInbound = row.filter, condition("employee", rules.Include, "1")
			}
			require.Equal(t, passedOn{row.activity, row.recording}, records(s, direction), "row %s, %s: the filter of the call's direction counts", row.row, direction)
		}
		s := settings.Telephony{FilterInbound: row.filter, Records: settings.Records{Send: row.send, WithFilters: row.when}}
		require.Equal(t, passedOn{true, row.send}, records(s, In), "a filter that is off is none")
	}
}

// P3a, T2, T8, T8a: what of a call passes, and why not.
func TestPass(t *testing.T) {
	t.Parallel()
	portal := int64(1)
	doc := func(change func(*settings.Document)) settings.Document {
		d := settings.Initial()
		d.Main.Enabled, d.Telephony.Enabled, d.Telephony.Portal = true, true, &portal
		d.Telephony.FilterOn = true
		change(&d)
		return d
	}
	rung := func(change func(*Facts)) *Facts {
		f := &Facts{Direction: In, Phone: "79005550001", Number: "74950000031"}
		if change != nil {
			change(f)
		}
		return f
	}
	talk := func(f *Facts) { f.Talks = map[string]*Talk{"1-2": {Employee: 7}} }
	for name, row := range map[string]struct {
		doc  settings.Document
		call *Facts
		want passage
		why  string
	}{
		"main off":        {doc(func(d *settings.Document) { d.Main.Enabled = false }), rung(nil), refused, "settings.main_off"},
		"section off":     {doc(func(d *settings.Document) { d.Telephony.Enabled = false }), rung(nil), refused, "settings.telephony_off"},
		"no portal":       {doc(func(d *settings.Document) { d.Telephony.Portal = nil }), rung(nil), refused, "settings.no_portal"},
		"other telephony": {doc(func(d *settings.Document) { d.Telephony.OtherTelephony = true }), rung(nil), watches, ""},
		"empty filter":    {doc(func(*settings.Document) {}), rung(nil), passes, ""},
		"its number": {doc(func(d *settings.Document) {
			d.Telephony.FilterInbound = condition("virtual_number", rules.Include, "74950000031")
		}), rung(nil), passes, ""},
		"another number": {doc(func(d *settings.Document) {
			d.Telephony.FilterInbound = condition("virtual_number", rules.Include, "1")
		}), rung(nil), refused, "call.filtered_out"},
		"excluded": {doc(func(d *settings.Document) {
			d.Telephony.FilterInbound = condition("virtual_number", rules.Exclude, "74950000031")
		}), rung(nil), refused, "call.filtered_out"},
		"filter is off": {doc(func(d *settings.Document) {
			d.Telephony.FilterOn = false
			d.Telephony.FilterInbound = condition("virtual_number", rules.Include, "1")
		}), rung(nil), passes, ""},
		"the other's filter": {doc(func(d *settings.Document) {
			d.Telephony.FilterOutbound = condition("virtual_number", rules.Include, "1")
		}), rung(nil), passes, ""},
		"employee, ringing":  {doc(func(d *settings.Document) { d.Telephony.FilterInbound = condition("employee", rules.Include, "7") }), rung(nil), waits, ""},
		"employee, answered": {doc(func(d *settings.Document) { d.Telephony.FilterInbound = condition("employee", rules.Include, "7") }), rung(talk), passes, ""},
		"employee, missed": {doc(func(d *settings.Document) { d.Telephony.FilterInbound = condition("employee", rules.Exclude, "7") }),
			rung(func(f *Facts) { f.EndedAt = f.StartedAt.AddDate(2000, 0, 0) }), refused, "call.filter_needs_answer"},
		"caller excluded": {doc(func(d *settings.Document) { d.Telephony.FilterOutbound = condition("employee", rules.Exclude, "7") }),
			rung(func(f *Facts) { f.Direction, f.Caller = Out, 7 }), refused, "call.filtered_out"},
	} {
		have, why := pass(row.doc, row.call, paramsOf(row.call, nil))
		require.Equal(t, row.want, have, name)
		require.Equal(t, row.why, why.Code, name)
	}
}

// R3, R5, R6, R4: rules of a call are tried in their order; without one the defaults count.
func TestRulesOfACall(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	pipeline := int64(3)
	user := func(n int64) *int64 { return &n }
	s := settings.Telephony{
		Funnel:         settings.Funnel{LeadStage: text("NEW")},
		FunnelsInbound: []settings.FunnelRule{{Filter: condition("virtual_number", rules.Include, "1"), LeadStage: text("HOT"), Pipeline: &pipeline, DealStage: text("C3:NEW")}},
		Responsibles:   []settings.ResponsibleRule{{Filter: condition("virtual_number", rules.Include, "2"), User: 8}, {Filter: condition("virtual_number", rules.Include, "1", "2"), User: 9}},
		Templates: []settings.CallTemplate{{Direction: In, Entity: "lead", Filter: condition("virtual_number", rules.Include, "2"), Text: "no"},
			{Direction: In, Entity: "lead", Text: "Звонок {{contact_phone_number}}"}, {Direction: Out, Entity: "deal", Text: "out"}, {Direction: In, Entity: "contact", Text: "Клиент {{name}}"}},
		ResponsibleInbound: user(4), ResponsibleOutbound: user(5)}
	f := &Facts{Direction: In, Phone: "79005550001", Number: "1", Values: map[string]Value{"contact_full_name": {Text: "[B]Мария[/B]"}}}
	params := paramsOf(f, nil)
	require.Equal(t, crm.Funnel{LeadStage: "HOT", Pipeline: &pipeline, DealStage: "C3:NEW"}, funnelOf(s, In, params))
	require.Equal(t, crm.Funnel{LeadStage: "NEW"}, funnelOf(s, Out, params))
	require.Equal(t, ids.B24UserID(9), everybody(s, f, people{}, params).rule)
	require.Zero(t, everybody(s, f, people{dismissed: []ids.B24UserID{9}}, params).rule, "a dismissed person is nobody")
	have := titles(s, In, "standard", params, variablesOf(5, f, "OMNI"))
	require.Equal(t, "Звонок 79005550001", have[crm.Lead])
	require.Equal(t, "standard", have[crm.Deal])
	require.NotContains(t, have[crm.Contact], "[B]", "a value never brings markup in")
	require.Equal(t, fmt.Sprint(talker, " ", standard), fmt.Sprint(
		everybody(settings.Telephony{Talker: "last"}, &Facts{Direction: In, Talks: map[string]*Talk{"1-2": {Employee: 7, Leg: 2}, "1-3": {Employee: 8, Leg: 3}}},
			people{matched: map[ids.UISEmployeeID]ids.B24UserID{7: standard, 8: talker}}, nil).talker, " ",
		everybody(settings.Telephony{Talker: "first"}, &Facts{Direction: In, Talks: map[string]*Talk{"1-2": {Employee: 7, Leg: 2}, "1-3": {Employee: 8, Leg: 3}}},
			people{matched: map[ids.UISEmployeeID]ids.B24UserID{7: standard, 8: talker}}, nil).talker))
}
