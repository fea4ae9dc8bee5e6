package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// rest waits until the platforms have sent everything and nothing is left to do; false: it does not come to rest.
func (c *chaos) rest() bool {
	ctx, cancel := context.WithTimeout(context.Background(), c.calm)
	defer cancel()
	if err := c.w.platform.Settled(ctx); err != nil {
		c.find("no rest", "", "UIS still sends: %v", err)
		return false
	}
	var last map[string]any
	calm := 0
	// Rows that fail again and again are a finding; of servers that are broken on purpose one waits for what they are broken in.
	still := []string{"inbox", "parked", "outbox", "in_flight", "unclear", "jobs"}
	if len(c.finds) > 0 {
		still = []string{"inbox", "outbox", "in_flight", "unclear", "jobs"}
	}
	slow := time.AfterFunc(45*time.Second, func() { c.t.Logf("not at rest for 45 s: %s", c.stuck()) })
	defer slow.Stop()
	for ctx.Err() == nil {
		last = c.w.pending()
		busy := last == nil
		for _, name := range still {
			n, known := last[name].(float64)
			busy = busy || !known || n != 0
		}
		for _, p := range c.w.bitrix.Portals() {
			busy = busy || p.EventsPending() > 0
		}
		busy = busy || len(c.lines(openReports)) > 0 || c.calls && len(c.lines(openCalls)) > 0
		if calm++; busy {
			calm = 0
		}
		if calm > 3 {
			return true
		}
		if failing := c.lines(`SELECT format('row %s %s %s attempts %s %s', account_id, key, kind, attempts, left(error, 300)) FROM inbox WHERE done_at IS NULL AND attempts >= 5`); len(c.finds) == 0 && last["parked"] != 0.0 && len(failing) > 0 {
			c.find("row fails", "", "again and again: %s", failing[0])
			return false
		}
		time.Sleep(2 * look)
	}
	c.find("no rest", "", "%v after %v: %s", last, c.calm, c.stuck())
	return false
}

// stuck lists what is still open, by the tables themselves.
func (c *chaos) stuck() string {
	return c.rows(`SELECT format('command %s %s %s attempts %s class %s %s; due in %s s, lane asleep: %s, lease %s s, failures %s, pause %s s', c.account_id, c.kind, c.state, c.attempts, c.class,
			left(c.text, 120), round(extract(epoch FROM c.due_at - clock_timestamp())), l.asleep, round(extract(epoch FROM nullif(l.lease_until, '-infinity') - clock_timestamp())), l.failures,
			round(extract(epoch FROM nullif(l.pause_until, '-infinity') - clock_timestamp())))
			FROM command c JOIN lane l ON l.account_id = c.account_id AND l.id = c.lane_id WHERE c.state IN ('ready', 'sent', 'unclear') ORDER BY c.id LIMIT 12`) +
		c.rows(`SELECT format('row %s %s %s attempts %s %s', account_id, key, kind, attempts, left(error, 300)) FROM inbox WHERE done_at IS NULL ORDER BY id LIMIT 12`) + c.rows(openReports) + c.rows(openCalls)
}

// openCalls are calls that are over and not yet carried to their end, or whose recording is on its way.
const openCalls = `SELECT format('call %s of account %s is %s, recording %s', id, account_id, phase, crm->'record'->>'state') FROM call WHERE ended_at IS NOT NULL
	AND (phase NOT IN ('off', 'done', 'failed') OR crm->'record'->>'state' IN ('coming', 'attaching', 'waiting')) ORDER BY id LIMIT 12`

// openReports are chats that wait for an answer of UIS' report, or for the next try.
const openReports = `SELECT format('%s of account %s waits for the report', key, account_id) FROM inbox WHERE done_at IS NULL AND timer = 'report' ORDER BY id LIMIT 12`

// rows are the lines that a query gives, each on its own.
func (c *chaos) rows(query string) string {
	var b strings.Builder
	for _, line := range c.lines(query) {
		b.WriteString("\n    " + line)
	}
	return b.String()
}

