package uis

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// soon is no figure but an alarm for work that grows with the square of a body.
const soon = 2 * time.Second

func inTime(t *testing.T, began time.Time, body []byte) {
	t.Helper()
	if took := time.Since(began); took > soon {
		t.Fatalf("reading %d bytes took %s", len(body), took)
	}
}

var webhookPaths = []string{"POST chat", "PATCH chat", "POST chat/operator", "POST chat/close", "POST message", "PATCH message", "POST message/status", "POST visitor/card",
	"POST account/10", "DELETE account/10", "PATCH channel/11", "POST account/x", "GET message", "POST ../message"}

func FuzzWebhook(f *testing.F) {
	for _, seed := range []string{
		`{"account_id":10,"channel_id":11,"chat_id":400,"id":9001,"source":"visitor","text":"Привет","created_at":"2026-01-02T03:04:05.000+03:00","context":{"app_id":1,"chat_channel_id":20}}`,
		`{"chat_id":"400","id":"9001","text":5,"resource":{"id":7,"token":"t","type":"photo","name":"a.png","size":"12"}}`, `{"chat_id":400,"message_id":9001,"status":"read"}`,
		`{"chat_id":1e300}`, `{"chat_id":9223372036854775808}`, `{"chat_id":9007199254740993.0}`, `{"chat_id":"0x10"}`, `{"chat_id":400,"operator_id":null,"context":[]}`, `{"chat_id":400,"chat_id":401}`,
		`{"chat_id":400,"text":"\ud83d"}`, "{\"chat_id\":400,\"text\":\"a\nb\x00\"}", "\xef\xbb\xbf{\"chat_id\":400}", `{"visitor_id":"v1","visitor_card":{"phones":[79000000001,"x"],"emails":null}}`, `null`, `[]`, ``,
		`{"chat_id":400,"context":{"message_templates":[{"id":1,"content":{"text":5}}]}}`, `{"chat_id":-5,"id":-6}`, `{"chat_id":400,"id":` + strings.Repeat("[", 20000) + `}`,
	} {
		for _, address := range webhookPaths {
			method, path, _ := strings.Cut(address, " ")
			f.Add(method, path, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		began := time.Now()
		w, err := ParseWebhook(method, path, body)
		inTime(t, began, body)
		require.NotEmpty(t, w.Natural(), "every delivery has a name, readable or not")
		require.Less(t, len(w.Natural()), 2000)
		again, _ := ParseWebhook(method, path, body)
		require.Equal(t, w.Natural(), again.Natural(), "two deliveries of one webhook have one name")
		if err != nil {
			return
		}
		require.NotNil(t, w.Event)
		for _, id := range idsIn(w) {
			if id != 0 {
				requireWritten(t, id, []byte(string(body)+" "+path))
			}
		}
		if m, isMessage := w.Event.(*MessageEvent); isMessage {
			require.True(t, utf8.ValidString(Visible(m.Text)))
			require.NotContains(t, Visible(m.Text), "\x00")
		}
	})
}

// idsIn are all numbers of a webhook that name something.
func idsIn(w Webhook) []int64 {
	out := []int64{int64(w.ChatID), int64(w.ConnectionID), int64(w.ChannelID), int64(w.Context.ChatChannelID)}
	switch e := w.Event.(type) {
	case *MessageEvent:
		out = append(out, int64(e.ID), int64(e.OperatorID), int64(e.ReplyTo))
	case *MessageStatus:
		out = append(out, int64(e.MessageID))
	case *ChatNew:
		out = append(out, int64(e.OperatorID))
	case *ChatUpdated:
		out = append(out, int64(e.OperatorID))
	case *ChatClosed:
		out = append(out, int64(e.OperatorID))
	case *AccountEvent:
		out = append(out, int64(e.ID))
	case *ChannelEvent:
		out = append(out, int64(e.ID))
	}
	return out
}

// requireWritten: a number that names something stands in the body, in one of the ways a number is written; it is never rounded into a foreign one.
func requireWritten(t *testing.T, id int64, body []byte) {
	t.Helper()
	whole := body
	for _, text := range strings.FieldsFunc(unescapeAll(string(whole)), func(r rune) bool { return !strings.ContainsRune("+-0123456789.eE", r) }) {
		for _, candidate := range []string{text, strings.Trim(text, "eE"), strings.Trim(text, "eE.")} {
			if exact, ok := new(big.Rat).SetString(candidate); ok && len(candidate) < 400 && exact.Cmp(new(big.Rat).SetInt64(id)) == 0 {
				return
			}
		}
	}
	t.Fatalf("the id %d is invented: %q", id, body)
}

func unescapeAll(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+6 <= len(text) && text[i+1] == 'u' {
			if n := hex4([]byte(text[i+2 : i+6])); n >= 0 && n < 128 {
				b.WriteByte(byte(n)) //nolint:gosec // below 128
				i += 5
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func FuzzNotification(f *testing.F) {
	for _, template := range Templates() {
		f.Add([]byte(template.Body))
		f.Add([]byte(strings.NewReplacer("{{", `"`, "}}", `"`).Replace(template.Body)))
		f.Add([]byte(strings.NewReplacer("{{", `""`, "}}", `""`).Replace(template.Body)))
	}
	for _, seed := range []string{
		`{"event":"in_call_session","call_session_id":"500001","employee_ids":"[15,16]","tag_names":"["a","b"]"}`, `{"a":""x"","event":"x","b":,"c":}`, `{"event":"x","v":{"event":"y","call_session_id":9007199254740993.0}}`,
		`{"event":"x","t":"a "quoted" word"}`, `event=x&call_session_id=5`, `communication_number=2employee_full_name=Anna&event=x`, `{"event":"x","talk_time_duration":"nan"}`, `{"event":"x","wait_time_duration":"1:2:3:inf"}`,
		strings.Repeat(`{"a":`, 9000), `{"x":` + strings.Repeat(`"[`, 3000), `{"x":` + strings.Repeat(`"{"`, 3000), strings.Repeat(`"":{{`, 4000), `=`, `{"event":["x"],"leg_id":[[1]]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		began := time.Now()
		n, err := ParseNotification(body)
		inTime(t, began, body)
		require.NotEmpty(t, n.Natural())
		again, second := ParseNotification(body)
		require.Equal(t, n.Natural(), again.Natural())
		require.Equal(t, err == nil, second == nil)
		require.Equal(t, n.Event, again.Event, "the same body reads the same")
		if err != nil {
			return
		}
		require.NotEmpty(t, n.Event)
		checkNotified(t, n)
		for name := range n.Values {
			_ = n.Text(name)
			_ = n.list(name)
		}
	})
}

func checkNotified(t *testing.T, n Notification) {
	t.Helper()
	for _, s := range []Seconds{n.TalkTime, n.TotalTime, n.WaitTime, n.FileDuration} {
		require.False(t, math.IsNaN(float64(s)) || math.IsInf(float64(s), 0), "a duration is a number: %v", s)
		require.GreaterOrEqual(t, s.Duration(), time.Duration(0))
	}
	if s := n.Subject(); s.Kind != "" {
		require.NotZero(t, s.ID)
	}
	for _, id := range []string{"call_session_id", "chat_id", "offline_message_id", "employee_id"} {
		value, read := intOf(n.Text(id))
		if text := strings.TrimSpace(n.Text(id)); read && value != 0 {
			exact, ok := new(big.Rat).SetString(text)
			require.True(t, ok, text)
			require.Zero(t, exact.Cmp(new(big.Rat).SetInt64(value)), "%s became %d", text, value)
		}
	}
}

func FuzzNotificationQuery(f *testing.F) {
	for _, seed := range []string{"event=x&call_session_id=5", "event={{event}}&a=1", `"event"="x"`, "communication_number=2employee_full_name=A", "event=x&contact_fullname=B", "%zz", "event=x;y=1", "event=x&talk_time_duration=1e400"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		query, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		n, err := ParseNotificationQuery(query)
		require.NotEmpty(t, n.Natural())
		if err == nil {
			require.NotEmpty(t, n.Event)
			checkNotified(t, n)
		}
	})
}

// canned answers every request with the same bytes.
type canned struct {
	status int
	body   []byte
}

// RoundTrip implements http.RoundTripper.
func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(c.body)), Request: r}, nil
}

func cannedClient(status int, body []byte) *Client {
	hosts, err := UIS.Hosts()
	if err != nil {
		panic(err)
	}
	return New(Options{Hosts: hosts, Key: "key-secret", HTTP: &http.Client{Transport: canned{status, body}}})
}

var statuses = []int{200, 201, 302, 400, 401, 403, 404, 408, 422, 429, 500, 502, 503}

func FuzzRPC(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"result":{"data":[{"id":1}],"metadata":{"total_items":1,"limits":{"day_limit":1000,"day_remaining":"900","minute_reset":5}}}}`,
		`{"error":{"code":-32029,"message":"Limit","data":{"mnemonic":"limit_exceeded","field":"x","metadata":{"limits":{"day_reset":"1:00"}}}}}`, `{"error":{"code":"x"}}`, `{"error":[]}`, `{"error":null}`, `{"result":null}`,
		`{"result":[]}`, `{"result":"x"}`, `{"result":{"data":null}}`, `[]`, ``, `<html>`, `{"result":{"metadata":{"limits":{"day_remaining":1e99}}}}`, `{"result":{"data":[{"id":1},5,null]}}`, `{"detail":[{"loc":["body","text"],"msg":"x"}]}`,
		`{"message":{"msg":"m","mnemonic":5}}`, `{"result":{"data":[],"metadata":{"limits":{"minute_reset":"nan"}}}}`,
	} {
		for i := range statuses {
			f.Add(uint8(i), []byte(seed)) //nolint:gosec // a handful
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		status := statuses[int(which)%len(statuses)]
		c := cannedClient(status, body)
		began := time.Now()
		var data json.RawMessage
		metadata, err := c.Call(context.Background(), DataAPI, "get.chats_report", nil, &data)
		inTime(t, began, body)
		checkFailure(t, status, body, err)
		if err == nil {
			require.Contains(t, string(body), string(data), "no data are invented")
		}
		require.False(t, metadata.Limits.DayReset < 0 || metadata.Limits.MinuteReset < 0)
		err = judgeREST(AdapterAPI, "POST message", answer{status: status, body: body}, &data)
		checkFailure(t, status, body, err)
		var rows items[json.RawMessage]
		_ = json.Unmarshal(body, &rows)
		_ = withoutToken(body)
	})
}

func checkFailure(t *testing.T, status int, body []byte, err error) {
	t.Helper()
	if err == nil {
		require.True(t, status >= 200 && status < 300)
		return
	}
	var e *Error
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Class())
	require.NotContains(t, strings.ReplaceAll(e.Error(), string(body), ""), "key-secret")
	if status >= 500 || status == 200 && !json.Valid(body) {
		require.Equal(t, Unknown, e.Executed(), "it may have run: %s", e)
	}
}

func FuzzReports(f *testing.F) {
	for _, seed := range []string{
		`[{"id":400,"status":"active","date_time":"2026-01-02 03:04:05","duration":"61","employee_id":null,"chat_user_id":5,"tags":[{"tag_id":1}]}]`, `[{"id":"9001","chat_id":400,"source":"visitor","resource":{"size":"12"},"text":null}]`,
		`[5]`, `[null]`, `[{"id":1.5}]`, `[{"id":9007199254740993.0}]`, `{"id":1}`, `null`, `[{"duration":"nan"}]`, `[{"date_time":"9999999999"}]`, `[{"tags":5,"id":7}]`, `[{"id":7,"ID":8}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		whole := append(append([]byte(`{"result":{"data":`), body...), `,"metadata":{"total_items":1}}}`...)
		if !json.Valid(whole) {
			return
		}
		c := cannedClient(200, whole)
		began := time.Now()
		if rows, _, err := c.Chats(context.Background(), Query{}); err == nil {
			for _, row := range rows {
				if row.ID != 0 {
					requireWritten(t, int64(row.ID), body)
				}
				require.False(t, math.IsNaN(float64(row.Duration)) || math.IsInf(float64(row.Duration), 0))
				_, _ = row.Time.In(nil)
				for name := range row.Row {
					_ = row.Row.Text(name)
				}
			}
		}
		if rows, _, err := c.ChatMessages(context.Background(), Query{}); err == nil {
			for _, row := range rows {
				for _, id := range []int64{int64(row.ID), int64(row.ChatID), int64(row.EmployeeID)} {
					if id != 0 {
						requireWritten(t, id, body)
					}
				}
			}
		}
		inTime(t, began, body)
		_, _, _ = c.Calls(context.Background(), Query{})
		_, _, _ = c.OfflineMessages(context.Background(), Query{})
		for _, spec := range Specs() {
			sent := Sent{Command: Command{API: AdapterAPI, Method: spec.Method, Params: json.RawMessage(`{"chat_id":400,"text":"x","operator_id":5}`)}, At: time.Unix(1_790_000_000, 0)}
			for range spec.Probes(sent) {
				_ = spec.Judge(sent, []json.RawMessage{body})
			}
		}
	})
}

func FuzzVisible(f *testing.F) {
	for _, seed := range []string{"a\x00b", "\xed\xa0\x80", "\xff", "Привет 😀", "\u2400", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v := Visible(text)
		require.True(t, utf8.ValidString(v))
		require.NotContains(t, v, "\x00")
		require.Equal(t, v, Visible(v))
		if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
			require.Equal(t, text, v, "what is right stays as it is")
		}
		var instant Instant
		encoded, err := json.Marshal(v)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(encoded, &instant), "a message is never lost over its date")
		var word Word
		require.NoError(t, json.Unmarshal(encoded, &word))
		out, err := json.Marshal(word)
		require.NoError(t, err)
		var back Word
		require.NoError(t, json.Unmarshal(out, &back))
		require.Equal(t, word, back, "a word comes back as it went")
	})
}
