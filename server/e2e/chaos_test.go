package e2e_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestChaos is the fault suite: clients and operators of two companies act while platforms, servers and the database fail at random, and at the end the
// platforms must hold exactly what was asked. OMNI_CHAOS_SEED repeats the choices of a run, OMNI_CHAOS_ROUNDS makes it longer (`make chaos`).
func TestChaos(t *testing.T) {
	t.Parallel()
	o := usual()
	o.seed = uint64(number(t, "OMNI_CHAOS_SEED", int(time.Now().UnixNano()&0xffffff)))
	o.rounds = number(t, "OMNI_CHAOS_ROUNDS", 200)
	t.Logf("seed %d, %d rounds; repeat with OMNI_CHAOS_SEED=%d", o.seed, o.rounds, o.seed)
	c := newChaos(t, o)
	c.run()
	t.Log(c.summary())
	require.False(t, c.failed(), "%s", c.report())
}

func number(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, variable)
	return n
}
