package telephony

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/settings"
	"omni/server/why"
)

// What the "Why?" page sees in a call besides the reasons: a recording on its way (T12), lists that are empty (T15).
func TestSignsOfCalls(t *testing.T) {
	t.Parallel()
	sends := settings.Document{Telephony: settings.Telephony{Records: settings.Records{Send: true}}}
	call := func(phase Phase, record Recorded) row {
		return row{Communication: why.Communication{Portal: 1}, link: Link{Phase: phase, Record: record}, direction: In, answered: true, recent: true}
	}
	missed, old := call(Done, Recorded{}), call(Done, Recorded{})
	missed.answered, old.recent = false, false
	for name, c := range map[string]struct {
		row            row
		doc            settings.Document
		users, funnels bool
		want           []string
	}{
		"the client is looked up":         {call(Asked, Recorded{}), sends, true, true, []string{"asked"}},
		"UIS prepares it":                 {call(Done, Recorded{}), sends, true, true, []string{"recording_awaited"}},
		"none is wanted":                  {call(Done, Recorded{}), settings.Document{}, true, true, nil},
		"nobody talked":                   {missed, sends, true, true, nil},
		"it will not come any more":       {old, sends, true, true, nil},
		"it is copied":                    {call(Done, Recorded{Link: "x", State: recordComing}), sends, true, true, []string{"recording_coming"}},
		"it is passed on":                 {call(Done, Recorded{Link: "x", State: recordAttaching}), sends, true, true, []string{"recording_coming"}},
		"it was refused, and goes again":  {call(Done, Recorded{Link: "x", State: recordWaiting}), sends, true, true, []string{"recording_waiting"}},
		"it is there":                     {call(Done, Recorded{Link: "x", State: recordAttached}), sends, true, true, nil},
		"nobody can be chosen":            {call(Registered, Recorded{}), sends, false, true, []string{"users_empty"}},
		"there are no funnels":            {call(Registered, Recorded{}), sends, true, false, []string{"funnels_empty"}},
		"no portal, no lists to look for": {row{link: Link{Phase: Off}}, sends, false, false, nil},
	} {
		require.Equal(t, c.want, c.row.signs(c.doc, c.users, c.funnels), name)
	}
}
