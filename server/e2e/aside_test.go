package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// asideList is the answer of GET /operations/events.
type asideList struct {
	Items []struct {
		ID         int64
		Key, Kind  string
		Attempts   int
		Reason     struct{ Code, Text string }
		ReceivedAt time.Time `json:"received_at"`
	}
	Next *string
}

// poison puts a row into the inbox whose body nobody can read.
func (n *tenant) poison(key string) {
	n.t.Helper()
	ctx := n.t.Context()
	conn, err := pgx.Connect(ctx, n.w.database)
	require.NoError(n.t, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "select set_config('omni.account', '*', false)")
	require.NoError(n.t, err)
	_, err = conn.Exec(ctx, `insert into inbox (account_id, key, kind, body, received_at, due_at) select account_id, $2, 'chat.read', '{', to_timestamp(0), to_timestamp(0) from portal where id = $1`, n.id, key)
	require.NoError(n.t, err)
}

func (n *tenant) aside(query string) asideList {
	n.t.Helper()
	return decode[asideList](n.t, n.must("GET", "/operations/events"+query, nil))
}

// TestEventsSetAside shows what was set aside to administrators of its own account, who take it up again or drop it.
func TestEventsSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	n, other := w.company("romashka", 0), w.company("vasilek", 0)
	w.run()
	n.setUp()
	other.setUp()
	require.Empty(t, n.aside("").Items)
	const many = 53
	for i := range many {
		n.poison(fmt.Sprintf("chat:%d", 9_000_000+i))
	}
	var list asideList
	eventually(t, "all are set aside", func() bool {
		list = n.aside("")
		return list.Next != nil && len(n.aside("?cursor="+*list.Next).Items) == many-50
	})
	require.Len(t, list.Items, 50)
	rest := n.aside("?cursor=" + *list.Next)
	require.Nil(t, rest.Next)
	first := rest.Items[len(rest.Items)-1]
	require.Equal(t, []any{"chat:9000000", "chat.read", 1, "unreadable"}, []any{first.Key, first.Kind, first.Attempts, first.Reason.Code})
	require.Contains(t, first.Reason.Text, "Не удалось прочитать")
	require.NotContains(t, first.Reason.Text, "{text}")

	path := func(id int64, verb string) string { return fmt.Sprintf("/operations/events/%d/%s", id, verb) }
	for _, verb := range []string{"retry", "drop"} {
		status, body := n.as(n.operator, "POST", path(first.ID, verb), nil)
		require.Equal(t, http.StatusForbidden, status, string(body))
		status, body = other.as(other.admin, "POST", path(first.ID, verb), nil)
		require.Equal(t, http.StatusConflict, status, string(body))
		require.Equal(t, "event_not_open", code(body))
	}
	status, _ := n.as(n.operator, "GET", "/operations/events", nil)
	require.Equal(t, http.StatusForbidden, status)
	require.Empty(t, other.aside("").Items)

	status, body := n.as(n.admin, "POST", path(first.ID, "retry"), nil)
	require.Equal(t, http.StatusNoContent, status, string(body))
	eventually(t, "it is set aside again, as nothing was cured", func() bool { return len(n.aside("?cursor="+*list.Next).Items) == many-50 })

	for range many {
		for _, one := range n.aside("").Items {
			status, body := n.as(n.admin, "POST", path(one.ID, "drop"), nil)
			require.Equal(t, http.StatusNoContent, status, string(body))
		}
		if len(n.aside("").Items) == 0 {
			break
		}
	}
	require.Empty(t, n.aside("").Items)
	require.Zero(t, w.pending()["refused"])
	w.clean()
}
