package openlines

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"omni/server/account"
	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/settings"
	"omni/server/store"
)

// Doer runs the step of a key inline.
type Doer interface {
	Do(ctx context.Context, row inbox.Row) (any, error)
}

// Reader reads a portal's lines anew into the directory.
type Reader interface {
	Lines(ctx context.Context, account ids.AccountID, portal ids.PortalID) error
}

// Desk is what pages do with lines.
type Desk struct {
	DB        *store.DB
	Doer      Doer
	Reader    Reader
	Connector *Connector
}

// Place is a line of the portal as pages show it. Without a Line it carries nothing.
type Place struct {
	ID     ids.B24LineID
	Name   string
	Active bool
	// Gone: the portal does not list it (any more).
	Gone bool
	*Line
}

// Offer is a channel that may be chosen, and the line that carries it.
type Offer struct {
	directory.Channel
	On *Line
}

// List is what a portal has: its lines, and the channels they may carry.
type List struct {
	Places []Place
	Offers []Offer
	// Channels are all channels of the account, to name what is not offered.
	Channels map[ids.UISChannelID]directory.Channel
	// Enabled: the section is on for this portal. Portal is the one it works with; 0: it is off.
	Enabled bool
	Portal  ids.PortalID

	doc settings.Document
}

// List reads a portal's lines. fresh asks the portal; when it does not answer, the copy serves. A copy that was never read is read in any case.
func (d *Desk) List(ctx context.Context, ref account.Ref, fresh bool) (*List, error) {
	if !fresh {
		var read bool
		err := d.DB.InAccount(ctx, ref.Account, func(ctx context.Context, tx pgx.Tx) error {
			found, err := directory.Read(ctx, tx, linesOf(ref))
			read = found.ReadAt != nil
			return err
		})
		if err != nil {
			return nil, err
		}
		fresh = !read
	}
	if fresh {
		if err := d.Reader.Lines(ctx, ref.Account, ref.Portal); err != nil && !ofPortal(err) {
			return nil, err
		}
	}
	return d.read(ctx, ref)
}

// ofPortal tells errors that are the portal's doing: pages go on with what is known.
func ofPortal(err error) bool {
	var refused *outbox.Failure
	return errors.As(err, &refused) || errors.Is(err, outbox.ErrSlow)
}

func linesOf(ref account.Ref) directory.Where {
	return directory.Where{Account: ref.Account, Portal: ref.Portal, Kind: directory.Lines}
}

func (d *Desk) read(ctx context.Context, ref account.Ref) (*List, error) {
	var doc settings.Document
	var copied directory.Copy
	var lines []*Line
	var channels []directory.Channel
	err := d.DB.InAccount(ctx, ref.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if doc, err = settings.Current(ctx, tx, ref.Account); err != nil {
			return err
		}
		if copied, err = directory.Read(ctx, tx, linesOf(ref)); err != nil {
			return err
		}
		if lines, err = Lines(ctx, tx, ref.Account); err != nil {
			return err
		}
		channels, err = directory.Channels(ctx, tx, ref.Account)
		return err
	})
	if err != nil {
		return nil, err
	}
	return listOf(ref.Portal, doc, copied.Here(), lines, channels), nil
}

// listOf puts together what a portal has.
func listOf(portal ids.PortalID, doc settings.Document, entries []directory.Entry, lines []*Line, channels []directory.Channel) *List {
	list := &List{Places: []Place{}, Offers: []Offer{}, Portal: doc.LinesPortal(), Channels: map[ids.UISChannelID]directory.Channel{}, doc: doc}
	list.Enabled = list.Portal == portal
	here := map[ids.B24LineID]*Line{}
	on := map[ids.UISChannelID]*Line{}
	for _, l := range lines {
		if l.Portal == portal {
			here[l.ID] = l
		}
		if l.Channel != 0 {
			on[l.Channel] = l
		}
	}
	for _, e := range entries {
		id, err := strconv.ParseInt(e.ID, 10, 64)
		if err != nil {
			continue
		}
		active, _ := e.Data["active"].(bool)
		list.Places = append(list.Places, Place{ID: ids.B24LineID(id), Name: e.Name, Active: active, Line: here[ids.B24LineID(id)]})
		delete(here, ids.B24LineID(id))
	}
	for _, l := range lines {
		if here[l.ID] == l {
			list.Places = append(list.Places, Place{ID: l.ID, Name: "№ " + strconv.FormatInt(int64(l.ID), 10), Gone: true, Line: l})
		}
	}
	for _, c := range channels {
		list.Channels[c.ID] = c
		if Carries(c.Type) && c.Active {
			list.Offers = append(list.Offers, Offer{c, on[c.ID]})
		}
	}
	return list
}

