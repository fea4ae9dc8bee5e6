package account_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/account/accounttest"
	"omni/server/bitrix24"
	"omni/server/sandbox/portal"
)

const (
	first  = 1
	second = 91
	third  = 92
)

// opened is a stand whose portal has three administrators who all opened the app.
func opened(t *testing.T, admins ...int) (*accounttest.Stand, account.Portal) {
	t.Helper()
	s := accounttest.New(t, "north")
	for _, id := range []int{second, third} {
		s.Portal("north").SetUser(portal.User{ID: id, LastName: fmt.Sprint("Admin ", id), Admin: true})
	}
	o := s.Opened("north")
	for _, id := range admins {
		s.Clock.Advance(time.Second) // so that "newest" is decided
		_, err := s.Prover.Frame(t.Context(), s.Frame("north", id))
		require.NoError(t, err)
	}
	return s, o.Portal
}

// works tells whether the portal accepts an access token.
func works(s *accounttest.Stand, a account.Access) error {
	_, err := s.B24.Call(s.T.Context(), bitrix24.Target{Endpoint: a.Portal.ClientEndpoint, Access: a.Pair.Access}, bitrix24.Call{Method: "profile"})
	return err
}

func working(s *accounttest.Stand, p account.Portal) account.Access {
	s.T.Helper()
	a, err := s.Accounts.Working(s.T.Context(), p.Ref())
	require.NoError(s.T, err)
	return a
}

func TestAnExpiredTokenIsRefreshedOnceInTheCluster(t *testing.T) {
	t.Parallel()
	s, p := opened(t)
	other := s.Second()
	s.Portal("north").ExpireTokens(accounttest.ClientID)
	old := working(s, p)
	require.ErrorIs(t, works(s, old), bitrix24.ErrTokenExpired)
	before := s.Asked("oauth.token")
	var all sync.WaitGroup
	got := make([]account.Access, 20)
	for i := range got {
		server := []*accounttest.Stand{s, other}[i%2]
		all.Go(func() {
			a, err := server.Accounts.Refresh(t.Context(), p.Ref(), old.Pair.Access)
			require.NoError(t, err)
			got[i] = a
		})
	}
	all.Wait()
	require.Equal(t, before+1, s.Asked("oauth.token"))
	for _, a := range got {
		require.Equal(t, got[0].Pair.Access, a.Pair.Access)
	}
	require.NoError(t, works(s, working(other, p)), "the new pair is stored")
}

func TestSparesAreTriedInTurn(t *testing.T) {
	t.Parallel()
	s, p := opened(t, second, third)
	s.Portal("north").KillTokens(accounttest.ClientID, first)
	s.Portal("north").KillTokens(accounttest.ClientID, third)
	a, err := s.Accounts.Refresh(t.Context(), p.Ref(), working(s, p).Pair.Access)
	require.NoError(t, err)
	require.NotEqualValues(t, first, a.Pair.User)
	if works(s, a) != nil { // the next spare was as dead as the first: it is refused at its first use
		a, err = s.Accounts.Refresh(t.Context(), p.Ref(), a.Pair.Access)
		require.NoError(t, err)
	}
	require.EqualValues(t, second, a.Pair.User)
	require.NoError(t, works(s, a))
}

func TestNoTokenLeftBlocksUntilTheAppIsOpenedOnce(t *testing.T) {
	t.Parallel()
	s, p := opened(t, second)
	s.Portal("north").KillTokens(accounttest.ClientID, 0)
	a := working(s, p)
	var err error
	for range 3 {
		if a, err = s.Accounts.Refresh(t.Context(), p.Ref(), a.Pair.Access); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, account.ErrNoToken)
	now, err := s.Accounts.Get(t.Context(), p.Ref())
	require.NoError(t, err)
	require.Equal(t, account.Blocked, now.State)
	require.Equal(t, account.ReasonToken, now.Reason)

	o, err := s.Prover.Frame(t.Context(), s.Frame("north", first))
	require.NoError(t, err)
	require.Equal(t, account.Installing, o.Portal.State)
	require.Equal(t, p.ID, o.Portal.ID)
	require.NoError(t, works(s, working(s, p)))
}

