package numbers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/sandbox/portal"
	"omni/server/store/storetest"
	"omni/server/telephony/numbers"
)

// people makes users 1 to 3 of the portal employees 1001 to 1003 of UIS; user 3 was dismissed.
func (n *stand) people() {
	n.t.Helper()
	n.do(func(ctx context.Context, tx pgx.Tx) error {
		for _, statement := range []string{
			`INSERT INTO b24_user (account_id, portal_id, id, active, seen_at) SELECT $1, $2, u, u <> 3, now() FROM generate_series(1, 4) u ON CONFLICT (account_id, portal_id, id) DO UPDATE SET active = EXCLUDED.active`,
			`INSERT INTO uis_employee (account_id, id, full_name, phones, seen_at) SELECT $1, 1000 + u, 'Employee', ARRAY['7900000010' || u, '7900000020' || u], now() FROM generate_series(1, 3) u WHERE $2 > 0`,
			`INSERT INTO staff_match (account_id, portal_id, b24_user, employee, how, changed_at) SELECT $1, $2, u, 1000 + u, 'email', now() FROM generate_series(1, 3) u`,
		} {
			if _, err := tx.Exec(ctx, statement, int64(n.of), int64(n.portal)); err != nil {
				return err
			}
		}
		return nil
	})
}

// reasons are the codes noted about a call, once as many are there as are wanted.
func (n *stand) reasons(call int64, most int) []string {
	n.t.Helper()
	var list []string
	require.Eventually(n.t, func() bool {
		n.do(func(ctx context.Context, tx pgx.Tx) error {
			rows, err := tx.Query(ctx, `SELECT code FROM reason WHERE account_id = $1 AND ref = $2 ORDER BY id`, int64(n.of), fmt.Sprintf("call:%d", call))
			if err != nil {
				return err
			}
			list, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
		return len(list) >= most
	}, time.Minute, 10*time.Millisecond)
	return list
}

// find gives the database all the time it needs on a busy machine.
func (n *stand) find(f *numbers.Finder, phone string, call int64) []string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), time.Minute)
	defer cancel()
	return f.Find(ctx, numbers.Caller{Account: n.of, Phone: phone, Session: ids.UISCallID(call)})
}

