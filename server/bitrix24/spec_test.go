package bitrix24_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
)

// TestEveryMethodHasAWayToBeSettled: no writing method without an answer to "did it happen?".
func TestEveryMethodHasAWayToBeSettled(t *testing.T) {
	t.Parallel()
	for _, s := range bitrix24.Specs() {
		switch s.Mode {
		case bitrix24.CheckRead:
			require.Nil(t, s.Probe, s.Method)
			require.False(t, s.Writes(), s.Method)
		case bitrix24.CheckFind:
			require.NotNil(t, s.Probe, s.Method)
			require.NotNil(t, s.Judge, s.Method)
		case bitrix24.CheckSet, bitrix24.CheckPerson:
			require.Equal(t, s.Probe == nil, s.Judge == nil, s.Method)
		default:
			t.Errorf("%s has no mode", s.Method)
		}
		if s.Mode != bitrix24.CheckRead && readOnly(s.Method) || s.Mode == bitrix24.CheckRead && !readOnly(s.Method) {
			t.Errorf("%s is marked %s", s.Method, s.Mode)
		}
		found, ok := bitrix24.SpecOf(strings.ToUpper(s.Method))
		require.True(t, ok)
		require.Equal(t, s.Method, found.Method)
	}
	_, ok := bitrix24.SpecOf("crm.item.explode")
	require.False(t, ok)
}

// readOnly guesses from the name, independently of the table.
func readOnly(method string) bool {
	switch method {
	case "profile", "user.admin", "app.info", "scope", "server.time", "events", "methods", "user.current", "user.search", "imconnector.status", "timeman.status",
		"crm.duplicate.findbycomm", "crm.status.entity.types", "telephony.externalCall.searchCrmEntities", "imopenlines.crm.chat.getLastId":
		return true
	}
	return strings.HasSuffix(method, ".get") || strings.HasSuffix(method, ".list") || strings.HasSuffix(method, ".fields")
}

// TestProbesAreReads: checks are packed like any read.
func TestProbesAreReads(t *testing.T) {
	t.Parallel()
	params := json.RawMessage(`{"entityTypeId":2,"id":7,"fields":{"originatorId":"omni","originId":"u1","ORIGINATOR_ID":"omni","ORIGIN_ID":"u1","ENTITY_ID":5,"ENTITY_TYPE":"deal","COMMENT":"first",
		"OWNER_ID":3,"FIELD_NAME":"OMNI","fm":[{"typeId":"PHONE","value":"1"}]},"activityId":9,"entityId":5,"CALL_ID":"externalCall.1","NUMBER":"7900","CODE":"omni"}`)
	probed := 0
	for _, s := range bitrix24.Specs() {
		if s.Probe == nil {
			continue
		}
		call, ok := s.Probe(params, "u1")
		require.True(t, ok, s.Method)
		read, known := bitrix24.SpecOf(call.Method)
		require.True(t, known, "%s is checked by %s", s.Method, call.Method)
		require.Equal(t, bitrix24.CheckRead, read.Mode, call.Method)
		require.True(t, bitrix24.BatchSafe(call.Params), s.Method)
		probed++
		for _, nonsense := range []string{``, `null`, `"x"`, `{"error":"x"}`, `7`, `{"items":5}`, `{"item":[]}`} {
			finding, _ := s.Judge(params, "u1", json.RawMessage(nonsense))
			require.NotEqual(t, bitrix24.Found, finding, "%s takes %s for its effect", s.Method, nonsense)
		}
	}
	require.GreaterOrEqual(t, probed, 15)
}

