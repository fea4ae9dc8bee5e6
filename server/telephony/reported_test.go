package telephony

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/uis"
)

// U3, T12: a message on the voice mail is in the report as a hash; it is a recording, but gives way to one of a conversation.
func TestVoiceMailOfTheReport(t *testing.T) {
	t.Parallel()
	rows, err := uis.DecodeCalls(json.RawMessage(`[{"id":1,"direction":"in","communication_id":77,"voice_mail_records":["first","last"],"start_time":"2026-03-02 10:00:00","finish_time":"2026-03-02 10:01:00"},
		{"id":2,"direction":"in","communication_id":78,"voice_mail_records":["left"],"full_record_file_link":"https://media.uiscom.ru/78/talk"},{"id":3,"direction":"in","communication_id":79}]`))
	require.NoError(t, err)
	for i, want := range []string{"/system/media/voice_mail/77/last/", "https://media.uiscom.ru/78/talk", ""} {
		r := ReportedOf(rows[i])
		require.Equal(t, want, r.Record)
		f := &Facts{}
		f.report(r, time.UTC, time.Time{})
		link, record := f.recording()
		require.Equal(t, want, link)
		require.Equal(t, i == 0, record.Voice)
	}
}
