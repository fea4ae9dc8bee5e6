package numbers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/account/accounttest"
	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/sandbox/portal"
	"omni/server/settings"
	"omni/server/telephony/numbers"
)

// direct asks the portal over HTTP with its working token, as the lane does in the end. It breaks down after some requests.
type direct struct {
	*accounttest.Stand
	left  *int
	asked *[]outbox.Question
}

var errDied = errors.New("the server died")

func (d direct) Ask(ctx context.Context, of ids.AccountID, lane outbox.LaneRef, kind string, params any, p outbox.Priority) (json.RawMessage, error) {
	answers, err := d.AskAll(ctx, of, lane, p, outbox.Question{Kind: kind, Params: params})
	if err != nil {
		return nil, err
	}
	return answers[0], nil
}

func (d direct) AskAll(ctx context.Context, of ids.AccountID, lane outbox.LaneRef, _ outbox.Priority, questions ...outbox.Question) ([]json.RawMessage, error) {
	if d.left != nil {
		if *d.left == 0 {
			return nil, errDied
		}
		*d.left--
	}
	access, err := d.Accounts.Working(ctx, account.Ref{Account: of, Portal: lane.Portal})
	if err != nil {
		return nil, err
	}
	var commands []bitrix24.Command
	for i, q := range questions {
		fields, _ := q.Params.(map[string]any)
		commands = append(commands, bitrix24.Command{Key: fmt.Sprintf("c%d", i), Call: bitrix24.Call{Method: q.Kind, Params: fields}})
		if d.asked != nil {
			*d.asked = append(*d.asked, q)
		}
	}
	batch, err := d.B24.Batch(ctx, bitrix24.Target{Endpoint: access.Portal.ClientEndpoint, Access: access.Pair.Access}, commands, false)
	if err != nil {
		return nil, err
	}
	var answers []json.RawMessage
	for _, c := range commands {
		if e := batch.Errors[c.Key]; e != nil {
			return nil, &outbox.Failure{Kind: outbox.Refused, Class: string(e.Class()), Text: e.Description}
		}
		answers = append(answers, batch.Results[c.Key].Result)
	}
	return answers, nil
}

// stand is an account whose switch is on.
type stand struct {
	*accounttest.Stand
	t      *testing.T
	crm    *portal.Portal
	of     ids.AccountID
	portal ids.PortalID
}

func newStand(t *testing.T, name string) *stand {
	t.Helper()
	s := accounttest.New(t, name)
	opened := s.Opened(name)
	n := &stand{Stand: s, t: t, crm: s.Portal(name), of: opened.Portal.Account, portal: opened.Portal.ID}
	n.turn(true)
	n.do(func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE portal SET state = 'active' WHERE account_id = $1`, int64(n.of))
		return err
	})
	return n
}

func (n *stand) do(fn func(ctx context.Context, tx pgx.Tx) error) {
	n.t.Helper()
	require.NoError(n.t, n.DB.InAccount(n.t.Context(), n.of, fn))
}

func (n *stand) turn(on bool) {
	n.t.Helper()
	n.do(func(ctx context.Context, tx pgx.Tx) error {
		doc, err := settings.Current(ctx, tx, n.of)
		if err != nil {
			return err
		}
		number := int64(n.portal)
		doc.Main.Enabled, doc.Main.Portal, doc.Telephony.Enabled, doc.Telephony.PersonalManager = true, &number, true, on
		_, err = settings.Save(ctx, tx, n.of, doc, "test", n.Clock.Now())
		return err
	})
}

func (n *stand) walk(asker numbers.Asker) *numbers.Walk {
	return &numbers.Walk{DB: n.DB, Clock: n.Clock, Asker: asker, Log: slog.New(slog.DiscardHandler), EventsURL: "http://app.example.com/bitrix24/events"}
}

// finder answers at once; what nobody waits for is done before.
func (n *stand) finder(asker numbers.Asker) *numbers.Finder {
	return &numbers.Finder{DB: n.DB, Clock: n.Clock, Asker: asker, Log: slog.New(slog.DiscardHandler), Background: func(_ string, fn func(context.Context) error) {
		go func() { _ = fn(context.WithoutCancel(n.t.Context())) }()
	}}
}

// known are the entities of a number, as type:id:responsible.
func (n *stand) known(phone string) []string {
	n.t.Helper()
	var list []string
	n.do(func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT entity_type || ':' || entity_id || ':' || responsible FROM known_number WHERE account_id = $1 AND phone = $2 ORDER BY rank, created_at DESC, entity_id DESC`, int64(n.of), phone)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return list
}

