package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
)

// managed turns the switch of T3 on.
func managed(s map[string]any) { s["personal_manager"] = true }

// scenario is the address that the administrator pastes into the operation "interactive call processing" at UIS.
func (n *tenant) scenario() string {
	n.t.Helper()
	return decode[struct {
		URL string `json:"manager_url"`
	}](n.t, n.must("GET", "/uis/notifications", nil)).URL
}

// decided is what a scenario of UIS gets to hear.
type decided struct {
	Phones []string `json:"phones"`
	Code   *int     `json:"returned_code"`
	took   time.Duration
	status int
	body   string
}

// decide asks as a scenario does, in one of the three ways it may have been set up to.
func (n *tenant) decide(how, phone string, session int) decided {
	n.t.Helper()
	address := n.scenario()
	fields := url.Values{"numa": {phone}, "numb": {mainNumber}, "call_session_id": {fmt.Sprint(session)}, "direction": {"in"}}
	body, kind, method := "", "", http.MethodPost
	switch how {
	case "query":
		address, method = address+"?"+fields.Encode(), http.MethodGet
	case "form":
		body, kind = fields.Encode(), "application/x-www-form-urlencoded"
	case "json":
		raw, err := json.Marshal(map[string]any{"numa": phone, "numb": mainNumber, "call_session_id": session, "direction": "in"})
		require.NoError(n.t, err)
		body, kind = string(raw), "application/json"
	}
	return post(n.t, method, address, kind, body)
}

func post(t *testing.T, method, address, kind, body string) decided {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", kind)
	began := time.Now()
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	d := decided{took: time.Since(began), status: response.StatusCode, body: string(raw)}
	_ = json.Unmarshal(raw, &d)
	return d
}

// given asks until the answer is these phones: on a busy machine the database may take longer than a caller waits, and nobody is given then.
func (n *tenant) given(how, phone string, want ...string) {
	n.t.Helper()
	var last decided
	ok := poll(func() bool {
		last = n.decide(how, phone, 70001)
		return last.status == http.StatusOK && fmt.Sprint(last.Phones) == fmt.Sprint(want)
	})
	require.True(n.t, ok, "%s was answered %d %s, not %v", phone, last.status, last.body, want)
	require.Equal(n.t, len(want) == 0, last.Code != nil && *last.Code == 0)
}

// T3: the scenario gets the telephones of the responsible person, from the portal as it was before the switch, from its changes, and from itself.
func TestPersonalManager(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	const before, later, unknown, nobody = "79005558001", "79005558002", "79005558003", "79005558004"
	c.put(portal.Lead, before, 2, nil)
	c.given("form", before) // the switch is off
	c.save(managed)
	c.w.rest()
	for _, how := range []string{"query", "form", "json"} {
		c.given(how, before, "79000000102")
	}
	lead := c.put(portal.Lead, later, 1, nil)
	c.w.rest()
	contact := c.put(portal.Contact, later, 3, nil)
	c.w.rest()

	require.NotContains(t, strings.Join(c.w.askedOfPortals(), " "), "searchCrmEntities", "the walk and the events brought it all")
	// The portal is down: who is known is given all the same, at once; who is not is nobody, within the patience.
	_, err := c.w.bitrix.AddFault(portal.Fault{Portal: c.portal.Name(), Kind: portal.FaultHTTP, Status: 503, Count: -1})
	require.NoError(t, err)
	c.given("form", before, "79000000102")
	c.given("form", "8 (900) 555-80-02", "79000000103")
	d := c.decide("json", unknown, 70002)
	require.Equal(t, http.StatusOK, d.status)
	require.NotNil(t, d.Code)
	require.Less(t, d.took, 15*time.Second)
	c.w.bitrix.ClearFaults()
	c.w.rest()

	require.NoError(t, c.portal.ChangeItem(portal.Contact, contact, map[string]any{"assignedById": 2}, 1))
	c.w.rest()
	c.given("form", later, "79000000102")
	c.portal.DeleteItem(portal.Contact, contact, 1)
	c.w.rest()
	c.given("form", later, "79000000101")
	require.NoError(t, c.portal.ChangeItem(portal.Lead, lead, map[string]any{"assignedById": 4}, 1)) // nobody at UIS
	c.w.rest()
	c.given("form", later)

	c.given("form", nobody)
	c.given("form", "anonymous")
	c.save(func(s map[string]any) { s["personal_manager"] = false })
	c.given("form", before)
	c.w.rest()
	c.w.clean()
}

// What is no call of a scenario is refused with the name of the field.
func TestWrongScenario(t *testing.T) {
	t.Parallel()
	_, n := one(t, 1)
	address := n.scenario()
	for name, c := range map[string]struct{ method, query, kind, body, field string }{
		"nothing":             {"GET", "", "", "", "/numa"},
		"no caller":           {"POST", "", "application/json", `{"numb":"74950000031"}`, "/numa"},
		"a list":              {"POST", "", "application/json", `{"numa":["79005550001"]}`, "/numa"},
		"too long":            {"GET", "?numa=7900555000111111", "", "", "/numa"},
		"the number called":   {"POST", "", "application/x-www-form-urlencoded", "numa=79005550001&numb=7495000003111111", "/numb"},
		"the call":            {"GET", "?numa=79005550001&call_session_id=abc", "", "", "/call_session_id"},
		"the direction":       {"GET", "?numa=79005550001&direction=up", "", "", "/direction"},
		"no JSON":             {"POST", "", "application/json", `{"numa":`, "json"},
		"a form out of shape": {"POST", "", "application/x-www-form-urlencoded", "numa=%zz", "form"},
	} {
		d := post(t, c.method, address+c.query, c.kind, c.body)
		require.Equal(t, http.StatusBadRequest, d.status, "%s: %s", name, d.body)
		require.Contains(t, d.body, `"`+c.field+`"`, name)
	}
}

// Two companies with the same numbers of clients: each scenario hears of its own company's people only.
func TestTwinsOfManagers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	const equal = 500_000
	twins := []*tenant{w.company("romashka", equal), w.company("vasilek", equal)}
	w.run()
	const phone, lone = "79005559001", "79005559002"
	for i, n := range twins {
		n.setUp()
		c := &callCentre{n, t}
		c.put(portal.Contact, phone, 1+i, nil)
		c.save(managed)
	}
	(&callCentre{twins[0], t}).put(portal.Contact, lone, 1, nil)
	w.rest()
	twins[0].given("form", phone, "79000000101")
	twins[1].given("form", phone, "79000000102")
	twins[0].given("form", lone, "79000000101")
	twins[1].given("form", lone)
	w.clean()
}

// Without its database the product knows nobody, and says so while the client still waits.
func TestManagerWithoutDatabase(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := plan{servers: 1, database: cluster.url(), program: binary}.world(t)
	n := w.company("romashka", 0)
	w.run()
	n.setUp()
	address := n.scenario()
	cluster.stop()
	for range 3 {
		d := post(t, http.MethodPost, address, "application/json", `{"numa":"79005559009"}`)
		require.Equal(t, http.StatusOK, d.status, d.body)
		require.NotNil(t, d.Code)
		require.Less(t, d.took, 5*time.Second)
		t.Log("answered without a database after", d.took)
	}
	cluster.start()
}
