package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// The account's numbers and their scenarios.
const (
	mainNumber   = "74950000031"
	advertNumber = "74950000032"
	otherNumber  = "74950000033"
	mainScenario = "61"
)

// callCentre is a company whose calls go to its portal.
type callCentre struct {
	*tenant
	t *testing.T
}

// callsOf sets a company up for calls as its administrator does: settings, and every notification pasted at UIS as the cabinet shows it (U3).
func callsOf(t *testing.T, mode string, change func(telephony map[string]any)) *callCentre {
	t.Helper()
	return callsOn(t, 1, mode, change)
}

// callsWith is the same with further employees at UIS.
func callsWith(t *testing.T, mode string, change func(telephony map[string]any), more ...uisplatform.Employee) *callCentre {
	t.Helper()
	return callsOn(t, 1, mode, change, more...)
}

// callsOn is the same on several servers, which take every connection in turn.
func callsOn(t *testing.T, servers int, mode string, change func(telephony map[string]any), more ...uisplatform.Employee) *callCentre {
	t.Helper()
	w := newWorld(t, servers)
	w.gate.turns = servers > 1
	n := &tenant{w: w, t: t, name: "romashka", simple: mode == portal.Simple}
	n.portal = w.bitrix.AddPortal(portal.PortalConfig{Name: n.name, LeadsMode: mode, Licence: "ru_ent250"})
	require.NoError(t, w.served.Add(n.portal))
	config := uisplatform.DemoAccount(n.name)
	config.Employees = append(append(staff(), more...), uisplatform.Employee{ID: 1009, LastName: "Гость", FirstName: "Пётр", Email: "guest@elsewhere.example", Login: "guest", Phones: []string{"79000000109"}, Operator: true})
	config.VirtualNumbers = append(config.VirtualNumbers, uisplatform.VirtualNumber{ID: 33, Number: otherNumber, Name: "Второй рекламный", Scenario: 62})
	n.portal.SetUser(portal.User{ID: dismissed, Name: "Олег", LastName: "Прежний", Email: "former@gorizont.example", Dismissed: true})
	n.uis = w.platform.AddAccount(config)
	w.run()
	n.setUp()
	c := &callCentre{n, t}
	eventually(t, "the scenarios are read", func() bool {
		return len(decode[struct{ Items []any }](t, c.must("GET", "/directories/scenarios", nil)).Items) > 0
	})
	c.save(change)
	c.paste()
	return c
}

// answerPhones sets a company up for calls that is set up already, with recordings.
func (c *callCentre) answerPhones() {
	c.t.Helper()
	c.save(func(s map[string]any) { s["records"] = map[string]any{"send": true, "with_filters": false} })
	c.paste()
}

// save changes the settings of telephony.
func (c *callCentre) save(change func(telephony map[string]any)) {
	c.t.Helper()
	doc := decode[map[string]any](c.t, c.must("GET", "/settings", nil))
	telephony := section(doc, "telephony")
	telephony["enabled"], telephony["portal"] = true, c.id
	telephony["responsible_inbound"], telephony["responsible_outbound"] = 4, 4
	telephony["create_inbound"], telephony["create_outbound"] = true, true
	if change != nil {
		change(telephony)
	}
	body, err := json.Marshal(doc)
	require.NoError(c.t, err)
	code, answer := c.as(c.admin, "PUT", "/settings", raw{"application/json", body, map[string]string{"If-Match": fmt.Sprintf("%q", fmt.Sprint(doc["version"]))}})
	require.Equal(c.t, http.StatusOK, code, "%s", answer)
}

func (c *callCentre) paste() {
	c.t.Helper()
	list := decode[struct {
		Items []struct{ Event, Method, URL, Body string }
	}](c.t, c.must("GET", "/uis/notifications", nil))
	var notes []uisplatform.Notification
	for _, i := range list.Items {
		notes = append(notes, uisplatform.Notification{Event: i.Event, Method: i.Method, URL: i.URL, Body: i.Body})
	}
	require.NoError(c.t, c.uis.SetNotifications(notes))
}

// post sends a notification by hand.
func (c *callCentre) post(body string) {
	c.t.Helper()
	list := decode[struct{ Items []struct{ URL string } }](c.t, c.must("GET", "/uis/notifications", nil))
	code, answer := ask("POST", list.Items[0].URL, "", raw{"application/json", []byte(body), nil})
	require.Less(c.t, code, 300, "%s", answer)
}

// play simulates a whole call of a client.
func (c *callCentre) play(kind string, spec uisplatform.CallSpec) int64 {
	c.t.Helper()
	call, err := c.uis.SimulateCall(kind, spec)
	require.NoError(c.t, err)
	return call.ID()
}

// quiet waits until everything that was said is done, timers of ended calls included.
func (c *callCentre) quiet() {
	c.t.Helper()
	c.w.rest()
	c.advance(15 * time.Second)
	c.w.rest()
}

// advance moves the servers' business time on.
func (c *callCentre) advance(d time.Duration) {
	c.t.Helper()
	c.w.later(d.String())
}

// at is the call at the portal that stands for a session of UIS.
func (c *callCentre) at(session int64) portal.Call {
	c.t.Helper()
	var found []portal.Call
	for _, k := range c.portal.Calls() {
		if k.External == fmt.Sprint(session) {
			found = append(found, k)
		}
	}
	require.Len(c.t, found, 1, "one call at the portal for session %d", session)
	return found[0]
}

// activity is an activity of the portal.
func (c *callCentre) activity(id int) portal.Activity {
	c.t.Helper()
	list := c.portal.State().Activities
	i := slices.IndexFunc(list, func(a portal.Activity) bool { return a.ID == id })
	require.GreaterOrEqual(c.t, i, 0, "activity %d", id)
	return list[i]
}

// of are the items of a kind with a client's number.
func (c *callCentre) of(typ int, phone string) []portal.Item {
	var list []portal.Item
	for _, item := range c.portal.Items(typ) {
		if slices.ContainsFunc(item.Phones, func(p string) bool { return portal.NormalizePhone(p) == portal.NormalizePhone("+"+phone) }) {
			list = append(list, item)
		}
	}
	return list
}

// put makes an entity beforehand, as a person would.
func (c *callCentre) put(typ int, phone string, responsible int, more map[string]any) int {
	c.t.Helper()
	fields := map[string]any{"assignedById": responsible}
	if typ == portal.Contact {
		fields["name"] = "Клиент"
	} else {
		fields["title"] = "Клиент"
	}
	if phone != "" {
		fields["fm"] = []any{map[string]any{"typeId": "PHONE", "valueType": "WORK", "value": "+" + phone}}
	}
	for k, v := range more {
		fields[k] = v
	}
	id, err := c.portal.AddItem(typ, fields, 1)
	require.NoError(c.t, err)
	return id
}

func whole(v any) int {
	f, _ := v.(float64)
	return int(f)
}

// rows reads a number from the servers' database.
func (c *callCentre) rows(query string) (n int) {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.w.database)
	require.NoError(c.t, err)
	defer func() { _ = conn.Close(c.t.Context()) }()
	_, err = conn.Exec(c.t.Context(), `SELECT set_config('omni.account', '*', false)`)
	require.NoError(c.t, err)
	require.NoError(c.t, conn.QueryRow(c.t.Context(), query).Scan(&n))
	return n
}
