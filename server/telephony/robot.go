package telephony

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"omni/server/account/directory"
	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/settings"
	"omni/server/uis"
)

const (
	// KindRobot is a run of one of our robots in the portal's automation.
	KindRobot = "b24.robot"
	// RobotCall is the code of the robot "call the client" (docs: bizproc.robot.add).
	RobotCall = "omni_call"

	robotPrefix = "robot-"
	// robotDeadline is how old a robot's order may be when it is dialled. Nobody waits at a telephone for it, but a client who is rung long after the card moved on
	// does not know why.
	robotDeadline = 5 * time.Minute
)

// The properties of the robot, as they are registered and come with each run.
const (
	PropertyWhom     = "whom"
	PropertyEmployee = "employee"
	PropertyScenario = "scenario"
	PropertyNumber   = "number"
	PropertyPhone    = "phone"
)

// Whom the robot rings beside the client. The responsible of the card is his personal manager.
const (
	RingResponsible = "responsible"
	RingEmployee    = "employee"
	RingScenario    = "scenario"
	RingNumber      = "number"
)

// RobotRun is a run of a robot as it is stored when the portal tells of it.
type RobotRun struct {
	Code string `json:"code"`
	// Document is the last part of document_id, e.g. DEAL_15.
	Document   string            `json:"document"`
	Properties map[string]string `json:"properties"`
	Portal     ids.PortalID      `json:"portal"`
}

// RobotKey is the key of one run.
func RobotKey(name string) ids.Key { return ids.ClickKey(robotPrefix + name) }

// Task is what a robot was told to do, and whose the card is, once it was read.
type Task struct {
	Whom     string         `json:"whom"`
	Employee ids.B24UserID  `json:"employee,omitempty"`
	Scenario uis.ScenarioID `json:"scenario,omitempty"`
	Number   string         `json:"number,omitempty"`
	Phone    string         `json:"phone,omitempty"`
	Of       ids.B24UserID  `json:"of,omitempty"`
	At       time.Time      `json:"at"`
}

// taskOf reads the properties of a run; what was left empty means the default.
func taskOf(properties map[string]string, at time.Time) *Task {
	whole := func(text string) int64 {
		n, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimSpace(text), "user_"), 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	task := &Task{Whom: strings.TrimSpace(properties[PropertyWhom]), Employee: ids.B24UserID(whole(properties[PropertyEmployee])),
		Scenario: uis.ScenarioID(whole(properties[PropertyScenario])), Number: strings.TrimSpace(properties[PropertyNumber]), At: at}
	// A field of the card with several numbers comes as one text.
	first, _, _ := strings.Cut(properties[PropertyPhone], ",")
	task.Phone = strings.TrimSpace(first)
	if task.Whom == "" {
		task.Whom = RingResponsible
	}
	return task
}

// documentOf reads DEAL_15; nothing for what the robot cannot be put on.
func documentOf(document string) crm.Ref {
	kind, number, _ := strings.Cut(document, "_")
	ref := crm.Ref{Type: crm.EntityType(strings.ToLower(kind))}
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id <= 0 || ref.Type.Wire() == 0 {
		return crm.Ref{}
	}
	ref.ID = id
	return ref
}

// around is what a robot's order is held against.
type around struct {
	settings           settings.Telephony
	people             people
	numbers, scenarios []directory.Entry
}

// target is what UIS is asked for, or why nothing is dialled. It is pure.
func (k *Click) target(in around) (method string, params any, why crm.Reason) {
	task := k.Task
	line := task.Number
	if line == "" && in.settings.Click.Number != nil {
		line = *in.settings.Click.Number
	}
	call := uis.StartCall{VirtualNumber: line, Contact: k.Phone, FirstCall: uis.FirstEmployee, Direction: "out"}
	switch {
	case line == "":
		return "", nil, crm.Reason{Code: "robot.no_line"}
	case !listed(in.numbers, line):
		return "", nil, crm.Reason{Code: "robot.line_gone", Args: map[string]any{"line": line}}
	case task.Whom == RingNumber:
		call.FirstCall = uis.FirstContact
		return uis.MethodStartVNumberCall, uis.VNumberCall{StartCall: call}, crm.Reason{}
	case task.Whom == RingScenario && !listed(in.scenarios, strconv.FormatInt(int64(task.Scenario), 10)):
		return "", nil, crm.Reason{Code: "robot.scenario_gone"}
	case task.Whom == RingScenario:
		call.FirstCall = uis.FirstContact
		return uis.MethodStartScenarioCall, uis.ScenarioCall{StartCall: call, ScenarioID: task.Scenario}, crm.Reason{}
	}
	user := k.User
	employee := in.people.employee(in.people.active(user))
	switch {
	case user == 0:
		return "", nil, crm.Reason{Code: "robot.nobody"}
	case in.people.active(user) == 0:
		return "", nil, crm.Reason{Code: "robot.dismissed", Args: map[string]any{"user": user}}
	case employee == 0:
		return "", nil, crm.Reason{Code: "robot.not_matched", Args: map[string]any{"user": user}}
	}
	return uis.MethodStartEmployeeCall, uis.EmployeeCall{StartCall: call, Employee: uis.CallTarget{ID: uis.EmployeeID(employee)}}, crm.Reason{}
}

