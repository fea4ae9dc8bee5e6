package app

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"omni/server/account/transport"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
)

// laneLabels name a lane by numbers only; portal is 0 for UIS.
var laneLabels = []string{"account", "portal", "kind"}

var (
	laneLevel    = prometheus.NewDesc("omni_lane_level", "Requests in the portal's bucket now.", laneLabels, nil)
	laneSize     = prometheus.NewDesc("omni_lane_size", "Size of the portal's bucket; 0: none.", laneLabels, nil)
	laneCommands = prometheus.NewDesc("omni_lane_commands", "Open commands of the lane.", append([]string{"state"}, laneLabels...), nil)
	laneFailures = prometheus.NewDesc("omni_lane_failures", "Failed requests in a row.", laneLabels, nil)
	laneAsleep   = prometheus.NewDesc("omni_lane_asleep", "1 while nothing is sent.", laneLabels, nil)
	logged       = prometheus.NewDesc("omni_requests_total", "Requests this server made and logged.", []string{"kind", "failed"}, nil)
	carried      = prometheus.NewDesc("omni_request_commands_total", "Commands in the requests this server made and logged.", []string{"kind", "failed"}, nil)
	logRows      = prometheus.NewDesc("omni_rest_log_stored_total", "Requests this server wrote into the log.", nil, nil)
	logDropped   = prometheus.NewDesc("omni_rest_log_dropped_total", "Requests that are not in the log because memory was full.", nil, nil)
	logEarly     = prometheus.NewDesc("omni_rest_log_early_total", "Requests younger than three days of which this server took out what was asked and answered, for want of room.", nil, nil)
	logFailures  = prometheus.NewDesc("omni_rest_log_failures_total", "Failed tries to write into the log.", nil, nil)
	logWaiting   = prometheus.NewDesc("omni_rest_log_waiting", "Requests that wait in memory to be logged.", nil, nil)
	logRequests  = prometheus.NewDesc("omni_rest_log_rows", "Requests in the log, all servers together.", nil, nil)
	logBytes     = prometheus.NewDesc("omni_rest_log_bytes", "Bytes their bodies take.", nil, nil)
	inboxAge     = prometheus.NewDesc("omni_inbox_oldest_due_seconds", "For how long the oldest row that is not worked has been due.", nil, nil)
)

// stateMetrics show lanes, the log of requests and the age of the inbox. They are read when they are asked for; what they read sees nothing finished.
type stateMetrics struct{ app *App }

// Describe implements prometheus.Collector.
func (m *stateMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{laneLevel, laneSize, laneCommands, laneFailures, laneAsleep, logged, carried, logRows, logDropped, logEarly, logFailures, logWaiting, logRequests, logBytes, inboxAge} {
		ch <- d
	}
}

// collectFor bounds the reading.
const collectFor = 5 * time.Second

// Collect implements prometheus.Collector.
func (m *stateMetrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectFor)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	stats := m.app.requests.Stats()
	for c, n := range stats.Requests {
		d := logged
		if c.Commands {
			d = carried
		}
		counter(d, n, c.Kind, strconv.FormatBool(c.Failed))
	}
	counter(logRows, stats.Stored)
	counter(logDropped, stats.Dropped)
	counter(logEarly, stats.Early)
	counter(logFailures, stats.Failures)
	gauge(logWaiting, float64(stats.Waiting))
	if in, err := inbox.Count(ctx, m.app.db, m.app.clock.Now()); err == nil {
		age := 0.0
		if in.OldestDue != nil {
			age = max(0, m.app.clock.Now().Sub(*in.OldestDue).Seconds())
		}
		gauge(inboxAge, age)
	}
	var rows, bytes int64
	var lanes []outbox.Gauge
	err := m.app.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT COALESCE(sum(requests), 0)::bigint, COALESCE(sum(bytes), 0)::bigint FROM exchange_size`).Scan(&rows, &bytes); err != nil {
			return err
		}
		licences, err := licences(ctx, tx)
		if err != nil {
			return err
		}
		lanes, err = outbox.Gauges(ctx, tx, 0, time.Now(), func(a ids.AccountID, lane outbox.LaneRef) outbox.Limits {
			return transport.Limits(lane.Kind, licences[a][lane.Portal])
		})
		return err
	})
	if err != nil {
		return // what could not be read is missing, which is what a monitor should see
	}
	gauge(logRequests, float64(rows))
	gauge(logBytes, float64(bytes))
	for _, g := range lanes {
		lane := []string{strconv.FormatInt(int64(g.Account), 10), strconv.FormatInt(int64(g.Portal), 10), string(g.Kind)}
		gauge(laneLevel, g.Level, lane...)
		gauge(laneSize, g.Size, lane...)
		gauge(laneFailures, float64(g.Failures), lane...)
		asleep := 0.0
		if g.Asleep != "" {
			asleep = 1
		}
		gauge(laneAsleep, asleep, lane...)
		for state, n := range map[string]int64{"ready": g.Ready, "sent": g.InFlight, "unclear": g.Unclear} {
			gauge(laneCommands, float64(n), append([]string{state}, lane...)...)
		}
	}
}

// licences of all portals, by account.
func licences(ctx context.Context, tx pgx.Tx) (map[ids.AccountID]map[ids.PortalID]string, error) {
	rows, err := tx.Query(ctx, `SELECT account_id, id, licence FROM portal`)
	if err != nil {
		return nil, err
	}
	all := map[ids.AccountID]map[ids.PortalID]string{}
	var a ids.AccountID
	var p ids.PortalID
	var licence string
	_, err = pgx.ForEachRow(rows, []any{&a, &p, &licence}, func() error {
		if all[a] == nil {
			all[a] = map[ids.PortalID]string{}
		}
		all[a][p] = licence
		return nil
	})
	return all, err
}
