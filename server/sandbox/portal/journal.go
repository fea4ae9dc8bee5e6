package portal

import (
	"strings"
	"sync"
	"time"
)

// Violation is one thing a caller did against the documentation.
type Violation struct {
	Time   time.Time `json:"time"`
	Portal string    `json:"portal"`
	App    string    `json:"app,omitempty"`
	Method string    `json:"method"`
	Code   string    `json:"code"`
	Text   string    `json:"text"`
}

// Request is one REST or OAuth request with its answer; batches list their commands.
type Request struct {
	Time     time.Time       `json:"time"`
	Portal   string          `json:"portal"`
	Method   string          `json:"method"`
	User     int             `json:"user,omitempty"`
	Browser  bool            `json:"browser,omitempty"` // the call came from a page, not from a server
	Params   string          `json:"params,omitempty"`  // JSON without tokens, at most 4000 characters
	Commands []string        `json:"commands,omitempty"`
	Calls    []CommandRecord `json:"calls,omitempty"` // each command of a batch, or the call itself, with its outcome
	Status   int             `json:"status"`
	Error    string          `json:"error,omitempty"`
	Fault    string          `json:"fault,omitempty"`
	TookMS   float64         `json:"took_ms"`

	began time.Time
}

// CommandRecord is the outcome of one call, alone or inside a batch.
type CommandRecord struct {
	Key    string `json:"key,omitempty"`
	Method string `json:"method"`
	Params string `json:"params,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Delivery is one event sent (or not sent) to an application.
type Delivery struct {
	Time   time.Time `json:"time"`
	Portal string    `json:"portal"`
	Event  string    `json:"event"`
	URL    string    `json:"url"`
	Body   string    `json:"body"` // as sent, form-encoded, with the tokens blotted out
	Status int       `json:"status"`
	Error  string    `json:"error,omitempty"`
}

const (
	keptRequests = 5000
	keptText     = 4000
)

type journal struct {
	mu  sync.Mutex
	bad []Violation
	req []Request
	del []Delivery
}

func (j *journal) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.bad, j.req, j.del = nil, nil, nil
}

func (j *journal) violation(v Violation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.bad = append(j.bad, v)
}

func (j *journal) request(r Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.req = append(j.req, r)
	if len(j.req) > 2*keptRequests {
		j.req = append([]Request(nil), j.req[keptRequests:]...)
	}
}

func (j *journal) delivery(d Delivery) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.del = append(j.del, d)
	if len(j.del) > 2*keptRequests {
		j.del = append([]Delivery(nil), j.del[keptRequests:]...)
	}
}

func (j *journal) violations() []Violation {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Violation(nil), j.bad...)
}

func (j *journal) requests() []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Request(nil), j.req...)
}

func (j *journal) deliveries() []Delivery {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Delivery(nil), j.del...)
}

// blot removes tokens from arguments before they are kept.
func blot(a *arr) string {
	if a.len() == 0 {
		return ""
	}
	c := newArr()
	for _, k := range a.keys {
		switch strings.ToLower(k) {
		case "auth", "access_token", "client_secret", "refresh_token", "code":
			continue
		}
		c.set(k, a.vals[k])
	}
	s := string(encode(c))
	if len(s) > keptText {
		s = s[:keptText] + "…"
	}
	return s
}
