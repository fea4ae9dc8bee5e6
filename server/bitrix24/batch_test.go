package bitrix24_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
)

func commands(n int) []bitrix24.Command {
	out := make([]bitrix24.Command, n)
	for i := range out {
		out[i] = bitrix24.Command{Key: fmt.Sprintf("c%d", i), Call: bitrix24.Call{Method: "crm.item.get", Params: bitrix24.Params{"id": i}}}
	}
	return out
}

// TestBatchKeepsTheOrderOfItsCommands: the portal runs them in the order of the keys as they stand in the body, so c10 must not come before c2.
func TestBatchKeepsTheOrderOfItsCommands(t *testing.T) {
	t.Parallel()
	var order []string
	client, to := portalServer(t, bitrix24.Options{}, func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Halt int             `json:"halt"`
			Cmd  json.RawMessage `json:"cmd"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		d := json.NewDecoder(bytesReader(body.Cmd))
		_, _ = d.Token()
		for d.More() {
			key, _ := d.Token()
			line, _ := d.Token()
			order = append(order, fmt.Sprint(key, " ", line))
		}
		_, _ = io.WriteString(w, `{"result":{"result":[],"result_error":[],"result_total":[],"result_next":[],"result_time":[]}}`)
	})
	_, err := client.Batch(t.Context(), to, commands(50), false)
	require.NoError(t, err)
	require.Len(t, order, 50)
	for i, line := range order {
		require.Equal(t, fmt.Sprintf("c%d crm.item.get?id=%d", i, i), line)
	}
}

func TestBatchAnswers(t *testing.T) {
	t.Parallel()
	client, to := portalServer(t, bitrix24.Options{}, answers(200, `{"result":{
		"result":{"c0":{"item":{"id":5}},"c1":null,"c2":[]},
		"result_error":{"c3":{"error":"NOT_FOUND","error_description":"gone"},"c4":{"error":100,"error_description":"Access denied.","argument":"id"},"c6":"odd"},
		"result_total":{"c2":"7"},"result_next":{"c2":50},"result_time":{"c0":{"duration":0.5,"operating":1.5,"operating_reset_at":1790000600}}},
		"time":{"duration":2}}`))
	answer, err := client.Batch(t.Context(), to, commands(7), false)
	require.NoError(t, err)
	require.JSONEq(t, `{"item":{"id":5}}`, string(answer.Results["c0"].Result))
	require.InDelta(t, 1.5, answer.Results["c0"].Time.Operating, 0)
	require.InDelta(t, 2, answer.Time.Duration, 0)
	require.JSONEq(t, `null`, string(answer.Results["c1"].Result), "null is an answer: crm.timeline.comment.delete gives it")
	require.Equal(t, 7, *answer.Results["c2"].Total)
	require.Equal(t, 50, *answer.Results["c2"].Next)
	require.Nil(t, answer.Results["c0"].Next)
	require.ErrorIs(t, answer.Errors["c3"], bitrix24.ErrNotFound)
	require.Equal(t, bitrix24.NotExecuted, answer.Errors["c3"].Executed())
	require.ErrorIs(t, answer.Errors["c4"], bitrix24.ErrAccessDenied)
	require.Equal(t, "id", answer.Errors["c4"].Argument)
	require.ErrorIs(t, answer.Errors["c5"], bitrix24.ErrNoAnswer, "a command the portal says nothing about")
	require.Equal(t, bitrix24.Unknown, answer.Errors["c5"].Executed())
	require.Contains(t, answer.Errors["c6"].Description, "odd")
	require.Len(t, answer.Results, 3)
	require.Len(t, answer.Errors, 4)
}

// TestBatchOfNumericKeys: PHP writes keys 0, 1, 2 as a list.
func TestBatchOfNumericKeys(t *testing.T) {
	t.Parallel()
	client, to := portalServer(t, bitrix24.Options{}, answers(200, `{"result":{"result":[11,12],"result_error":[],"result_total":[],"result_next":[],"result_time":[{"duration":1},{"duration":2}]}}`))
	list := commands(2)
	list[0].Key, list[1].Key = "0", "1"
	answer, err := client.Batch(t.Context(), to, list, false)
	require.NoError(t, err)
	require.Equal(t, "12", string(answer.Results["1"].Result))
	require.InDelta(t, 2, answer.Results["1"].Time.Duration, 0)
}

func TestBatchThatHalts(t *testing.T) {
	t.Parallel()
	body := `{"result":{"result":{"c0":1},"result_error":{"c1":{"error":"ERROR_CORE","error_description":"x"}}}}`
	client, to := portalServer(t, bitrix24.Options{}, answers(200, body))
	answer, err := client.Batch(t.Context(), to, commands(3), true)
	require.NoError(t, err)
	require.ErrorIs(t, answer.Errors["c2"], bitrix24.ErrNotReached)
	require.Equal(t, bitrix24.NotExecuted, answer.Errors["c2"].Executed())

	answer, err = client.Batch(t.Context(), to, commands(3), false)
	require.NoError(t, err)
	require.ErrorIs(t, answer.Errors["c2"], bitrix24.ErrNoAnswer, "without halt the portal goes on after a failure, so silence means nothing")
}

func TestBatchFailsWhole(t *testing.T) {
	t.Parallel()
	for body, class := range map[string]bitrix24.Class{
		`{"error":"QUERY_LIMIT_EXCEEDED","error_description":"Too many requests"}`: bitrix24.RateLimited,
		`{"result":"nonsense"}`: bitrix24.Server,
	} {
		client, to := portalServer(t, bitrix24.Options{}, answers(200, body))
		_, err := client.Batch(t.Context(), to, commands(1), false)
		require.Equal(t, class, failure(t, err).Class(), body)
	}
	client, to := portalServer(t, bitrix24.Options{}, answers(200, `{"result":[]}`))
	for name, list := range map[string][]bitrix24.Command{
		"none": nil, "too many": commands(51), "same key": {commands(1)[0], commands(1)[0]},
		"bad key":    {{Key: "a]b", Call: bitrix24.Call{Method: "profile"}}},
		"bad method": {{Key: "a", Call: bitrix24.Call{Method: "profile?x=1&"}}},
	} {
		_, err := client.Batch(t.Context(), to, list, false)
		require.Error(t, err, name)
		require.Equal(t, bitrix24.NotExecuted, bitrix24.ExecutedBy(err), name)
	}
}

// TestClientTextCannotReachOtherCommands: what a portal would take for a reference never goes into a batch, in whatever Go type it comes.
func TestClientTextCannotReachOtherCommands(t *testing.T) {
	t.Parallel()
	type wrapped struct {
		Text string `json:"text"`
	}
	for name, p := range map[string]bitrix24.Params{
		"plain":              {"a": "$result[c0][id]"},
		"any case":           {"a": "see $RESULT[c0] here"},
		"siblings":           {"a": "$error[c0]"},
		"something between":  {"a": "$resultat[c0]"},
		"nested":             {"fields": map[string]any{"COMMENT": []any{"x", "$result[c0]"}}},
		"a list of strings":  {"values": []string{"$result[c0]"}},
		"a struct":           {"fields": wrapped{"$result[c0]"}},
		"raw JSON":           {"fields": json.RawMessage(`{"t":"$result[c0]"}`)},
		"a named string":     {"a": bitrix24.String("$result[c0]")},
		"a key":              {"fields": map[string]any{"$result[c0]": "x"}},
		"an empty filter id": {"filter": map[string]any{"@id": []int64{}}},
		"an empty object":    {"layout": map[string]any{}},
	} {
		require.False(t, bitrix24.BatchSafe(p), name)
		_, err := bitrix24.Query(p, false)
		require.ErrorIs(t, err, bitrix24.ErrBatchUnsafe, name)
		client, to := portalServer(t, bitrix24.Options{}, answers(200, `{"result":[]}`))
		_, err = client.Batch(t.Context(), to, []bitrix24.Command{{Key: "a", Call: bitrix24.Call{Method: "profile", Params: p}}}, true)
		require.ErrorIs(t, err, bitrix24.ErrBatchUnsafe, name)
	}
	for _, p := range []bitrix24.Params{
		{"a": "costs $5 [net]"}, {"a": "result[c0]"}, {"filter": map[string]any{}, "select": []string{}}, {"a": "a=b&c[d]=e"}, nil,
	} {
		require.True(t, bitrix24.BatchSafe(p), "%v", p)
	}
}

func TestReferencesNeedHalt(t *testing.T) {
	t.Parallel()
	p := bitrix24.Params{"fields": bitrix24.Params{"contactId": bitrix24.Ref{Key: "c", Path: "item.id"}}}
	_, err := bitrix24.Query(p, false)
	require.ErrorIs(t, err, bitrix24.ErrRef)
	query, err := bitrix24.Query(p, true)
	require.NoError(t, err)
	require.Equal(t, "fields[contactId]=$result[c][item][id]", unquote(t, query))
	_, err = bitrix24.Query(bitrix24.Params{"a": struct{ R bitrix24.Ref }{bitrix24.Ref{Key: "c", Path: "id"}}}, true)
	require.ErrorIs(t, err, bitrix24.ErrRef, "a reference hidden in a struct would be lost silently")
}

func TestQueryIsPHPsBracketForm(t *testing.T) {
	t.Parallel()
	type multi struct {
		Value string `json:"VALUE"`
		Main  bool   `json:"MAIN"`
	}
	var none *multi
	query, err := bitrix24.Query(bitrix24.Params{
		"entityTypeId": bitrix24.Deal, "id": int64(9007199254740993), "n": json.Number("12345678901234567890"), "yes": true, "no": false, "nil": nil, "pointer": none,
		"f": 1.5, "filter": map[string]any{">ID": 5, "@contactId": []int64{7, 8}}, "fields": bitrix24.Params{"PHONE": []multi{{"+7 900 000-00-01", true}}},
		"text": "a&b=c [д] 100% \n", "bad": "\xff", "m": map[string]string{"k": "v"},
	}, false)
	require.NoError(t, err)
	require.Equal(t, "bad=\uFFFD&entityTypeId=2&f=1.5&fields[PHONE][0][MAIN]=1&fields[PHONE][0][VALUE]=+7 900 000-00-01&filter[>ID]=5&filter[@contactId][0]=7&"+
		"filter[@contactId][1]=8&id=9007199254740993&m[k]=v&n=12345678901234567890&nil=&no=0&pointer=&text=a&b=c [д] 100% \n&yes=1", unquote(t, query))
	require.NotContains(t, query, " ")
	parsed, err := bitrix24.ParseForm([]byte(query))
	require.NoError(t, err)
	require.Equal(t, "+7 900 000-00-01", parsed.At("fields", "PHONE", "0", "VALUE").Text, "what is written is read back")
	require.Equal(t, "a&b=c [д] 100% \n", parsed.At("text").Text)
}

func unquote(t *testing.T, query string) string {
	t.Helper()
	plain, err := url.QueryUnescape(query)
	require.NoError(t, err)
	return plain
}

func bytesReader(raw []byte) io.Reader { return bytes.NewReader(raw) }
