package uisplatform

import (
	"fmt"
	"maps"
)

// Visit is what reports tell of how a client came, by the documented names of the fields of get.chats_report (site_id, campaign_name, utm_source …); nil says
// that UIS does not know it. What a visit does not name is as everywhere in the account.
type Visit map[string]any

// checkVisit refuses names that the report has not.
func (p *Platform) checkVisit(v Visit) error {
	for name := range v {
		if p.spec["get.chats_report"].field(name) == nil {
			return fmt.Errorf("get.chats_report has no field %q", name)
		}
	}
	return nil
}

// SetVisit changes what reports tell of a chat from now on.
func (a *Account) SetVisit(chat int64, v Visit) error {
	if err := a.p.checkVisit(v); err != nil {
		return err
	}
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	c := a.chats[chat]
	if c == nil {
		return fmt.Errorf("chat %d: %w", chat, ErrNoChat)
	}
	c.visit = maps.Clone(v)
	return nil
}

// hold leaves rows of chats out of a report that lags behind: each for as many readings that would have shown it as its first message says.
func (c *rpcCall) hold(q *query, rows []row) []row {
	shown := make([]row, 0, len(rows))
	for _, r := range rows {
		ct := c.account.chats[r["id"].(int64)]
		if ct != nil && ct.late > 0 && q.match(r) {
			ct.late--
			continue
		}
		shown = append(shown, r)
	}
	return shown
}
