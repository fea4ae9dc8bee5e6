package telephony

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/settings"
)

// T12: of several recordings the portal gets the whole, the newest conversation while there is none, and a conversation before a voice-mail message.
func TestWhichRecording(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	first, second, mail := Record{At: at, Seconds: 10}, Record{At: at.Add(time.Minute), Seconds: 30}, Record{At: at.Add(time.Hour), Seconds: 5, Voice: true}
	for name, row := range map[string]struct {
		records map[string]Record
		whole   Whole
		want    string
		asks    bool
	}{
		"none":                  {nil, Whole{}, "", false},
		"one":                   {map[string]Record{"a": first}, Whole{}, "a", false},
		"a message":             {map[string]Record{"m": mail}, Whole{}, "m", false},
		"one and a message":     {map[string]Record{"a": first, "m": mail}, Whole{}, "a", false},
		"two":                   {map[string]Record{"a": first, "b": second}, Whole{}, "", true},
		"two, being asked":      {map[string]Record{"a": first, "b": second}, Whole{State: inquiryAsked, Of: 2}, "", false},
		"two without a whole":   {map[string]Record{"a": first, "b": second}, Whole{State: inquiryOver, Of: 2}, "b", false},
		"two with one":          {map[string]Record{"a": first, "b": second}, Whole{State: inquiryOver, Of: 2, Link: "w"}, "w", false},
		"three, a whole of two": {map[string]Record{"a": first, "b": second, "c": {At: at.Add(time.Second)}}, Whole{State: inquiryOver, Of: 2, Link: "w"}, "", true},
	} {
		turn := &turn{call: &Call{ID: 5, Portal: 1, Facts: Facts{Direction: In, Records: row.records}, Link: Link{Phase: Done, CallID: "x", Whole: row.whole}}, key: ids.CallKey(5),
			setting: Setting{Document: settings.Document{Telephony: settings.Telephony{Records: settings.Records{Send: true}}}}}
		turn.record()
		require.Equal(t, row.want, turn.fetch, name)
		require.Equal(t, row.asks, len(turn.out.Commands) == 1, name)
	}
}

// T12: a recording that the portal could not fetch is offered again by itself; the refused command is nothing that a person has to decide about. At last it is.
func TestRefusedRecordingIsOfferedAgain(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	turn := &turn{now: at, call: &Call{ID: 5, Portal: 1, Link: Link{Phase: Done, CallID: "x", Record: Recorded{Link: "a", State: recordAttaching}}}, key: ids.CallKey(5)}
	refused := map[string]outbox.Result{"record1": {Command: 77, State: "refused", Text: "SERVER_NOT_AVAILABLE"}}
	turn.recorded(refused)
	require.Equal(t, recordWaiting, turn.call.Link.Record.State)
	require.Equal(t, []ids.CommandID{77}, turn.out.Replaced)
	require.Equal(t, at.Add(recordPauses[0]), turn.out.Timers[0].At)
	turn.out.Replaced, turn.call.Link.Record = nil, Recorded{Link: "a", State: recordAttaching, Tries: len(recordPauses)}
	turn.recorded(refused)
	require.Equal(t, recordFailed, turn.call.Link.Record.State)
	require.Empty(t, turn.out.Replaced)
}

// The portal is told the end of a call in its own codes (telephony.externalCall.finish).
func TestStatusCodes(t *testing.T) {
	t.Parallel()
	talk := map[string]*Talk{"a": {Employee: 1}}
	for name, row := range map[string]struct {
		f    Facts
		why  string
		want string
	}{
		"answered":                {Facts{Direction: In, Talks: talk}, "success_finish", "200"},
		"missed":                  {Facts{Direction: In}, "subscriber_disconnects", "304"},
		"outgoing, silent":        {Facts{Direction: Out}, "subscriber_not_responsible", "304"},
		"outgoing, busy":          {Facts{Direction: Out}, "subscriber_busy", "486"},
		"outgoing, declined":      {Facts{Direction: Out}, "subscriber_disconnects", "603"},
		"outgoing, wrong number":  {Facts{Direction: Out}, "subscriber_number_problems", "404"},
		"outgoing, given up":      {Facts{Direction: Out}, "operator_disconnects", "603-S"},
		"outgoing, nobody told":   {Facts{Direction: Out}, "", "304"},
		"outgoing, something new": {Facts{Direction: Out}, "aliens", "304"},
	} {
		if row.why != "" {
			row.f.Values = map[string]Value{"lost_reason": {Text: row.why}}
		}
		require.Equal(t, row.want, statusCode(&row.f), name)
	}
}