// TestWhatCannotBeLookedUpHasNoProbe: without an origin there is nothing to look by, so no probe must pretend.
func TestWhatCannotBeLookedUpHasNoProbe(t *testing.T) {
	t.Parallel()
	for method, params := range map[string]string{
		"crm.item.add":                  `{"entityTypeId":2,"fields":{"title":"x"}}`,
		"crm.activity.add":              `{"fields":{"SUBJECT":"x"}}`,
		"crm.activity.configurable.add": `{"fields":{"typeId":"CONFIGURABLE"}}`,
		"crm.timeline.comment.add":      `{"fields":{"ENTITY_ID":5,"ENTITY_TYPE":"deal","COMMENT":"  "}}`,
		"crm.item.update":               `{"entityTypeId":2,"id":7,"fields":{"title":"x"}}`,
		"telephony.externalCall.finish": `{}`,
	} {
		s, _ := bitrix24.SpecOf(method)
		for _, p := range []string{params, `null`, `[]`, ``} {
			_, ok := s.Probe(json.RawMessage(p), "u1")
			require.False(t, ok, "%s %s", method, p)
		}
	}
}

const comment = "Чат 5, сообщения 1–3"

// TestJudges: found, absent and undecided for each effect (the table of how each effect is checked).
func TestJudges(t *testing.T) {
	t.Parallel()
	const found, absent, undecided = bitrix24.Found, bitrix24.Absent, bitrix24.Undecided
	for _, c := range []struct {
		method, params, answer string
		finding                bitrix24.Finding
		result                 string
	}{
		{"crm.item.add", `{"entityTypeId":2,"fields":{"originId":"u1"}}`, `{"items":[{"id":"7","originId":"u1"}]}`, found, `{"item":{"id":7}}`},
		{"crm.item.add", `{"entityTypeId":2,"fields":{"originId":"u1"}}`, `{"items":[]}`, absent, ``},
		{"crm.item.add", `{"entityTypeId":2,"fields":{"originId":"u1"}}`, `{"items":[{"id":8,"originId":"u2"}]}`, undecided, ``},
		{"crm.item.add", `{"entityTypeId":2,"fields":{"originId":"u1"}}`, `[]`, undecided, ``},

		{"crm.item.update", `{"entityTypeId":3,"id":7,"fields":{"fm":[{"typeId":"PHONE","value":"+7 900 000-00-01"}]}}`, `{"item":{"id":7,"fm":{"12":{"typeId":"PHONE","value":"79000000001"}}}}`, found, `{"item":{"id":7,"fm":{"12":{"typeId":"PHONE","value":"79000000001"}}}}`},
		{"crm.item.update", `{"entityTypeId":3,"id":7,"fields":{"fm":{"n0":{"typeId":"EMAIL","value":"A@b.example"}}}}`, `{"item":{"fm":[{"typeId":"EMAIL","value":"a@b.example"}]}}`, found, `{"item":{"fm":[{"typeId":"EMAIL","value":"a@b.example"}]}}`},
		{"crm.item.update", `{"entityTypeId":3,"id":7,"fields":{"fm":[{"typeId":"PHONE","value":"1"},{"typeId":"PHONE","value":"2"}]}}`, `{"item":{"fm":[{"typeId":"PHONE","value":"1"}]}}`, absent, ``},
		{"crm.item.update", `{"entityTypeId":3,"id":7,"fields":{"fm":[{"typeId":"PHONE","value":"1"}]}}`, `{"item":{"fm":[]}}`, absent, ``},
		{"crm.item.update", `{"entityTypeId":3,"id":7,"fields":{"fm":[{"typeId":"PHONE","value":"1"}]}}`, `{"item":{"id":7}}`, undecided, ``},

		{"crm.timeline.comment.add", `{"fields":{"ENTITY_ID":5,"ENTITY_TYPE":"deal","COMMENT":"` + comment + `\n10:00 привет"}}`, `[{"ID":"31","COMMENT":"other"},{"ID":"30","COMMENT":"` + comment + `\r\n10:00 привет"}]`, found, `30`},
		{"crm.timeline.comment.add", `{"fields":{"ENTITY_ID":5,"ENTITY_TYPE":"deal","COMMENT":"` + comment + `"}}`, `[{"ID":"31","COMMENT":"` + comment + ` и 4"}]`, absent, ``},
		{"crm.timeline.comment.add", `{"fields":{"ENTITY_ID":5,"ENTITY_TYPE":"deal","COMMENT":"` + comment + `"}}`, `[]`, absent, ``},
		{"crm.timeline.comment.add", `{"fields":{"ENTITY_ID":5,"ENTITY_TYPE":"deal","COMMENT":"` + comment + `"}}`, fifty(60, -1), absent, ``},
		{"crm.timeline.comment.add", `{"fields":{"ENTITY_ID":5,"ENTITY_TYPE":"deal","COMMENT":"` + comment + `"}}`, fifty(1, +1), undecided, ``},

		{"crm.activity.add", `{"fields":{"ORIGIN_ID":"u1"}}`, `[{"ID":"9","ORIGIN_ID":"u1"}]`, found, `9`},
		{"crm.activity.configurable.add", `{"fields":{"originId":"u1"}}`, `[{"ID":"9","ORIGIN_ID":"u1"}]`, found, `{"activity":{"id":9}}`},
		{"crm.activity.add", `{"fields":{"ORIGIN_ID":"u1"}}`, `[]`, absent, ``},
		{"crm.activity.add", `{"fields":{"ORIGIN_ID":"u1"}}`, `[{"ID":"9","ORIGIN_ID":"u2"}]`, undecided, ``},

		{"crm.activity.binding.add", `{"activityId":9,"entityTypeId":2,"entityId":5}`, `[{"entityTypeId":2,"entityId":"5"}]`, found, `true`},
		{"crm.activity.binding.add", `{"activityId":9,"entityTypeId":2,"entityId":5}`, `[{"entityTypeId":3,"entityId":5}]`, absent, ``},
		{"crm.timeline.bindings.bind", `{"fields":{"OWNER_ID":3,"ENTITY_ID":5,"ENTITY_TYPE":"deal"}}`, `[{"OWNER_ID":3,"ENTITY_ID":5,"ENTITY_TYPE":"deal"}]`, found, `true`},
		{"crm.timeline.bindings.bind", `{"fields":{"OWNER_ID":3,"ENTITY_ID":5,"ENTITY_TYPE":"deal"}}`, `[{"OWNER_ID":3,"ENTITY_ID":5,"ENTITY_TYPE":"lead"}]`, absent, ``},

		{"event.bind", `{"event":"onCrmLeadAdd","handler":"https://omni.example/e"}`, `[{"event":"ONCRMLEADADD","handler":"https://omni.example/e","auth_type":"0","offline":0}]`, found, `true`},
		{"event.bind", `{"event":"onCrmLeadAdd","handler":"https://omni.example/e"}`, `[{"event":"ONCRMLEADADD","handler":"https://old.example/e"}]`, absent, ``},
		{"placement.bind", `{"PLACEMENT":"LEFT_MENU","HANDLER":"https://omni.example/p"}`, `[{"placement":"LEFT_MENU","userId":0,"handler":"https://omni.example/p","options":[]}]`, found, `true`},
		{"placement.bind", `{"PLACEMENT":"PAGE_BACKGROUND_WORKER","HANDLER":"https://omni.example/p","USER_ID":7}`, `[{"placement":"PAGE_BACKGROUND_WORKER","userId":0,"handler":"https://omni.example/p"}]`, absent, ``},
		{"bizproc.robot.add", `{"CODE":"omni_send"}`, `["other","omni_send"]`, found, `true`},
		{"bizproc.robot.add", `{"CODE":"omni_send"}`, `[]`, absent, ``},

		{"crm.deal.userfield.add", `{"fields":{"FIELD_NAME":"omni_first","USER_TYPE_ID":"string"}}`, `[{"ID":"44","FIELD_NAME":"UF_CRM_OMNI_FIRST"}]`, found, `44`},
		{"crm.deal.userfield.add", `{"fields":{"FIELD_NAME":"UF_CRM_OMNI_FIRST"}}`, `[{"ID":"45","FIELD_NAME":"UF_CRM_OMNI_FIRST_2"}]`, absent, ``},

		{"telephony.externalLine.add", `{"NUMBER":"74950000000"}`, `[{"NUMBER":"74950000000","NAME":"","CRM_AUTO_CREATE":"N"}]`, found, `{"NUMBER":"74950000000","NAME":"","CRM_AUTO_CREATE":"N"}`},
		{"telephony.externalLine.add", `{"NUMBER":"74950000000"}`, `[]`, absent, ``},
		{"telephony.externalCall.finish", `{"CALL_ID":"externalCall.1"}`, `[{"ID":"7","CALL_ID":"externalCall.1","CRM_ACTIVITY_ID":"55"}]`, found, `{"ID":"7","CALL_ID":"externalCall.1","CRM_ACTIVITY_ID":"55"}`},
		{"telephony.externalCall.finish", `{"CALL_ID":"externalCall.1"}`, `[]`, absent, ``},
	} {
		s, ok := bitrix24.SpecOf(c.method)
		require.True(t, ok, c.method)
		finding, result := s.Judge(json.RawMessage(c.params), "u1", json.RawMessage(c.answer))
		require.Equal(t, c.finding, finding, "%s %s", c.method, c.answer)
		if c.result == "" {
			require.Empty(t, result, c.method)
		} else {
			require.JSONEq(t, c.result, string(result), c.method)
		}
	}
}

