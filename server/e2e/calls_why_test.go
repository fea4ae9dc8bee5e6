package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

type whyPage struct {
	Reasons  []struct{ Code, Text string }
	Entities []struct{ Type string }
	Commands []struct{ Kind, State string }
	Advice   []struct{ Code, Place string }
	State    struct{ Code, Text string }
}

// T15: for a call the page says which rule let it create what it created, or why nothing was created and what helps.
func TestWhyOfCalls(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) {
		s["responsibles"] = []any{map[string]any{"user": 3, "filter": []any{[]any{map[string]any{"param": "virtual_number", "op": "include", "values": []string{advertNumber}}}}}}
		s["create_outbound"], s["filter_on"] = false, true
		s["filter_outbound"] = []any{[]any{map[string]any{"param": "employee", "op": "exclude", "values": []string{"1003"}}}}
	})
	read := func(session int64) (whyPage, []string) {
		page := decode[whyPage](t, c.must("GET", fmt.Sprintf("/communications/call:%d", session), nil))
		var codes []string
		for _, r := range page.Reasons {
			require.NotContains(t, r.Text, "{", "%s is a whole sentence", r.Code)
			codes = append(codes, r.Code)
		}
		return page, codes
	}
	in := c.play("missed", uisplatform.CallSpec{Contact: "79005558001", Employee: 1002, VirtualNumber: advertNumber})
	out := c.play("outgoing", uisplatform.CallSpec{Contact: "79005558002", Employee: 1002})
	filtered := c.play("outgoing", uisplatform.CallSpec{Contact: "79005558003", Employee: 1003})
	c.quiet()
	page, codes := read(in)
	require.Contains(t, codes, "call.responsible_rule")
	require.Contains(t, codes, "crm.first_nothing_found")
	require.Contains(t, codes, "call.done")
	require.Contains(t, fmt.Sprint(page.Reasons), "Мария Зимина", "people are named")
	require.Len(t, page.Entities, 2, "the lead and the activity")
	require.NotEmpty(t, page.Commands)
	page, codes = read(out)
	require.Contains(t, codes, "crm.call_create_off")
	require.Contains(t, fmt.Sprint(page.Advice), "{call_create_off /telephony/create_outbound}")
	page, codes = read(filtered)
	require.Contains(t, codes, "call.filtered_out")
	require.Contains(t, fmt.Sprint(page.Reasons), "employee = 1003", "the condition is named")
	require.Contains(t, fmt.Sprint(page.Advice), "{call_filtered_out /telephony/filter_outbound}")
	require.Empty(t, page.Entities)
	listed := func(query string) []string {
		return codesOf(c.communications("?kind=call"+query).Items, func(one communication) string { return one.Ref })
	}
	ref := func(session int64) string { return fmt.Sprintf("call:%d", session) }
	require.Equal(t, []string{ref(out)}, listed("&q=79005558002"))
	for query, want := range map[string][]string{
		"": {ref(filtered), ref(out), ref(in)}, "&direction=in": {ref(in)}, "&direction=out": {ref(filtered), ref(out)}, "&outcome=missed": {ref(in)}, "&outcome=answered": {ref(filtered), ref(out)},
		"&state=done": {ref(out), ref(in)}, "&state=off": {ref(filtered)}, "&state=failed": {}, "&state=live": {}, "&direction=out&outcome=answered&state=done&q=79005558": {ref(out)},
	} {
		require.Equal(t, want, listed(query), query)
	}
	for _, query := range []string{"?kind=call&direction=up", "?kind=call&outcome=lost", "?kind=call&state=asked", "?kind=chat&direction=in", "?kind=request&state=done"} {
		status, body := c.as(c.admin, "GET", "/communications"+query, nil)
		require.Equal(t, http.StatusUnprocessableEntity, status, "%s: %s", query, body)
	}
	c.w.clean()
}

// T15: the default responsible was dismissed, and whoever installed the app stands in for him; the page says so, and where to choose another.
func TestWhyAStandIn(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	require.Equal(t, 1, c.rows(`WITH gone AS (UPDATE b24_user SET active = false WHERE id = 4 RETURNING id) SELECT count(*) FROM gone`))
	for kind, place := range map[string]string{"missed": "/telephony/responsible_inbound", "outgoing": "/telephony/responsible_outbound"} {
		session := c.play(kind, uisplatform.CallSpec{Contact: "790055581" + map[string]string{"missed": "01", "outgoing": "02"}[kind], Employee: stranger})
		c.quiet()
		page := c.why(fmt.Sprintf("call:%d", session))
		require.Contains(t, page.reasons(), "call.stand_in", kind)
		require.Contains(t, fmt.Sprint(page.Reasons), "Анна Власова", kind)
		require.Contains(t, page.advice(), "no_responsible", kind)
		require.Equal(t, place, page.Advice[0].Place, kind)
	}
}

// T12, T15: a recording that is on its way shows as one that is being prepared; one that the portal does not take says why, and when it is offered again.
func TestWhyRecordingsAreLate(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) { s["records"] = map[string]any{"send": true, "with_filters": false} })
	c.refuses("telephony.externalCall.attachRecord", 1, "Server returns HTTP error code 503")
	session := c.play("answered", uisplatform.CallSpec{Contact: "79005558201", Employee: caller})
	eventually(t, "the call was finished", func() bool {
		c.advance(5 * time.Second)
		return len(c.portal.Calls()) == 1 && c.portal.Calls()[0].Finished
	})
	page := func() communication { return c.why(fmt.Sprintf("call:%d", session)) }
	eventually(t, "the reason is there", func() bool { return slices.Contains(page().reasons(), "call.recording_again") })
	require.Contains(t, page().advice(), "recording_waiting")
	require.Contains(t, fmt.Sprint(page().Reasons), "503")
	c.advance(time.Minute)
	c.w.rest()
	require.NotEmpty(t, c.at(session).Record)
	require.NotContains(t, fmt.Sprint(page().advice()), "recording_")
}
