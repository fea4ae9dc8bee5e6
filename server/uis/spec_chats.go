package uis

import (
	"encoding/json"
	"strings"
	"time"
)

// messageProbes asks for the chat's messages around the sending, the newest first.
func messageProbes(sent Sent) []Probe {
	m, ok := paramsOf[OutMessage](sent)
	if !ok {
		return nil
	}
	q := Query{
		Fields: []string{"id", "chat_id", "date_time", "text", "source", "employee_id", "resource"},
		Sort:   []Sort{{Field: "date_time", Desc: true}},
		Limit:  DefaultLimit, Extra: map[string]any{"chat_id": m.ChatID},
	}
	return []Probe{reading(DataAPI, "get.chat_messages_report", q)}
}

// judgeMessage looks for an operator's message with the same text and file, not before the sending, whose id is not known to be another one.
func judgeMessage(sent Sent, answers []json.RawMessage) Verdict {
	m, ok := paramsOf[OutMessage](sent)
	rows, read := rowsOf[ChatMessage](answers, 0)
	switch {
	case !ok:
		return undecided("the command's parameters cannot be read")
	case !read:
		return undecided("the report could not be read")
	case sent.Zone == nil:
		return undecided("the account's time zone is not known")
	}
	since := earliest(sent.At, m.CreatedAt.Time)
	match := ChatMessage{}
	for _, row := range rows {
		if row.ChatID != 0 && row.ChatID != m.ChatID || row.Source != "operator" || sent.KnownMessages[row.ID] {
			continue
		}
		if row.EmployeeID != m.OperatorID || !sameText(row.Text, m.Text) || !sameFile(row.Resource, m.Resource) || !notBefore(row.Time, sent.Zone, since) {
			continue
		}
		if match.ID == 0 || row.ID < match.ID { // the oldest, should there be twins
			match = row
		}
	}
	switch {
	case match.ID != 0:
		return found(int64(match.ID), "the report has the message")
	case len(rows) >= DefaultLimit && notBefore(rows[len(rows)-1].Time, sent.Zone, since):
		return undecided("more messages than were read")
	}
	return absent("the report has no such message")
}

func earliest(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

func sameText(a, b string) bool {
	plain := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(Visible(s), "\r\n", "\n")) }
	return plain(a) == plain(b)
}

// sameFile compares a report's file with the one that was sent; the report writes {} for a message without one.
func sameFile(have *ReportResource, sent *Resource) bool {
	if have != nil && *have == (ReportResource{}) {
		have = nil
	}
	if sent == nil || have == nil {
		return sent == nil && have == nil
	}
	return have.Name == sent.Name || (have.Size == sent.Size && sent.Size > 0)
}

// webhookMessage knows a message by its content, and by the status of a message that nobody else has sent.
func webhookMessage(sent Sent, w Webhook) Verdict {
	m, ok := paramsOf[OutMessage](sent)
	if !ok || w.ChatID != m.ChatID {
		return undecided("another chat")
	}
	switch e := w.Event.(type) {
	case *MessageEvent:
		same := e.Source == "operator" && e.OperatorID == m.OperatorID && sameText(e.Text, m.Text) && (e.Resource == nil) == (m.Resource == nil) &&
			(e.Resource == nil || e.Resource.ID == m.Resource.ID)
		if same && e.ID != 0 && !sent.KnownMessages[e.ID] {
			return found(int64(e.ID), "a webhook brought the message")
		}
	case *MessageStatus:
		if e.MessageID != 0 && !sent.KnownMessages[e.MessageID] {
			return found(int64(e.MessageID), "a webhook brought the status "+e.Status+" of a message of this chat that is nobody else's")
		}
	}
	return undecided("the webhook is about something else")
}

// chatProbes asks for chats that were started in the channel around the sending.
func chatProbes(sent Sent) []Probe {
	n, ok := paramsOf[NewChat](sent)
	if !ok || sent.Channel == 0 || sent.Zone == nil {
		return nil
	}
	q := Query{
		From: sent.At.Add(-clockSlack), Till: sent.At.Add(time.Hour), Zone: sent.Zone,
		Fields: []string{"id", "initiator", "date_time", "employee_id", "chat_channel_id", "chat_user_id", "chat_username", "visitor_phone_number"},
		Filter: And(Equal("chat_channel_id", sent.Channel), Equal("employee_id", n.OperatorID)),
	}
	return []Probe{reading(DataAPI, "get.chats_report", q)}
}

