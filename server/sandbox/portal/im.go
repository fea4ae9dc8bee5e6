package portal

// notification is one entry of the bell.
type notification struct {
	id       int
	user     int
	from     int // 0: system
	app      string
	text     string
	tag, sub string
	created  string
	read     bool
}

type imState struct{ notes []*notification }

func newIM() *imState { return &imState{} }

// imMethods are im.notify.*.
func imMethods() []*method {
	shape := takes("USER_ID int", "TO int", "MESSAGE str", "MESSAGE_OUT str", "TAG str", "SUB_TAG str", "ATTACH any")
	return []*method{
		{name: "im.notify.personal.add", scope: "im", fold: true, takes: shape, run: func(c *call) (any, error) { return notifyAdd(c, c.user.ID) }},
		{name: "im.notify.system.add", scope: "im", fold: true, app: true, takes: shape, run: func(c *call) (any, error) { return notifyAdd(c, 0) }},
		{name: "im.notify.delete", scope: "im", fold: true, takes: takes("ID int", "TAG str", "SUB_TAG str"), run: notifyDelete},
	}
}

func notifyAdd(c *call, from int) (any, error) {
	to := c.args.int("USER_ID")
	if to == 0 {
		to = c.args.int("TO")
	}
	if to == 0 {
		return nil, breach(400, "USER_ID_EMPTY", "User ID can't be empty")
	}
	if c.args.str("MESSAGE") == "" {
		return nil, breach(400, "MESSAGE_EMPTY", "Message can't be empty")
	}
	u := c.p.user(to)
	if u == nil || u.Dismissed {
		return false, nil
	}
	n := &notification{id: c.p.id("notify"), user: to, from: from, app: c.in.app.title(c.p.cfg.Lang), text: c.args.str("MESSAGE"), tag: c.args.str("TAG"), sub: c.args.str("SUB_TAG"),
		created: stamp(c.p.now())}
	if n.tag != "" { // the same tag replaces the old one
		c.p.im.drop(func(o *notification) bool { return o.user == to && o.tag == n.tag })
	}
	c.p.im.notes = append(c.p.im.notes, n)
	return n.id, nil
}

func (s *imState) drop(match func(*notification) bool) int {
	var kept []*notification
	for _, n := range s.notes {
		if !match(n) {
			kept = append(kept, n)
		}
	}
	gone := len(s.notes) - len(kept)
	s.notes = kept
	return gone
}

func notifyDelete(c *call) (any, error) {
	if !c.args.has("ID") && !c.args.has("TAG") && !c.args.has("SUB_TAG") {
		return nil, breach(400, "PARAMS_ERROR", "Incorrect params")
	}
	return c.p.im.drop(func(n *notification) bool {
		return c.args.has("ID") && n.id == c.args.int("ID") || c.args.has("TAG") && n.tag == c.args.str("TAG") || c.args.has("SUB_TAG") && n.sub == c.args.str("SUB_TAG")
	}) > 0, nil
}
