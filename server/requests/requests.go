// Package requests is the engine of offline requests: a form that a visitor sent from a site becomes entities, a comment and an activity at the portal (C13).
package requests

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/rules"
	"omni/server/settings"
	"omni/server/store"
	"omni/server/uis"
)

// Request is one form that was sent, and what it became.
type Request struct {
	ID      uis.OfflineMessageID
	Portal  ids.PortalID
	Client  ids.ClientID
	Name    string
	Phones  []string
	Emails  []string
	Visitor string
	Text    string
	Values  map[string]string
	Phase   string
	Link    Link
	At      time.Time
}

// The phases of a request.
const (
	Off = "off"
	// Waiting: for its row in UIS' report.
	Waiting = "waiting"
	Asked   = "asked"
	Done    = "done"
)

// Link is what a request became in the CRM.
type Link struct {
	Ties        []crm.Tie     `json:"ties,omitempty"`
	Activity    int64         `json:"activity,omitempty"`
	Responsible ids.B24UserID `json:"responsible,omitempty"`
	Notify      bool          `json:"notify,omitempty"`
	Version     int           `json:"version,omitempty"`
	// Given are the extra fields that went into what the request created (R7).
	Given map[crm.EntityType]map[string]string `json:"given,omitempty"`
	// Reported: the report has told what it knows, or will not; Tries are the questions.
	Reported bool `json:"reported,omitempty"`
	Tries    int  `json:"tries,omitempty"`
}

// Ref names the request as a communication, the value of "First communication ID" (R7c).
func (r *Request) Ref() string { return fmt.Sprintf("request:%d", r.ID) }

// Texts renders what we write into the portal in its language.
type Texts interface {
	Text(lang, key string, args ...any) string
}

// turn is one step of one request. Its methods decide and do nothing else: no I/O, no clock.
type turn struct {
	key      ids.Key
	doc      settings.Document
	lang     string
	zone     *time.Location
	params   rules.Params
	mappings crm.Mappings
	texts    Texts

	// now is business time, physical the real one, from which deadlines count.
	now, physical time.Time

	request *Request
	touched bool
	need    *crm.Need
	out     flow.Outcome
}

func (t *turn) because(code string, args map[string]any) {
	t.out.Reasons = append(t.out.Reasons, flow.Reason{Ref: t.request.Ref(), Code: code, Args: args, Version: t.doc.Version})
}

// requestOf reads a notification (offline_message).
func requestOf(n uis.Notification, zone *time.Location, received time.Time) *Request {
	r := &Request{ID: n.OfflineMessageID, Name: crm.CleanName(store.Text(n.Visitor.Name)), Visitor: string(n.Visitor.ID), Text: store.Text(n.Visitor.Message), Values: map[string]string{}}
	if phone, ok := crm.Phone(n.Visitor.Phone); ok {
		r.Phones = []string{phone}
	}
	if email, ok := crm.Email(n.Visitor.Email); ok {
		r.Emails = []string{email}
	}
	for name := range n.Values {
		if text := n.Text(name); text != "" {
			r.Values[name] = store.Text(text)
		}
	}
	at, err := n.Time.In(zone)
	if err != nil || at.IsZero() {
		at = received
	}
	r.At = at
	return r
}

// Where is the portal that requests go to; 0: the section is off, or no portal is chosen (P3a).
func Where(doc settings.Document) ids.PortalID {
	if !doc.Main.Enabled || !doc.Requests.Enabled {
		return 0
	}
	return portalOf(doc)
}

// portalOf is the portal of requests, whether or not the section is on; 0: none is chosen.
func portalOf(doc settings.Document) ids.PortalID { return doc.PortalOf(doc.Requests.Portal) }

// begin decides whether a request goes to the CRM, and asks the client's key for its entities (P3a, C10, C12).
func (t *turn) begin() {
	s, r := t.doc.Requests.Common, t.request
	portal := portalOf(t.doc)
	t.touched, r.Phase = true, Off
	switch {
	case !t.doc.Main.Enabled:
		t.because("settings.main_off", nil)
		return
	case !s.Enabled:
		t.because("settings.requests_off", nil)
		return
	case portal == 0:
		t.because("settings.no_portal", nil)
		return
	}
	if t.inquire() {
		return
	}
	if !s.Filter.Holds(t.params) {
		t.because("settings.filtered_out", nil)
		return
	}
	contacts := len(r.Phones)+len(r.Emails) > 0
	if !contacts && !s.WithoutContacts {
		t.because("crm.no_contact_data", nil)
		return
	}
	values := t.values()
	policy := crm.PolicyOf(s, t.params, rules.Render(s.Template, values, rules.TitleLimit))
	r.Portal, r.Phase = portal, Asked
	r.Link.Responsible, r.Link.Notify, r.Link.Version = policy.Responsible, s.Notify, t.doc.Version
	var fields map[crm.EntityType]map[string]any
	if !t.mappings.Empty() {
		r.Link.Given = t.mappings.Given(values)
		fields = t.mappings.WireAll(r.Link.Given)
	}
	t.need = &crm.Need{Ref: r.Ref(), ReplyKey: t.key, ReplyKind: KindEntities, Portal: r.Portal, Aliases: crm.Aliases(r.Phones, r.Emails, r.Visitor, ""),
		Facts: crm.Facts{Name: r.Name, Phones: r.Phones, Emails: r.Emails, HasContacts: contacts}, Policy: policy, Fields: fields, Version: t.doc.Version,
		KeepNumbers: t.doc.ManagerPortal() == r.Portal}
}

