package telephony

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

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

// The kinds of rows under the keys click:{CALL_ID}, click:{name of a form's event} and click:{name of a robot's run}.
const (
	KindClick       = "b24.ONEXTERNALCALLSTART"
	KindForm        = "b24.ONEXTERNALCALLBACKSTART"
	KindClickAnswer = "click.answer"
	KindHanging     = "click.hanging"
	// KindStarted tells a call that a click asked for it.
	KindStarted = "call.started"
)

const (
	// clickDeadline is how long a click may wait to be served; later it is dropped (T10): the employee has long looked elsewhere.
	clickDeadline = 20 * time.Second
	// lookDeadline is how long a form waits for whose its card is; then the number's scenario calls back, while the client still waits (T11).
	lookDeadline = 12 * time.Second
	// hanging is after how long a call that UIS has started and never told of is ended at the portal.
	hanging = 30 * time.Minute
)

// Clicks works the keys of clicks, call-back forms and robots: it starts the call at UIS, or ends it at the portal and tells the employee why not.
type Clicks struct {
	flow   *flow.Writer
	texts  Texts
	loader loader
}

// NewClicks builds the engine.
func NewClicks(w *flow.Writer, t Texts) *Clicks { return &Clicks{flow: w, texts: t} }

// ClickKind is what asked for a call.
type ClickKind string

// A click on a number, a call-back form that was sent, a robot of the automation rules.
const (
	ByClick ClickKind = "click"
	ByForm  ClickKind = "form"
	ByRobot ClickKind = "robot"
)

// Click is a call that something at the portal asked for.
type Click struct {
	ID       string
	Portal   ids.PortalID
	Kind     ClickKind
	User     ids.B24UserID
	Phone    string
	External string
	Session  ids.UISCallID
	State    string
	Entity   crm.Ref
	// Task is what a robot was told to do.
	Task *Task
	// At is when it was asked for, from which its deadlines count.
	At time.Time
}

// clickTurn is one step of one click.
type clickTurn struct {
	now, physical time.Time
	key           ids.Key
	doc           settings.Document
	lang          string
	people        people
	// numbers and scenarios are those of UIS, read for a robot only: the people who set it up may have chosen one that is gone.
	numbers, scenarios []directory.Entry
	texts              Texts
	click              *Click
	// called is how far the call that was started was carried; nil: nobody has told of it.
	called  *Phase
	touched bool
	out     flow.Outcome
}

// Step implements inbox.Handler for keys click:{id}.
func (c *Clicks) Step(ctx context.Context, step *inbox.Step, events []inbox.Event) error {
	t := &clickTurn{now: step.Now, physical: time.Now(), key: step.Key, texts: c.texts}
	if err := c.load(ctx, step, t); err != nil {
		return err
	}
	for _, event := range events {
		if err := t.take(event, step.Key.Rest()); err != nil {
			return fmt.Errorf("%s: %w", event.Kind, err)
		}
	}
	if t.touched {
		k := t.click
		step.Write(func(batch *pgx.Batch) {
			batch.Queue(`INSERT INTO click (account_id, id, portal_id, kind, user_id, phone, external_id, session_id, state, entity_type, entity_id, created_at, task, received_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, NULLIF($8::bigint, 0), $9, $10, $11, $12, $13, $14)
				ON CONFLICT (account_id, id) DO UPDATE SET user_id = EXCLUDED.user_id, phone = EXCLUDED.phone, external_id = EXCLUDED.external_id, session_id = EXCLUDED.session_id,
				state = EXCLUDED.state, task = EXCLUDED.task`,
				int64(step.Account), k.ID, int64(k.Portal), string(k.Kind), int64(k.User), k.Phone, k.External, int64(k.Session), k.State,
				string(k.Entity.Type), k.Entity.ID, step.Now, k.Task, k.At)
		})
	}
	return c.flow.Apply(ctx, step, t.out)
}

