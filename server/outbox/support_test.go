package outbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store"
	"omni/server/store/storetest"
)

// platform is a small HTTP server that remembers every effect, and fails as told.
type platform struct {
	*httptest.Server
	t  testing.TB
	mu sync.Mutex
	// requests are the sizes of all requests, effects what ran, in order.
	requests []int
	effects  []effect
	from     map[string]int // requests by server
	// plan decides about the n-th request (from 0): nil means that all is well.
	plan func(n int, commands []wire) *fault
}

type wire struct {
	UID    string          `json:"uid"`
	Kind   string          `json:"kind"`
	Params json.RawMessage `json:"params"`
}

type effect struct {
	wire
	At time.Time
}

// fault is what happens to one request.
type fault struct {
	status  int           // answered instead of results; nothing ran unless run
	run     bool          // the commands run all the same
	drop    bool          // the connection breaks before the answer
	late    time.Duration // the commands run that much after the connection broke
	wait    chan struct{} // before the commands run
	refuse  map[string]bool
	later   map[string]bool // these are told to come again
	failure *outbox.Failure // told as it is
}

func newPlatform(t testing.TB) *platform {
	p := &platform{t: t, from: map[string]int{}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *platform) serve(w http.ResponseWriter, r *http.Request) {
	var commands []wire
	if err := json.NewDecoder(r.Body).Decode(&commands); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	n := len(p.requests)
	p.requests = append(p.requests, len(commands))
	p.from[r.Header.Get("From")]++
	var f *fault
	if p.plan != nil {
		f = p.plan(n, commands)
	}
	p.mu.Unlock()
	if f == nil {
		f = &fault{run: true}
	}
	if f.wait != nil {
		<-f.wait
	}
	answers := make([]answer, len(commands))
	run := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i, c := range commands {
			answers[i] = p.execute(c, f)
		}
	}
	switch {
	case f.late > 0:
		time.AfterFunc(f.late, run)
	case f.run:
		run()
	}
	switch {
	case f.drop:
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
		return
	case f.failure != nil:
		for i := range answers {
			answers[i] = answer{Failure: f.failure}
		}
	case f.status != 0:
		w.WriteHeader(f.status)
		return
	}
	_ = json.NewEncoder(w).Encode(answers)
}

type answer struct {
	Result  json.RawMessage
	Failure *outbox.Failure
}

// execute runs one command: "find" looks for an effect by uid, "get" reads, everything else has an effect.
func (p *platform) execute(c wire, f *fault) answer {
	if f.refuse[c.UID] {
		return answer{Failure: &outbox.Failure{Kind: outbox.Refused, Class: "invalid", Code: "ERROR_CORE", Text: "the name is missing"}}
	}
	if f.later[c.UID] {
		return answer{Failure: &outbox.Failure{Kind: outbox.Retry, Class: "token_expired"}}
	}
	var params struct {
		UID    string `json:"uid"`
		Refuse bool   `json:"refuse"`
	}
	_ = json.Unmarshal(c.Params, &params)
	switch {
	case c.Kind == "get":
		return answer{Result: json.RawMessage(`{"ok":true}`)}
	case c.Kind == "find":
		for i, e := range p.effects {
			if e.UID == params.UID {
				return answer{Result: mustJSON(map[string]any{"items": []any{map[string]any{"id": 1000 + i}}})}
			}
		}
		return answer{Result: json.RawMessage(`{"items":[]}`)}
	case params.Refuse:
		return answer{Failure: &outbox.Failure{Kind: outbox.Refused, Class: "invalid", Code: "ERROR_CORE", Text: "the name is missing"}}
	}
	p.effects = append(p.effects, effect{wire: c, At: time.Now()})
	return answer{Result: mustJSON(map[string]any{"item": map[string]any{"id": 1000 + len(p.effects) - 1}})}
}

func (p *platform) setPlan(plan func(n int, commands []wire) *fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan = plan
}

func (p *platform) seen() []effect {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]effect(nil), p.effects...)
}

