package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
)

const (
	connector = "omni_uis"
	telegram  = 21
	smsID     = 27
)

// line is an open line as the API shows it.
type line struct {
	ID          int
	Name        string
	Active      bool
	Gone        bool
	Channel     *int64
	ChannelName *string `json:"channel_name"`
	State       string
	Trouble     *struct{ Code, Text string }
}

type lineList struct {
	Items    []line
	Channels []struct {
		ID   int64
		Name string
		Type string
		Line *int
	}
	Enabled bool
	Portal  *int64
}

func (n *tenant) lines() lineList {
	n.t.Helper()
	return decode[lineList](n.t, n.must("GET", "/lines", nil))
}

func (n *tenant) line(id int) line {
	n.t.Helper()
	for _, l := range n.lines().Items {
		if l.ID == id {
			return l
		}
	}
	require.Fail(n.t, "no such line", "%d", id)
	return line{}
}

// carries is the channel of a line; 0: none.
func (n *tenant) carries(id int) int64 {
	n.t.Helper()
	if c := n.line(id).Channel; c != nil {
		return *c
	}
	return 0
}

func (n *tenant) choose(id int, channel int64) (int, []byte) {
	n.t.Helper()
	return n.as(n.admin, "PUT", fmt.Sprintf("/lines/%d", id), map[string]any{"channel": channel})
}

func (n *tenant) connectLine(id int, channel int64) {
	n.t.Helper()
	status, body := n.choose(id, channel)
	require.Equal(n.t, http.StatusOK, status, "%s", body)
	require.Equal(n.t, channel, *decode[line](n.t, body).Channel)
}

// connectorOn are the lines that have our connector at the portal; nil, false: it is not registered.
func (n *tenant) connectorOn() ([]int, bool) {
	for _, c := range n.portal.State().Connectors {
		if c.ID == connector {
			return c.Lines, true
		}
	}
	return nil, false
}

// linesOn switches the section on and waits until its connector is there.
func (n *tenant) linesOn() {
	n.t.Helper()
	code, wrong := n.save(func(doc map[string]any) { section(doc, "lines")["enabled"] = true })
	require.Equal(n.t, http.StatusOK, code, wrong)
	eventually(n.t, "the connector is registered", func() bool { _, there := n.connectorOn(); return there })
	n.w.rest()
}

func (n *tenant) chatChannels() []any {
	doc := decode[map[string]any](n.t, n.must("GET", "/settings", nil))
	list, _ := section(doc, "chats")["channels"].([]any)
	return list
}

// TestLinesConnect is the life of a line: the section on registers the connector (O1), a choice connects, takes the channel out of the chats' channels with a
// version of its own (O9), a second line takes the channel (O2), Bitrix24's own Disconnect and the deletion of a line are followed, open pages hear of all of it (P6).
func TestLinesConnect(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	_, there := n.connectorOn()
	require.False(t, there, "a portal that wants no lines gets no tile")
	status, body := n.choose(1, whatsapp)
	require.Equal(t, http.StatusConflict, status)
	require.Equal(t, "lines_off", code(body))
	n.linesOn()
	state := n.portal.State()
	require.Equal(t, "OMNI", state.Connectors[0].Name)
	for _, event := range []string{"ONIMCONNECTORSTATUSDELETE", "ONIMCONNECTORLINEDELETE"} {
		require.Contains(t, state.Apps[0].Events, event)
	}

	list := n.lines()
	require.True(t, list.Enabled)
	require.Len(t, list.Items, 2)
	require.Equal(t, "Основная линия", list.Items[0].Name)
	for _, c := range list.Channels {
		require.NotEqual(t, "sms", c.Type, "SMS is not offered")
	}
	require.Len(t, list.Channels, 8, "all others are")

	page := n.listen(n.admin)
	n.connectLine(1, whatsapp)
	on, _ := n.connectorOn()
	require.Equal(t, []int{1}, on)
	require.EqualValues(t, whatsapp, n.carries(1))
	require.NotContains(t, n.chatChannels(), float64(whatsapp), "at once")
	require.Contains(t, n.chatChannels(), float64(telegram))
	versions := decode[struct {
		Items []struct {
			SavedBy string `json:"saved_by"`
			Diff    []struct{ Field string }
		}
	}](t, n.must("GET", "/settings/versions", nil)).Items
	require.Contains(t, versions[0].SavedBy, "Власова")
	require.Contains(t, versions[0].SavedBy, "«WhatsApp продаж» подключён к открытой линии «Основная линия»")
	require.Len(t, versions[0].Diff, 1)
	require.Equal(t, "/chats/channels", versions[0].Diff[0].Field)
	w.rest()
	require.True(t, n.heardLine(page, 1, whatsapp))

	// The latest choice wins.
	n.connectLine(2, whatsapp)
	w.rest()
	require.EqualValues(t, whatsapp, n.carries(2))
	require.Equal(t, "none", n.line(1).State)
	on, _ = n.connectorOn()
	require.Equal(t, []int{2}, on, "the first line is disconnected at the portal too")
	require.True(t, n.heardLine(page, 1, 0))
	for _, c := range n.lines().Channels {
		if c.ID == whatsapp {
			require.Equal(t, 2, *c.Line)
		}
	}

	// Change, on the same line; the channel it had is free and stays out of the chats.
	n.connectLine(2, telegram)
	w.rest()
	on, _ = n.connectorOn()
	require.Equal(t, []int{2}, on)
	require.NotContains(t, n.chatChannels(), float64(whatsapp))
	require.NotContains(t, n.chatChannels(), float64(telegram))

	// Bitrix24's own Disconnect.
	n.portal.Disconnect(connector, 2, 1)
	eventually(t, "the line is free", func() bool { return n.line(2).State == "none" })
	require.NotContains(t, n.chatChannels(), float64(telegram), "it is not put back")
	require.True(t, n.heardLine(page, 2, 0))

	// Ours.
	n.connectLine(2, telegram)
	n.must("DELETE", "/lines/2", nil)
	on, _ = n.connectorOn()
	require.Empty(t, on)
	require.Equal(t, "none", n.line(2).State)
	n.must("DELETE", "/lines/2", nil) // again: harmless

	// A deleted line.
	n.connectLine(2, telegram)
	n.portal.DropLine(2, 1)
	eventually(t, "the line is gone", func() bool { return len(n.lines().Items) == 1 })
	n.connectLine(1, telegram)
	w.rest()
	w.clean()
}

