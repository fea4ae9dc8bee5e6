package telephony

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/uis"
)

// history is a random call as UIS tells it: people rung, talks, transfers, an end, recordings.
func history(dice *rand.Rand) []string {
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	var list []string
	direction := []string{In, Out}[dice.IntN(2)]
	say := func(event string, more map[string]any) {
		at = at.Add(time.Duration(1+dice.IntN(3000)) * time.Millisecond)
		body := map[string]any{"event": event, "notification_time": at.Format("2006-01-02 15:04:05.000"), "call_session_id": 500001, "direction": direction,
			"contact_info": map[string]any{"contact_phone_number": "79005550001"}}
		for k, v := range more {
			body[k] = v
		}
		raw, _ := json.Marshal(body)
		list = append(list, string(raw))
	}
	employee := func(id int) map[string]any {
		return map[string]any{"employee_id": id, "employee_full_name": fmt.Sprintf("Сотрудник %d", id)}
	}
	opening := map[string]any{"virtual_phone_number": "74950000031", "scenario_name": "Основной сценарий"}
	if direction == Out {
		opening["employee_info"] = employee(1001)
		say("out_call_session", opening)
	} else {
		say("in_call_session", opening)
	}
	leg, total := 10, 0
	for range dice.IntN(4) {
		leg++
		who := 1001 + dice.IntN(3)
		say("call_proceeding", map[string]any{"leg_id": leg, "employee_info": employee(who)})
		if dice.IntN(3) == 0 {
			say("call_disconnected", map[string]any{"leg_id": leg, "employee_info": employee(who)})
			continue
		}
		say("call_connected", map[string]any{"leg_id": leg, "employee_info": employee(who)})
		say("talk_started", map[string]any{"leg_ids": []int{10, leg}, "employee_info": employee(who)})
		talked := 1 + dice.IntN(100)
		total += talked
		say("talk_finished", map[string]any{"leg_ids": []int{10, leg}, "employee_info": employee(who), "talk_time_duration": talked})
		say("call_disconnected", map[string]any{"leg_id": leg, "employee_info": employee(who)})
	}
	if total == 0 && direction == In {
		say("lost_call_session", map[string]any{"wait_time_duration": 9})
	}
	// A transfer may bring another number of the account; the first one told counts (T7).
	say("call_session_finished", map[string]any{"virtual_phone_number": []string{"74950000031", "74950000032", "74950000030"}[dice.IntN(3)], "talk_time_duration": total, "total_time_duration": total + 9, "employee_info": employee(1002)})
	for range dice.IntN(3) {
		say("talk_record_file", map[string]any{"file_link": fmt.Sprintf("https://media.example/%d", dice.Int()), "file_duration": total})
	}
	return list
}

// T, order: whatever order 1,000 random calls' notifications come in and however often each, the call is the same.
func TestAnyOrderIsOneCall(t *testing.T) {
	t.Parallel()
	for seed := range uint64(1000) {
		dice := rand.New(rand.NewPCG(seed, 1))
		said := history(dice)
		hear := func(list []string) *Facts {
			f := &Facts{}
			for _, body := range list {
				n, err := uis.ParseNotification([]byte(body))
				require.NoError(t, err)
				f.take(n, time.UTC, time.Time{})
			}
			return f
		}
		want := hear(said)
		require.True(t, want.known() && want.ended() && want.complete())
		mixed := append([]string{}, said...)
		for range dice.IntN(len(said)) {
			mixed = append(mixed, said[dice.IntN(len(said))])
		}
		dice.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		have := hear(mixed)
		require.JSONEq(t, string(encode(want)), string(encode(have)), "seed %d", seed)
		require.Equal(t, want.talkers(), have.talkers(), "seed %d", seed)
		require.Equal(t, want.employees(), have.employees(), "seed %d", seed)
	}
}

// T14: who has the card before him at each moment of a call with a transfer.
func TestWhoRingsAndTalks(t *testing.T) {
	t.Parallel()
	f := &Facts{}
	step := func(event string, leg string, employee int, at string) {
		legs := `"leg_id":` + leg
		if leg[0] == '[' {
			legs = `"leg_ids":` + leg
		}
		n, err := uis.ParseNotification(fmt.Appendf(nil, `{"event":%q,"call_session_id":1,"notification_time":"2026-03-02 10:00:%s","employee_id":%d,%s}`, event, at, employee, legs))
		require.NoError(t, err)
		f.take(n, time.UTC, time.Time{})
	}
	step("call_proceeding", "11", 1, "01")
	step("call_proceeding", "12", 2, "01")
	require.Equal(t, []ids.UISEmployeeID{1, 2}, f.ringing())
	step("call_connected", "12", 2, "05")
	require.Equal(t, []ids.UISEmployeeID{1, 2}, f.ringing(), "nobody's card goes before it is told who talks")
	step("talk_started", "[10,12]", 2, "05")
	step("call_disconnected", "11", 1, "05")
	require.Empty(t, f.ringing())
	require.Equal(t, ids.UISEmployeeID(2), f.talking())
	step("talk_finished", "[10,12]", 2, "20")
	step("call_proceeding", "13", 3, "20")
	require.Equal(t, []ids.UISEmployeeID{3}, f.ringing())
	require.Zero(t, f.talking())
	step("call_connected", "13", 3, "25")
	require.Equal(t, []ids.UISEmployeeID{3}, f.ringing())
	step("talk_started", "[10,13]", 3, "25")
	require.Equal(t, ids.UISEmployeeID(3), f.talking())
	require.Equal(t, []ids.UISEmployeeID{2, 3}, f.talkers())
	step("call_session_finished", "10", 3, "50")
	require.Zero(t, f.talking())
	require.Empty(t, f.ringing())
}

// U3: the report completes what was told, and changes nothing of it; a call nobody told of is known by it alone.
func TestTheReportCompletes(t *testing.T) {
	t.Parallel()
	report := Reported{Direction: In, Phone: "79005550001", Number: "74950000031", Start: "2026-03-02 10:00:00", Finish: "2026-03-02 10:03:00", Wait: 10, Talk: 150, Total: 180, First: 2, Last: 3,
		Employees: []int64{2, 3}, Record: "https://media.example/9", Values: map[string]string{"scenario_name": "Основной сценарий"}}
	alone := &Facts{}
	alone.report(report, time.UTC, time.Time{})
	require.True(t, alone.known() && alone.ended() && alone.answered() && alone.complete())
	require.Equal(t, []ids.UISEmployeeID{2, 3}, alone.talkers())
	require.Equal(t, 150, alone.seconds())
	link, _ := alone.recording()
	require.Equal(t, "https://media.example/9", link)

	told := &Facts{}
	for seed := uint64(1); !told.answered(); seed++ { // a random call in which somebody talked
		told = &Facts{}
		for _, body := range history(rand.New(rand.NewPCG(seed, 1))) {
			n, err := uis.ParseNotification([]byte(body))
			require.NoError(t, err)
			told.take(n, time.UTC, time.Time{})
		}
	}
	talkers, seconds := told.talkers(), told.seconds()
	report.Talk = seconds
	told.report(report, time.UTC, time.Time{})
	require.Equal(t, talkers, told.talkers(), "who talked was told")
	require.Equal(t, seconds, told.seconds())
}