func (c *chaos) lines(query string) (list []string) {
	err := c.database.do(context.Background(), func(conn *pgx.Conn) error {
		rows, err := conn.Query(context.Background(), query)
		if err == nil {
			list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return err
	})
	if err != nil {
		return []string{err.Error()}
	}
	return list
}

// violations are what the platforms' journals hold against us.
func (c *chaos) violations() {
	for _, v := range c.w.bitrix.Violations() {
		c.find("violation", v.Portal, "%s %s %s", v.Method, v.Code, v.Text)
	}
	for _, v := range c.w.platform.Violations() {
		c.find("violation", v.Account, "%s %s %s %s", v.API, v.Operation, v.Code, v.Text)
	}
}

// kept looks for what was put aside or waits for ever, which nothing in this run may.
func (c *chaos) kept() {
	for what, query := range map[string]string{
		"row set aside": `SELECT format('%s %s %s: %s', account_id, key, kind, left(error, 400)) FROM inbox WHERE aside_at IS NOT NULL AND done_at IS NULL LIMIT 5`,
		"row deferred":  `SELECT format('%s %s %s: %s', account_id, key, kind, left(convert_from(body, 'UTF8'), 200)) FROM inbox WHERE deferred AND done_at IS NULL AND aside_at IS NULL LIMIT 5`,
		// A chat that its client has closed refuses what an operator still says; everything else here is an error of ours.
		"command refused": `SELECT format('%s %s %s %s: %s %s %s', account_id, key, kind, state, class, code, left(text, 200)) FROM command WHERE state IN ('refused', 'unconfirmed')
			AND kind NOT LIKE 'uis.%' LIMIT 5`,
	} {
		for _, line := range c.lines(query) {
			c.find(what, "", "%s", line)
		}
	}
}

// lookAfter is what people do about messages that were not delivered or not confirmed: they look at UIS and send again what is not there. It tells how
// many were sent again.
func (s *side) lookAfter() int {
	again := 0
	for _, p := range s.people {
		begun := false
		for _, c := range s.chatsOf(p) {
			if c.State == "closed" || c.UIS != nil && p.over(*c.UIS) {
				continue
			}
			if c.State == "failed" {
				if !begun {
					again += p.beginAgain()
				}
				begun = true
				continue
			}
			for _, m := range s.messagesOf(c.ID) {
				if m.Side != "operator" || m.Status != "unconfirmed" && m.Status != "failed" || m.Key == nil {
					continue
				}
				if m.Status == "unconfirmed" && p.there(*c.UIS, m.Text) {
					continue // a person sees that it has arrived
				}
				code, body := s.ask(p.user, "POST", fmt.Sprintf("/chats/%d/messages/%d/retry", c.ID, m.ID), map[string]any{"id": newID()})
				p.log("sent again %q (%s, %s) → %d", m.Text, m.Status, m.Reason.Code, code)
				if code != http.StatusOK {
					s.c.find("no retry", p.who(), "%q was %s: %d %s", m.Text, m.Status, code, body)
				}
				for _, told := range p.told {
					if told.key == *m.Key {
						told.again++
					}
				}
				again++
			}
		}
	}
	s.c.asked.Add(int64(again))
	return again
}

// there tells whether the client's phone shows a text in a chat.
func (p *client) there(uis int64, text string) bool {
	for _, m := range p.s.n.uis.MessagesOf(uis) {
		if m.Source == "operator" && m.Text == text {
			return true
		}
	}
	return false
}

// beginAgain writes first once more, when UIS has no chat in that channel.
func (p *client) beginAgain() int {
	for _, c := range p.chats() {
		if c.Channel == sms {
			return 0
		}
	}
	for _, m := range p.told {
		if m.text == p.first && m.again == 0 {
			m.again++ // the first try stays as it is: failed
			p.first = p.text("первое слово ещё раз")
			p.begin(p.first)
			return 1
		}
	}
	return 0
}

// search is what an operator types to find him.
func (p *client) search() string {
	if p.main == bot {
		return url.QueryEscape(p.name())
	}
	return p.phone()
}

// chatsOf are a client's chats as the API shows them.
func (s *side) chatsOf(p *client) []chat {
	var mine, all []chat
	for cursor := ""; ; {
		list, ok := get[struct {
			Items []chat
			Next  *string
		}](s, "/chats?q="+p.search()+cursor)
		if !ok {
			return nil
		}
		if all = append(all, list.Items...); list.Next == nil {
			break
		}
		cursor = "&cursor=" + url.QueryEscape(*list.Next)
	}
	uis := map[int64]bool{}
	for _, c := range p.chats() {
		uis[c.ID] = true
	}
	for _, c := range all {
		switch {
		case c.UIS != nil && uis[*c.UIS]:
			mine = append(mine, c)
		case c.UIS == nil && len(c.Client.Phones) == 1 && c.Client.Phones[0] == p.phone():
			mine = append(mine, c)
		}
	}
	return mine
}

// messagesOf are all messages of a chat, oldest first.
func (s *side) messagesOf(id int64) []message {
	var all []message
	before := int64(0)
	for {
		page, ok := get[struct {
			Items []message
			Next  *int64
		}](s, fmt.Sprintf("/chats/%d/messages?limit=200&before=%d", id, before))
		if !ok {
			return all
		}
		all = append(page.Items, all...)
		if page.Next == nil {
			return all
		}
		before = *page.Next
	}
}

// leaver is a third company that uninstalls the app in mid-run while its lane is full: the lane ends, and nobody asks that portal anything again. Nothing is done
// to servers just then, as the portal tells of it only once.
func (c *chaos) leaver(n *tenant) {
	for i := range 5 {
		if _, err := n.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: fmt.Sprintf("7900200000%d", i), Name: "Гость"}, fmt.Sprintf("Г пишет %d", i)); err != nil {
			c.find(itself, n.name, "%v", err)
		}
	}
	if _, err := c.w.bitrix.AddFault(portal.Fault{Portal: n.portal.Name(), Kind: portal.FaultHTTP, Status: 503, Count: -1}); err != nil {
		c.find(itself, n.name, "%v", err)
	}
	if !poll(func() bool { return len(c.openAt(n)) > 0 }) {
		c.find(itself, n.name, "the lane of the company that leaves does not fill")
	}
	for _, s := range c.w.servers {
		s.harmed.Lock()
		defer s.harmed.Unlock()
	}
	if err := n.portal.Uninstall(appID, false); err != nil {
		c.find(itself, n.name, "%v", err)
	}
	c.note("%s has uninstalled the app, open: %d", n.name, len(c.openAt(n)))
	if !poll(func() bool { return n.portal.EventsPending() == 0 }) {
		c.find(itself, n.name, "the event of the uninstallation was not taken")
	}
}

