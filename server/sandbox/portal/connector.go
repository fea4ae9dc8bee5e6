package portal

import (
	"regexp"
	"strings"
)

// connector is a channel an application registered for open lines.
type connector struct {
	id, name, handler string
	app               string // client id
	icon              *arr
	edit, del, group  bool
	system, signature bool
	newsletter        bool
}

// openLine is one open line with what is connected to it.
type openLine struct {
	id     int
	name   string
	queue  []int
	active bool
	params *arr
	status map[string]*lineStatus // by connector
}

type lineStatus struct {
	active, connected, registered, failed bool
	data                                  *arr
}

func (s *lineStatus) good() bool {
	return s != nil && s.active && s.connected && s.registered && !s.failed
}

// lineState is everything of open lines.
type lineState struct {
	connectors []*connector
	lines      []*openLine
	dialogs    []*dialog
	robots     []*robot
}

func newLines() *lineState {
	s := &lineState{}
	for i, name := range []string{"Основная линия", "Поддержка"} {
		s.lines = append(s.lines, &openLine{id: i + 1, name: name, queue: []int{2, 3}, active: true, params: newArr(), status: map[string]*lineStatus{}})
	}
	return s
}

func (s *lineState) connector(id string) *connector {
	for _, c := range s.connectors {
		if c.id == strings.ToLower(id) {
			return c
		}
	}
	return nil
}

func (s *lineState) line(id int) *openLine {
	for _, l := range s.lines {
		if l.id == id {
			return l
		}
	}
	return nil
}

func (s *lineState) settingsHandler(app, id string) string {
	if c := s.connector(id); c != nil && c.app == app {
		return c.handler
	}
	return ""
}

// dropApp removes the connectors of an application.
func (s *lineState) dropApp(app string) {
	var kept []*connector
	for _, c := range s.connectors {
		if c.app != app {
			kept = append(kept, c)
			continue
		}
		for _, l := range s.lines {
			delete(l.status, c.id)
		}
	}
	s.connectors = kept
	var robots []*robot
	for _, r := range s.robots {
		if r.app != app {
			robots = append(robots, r)
		}
	}
	s.robots = robots
}

const connectorScope = "imconnector|imopenlines"

// connectorMethods are the registration and the lines of imconnector.* (docs section "imopenlines/imconnector").
func connectorMethods() []*method {
	icon := []any{"DATA_IMAGE str", "COLOR str", "SIZE str", "POSITION str"}
	return []*method{
		{name: "imconnector.register", scope: connectorScope, app: true, fold: true, run: connectorRegister,
			takes: takes("ID str", "NAME str", with("ICON map", icon...), with("ICON_DISABLED map", icon...), "PLACEMENT_HANDLER str", "DEL_EXTERNAL_MESSAGES bool",
				"EDIT_INTERNAL_MESSAGES bool", "DEL_INTERNAL_MESSAGES bool", "NEWSLETTER bool", "NEED_SYSTEM_MESSAGES bool", "NEED_SIGNATURE bool", "CHAT_GROUP bool", "COMMENT str")},
		{name: "imconnector.unregister", scope: connectorScope, app: true, fold: true, run: connectorUnregister, takes: takes("ID str*")},
		{name: "imconnector.list", scope: connectorScope, app: true, run: connectorList},
		{name: "imconnector.activate", scope: connectorScope, app: true, fold: true, run: connectorActivate, takes: takes("CONNECTOR str*", "LINE int*", "ACTIVE flag*")},
		{name: "imconnector.status", scope: connectorScope, app: true, fold: true, run: connectorStatus, takes: takes("CONNECTOR str*", "LINE int")},
		{name: "imconnector.connector.data.set", scope: connectorScope, app: true, fold: true, run: connectorDataSet,
			takes: takes("CONNECTOR str*", "LINE int*", with("DATA map*", "ID str", "URL str", "URL_IM str", "NAME str", "id str", "url str", "url_im str", "name str"))},
		{name: "imconnector.set.error", scope: connectorScope, app: true, fold: true, run: connectorSetError, takes: takes("CONNECTOR str*", "LINE int*")},
		{name: "imconnector.chat.name.set", scope: connectorScope, app: true, fold: true, run: connectorChatName,
			takes: takes("CONNECTOR str*", "LINE int*", "CHAT_ID str*", "NAME str*", "USER_ID str")},
	}
}

var connectorID = regexp.MustCompile(`^[a-z0-9_]+$`)

// registerRefusal is HTTP 200 with result:false, as imconnector.register answers.
func registerRefusal(c *call, code, text string) (any, error) {
	c.p.world.noteBreach(breach(200, code, "%s", text), c.p, c.tok.clientID, strings.ToLower(c.m.name))
	return kv("result", false, "error", code, "error_description", text), nil
}