func TestAnUnreachableAuthorizationServerBuriesNothing(t *testing.T) {
	t.Parallel()
	s, p := opened(t)
	s.Portal("north").ExpireTokens(accounttest.ClientID)
	_, err := s.World.AddFault(portal.Fault{Method: "oauth.token", Kind: portal.FaultHTTP, Status: 502})
	require.NoError(t, err)
	old := working(s, p).Pair.Access
	_, err = s.Accounts.Refresh(t.Context(), p.Ref(), old)
	require.Error(t, err)
	require.NotErrorIs(t, err, account.ErrNoToken)
	a, err := s.Accounts.Refresh(t.Context(), p.Ref(), old)
	require.NoError(t, err, "the next try works at once: the right to refresh was given back")
	require.NoError(t, works(s, a))
}

func TestALostAnswerCostsThePairNotThePortal(t *testing.T) {
	t.Parallel()
	s, p := opened(t, second)
	s.Portal("north").ExpireTokens(accounttest.ClientID)
	_, err := s.World.AddFault(portal.Fault{Method: "oauth.token", Kind: portal.FaultLost})
	require.NoError(t, err)
	old := working(s, p)
	_, err = s.Accounts.Refresh(t.Context(), p.Ref(), old.Pair.Access)
	require.Error(t, err)
	a, err := s.Accounts.Refresh(t.Context(), p.Ref(), old.Pair.Access) // the same refresh token is refused now
	require.NoError(t, err)
	if works(s, a) != nil {
		a, err = s.Accounts.Refresh(t.Context(), p.Ref(), a.Pair.Access)
		require.NoError(t, err)
	}
	require.EqualValues(t, second, a.Pair.User)
	require.NoError(t, works(s, a))
}

// breakStore makes the database refuse to store pairs until mend is called.
func breakStore(s *accounttest.Stand) (mend func()) {
	conn, err := pgx.Connect(s.T.Context(), s.URL)
	require.NoError(s.T, err)
	s.T.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(s.T.Context(), `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;
		CREATE TRIGGER refuse BEFORE UPDATE OF access ON portal_token FOR EACH STATEMENT EXECUTE FUNCTION refuse()`)
	require.NoError(s.T, err)
	return func() {
		_, err := conn.Exec(context.Background(), `DROP TRIGGER refuse ON portal_token`)
		require.NoError(s.T, err)
	}
}

// TestANewPairIsHeldUntilItIsStored: the exchange was made, the database cannot take the pair, whoever asked has gone, and the only administrator's old
// pair is worth nothing: the portal is not stranded.
func TestANewPairIsHeldUntilItIsStored(t *testing.T) {
	t.Parallel()
	s, p := opened(t)
	s.Portal("north").ExpireTokens(accounttest.ClientID)
	old := working(s, p)
	mend := breakStore(s)
	before := s.Asked("oauth.token")
	ctx, leave := context.WithCancel(t.Context())
	var refreshed sync.WaitGroup
	refreshed.Go(func() { _, _ = s.Accounts.Refresh(ctx, p.Ref(), old.Pair.Access) })
	require.Eventually(t, func() bool { return s.Asked("oauth.token") > before }, 20*time.Second, 5*time.Millisecond)
	leave()
	require.Equal(t, old.Pair.Access, working(s, p).Pair.Access, "nobody uses a pair that is not stored")
	mend()
	refreshed.Wait()
	require.NoError(t, works(s, working(s, p)))
	require.Equal(t, before+1, s.Asked("oauth.token"))
}

