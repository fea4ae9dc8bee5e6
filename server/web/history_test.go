package web

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/history"
)

func (c cabinet) history(query string) ([]historyItem, *string) {
	c.Helper()
	code, raw := c.call(http.MethodGet, "/history"+query, nil, "")
	require.Equal(c, http.StatusOK, code, string(raw))
	var list struct {
		Items []historyItem
		Next  *string
	}
	require.NoError(c, json.Unmarshal(raw, &list))
	return list.Items, list.Next
}

// issue 4: who changed what and when, per account: versions of the settings and everything beside them, in one list, in words, page by page.
func TestHistory(t *testing.T) {
	t.Parallel()
	c := newCabinet(t)
	now := c.Clock.Now()
	note := func(after time.Duration, kind history.Kind, about history.About) {
		require.NoError(t, c.DB.InAccount(t.Context(), company, func(ctx context.Context, tx pgx.Tx) error {
			return history.Note(history.By(ctx, "Борис"), tx, company, now.Add(after), kind, about)
		}))
	}
	code, wrong := c.put(working(), 0)
	require.Equal(t, http.StatusOK, code, wrong)
	note(-time.Hour, history.PortalAdded, history.About{Name: "p9.example.com"})
	note(time.Minute, history.Matched, history.About{Name: "Игорь Седов", Other: "Седов Игорь"})
	note(time.Minute, history.UISChanged, history.About{Name: "comagic", Parts: []string{"api_key", "chats_login"}}) // at the same moment

	all, next := c.history("")
	require.Nil(t, next)
	var lines []string
	for _, item := range all {
		lines = append(lines, item.By+": "+item.Text)
	}
	require.Equal(t, []string{"Борис: The connection to CoMagic was changed: API key, chats login", "Борис: Игорь Седов was matched by hand with Седов Игорь at UIS",
		"Анна: Settings saved, version 1", "Борис: Portal p9.example.com was added and waits for consent"}, lines)
	require.EqualValues(t, 1, *all[2].Version)
	require.Contains(t, string(all[2].Diff), "/telephony/responsible_inbound")
	require.JSONEq(t, `[]`, string(all[0].Diff))

	var paged []historyItem
	query := "?limit=1"
	for {
		page, more := c.history(query)
		paged = append(paged, page...)
		if more == nil {
			break
		}
		query = "?limit=1&cursor=" + *more
	}
	require.Equal(t, all, paged, "page by page it is the same list")
	code, _ = c.call(http.MethodGet, "/history?cursor=x", nil, "")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	for _, kind := range history.Kinds() {
		for _, lang := range []string{"ru", "en"} {
			require.NotEqual(t, "history."+string(kind), c.Texts.Text(lang, "history."+string(kind)), "a sentence for %s", kind)
		}
	}
}
