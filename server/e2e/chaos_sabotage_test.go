package e2e_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// TestChaosFindsSabotage runs servers that are broken on purpose (build tag sabotage, OMNI_SABOTAGE): the fault suite must find each of them. What it finds
// nothing in would prove nothing.
func TestChaosFindsSabotage(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "omni-sabotaged")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "sabotage", "-o", program, "omni/server")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	require.NoError(t, build.Run())
	for name, r := range sabotages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.program, r.extra = program, []string{"OMNI_SABOTAGE=" + name}
			if os.Getenv("OMNI_CHAOS_HONEST") != "" { // the same load finds nothing in servers that are well
				r.program, r.extra, r.finds = binary, nil, nil
			}
			r.seed = uint64(number(t, "OMNI_CHAOS_SEED", int(time.Now().UnixNano()&0xffffff)))
			c := newChaos(t, r)
			c.run()
			if os.Getenv("OMNI_CHAOS_HONEST") != "" {
				require.False(t, c.failed(), "%s", c.report())
				return
			}
			t.Logf("seed %d, %s: %v", r.seed, c.summary(), c.kinds())
			for range 2 { // on a slow machine a race may not happen in the first load
				if c.found(r.finds...) || c.found(itself) {
					break
				}
				r.seed++
				c = newChaos(t, r)
				c.run()
				t.Logf("once more, seed %d, %s: %v", r.seed, c.summary(), c.kinds())
			}
			require.False(t, c.found(itself), "seed %d: %s", r.seed, c.report())
			require.True(t, c.found(r.finds...), "seed %d: none of %v in %s\n%s", r.seed, r.finds, c.summary(), c.report())
		})
	}
}

// sabotages are the loads that make each way of breaking the servers matter, with what each of them has to be found by: nothing else counts, as a slow machine
// alone may make somebody wait in vain.
func sabotages() map[string]recipe {
	common := recipe{rounds: 160, every: 40, crews: 8, servers: 1, pace: 60 * time.Millisecond, calm: 90 * time.Second, wait: 6 * time.Second, fresh: 5}
	with := func(change func(*recipe)) recipe {
		r := common
		change(&r)
		return r
	}
	writes := portalWrites[:2]
	late := func(*rand.Rand) time.Duration { return 1700 * time.Millisecond }
	talk := []weighted{{"the client writes", 3, (*client).writes}, {"the operator answers", 3, (*client).answer}, {"several answers at once", 1, (*client).answers}}
	return map[string]recipe{
		// Verification switched off: what nobody answered counts as done …
		"trust": with(func(r *recipe) {
			r.finds = []string{"lost", "leads"}
			r.actions = talk
			r.faults = []armer{quiet, quiet, atPortal(writes, kind(portal.FaultReset)), atUIS("adapter", uisWrites[:3], uisplatform.StatusBefore, nil)}
		}),
		// … or is simply sent once more.
		"repeat": with(func(r *recipe) {
			r.finds = []string{"doubled", "doubled comment", "leads"}
			r.actions = talk
			r.faults = []armer{quiet, quiet, atPortal(writes, kind(portal.FaultLost)), atUIS("adapter", uisWrites[:3], uisplatform.LostAfter, nil)}
		}),
		// "Not found" is believed at once, while the platform still works on it.
		"hasty": with(func(r *recipe) {
			r.finds = []string{"doubled", "doubled comment", "leads"}
			r.actions = talk
			r.faults = []armer{quiet, quiet, atUIS("adapter", uisWrites[:3], uisplatform.Late, late), atPortal(writes, func(*rand.Rand) portal.Fault {
				return portal.Fault{Kind: portal.FaultLate, DelayMS: 1700}
			})}
		}),
		// Two servers may work a key at once.
		"lock": with(func(r *recipe) {
			r.finds = []string{"leads", "doubled"}
			r.servers, r.fresh = 3, 1
			r.actions = []weighted{{"two channels at once", 1, (*client).both}}
		}),
		// Feed numbers become visible out of order.
		"feed": with(func(r *recipe) {
			r.finds = []string{"feed"}
			r.servers, r.pace = 3, 10*time.Millisecond
			r.actions = []weighted{{"several messages at once", 3, (*client).burst}, {"two channels at once", 1, (*client).both}, {"several answers at once", 1, (*client).answers}}
		}),
	}
}
