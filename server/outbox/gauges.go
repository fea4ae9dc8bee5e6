package outbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Gauge is the state of one lane.
type Gauge struct {
	Account ids.AccountID
	LaneRef
	Limits
	Level       float64 // of the bucket, now
	Failures    int     // in a row; from five on one probe at a time
	Asleep      string  // why it sends nothing; empty: awake
	PausedUntil time.Time
	Resting     []Resting
	Operating   []Operating
	// Points is what UIS said last is left; nil: it said nothing.
	Points                   *PointsLeft
	Ready, InFlight, Unclear int64
	OldestReady              time.Time
}

// Resting is a method that may not be called until then.
type Resting struct {
	Method string
	Until  time.Time
}

// Operating is what a method used up of the platform's time.
type Operating struct {
	Method      string
	Used, Limit time.Duration
	Reset       time.Time
}

// PointsLeft are UIS's counters.
type PointsLeft struct{ DayLeft, DayLimit, MinuteLeft, MinuteLimit int }

// openCommands counts what is open of lanes: one walk over each of the small indexes that see no finished command, however many of those are kept.
const openCommands = `SELECT account_id, lane_id, count(*) FILTER (WHERE state = 'ready') AS ready, count(*) FILTER (WHERE state = 'sent') AS sent,
	count(*) FILTER (WHERE state = 'unclear') AS unclear, min(created_at) FILTER (WHERE state = 'ready') AS oldest FROM (
	SELECT account_id, lane_id, state, created_at FROM command WHERE state IN ('ready', 'sent', 'unclear') AND NOT independent %[1]s
	UNION ALL SELECT account_id, lane_id, state, created_at FROM command WHERE state = 'ready' AND independent %[1]s
	UNION ALL SELECT account_id, lane_id, state, created_at FROM command WHERE state IN ('sent', 'unclear') AND independent %[1]s) c GROUP BY account_id, lane_id`

// Gauges reads the lanes' state: of one account, or of all in a system transaction (account 0). limits gives their budgets.
func Gauges(ctx context.Context, tx pgx.Tx, account ids.AccountID, now time.Time, limits func(ids.AccountID, LaneRef) Limits) ([]Gauge, error) {
	which, args := "", []any{}
	if account != 0 {
		which, args = "AND account_id = $1", []any{int64(account)}
	}
	rows, err := tx.Query(ctx, `SELECT l.account_id, l.kind, l.portal_id, l.level, extract(epoch FROM clock_timestamp() - l.level_at), l.failures, COALESCE(l.asleep, ''), l.pause_until, l.memory,
		COALESCE(c.ready, 0), COALESCE(c.sent, 0), COALESCE(c.unclear, 0), c.oldest
		FROM (SELECT * FROM lane WHERE true `+which+`) l LEFT JOIN (`+fmt.Sprintf(openCommands, which)+`) c ON c.account_id = l.account_id AND c.lane_id = l.id
		ORDER BY l.account_id, l.kind, l.portal_id`, args...)
	if err != nil {
		return nil, fmt.Errorf("read lanes: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Gauge, error) {
		var g Gauge
		var age float64
		var memory []byte
		err := row.Scan(&g.Account, &g.Kind, &g.Portal, &g.Level, &age, &g.Failures, &g.Asleep, &finite{&g.PausedUntil}, &memory, &g.Ready, &g.InFlight, &g.Unclear, &finite{&g.OldestReady})
		g.Limits = limits(g.Account, g.LaneRef)
		g.Level = max(0, g.Level-g.Drain*age)
		if !g.PausedUntil.After(now) {
			g.PausedUntil = time.Time{}
		}
		g.remembered(decodeMemory(memory), now)
		return g, err
	})
	if err != nil {
		return nil, fmt.Errorf("read lanes: %w", err)
	}
	return list, nil
}

// remembered shows what the lane's sender learned, as of its last answer.
func (g *Gauge) remembered(m memory, now time.Time) {
	for method, u := range m.Uses {
		if until := m.Uses.restsUntil(method, now, Waiting); !until.IsZero() {
			g.Resting = append(g.Resting, Resting{method, until})
		}
		if u.Used > 0 && now.Before(u.Reset) {
			g.Operating = append(g.Operating, Operating{method, u.Used, operatingLimit, u.Reset})
		}
	}
	slices.SortFunc(g.Resting, func(a, b Resting) int { return strings.Compare(a.Method, b.Method) })
	slices.SortFunc(g.Operating, func(a, b Operating) int { return strings.Compare(a.Method, b.Method) })
	if m.Points.Day.Limit > 0 || m.Points.Minute.Limit > 0 {
		g.Points = &PointsLeft{m.Points.Day.left(now), m.Points.Day.Limit, m.Points.Minute.left(now), m.Points.Minute.Limit}
	}
}

// left is what is left now: all of it once the count began anew.
func (c counter) left(now time.Time) int {
	if !now.Before(c.Reset) {
		return c.Limit
	}
	return max(0, c.Left)
}
