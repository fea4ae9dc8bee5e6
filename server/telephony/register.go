package telephony

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
)

// cardDeadline is how long a card to show or to hide is worth anything (design section 11).
const cardDeadline = 10 * time.Second

// advance does whatever the call is ready for.
func (t *turn) advance() {
	c, f := t.call, &t.call.Facts
	switch c.Link.Phase {
	case Heard:
		t.begin(f)
	case Registered:
		t.cards()
		if f.ended() {
			t.end()
		}
	case Done:
		t.record()
	case Watching:
		t.compareInTime()
	case Off, Asked, Registering, Finishing, Closing, Failed, Comparing, Updating, Watched:
	}
}

// begin decides whether a call that is known goes to Bitrix24.
func (t *turn) begin(f *Facts) {
	inner, clientless := clientless(f, t.setting.inside, t.setting.click != nil || t.setting.maybe)
	if !f.known() {
		if clientless {
			t.off(inner)
		}
		return
	}
	if t.opens() {
		return
	}
	if t.setting.maybe {
		t.timer("click", t.now.Add(settling)) // which call the click asked for is told in a moment
		return
	}
	t.seen()
	verdict, why := pass(t.setting.Document, f, paramsOf(f, t.setting.names))
	if verdict != refused && clientless {
		t.off(inner)
		return
	}
	if (verdict == passes || why.Code == "call.filtered_out") && t.inquire(f) {
		return
	}
	switch verdict {
	case refused:
		t.off(why)
	case waits:
	case passes:
		t.ask(f)
	case watches:
		t.watch(f)
	}
}

// opens tells that the notification which opens the call is waited for: it names the caller, the scenario and the client, and may have been overtaken by others. One
// that nobody has set up, or that is lost, is not waited for long, somewhat longer when the call is over.
func (t *turn) opens() bool {
	l := &t.call.Link
	if t.call.Facts.Announced {
		return false
	}
	if l.Opening.IsZero() {
		l.Opening, t.touched = t.now.Add(settling), true
	}
	until := l.Opening
	if t.call.Facts.ended() { // no card is late any more
		until = until.Add(patience - settling)
	}
	if t.now.Before(until) {
		t.timer("opening", until)
		return true
	}
	return false
}

// seen tells the lane that the call which a click asked for is there, when the answer of UIS is still out or lost.
func (t *turn) seen() {
	if k := t.setting.click; k != nil && k.State == "asked" {
		t.out.Seen = append(t.out.Seen, outbox.Seen{Key: ids.ClickKey(k.ID), Plan: "dial:" + k.External, Name: "dial", Result: encode(map[string]ids.UISCallID{"call_session_id": t.call.ID})})
	}
}

// clicked takes over the call that the portal registered with the click (T10).
func (t *turn) clicked(k *Click) {
	l := &t.call.Link
	l.CallID, l.User, l.Shown = k.ID, k.User, nil
	t.because("call.clicked", map[string]any{"user": k.User})
	t.phase(Registered)
}

// register makes the call known to the portal: with the entity given and CRM_CREATE off, as titles, stages and responsibles are ours.
func (t *turn) register() {
	f, l := &t.call.Facts, &t.call.Link
	asked := t.setting.click
	if asked != nil {
		l.By = asked.Kind
	}
	if asked != nil && asked.Kind == ByClick {
		t.clicked(asked)
		return
	}
	audience := t.audience()
	existing := ids.B24UserID(0)
	if len(l.Answer.Existing) > 0 {
		existing = l.Answer.Existing[0]
	}
	w := everybody(t.setting.Document.Telephony, f, t.setting.people, paramsOf(f, t.setting.names))
	l.User = firstOf(append(slices.Clone(audience), w.talker, existing, w.begin())...)
	if l.Tried {
		l.User, audience = t.setting.people.admin, nil
	}
	if l.User == 0 {
		t.because("call.nobody", nil)
		t.phase(Failed)
		return
	}
	show := slices.Contains(audience, l.User)
	l.Shown = nil
	if show {
		l.Shown = []ids.B24UserID{l.User}
	}
	kind := bitrix24.CallIncoming
	if f.Direction == Out {
		kind = bitrix24.CallOutgoing
	}
	params := map[string]any{"USER_ID": int64(l.User), "PHONE_NUMBER": "+" + f.Phone, "TYPE": kind, "CALL_START_DATE": f.StartedAt.In(t.zone()).Format(time.RFC3339),
		"CRM_CREATE": 0, "SHOW": flag(show), "ADD_TO_CHAT": flag(t.setting.Document.Telephony.CallMessage), "LINE_NUMBER": f.Number, "EXTERNAL_CALL_ID": fmt.Sprint(t.call.ID)}
	if p := l.Answer.Primary; p != nil {
		params["CRM_ENTITY_TYPE"], params["CRM_ENTITY_ID"] = strings.ToUpper(string(p.Type)), p.ID
	}
	if asked != nil { // a form or a robot names its entity; a deal the portal does not take here (T11)
		if asked.Kind == ByForm {
			params["TYPE"] = bitrix24.CallBack
		} else if !l.Tried {
			t.because("call.by_robot", map[string]any{"entity": fmt.Sprintf("%s:%d", asked.Entity.Type, asked.Entity.ID)})
		}
		if asked.Entity.ID > 0 && asked.Entity.Type != crm.Deal && asked.Entity.Type.Wire() != 0 {
			params["CRM_ENTITY_TYPE"], params["CRM_ENTITY_ID"] = strings.ToUpper(string(asked.Entity.Type)), asked.Entity.ID
		}
	}
	t.phase(Registering)
	t.line()
	t.command("register", fmt.Sprintf("register%d", flag(l.Tried)), "telephony.externalCall.register", params).Plan += fmt.Sprintf(":%d", flag(l.Tried))
}

