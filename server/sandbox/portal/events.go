package portal

import (
	"context"
	"io"
	"math/rand"
	"net/http"
	"strings"
	"sync"
	"time"
)

// handler is one subscription of an application.
type handler struct {
	id      int
	event   string // upper case
	url     string
	user    int // auth_type: events carry this user's token; 0: the acting user's
	offline bool
}

// EventMode changes how the queue delivers. Bitrix24 promises neither order nor a delay, and never repeats.
type EventMode struct {
	Delay     time.Duration // each event waits this long
	Reorder   bool          // waiting events leave in random order
	Duplicate bool          // every event is sent twice
	Robots    bool          // events carry no user token, as those of robots and workflows
	Seed      int64
	Lost      bool // none arrives: nobody answered, and the portal never sends one again
}

// knownEvents are the events an application can bind, with the scope each needs.
func knownEvents() map[string]string {
	m := map[string]string{}
	add := func(scope string, names ...string) {
		for _, n := range names {
			m[strings.ToUpper(n)] = scope
		}
	}
	add("", "onAppInstall", "onAppUpdate", "onAppUninstall", "onAppPayment", "onAppTest", "onAppMethodConfirm", "onOfflineEvent")
	add("user|user_basic|user_brief", "onUserAdd")
	for _, of := range []string{"Lead", "Deal", "Contact", "Company", "Activity", "TimelineComment"} {
		add("crm", "onCrm"+of+"Add", "onCrm"+of+"Update", "onCrm"+of+"Delete")
	}
	for _, of := range []string{"Lead", "Deal", "Contact", "Company"} {
		add("crm", "onCrm"+of+"UserFieldAdd", "onCrm"+of+"UserFieldUpdate", "onCrm"+of+"UserFieldDelete", "onCrm"+of+"UserFieldSetEnumValues")
	}
	add("crm", "onCrmDealMoveToCategory", "onCrmDynamicItemAdd", "onCrmDynamicItemUpdate", "onCrmDynamicItemDelete")
	add("telephony", "OnExternalCallStart", "OnExternalCallBackStart", "OnVoximplantCallInit", "OnVoximplantCallStart", "OnVoximplantCallEnd")
	add("imconnector|imopenlines", "OnImConnectorMessageAdd", "OnImConnectorMessageUpdate", "OnImConnectorMessageDelete", "OnImConnectorDialogStart",
		"OnImConnectorDialogFinish", "OnImConnectorStatusDelete", "OnImConnectorLineDelete")
	add("imopenlines", "OnOpenLineMessageAdd", "OnOpenLineMessageUpdate", "OnOpenLineMessageDelete", "OnSessionStart", "OnSessionFinish")
	return m
}

// fire raises an event for every subscriber. hops limits how often answers to events may raise events again; the events of people have all hops.
func (p *Portal) fire(event string, data any, actor *User, hops int) {
	p.fireTo(event, data, actor, hops, nil)
}

// fireTo raises an event for the subscribers that want accepts (nil: all).
func (p *Portal) fireTo(event string, data any, actor *User, hops int, want func(*installation) bool) {
	event = strings.ToUpper(event)
	if hops < 0 {
		return // answers to answers to events …: the portal drops the rest silently
	}
	if hops == 0 {
		hops = eventHops
	}
	mode := p.queue.mode()
	for _, in := range p.installs {
		if !in.installed || in.expired || want != nil && !want(in) {
			continue
		}
		for _, h := range in.handlers {
			if h.event != event || h.offline {
				continue
			}
			auth := p.bareAuth(in, true)
			auth.set("status", in.status)
			user := actor
			if h.user != 0 {
				user = p.user(h.user)
			}
			if user != nil && !mode.Robots {
				t := p.world.tokens.issue(p, in.app.ClientID, user.ID, in.scope, p.world.Now(), false)
				t.hops = hops - 1
				auth.set("access_token", t.access).set("expires_in", int(accessLife/time.Second)).set("user_id", user.ID).set("expires", t.expires.Unix())
			}
			auth.set("scope", p.eventScope(event))
			body := kv("event", event, "event_handler_id", h.id, "data", data, "ts", p.world.Now().Unix(), "auth", auth)
			p.queue.put(post{event: event, url: h.url, body: buildForm(body)})
		}
	}
}

