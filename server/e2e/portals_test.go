package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
)

// branch is a world with a company of one portal and a second portal that is not connected to anything yet.
func branch(t *testing.T) (*world, *tenant, *portal.Portal) {
	t.Helper()
	w := newWorld(t, 1)
	n := w.company("romashka", 0)
	second := w.bitrix.AddPortal(portal.PortalConfig{Name: "vasilek", LeadsMode: portal.Simple, Licence: "ru_ent250"})
	require.NoError(t, w.served.Add(second))
	w.run()
	n.setUp()
	require.NoError(t, second.Install(appID))
	require.NoError(t, second.FinishInstall(appID, 1))
	return w, n, second
}

// consent goes to the portal's page of consent as one of its people, and answers the page that it leads back to.
func (w *world) consent(address string, user int) (int, string) {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	client := &http.Client{Jar: jar, Timeout: browser.Timeout}
	at, err := url.Parse(address)
	require.NoError(w.t, err)
	resp, err := client.Get(fmt.Sprintf("%s://%s/?as=%d", at.Scheme, at.Host, user)) // sign in
	require.NoError(w.t, err)
	require.NoError(w.t, resp.Body.Close())
	resp, err = client.Get(address)
	require.NoError(w.t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return resp.StatusCode, string(raw)
}

type portalRow struct {
	ID            int64
	Name, Domain  string
	State, Reason string
	Current       bool
}

func (n *tenant) portals() []portalRow {
	n.t.Helper()
	return decode[struct{ Items []portalRow }](n.t, n.must("GET", "/portals", nil)).Items
}

// join connects a further portal of the company and answers its number (P1).
func (n *tenant) join(p *portal.Portal) int64 {
	n.t.Helper()
	asked := decode[struct {
		AuthorizeURL string `json:"authorize_url"`
	}](n.t, n.must("POST", "/portals", map[string]any{"name": "Филиал", "domain": p.URL() + "/"}))
	code, page := n.w.consent(asked.AuthorizeURL, 1)
	require.Equal(n.t, http.StatusOK, code, page)
	require.Contains(n.t, page, `data-state="done"`)
	for _, row := range n.portals() {
		if row.Domain == p.Host() {
			require.Equal(n.t, "active", row.State)
			n.w.rest()
			return row.ID
		}
	}
	n.t.Fatalf("the portal is not in the list")
	return 0
}

type repaired struct {
	Items []struct {
		Code string
		OK   bool
	}
	Job *struct {
		ID    int64
		Kind  string
		State string
	}
	AuthorizeURL *string `json:"authorize_url"`
}

// arrow presses the round arrow.
func (n *tenant) arrow(portal int64) repaired {
	n.t.Helper()
	return decode[repaired](n.t, n.must("POST", fmt.Sprintf("/portals/%d/repair", portal), nil))
}

// read waits for the reading that an arrow began.
func (n *tenant) read(r repaired) item {
	n.t.Helper()
	require.NotNil(n.t, r.Job)
	require.Equal(n.t, "directories", r.Job.Kind)
	var job item
	eventually(n.t, "the lists are read", func() bool {
		job = decode[item](n.t, n.must("GET", fmt.Sprintf("/jobs/%d", r.Job.ID), nil))
		return job["state"] == "done"
	})
	return job
}

func (n *tenant) offers(directory, field string, value any) bool {
	return slices.ContainsFunc(n.list(directory), func(i item) bool { return fmt.Sprint(i[field]) == fmt.Sprint(value) })
}

// TestRoundArrowP2: the arrow reads pipelines, stages, fields, lines and users anew, matches nobody, and tells what it read. Without a working token it
// answers where to consent, and after that everything goes on.
func TestRoundArrowP2(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	synced := decode[item](t, n.must("GET", "/employees", nil))["synced_at"]
	n.portal.AddStage("STATUS", "CHECK", "Проверка")
	n.portal.AddStage("DEAL_STAGE_1", "C1:CHECK", "Проверка договора")
	n.portal.SetUser(portal.User{ID: 17, Name: "Ирина", LastName: "Новикова", Email: "oliver@romashka.example"})
	gone := n.portal.Users()[1]
	gone.Dismissed = true
	n.portal.SetUser(gone)

	job := n.read(n.arrow(n.id))
	require.EqualValues(t, job["total"], job["done"])
	require.True(t, n.offers("stages", "id", "CHECK") && n.offers("stages", "id", "C1:CHECK"))
	require.True(t, n.offers("b24-users", "id", 17))
	require.False(t, n.offers("b24-users", "id", gone.ID))
	told := fmt.Sprint(job["result"])
	for _, name := range []string{"pipelines", "stages", "fields", "users"} {
		require.Contains(t, told, name)
	}
	people := decode[item](t, n.must("GET", "/employees", nil))
	require.Equal(t, synced, people["synced_at"], "reading is not matching (S3)")
	for _, one := range people["items"].([]any) {
		if m := one.(map[string]any); fmt.Sprint(m["b24_user"]) == fmt.Sprint(gone.ID) {
			require.Nil(t, m["uis_employee"], "whoever is dismissed is nobody")
		}
	}

	n.portal.KillTokens(appID, 0)
	asked := n.arrow(n.id)
	require.NotNil(t, asked.AuthorizeURL, "no token works: the person is sent to consent")
	require.Nil(t, asked.Job)
	require.Equal(t, "blocked", n.state())
	code, page := w.consent(*asked.AuthorizeURL, 3)
	require.Equal(t, http.StatusForbidden, code, "he is no administrator")
	require.Contains(t, page, `data-state="refused"`)
	require.Equal(t, "blocked", n.state(), "a refusal changes nothing")

	n.portal.AddStage("STATUS", "LATER", "Позже")
	asked = n.arrow(n.id)
	code, page = w.consent(*asked.AuthorizeURL, 1)
	require.Equal(t, http.StatusOK, code, page)
	require.Equal(t, "active", n.state())
	eventually(t, "a consent reads the lists, too", func() bool { return n.offers("stages", "id", "LATER") })
	n.read(n.arrow(n.id))
	code, page = w.consent(*asked.AuthorizeURL, 1)
	require.Equal(t, http.StatusForbidden, code, "a consent counts once: %s", page)
	w.rest()
	w.clean()
}

// soon is eventually for a step that is tried anew when it does not come within some seconds.
func soon(done func() bool) bool {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(look) {
		if done() {
			return true
		}
	}
	return false
}

// TestAReadingThatFailsKeepsTheUsersS4: a portal that answers nothing leaves the list as it was, and the result says so.
func TestAReadingThatFailsKeepsTheUsersS4(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	before := len(n.list("b24-users"))
	require.NotZero(t, before)
	_, err := w.bitrix.AddFault(portal.Fault{Method: "user.get", Kind: portal.FaultError, Status: 400, Code: "ERROR_CORE", Text: "no", Count: -1})
	require.NoError(t, err)
	job := n.read(n.arrow(n.id))
	require.Contains(t, fmt.Sprint(job["result"]), "trouble:refused")
	require.Len(t, n.list("b24-users"), before)
	w.bitrix.ClearFaults()
}

// TestSyncListIsOfTheMainPortalS3: the list of employees names users of the main portal; people of another one with the same numbers are matched all the
// same.
func TestSyncListIsOfTheMainPortalS3(t *testing.T) {
	t.Parallel()
	w, n, second := branch(t)
	other := n.join(second)
	matched := func(portal int64) (list []int64) {
		for _, e := range decode[struct {
			Items []struct {
				User     int64  `json:"b24_user"`
				Employee *int64 `json:"uis_employee"`
			}
		}](t, n.must("GET", fmt.Sprintf("/employees?portal=%d", portal), nil)).Items {
			if e.Employee != nil {
				list = append(list, e.User)
			}
		}
		slices.Sort(list)
		return list
	}
	eventually(t, "the people of both are matched", func() bool { return len(matched(n.id)) == 3 && len(matched(other)) == 3 })
	w.rest()
	code, wrong := n.save(func(d map[string]any) {
		section(d, "main")["sync_all"], section(d, "main")["sync_only"] = false, []int64{2}
	})
	require.Equal(t, http.StatusOK, code, wrong)

	// What follows a new connection to UIS matches the people of all portals.
	n.connect()
	eventually(t, "the main portal keeps to its list", func() bool { return slices.Equal(matched(n.id), []int64{2}) })
	w.rest()
	require.Equal(t, []int64{1, 2, 3}, matched(other))
	w.clean()
}

// TestSyncByItselfS3: with "Synchronise all employees" on, people are matched again each 24 hours; off, never by itself.
func TestSyncByItselfS3(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	synced := func() string { return fmt.Sprint(decode[item](t, n.must("GET", "/employees", nil))["synced_at"]) }
	eventually(t, "the first day's clock runs", func() bool { w.rounds("1s"); return synced() != "<nil>" })
	w.rest()
	first := synced()
	n.portal.SetUser(portal.User{ID: 18, Name: "Пётр", LastName: "Воронов", Email: "voronov@romashka.example"})
	eventually(t, "a day later it is done by itself", func() bool { w.rounds("25h"); return soon(func() bool { return synced() != first }) })
	w.rest()

	code, wrong := n.save(func(d map[string]any) { section(d, "main")["sync_all"] = false })
	require.Equal(t, http.StatusOK, code, wrong)
	w.rest()
	second, users := synced(), n.asked("user.get")
	w.rounds("25h")
	eventually(t, "the daily reading of the lists went by", func() bool { return n.asked("user.get") > users })
	users = n.asked("user.get")
	w.rounds("25h")
	eventually(t, "and another one", func() bool { return n.asked("user.get") > users })
	w.rest()
	require.Equal(t, second, synced(), "off means that nobody is matched by itself")
	n.must("POST", "/employees/sync", nil)
	eventually(t, "the button still does", func() bool { return synced() != second })
	w.rest()
	w.clean()
}

// TestRemovedPortalsP2: the portal one stands in can be removed. One of several is gone with its tokens; the only one comes back to its settings when the
// app is opened there again.
func TestRemovedPortalsP2(t *testing.T) {
	t.Parallel()
	w, n, second := branch(t)
	other := n.join(second)
	require.Len(t, n.portals(), 2)
	n.must("DELETE", fmt.Sprintf("/portals/%d", other), nil)
	n.admin = n.open(1, "DEFAULT", nil).Session // sessions of the whole account are made anew
	require.Len(t, n.portals(), 1, "gone at once")
	w.rest()

	settings := n.must("GET", "/settings", nil)
	old := n.admin
	n.must("DELETE", fmt.Sprintf("/portals/%d", n.id), nil)
	code, _ := n.as(old, "GET", "/settings", nil)
	require.Equal(t, http.StatusUnauthorized, code, "its sessions are over")
	s := newStory(n)
	s.write()
	w.rest()
	require.Empty(t, s.leads(s.client.Phone), "nothing reaches it any more")

	n.admin = n.open(1, "DEFAULT", nil).Session
	require.JSONEq(t, string(settings), string(n.must("GET", "/settings", nil)), "back in its account")
	require.Equal(t, "active", n.portals()[0].State)
	require.Equal(t, n.id, n.portals()[0].ID)
	n.read(n.arrow(n.id))
	w.rest()
	w.clean()
}

// TestNoTimeTrackingS2: a portal that gave no right to working days, or has none, says so where the check-box stands.
func TestNoTimeTrackingS2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	n := w.company("romashka", 0)
	w.run()
	require.NoError(t, n.portal.Install(appID))
	n.portal.SetScope(appID, "crm", "placement", "telephony", "imconnector", "imopenlines", "im", "contact_center", "user_basic", "department", "bizproc")
	n.setUp()
	type workdays struct {
		Granted bool
		Trouble *struct{ Code, Text string }
	}
	told := func() workdays {
		return decode[struct{ Workdays workdays }](t, n.must("GET", "/employees", nil)).Workdays
	}
	require.False(t, told().Granted)
	require.Equal(t, "not_granted", told().Trouble.Code)
	require.NotContains(t, told().Trouble.Text, "workdays.", "a sentence")
	w.rest()

	w2, m := one(t, 1)
	told2 := func() workdays {
		return decode[struct{ Workdays workdays }](t, m.must("GET", "/employees", nil)).Workdays
	}
	require.Equal(t, workdays{Granted: true}, told2())
	_, err := w2.bitrix.AddFault(portal.Fault{Method: "timeman.status", Kind: portal.FaultError, Status: 404, Code: "ERROR_METHOD_NOT_FOUND", Text: "Method not found!", Count: -1})
	require.NoError(t, err)
	code, wrong := m.save(func(d map[string]any) { section(d, "main")["import_statuses"] = true })
	require.Equal(t, http.StatusOK, code, wrong)
	eventually(t, "the first try found none", func() bool { return told2().Trouble != nil })
	require.Equal(t, "absent", told2().Trouble.Code)
	w2.bitrix.ClearFaults()
	eventually(t, "a later one found it", func() bool { w2.rounds("21m"); return soon(func() bool { return told2().Trouble == nil }) })
	w2.rest()
}
