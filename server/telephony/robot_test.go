package telephony

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/account/directory"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/settings"
	"omni/server/uis"
)

const (
	clickLine = "74950000031"
	otherLine = "74950000032"
)

// robotAround is an account with two numbers, one scenario, user 2 who is employee 1002, user 4 who is nobody at UIS and user 5 who is dismissed.
func robotAround() around {
	line := clickLine
	return around{settings: settings.Telephony{Click: settings.Click{Number: &line}}, numbers: []directory.Entry{{ID: clickLine}, {ID: otherLine}}, scenarios: []directory.Entry{{ID: "61"}},
		people: people{matched: map[ids.UISEmployeeID]ids.B24UserID{1002: 2}, dismissed: []ids.B24UserID{5}, admin: 1}}
}

// What is dialled for every way to set the robot up.
func TestRobotTarget(t *testing.T) {
	t.Parallel()
	call := func(line, first string) uis.StartCall {
		return uis.StartCall{VirtualNumber: line, Contact: "79005557001", FirstCall: first, Direction: "out"}
	}
	rings := func(line string) any {
		return uis.EmployeeCall{StartCall: call(line, uis.FirstEmployee), Employee: uis.CallTarget{ID: 1002}}
	}
	for name, c := range map[string]struct {
		task   Task
		user   ids.B24UserID
		method string
		params any
		why    string
	}{
		"the responsible":              {Task{Whom: RingResponsible}, 2, uis.MethodStartEmployeeCall, rings(clickLine), ""},
		"a chosen employee and number": {Task{Whom: RingEmployee, Number: otherLine}, 2, uis.MethodStartEmployeeCall, rings(otherLine), ""},
		"a scenario":                   {Task{Whom: RingScenario, Scenario: 61}, 0, uis.MethodStartScenarioCall, uis.ScenarioCall{StartCall: call(clickLine, uis.FirstContact), ScenarioID: 61}, ""},
		"the number's scenario":        {Task{Whom: RingNumber, Number: otherLine}, 0, uis.MethodStartVNumberCall, uis.VNumberCall{StartCall: call(otherLine, uis.FirstContact)}, ""},
		"a scenario that is gone":      {Task{Whom: RingScenario, Scenario: 62}, 0, "", nil, "robot.scenario_gone"},
		"no scenario":                  {Task{Whom: RingScenario}, 0, "", nil, "robot.scenario_gone"},
		"a number that is gone":        {Task{Whom: RingNumber, Number: "74950000099"}, 0, "", nil, "robot.line_gone"},
		"nobody chosen":                {Task{Whom: RingEmployee}, 0, "", nil, "robot.nobody"},
		"dismissed":                    {Task{Whom: RingEmployee}, 5, "", nil, "robot.dismissed"},
		"nobody at UIS":                {Task{Whom: RingResponsible}, 4, "", nil, "robot.not_matched"},
	} {
		k := Click{Kind: ByRobot, Phone: "79005557001", User: c.user, Task: &c.task}
		method, params, why := k.target(robotAround())
		require.Equal(t, c.why, why.Code, name)
		require.Equal(t, c.method, method, name)
		require.Equal(t, c.params, params, name)
	}
	none := robotAround()
	none.settings.Click.Number = nil
	_, _, why := (&Click{Phone: "79005557001", Task: &Task{Whom: RingNumber}}).target(none)
	require.Equal(t, "robot.no_line", why.Code)
}

// What the portal posts of a robot's properties: texts, a user as user_5.
func TestRobotTask(t *testing.T) {
	t.Parallel()
	at := time.Unix(1700000000, 0)
	require.Equal(t, &Task{Whom: RingResponsible, At: at}, taskOf(map[string]string{"employee": "", "scenario": "", "number": ""}, at))
	require.Equal(t, &Task{Whom: RingEmployee, Employee: 5, Scenario: 61, Number: otherLine, Phone: "+7 900", At: at},
		taskOf(map[string]string{"whom": "employee", "employee": "user_5", "scenario": "61", "number": otherLine, "phone": " +7 900 , +7 901"}, at))
	require.Zero(t, taskOf(map[string]string{"employee": "group_5"}, at).Employee)
}

func TestRobotDocument(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]crm.Ref{"DEAL_15": {Type: crm.Deal, ID: 15}, "LEAD_1": {Type: crm.Lead, ID: 1}, "CONTACT_2": {Type: crm.Contact, ID: 2}, "COMPANY_3": {Type: crm.Company, ID: 3},
		"DYNAMIC_128_5": {}, "SMART_INVOICE_7": {}, "DEAL_": {}, "DEAL_-1": {}, "": {}} {
		require.Equal(t, want, documentOf(document), document)
	}
}

// Whose number is taken: the card's own, else its first contact's, else its company's.
func TestRobotCard(t *testing.T) {
	t.Parallel()
	read := func(item string) robotCard {
		card, ok := cardOf(outbox.Result{State: "done", Result: json.RawMessage(`{"item":` + item + `}`)})
		require.True(t, ok)
		return card
	}
	own := read(`{"assignedById":2,"fm":[{"typeId":"EMAIL","value":"a@b.example"},{"typeId":"PHONE","value":"8 (900) 555-70-01"},{"typeId":"PHONE","value":"79005557002"}],"contactId":0}`)
	require.Equal(t, "79005557001", own.phone())
	require.Empty(t, own.linked())
	deal := read(`{"assignedById":"2","contactIds":["7","8"],"companyId":"9"}`)
	require.Empty(t, deal.phone())
	require.Equal(t, []crm.Ref{{Type: crm.Contact, ID: 7}, {Type: crm.Company, ID: 9}}, deal.linked())
	_, ok := cardOf(outbox.Result{State: "refused", Text: "not found"})
	require.False(t, ok)
}
