package chats

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/rules"
)

const (
	// partBytes and partLines bound one growing comment; the portal's own limit is not documented, and each update carries the whole text.
	partBytes = 20_000
	partLines = 100
)

// link decides what the chat owes the CRM after everything else in this step happened: ask for entities once, then keep the growing
// comments of its targets up to date.
func (t *turn) link() {
	if t.chat == nil || t.chat.UIS == 0 {
		return
	}
	switch t.chat.CRM.Phase {
	case "", "off":
		t.ask()
	case "tied":
		t.pass()
		t.passFields()
		t.finishActivity()
		t.inquireAtEnd()
	}
}

// ask sends the client's key what the planner needs to know. It is asked when the chat begins or ends (C6), and again when contact
// data arrive after an answer that nothing can be done without them (C12). What the settings look at and only UIS' report tells is asked for before.
func (t *turn) ask() {
	c, s := t.chat, t.setting.Document.Chats
	if len(t.lines) == 0 && c.State != Closed {
		return
	}
	gate := gateOf(t.setting.Document, t.setting.Channel)
	version := t.setting.Document.Version
	if !gate.open {
		t.off(gate.why)
		return
	}
	if gate.atEnd && c.State != Closed {
		return
	}
	aliases := crm.Aliases(c.Phones, c.Emails, c.Visitor, c.Username)
	contacts := len(crm.Aliases(c.Phones, c.Emails, "", "")) > 0
	if c.CRM.Phase == "off" && (!contacts || c.CRM.Version == version) {
		return
	}
	params := paramsOf(t.setting.Channel, c)
	missing := untold(s.Common, c, params, t.setting.extras.Variables())
	if !contacts && !s.WithoutContacts && (len(missing) > 0 || s.Filter.Holds(params)) {
		t.off(crm.Reason{Code: "crm.no_contact_data"})
		c.CRM.Version = 0 // asked again as soon as contact data arrive
		return
	}
	if t.inquire(missing) {
		return
	}
	if !s.Filter.Holds(params) {
		t.off(crm.Reason{Code: "settings.filtered_out"})
		return
	}
	policy := crm.PolicyOf(s.Common, params, rules.Render(s.Template, t.fieldValues(), rules.TitleLimit))
	c.Portal = gate.portal
	c.CRM.Phase, c.CRM.Version = "asked", version
	c.CRM.Responsible, c.CRM.Notify = policy.Responsible, s.Notify
	t.touched = true
	t.letters = append(t.letters, inbox.Row{Kind: crm.KindNeed, Body: encode(crm.Need{
		Ref: c.Ref(), ReplyKey: t.key, ReplyKind: KindEntities, Portal: gate.portal, Aliases: aliases,
		Facts:  crm.Facts{Name: c.Name, Phones: c.Phones, Emails: c.Emails, HasContacts: contacts},
		Policy: policy, Fields: t.give(), Version: version, KeepNumbers: t.setting.Document.ManagerPortal() == gate.portal,
	})})
}

// off notes once why nothing is written; a chat that waited for contact data (version 0) may be turned away for another reason when they are there.
func (t *turn) off(why crm.Reason) {
	version := t.setting.Document.Version
	if t.chat.CRM.Phase == "off" && (t.chat.CRM.Version != 0 || version == 0) {
		return
	}
	t.chat.CRM.Phase, t.chat.CRM.Version = "off", version
	t.touched = true
	t.reasons = append(t.reasons, why)
}

// entities takes the planner's answer in.
func (t *turn) entities(body []byte) error {
	var a crm.Answer
	if err := json.Unmarshal(body, &a); err != nil {
		return fmt.Errorf("read the planner's answer: %w", err)
	}
	link := &t.chat.CRM
	late := a.Late && !a.Nothing && link.Phase != ""
	if link.Phase != "asked" && !late {
		return nil
	}
	t.touch()
	if a.Nothing {
		link.Phase = "off"
		return nil
	}
	link.Phase = "tied"
	for _, tie := range a.Ties {
		if !slices.ContainsFunc(link.Ties, func(known crm.Tie) bool { return known.Ref == tie.Ref }) {
			link.Ties = append(link.Ties, tie)
			t.notify(tie)
		}
	}
	if a.Activity != 0 {
		link.Activity = a.Activity
	}
	first := ids.MessageID(0)
	if len(t.lines) > 0 {
		first = t.lines[0].ID
	}
	for _, target := range append(slices.Clone(a.Targets), a.Copies...) {
		if !slices.ContainsFunc(link.Comments, func(known Comment) bool { return known.Target == target }) {
			link.Comments = append(link.Comments, Comment{Target: target, Part: 1, From: first})
		}
	}
	return nil
}

// pass brings every growing comment up to date with what was said.
func (t *turn) pass() {
	for i := range t.chat.CRM.Comments {
		t.passTo(&t.chat.CRM.Comments[i])
	}
}

func (t *turn) passTo(c *Comment) {
	if c.Busy || c.Gone {
		return
	}
	text, upto, next := t.compose(*c)
	if upto == 0 || upto <= c.Upto && !c.Dirty {
		if next != 0 && upto <= c.Upto {
			t.nextPart(c, next)
		}
		return
	}
	tag := encode(commandTag{Do: tagComment, Target: c.Target, Part: c.Part, Upto: upto})
	command := outbox.Command{Lane: outbox.LaneRef{Kind: "b24", Portal: t.chat.Portal}, Key: t.key, Name: "comment", Priority: outbox.Live,
		ReplyKey: t.key, ReplyKind: KindAnswer, Tag: tag}
	if c.ID == 0 {
		command.Kind = "crm.timeline.comment.add"
		command.Plan = fmt.Sprintf("comment:%s:%d:%d:%d", c.Target.Type, c.Target.ID, t.chat.UIS, c.Part)
		command.Params = map[string]any{"fields": map[string]any{"ENTITY_ID": c.Target.ID, "ENTITY_TYPE": string(c.Target.Type), "COMMENT": text}}
		c.Busy = true
	} else {
		command.Kind = "crm.timeline.comment.update"
		command.Params = map[string]any{"id": c.ID, "fields": map[string]any{"COMMENT": text}, "ownerTypeId": c.Target.Type.Wire(), "ownerId": c.Target.ID}
		command.Merge = fmt.Sprintf("comment:%d", c.ID)
	}
	c.Upto, c.Dirty = upto, false
	t.commands = append(t.commands, command)
	t.touched = true
	if next != 0 && !c.Busy {
		t.nextPart(c, next)
	}
}

