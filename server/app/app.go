// Package app wires the server together: settings, stores, clients, engines, services; everything long-lived runs until the context ends.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"omni/frontend"
	"omni/locales"
	"omni/migrations"
	"omni/placements"
	"omni/server/account"
	"omni/server/account/proof"
	"omni/server/account/session"
	"omni/server/account/transport"
	"omni/server/account/uisconn"
	"omni/server/bitrix24"
	"omni/server/chats"
	"omni/server/chats/gaps"
	"omni/server/clock"
	"omni/server/config"
	"omni/server/crm"
	"omni/server/days"
	"omni/server/files"
	"omni/server/flow"
	"omni/server/httpguard"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/jobs"
	"omni/server/openlines"
	"omni/server/outbox"
	"omni/server/relay"
	"omni/server/report"
	"omni/server/requests"
	requestgaps "omni/server/requests/gaps"
	"omni/server/restlog"
	"omni/server/rounds"
	"omni/server/secret"
	"omni/server/store"
	"omni/server/telephony"
	callgaps "omni/server/telephony/gaps"
	"omni/server/telephony/numbers"
	"omni/server/uis"
	"omni/server/web"
	"omni/server/why"
	"omni/server/workplace"
)

// hintChannel is the NOTIFY channel on which servers hear of each other.
const hintChannel = "omni"

// linkLife is how long a signed address of a file works.
const linkLife = 7 * 24 * time.Hour

// App is a server, wired and ready to run.
type App struct {
	config   *config.Config
	log      *slog.Logger
	private  *store.Private
	db       *store.DB
	url      string
	clock    *clock.Shifted
	services []service
	requests *restlog.Log
	rounds   *rounds.Rounds
	ready    chan struct{}
	// connections are the accounts' connections to UIS; connected hears of a new one, besides those who have to (the demonstration).
	connections *uisconn.Connections
	connected   func(id ids.AccountID)
}

// service is a long-lived part.
type service struct {
	name string
	run  func(ctx context.Context) error
}

