package e2e_test

import (
	"fmt"
	"testing"

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
	require.Contains(t, fmt.Sprint(page.Advice), "call_create_off")
	page, codes = read(filtered)
	require.Contains(t, codes, "call.filtered_out")
	require.Contains(t, fmt.Sprint(page.Reasons), "employee = 1003", "the condition is named")
	require.Empty(t, page.Entities)
	list := decode[struct{ Items []struct{ Ref string } }](t, c.must("GET", "/communications?kind=call&q=79005558002", nil))
	require.Len(t, list.Items, 1)
	c.w.clean()
}
