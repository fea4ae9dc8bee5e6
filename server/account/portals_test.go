package account_test

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/account/accounttest"
	"omni/server/account/proof"
	"omni/server/bitrix24"
	"omni/server/history"
	"omni/server/history/historytest"
	"omni/server/ids"
)

// consent follows the authorize address as a signed-in person's browser does and gives what comes back.
func consent(s *accounttest.Stand, authorize string, user string) url.Values {
	s.T.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(s.T, err)
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	at, err := url.Parse(authorize)
	require.NoError(s.T, err)
	var response *http.Response
	for _, address := range []string{at.Scheme + "://" + at.Host + "/?as=" + user, authorize} { // sign in, then go where we were sent
		request, err := http.NewRequestWithContext(s.T.Context(), http.MethodGet, address, nil)
		require.NoError(s.T, err)
		response, err = client.Do(request)
		require.NoError(s.T, err)
		require.NoError(s.T, response.Body.Close())
	}
	require.Equal(s.T, http.StatusFound, response.StatusCode)
	back, err := url.Parse(response.Header.Get("Location"))
	require.NoError(s.T, err)
	return back.Query()
}

func finish(s *accounttest.Stand, back url.Values) (account.Portal, error) {
	return s.Accounts.Consent(s.T.Context(), back.Get("state"), back.Get("code"), back.Get("server_domain"))
}

