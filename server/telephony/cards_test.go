package telephony

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
)

// T14: the card of a call that is over goes, and never before one leaves that is only now being shown; when none can be under way any more, the finish need not
// wait for it.
func TestTheLastCardToHideOvertakesNone(t *testing.T) {
	t.Parallel()
	turn := registering()
	l, f := &turn.call.Link, &turn.call.Facts
	l.CallID, l.Shown = "externalCall.1", []ids.B24UserID{2}
	ends := func(after time.Duration) outbox.Command {
		turn.out.Commands = nil
		turn.physical = turn.physical.Add(after)
		f.EndedAt = turn.physical
		turn.cards()
		require.Len(t, turn.out.Commands, 1)
		require.Empty(t, l.Shown)
		return turn.out.Commands[0]
	}
	require.True(t, ends(time.Minute).Independent, "it was shown by the registration, which has its answer")

	f.EndedAt, l.Shown = time.Time{}, nil
	f.Legs = map[int64]*Leg{1: {Employee: 1002, RangAt: turn.physical}}
	turn.out.Commands = nil
	turn.cards()
	require.Len(t, turn.out.Commands, 1)
	require.False(t, turn.out.Commands[0].Independent)
	require.Equal(t, []ids.B24UserID{2}, l.Shown)
	require.False(t, ends(time.Second).Independent, "the card to show may still wait")

	l.Shown = []ids.B24UserID{2}
	require.True(t, ends(2*cardDeadline).Independent, "it has left or is worth nothing")
}
