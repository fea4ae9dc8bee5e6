package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/locales"
	"omni/server/account"
	"omni/server/account/lists"
	"omni/server/account/staff"
	"omni/server/account/uisconn"
	"omni/server/chats/gaps"
	"omni/server/ids"
	"omni/server/jobs"
	"omni/server/openlines"
	"omni/server/outbox"
	"omni/server/relay"
	requestgaps "omni/server/requests/gaps"
	"omni/server/rounds"
	"omni/server/settings"
	"omni/server/telephony"
	callgaps "omni/server/telephony/gaps"
	"omni/server/telephony/numbers"
)

// people runs the jobs around employees and directories, and queues them for the pages.
type people struct {
	app         *App
	texts       *locales.Catalogue
	runner      *jobs.Runner
	accounts    *account.Accounts
	connections *uisconn.Connections
	staff       *staff.Staff
	lists       *lists.Lists
	workdays    *staff.Workdays
	lines       *telephony.Lines
	walk        *numbers.Walk
	connector   *openlines.Connector
	// connectorWaits are the accounts for which somebody waits to queue the connector's job.
	connectorWaits sync.Map
}

func (p *people) wire(runner *jobs.Runner, accounts *account.Accounts, connections *uisconn.Connections, lanes *outbox.Outbox, hub *relay.Hub) {
	p.runner, p.accounts, p.connections = runner, accounts, connections
	p.staff = staff.New(staff.Options{DB: p.app.db, Clock: p.app.clock, Asker: lanes, Log: p.app.log, Employees: p.readEmployees})
	p.workdays = &staff.Workdays{DB: p.app.db, Clock: p.app.clock, Asker: lanes, Lanes: lanes, Log: p.app.log}
	p.lines = &telephony.Lines{DB: p.app.db, Clock: p.app.clock, Asker: lanes}
	p.lists = lists.New(lists.Options{DB: p.app.db, Clock: p.app.clock, Asker: lanes, Log: p.app.log, Grew: hub.Grew})
}

// syncPayload says whose people are synchronised.
type syncPayload struct {
	Portal ids.PortalID `json:"portal"`
}

func (p *people) queue(ctx context.Context, account ids.AccountID, kind string, portal ids.PortalID) (int64, error) {
	var id int64
	running := false
	err := p.app.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		id, err = p.runner.Enqueue(ctx, tx, account, kind, syncPayload{portal})
		if errors.Is(err, jobs.ErrRunning) {
			running, err = true, nil
		}
		return err
	})
	if err == nil && running {
		err = jobs.ErrRunning
	}
	return id, err
}

// Sync implements web.Staff.
func (p *people) Sync(ctx context.Context, account ids.AccountID, portal ids.PortalID) (int64, error) {
	return p.queue(ctx, account, "employees", portal)
}

// Match implements web.Staff.
func (p *people) Match(ctx context.Context, account ids.AccountID, portal ids.PortalID, user ids.B24UserID, employee *ids.UISEmployeeID) error {
	id := ids.UISEmployeeID(0)
	if employee != nil {
		id = *employee
	}
	_, err := p.staff.Match(ctx, staff.At{Account: account, Portal: portal}, user, id)
	return err
}

// connected starts a matching on every portal of an account whose UIS employees were just read, so that people with the same e-mail are
// matched at once.
func (p *people) connected(id ids.AccountID) { p.matchAll(id) }

// installed does the same for a portal that was just installed.
func (p *people) installed(portal account.Portal) { p.matchAll(portal.Account) }

// matchAll queues one matching of people for all portals of an account, and one reading of what the settings choose from.
func (p *people) matchAll(id ids.AccountID) {
	p.app.background("queue matching", func(ctx context.Context) error {
		_, err := p.Refresh(ctx, id, 0)
		if err != nil && !errors.Is(err, jobs.ErrRunning) {
			return err
		}
		if _, err := p.connections.Get(ctx, id); errors.Is(err, uisconn.ErrNotConnected) {
			return nil
		}
		if _, err := p.Sync(ctx, id, 0); err != nil && !errors.Is(err, jobs.ErrRunning) {
			return err
		}
		return nil
	})
}

