package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type item map[string]any

// list reads a directory as the cabinet does.
func (n *tenant) list(name string) []item {
	n.t.Helper()
	return decode[struct{ Items []item }](n.t, n.must("GET", "/directories/"+name, nil)).Items
}

// save puts a changed settings document and answers the status and the wrong fields.
func (n *tenant) save(change func(doc map[string]any)) (int, string) {
	n.t.Helper()
	doc := decode[map[string]any](n.t, n.must("GET", "/settings", nil))
	change(doc)
	body, err := json.Marshal(doc)
	require.NoError(n.t, err)
	code, answer := n.as(n.admin, "PUT", "/settings", raw{"application/json", body, map[string]string{"If-Match": fmt.Sprintf("%q", fmt.Sprint(doc["version"]))}})
	var wrong []string
	problem := decode[struct {
		Errors []struct{ Field, Code, Text string }
	}](n.t, answer)
	for _, e := range problem.Errors {
		require.NotEmpty(n.t, e.Text, "%s has a sentence", e.Field)
		wrong = append(wrong, e.Field+" "+e.Code)
	}
	return code, strings.Join(wrong, ", ")
}

// TestDirectoriesAndWrongSettings: what there is to choose from arrives by itself after the installation (U4); a document that names what is not there
// is refused with the field, and nothing is saved (R1–R7, T10, C5).
func TestDirectoriesAndWrongSettings(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	eventually(t, "the directories are read", func() bool { return len(n.list("stages")) > 0 && len(n.list("numbers")) > 0 })
	stages := map[string]bool{}
	for _, s := range n.list("stages") {
		stages[fmt.Sprintf("%v/%v/%v", s["entity"], s["pipeline"], s["id"])] = true
	}
	require.True(t, stages["lead/<nil>/NEW"] && stages["deal/0/NEW"], "%v", stages)
	require.EqualValues(t, 0, n.list("pipelines")[0]["id"])
	require.Equal(t, "74950000031", n.list("numbers")[0]["id"])
	for _, name := range []string{"sources", "fields", "groups", "sites", "campaigns", "scenarios", "tags", "variables", "parameters", "mode", "channels", "uis-employees", "b24-users", "departments"} {
		require.NotEmpty(t, n.list(name), name)
	}
	for _, p := range n.list("parameters") { // as the catalogue declares them (R2)
		if p["id"] == "employee" {
			require.Equal(t, []any{"include", "exclude"}, p["places"].(map[string]any)["inbound_filter"])
			require.NotContains(t, p["places"], "call_funnel")
			require.Equal(t, "uis-employees", p["directory"])
			require.Equal(t, "answer", p["known"].(map[string]any)["call"])
		}
	}
	eventually(t, "people have their department beside their name", func() bool {
		for _, u := range n.list("b24-users") {
			if u["department"] != "" {
				return true
			}
		}
		return false
	})
	code, _ := n.as(n.admin, "GET", "/directories/weather", nil)
	require.Equal(t, http.StatusNotFound, code)

	rows := []struct {
		name   string
		change func(doc map[string]any)
		want   string
	}{
		{"a deleted stage", func(d map[string]any) { section(section(d, "telephony"), "funnel")["lead_stage"] = "GONE" }, "/telephony/funnel/lead_stage gone"},
		{"a number of nobody", func(d map[string]any) {
			click := section(section(d, "telephony"), "click")
			click["on"], click["number"] = true, "74950009999"
		}, "/telephony/click/number gone"},
		{"missing default responsibles", func(d map[string]any) { section(d, "telephony")["enabled"] = true },
			"/telephony/responsible_inbound required, /telephony/responsible_outbound required"},
		{"an unknown variable", func(d map[string]any) { section(d, "chats")["template"] = "{{weather}}" }, "/chats/template variable"},
		{"a person who is not there", func(d map[string]any) { section(d, "chats")["create"], section(d, "chats")["responsible"] = true, 4711 }, "/chats/responsible gone"},
		{"a field that is not there", func(d map[string]any) {
			section(d, "lines")["fields"] = []any{field("lead", "UF_CRM_NOWHERE", "name", false)}
		}, "/lines/fields/0/field gone"},
		{"a site that is not there", func(d map[string]any) {
			section(d, "requests")["filter"] = []any{[]any{map[string]any{"param": "site", "op": "include", "values": []string{"41", "4141"}}}}
		}, "/requests/filter/0/0/values/1 gone"},
		{"an unknown key", func(d map[string]any) { section(d, "lines")["weather"] = 1 }, "/lines/weather unknown"},
		{"a wrong type", func(d map[string]any) { section(d, "main")["enabled"] = "yes" }, "/main/enabled type"},
		{"a parameter at the wrong place", func(d map[string]any) {
			section(d, "telephony")["filter_outbound"] = []any{[]any{map[string]any{"param": "site", "op": "include", "values": []string{"41"}}}}
		}, "/telephony/filter_outbound/0/0/param not_here"},
	}
	before := n.must("GET", "/settings", nil)
	for _, row := range rows {
		code, wrong := n.save(row.change)
		require.Equal(t, http.StatusUnprocessableEntity, code, row.name)
		require.Equal(t, row.want, wrong, row.name)
	}
	require.JSONEq(t, string(before), string(n.must("GET", "/settings", nil)), "nothing was saved")
	code, wrong := n.save(func(d map[string]any) {
		tel := section(d, "telephony")
		section(tel, "click")["number"] = "74950000031"
		section(tel, "funnel")["lead_stage"] = "NEW"
		tel["filter_inbound"] = []any{[]any{map[string]any{"param": "site", "op": "exclude", "values": []string{"41"}}}}
	})
	require.Equal(t, http.StatusOK, code, wrong)
	w.rest()
	w.clean()
}