// Choose puts a channel on a line, or with channel 0 takes the line's channel away, and waits until the portal has done it. A line that is still Connecting or
// Disconnecting then goes on by itself. nil: the line carries nothing. Errors: Refusal, *RefusedError, ErrNoRight, outbox.ErrSlow before anything was chosen.
func (d *Desk) Choose(ctx context.Context, ref account.Ref, c Choice) (*Line, error) {
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	if c.ID == "" {
		c.ID = uuid.NewString()
	}
	c.Portal = ref.Portal
	if c.Channel != 0 {
		if err := d.ready(ctx, ref, c); err != nil {
			return nil, err
		}
	}
	line, err := d.do(ctx, ref, c)
	if err != nil || line == nil || line.State != Failed || line.Trouble != troubleConnector || c.Channel == 0 {
		return line, err
	}
	// The portal has lost the connector (the app was removed and came back): it gets it again, and the choice is made once more.
	if _, err := d.Connector.Keep(ctx, ref, outbox.Waiting); err != nil {
		return line, nil //nolint:nilerr // what the portal said to the choice itself is what the person is told
	}
	c.ID += ":again"
	return d.do(ctx, ref, c)
}

func (d *Desk) do(ctx context.Context, ref account.Ref, c Choice) (*Line, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode a choice: %w", err)
	}
	_, err = d.Doer.Do(ctx, inbox.Row{Account: ref.Account, Key: ids.LinesKey(ref.Account), Kind: KindChoice, Natural: "line:" + c.ID, Body: body})
	if err != nil && !errors.Is(err, inbox.ErrRepeat) {
		return nil, err
	}
	return d.settled(ctx, ref, c.Line)
}

// ready looks at what stands before a choice, so that a portal is not asked in vain: the settings, the line, and the connector, which may just have been switched on.
func (d *Desk) ready(ctx context.Context, ref account.Ref, c Choice) error {
	list, err := d.List(ctx, ref, false)
	if err != nil {
		return err
	}
	channel, known := list.Channels[c.Channel]
	if err := Allowed(list.doc, ref.Portal, channel, known); err != nil {
		return err
	}
	if err := d.exists(ctx, ref, list, c.Line); err != nil {
		return err
	}
	current := ""
	err = d.DB.InAccount(ctx, ref.Account, func(ctx context.Context, tx pgx.Tx) error {
		current, err = registered(ctx, tx, ref.Account, ref.Portal)
		return err
	})
	if err != nil || current != "" {
		return err
	}
	_, err = d.Connector.Keep(ctx, ref, outbox.Waiting)
	return err
}

// exists looks for a line in the copy and, as it may be new, at the portal. One that cannot be read is left to the portal's own answer.
func (d *Desk) exists(ctx context.Context, ref account.Ref, list *List, line ids.B24LineID) error {
	is := func(p Place) bool { return p.ID == line }
	if slices.ContainsFunc(list.Places, is) {
		return nil
	}
	if err := d.Reader.Lines(ctx, ref.Account, ref.Portal); ofPortal(err) {
		return nil
	} else if err != nil {
		return err
	}
	list, err := d.read(ctx, ref)
	if err == nil && !slices.ContainsFunc(list.Places, is) {
		return ErrNoLine
	}
	return err
}

const (
	// settleFor is how long a person waits for the portal, settleLook the pause between two looks at a line that is under way.
	settleFor  = 10 * time.Second
	settleLook = 100 * time.Millisecond
)

// settled waits until nothing is under way on a line, or nobody waits any more.
func (d *Desk) settled(ctx context.Context, ref account.Ref, line ids.B24LineID) (*Line, error) {
	look := context.WithoutCancel(ctx)
	for {
		var found *Line
		err := d.DB.InAccount(look, ref.Account, func(ctx context.Context, tx pgx.Tx) error {
			all, err := Lines(ctx, tx, ref.Account)
			for _, l := range all {
				if l.Portal == ref.Portal && l.ID == line {
					found = l
				}
			}
			return err
		})
		if err != nil || found == nil || found.State == On || found.State == Failed {
			return found, err
		}
		select {
		case <-ctx.Done():
			return found, nil
		case <-time.After(settleLook):
		}
	}
}
