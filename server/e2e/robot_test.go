package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

const robotCode = "omni_call"

// robotProperties are what the portal has of the robot: its properties, and which values they offer.
func (n *tenant) robotProperties() map[string]map[string]any {
	n.t.Helper()
	var robot struct {
		Handler    string `json:"HANDLER"`
		Waits      string `json:"USE_SUBSCRIPTION"`
		Properties map[string]struct{ Options any }
	}
	require.NoError(n.t, json.Unmarshal(n.portal.Robot(robotCode), &robot))
	require.True(n.t, strings.HasSuffix(robot.Handler, "/bitrix24/robots/"+robotCode))
	require.Equal(n.t, "N", robot.Waits, "the automation goes on at once")
	out := map[string]map[string]any{}
	for name, p := range robot.Properties {
		out[name], _ = p.Options.(map[string]any)
	}
	return out
}

// repair presses the round arrow beside the portal.
func (n *tenant) repair() {
	n.t.Helper()
	n.must("POST", fmt.Sprintf("/portals/%d/repair", n.id), nil)
}

// The robot stands after the installation; what UIS offers comes with the next repair, and the self-check says that it is due.
func TestRobotInstalled(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, clicking(true))
	c.lines()
	before := c.robotProperties()
	require.Contains(t, before, "employee")
	require.NotContains(t, before, "scenario", "nothing of UIS was known yet")
	check := c.health()["robots"]
	require.True(t, check.OK)
	require.Contains(t, *check.Detail, "изменились")
	c.repair()
	after := c.robotProperties()
	require.Equal(t, "Рекламный сценарий", after["scenario"]["62"])
	require.Equal(t, "Реклама ("+advertNumber+")", after["number"][advertNumber])
	require.Nil(t, c.health()["robots"].Detail)
	asked := len(c.w.bitrix.Requests())
	c.repair()
	for _, r := range c.w.bitrix.Requests()[asked:] {
		for _, call := range r.Calls {
			require.NotContains(t, []string{"bizproc.robot.add", "bizproc.robot.update"}, call.Method, "nothing is left to do")
		}
	}
	c.w.clean()
}

// A portal that refuses robots is installed and works all the same; the self-check says so.
func TestRobotRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	n := w.company("romashka", 0)
	_, err := w.bitrix.AddFault(portal.Fault{Method: "bizproc.robot.add", Kind: portal.FaultError, Status: 403, Code: "ACCESS_DENIED", Text: "not on this plan", Count: -1})
	require.NoError(t, err)
	w.run()
	n.setUp()
	require.False(t, n.health()["robots"].OK)
	require.True(t, n.health()["placements"].OK)
	w.clean()
}

// Every way to set the robot up becomes one call, which is registered as any outgoing one, with its card.
func TestRobotCalls(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, clicking(true))
	c.lines()
	c.repair()
	lead := c.put(portal.Lead, "79005558001", 3, nil)
	contact := c.put(portal.Contact, "79005558002", 4, nil)
	deal := c.put(portal.Deal, "", 2, map[string]any{"contactIds": []int{contact}})
	scenario := c.put(portal.Lead, "79005558003", 4, nil)
	number := c.put(portal.Contact, "79005558004", 4, nil)
	for _, run := range []struct {
		typ, id    int
		properties map[string]any
	}{
		{portal.Lead, lead, map[string]any{"whom": "responsible", "employee": "", "phone": ""}},
		{portal.Deal, deal, map[string]any{"whom": "employee", "employee": "user_3", "number": mainNumber}},
		{portal.Lead, scenario, map[string]any{"whom": "scenario", "scenario": "62"}},
		{portal.Contact, number, map[string]any{"whom": "number", "number": mainNumber, "phone": "+7 (900) 555-80-05"}},
	} {
		require.NoError(t, c.portal.RunRobot(robotCode, run.typ, run.id, run.properties))
	}
	eventually(t, "UIS has the calls", func() bool { return len(c.uis.Calls()) == 4 })
	c.quiet()
	want := map[string]struct {
		line     string
		employee int64
	}{"79005558001": {advertNumber, 1003}, "79005558002": {mainNumber, 1003}, "79005558003": {advertNumber, 0}, "79005558005": {mainNumber, 0}}
	for _, call := range c.uis.Calls() {
		w, is := want[call.Contact]
		require.True(t, is, call.Contact)
		require.Equal(t, w.line, call.VirtualNumber, call.Contact)
		if w.employee != 0 {
			require.Equal(t, w.employee, call.Employee, call.Contact)
		}
		delete(want, call.Contact)
	}
	require.Empty(t, want)
	require.Len(t, c.portal.Calls(), 4)
	for _, k := range c.portal.Calls() {
		require.Equal(t, 1, k.Type, "an outgoing call")
		require.True(t, k.Finished)
	}
	require.Len(t, c.of(portal.Lead, "79005558001"), 1, "the lead's own client made no other")
	require.Equal(t, 4, c.rows(`SELECT count(*) FROM reason WHERE code = 'call.by_robot'`))
	c.answerLost(lead)
	require.Empty(t, c.told(3))
	c.w.clean()
}

