package telephony

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/uis"
)

// KindReported completes a call by what UIS' report tells of it: notifications of it never came.
const KindReported = "call.reported"

// Reported is what the report tells of a call that is over. Times are in the account's zone.
type Reported struct {
	Direction string            `json:"direction"`
	Phone     string            `json:"phone"`
	Number    string            `json:"number"`
	External  string            `json:"external_id,omitempty"`
	Start     uis.WallTime      `json:"start"`
	Finish    uis.WallTime      `json:"finish"`
	Wait      int               `json:"wait,omitempty"`
	Talk      int               `json:"talk,omitempty"`
	Total     int               `json:"total,omitempty"`
	First     ids.UISEmployeeID `json:"first,omitempty"`
	Last      ids.UISEmployeeID `json:"last,omitempty"`
	Employees []int64           `json:"employees,omitempty"`
	Record    string            `json:"record,omitempty"`
	Voice     bool              `json:"voice,omitempty"` // the recording is a message left on the voice mail
	Values    map[string]string `json:"values,omitempty"`
}

// ReportedOf takes a row of the report over (get.calls_report).
func ReportedOf(c uis.Call) Reported {
	r := Reported{Direction: c.Direction, Phone: string(c.ContactNumber), Number: string(c.VirtualNumber), External: string(c.ExternalID), Start: c.StartTime, Finish: c.FinishTime,
		Wait: int(c.WaitDuration), Talk: int(c.TalkDuration), Total: int(c.TotalDuration), First: ids.UISEmployeeID(c.FirstTalked), Last: ids.UISEmployeeID(c.LastTalked),
		Record: cmp.Or(c.RecordLink, c.VoiceMail()), Voice: c.RecordLink == "", Values: visitOf(c)}
	for _, e := range c.Employees {
		r.Employees = append(r.Employees, int64(e.ID))
	}
	return r
}

// reported takes the report's word in; what notifications told already stands.
func (t *turn) reported(event inbox.Event) error {
	var r Reported
	if err := json.Unmarshal(event.Body, &r); err != nil {
		return inbox.Permanent(fmt.Errorf("read what the report tells of a call: %w", err))
	}
	t.call.Facts.report(r, t.zone(), event.ReceivedAt)
	t.heard, t.touched = append(t.heard, ""), true
	return nil
}

func (f *Facts) report(r Reported, zone *time.Location, received time.Time) {
	at := func(w uis.WallTime) time.Time {
		when, err := w.In(zone)
		if err != nil || when.IsZero() {
			return received
		}
		return when
	}
	started, ended := at(r.Start), at(r.Finish)
	if f.Direction == "" {
		f.Direction = r.Direction
	}
	if f.Phone == "" {
		f.Phone = r.Phone
	}
	if f.Number == "" {
		f.Number = r.Number
	}
	if f.ExternalID == "" {
		f.ExternalID = r.External
	}
	f.Announced, f.NoPhone = true, f.Phone == ""
	f.StartedAt, f.EndedAt = earlier(f.StartedAt, started), earlier(f.EndedAt, ended)
	f.Talked, f.Waited, f.Total = max(f.Talked, r.Talk), max(f.Waited, r.Wait), max(f.Total, r.Total)
	if f.Caller == 0 && f.Direction == Out && len(r.Employees) > 0 {
		f.Caller = ids.UISEmployeeID(r.Employees[0])
	}
	if r.Talk > 0 && (len(f.Talks) == 0 || !f.complete()) {
		f.tellTalks(r, started, ended)
	}
	if r.Record != "" && len(f.Records) == 0 {
		f.Records = map[string]Record{r.Record: {At: ended, Seconds: r.Talk, Voice: r.Voice}}
	}
	f.told(r.Values)
	f.Visited = true
}

// tellTalks puts who talked first and last in the place of the talks that were not told; how long each was the report does not say.
func (f *Facts) tellTalks(r Reported, started, ended time.Time) {
	f.Talks = map[string]*Talk{"first": {Employee: r.First, From: started.Add(time.Duration(r.Wait) * time.Second), To: ended, Seconds: r.Talk}}
	if r.Last != 0 && r.Last != r.First {
		f.Talks["last"] = &Talk{Employee: r.Last, From: ended.Add(-time.Second), To: ended, Leg: 1}
	}
}
