package uis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/uis"
)

const chatContext = `"context":{"app_id":1,"chat_channel_id":2},"account_id":10,"channel_id":20,`

func TestWebhookFixtures(t *testing.T) {
	t.Parallel()
	common := uis.Common{ConnectionID: 10, ChannelID: 20, Context: uis.Context{AppID: 1, ChatChannelID: 2}}
	created := time.Date(2025, 1, 31, 9, 0, 5, 100000000, time.UTC)
	for name, tc := range map[string]struct {
		method, path, body string
		kind               uis.WebhookKind
		chat               uis.ChatID
		natural            string // beginning
		recurs             bool
		common             uis.Common
		event              any
	}{
		"account created": {"POST", "account", `{"id":286,"name":"A","adapter_id":322,"client_id":1,"context":{"app_id":4735},"status":"active"}`,
			uis.WebhookAccountCreated, 0, "account.created:", true, uis.Common{ConnectionID: 286, Context: uis.Context{AppID: 4735}},
			&uis.AccountEvent{ID: 286, Name: "A", AdapterID: 322, Status: "active"}},
		"account updated": {"PATCH", "/account/286", `{"id":286,"name":"B","adapter_id":322,"client_id":1,"context":{"app_id":4735},"status":"disabled"}`,
			uis.WebhookAccountUpdated, 0, "account.updated:", true, uis.Common{ConnectionID: 286, Context: uis.Context{AppID: 4735}},
			&uis.AccountEvent{ID: 286, Name: "B", AdapterID: 322, Status: "disabled"}},
		"account deleted, no body": {"DELETE", "account/286/", ``,
			uis.WebhookAccountDeleted, 0, "account.deleted:", true, uis.Common{ConnectionID: 286}, &uis.AccountEvent{ID: 286}},
		"channel created": {"POST", "channel", `{"id":3580,"name":"WA","type":"whatsapp","account_id":286,"context":{"app_id":4735,"chat_channel_id":740805},"status":"active"}`,
			uis.WebhookChannelCreated, 0, "channel.created:", true, uis.Common{ConnectionID: 286, ChannelID: 3580, Context: uis.Context{AppID: 4735, ChatChannelID: 740805}},
			&uis.ChannelEvent{ID: 3580, Name: "WA", Type: "whatsapp", Status: "active"}},
		"channel deleted": {"DELETE", "channel/3580", `{"id":3580,"account_id":286,"context":{},"status":"disabled"}`,
			uis.WebhookChannelDeleted, 0, "channel.deleted:", true, uis.Common{ConnectionID: 286, ChannelID: 3580}, &uis.ChannelEvent{ID: 3580, Status: "disabled"}},
		"new chat": {"POST", "chat", `{` + chatContext + `"chat_id":400,"visitor_id":500,"visitor_phone":"79000000000","operator_id":null,"initiator":"visitor","created_at":"2025-01-31T09:00:05.100000+00:00"}`,
			uis.WebhookChatNew, 400, "chat.new:400", false, common,
			&uis.ChatNew{VisitorID: "500", VisitorPhone: "79000000000", Initiator: "visitor", CreatedAt: uis.Instant{Time: created, Raw: "2025-01-31T09:00:05.100000+00:00"}}},
		"chat updated, v2": {"PATCH", "chat", `{` + chatContext + `"chat_id":400,"operator_id":15}`, uis.WebhookChatUpdated, 400, "chat.updated:", true, common, &uis.ChatUpdated{OperatorID: 15}},
		"assigned, v1":     {"POST", "chat/operator", `{` + chatContext + `"chat_id":"400","operator_id":"15"}`, uis.WebhookChatUpdated, 400, "chat.updated:", true, common, &uis.ChatUpdated{OperatorID: 15}},
		"chat closed": {"POST", "chat/close", `{` + chatContext + `"chat_id":400,"reason":"closed_by_timeout"}`,
			uis.WebhookChatClosed, 400, "chat.closed:400", true, common, &uis.ChatClosed{Reason: "closed_by_timeout"}},
		"new message": {"POST", "message", `{` + chatContext + `"id":300,"chat_id":400,"source":"visitor","operator_id":null,"reply_to_id":null,"text":"hello",
			"created_at":"2025-01-31T09:00:05.100000+00:00","status":"accepted","resource":null,"system_message_mnemonic":null}`,
			uis.WebhookMessage, 400, "message:300:", false, common,
			&uis.MessageEvent{ID: 300, HasSource: true, Source: "visitor", Text: "hello", HasText: true, Status: "accepted", HasResource: true,
				CreatedAt: uis.Instant{Time: created, Raw: "2025-01-31T09:00:05.100000+00:00"}}},
		"message updated": {"POST", "message", `{` + chatContext + `"id":300,"chat_id":400,"text":"hello!","resource":{"id":7,"token":"t","type":"photo","name":"a.jpg","size":3}}`,
			uis.WebhookMessage, 400, "message:300:", true, common,
			&uis.MessageEvent{ID: 300, Text: "hello!", HasText: true, HasResource: true, Resource: &uis.Resource{ID: "7", Token: "t", Type: "photo", Name: "a.jpg", Size: 3}}},
		"message status": {"POST", "message/status", `{` + chatContext + `"chat_id":400,"message_id":300,"status":"read"}`,
			uis.WebhookMessageStatus, 400, "message.status:300:read", false, common, &uis.MessageStatus{MessageID: 300, Status: "read"}},
		"visitor card": {"POST", "visitor/card", `{` + chatContext + `"visitor_id":500,"visitor_card":{"name":"Анна","company":null,"comment":"","phones":["79000000000",79000000001],"emails":["a@example.com"]}}`,
			uis.WebhookVisitorCard, 0, "visitor.card:", true, common, func() *uis.VisitorCard {
				v := &uis.VisitorCard{VisitorID: "500"}
				v.Card.Name, v.Card.Phones, v.Card.Emails = "Анна", []uis.Word{"79000000000", "79000000001"}, []uis.Word{"a@example.com"}
				return v
			}()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := uis.ParseWebhook(tc.method, tc.path, []byte(tc.body))
			require.NoError(t, err)
			require.Equal(t, tc.kind, w.Kind)
			require.Equal(t, tc.chat, w.ChatID)
			require.Equal(t, tc.common, w.Common)
			require.Equal(t, tc.event, w.Event)
			require.Empty(t, w.Repairs)
			require.True(t, strings.HasPrefix(w.Natural(), tc.natural), w.Natural())
			require.Equal(t, tc.recurs, w.Recurs())
			again, err := uis.ParseWebhook(tc.method, tc.path, []byte(tc.body))
			require.NoError(t, err)
			require.Equal(t, w.Natural(), again.Natural(), "a second delivery has the same name")
		})
	}
}

