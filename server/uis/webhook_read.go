package uis

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
)

var errNoID = errors.New("no id")

// read fills a webhook from its body, which is JSON. pathID is the id in the path, 0 for none.
func (w *Webhook) read(body []byte, pathID int64) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return err
	}
	if fields == nil {
		return errors.New("null")
	}
	w.take(fields, &w.Common)
	var chat struct {
		ID ChatID `json:"chat_id"`
	}
	switch w.Kind {
	case WebhookAccountCreated, WebhookAccountUpdated, WebhookAccountDeleted:
		e := &AccountEvent{}
		w.take(fields, e)
		if e.ID == 0 {
			e.ID = ConnectionID(pathID)
		}
		w.Event, w.ConnectionID = e, e.ID
		return need(e.ID != 0)
	case WebhookChannelCreated, WebhookChannelUpdated, WebhookChannelDeleted:
		e := &ChannelEvent{}
		w.take(fields, e)
		if e.ID == 0 {
			e.ID = AdapterChannelID(pathID)
		}
		w.Event, w.ChannelID = e, e.ID
		return need(e.ID != 0)
	case WebhookVisitorCard:
		e := &VisitorCard{}
		w.take(fields, e)
		w.Event = e
		return need(e.VisitorID != "")
	}
	w.take(fields, &chat)
	w.ChatID = chat.ID
	w.readChat(fields)
	return need(w.ChatID != 0)
}

// readChat reads the webhooks that belong to a chat.
func (w *Webhook) readChat(fields map[string]json.RawMessage) {
	chat := itoa(int64(w.ChatID))
	switch w.Kind {
	case WebhookChatNew:
		e := &ChatNew{}
		w.take(fields, e)
		w.Event = e
		w.name(w.ChatID != 0, "chat.new:"+chat)
	case WebhookChatUpdated:
		e := &ChatUpdated{}
		w.take(fields, e)
		w.Event = e
	case WebhookChatClosed:
		e := &ChatClosed{}
		w.take(fields, e)
		w.Event = e
		w.name(w.ChatID != 0, "chat.closed:"+chat)
		w.recurs = true // whether a closed chat can be taken up again is not documented
	case WebhookMessageStatus:
		e := &MessageStatus{}
		w.take(fields, e)
		w.Event = e
		w.name(e.MessageID != 0, "message.status:"+itoa(int64(e.MessageID))+":"+e.Status)
	case WebhookMessage:
		e := &MessageEvent{}
		w.take(fields, e)
		e.HasSource = present(fields["source"])
		e.HasText = present(fields["text"])
		_, e.HasResource = fields["resource"]
		w.Event = e
		if e.ID != 0 {
			w.natural = "message:" + itoa(int64(e.ID)) + w.natural[len(WebhookMessage):]
			w.recurs = !e.HasSource
		}
	}
}

func (w *Webhook) name(known bool, natural string) {
	if known {
		w.natural, w.recurs = natural, false
	}
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

func need(ok bool) error {
	if ok {
		return nil
	}
	return errNoID
}

// take fills a struct's fields one by one, so that one field of an unexpected type does not cost the others. Missing and null fields are skipped.
func (w *Webhook) take(fields map[string]json.RawMessage, into any) {
	v := reflect.ValueOf(into).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json")
		raw := fields[name]
		if name == "-" || !present(raw) {
			continue
		}
		if inner := v.Field(i); inner.Kind() == reflect.Struct && inner.Type() == reflect.TypeFor[Context]() {
			var nested map[string]json.RawMessage
			if json.Unmarshal(raw, &nested) == nil {
				w.take(nested, inner.Addr().Interface())
				continue
			}
		}
		if json.Unmarshal(raw, v.Field(i).Addr().Interface()) == nil {
			continue
		}
		if text := v.Field(i); text.Kind() == reflect.String { // a number where a text is expected
			text.SetString(string(raw))
			continue
		}
		v.Field(i).SetZero()
		if !slices.Contains(w.Repairs, RepairField) {
			w.Repairs = append(w.Repairs, RepairField)
		}
	}
}
