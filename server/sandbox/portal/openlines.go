package portal

import (
	"fmt"
	"strings"
)

// openLineMethods are imopenlines.* as far as the product reads lines and dialogs.
func openLineMethods() []*method {
	return []*method{
		{name: "imopenlines.config.list.get", scope: "imopenlines", fold: true, run: lineList,
			takes: takes(with("PARAMS map", "select list", "order map", "filter map", "limit int", "offset int"), "OPTIONS map")},
		{name: "imopenlines.config.get", scope: "imopenlines", fold: true, run: lineGet, takes: takes("CONFIG_ID int", "WITH_QUEUE yn", "SHOW_OFFLINE yn")},
		{name: "imopenlines.config.add", scope: "imopenlines", fold: true, run: lineAdd, takes: takes("PARAMS map")},
		{name: "imopenlines.config.update", scope: "imopenlines", fold: true, run: lineUpdate, takes: takes("CONFIG_ID int*", "PARAMS map*")},
		{name: "imopenlines.config.delete", scope: "imopenlines", fold: true, run: lineDelete, takes: takes("CONFIG_ID int*")},
		{name: "imopenlines.config.path.get", scope: "imopenlines", run: func(c *call) (any, error) {
			return kv("SERVER_ADDRESS", c.p.URL(), "PUBLIC_PATH", "/contact_center/"), nil
		}},
		{name: "imopenlines.dialog.get", scope: "imopenlines", fold: true, run: dialogGet, takes: takes("CHAT_ID int", "DIALOG_ID str", "SESSION_ID int", "USER_CODE str")},
		{name: "imopenlines.session.history.get", scope: "imopenlines", fold: true, run: historyGet, takes: takes("SESSION_ID int", "CHAT_ID int")},
		{name: "imopenlines.session.open", scope: "imopenlines", fold: true, run: sessionOpen, takes: takes("USER_CODE str*")},
		{name: "imopenlines.operator.finish", scope: "imopenlines", fold: true, run: operatorFinish, takes: takes("CHAT_ID int*")},
		{name: "imopenlines.operator.answer", scope: "imopenlines", fold: true, run: operatorAnswer, takes: takes("CHAT_ID int*")},
	}
}

func (l *openLine) row() *arr {
	row := kv("ID", text(l.id), "LINE_NAME", l.name, "ACTIVE", yn(l.active), "CRM", "Y", "CRM_CREATE", "none", "QUEUE_TYPE", "evenly", "DATE_CREATE", noObject{})
	for _, k := range l.params.keys {
		row.set(k, l.params.vals[k])
	}
	return row
}

func lineList(c *call) (any, error) {
	params := c.args.sub("PARAMS")
	var rows []*arr
	for _, l := range c.p.lines.lines {
		row, keep := l.row(), true
		for _, k := range params.sub("filter").keysOf() {
			op, name := splitPrefix(k)
			if !row.has(name) {
				return nil, breach(400, "INVALID_FORMAT", "Unknown field %s in the filter", name)
			}
			keep = keep && compare(op, row.get(name), params.sub("filter").get(k))
		}
		if keep {
			rows = append(rows, row)
		}
	}
	by := params.sub("order")
	if by.len() == 0 {
		by = kv("ID", "ASC")
	}
	sortRows(rows, by, func(r *arr, k string) any { return r.get(k) })
	out, limit := newArr(), 50
	if n := params.int("limit"); n > 0 {
		limit = min(n, 200)
	}
	for i := params.int("offset"); i < len(rows) && out.len() < limit; i++ {
		out.push(rows[i].only(params.sub("select")))
	}
	return out, nil
}

func lineGet(c *call) (any, error) {
	if !c.args.has("CONFIG_ID") {
		return nil, breach(400, "CONFIG_ID_EMPTY", "Config ID can't be empty")
	}
	l := c.p.lines.line(c.args.int("CONFIG_ID"))
	if l == nil {
		return false, nil
	}
	row := l.row()
	if c.args.str("WITH_QUEUE") != "N" {
		queue := newArr()
		for _, id := range l.queue {
			queue.push(text(id))
		}
		row.set("QUEUE", queue)
	}
	return row, nil
}

func (l *openLine) write(params *arr) {
	for _, k := range params.keysOf() {
		switch v := params.vals[k]; k {
		case "LINE_NAME":
			l.name = text(v)
		case "ACTIVE":
			l.active = truth(v)
		case "QUEUE":
			l.queue = nil
			for _, x := range params.sub(k).items() {
				if a, ok := x.(*arr); ok {
					l.queue = append(l.queue, a.int("ENTITY_ID"))
				} else if n, ok := integer(x); ok {
					l.queue = append(l.queue, n)
				}
			}
		default:
			l.params.set(k, v)
		}
	}
}

func lineAdd(c *call) (any, error) {
	id := 0
	for _, l := range c.p.lines.lines {
		id = max(id, l.id)
	}
	l := &openLine{id: id + 1, name: fmt.Sprintf("Открытая линия %d", id+1), active: true, queue: []int{c.user.ID}, params: newArr(), status: map[string]*lineStatus{}}
	l.write(c.args.sub("PARAMS"))
	c.p.lines.lines = append(c.p.lines.lines, l)
	return l.id, nil
}

