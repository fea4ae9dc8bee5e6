package transport_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/account/accounttest"
	"omni/server/account/transport"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/sandbox/portal"
	"omni/server/store/storetest"
)

// sender is a server with lanes.
type sender struct {
	*accounttest.Stand
	*outbox.Outbox
	stop func()
}

func newSender(t *testing.T, s *accounttest.Stand, limits outbox.Limits) sender {
	t.Helper()
	registry := outbox.NewRegistry()
	require.NoError(t, transport.Register(registry))
	transports := map[outbox.LaneKind]outbox.Transport{}
	lanes := outbox.New(outbox.Options{DB: storetest.Open(t, s.URL), Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Registry: registry, Transports: transports,
		Limits: func(context.Context, ids.AccountID, outbox.LaneRef) outbox.Limits { return limits }})
	stand := s.Counting(lanes)
	transports[outbox.LaneB24] = transport.NewPortal(stand.Accounts, stand.B24)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = lanes.Run(ctx)
	}()
	stop := func() { cancel(); <-ended }
	t.Cleanup(stop)
	return sender{stand, lanes, stop}
}

// queue writes commands of a portal and wakes its lane.
func (s sender) queue(p account.Portal, commands ...outbox.Command) {
	s.T.Helper()
	require.NoError(s.T, s.DB.InAccount(s.T.Context(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		for i := range commands {
			commands[i].Lane = outbox.LaneRef{Kind: outbox.LaneB24, Portal: p.ID}
		}
		_, _, err := s.Enqueue(ctx, tx, p.Account, commands...)
		return err
	}))
	s.Wake(p.Account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: p.ID})
}

func (s sender) open(p account.Portal) (n int) {
	s.T.Helper()
	require.NoError(s.T, s.DB.InAccount(s.T.Context(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM command WHERE state IN ('ready', 'sent', 'unclear')`).Scan(&n)
	}))
	return n
}

// TestEverythingTogetherNeverFillsTheBucket: an installation, openings on two servers, persons' questions, tokens that expire in the middle and a
// background load share the small bucket of one portal.
func TestEverythingTogetherNeverFillsTheBucket(t *testing.T) {
	t.Parallel()
	const size, drain, staff = 16, 4, 40
	s := accounttest.With(t, portal.PortalConfig{Name: "north", Bucket: &portal.Bucket{Size: size, Drain: drain}})
	limits := outbox.LimitsB24(size, drain)
	servers := []sender{newSender(t, s, limits), newSender(t, s, limits)}
	north := s.Portal("north")
	for u := 100; u < 100+staff; u++ {
		north.SetUser(portal.User{ID: u, LastName: fmt.Sprint("Operator ", u)})
	}
	s.Install("north")
	opened, err := servers[0].Prover.Frame(t.Context(), s.Frame("north", 1))
	require.NoError(t, err)
	p := opened.Portal
	var level float64
	require.NoError(t, s.DB.InAccount(t.Context(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT level FROM lane`).Scan(&level)
	}))
	require.InDelta(t, 1, level, 0.5, "the installation's own question is in the bucket")

	background := make([]outbox.Command, 600)
	for i := range background {
		background[i] = outbox.Command{Key: ids.Key(fmt.Sprintf("call:%d", i)), Kind: "server.time", Params: json.RawMessage(`{}`), Priority: outbox.Background}
	}
	servers[0].queue(p, background...)
	var all sync.WaitGroup
	for door := range 4 {
		all.Go(func() {
			for i := door; i < staff; i += 4 {
				for tries := 0; ; tries++ {
					_, err := servers[i%2].Prover.Frame(t.Context(), s.Frame("north", 100+i))
					if err == nil {
						break
					}
					require.Less(t, tries, 5)
					if !errors.Is(err, outbox.ErrSlow) { // told to come again
						require.ErrorContains(t, err, "expired_token", "all tokens expire in the middle")
					}
				}
			}
		})
	}
	all.Go(func() {
		for i := range 20 {
			if i%5 == 4 {
				north.ExpireTokens(accounttest.ClientID)
			}
			began := time.Now()
			_, err := servers[i%2].Ask(t.Context(), p.Account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: p.ID}, "server.time", nil, outbox.Waiting)
			require.NoError(t, err, "after %s", time.Since(began))
		}
	})
	all.Wait()
	require.Eventually(t, func() bool { return servers[0].open(p) == 0 }, 60*time.Second, 50*time.Millisecond)
	require.Empty(t, s.World.Violations())
	requests := 0
	for _, r := range s.World.Requests() {
		if r.Portal == "north" {
			requests++
		}
	}
	t.Logf("%d requests of all kinds for %d commands, 20 questions and %d openings", requests, len(background), staff)
	require.Greater(t, requests, staff)
}

// TestAFullBucketIsNotOverrunByOpenings: when we know that the bucket is full, an opening waits its turn or is told to come again.
func TestAFullBucketIsNotOverrunByOpenings(t *testing.T) {
	t.Parallel()
	s := accounttest.With(t, portal.PortalConfig{Name: "north", Bucket: &portal.Bucket{Size: 12, Drain: 1}})
	one := newSender(t, s, outbox.LimitsB24(12, 1))
	north := s.Portal("north")
	s.Install("north")
	opened, err := one.Prover.Frame(t.Context(), s.Frame("north", 1))
	require.NoError(t, err)
	var all sync.WaitGroup
	var mu sync.Mutex
	late, came := 0, 0
	for u := 100; u < 130; u++ {
		north.SetUser(portal.User{ID: u, LastName: "Operator"})
		f := s.Frame("north", u)
		all.Go(func() {
			_, err := one.Prover.Frame(t.Context(), f)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				came++
			default:
				require.ErrorIs(t, err, outbox.ErrSlow)
				late++
			}
		})
	}
	all.Wait()
	require.Empty(t, s.World.Violations())
	require.GreaterOrEqual(t, came, 8)
	require.Positive(t, late, "thirty do not fit")
	_ = opened
}
