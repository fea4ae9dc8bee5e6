package uisplatform

import "time"

// isoTime is how the Chat API writes moments.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }

// chatBody is what all webhooks of a chat have in common.
func (a *Account) chatBody(l linkChannel, c *chat) map[string]any {
	return map[string]any{
		"context": a.channelContext(l, false), "account_id": l.link.id, "channel_id": l.id, "chat_id": c.id,
	}
}

// channelContext is the context of webhooks: app_id and chat_channel_id always, message_templates in channel webhooks of waba.
func (a *Account) channelContext(l linkChannel, templates bool) map[string]any {
	ctx := map[string]any{"app_id": a.cfg.AppID, "chat_channel_id": l.channel.ID}
	if templates && l.channel.Type == "waba" {
		list := []any{}
		for _, t := range l.channel.Templates {
			list = append(list, map[string]any{"id": t.ID, "name": t.Name, "createdAt": "2025-01-01T00:00:00.000000+00:00",
				"content": map[string]any{"text": t.Text, "header": nil, "footer": nil, "keyboard": nil}})
		}
		ctx["message_templates"] = list
	}
	return ctx
}

func (a *Account) newChatBody(l linkChannel, c *chat) map[string]any {
	b := a.chatBody(l, c)
	b["visitor_id"], b["visitor_phone"], b["operator_id"] = c.visitor.id, orNull(c.visitor.phone), orNull(c.operator)
	b["initiator"], b["created_at"] = c.initiator, isoTime(c.created)
	return b
}

func (a *Account) messageBody(l linkChannel, m *message) map[string]any {
	b := a.chatBody(l, m.chat)
	b["id"], b["source"], b["operator_id"], b["reply_to_id"] = m.id, m.source, orNull(m.operator), orNull(m.replyTo)
	b["text"], b["created_at"], b["status"] = wireText(m.text), isoTime(m.created), orNull(m.status)
	b["resource"], b["system_message_mnemonic"] = m.resource.body(), orNull(m.system)
	if m.text == "" && m.resource != nil {
		b["text"] = nil
	}
	a.addWindow(b, m)
	return b
}

// addWindow tells when free text ends in a waba channel: conversation_frame_ts in messages' context.
func (a *Account) addWindow(b map[string]any, m *message) {
	if m.chat.channel.Type != "waba" || m.chat.visitor.windowEnds.IsZero() {
		return
	}
	b["context"].(map[string]any)["conversation_frame_ts"] = m.chat.visitor.windowEnds.Unix()
}

func (a *Account) cardBody(l linkChannel, v *visitor) map[string]any {
	return map[string]any{
		"context": a.channelContext(l, false), "account_id": l.link.id, "channel_id": l.id, "visitor_id": v.id,
		"visitor_card": map[string]any{"name": orNull(v.name), "company": orNull(v.company), "comment": orNull(v.comment),
			"phones": nonNil(v.phones), "emails": nonNil(v.emails)},
	}
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// accountBody and channelBody are the webhooks about a connection.
func (a *Account) accountBody(l *link) map[string]any {
	return map[string]any{"id": l.id, "name": l.name, "adapter_id": l.adapter.ID, "client_id": 1, "context": map[string]any{"app_id": a.cfg.AppID}, "status": l.status}
}

func (a *Account) channelBody(l linkChannel) map[string]any {
	status := "active"
	if !l.channel.open() {
		status = "disabled"
	}
	return map[string]any{"id": l.id, "name": l.channel.Name, "type": l.channel.Type, "account_id": l.link.id, "context": a.channelContext(l, true), "status": status}
}
