package app

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/account/lists"
	"omni/server/account/staff"
	"omni/server/account/uisconn"
	"omni/server/ids"
	"omni/server/jobs"
	"omni/server/rounds"
)

// usersKind is how the result of a reading calls the portal's users; they are no directory of entries.
const usersKind = directory.Kind("b24-users")

// Refresh implements web.Staff. While a reading is under way its number comes with jobs.ErrRunning; it may have passed what has just changed, so another
// one follows it.
func (p *people) Refresh(ctx context.Context, account ids.AccountID, portal ids.PortalID) (int64, error) {
	id, err := p.queue(ctx, account, "directories", portal)
	if !errors.Is(err, jobs.ErrRunning) {
		return id, err
	}
	if e := p.app.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error { return rounds.MakeDue(ctx, tx, account, "directories") }); e != nil {
		return 0, e
	}
	return id, err
}

// refresh is the job behind the round arrow: the directories of UIS and of the portals again, and the portals' users (U4, P2, S4). Nobody is matched
// by it: that is the synchronisation's (S3). A side that cannot be read leaves its copies and is told in the result.
func (p *people) refresh(ctx context.Context, job *jobs.Job) (any, error) {
	at, err := payloadOf(job)
	if err != nil {
		return nil, err
	}
	portals, err := p.portalsOf(ctx, at)
	if err != nil {
		return nil, err
	}
	// UIS is one part of the work, each portal's directories and each portal's users are one.
	done, total := 0, 1+2*len(portals)
	step := func() error { done++; return job.Progress(ctx, done, total) }
	result := map[string]any{}
	outcomes, connected, err := p.refreshUIS(ctx, job, result)
	if err != nil {
		return nil, err
	}
	if len(portals) == 0 && !connected {
		return nil, jobs.GiveUp("not_connected", uisconn.ErrNotConnected)
	}
	if err := step(); err != nil {
		return nil, err
	}
	for _, portal := range portals {
		read, err := p.lists.Portal(ctx, job.Account, portal)
		if err != nil {
			return nil, err
		}
		if err := step(); err != nil {
			return nil, err
		}
		outcomes = append(append(outcomes, read...), p.refreshUsers(ctx, staff.At{Account: job.Account, Portal: portal}))
		if err := step(); err != nil {
			return nil, err
		}
	}
	result["lists"] = outcomes
	p.queueConnector(job.Account)
	return result, p.queueLines(ctx, job.Account)
}

func (p *people) refreshUIS(ctx context.Context, job *jobs.Job, result map[string]any) (outcomes []lists.Outcome, connected bool, err error) {
	checks, err := p.connections.Refresh(ctx, job.Account)
	if errors.Is(err, uisconn.ErrNotConnected) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	result["checks"] = checks
	if client, err := p.connections.Client(ctx, job.Account); err == nil {
		if outcomes, err = p.lists.UIS(ctx, job.Account, client); err != nil {
			return nil, false, err
		}
	}
	return outcomes, true, nil
}

// refreshUsers reads the portal's users; a failure keeps those that are stored.
func (p *people) refreshUsers(ctx context.Context, at staff.At) lists.Outcome {
	users, err := p.staff.Read(ctx, at, nil)
	out := lists.Outcome{Kind: usersKind, Entries: users}
	switch {
	case errors.Is(err, staff.ErrEmpty):
		out.Trouble = "empty"
	case err != nil:
		out.Trouble = lists.Trouble(err)
	}
	if err != nil {
		p.app.log.WarnContext(ctx, "the users of a portal were not read, those that are stored stay", "account", at.Account, "portal", at.Portal, "error", err)
	}
	return out
}
