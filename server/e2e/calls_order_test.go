package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// notice is a notification of a random history: which session and client it is about is filled in when it is sent.
type notice map[string]any

// history is a random call as UIS tells it: people rung one after the other or together, talks, transfers, an end, a recording.
type history struct {
	seed     uint64
	before   []found
	number   string
	said     []notice
	outgoing bool
}

// randomHistory makes a history that began at a moment; record is a recording that UIS has.
func randomHistory(seed uint64, began time.Time, record string) history {
	dice := rand.New(rand.NewPCG(seed, 7))
	h := history{seed: seed, number: []string{mainNumber, advertNumber}[dice.IntN(2)], outgoing: dice.IntN(3) == 0}
	h.before = [][]found{nil, nil, {{portal.Lead, 1, false}}, {{portal.Lead, 3, true}}, {{portal.Contact, 1, false}}, {{portal.Contact, 1, false}, {portal.Deal, 4, false}},
		{{portal.Contact, 3, false}, {portal.Company, 1, false}, {portal.Deal, 4, true}}}[dice.IntN(7)]
	at := began.In(time.FixedZone("MSK", 3*3600))
	direction := map[bool]string{true: "out", false: "in"}[h.outgoing]
	say := func(event string, after time.Duration, more notice) {
		at = at.Add(after + time.Duration(1+dice.IntN(900))*time.Millisecond)
		body := notice{"event": event, "notification_time": at.Format("2006-01-02 15:04:05.000"), "direction": direction}
		for k, v := range more {
			body[k] = v
		}
		h.said = append(h.said, body)
	}
	person := func(id int) map[string]any {
		return map[string]any{"employee_id": id, "employee_full_name": fmt.Sprintf("Сотрудник %d", id)}
	}
	people := []int{1001, 1002, 1003, stranger}
	const scenario = "Основной сценарий"
	client := fmt.Sprintf("Клиент %d", seed)
	opening := notice{"virtual_phone_number": h.number, "contact_full_name": client}
	if h.outgoing {
		opening["employee_info"] = person(people[dice.IntN(4)])
		say("out_call_session", 0, opening)
	} else {
		opening["scenario_name"] = scenario
		say("in_call_session", 0, opening)
	}
	leg, total := 10, 0
	for range dice.IntN(4) {
		var rung []int
		for range 1 + dice.IntN(2) {
			leg++
			rung = append(rung, leg)
			say("call_proceeding", 0, notice{"leg_id": leg, "employee_info": person(people[leg%4])})
		}
		taken := rung[dice.IntN(len(rung))]
		if dice.IntN(3) == 0 {
			taken = 0
		}
		for _, l := range rung {
			if l != taken {
				say("call_disconnected", time.Second, notice{"leg_id": l, "employee_info": person(people[l%4])})
			}
		}
		if taken == 0 {
			continue
		}
		who := person(people[taken%4])
		say("call_connected", 0, notice{"leg_id": taken, "employee_info": who})
		say("talk_started", 0, notice{"leg_ids": []int{10, taken}, "employee_info": who})
		talked := 2 + dice.IntN(60)
		total += talked
		say("talk_finished", time.Duration(talked)*time.Second, notice{"leg_ids": []int{10, taken}, "employee_info": who, "talk_time_duration": talked, "virtual_phone_number": h.number, "scenario_name": scenario})
		say("call_disconnected", 0, notice{"leg_id": taken, "employee_info": who})
	}
	if total == 0 && !h.outgoing {
		say("lost_call_session", 0, notice{"virtual_phone_number": h.number, "scenario_name": scenario, "contact_full_name": client, "wait_time_duration": 9})
	}
	end := notice{"virtual_phone_number": h.number, "scenario_name": scenario, "talk_time_duration": total, "total_time_duration": total + 9, "wait_time_duration": 9}
	if leg > 10 {
		end["employee_info"] = person(people[leg%4])
	}
	say("call_session_finished", 0, end)
	if total > 0 && dice.IntN(2) == 0 {
		say("talk_record_file", 0, notice{"virtual_phone_number": h.number, "scenario_name": scenario, "contact_full_name": client, "file_link": record, "file_duration": total})
	}
	return h
}