// TestAPairStoredLateRevivesThePortal: while the new pair could not be stored, another server found the old one refused and blocked the portal.
func TestAPairStoredLateRevivesThePortal(t *testing.T) {
	t.Parallel()
	s, p := opened(t)
	other := s.Second()
	s.Portal("north").ExpireTokens(accounttest.ClientID)
	old := working(s, p)
	mend := breakStore(s)
	before := s.Asked("oauth.token")
	var refreshed sync.WaitGroup
	refreshed.Go(func() { _, _ = s.Accounts.Refresh(t.Context(), p.Ref(), old.Pair.Access) })
	require.Eventually(t, func() bool { return s.Asked("oauth.token") > before }, 20*time.Second, 5*time.Millisecond)
	// The right to refresh ends, as it does when this takes too long.
	require.NoError(t, s.DB.InAccount(t.Context(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE portal SET refresh_until = clock_timestamp() - interval '1 second' WHERE account_id = $1`, int64(p.Account))
		return err
	}))
	_, err := other.Accounts.Refresh(t.Context(), p.Ref(), old.Pair.Access)
	require.ErrorIs(t, err, account.ErrNoToken)
	blocked, err := s.Accounts.Get(t.Context(), p.Ref())
	require.NoError(t, err)
	require.Equal(t, account.Blocked, blocked.State)
	mend()
	refreshed.Wait()
	now, err := other.Accounts.Get(t.Context(), p.Ref())
	require.NoError(t, err)
	require.Equal(t, p.State, now.State, "it is alive again, nobody had to open the app")
	require.NoError(t, works(other, working(other, p)))
}

// TestARefusalBuriesOnlyThePairItIsAbout: a newer pair of the same person stays.
func TestARefusalBuriesOnlyThePairItIsAbout(t *testing.T) {
	t.Parallel()
	s, p := opened(t)
	old := working(s, p)
	s.Portal("north").ExpireTokens(accounttest.ClientID)
	fresh, err := s.Accounts.Refresh(t.Context(), p.Ref(), old.Pair.Access)
	require.NoError(t, err)
	got, err := s.Accounts.Refused(t.Context(), p.Ref(), old.Pair.Access, "invalid_grant")
	require.NoError(t, err)
	require.Equal(t, fresh.Pair.Access, got.Pair.Access)
	require.NoError(t, works(s, working(s, p)))
}

func TestTokensAreSealedAndBoundToTheirRow(t *testing.T) {
	t.Parallel()
	s, p := opened(t, second)
	a := working(s, p)
	var raw []byte
	require.NoError(t, s.DB.InAccount(t.Context(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT access FROM portal_token WHERE account_id = $1 AND user_id = $2`, int64(p.Account), int64(a.Pair.User)).Scan(&raw); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE portal_token SET access = $2 WHERE account_id = $1 AND user_id <> $3`, int64(p.Account), raw, int64(a.Pair.User))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE portal SET working_user = $2 WHERE account_id = $1`, int64(p.Account), second)
		return err
	}))
	require.NotContains(t, string(raw), a.Pair.Access)
	_, err := s.Accounts.Working(t.Context(), p.Ref())
	require.Error(t, err, "a token moved into another row does not open")
}

func TestIdlePortalsAreKeptAlive(t *testing.T) {
	t.Parallel()
	s, p := opened(t)
	keeper := account.NewKeeper(s.Accounts)
	s.Clock.Advance(100 * 24 * time.Hour)
	before := s.Asked("oauth.token")
	require.NoError(t, keeper.KeepAlive(t.Context()))
	require.Equal(t, before, s.Asked("oauth.token"), "an app that refreshes often is blocked")
	s.Clock.Advance(70 * 24 * time.Hour)
	require.NoError(t, keeper.KeepAlive(t.Context()))
	require.NoError(t, keeper.KeepAlive(t.Context()))
	require.Equal(t, before+1, s.Asked("oauth.token"))
	require.NoError(t, works(s, working(s, p)))
}

func TestEndedProofsAreForgotten(t *testing.T) {
	t.Parallel()
	s, p := opened(t, second)
	count := func() (n int) {
		require.NoError(t, s.DB.InAccount(t.Context(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM portal_proof WHERE account_id = $1`, int64(p.Account)).Scan(&n)
		}))
		return n
	}
	require.Equal(t, 2, count())
	require.NoError(t, s.DB.InAccount(t.Context(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE portal_proof SET expires_at = now() - interval '1 second' WHERE account_id = $1 AND user_id = $2`, int64(p.Account), second)
		return err
	}))
	require.NoError(t, account.NewKeeper(s.Accounts).Forget(t.Context()))
	require.Equal(t, 1, count())
}

func TestARenamedPortalIsFollowedOnTheWordOfTheAuthorizationServer(t *testing.T) {
	t.Parallel()
	s, p := opened(t)
	moved, err := s.Accounts.Moved(t.Context(), p.Ref(), "https://forger.example.com/rest/profile")
	require.Error(t, err)
	require.Zero(t, moved.ID)
	now, err := s.Accounts.Get(t.Context(), p.Ref())
	require.NoError(t, err)
	require.Equal(t, p.ClientEndpoint, now.ClientEndpoint)

	require.NoError(t, s.Server.Rename(s.Portal("north")))
	again := s.Second() // its guard knows the new address
	moved, err = again.Accounts.Moved(t.Context(), p.Ref(), s.Portal("north").URL()+"/rest/profile")
	require.NoError(t, err)
	require.Equal(t, s.Portal("north").Host(), moved.Domain)
	require.NoError(t, works(again, working(again, p)))
}
