package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
)

type link struct {
	Code   string
	OK     bool
	Text   string
	Cure   *string
	Detail *string
}

func (n *tenant) health() map[string]link {
	n.t.Helper()
	all := map[string]link{}
	for _, l := range decode[struct{ Items []link }](n.t, n.must("GET", "/health", nil)).Items {
		require.NotEmpty(n.t, l.Text)
		require.Equal(n.t, !l.OK, l.Cure != nil && *l.Cure != "", "%s: what is wrong has a cure", l.Code)
		all[l.Code] = l
	}
	return all
}

// TestSelfCheck proves each link, and says in words what is wrong when one breaks (S0, S4, U1, U2).
func TestSelfCheck(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.must("POST", "/health/test-event", nil)
	eventually(t, "the test event has arrived and the lists are read", func() bool { return n.health()["events"].OK && n.health()["lists"].OK })
	for code, l := range n.health() {
		require.True(t, l.OK, "%s: %s", code, l.Text)
	}
	w.rest()

	for _, u := range n.portal.Users() {
		if u.ID == 3 {
			u.LastName = ""
			n.portal.SetUser(u)
		}
	}
	n.must("POST", "/employees/sync", nil)
	eventually(t, "who has no last name is named", func() bool { return !n.health()["last_names"].OK })
	require.Contains(t, *n.health()["last_names"].Detail, "Мария")

	w.rest()
	w.clean()
	_, err := w.bitrix.AddFault(portal.Fault{Method: "placement.get", Kind: portal.FaultError, Status: 403, Code: "access_denied", Text: "no", Count: -1})
	require.NoError(t, err)
	require.False(t, n.health()["token"].OK, "a portal that cannot be asked is told")
}
