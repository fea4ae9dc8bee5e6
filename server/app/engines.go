package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"omni/server/account"
	"omni/server/account/transport"
	"omni/server/account/uisconn"
	"omni/server/chats"
	"omni/server/files"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/jobs"
	"omni/server/outbox"
	"omni/server/store"
	"omni/server/telephony"
	"omni/server/telephony/numbers"
	"omni/server/uis"
)

// limits gives a lane's budget: a portal's by its licence.
func limits(accounts *account.Accounts) func(context.Context, ids.AccountID, outbox.LaneRef) outbox.Limits {
	return func(ctx context.Context, a ids.AccountID, lane outbox.LaneRef) outbox.Limits {
		if lane.Kind != outbox.LaneB24 {
			return transport.Limits(lane.Kind, "")
		}
		p, err := accounts.Get(ctx, account.Ref{Account: a, Portal: lane.Portal})
		if err != nil {
			return outbox.LimitsB24(50, 2)
		}
		return transport.Limits(lane.Kind, p.Licence)
	}
}

// resume wakes a portal's lane when the portal can be spoken to again.
func resume(ctx context.Context, db *store.DB, lanes *outbox.Outbox, p account.Portal) error {
	lane := outbox.LaneRef{Kind: outbox.LaneB24, Portal: p.ID}
	err := db.InAccount(ctx, p.Account, func(ctx context.Context, tx pgx.Tx) error { return lanes.Resume(ctx, tx, p.Account, lane) })
	if err == nil {
		lanes.Wake(p.Account, lane)
	}
	return err
}

// closeLane ends what a removed portal can no longer get.
func closeLane(ctx context.Context, db *store.DB, lanes *outbox.Outbox, p account.Portal) error {
	lane := outbox.LaneRef{Kind: outbox.LaneB24, Portal: p.ID}
	var err error
	for range 3 { // it touches every open command of the lane and may have to give way to somebody's step
		err = db.InAccount(ctx, p.Account, func(ctx context.Context, tx pgx.Tx) error {
			return lanes.Close(ctx, tx, p.Account, lane, "uninstalled")
		})
		if err == nil {
			break
		}
	}
	return err
}

// rest works the keys that belong to no engine: an account's and a portal's.
type rest struct {
	app     *App
	chats   *chats.Engine
	changes *numbers.Changes
}

// account takes webhooks about connections, channels and visitors.
func (r *rest) account(ctx context.Context, step *inbox.Step, events []inbox.Event) error {
	for _, e := range events {
		if event, ok := strings.CutPrefix(e.Kind, telephony.KindNotification); ok {
			step.Write(func(batch *pgx.Batch) { uisconn.QueueReceived(batch, step.Account, event, step.Now) })
			continue
		}
		method, path, ok := chats.WebhookOf(e.Kind)
		if !ok {
			continue
		}
		w, err := uis.ParseWebhook(method, path, e.Body)
		if err != nil {
			if len(events) == 1 {
				return inbox.Permanent(err)
			}
			return err
		}
		if _, isCard := w.Event.(*uis.VisitorCard); isCard {
			if err := chats.TakeCard(ctx, step, w); err != nil {
				return err
			}
			continue
		}
		if _, err := uisconn.Webhook(ctx, step.Tx, step.Account, step.Now, w); err != nil {
			return err
		}
	}
	return nil
}

// portal takes events of a portal: they tell the self-check that events arrive, and those of the CRM whose numbers have changed.
func (r *rest) portal(ctx context.Context, step *inbox.Step, events []inbox.Event) error {
	id, err := strconv.ParseInt(strings.TrimPrefix(string(step.Key), "portal:"), 10, 64)
	if err != nil {
		return inbox.Permanent(err)
	}
	_, err = step.Tx.Exec(ctx, `UPDATE portal SET event_at = $3 WHERE account_id = $1 AND id = $2`, int64(step.Account), id, step.Now)
	if err != nil {
		return err
	}
	return r.changes.Step(ctx, step, ids.PortalID(id), events)
}

// copies brings clients' files over from UIS, as jobs.
type copies struct {
	app         *App
	runner      *jobs.Runner
	credentials transport.Credentials
	files       *files.Store
	wake        func(ids.AccountID, ids.Key)
}