func accounts(s *accounttest.Stand) (n int) {
	s.T.Helper()
	require.NoError(s.T, s.DB.AsSystem(s.T.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM account`).Scan(&n)
	}))
	return n
}

func TestAddCredentialsJoinsTheAskersAccountP1(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north", "south")
	north := s.Opened("north").Portal
	s.Install("south")
	as := history.By(t.Context(), "Анна")
	p, authorize, err := s.Accounts.AddPortal(as, north.Account, account.Asker{Portal: north.ID, User: 1}, "Юг", s.Portal("south").URL()+"/")
	require.NoError(t, err)
	require.Equal(t, account.Waiting, p.State)
	require.Equal(t, "Юг", p.Title())
	back := consent(s, authorize, "1")
	joined, err := finish(s, back)
	require.NoError(t, err)
	require.Equal(t, north.Account, joined.Account)
	require.Equal(t, p.ID, joined.ID)
	require.Equal(t, s.Portal("south").MemberID(), joined.MemberID)
	require.Equal(t, account.Installing, joined.State)
	list, err := s.Accounts.List(t.Context(), north.Account)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, 1, accounts(s))
	require.NoError(t, works(s, working(s, joined)))

	_, err = finish(s, back)
	require.ErrorIs(t, err, account.ErrConsent, "a state works once")
	o, err := s.Prover.Frame(t.Context(), s.Frame("south", 1))
	require.NoError(t, err)
	require.Equal(t, joined.ID, o.Portal.ID, "opening the app there finds it (P1)")
	_, err = s.Accounts.SetName(as, joined.Ref(), "Южный")
	require.NoError(t, err)
	_, err = s.Accounts.SetName(as, joined.Ref(), "Южный")
	require.NoError(t, err)
	require.NoError(t, s.Accounts.Remove(as, joined.Ref()))
	require.ErrorIs(t, s.Accounts.Remove(as, joined.Ref()), account.ErrNoPortal)
	require.Equal(t, []string{"№ 1 portal_opened " + north.Domain, "Анна portal_added Юг", "№ 1 portal_opened Юг", "Анна portal_renamed Юг Южный", "Анна portal_removed Южный"},
		historytest.Lines(t, s.DB, north.Account), "who did what stays, by the names of then")
}

func TestConsentThatNobodyAskedForIsRefused(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north", "south", "west")
	north := s.Opened("north").Portal
	by := account.Asker{Portal: north.ID, User: 1}
	s.Install("south")
	s.Install("west")
	_, authorize, err := s.Accounts.AddPortal(t.Context(), north.Account, by, "", s.Portal("south").URL())
	require.NoError(t, err)
	back := consent(s, authorize, "1")
	forged := url.Values{"state": {"invented"}, "code": back["code"], "server_domain": back["server_domain"]}
	_, err = finish(s, forged)
	require.ErrorIs(t, err, account.ErrConsent)

	// The state of one portal with the code of another.
	_, elsewhere, err := s.Accounts.AddPortal(t.Context(), north.Account, by, "", s.Portal("west").URL())
	require.NoError(t, err)
	mixed := consent(s, elsewhere, "1")
	mixed.Set("state", back.Get("state"))
	_, err = finish(s, mixed)
	require.ErrorIs(t, err, account.ErrConsent)

	// Somebody who is no administrator there.
	_, again, err := s.Accounts.AddPortal(t.Context(), north.Account, by, "", s.Portal("south").URL())
	require.NoError(t, err)
	_, err = finish(s, consent(s, again, "2"))
	require.ErrorIs(t, err, account.ErrNotAdmin)

	list, err := s.Accounts.List(t.Context(), north.Account)
	require.NoError(t, err)
	require.Len(t, list, 3, "one row per wish")
	for _, p := range list[1:] {
		require.Equal(t, account.Waiting, p.State)
		require.Empty(t, p.MemberID)
	}
}

func TestAPortalInUseElsewhereDoesNotJoin(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north", "south")
	north, south := s.Opened("north").Portal, s.Opened("south").Portal
	connect := func(on bool) {
		require.NoError(t, s.DB.InAccount(t.Context(), south.Account, func(ctx context.Context, tx pgx.Tx) error {
			if !on {
				_, err := tx.Exec(ctx, `DELETE FROM uis_connection WHERE account_id = $1`, int64(south.Account))
				return err
			}
			_, err := tx.Exec(ctx, `INSERT INTO uis_connection (account_id, brand, url_token_hash, url_token, webhook_secret, adapter_type, adapter_login, adapter_password, changed_at)
				VALUES ($1, 'uis', 'h', 't', 's', 'omni_b24_x', 'l', 'p', now())`, int64(south.Account))
			return err
		}))
	}
	join := func() (account.Portal, error) {
		_, authorize, err := s.Accounts.AddPortal(t.Context(), north.Account, account.Asker{Portal: north.ID, User: 1}, "", s.Portal("south").URL())
		require.NoError(t, err)
		return finish(s, consent(s, authorize, "1"))
	}
	connect(true)
	_, err := join()
	require.ErrorIs(t, err, account.ErrElsewhere)
	still, err := s.Accounts.ByMember(t.Context(), south.MemberID)
	require.NoError(t, err)
	require.Equal(t, south.Ref(), still.Ref())

	connect(false)
	joined, err := join()
	require.NoError(t, err)
	require.Equal(t, north.Account, joined.Account)
	require.NoError(t, account.NewKeeper(s.Accounts).Erase(t.Context()))
	require.Equal(t, 1, accounts(s), "the account it left held nothing else")
}

func appEvent(s *accounttest.Stand, name string, p account.Portal, body string) *bitrix24.EventPOST {
	s.T.Helper()
	e, err := bitrix24.ParseEvent([]byte("event=" + name + "&" + body + "&auth[member_id]=" + p.MemberID + "&auth[application_token]=" + s.Portal("north").ApplicationToken(accounttest.ClientID)))
	require.NoError(s.T, err)
	return e
}

func handle(s *accounttest.Stand, e *bitrix24.EventPOST) {
	s.T.Helper()
	p, err := s.Prover.Event(s.T.Context(), e)
	require.NoError(s.T, err)
	handled, err := s.Accounts.AppEvent(s.T.Context(), p, e)
	require.NoError(s.T, err)
	require.True(s.T, handled)
}

func TestUninstallTakesTheTokensAtOnceAndReinstallWorksP7(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	o := s.Opened("north")
	operator, err := s.Prover.Frame(t.Context(), s.Frame("north", 2))
	require.NoError(t, err)
	for range 3 {
		rights, err := s.Accounts.Rights(t.Context(), o.Portal.Account)
		require.NoError(t, err)
		handle(s, appEvent(s, "ONAPPUNINSTALL", o.Portal, "data[CLEAN]=0"))
		require.NoError(t, s.Portal("north").Uninstall(accounttest.ClientID, false))
		_, err = s.Accounts.Working(t.Context(), o.Portal.Ref())
		require.ErrorIs(t, err, account.ErrNoToken)
		raised, err := s.Accounts.Rights(t.Context(), o.Portal.Account)
		require.NoError(t, err)
		require.Greater(t, raised, rights, "open sessions end")
		gone, err := s.Accounts.Get(t.Context(), o.Portal.Ref())
		require.NoError(t, err)
		require.Equal(t, account.Uninstalled, gone.State)
		stored, err := s.Accounts.ApplicationToken(t.Context(), o.Portal.Ref())
		require.NoError(t, err)
		require.Empty(t, stored)

		s.Install("north")
		_, err = s.Second().Prover.Frame(t.Context(), s.Frame("north", 2))
		require.ErrorIs(t, err, proof.ErrNotInstalled, "an operator waits for the administrator")
		back, err := s.Prover.Frame(t.Context(), s.Frame("north", 1))
		require.NoError(t, err)
		require.Equal(t, o.Portal.Ref(), back.Portal.Ref(), "the account and its settings are there again")
		require.Equal(t, account.Installing, back.Portal.State)
	}
	require.EqualValues(t, 2, operator.User)
	require.Contains(t, historytest.Lines(t, s.DB, o.Portal.Account), "app_uninstalled "+o.Portal.Domain)
}

func TestCleanUninstallErasesTheAccountP7(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north", "south")
	o, twin := s.Opened("north"), s.Opened("south")
	handle(s, appEvent(s, "ONAPPUNINSTALL", o.Portal, "data[CLEAN]=1"))
	require.NoError(t, s.Portal("north").Uninstall(accounttest.ClientID, true))
	s.Install("north")
	back, err := s.Prover.Frame(t.Context(), s.Frame("north", 1)) // before the keeper came round
	require.NoError(t, err)
	require.NotEqual(t, o.Portal.Account, back.Portal.Account, "it starts from nothing")
	require.NoError(t, account.NewKeeper(s.Accounts).Erase(t.Context()))
	require.Equal(t, 2, accounts(s))
	left := rowsOf(s, o.Portal.Account)
	require.Empty(t, left)
	require.NotEmpty(t, rowsOf(s, twin.Portal.Account))
	require.NotEmpty(t, rowsOf(s, back.Portal.Account))
}

// rowsOf lists the tables that hold rows of an account.
func rowsOf(s *accounttest.Stand, id ids.AccountID) (tables []string) {
	s.T.Helper()
	require.NoError(s.T, s.DB.AsSystem(s.T.Context(), func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'account_id'`)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, table := range all {
			var n int
			if err := tx.QueryRow(ctx, `SELECT count(*) FROM `+table+` WHERE account_id = $1`, int64(id)).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				tables = append(tables, table)
			}
		}
		return nil
	}))
	return tables
}

