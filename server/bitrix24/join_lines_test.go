package bitrix24

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func lineMessages(line int, ids ...string) json.RawMessage {
	messages := make([]any, len(ids))
	for i, id := range ids {
		messages[i] = map[string]any{"user": map[string]any{"id": "u1"}, "message": map[string]any{"id": id, "text": "текст " + id}, "chat": map[string]any{"id": "c1"}}
	}
	raw, err := json.Marshal(map[string]any{"CONNECTOR": "omni_wa", "LINE": line, "MESSAGES": messages})
	if err != nil {
		panic(err)
	}
	return raw
}

// TestJoinedMessagesComeBackApart: whatever calls are joined, all messages are in the one call in order, and each call gets exactly its own elements back.
func TestJoinedMessagesComeBackApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "calls")
		named := rapid.Bool().Draw(t, "named")
		each := make([]json.RawMessage, n)
		var order []string
		refused := map[string]bool{}
		own := make([][]string, n)
		for i := range each {
			for k := range rapid.IntRange(1, 4).Draw(t, "messages") {
				id := fmt.Sprintf("m%d.%d", i, k)
				own[i] = append(own[i], id)
				refused[id] = rapid.IntRange(0, 3).Draw(t, "refused") == 0
			}
			order = append(order, own[i]...)
			each[i] = lineMessages(7, own[i]...)
		}
		joined, ok := joinMessages(each)
		require.True(t, ok)
		require.JSONEq(t, string(lineMessages(7, order...)), string(joined))
		var elements []any
		for _, id := range order {
			e := map[string]any{"SUCCESS": !refused[id], "session": map[string]any{"ID": "1", "CHAT_ID": "2"}, "mark": id}
			if named {
				e["message"] = map[string]any{"id": id}
			}
			if refused[id] {
				e["ERRORS"] = []any{"empty " + id}
			}
			elements = append(elements, e)
		}
		if named { // the order of the answer is no matter then
			elements = rapid.Permutation(elements).Draw(t, "order")
		}
		answer, err := json.Marshal(map[string]any{"SUCCESS": true, "DATA": map[string]any{"RESULT": elements}})
		require.NoError(t, err)
		parts := splitMessages(each, answer)
		require.Len(t, parts, n)
		for i, p := range parts {
			all := true
			for _, id := range own[i] {
				all = all && refused[id]
			}
			if all {
				require.NotNil(t, p.Err)
				require.Contains(t, p.Err.Description, own[i][0])
				continue
			}
			require.Nil(t, p.Err)
			var got struct {
				DATA struct{ RESULT []struct{ Mark string } }
			}
			require.NoError(t, json.Unmarshal(p.Result, &got))
			var marks []string
			for _, e := range got.DATA.RESULT {
				marks = append(marks, e.Mark)
			}
			require.Equal(t, own[i], marks)
			list, err := DecodeLineMessages(p.Result)
			require.NoError(t, err)
			require.Len(t, list, len(own[i]))
		}
	})
}

func TestWhatCannotBeJoined(t *testing.T) {
	t.Parallel()
	file := json.RawMessage(`{"CONNECTOR":"omni_wa","LINE":7,"MESSAGES":[{"message":{"id":"f","files":[{"url":"https://x.example/a.png"}]}}]}`)
	for name, each := range map[string][]json.RawMessage{
		"two lines":        {lineMessages(7, "a"), lineMessages(8, "b")},
		"a file":           {lineMessages(7, "a"), file},
		"no list":          {lineMessages(7, "a"), json.RawMessage(`{"CONNECTOR":"omni_wa","LINE":7,"MESSAGES":{}}`)},
		"nothing":          {lineMessages(7, "a"), json.RawMessage(`{"CONNECTOR":"omni_wa","LINE":7}`)},
		"something beside": {lineMessages(7, "a"), json.RawMessage(`{"CONNECTOR":"omni_wa","LINE":7,"MESSAGES":[{}],"X":1}`)},
		"no object":        {lineMessages(7, "a"), json.RawMessage(`[]`)},
	} {
		_, ok := joinMessages(each)
		require.False(t, ok, name)
	}
}

// TestAnAnswerThatSaysNothing leaves the calls it says nothing about without an outcome: neither done nor refused.
func TestAnAnswerThatSaysNothing(t *testing.T) {
	t.Parallel()
	each := []json.RawMessage{lineMessages(7, "a"), lineMessages(7, "b")}
	for _, answer := range []string{`[]`, `{"SUCCESS":true}`, `{"DATA":{"RESULT":[]}}`, `{"DATA":{"RESULT":[{"SUCCESS":true}]}}`, `{"DATA":{"RESULT":[{"SUCCESS":true,"message":{"id":"z"}},{"SUCCESS":true,"message":{"id":"y"}}]}}`} {
		for _, p := range splitMessages(each, json.RawMessage(answer)) {
			require.Equal(t, Part{}, p, answer)
		}
	}
	parts := splitMessages(each, json.RawMessage(`{"DATA":{"RESULT":[{"SUCCESS":true,"message":{"id":"b"}}]}}`))
	require.Equal(t, Part{}, parts[0])
	require.NotNil(t, parts[1].Result)
}
