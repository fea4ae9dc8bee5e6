package bitrix24_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
)

type row struct {
	ID bitrix24.ID `json:"ID"`
}

// list is a portal's list of the ids 1…n as user.get would answer it, by start and by filter.
func list(n int, calls *[]bitrix24.Call) bitrix24.Sender {
	return func(_ context.Context, c bitrix24.Call) (*bitrix24.Answer, error) {
		*calls = append(*calls, c)
		start, _ := c.Params["start"].(int)
		after := int64(0)
		if f, ok := c.Params["FILTER"].(bitrix24.Params); ok {
			after, _ = f[">ID"].(int64)
		}
		first := int(after) + max(start, 0) + 1
		rows := []row{}
		for id := first; id < first+bitrix24.PageSize && id <= n; id++ {
			rows = append(rows, row{bitrix24.ID(id)})
		}
		raw, err := json.Marshal(rows)
		a := &bitrix24.Answer{Result: raw}
		if last := max(start, 0) + len(rows); start >= 0 && int(after)+last < n {
			a.Next = &last
		}
		return a, err
	}
}

func collect(t *testing.T, seq func(func(row, error) bool)) []int {
	t.Helper()
	var out []int
	for r, err := range seq {
		require.NoError(t, err)
		out = append(out, int(r.ID))
	}
	return out
}

func TestRowsFollowNext(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 49, 50, 51, 100, 120} {
		var calls []bitrix24.Call
		call := bitrix24.Call{Method: "user.get", Params: bitrix24.Params{"select": []string{"ID"}}}
		got := collect(t, bitrix24.Rows(t.Context(), list(n, &calls), call, bitrix24.DecodeList[row]))
		require.Len(t, got, n)
		require.Len(t, calls, max(1, (n+49)/50))
		require.NotContains(t, call.Params, "start", "the caller's call stays as it is")
	}
}

func TestScanGoesByID(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 49, 50, 51, 120} {
		var calls []bitrix24.Call
		call := bitrix24.Call{Method: "user.get", Params: bitrix24.Params{"FILTER": map[string]any{"ACTIVE": true}}}
		got := collect(t, bitrix24.Scan(t.Context(), list(n, &calls), call, bitrix24.UserKeys, 0, bitrix24.DecodeList[row], func(r row) int64 { return int64(r.ID) }))
		require.Len(t, got, n)
		for _, c := range calls {
			require.Equal(t, -1, c.Params["start"])
			require.Equal(t, "ID", c.Params["sort"])
			require.Equal(t, true, c.Params["FILTER"].(bitrix24.Params)["ACTIVE"])
		}
		require.Len(t, call.Params["FILTER"], 1)
	}
	var calls []bitrix24.Call
	got := collect(t, bitrix24.Scan(t.Context(), list(120, &calls), bitrix24.Call{Method: "user.get"}, bitrix24.UserKeys, 118, bitrix24.DecodeList[row], func(r row) int64 { return int64(r.ID) }))
	require.Equal(t, []int{119, 120}, got, "a walk goes on where the last one ended")
}

// TestScanNeverGoesInCircles: a portal that ignores the filter would answer the first page for ever.
func TestScanNeverGoesInCircles(t *testing.T) {
	t.Parallel()
	send := func(context.Context, bitrix24.Call) (*bitrix24.Answer, error) {
		rows := make([]row, bitrix24.PageSize)
		for i := range rows {
			rows[i].ID = bitrix24.ID(i + 1)
		}
		raw, err := json.Marshal(rows)
		return &bitrix24.Answer{Result: raw}, err
	}
	n := 0
	var last error
	for _, err := range bitrix24.Scan(t.Context(), send, bitrix24.Call{Method: "x.list"}, bitrix24.ListKeys, 0, bitrix24.DecodeList[row], func(r row) int64 { return int64(r.ID) }) {
		if last = err; err == nil {
			n++
		}
	}
	require.ErrorContains(t, last, "does not sort or filter")
	require.Equal(t, bitrix24.PageSize, n)
}

func TestWalksEnd(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	failing := func(context.Context, bitrix24.Call) (*bitrix24.Answer, error) { return nil, boom }
	var got error
	for _, err := range bitrix24.Rows(t.Context(), failing, bitrix24.Call{Method: "user.get"}, bitrix24.DecodeList[row]) {
		got = err
	}
	require.ErrorIs(t, got, boom)

	next := 0
	stuck := func(context.Context, bitrix24.Call) (*bitrix24.Answer, error) {
		return &bitrix24.Answer{Result: json.RawMessage(`[{"ID":1}]`), Next: &next}, nil
	}
	require.Len(t, collect(t, bitrix24.Rows(t.Context(), stuck, bitrix24.Call{Method: "user.get"}, bitrix24.DecodeList[row])), 1, "a next that does not move ends the walk")

	var calls []bitrix24.Call
	for _, err := range bitrix24.Rows(t.Context(), list(500, &calls), bitrix24.Call{Method: "user.get"}, bitrix24.DecodeList[row]) {
		require.NoError(t, err)
		break
	}
	require.Len(t, calls, 1, "who stops early asks for nothing more")

	items, err := bitrix24.Items[row](json.RawMessage(`{"items":[{"ID":"5"}]}`))
	require.NoError(t, err)
	require.Len(t, items, 1)
}