// X2: a changed message must not pass for a second delivery of the new one.
func TestNaturalTellsChangesApart(t *testing.T) {
	t.Parallel()
	natural := func(body string) string {
		w, err := uis.ParseWebhook("POST", "message", []byte(`{`+chatContext+body+`}`))
		require.NoError(t, err)
		return w.Natural()
	}
	first := natural(`"id":300,"chat_id":400,"source":"visitor","text":"hello"`)
	require.NotEqual(t, first, natural(`"id":300,"chat_id":400,"source":"visitor","text":"hello, edited"`))
	require.NotEqual(t, first, natural(`"id":301,"chat_id":400,"source":"visitor","text":"hello"`))
}

// Clients send texts that are no proper text; such a message is read, kept and marked.
func TestOddTexts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text, want string // text: the JSON string's inside
		repairs    []uis.Repair
	}{
		"escaped NUL":            {`a\u0000b`, "a\x00b", nil},
		"raw NUL":                {"a\x00b", "a\x00b", []uis.Repair{uis.RepairControl}},
		"raw line break and tab": {"a\nb\tc", "a\nb\tc", []uis.Repair{uis.RepairControl}},
		"high half surrogate":    {`a\ud83db`, "a\uFFFDb", []uis.Repair{uis.RepairSurrogate}},
		"low half surrogate":     {`\uDE00`, "\uFFFD", []uis.Repair{uis.RepairSurrogate}},
		"two high halves":        {`\ud83d\ud83d`, "\uFFFD\uFFFD", []uis.Repair{uis.RepairSurrogate}},
		"a whole pair":           {`\ud83d\ude00`, "😀", nil},
		"escaped backslash":      {`\\ud83d`, `\ud83d`, nil},
		"no UTF-8":               {"a\xffb", "a\uFFFDb", []uis.Repair{uis.RepairUTF8}},
		"surrogate as bytes":     {"\xed\xa0\xbd", "\uFFFD\uFFFD\uFFFD", []uis.Repair{uis.RepairUTF8}},
		"right to left, joiners": {"\u202e\u200d", "\u202e\u200d", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := uis.ParseWebhook("POST", "message", []byte(`{"id":300,"chat_id":400,"source":"visitor","text":"`+tc.text+`"}`))
			require.NoError(t, err)
			require.Equal(t, uis.ChatID(400), w.ChatID)
			require.Equal(t, tc.want, w.Event.(*uis.MessageEvent).Text)
			require.Equal(t, tc.repairs, w.Repairs)
		})
	}
	require.Equal(t, "a\u2400b\uFFFD", uis.Visible("a\x00b\xff"))
}