// fifty is a full page of foreign comments.
func fifty(first, step int) string {
	rows := make([]map[string]any, 50)
	for i := range rows {
		rows[i] = map[string]any{"ID": first + i*step, "COMMENT": "other"}
	}
	raw, err := json.Marshal(rows)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func TestErrorsThatProveTheEffect(t *testing.T) {
	t.Parallel()
	for method, words := range map[string]string{
		"telephony.externalCall.finish": "Call is not found (call should be registered prior to finishing)",
		"event.bind":                    "Unable to set event handler: Handler already binded",
		"placement.bind":                "Unable to set placement handler: Handler already binded",
		"telephony.externalLine.add":    "Line already exists",
	} {
		s, _ := bitrix24.SpecOf(method)
		require.True(t, s.ProvesDone(&bitrix24.Error{HTTP: 400, Code: "ERROR_CORE", Description: words}), method)
		require.False(t, s.ProvesDone(&bitrix24.Error{HTTP: 400, Code: "ERROR_CORE", Description: "Unknown"}), method)
		require.False(t, s.ProvesDone(nil), method)
	}
	s, _ := bitrix24.SpecOf("crm.item.add")
	require.False(t, s.ProvesDone(&bitrix24.Error{HTTP: 400, Code: "NOT_FOUND"}))
}

func TestFilesTravelAlone(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"telephony.externalCall.attachRecord", "im.v2.File.upload"} {
		s, ok := bitrix24.SpecOf(method)
		require.True(t, ok)
		require.True(t, s.Alone, method)
	}
}

