package telephony

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/account/directory"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/rules"
)

// The values of a call by its moments: what UIS tells before it means anything does not count (R7).
func TestFieldValues(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 2, 7, 15, 0, 0, time.UTC)
	told := map[string]string{"utm_source": "yandex", "talk_time_duration": "0", "employee_full_name": "Звонят", "is_lost": "false"}
	persons := map[ids.UISEmployeeID]directory.Person{1: {Name: "Первая", Email: "1@x"}, 2: {Name: "Вторая", Email: "2@x"}}
	moscow := time.FixedZone("", 3*3600)
	values := func(f Facts) map[string]string {
		return rules.Told(endOf(&f, persons, moscow, told), rules.Call, momentOf(&f))
	}

	ring := values(Facts{Direction: In, StartedAt: start})
	require.Equal(t, map[string]string{"utm_source": "yandex", "start_time": "2026-03-02 10:15:00"}, ring)

	talks := map[string]*Talk{"a": {Employee: 1, From: start.Add(5 * time.Second), To: start.Add(15 * time.Second), Seconds: 10, Leg: 1},
		"b": {Employee: 2, From: start.Add(20 * time.Second), To: start.Add(50 * time.Second), Seconds: 30, Leg: 2}}
	end := values(Facts{Direction: In, StartedAt: start, EndedAt: start.Add(time.Minute), Talks: talks, Waited: 5})
	require.Equal(t, []string{"40", "5", "false", "Первая", "Вторая", "Вторая", "2@x", "2026-03-02 10:16:00"}, []string{end["talk_time_duration"], end["wait_time_duration"], end["is_lost"],
		end["first_talked_employee_full_name"], end["last_talked_employee_full_name"], end["employee_full_name"], end["employee_email"], end["finish_time"]})

	missed := values(Facts{Direction: In, StartedAt: start, EndedAt: start.Add(time.Minute)})
	require.Equal(t, "true", missed["is_lost"])
	require.NotContains(t, missed, "employee_full_name", "whom it only rang took no call")
}

// R7a: the one entity is the first of what was there; what the call made is none of it.
func TestTied(t *testing.T) {
	t.Parallel()
	contact, deal, lead := crm.Ref{Type: crm.Contact, ID: 1}, crm.Ref{Type: crm.Deal, ID: 2}, crm.Ref{Type: crm.Lead, ID: 3}
	for name, row := range map[string]struct {
		answer crm.CallAnswer
		want   crm.Ref
	}{
		"contact before deal":   {crm.CallAnswer{Bind: []crm.Ref{contact, deal}}, contact},
		"a lead alone":          {crm.CallAnswer{Bind: []crm.Ref{lead}}, lead},
		"contact and a new one": {crm.CallAnswer{Bind: []crm.Ref{contact, deal}, Created: []crm.Owned{{Ref: deal}}}, contact},
		"all are new":           {crm.CallAnswer{Bind: []crm.Ref{contact, deal}, Created: []crm.Owned{{Ref: contact}, {Ref: deal}}}, crm.Ref{}},
		"nothing":               {crm.CallAnswer{}, crm.Ref{}},
	} {
		ref, there := tied(&row.answer)
		require.Equal(t, row.want, ref, name)
		require.Equal(t, row.want != crm.Ref{}, there, name)
	}
}

// An update that carried fields and the responsible and was refused leaves the entity to its responsible all the same.
func TestResponsibleDoesNotHangOnFields(t *testing.T) {
	t.Parallel()
	turn := &turn{call: &Call{ID: 5, Portal: 1}, key: ids.CallKey(5)}
	lead, deal := crm.Ref{Type: crm.Lead, ID: 3}, crm.Ref{Type: crm.Deal, ID: 4}
	c := changes{}
	c.put(lead, "assignedById", int64(7))
	c.put(lead, "UF_CRM_1", "x")
	c.put(deal, "assignedById", int64(7))
	turn.write(c)
	require.Len(t, turn.out.Commands, 2, "one update per entity")
	turn.assignAlone("lead:3")
	turn.assignAlone("deal:4")
	require.Len(t, turn.out.Commands, 3, "a deal's update carried nothing else")
	require.Equal(t, updateOf(lead, map[string]any{"assignedById": int64(7)}), turn.out.Commands[2].Params)
}
