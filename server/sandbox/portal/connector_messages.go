package portal

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// connectorMessageMethods carry messages and statuses (docs section "imopenlines/imconnector").
func connectorMessageMethods() []*method {
	message := with("message map*", "id str", "date int", "text str", with("files list", "url str*", "name str", "link str"), "disable_crm yn", "user_id int")
	user := with("user map*", "id str*", "name str", "last_name str", with("picture map", "url str"), "url str", "gender str", "sex str", "email str", "phone str", "skip_phone_validate yn")
	chat := with("chat map*", "id str*", "name str", "url str")
	sending := takes("CONNECTOR str*", "LINE int*", with("MESSAGES list*", user, message, chat))
	deleting := takes("CONNECTOR str*", "LINE int*", with("MESSAGES list*", with("user map*", "id str*"), with("message map*", "id str*"), chat))
	statuses := takes("CONNECTOR str*", "LINE int*", with("MESSAGES list*", with("im map*", "chat_id int*", "message_id int*"), with("message map", "id any", "date int"), with("chat map*", "id str*")))
	return []*method{
		{name: "imconnector.send.messages", scope: connectorScope, app: true, fold: true, takes: sending, prepare: fetchFiles, run: messagesSend},
		{name: "imconnector.update.messages", scope: connectorScope, app: true, fold: true, takes: sending, prepare: fetchFiles, run: messagesUpdate},
		{name: "imconnector.delete.messages", scope: connectorScope, app: true, fold: true, takes: deleting, run: messagesDelete},
		{name: "imconnector.send.status.delivery", scope: connectorScope, app: true, fold: true, takes: statuses, run: statusDelivery},
		{name: "imconnector.send.status.reading", scope: connectorScope, app: true, fold: true, takes: statuses, run: func(c *call) (any, error) {
			return kv("SUCCESS", true, "DATA", newArr()), nil // accepted and without effect
		}},
	}
}

// fetchFiles downloads what messages name, before the portal's lock is taken; a file that cannot be had is left out.
func fetchFiles(c *call) error {
	c.fetched = map[string][]byte{}
	for _, v := range c.args.sub("MESSAGES").items() {
		m, _ := v.(*arr)
		for _, f := range m.sub("message").sub("files").items() {
			file, _ := f.(*arr)
			address := file.str("url")
			if data, err := c.p.world.download(address); err == nil {
				c.fetched[address] = data
			} else {
				c.p.world.log.Info("portal: a file of a message could not be fetched", "url", address, "error", err)
			}
		}
	}
	return nil
}

// download fetches a file the way the portal does: redirects are followed, only status 200 counts.
func (w *World) download(address string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "Bitrix Connector Client")
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("server returns HTTP error code %d", resp.StatusCode)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 200<<20))
}

// fileName gives a file its name, from the address when the message has none.
func fileName(file *arr) string {
	if n := file.str("name"); n != "" {
		return n
	}
	u, err := url.Parse(file.str("url"))
	if err != nil {
		return "file"
	}
	return path.Base(u.Path)
}

// dialogArgs finds connector and line and refuses a line the connector is not active on.
func (c *call) dialogArgs() (*connector, *openLine, error) {
	con, l, err := c.lineArgs()
	if err != nil {
		return nil, nil, err
	}
	if !l.active || l.status[con.id] == nil || !l.status[con.id].active {
		return nil, nil, fail(400, "NOT_ACTIVE_LINE", "Line with this ID is inactive or does not exist")
	}
	return con, l, nil
}

func messagesSend(c *call) (any, error) {
	con, l, err := c.dialogArgs()
	if err != nil {
		return nil, err
	}
	results := newArr()
	for _, v := range c.args.sub("MESSAGES").items() {
		results.push(c.incoming(con, l, v.(*arr)))
	}
	return kv("SUCCESS", true, "DATA", kv("RESULT", results)), nil
}

