package transport

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/outbox"
	"omni/server/uis"
)

// TestAnEqualMessageIsNotThisOne: the report has a message with the same words, which another command has sent.
func TestAnEqualMessageIsNotThisOne(t *testing.T) {
	t.Parallel()
	check := uisCheck[uis.OutMessage](uis.MethodSendMessage)
	sent := outbox.Sent{Params: json.RawMessage(`{"account_id":1,"channel_id":2,"chat_id":7,"operator_id":1002,"text":"Да","created_at":"2026-11-20T10:00:00Z"}`),
		Meta: json.RawMessage(`{"known":[70],"zone":"Europe/Moscow"}`), At: time.Date(2026, 11, 20, 10, 0, 1, 0, time.UTC)}
	report := func(ids ...string) json.RawMessage {
		rows := ""
		for i, id := range ids {
			if i > 0 {
				rows += ","
			}
			rows += `{"id":` + id + `,"chat_id":7,"date_time":"2026-11-20 13:00:01","text":"Да","source":"operator","employee_id":1002,"resource":{}}`
		}
		return json.RawMessage("[" + rows + "]")
	}
	finding, _ := check.Judge(sent, report("71"))
	require.Equal(t, outbox.Found, finding)
	sent.Others = []json.RawMessage{json.RawMessage(`{"id":71}`), json.RawMessage(`null`)}
	finding, _ = check.Judge(sent, report("70", "71"))
	require.Equal(t, outbox.Absent, finding, "both are others'")
	finding, result := check.Judge(sent, report("71", "72"))
	require.Equal(t, outbox.Found, finding)
	require.JSONEq(t, `{"id":72}`, string(result))
}