// TestTailOfADialog: the dialog's messages decide, also for equal texts (how imconnector.send.messages is checked).
func TestTailOfADialog(t *testing.T) {
	t.Parallel()
	history := func(texts ...string) json.RawMessage {
		messages := map[string]any{"90": map[string]any{"id": "90", "senderId": "1", "text": "operator"}}
		for i, text := range texts {
			id := 100 + i
			messages[strconv.Itoa(id)] = map[string]any{"id": id, "senderId": "585", "text": text}
		}
		raw, err := json.Marshal(map[string]any{"chatId": 1, "message": messages, "users": map[string]any{"1": map[string]any{"id": "1"}, "585": map[string]any{"id": "585", "connector": true}}})
		require.NoError(t, err)
		return raw
	}
	list := func(texts ...string) []string { return append([]string{}, texts...) }
	for name, c := range map[string]struct {
		before, sent []string
		answer       json.RawMessage
		want         bitrix24.Finding
	}{
		"new dialog, there":            {list(), list("hi"), history("hi"), bitrix24.Found},
		"new dialog, not there":        {list(), list("hi"), history(), bitrix24.Absent},
		"later, there":                 {list("hi"), list("price?"), history("hi", "price?"), bitrix24.Found},
		"later, not there":             {list("hi"), list("price?"), history("hi"), bitrix24.Absent},
		"equal texts, there":           {list("hi", "ok"), list("ok"), history("hi", "ok", "ok"), bitrix24.Found},
		"equal texts, not there":       {list("hi", "ok"), list("ok"), history("hi", "ok"), bitrix24.Absent},
		"only equal texts":             {list("ok"), list("ok"), history("ok"), bitrix24.Undecided},
		"several at once":              {list("a"), list("b", "c"), history("a", "b", "c"), bitrix24.Found},
		"half of several":              {list("a"), list("b", "c"), history("a", "b"), bitrix24.Undecided},
		"history of one session":       {list("old", "a"), list("b"), history("a", "b"), bitrix24.Found},
		"line breaks":                  {list("a"), list("b\nc"), history("a", "b[br]c"), bitrix24.Found},
		"something else came":          {list("a"), list("b"), history("a", "x"), bitrix24.Undecided},
		"nothing known":                {nil, list("b"), history("b"), bitrix24.Undecided},
		"nothing sent":                 {list("a"), nil, history("a"), bitrix24.Undecided},
		"no users in the answer":       {list("a"), list("b"), json.RawMessage(`{"message":{"1":{"id":1,"senderId":5,"text":"a"}}}`), bitrix24.Undecided},
		"the client is not recognised": {list("a"), list("b"), json.RawMessage(`{"message":{"1":{"id":1,"senderId":5,"text":"a"}},"users":{"5":{"id":5}}}`), bitrix24.Undecided},
		"an error":                     {list("a"), list("b"), json.RawMessage(`false`), bitrix24.Undecided},
	} {
		require.Equal(t, c.want, bitrix24.JudgeTail(c.before, c.sent, c.answer), name)
	}
}