func (n *stand) put(typ, responsible int, phones ...string) int {
	n.t.Helper()
	var fm []any
	for _, p := range phones {
		fm = append(fm, map[string]any{"typeId": "PHONE", "valueType": "WORK", "value": p})
	}
	fields := map[string]any{"assignedById": responsible, "fm": fm}
	if typ == portal.Contact {
		fields["name"] = "Клиент"
	} else {
		fields["title"] = "Клиент"
	}
	id, err := n.crm.AddItem(typ, fields, 1)
	require.NoError(n.t, err)
	return id
}

// T3: the walk meets everybody once and goes on where it was killed.
func TestWalkGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	n := newStand(t, "north")
	for i := range 2700 { // two requests' worth
		n.put(portal.Contact, 1+i%3, fmt.Sprintf("+7 900 1%02d-%02d-%02d", i/10000, i/100%100, i%100))
	}
	company := n.put(portal.Company, 2, "8 (495) 123-45-67", "+7 900 100-00-07")
	lead := n.put(portal.Lead, 3, "+7 900 100-00-07")
	left := 4 // what is bound, the events, the highest contact, one request of pages
	var asked []outbox.Question
	more, err := n.walk(direct{Stand: n.Stand, left: &left, asked: &asked}).Do(t.Context(), n.of)
	require.ErrorIs(t, err, errDied)
	require.False(t, more)
	var cursor int64
	n.do(func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT cursor FROM known_walk WHERE account_id = $1`, int64(n.of)).Scan(&cursor)
	})
	require.Positive(t, cursor)
	require.NotEmpty(t, n.known("79001000007"))

	asked = nil
	more, err = n.walk(direct{Stand: n.Stand, asked: &asked}).Do(t.Context(), n.of)
	require.NoError(t, err)
	require.False(t, more)
	first, _ := asked[0].Params.(map[string]any)["filter"].(map[string]any)
	require.Equal(t, cursor, first[">ID"], "it goes on where it was")
	require.Equal(t, "crm.contact.list", asked[0].Kind)
	require.Equal(t, []string{fmt.Sprintf("company:%d:2", company)}, n.known("74951234567"), "normalised")
	three := n.known("79001000007")
	require.Len(t, three, 3)
	require.Contains(t, three[0], "contact:")
	require.Equal(t, []string{fmt.Sprintf("company:%d:2", company), fmt.Sprintf("lead:%d:3", lead)}, three[1:])
	var rows int
	n.do(func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM known_number WHERE account_id = $1`, int64(n.of)).Scan(&rows)
	})
	require.Equal(t, 2703+n.seeded(), rows)

	// It is not made again at once; a day later it is, and forgets what is not there any more.
	asked = nil
	_, err = n.walk(direct{Stand: n.Stand, asked: &asked}).Do(t.Context(), n.of)
	require.NoError(t, err)
	require.Empty(t, asked)
	n.Clock.Advance(24 * time.Hour)
	n.crm.DeleteItem(portal.Company, company, 1)
	_, err = n.walk(direct{Stand: n.Stand}).Do(t.Context(), n.of)
	require.NoError(t, err)
	require.Empty(t, n.known("74951234567"))
	require.Len(t, n.known("79001000007"), 2)
	require.Empty(t, n.World.Violations())
}

// seeded are the numbers of the portal's invented clients.
func (n *stand) seeded() int {
	count := 0
	for _, typ := range []int{portal.Lead, portal.Contact, portal.Company} {
		for _, item := range n.crm.Items(typ) {
			if item.Fields["name"] != "Клиент" && item.Fields["title"] != "Клиент" {
				count += len(item.Phones)
			}
		}
	}
	return count
}

