package transport_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/account/accounttest"
	"omni/server/account/transport"
	"omni/server/outbox"
	"omni/server/sandbox/portal"
)

const spare = 91

// lane is a portal with two administrators' tokens, and what its lane sends.
type lane struct {
	*accounttest.Stand
	portal account.Portal
}

func newLane(t *testing.T) lane {
	t.Helper()
	s := accounttest.New(t, "north")
	s.Portal("north").SetUser(portal.User{ID: spare, LastName: "Spare", Admin: true})
	o := s.Opened("north")
	_, err := s.Prover.Frame(t.Context(), s.Frame("north", spare))
	require.NoError(t, err)
	return lane{s, o.Portal}
}

// send sends that many reads in one request and gives what became of the first.
func (l lane) send(n int) outbox.Reply {
	l.T.Helper()
	commands := make([]outbox.Outgoing, n)
	for i := range commands {
		commands[i] = outbox.Outgoing{Kind: "server.time", Params: json.RawMessage(`{}`)}
	}
	to := outbox.Lane{Account: l.portal.Account, LaneRef: outbox.LaneRef{Kind: outbox.LaneB24, Portal: l.portal.ID}}
	replies := transport.NewPortal(l.Accounts, l.B24).Send(l.T.Context(), to, commands)
	require.Len(l.T, replies, n)
	for _, r := range replies[1:] {
		require.Equal(l.T, replies[0].Err, r.Err)
	}
	return replies[0]
}

func (l lane) state() account.Status {
	l.T.Helper()
	p, err := l.Accounts.Get(l.T.Context(), l.portal.Ref())
	require.NoError(l.T, err)
	return p.Status
}

func TestAnExpiredTokenCostsOneRefresh(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} {
		l := newLane(t)
		require.Nil(t, l.send(n).Err)
		l.World.Portal("north").ExpireTokens(accounttest.ClientID)
		before := l.Asked("oauth.token")
		require.Nil(t, l.send(n).Err)
		require.Equal(t, before+1, l.Asked("oauth.token"))
	}
}

func TestARefusedTokenGivesWayToASpare(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.World.Portal("north").KillTokens(accounttest.ClientID, 1)
	require.Nil(t, l.send(1).Err)
	_, err := l.World.AddFault(portal.Fault{Method: "server.time", Kind: portal.FaultError, Status: 401, Code: "authorization_error", Text: "the user is inactive", Count: -1})
	require.NoError(t, err)
	reply := l.send(1)
	require.Equal(t, outbox.Sleep, reply.Err.Kind)
	require.Equal(t, account.Blocked, l.state().State)
	require.Equal(t, account.ReasonToken, l.state().Reason)
	l.World.ClearFaults()
	require.Equal(t, outbox.Sleep, l.send(1).Err.Kind, "a sleeping portal is not asked")
	l.World.Portal("north").KillTokens(accounttest.ClientID, 0) // so that the page hands out a new pair
	_, err = l.Prover.Frame(t.Context(), l.Frame("north", 1))
	require.NoError(t, err)
	require.Nil(t, l.send(1).Err, "one opening cures it")
}

func TestARenamedPortalIsFollowed(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	old := l.World.Portal("north").Host()
	require.NoError(t, l.Server.Rename(l.World.Portal("north")))
	l.Stand = l.Second(old) // its guard knows the new address
	require.Nil(t, l.send(2).Err)
	p, err := l.Accounts.Get(t.Context(), l.portal.Ref())
	require.NoError(t, err)
	require.Equal(t, l.World.Portal("north").Host(), p.Domain)
}

func TestAForeignAddressIsNotFollowed(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	_, err := l.World.AddFault(portal.Fault{Method: "server.time", Kind: portal.FaultMoved, Location: "https://forger.example.com"})
	require.NoError(t, err)
	require.Equal(t, outbox.Retry, l.send(1).Err.Kind)
	require.Nil(t, l.send(1).Err, "the portal is still asked where it was")
}

func TestAnUnpaidPortalSleeps(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	_, err := l.World.AddFault(portal.Fault{Method: "server.time", Kind: portal.FaultError, Status: 401, Code: "PAYMENT_REQUIRED", Text: "Payment required"})
	require.NoError(t, err)
	require.Equal(t, outbox.Sleep, l.send(1).Err.Kind)
	require.Equal(t, account.Unpaid, l.state().State)
}

func TestAnAddressThatMayNotBeCalledIsNotUnclear(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	require.NoError(t, l.Server.Rename(l.World.Portal("north"))) // our guard does not know the new address
	require.Equal(t, outbox.Retry, l.send(1).Err.Kind, "the rename cannot be proven, nothing ran")
}

func TestUnclearIsNotRepeated(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	_, err := l.World.AddFault(portal.Fault{Method: "server.time", Kind: portal.FaultLost})
	require.NoError(t, err)
	require.Equal(t, outbox.Unclear, l.send(1).Err.Kind)
	require.Equal(t, 1, l.Asked("server.time"))
}