// mixed is the same in another order, with some of it twice: once more as it was, or as another rule of the account words it.
func (h history) mixed() []notice {
	dice := rand.New(rand.NewPCG(h.seed, 8))
	list := slices.Clone(h.said)
	for range dice.IntN(len(h.said)) {
		again := notice{}
		for k, v := range h.said[dice.IntN(len(h.said))] {
			again[k] = v
		}
		if dice.IntN(2) == 0 {
			again["notification_name"] = "ещё раз"
		}
		list = append(list, again)
	}
	dice.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// outcome is everything the portal has of a client and his call, without what names either.
func (c *callCentre) outcome(session int64, phone string, items map[int][]portal.Item, activities []portal.Activity, calls []portal.Call) string {
	c.t.Helper()
	var lines []string
	say := func(format string, args ...any) {
		text := strings.ReplaceAll(fmt.Sprintf(format, args...), phone, "{phone}")
		lines = append(lines, strings.ReplaceAll(text, fmt.Sprint(session), "{session}"))
	}
	mine := map[portal.Binding]bool{}
	for _, typ := range []int{portal.Contact, portal.Company, portal.Lead, portal.Deal} {
		for _, item := range items[typ] {
			f := item.Fields
			tied := slices.ContainsFunc(item.Phones, func(p string) bool { return portal.NormalizePhone(p) == portal.NormalizePhone("+"+phone) }) ||
				mine[portal.Binding{Type: portal.Contact, ID: whole(f["contactId"])}] || mine[portal.Binding{Type: portal.Company, ID: whole(f["companyId"])}]
			if !tied {
				continue
			}
			mine[portal.Binding{Type: typ, ID: item.ID}] = true
			say("%d: %v %v, %v's, %v, %v, contact %t, company %t, first %v", typ, f["title"], f["name"], f["assignedById"], f["stageId"], f["sourceDescription"],
				whole(f["contactId"]) != 0, whole(f["companyId"]) != 0, f["ufCrmOmniFirstId"])
		}
	}
	activity := 0
	for _, k := range calls {
		if k.External == fmt.Sprint(session) {
			say("call: type %d, line %s, over %t, %v's, %v s, %v, shown %v, recording %t", k.Type, k.Line, k.Finished, k.Stat["PORTAL_USER_ID"], k.Stat["CALL_DURATION"], k.Stat["CALL_FAILED_CODE"],
				k.Shown, k.Record != "")
			activity = k.Activity
		}
	}
	for _, a := range activities {
		var kinds []int
		for _, b := range a.Bindings {
			if mine[b] {
				kinds = append(kinds, b.Type)
			}
		}
		if len(kinds) > 0 {
			slices.Sort(kinds)
			say("activity: the call's %t, %v's, done %v, in %v", a.ID == activity, a.Fields["RESPONSIBLE_ID"], a.Fields["COMPLETED"], kinds)
		}
	}
	return strings.Join(lines, "\n")
}

// TestAnyOrderGivesOnePortal: whatever order the notifications of random calls come in and however often each, the portal ends up the same: entities, whose they are,
// ties, the activity and its state, the recording. OMNI_TEST_HISTORIES is how many (60; the plan's figure is 1,000).
func TestAnyOrderGivesOnePortal(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) {
		s["records"], s["number_as_source"] = map[string]any{"send": true, "with_filters": false}, true
		s["responsibles"] = []any{numberRule(3, advertNumber)}
		s["templates"] = []any{map[string]any{"direction": "in", "entity": "lead", "filter": []any{}, "text": "{{contact_phone_number}} {{scenario_name}}"}}
	})
	histories := number(t, "OMNI_TEST_HISTORIES", 60)
	recorded := c.playQuietly("answered", uisplatform.CallSpec{Contact: "79005569999", Employee: caller})
	record := c.recordOf(recorded)
	address := decode[struct{ Items []struct{ URL string } }](t, c.must("GET", "/uis/notifications", nil)).Items[0].URL
	send := func(session int64, phone string, list []notice) {
		for _, one := range list {
			body := notice{"call_session_id": session, "contact_info": map[string]any{"contact_phone_number": phone}}
			for k, v := range one {
				body[k] = v
			}
			encoded, err := json.Marshal(body)
			if err != nil {
				panic(err)
			}
			if code, answer := ask("POST", address, "", raw{"application/json", encoded, nil}); code >= 300 {
				panic(fmt.Sprint(code, string(answer)))
			}
		}
	}
	session := func(i, way int) int64 { return 900_000_001 + int64(2*i+way) }
	phone := func(i, way int) string { return fmt.Sprintf("790%d%07d", 2+way, i) }
	const crowd = 20
	var ahead time.Duration // of the servers' clock
	for from := 0; from < histories; from += crowd {
		list := map[int]history{}
		for i := from; i < min(from+crowd, histories); i++ {
			list[i] = randomHistory(uint64(i+1), time.Now().Add(ahead-30*time.Minute), record)
			for way := range 2 {
				made := map[int][]int{}
				for _, f := range list[i].before {
					made[f.typ] = append(made[f.typ], c.putFound(f, phone(i, way), made))
				}
			}
		}
		c.w.rest()
		var all sync.WaitGroup
		places := make(chan struct{}, 4)
		for i, h := range list {
			for way, said := range [][]notice{h.said, h.mixed()} {
				all.Go(func() {
					places <- struct{}{}
					defer func() { <-places }()
					send(session(i, way), phone(i, way), said)
				})
			}
		}
		all.Wait()
		for _, later := range []time.Duration{0, 40 * time.Second, 3 * time.Minute, 11 * time.Minute} { // what is asked of the report, which does not know these calls, is asked again
			c.advance(later + time.Millisecond)
			c.quiet()
			ahead += later + 15*time.Second
		}
		items := map[int][]portal.Item{}
		for _, typ := range []int{portal.Contact, portal.Company, portal.Lead, portal.Deal} {
			items[typ] = c.portal.Items(typ)
		}
		activities, calls := c.portal.State().Activities, c.portal.Calls()
		for i, h := range list {
			want := c.outcome(session(i, 0), phone(i, 0), items, activities, calls)
			have := c.outcome(session(i, 1), phone(i, 1), items, activities, calls)
			require.Contains(t, want, "over true", "seed %d", h.seed)
			if want != have {
				var order []string
				for _, one := range h.mixed() {
					order = append(order, fmt.Sprint(one["event"], " ", one["notification_time"]))
				}
				_, codes := c.whyCall(session(i, 1))
				t.Errorf("seed %d, in order:\n%s\n\nmixed:\n%s\n\n%s\n%v", h.seed, want, have, strings.Join(order, "\n"), codes)
			}
		}
		if t.Failed() {
			return
		}
	}
	require.Zero(t, c.rows(`SELECT count(*) FROM inbox WHERE aside_at IS NOT NULL`))
	c.w.clean()
}

// recordOf is where UIS has the recording of a call.
func (c *callCentre) recordOf(session int64) string {
	c.t.Helper()
	for _, d := range c.uis.Deliveries() {
		var body struct {
			Event   string
			Session int64 `json:"call_session_id"`
			File    struct {
				Link string `json:"file_link"`
			} `json:"call_record_file_info"`
		}
		if json.Unmarshal([]byte(d.Body), &body) == nil && body.Event == "talk_record_file" && body.Session == session {
			return body.File.Link
		}
	}
	c.t.Fatalf("call %d has no recording", session)
	return ""
}
