package uisplatform

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// Notification is an HTTP notification that a user of the account has set up in the personal account: when the event fires, Body is rendered and sent to URL.
type Notification struct {
	Event  string `json:"event"`  // mnemonic: in_call_session, offline_message, chat_started, …
	Name   string `json:"name"`   // the user's title, notification_name
	Method string `json:"method"` // POST or GET
	URL    string `json:"url"`
	Body   string `json:"body"` // template with {{variables}}; of a GET: the query string
}

// eventNames are the events with their Russian titles in the personal account.
var eventNames = map[string]string{
	"in_call_session": "Входящий звонок на виртуальный номер", "out_call_session": "Исходящий звонок", "call_proceeding": "Ожидание ответа",
	"call_connected": "Поднятие трубки", "call_disconnected": "Завершение плеча", "in_call": "Входящее плечо", "out_call": "Исходящее плечо",
	"talk_started": "Начало разговора", "talk_finished": "Окончание разговора", "call_session_finished": "Завершение звонка",
	"lost_call_session": "Потерянный звонок", "talk_record_file": "Записанный разговор", "voice_message": "Голосовое сообщение",
	"fax_receive_finished": "Принятый факс", "call_hold_control": "Удержание вызова", "talk_record_control": "Управление записью разговора",
	"set_mark": "Проставление тега", "unset_mark": "Снятие тега", "offline_message": "Офлайн заявка", "chat_started": "Новый чат",
	"chat_message_received": "Новое входящее сообщение в чате", "chat_message_sent": "Новое исходящее сообщение в чате",
	"chat_accepted_to_work": "Чат принят в работу", "chat_operator_changed": "Смена оператора в чате", "chat_finished": "Завершение чата",
	"lost_chat": "Потерянный чат", "unanswered_chats": "Неотвеченное сообщение", "channel_status_changed": "Смена статуса канала",
	"employee_status_changed": "Смена статуса сотрудника", "event": "Событие", "email": "Электронное письмо",
}

// SetNotifications replaces the account's notifications, as a user does in the personal account. A mistake in a template goes to the journal of violations
// (the texts come from the product), an unknown event is refused.
func (a *Account) SetNotifications(list []Notification) error {
	for i := range list {
		n := &list[i]
		n.Method = orText(strings.ToUpper(n.Method), http.MethodPost)
		n.Name = orText(n.Name, eventNames[n.Event])
		if eventNames[n.Event] == "" {
			return fmt.Errorf("there is no event %q", n.Event)
		}
		if n.Method != http.MethodPost && n.Method != http.MethodGet {
			return fmt.Errorf("notification %s: method %q", n.Event, n.Method)
		}
		if text := checkTemplate(*n); text != "" {
			a.p.violate(a, "notification", n.Event, "template", text)
		}
	}
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.notes = append([]Notification{}, list...)
	return nil
}

// Notifications are the account's notifications.
func (a *Account) Notifications() []Notification {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	return append([]Notification{}, a.notes...)
}

// notify sends the notifications of an event, in order per communication; the lock is held.
func (a *Account) notify(event string, communication int64, vars map[string]any) {
	for _, n := range a.notes {
		if n.Event != event {
			continue
		}
		now := a.p.now()
		all := map[string]any{"notification_name": n.Name, "notification_mnemonic": event, "app_id": a.cfg.AppID, "app_name": a.cfg.Title,
			"notification_time": now.In(a.loc).Format("2006-01-02 15:04:05.000"), "notification_timestamp": now.Unix()}
		for k, v := range vars {
			all[k] = v
		}
		body, _ := render(n.Body, all, n.Method == http.MethodGet)
		o := &outgoing{header: http.Header{}, timeout: a.p.opt.WebhookTimeout,
			Delivery: Delivery{Kind: "notification", Event: event, Method: n.Method, URL: n.URL, Body: body}}
		if n.Method == http.MethodGet {
			join := "?"
			if strings.Contains(n.URL, "?") {
				join = "&"
			}
			o.URL += join + body
		} else {
			o.header.Set("Content-Type", "application/json")
			if !json.Valid([]byte(body)) {
				a.p.violateLocked(a, "notification", event, "template", "the rendered body is not JSON")
			}
		}
		a.enqueue(fmt.Sprintf("notification %d", communication), o)
	}
}

// chatVars are the variables of a chat's notifications.
func (a *Account) chatVars(c *chat) map[string]any {
	v := a.analytics()
	maps.Copy(v, c.visit)
	v["chat_id"], v["communication_id"], v["communication_number"], v["communication_type"] = c.id, c.communication, c.number, "chat"
	v["chat_channel_type"], v["chat_channel_name"], v["status"], v["session_id"] = c.channel.Type, c.channel.Name, c.statusWord(), c.visitor.session
	v["visitor_id"], v["visitor_name"], v["visitor_phone_number"] = c.visitor.id, orNull(c.visitor.name), orNull(c.visitor.phone)
	v["employee_id"], v["employee_full_name"] = orNull(c.operator), a.employeeName(c.operator)
	if len(c.visitor.emails) > 0 {
		v["visitor_email"] = c.visitor.emails[0]
	}
	history := []any{}
	for _, m := range c.messages {
		history = append(history, map[string]any{"id": m.id, "date_time": a.local(m.created), "source": m.source, "text": wireText(m.text),
			"employee_full_name": a.employeeName(m.operator)})
	}
	v["messages"] = history
	v["tag_ids"], v["tag_names"] = a.tagLists("chat", c.communication)
	return v
}

func (a *Account) messageVars(m *message) map[string]any {
	v := a.chatVars(m.chat)
	v["last_message"] = m.text
	return v
}

// analytics are invented values of the visit that all communications of the account share.
func (a *Account) analytics() map[string]any {
	v := map[string]any{"utm_source": "yandex", "utm_medium": "cpc", "utm_campaign": "spring", "utm_term": nil, "utm_content": nil, "search_engine": nil,
		"search_query": nil, "channel": "paid", "entrance_page": nil, "ua_client_id": nil, "visitor_city": "Москва", "visitor_country": "Россия"}
	if len(a.cfg.Sites) > 0 {
		v["site_domain_name"], v["site_id"] = a.cfg.Sites[0].Domain, a.cfg.Sites[0].ID
	}
	for _, c := range a.cfg.Campaigns {
		if c.ID > 0 {
			v["campaign_id"], v["campaign_name"] = c.ID, c.Name
			v["visitor_first_campaign_id"], v["visitor_first_campaign_name"] = c.ID, c.Name
			break
		}
	}
	return v
}
