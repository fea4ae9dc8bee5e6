package telephony

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/settings"
)

// Call is one call session and how far it was carried into Bitrix24.
type Call struct {
	ID     ids.UISCallID
	Portal ids.PortalID
	Client ids.ClientID
	Facts  Facts
	Link   Link
	// Activity is the call's activity in the CRM; ActivityOpen: it stands as not done, and a later answered call turns it to done (T4a).
	Activity     int64
	ActivityOpen bool
}

// Phase is how far a call was carried.
type Phase string

// The phases in their order. Off and Failed end a call; off ones never began. Watched calls go their own way, from Watching to Watched (T2).
const (
	Heard       Phase = ""
	Off         Phase = "off"
	Asked       Phase = "asked"
	Registering Phase = "registering"
	Registered  Phase = "registered"
	Finishing   Phase = "finishing"
	Closing     Phase = "closing"
	Done        Phase = "done"
	Failed      Phase = "failed"

	Watching  Phase = "watching"
	Comparing Phase = "comparing"
	Updating  Phase = "updating"
	Watched   Phase = "watched"
)

// Link is what a call became in Bitrix24.
type Link struct {
	Phase   Phase           `json:"phase,omitempty"`
	Version int             `json:"version,omitempty"`
	Answer  *crm.CallAnswer `json:"answer,omitempty"`
	Ties    []crm.Tie       `json:"ties,omitempty"`
	// CallID is the portal's name of the call; User whom it is registered for; Tried: the portal refused somebody before him.
	CallID string        `json:"call_id,omitempty"`
	User   ids.B24UserID `json:"user,omitempty"`
	Tried  bool          `json:"tried,omitempty"`
	// By is what at the portal asked for the call: it may have tied it to a card of its own choice. Unfinished: the portal did not finish the call.
	By         ClickKind `json:"by,omitempty"`
	Unfinished bool      `json:"unfinished,omitempty"`
	// Shown are the people who have the card before them (T14).
	Shown []ids.B24UserID `json:"shown,omitempty"`
	// CardsUntil is when the last card that was to be shown or hidden has left, or is worth nothing any more.
	CardsUntil time.Time `json:"cards_until,omitzero"`
	// Inquiry is whether UIS' report was asked for what the rules judge the call by: asked, later, over.
	// It is asked again at InquiryDue, so often.
	Inquiry      string    `json:"inquiry,omitempty"`
	InquiryDue   time.Time `json:"inquiry_due,omitzero"`
	InquiryTries int       `json:"inquiry_tries,omitempty"`
	// Visit is the same for what its extra fields take from the report at the end.
	Visit      string `json:"visit,omitempty"`
	VisitTries int    `json:"visit_tries,omitempty"`
	// Opening is until when the notification that opens the call is waited for.
	Opening time.Time `json:"opening,omitzero"`
	// HeardEnd is when the end of an answered call was heard of.
	HeardEnd time.Time `json:"heard_end,omitzero"`
	Verdict  Verdict   `json:"verdict,omitzero"`
	Record   Recorded  `json:"record,omitzero"`
	Whole    Whole     `json:"whole,omitzero"`
	// Given are the extra fields that went into what the call created, by kind and field (R7). Shared are responsibles that were given in one update with them.
	Given  map[crm.EntityType]map[string]string `json:"given,omitempty"`
	Shared []crm.Owned                          `json:"shared,omitempty"`
	Watch  *Watch                               `json:"watch,omitempty"`
	// Closing: the portal is being told the state of the activity. Handled: that of this missed call is done, as a later call was answered (T4a).
	Closing bool `json:"closing,omitempty"`
	Handled bool `json:"handled,omitempty"`
}

// Recorded is the recording on its way from UIS to the portal.
type Recorded struct {
	Link  string     `json:"link,omitempty"`
	State string     `json:"state,omitempty"` // coming, attaching, waiting, attached, failed
	File  ids.FileID `json:"file,omitempty"`
	Wave  bool       `json:"wave,omitempty"`
	Tries int        `json:"tries,omitempty"`
}

// Ref names the call as a communication: call:{session}, the value of "First communication ID" (R7c).
func (c *Call) Ref() string { return fmt.Sprintf("call:%d", c.ID) }

// Setting is what a step needs to know besides the call.
type Setting struct {
	Document settings.Document
	// Lang is what people at the portal read, Zone the account's time zone at UIS.
	Lang   string
	Zone   *time.Location
	people people
	names  names
	extras extras
	// older are the activities of earlier calls of this client, and with the entities of this one, that stand as not done, by the call they belong to; later: an
	// answered call followed this one.
	older map[ids.UISCallID]int64
	later bool
	// lined: the account's number is a line of the portal already (T1).
	lined bool
	// inside is whom of the account the contact's number belongs to, read while it is not decided whether the call is processed.
	inside inside
	// click asked for this call; maybe: a click for this client waits for the answer of UIS, and may have asked for it.
	click *Click
	maybe bool
}

// Texts renders what we write into the portal in its language.
type Texts interface {
	Text(lang, key string, args ...any) string
}

// turn is one step of one call: what was loaded, and what comes of it. Its methods decide and do nothing else: no I/O, no clock.
type turn struct {
	now time.Time
	// physical is the real time, from which deadlines count.
	physical time.Time
	key      ids.Key
	setting  Setting
	texts    Texts
	fileURL  func(ids.FileID, string) string

	call    *Call
	touched bool
	out     flow.Outcome
	// need is the request to the client's key, which the engine finds.
	need *crm.Need
	// fetch asks for a copy of a recording.
	fetch string
	// handled are calls whose activities were turned to done.
	handled []ids.UISCallID
	// wasOpen: its activity stood as not done when it was read; rebound: it shows in more entities since.
	wasOpen, rebound bool
	heard            []string
}

