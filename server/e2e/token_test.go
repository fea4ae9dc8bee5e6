package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// state is the portal's state in the cabinet.
func (n *tenant) state() string {
	return decode[struct{ Items []struct{ State string } }](n.t, n.must("GET", "/portals", nil)).Items[0].State
}

// TestRefusedForGood: every token is dead, commands wait; one opening of the app by an administrator, and the same commands go on, on two servers.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	w, n := one(t, 2)
	s := newStory(n)
	n.portal.KillTokens(appID, 0)
	s.write()
	s.see()
	eventually(t, "the portal is blocked", func() bool { return n.state() == "blocked" })
	s.reply()
	eventually(t, "the client sees the answer all the same", func() bool { return len(s.atUIS()) == 2 })
	require.Empty(t, s.leads(s.client.Phone))
	require.NotZero(t, w.pending()["outbox"], "what is for the portal waits")

	n.admin = n.open(1, "DEFAULT", nil).Session
	s.inCRM()
	w.rest()
	require.Equal(t, "active", n.state())
	leads := s.leads(s.client.Phone)
	require.Len(t, leads, 1)
	comments := n.portal.Comments(portal.Lead, leads[0].ID)
	require.Len(t, comments, 1)
	require.Contains(t, comments[0].Text, answer)
	w.clean()
}

// TestTokensEndInMidLane: tokens expire while conversations go on at two servers, and one answer of the authorization server is lost. The pair is gone
// then; the next administrator's takes over.
func TestTokensEndInMidLane(t *testing.T) {
	t.Parallel()
	w, n := one(t, 2)
	n.portal.SetUser(portal.User{ID: 3, LastName: "Зимина", Name: "Мария", Email: "maria.zimina@gorizont.example", Admin: true})
	n.open(3, "LEFT_MENU", nil)
	asked := func() (count int) {
		for _, r := range w.bitrix.Requests() {
			if r.Method == "oauth.token" {
				count++
			}
		}
		return count
	}
	before := asked()
	n.portal.ExpireTokens(appID)
	_, err := w.bitrix.AddFault(portal.Fault{Method: "oauth.token", Kind: portal.FaultLost})
	require.NoError(t, err)
	for _, phone := range []string{"79000000090", "79000000091", "79000000092", "79000000093", "79000000094"} {
		_, err := n.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: phone}, "вопрос "+phone)
		require.NoError(t, err)
	}
	w.rest()
	leads := n.portal.Items(portal.Lead)
	have := map[string]int{}
	for _, l := range leads {
		for _, p := range l.Phones {
			have[portal.NormalizePhone(p)]++
		}
	}
	for _, phone := range []string{"79000000090", "79000000091", "79000000092", "79000000093", "79000000094"} {
		require.Equal(t, 1, have[portal.NormalizePhone("+"+phone)], phone)
	}
	require.LessOrEqual(t, asked()-before, 3, "the lost exchange, the refused repeat, the other pair")
	require.Equal(t, "active", n.state())
	w.clean()
}

// TestTheLastTokenIsGoneAndNobodySaidSo: a server that buries a portal's last pair and dies before it blocks the portal leaves it to the next sender, so that an
// administrator is asked to open the app.
func TestTheLastTokenIsGoneAndNobodySaidSo(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	c := &callCentre{n, t}
	w.servers[0].kill()
	require.Zero(t, c.rows(`WITH buried AS (UPDATE portal_token SET dead = 'invalid_grant' RETURNING 1) SELECT count(*) - count(*) FROM buried`))
	w.servers[0].start()
	require.Equal(t, "active", n.state())
	_, err := n.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: "79000000097", Name: "Лев"}, "есть кто?")
	require.NoError(t, err)
	eventually(t, "the portal is blocked", func() bool { return n.state() == "blocked" })
	n.admin = n.open(1, "DEFAULT", nil).Session
	w.rest()
	require.Equal(t, "active", n.state())
	require.Len(t, c.of(portal.Lead, "79000000097"), 1)
	w.clean()
}
