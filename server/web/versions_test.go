package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/account/directory"
	"omni/server/rules"
	"omni/server/settings"
)

// stocked gives the account what settings can name: stages, pipelines and fields of the first portal, numbers and sites of UIS, a channel.
func (c cabinet) stocked() cabinet {
	c.Helper()
	c.keep(firstPortal, directory.Stages, directory.Entry{ID: "lead:NEW", Data: map[string]any{"entity": "lead", "stage": "NEW"}},
		directory.Entry{ID: "deal:C1:NEW", Data: map[string]any{"entity": "deal", "pipeline": 1, "stage": "C1:NEW"}})
	c.keep(firstPortal, directory.Fields, directory.Entry{ID: "deal:UF_CRM_1", Data: map[string]any{"entity": "deal", "field": "UF_CRM_1", "text": true}},
		directory.Entry{ID: "deal:UF_CRM_DATE", Data: map[string]any{"entity": "deal", "field": "UF_CRM_DATE", "text": false}})
	c.keep(0, directory.Numbers, directory.Entry{ID: "74950000031"})
	c.keep(0, directory.Sites, directory.Entry{ID: "41"})
	c.sql(`INSERT INTO uis_channel (account_id, id, type, name, status, seen_at) VALUES ($1, 20, 'whatsapp', 'WhatsApp', 'active', now())`, int64(company))
	return c
}

// stored reads the settings as a page does.
func (c cabinet) stored() settings.Document {
	c.Helper()
	code, raw := c.call(http.MethodGet, "/settings", nil, "")
	require.Equal(c, http.StatusOK, code)
	doc, err := settings.Decode(raw)
	require.NoError(c, err)
	return doc
}

type versionRow struct {
	Version int               `json:"version"`
	SavedBy string            `json:"saved_by"`
	Diff    []settings.Change `json:"diff"`
}

func (c cabinet) versions(query string) ([]versionRow, *string) {
	c.Helper()
	code, raw := c.call(http.MethodGet, "/settings/versions"+query, nil, "")
	require.Equal(c, http.StatusOK, code, string(raw))
	var list struct {
		Items []versionRow
		Next  *string
	}
	require.NoError(c, json.Unmarshal(raw, &list))
	return list.Items, list.Next
}

// P4: of two saves on one version the second is told of the first, with both documents, and nothing of it is stored.
func TestTwoSavesOnOneVersion(t *testing.T) {
	t.Parallel()
	c := newCabinet(t)
	mine, theirs := working(), working()
	theirs.Telephony.CreateInbound = true
	code, wrong := c.put(theirs, 0)
	require.Equal(t, http.StatusOK, code, wrong)

	mine.Telephony.CreateOutbound = true
	body, err := json.Marshal(mine)
	require.NoError(t, err)
	code, raw := c.call(http.MethodPut, "/settings", body, `"0"`)
	require.Equal(t, http.StatusConflict, code)
	var conflict struct {
		Code          string
		Theirs, Yours settings.Document
	}
	require.NoError(t, json.Unmarshal(raw, &conflict))
	require.Equal(t, "settings_conflict", conflict.Code)
	require.Equal(t, 1, conflict.Theirs.Version)
	require.True(t, conflict.Theirs.Telephony.CreateInbound)
	require.True(t, conflict.Yours.Telephony.CreateOutbound)
	require.False(t, c.stored().Telephony.CreateOutbound)

	code, wrong = c.put(mine, 1)
	require.Equal(t, http.StatusOK, code, wrong)
	require.Equal(t, 2, c.stored().Version)
	code, _ = c.call(http.MethodPut, "/settings", body, "")
	require.Equal(t, http.StatusPreconditionRequired, code, "a save says on top of what")
	code, wrong = c.put(c.stored(), 2)
	require.Equal(t, http.StatusOK, code, wrong)
	require.Equal(t, 2, c.stored().Version, "a save that changes nothing makes no version")
}

