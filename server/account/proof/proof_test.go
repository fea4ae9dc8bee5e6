package proof_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/account/accounttest"
	"omni/server/account/proof"
	"omni/server/bitrix24"
	"omni/server/sandbox/portal"
)

const (
	admin    = 1
	operator = 2
)

// counts tells how many accounts, portals, tokens and proofs there are.
func counts(t *testing.T, s *accounttest.Stand) (c [4]int) {
	t.Helper()
	require.NoError(t, s.DB.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM account), (SELECT count(*) FROM portal), (SELECT count(*) FROM portal_token), (SELECT count(*) FROM portal_proof)`).
			Scan(&c[0], &c[1], &c[2], &c[3])
	}))
	return c
}

func TestFirstInstallMakesAccountAndPortalP1(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	o := s.Opened("north")
	require.Equal(t, s.Portal("north").MemberID(), o.Portal.MemberID)
	require.Equal(t, s.Portal("north").Host(), o.Portal.Domain)
	require.Equal(t, account.Installing, o.Portal.State)
	require.EqualValues(t, admin, o.User)
	require.True(t, o.Admin)
	require.NotEmpty(t, o.Name)
	require.Equal(t, [4]int{1, 1, 1, 1}, counts(t, s))

	access, err := s.Accounts.Working(t.Context(), o.Portal.Ref())
	require.NoError(t, err)
	_, err = s.B24.Call(t.Context(), bitrix24.Target{Endpoint: access.Portal.ClientEndpoint, Access: access.Pair.Access}, bitrix24.Call{Method: "profile"})
	require.NoError(t, err, "the stored token works")
	require.Empty(t, s.World.Violations())
}

func TestAKnownTokenCostsNothing(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	s.Opened("north")
	f := s.Frame("north", operator)
	first, err := s.Prover.Frame(t.Context(), f)
	require.NoError(t, err)
	require.False(t, first.Admin)
	before := len(s.World.Requests())
	for _, server := range []*accounttest.Stand{s, s.Second()} { // the second one has only the database to know it from
		again, err := server.Prover.Frame(t.Context(), f)
		require.NoError(t, err)
		require.Equal(t, first.User, again.User)
		require.Equal(t, first.Portal.ID, again.Portal.ID)
	}
	require.Len(t, s.World.Requests(), before, "nobody was asked again")
	require.Equal(t, [4]int{1, 1, 1, 2}, counts(t, s), "an operator's token is no spare")
}

func TestConcurrentFirstOpeningsGiveOnePortal(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	second := s.Second()
	s.Install("north")
	f := s.Frame("north", admin)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := s.Prover.Frame(t.Context(), f)
			require.NoError(t, err)
		})
	}
	all.Go(func() { // the page is loaded twice, the second time another server gets it
		_, err := second.Prover.Frame(t.Context(), f)
		require.NoError(t, err)
	})
	all.Wait()
	c := counts(t, s)
	require.Equal(t, 1, c[0])
	require.Equal(t, 1, c[1])
	require.LessOrEqual(t, s.Asked("profile"), 2, "one question per server")
}

// TestForgedFrames is "must show" 4: nothing of them changes anything.
func TestForgedFrames(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(s *accounttest.Stand, f *bitrix24.FramePOST){
		"a token of another app": func(s *accounttest.Stand, f *bitrix24.FramePOST) {
			require.NoError(s.T, s.Portal("north").Install(accounttest.OtherApp))
			other := s.FrameOf(accounttest.OtherApp, "north", admin)
			f.AuthID, f.RefreshID = other.AuthID, other.RefreshID
		},
		"another portal's member_id": func(s *accounttest.Stand, f *bitrix24.FramePOST) { f.MemberID = s.Portal("south").MemberID() },
		"another portal's member_id and domain": func(s *accounttest.Stand, f *bitrix24.FramePOST) {
			f.MemberID, f.Domain = s.Portal("south").MemberID(), s.Portal("south").Host()
		},
		"an unknown portal's member_id":       func(s *accounttest.Stand, f *bitrix24.FramePOST) { f.MemberID = s.Portal("west").MemberID() },
		"an unknown member_id and our domain": func(_ *accounttest.Stand, f *bitrix24.FramePOST) { f.MemberID = "00000000000000000000000000000000" },
		"an unknown portal's address too": func(s *accounttest.Stand, f *bitrix24.FramePOST) {
			f.MemberID, f.Domain = s.Portal("west").MemberID(), s.Portal("west").Host()
		},
		"no member_id":               func(_ *accounttest.Stand, f *bitrix24.FramePOST) { f.MemberID = "" },
		"an invented token":          func(_ *accounttest.Stand, f *bitrix24.FramePOST) { f.AuthID = "0123456789" },
		"an address of the forger's": func(_ *accounttest.Stand, f *bitrix24.FramePOST) { f.Domain = "forger.example.com" },
		"a server of the forger's": func(_ *accounttest.Stand, f *bitrix24.FramePOST) {
			f.ServerEndpoint = "https://forger.example.com/rest/"
		},
		"a dead token": func(s *accounttest.Stand, _ *bitrix24.FramePOST) {
			s.Portal("north").KillTokens(accounttest.ClientID, admin)
		},
		"an expired token": func(s *accounttest.Stand, _ *bitrix24.FramePOST) {
			s.Portal("north").ExpireTokens(accounttest.ClientID)
		},
		"a refresh token of a stranger": func(s *accounttest.Stand, f *bitrix24.FramePOST) {
			f.RefreshID, f.Domain = s.Frame("south", admin).RefreshID, ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := accounttest.New(t, "north", "south", "west")
			victim := s.Opened("south")
			s.Install("west")
			s.Opened("north")
			s.Portal("north").ExpireTokens(accounttest.ClientID) // so that the next opening brings a token we have not seen
			f := s.Frame("north", admin)
			forge(s, f)
			before := counts(t, s)
			_, err := s.Prover.Frame(t.Context(), f)
			require.ErrorIs(t, err, proof.ErrNotProven)
			require.Equal(t, before, counts(t, s))
			now, err := s.Accounts.Get(t.Context(), victim.Portal.Ref())
			require.NoError(t, err)
			require.Equal(t, victim.Portal.Status, now.Status)
			require.Equal(t, victim.Portal.ClientEndpoint, now.ClientEndpoint)
		})
	}
}

func TestAKnownTokenDoesNotOpenAnotherPortal(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north", "south")
	s.Opened("south")
	s.Opened("north")
	f := s.Frame("north", operator)
	_, err := s.Prover.Frame(t.Context(), f)
	require.NoError(t, err)
	f.MemberID = s.Portal("south").MemberID()
	_, err = s.Prover.Frame(t.Context(), f)
	require.ErrorIs(t, err, proof.ErrNotProven)
}

func TestAnOperatorCannotInstall(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	s.Install("north")
	_, err := s.Prover.Frame(t.Context(), s.Frame("north", operator))
	require.ErrorIs(t, err, proof.ErrNotInstalled)
	require.Equal(t, [4]int{}, counts(t, s))
}

func TestAServerThatDoesNotAnswerProvesNothing(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	s.Install("north")
	_, err := s.World.AddFault(portal.Fault{Method: "oauth.app.info", Kind: portal.FaultHTTP, Status: 502})
	require.NoError(t, err)
	f := s.Frame("north", admin)
	_, err = s.Prover.Frame(t.Context(), f)
	require.Error(t, err)
	require.NotErrorIs(t, err, proof.ErrNotProven)
	_, err = s.Prover.Frame(t.Context(), f)
	require.NoError(t, err, "the next try works")
}

func TestRenewByToken(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north", "south")
	north, south := s.Opened("north"), s.Opened("south")
	s.Portal("north").ExpireTokens(accounttest.ClientID)
	access := s.Frame("north", operator).AuthID
	_, err := s.Prover.Renew(t.Context(), access, account.Ref{})
	require.ErrorIs(t, err, proof.ErrNotProven, "nobody says whom to ask")
	_, err = s.Prover.Renew(t.Context(), access, south.Portal.Ref())
	require.ErrorIs(t, err, proof.ErrNotProven, "a token of another portal")
	o, err := s.Prover.Renew(t.Context(), access, north.Portal.Ref())
	require.NoError(t, err)
	require.EqualValues(t, operator, o.User)
	require.Equal(t, north.Portal.ID, o.Portal.ID)

	s.Portal("north").ExpireTokens(accounttest.ClientID)
	access = s.Frame("north", operator).AuthID
	_, err = s.Prover.RenewAt(t.Context(), access, "nobody.example.com")
	require.ErrorIs(t, err, proof.ErrNotProven)
	_, err = s.Prover.RenewAt(t.Context(), access, south.Portal.Domain)
	require.ErrorIs(t, err, proof.ErrNotProven)
	o, err = s.Prover.RenewAt(t.Context(), access, north.Portal.Domain)
	require.NoError(t, err)
	require.Equal(t, north.Portal.ID, o.Portal.ID)
}

func TestEventsAreProvenByApplicationToken(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north", "south")
	north := s.Opened("north")
	s.Install("south")
	event := func(name, member, token string) *bitrix24.EventPOST {
		return &bitrix24.EventPOST{Name: name, Data: &bitrix24.Node{}, Auth: bitrix24.EventAuth{MemberID: member, ApplicationToken: token}}
	}
	good := s.Portal("north").ApplicationToken(accounttest.ClientID)
	p, err := s.Prover.Event(t.Context(), event("ONCRMLEADADD", north.Portal.MemberID, good))
	require.NoError(t, err)
	require.Equal(t, north.Portal.ID, p.ID)
	for name, e := range map[string]*bitrix24.EventPOST{
		"a wrong token":                      event("ONCRMLEADADD", north.Portal.MemberID, good+"x"),
		"no token":                           event("ONCRMLEADADD", north.Portal.MemberID, ""),
		"no token for an uninstallation":     event("ONAPPUNINSTALL", north.Portal.MemberID, ""),
		"another portal's member":            event("ONCRMLEADADD", s.Portal("south").MemberID(), good),
		"no member":                          event("ONCRMLEADADD", "", good),
		"an update with nothing to prove it": event("ONAPPUPDATE", north.Portal.MemberID, "new"),
		"a payment with a wrong token":       event("ONAPPPAYMENT", north.Portal.MemberID, "wrong"),
	} {
		_, err := s.Prover.Event(t.Context(), e)
		require.ErrorIs(t, err, proof.ErrNotProven, name)
	}
}

func TestAnUpdateBringsItsApplicationToken(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	o := s.Opened("north")
	s.Portal("north").ExpireTokens(accounttest.ClientID)
	update := func(user int) *bitrix24.EventPOST {
		f := s.Frame("north", user)
		return &bitrix24.EventPOST{Name: "ONAPPUPDATE", Data: &bitrix24.Node{}, Auth: bitrix24.EventAuth{
			MemberID: f.MemberID, Domain: f.Domain, AccessToken: f.AuthID, RefreshToken: f.RefreshID, ServerEndpoint: f.ServerEndpoint, ApplicationToken: "a new one",
		}}
	}
	_, err := s.Prover.Event(t.Context(), update(operator))
	require.ErrorIs(t, err, proof.ErrNotProven, "an operator cannot give the portal another secret")
	stored, err := s.Accounts.ApplicationToken(t.Context(), o.Portal.Ref())
	require.NoError(t, err)
	require.Equal(t, s.Portal("north").ApplicationToken(accounttest.ClientID), stored)

	e := update(admin)
	p, err := s.Prover.Event(t.Context(), e)
	require.NoError(t, err)
	handled, err := s.Accounts.AppEvent(t.Context(), p, e)
	require.NoError(t, err)
	require.True(t, handled)
	stored, err = s.Accounts.ApplicationToken(t.Context(), o.Portal.Ref())
	require.NoError(t, err)
	require.Equal(t, "a new one", stored)
	now, err := s.Accounts.Get(t.Context(), o.Portal.Ref())
	require.NoError(t, err)
	require.True(t, now.Repair, "the bindings have to be walked again")
}
