package uisplatform_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

func TestStoryOfAChat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.connect("omni_story", 20, 21)
	require.Len(t, c.channels, 2)

	first, err := w.a.ClientWrites(20, whatsappClient, "Добрый день")
	require.NoError(t, err)
	w.settled()
	hooks := w.hooks.take("")
	require.Len(t, hooks, 3)
	for _, h := range hooks {
		require.Equal(t, "Basic b21uaTpob29rLXNlY3JldA==", h.auth)
		require.EqualValues(t, c.account, h.body["account_id"])
		require.EqualValues(t, c.channels[20], h.body["channel_id"])
		require.Equal(t, object{"app_id": float64(w.a.Config().AppID), "chat_channel_id": 20.0}, h.body["context"])
	}
	require.Equal(t, "POST /hook/chat", hooks[0].name)
	require.Equal(t, "79000000001", hooks[0].body["visitor_phone"])
	require.Nil(t, hooks[0].body["operator_id"])
	require.Equal(t, "POST /hook/visitor/card", hooks[1].name)
	require.Equal(t, "Ирина", hooks[1].body["visitor_card"].(object)["name"])
	require.Equal(t, "POST /hook/message", hooks[2].name)
	require.Equal(t, "Добрый день", hooks[2].body["text"])
	require.Equal(t, "visitor", hooks[2].body["source"])

	// The operator answers: the chat becomes his, no echo comes, the status does.
	status, sent := w.post(w.urls.Adapter+"/message", c.message(20, first.Chat, "Здравствуйте!"), c.token)
	require.Equal(t, http.StatusOK, status, "%v", sent)
	require.Nil(t, sent["status"])
	w.settled()
	require.Equal(t, []string{"PATCH /hook/chat", "/message/status sent"}, w.hooks.names())
	require.NoError(t, w.a.MarkDelivered(id(sent["id"])))
	require.NoError(t, w.a.MarkRead(id(sent["id"])))
	require.NoError(t, w.a.MarkDelivered(id(sent["id"]))) // never back
	w.settled()
	require.Equal(t, []string{"/message/status delivered", "/message/status read"}, w.hooks.names())

	status, _ = w.post(w.urls.Adapter+"/chat/transfer", object{"account_id": c.account, "channel_id": c.channels[20], "chat_id": first.Chat,
		"from_operator_id": 1001, "to_operator_id": 1003}, c.token)
	require.Equal(t, http.StatusOK, status)
	shut := object{"account_id": c.account, "channel_id": c.channels[20], "chat_id": first.Chat, "operator_id": 1003, "reason": "closed_by_operator"}
	status, _ = w.post(w.urls.Adapter+"/chat/close", shut, c.token)
	require.Equal(t, http.StatusOK, status)
	status, _ = w.post(w.urls.Adapter+"/chat/close", shut, c.token)
	require.Equal(t, http.StatusConflict, status, "it is closed already")
	status, refusal := w.post(w.urls.Adapter+"/message", c.message(20, first.Chat, "ещё"), c.token)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "chat_closed", refusal["code"])
	require.Equal(t, "succeed", w.a.Chats()[0].Status)

	// A new message of the same client begins a new chat with the same visitor.
	again, err := w.a.ClientWrites(20, whatsappClient, "Спасибо")
	require.NoError(t, err)
	require.NotEqual(t, first.Chat, again.Chat)
	require.Equal(t, w.a.Chats()[0].Visitor, w.a.Chats()[1].Visitor)

	rows := w.data("get.chat_messages_report", object{"chat_id": first.Chat, "sort": []any{object{"field": "date_time", "order": "asc"}}})
	require.Len(t, rows, 2)
	require.Equal(t, "Здравствуйте!", at(rows, 1, "text"))
	require.Equal(t, "Орлова Марина", at(rows, 1, "employee_full_name"))
	w.clean()
}

func TestOddCharactersGoThroughUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.connect("omni_odd", 20)
	w.hooks.take("")
	m, err := w.a.ClientWrites(20, whatsappClient, "a\x00b\xed\xa0\xbdc😀")
	require.NoError(t, err)
	w.settled()
	require.Contains(t, w.hooks.take("POST /hook/message")[0].raw, `"text":"a\u0000b\ud83dc😀"`)

	body := `{"account_id":` + text(c.account) + `,"channel_id":` + text(c.channels[20]) + `,"chat_id":` + text(m.Chat) +
		`,"operator_id":1001,"source":"operator","text":"x\u0000\udc00y\ud83d\ude00","created_at":"2026-03-10T09:00:01.000Z"}`
	status, raw := w.sendRaw(http.MethodPost, w.urls.Adapter+"/message", body, c.token)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, string(raw), `"text":"x\u0000\udc00y😀"`)
	require.Equal(t, "x\x00\xed\xb0\x80y😀", w.a.MessagesOf(m.Chat)[1].Text)
	w.clean()
}

func TestAdapterRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path      string
		change    object
		status    int
		code      string
		violation bool
	}{
		"unknown field":     {"message", object{"colour": "red"}, 422, "unexpected_parameters", true},
		"missing":           {"message", object{"source": nil}, 422, "required_parameter_missed", true},
		"wrong type":        {"message", object{"chat_id": "7"}, 422, "data_type_error", true},
		"wrong source":      {"message", object{"source": "system"}, 422, "invalid_parameter_value", true},
		"wrong time":        {"message", object{"created_at": "yesterday"}, 422, "invalid_parameter_value", true},
		"empty":             {"message", object{"text": ""}, 422, "empty", true},
		"foreign chat":      {"message", object{"chat_id": 5}, 404, "no_chat", true},
		"foreign account":   {"message", object{"account_id": 5}, 404, "no_account", true},
		"gone channel":      {"message", object{"channel_id": 5}, 404, "no_channel", false},
		"unknown operator":  {"message", object{"operator_id": 5}, 422, "no_operator", true},
		"operator's rights": {"message", object{"operator_id": 1004}, 403, "operator_rights", false},
		"quote":             {"message", object{"reply_to_id": 5}, 422, "reply_to_id", true},
		"resource":          {"message", object{"resource": object{"id": 5, "token": "x", "type": "photo", "name": "x", "size": 1}}, 422, "resource", true},
		"template":          {"message", object{"context": object{"template": object{"id": 701}}}, 422, "template", true},
		"unknown address":   {"typing", nil, 404, "unknown_address", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			conn := w.connect("omni_refusals", 20)
			m, err := w.a.ClientWrites(20, whatsappClient, "привет")
			require.NoError(t, err)
			body := conn.message(20, m.Chat, "ответ")
			for k, v := range c.change {
				body[k] = v
			}
			status, out := w.post(w.urls.Adapter+"/"+c.path, body, conn.token)
			require.Equal(t, c.status, status)
			require.Equal(t, c.code, out["code"])
			require.NotEmpty(t, out["detail"])
			require.Len(t, w.a.MessagesOf(m.Chat), 1)
			if c.violation {
				w.violation(c.code)
			}
			w.clean()
		})
	}
}

func TestClosedChannelAndExpiredToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.connect("omni_closed", 20)
	m, err := w.a.ClientWrites(20, whatsappClient, "привет")
	require.NoError(t, err)
	w.settled()
	w.hooks.take("")
	require.NoError(t, w.a.SetChannelStatus(20, "inactive", "phone is offline"))
	w.settled()
	require.Equal(t, []string{"PATCH /hook/channel/" + text(c.channels[20])}, w.hooks.names())
	status, out := w.post(w.urls.Adapter+"/message", c.message(20, m.Chat, "ответ"), c.token)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "channel_closed", out["code"])
	_, err = w.a.ClientWrites(20, whatsappClient, "ау")
	require.ErrorIs(t, err, uisplatform.ErrChannelClosed)

	require.NoError(t, w.a.SetChannelStatus(20, "active", ""))
	w.clock.advance(time.Hour)
	status, _ = w.post(w.urls.Adapter+"/message", c.message(20, m.Chat, "ответ"), c.token)
	require.Equal(t, http.StatusUnauthorized, status)
	c.token = w.adapterLogin("login-omni_closed", "secret-omni_closed")
	status, _ = w.post(w.urls.Adapter+"/message", c.message(20, m.Chat, "ответ"), c.token)
	require.Equal(t, http.StatusOK, status)

	require.NoError(t, w.a.SetChannelStatus(20, "deleted", ""))
	w.settled()
	require.Len(t, w.hooks.take("DELETE /hook/channel/"+text(c.channels[20])), 1)
	require.Equal(t, "channel_removed", w.hooks.take("POST /hook/chat/close")[0].body["reason"])
	w.clean()
}

func TestWritingFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.connect("omni_first", 20, 21, 22, 26)
	start := func(channel int64, more object) (int, object) {
		body := object{"account_id": c.account, "channel_id": c.channels[channel], "operator_id": 1002, "initiator": "operator", "created_at": "2026-03-10T09:00:00Z"}
		for k, v := range more {
			body[k] = v
		}
		return w.post(w.urls.Adapter+"/chat", body, c.token)
	}
	w.hooks.take("")
	status, chat := start(20, object{"visitor_phone": "79000000005"})
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "79000000005", chat["visitor_phone"])
	require.Contains(t, chat, "visitor_email")
	w.settled()
	system := w.hooks.take("")
	require.Len(t, system, 1, "only the system message comes back")
	require.Equal(t, "chat_started", system[0].body["system_message_mnemonic"])
	require.Equal(t, "system", system[0].body["source"])
	m, err := w.a.ClientWrites(20, uisplatform.Client{Phone: "79000000005"}, "да?")
	require.NoError(t, err)
	require.Equal(t, id(chat["chat_id"]), m.Chat, "the client's answer goes into the same chat")
	status, _ = start(20, object{"visitor_phone": "79000000005"})
	require.Equal(t, http.StatusConflict, status)
	status, _ = start(22, object{"visitor_username": "@irina_k"})
	require.Equal(t, http.StatusOK, status)
	status, _ = start(26, object{"visitor_email": "irina@client.example"})
	require.Equal(t, http.StatusOK, status)
	w.clean()
	for _, wrong := range []struct {
		channel int64
		body    object
		code    string
	}{{21, object{"visitor_phone": "79000000006"}, "write_first"}, {20, object{"visitor_username": "@irina"}, "visitor"},
		{20, object{"visitor_phone": "79000000006", "visitor_email": "a@b.example"}, "visitor"}, {20, object{"visitor_phone": "+7 900"}, "invalid_parameter_value"}} {
		status, _ := start(wrong.channel, wrong.body)
		require.Equal(t, http.StatusUnprocessableEntity, status)
		w.violation(wrong.code)
	}
}

func TestWabaNeedsATemplateOutsideTheWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.connect("omni_waba", 23)
	m, err := w.a.ClientWrites(23, whatsappClient, "привет")
	require.NoError(t, err)
	w.settled()
	hook := w.hooks.take("POST /hook/message")[0]
	require.EqualValues(t, w.clock.Now().Add(24*time.Hour).Unix(), hook.body["context"].(object)["conversation_frame_ts"])
	status, _ := w.post(w.urls.Adapter+"/message", c.message(23, m.Chat, "в окне"), c.token)
	require.Equal(t, http.StatusOK, status)
	w.clock.advance(25 * time.Hour)
	c.token = w.adapterLogin("login-omni_waba", "secret-omni_waba")
	status, out := w.post(w.urls.Adapter+"/message", c.message(23, m.Chat, "поздно"), c.token)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "window_closed", out["code"])
	body := c.message(23, m.Chat, "")
	body["context"] = object{"template": object{"id": 701}}
	status, _ = w.post(w.urls.Adapter+"/message", body, c.token)
	require.Equal(t, http.StatusOK, status)
	list := w.a.MessagesOf(m.Chat)
	require.EqualValues(t, 701, list[len(list)-1].Template)
	require.True(t, strings.HasPrefix(list[len(list)-1].Text, "Здравствуйте"))
	w.clean()
}

func TestSecondAdapterHearsTheFirstOnesMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := w.connect("omni_one", 20)
	w.connect("omni_two", 20)
	m, err := w.a.ClientWrites(20, whatsappClient, "привет")
	require.NoError(t, err)
	w.settled()
	require.Len(t, w.hooks.take("POST /hook/message"), 2)
	status, _ := w.post(w.urls.Adapter+"/message", one.message(20, m.Chat, "ответ"), one.token)
	require.Equal(t, http.StatusOK, status)
	w.settled()
	echo := w.hooks.take("POST /hook/message")
	require.Len(t, echo, 1)
	require.NotEqual(t, one.account, id(echo[0].body["account_id"]))
	require.Equal(t, "operator", echo[0].body["source"])
	_, err = w.a.OperatorWrites(m.Chat, 1001, "из РМО")
	require.NoError(t, err)
	w.settled()
	require.Len(t, w.hooks.take("POST /hook/message"), 2, "what is written in the vendor's workplace comes to both")
	w.clean()
}

func TestTwinsHaveEqualIDsAndStayApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *uisplatform.Options, cfg *uisplatform.AccountConfig) { cfg.FirstID = 1000 })
	cfg := uisplatform.DemoAccount("twin")
	cfg.FirstID = 1000
	twin := w.p.AddAccount(cfg)
	one := w.connect("omni_a", 20)
	other := *w
	other.a = twin
	two := other.connect("omni_b", 20)
	require.Equal(t, one.account, two.account)
	require.Equal(t, one.channels, two.channels)

	a, err := w.a.ClientWrites(20, whatsappClient, "первому")
	require.NoError(t, err)
	b, err := twin.ClientWrites(20, whatsappClient, "второму")
	require.NoError(t, err)
	require.Equal(t, a.Chat, b.Chat)
	require.Equal(t, a.ID, b.ID)
	status, _ := w.post(w.urls.Adapter+"/message", two.message(20, b.Chat, "ответ второму"), two.token)
	require.Equal(t, http.StatusOK, status)
	require.Len(t, w.a.MessagesOf(a.Chat), 1)
	require.Len(t, twin.MessagesOf(b.Chat), 2)
	w.clean()
}

func TestEditedMessageAndVisitorCard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("omni_edit", 20)
	m, err := w.a.ClientWrites(20, uisplatform.Client{Phone: "79000000001"}, "превед")
	require.NoError(t, err)
	w.settled()
	w.hooks.take("")
	require.NoError(t, w.a.EditMessage(m.ID, "привет"))
	require.NoError(t, w.a.SetVisitorCard(m.Chat, uisplatform.VisitorCard{Name: "Ирина К.", Phones: []string{"79000000001"}}))
	require.NoError(t, w.a.CloseChat(m.Chat, "closed_by_visitor"))
	w.settled()
	hooks := w.hooks.take("")
	require.Len(t, hooks, 3)
	require.Equal(t, "привет", hooks[0].body["text"])
	require.NotContains(t, hooks[0].body, "source", "an update has no source")
	require.Equal(t, []any{}, hooks[1].body["visitor_card"].(object)["emails"])
	require.Equal(t, "closed_by_visitor", hooks[2].body["reason"])
	w.clean()
}
