package bitrix24_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
)

// Whatever a portal answers, a record can be taken apart: each command of the batch once, in order, and nothing made up.
func TestRecordsAreTakenApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status   int
		answer   string
		answered string // of the first command
		code     string
	}{
		{200, `{"result":{"result":{"a":{"id":1}},"result_error":{"b":{"error":"NOT_FOUND","error_description":"gone"}},"result_time":{"a":{"duration":1.5}}}}`, `{"id":1}`, ""},
		{200, `{"result":{"result":[5],"result_error":[]}}`, "", "NO_ANSWER"},
		{200, `{"result":{"result":{"a":null}}}`, "null", ""},
		{200, `{"result":[]}`, "", "NO_ANSWER"},
		{200, `{"result":"odd"}`, "", "NO_ANSWER"},
		{200, `{"result":{"result":{"a":`, "", "ERROR_UNEXPECTED_ANSWER"},
		{200, `null`, "", "ERROR_UNEXPECTED_ANSWER"},
		{502, `<html>bad gateway`, "", "ERROR_UNEXPECTED_ANSWER"},
		{401, `{"error":"expired_token"}`, "", "expired_token"},
		{503, `{"error":"QUERY_LIMIT_EXCEEDED","error_description":"Too many requests"}`, "", "QUERY_LIMIT_EXCEEDED"},
	} {
		var records []bitrix24.Record
		client, to := portalServer(t, bitrix24.Options{Log: func(_ context.Context, r bitrix24.Record) { records = append(records, r) }}, answers(c.status, c.answer))
		_, _ = client.Batch(t.Context(), to, []bitrix24.Command{
			{Key: "a", Call: bitrix24.Call{Method: "crm.item.add", Params: bitrix24.Params{"fields": map[string]any{"title": "А & б", "list": []any{1, 2}}}}},
			{Key: "b", Call: bitrix24.Call{Method: "profile"}}}, false)
		require.Len(t, records, 1)
		parts := records[0].Parts()
		require.Len(t, parts, 2, c.answer)
		require.Equal(t, []string{"a", "crm.item.add", "b", "profile"}, []string{parts[0].Key, parts[0].Method, parts[1].Key, parts[1].Method})
		require.JSONEq(t, `{"fields":{"title":"А & б","list":["1","2"]}}`, string(parts[0].Asked))
		require.Equal(t, c.answered, string(parts[0].Answered), c.answer)
		if c.code == "" {
			require.Nil(t, parts[0].Error, c.answer)
		} else {
			require.NotNil(t, parts[0].Error, c.answer)
			require.Equal(t, c.code, parts[0].Error.Code, c.answer)
		}
	}
}
