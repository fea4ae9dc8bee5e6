package uisplatform_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

func decode(t *testing.T, raw []byte) object {
	t.Helper()
	var out object
	require.NoError(t, json.Unmarshal(raw, &out), "%s", raw)
	return out
}

func (w *world) control(method, path string, body any) object {
	w.t.Helper()
	status, out := w.send(method, w.base+"/_sandbox/"+path, body, "")
	require.Equal(w.t, http.StatusOK, status, "%v", out)
	return out
}

func TestControlOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.p.AddAccount(uisplatform.DemoAccount("second"))
	m := w.control("POST", "client/message", object{"account": "romashka", "type": "whatsapp", "phone": "79000000001", "name": "Ирина", "text": "привет"})
	require.Equal(t, "привет", m["text"])
	shown := w.control("GET", "client/chat?account=romashka&type=whatsapp&phone=79000000001", nil)
	require.Len(t, shown["messages"], 1)
	status, _ := w.post(w.base+"/_sandbox/client/message", object{"type": "whatsapp", "text": "кому?"}, "")
	require.Equal(t, http.StatusBadRequest, status, "with two accounts one must be named")
	status, _ = w.post(w.base+"/_sandbox/client/message", object{"account": "romashka", "channel": 999, "text": "?"}, "")
	require.Equal(t, http.StatusNotFound, status)
	status, _ = w.post(w.base+"/_sandbox/client/message", object{"account": "romashka", "chanel": 20, "text": "?"}, "")
	require.Equal(t, http.StatusBadRequest, status)

	answer := w.control("POST", "operator/message", object{"account": "romashka", "chat": m["chat"], "employee": 1001, "text": "здравствуйте"})
	w.control("POST", "client/marks", object{"account": "romashka", "messages": []any{answer["id"]}, "status": "read"})
	state := w.control("GET", "state?account=romashka", nil)["accounts"].([]any)
	require.Len(t, state, 1)
	require.Contains(t, text(at(state, 0, "chats")), "status:read")

	fault := w.control("POST", "faults", object{"api": "data", "kind": "internal_error", "times": 1})
	require.Equal(t, "internal_error", w.mnemonic(w.urls.DataAPI, "get.tags", nil))
	require.EqualValues(t, fault["id"], at(w.control("GET", "faults", nil)["faults"].([]any), 0, "id"))
	w.mnemonic(w.urls.DataAPI, "get.everything", nil)
	require.Len(t, w.control("GET", "violations", nil)["violations"], 1)
	w.control("POST", "reset", object{})
	require.Empty(t, w.control("GET", "violations", nil)["violations"])
	require.Empty(t, w.control("GET", "faults", nil)["faults"])
	require.Empty(t, w.a.Chats())

	made := w.control("POST", "accounts", object{"Name": "third", "FirstID": 500})
	require.Equal(t, "key-third", made["api_key"])
	w.control("PUT", "notifications", object{"account": "third", "notifications": []any{object{"event": "in_call_session", "url": w.hooks.url, "body": `{"id":{{call_session_id}}}`}}})
	w.control("POST", "calls", object{"account": "third", "kind": "missed", "contact": "79000000001"})
	w.control("POST", "settled", nil)
	require.Len(t, w.hooks.take("POST /"), 1)
	w.clean()
}

func TestFileOfAClientOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for k, v := range map[string]string{"channel": "20", "phone": "79000000001", "text": "фото"} {
		require.NoError(t, form.WriteField(k, v))
	}
	part, err := form.CreateFormFile("file", "цветок.png")
	require.NoError(t, err)
	_, err = part.Write([]byte("png"))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	resp, err := http.Post(w.base+"/_sandbox/client/message?account=romashka", form.FormDataContentType(), &body)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	file := decode(t, raw)["file"].(object)
	require.Equal(t, "цветок.png", file["name"])
	require.Equal(t, "photo", file["type"])
}

func TestPhoneIsLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/phone/romashka", "/phone/assets/phone.js", "/phone/assets/phone.css", "/phone/assets/texts.js"} {
		resp, err := http.Get(w.base + path)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode, path)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+"/phone/romashka/events", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	require.True(t, lines.Scan())
	_, err = w.a.ClientWrites(20, whatsappClient, "a\xed\xa0\xbd")
	require.NoError(t, err)
	var kinds []string
	for len(kinds) < 2 && lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			kinds = append(kinds, decode(t, []byte(data))["type"].(string))
		}
	}
	require.Equal(t, []string{"chat", "message"}, kinds)
}

func TestAutomaticMarksOfThePhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.connect("omni_marks", 20)
	w.a.SetPhoneMarks(uisplatform.PhoneMarks{Read: true})
	m, err := w.a.ClientWrites(20, whatsappClient, "привет")
	require.NoError(t, err)
	w.settled()
	w.hooks.take("")
	require.Equal(t, http.StatusOK, w.try(c, m.Chat, "ответ"))
	w.settled()
	require.Equal(t, []string{"PATCH /hook/chat", "/message/status sent", "/message/status delivered", "/message/status read"}, w.hooks.names())
}

func TestAccountIsChangedOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.control("POST", "accounts/change", object{"minute_limit": 1, "phone_marks": object{"Delivered": true}})
	w.data("get.tags", nil)
	require.Equal(t, "limit_exceeded", w.mnemonic(w.urls.DataAPI, "get.tags", nil))
	w.control("POST", "accounts/change", object{"minute_limit": 100, "blocked": true})
	require.Equal(t, "account_inactive", w.mnemonic(w.urls.DataAPI, "get.tags", nil))
	w.control("POST", "accounts/change", object{"blocked": false, "ips": []string{"10.0.0.0/8"}})
	require.Equal(t, "ip_not_whitelisted", w.mnemonic(w.urls.DataAPI, "get.tags", nil))
	w.control("POST", "employees/status", object{"employee": 1001, "status": 93})
	require.EqualValues(t, 93, w.a.EmployeeStatus(1001))
	w.control("POST", "calls/script", object{"outcome": "manual"})
	made := w.control("POST", "calls", object{"kind": "answered", "contact": "79000000001"})
	w.control("POST", "tags", object{"kind": "call", "communication_id": made["communication_id"], "tag": 81})
	w.clean()
}
