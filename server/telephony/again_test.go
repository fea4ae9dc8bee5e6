package telephony

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/settings"
	"omni/server/uis"
)

// keys stands for the texts: every text is its key.
type keys struct{}

func (keys) Text(_, key string, _ ...any) string { return key }

// registering is a call whose registration for user 2 has left.
func registering() *turn {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := &Call{ID: 7, Portal: 1, Facts: Facts{Direction: In, Phone: "79005557001", Number: clickLine, Announced: true, StartedAt: at}, Link: Link{Phase: Registering, User: 2, Answer: &crm.CallAnswer{}}}
	return &turn{now: at, physical: at, texts: keys{}, call: c, setting: Setting{lined: true, people: people{matched: map[ids.UISEmployeeID]ids.B24UserID{1002: 2}, admin: 1}}}
}

func (t *turn) codes() []string {
	out := []string{}
	for _, r := range t.out.Reasons {
		out = append(out, r.Code)
	}
	return out
}

// Only a refusal that a wrong user can cause makes the call be registered for somebody else; what may have come about never does.
func TestWhoIsRegisteredForAgain(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		result outbox.Result
		again  bool
	}{
		"the user is unknown":   {outbox.Result{State: "refused", Class: "not_found", Text: "User is not found or is not active"}, true},
		"in other words":        {outbox.Result{State: "refused", Class: "invalid", Text: "Пользователь уволен"}, true},
		"the type is unknown":   {outbox.Result{State: "refused", Class: "invalid", Text: "Unknown TYPE"}, false},
		"the number is no good": {outbox.Result{State: "refused", Class: "invalid", Text: "Unsupported phone number format"}, false},
		"no right":              {outbox.Result{State: "refused", Class: "access_denied", Text: "Access denied"}, false},
		"not paid":              {outbox.Result{State: "refused", Class: "payment_required"}, false},
		"nobody knows":          {outbox.Result{State: "unconfirmed", Class: "server"}, false},
		"an administrator's no": {outbox.Result{State: "dropped", Class: "dropped"}, false},
		"the lane is closed":    {outbox.Result{State: "dropped", Class: "lane_closed", Text: "uninstalled"}, false},
		"cancelled":             {outbox.Result{State: "cancelled"}, false},
		"too late":              {outbox.Result{State: "expired"}, false},
	} {
		turn := registering()
		row.result.Command = 15
		require.NoError(t, turn.registered(map[string]outbox.Result{"register0": row.result}), name)
		if row.again {
			require.Equal(t, []string{"call.user_refused"}, turn.codes(), name)
			require.Equal(t, Registering, turn.call.Link.Phase, name)
			require.Equal(t, []ids.CommandID{15}, turn.out.Replaced, "%s: nobody may repeat what another takes the place of", name)
			require.Len(t, turn.out.Commands, 1, name)
			continue
		}
		require.Equal(t, []string{"call.not_registered"}, turn.codes(), name)
		require.Equal(t, Failed, turn.call.Link.Phase, name)
		require.Empty(t, turn.out.Commands, name)
		require.Empty(t, turn.out.Replaced, name)
	}
}

// clickOf is a turn of a click, a form, that the portal told of so long ago.
func clickOf(age time.Duration, k *Click) *clickTurn {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	line, portal := clickLine, int64(1)
	t := &clickTurn{now: now, physical: now.Add(time.Hour), key: ids.ClickKey("k"), texts: keys{}, click: k, people: people{matched: map[ids.UISEmployeeID]ids.B24UserID{1002: 2}, admin: 1}}
	t.doc = settings.Document{}
	t.doc.Main.Enabled, t.doc.Main.Portal = true, &portal
	t.doc.Telephony.Enabled, t.doc.Telephony.Click, t.doc.Telephony.Callback = true, settings.Click{On: true, Number: &line}, settings.Callback{On: true, Number: &line}
	if k != nil {
		k.At = now.Add(-age)
	}
	return t
}

func clicked(t *testing.T, kind string, age time.Duration) *clickTurn {
	t.Helper()
	turn := clickOf(0, nil)
	body, err := json.Marshal(map[string]any{"portal": 1, "data": map[string]any{"PHONE_NUMBER": "+79005557001", "USER_ID": "2", "CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": "5"}})
	require.NoError(t, err)
	require.NoError(t, turn.begin(inbox.Event{Kind: kind, Body: body, ReceivedAt: turn.now.Add(-age)}, "k"))
	return turn
}