// heardLine tells whether an open page was told that a line carries a channel; 0: nothing.
func (n *tenant) heardLine(p *page, id int, channel int64) bool {
	return poll(func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return slices.ContainsFunc(p.frames, func(f frame) bool {
			return f.Name == "line.changed" && f.Data.Changed && f.Data.Line == id && (f.Data.Channel == nil && channel == 0 || f.Data.Channel != nil && *f.Data.Channel == channel)
		})
	})
}

// TestLinesRefusals: what cannot be chosen is refused with its field; what the portal refuses, in an error or inside a successful answer, leaves the line as it was and
// is told in words.
func TestLinesRefusals(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.linesOn()
	for channel, wanted := range map[int64]string{smsID: "line_channel_not_carried", 999: "line_channel_not_found"} {
		status, body := n.choose(1, channel)
		require.Equal(t, http.StatusUnprocessableEntity, status)
		require.Contains(t, string(body), wanted)
	}
	status, body := n.choose(77, whatsapp)
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, "line_not_found", code(body))

	arm := func(f portal.Fault) {
		_, err := w.bitrix.AddFault(f)
		require.NoError(t, err)
	}
	before := n.chatChannels()
	for _, f := range []portal.Fault{
		{Method: "imconnector.activate", Kind: portal.FaultError, Code: "NOT_ACTIVE_LINE", Text: "Line with this ID is inactive or does not exist"},
		{Method: "imconnector.activate", Kind: portal.FaultDenied},
		{Method: "imconnector.connector.data.set", Kind: portal.FaultDenied},
		{Method: "imconnector.connector.data.set", Kind: portal.FaultDenied, Code: "SOMETHING", Text: "Не сегодня"},
	} {
		arm(f)
		status, body := n.choose(1, whatsapp)
		require.Equal(t, http.StatusBadGateway, status, "%s", body)
		require.Equal(t, "line_refused", code(body))
		require.Zero(t, n.carries(1), "%s %s", f.Method, f.Code)
		require.Equal(t, "failed", n.line(1).State)
		require.NotEmpty(t, n.line(1).Trouble.Text)
		require.Equal(t, before, n.chatChannels(), "what was not connected stays with the chats")
		w.rest()
		on, _ := n.connectorOn()
		require.Empty(t, on, "a line that carries nothing does not seem connected at the portal")
	}
	require.Contains(t, n.line(1).Trouble.Text, "Не сегодня")

	// A change that is refused leaves the channel on the line.
	n.connectLine(1, whatsapp)
	arm(portal.Fault{Method: "imconnector.activate", Kind: portal.FaultError, Code: "ERROR_CORE", Text: "no"})
	status, _ = n.choose(1, telegram)
	require.Equal(t, http.StatusBadGateway, status)
	require.EqualValues(t, whatsapp, n.carries(1))
	require.Contains(t, n.chatChannels(), float64(telegram))
	w.rest()
	on, _ := n.connectorOn()
	require.Equal(t, []int{1}, on)

	// The portal refuses the connector itself, inside a successful answer: install's step and the self-check say so.
	require.NoError(t, n.portal.Uninstall(appID, false))
	w.rest()
	require.NoError(t, n.portal.Install(appID))
	n.admin = n.open(1, "DEFAULT", nil).Session
	arm(portal.Fault{Method: "imconnector.register", Kind: portal.FaultDenied, Code: "GENERAL_CONNECTOR_REGISTRATION_ERROR", Text: "Коннекторов слишком много", Count: -1})
	var steps []byte
	eventually(t, "the lane of the removed app is closed, and open for the new one", func() bool {
		var status int
		status, steps = n.as(n.admin, "POST", fmt.Sprintf("/portals/%d/repair", n.id), nil)
		return status == http.StatusOK
	})
	require.Contains(t, string(steps), "Коннекторов слишком много")
	require.NoError(t, n.portal.FinishInstall(appID, 1))
	health := n.health()["connector"]
	require.False(t, health.OK)
	require.Contains(t, *health.Detail, "не зарегистрирован")
	require.Contains(t, *health.Detail, "Основная линия", "the line that lost it is named")

	// A new installation registers it anew and gives the lines back what the portal forgot.
	w.bitrix.ClearFaults()
	n.must("POST", fmt.Sprintf("/portals/%d/repair", n.id), nil)
	w.rest()
	on, _ = n.connectorOn()
	require.Equal(t, []int{1}, on)
	require.Equal(t, "on", n.line(1).State)
	require.True(t, n.health()["connector"].OK, "%v", n.health()["connector"].Detail)
	w.clean()
}

