package uisplatform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// reply is an answer before it is written.
type reply struct {
	status int
	body   any // nil: no body
}

func (r reply) write(p *Platform, w http.ResponseWriter) {
	if r.body == nil {
		w.WriteHeader(r.status)
		return
	}
	raw, err := encode(r.body)
	if err != nil {
		p.log.Error("cannot write an answer", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(r.status)
	_, _ = w.Write(raw) // the caller may be gone
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// operation is one call to the platform, as faults see it. refuse makes the API's own form of LimitReached, TokenExpired and Internal.
type operation struct {
	account *Account
	api     string
	name    string
	refuse  func(FaultKind) reply
}

// perform runs an operation under the armed faults and answers. run takes the lock itself.
func (p *Platform) perform(w http.ResponseWriter, op operation, run func() reply) {
	p.mu.Lock()
	f := p.strike(op.account, op.api, op.name, false)
	p.mu.Unlock()
	if f == nil {
		run().write(p, w)
		return
	}
	p.log.Info("fault", "kind", f.Kind, "api", op.api, "operation", op.name)
	switch f.Kind {
	case ResetBefore:
		panic(http.ErrAbortHandler)
	case LostAfter:
		run()
		panic(http.ErrAbortHandler)
	case Late:
		drop(w)
		p.pause(f.Delay)
		run()
	case Slow:
		p.pause(f.Delay)
		run().write(p, w)
	case SlowAfter:
		r := run()
		p.pause(f.Delay)
		r.write(p, w)
	case StatusBefore:
		http.Error(w, "fault", f.code())
	case StatusAfter:
		run()
		http.Error(w, "fault", f.code())
	case Garbage:
		run()
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><body>Bad gateway</body></html>"))
	default:
		op.refuse(f.Kind).write(p, w)
	}
}

// drop closes the connection of a request without an answer; its handler may go on.
func drop(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

func (f *Fault) code() int {
	if f.Status == 0 {
		return http.StatusServiceUnavailable
	}
	return f.Status
}

// pause waits d or until the platform is closed. It does not watch the caller: a platform goes on working when the caller has given up.
func (p *Platform) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.ctx.Done():
	}
}
