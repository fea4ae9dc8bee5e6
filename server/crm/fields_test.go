package crm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/crm"
	"omni/server/outbox"
	"omni/server/rules"
)

func rows() []rules.Mapping {
	return []rules.Mapping{
		{Entity: "lead", Field: "UF_CRM_1", Param: "utm_source"},
		{Entity: "lead", Field: "ufCrm1_167", Param: "name", Always: true},
		{Entity: "deal", Field: "UTM_SOURCE", Param: "utm_source"},
		{Entity: "deal", Field: "UF_CRM_GONE", Param: "name"},
		{Entity: "contact", Field: "UF_CRM_LIST", Param: "name", Always: true},
	}
}

func mappings() crm.Mappings {
	return crm.MappingsOf(rows(), map[string]crm.Field{"deal:UF_CRM_GONE": {Gone: true}, "contact:UF_CRM_LIST": {Multiple: true}})
}

// R7: a row writes to its own kind, an empty value nothing; names are those of crm.item.* whichever way the settings spell them.
func TestFieldsGiven(t *testing.T) {
	t.Parallel()
	m := mappings()
	given := m.Given(map[string]string{"utm_source": "yandex", "name": "Анна"})
	require.Equal(t, map[crm.EntityType]map[string]string{
		crm.Lead: {"UF_CRM_1": "yandex", "UF_CRM_1_167": "Анна"}, crm.Deal: {"utmSource": "yandex"}, crm.Contact: {"UF_CRM_LIST": "Анна"}}, given)
	require.Equal(t, map[string]any{"UF_CRM_LIST": []string{"Анна"}}, m.WireAll(given)[crm.Contact], "a field of several values takes a list")
	require.Empty(t, m.Given(map[string]string{"utm_source": ""}))
	require.True(t, crm.MappingsOf(nil, nil).Empty())
	for spelled, name := range map[string]string{"UF_CRM_A1": "lead:UF_CRM_A1", "utmSource": "lead:utmSource", "UTM_SOURCE": "lead:utmSource", "COMMENTS": "lead:comments",
		"ufCrmUisChat": "lead:UF_CRM_UIS_CHAT", "ufCrm5": "lead:UF_CRM_5", "ufCrm_1": "lead:UF_CRM_1"} {
		require.Equal(t, name, crm.FieldID("lead", spelled))
	}
}

// R7a: what a later value changes, in an entity the communication made and in one that was there.
func TestFieldsNews(t *testing.T) {
	t.Parallel()
	m := mappings()
	for name, row := range map[string]struct {
		created       bool
		given, values map[string]string
		want          map[string]string
	}{
		"made: filled later":      {true, nil, map[string]string{"utm_source": "a", "name": "Б"}, map[string]string{"UF_CRM_1": "a", "UF_CRM_1_167": "Б"}},
		"made: off is kept":       {true, map[string]string{"UF_CRM_1": "a", "UF_CRM_1_167": "Б"}, map[string]string{"utm_source": "new", "name": "Б"}, map[string]string{}},
		"made: always follows":    {true, map[string]string{"UF_CRM_1": "a", "UF_CRM_1_167": "Б"}, map[string]string{"utm_source": "new", "name": "В"}, map[string]string{"UF_CRM_1_167": "В"}},
		"made: empty no clearing": {true, map[string]string{"UF_CRM_1_167": "Б"}, map[string]string{"name": ""}, map[string]string{}},
		"there: off is left":      {false, nil, map[string]string{"utm_source": "a"}, map[string]string{}},
		"there: always":           {false, nil, map[string]string{"utm_source": "a", "name": "Б"}, map[string]string{"UF_CRM_1_167": "Б"}},
		"there: the same again":   {false, map[string]string{"UF_CRM_1_167": "Б"}, map[string]string{"name": "Б"}, map[string]string{}},
	} {
		require.Equal(t, row.want, m.News(crm.Lead, row.created, row.given, row.values), name)
	}
}

func fieldsIn(t *testing.T, list []outbox.Command, name string) map[string]any {
	t.Helper()
	for _, c := range list {
		if c.Name == name {
			params, ok := c.Params.(map[string]any)
			require.True(t, ok)
			if c.Kind == "crm.item.add" {
				require.Equal(t, "Y", params["useOriginalUfNames"])
			}
			fields, ok := params["fields"].(map[string]any)
			require.True(t, ok)
			return fields
		}
	}
	t.Fatalf("no command %s", name)
	return nil
}