func judgeChat(sent Sent, answers []json.RawMessage) Verdict {
	n, ok := paramsOf[NewChat](sent)
	rows, read := rowsOf[Chat](answers, 0)
	if !ok || !read || sent.Zone == nil {
		return undecided("the report could not be read")
	}
	for _, row := range rows {
		if row.Initiator == "operator" && row.EmployeeID == n.OperatorID && row.ChannelID == sent.Channel && n.reaches(row) && notBefore(row.Time, sent.Zone, sent.At) {
			return found(int64(row.ID), "the report has the chat")
		}
	}
	if n.VisitorEmail != "" {
		return undecided("the report does not promise to name e-mail addresses")
	}
	return absent("the report has no such chat")
}

// reaches reports whether a chat is with the person the new one was meant for.
func (n NewChat) reaches(row Chat) bool {
	switch {
	case n.VisitorPhone != "":
		return digits(string(row.VisitorNumber)) == digits(n.VisitorPhone)
	case n.VisitorUsername != "":
		return strings.EqualFold(strings.TrimPrefix(string(row.Username), "@"), strings.TrimPrefix(n.VisitorUsername, "@"))
	case n.VisitorEmail != "":
		return strings.EqualFold(string(row.UserID), n.VisitorEmail) || strings.EqualFold(string(row.Username), n.VisitorEmail)
	}
	return false
}

func webhookChat(sent Sent, w Webhook) Verdict {
	n, ok := paramsOf[NewChat](sent)
	e, isNew := w.Event.(*ChatNew)
	if !ok || !isNew || w.ConnectionID != n.ConnectionID || w.ChannelID != n.ChannelID || e.Initiator != "operator" || e.OperatorID != n.OperatorID {
		return undecided("the webhook is about something else")
	}
	row := Chat{VisitorNumber: e.VisitorPhone, Username: e.VisitorUsername, UserID: e.VisitorEmail}
	if !n.reaches(row) {
		return undecided("a chat of this operator with another person, or the webhook does not say with whom")
	}
	return found(int64(w.ChatID), "a webhook brought the chat")
}

// closeProbes reads the chat itself; reports want dates, so the start of the chat must be known.
func closeProbes(sent Sent) []Probe {
	c, ok := paramsOf[CloseChat](sent)
	if !ok || sent.ChatStarted.IsZero() || sent.Zone == nil {
		return nil
	}
	q := Query{
		From: sent.ChatStarted.Add(-clockSlack), Till: sent.ChatStarted.Add(24 * time.Hour), Zone: sent.Zone,
		Fields: []string{"id", "status", "release_cause"}, Filter: Equal("id", c.ChatID),
	}
	return []Probe{reading(DataAPI, "get.chats_report", q)}
}

func judgeClose(sent Sent, answers []json.RawMessage) Verdict {
	c, ok := paramsOf[CloseChat](sent)
	rows, read := rowsOf[Chat](answers, 0)
	if !ok || !read {
		return undecided("the report could not be read")
	}
	for _, row := range rows {
		if row.ID != c.ChatID {
			continue
		}
		if row.Open() && row.ReleaseCause == "" {
			return absent("the report shows the chat open")
		}
		return found(int64(c.ChatID), "the report shows the chat closed")
	}
	return undecided("the report does not have the chat")
}

func webhookClose(sent Sent, w Webhook) Verdict {
	c, ok := paramsOf[CloseChat](sent)
	if ok && w.Kind == WebhookChatClosed && w.ChatID == c.ChatID {
		return found(int64(c.ChatID), "a webhook closed the chat")
	}
	return undecided("the webhook is about something else")
}

func notifiedClose(sent Sent, n Notification) Verdict {
	c, ok := paramsOf[CloseChat](sent)
	if ok && n.Event == EventChatFinished && n.ChatID == c.ChatID {
		return found(int64(c.ChatID), "a notification closed the chat")
	}
	return undecided("the notification is about something else")
}

func webhookTransfer(sent Sent, w Webhook) Verdict {
	t, ok := paramsOf[TransferChat](sent)
	if e, is := w.Event.(*ChatUpdated); ok && is && w.ChatID == t.ChatID && e.OperatorID == t.To {
		return found(int64(t.ChatID), "a webhook gave the chat to the operator")
	}
	return undecided("the webhook is about something else")
}

func notifiedTransfer(sent Sent, n Notification) Verdict {
	t, ok := paramsOf[TransferChat](sent)
	if ok && n.Event == EventChatOperator && n.ChatID == t.ChatID && n.EmployeeID == t.To {
		return found(int64(t.ChatID), "a notification gave the chat to the operator")
	}
	return undecided("the notification is about something else")
}
