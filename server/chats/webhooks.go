package chats

import (
	"omni/server/ids"
	"omni/server/store"
	"omni/server/uis"
)

// hook takes one webhook in; false: it has to wait for the answer of one of our own commands.
func (t *turn) hook(w uis.Webhook) bool {
	switch body := w.Event.(type) {
	case *uis.ChatNew:
		t.opened(Opened{Chat: ids.UISChatID(w.ChatID), Channel: t.setting.Channel.ID, AdapterAccount: int64(w.ConnectionID), AdapterChannel: int64(w.ChannelID),
			Visitor: string(body.VisitorID), Phone: string(body.VisitorPhone), Employee: ids.UISEmployeeID(body.OperatorID), Initiator: body.Initiator, At: body.CreatedAt.Time})
		t.chat.Emails = union(t.chat.Emails, words(body.VisitorEmail))
		if body.VisitorUsername != "" {
			t.chat.Username = store.Text(string(body.VisitorUsername))
		}
	case *uis.ChatUpdated:
		t.assigned(ids.UISEmployeeID(body.OperatorID))
	case *uis.ChatClosed:
		t.closed(body.Reason)
	case *uis.MessageEvent:
		return t.said(Said{ID: int64(body.ID), Source: body.Source, Employee: ids.UISEmployeeID(body.OperatorID), ReplyTo: int64(body.ReplyTo), Text: body.Text,
			At: body.CreatedAt.Time, Status: body.Status, File: fileOf(body.Resource), System: body.Mnemonic})
	case *uis.MessageStatus:
		return t.status(int64(body.MessageID), body.Status)
	}
	return true
}

// openedBy makes the chat of a webhook that came before the one that opens it. What only ends or marks an unknown chat makes none.
func (t *turn) openedBy(w uis.Webhook) bool {
	switch body := w.Event.(type) {
	case *uis.ChatNew:
		return true
	case *uis.MessageEvent:
		if body.Mnemonic != "" {
			return false // a service message such as chat_started shows nothing
		}
		t.opened(Opened{Chat: ids.UISChatID(w.ChatID), Channel: t.setting.Channel.ID, AdapterAccount: int64(w.ConnectionID), AdapterChannel: int64(w.ChannelID),
			Employee: ids.UISEmployeeID(body.OperatorID), At: body.CreatedAt.Time})
		return true
	}
	return false
}

func fileOf(r *uis.Resource) *File {
	if r == nil {
		return nil
	}
	return &File{Name: store.Text(r.Name), Size: int64(r.Size), State: "coming", Type: r.Type, Resource: encode(r.ID), Token: r.Token}
}

func words(list ...uis.Word) []string {
	var out []string
	for _, w := range list {
		if w != "" {
			out = append(out, string(w))
		}
	}
	return out
}