// answerLost has a start whose answer gets lost: the call is there, so that it is neither started again nor told as unclear.
func (c *callCentre) answerLost(lead int) {
	c.t.Helper()
	c.uis.AddFault(uisplatform.Fault{API: "call", Match: "start.employee_call", Kind: uisplatform.LostAfter, Times: 1})
	require.NoError(c.t, c.portal.RunRobot(robotCode, portal.Lead, lead, nil))
	eventually(c.t, "UIS has the call", func() bool { return len(c.uis.Calls()) == 5 })
	c.quiet()
	require.Len(c.t, c.uis.Calls(), 5)
	require.Len(c.t, c.portal.Calls(), 5)
	require.Zero(c.t, c.rows(`SELECT count(*) FROM reason WHERE code LIKE 'robot.%'`))
}

// The same post again does nothing; what cannot be dialled is told to the responsible, or to whoever installed the app, and changes nothing.
func TestRobotInVain(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, clicking(true))
	c.lines()
	c.repair()
	lead := c.put(portal.Lead, "79005558011", 3, nil)
	nameless := c.put(portal.Lead, "", 2, nil)
	post := func(token, code, run, document string, properties map[string]string) int {
		form := url.Values{"code": {code}, "workflow_id": {"w1"}, "event_token": {run}, "document_id[0]": {"crm"}, "document_id[1]": {"CCrmDocumentLead"}, "document_id[2]": {document},
			"ts": {"1700000000"}, "auth[member_id]": {c.portal.MemberID()}, "auth[application_token]": {token}}
		for name, value := range properties {
			form.Set("properties["+name+"]", value)
		}
		status, _ := ask("POST", c.w.url("/bitrix24/robots/"+code), "", raw{kind: "application/x-www-form-urlencoded", body: []byte(form.Encode())})
		return status
	}
	token := c.portal.ApplicationToken(appID)
	card := fmt.Sprintf("LEAD_%d", lead)
	c.w.unchanged(func() {
		require.Equal(t, http.StatusForbidden, post(strings.Repeat("a", 32), robotCode, "forged", card, nil))
		require.Equal(t, http.StatusForbidden, post("", robotCode, "forged", card, nil))
		status, _ := ask("POST", c.w.url("/bitrix24/robots/"+robotCode), "", raw{kind: "application/json", body: []byte(`{}`)})
		require.Equal(t, http.StatusBadRequest, status)
	})
	for range 3 {
		require.Equal(t, http.StatusOK, post(token, robotCode, "one", card, map[string]string{"whom": "responsible"}))
	}
	eventually(t, "UIS has the call", func() bool { return len(c.uis.Calls()) == 1 })
	c.quiet()
	require.Len(t, c.uis.Calls(), 1, "one run is one call")

	for n, wrong := range []struct {
		code, document string
		properties     map[string]string
		user           int
		text           string
	}{
		{"omni_other", card, nil, 1, "omni_other"},
		{robotCode, "DYNAMIC_128_5", nil, 1, "DYNAMIC_128_5"},
		{robotCode, "LEAD_987654", nil, 1, "не дал прочитать"},
		{robotCode, fmt.Sprintf("LEAD_%d", nameless), nil, 2, "нет телефона"},
		{robotCode, card, map[string]string{"whom": "number", "number": "74950000099"}, 3, "74950000099"},
		{robotCode, card, map[string]string{"whom": "scenario", "scenario": "99"}, 3, "сценария"},
		{robotCode, card, map[string]string{"whom": "employee", "employee": "user_4"}, 3, "не сопоставлен"},
		{robotCode, card, map[string]string{"whom": "employee"}, 3, "не выбран сотрудник"},
		{robotCode, card, map[string]string{"whom": "moon"}, 1, "moon"},
		{robotCode, card, map[string]string{"phone": "зво\x00ните"}, 3, "звоните"},
	} {
		before := len(c.told(wrong.user))
		require.Equal(t, http.StatusOK, post(token, wrong.code, fmt.Sprint("wrong", n), wrong.document, wrong.properties))
		eventually(t, "he is told: "+wrong.text, func() bool { return len(c.told(wrong.user)) == before+1 })
		require.Contains(t, c.told(wrong.user)[before], wrong.text)
	}
	c.uis.AddFault(uisplatform.Fault{API: "call", Match: "start.employee_call", Kind: uisplatform.ResetBefore, Times: 50})
	before := len(c.told(3))
	require.Equal(t, http.StatusOK, post(token, robotCode, "unclear", card, nil))
	eventually(t, "he is told that it is not known", func() bool { return len(c.told(3)) == before+1 })
	require.Contains(t, c.told(3)[before], "Неизвестно")
	c.w.platform.ClearFaults()
	c.save(func(s map[string]any) { s["enabled"] = false })
	before = len(c.told(1))
	require.Equal(t, http.StatusOK, post(token, robotCode, "off", card, nil))
	eventually(t, "the administrator is told that it is off", func() bool { return len(c.told(1)) == before+1 })
	c.quiet()
	require.Len(t, c.uis.Calls(), 1, "nothing else was dialled")
}