// Fetch implements chats.Fetcher.
func (c *copies) Fetch(ctx context.Context, tx pgx.Tx, f chats.Fetch) error {
	_, err := c.runner.Enqueue(ctx, tx, f.Account, "file", f)
	return err
}

// FetchRecord implements telephony.Recordings.
func (c *copies) FetchRecord(ctx context.Context, tx pgx.Tx, account ids.AccountID, key ids.Key, link string) error {
	_, err := c.runner.Enqueue(ctx, tx, account, "file", chats.Fetch{Account: account, Key: key, File: chats.File{URL: link}, ReplyKind: telephony.KindRecord})
	return err
}

// run copies one file and reports to its chat. A copy that was made twice by a crash leaves an orphan, never a wrong file.
func (c *copies) run(ctx context.Context, job *jobs.Job) (any, error) {
	var f chats.Fetch
	if err := json.Unmarshal(job.Payload, &f); err != nil {
		return nil, jobs.GiveUp("unknown", err)
	}
	stored, err := c.copy(ctx, f)
	letter := chats.FileLetter{Message: f.Message, File: stored.ID, Size: stored.Size, Mime: stored.Mime, Name: stored.Name}
	var platform *uis.Error
	again := false
	switch {
	case err == nil:
	case errors.Is(err, files.ErrTooLarge):
		letter.Error = "too_large"
	case errors.Is(err, files.ErrQuota):
		letter.Error = "quota"
	case errors.Is(err, files.ErrFull) && !job.Last:
		letter.Error, again = "no_room", true // the bubble says so at once; the copy is tried again for hours
	case errors.As(err, &platform) && platform.Class() == uis.NotFound, errors.Is(err, transport.ErrNotConnected), errors.Is(err, uis.ErrMediaHost), job.Last:
		letter.Error = "failed"
	default:
		return nil, err
	}
	body, e := json.Marshal(letter)
	if e != nil {
		return nil, e
	}
	e = c.app.db.InAccount(ctx, f.Account, func(ctx context.Context, tx pgx.Tx) error {
		return inbox.Post(ctx, tx, c.app.clock.Now(), inbox.Row{Account: f.Account, Key: f.Key, Kind: cmp.Or(f.ReplyKind, chats.KindFile), Natural: fmt.Sprintf("file:%d:%s", job.ID, letter.Error), Body: body})
	})
	if e != nil {
		return nil, e
	}
	c.wake(f.Account, f.Key)
	if again {
		return nil, err
	}
	if letter.Error != "" {
		return nil, jobs.GiveUp(letter.Error, err)
	}
	return nil, nil
}

func (c *copies) copy(ctx context.Context, f chats.Fetch) (files.File, error) {
	if f.File.Token == "" && f.File.URL != "" {
		return c.byLink(ctx, f)
	}
	session, err := c.credentials.Adapter(ctx, f.Account)
	if err != nil {
		return files.File{}, err
	}
	resource := uis.Resource{Token: f.File.Token, Type: f.File.Type, Name: f.File.Name, Size: uis.Count(f.File.Size)}
	if err := json.Unmarshal(f.File.Resource, &resource.ID); err != nil {
		return files.File{}, jobs.GiveUp("unknown", err)
	}
	download, err := session.FetchResource(ctx, uis.ConnectionID(f.Connection), uis.AdapterChannelID(f.Channel), resource)
	if err != nil {
		return files.File{}, err
	}
	defer func() { _ = download.Body.Close() }()
	return c.files.Put(ctx, f.Account, f.File.Name, download.Body)
}

// byLink copies a file that a report names by its link.
func (c *copies) byLink(ctx context.Context, f chats.Fetch) (files.File, error) {
	client, err := c.credentials.Client(ctx, f.Account)
	if err != nil {
		return files.File{}, err
	}
	download, err := client.FetchMedia(ctx, f.File.URL, "")
	if errors.Is(err, uis.ErrMediaHost) {
		return files.File{}, jobs.GiveUp("failed", err)
	}
	if err != nil {
		return files.File{}, err
	}
	defer func() { _ = download.Body.Close() }()
	return c.files.Put(ctx, f.Account, f.File.Name, download.Body)
}