// The switch: while it is off nothing is asked, and the portal is not listened to.
func TestWalkStopsWithItsSwitch(t *testing.T) {
	t.Parallel()
	n := newStand(t, "north")
	listens := func() int {
		raw, err := direct{Stand: n.Stand}.Ask(t.Context(), n.of, outbox.LaneRef{Kind: outbox.LaneB24, Portal: n.portal}, "event.get", map[string]any{}, outbox.Live)
		require.NoError(t, err)
		return strings.Count(string(raw), `"ONCRM`)
	}
	_, err := n.walk(direct{Stand: n.Stand}).Do(t.Context(), n.of)
	require.NoError(t, err)
	require.Equal(t, 9, listens())
	n.turn(false)
	_, err = n.walk(direct{Stand: n.Stand}).Do(t.Context(), n.of)
	require.NoError(t, err)
	require.Zero(t, listens())
	n.do(func(ctx context.Context, tx pgx.Tx) error {
		wanted, err := n.walk(nil).Wanted(ctx, tx, n.of)
		require.False(t, wanted)
		return err
	})
	var asked []outbox.Question
	_, err = n.walk(direct{Stand: n.Stand, asked: &asked}).Do(t.Context(), n.of)
	require.NoError(t, err)
	require.Empty(t, asked)
}

// What was read later stays, whoever writes last.
func TestWhatWasReadLaterStays(t *testing.T) {
	t.Parallel()
	n := newStand(t, "north")
	now := n.Clock.Now()
	made := now.Add(-time.Hour)
	contact := func(user ids.B24UserID, phone string) crm.Known {
		return crm.Known{Ref: crm.Ref{Type: crm.Contact, ID: 5}, Phone: phone, Responsible: user, CreatedAt: made}
	}
	write := func(queue func(batch *pgx.Batch)) {
		batch := &pgx.Batch{}
		queue(batch)
		n.do(func(ctx context.Context, tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() })
	}
	write(func(b *pgx.Batch) { crm.QueueKnown(b, n.of, n.portal, now, []crm.Known{contact(1, "79005550001")}) })
	write(func(b *pgx.Batch) {
		crm.QueueKnown(b, n.of, n.portal, now.Add(-time.Minute), []crm.Known{contact(2, "79005550001")})
	})
	require.Equal(t, []string{"contact:5:1"}, n.known("79005550001"))
	// A search does not say when a lead was made nor whether it is over: it replaces the responsible only.
	lead := crm.Known{Ref: crm.Ref{Type: crm.Lead, ID: 7}, Phone: "79005550001", Responsible: 3, CreatedAt: made, Closed: true}
	write(func(b *pgx.Batch) { crm.QueueKnown(b, n.of, n.portal, now, []crm.Known{lead}) })
	lead.CreatedAt, lead.Closed, lead.Responsible = time.Time{}, false, 4
	write(func(b *pgx.Batch) { crm.QueueKnown(b, n.of, n.portal, now.Add(time.Second), []crm.Known{lead}) })
	open := crm.Known{Ref: crm.Ref{Type: crm.Lead, ID: 6}, Phone: "79005550001", Responsible: 1, CreatedAt: made.Add(-time.Hour)}
	write(func(b *pgx.Batch) { crm.QueueKnown(b, n.of, n.portal, now, []crm.Known{open, open}) })
	require.Equal(t, []string{"contact:5:1", "lead:6:1", "lead:7:4"}, n.known("79005550001"))
	// An entity that is read anew loses the numbers it has no more.
	write(func(b *pgx.Batch) {
		crm.QueueRead(b, n.of, n.portal, now.Add(time.Minute), crm.Contact, []int64{5}, []crm.Known{contact(2, "79005550002")})
	})
	require.Equal(t, []string{"lead:6:1", "lead:7:4"}, n.known("79005550001"))
	require.Equal(t, []string{"contact:5:2"}, n.known("79005550002"))
	write(func(b *pgx.Batch) {
		crm.QueueRead(b, n.of, n.portal, now.Add(time.Minute), crm.Contact, []int64{5}, nil)
	})
	require.Empty(t, n.known("79005550002"))
}