func (c *Clicks) load(ctx context.Context, step *inbox.Step, t *clickTurn) error {
	var err error
	if t.click, err = clickBy(ctx, step.Tx, step.Account, `id = $2 FOR UPDATE`, step.Key.Rest()); err != nil {
		return err
	}
	doc := settings.Document{Version: -1}
	batch := &pgx.Batch{}
	settings.QueueCurrent(batch, step.Account, &doc)
	place := directory.QueuePlace(batch, step.Account, &c.loader.zones)
	if err := step.Tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("read what %s needs: %w", step.Key, err)
	}
	if doc.Version < 0 {
		doc = settings.Initial()
	}
	t.doc, t.lang = doc, place.Language(portalOf(doc))
	batch = &pgx.Batch{}
	queuePeople(batch, step.Account, portalOf(doc), &t.people)
	if t.click != nil && t.click.State == "started" {
		queueCalled(batch, step.Account, t)
	}
	if strings.HasPrefix(step.Key.Rest(), robotPrefix) {
		directory.QueueHere(batch, directory.Where{Account: step.Account, Kind: directory.Numbers}, &t.numbers)
		directory.QueueHere(batch, directory.Where{Account: step.Account, Kind: directory.Scenarios}, &t.scenarios)
	}
	return step.Tx.SendBatch(ctx, batch).Close()
}