func (p *people) readEmployees(ctx context.Context, account ids.AccountID) error {
	_, err := p.connections.Refresh(ctx, account)
	return err
}

// sync is the job behind "Synchronise employees" (S1, S3).
func (p *people) sync(ctx context.Context, job *jobs.Job) (any, error) {
	at, err := payloadOf(job)
	if err != nil {
		return nil, err
	}
	var doc settings.Document
	err = p.app.db.InAccount(ctx, job.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		doc, err = settings.Current(ctx, tx, job.Account)
		return err
	})
	if err != nil {
		return nil, err
	}
	portals, err := p.portalsOf(ctx, at)
	if err != nil {
		return nil, err
	}
	main, err := p.mainPortal(ctx, job.Account, doc.Main)
	if err != nil {
		return nil, err
	}
	var result staff.Result
	for _, portal := range portals {
		result, err = p.staff.Sync(ctx, staff.At{Account: at.Account, Portal: portal}, onlyOf(doc.Main, main, portal), func(done, total int) error { return job.Progress(ctx, done, total) })
		if err != nil {
			return nil, err
		}
	}
	return result, nil
}

// onlyOf are the users a matching keeps to (S3); none: everybody. They are users of the main portal: at another one the same numbers name other people.
func onlyOf(m settings.Main, main, portal ids.PortalID) []ids.B24UserID {
	if m.SyncAll || portal != main {
		return nil
	}
	only := make([]ids.B24UserID, 0, len(m.SyncOnly))
	for _, u := range m.SyncOnly {
		only = append(only, ids.B24UserID(u))
	}
	return only
}

// mainPortal is the portal that the settings of employees are about; while none is chosen it is the account's only one. 0: there are several.
func (p *people) mainPortal(ctx context.Context, id ids.AccountID, m settings.Main) (ids.PortalID, error) {
	if m.Portal != nil {
		return ids.PortalID(*m.Portal), nil
	}
	list, err := p.accounts.List(ctx, id)
	if err != nil || len(list) != 1 {
		return 0, err
	}
	return list[0].ID, nil
}

// saved brings the portal in line with settings that were just saved.
func (p *people) saved(account ids.AccountID) {
	p.app.background("queue lines", func(ctx context.Context) error { return p.queueLines(ctx, account) })
	p.queueConnector(account)
	p.app.background("queue numbers", func(ctx context.Context) error { return p.queueNumbers(ctx, account) })
	p.app.background("look at rounds again", func(ctx context.Context) error {
		return p.app.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error { return rounds.SettingsSaved(ctx, tx, account) })
	})
}

// queueNumbers begins the walk through the CRM's numbers, or ends what it left, when the settings ask for it (T3).
func (p *people) queueNumbers(ctx context.Context, account ids.AccountID) error {
	return p.app.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		wanted, err := p.walk.Wanted(ctx, tx, account)
		if err != nil || !wanted {
			return err
		}
		_, err = p.runner.Enqueue(ctx, tx, account, "numbers", syncPayload{})
		if errors.Is(err, jobs.ErrRunning) {
			return rounds.MakeDue(ctx, tx, account, "numbers") // it may have looked at the settings for the last time
		}
		return err
	})
}

// walkNumbers is the job that fills the table of known numbers (T3). A large CRM takes many of them: each leaves the round due, so that the next one follows.
func (p *people) walkNumbers(ctx context.Context, job *jobs.Job) (any, error) {
	more, err := p.walk.Do(ctx, job.Account)
	var refused *outbox.Failure
	if errors.As(err, &refused) && refused.Kind == outbox.Refused {
		return nil, jobs.GiveUp("refused", err)
	}
	if err != nil || !more {
		return nil, err
	}
	return nil, p.app.db.InAccount(ctx, job.Account, func(ctx context.Context, tx pgx.Tx) error { return rounds.MakeDue(ctx, tx, job.Account, "numbers") })
}

