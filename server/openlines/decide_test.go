package openlines

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/settings"
)

const (
	here  = ids.PortalID(1)
	other = ids.PortalID(2)
)

func document(main, lines bool, portal, own ids.PortalID) settings.Document {
	doc := settings.Initial()
	doc.Main.Enabled, doc.Lines.Enabled = main, lines
	set := func(id ids.PortalID) *int64 {
		if id == 0 {
			return nil
		}
		n := int64(id)
		return &n
	}
	doc.Main.Portal, doc.Lines.Portal = set(portal), set(own)
	return doc
}

// newTurn is a step of an account whose section works with the portal here, with channels 20 to 22 and lines.
func newTurn(lines ...*Line) *turn {
	t := &turn{now: time.Unix(1000, 0), key: ids.LinesKey(1), doc: document(true, true, here, 0), lines: lines, channels: map[ids.UISChannelID]directory.Channel{}}
	for id := ids.UISChannelID(20); id < 23; id++ {
		t.channels[id] = directory.Channel{ID: id, Type: "whatsapp", Name: fmt.Sprintf("Channel %d", id), Active: true}
	}
	return t
}

func tied(portal ids.PortalID, line ids.B24LineID, channel ids.UISChannelID) *Line {
	return &Line{Portal: portal, ID: line, Channel: channel, State: On, Choice: fmt.Sprintf("old-%d", line)}
}

// sent are the calls of a step: method, line and switch.
func (t *turn) sent() []string {
	var list []string
	for _, c := range t.out.Commands {
		p, _ := c.Params.(map[string]any)
		text := fmt.Sprintf("%d %s %v", c.Lane.Portal, c.Kind, p["LINE"])
		if on, is := p["ACTIVE"]; is {
			text += fmt.Sprintf(" %v", on)
		}
		list = append(list, text)
	}
	return list
}

// told are the events of a step: portal, line, channel, whether it changed.
func (t *turn) news() []string {
	var list []string
	for _, e := range t.out.Feed {
		d, _ := e.Data.(map[string]any)
		list = append(list, fmt.Sprintf("%v/%v %v %v", d["portal"], d["line"], d["channel"], d["changed"]))
	}
	return list
}

// reply answers the plan that is under way on a line.
func reply(t *testing.T, tn *turn, l *Line, do string, results map[string]outbox.Result) {
	t.Helper()
	raw, err := json.Marshal(outbox.PlanAnswer{Plan: "p", Tag: encode(tag{do, l.Portal, l.ID, l.Choice}), Results: results})
	require.NoError(t, err)
	tn.out.Commands, tn.out.Feed = nil, nil
	require.NoError(t, tn.answered(raw))
}

func yes(names ...string) map[string]outbox.Result {
	out := map[string]outbox.Result{}
	for _, n := range names {
		out[n] = outbox.Result{State: done, Result: json.RawMessage("true")}
	}
	return out
}