// nextPart begins a new comment at the first message that no longer fits.
func (t *turn) nextPart(c *Comment, from ids.MessageID) {
	c.Part++
	c.ID, c.From, c.Upto, c.Dirty = 0, from, 0, false
	t.touched = true
	t.passTo(c)
}

// compose writes the text of a comment's part. Its first line names the chat and the part and is unique: an unclear add is found by it.
// It answers the last message taken in and, when the part is full, the first one left over.
func (t *turn) compose(c Comment) (text string, upto, next ids.MessageID) {
	var b strings.Builder
	lang := t.setting.Lang
	fmt.Fprintf(&b, "[B]%s[/B]", bitrix24.PlainBB(t.texts.Text(lang, "crm.comment.head", "channel", t.setting.Channel.Name, "chat", t.chat.UIS, "part", c.Part)))
	day := ""
	lines := 0
	for _, m := range t.lines {
		if m.ID < c.From || m.Side == FromSystem && m.Text == "" {
			continue
		}
		if lines >= partLines || b.Len() >= partBytes {
			return b.String(), upto, m.ID
		}
		at := m.CreatedAt.In(t.zone())
		if d := at.Format("02.01.2006"); d != day {
			fmt.Fprintf(&b, "\n[I]%s[/I]", d)
			day = d
		}
		fmt.Fprintf(&b, "\n%s [B]%s:[/B] %s", at.Format("15:04"), bitrix24.PlainBB(t.author(m)), bitrix24.PlainBB(m.Text))
		if m.File != nil {
			b.WriteString(t.fileLine(m.File))
		}
		lines, upto = lines+1, m.ID
	}
	return b.String(), upto, 0
}

func (t *turn) fileLine(f *File) string {
	if f.State == "ready" && t.fileURL != nil {
		return fmt.Sprintf(" [URL=%s]%s[/URL]", t.fileURL(f.ID, f.Name), bitrix24.PlainBB(f.Name))
	}
	return " (" + bitrix24.PlainBB(f.Name) + ")" // no brackets: a file called "url=…" would be a link in them
}

func (t *turn) author(m *Message) string {
	switch m.Side {
	case FromClient:
		if t.chat.Name != "" {
			return t.chat.Name
		}
		return t.texts.Text(t.setting.Lang, "crm.comment.client")
	case FromOperator:
		if name := t.setting.Employees[m.Employee]; name != "" {
			return name
		}
		return t.texts.Text(t.setting.Lang, "crm.comment.operator")
	case FromSystem:
	}
	return t.texts.Text(t.setting.Lang, "crm.comment.system")
}

func (t *turn) zone() *time.Location {
	if t.setting.Zone != nil {
		return t.setting.Zone
	}
	return time.UTC
}

// commentAnswered takes the end of an add or update in. An update may answer another id: the portal copied the comment.
func (t *turn) commentAnswered(tag commandTag, r outbox.Result) error {
	for i := range t.chat.CRM.Comments {
		c := &t.chat.CRM.Comments[i]
		if c.Target != tag.Target || c.Part != tag.Part {
			continue
		}
		t.touched = true
		wasAdd := c.Busy
		c.Busy = false
		switch r.State {
		case "done":
			var id bitrix24.ID
			if err := json.Unmarshal(r.Result, &id); err != nil {
				return fmt.Errorf("the answer of a timeline comment has no id: %s", r.Result)
			}
			if id != 0 {
				c.ID = int64(id)
			}
			c.Gone = false // it was refused before, and repeated on a person's word
		case "refused", "dropped", "unconfirmed", "cancelled":
			if wasAdd || r.Class == "not_found" || r.Class == "access_denied" {
				c.Gone = true
			}
			t.because("crm.comment_not_written", "entity", fmt.Sprintf("%s:%d", c.Target.Type, c.Target.ID), "text", r.Text)
		}
	}
	return nil
}

// finishActivity closes the chat's activity when the chat is over and an employee answered (C3a).
func (t *turn) finishActivity() {
	link := &t.chat.CRM
	if link.Activity == 0 || link.ActivityDone || t.chat.State != Closed || !t.chat.Answered {
		return
	}
	link.ActivityDone = true
	t.touched = true
	t.commands = append(t.commands, outbox.Command{Lane: outbox.LaneRef{Kind: "b24", Portal: t.chat.Portal}, Key: t.key, Kind: "crm.activity.configurable.update",
		Params: map[string]any{"id": link.Activity, "fields": map[string]any{"completed": true}}, Plan: fmt.Sprintf("activity:%d", t.chat.UIS), Name: "activity",
		Priority: outbox.Live, ReplyKey: t.key, ReplyKind: KindAnswer, Tag: encode(commandTag{Do: tagActivity})})
}

func (t *turn) activityAnswered(r outbox.Result) {
	if r.State != "done" {
		t.because("crm.activity_not_closed", "text", r.Text)
	}
}