func TestPaymentIsReadFromTheAuthorizationServer(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north")
	o := s.Opened("north")
	hint := func() *bitrix24.EventPOST {
		return &bitrix24.EventPOST{Name: "ONAPPPAYMENT", Data: &bitrix24.Node{}, Auth: bitrix24.EventAuth{MemberID: o.Portal.MemberID}}
	}
	handle(s, hint())
	now, err := s.Accounts.Get(t.Context(), o.Portal.Ref())
	require.NoError(t, err)
	require.Equal(t, account.Installing, now.State, "a forged hint changes nothing")
	require.NoError(t, s.Portal("north").Payment(accounttest.ClientID, "T", true, -1))
	handle(s, hint())
	now, err = s.Accounts.Get(t.Context(), o.Portal.Ref())
	require.NoError(t, err)
	require.Equal(t, account.Unpaid, now.State)
	require.NoError(t, s.Portal("north").Payment(accounttest.ClientID, "P", false, 30))
	handle(s, hint())
	now, err = s.Accounts.Get(t.Context(), o.Portal.Ref())
	require.NoError(t, err)
	require.Equal(t, account.Installing, now.State)
}

func TestPortalsOfAnotherAccountAreNotThere(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north", "south")
	north, south := s.Opened("north").Portal, s.Opened("south").Portal
	crossed := account.Ref{Account: north.Account, Portal: south.ID}
	_, err := s.Accounts.Get(t.Context(), crossed)
	require.ErrorIs(t, err, account.ErrNoPortal)
	_, err = s.Accounts.Working(t.Context(), crossed)
	require.ErrorIs(t, err, account.ErrNoPortal)
	_, err = s.Accounts.Happen(t.Context(), crossed, account.Removed)
	require.ErrorIs(t, err, account.ErrNoPortal)
	require.ErrorIs(t, s.Accounts.Remove(t.Context(), crossed), account.ErrNoPortal)
	_, err = s.Accounts.AskConsent(t.Context(), crossed, account.Asker{}, "")
	require.ErrorIs(t, err, account.ErrNoPortal)
	still, err := s.Accounts.Get(t.Context(), south.Ref())
	require.NoError(t, err)
	require.Equal(t, south.State, still.State)
	list, err := s.Accounts.List(t.Context(), north.Account)
	require.NoError(t, err)
	require.Len(t, list, 1)
}