// values are what templates and extra fields may use (R4, R7).
func (t *turn) values() map[string]string {
	r, v := t.request, map[string]string{}
	for name, text := range t.request.Values {
		v[name] = text
	}
	v["name"], v["visitor_message"], v["offline_message_id"] = r.Name, r.Text, strconv.FormatInt(int64(r.ID), 10)
	v["app_name"] = t.texts.Text(t.lang, "product.name")
	if len(r.Phones) > 0 {
		v["contact_phone_number"], v["visitor_phone_number"] = r.Phones[0], r.Phones[0]
		if r.Name == "" {
			v["name"] = r.Phones[0]
		}
	}
	return v
}

// entities takes the planner's answer in: the text goes to the targets and copies, values to what was found, a word to the responsible.
func (t *turn) entities(body []byte) error {
	var a crm.Answer
	if err := json.Unmarshal(body, &a); err != nil {
		return inbox.Permanent(fmt.Errorf("read the planner's answer: %w", err))
	}
	r := t.request
	if r.Phase != Asked && !a.Late {
		return nil
	}
	t.touched, r.Phase = true, Done
	known := map[crm.Ref]bool{}
	for _, tie := range r.Link.Ties {
		known[tie.Ref] = true
	}
	r.Link.Activity = max(r.Link.Activity, a.Activity)
	for _, ref := range append(a.Targets, a.Copies...) {
		if !known[ref] {
			t.comment(ref)
		}
	}
	for _, tie := range a.Ties {
		if !known[tie.Ref] {
			r.Link.Ties = append(r.Link.Ties, tie)
			t.fields(tie)
			t.notify(tie)
		}
	}
	return nil
}

func (t *turn) command(plan, method string, params map[string]any) *outbox.Command {
	t.out.Commands = append(t.out.Commands, outbox.Command{Lane: outbox.LaneRef{Kind: outbox.LaneB24, Portal: t.request.Portal}, Key: t.key, Kind: method, Params: params, Independent: true,
		Meta: map[string]string{"about": t.request.Ref()}, Plan: fmt.Sprintf("%s:%d", plan, t.request.ID), Name: plan, Priority: outbox.Live})
	return &t.out.Commands[len(t.out.Commands)-1]
}

// comment puts the request into a timeline. The first line names it and is unique: a comment whose answer was lost is found by it.
func (t *turn) comment(at crm.Ref) {
	r := t.request
	lines := []string{"[B]" + bitrix24.PlainBB(t.texts.Text(t.lang, "crm.request.head", "request", r.ID)) + "[/B]"}
	add := func(key, value string) {
		if value != "" {
			lines = append(lines, bitrix24.PlainBB(t.texts.Text(t.lang, "crm.request."+key)+": "+value))
		}
	}
	add("site", r.Values["site_domain_name"])
	add("name", r.Name)
	add("phone", plus(r.Phones))
	add("email", strings.Join(r.Emails, ", "))
	if r.Text != "" {
		lines = append(lines, bitrix24.PlainBB(r.Text))
	}
	t.command("comment:"+at.Name(), "crm.timeline.comment.add", map[string]any{"fields": map[string]any{"ENTITY_ID": at.ID, "ENTITY_TYPE": string(at.Type), "COMMENT": strings.Join(lines, "\n")}})
}

// fields writes "always" rows into an entity that was there before (R7a).
func (t *turn) fields(tie crm.Tie) {
	if tie.Created || t.mappings.Empty() {
		return
	}
	news := t.mappings.News(tie.Type, false, nil, t.values())
	if len(news) == 0 {
		return
	}
	t.command("fields:"+tie.Name(), "crm.item.update", map[string]any{"entityTypeId": tie.Type.Wire(), "id": tie.ID, "useOriginalUfNames": "Y", "fields": t.mappings.Wire(tie.Type, news)})
}

// notify tells the responsible of what was made (C7).
func (t *turn) notify(tie crm.Tie) {
	r := t.request
	n := crm.Notices{On: r.Link.Notify, Responsible: r.Link.Responsible, Portal: r.Portal, About: r.Ref()}
	command, told := n.Of(tie, t.key, func(link string) string {
		return t.texts.Text(t.lang, "crm.notice.request_"+string(tie.Type), "link", link)
	})
	if told {
		t.out.Commands = append(t.out.Commands, command)
	}
}

func plus(phones []string) string {
	out := make([]string, len(phones))
	for i, p := range phones {
		out[i] = "+" + p
	}
	return strings.Join(out, ", ")
}
