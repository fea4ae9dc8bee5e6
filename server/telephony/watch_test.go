package telephony

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/rules"
	"omni/server/settings"
)

// T2: what a changed entity gets. A row with "always" off fills only what is empty, one with it on overwrites, an empty value clears nothing, and a row writes
// only to its own kind.
func TestWatchedFields(t *testing.T) {
	t.Parallel()
	rows := []rules.Mapping{{Entity: "lead", Field: "UF_CRM_OFF", Param: "utm_source"}, {Entity: "lead", Field: "UF_CRM_ON", Param: "utm_source", Always: true},
		{Entity: "lead", Field: "UF_CRM_NONE", Param: "utm_term", Always: true}, {Entity: "lead", Field: "UF_CRM_MANY", Param: "utm_source"},
		{Entity: "deal", Field: "UF_CRM_D", Param: "utm_source", Always: true}}
	m := crm.MappingsOf(rows, map[string]crm.Field{"lead:UF_CRM_MANY": {Multiple: true}})
	values := map[string]string{"utm_source": "yandex"}
	lead, deal := crm.Ref{Type: crm.Lead, ID: 1}, crm.Ref{Type: crm.Deal, ID: 2}
	changed := []crm.Touched{{Stamp: crm.Stamp{Ref: lead}}, {Stamp: crm.Stamp{Ref: deal}, Made: true}}
	for name, row := range map[string]struct {
		current map[crm.Ref]map[string]string
		want    changes
	}{
		"all empty": {map[crm.Ref]map[string]string{lead: {}, deal: {}}, changes{lead: {"UF_CRM_OFF": "yandex", "UF_CRM_ON": "yandex", "UF_CRM_MANY": []string{"yandex"}},
			deal: {"UF_CRM_D": "yandex"}}},
		"all full": {map[crm.Ref]map[string]string{lead: {"UF_CRM_OFF": "old", "UF_CRM_ON": "old", "UF_CRM_NONE": "old", "UF_CRM_MANY": "old"}, deal: {"UF_CRM_D": "old"}},
			changes{lead: {"UF_CRM_ON": "yandex"}, deal: {"UF_CRM_D": "yandex"}}},
		"so already": {map[crm.Ref]map[string]string{lead: {"UF_CRM_OFF": "yandex", "UF_CRM_ON": "yandex", "UF_CRM_MANY": "yandex"}, deal: {"UF_CRM_D": "yandex"}}, changes{}},
		"one gone":   {map[crm.Ref]map[string]string{deal: {}}, changes{deal: {"UF_CRM_D": "yandex"}}},
		"not read":   {nil, changes{}},
	} {
		require.Equal(t, row.want, watchedFields(m, values, changed, row.current), name)
	}
	require.Empty(t, watchedFields(crm.MappingsOf(nil, nil), values, changed, map[crm.Ref]map[string]string{lead: {}}), "no rows")
}

// What the portal answers of a field that holds nothing is empty, whatever kind it is.
func TestItemsOf(t *testing.T) {
	t.Parallel()
	items, err := itemsOf(outbox.Result{State: "done", Result: json.RawMessage(`{"items":[{"id":"7","A":"text","B":null,"C":"","D":[],"E":["one"],"F":["one","two"],"G":false,"H":5}]}`)})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"id": "7", "A": "text", "B": "", "C": "", "D": "", "E": "one", "F": `["one","two"]`, "G": "", "H": "5"}, items[7])
	_, err = itemsOf(outbox.Result{State: "refused", Text: "no"})
	require.ErrorContains(t, err, "no")
}

// T2: a watched call asks at the ring and a minute after its end, whatever comes first or not at all.
func TestStepsOfAWatchedCall(t *testing.T) {
	t.Parallel()
	ring := time.Date(2026, 3, 2, 7, 15, 0, 500, time.UTC)
	end := ring.Add(time.Minute)
	doc, on := settings.Initial(), int64(1)
	doc.Main.Enabled, doc.Telephony.Enabled, doc.Telephony.Portal, doc.Telephony.OtherTelephony = true, true, &on, true
	call := func() *Call {
		return &Call{ID: 5, Facts: Facts{Direction: In, Announced: true, Phone: "79005550001", Number: "1", StartedAt: ring}}
	}
	step := func(c *Call, now time.Time) *turn {
		return &turn{now: now, key: ids.CallKey(5), setting: Setting{Document: doc}, call: c}
	}
	saw := &crm.Watched{Entities: []crm.Stamp{{Ref: crm.Ref{Type: crm.Lead, ID: 3}, Changed: ring.Add(-time.Hour)}}}

	t.Run("in order", func(t *testing.T) {
		t.Parallel()
		c := call()
		first := step(c, ring)
		first.advance()
		require.Equal(t, &crm.Watch{}, first.need.Watch)
		require.Nil(t, first.need.Call, "nothing is asked to be created")
		step(c, ring).watched(saw)
		c.Facts.EndedAt = end
		early := step(c, end)
		early.advance()
		require.Nil(t, early.need)
		require.Equal(t, end.Add(watchAfter), early.out.Timers[0].At)
		due := step(c, end.Add(watchAfter))
		due.advance()
		require.Equal(t, &crm.Watch{Compare: true, Looked: true, Before: saw.Entities, From: ring.Truncate(time.Second), Till: end.Add(watchAfter)}, due.need.Watch)
		last := step(c, end.Add(watchAfter))
		last.watched(saw)
		require.Equal(t, Watched, c.Link.Phase)
		require.Empty(t, last.out.Commands)
		require.Nil(t, c.Link.Watch.Before)
	})
	t.Run("the first look comes late", func(t *testing.T) {
		t.Parallel()
		c := call()
		step(c, ring).advance()
		c.Facts.EndedAt = end
		due := step(c, end.Add(time.Hour))
		due.advance()
		require.Nil(t, due.need, "one look at a time")
		due.watched(saw)
		due.advance()
		require.True(t, due.need.Watch.Compare)
	})
	t.Run("the portal does not answer", func(t *testing.T) {
		t.Parallel()
		c := call()
		step(c, ring).advance()
		step(c, ring).watched(&crm.Watched{Unread: true})
		c.Facts.EndedAt = end
		due := step(c, end.Add(watchAfter))
		due.advance()
		require.False(t, due.need.Watch.Looked, "the moments alone tell")
		due.watched(&crm.Watched{Unread: true})
		require.Equal(t, Failed, c.Link.Phase)
	})
	t.Run("heard of too late", func(t *testing.T) {
		t.Parallel()
		c := call()
		c.Facts.EndedAt = end
		only := step(c, end.Add(time.Hour))
		only.advance()
		require.True(t, only.need.Watch.Compare)
		require.False(t, only.need.Watch.Looked)
		require.Equal(t, Comparing, c.Link.Phase)
	})
	t.Run("internal", func(t *testing.T) {
		t.Parallel()
		c := call()
		c.Facts.Values = map[string]Value{"is_internal": {Text: "true"}}
		step(c, ring).advance()
		require.Equal(t, Off, c.Link.Phase)
	})
}
