package gaps

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/report"
	"omni/server/requests"
	"omni/server/uis"
)

// U3: what of a report is missing here, and that it says what the notification would have said.
func TestWhatIsMissing(t *testing.T) {
	t.Parallel()
	at := report.Moment{Zone: time.UTC, Now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	list, err := uis.DecodeOfflineMessages(json.RawMessage(`[{"id":500001,"date_time":"2026-03-02 11:50:00","text":"Сколько [B]стоит[/B]?","status":"processed","form_name":"Заказ","visitor_name":"Мария",
		"visitor_phone_number":"79005550001","visitor_email":"maria@client.example","group_name":"Продажи","employee_id":7,"site_domain_name":"shop.example","campaign_id":71,"tags":[{"tag_id":1}],
		"utm_source":"yandex","utm_term":null,"visitor_id":99,"visitor_session_id":98}]`))
	require.NoError(t, err)
	sent := list[0]
	fresh, odd := sent, sent
	fresh.Time, odd.Time = "2026-03-02 11:59:30", "soon"
	for name, row := range map[string]struct {
		message uis.OfflineMessage
		have    bool
		want    bool
	}{
		"nobody told of it":                   {sent, false, true},
		"it was told of":                      {sent, true, false},
		"it may still be told of":             {fresh, false, false},
		"a date that nobody can read is none": {odd, false, false},
	} {
		_, missing := repair(row.message, row.have, at)
		require.Equal(t, row.want, missing, name)
	}
	row, _ := repair(sent, false, at)
	sent.Status, sent.EmployeeID = "processing", 8
	again, _ := repair(sent, false, at)
	require.Equal(t, row.Natural, again.Natural, "it is one request, whoever works on it")
	require.Equal(t, requests.KindReported, row.Kind)
	require.Equal(t, "request:500001", string(row.Key))
	n, err := uis.ParseNotification(row.Body)
	require.NoError(t, err)
	require.Equal(t, uis.OfflineMessageID(500001), n.OfflineMessageID)
	require.Equal(t, uis.WallTime("2026-03-02 11:50:00"), n.Time)
	require.Equal(t, uis.NotifiedVisitor{ID: "99", Name: "Мария", Phone: "79005550001", Email: "maria@client.example", Message: "Сколько [B]стоит[/B]?"}, n.Visitor)
	for variable, want := range map[string]string{"site_domain_name": "shop.example", "campaign_id": "71", "offline_message_form_name": "Заказ", "communication_group_name": "Продажи",
		"utm_source": "yandex", "session_id": "98", "employee_id": "", "tags": ""} {
		require.Equal(t, want, n.Text(variable), variable)
	}
}