// TestLinesLostAnswers: nobody knows what became of a call; it is found out or said again, and comes out once.
func TestLinesLostAnswers(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.linesOn()
	for _, f := range []portal.Fault{{Method: "imconnector.activate", Kind: portal.FaultLost}, {Method: "imconnector.connector.data.set", Kind: portal.FaultLost},
		{Method: "imconnector.activate", Kind: portal.FaultLate, DelayMS: 700}, {Method: "imconnector.activate", Kind: portal.FaultReset}, {Method: "imconnector.activate", Kind: portal.FaultExpired}} {
		_, err := w.bitrix.AddFault(f)
		require.NoError(t, err)
		status, body := n.choose(1, whatsapp)
		require.Contains(t, []int{http.StatusOK, http.StatusAccepted}, status, "%s %s: %s", f.Method, f.Kind, body)
		w.rest()
		require.EqualValues(t, whatsapp, n.carries(1), "%s %s", f.Method, f.Kind)
		require.Equal(t, "on", n.line(1).State)
		on, _ := n.connectorOn()
		require.Equal(t, []int{1}, on)
		n.must("DELETE", "/lines/1", nil)
		w.rest()
	}
	// A disconnection that was lost, and the server dies meanwhile: what was chosen goes on.
	n.connectLine(2, whatsapp)
	_, err := w.bitrix.AddFault(portal.Fault{Method: "imconnector.activate", Kind: portal.FaultLost})
	require.NoError(t, err)
	go func() { _, _ = n.choose(1, whatsapp) }()
	eventually(t, "it is chosen", func() bool { return n.line(1).State == "connecting" })
	w.servers[0].restart()
	w.rest()
	require.EqualValues(t, whatsapp, n.carries(1))
	require.Zero(t, n.carries(2))
	on, _ := n.connectorOn()
	require.Equal(t, []int{1}, on)
	w.clean()
}

