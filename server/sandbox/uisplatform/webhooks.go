package uisplatform

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Delivery is one webhook or notification the platform has sent, or tried to.
type Delivery struct {
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`  // webhook, notification
	Event  string    `json:"event"` // "POST /message", or the notification's mnemonic
	Method string    `json:"method"`
	URL    string    `json:"url"`
	Body   string    `json:"body"`
	Status int       `json:"status"` // of the answer; 0: none
	Error  string    `json:"error,omitempty"`
	Fault  FaultKind `json:"fault,omitempty"`
}

// keepDeliveries is how many deliveries an account remembers.
const keepDeliveries = 5000

// outgoing is a request that waits in a queue.
type outgoing struct {
	Delivery
	header  http.Header
	timeout time.Duration
	retries int
}

// queue keeps the order of what concerns one chat (or call, or connection).
type queue struct {
	items   []*outgoing
	running bool
	more    chan struct{}
}

// webhook queues a webhook of a chat (c nil: of the connection itself) for one adapter; the lock is held.
func (a *Account) webhook(l linkChannel, c *chat, method, path string, body map[string]any) {
	key := fmt.Sprintf("link %d", l.link.id)
	if c != nil {
		key = fmt.Sprintf("link %d chat %d", l.link.id, c.id)
	}
	if l.link.adapter.Status != "active" || l.link.status != "active" {
		return
	}
	a.enqueue(key, a.webhookRequest(l.link.adapter, method, path, body))
}

func (a *Account) webhookRequest(d *adapter, method, path string, body map[string]any) *outgoing {
	raw, err := encode(body)
	if err != nil {
		a.p.log.Error("cannot write a webhook", "error", err)
	}
	o := &outgoing{header: http.Header{"Content-Type": {"application/json"}}, timeout: a.p.opt.WebhookTimeout, retries: a.p.opt.WebhookRetries,
		Delivery: Delivery{Kind: "webhook", Event: method + " " + path, Method: method, URL: strings.TrimRight(d.WebhookURL, "/") + path, Body: string(raw)}}
	for name, value := range d.WebhookKwargs.Headers {
		o.header.Set(name, value)
	}
	if d.WebhookKwargs.Timeout > 0 {
		o.timeout = time.Duration(d.WebhookKwargs.Timeout * float64(time.Second))
	}
	switch auth := d.WebhookAuth; {
	case auth != nil && auth.Type == "Bearer":
		o.header.Set("Authorization", "Bearer "+auth.Token)
	case auth != nil:
		o.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(auth.Login+":"+auth.Password)))
	case d.WebhookToken != "":
		o.header.Set("Authorization", "Bearer "+d.WebhookToken)
	}
	return o
}

// enqueue puts a request behind the others of its key; the lock is held.
func (a *Account) enqueue(key string, o *outgoing) {
	if a.p.closed {
		return
	}
	q := a.queues[key]
	if q == nil {
		q = &queue{more: make(chan struct{}, 1)}
		a.queues[key] = q
	}
	q.items = append(q.items, o)
	a.p.begin()
	select {
	case q.more <- struct{}{}:
	default:
	}
	if !q.running {
		q.running = true
		a.p.senders.Add(1)
		go a.drain(key, q)
	}
}

// drain sends what a queue holds, one after another, and ends with the queue.
func (a *Account) drain(key string, q *queue) {
	defer a.p.senders.Done()
	for {
		a.p.mu.Lock()
		if len(q.items) == 0 {
			q.running = false
			if a.queues[key] == q {
				delete(a.queues, key)
			}
			a.p.mu.Unlock()
			return
		}
		o := q.items[0]
		q.items = q.items[1:]
		f := a.p.strike(a, o.Kind, o.Event, true)
		a.p.mu.Unlock()
		a.dispatch(q, o, f)
		a.p.mu.Lock()
		a.p.end()
		a.p.mu.Unlock()
	}
}

// dispatch sends one request under the fault that struck it.
func (a *Account) dispatch(q *queue, o *outgoing, f *Fault) {
	if f == nil {
		a.send(o)
		return
	}
	o.Fault = f.Kind
	switch f.Kind {
	case Dropped:
		a.remember(o)
	case Duplicate:
		a.send(o)
		a.send(o)
	case Delayed:
		a.p.pause(f.Delay)
		a.send(o)
	case Reordered:
		if next := a.overtake(q, f.Delay); next != nil {
			a.send(next)
			a.p.mu.Lock()
			a.p.end()
			a.p.mu.Unlock()
		}
		a.send(o)
	}
}

// overtake waits for the request behind and takes it, nil when none comes.
func (a *Account) overtake(q *queue, wait time.Duration) *outgoing {
	t := time.NewTimer(orDefault(wait, 300*time.Millisecond))
	defer t.Stop()
	for {
		a.p.mu.Lock()
		if len(q.items) > 0 {
			next := q.items[0]
			q.items = q.items[1:]
			a.p.mu.Unlock()
			return next
		}
		a.p.mu.Unlock()
		select {
		case <-q.more:
		case <-t.C:
			return nil
		case <-a.p.ctx.Done():
			return nil
		}
	}
}

// send makes the request, again as often as the options say, and remembers how it went.
func (a *Account) send(o *outgoing) bool {
	for try := 0; ; try++ {
		o.Status, o.Error = a.p.request(o)
		a.remember(o)
		if o.Status == http.StatusOK || o.Status == http.StatusNoContent {
			return true
		}
		a.p.log.Warn("the receiver did not take it", "kind", o.Kind, "event", o.Event, "status", o.Status, "error", o.Error, "account", a.cfg.Name)
		if try >= o.retries || a.p.ctx.Err() != nil {
			return false
		}
		a.p.pause(time.Duration(try+1) * 100 * time.Millisecond)
	}
}

// request makes one HTTP request; an error is a text without the address, which may hold a secret.
func (p *Platform) request(o *outgoing) (int, string) {
	ctx, cancel := context.WithTimeout(p.ctx, o.timeout)
	defer cancel()
	var body io.Reader
	if o.Method != http.MethodGet {
		body = bytes.NewReader([]byte(o.Body))
	}
	r, err := http.NewRequestWithContext(ctx, o.Method, o.URL, body)
	if err != nil {
		return 0, "the address is wrong"
	}
	r.Header = o.header
	resp, err := p.client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return 0, "no answer in time"
		}
		return 0, "cannot be reached"
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection is used again
	return resp.StatusCode, ""
}

func (a *Account) remember(o *outgoing) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	o.At = a.p.now()
	a.deliveries = append(a.deliveries, o.Delivery)
	if len(a.deliveries) > keepDeliveries {
		a.deliveries = append([]Delivery{}, a.deliveries[len(a.deliveries)-keepDeliveries/2:]...)
	}
}

// Deliveries are the webhooks and notifications sent for this account, oldest first.
func (a *Account) Deliveries() []Delivery {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	return append([]Delivery{}, a.deliveries...)
}