// openAt are commands to a company's portal that have not ended.
func (c *chaos) openAt(n *tenant) []string {
	return c.lines(fmt.Sprintf(`SELECT format('%%s %%s', c.kind, c.state) FROM command c JOIN lane l ON l.account_id = c.account_id AND l.id = c.lane_id
		WHERE c.account_id = (SELECT account_id FROM portal WHERE member_id = '%s') AND l.kind = 'b24' AND c.state IN ('ready', 'sent', 'unclear')`, n.portal.MemberID()))
}

// gone: the portal of the company that has left has nothing open, and is asked nothing any more.
func (c *chaos) gone() {
	if c.guest == nil {
		return
	}
	if open := c.openAt(c.guest); len(open) > 0 {
		c.find("uninstalled", c.guest.name, "still open: %v", open)
	}
	since := c.w.bitrix.Now()
	if _, err := c.guest.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: "79002000009", Name: "Гость"}, "Г пишет вслед"); err != nil {
		c.find(itself, c.guest.name, "%v", err)
	}
	if !c.rest() {
		return
	}
	for _, r := range c.w.bitrix.Requests() {
		if r.Portal == c.guest.portal.Name() && !r.Browser && r.Time.After(since) {
			c.find("uninstalled", c.guest.name, "the portal was asked again: %s", r.Method)
		}
	}
}