// TestLinesSectionOff: off, nothing can be chosen and the lines stay tied; the page is served and told so. The tile of a portal without ties goes.
func TestLinesSectionOff(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.linesOn()
	n.connectLine(1, whatsapp)
	for _, name := range []string{"lines", "main"} {
		status, wrong := n.save(func(doc map[string]any) { section(doc, name)["enabled"] = false })
		require.Equal(t, http.StatusOK, status, wrong)
		w.rest()
		list := n.lines()
		require.False(t, list.Enabled)
		require.Nil(t, list.Portal)
		require.EqualValues(t, whatsapp, n.carries(1), "it stays tied")
		on, there := n.connectorOn()
		require.True(t, there)
		require.Equal(t, []int{1}, on, "and stays connected at the portal")
		answer, body := n.choose(2, telegram)
		require.Equal(t, http.StatusConflict, answer)
		require.Equal(t, "lines_off", code(body))
		page := n.open(1, "SETTING_CONNECTOR", map[string]any{"CONNECTOR": connector, "LINE": "1", "STATUS": true})
		require.Equal(t, "connector", page.Page)
		require.Equal(t, "1", page.Context["line"])
		require.NotContains(t, n.health(), "connector", "what is off is not checked")
		status, wrong = n.save(func(doc map[string]any) { section(doc, name)["enabled"] = true })
		require.Equal(t, http.StatusOK, status, wrong)
		w.rest()
	}
	require.True(t, n.lines().Enabled)
	require.True(t, n.health()["connector"].OK)
	n.must("DELETE", "/lines/1", nil)
	status, wrong := n.save(func(doc map[string]any) { section(doc, "lines")["enabled"] = false })
	require.Equal(t, http.StatusOK, status, wrong)
	eventually(t, "the tile is gone", func() bool { _, there := n.connectorOn(); return !there })
	w.rest()
	w.clean()
}

// TestLinesMissedEvents: the portal told of a disconnection while nothing listened; the daily look, here a repair, finds out.
func TestLinesMissedEvents(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.linesOn()
	n.connectLine(1, whatsapp)
	n.connectLine(2, telegram)
	w.rest()
	n.portal.SetEventMode(portal.EventMode{Lost: true})
	n.portal.Disconnect(connector, 2, 1)
	n.portal.SetEventMode(portal.EventMode{})
	health := n.health()["connector"]
	require.False(t, health.OK)
	require.Contains(t, *health.Detail, "«Поддержка»")
	n.must("POST", fmt.Sprintf("/portals/%d/repair", n.id), nil)
	w.rest()
	require.Equal(t, "none", n.line(2).State)
	require.EqualValues(t, whatsapp, n.carries(1))
	w.clean()
}

// TestLinesOfTwoCompanies: equal numbers of lines, channels and connectors never meet, and nobody reaches another's lines.
func TestLinesOfTwoCompanies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	n, other := w.company("romashka", 0), w.company("vasilek", 0)
	w.run()
	n.setUp()
	other.setUp()
	n.linesOn()
	other.linesOn()
	n.connectLine(1, whatsapp)
	other.connectLine(2, whatsapp)
	w.rest()
	require.EqualValues(t, whatsapp, n.carries(1))
	require.Zero(t, n.carries(2))
	require.EqualValues(t, whatsapp, other.carries(2))
	w.unchanged(func() {
		for _, try := range []struct {
			method, path string
			body         any
		}{{"GET", "/lines?portal=%d", nil}, {"PUT", "/lines/1?portal=%d", map[string]any{"channel": telegram}}, {"DELETE", "/lines/1?portal=%d", nil}} {
			status, body := other.as(other.admin, try.method, fmt.Sprintf(try.path, n.id), try.body)
			require.Equal(t, http.StatusNotFound, status, "%s: %s", try.method, body)
			require.Equal(t, "portal_not_found", code(body))
			status, _ = n.as(n.operator, try.method, strings.Split(try.path, "?")[0], try.body)
			require.Equal(t, http.StatusForbidden, status, "an operator: %s", try.method)
		}
	})
	other.portal.Disconnect(connector, 2, 1)
	eventually(t, "the other's line is free", func() bool { return other.line(2).State == "none" })
	require.EqualValues(t, whatsapp, n.carries(1))
	w.rest()
	w.clean()
}

// TestLinesAfterAnUpdate: an update of the app takes its handlers off the portal; those of the lines come back by themselves, and lines stay as they were.
func TestLinesAfterAnUpdate(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.linesOn()
	n.connectLine(1, whatsapp)
	w.rest()
	require.NoError(t, n.portal.Update(appID, 1))
	require.Empty(t, n.portal.State().Apps[0].Events)
	eventually(t, "the events of lines are listened to again", func() bool {
		events := n.portal.State().Apps[0].Events
		return events["ONIMCONNECTORSTATUSDELETE"] != "" && events["ONIMCONNECTORLINEDELETE"] != ""
	})
	w.rest()
	on, _ := n.connectorOn()
	require.Equal(t, []int{1}, on)
	require.EqualValues(t, whatsapp, n.carries(1))
}
