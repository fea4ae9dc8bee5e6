package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// callFound is a row of T4: what is found, and the kind of work that is created with the switch on; 0: none.
type callFound struct {
	name            string
	found           []found
	classic, simple int
	bound           []int
}

// T4, every row against the portal: with the switch on and off, in a CRM with leads and in one that has none any more, but old ones. T5 is the same for outgoing
// calls.
func TestWhatCallsCreate(t *testing.T) {
	t.Parallel()
	lead, contact, company, deal := portal.Lead, portal.Contact, portal.Company, portal.Deal
	rows := []callFound{
		{"nothing", nil, lead, deal, nil},
		{"an open lead", []found{{lead, 1, false}}, 0, 0, []int{lead}},
		{"an open deal of a contact", []found{{contact, 1, false}, {deal, 1, false}}, 0, 0, []int{contact, deal}},
		{"a closed lead", []found{{lead, 1, true}}, lead, deal, []int{lead}},
		{"a closed deal of a contact", []found{{contact, 1, false}, {deal, 1, true}}, deal, deal, []int{contact, deal}},
		{"a closed deal of a company", []found{{company, 1, false}, {deal, 1, true}}, deal, deal, []int{company, deal}},
		{"a contact", []found{{contact, 1, false}}, lead, deal, []int{contact}},
		{"a company", []found{{company, 1, false}}, lead, deal, []int{company}},
	}
	for name, stand := range map[string]struct {
		mode string
		on   bool
	}{"classic": {portal.Classic, true}, "simple": {portal.Simple, true}, "classic, off": {portal.Classic, false}, "simple, off": {portal.Simple, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := callsOf(t, portal.Classic, func(s map[string]any) { s["create_inbound"], s["create_outbound"] = stand.on, stand.on })
			before := map[string]map[int][]int{}
			sessions := map[string][2]int64{}
			for i, row := range rows {
				for d := range 2 {
					phone := fmt.Sprintf("7900556%d0%02d", d, i)
					before[phone] = map[int][]int{}
					for _, f := range row.found {
						before[phone][f.typ] = append(before[phone][f.typ], c.putFound(f, phone, before[phone]))
					}
				}
			}
			c.portal.SetLeadsMode(stand.mode)
			for i, row := range rows {
				for d, kind := range []string{"missed", "outgoing_missed"} {
					phone := fmt.Sprintf("7900556%d0%02d", d, i)
					pair := sessions[row.name]
					pair[d] = c.play(kind, uisplatform.CallSpec{Contact: phone, Employee: caller})
					sessions[row.name] = pair
				}
			}
			c.quiet()
			for i, row := range rows {
				want := map[bool]int{true: row.simple, false: row.classic}[stand.mode == portal.Simple]
				if !stand.on {
					want = 0
				}
				for d := range 2 {
					phone := fmt.Sprintf("7900556%d0%02d", d, i)
					made := c.created(want, phone, before[phone])
					require.Len(t, made, min(want, 1), "%s: what is new", row.name)
					k := c.at(sessions[row.name][d])
					require.True(t, k.Finished, row.name)
					if want == 0 && len(row.found) == 0 {
						require.Zero(t, k.Activity, "%s: the call stands only in the statistics", row.name)
						continue
					}
					var kinds []int
					for _, b := range c.activity(k.Activity).Bindings {
						kinds = append(kinds, b.Type)
					}
					require.ElementsMatch(t, activityShows(row.bound, row.found, want), kinds, "%s: where the activity shows", row.name)
				}
			}
			c.w.clean()
		})
	}
}

// activityShows are the kinds of entities a call's activity shows in: the contact or company, and the newest open or just created work; without either the
// closed one.
func activityShows(found []int, before []found, created int) []int {
	if created == 0 {
		return found
	}
	out := []int{created}
	person := false
	for _, f := range before {
		if f.typ == portal.Contact || f.typ == portal.Company {
			out, person = append(out, f.typ), true
		}
	}
	if created == portal.Deal && !person {
		out = append(out, portal.Contact) // made with the deal
	}
	return out
}

// T12, rows 1 to 9 against the portal, with certain filters of both kinds: by employee and by the scenario's last operation. In row 4 the call is the excluded
// employee's, or of the excluded operation, and nothing of it is anywhere; so it is in row 10 (TestFilteredCalls).
func TestRecordsOfCalls(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	filter := func(param, op, value string) []any {
		return []any{[]any{map[string]any{"param": param, "op": op, "values": []string{value}}}}
	}
	include, exclude, excluded := filter("employee", "include", "1002"), filter("employee", "exclude", "1003"), filter("employee", "exclude", "1002")
	const operation = "Распределение"
	through, past, refused := filter("last_operation", "include", operation), filter("last_operation", "exclude", "Меню"), filter("last_operation", "exclude", operation)
	none, leads := []any{}, 0
	for i, row := range []struct {
		row                 string
		send, when          bool
		filter              []any
		activity, recording bool
	}{
		{"1", true, false, none, true, true}, {"2", true, true, none, true, true}, {"3", true, true, include, true, true}, {"5", true, true, exclude, true, true},
		{"6", true, false, include, false, false}, {"7", true, false, exclude, false, false}, {"8", false, false, none, true, false}, {"9", false, false, include, false, false},
		{"3, operation", true, true, through, true, true}, {"5, operation", true, true, past, true, true}, {"6, operation", true, false, through, false, false},
		{"7, operation", true, false, past, false, false}, {"9, operation", false, false, past, false, false}, {"9, exclude", false, false, exclude, false, false},
		{"4", true, true, excluded, false, false}, {"4, operation", true, true, refused, false, false},
	} {
		c.save(func(s map[string]any) {
			s["records"] = map[string]any{"send": row.send, "with_filters": row.when}
			s["filter_on"], s["filter_inbound"] = len(row.filter) > 0, row.filter
		})
		phone := fmt.Sprintf("79005562%03d", i)
		session := c.play("answered", uisplatform.CallSpec{Contact: phone, Employee: caller, Operation: operation})
		c.quiet()
		if strings.HasPrefix(row.row, "4") {
			require.Empty(t, c.of(portal.Lead, phone), "row %s: nothing is created", row.row)
			require.Len(t, c.portal.Calls(), leads, "row %s: no call", row.row)
			continue
		}
		leads++
		require.Len(t, c.of(portal.Lead, phone), 1, "row %s: entities are created all the same", row.row)
		k := c.at(session)
		there := false
		for _, a := range c.portal.State().Activities {
			there = there || k.Activity != 0 && a.ID == k.Activity
		}
		require.Equal(t, row.activity, there, "row %s: the activity", row.row)
		require.Equal(t, row.recording, k.Record != "", "row %s: the recording", row.row)
	}
	c.w.clean()
}