func TestCarries(t *testing.T) {
	t.Parallel()
	for kind, wanted := range map[string]bool{"whatsapp": true, "waba": true, "telegram": true, "telegram_private": true, "avito": true, "vkontakte_groups": true, "email": true, "comagic": true, "max": true,
		"sms": false, "SMS": false, "yandex.dialogs": false, "realty_yandex": false} {
		require.Equal(t, wanted, Carries(kind), kind)
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	good := directory.Channel{ID: 20, Type: "whatsapp", Active: true}
	for name, c := range map[string]struct {
		doc     settings.Document
		channel directory.Channel
		known   bool
		wanted  error
	}{
		"everything is there":      {document(true, true, here, 0), good, true, nil},
		"its own portal":           {document(true, true, other, here), good, true, nil},
		"main off":                 {document(false, true, here, 0), good, true, ErrOff},
		"section off":              {document(true, false, here, 0), good, true, ErrOff},
		"no portal chosen":         {document(true, true, 0, 0), good, true, ErrOff},
		"another portal":           {document(true, true, here, other), good, true, ErrOtherPortal},
		"unknown channel":          {document(true, true, here, 0), directory.Channel{}, false, ErrNoChannel},
		"SMS":                      {document(true, true, here, 0), directory.Channel{Type: "sms", Active: true}, true, ErrNotCarried},
		"one that does not work":   {document(true, true, here, 0), directory.Channel{Type: "avito"}, true, ErrInactive},
		"off comes before channel": {document(true, false, here, 0), directory.Channel{Type: "sms"}, true, ErrOff},
	} {
		require.Equal(t, c.wanted, Allowed(c.doc, here, c.channel, c.known), name)
	}
}

func TestAChoiceCountsWhenThePortalHasConfirmed(t *testing.T) {
	t.Parallel()
	first := tied(here, 1, 20)
	tn := newTurn(first, tied(other, 1, 21))
	require.NoError(t, tn.choose(Choice{ID: "c", Portal: here, Line: 2, Channel: 20, By: "Анна"}))
	require.Equal(t, []string{"1 imconnector.activate 2 1", "1 imconnector.connector.data.set 2"}, tn.sent())
	require.Equal(t, []string{"activate"}, tn.out.Commands[1].After)
	require.Equal(t, map[string]any{"ID": "20", "NAME": "Channel 20"}, tn.out.Commands[1].Params.(map[string]any)["DATA"])
	require.Equal(t, []string{"1/2 <nil> false"}, tn.news(), "nothing has changed yet")
	second := tn.find(here, 2)
	require.Equal(t, Line{Portal: here, ID: 2, Wanted: 20, Choice: "c", State: Connecting, By: "Анна"}, *second)
	require.EqualValues(t, 20, first.Channel, "until then messages pass where they passed")

	reply(t, tn, second, doConnect, yes("activate", "data"))
	require.EqualValues(t, 20, second.Channel)
	require.Equal(t, On, second.State)
	require.Equal(t, []string{"1 imconnector.activate 1 0"}, tn.sent(), "the latest choice wins")
	require.Equal(t, []string{"1/1 <nil> true", "1/2 20 true"}, tn.news())
	require.Equal(t, Disconnecting, first.State)
	require.Zero(t, first.Channel)
	require.Equal(t, []taken{{20, second}}, tn.taken, "it leaves the chats' channels")
	require.EqualValues(t, 21, tn.find(other, 1).Channel, "the line of equal number at another portal is another line")

	reply(t, tn, first, doDisconnect, yes("activate"))
	require.Nil(t, tn.find(here, 1))
	require.Equal(t, []string{"1/1 <nil> false"}, tn.news())
}

func TestAChannelLeavesALineOfAnotherPortal(t *testing.T) {
	t.Parallel()
	tn := newTurn(tied(other, 1, 20))
	require.NoError(t, tn.choose(Choice{ID: "c", Portal: here, Line: 1, Channel: 20}))
	reply(t, tn, tn.find(here, 1), doConnect, yes("activate", "data"))
	require.Equal(t, []string{"2 imconnector.activate 1 0"}, tn.sent())
}

func TestALineThatIsGettingAnotherChannelKeepsTheConnector(t *testing.T) {
	t.Parallel()
	tn := newTurn(tied(here, 1, 20))
	require.NoError(t, tn.choose(Choice{ID: "a", Portal: here, Line: 2, Channel: 20}))
	require.NoError(t, tn.choose(Choice{ID: "b", Portal: here, Line: 1, Channel: 21}))
	reply(t, tn, tn.find(here, 2), doConnect, yes("activate", "data"))
	require.Empty(t, tn.sent(), "the first line is not disconnected behind its new choice")
	require.Zero(t, tn.find(here, 1).Channel)
	reply(t, tn, tn.find(here, 1), doConnect, yes("activate", "data"))
	require.EqualValues(t, 21, tn.find(here, 1).Channel)
}

func TestARefusalLeavesTheLineAsItWas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		results map[string]outbox.Result
		code    string
		undone  bool // the connector is taken off a line that was free
	}{
		"an error": {map[string]outbox.Result{"activate": {State: "refused", Class: "invalid", Code: "NOT_ACTIVE_LINE", Text: "inactive"}, "data": {State: "cancelled"}}, troubleLine, false},
		"false in a success": {map[string]outbox.Result{"activate": {State: done, Result: json.RawMessage("false")},
			"data": {State: done, Result: json.RawMessage("true")}}, troubleNo, true},
		"the second call": {map[string]outbox.Result{"activate": {State: done, Result: json.RawMessage("true")},
			"data": {State: "refused", Class: "access_denied", Code: "ACCESS_DENIED", Text: "no"}}, troubleRight, true},
		"a refusal inside": {map[string]outbox.Result{"activate": {State: done, Result: json.RawMessage("true")},
			"data": {State: done, Result: json.RawMessage(`{"SUCCESS":false,"error_description":"full"}`)}}, troubleNo, true},
		"dropped by a person":    {map[string]outbox.Result{"activate": {State: "dropped"}, "data": {State: "cancelled"}}, troubleOver, false},
		"an unknown connector":   {map[string]outbox.Result{"activate": {State: "refused", Code: "IMCONNECTOR_NO_CORRECT_PROVIDER", Text: "?"}}, troubleConnector, false},
		"the portal's own words": {map[string]outbox.Result{"activate": {State: "refused", Class: "invalid", Code: "X", Text: "Не сегодня"}}, troubleOther, false},
	} {
		free := newTurn()
		require.NoError(t, free.choose(Choice{ID: "c", Portal: here, Line: 1, Channel: 20}), name)
		l := free.find(here, 1)
		reply(t, free, l, doConnect, c.results)
		require.Equal(t, Failed, l.State, name)
		require.Equal(t, c.code, l.Trouble, name)
		require.Zero(t, l.Channel+l.Wanted, name)
		require.Empty(t, free.taken, name)
		require.Equal(t, c.undone, len(free.sent()) == 1, "%s: %v", name, free.sent())

		changed := newTurn(tied(here, 1, 21))
		require.NoError(t, changed.choose(Choice{ID: "c", Portal: here, Line: 1, Channel: 20}), name)
		reply(t, changed, changed.find(here, 1), doConnect, c.results)
		require.EqualValues(t, 21, changed.find(here, 1).Channel, name)
		require.Empty(t, changed.sent(), "%s: what it carried goes on", name)
	}
}