func (t *turn) because(code string, args map[string]any) {
	t.out.Reasons = append(t.out.Reasons, flow.Reason{Ref: t.call.Ref(), Code: code, Args: args, Version: t.setting.Document.Version})
}

func (t *turn) phase(p Phase) {
	t.call.Link.Phase = p
	t.touched = true
}

// off ends a call that is not processed, with the reason.
func (t *turn) off(why crm.Reason) {
	t.call.Link.Version = t.setting.Document.Version
	t.phase(Off)
	t.because(why.Code, why.Args)
}

// timer makes the call look at itself again.
func (t *turn) timer(name string, at time.Time) {
	t.out.Timers = append(t.out.Timers, flow.Timer{Name: name, At: at, Kind: KindTimer, Body: []byte(`{}`)})
}

// tag comes back with the answer of a plan.
type tag struct {
	Do string `json:"do"`
}

// command adds one to the portal's lane under the call's key.
func (t *turn) command(plan, name, method string, params map[string]any) *outbox.Command {
	t.out.Commands = append(t.out.Commands, outbox.Command{Lane: outbox.LaneRef{Kind: outbox.LaneB24, Portal: t.call.Portal}, Key: t.key, Kind: method, Params: params,
		Meta: map[string]string{"about": t.call.Ref()}, Plan: fmt.Sprintf("%s:%d", plan, t.call.ID), Name: name, Priority: outbox.Live,
		ReplyKey: t.key, ReplyKind: KindAnswer, Tag: encode(tag{plan})})
	return &t.out.Commands[len(t.out.Commands)-1]
}

// ask sends the client's key what the planner needs to know.
func (t *turn) ask(f *Facts) {
	doc := t.setting.Document
	params := paramsOf(f, t.setting.names)
	values := variablesOf(t.call.ID, f, t.texts.Text(t.setting.Lang, "product.name"))
	w := everybody(doc.Telephony, f, t.setting.people, params)
	standard := t.texts.Text(t.setting.Lang, "crm.call.title_"+f.Direction, "number", f.Phone, "app", values["app_name"])
	policy := crm.CallPolicy{Create: creates(doc.Telephony, f.Direction), Funnel: funnelOf(doc.Telephony, f.Direction, params),
		Titles: titles(doc.Telephony, f.Direction, standard, params, values), Responsible: w.begin(), Dismissed: t.setting.people.dismissed}
	if doc.Telephony.NumberAsSource {
		policy.Source = t.texts.Text(t.setting.Lang, "crm.call.source_"+f.Direction, "number", "+"+f.Number)
	}
	if _, i := funnelRule(doc.Telephony, f.Direction, params); i >= 0 {
		t.because("call.funnel_rule", map[string]any{"rule": i + 1})
	}
	if i := responsibleRule(doc.Telephony, f.Direction, params); i >= 0 {
		t.because("call.responsible_rule", map[string]any{"rule": i + 1})
	}
	t.call.Portal, t.call.Link.Version = portalOf(doc), doc.Version
	t.phase(Asked)
	t.need = &crm.Need{Ref: t.call.Ref(), ReplyKey: t.key, ReplyKind: KindEntities, Portal: t.call.Portal, Aliases: crm.Aliases([]string{f.Phone}, nil, "", ""),
		Facts: crm.Facts{Name: f.value("contact_full_name"), Phones: []string{f.Phone}, HasContacts: true}, Call: &policy, Fields: t.give(), Version: doc.Version,
		KeepNumbers: doc.ManagerPortal() == t.call.Portal}
}

// entities takes the planner's answer in and registers the call.
func (t *turn) entities(body []byte) error {
	var a crm.Answer
	if err := json.Unmarshal(body, &a); err != nil {
		return inbox.Permanent(fmt.Errorf("read the planner's answer: %w", err))
	}
	if a.Watched != nil {
		t.watched(a.Watched)
		return nil
	}
	if a.Late && a.Call != nil && t.call.Link.Answer != nil {
		t.late(a)
		return nil
	}
	if t.call.Link.Phase != Asked || a.Call == nil {
		return nil
	}
	t.call.Link.Answer, t.call.Link.Ties = a.Call, a.Ties
	t.standIn()
	t.register()
	return nil
}

// standIn notes that the installing administrator stands in for a default responsible who is missing, when the call falls to him.
func (t *turn) standIn() {
	w := everybody(t.setting.Document.Telephony, &t.call.Facts, t.setting.people, paramsOf(&t.call.Facts, t.setting.names))
	if len(t.call.Link.Answer.Existing) == 0 && w.stoodIn() {
		t.because("call.stand_in", map[string]any{"user": w.standIn})
	}
}

// late takes an entity in that was made after the call had been registered: a person had a refused step repeated. An ended call's activity is tied to it, or made,
// when the portal had nothing to tie one to.
func (t *turn) late(a crm.Answer) {
	l := &t.call.Link
	t.touched = true
	for _, tie := range a.Ties {
		if !slices.ContainsFunc(l.Ties, func(known crm.Tie) bool { return known.Ref == tie.Ref }) {
			l.Ties = append(l.Ties, tie)
		}
	}
	before := l.Answer.Bind
	l.Answer = a.Call
	switch {
	case l.Phase != Done:
	case t.call.Activity == 0 && !l.Unfinished:
		t.phase(Closing)
		t.activity(true)
		t.closeUp()
	case t.call.Activity != 0:
		for _, ref := range a.Call.Bind {
			if !slices.Contains(before, ref) {
				t.tieTo(ref)
				t.rebound = true
			}
		}
	}
}

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		// Only our own structs come here; a failure is a programming error, caught as a failed step.
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return raw
}
