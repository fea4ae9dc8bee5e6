package requests

import (
	"encoding/json"
	"fmt"

	"omni/server/uis"
)

// KindReported tells of a request by UIS' report: its notification never came. The body is the one the notification would have had.
const KindReported = "request.reported"

// ReportedName is the natural id of a request that the report tells of.
func ReportedName(id uis.OfflineMessageID) string { return fmt.Sprintf("uis:request:%d", id) }

// toldAs are the fields of the report that notifications name otherwise.
var toldAs = map[string]string{"id": "offline_message_id", "date_time": "notification_time", "text": "visitor_message", "form_name": "offline_message_form_name",
	"group_name": "communication_group_name", "visitor_session_id": "session_id"}

// unlike are fields of the report that say something else than the notification's variable of that name, or nothing of the request: who has worked on it since.
var unlike = map[string]bool{"employee_id": true, "employee_full_name": true, "status": true, "form_type": true, "communication_type": true, "event": true}

// ReportedOf takes a row of the report over (get.offline_messages_report).
func ReportedOf(m uis.OfflineMessage) ([]byte, error) {
	body := map[string]json.RawMessage{"event": json.RawMessage(`"` + string(uis.EventOfflineMessage) + `"`)}
	for name, value := range m.Row {
		if unlike[name] || len(value) == 0 || value[0] == '{' || value[0] == '[' || string(value) == "null" {
			continue
		}
		if told, other := toldAs[name]; other {
			name = told
		}
		body[name] = value
	}
	return json.Marshal(body)
}