// T10: 20 seconds are counted from when the portal told of the click, wherever they went; an old one is dropped.
func TestClicksAreServedInTime(t *testing.T) {
	t.Parallel()
	turn := clicked(t, KindClick, 15*time.Second)
	require.Len(t, turn.out.Commands, 1)
	require.Equal(t, uis.MethodStartEmployeeCall, turn.out.Commands[0].Kind)
	require.Equal(t, turn.physical.Add(5*time.Second), turn.out.Commands[0].Deadline, "not 20 more")
	turn = clicked(t, KindClick, 21*time.Second)
	require.Equal(t, "failed", turn.click.State)
	require.Equal(t, "click.late", turn.out.Reasons[0].Code)
	require.Equal(t, []string{"telephony.externalCall.finish", "im.notify.system.add"}, kindsOf(turn.out.Commands), "it ends at the portal, and he is told")
}

// T11: a form waits for whose its card is no longer than the client does.
func TestFormsAreServedInTime(t *testing.T) {
	t.Parallel()
	turn := clicked(t, KindForm, 5*time.Second)
	require.Equal(t, "looking", turn.click.State)
	require.Equal(t, turn.physical.Add(7*time.Second), turn.out.Commands[0].Deadline)

	form := func(age time.Duration) *clickTurn {
		return clickOf(age, &Click{ID: "k", Portal: 1, Kind: ByForm, Phone: "79005557001", State: "looking"})
	}
	turn = form(time.Hour)
	require.NoError(t, turn.looked(outbox.Result{State: "done", Result: []byte(`{"items":[{"id":5,"assignedById":2}]}`)}))
	require.Equal(t, "click.late", turn.out.Reasons[0].Code, "the portal slept")
	require.Equal(t, []string{"im.notify.system.add"}, kindsOf(turn.out.Commands), "nobody is rung an hour late")
	turn = form(12 * time.Second)
	require.NoError(t, turn.looked(outbox.Result{State: "expired"}))
	require.Equal(t, []string{uis.MethodStartVNumberCall}, kindsOf(turn.out.Commands), "the number's scenario calls back while he waits")
	require.Equal(t, turn.physical.Add(8*time.Second), turn.out.Commands[0].Deadline)
}

// T11: an employee without a telephone at UIS is not rung; the number's scenario calls back.
func TestFormWithoutATelephone(t *testing.T) {
	t.Parallel()
	for _, code := range noTelephone {
		turn := clickOf(time.Second, &Click{ID: "k", Portal: 1, Kind: ByForm, User: 2, Phone: "79005557001", State: "asked"})
		require.NoError(t, turn.dialled(outbox.Result{State: "refused", Code: code}))
		require.Equal(t, []string{uis.MethodStartVNumberCall}, kindsOf(turn.out.Commands), code)
	}
	turn := clickOf(time.Second, &Click{ID: "k", Portal: 1, Kind: ByForm, User: 2, Phone: "79005557001", State: "asked"})
	require.NoError(t, turn.dialled(outbox.Result{State: "refused", Code: "contact_in_blacklist"}))
	require.Equal(t, "click.refused", turn.out.Reasons[0].Code)
}

// What the portal registered with a click ends after half an hour only when nothing else will end it.
func TestHangingClicks(t *testing.T) {
	t.Parallel()
	phase := func(p Phase) *Phase { return &p }
	for name, row := range map[string]struct {
		kind   ClickKind
		called *Phase
		code   string
	}{
		"nobody told of it":       {ByClick, nil, "click.hanging"},
		"they talk":               {ByClick, phase(Registered), ""},
		"it was carried over":     {ByClick, phase(Done), ""},
		"it is not to be known":   {ByClick, phase(Off), "click.passed_over"},
		"another one watches":     {ByClick, phase(Watching), "click.passed_over"},
		"a form nobody told of":   {ByForm, nil, "click.hanging"},
		"a form, and they talk":   {ByForm, phase(Registered), ""},
		"a form not to be known":  {ByForm, phase(Off), ""},
		"a robot, and they talk":  {ByRobot, phase(Registered), ""},
		"a call that just begins": {ByClick, phase(Heard), ""},
	} {
		turn := clickOf(30*time.Minute, &Click{ID: "k", Portal: 1, Kind: row.kind, User: 2, Phone: "79005557001", Session: 7, State: "started"})
		turn.called = row.called
		require.NoError(t, turn.take(inbox.Event{Kind: KindHanging}, "k"), name)
		if row.code == "" {
			require.Empty(t, turn.out.Reasons, name)
			require.Empty(t, turn.out.Commands, name)
			continue
		}
		require.Equal(t, row.code, turn.out.Reasons[0].Code, name)
		require.Len(t, turn.out.Commands, map[ClickKind]int{ByClick: 1}[row.kind], "%s: nobody is told", name)
	}
}

func kindsOf(list []outbox.Command) []string {
	out := []string{}
	for _, c := range list {
		out = append(out, c.Kind)
	}
	return out
}
