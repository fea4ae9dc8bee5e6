package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// rows counts the rows of every table that holds what the outside tells or a person does: a refused request may change none of them.
func (w *world) rows() map[string]int64 {
	w.t.Helper()
	ctx := w.t.Context()
	conn, err := pgx.Connect(ctx, w.database)
	require.NoError(w.t, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "select set_config('omni.account', '*', false)")
	require.NoError(w.t, err)
	out := map[string]int64{}
	for _, table := range []string{"account", "portal", "chat", "message", "file", "inbox", "command", "settings", "uis_connection", "staff_match"} {
		var n int64
		require.NoError(w.t, conn.QueryRow(ctx, "select count(*) from "+pgx.Identifier{table}.Sanitize()).Scan(&n), table)
		out[table] = n
	}
	return out
}

// unchanged runs wrong requests and asserts that nothing at all was stored, but for rows of the named tables.
func (w *world) unchanged(do func(), but ...string) {
	w.t.Helper()
	w.rest()
	before := w.rows()
	do()
	w.rest()
	after := w.rows()
	for _, table := range but {
		delete(before, table)
		delete(after, table)
	}
	require.Equal(w.t, before, after, "nothing changes")
}

func (w *world) url(path string) string { return "http://" + w.gate.address + path }

func form(values url.Values) raw {
	return raw{kind: "application/x-www-form-urlencoded", body: []byte(values.Encode())}
}

// code is the code of a problem.
func code(body []byte) string {
	var p struct{ Code string }
	_ = json.Unmarshal(body, &p)
	return p.Code
}

// TestForgedFrames posts installs and placements with proofs that are not ours.
func TestForgedFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	n, other := w.company("romashka", 0), w.company("vasilek", 0)
	const strange = "local.strange"
	w.bitrix.RegisterApp(portal.App{ClientID: strange, ClientSecret: "another", Title: "Other", AppURL: w.url("/bitrix24/app"), InstallURL: w.url("/bitrix24/install")})
	w.run()
	n.setUp()
	require.NoError(t, n.portal.Install(strange))
	foreign, err := n.portal.OpenApp(strange, 1)
	require.NoError(t, err)
	good, err := n.portal.OpenApp(appID, 1)
	require.NoError(t, err)
	change := func(form url.Values, name, value string) url.Values {
		out := url.Values{}
		for k, v := range form {
			out[k] = v
		}
		out.Set(name, value)
		return out
	}
	query := good.Action[strings.Index(good.Action, "?"):]
	cases := map[string]url.Values{
		"a token of another app":              foreign.Form,
		"an invented token":                   change(good.Form, "AUTH_ID", strings.Repeat("0", 70)),
		"no token":                            change(good.Form, "AUTH_ID", ""),
		"another portal's member_id":          change(good.Form, "member_id", other.portal.MemberID()),
		"an unknown authorization server":     change(change(good.Form, "SERVER_ENDPOINT", "http://127.0.0.1:9/rest/"), "AUTH_ID", strings.Repeat("1", 70)),
		"no form at all":                      {},
		"another app and another member_id":   change(foreign.Form, "member_id", other.portal.MemberID()),
		"another app with our server's words": change(foreign.Form, "APPLICATION_TOKEN", n.portal.ApplicationToken(appID)),
	}
	w.unchanged(func() {
		for name, values := range cases {
			for _, path := range []string{"/bitrix24/install", "/bitrix24/app", "/placements/left-menu", "/placements/crm-lead-detail-tab", "/placements/setting-connector"} {
				status, body := ask("POST", w.url(path)+query, "", form(values))
				require.GreaterOrEqual(t, status, 400, "%s %s", name, path)
				require.Less(t, status, 504, "%s %s", name, path)
				require.NotContains(t, string(body), "omni-boot", "%s %s", name, path)
			}
		}
	})
}