// R7, R7c: what is created carries the extra fields of its kind and the communication's id, and keeps what the product fills itself.
func TestCreatedCarriesFields(t *testing.T) {
	t.Parallel()
	need := crm.Need{Ref: "call:5", Call: &crm.CallPolicy{Source: "номер"}, Facts: crm.Facts{Name: "Анна"}, Fields: map[crm.EntityType]map[string]any{
		crm.Deal:    {"UF_CRM_1": "x", "title": "no", "sourceDescription": "yes"},
		crm.Contact: {"utmSource": "y", "name": "no"},
	}}
	list := crm.CarryOut(need, crm.Decision{Create: []crm.EntityType{crm.Contact, crm.Deal}}, "lead", "deal")
	deal, contact := fieldsIn(t, list, "deal"), fieldsIn(t, list, "contact")
	require.Equal(t, []any{"x", "Анна", "yes", "call:5"}, []any{deal["UF_CRM_1"], deal["title"], deal["sourceDescription"], deal[rules.FirstIDField]})
	require.Equal(t, []any{"y", "Анна", "номер", nil}, []any{contact["utmSource"], contact["name"], contact["sourceDescription"], contact[rules.FirstIDField]},
		"the portal has no such field on contacts")
}

// R7c: existing entities of the communication get its id while they have none, on kinds that have the field, and once.
func TestUnnamed(t *testing.T) {
	t.Parallel()
	contact, deal, company := made(crm.Contact, 1, "", 0), made(crm.Deal, 2, "P", 0), made(crm.Company, 3, "", 0)
	named := deal
	named.FirstID = "chat:1"
	all := []string{"lead", "deal", "contact", "company"}
	require.Equal(t, []crm.Ref{{Type: crm.Contact, ID: 1}, {Type: crm.Deal, ID: 2}}, crm.Unnamed(crm.Decision{Joined: []crm.Entity{contact, deal}, Contact: &contact}, nil, all...))
	require.Equal(t, []crm.Ref{{Type: crm.Contact, ID: 1}}, crm.Unnamed(crm.Decision{Joined: []crm.Entity{contact, named}}, nil, all...))
	require.Equal(t, []crm.Ref{{Type: crm.Company, ID: 3}}, crm.Unnamed(crm.Decision{Company: &company}, nil, all...))
	require.Empty(t, crm.Unnamed(crm.Decision{Joined: []crm.Entity{contact, deal}}, []crm.Ref{contact.Ref}, "lead", "contact"), "one on its way counts")
}

// A refusal with extra fields: the same once more without them, tied to what stands, and no third time.
func TestPlanWithoutFields(t *testing.T) {
	t.Parallel()
	need := crm.Need{Ref: "chat:5", Facts: crm.Facts{Name: "Анна"}, Fields: map[crm.EntityType]map[string]any{crm.Deal: {"UF_CRM_1": "x"}}}
	a := crm.NewAttempt(need, crm.Decision{Create: []crm.EntityType{crm.Contact, crm.Deal, crm.Activity}}, "deal")
	done := outbox.Result{State: "done", Result: []byte(`{"item":{"id":11}}`)}
	refused := map[string]outbox.Result{"contact": done, "deal": {State: "refused"}, "activity": {State: "cancelled"}}
	list, again := a.PlanPlainly(refused)
	require.True(t, again)
	require.Len(t, list, 2)
	deal := fieldsIn(t, list, "deal")
	require.Equal(t, []any{int64(11)}, deal["contactIds"])
	require.Nil(t, deal["UF_CRM_1"])
	require.Nil(t, deal[rules.FirstIDField])
	_, again = a.PlanPlainly(refused)
	require.False(t, again)
	_, again = crm.NewAttempt(crm.Need{}, crm.Decision{Create: []crm.EntityType{crm.Deal}}).PlanPlainly(refused)
	require.False(t, again, "nothing of people's was in it")
	_, again = crm.NewAttempt(need, crm.Decision{Create: []crm.EntityType{crm.Activity}}).PlanPlainly(map[string]outbox.Result{"activity": {State: "refused"}})
	require.False(t, again, "activities carry none")
}