func (p *people) queueLines(ctx context.Context, account ids.AccountID) error {
	_, err := p.queue(ctx, account, "lines", 0)
	if errors.Is(err, jobs.ErrRunning) {
		return nil // it reads the settings when it begins, or the next round of the directories makes it begin again
	}
	return err
}

// keepLines is the job behind T1: the account's numbers are lines of the portal.
func (p *people) keepLines(ctx context.Context, job *jobs.Job) (any, error) {
	return nil, p.lines.Keep(ctx, job.Account)
}

// queueConnector brings the connectors of an account's portals in line with its settings (O1). One under way may have read older ones: another follows it.
// Of several saves one waits for that; it stops being the one before it looks, so that none relies on a look that was before its own settings.
func (p *people) queueConnector(account ids.AccountID) {
	p.app.background("queue connector", func(ctx context.Context) error {
		for again := false; ; again = true {
			if _, waits := p.connectorWaits.LoadOrStore(account, true); waits {
				return nil
			}
			if again {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(connectorAgain):
				}
			}
			p.connectorWaits.Delete(account)
			if _, err := p.queue(ctx, account, "connector", 0); !errors.Is(err, jobs.ErrRunning) {
				return err
			}
		}
	})
}

// connectorAgain is the pause before another try to queue what is under way.
const connectorAgain = 500 * time.Millisecond

// keepConnector is the job behind O1.
func (p *people) keepConnector(ctx context.Context, job *jobs.Job) (any, error) {
	return nil, p.connector.KeepAll(ctx, job.Account)
}

// checkPayment queues a look at whether a portal's app is paid; one that waits already serves.
func (p *people) checkPayment(ctx context.Context, portal account.Portal) error {
	_, err := p.queue(ctx, portal.Account, "payment", portal.ID)
	if errors.Is(err, jobs.ErrRunning) {
		return nil
	}
	return err
}

// payment is the job behind ONAPPPAYMENT.
func (p *people) payment(ctx context.Context, job *jobs.Job) (any, error) {
	at, err := payloadOf(job)
	if err != nil {
		return nil, err
	}
	return nil, p.accounts.CheckPayment(ctx, account.Ref{Account: at.Account, Portal: at.Portal})
}

// portalsOf lists whose people a job is about: one portal, or all that can be spoken to.
func (p *people) portalsOf(ctx context.Context, at staff.At) ([]ids.PortalID, error) {
	if at.Portal != 0 {
		return []ids.PortalID{at.Portal}, nil
	}
	list, err := p.accounts.List(ctx, at.Account)
	var out []ids.PortalID
	for _, portal := range list {
		if !portal.Sleeps() {
			out = append(out, portal.ID)
		}
	}
	return out, err
}

func payloadOf(job *jobs.Job) (staff.At, error) {
	var payload syncPayload
	if err := json.Unmarshal(job.Payload, &payload); err != nil {
		return staff.At{}, jobs.GiveUp("unknown", fmt.Errorf("read job: %w", err))
	}
	return staff.At{Account: job.Account, Portal: payload.Portal}, nil
}

// unseen are the jobs that no page shows.
var unseen = map[string]bool{"file": true, "lines": true, "numbers": true, "connector": true, callgaps.JobKind: true, requestgaps.JobKind: true, gaps.JobKind: true}

// progress tells open pages that a job moved on, and how it stands: a page reads the lists anew when they were read.
func (p *people) progress(hub *relay.Hub) func(ids.AccountID, int64) {
	return func(account ids.AccountID, job int64) {
		p.app.background("tell of job", func(ctx context.Context) error {
			kind, state := "", ""
			err := p.app.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
				if err := tx.QueryRow(ctx, `SELECT kind, state FROM job WHERE account_id = $1 AND id = $2`, int64(account), job).Scan(&kind, &state); err != nil || unseen[kind] {
					return err
				}
				return relay.Append(ctx, tx, account, p.app.clock.Now(), relay.Event{Name: "job.changed", Data: map[string]any{"id": job, "kind": kind, "state": state}})
			})
			if err == nil && !unseen[kind] {
				hub.Grew(account)
			}
			return err
		})
	}
}