func (p *platform) sizes() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]int(nil), p.requests...)
}

// by is how many requests a server made.
func (p *platform) by(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.from[name]
}

// transport speaks to the platform over real HTTP.
type transport struct {
	url    string
	name   string
	client *http.Client
}

// Send implements outbox.Transport.
func (t transport) Send(ctx context.Context, _ outbox.Lane, commands []outbox.Outgoing) []outbox.Reply {
	body := make([]wire, len(commands))
	for i, c := range commands {
		body[i] = wire{UID: c.UID, Kind: c.Kind, Params: c.Params}
	}
	replies := make([]outbox.Reply, len(commands))
	all := func(f *outbox.Failure) []outbox.Reply {
		for i := range replies {
			replies[i].Err = f
		}
		return replies
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(mustJSON(body)))
	if err != nil {
		return all(&outbox.Failure{Kind: outbox.Retry, Class: "transport"})
	}
	// Go repeats a POST by itself on a kept connection that turns out to be dead; a body that cannot be read twice forbids that.
	req.GetBody = nil
	req.Header.Set("From", t.name)
	resp, err := t.client.Do(req)
	if err != nil {
		kind := outbox.Unclear
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			kind = outbox.Retry
		}
		return all(&outbox.Failure{Kind: kind, Class: "transport", Text: "no answer"})
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	var answers []answer
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(raw, &answers) != nil {
		return all(&outbox.Failure{Kind: outbox.Unclear, Class: "server", Text: "HTTP " + resp.Status})
	}
	for i, a := range answers {
		replies[i] = outbox.Reply{Result: a.Result, Err: a.Failure}
	}
	return replies
}

func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

const (
	account = ids.AccountID(7)
	// limit is how long the platform may go on working in these tests.
	limit = 1500 * time.Millisecond
)

var portal = outbox.LaneRef{Kind: outbox.LaneB24, Portal: 1}

// registry holds kinds of every mode.
func registry(t testing.TB) *outbox.Registry {
	r := outbox.NewRegistry()
	probe := func(s outbox.Sent) (outbox.Probe, bool) {
		return outbox.Probe{Lane: s.Lane, Kind: "find", Params: map[string]any{"uid": s.UID}}, true
	}
	judge := func(_ outbox.Sent, answer json.RawMessage) (outbox.Finding, json.RawMessage) {
		var found struct {
			Items []json.RawMessage `json:"items"`
		}
		switch err := json.Unmarshal(answer, &found); {
		case err != nil:
			return outbox.Undecided, nil
		case len(found.Items) == 0:
			return outbox.Absent, nil
		}
		return outbox.Found, mustJSON(map[string]any{"item": found.Items[0]})
	}
	for _, k := range []outbox.Kind{
		{Name: "get", Check: outbox.Check{Mode: outbox.CheckRead}},
		{Name: "find", Check: outbox.Check{Mode: outbox.CheckRead}},
		{Name: "add", Check: outbox.Check{Mode: outbox.CheckFind, Probe: probe, Judge: judge}},
		{Name: "set", Check: outbox.Check{Mode: outbox.CheckSet}},
		{Name: "call", Check: outbox.Check{Mode: outbox.CheckPerson, Probe: probe, Judge: judge}},
		{Name: "file", Alone: true, Check: outbox.Check{Mode: outbox.CheckSet}},
	} {
		require.NoError(t, r.Register(k))
	}
	return r
}

// server is one running copy of the outbox.
type server struct {
	*outbox.Outbox
	db     *store.DB
	woken  chan ids.Key
	cancel context.CancelFunc
	ended  chan struct{}
}

type setup struct {
	limits outbox.Limits
	now    func() time.Time
	hints  outbox.Hints
	name   string
}

// wide has a bucket that never stands in the way.
var wide = outbox.Limits{Size: 10_000, Drain: 1000, PerRequest: 50, Flying: [3]int{4, 2, 1}}

