package outbox

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"omni/server/ids"
)

func TestArrange(t *testing.T) {
	t.Parallel()
	from := func(name string) any { return map[string]any{"x": []any{map[string]any{"$from": name, "path": "id"}}} }
	out, err := arrange([]Command{
		{Kind: "c", Plan: "p", Name: "c", Params: from("b"), Priority: Waiting},
		{Kind: "lone", Priority: Live},
		{Kind: "b", Plan: "p", Name: "b", After: []string{"a"}, Priority: Background},
		{Kind: "a", Plan: "p", Name: "a", Priority: Background},
		{Kind: "a2", Plan: "q", Name: "a", Priority: Background},
	})
	require.NoError(t, err)
	var order []string
	for _, c := range out {
		order = append(order, c.Kind)
	}
	require.Equal(t, []string{"lone", "a", "a2", "b", "c"}, order)
	require.Equal(t, []string{"b"}, out[4].After, "$from is followed")
	require.Equal(t, Waiting, out[1].Priority, "urgency is lent to what has to go first")
	require.Equal(t, Background, out[2].Priority, "and to nothing else")
	require.Equal(t, 3, out[1].siblings)
	require.Equal(t, 1, out[2].siblings)
	require.NotEqual(t, out[1].group, out[2].group)

	for name, wrong := range map[string][]Command{
		"circle":         {{Plan: "p", Name: "a", After: []string{"b"}}, {Plan: "p", Name: "b", After: []string{"a"}}},
		"itself":         {{Plan: "p", Name: "a", After: []string{"a"}}},
		"nobody":         {{Plan: "p", Name: "a", After: []string{"b"}}},
		"nobody's value": {{Plan: "p", Name: "a", Params: from("b")}},
		"another plan":   {{Plan: "p", Name: "a"}, {Plan: "q", Name: "b", After: []string{"a"}}},
		"without a plan": {{Name: "a", Params: from("b")}},
		"twice":          {{Plan: "p", Name: "a"}, {Plan: "p", Name: "a"}},
	} {
		_, err := arrange(wrong)
		require.ErrorIs(t, err, ErrPlan, name)
	}
	out, err = arrange([]Command{{Plan: "p"}, {Plan: "p"}})
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2"}, []string{out[0].Name, out[1].Name})
}

func TestFill(t *testing.T) {
	t.Parallel()
	results := map[string]json.RawMessage{"contact": json.RawMessage(`{"item":{"id":12345678901234567,"name":"","list":[{"ID":"7"}],"zero":0,"no":false,"none":null,"empty":[]}}`), "number": json.RawMessage(`5`)}
	for path, want := range map[string]string{"item.id": `12345678901234567`, "item.list.0.ID": `"7"`} {
		got, err := fill(json.RawMessage(`{"a":[{"$from":"contact","path":"`+path+`"}],"u":{"$uid":true}}`), "uid-1", results)
		require.NoError(t, err, path)
		require.JSONEq(t, `{"a":[`+want+`],"u":"uid-1"}`, string(got))
	}
	got, err := fill(json.RawMessage(`{"a":{"$from":"number"}}`), "", results)
	require.NoError(t, err)
	require.JSONEq(t, `{"a":5}`, string(got))
	for _, path := range []string{"item.ID", "item.name", "item.zero", "item.no", "item.none", "item.empty", "item.list.1", "item.list.x", "item.id.x", "item.list.-1"} {
		_, err := fill(json.RawMessage(`{"a":{"$from":"contact","path":"`+path+`"}}`), "", results)
		require.Error(t, err, path)
	}
	_, err = fill(json.RawMessage(`{"a":{"$from":"deal"}}`), "", results)
	require.Error(t, err)
	plain := json.RawMessage(`{"a":"<b> $from \u0000 \ud800"}`)
	got, err = fill(plain, "", nil)
	require.NoError(t, err)
	require.Equal(t, string(plain), string(got), "untouched, byte by byte")
}

// TestSettleEndsEveryPlanOnce plays any plan to its end with any outcomes: nothing runs after something that is not done, and there is one answer.
func TestSettleEndsEveryPlanOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "commands")
		plan := make([]member, n)
		for i := range plan {
			plan[i] = member{name: fmt.Sprint(i), planName: "p", Result: Result{Command: ids.CommandID(i + 1), State: "ready"}}
			for j := range i {
				if rapid.Bool().Draw(t, "after") {
					plan[i].after = append(plan[i].after, fmt.Sprint(j))
				}
			}
		}
		plan[rapid.IntRange(0, n-1).Draw(t, "replier")].replyKey = "chat:1"
		answers := 0
		for range 2*n + 2 {
			s := settle(append([]member(nil), plan...))
			for _, id := range s.cancel {
				plan[id-1].State = "cancelled"
			}
			if s.answer != nil {
				answers++
				require.Len(t, s.answer.Results, n)
				break
			}
			var may []int
			for i, m := range plan {
				if m.State != "ready" {
					continue
				}
				free := true
				for _, name := range m.after {
					var j int
					_, _ = fmt.Sscan(name, &j)
					free = free && plan[j].State == "done"
				}
				if free {
					may = append(may, i)
				}
			}
			require.NotEmpty(t, may, "a plan never stands still")
			i := rapid.SampledFrom(may).Draw(t, "next")
			plan[i].State = rapid.SampledFrom([]string{"done", "done", "refused", "expired", "unconfirmed", "dropped"}).Draw(t, "outcome")
		}
		require.Equal(t, 1, answers)
		for i, m := range plan {
			for _, name := range m.after {
				var j int
				_, _ = fmt.Sscan(name, &j)
				if plan[j].State != "done" {
					require.Equal(t, "cancelled", plan[i].State, "only what depends on it is cancelled, and all of that")
				}
			}
		}
	})
}