// T3: who is known is given at once, without a word to the portal; who is not is asked for, and the answer is remembered.
func TestFind(t *testing.T) {
	t.Parallel()
	n := newStand(t, "north")
	n.people()
	n.put(portal.Contact, 3, "+79005550001") // dismissed
	n.put(portal.Lead, 2, "+79005550001")
	n.put(portal.Contact, 4, "+79005550002") // not matched
	_, err := n.walk(direct{Stand: n.Stand}).Do(t.Context(), n.of)
	require.NoError(t, err)
	var asked []outbox.Question
	f := n.finder(direct{Stand: n.Stand, asked: &asked})
	require.Equal(t, []string{"79000000102", "79000000202"}, n.find(f, "79005550001", 1))
	require.Equal(t, []string{"manager.dismissed", "manager.given"}, n.reasons(1, 2))
	require.Empty(t, n.find(f, "79005550002", 2))
	require.Equal(t, []string{"manager.not_matched", "manager.nobody_reachable"}, n.reasons(2, 2))
	require.Empty(t, n.find(f, "", 3))
	require.Equal(t, []string{"manager.hidden"}, n.reasons(3, 1))
	require.Empty(t, asked)

	company := n.put(portal.Company, 1, "8 900 555 00 03")
	require.Equal(t, []string{"79000000101", "79000000201"}, n.find(f, "79005550003", 4))
	require.Equal(t, []string{"manager.asked", "manager.given"}, n.reasons(4, 2))
	require.Len(t, asked, 1)
	require.Equal(t, []string{"79000000101", "79000000201"}, n.find(f, "79005550003", 0))
	require.Len(t, asked, 1, "it is remembered")
	require.Equal(t, []string{fmt.Sprintf("company:%d:1", company)}, n.known("79005550003"))

	require.Empty(t, n.find(f, "79005550004", 5))
	require.Empty(t, n.find(f, "79005550004", 6))
	require.Equal(t, []string{"manager.unknown"}, n.reasons(5, 1))
	require.Equal(t, []string{"manager.unknown"}, n.reasons(6, 1))
	require.Len(t, asked, 2, "nobody is remembered for a while")
	n.put(portal.Lead, 1, "+79005550004")
	n.Clock.Advance(6 * time.Minute)
	require.NotEmpty(t, n.find(f, "79005550004", 0))
	require.Len(t, asked, 3)

	n.turn(false)
	require.Empty(t, n.find(f, "79005550001", 7))
	require.Equal(t, []string{"manager.switch_off"}, n.reasons(7, 1))
	n.turn(true)
	state := func(state string) {
		n.do(func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE portal SET state = $2 WHERE account_id = $1`, int64(n.of), state)
			return err
		})
	}
	for i, sleeping := range []string{"unpaid", "blocked", "waiting"} {
		state(sleeping)
		call := int64(10 * (i + 1))
		require.Equal(t, []string{"79000000102", "79000000202"}, n.find(f, "79005550001", call), "%s: what is known holds", sleeping)
		require.Equal(t, []string{"manager.dismissed", "manager.given"}, n.reasons(call, 2))
		require.Empty(t, n.find(f, "79005550009", call+1))
		require.Equal(t, []string{"manager.asleep"}, n.reasons(call+1, 1), "%s is not asked", sleeping)
	}
	state("uninstalled")
	require.Empty(t, n.find(f, "79005550001", 8))
	require.Equal(t, []string{"manager.asleep"}, n.reasons(8, 1))
	require.Len(t, asked, 3)
	require.Empty(t, n.World.Violations())
}

// An account that never saved has everything off, and sees nothing of its neighbour's numbers.
func TestNeighboursAreNotAsked(t *testing.T) {
	t.Parallel()
	n := newStand(t, "north")
	n.people()
	n.put(portal.Contact, 1, "+79005550001")
	_, err := n.walk(direct{Stand: n.Stand}).Do(t.Context(), n.of)
	require.NoError(t, err)
	f := n.finder(direct{Stand: n.Stand})
	require.NotEmpty(t, n.find(f, "79005550001", 0))
	require.Empty(t, f.Find(t.Context(), numbers.Caller{Account: n.of + 1, Phone: "79005550001"}))
}

// silent is a portal that does not answer until the test ends.
type silent struct {
	numbers.Asker
	asked *atomic.Int64
	until <-chan struct{}
}

func (s silent) Ask(context.Context, ids.AccountID, outbox.LaneRef, string, any, outbox.Priority) (json.RawMessage, error) {
	s.asked.Add(1)
	<-s.until
	return nil, errors.New("the portal is down")
}

// A portal that does not answer costs a moment, not the call; it is asked once about a number however many calls wait.
func TestPortalThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	n := newStand(t, "north")
	var asked atomic.Int64
	f := n.finder(silent{asked: &asked, until: t.Context().Done()})
	answers := make(chan []string, 3)
	for i := range 3 {
		go func() {
			answers <- f.Find(context.WithoutCancel(t.Context()), numbers.Caller{Account: n.of, Phone: "79005550009", Session: ids.UISCallID(i + 1)})
		}()
	}
	for range 3 {
		require.Empty(t, <-answers)
	}
	require.Equal(t, []string{"manager.portal_slow"}, n.reasons(1, 1))
	require.Equal(t, int64(1), asked.Load())
}

// Without a database nobody is known, and that is said at once.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	f := &numbers.Finder{DB: db, Log: slog.New(slog.DiscardHandler), Background: func(string, func(context.Context) error) {}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Empty(t, f.Find(ctx, numbers.Caller{Account: 1, Phone: "79005550009"}))
	// One that hangs: somebody holds the table.
	holder := storetest.Open(t, db.Pool().Config().ConnString())
	require.NoError(t, holder.AsSystem(t.Context(), func(inside context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(inside, `LOCK TABLE known_number IN ACCESS EXCLUSIVE MODE`); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), numbers.Patience)
		defer cancel()
		require.Empty(t, f.Find(ctx, numbers.Caller{Account: 1, Phone: "79005550009"}))
		return nil
	}))
	db.Close()
	require.Empty(t, f.Find(t.Context(), numbers.Caller{Account: 1, Phone: "79005550009"}))
}