func TestLateAnswersAreIgnored(t *testing.T) {
	t.Parallel()
	tn := newTurn()
	require.NoError(t, tn.choose(Choice{ID: "a", Portal: here, Line: 1, Channel: 20}))
	l := tn.find(here, 1)
	before := *l
	require.NoError(t, tn.choose(Choice{ID: "b", Portal: here, Line: 1, Channel: 21}))
	reply(t, tn, &before, doConnect, yes("activate", "data"))
	require.Zero(t, l.Channel)
	require.EqualValues(t, 21, l.Wanted)
	reply(t, tn, l, doConnect, yes("activate", "data"))
	require.EqualValues(t, 21, l.Channel)
	require.NoError(t, tn.choose(Choice{ID: "c", Portal: here, Line: 1}))
	require.Equal(t, Disconnecting, l.State)
	require.Zero(t, l.Channel, "at once")
	reply(t, tn, &Line{Portal: here, ID: 9}, doDisconnect, yes("activate")) // a line nobody knows
}

func TestADisconnectionThatThePortalRefuses(t *testing.T) {
	t.Parallel()
	for code, forgotten := range map[string]bool{"NOT_ACTIVE_LINE": true, "IMCONNECTOR_NO_CORRECT_PROVIDER": true, "ERROR_CORE": false} {
		tn := newTurn(tied(here, 1, 20))
		require.NoError(t, tn.choose(Choice{ID: "c", Portal: here, Line: 1}))
		reply(t, tn, tn.find(here, 1), doDisconnect, map[string]outbox.Result{"activate": {State: "refused", Class: "invalid", Code: code, Text: "x"}})
		require.Equal(t, forgotten, tn.find(here, 1) == nil, code)
		if !forgotten {
			require.Equal(t, Failed, tn.find(here, 1).State)
			require.Zero(t, tn.find(here, 1).Channel, "nothing passes all the same")
		}
	}
	tn := newTurn()
	require.NoError(t, tn.choose(Choice{ID: "c", Portal: here, Line: 1}))
	require.Empty(t, tn.sent(), "what carries nothing needs no call")
}

func event(data string) []byte { return []byte(`{"data":` + data + `,"portal":1,"ts":1}`) }