func (p *Portal) eventScope(event string) string {
	scope, _, _ := strings.Cut(p.world.events[event], "|")
	return scope
}

// fireApp sends an application event: to the handlers bound for it, else to the address of the application's card.
func (p *Portal) fireApp(in *installation, event string, data, auth *arr) {
	body := kv("event", event, "data", data, "ts", p.world.Now().Unix(), "auth", auth)
	bound := false
	for _, h := range in.handlers {
		if h.event == event && !h.offline {
			bound = true
			p.queue.put(post{event: event, url: h.url, body: buildForm(body.clone().set("event_handler_id", h.id))})
		}
	}
	if !bound && in.app.EventsURL != "" {
		p.queue.put(post{event: event, url: in.app.EventsURL, body: buildForm(body)})
	}
}

// SetEventMode changes the delivery of events from now on.
func (p *Portal) SetEventMode(m EventMode) {
	q := p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.how, q.dice = m, rand.New(rand.NewSource(m.Seed))
}

// EventsPending is how many events wait for delivery or are under way.
func (p *Portal) EventsPending() int {
	q := p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) + q.busy
}

type post struct {
	event, url, body string
	due              time.Time
}

// eventQueue delivers a portal's events one after the other, each once.
type eventQueue struct {
	p       *Portal
	mu      sync.Mutex
	how     EventMode
	dice    *rand.Rand
	waiting []post
	busy    int
	running bool
}

func newEventQueue(p *Portal) *eventQueue {
	return &eventQueue{p: p, dice: rand.New(rand.NewSource(1))}
}

func (q *eventQueue) mode() EventMode {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.how
}

func (q *eventQueue) put(e post) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.how.Lost {
		return
	}
	e.due = time.Now().Add(q.how.Delay)
	q.waiting = append(q.waiting, e)
	if q.how.Duplicate {
		q.waiting = append(q.waiting, e)
	}
	if q.running {
		return
	}
	select {
	case <-q.p.world.closed:
		return
	default:
	}
	q.running = true
	q.p.world.sending.Add(1)
	go q.run()
}

// run delivers until nothing waits.
func (q *eventQueue) run() {
	defer q.p.world.sending.Done()
	for {
		e, ok := q.take()
		if !ok {
			return
		}
		if wait := time.Until(e.due); wait > 0 {
			select {
			case <-time.After(wait):
			case <-q.p.world.closed:
			}
		}
		q.send(e)
		q.mu.Lock()
		q.busy--
		q.mu.Unlock()
	}
}

func (q *eventQueue) take() (post, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-q.p.world.closed:
		q.running = false
		return post{}, false
	default:
	}
	if len(q.waiting) == 0 {
		q.running = false
		return post{}, false
	}
	i := 0
	if q.how.Reorder {
		i = q.dice.Intn(len(q.waiting))
	}
	e := q.waiting[i]
	q.waiting = append(q.waiting[:i:i], q.waiting[i+1:]...)
	q.busy++
	return e, true
}

func (q *eventQueue) send(e post) {
	w := q.p.world
	d := Delivery{Time: w.Now(), Portal: q.p.Name(), Event: e.event, URL: e.url, Body: blotForm(e.body)}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-w.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, strings.NewReader(e.body))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("User-Agent", "Bitrix24 Webhook Engine")
		var resp *http.Response
		if resp, err = w.client.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
			_ = resp.Body.Close()
			d.Status = resp.StatusCode
		}
	}
	if err != nil {
		d.Error = err.Error()
	}
	w.journal.delivery(d)
}

// blotForm removes the values of tokens from a form body.
func blotForm(body string) string {
	parts := strings.Split(body, "&")
	for i, part := range parts {
		key, _, _ := strings.Cut(part, "=")
		if strings.HasSuffix(key, "_token%5D") {
			parts[i] = key + "=***"
		}
	}
	return strings.Join(parts, "&")
}