// TestForgedEvents posts events without the portal's application_token.
func TestForgedEvents(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	event := func(member, token string) raw {
		return form(url.Values{"event": {"ONAPPUNINSTALL"}, "data[CLEAN]": {"1"}, "ts": {"1700000000"}, "auth[member_id]": {member},
			"auth[application_token]": {token}, "auth[domain]": {n.portal.Host()}, "auth[server_endpoint]": {w.bitrix.ServerEndpoint()}})
	}
	w.unchanged(func() {
		for name, body := range map[string]raw{"a wrong token": event(n.portal.MemberID(), strings.Repeat("a", 32)), "no token": event(n.portal.MemberID(), ""),
			"an unknown portal": event(strings.Repeat("b", 32), n.portal.ApplicationToken(appID))} {
			status, _ := ask("POST", w.url("/bitrix24/events"), "", body)
			require.Equal(t, http.StatusForbidden, status, name)
		}
		status, _ := ask("POST", w.url("/bitrix24/events"), "", raw{kind: "application/json", body: []byte(`{"event":`)})
		require.Contains(t, []int{http.StatusBadRequest, http.StatusForbidden}, status, "broken")
	})
	status, _ := n.as(n.admin, "GET", "/me", nil)
	require.Equal(t, http.StatusOK, status, "the app is still installed")
	w.clean()
}

// hook is one real webhook of the conversation: its address below /uis/{token}/chat and the body.
func (n *tenant) hook(event string) uisplatform.Delivery {
	n.t.Helper()
	for _, d := range n.uis.Deliveries() {
		if d.Event == event && d.Kind == "webhook" {
			return d
		}
	}
	n.t.Fatalf("no webhook %s", event)
	return uisplatform.Delivery{}
}

// TestForgedWebhooks posts webhooks with a wrong address token, a wrong Authorization and broken bodies.
func TestForgedWebhooks(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	_, err := n.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: "79000000052"}, "привет")
	require.NoError(t, err)
	w.rest()
	real := n.hook("POST /message")
	address, err := url.Parse(real.URL)
	require.NoError(t, err)
	parts := strings.Split(address.Path, "/") // "", uis, token, chat, message
	forged := []byte(strings.ReplaceAll(strings.ReplaceAll(real.Body, "привет", "подделка"), `"id":`, `"id":9`))
	w.unchanged(func() {
		for name, c := range map[string]struct {
			path, auth string
			body       []byte
			want       int
		}{
			"a wrong token in the address": {"/uis/" + strings.Repeat("x", len(parts[2])) + "/chat/message", "Bearer x", forged, http.StatusNotFound},
			"a wrong bearer":               {address.Path, "Bearer wrong", forged, http.StatusUnauthorized},
			"a wrong password":             {address.Path, "Basic b21uaTp3cm9uZw==", forged, http.StatusUnauthorized},
			"no Authorization":             {address.Path, "", forged, http.StatusUnauthorized},
			"a notification's wrong token": {"/uis/" + strings.Repeat("y", len(parts[2])) + "/notifications", "", []byte(`{"event":"chat_started"}`), http.StatusNotFound},
			"a manager's wrong token":      {"/uis/" + strings.Repeat("y", len(parts[2])) + "/manager", "", []byte(`{}`), http.StatusNotFound},
			"a broken notification":        {"/uis/" + parts[2] + "/notifications", "", []byte(`{"event":`), http.StatusBadRequest},
		} {
			status, body := ask("POST", w.url(c.path), c.auth, raw{kind: "application/json", body: c.body})
			require.Equal(t, c.want, status, "%s: %s", name, body)
		}
	})
	w.clean()
}

// TestOddTexts delivers what a messenger may really bring: NUL, half a surrogate, markup, bb-codes, a very long text.
func TestOddTexts(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	odd := []string{"до\x00после", "пол\xed\xa0\xbdпары", "<script>alert(1)</script> [b]жирно[/b] [url=http://x.example]ссылка[/url]", strings.Repeat("длинно ", 600), "😀👩‍👩‍👧 конец"}
	for _, text := range odd {
		_, err := n.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: "79000000053", Name: "Ева \x00 <b>"}, text)
		require.NoError(t, err)
	}
	w.rest()
	list := n.chats("list=new")
	require.Len(t, list, 1)
	var got []string
	for _, m := range n.messages(list[0].ID) {
		if m.Side == "client" {
			got = append(got, m.Text)
		}
	}
	require.Len(t, got, len(odd))
	require.Contains(t, got[0], "до")
	require.Contains(t, got[0], "после")
	require.Contains(t, got[1], "пол")
	require.Contains(t, got[1], "пары")
	require.Equal(t, odd[2:3], got[2:3])
	require.Equal(t, strings.TrimSpace(odd[3]), strings.TrimSpace(got[3]))
	require.Equal(t, odd[4], got[4])
	// And the other way: an operator's text with the same characters arrives.
	status, body := n.as(n.operator, "POST", fmt.Sprintf("/chats/%d/messages", list[0].ID),
		raw{kind: "application/json", body: []byte(`{"id":"` + newID() + `","text":"ответ\u0000и\ud83dполпары"}`)})
	require.Equal(t, http.StatusOK, status, "%s", body)
	w.rest()
	last := n.phone("79000000053")
	require.Contains(t, last[len(last)-1].Text, "ответ")
	require.Contains(t, last[len(last)-1].Text, "полпары")
	for _, item := range n.portal.Items(portal.Lead) {
		for _, c := range n.portal.Comments(portal.Lead, item.ID) {
			require.NotContains(t, c.Text, "[b]жирно[/b]", "a client's bb-code does not work in the portal")
		}
	}
	require.EqualValues(t, 0, w.pending()["refused"])
	w.clean()
}

