package outbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"omni/server/ids"
)

func TestKindWithoutACheckCannotBeRegistered(t *testing.T) {
	t.Parallel()
	probe := func(Sent) (Probe, bool) { return Probe{}, true }
	judge := func(Sent, json.RawMessage) (Finding, json.RawMessage) { return Undecided, nil }
	r := NewRegistry()
	for name, k := range map[string]Kind{
		"no check":         {Name: "a"},
		"unknown mode":     {Name: "a", Check: Check{Mode: "maybe"}},
		"find, no probe":   {Name: "a", Check: Check{Mode: CheckFind}},
		"probe, no judge":  {Name: "a", Check: Check{Mode: CheckSet, Probe: probe}},
		"judge, no probe":  {Name: "a", Check: Check{Mode: CheckPerson, Judge: judge}},
		"no name":          {Check: Check{Mode: CheckRead}},
		"no name, no mode": {},
	} {
		require.Error(t, r.Register(k), name)
	}
	good := Kind{Name: "a", Check: Check{Mode: CheckFind, Probe: probe, Judge: judge}}
	require.NoError(t, r.Register(good))
	require.Error(t, r.Register(good), "twice")
}

func TestBucketLeavesRoomForThoseWhoWait(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		name  string
		l     Limits
		class Priority
		level float64
		may   bool
	}{
		{"a waiting person keeps 2", LimitsB24(50, 2), Waiting, 47, true},
		{"a waiting person, full", LimitsB24(50, 2), Waiting, 47.5, false},
		{"live keeps a tenth", LimitsB24(50, 2), Live, 44, true},
		{"live, over", LimitsB24(50, 2), Live, 44.1, false},
		{"background keeps half", LimitsB24(50, 2), Background, 24, true},
		{"background, over", LimitsB24(50, 2), Background, 24.1, false},
		{"enterprise background", LimitsB24(250, 5), Background, 124, true},
		{"on-premise counts nothing", LimitsB24(0, 0), Background, 1e6, true},
	} {
		b := budget{Limits: c.l, level: c.level, levelAt: now}
		may, later := b.mayFly(now, c.class, c.class)
		require.Equal(t, c.may, may, c.name)
		if !may {
			again, _ := b.mayFly(now.Add(later), c.class, c.class)
			require.True(t, again, "%s: after %s", c.name, later)
		}
	}
}

func TestInFlight(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		name                      string
		flying                    [3]int
		failures                  int
		slow                      time.Duration
		waiting, live, background bool
	}{
		{"nothing", [3]int{}, 0, 0, true, true, true},
		{"one background", [3]int{0, 0, 1}, 0, 0, true, true, false},
		{"two live", [3]int{0, 2, 0}, 0, 0, true, false, false},
		{"live and background", [3]int{0, 1, 1}, 0, 0, true, false, false},
		{"four", [3]int{2, 1, 1}, 0, 0, false, false, false},
		{"slow answers", [3]int{2, 0, 0}, 0, 15 * time.Second, false, false, false},
		{"very slow answers", [3]int{1, 0, 0}, 0, 25 * time.Second, false, false, false},
		{"circuit open: one probe", [3]int{}, circuitAt, 0, true, true, true},
		{"circuit open: only one", [3]int{0, 0, 1}, circuitAt, 0, false, false, false},
	} {
		b := budget{Limits: LimitsB24(50, 2), levelAt: now, flying: c.flying, failures: c.failures, slow: c.slow}
		for p, want := range []bool{c.waiting, c.live, c.background} {
			may, _ := b.mayFly(now, Priority(p), Priority(p))
			require.Equal(t, want, may, "%s, class %d", c.name, p)
		}
	}
}