// incoming puts one message of a client (or of an employee, by user_id) into its dialog.
func (c *call) incoming(con *connector, l *openLine, m *arr) *arr {
	user, msg, chat := m.sub("user"), m.sub("message"), m.sub("chat")
	row := kv("user", "", "message", kv("id", msg.str("id"), "date", noObject{}, "text", msg.str("text"), "files", newArr()), "chat", chat)
	if msg.str("text") == "" && msg.sub("files").len() == 0 {
		return row.set("SUCCESS", false).set("ERRORS", list("Message is empty"))
	}
	d := c.p.openDialog(con, l, user, chat, c)
	line := &lineMessage{id: c.p.id("message"), client: !msg.has("user_id"), author: msg.int("user_id"), text: msg.str("text"), at: stamp(c.p.now()), delivered: true}
	if id := msg.str("id"); id != "" {
		line.ext = []string{id}
	}
	line.files = c.storeFiles(msg)
	if line.text == "" && len(line.files) == 0 {
		line.text = "[FILE]"
	}
	d.messages = append(d.messages, line)
	c.p.fireLineMessage("OnOpenLineMessageAdd", d, line, c.user, c.hops())
	if msg.int("user_id") > 0 { // an employee's message put in by the application comes back as any answer does
		c.p.fireConnector("OnImConnectorMessageAdd", d, c.p.connectorMessage(d, line), c.user, c.hops())
	}
	row.set("user", text(d.guest)).set("extra", newArr()).set("SUCCESS", true)
	return row.set("session", kv("ID", text(d.session), "CHAT_ID", text(d.chat)))
}

func (c *call) storeFiles(msg *arr) []storedFile {
	var out []storedFile
	for _, v := range msg.sub("files").items() {
		file := v.(*arr)
		if data, ok := c.fetched[file.str("url")]; ok {
			out = append(out, storedFile{id: c.p.id("file"), name: fileName(file), data: data})
		}
	}
	return out
}

// eachKnown runs do for every named message the portal knows; unknown ones are passed over silently.
func (c *call) eachKnown(do func(d *dialog, m *lineMessage, entry *arr)) (any, error) {
	con, l, err := c.dialogArgs()
	if err != nil {
		return nil, err
	}
	results := newArr()
	for _, v := range c.args.sub("MESSAGES").items() {
		m := v.(*arr)
		if d := c.p.lines.find(con, l, m.sub("chat").str("id"), m.sub("user").str("id")); d != nil {
			if known := d.byExternal(m.sub("message").str("id")); known != nil {
				do(d, known, m)
			}
		}
		results.push(kv("user", m.sub("user").str("id"), "message", m.sub("message"), "chat", m.sub("chat"), "SUCCESS", true))
	}
	return kv("SUCCESS", true, "DATA", kv("RESULT", results)), nil
}

func messagesUpdate(c *call) (any, error) {
	return c.eachKnown(func(d *dialog, m *lineMessage, entry *arr) {
		msg := entry.sub("message")
		if s := msg.str("text"); s != "" {
			m.text = s
		}
		if files := c.storeFiles(msg); len(files) > 0 {
			m.files = files
		}
		c.p.fireLineMessage("OnOpenLineMessageUpdate", d, m, c.user, c.hops())
	})
}

func messagesDelete(c *call) (any, error) {
	return c.eachKnown(func(d *dialog, m *lineMessage, _ *arr) {
		m.deleted = true
		c.p.fireLineMessage("OnOpenLineMessageDelete", d, m, c.user, c.hops())
	})
}

// statusDelivery clears "sending" and, the first time only, stores the external ids that later edits name.
func statusDelivery(c *call) (any, error) {
	if _, _, err := c.dialogArgs(); err != nil {
		return nil, err
	}
	for _, v := range c.args.sub("MESSAGES").items() {
		m := v.(*arr)
		d := c.p.lines.dialog(m.sub("im").int("chat_id"))
		if d == nil {
			continue
		}
		for _, known := range d.messages {
			if known.id != m.sub("im").int("message_id") || known.delivered {
				continue
			}
			known.delivered = true
			switch ids := m.sub("message").get("id").(type) {
			case *arr:
				for _, id := range ids.items() {
					known.ext = append(known.ext, text(id))
				}
			case nil:
			default:
				known.ext = []string{text(ids)}
			}
		}
	}
	return kv("SUCCESS", true, "DATA", newArr()), nil
}

func connectorChatName(c *call) (any, error) {
	con, l, err := c.dialogArgs()
	if err != nil {
		return nil, err
	}
	d := c.p.lines.find(con, l, c.args.str("CHAT_ID"), c.args.str("USER_ID"))
	if d == nil {
		return nil, fail(400, "CHAT_RENAMING_FAILED", "The chat could not be renamed")
	}
	d.name = strings.TrimSpace(c.args.str("NAME"))
	return kv("SUCCESS", true, "DATA", kv("RESULT", noObject{})), nil
}
