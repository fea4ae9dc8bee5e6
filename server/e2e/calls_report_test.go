package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// questions counts what UIS' report was asked about calls.
func (c *callCentre) questions() int {
	return c.rows(`SELECT count(*) FROM command WHERE kind IN ('get.calls_report', 'get.call_legs_report') AND plan IS NOT NULL`)
}

// later lets time pass until something holds: a lane that failed is tried more and more rarely.
func (c *callCentre) later(what string, holds func() bool) {
	c.t.Helper()
	for range 4 {
		c.advance(11 * time.Minute)
		c.quiet()
		if holds() {
			return
		}
	}
	c.t.Fatal(what)
}

// R2, T8a: the group that the visitor chose stands only in the report of legs, when the call is over: calls with such a condition are judged and registered then.
func TestGroupByReport(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) {
		s["filter_on"] = true
		s["filter_inbound"] = []any{[]any{map[string]any{"param": "group", "op": "include", "values": []string{"51"}}}}
	})
	live, err := c.uis.StartCall(uisplatform.CallSpec{Contact: "79005569001", Employee: caller, Group: 51})
	require.NoError(t, err)
	require.NoError(t, live.Ring(caller))
	require.NoError(t, live.Answer())
	c.w.rest()
	require.Empty(t, c.portal.Calls(), "its group is not told yet")
	live.Advance(20 * time.Second)
	require.NoError(t, live.HangUp())
	other := c.play("answered", uisplatform.CallSpec{Contact: "79005569002", Employee: caller, Group: 52})
	c.quiet()
	require.True(t, c.at(live.ID()).Finished)
	require.Len(t, c.of(portal.Lead, "79005569001"), 1)
	require.Empty(t, c.of(portal.Lead, "79005569002"))
	require.Len(t, c.portal.Calls(), 1)
	page := decode[whyPage](t, c.must("GET", fmt.Sprintf("/communications/call:%d", other), nil))
	require.Contains(t, fmt.Sprint(page.Reasons), "group = 52")

	// A report that is not there yet is asked again: nobody waits for the card of a call that is over.
	c.uis.AddFault(uisplatform.Fault{API: "data", Match: "get.call_legs_report", Kind: uisplatform.Internal, Times: 40})
	late := c.play("answered", uisplatform.CallSpec{Contact: "79005569003", Employee: caller, Group: 51})
	c.quiet()
	require.Len(t, c.portal.Calls(), 1)
	c.w.platform.ClearFaults()
	c.later("the report was asked again", func() bool { return len(c.portal.Calls()) == 2 })
	require.True(t, c.at(late).Finished)
	c.w.clean()
}

// R7, R4: what only the report tells goes into titles, asked before the entity is made, and into extra fields, asked once at the end; one that is not there yet follows.
func TestFieldsByReport(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	c.addFields(map[string]int{"UF_CRM_SOURCE": portal.Lead, "UF_CRM_TAGS": portal.Lead})
	rows := []any{field("lead", "UF_CRM_SOURCE", "source_name", false), field("lead", "UF_CRM_TAGS", "session_id", false)}
	plain := c.play("answered", uisplatform.CallSpec{Contact: "79005569011", Employee: caller})
	c.quiet()
	require.True(t, c.at(plain).Finished)
	require.Zero(t, c.questions(), "nothing asks for it")

	c.save(func(s map[string]any) { s["fields"] = rows })
	c.play("answered", uisplatform.CallSpec{Contact: "79005569012", Employee: caller})
	c.quiet()
	lead := c.of(portal.Lead, "79005569012")[0].ID
	require.Equal(t, "yandex", c.value(portal.Lead, lead, "UF_CRM_SOURCE"))
	require.Equal(t, 1, c.questions(), "asked once")
	require.Equal(t, 1, c.updates(portal.Lead, lead), "with the responsible, in one update")

	c.save(func(s map[string]any) {
		s["templates"] = []any{map[string]any{"direction": "in", "entity": "lead", "filter": []any{}, "text": "Звонок с {{site_domain_name}}"}}
	})
	c.play("answered", uisplatform.CallSpec{Contact: "79005569013", Employee: caller})
	c.quiet()
	named := c.of(portal.Lead, "79005569013")[0]
	require.Equal(t, "Звонок с romashka.example", named.Fields["title"])
	require.Equal(t, "yandex", c.value(portal.Lead, named.ID, "UF_CRM_SOURCE"))
	require.Equal(t, 2, c.questions(), "one question serves both")

	c.save(func(s map[string]any) { s["templates"] = []any{} })
	c.uis.AddFault(uisplatform.Fault{API: "data", Match: "get.calls_report", Kind: uisplatform.Internal, Times: 40})
	late := c.play("answered", uisplatform.CallSpec{Contact: "79005569014", Employee: caller})
	c.quiet()
	require.True(t, c.at(late).Finished, "a call's end does not hang on the report")
	lead = c.of(portal.Lead, "79005569014")[0].ID
	require.Empty(t, c.value(portal.Lead, lead, "UF_CRM_SOURCE"))
	c.w.platform.ClearFaults()
	c.later("the field follows", func() bool { return c.value(portal.Lead, lead, "UF_CRM_SOURCE") == "yandex" })
	c.w.clean()
}

// T12: a transferred call has a recording for each conversation, the portal keeps one per call: it gets the one of the whole call.
func TestRecordingsOfATransfer(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) { s["records"] = map[string]any{"send": true, "with_filters": false} })
	one := c.play("answered", uisplatform.CallSpec{Contact: "79005569021", Employee: caller})
	moved := c.play("transfer", uisplatform.CallSpec{Contact: "79005569022", Employee: caller})
	c.quiet()
	require.NotZero(t, c.at(one).Bytes)
	require.InDelta(t, c.at(one).Bytes, c.at(moved).Bytes, 1000, "both talked for forty seconds, the second with two people")
	require.Equal(t, 1, c.questions(), "only a call with several recordings asks")

	// Without the whole one the last conversation stands for it, until UIS has it.
	c.uis.AddFault(uisplatform.Fault{API: "data", Match: "get.calls_report", Kind: uisplatform.Internal, Times: 40})
	later := c.play("transfer", uisplatform.CallSpec{Contact: "79005569023", Employee: caller})
	c.quiet()
	half := c.at(later).Bytes
	require.InDelta(t, c.at(one).Bytes/2, half, 1000)
	c.w.platform.ClearFaults()
	c.later("the whole follows", func() bool { return c.at(later).Bytes > half })
	require.InDelta(t, 2*half, c.at(later).Bytes, 1000)
	c.w.clean()
}

// T4a, T10: the portal is told why nobody took an outgoing call.
func TestWhyNobodyAnswered(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	code := func(session int64) string { return fmt.Sprint(c.at(session).Stat["CALL_FAILED_CODE"]) }
	silent := c.play("outgoing_missed", uisplatform.CallSpec{Contact: "79005569031", Employee: caller})
	busy := c.play("outgoing_busy", uisplatform.CallSpec{Contact: "79005569032", Employee: caller})
	missed := c.play("missed", uisplatform.CallSpec{Contact: "79005569033", Employee: caller})
	c.quiet()
	require.Equal(t, "304", code(silent))
	require.Equal(t, "486", code(busy))
	require.Equal(t, "304", code(missed))
	c.w.clean()
}