func TestGathering(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	b := budget{Limits: LimitsB24(50, 2), levelAt: now, lastSent: now.Add(-100 * time.Millisecond)}
	require.Equal(t, 5*time.Millisecond, b.gather(now, Live, 1, now))
	require.Equal(t, 5*time.Millisecond, b.gather(now, Live, 1, now.Add(time.Hour)), "the database's clock may be ahead")
	require.Zero(t, b.gather(now, Live, 1, now.Add(-time.Second)))
	require.Zero(t, b.gather(now, Waiting, 1, now), "a waiting person: at once")
	b.level = 30
	require.Equal(t, 400*time.Millisecond, b.gather(now, Live, 49, now.Add(-time.Second)), "over half: 1/Y s after the last request")
	require.Zero(t, b.gather(now, Live, 50, now), "or when 50 are ready")
	require.Zero(t, b.gather(now, Waiting, 1, now))
}

func TestFullBucketPausesLongerEachTime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	b := budget{Limits: LimitsB24(50, 2), levelAt: now}
	last := time.Duration(0)
	for range 6 {
		b.fill(now, 0.5)
		require.Equal(t, 50.0, b.at(now))
		pause := b.pause.Sub(now)
		require.Greater(t, pause, last)
		last = pause
	}
	require.InDelta(t, 16*time.Second, last, float64(time.Second))
}

// TestNeverOverTheLimit plays any arrivals against a portal's own bucket: what the budget lets through is never too much.
func TestNeverOverTheLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom([]Limits{LimitsB24(50, 2), LimitsB24(250, 5)}).Draw(t, "limits")
		now := time.Unix(1_800_000_000, 0)
		ours := budget{Limits: l, levelAt: now}
		theirs, theirsAt := 0.0, now
		for range rapid.IntRange(1, 600).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "ms")) * time.Millisecond)
			class := Priority(rapid.IntRange(0, 2).Draw(t, "class"))
			if may, _ := ours.mayFly(now, class, class); !may {
				continue
			}
			ours.add(now)
			// The request arrives up to 300 ms later.
			arrives := now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "network")) * time.Millisecond)
			if arrives.After(theirsAt) {
				theirs, theirsAt = max(0, theirs-l.Drain*arrives.Sub(theirsAt).Seconds()), arrives
			}
			theirs++
			require.LessOrEqual(t, theirs, l.Size, "QUERY_LIMIT_EXCEEDED")
		}
	})
}

// pack is what a packer picks, and the class of the request.
func pack(heads []head, places int, expected expectations, turn int) ([]head, Priority) {
	p := packer{expected: expected, sure: func(kind string) bool { return kind != "stale" }, places: places, turn: turn}
	picked := p.pack(heads)
	return picked, aboard(picked)
}

func drawHeads(t *rapid.T, doubts int) []head {
	n := rapid.IntRange(0, 120).Draw(t, "heads")
	heads := make([]head, n)
	for i := range heads {
		heads[i] = head{id: ids.CommandID(i + 1), key: fmt.Sprint("k", i), kind: rapid.SampledFrom([]string{"fast", "slow", "unknown"}).Draw(t, "kind"),
			priority: Priority(rapid.IntRange(0, 2).Draw(t, "class")), alone: rapid.IntRange(0, 20).Draw(t, "alone") == 0, size: rapid.SampledFrom([]int{10, 1000, 300_000}).Draw(t, "size"),
			doubts: max(0, rapid.IntRange(-5, doubts).Draw(t, "doubts"))}
	}
	return heads
}