// New reads what is configured and wires the server. Close must be called when Run is not.
func New(ctx context.Context, c *config.Config, log *slog.Logger) (*App, error) {
	a := &App{config: c, log: log, clock: clock.NewShifted(clock.System{}), ready: make(chan struct{})}
	if err := a.open(ctx); err != nil {
		a.Close()
		return nil, err
	}
	if err := a.wire(ctx); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// open starts or reaches the database and brings it up to date.
func (a *App) open(ctx context.Context) error {
	a.url = string(a.config.DatabaseURL)
	if a.config.Private() {
		var err error
		a.private, a.url, err = store.StartPrivate(ctx, store.PrivateOptions{DataDir: a.config.DataDir, Programs: a.config.PostgresPrograms, Log: a.log})
		if err != nil {
			return err
		}
	}
	if err := migrations.Up(ctx, a.url, a.log); err != nil {
		return err
	}
	db, err := store.Open(ctx, a.url, store.Options{Log: a.log, MaxConns: a.config.DatabaseConns})
	if err != nil {
		return err
	}
	a.db = db
	return jobs.Migrate(ctx, db.Pool())
}

// keys reads the secret keys, or those generated beside a private database.
func (a *App) keys() (*secret.Keyring, error) {
	list := string(a.config.SecretKeys)
	if list == "" {
		var made bool
		var err error
		if list, made, err = secret.KeyFile(a.config.KeyFile()); err != nil {
			return nil, err
		}
		if made {
			a.log.Info("a key was generated; whoever loses it loses every stored token", "file", a.config.KeyFile())
		}
	}
	return secret.Parse(list)
}

// hooks break the circles of the wiring: engines wake lanes, lanes wake keys; accounts count in lanes, lanes ask accounts for their limits.
type hooks struct {
	worker *inbox.Worker
	lanes  *outbox.Outbox
}

// Direct implements account.Lanes.
func (h *hooks) Direct(ctx context.Context, account ids.AccountID, lane outbox.LaneRef) error {
	return h.lanes.Direct(ctx, account, lane)
}

// Made implements account.Lanes.
func (h *hooks) Made(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, requests int) error {
	return h.lanes.Made(ctx, account, lane, requests)
}

func (h *hooks) wakeKey(account ids.AccountID, key ids.Key) {
	if h.worker != nil {
		h.worker.Wake(account, key)
	}
}

func (a *App) wire(ctx context.Context) error {
	c := a.config
	texts, err := locales.Load()
	if err != nil {
		return err
	}
	ring, err := a.keys()
	if err != nil {
		return err
	}
	guard, err := httpguard.New(httpguard.Options{Listed: append(c.ListedHosts(), authServers(c)...)})
	if err != nil {
		return err
	}
	linkKeys, err := ring.DeriveAll("files")
	if err != nil {
		return err
	}
	sessions, err := session.New(ring, nil)
	if err != nil {
		return err
	}
	public := c.PublicURL.String()

	// Clients of the platforms; the log hears of every request.
	a.requests = restlog.New(restlog.Options{DB: a.db, Clock: a.clock, Log: a.log, Keep: c.RESTLogKeep, AccountLimit: int64(c.RESTLogAccountLimit), Limit: int64(c.RESTLogLimit)})
	b24 := bitrix24.New(bitrix24.Options{Log: a.requests.B24, HTTP: guard.Client(nil), ClientID: c.B24ClientID, ClientSecret: string(c.B24ClientSecret), OAuthServers: texturls(c.B24OAuthURLs), UserAgent: "omni/1"})

	// Hints to and from the other servers.
	notifier := a.db.NewNotifier(hintChannel)
	hub := relay.NewHub(a.db, a.clock, a.log, notifier)

	// Stores.
	shelf := files.New(a.db, a.clock, a.log, c.FilesDir, int64(c.FileLimit), int64(c.FilesPerAccount))
	links := files.NewLinks(public, linkKeys, linkLife, a.clock)

	// Accounts and their platforms.
	var lanes *outbox.Outbox
	var prover *proof.Prover
	h := &hooks{}
	people := &people{app: a, texts: texts}
	accounts := account.New(account.Options{DB: a.db, Clock: a.clock, Keys: ring, B24: b24, Guard: guard, Log: a.log, Lanes: h, Installed: people.installed, Changed: func(p account.Portal) {
		hub.Grew(p.Account)
		switch {
		case p.State == account.Uninstalled:
			prover.Forget(p.Ref())
			a.background("close lane", func(ctx context.Context) error { return closeLane(ctx, a.db, lanes, p) })
		case !p.Sleeps():
			if p.Repair { // the app was updated: the portal has dropped what it had of us
				people.queueConnector(p.Account)
			}
			a.background("wake lane", func(ctx context.Context) error { return resume(ctx, a.db, lanes, p) })
		}
	}})
	connections := uisconn.New(uisconn.Options{DB: a.db, Clock: a.clock, Keys: ring, Log: a.log, HTTP: guard.Client, PublicURL: public,
		Overrides:  uis.Overrides{DataAPI: c.UISDataAPIURL.String(), CallAPI: c.UISCallAPIURL.String(), Chats: c.UISChatsURL.String(), Adapter: c.UISAdapterURL.String(), Login: c.UISLoginURL.String()},
		AllowMedia: mediaRule(c), RequestLimit: c.UISRequestLimit, Observe: a.requests.UIS, Connected: func(id ids.AccountID) {
			people.connected(id)
			if a.connected != nil {
				a.connected(id)
			}
		}, Changed: func(ids.AccountID) {}})
	a.connections = connections
	prover = proof.New(proof.Options{DB: a.db, Accounts: accounts, B24: b24, AppCode: c.B24AppCode, Log: a.log})

	// The outbox.
	registry := outbox.NewRegistry()
	if err := transport.Register(registry); err != nil {
		return err
	}
	chatAPI := transport.NewUIS(connections, shelf)
	lanes = outbox.New(outbox.Options{DB: a.db, Log: a.log, Registry: registry,
		Transports:   map[outbox.LaneKind]outbox.Transport{outbox.LaneB24: transport.NewPortal(accounts, b24), outbox.LaneUISData: chatAPI, outbox.LaneUISCall: chatAPI, outbox.LaneUISChat: chatAPI},
		Limits:       limits(accounts),
		RequestLimit: map[outbox.LaneKind]time.Duration{outbox.LaneB24: c.B24RequestLimit, outbox.LaneUISData: c.UISRequestLimit, outbox.LaneUISCall: c.UISRequestLimit, outbox.LaneUISChat: c.UISRequestLimit},
		WakeKey:      h.wakeKey, Hints: notifier, Business: a.clock.Now})
	h.lanes = lanes
	connector := &openlines.Connector{DB: a.db, Clock: a.clock, Asker: lanes, Portals: accounts, Texts: texts, SettingsURL: placements.ConnectorPage(public), EventsURL: public + "/bitrix24/events", Wake: h.wakeKey}
	installer := placements.New(lanes, texts, accounts, accounts, connector, public)

	// Engines.
	writer := flow.NewWriter(lanes, hub)
	copies := &copies{credentials: connections, files: shelf, app: a}
	repair := gaps.New(gaps.Options{DB: a.db, Log: a.log, Asker: lanes, Business: a.clock.Now, Wake: h.wakeKey, Every: c.UISRepairEvery})
	reports := report.Options{DB: a.db, Log: a.log, Asker: lanes, Business: a.clock.Now, Wake: h.wakeKey}
	runner, err := jobs.New(ctx, a.url, jobs.Options{DB: a.db, Clock: a.clock, Log: a.log, Changed: people.progress(hub), Handlers: map[string]jobs.Handler{
		"file": copies.run, "employees": people.sync, "directories": people.refresh, "statuses": people.statuses, "payment": people.payment, "lines": people.keepLines, "numbers": people.walkNumbers, "connector": people.keepConnector, callgaps.JobKind: callgaps.New(reports).Do, requestgaps.JobKind: requestgaps.New(reports).Do, gaps.JobKind: repair.Do}})
	if err != nil {
		return err
	}
	repair.Enqueue = runner.Enqueue
	copies.runner = runner
	people.wire(runner, accounts, connections, lanes, hub)
	people.connector = connector
	a.rounds = people.rounds()
	people.walk = &numbers.Walk{DB: a.db, Clock: a.clock, Asker: lanes, Log: a.log, EventsURL: public + "/bitrix24/events"}
	engine := chats.NewEngine(writer, chats.NewAccountDirectory(), copies, texts, links.URL, a.log)
	calls := telephony.NewEngine(telephony.Options{Flow: writer, Recordings: copies, Texts: texts, FileURL: links.URL})
	ties := openlines.NewEngine(writer, texts)
	ties.Saved = people.saved
	rest := &rest{app: a, chats: engine, changes: &numbers.Changes{Flow: writer}}
	worker := inbox.NewWorker(inbox.WorkerOptions{DB: a.db, Clock: a.clock, Log: a.log, Handlers: map[string]inbox.Handler{
		"chat": engine, "start": engine, "call": calls, "request": requests.NewEngine(writer, texts), "click": telephony.NewClicks(writer, texts), "lines": ties, "client": crm.NewEngine(writer), "account": inbox.HandlerFunc(rest.account), "portal": inbox.HandlerFunc(rest.portal)}})
	h.worker = worker
	copies.wake = worker.Wake
	intake := inbox.NewIntake(a.db, a.clock, worker.Wake)
	desk := workplace.New(workplace.Options{DB: a.db, Clock: a.clock, Doer: worker, Asker: lanes, Files: shelf, FileURL: links.URL, Texts: texts})
	switchboard := &openlines.Desk{DB: a.db, Doer: worker, Reader: people.lists, Connector: connector}
	room := why.New(why.Options{DB: a.db, Clock: a.clock, Texts: texts, Commands: lanes, WakeKey: worker.Wake, Sources: map[why.Kind]why.Source{why.Chat: chats.Told{}, why.Call: telephony.Told{}, why.Request: requests.Told{}}})

	// The doors.
	door, err := web.New(web.Options{Log: a.log, Clock: a.clock, DB: a.db, Texts: texts, Listen: c.Listen, PublicURL: public, Pages: frontend.Dist(), Accounts: accounts,
		Proof: prover, Sessions: sessions, B24: b24, Installer: installer, UIS: connections, Staff: people, Intake: intake, WakeKey: worker.Wake, Outbox: lanes, Hub: hub,
		Files: shelf, Links: links, Workplace: desk, Lines: switchboard, Why: room, ClientID: c.B24ClientID, FileLimit: int64(c.FileLimit), Background: a.background, Saved: people.saved, CheckPayment: people.checkPayment,
		Resume:  func(ctx context.Context, p account.Portal) error { return resume(ctx, a.db, lanes, p) },
		Numbers: &numbers.Finder{DB: a.db, Clock: a.clock, Asker: lanes, Log: a.log, Background: a.background}})
	if err != nil {
		return err
	}
	a.services = []service{
		{"notifier", notifier.Run},
		{"listener", func(ctx context.Context) error {
			return a.db.Listen(ctx, hintChannel, func(hint string) { hub.OnHint(hint); lanes.OnHint(hint) })
		}},
		{"relay", hub.Run}, {"inbox", worker.Run}, {"outbox", lanes.Run}, {"jobs", runner.Run}, {"rounds", a.rounds.Run}, {"files", shelf.Run}, {"repair", repair.Run},
		{"days", days.New(a.db, a.clock, a.log, days.Table{Name: "feed", Keep: relay.Keep}, days.Table{Name: "reason", Keep: flow.KeepReasons},
			days.Table{Name: "exchange", Keep: c.RESTLogKeep}, days.Table{Name: "exchange_ref", Keep: c.RESTLogKeep}).Run},
		{"keeper", account.NewKeeper(accounts).Run},
		{"internal", a.internal}, {"web", door.Run},
	}
	return nil
}

// Run runs every service until ctx ends or one of them fails.
func (a *App) Run(ctx context.Context) error {
	defer a.Close()
	defer a.keepRequests(ctx)()
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range a.services {
		group.Go(func() error {
			if err := s.run(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			return nil
		})
	}
	if a.private != nil {
		group.Go(func() error {
			select {
			case <-ctx.Done():
				return nil
			case <-a.private.Exited():
				return errors.New("the private PostgreSQL has ended")
			}
		})
	}
	a.log.Info("omni serves", "listen", a.config.Listen, "internal", a.config.InternalListen, "public", a.config.PublicURL.String())
	close(a.ready)
	return group.Wait()
}

// keepRequests starts the log of requests; what it gives ends it. It outlives the services, whose last requests belong into it too.
func (a *App) keepRequests(ctx context.Context) func() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() { defer close(ended); _ = a.requests.Run(ctx) }()
	return func() { cancel(); <-ended }
}

// Close gives the database back.
func (a *App) Close() {
	if a.db != nil {
		a.db.Close() // it stays in its place: work in the background that comes too late gets an error, not a nil
	}
	if a.private != nil {
		if err := a.private.Stop(); err != nil {
			a.log.Warn("the private PostgreSQL did not stop cleanly", "error", err)
		}
		a.private = nil
	}
}

// backgroundFor bounds work that nobody waits for.
const backgroundFor = 2 * time.Minute

// background runs something that nobody waits for; what it could not do is logged.
func (a *App) background(name string, fn func(ctx context.Context) error) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), backgroundFor)
		defer cancel()
		if err := fn(ctx); err != nil {
			a.log.Warn("background work failed", "work", name, "error", err)
		}
	}()
}

// authServers are the authorization servers that may be reached as they are: a test's listens on loopback.
func authServers(c *config.Config) []string {
	var list []string
	for _, u := range c.B24OAuthURLs {
		if u.URL != nil && u.Scheme == "http" {
			list = append(list, u.HostPort())
		}
	}
	return list
}

func texturls(list []config.URL) []string {
	out := make([]string, 0, len(list))
	for _, u := range list {
		out = append(out, u.String())
	}
	return out
}

func mediaRule(c *config.Config) func(scheme, host string) bool {
	allowed := map[string]bool{}
	for _, h := range c.UISMediaHosts {
		allowed[h] = true
	}
	return func(_, host string) bool { return allowed[host] }
}

// Logger builds the log the settings ask for.
func Logger(c *config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(os.Stderr, options))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, options))
}
