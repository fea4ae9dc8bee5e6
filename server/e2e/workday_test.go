package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestS2ImportStatuses: a changed working day becomes a status at UIS, a status chosen by hand there stays until the next change.
func TestS2ImportStatuses(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	user, employee := n.matchedPair()
	day := func(state string) {
		for _, u := range n.portal.Users() {
			if int64(u.ID) == user {
				u.WorkDay = state
				n.portal.SetUser(u)
			}
		}
	}
	day("PAUSED")
	code, wrong := n.save(func(d map[string]any) { section(d, "main")["import_statuses"] = true })
	require.Equal(t, 200, code, wrong)
	eventually(t, "the break is a status", func() bool { return n.uis.EmployeeStatus(employee) == 92 })
	w.rest()

	require.NoError(t, n.uis.SetEmployeeStatus(employee, 93)) // do not disturb
	looked := n.asked("timeman.status")
	w.rounds("21m")
	eventually(t, "it was looked at again", func() bool { return n.asked("timeman.status") >= looked+3 })
	w.rest()
	require.EqualValues(t, 93, n.uis.EmployeeStatus(employee), "nothing changed at the portal: what somebody chose in UIS stays")

	day("CLOSED")
	w.rounds("21m")
	eventually(t, "the closed day is a status", func() bool { return n.uis.EmployeeStatus(employee) == 95 })
	w.rest()
	w.clean()
}

// matchedPair is a user with his employee at UIS who has telephone numbers.
func (n *tenant) matchedPair() (user, employee int64) {
	n.t.Helper()
	list := decode[struct {
		Items []struct {
			User     int64  `json:"b24_user"`
			Employee *int64 `json:"uis_employee"`
		}
	}](n.t, n.must("GET", "/employees", nil))
	for _, e := range list.Items {
		if e.Employee != nil && *e.Employee == 1002 {
			return e.User, *e.Employee
		}
	}
	n.t.Fatalf("nobody is matched with employee 1002: %v", list)
	return 0, 0
}

// asked counts a portal method, also inside batches.
func (n *tenant) asked(method string) int {
	count := 0
	for _, r := range n.w.bitrix.Requests() {
		for _, c := range r.Calls {
			if r.Portal == n.portal.Name() && c.Method == method {
				count++
			}
		}
	}
	return count
}

// later moves the business time of every server forward.
func (w *world) later(by string) {
	w.t.Helper()
	for _, s := range w.servers {
		code, body := ask("POST", "http://"+s.internal+"/clock", "", map[string]any{"advance": by})
		require.Equal(w.t, 200, code, "%s", body)
	}
}

// rounds is later for what comes again by itself: it begins at once and not with a server's next look.
func (w *world) rounds(by string) {
	w.t.Helper()
	w.later(by)
	code, body := ask("POST", "http://"+w.servers[0].internal+"/rounds", "", nil)
	require.Equal(w.t, 204, code, "%s", body)
}
