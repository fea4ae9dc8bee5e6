package app

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/account/staff"
	"omni/server/ids"
	"omni/server/jobs"
	"omni/server/report"
	"omni/server/requests"
	requestgaps "omni/server/requests/gaps"
	"omni/server/rounds"
	"omni/server/settings"
	"omni/server/telephony"
	callgaps "omni/server/telephony/gaps"
)

// listsEvery is how often the directories are read again by themselves (U4); syncEvery the same for employees (S3).
const (
	listsEvery = 24 * time.Hour
	syncEvery  = 24 * time.Hour
	// numbersEvery is how often the CRM is walked through again for its numbers: what no event told comes to light then (T3).
	numbersEvery = 24 * time.Hour
)

// rounds are the procedures that come again by themselves: directories, employees, working days.
func (p *people) rounds() *rounds.Rounds {
	always := func(context.Context, pgx.Tx, ids.AccountID, ids.PortalID) (bool, error) { return true, nil }
	return rounds.New(rounds.Options{DB: p.app.db, Clock: p.app.clock, Log: p.app.log, Rounds: []rounds.Round{
		{Name: "directories", Every: listsEvery, Wanted: always, Start: p.start("directories")},
		{Name: "employees", Every: syncEvery, Wanted: p.asked(func(m settings.Main) bool { return m.SyncAll }), Start: p.start("employees")},
		{Name: "statuses", Every: staff.ImportEvery, AtOnce: true, Wanted: p.asked(func(m settings.Main) bool { return m.ImportStatuses }), Start: p.start("statuses")},
		{Name: callgaps.JobKind, Every: report.Every, AtOnce: true, Wanted: p.compares(callgaps.Table, telephony.Where), Start: p.start(callgaps.JobKind)},
		{Name: requestgaps.JobKind, Every: report.Every, AtOnce: true, Wanted: p.compares(requestgaps.Table, requests.Where), Start: p.start(requestgaps.JobKind)},
		{Name: "numbers", Every: numbersEvery, AtOnce: true, Wanted: always, Start: p.startNumbers},
	}})
}

// compares tells whether a portal's communications are compared with UIS' report. While their section is off nothing is lost: it is not caught up either (P3a).
func (p *people) compares(table string, where func(settings.Document) ids.PortalID) func(context.Context, pgx.Tx, ids.AccountID, ids.PortalID) (bool, error) {
	return func(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID) (bool, error) {
		doc, err := settings.Current(ctx, tx, account)
		if err == nil && where(doc) == 0 {
			err = report.Pass(ctx, tx, table, account, p.app.clock.Now())
		}
		return where(doc) == portal, err
	}
}

// asked tells whether the settings of an account want something at this portal: the main switch is on, for this portal, and so is the setting (P3a).
func (p *people) asked(on func(settings.Main) bool) func(context.Context, pgx.Tx, ids.AccountID, ids.PortalID) (bool, error) {
	return func(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID) (bool, error) {
		doc, err := settings.Current(ctx, tx, account)
		m := doc.Main
		return m.Enabled && m.Portal != nil && *m.Portal == int64(portal) && on(m), err
	}
}

// start queues a job in the round's transaction; while one of that account runs, the round stays due.
func (p *people) start(kind string) func(context.Context, pgx.Tx, ids.AccountID, ids.PortalID) error {
	return func(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID) error {
		_, err := p.runner.Enqueue(ctx, tx, account, kind, syncPayload{portal})
		if errors.Is(err, jobs.ErrRunning) {
			return rounds.ErrLater
		}
		return err
	}
}

// startNumbers queues the walk where scenarios may ask this portal for personal managers. Elsewhere the round passes without anything: turning the switch on
// begins a walk by itself, so nobody has to be looked at again and again.
func (p *people) startNumbers(ctx context.Context, tx pgx.Tx, account ids.AccountID, portal ids.PortalID) error {
	doc, err := settings.Current(ctx, tx, account)
	if err != nil || doc.ManagerPortal() != portal {
		return err
	}
	return p.start("numbers")(ctx, tx, account, portal)
}

// statuses is the job behind "Import statuses" (S2).
func (p *people) statuses(ctx context.Context, job *jobs.Job) (any, error) {
	at, err := payloadOf(job)
	if err != nil {
		return nil, err
	}
	result, err := p.workdays.Import(ctx, at)
	if errors.Is(err, staff.ErrNoTimeTracking) {
		return nil, jobs.GiveUp("no_time_tracking", err)
	}
	return result, err
}