func TestLineAnswers(t *testing.T) {
	t.Parallel()
	rows, err := bitrix24.DecodeLineMessages(json.RawMessage(`{"SUCCESS":true,"DATA":{"RESULT":[
		{"user":"585","message":{"id":"m1","date":{},"files":[]},"chat":{"id":"c1"},"SUCCESS":true,"session":{"ID":"323","CHAT_ID":"1767"}},
		{"SUCCESS":false,"ERRORS":["no"],"session":[]}]}}`))
	require.NoError(t, err, "an empty session comes as []")
	require.Len(t, rows, 2)
	require.True(t, bool(rows[0].OK))
	require.Equal(t, []int64{585, 323, 1767}, []int64{int64(rows[0].User), int64(rows[0].Session.ID), int64(rows[0].Session.ChatID)})
	require.False(t, bool(rows[1].OK))
	require.Equal(t, "no", string(rows[1].Errors[0]))

	require.NoError(t, bitrix24.DecodeRegister("imconnector.register", json.RawMessage(`{"result":true}`)))
	err = bitrix24.DecodeRegister("imconnector.register", json.RawMessage(`{"result":false,"error":"ICON_REQUIRED","error_description":"x"}`))
	require.ErrorIs(t, err, bitrix24.ErrInvalid)
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	call := bitrix24.FindByComm("PHONE", bitrix24.Contact, "+79000000001")
	require.JSONEq(t, `{"type":"PHONE","entity_type":"CONTACT","values":["+79000000001"]}`, asJSON(t, call.Params))
	require.NotContains(t, bitrix24.FindByComm("EMAIL", 0, "a@b.example").Params, "entity_type")
	hits, err := bitrix24.DecodeFound(json.RawMessage(`{"CONTACT":[275,"2297"],"LEAD":[11]}`))
	require.NoError(t, err)
	require.Equal(t, map[bitrix24.EntityType][]int64{bitrix24.Contact: {275, 2297}, bitrix24.Lead: {11}}, hits)
	hits, err = bitrix24.DecodeFound(json.RawMessage(`[]`))
	require.NoError(t, err)
	require.Empty(t, hits)
}
