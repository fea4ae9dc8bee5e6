package openlines

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"omni/server/account/directory"
	"omni/server/bitrix24"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/relay"
	"omni/server/settings"
)

// Refusal says why a channel cannot be put on a line: a code for programs, the pages' sentence is locales' problem.<code>.
type Refusal struct{ Code string }

// Error implements error.
func (r Refusal) Error() string { return "refused: " + r.Code }

// The refusals of a choice.
var (
	ErrOff         = Refusal{"lines_off"}
	ErrOtherPortal = Refusal{"lines_other_portal"}
	ErrNoLine      = Refusal{"line_not_found"}
	ErrNoChannel   = Refusal{"line_channel_not_found"}
	ErrNotCarried  = Refusal{"line_channel_not_carried"}
	ErrInactive    = Refusal{"line_channel_inactive"}
)

// Choice is a person's choice for a line. Channel 0 takes the line's channel away.
type Choice struct {
	ID      string           `json:"id"`
	Portal  ids.PortalID     `json:"portal"`
	Line    ids.B24LineID    `json:"line"`
	Channel ids.UISChannelID `json:"channel"`
	By      string           `json:"by"`
}

// what a command was for, in its answer's tag.
const (
	doConnect    = "connect"
	doDisconnect = "disconnect"
	doLook       = "look"
)

// tag goes along with commands.
type tag struct {
	Do     string        `json:"do"`
	Portal ids.PortalID  `json:"portal"`
	Line   ids.B24LineID `json:"line"`
	Choice string        `json:"choice"`
}

// Kept is what a look at the connector found out, as a letter to the key.
type Kept struct {
	Portal ids.PortalID `json:"portal"`
	// Fresh: the connector was not there and was registered anew. With it the portal has forgotten its lines (docs: an uninstalled app's connectors go).
	Fresh bool `json:"fresh"`
	// Off are lines on which the portal does not have the connector (any more), Looked the choices they stood by when they were looked at.
	Off    []ids.B24LineID          `json:"off"`
	Looked map[ids.B24LineID]string `json:"looked"`
}

// taken is a channel that a line carries from now on.
type taken struct {
	channel ids.UISChannelID
	line    *Line
}

// turn is one step of an account's lines.
type turn struct {
	now      time.Time
	key      ids.Key
	doc      settings.Document
	lines    []*Line
	channels map[ids.UISChannelID]directory.Channel
	taken    []taken
	// gone are lines that the portal has deleted.
	gone []*Line
	out  flow.Outcome
}

func (t *turn) find(portal ids.PortalID, line ids.B24LineID) *Line {
	for _, l := range t.lines {
		if l.Portal == portal && l.ID == line {
			return l
		}
	}
	return nil
}

// drop forgets a line: it carries nothing and nothing is under way.
func (t *turn) drop(l *Line) {
	t.lines = slices.DeleteFunc(t.lines, func(o *Line) bool { return o == l })
}

// Allowed tells whether a channel may be chosen for lines of a portal; nil: it may.
func Allowed(doc settings.Document, portal ids.PortalID, channel directory.Channel, known bool) error {
	switch here := doc.LinesPortal(); {
	case here == 0:
		return ErrOff
	case here != portal:
		return ErrOtherPortal
	case !known:
		return ErrNoChannel
	case !Carries(channel.Type):
		return ErrNotCarried
	case !channel.Active:
		return ErrInactive
	}
	return nil
}

// choose takes a person's choice.
func (t *turn) choose(c Choice) error {
	l := t.find(c.Portal, c.Line)
	if c.Channel == 0 {
		if l != nil {
			l.By = c.By
			t.disconnect(l, c.ID)
		}
		return nil
	}
	channel, known := t.channels[c.Channel]
	if err := Allowed(t.doc, c.Portal, channel, known); err != nil {
		return err
	}
	if l == nil {
		l = &Line{Portal: c.Portal, ID: c.Line}
		t.lines = append(t.lines, l)
	}
	l.By = c.By
	t.connect(l, channel, c.ID)
	return nil
}