func listed(entries []directory.Entry, id string) bool {
	return slices.ContainsFunc(entries, func(e directory.Entry) bool { return e.ID == id })
}

// order takes a run of a robot in: the card is read first, as it says whose the client is and whom to tell when nothing comes of it.
func (t *clickTurn) order(event inbox.Event, id string) error {
	var run RobotRun
	if err := json.Unmarshal(event.Body, &run); err != nil {
		return inbox.Permanent(fmt.Errorf("read the run of a robot: %w", err))
	}
	t.click = &Click{ID: id, Portal: run.Portal, Kind: ByRobot, Entity: documentOf(run.Document), Task: taskOf(run.Properties, event.ReceivedAt), At: event.ReceivedAt}
	t.touched = true
	switch {
	case run.Code != RobotCall:
		t.decline(crm.Reason{Code: "robot.unknown", Args: map[string]any{"code": run.Code}})
	case t.robotOff():
		t.decline(crm.Reason{Code: "robot.off"})
	case t.click.Entity.ID == 0:
		t.decline(crm.Reason{Code: "robot.document", Args: map[string]any{"document": run.Document}})
	case !slices.Contains([]string{RingResponsible, RingEmployee, RingScenario, RingNumber}, t.click.Task.Whom):
		t.decline(crm.Reason{Code: "robot.whom", Args: map[string]any{"whom": t.click.Task.Whom}})
	default:
		t.click.State = "looking"
		t.read(doEntity, t.click.Entity)
	}
	return nil
}

func (t *clickTurn) robotOff() bool {
	s := t.doc.Telephony
	return !t.doc.Main.Enabled || !s.Enabled || s.OtherTelephony || portalOf(t.doc) != t.click.Portal
}

// ring dials what the order says, now that the client's number is known.
func (t *clickTurn) ring() {
	task := t.click.Task
	if t.click.User = task.Employee; task.Whom == RingResponsible {
		t.click.User = task.Of
	}
	switch method, params, why := t.click.target(around{t.doc.Telephony, t.people, t.numbers, t.scenarios}); {
	case t.robotOff(): // switched off while the card was read
		t.decline(crm.Reason{Code: "robot.off"})
	case t.now.Sub(task.At) > robotDeadline:
		t.decline(crm.Reason{Code: "robot.late"})
	case why.Code != "":
		t.decline(why)
	default:
		t.dial(method, params)
	}
}

// notRung takes in that UIS has not started the robot's call, or that nobody knows. It is never dialled again (design section 11).
func (t *clickTurn) notRung(r outbox.Result) {
	switch r.State {
	case "expired":
		t.decline(crm.Reason{Code: "robot.late"})
	case "unconfirmed":
		t.decline(crm.Reason{Code: "robot.unclear"})
	default:
		t.decline(crm.Reason{Code: "robot.refused", Args: map[string]any{"text": r.Text}})
	}
}

// decline ends an order that comes to nothing. The responsible of the card is told why; without one, whoever installed the app.
func (t *clickTurn) decline(why crm.Reason) {
	t.click.State, t.touched = "failed", true
	card, kind := "", t.click.Entity
	args := map[string]any{"phone": t.click.Phone}
	if kind.ID != 0 {
		card = fmt.Sprintf("%s %d", t.texts.Text(t.lang, "why.entity."+string(kind.Type)), kind.ID)
		args["entity"] = fmt.Sprintf("%s:%d", kind.Type, kind.ID)
	}
	words := []any{"card", card, "phone", t.click.Phone}
	for name, value := range why.Args {
		args[name] = value
		words = append(words, name, fmt.Sprint(value))
	}
	t.out.Reasons = append(t.out.Reasons, flow.Reason{Ref: "click:" + t.click.ID, Code: why.Code, Args: args, Version: t.doc.Version})
	user := firstOf(t.people.active(t.click.Task.Of), t.people.admin)
	if user == 0 {
		return
	}
	call := bitrix24.Notify(int64(user), t.texts.Text(t.lang, why.Code, words...), "omni-click-"+t.click.ID)
	c := t.command("notify", call.Method, call.Params)
	c.ReplyKey, c.ReplyKind, c.Tag, c.Independent = "", "", nil, true
}