// line makes the number a line of the portal before the first call that names it (T1): left to the portal, the line would make leads of outgoing calls.
func (t *turn) line() {
	if t.setting.lined {
		return
	}
	c := t.command("line", "line", "telephony.externalLine.add", map[string]any{"NUMBER": t.call.Facts.Number, "NAME": "+" + t.call.Facts.Number, "CRM_AUTO_CREATE": "N"})
	c.Plan, c.Name, c.ReplyKey, c.ReplyKind, c.Tag = "", "", "", "", nil
}

// registered takes the portal's name of the call in, also when a person had a failed registration repeated. A user the portal refuses is replaced by the one who
// installed the app, once.
func (t *turn) registered(results map[string]outbox.Result) error {
	l := &t.call.Link
	if l.Phase != Registering && l.Phase != Failed {
		return nil
	}
	for _, r := range results {
		var made bitrix24.Registered
		if r.State == "done" {
			if err := json.Unmarshal(r.Result, &made); err != nil {
				return fmt.Errorf("the answer of externalCall.register: %w", err)
			}
		}
		switch {
		case made.CallID != "":
			if l.Phase == Failed {
				t.because("call.registered_late", nil)
			}
			l.CallID = string(made.CallID)
			t.phase(Registered)
		case l.Phase == Registering && wrongUser(r) && !l.Tried && l.User != t.setting.people.admin && t.setting.people.admin != 0:
			t.because("call.user_refused", map[string]any{"user": l.User, "text": r.Text})
			// Repeated by a person, it would be a second call of this session.
			t.out.Replaced = append(t.out.Replaced, r.Command)
			l.Tried = true
			t.register()
		default:
			t.because("call.not_registered", map[string]any{"state": r.State, "text": r.Text})
			t.phase(Failed)
		}
	}
	return nil
}

// notTheUser are the other complaints of the portal about a call to be registered (docs: telephony.externalCall.register).
var notTheUser = []string{"unknown type", "call_start_date", "phone number", "crm_entity"}

// wrongUser tells that a registration was refused for whom it was for, as far as the portal's words go. Anything else another user changes nothing about; and
// what was not refused may have come about.
func wrongUser(r outbox.Result) bool {
	text := strings.ToLower(r.Text)
	return r.State == "refused" && (r.Class == string(bitrix24.NotFound) || r.Class == string(bitrix24.Invalid)) &&
		!slices.ContainsFunc(notTheUser, func(other string) bool { return strings.Contains(text, other) })
}

// audience is who should have the card before him now: whom it rings, then who talks; of an outgoing call the caller (T14).
func (t *turn) audience() []ids.B24UserID {
	f, p := &t.call.Facts, t.setting.people
	switch {
	case f.ended():
		return nil
	case f.talking() != 0:
		return p.users([]ids.UISEmployeeID{f.talking()})
	case f.Direction == Out:
		return p.users([]ids.UISEmployeeID{f.caller()})
	}
	return p.users(f.ringing())
}

// cards shows the card to those who should have it and hides it from the others. Late, either is worth nothing.
func (t *turn) cards() {
	l := &t.call.Link
	want := t.audience()
	only := func(list, without []ids.B24UserID) []int64 {
		var out []int64
		for _, u := range list {
			if !slices.Contains(without, u) {
				out = append(out, int64(u))
			}
		}
		return out
	}
	for _, card := range []struct {
		call  bitrix24.Call
		users []int64
	}{
		{bitrix24.CallHide(l.CallID, only(l.Shown, want)...), only(l.Shown, want)}, {bitrix24.CallShow(l.CallID, only(want, l.Shown)...), only(want, l.Shown)},
	} {
		if len(card.users) == 0 {
			continue
		}
		c := t.command("card", "card", card.call.Method, card.call.Params)
		c.Plan, c.Deadline, c.Priority = "", t.physical.Add(cardDeadline), outbox.Waiting
		c.ReplyKey, c.ReplyKind, c.Tag, c.Name = "", "", nil, ""
		// At the end nothing more follows but the finish, and it need not wait for the cards. A card that is only now being shown must not come after.
		if c.Independent = t.call.Facts.ended() && t.physical.After(l.CardsUntil); !c.Independent {
			l.CardsUntil = c.Deadline
		}
		t.touched = true
	}
	l.Shown = want
}

func (t *turn) zone() *time.Location {
	if t.setting.Zone != nil {
		return t.setting.Zone
	}
	return time.UTC
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}