// P4: versions say who changed what, page by page; an older one comes back as a new one, unless what it names is not there any more: then every field is named.
func TestVersionsAndRestore(t *testing.T) {
	t.Parallel()
	c := newCabinet(t).stocked()
	for version, minutes := range []int{10, 15, 20} {
		doc := working()
		doc.Telephony.ResponsibleLater, doc.Telephony.ResponsibleAfterMin = true, minutes
		if version == 0 {
			doc.Telephony.Funnel.LeadStage = id("NEW")
		}
		code, wrong := c.put(doc, version)
		require.Equal(t, http.StatusOK, code, wrong)
	}
	all, next := c.versions("")
	require.Nil(t, next)
	require.Len(t, all, 3)
	require.Equal(t, []int{3, 2, 1}, []int{all[0].Version, all[1].Version, all[2].Version})
	require.Equal(t, "Анна", all[0].SavedBy)
	require.Equal(t, []settings.Change{{Field: "/telephony/responsible_after_min", Before: json.RawMessage("15"), After: json.RawMessage("20")}}, all[0].Diff)

	var paged []versionRow
	query := "?limit=2"
	for pages := 1; ; pages++ {
		page, more := c.versions(query)
		paged = append(paged, page...)
		if more == nil {
			require.Equal(t, 2, pages)
			break
		}
		query = "?limit=2&cursor=" + *more
	}
	require.Equal(t, all, paged, "page by page it is the same list")

	code, raw := c.call(http.MethodPost, "/settings/versions/1/restore", nil, "")
	require.Equal(t, http.StatusOK, code, string(raw))
	now := c.stored()
	require.Equal(t, []any{4, 10, "NEW"}, []any{now.Version, now.Telephony.ResponsibleAfterMin, *now.Telephony.Funnel.LeadStage})

	c.sql(`UPDATE directory_entry SET gone_at = now() WHERE portal_id = $1 AND kind = 'stages' AND id = 'lead:NEW'`, firstPortal)
	c.keep(firstPortal, directory.Stages, directory.Entry{ID: "lead:OTHER", Data: map[string]any{"entity": "lead", "stage": "OTHER"}})
	c.sql(`UPDATE b24_user SET active = false WHERE portal_id = $1 AND id = 14`, firstPortal)
	code, raw = c.call(http.MethodPost, "/settings/versions/1/restore", nil, "")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Equal(t, []string{"/telephony/funnel/lead_stage gone", "/telephony/responsible_inbound gone"}, c.wrong(raw))
	require.Equal(t, 4, c.stored().Version, "a refused restore changes nothing")
	code, _ = c.call(http.MethodPost, "/settings/versions/77/restore", nil, "")
	require.Equal(t, http.StatusNotFound, code)
}

// filler writes values that are not the initial ones, and valid, into every field of a document. A field it does not know stops the test.
type filler struct {
	*testing.T
	texts   map[string]string
	numbers map[string]int64
}

func (f filler) fill(v reflect.Value, at string) {
	f.Helper()
	name := at[strings.LastIndex(at, "/")+1:]
	switch v.Interface().(type) {
	case rules.Filter:
		c := rules.Condition{Param: "site", Op: rules.Include, Values: []string{"41"}}
		if strings.HasSuffix(at, "filter_outbound") { // R2: a number or an employee
			c.Param, c.Values = "virtual_number", []string{"74950000031"}
		}
		v.Set(reflect.ValueOf(rules.Filter{{c}}))
		return
	case []string:
		v.Set(reflect.ValueOf([]string{"deal", "activity"}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case tag == "version" && at == "":
			case field.Anonymous:
				f.fill(v.Field(i), at)
			default:
				f.fill(v.Field(i), at+"/"+tag)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), at)
	case reflect.Slice:
		one := reflect.New(v.Type().Elem()).Elem()
		f.fill(one, at)
		v.Set(reflect.Append(reflect.MakeSlice(v.Type(), 0, 1), one))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]int{"20": 15}))
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		text, ok := f.texts[name]
		require.True(f, ok, "say what else %s may be", at)
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		number, ok := f.numbers[name]
		require.True(f, ok, "say what else %s may be", at)
		v.SetInt(number)
	default:
		require.Fail(f, "a kind of field this test does not know", at)
	}
}

// design section 12, issue 4: every field of the document is written and read again through the API alone.
func TestEveryFieldIsWrittenAndReadAgain(t *testing.T) {
	t.Parallel()
	c := newCabinet(t).stocked()
	f := filler{t, map[string]string{"talker": "last", "number": "74950000031", "direction": "out", "entity": "deal", "text": "Звонок {{name}}", "template": "От {{name}}", "lead_stage": "NEW",
		"deal_stage": "C1:NEW", "field": "UF_CRM_1", "param": "utm_source", "comment_priority": "both", "create_at": "end"},
		map[string]int64{"portal": firstPortal, "sync_only": 14, "responsible_after_min": 20, "pipeline": 1, "responsible_inbound": 14, "responsible_outbound": 14, "user": 14, "responsible": 14, "channels": 20}}
	doc := settings.Initial()
	f.fill(reflect.ValueOf(&doc).Elem(), "")
	doc.Chats.Repeat.Create, doc.Requests.Repeat.Create = []string{"activity"}, []string{"activity"} // C4: the priority of comments acts

	untouched := leaves(t, settings.Initial())
	changed := map[string]bool{}
	for _, change := range settings.Diff(settings.Initial(), doc) {
		changed[change.Field] = true
	}
	for pointer := range untouched {
		require.True(t, changed[pointer] || pointer == "/lines/auto_close_min", "%s has its initial value: this test says nothing of it", pointer)
	}
	code, wrong := c.put(doc, 0)
	require.Equal(t, http.StatusOK, code, wrong)
	code, raw := c.call(http.MethodGet, "/settings", nil, "")
	require.Equal(t, http.StatusOK, code)
	doc.Version = 1
	want, err := json.Marshal(doc)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(raw))
	require.Equal(t, doc, c.stored())
}