// TestRefusedActions asks for what cannot be done: files over the limit, closed chats and channels, wrong ids, broken JSON.
func TestRefusedActions(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1, "OMNI_FILE_LIMIT=1MB")
	talk := func(phone string, channel int64) (chat, int64) {
		m, err := n.uis.ClientWrites(channel, uisplatform.Client{Phone: phone, Name: phone}, "вопрос "+phone)
		require.NoError(t, err)
		w.rest()
		for _, c := range n.chats("list=new") {
			if c.Last.Text == "вопрос "+phone {
				return c, m.Chat
			}
		}
		t.Fatal("no chat")
		return chat{}, 0
	}
	open, _ := talk("79000000061", whatsapp)
	closed, uisClosed := talk("79000000062", whatsapp)
	dead, _ := talk("79000000063", 27) // SMS
	require.NoError(t, n.uis.CloseChat(uisClosed, "closed_by_visitor"))
	require.NoError(t, n.uis.SetChannelStatus(27, "inactive", "test"))
	w.rest()
	send := func(chat int64, body string) (int, []byte) {
		return n.as(n.operator, "POST", fmt.Sprintf("/chats/%d/messages", chat), raw{kind: "application/json", body: []byte(body)})
	}
	text := func() string { return `{"id":"` + newID() + `","text":"нельзя"}` }
	w.unchanged(func() {
		status, body := n.post("big.bin", io.LimitReader(zeros{}, 3<<20))
		require.Contains(t, []int{http.StatusRequestEntityTooLarge, 0}, status, "%s", body)
		status, body = n.as(n.operator, "POST", "/files", raw{kind: "multipart/form-data; boundary=b", body: append([]byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n"),
			append(bytes.Repeat([]byte("x"), 3<<20), []byte("\r\n--b--\r\n")...)...)})
		require.Contains(t, []int{http.StatusRequestEntityTooLarge, 0}, status, "%s", body)
		// Just over the limit: the whole of it arrives before it can be known.
		status, body = n.post("just.bin", io.LimitReader(zeros{}, 1<<20+1))
		require.Equal(t, http.StatusRequestEntityTooLarge, status, "%s", body)
		require.Equal(t, "file_too_large", code(body))

		status, body = send(closed.ID, text())
		require.Equal(t, http.StatusConflict, status, "%s", body)
		require.Equal(t, "chat_closed", code(body))
		status, body = send(dead.ID, text())
		require.Equal(t, http.StatusConflict, status, "%s", body)
		require.Equal(t, "channel_closed", code(body))

		for name, c := range map[string]struct {
			chat int64
			body string
			want int
		}{
			"not a UUID":   {open.ID, `{"id":"not-a-uuid","text":"x"}`, http.StatusUnprocessableEntity},
			"no id":        {open.ID, `{"text":"x"}`, http.StatusUnprocessableEntity},
			"broken JSON":  {open.ID, `{"id":`, http.StatusBadRequest},
			"a wrong type": {open.ID, `{"id":"` + newID() + `","text":7}`, http.StatusUnprocessableEntity},
			"no such chat": {open.ID + 100_000, text(), http.StatusNotFound},
			"no such file": {open.ID, `{"id":"` + newID() + `","text":"x","file":999999}`, http.StatusUnprocessableEntity},
		} {
			status, body := send(c.chat, c.body)
			require.Equal(t, c.want, status, "%s: %s", name, body)
			require.NotEmpty(t, code(body), name)
		}
		status, body = n.as(n.operator, "POST", "/chats", raw{kind: "application/json", body: []byte(`{"id":"` + newID() + `","channel":27,"phone":"79000000064","text":"x"}`)})
		require.Equal(t, http.StatusConflict, status, "%s", body)
	}, "inbox") // a refused action is an event of its chat, too: it was decided, and a repeat gets the same answer
	w.clean()
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
