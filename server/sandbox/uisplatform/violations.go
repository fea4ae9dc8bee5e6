package uisplatform

import "time"

// Violation is one thing the documentation does not allow and a caller did nevertheless. A refusal that can happen to a correct caller (a closed chat, an
// expired token, a wrong password typed by a person) is none.
type Violation struct {
	At        time.Time `json:"at"`
	Account   string    `json:"account,omitempty"`
	API       string    `json:"api"`       // data, call, login, chats, adapter, notification, http
	Operation string    `json:"operation"` // JSON-RPC method, or HTTP method and path
	Code      string    `json:"code"`      // mnemonic of the error, or a word of the sandbox
	Text      string    `json:"text"`
}

// violate writes an entry of the journal; a may be nil. It takes the lock.
func (p *Platform) violate(a *Account, api, operation, code, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.violateLocked(a, api, operation, code, text)
}

func (p *Platform) violateLocked(a *Account, api, operation, code, text string) {
	v := Violation{At: p.now(), API: api, Operation: operation, Code: code, Text: text}
	if a != nil {
		v.Account = a.cfg.Name
	}
	p.violations = append(p.violations, v)
	p.log.Warn("the documentation does not allow this", "api", api, "operation", operation, "code", code, "text", text, "account", v.Account)
}

// Violations is the journal of the whole platform, oldest first.
func (p *Platform) Violations() []Violation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Violation{}, p.violations...)
}

// ClearViolations empties the journal.
func (p *Platform) ClearViolations() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.violations = nil
}

// Violations is the part of the journal that names this account. Entries that could not be told to an account are only in Platform.Violations.
func (a *Account) Violations() []Violation {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	out := []Violation{}
	for _, v := range a.p.violations {
		if v.Account == a.cfg.Name {
			out = append(out, v)
		}
	}
	return out
}