// leaves are the fields of a document by pointer.
func leaves(t *testing.T, doc settings.Document) map[string]bool {
	t.Helper()
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, json.Unmarshal(raw, &tree))
	delete(tree, "version")
	out := map[string]bool{}
	var walk func(at string, node any)
	walk = func(at string, node any) {
		group, ok := node.(map[string]any)
		if !ok || len(group) == 0 {
			out[at] = true
			return
		}
		for name, value := range group {
			walk(at+"/"+name, value)
		}
	}
	walk("", tree)
	return out
}

// issue 4, Must show 4: each bad input is refused with its field named, and nothing is stored.
func TestBadInputNamesItsField(t *testing.T) {
	t.Parallel()
	c := newCabinet(t).stocked()
	code, wrong := c.put(working(), 0)
	require.Equal(t, http.StatusOK, code, wrong)
	_, before := c.call(http.MethodGet, "/settings", nil, "")
	filter := func(param string, values ...string) any {
		return []any{[]any{map[string]any{"param": param, "op": "include", "values": values}}}
	}
	rows := []struct {
		name, pointer string
		value         any
		want          string
	}{
		{"unknown variable", "/chats/template", "Чат {{weather}}", "/chats/template variable"},
		{"a variable of another kind", "/requests/template", "{{call_session_id}}", "/requests/template variable"},
		{"deleted stage", "/telephony/funnel/lead_stage", "GONE", "/telephony/funnel/lead_stage gone"},
		{"missing default responsible", "/telephony/responsible_inbound", nil, "/telephony/responsible_inbound required"},
		{"a number of another account", "/telephony/click", map[string]any{"on": true, "number": "74950000099"}, "/telephony/click/number gone"},
		{"10,000 characters", "/chats/template", strings.Repeat("я", 10_000), "/chats/template long"},
		{"wrong type", "/telephony/responsible_after_min", "5", "/telephony/responsible_after_min type"},
		{"wrong type in a list", "/chats/channels", []any{20, "21"}, "/chats/channels/1 type"},
		{"unknown key", "/telephony/weather", true, "/telephony/weather unknown"},
		{"unknown key in a row", "/lines/fields", []any{map[string]any{"entity": "deal", "field": "UF_CRM_1", "param": "name", "colour": 1}}, "/lines/fields/0/colour unknown"},
		{"R2: a parameter that is not allowed here", "/telephony/filter_outbound", filter("site", "41"), "/telephony/filter_outbound/0/0/param not_here"},
		{"R1: a site that does not exist", "/chats/filter", filter("site", "99"), "/chats/filter/0/0/values/0 gone"},
		{"R7: a field that does not exist", "/telephony/fields", []any{map[string]any{"entity": "deal", "field": "UF_CRM_9", "param": "name"}}, "/telephony/fields/0/field gone"},
		{"R7: a field that holds no text, for calls", "/telephony/fields", []any{map[string]any{"entity": "deal", "field": "UF_CRM_DATE", "param": "name"}}, "/telephony/fields/0/field not_text"},
		{"two rules with the same conditions", "/telephony/responsibles", []any{map[string]any{"filter": filter("site", "41"), "user": 14}, map[string]any{"filter": filter("site", "41"), "user": 1}},
			"/telephony/responsibles/1/filter same_rule"},
		{"a user of another portal", "/telephony/responsible_outbound", 40, "/telephony/responsible_outbound gone"},
		{"a channel of nobody", "/chats/channels", []any{20, 21}, "/chats/channels/1 gone"},
		{"too many minutes", "/lines/auto_close_min", map[string]any{"20": 99999}, "/lines/auto_close_min/20 range"},
	}
	for _, row := range rows {
		var doc map[string]any
		require.NoError(t, json.Unmarshal(before, &doc))
		parts := strings.Split(row.pointer, "/")[1:]
		node := doc
		for _, part := range parts[:len(parts)-1] {
			node = node[part].(map[string]any)
		}
		node[parts[len(parts)-1]] = row.value
		body, err := json.Marshal(doc)
		require.NoError(t, err)
		code, raw := c.call(http.MethodPut, "/settings", body, strconv.Quote(fmt.Sprint(doc["version"])))
		require.Equal(t, http.StatusUnprocessableEntity, code, row.name)
		require.Equal(t, []string{row.want}, c.wrong(raw), row.name)
	}
	code, after := c.call(http.MethodGet, "/settings", nil, "")
	require.Equal(t, http.StatusOK, code)
	require.JSONEq(t, string(before), string(after), "nothing was stored")
}