func TestOddBodies(t *testing.T) {
	t.Parallel()
	w, err := uis.ParseWebhook("POST", "message", []byte("\xef\xbb\xbf"+`{"id":"300","chat_id":"400","context":"odd","source":5,"text":["x"],"resource":"none","created_at":"soon"}`))
	require.NoError(t, err, "fields of other types than promised do not cost the message")
	e := w.Event.(*uis.MessageEvent)
	require.Equal(t, uis.MessageID(300), e.ID)
	require.Equal(t, "5", e.Source)
	require.Equal(t, `["x"]`, e.Text, "what is no text is kept as it came")
	require.Nil(t, e.Resource)
	require.Equal(t, "soon", e.CreatedAt.Raw)
	require.Equal(t, []uis.Repair{uis.RepairBOM, uis.RepairField}, w.Repairs)

	for _, tc := range []struct{ method, path, body string }{
		{"POST", "message", ``}, {"POST", "message", `null`}, {"POST", "message", `[]`}, {"POST", "message", `{"id":1`}, {"POST", "message", `{"id":1}`},
		{"POST", "chat", `{"chat_id":"abc"}`}, {"POST", "account", `{}`}, {"POST", "visitor/card", `{}`},
	} {
		w, err := uis.ParseWebhook(tc.method, tc.path, []byte(tc.body))
		require.ErrorIs(t, err, uis.ErrWebhookBody, "%+v", tc)
		require.NotEmpty(t, w.Natural())
		require.NotEmpty(t, w.Kind)
	}
	for _, tc := range [][2]string{{"GET", "message"}, {"POST", "messages"}, {"DELETE", "chat"}, {"POST", "account/x"}, {"POST", ""}} {
		w, err := uis.ParseWebhook(tc[0], tc[1], []byte(`{}`))
		require.ErrorIs(t, err, uis.ErrUnknownWebhook)
		require.NotEmpty(t, w.Natural())
	}
}

func TestWABA(t *testing.T) {
	t.Parallel()
	w, err := uis.ParseWebhook("PATCH", "channel/20", []byte(`{"id":20,"type":"waba","account_id":10,"context":{"app_id":1,"chat_channel_id":2,"message_templates":[
		{"id":7,"name":"hello","createdAt":"2025-01-31T09:00:05Z","content":{"text":"Hi {{1}}","header":{"text":"H","headerType":"TEXT"},"keyboard":{"rows":[]}}}]}}`))
	require.NoError(t, err)
	require.Len(t, w.Context.Templates, 1)
	send, err := w.Context.Templates[0].ToSend()
	require.NoError(t, err)
	require.JSONEq(t, `{"id":7,"text":"Hi {{1}}","header":{"text":"H","headerType":"TEXT"},"keyboard":{"rows":[]}}`, mustJSON(t, send))

	w, err = uis.ParseWebhook("POST", "message", []byte(`{"context":{"conversation_frame_ts":1738314005},"id":1,"chat_id":2}`))
	require.NoError(t, err)
	require.Equal(t, uis.Count(1738314005), w.Context.ConversationUntil)
}
