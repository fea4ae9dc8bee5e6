package telephony

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"omni/server/ids"
	"omni/server/uis"
)

// The directions of a call.
const (
	In  = "in"
	Out = "out"
)

// Facts are what notifications told of one call session. They are the same whatever the order of the notifications and however often each came: every
// value remembers when it was told, and the latest telling counts.
type Facts struct {
	Direction string `json:"direction,omitempty"`
	// Phone is the client's number, Number the account's virtual one: digits of E.164 without plus. NoPhone: the session was announced without the client's.
	Phone   string `json:"phone,omitempty"`
	Number  string `json:"number,omitempty"`
	NoPhone bool   `json:"no_phone,omitempty"`
	// PhoneAt and NumberAt are when they were told: of several numbers of a call the one that was told of first counts (T7). Zero: a report told it, or it counts for good.
	PhoneAt  time.Time `json:"phone_at,omitzero"`
	NumberAt time.Time `json:"number_at,omitzero"`
	// Announced: the notification that opens the session came, which tells both numbers.
	Announced  bool   `json:"announced,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	// Caller is who began an outgoing call.
	Caller    ids.UISEmployeeID `json:"caller,omitempty"`
	StartedAt time.Time         `json:"started_at,omitzero"`
	// EndedAt is when the call was over for everybody; zero: it goes on.
	EndedAt time.Time `json:"ended_at,omitzero"`
	// Talked, Waited and Total are seconds as UIS counts them at the end.
	Talked int `json:"talked,omitempty"`
	Waited int `json:"waited,omitempty"`
	Total  int `json:"total,omitempty"`
	// Last is the employee UIS names at the end of an answered call.
	Last    ids.UISEmployeeID `json:"last,omitempty"`
	Legs    map[int64]*Leg    `json:"legs,omitempty"`
	Talks   map[string]*Talk  `json:"talks,omitempty"`
	Records map[string]Record `json:"records,omitempty"`
	Values  map[string]Value  `json:"values,omitempty"`
	// Visited: the report was read for what it knows of the visit.
	Visited bool `json:"visited,omitempty"`
}

// Leg is one participant's line. Employee 0 is the client.
type Leg struct {
	Employee ids.UISEmployeeID `json:"employee,omitempty"`
	RangAt   time.Time         `json:"rang_at,omitzero"`
	TookAt   time.Time         `json:"took_at,omitzero"`
	OverAt   time.Time         `json:"over_at,omitzero"`
}

// Talk is one conversation of an employee with the client.
type Talk struct {
	Employee ids.UISEmployeeID `json:"employee,omitempty"`
	From     time.Time         `json:"from,omitzero"`
	To       time.Time         `json:"to,omitzero"`
	Seconds  int               `json:"seconds,omitempty"`
	// Leg is the newest of its legs: of two talks of one moment the newer leg's is the later.
	Leg int64 `json:"leg,omitempty"`
}

// Record is a recording or a voice-mail message that is ready at UIS.
type Record struct {
	At      time.Time `json:"at"`
	Seconds int       `json:"seconds,omitempty"`
	Voice   bool      `json:"voice,omitempty"`
}

// Value is a variable of notifications with the time of its last telling.
type Value struct {
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// take adds what one notification tells; zone is that of the account at UIS, at the time of receipt for one that names none.
func (f *Facts) take(n uis.Notification, zone *time.Location, received time.Time) {
	at, err := n.Time.In(zone)
	if err != nil || at.IsZero() {
		at = received
	}
	f.values(n, at)
	f.numbers(n, at)
	if f.StartedAt.IsZero() || at.Before(f.StartedAt) {
		f.StartedAt = at
	}
	employee := ids.UISEmployeeID(n.EmployeeID)
	switch n.Event {
	case uis.EventInCall:
		f.Direction, f.Announced = In, true
		f.NoPhone = f.Phone == ""
	case uis.EventOutCall:
		f.Direction, f.Announced, f.Caller = Out, true, employee
		f.NoPhone = f.Phone == ""
	case uis.EventCallProceeding:
		f.leg(n, employee, func(l *Leg) { l.RangAt = earlier(l.RangAt, at) })
	case uis.EventCallConnected:
		f.leg(n, employee, func(l *Leg) { l.TookAt = earlier(l.TookAt, at) })
	case uis.EventCallDisconnected:
		f.leg(n, employee, func(l *Leg) { l.OverAt = earlier(l.OverAt, at) })
	case uis.EventTalkStarted:
		f.talk(n, employee, func(t *Talk) { t.From = earlier(t.From, at) })
	case uis.EventTalkFinished:
		f.talk(n, employee, func(t *Talk) { t.To, t.Seconds = earlier(t.To, at), max(t.Seconds, int(n.TalkTime)) })
	case uis.EventCallFinished:
		f.end(n, at)
		if n.TalkTime > 0 {
			f.Last = employee
		}
	case uis.EventCallLost:
		f.Direction, f.Announced = In, true
		f.NoPhone = f.Phone == ""
		f.end(n, at)
	case uis.EventRecordReady, uis.EventVoiceMessage:
		f.record(n, at)
	default:
	}
}

func (f *Facts) numbers(n uis.Notification, at time.Time) {
	first(&f.Phone, &f.PhoneAt, n.ContactNumber, at)
	if f.Phone != "" {
		f.NoPhone = false
	}
	first(&f.Number, &f.NumberAt, n.VirtualNumber, at)
	f.ExternalID = cmp.Or(f.ExternalID, n.ExternalID)
	if n.Direction == In || n.Direction == Out {
		f.Direction = n.Direction
	}
}

// first keeps what was told of first, and of two told in one moment the smaller, so that no order of hearing makes a difference.
func first(number *string, when *time.Time, told string, at time.Time) {
	if told != "" && (*number == "" || at.Before(*when) || at.Equal(*when) && told < *number) {
		*number, *when = told, at
	}
}

// unkept are variables with a place of their own, or of no use in rules and templates.
var unkept = []string{"event", "notification_name", "notification_time", "notification_mnemonic", "leg_id", "leg_ids", "file_link", "employee_ids"}

func (f *Facts) values(n uis.Notification, at time.Time) {
	for name := range n.Values {
		text := n.Text(name)
		if text == "" || slices.Contains(unkept, name) {
			continue
		}
		have, known := f.Values[name]
		if known && (have.At.After(at) || have.At.Equal(at) && have.Text >= text) {
			continue
		}
		if f.Values == nil {
			f.Values = map[string]Value{}
		}
		f.Values[name] = Value{text, at}
	}
}

func (f *Facts) leg(n uis.Notification, employee ids.UISEmployeeID, change func(*Leg)) {
	for _, id := range n.LegIDs {
		if f.Legs == nil {
			f.Legs = map[int64]*Leg{}
		}
		l := f.Legs[int64(id)]
		if l == nil {
			l = &Leg{}
			f.Legs[int64(id)] = l
		}
		l.Employee = max(l.Employee, employee)
		change(l)
	}
}

func (f *Facts) talk(n uis.Notification, employee ids.UISEmployeeID, change func(*Talk)) {
	legs := make([]string, 0, len(n.LegIDs))
	for _, id := range slices.Sorted(slices.Values(n.LegIDs)) {
		legs = append(legs, strconv.FormatInt(int64(id), 10))
	}
	name := strings.Join(legs, "-")
	if f.Talks == nil {
		f.Talks = map[string]*Talk{}
	}
	t := f.Talks[name]
	if t == nil {
		t = &Talk{}
		f.Talks[name] = t
	}
	t.Employee = max(t.Employee, employee)
	for _, id := range n.LegIDs {
		t.Leg = max(t.Leg, int64(id))
	}
	change(t)
}

func (f *Facts) end(n uis.Notification, at time.Time) {
	f.EndedAt = earlier(f.EndedAt, at)
	f.Talked, f.Waited, f.Total = max(f.Talked, int(n.TalkTime)), max(f.Waited, int(n.WaitTime)), max(f.Total, int(n.TotalTime))
}

func (f *Facts) record(n uis.Notification, at time.Time) {
	if n.FileLink == "" {
		return
	}
	if f.Records == nil {
		f.Records = map[string]Record{}
	}
	have, known := f.Records[n.FileLink]
	if known && !at.Before(have.At) {
		at = have.At
	}
	f.Records[n.FileLink] = Record{At: at, Seconds: max(have.Seconds, int(n.FileDuration)), Voice: n.Event == uis.EventVoiceMessage}
}

// earlier is the earlier of two times, of which a zero one does not count.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// known tells that the call can be judged: which way it goes, both numbers, and of an outgoing one who calls, which its legs tell at the latest.
func (f *Facts) known() bool {
	return f.Direction != "" && f.Phone != "" && f.Number != "" && (f.Direction == In || f.caller() != 0 || f.ended())
}

func (f *Facts) ended() bool { return !f.EndedAt.IsZero() }

// answered tells that an employee and the client talked.
func (f *Facts) answered() bool { return len(f.Talks) > 0 || f.Talked > 0 }

// talkers are the employees who talked, in the order in which they began.
func (f *Facts) talkers() []ids.UISEmployeeID {
	talks := slices.SortedFunc(maps.Values(f.Talks), func(a, b *Talk) int {
		return cmp.Or(a.began().Compare(b.began()), cmp.Compare(a.Leg, b.Leg), cmp.Compare(a.Employee, b.Employee))
	})
	var list []ids.UISEmployeeID
	for _, t := range talks {
		if t.Employee != 0 && (len(list) == 0 || list[len(list)-1] != t.Employee) {
			list = append(list, t.Employee)
		}
	}
	if len(list) == 0 && f.Last != 0 {
		list = append(list, f.Last)
	}
	return list
}

// began is when a talk began, reckoned from its end when only that was told.
func (t *Talk) began() time.Time {
	if t.From.IsZero() {
		return t.To.Add(-time.Duration(t.Seconds) * time.Second)
	}
	return t.From
}

// complete tells that every talk of an ended call was told: their seconds make up what UIS counted. A second is lost to rounding now and then.
func (f *Facts) complete() bool {
	sum := 0
	for _, t := range f.Talks {
		if t.To.IsZero() || t.Employee == 0 {
			return false
		}
		sum += t.Seconds
	}
	return f.Talked <= sum+len(f.Talks)
}

// seconds is how long was talked.
func (f *Facts) seconds() int {
	sum := 0
	for _, t := range f.Talks {
		sum += t.Seconds
	}
	return max(f.Talked, sum)
}

// talking is who talks now; 0: nobody.
func (f *Facts) talking() ids.UISEmployeeID {
	if f.ended() {
		return 0
	}
	var now *Talk
	for _, t := range f.Talks {
		if t.To.IsZero() && (now == nil || t.From.After(now.From)) {
			now = t
		}
	}
	if now == nil {
		return 0
	}
	return now.Employee
}

// ringing are the employees whose telephones ring now, in the order in which they began to. Those who rang when somebody else took the call do no more, even
// if nothing tells the end of their legs. Who has taken the call and whose talk was not told yet is one of them: his card must not go and come again.
func (f *Facts) ringing() []ids.UISEmployeeID {
	if f.ended() {
		return nil
	}
	var taken time.Time
	for _, t := range f.Talks {
		if t.From.After(taken) {
			taken = t.From
		}
	}
	var list []ids.UISEmployeeID
	for _, l := range f.legs() {
		if l.Employee != 0 && l.OverAt.IsZero() && !f.begun(l) && !l.RangAt.Before(taken) && !slices.Contains(list, l.Employee) {
			list = append(list, l.Employee)
		}
	}
	return list
}

// begun tells whether the talk of a leg that was taken was told of.
func (f *Facts) begun(l *Leg) bool {
	if l.TookAt.IsZero() {
		return false
	}
	for _, t := range f.Talks {
		if t.Employee == l.Employee && !t.began().Before(l.RangAt) {
			return true
		}
	}
	return false
}

// employees are all who took part, in the order of their legs.
func (f *Facts) employees() []ids.UISEmployeeID {
	var list []ids.UISEmployeeID
	add := func(e ids.UISEmployeeID) {
		if e != 0 && !slices.Contains(list, e) {
			list = append(list, e)
		}
	}
	add(f.Caller)
	for _, l := range f.legs() {
		add(l.Employee)
	}
	for _, e := range f.talkers() {
		add(e)
	}
	return list
}

func (f *Facts) legs() []*Leg {
	numbers := slices.SortedFunc(maps.Keys(f.Legs), func(a, b int64) int {
		return cmp.Or(f.Legs[a].RangAt.Compare(f.Legs[b].RangAt), cmp.Compare(a, b))
	})
	list := make([]*Leg, len(numbers))
	for i, n := range numbers {
		list[i] = f.Legs[n]
	}
	return list
}

// caller is who began an outgoing call: as it was announced, else the first employee of it.
func (f *Facts) caller() ids.UISEmployeeID {
	if f.Caller != 0 {
		return f.Caller
	}
	for _, e := range f.employees() {
		return e
	}
	return 0
}

// recording is what goes to the portal, which keeps one per call: the newest, and a conversation rather than a voice-mail message.
func (f *Facts) recording() (link string, r Record) {
	for l, one := range f.Records {
		better := link == "" || r.Voice && !one.Voice || r.Voice == one.Voice && (one.At.After(r.At) || one.At.Equal(r.At) && l > link)
		if better {
			link, r = l, one
		}
	}
	return link, r
}

// conversations are how many recordings of conversations are ready.
func (f *Facts) conversations() (n int) {
	for _, r := range f.Records {
		if !r.Voice {
			n++
		}
	}
	return n
}

// value is a variable's text; empty: it was not told.
func (f *Facts) value(name string) string { return f.Values[name].Text }