func TestThePortalTellsOfADisconnection(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status string
		state  string
		gone   bool
	}{
		"it is off":             {`{"LINE":1,"CONNECTOR":"omni_uis","ERROR":false,"CONFIGURED":false,"STATUS":false}`, done, true},
		"it is on again":        {`{"LINE":1,"CONNECTOR":"omni_uis","ERROR":false,"CONFIGURED":true,"STATUS":true}`, done, false},
		"it is only faulty":     {`{"ERROR":true,"CONFIGURED":false,"STATUS":false}`, done, false},
		"nobody can understand": {`"x"`, done, false},
		"it is not told":        {``, "refused", true},
	} {
		tn := newTurn(tied(here, 1, 20))
		require.NoError(t, tn.told(KindSwitched, event(`{"connector":"OMNI_UIS","line":"1"}`)), name)
		require.Equal(t, []string{"1 imconnector.status 1"}, tn.sent(), name)
		reply(t, tn, tn.find(here, 1), doLook, map[string]outbox.Result{"look": {State: c.state, Result: json.RawMessage(c.status)}})
		require.Equal(t, c.gone, tn.find(here, 1) == nil, name)
		require.Equal(t, c.gone, len(tn.news()) == 1, name)
	}
	for name, data := range map[string]string{"another connector": `{"connector":"telegrambot","line":1}`, "another line": `{"connector":"omni_uis","line":5}`} {
		tn := newTurn(tied(here, 1, 20))
		require.NoError(t, tn.told(KindSwitched, event(data)), name)
		require.Empty(t, tn.sent(), name)
	}
	// A choice that is made while the portal is asked counts more than what it answers.
	tn := newTurn(tied(here, 1, 20))
	require.NoError(t, tn.told(KindSwitched, event(`{"connector":"omni_uis","line":1}`)))
	asked := *tn.find(here, 1)
	require.NoError(t, tn.choose(Choice{ID: "c", Portal: here, Line: 1, Channel: 21}))
	reply(t, tn, &asked, doLook, map[string]outbox.Result{"look": {State: done, Result: json.RawMessage(`{"STATUS":false}`)}})
	require.NotNil(t, tn.find(here, 1))
}

func TestADeletedLine(t *testing.T) {
	t.Parallel()
	for _, data := range []string{`1`, `"1"`} {
		tn := newTurn(tied(here, 1, 20), tied(other, 1, 21))
		require.NoError(t, tn.told(KindDeleted, event(data)))
		require.Nil(t, tn.find(here, 1))
		require.NotNil(t, tn.find(other, 1))
		require.Empty(t, tn.sent())
		require.Len(t, tn.gone, 1)
	}
	tn := newTurn()
	require.NoError(t, tn.told(KindDeleted, event(`7`)), "every app is told of every line")
	require.EqualValues(t, 7, tn.gone[0].ID)
}

func TestWhatALookFound(t *testing.T) {
	t.Parallel()
	kept := func(k Kept) []byte { return encode(k) }
	one, two := tied(here, 1, 20), tied(here, 2, 21)
	tn := newTurn(one, two, tied(other, 1, 22))
	looked := map[ids.B24LineID]string{1: one.Choice, 2: two.Choice}
	require.NoError(t, tn.kept(kept(Kept{Portal: here, Off: []ids.B24LineID{2}, Looked: looked})))
	require.NotNil(t, tn.find(here, 1))
	require.Nil(t, tn.find(here, 2))
	require.Empty(t, tn.sent())

	require.NoError(t, tn.kept(kept(Kept{Portal: here, Fresh: true, Looked: looked})))
	require.Equal(t, []string{"1 imconnector.activate 1 1", "1 imconnector.connector.data.set 1"}, tn.sent(), "only lines of that portal, with what they carried")
	require.EqualValues(t, 20, tn.find(here, 1).Channel, "messages go on meanwhile")
	reply(t, tn, tn.find(here, 1), doConnect, yes("activate", "data"))
	require.Empty(t, tn.taken, "it was taken out of the chats when it was chosen")

	late := newTurn(tied(here, 1, 20))
	require.NoError(t, late.kept(kept(Kept{Portal: here, Off: []ids.B24LineID{1}, Looked: map[ids.B24LineID]string{1: "an older choice"}})))
	require.NotNil(t, late.find(here, 1), "chosen after the look")
}

func TestRowsNobodyUnderstands(t *testing.T) {
	t.Parallel()
	tn := newTurn()
	require.Error(t, tn.answered([]byte(`{`)))
	require.Error(t, tn.answered([]byte(`{"tag":"x"}`)))
	require.Error(t, tn.told(KindSwitched, event(`"x"`)))
	require.Error(t, tn.told(KindDeleted, event(`{"a":{}}`)))
	require.Error(t, tn.kept([]byte(`[]`)))
}
