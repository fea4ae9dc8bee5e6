package restlog

import (
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

const (
	flushEvery = 500 * time.Millisecond
	flushRows  = 500
	flushBytes = 2 << 20
	// lastFlush bounds the storing at the end.
	lastFlush = 5 * time.Second
	// partLimit bounds what is kept of one body, requestLimit of a whole request, before compression.
	partLimit    = 16 << 10
	requestLimit = 32 << 10
)

// Part is one command of a request as it is kept.
type Part struct {
	Command       ids.CommandID   `json:"command,omitempty"`
	Method        string          `json:"method"`
	Communication string          `json:"communication,omitempty"`
	Asked         json.RawMessage `json:"asked,omitempty"`
	Answered      json.RawMessage `json:"answered,omitempty"`
	Error         *Problem        `json:"error,omitempty"`
	TookMS        int64           `json:"took_ms"`
	Cut           bool            `json:"cut,omitempty"`
}

// row is a request as it is stored.
type row struct {
	account  ids.AccountID
	portal   ids.PortalID
	at       time.Time
	kind     string
	took     time.Duration
	commands int
	failed   int
	methods  []string
	refs     []string
	body     []byte
}

// Run stores what waits until ctx ends, and then once more.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	w := newWriter(l)
	go l.keepSmall(ctx)
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			w.all(last, true)
			return nil
		case <-tick.C:
		case <-l.wake:
		}
		w.all(ctx, false)
	}
}

// writer belongs to the one goroutine that stores.
type writer struct {
	*Log
	deflate *flate.Writer
}

func newWriter(l *Log) *writer {
	deflate, _ := flate.NewWriter(io.Discard, flate.BestSpeed) // the level is one there is
	return &writer{Log: l, deflate: deflate}
}

// all stores everything that is ripe, in batches. What could not be stored waits on.
func (w *writer) all(ctx context.Context, unripe bool) {
	for {
		batch := w.take(unripe)
		if len(batch) == 0 {
			return
		}
		rows := make([]row, len(batch))
		for i, e := range batch {
			rows[i] = w.row(e)
		}
		if err := w.store(ctx, rows); err != nil {
			w.failures.Add(1)
			if ctx.Err() == nil {
				w.Log.Log.WarnContext(ctx, "requests not logged, tried again", "requests", len(rows), "error", err)
			}
			w.giveBack(batch)
			return
		}
		for i := range rows {
			w.counted.add(&rows[i])
		}
		w.stored.Add(int64(len(rows)))
	}
}

func (w *writer) take(unripe bool) []entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	var batch, rest []entry
	bytes := 0
	for _, e := range w.waiting {
		if len(batch) < flushRows && bytes < flushBytes && (unripe || e.ripe()) {
			batch = append(batch, e)
			w.bytes -= e.size
			bytes += e.size
			continue
		}
		rest = append(rest, e)
	}
	w.waiting = rest
	return batch
}

func (w *writer) giveBack(batch []entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(batch, w.waiting...)
	for _, e := range batch {
		w.bytes += e.size
	}
}

// row cleans and compresses.
func (w *writer) row(e entry) row {
	parts := e.parts()
	r := row{at: e.at, kind: e.kind, took: e.took, commands: len(parts), methods: []string{}, refs: []string{}}
	r.account, r.portal = e.subject.whose()
	limit := min(partLimit, requestLimit/max(2, len(parts)))
	kept := make([]Part, len(parts))
	for i, p := range parts {
		c := e.subject.commands[p.key]
		k := Part{Command: c.ID, Method: p.method, Communication: c.communication(), TookMS: p.took.Milliseconds()}
		var cutAsked, cutAnswered bool
		k.Asked, cutAsked = clean(p.asked, limit)
		k.Answered, cutAnswered = clean(p.answered, limit)
		k.Cut = cutAsked || cutAnswered
		if p.failure != nil {
			r.failed++
			short := cleaner{text: 500}
			k.Error = &Problem{Code: short.string(p.failure.Code), Class: p.failure.Class, Text: short.string(p.failure.Text)}
		}
		kept[i] = k
		add(&r.methods, p.method)
		for _, ref := range c.refs() {
			add(&r.refs, ref)
		}
	}
	r.body = w.compress(encode(kept))
	return r
}

