package telephony

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/crm"
	"omni/server/outbox"
	"omni/server/rules"
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
