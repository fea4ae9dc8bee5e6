package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"omni/server/inbox"
	"omni/server/jobs"
	"omni/server/outbox"
)

// internal serves the internal address: health, metrics, what is pending, profiles, and the test clock.
func (a *App) internal(ctx context.Context) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &pendingMetrics{app: a}, &stateMetrics{app: a})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.HandleFunc("GET /pending", a.pending)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	if a.config.TestClock {
		mux.HandleFunc("POST /clock", a.moveClock)
		mux.HandleFunc("POST /rounds", a.makeRounds)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.config.InternalListen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", a.config.InternalListen, err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (a *App) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := a.db.Pool().Ping(ctx); err != nil {
		http.Error(w, "the database is away", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// pendingView is GET /pending (design section 5).
type pendingView struct {
	Inbox     int64      `json:"inbox"`
	Deferred  int64      `json:"deferred"`
	Parked    int64      `json:"parked"`
	Outbox    int64      `json:"outbox"`
	InFlight  int64      `json:"in_flight"`
	Unclear   int64      `json:"unclear"`
	Refused   int64      `json:"refused"`
	Jobs      int64      `json:"jobs"`
	NextTimer *time.Time `json:"next_timer"`
}

func (a *App) count(ctx context.Context) (pendingView, error) {
	in, err := inbox.Count(ctx, a.db, a.clock.Now())
	if err != nil {
		return pendingView{}, err
	}
	out, err := outbox.Count(ctx, a.db)
	if err != nil {
		return pendingView{}, err
	}
	running, err := jobs.Count(ctx, a.db)
	if err != nil {
		return pendingView{}, err
	}
	// Rows set aside wait for a person, like refused commands.
	return pendingView{Inbox: in.Inbox, Deferred: in.Deferred, Parked: in.Parked, Outbox: out.Outbox, InFlight: out.InFlight, Unclear: out.Unclear,
		Refused: out.Refused + in.Aside, Jobs: running, NextTimer: in.NextTimer}, nil
}

func (a *App) pending(w http.ResponseWriter, r *http.Request) {
	view, err := a.count(r.Context())
	if err != nil {
		http.Error(w, "the database is away", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(view)
}

// moveClock moves this server's business time forward (OMNI_TEST_CLOCK).
func (a *App) moveClock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Advance string `json:"advance"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&in)
	by, e := time.ParseDuration(in.Advance)
	if err != nil || e != nil || by <= 0 {
		http.Error(w, `advance: expected a duration such as "5m"`, http.StatusBadRequest)
		return
	}
	a.clock.Advance(by)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"now": a.clock.Now()})
}

// makeRounds begins what is due now, as the next look of its own would (OMNI_TEST_CLOCK): whoever has moved the clocks of all servers need not wait for it.
func (a *App) makeRounds(w http.ResponseWriter, r *http.Request) {
	if err := a.rounds.Look(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// pendingMetrics shows the counts of /pending as gauges.
type pendingMetrics struct{ app *App }

var pendingDesc = prometheus.NewDesc("omni_pending", "What waits to be done, by kind.", []string{"kind"}, nil)

// Describe implements prometheus.Collector.
func (m *pendingMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- pendingDesc }

// Collect implements prometheus.Collector.
func (m *pendingMetrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	v, err := m.app.count(ctx)
	if err != nil {
		return
	}
	for kind, n := range map[string]int64{"inbox": v.Inbox, "deferred": v.Deferred, "parked": v.Parked, "outbox": v.Outbox, "in_flight": v.InFlight, "unclear": v.Unclear, "refused": v.Refused, "jobs": v.Jobs} {
		ch <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(n), kind)
	}
}