// clickBy reads a click by a condition on $2; nil when there is none.
func clickBy(ctx context.Context, tx pgx.Tx, account ids.AccountID, where string, arg any) (*Click, error) {
	rows, err := tx.Query(ctx, `SELECT id, portal_id, kind, user_id, phone, external_id, COALESCE(session_id, 0), state, entity_type, entity_id, task, COALESCE(received_at, created_at) FROM click WHERE account_id = $1 AND `+where,
		int64(account), arg)
	if err != nil {
		return nil, fmt.Errorf("read click: %w", err)
	}
	k, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (*Click, error) {
		k := &Click{}
		err := row.Scan(&k.ID, &k.Portal, &k.Kind, &k.User, &k.Phone, &k.External, &k.Session, &k.State, &k.Entity.Type, &k.Entity.ID, &k.Task, &k.At)
		return k, err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return k, err
}

func (t *clickTurn) take(event inbox.Event, id string) error {
	switch event.Kind {
	case KindClick, KindForm:
		if t.click != nil {
			return nil // the portal told of it twice
		}
		return t.begin(event, id)
	case KindRobot:
		if t.click != nil {
			return nil
		}
		return t.order(event, id)
	case KindClickAnswer:
		if t.click == nil {
			return nil
		}
		return t.answered(event.Body)
	case KindHanging:
		if t.click != nil && t.click.State == "started" {
			t.hanging()
		}
		return nil
	}
	return inbox.Permanent(fmt.Errorf("unknown row %s", event.Kind))
}

// posted is the event of a click or a form as it was stored. All values are strings (docs: OnExternalCallStart, OnExternalCallBackStart).
type posted struct {
	Data struct {
		Phone         string      `json:"PHONE_NUMBER"`
		International string      `json:"PHONE_NUMBER_INTERNATIONAL"`
		User          bitrix24.ID `json:"USER_ID"`
		Line          string      `json:"LINE_NUMBER"`
		EntityType    string      `json:"CRM_ENTITY_TYPE"`
		EntityID      bitrix24.ID `json:"CRM_ENTITY_ID"`
	} `json:"data"`
	Portal ids.PortalID `json:"portal"`
}

func (t *clickTurn) begin(event inbox.Event, id string) error {
	var e posted
	if err := json.Unmarshal(event.Body, &e); err != nil {
		return inbox.Permanent(fmt.Errorf("read a click: %w", err))
	}
	number := e.Data.International
	if number == "" {
		number = e.Data.Phone
	}
	phone, ok := crm.Phone(number)
	kind := ByClick
	if event.Kind == KindForm {
		kind = ByForm
	}
	t.click = &Click{ID: id, Portal: e.Portal, Kind: kind, User: ids.B24UserID(e.Data.User), Phone: phone, At: event.ReceivedAt,
		Entity: crm.Ref{Type: crm.EntityType(strings.ToLower(e.Data.EntityType)), ID: int64(e.Data.EntityID)}}
	t.touched = true
	s := t.doc.Telephony
	on, standard := s.Click.On, s.Click.Number
	if kind == ByForm {
		on, standard = s.Callback.On, s.Callback.Number
	}
	switch {
	case !t.doc.Main.Enabled || !s.Enabled || s.OtherTelephony || portalOf(t.doc) != e.Portal || !on || standard == nil:
		t.giveUp("403", "click.off")
	case !ok:
		t.giveUp("404", "click.number")
	case t.old():
		t.giveUp("480", "click.late")
	case kind == ByForm:
		t.look()
	default:
		line := *standard
		// Without the override the client sees the number that is set at the portal, as far as it is one of ours.
		if !s.Click.OverrideCallerID && isNumber(e.Data.Line) {
			line = e.Data.Line
		}
		employee := t.people.employee(t.click.User)
		if employee == 0 {
			t.giveUp("480", "click.not_matched")
			return nil
		}
		t.dial(uis.MethodStartEmployeeCall, uis.EmployeeCall{StartCall: t.start(line), Employee: uis.CallTarget{ID: uis.EmployeeID(employee)}})
	}
	return nil
}

func isNumber(line string) bool {
	phone, ok := crm.Phone(line)
	return ok && phone == line && len(line) >= 10
}

// employee is who a user is at UIS; 0: nobody.
func (p people) employee(user ids.B24UserID) ids.UISEmployeeID {
	for employee, u := range p.matched {
		if u == user {
			return employee
		}
	}
	return 0
}

func (t *clickTurn) start(line string) uis.StartCall {
	return uis.StartCall{VirtualNumber: line, Contact: t.click.Phone, FirstCall: uis.FirstEmployee, Direction: "out", ExternalID: t.click.External}
}

// look asks the portal whose the form's entity is: he calls back (T11).
func (t *clickTurn) look() {
	if t.click.Entity.Type.Wire() == 0 || t.click.Entity.ID <= 0 {
		t.callBack()
		return
	}
	t.click.State = "looking"
	t.command("look", "crm.item.list", map[string]any{"entityTypeId": t.click.Entity.Type.Wire(), "select": []string{"id", "assignedById"},
		"filter": map[string]any{"@id": []int64{t.click.Entity.ID}}}).Deadline = t.due(lookDeadline)
}

// callBack starts the call of a form: to the matched employee, else by the number's own scenario.
func (t *clickTurn) callBack() {
	line := *t.doc.Telephony.Callback.Number
	if employee := t.people.employee(t.click.User); employee != 0 {
		t.dial(uis.MethodStartEmployeeCall, uis.EmployeeCall{StartCall: t.start(line), Employee: uis.CallTarget{ID: uis.EmployeeID(employee)}})
		return
	}
	t.byScenario()
}

func (t *clickTurn) byScenario() {
	t.click.User = 0
	call := t.start(*t.doc.Telephony.Callback.Number)
	call.FirstCall = uis.FirstContact
	t.dial(uis.MethodStartVNumberCall, uis.VNumberCall{StartCall: call})
}

// dial asks UIS for the call. It is worth nothing later, and is never repeated (design section 11).
func (t *clickTurn) dial(method string, params any) {
	t.click.State, t.touched = "asked", true
	if t.click.External == "" {
		t.click.External = "omni-" + t.key.Rest()
	}
	switch p := params.(type) {
	case uis.EmployeeCall:
		p.ExternalID = t.click.External
		params = p
	case uis.ScenarioCall:
		p.ExternalID = t.click.External
		params = p
	case uis.VNumberCall:
		p.ExternalID = t.click.External + "-s"
		t.click.External = p.ExternalID
		params = p
	}
	c := t.command("dial", method, nil)
	c.Lane, c.Params, c.Priority, c.Deadline = outbox.LaneRef{Kind: outbox.LaneUISCall}, params, outbox.Waiting, t.due(clickDeadline)
	if t.click.Kind == ByRobot { // it has waited for nobody until its card was read
		c.Deadline = t.physical.Add(clickDeadline)
	}
	c.Plan = "dial:" + t.click.External
}

func (t *clickTurn) command(do, method string, params map[string]any) *outbox.Command {
	t.out.Commands = append(t.out.Commands, outbox.Command{Lane: outbox.LaneRef{Kind: outbox.LaneB24, Portal: t.click.Portal}, Key: t.key, Kind: method, Params: params,
		Meta: map[string]string{"about": "click:" + t.click.ID}, Plan: do + ":" + t.click.ID, Name: do, Priority: outbox.Waiting, ReplyKey: t.key, ReplyKind: KindClickAnswer,
		Tag: encode(tag{do})})
	return &t.out.Commands[len(t.out.Commands)-1]
}