// connect asks the portal to put the connector on a line, with the channel's name (docs: imconnector-activate, imconnector-connector-data-set). Until it has
// answered, the line carries what it carried.
func (t *turn) connect(l *Line, channel directory.Channel, choice string) {
	l.Wanted, l.Choice, l.State, l.Trouble, l.Words = channel.ID, choice, Connecting, "", ""
	name := channel.Name
	if name == "" {
		name = channel.Type
	}
	at := map[string]any{"CONNECTOR": Code, "LINE": int64(l.ID)}
	t.command(l, doConnect, "activate", "imconnector.activate", with(at, "ACTIVE", 1))
	t.command(l, doConnect, "data", "imconnector.connector.data.set", with(at, "DATA", map[string]any{"ID": fmt.Sprint(int64(channel.ID)), "NAME": name})).After = []string{"activate"}
	t.tell(l, false)
}

// disconnect takes the connector off a line. Nothing passes from now on, whatever the portal answers.
func (t *turn) disconnect(l *Line, choice string) {
	carried := l.Channel != 0
	l.Channel, l.Wanted, l.Choice, l.State, l.Trouble, l.Words = 0, 0, choice, Disconnecting, "", ""
	t.command(l, doDisconnect, "activate", "imconnector.activate", map[string]any{"CONNECTOR": Code, "LINE": int64(l.ID), "ACTIVE": 0})
	t.tell(l, carried)
}

func with(params map[string]any, name string, value any) map[string]any {
	out := map[string]any{name: value}
	for k, v := range params {
		out[k] = v
	}
	return out
}

// command adds a call. Those of one purpose are one plan.
func (t *turn) command(l *Line, do, name, method string, params map[string]any) *outbox.Command {
	c := outbox.Command{Lane: outbox.LaneRef{Kind: outbox.LaneB24, Portal: l.Portal}, Key: t.key, Kind: method, Params: params,
		Plan: fmt.Sprintf("line:%s:%s:%d:%d", l.Choice, do, l.Portal, l.ID), Name: name, Priority: outbox.Waiting,
		ReplyKey: t.key, ReplyKind: KindAnswer, Tag: encode(tag{do, l.Portal, l.ID, l.Choice})}
	t.out.Commands = append(t.out.Commands, c)
	return &t.out.Commands[len(t.out.Commands)-1]
}

func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}

// tell lets open pages know that a line is not what it was (P6); changed: it carries something else now. By the choice the page that made it knows its own.
func (t *turn) tell(l *Line, changed bool) {
	data := map[string]any{"portal": int64(l.Portal), "line": int64(l.ID), "channel": nil, "changed": changed, "id": l.Choice}
	if l.Channel != 0 {
		data["channel"] = int64(l.Channel)
	}
	t.out.Feed = append(t.out.Feed, relay.Event{Name: "line.changed", Data: data})
}

// answered takes what the portal said to a plan of ours.
func (t *turn) answered(body []byte) error {
	var answer outbox.PlanAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return inbox.Permanent(fmt.Errorf("read the answer of a plan: %w", err))
	}
	var about tag
	if err := json.Unmarshal(answer.Tag, &about); err != nil {
		return inbox.Permanent(fmt.Errorf("read the tag of plan %s: %w", answer.Plan, err))
	}
	l := t.find(about.Portal, about.Line)
	if l == nil || l.Choice != about.Choice {
		return nil // something newer was chosen since
	}
	switch about.Do {
	case doConnect:
		t.connected(l, answer)
	case doDisconnect:
		t.disconnected(l, answer)
	case doLook:
		t.looked(l, answer)
	}
	return nil
}

// connected ends a choice. The latest choice wins: a channel that another line carries leaves that one, here and at the portal (O2).
func (t *turn) connected(l *Line, answer outbox.PlanAnswer) {
	if l.State != Connecting {
		return
	}
	if code, words, wrong := fault(answer, "activate", "data"); wrong {
		t.refused(l, answer, code, words)
		return
	}
	before := l.Channel
	l.Channel, l.Wanted, l.State = l.Wanted, 0, On
	if l.Channel != before { // one that is put back after a new installation was taken out of the chats long ago
		t.taken = append(t.taken, taken{l.Channel, l})
	}
	for _, other := range slices.Clone(t.lines) {
		if other == l || other.Channel != l.Channel {
			continue
		}
		other.By = l.By
		if other.Wanted != 0 { // it is getting another channel just now, and keeps the connector
			other.Channel = 0
			t.tell(other, true)
			continue
		}
		t.disconnect(other, l.Choice)
	}
	t.tell(l, l.Channel != before)
}

