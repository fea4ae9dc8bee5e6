package openlines

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"omni/server/account"
	"omni/server/bitrix24"
	"omni/server/clock"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/settings"
	"omni/server/store"
)

// Asker reads and sets something at a portal through its lane.
type Asker interface {
	Ask(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, kind string, params any, p outbox.Priority) (json.RawMessage, error)
}

// Portals knows the account's portals.
type Portals interface {
	Get(ctx context.Context, ref account.Ref) (account.Portal, error)
	List(ctx context.Context, account ids.AccountID) ([]account.Portal, error)
}

// Connector keeps the connector of a portal as the settings want it (O1).
type Connector struct {
	DB      *store.DB
	Clock   clock.Clock
	Asker   Asker
	Portals Portals
	Texts   Texts
	// SettingsURL is the page that Bitrix24 opens for a line, EventsURL where it tells what happens.
	SettingsURL, EventsURL string
	// Wake is told which key got a letter, after the commit.
	Wake func(ids.AccountID, ids.Key)
}

// Look is what stands at the portal, and what is wrong with it.
type Look struct {
	// Wanted: the settings want the connector at this portal.
	Wanted bool
	// NoRight: the portal granted neither imconnector nor imopenlines. Refused: it refuses to tell what is registered, in its words.
	NoRight bool
	Refused string
	// Missing: the connector is not registered. Old: it is, with another name, icon or address.
	Missing, Old bool
	// Events are those that are not listened to.
	Events []string
	// Off are lines that carry a channel here and do not have the connector at the portal, Broken those the portal marks as faulty.
	Off, Broken []ids.B24LineID
	// Carrying is how many lines carry a channel.
	Carrying int

	portal account.Portal
	digest string
	params map[string]any
	looked map[ids.B24LineID]string
}

// Good tells that nothing is wrong.
func (l Look) Good() bool {
	return !l.NoRight && !l.Missing && !l.Old && len(l.Events) == 0 && len(l.Off) == 0 && len(l.Broken) == 0
}

// Look reads what stands at a portal. Portals that no line works with are not asked anything.
func (c *Connector) Look(ctx context.Context, ref account.Ref, p outbox.Priority) (Look, error) {
	var l Look
	var lines []*Line
	err := c.DB.InAccount(ctx, ref.Account, func(ctx context.Context, tx pgx.Tx) error {
		doc, err := settings.Current(ctx, tx, ref.Account)
		if err != nil {
			return err
		}
		l.Wanted = doc.LinesPortal() == ref.Portal
		if l.digest, err = registered(ctx, tx, ref.Account, ref.Portal); err != nil {
			return err
		}
		all, err := Lines(ctx, tx, ref.Account)
		lines = slices.DeleteFunc(all, func(one *Line) bool { return one.Portal != ref.Portal })
		return err
	})
	if err != nil {
		return l, err
	}
	l.Carrying, l.looked = len(lines), map[ids.B24LineID]string{}
	if !l.Wanted {
		return l, nil
	}
	if l.portal, err = c.Portals.Get(ctx, ref); err != nil {
		return l, err
	}
	if !l.portal.Has("imconnector") && !l.portal.Has("imopenlines") {
		l.NoRight = true
		return l, nil
	}
	l.params = registration(c.Texts.Text(l.portal.Language, "product.connector"), c.SettingsURL)
	l.Old = l.digest != digest(l.params)
	return l, c.read(ctx, ref, p, lines, &l)
}

// read asks the portal; the reads share a request.
func (c *Connector) read(ctx context.Context, ref account.Ref, p outbox.Priority, lines []*Line, l *Look) error {
	var mu sync.Mutex
	var wait sync.WaitGroup
	var failed []error
	ask := func(kind string, params any, take func(raw json.RawMessage, err error) error) {
		wait.Go(func() {
			raw, err := c.ask(ctx, ref, kind, params, p)
			mu.Lock()
			defer mu.Unlock()
			if err = take(raw, err); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", kind, err))
			}
		})
	}
	ask("imconnector.list", map[string]any{}, func(raw json.RawMessage, err error) error {
		var refused *outbox.Failure
		if errors.As(err, &refused) && refused.Kind == outbox.Refused {
			l.Refused, l.Missing = wordsOf(refused), l.digest == "" // only what was noted tells then
			return nil
		}
		if err != nil {
			return err
		}
		there, err := listed(raw)
		l.Missing = !there
		return err
	})
	ask("event.get", map[string]any{}, func(raw json.RawMessage, err error) error {
		if err == nil {
			l.Events, err = c.unheard(raw)
		}
		return err
	})
	for _, line := range lines {
		if !line.rests() {
			continue
		}
		l.looked[line.ID] = line.Choice
		ask("imconnector.status", map[string]any{"CONNECTOR": Code, "LINE": int64(line.ID)}, func(raw json.RawMessage, err error) error {
			standing := Broken
			if err == nil {
				standing, err = StatusOf(raw)
			}
			switch {
			case err != nil:
				return err
			case standing == Absent:
				l.Off = append(l.Off, line.ID)
			case standing == Broken:
				l.Broken = append(l.Broken, line.ID)
			}
			return nil
		})
	}
	wait.Wait()
	slices.Sort(l.Off)
	slices.Sort(l.Broken)
	return errors.Join(failed...)
}

func (c *Connector) ask(ctx context.Context, ref account.Ref, kind string, params any, p outbox.Priority) (json.RawMessage, error) {
	return c.Asker.Ask(ctx, ref.Account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: ref.Portal}, kind, params, p)
}

