package gaps

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/report"
	"omni/server/telephony"
	"omni/server/uis"
)

// U3: what of a report is missing here. A call that goes on, or ended a moment ago, may still be told of.
func TestWhatIsMissing(t *testing.T) {
	t.Parallel()
	at := report.Moment{Zone: time.UTC, Now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	over := uis.Call{ID: 500001, Direction: "in", ContactNumber: "79005550001", VirtualNumber: "74950000031", StartTime: "2026-03-02 11:50:00", FinishTime: "2026-03-02 11:55:00",
		TalkDuration: 200, RecordLink: "https://media.example/1"}
	running, fresh, silent := over, over, over
	running.FinishTime, fresh.FinishTime, silent.RecordLink = "", "2026-03-02 11:59:30", ""
	for name, row := range map[string]struct {
		call uis.Call
		have state
		want bool
	}{
		"nobody told of it":                   {over, state{}, true},
		"its end was not told":                {over, state{there: true}, true},
		"its recording was not told":          {over, state{there: true, ended: true}, true},
		"everything was told":                 {over, state{there: true, ended: true, recorded: true}, false},
		"there is no recording to miss":       {silent, state{there: true, ended: true}, false},
		"it goes on":                          {running, state{}, false},
		"it ended a moment ago":               {fresh, state{}, false},
		"a date that nobody can read is none": {uis.Call{ID: 1, FinishTime: "soon"}, state{}, false},
	} {
		have, missing := repair(row.call, row.have, at)
		require.Equal(t, row.want, missing, name)
		if !missing {
			continue
		}
		later := at
		later.Now = at.Now.Add(time.Hour)
		again, _ := repair(row.call, row.have, later)
		require.Equal(t, have.Natural, again.Natural, "%s: posted twice it is one row", name)
		require.Equal(t, telephony.KindReported, have.Kind)
		require.Equal(t, "call:500001", string(have.Key))
		var r telephony.Reported
		require.NoError(t, json.Unmarshal(have.Body, &r))
		require.Equal(t, "79005550001", r.Phone)
		require.Equal(t, 200, r.Talk)
	}
}
