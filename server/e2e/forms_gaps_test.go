package e2e_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// U3, C13: requests whose notifications never came are found in UIS' report and handled as if they had, each once; a notification that comes after all changes
// nothing. What was told of stays as it is.
func TestRequestsWithoutNotifications(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	c.forms(func(s map[string]any) {
		s["notify"] = true
		s["responsibles"] = []any{map[string]any{"user": 3, "filter": []any{[]any{map[string]any{"param": "site", "op": "include", "values": []string{"41"}}}}}}
		s["template"] = "Заявка {{offline_message_id}} от {{name}}"
	})
	eventually(t, "the account is watched", func() bool { return c.rows(`SELECT count(*) FROM request_gap`) == 1 })
	send := func(phone string) int64 {
		id, err := c.uis.SendRequest(uisplatform.Request{Name: "Мария", Phone: phone, Text: "Перезвоните"})
		require.NoError(t, err)
		c.w.rest()
		return id
	}
	const told, silent, late = "79005570101", "79005570102", "79005570103"
	send(told)
	notes := c.uis.Notifications()
	require.NoError(t, c.uis.SetNotifications(nil))
	lost := send(silent)
	before := send(late)
	require.NoError(t, c.uis.SetNotifications(notes))
	require.Empty(t, c.of(portal.Contact, silent))
	for range 3 { // three rounds, and each request stands once
		c.w.rounds("21m")
		eventually(t, "the report was compared", func() bool { return c.rows(`SELECT count(*) FROM request`) == 3 })
		c.quiet()
	}
	for _, phone := range []string{told, silent, late} {
		contacts := c.of(portal.Contact, phone)
		require.Len(t, contacts, 1, phone)
		deal := c.dealOf(contacts[0].ID)
		require.Equal(t, 3, whole(deal.Fields["assignedById"]), "by the rule of its site")
		require.Contains(t, deal.Fields["title"], "от Мария")
		require.Len(t, c.portal.Comments(portal.Deal, deal.ID), 1)
	}
	require.Len(t, c.told(3), 3)
	require.Equal(t, 2, c.rows(`SELECT found::int FROM request_gap`))
	page := decode[whyPage](t, c.must("GET", fmt.Sprintf("/communications/request:%d", lost), nil))
	require.Equal(t, "request.reported", page.Reasons[0].Code)
	require.NotContains(t, page.Reasons[0].Text, "{")

	c.post(fmt.Sprintf(`{"event":"offline_message","notification_time":"2026-03-02 10:00:00","offline_message_id":%d,"visitor":{"visitor_name":"Мария","visitor_phone_number":"%s","visitor_message":"?"}}`, before, late))
	c.quiet()
	require.Equal(t, 3, c.rows(`SELECT count(*) FROM request`))
	require.Len(t, c.portal.Comments(portal.Deal, c.dealOf(c.of(portal.Contact, late)[0].ID).ID), 1, "told late it changes nothing")
	c.w.clean()
}