// refused ends a choice that the portal did not carry out. A line that was free is made free again at the portal too, so that it does not seem connected there.
func (t *turn) refused(l *Line, answer outbox.PlanAnswer, code, words string) {
	l.Wanted, l.State, l.Trouble, l.Words = 0, Failed, code, words
	if l.Channel == 0 && answer.Results["activate"].State == done {
		c := t.command(l, doDisconnect, "undo", "imconnector.activate", map[string]any{"CONNECTOR": Code, "LINE": int64(l.ID), "ACTIVE": 0})
		c.ReplyKey, c.ReplyKind, c.Tag = "", "", nil
	}
	t.tell(l, false)
}

// disconnected ends a disconnection. A line or connector that the portal does not know any more is as good as disconnected.
func (t *turn) disconnected(l *Line, answer outbox.PlanAnswer) {
	if l.State != Disconnecting {
		return
	}
	code, words, wrong := fault(answer, "activate")
	if wrong && code != troubleLine && code != troubleConnector {
		l.State, l.Trouble, l.Words = Failed, code, words
	} else {
		t.drop(l)
	}
	t.tell(l, false)
}

// told takes an event of the portal: the connector was switched off on a line, or a line was deleted.
func (t *turn) told(kind string, body []byte) error {
	var event struct {
		Data   json.RawMessage `json:"data"`
		Portal ids.PortalID    `json:"portal"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return inbox.Permanent(fmt.Errorf("read %s: %w", kind, err))
	}
	if kind == KindDeleted {
		var id bitrix24.ID // the data is the bare number (docs: on-im-connector-line-delete), and every app is told of every line
		if err := json.Unmarshal(event.Data, &id); err != nil {
			return inbox.Permanent(fmt.Errorf("read %s: %w", kind, err))
		}
		l := t.find(event.Portal, ids.B24LineID(id))
		if l == nil {
			l = &Line{Portal: event.Portal, ID: ids.B24LineID(id)}
		}
		l.Channel = 0
		t.drop(l)
		t.gone = append(t.gone, l)
		t.tell(l, true)
		return nil
	}
	var off struct { // docs: on-im-connector-status-delete, keys in lower case there
		Connector bitrix24.String `json:"connector"`
		Line      bitrix24.ID     `json:"line"`
	}
	if err := json.Unmarshal(event.Data, &off); err != nil {
		return inbox.Permanent(fmt.Errorf("read %s: %w", kind, err))
	}
	l := t.find(event.Portal, ids.B24LineID(off.Line))
	if !strings.EqualFold(string(off.Connector), Code) || l == nil || !l.rests() {
		return nil
	}
	// Our own disconnection of a channel that went to another line is told too, maybe after this line got another channel: the portal is asked what stands there now.
	c := t.command(l, doLook, "look", "imconnector.status", map[string]any{"CONNECTOR": Code, "LINE": int64(l.ID)})
	c.Plan += fmt.Sprintf(":%d", t.now.UnixNano())
	return nil
}

// rests tells that a line carries a channel and nothing is under way.
func (l *Line) rests() bool { return l.Channel != 0 && (l.State == On || l.State == Failed) }

// looked takes what stands at the portal. What cannot be read is not believed to be there: the portal has told that it is not.
func (t *turn) looked(l *Line, answer outbox.PlanAnswer) {
	if !l.rests() {
		return
	}
	if r := answer.Results["look"]; r.State == done {
		if status, err := StatusOf(r.Result); err != nil || status != Absent {
			return
		}
	}
	t.off(l)
}

// off forgets the channel of a line that the portal has disconnected. The channel does not come back to the chats by itself (O9).
func (t *turn) off(l *Line) {
	l.Channel = 0
	t.drop(l)
	t.tell(l, true)
}

// kept takes what a look at the whole connector found.
func (t *turn) kept(body []byte) error {
	var k Kept
	if err := json.Unmarshal(body, &k); err != nil {
		return inbox.Permanent(fmt.Errorf("read what was looked at: %w", err))
	}
	for _, l := range slices.Clone(t.lines) {
		if l.Portal != k.Portal || !l.rests() || k.Looked[l.ID] != l.Choice {
			continue // chosen anew since
		}
		switch {
		case k.Fresh:
			channel := t.channels[l.Channel]
			channel.ID = l.Channel
			t.connect(l, channel, fmt.Sprintf("again:%d:%d", l.ID, t.now.UnixNano()))
		case slices.Contains(k.Off, l.ID):
			t.off(l)
		}
	}
	return nil
}