func start(t testing.TB, databaseURL string, p *platform, s setup) *server {
	t.Helper()
	db := storetest.Open(t, databaseURL)
	if s.limits.PerRequest == 0 {
		s.limits = wide
	}
	srv := &server{db: db, woken: make(chan ids.Key, 10_000), ended: make(chan struct{})}
	to := transport{url: p.URL, name: s.name, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
	srv.Outbox = outbox.New(outbox.Options{
		DB: db, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Registry: registry(t),
		Transports:   map[outbox.LaneKind]outbox.Transport{outbox.LaneB24: to, outbox.LaneUISChat: to, outbox.LaneUISData: to},
		Limits:       func(context.Context, ids.AccountID, outbox.LaneRef) outbox.Limits { return s.limits },
		RequestLimit: map[outbox.LaneKind]time.Duration{outbox.LaneB24: limit, outbox.LaneUISChat: limit, outbox.LaneUISData: limit},
		WakeKey: func(_ ids.AccountID, key ids.Key) {
			select {
			case srv.woken <- key:
			default:
			}
		},
		Hints: s.hints, Now: s.now,
	})
	ctx, cancel := context.WithCancel(context.Background())
	srv.cancel = cancel
	go func() {
		defer close(srv.ended)
		_ = srv.Run(ctx)
	}()
	t.Cleanup(srv.stop)
	return srv
}

func (s *server) stop() {
	s.cancel()
	<-s.ended
}

// enqueue writes commands in one transaction and wakes their lanes.
func (s *server) enqueue(t testing.TB, commands ...outbox.Command) []ids.CommandID {
	t.Helper()
	var made []ids.CommandID
	var lanes []outbox.LaneRef
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		made, lanes, err = s.Enqueue(ctx, tx, account, commands...)
		return err
	}))
	for _, lane := range lanes {
		s.Wake(account, lane)
	}
	return made
}

func (s *server) state(t testing.TB, id ids.CommandID) string {
	t.Helper()
	var state string
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT state FROM command WHERE account_id = $1 AND id = $2`, int64(account), int64(id)).Scan(&state)
	}))
	return state
}

func (s *server) query(t testing.TB, sql string, into ...any) {
	t.Helper()
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, sql).Scan(into...)
	}))
}

func (s *server) exec(t testing.TB, sql string) {
	t.Helper()
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql)
		return err
	}))
}

// answers are the plan answers posted so far, by plan.
func (s *server) answers(t testing.TB) []outbox.PlanAnswer {
	t.Helper()
	var list []outbox.PlanAnswer
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT body FROM inbox WHERE kind = 'answer' ORDER BY id`)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (outbox.PlanAnswer, error) {
			var body []byte
			var a outbox.PlanAnswer
			if err := row.Scan(&body); err != nil {
				return a, err
			}
			return a, json.Unmarshal(body, &a)
		})
		return err
	}))
	return list
}

// within waits for a condition.
func within(t testing.TB, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, 20*time.Millisecond, what)
}

// rests waits until nothing is open.
func (s *server) rests(t testing.TB, patience time.Duration) {
	t.Helper()
	within(t, patience, "the outbox should come to rest", func() bool {
		var open int
		s.query(t, `SELECT count(*) FROM command WHERE state IN ('ready', 'sent', 'unclear')`, &open)
		return open == 0
	})
}

type (
	ctxT = context.Context
	txT  = pgx.Tx
)

// dump shows what is open when a test failed.
func (s *server) dump(t testing.TB) {
	if !t.Failed() {
		return
	}
	err := s.db.InAccount(context.Background(), account, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT row_to_json(c)::text FROM (SELECT id, key, kind, state, epoch, attempts, probes, doubts, check_of, due_at - clock_timestamp() AS due,
			clock_timestamp() - sent_at AS sent, class, text FROM command WHERE state IN ('ready', 'sent', 'unclear') ORDER BY id LIMIT 20) c
			UNION ALL SELECT row_to_json(l)::text FROM (SELECT *, clock_timestamp() AS now FROM lane) l`)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, line := range list {
			t.Log(line)
		}
		return err
	})
	if err != nil {
		t.Log(err)
	}
}
