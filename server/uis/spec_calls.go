package uis

import (
	"encoding/json"
	"slices"
	"time"
)

// callProbes looks for a started call by its external id, among running calls and in the report; either needs a tariff option that may be missing.
func callProbes(sent Sent) []Probe {
	call, ok := paramsOf[StartCall](sent)
	if !ok || call.ExternalID == "" {
		return nil
	}
	probes := []Probe{{API: CallAPI, Method: MethodListCalls, Params: json.RawMessage(`{}`)}}
	if sent.Zone != nil {
		probes = append(probes, reading(DataAPI, "get.calls_report", Query{
			From: sent.At.Add(-clockSlack), Till: sent.At.Add(time.Hour), Zone: sent.Zone,
			Fields: []string{"id", "start_time", "call_api_external_id"}, Filter: Equal("call_api_external_id", call.ExternalID),
			Extra: map[string]any{"include_ongoing_calls": true},
		}))
	}
	return probes
}

func judgeCall(sent Sent, answers []json.RawMessage) Verdict {
	call, ok := paramsOf[StartCall](sent)
	if !ok || call.ExternalID == "" {
		return undecided("the call has no external id")
	}
	running, readRunning := rowsOf[ActiveCall](answers, 0)
	for _, row := range running {
		if string(row.ExternalID) == call.ExternalID {
			return found(int64(row.ID), "it is among the running calls")
		}
	}
	reported, readReport := rowsOf[Call](answers, 1)
	for _, row := range reported {
		if string(row.ExternalID) == call.ExternalID {
			return found(int64(row.ID), "the report has the call")
		}
	}
	if readRunning && readReport {
		return absent("neither running nor reported")
	}
	return undecided("not every place could be read")
}

func notifiedCall(sent Sent, n Notification) Verdict {
	call, ok := paramsOf[StartCall](sent)
	if ok && call.ExternalID != "" && n.ExternalID == call.ExternalID {
		return found(int64(n.CallSessionID), "a notification has its external id")
	}
	return undecided("the notification is about something else")
}

type employeeStatus struct {
	ID       EmployeeID `json:"id"`
	StatusID StatusID   `json:"status_id"`
}

func employeeProbes(sent Sent) []Probe {
	want, ok := paramsOf[employeeStatus](sent)
	if !ok || want.ID == 0 || want.StatusID == 0 {
		return nil
	}
	return []Probe{reading(DataAPI, "get.employees", Query{Fields: []string{"id", "status_id"}, Filter: Equal("id", want.ID)})}
}

func judgeEmployee(sent Sent, answers []json.RawMessage) Verdict {
	want, ok := paramsOf[employeeStatus](sent)
	rows, read := rowsOf[employeeStatus](answers, 0)
	if !ok || !read {
		return undecided("the employee could not be read")
	}
	if slices.Contains(rows, want) {
		return found(int64(want.ID), "the employee has the status")
	}
	return absent("the employee has another status")
}

// contactProbes looks for contacts by the first number, else the first e-mail: both are arrays, which "overlap" is for.
func contactProbes(sent Sent) []Probe {
	want, ok := paramsOf[ContactFields](sent)
	if !ok {
		return nil
	}
	var filter Filter
	switch {
	case want.PhoneNumbers != nil && len(*want.PhoneNumbers) > 0:
		filter = Where("phone_numbers", OpOverlap, *want.PhoneNumbers)
	case want.Emails != nil && len(*want.Emails) > 0:
		filter = Where("emails", OpOverlap, *want.Emails)
	default:
		return nil
	}
	return []Probe{reading(DataAPI, "get.contacts", Query{Filter: filter})}
}

func judgeContact(sent Sent, answers []json.RawMessage) Verdict {
	want, ok := paramsOf[ContactFields](sent)
	rows, read := rowsOf[Contact](answers, 0)
	if !ok || !read {
		return undecided("the address book could not be read")
	}
	for _, row := range rows {
		if want.describes(row) {
			return found(int64(row.ID), "the address book has the contact")
		}
	}
	return absent("the address book has no such contact")
}

// describes reports whether a contact has all that was to be written.
func (f ContactFields) describes(have Contact) bool {
	text := func(want *string, have string) bool { return want == nil || *want == have }
	if !text(f.FirstName, have.FirstName) || !text(f.LastName, have.LastName) || !text(f.Patronymic, have.Patronymic) {
		return false
	}
	if f.PhoneNumbers != nil {
		for _, number := range *f.PhoneNumbers {
			if !slices.ContainsFunc(have.PhoneNumbers, func(w Word) bool { return digits(string(w)) == digits(number) }) {
				return false
			}
		}
	}
	if f.Emails != nil {
		for _, email := range *f.Emails {
			if !slices.Contains(have.Emails, email) {
				return false
			}
		}
	}
	return true
}