func lineUpdate(c *call) (any, error) {
	l := c.p.lines.line(c.args.int("CONFIG_ID"))
	if l == nil || !c.user.Admin {
		return nil, fail(403, "CONFIG_WRONG_USER_PERMISSION", "Permission denied")
	}
	l.write(c.args.sub("PARAMS"))
	return true, nil
}

func lineDelete(c *call) (any, error) {
	return c.p.dropLine(c.args.int("CONFIG_ID"), c.user, c.hops()), nil
}

// dropLine removes a line; every subscriber hears of it, as the portal does not ask whose connectors it had.
func (p *Portal) dropLine(id int, actor *User, hops int) bool {
	for i, l := range p.lines.lines {
		if l.id == id {
			p.lines.lines = append(p.lines.lines[:i:i], p.lines.lines[i+1:]...)
			p.fire("OnImConnectorLineDelete", id, actor, hops)
			return true
		}
	}
	return false
}

// argDialog finds the dialog by any of the ways dialog.get and history.get know.
func (c *call) argDialog() *dialog {
	chat := c.args.int("CHAT_ID")
	if s := c.args.str("DIALOG_ID"); s != "" {
		chat, _ = integer(strings.TrimPrefix(s, "chat"))
	}
	if d := c.p.lines.dialog(chat); d != nil {
		return d
	}
	code := strings.TrimPrefix(c.args.str("USER_CODE"), "imol|")
	for _, d := range c.p.lines.dialogs {
		if code != "" && c.p.entityID(d) == code || c.args.has("SESSION_ID") && d.session == c.args.int("SESSION_ID") {
			return d
		}
	}
	return nil
}

func (p *Portal) dialogRow(d *dialog) *arr {
	last := 0
	if n := len(d.messages); n > 0 {
		last = d.messages[n-1].id
	}
	e := d.entities
	first, typ := "N|NONE|0", ""
	for _, t := range []int{Lead, Deal, Contact, Company} {
		if e[t] != 0 && typ == "" {
			typ = strings.ToUpper(entityNames[t])
			first = fmt.Sprintf("Y|%s|%d", typ, e[t])
		}
	}
	return kv("id", d.chat, "dialog_id", fmt.Sprintf("chat%d", d.chat), "name", d.name, "owner", d.operator, "entity_type", "LINES", "entity_id", p.entityID(d),
		"entity_data_1", fmt.Sprintf("%s|N|N|%d|%s|0|0|0", first, d.session, text(p.now().Unix())),
		"entity_data_2", fmt.Sprintf("LEAD|%d|COMPANY|%d|CONTACT|%d|DEAL|%d", e[Lead], e[Company], e[Contact], e[Deal]), "manager_list", newArr(), "readed_list", newArr(),
		"last_message_id", last, "date_create", d.created, "type", "lines")
}

func dialogGet(c *call) (any, error) {
	d := c.argDialog()
	if d == nil {
		return nil, fail(400, "ACCESS_ERROR", "You do not have access to the specified dialog")
	}
	return c.p.dialogRow(d), nil
}

func historyGet(c *call) (any, error) {
	if !c.args.has("CHAT_ID") && !c.args.has("SESSION_ID") {
		return nil, breach(400, "MISSING_REQUIRED_PARAM", "Missing required parameter")
	}
	d := c.argDialog()
	if d == nil {
		return nil, fail(400, "INVALID_SESSION_ID", "Session not found")
	}
	messages, files := newArr(), newArr()
	for _, m := range d.messages {
		if m.deleted {
			continue
		}
		sender := m.author
		if m.client {
			sender = d.guest
		}
		ids := newArr()
		for _, f := range m.files {
			ids.push(f.id)
			files.set(text(f.id), kv("id", f.id, "name", f.name, "size", len(f.data)))
		}
		messages.set(text(m.id), kv("id", m.id, "chatId", d.chat, "senderId", sender, "recipientId", fmt.Sprintf("chat%d", d.chat), "date", m.at, "text", m.text,
			"textOriginal", m.text, "params", kv("FILE_ID", ids, "CONNECTOR_MID", listOf(m.ext))))
	}
	users := kv(text(d.guest), kv("id", d.guest, "name", d.name, "connector", true))
	return kv("chatId", d.chat, "canJoin", "Y", "canVoteAsHead", "N", "sessionId", d.session, "sessionVoteHead", 0, "message", messages, "usersMessage", newArr(), "users", users,
		"openlines", newArr(), "userInGroup", newArr(), "chat", kv(text(d.chat), c.p.dialogRow(d)), "files", files), nil
}

func sessionOpen(c *call) (any, error) {
	d := c.argDialog()
	if d == nil {
		return nil, fail(400, "ACCESS_DENIED", "Access denied")
	}
	return kv("chatId", text(d.chat)), nil
}

func operatorFinish(c *call) (any, error) {
	d := c.argDialog()
	if d == nil {
		return nil, fail(400, "CHAT_ID", "Wrong chat ID")
	}
	c.p.finishDialog(d, c.user)
	return true, nil
}

func operatorAnswer(c *call) (any, error) {
	d := c.argDialog()
	if d == nil {
		return nil, fail(400, "CHAT_ID", "Wrong chat ID")
	}
	d.operator = c.user.ID
	return true, nil
}