func TestPackingKeepsItsRules(t *testing.T) {
	t.Parallel()
	expected := expectations{"fast": 10 * time.Millisecond, "slow": 700 * time.Millisecond}
	rapid.Check(t, func(t *rapid.T) {
		heads := drawHeads(t, 3)
		places := rapid.SampledFrom([]int{1, 50}).Draw(t, "places")
		turn := rapid.IntRange(0, 20).Draw(t, "turn")
		picked, class := pack(slices.Clone(heads), places, expected, turn)
		if len(heads) == 0 {
			require.Empty(t, picked)
			return
		}
		require.NotEmpty(t, picked, "something always leaves")
		require.LessOrEqual(t, len(picked), places)
		busy, size := time.Duration(0), 0
		seen := map[ids.CommandID]bool{}
		for _, h := range picked {
			require.False(t, seen[h.id], "once")
			seen[h.id] = true
			busy += expected.of(h.kind)
			size += h.size
			require.Equal(t, picked[0].doubts > 0, h.doubts > 0, "doubtful ones keep to themselves")
			if len(picked) > 1 {
				require.False(t, h.alone)
			}
		}
		top := slices.MinFunc(heads, func(a, b head) int { return int(a.priority - b.priority) }).priority
		if turn%turnOf != turnOf-1 {
			require.Equal(t, top, class)
		}
		if len(picked) > 1 {
			require.LessOrEqual(t, busy, timeLimit(top))
			require.LessOrEqual(t, size, bigBody)
		}
		if d := picked[0].doubts; d > 0 {
			require.LessOrEqual(t, len(picked), max(1, 50>>(2*d)))
		}
		if turn%turnOf != turnOf-1 {
			for _, h := range heads {
				if h.priority == class && h.id < picked[0].id {
					t.Fatalf("%d is older than %d and as urgent", h.id, picked[0].id)
				}
			}
		}
	})
}

func TestATenthIsKeptForTheClassBelow(t *testing.T) {
	t.Parallel()
	var heads []head
	for i := range 300 {
		heads = append(heads, head{id: ids.CommandID(i + 1), kind: "fast", priority: Priority(i / 100)})
	}
	picked, class := pack(heads, 50, expectations{"fast": time.Millisecond}, 0)
	require.Equal(t, Waiting, class)
	var count [3]int
	for _, h := range picked {
		count[h.priority]++
	}
	require.Equal(t, [3]int{40, 5, 5}, count)
}

func TestNobodyStarves(t *testing.T) {
	t.Parallel()
	// Live work never ends, and one background command fits beside nothing.
	left := -1
	for turn := range 50 {
		heads := []head{{id: 1, kind: "file", priority: Background, alone: true}}
		for i := range 60 {
			heads = append(heads, head{id: ids.CommandID(10 + turn*60 + i), kind: "fast", priority: Live})
		}
		if picked, _ := pack(heads, 50, expectations{}, turn); picked[0].id == 1 {
			left = turn
			break
		}
	}
	require.GreaterOrEqual(t, left, 0)
	require.Less(t, left, turnOf)
}

func TestMethodsRestBeforeTheirLimit(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	reset := now.Add(5 * time.Minute)
	for _, c := range []struct {
		used                      time.Duration
		waiting, live, background bool // rests
	}{
		{200 * time.Second, false, false, false},
		{241 * time.Second, false, false, true},
		{384 * time.Second, false, false, true},
		{385 * time.Second, true, true, true},
	} {
		u := uses{}
		u.answered("crm.item.add", now, time.Second, c.used, reset)
		for p, rests := range []bool{c.waiting, c.live, c.background} {
			require.Equal(t, rests, !u.restsUntil("crm.item.add", now, Priority(p)).IsZero(), "%s, class %d", c.used, p)
			require.Zero(t, u.restsUntil("crm.item.add", reset, Priority(p)), "until operating_reset_at")
			require.Zero(t, u.restsUntil("crm.item.list", now, Priority(p)), "per method")
		}
	}
	u := uses{}
	u.refused("a", now, time.Time{})
	require.Equal(t, now.Add(time.Minute), u.restsUntil("a", now, Waiting))
	for range 300 {
		u.answered("b", now, time.Second, 0, time.Time{})
	}
	require.False(t, u.restsUntil("b", now, Background).IsZero(), "a platform that says nothing is counted")
	u.answered("b", now, time.Second, 3*time.Second, reset)
	require.Zero(t, u.restsUntil("b", now, Background), "its own value wins")
	u.forget(now.Add(time.Hour))
	require.Empty(t, u)
	// A refusal teaches what the platform allows, unless next to nothing was used: then it has another cause.
	for used, learned := range map[time.Duration]bool{300 * time.Second: true, 300 * time.Millisecond: false} {
		u := uses{}
		u.answered("c", now, time.Second, used, reset)
		u.refused("c", now, now.Add(time.Minute))
		require.Equal(t, learned, !u.restsUntil("c", now.Add(time.Minute), Waiting).IsZero(), "%s used", used)
	}
}

