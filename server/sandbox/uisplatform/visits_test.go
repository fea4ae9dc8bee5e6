package uisplatform_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

// A chat's report tells how its client came, by documented names only, and may lag behind.
func TestVisitsInTheReportOfChats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.a.ClientSends(20, whatsappClient, uisplatform.ClientMessage{Text: "Добрый день", Visit: uisplatform.Visit{"group_id": 51}})
	require.ErrorContains(t, err, "group_id", "the documentation names no such field")
	m, err := w.a.ClientSends(20, whatsappClient, uisplatform.ClientMessage{Text: "Добрый день", Visit: uisplatform.Visit{"site_id": 42, "utm_source": nil, "gclid": "g1"}, Late: 1})
	require.NoError(t, err)
	_, err = w.a.ClientWrites(21, uisplatform.Client{Username: "@other"}, "И я")
	require.NoError(t, err)
	period := object{"date_from": "2026-03-01 00:00:00", "date_till": "2026-03-31 00:00:00", "fields": []any{"id", "site_id", "utm_source", "gclid", "utm_medium"}}
	mine := object{"filter": object{"field": "id", "operator": "=", "value": m.Chat}}
	maps.Copy(mine, period)

	rows := w.data("get.chats_report", period)
	require.Len(t, rows, 1, "the first reading does not have it")
	require.EqualValues(t, 41, at(rows, 0, "site_id"))
	require.Equal(t, "yandex", at(rows, 0, "utm_source"))
	require.Len(t, w.data("get.chats_report", period), 2)
	rows = w.data("get.chats_report", mine)
	require.Len(t, rows, 1)
	require.Equal(t, object{"id": float64(m.Chat), "site_id": 42.0, "utm_source": nil, "gclid": "g1", "utm_medium": "cpc"}, rows[0])

	require.Error(t, w.a.SetVisit(m.Chat, uisplatform.Visit{"scenario_id": 61}))
	require.ErrorIs(t, w.a.SetVisit(1, nil), uisplatform.ErrNoChat)
	require.NoError(t, w.a.SetVisit(m.Chat, uisplatform.Visit{"site_id": nil}))
	require.Nil(t, at(w.data("get.chats_report", mine), 0, "site_id"))
	w.clean()
}