func connectorRegister(c *call) (any, error) {
	id := strings.ToLower(c.args.str("ID"))
	switch {
	case id == "":
		return registerRefusal(c, "CONNECTOR_ID_REQUIRED", "Connector ID is required")
	case strings.Contains(id, "."):
		return registerRefusal(c, "APPLICATION_REGISTRATION_ERROR_POINT", "Connector ID contains a dot")
	case !connectorID.MatchString(id):
		return registerRefusal(c, "GENERAL_CONNECTOR_REGISTRATION_ERROR", "Connector ID has characters that are not allowed")
	case c.args.str("NAME") == "":
		return registerRefusal(c, "NAME_REQUIRED", "Name is required")
	case c.args.sub("ICON").str("DATA_IMAGE") == "":
		return registerRefusal(c, "ICON_REQUIRED", "Icon is required")
	case c.args.str("PLACEMENT_HANDLER") == "":
		return registerRefusal(c, "NO_PLACEMENT_HANDLER", "Placement handler is required")
	}
	if err := c.p.checkHandler(c.args.str("PLACEMENT_HANDLER")); err != nil {
		return nil, err
	}
	con := c.p.lines.connector(id)
	if con != nil && con.app != c.tok.clientID {
		return kv("result", false, "error", "APPLICATION_REGISTRATION_ERROR", "error_description", "The connector belongs to another application"), nil
	}
	if con == nil {
		con = &connector{id: id, app: c.tok.clientID}
		c.p.lines.connectors = append(c.p.lines.connectors, con)
	}
	flag := func(name string, initial bool) bool {
		if !c.args.has(name) {
			return initial
		}
		return truth(c.args.get(name))
	}
	con.name, con.handler, con.icon = c.args.str("NAME"), c.args.str("PLACEMENT_HANDLER"), c.args.sub("ICON")
	con.edit = flag("EDIT_INTERNAL_MESSAGES", true)
	con.del = con.edit // the portal derives one from the other
	con.newsletter, con.system = flag("NEWSLETTER", true), flag("NEED_SYSTEM_MESSAGES", true)
	con.signature, con.group = flag("NEED_SIGNATURE", true), flag("CHAT_GROUP", false)
	return kv("result", true), nil
}

func connectorUnregister(c *call) (any, error) {
	id := strings.ToLower(c.args.str("ID"))
	con := c.p.lines.connector(id)
	if con == nil || con.app != c.tok.clientID {
		return kv("result", false, "error", "APPLICATION_UNREGISTRATION_ERROR", "error_description", "The connector is not registered"), nil
	}
	for i, x := range c.p.lines.connectors {
		if x == con {
			c.p.lines.connectors = append(c.p.lines.connectors[:i:i], c.p.lines.connectors[i+1:]...)
			break
		}
	}
	for _, l := range c.p.lines.lines {
		delete(l.status, id)
	}
	return kv("result", true), nil
}

func connectorList(c *call) (any, error) {
	if !c.user.Admin {
		return nil, fail(403, "ACCESS_DENIED", "Access denied")
	}
	out := kv("livechat", "Онлайн-чат")
	for _, con := range c.p.lines.connectors {
		out.set(con.id, con.name)
	}
	return out, nil
}

// lineArgs finds the connector and the line of a call.
func (c *call) lineArgs() (*connector, *openLine, error) {
	con := c.p.lines.connector(c.args.str("CONNECTOR"))
	if con == nil || con.app != c.tok.clientID {
		return nil, nil, fail(400, "IMCONNECTOR_NO_CORRECT_PROVIDER", "Could not find the right provider for the connector")
	}
	l := c.p.lines.line(c.args.int("LINE"))
	if l == nil {
		return con, nil, fail(400, "NOT_ACTIVE_LINE", "Line with this ID is inactive or does not exist")
	}
	return con, l, nil
}

func (l *openLine) of(connector string) *lineStatus {
	if l.status[connector] == nil {
		l.status[connector] = &lineStatus{data: newArr()}
	}
	return l.status[connector]
}

func connectorActivate(c *call) (any, error) {
	con, l, err := c.lineArgs()
	if err != nil {
		return nil, err
	}
	if !truth(c.args.get("ACTIVE")) {
		c.p.disconnect(con, l, c.user, c.hops())
		return true, nil
	}
	st := l.of(con.id)
	st.active, st.connected, st.registered, st.failed = true, true, true, false
	return true, nil
}

// disconnect takes a connector off a line and tells its application.
func (p *Portal) disconnect(con *connector, l *openLine, actor *User, hops int) {
	if l.status[con.id] == nil {
		return
	}
	delete(l.status, con.id)
	p.fireTo("OnImConnectorStatusDelete", kv("connector", con.id, "line", l.id), actor, hops, ownedBy(con.app))
}

// ownedBy limits an event to one application.
func ownedBy(app string) func(*installation) bool {
	return func(in *installation) bool { return in.app.ClientID == app }
}

func connectorStatus(c *call) (any, error) {
	id := strings.ToLower(c.args.str("CONNECTOR"))
	n := c.args.int("LINE")
	var st *lineStatus
	if l := c.p.lines.line(n); l != nil {
		st = l.status[id]
	}
	return kv("LINE", n, "CONNECTOR", id, "ERROR", st != nil && st.failed, "CONFIGURED", st.good(), "STATUS", st.good()), nil
}

func connectorDataSet(c *call) (any, error) {
	con, l, err := c.lineArgs()
	if err != nil {
		return nil, err
	}
	st := l.of(con.id)
	data := c.args.sub("DATA")
	for _, k := range data.keys {
		if s := data.str(k); s != "" {
			st.data.set(strings.ToUpper(k), s)
		}
	}
	st.connected, st.registered = true, true
	return true, nil
}

func connectorSetError(c *call) (any, error) {
	con, l, err := c.lineArgs()
	if err != nil {
		return nil, err
	}
	l.of(con.id).failed = true
	return true, nil
}