func add(list *[]string, s string) {
	s = strings.Map(func(r rune) rune {
		if r < ' ' { // the separator among them
			return -1
		}
		return r
	}, s)
	if !slices.Contains(*list, s) {
		*list = append(*list, s)
	}
}

func (w *writer) compress(raw []byte) []byte {
	var b bytes.Buffer
	w.deflate.Reset(&b)
	_, _ = w.deflate.Write(raw) // a buffer takes everything
	_ = w.deflate.Close()
	return b.Bytes()
}

func expand(body []byte) ([]Part, error) {
	raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(body)))
	if err != nil {
		return nil, fmt.Errorf("expand a request: %w", err)
	}
	var parts []Part
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, fmt.Errorf("read a request: %w", err)
	}
	return parts, nil
}

// What a request is found by beside its communications.
const (
	markMethod = "method:"
	markFailed = "failed"
)

// Lists travel as texts with this between: arrays of arrays lose their borders in unnest.
const separator = "\n"

const insertRows = `WITH made AS (
	INSERT INTO exchange (account_id, portal_id, created_at, kind, took_ms, commands, failed, methods, refs, body)
	SELECT account, NULLIF(portal, 0), at, kind, took, commands, failed, string_to_array(methods, E'\n'), string_to_array(refs, E'\n'), body
	FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[], $5::int[], $6::int[], $7::int[], $8::text[], $9::text[], $10::bytea[])
		AS r(account, portal, at, kind, took, commands, failed, methods, refs, body)
	RETURNING account_id, id, created_at, methods, refs, failed)
	INSERT INTO exchange_ref (account_id, ref, id, created_at) SELECT account_id, mark, id, created_at FROM made, LATERAL (
		SELECT unnest(refs) UNION SELECT 'method:' || unnest(methods) UNION SELECT 'failed' WHERE failed > 0) AS marks(mark)`

const insertSizes = `INSERT INTO exchange_size AS s (account_id, day, requests, bytes) SELECT account, day, count(*), sum(bytes)
	FROM (SELECT unnest($1::bigint[]) AS account, (unnest($2::timestamptz[]) AT TIME ZONE 'UTC')::date AS day, unnest($3::int[]) AS bytes) r GROUP BY 1, 2 ORDER BY 1, 2
	ON CONFLICT (account_id, day) DO UPDATE SET requests = s.requests + EXCLUDED.requests, bytes = s.bytes + EXCLUDED.bytes`

func insert(ctx context.Context, tx pgx.Tx, rows []row) error {
	n := len(rows)
	accounts, portals, took, commands, failed, sizes := make([]int64, n), make([]int64, n), make([]int32, n), make([]int32, n), make([]int32, n), make([]int32, n)
	at, kinds, methods, refs, bodies := make([]time.Time, n), make([]string, n), make([]string, n), make([]string, n), make([][]byte, n)
	for i, r := range rows {
		accounts[i], portals[i], at[i], kinds[i] = int64(r.account), int64(r.portal), r.at, r.kind
		took[i], commands[i], failed[i] = int32(min(r.took.Milliseconds(), math.MaxInt32)), int32(r.commands), int32(r.failed)                     //nolint:gosec // at most fifty of them
		methods[i], refs[i], bodies[i], sizes[i] = strings.Join(r.methods, separator), strings.Join(r.refs, separator), r.body, int32(len(r.body)) //nolint:gosec // bounded
	}
	batch := &pgx.Batch{}
	batch.Queue(insertRows, accounts, portals, at, kinds, took, commands, failed, methods, refs, bodies)
	batch.Queue(insertSizes, accounts, at, sizes)
	return tx.SendBatch(ctx, batch).Close()
}

func (w *writer) store(ctx context.Context, rows []row) error {
	// Servers that store sizes of the same accounts take them in the same order.
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.account, b.account), a.at.Compare(b.at)) })
	err := w.DB.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error { return insert(ctx, tx, rows) })
	if err != nil {
		return fmt.Errorf("store %d requests: %w", len(rows), err)
	}
	return nil
}