func TestAFifthOfThePointsIsKept(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	var p points
	require.Zero(t, p.wait(now, Background), "nothing known: go")
	p.told(now, Points{DayLimit: 1000, DayRemaining: 201, MinuteLimit: 250, MinuteRemaining: 250, DayReset: time.Hour, MinuteReset: 30 * time.Second}, 0)
	require.Zero(t, p.wait(now, Background))
	p.take()
	require.Equal(t, time.Hour, p.wait(now, Background))
	require.Equal(t, time.Hour, p.wait(now, Live))
	require.Zero(t, p.wait(now, Waiting))
	require.Zero(t, p.wait(now.Add(time.Hour), Background))
	p.told(now, Points{DayLimit: 1000, DayRemaining: 900, MinuteLimit: 10, MinuteRemaining: 1, DayReset: time.Hour, MinuteReset: 30 * time.Second}, 1)
	require.Equal(t, 30*time.Second, p.wait(now, Waiting))
}

func TestMemorySurvivesATakeOver(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0).UTC()
	m := memory{Uses: uses{"a": {Used: time.Minute, Reset: now, Told: true}}, Points: points{Day: counter{1000, 5, now}}, Expected: expectations{"a": time.Second}}
	raw, err := m.encode()
	require.NoError(t, err)
	require.Equal(t, m, decodeMemory([]byte(raw)))
	require.NotNil(t, decodeMemory([]byte(`{"uses":7}`)).Uses)
}

func TestUnclearDecisions(t *testing.T) {
	t.Parallel()
	const limit = time.Minute
	for _, c := range []struct {
		mode           CheckMode
		can            bool
		age            time.Duration
		probes, doubts int
		want           step
	}{
		{CheckFind, true, time.Second, 0, 1, stepLook},
		{CheckFind, true, 2 * limit, 5, 1, stepLook},
		{CheckFind, true, 2 * limit, maxLooks, 1, stepGiveUp},
		{CheckFind, true, time.Second, maxLooks, 1, stepWait},
		{CheckSet, false, time.Second, 0, 1, stepWait},
		{CheckSet, false, limit + 1, 0, 1, stepAgain},
		{CheckSet, false, limit + 1, 0, maxDoubts, stepGiveUp},
		{CheckSet, true, time.Second, 0, 1, stepLook},
		{CheckPerson, false, time.Second, 0, 1, stepWait},
		{CheckPerson, false, limit + 1, 0, 1, stepGiveUp},
		{CheckPerson, true, limit + 1, 0, 1, stepLook},
	} {
		require.Equal(t, c.want, decideUnclear(c.mode, c.can, doubtful{age: c.age, probes: c.probes, doubts: c.doubts}, limit), "%+v", c)
	}
	require.Equal(t, stepWait, decideFound(CheckFind, Absent, false, 1), "absent counts only after the limit")
	require.Equal(t, stepAgain, decideFound(CheckFind, Absent, true, 1))
	require.Equal(t, stepWait, decideFound(CheckFind, Undecided, true, 1), "a look that errs says unclear, never done")
	require.Equal(t, stepGiveUp, decideFound(CheckPerson, Absent, true, 1))
	require.Equal(t, stepAgain, decideFound(CheckSet, Absent, true, 1))
	require.Equal(t, stepGiveUp, decideFound(CheckFind, Absent, true, maxDoubts), "no endless repeats")
}