// listed tells whether our connector is among those of imconnector.list, a map from code to name.
func listed(raw json.RawMessage) (bool, error) {
	if text := strings.TrimSpace(string(raw)); text == "[]" || text == "null" {
		return false, nil
	}
	var names map[string]json.RawMessage
	if err := json.Unmarshal(raw, &names); err != nil {
		return false, err
	}
	for code := range names {
		if strings.EqualFold(code, Code) {
			return true, nil
		}
	}
	return false, nil
}

// unheard are the events that are not bound to our address.
func (c *Connector) unheard(raw json.RawMessage) ([]string, error) {
	var bound bitrix24.List[struct {
		Event   bitrix24.String `json:"event"`
		Handler bitrix24.String `json:"handler"`
	}]
	if err := json.Unmarshal(raw, &bound); err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range Events() {
		heard := false
		for _, b := range bound {
			heard = heard || strings.EqualFold(string(b.Event), name) && string(b.Handler) == c.EventsURL
		}
		if !heard {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

func wordsOf(f *outbox.Failure) string {
	if f.Text != "" {
		return f.Text
	}
	return f.Code
}

// RefusedError is what a portal refused of the connector, in its words.
type RefusedError struct{ Words string }

// Error implements error.
func (e *RefusedError) Error() string { return "the portal refused the connector: " + e.Words }

// Keep brings the portal in line with the settings, any number of times: the connector is registered while the section is on, and stays when it is off and lines
// are tied to it (O1). What it finds out of the lines goes as a letter to their key. Error: also *RefusedError, and ErrNoRight.
func (c *Connector) Keep(ctx context.Context, ref account.Ref, p outbox.Priority) (Look, error) {
	l, err := c.Look(ctx, ref, p)
	switch {
	case err != nil:
		return l, err
	case !l.Wanted:
		return l, c.leave(ctx, ref, p, l)
	case l.NoRight:
		return l, ErrNoRight
	}
	if l.Missing || l.Old {
		if err := c.carry(ctx, ref, p, "imconnector.register", l.params); err != nil {
			return l, err
		}
	}
	for _, name := range l.Events {
		if err := c.carry(ctx, ref, p, "event.bind", map[string]any{"event": name, "handler": c.EventsURL}); err != nil {
			return l, err
		}
	}
	return l, c.note(ctx, ref, l)
}

// ErrNoRight says that the portal did not grant the app the right to open lines.
var ErrNoRight = errors.New("the portal did not grant the right to open lines")

// carry does one thing at the portal. "Already" is as good as done.
func (c *Connector) carry(ctx context.Context, ref account.Ref, p outbox.Priority, method string, params any) error {
	raw, err := c.ask(ctx, ref, method, params, p)
	var refused *outbox.Failure
	switch {
	case errors.As(err, &refused) && refused.Kind == outbox.Refused:
		if strings.Contains(strings.ToLower(refused.Text), "already") {
			return nil
		}
		return &RefusedError{Words: wordsOf(refused)}
	case err != nil:
		return fmt.Errorf("%s at portal %d: %w", method, ref.Portal, err)
	}
	if no, words := denied(raw); no {
		return &RefusedError{Words: words}
	}
	return nil
}

// leave takes the connector away from a portal that the section does not work with (any more). With lines tied to it it stays, and its page says that the section is off.
func (c *Connector) leave(ctx context.Context, ref account.Ref, p outbox.Priority, l Look) error {
	if l.digest == "" || l.Carrying > 0 {
		return nil
	}
	err := c.carry(ctx, ref, p, "imconnector.unregister", map[string]any{"ID": Code})
	var refused *RefusedError
	if err != nil && !errors.As(err, &refused) { // refused: the portal does not have it
		return err
	}
	return c.DB.InAccount(ctx, ref.Account, func(ctx context.Context, tx pgx.Tx) error {
		return noteRegistered(ctx, tx, ref.Account, ref.Portal, "")
	})
}

// note keeps what was registered and tells the key of the lines what was found.
func (c *Connector) note(ctx context.Context, ref account.Ref, l Look) error {
	found := Kept{Portal: ref.Portal, Fresh: l.Missing && l.Refused == "", Off: l.Off, Looked: l.looked}
	tell := len(l.looked) > 0 && (found.Fresh || len(found.Off) > 0)
	body, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("encode what was found at portal %d: %w", ref.Portal, err)
	}
	key := ids.LinesKey(ref.Account)
	err = c.DB.InAccount(ctx, ref.Account, func(ctx context.Context, tx pgx.Tx) error {
		if err := noteRegistered(ctx, tx, ref.Account, ref.Portal, digest(l.params)); err != nil || !tell {
			return err
		}
		return inbox.Post(ctx, tx, c.Clock.Now(), inbox.Row{Account: ref.Account, Key: key, Kind: KindKept, Natural: "line.kept:" + uuid.NewString(), Body: body})
	})
	if err == nil && tell {
		c.Wake(ref.Account, key)
	}
	return err
}

// KeepAll is Keep for every portal of an account that can be spoken to. One portal's refusal keeps no other one waiting.
func (c *Connector) KeepAll(ctx context.Context, account ids.AccountID) error {
	portals, err := c.Portals.List(ctx, account)
	if err != nil {
		return err
	}
	var failed []error
	for _, p := range portals {
		if p.Sleeps() {
			continue
		}
		_, err := c.Keep(ctx, p.Ref(), outbox.Background)
		var refused *RefusedError
		if errors.As(err, &refused) || errors.Is(err, ErrNoRight) {
			continue // the self-check tells of it; trying again would change nothing
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("portal %s: %w", strconv.FormatInt(int64(p.ID), 10), err))
		}
	}
	return errors.Join(failed...)
}
