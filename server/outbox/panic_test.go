package outbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store/storetest"
)

// secretWord stands for what must not be found in a log.
const secretWord = "secret-in-a-panic"

// panicky is a transport that breaks off with certain kinds of commands, before or after they ran.
type panicky struct {
	outbox.Transport
	kind  string
	times *atomic.Int32
}

// Send implements outbox.Transport.
func (p panicky) Send(ctx context.Context, lane outbox.Lane, commands []outbox.Outgoing) []outbox.Reply {
	replies := p.Transport.Send(ctx, lane, commands)
	if slices.ContainsFunc(commands, func(c outbox.Outgoing) bool { return c.Kind == p.kind }) && p.times.Add(-1) >= 0 {
		panic(secretWord)
	}
	return replies
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

// TestAPanicEndsNeitherTheServerNorTheNext: whatever panics on one command (the transport, its checks, its join), the process lives, the command gets its fate
// by the ways of unclear commands, the others of its lane go on, and the log tells where without telling what.
func TestAPanicEndsNeitherTheServerNorTheNext(t *testing.T) {
	t.Parallel()
	probe := func(s outbox.Sent) (outbox.Probe, bool) {
		return outbox.Probe{Lane: s.Lane, Kind: "find", Params: map[string]any{"uid": s.UID}}, true
	}
	undecided := func(outbox.Sent, json.RawMessage) (outbox.Finding, json.RawMessage) { return outbox.Undecided, nil }
	lost := func() func(int, []wire) *fault { return onlyOn("evil", 1, fault{drop: true}) }
	for name, c := range map[string]struct {
		kind     outbox.Kind
		plan     func(int, []wire) *fault
		sends    int32 // so many sendings break off
		prepared string
		state    string
	}{
		"transport": {kind: outbox.Kind{Check: outbox.Check{Mode: outbox.CheckSet}}, sends: 1, state: "done"},
		"judge": {kind: outbox.Kind{Check: outbox.Check{Mode: outbox.CheckPerson, Probe: probe, Judge: func(s outbox.Sent, _ json.RawMessage) (outbox.Finding, json.RawMessage) {
			panic(secretWord + string(s.Params))
		}}}, plan: lost(), prepared: `UPDATE command SET probes = 10 WHERE state = 'unclear'`, state: "unconfirmed"},
		"probe": {kind: outbox.Kind{Check: outbox.Check{Mode: outbox.CheckFind, Judge: undecided, Probe: func(outbox.Sent) (outbox.Probe, bool) {
			panic(secretWord)
		}}}, plan: lost(), state: "unconfirmed"},
		"already": {kind: outbox.Kind{Check: outbox.Check{Mode: outbox.CheckSet, Already: func(s outbox.Sent, _ outbox.Failure) (json.RawMessage, bool) {
			var none []int
			return nil, none[len(s.Kind)] > 0
		}}}, plan: onlyOn("evil", 1, fault{failure: &outbox.Failure{Kind: outbox.Refused, Class: "invalid"}}), state: "refused"},
		"split": {kind: outbox.Kind{Check: outbox.Check{Mode: outbox.CheckPerson}, Join: &outbox.Join{Most: 2, Size: 1000,
			Params: func(each []json.RawMessage) (json.RawMessage, bool) { return each[0], true },
			Split:  func([]json.RawMessage, json.RawMessage) []outbox.Reply { panic(secretWord) }}}, state: "unconfirmed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			p.setPlan(c.plan)
			db := storetest.New(t)
			log := &lockedBuffer{}
			kinds := registry(t)
			c.kind.Name = "evil"
			require.NoError(t, kinds.Register(c.kind))
			times := &atomic.Int32{}
			times.Store(c.sends)
			to := panicky{transport{url: p.URL, client: p.Client()}, "evil", times}
			s := &server{db: db, ended: make(chan struct{})}
			s.Outbox = outbox.New(outbox.Options{DB: db, Log: slog.New(slog.NewTextHandler(io.MultiWriter(log, t.Output()), nil)), Registry: kinds,
				Transports:   map[outbox.LaneKind]outbox.Transport{outbox.LaneB24: to},
				Limits:       func(context.Context, ids.AccountID, outbox.LaneRef) outbox.Limits { return wide },
				RequestLimit: map[outbox.LaneKind]time.Duration{outbox.LaneB24: limit}})
			ctx, cancel := context.WithCancel(context.Background())
			s.cancel = cancel
			go func() { defer close(s.ended); _ = s.Run(ctx) }()
			t.Cleanup(s.stop)
			evil := add("chat:1", 0)
			evil.Kind = "evil"
			made := s.enqueue(t, evil)
			within(t, 10*time.Second, "it left", func() bool { return len(p.sizes()) > 0 })
			made = append(made, s.enqueue(t, add("chat:2", 0))...)
			if c.prepared != "" {
				within(t, 10*time.Second, "it is unclear", func() bool { return s.state(t, made[0]) == "unclear" })
				s.exec(t, c.prepared)
			}
			within(t, 60*time.Second, "it gets its fate", func() bool { return s.state(t, made[0]) == c.state })
			within(t, 20*time.Second, "others go on", func() bool { return s.state(t, made[1]) == "done" })
			later := s.enqueue(t, add("chat:1", 0))
			within(t, 20*time.Second, "its key goes on", func() bool { return s.state(t, later[0]) == "done" })
			require.Contains(t, log.text(), "panic in a lane")
			require.Contains(t, log.text(), "panic_test.go", "where it was")
			require.NotContains(t, log.text(), secretWord)
		})
	}
}
