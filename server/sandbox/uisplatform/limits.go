package uisplatform

import "time"

// meter counts points of one API of one account (documentation, "Limits"): only successful calls are charged.
type meter struct {
	day, minute      time.Time // beginning of the windows
	usedDay, usedMin int
	toldDay, toldMin time.Time // when an answer's metadata first said that nothing is left; zero: not yet
}

func (c *rpcCall) meter() *meter {
	if c.api == "call" {
		return &c.account.call
	}
	return &c.account.data
}

// roll opens new windows: calendar days of the account's zone, calendar minutes.
func (m *meter) roll(now time.Time, loc *time.Location) {
	local := now.In(loc)
	day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, loc)
	if !day.Equal(m.day) {
		m.day, m.usedDay, m.toldDay = day, 0, time.Time{}
	}
	if minute := now.Truncate(time.Minute); !minute.Equal(m.minute) {
		m.minute, m.usedMin, m.toldMin = minute, 0, time.Time{}
	}
}

// toldGrace is how long requests that were already on their way may arrive after the answer that said that nothing is left.
const toldGrace = 500 * time.Millisecond

// take refuses a call that has no point left. It is the caller's bug only when an earlier answer of the same window had said that nothing is left.
func (m *meter) take(c *rpcCall) *rpcError {
	m.roll(c.now, c.account.loc)
	kind, limit, told := "", 0, time.Time{}
	switch {
	case m.usedDay >= c.account.cfg.DayLimit:
		kind, limit, told = "day", c.account.cfg.DayLimit, m.toldDay
	case m.usedMin >= c.account.cfg.MinuteLimit:
		kind, limit, told = "minute", c.account.cfg.MinuteLimit, m.toldMin
	default:
		return nil
	}
	if !told.IsZero() && c.now.Sub(told) >= toldGrace {
		c.p.violateLocked(c.account, c.api, c.method.name, "limit_exceeded", "called although the last answer's metadata said that nothing is left for this "+kind)
	}
	e := fail("limit_exceeded", "", nil)
	e.params = map[string]any{"limit_type": kind, "limit_max_value": limit}
	e.metadata = c.metadata(-1)
	return e
}

func (m *meter) charge(points int) {
	m.usedDay += points
	m.usedMin += points
}

// metadata is what every answer tells about limits and versions; the lock is held.
func (c *rpcCall) metadata(total int) map[string]any {
	version := "v2.0"
	deprecated := "current_version_deprecated"
	if c.api == "call" {
		version, deprecated = "v4.0", "current_version_depricated" // spelt so in the documentation
	}
	out := map[string]any{"api_version": map[string]any{deprecated: false, "current_version": version, "latest_version": version}}
	if total >= 0 {
		out["total_items"] = total
	}
	if c.account == nil {
		return out
	}
	m, cfg := c.meter(), c.account.cfg
	m.roll(c.now, c.account.loc)
	if m.toldDay.IsZero() && m.usedDay >= cfg.DayLimit {
		m.toldDay = c.now
	}
	if m.toldMin.IsZero() && m.usedMin >= cfg.MinuteLimit {
		m.toldMin = c.now
	}
	out["limits"] = map[string]any{
		"day_limit": cfg.DayLimit, "day_remaining": max(0, cfg.DayLimit-m.usedDay), "day_reset": int(m.day.AddDate(0, 0, 1).Sub(c.now).Seconds()),
		"minute_limit": cfg.MinuteLimit, "minute_remaining": max(0, cfg.MinuteLimit-m.usedMin), "minute_reset": int(m.minute.Add(time.Minute).Sub(c.now).Seconds()),
	}
	return out
}
