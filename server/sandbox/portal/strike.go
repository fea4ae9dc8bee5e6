package portal

import (
	"net"
	"net/http"
	"time"
)

// beforeCall applies the faults that come before execution. When stop is true the answer has been given. done applies what comes after execution and tells
// whether the answer must not be sent any more.
func (w *World) beforeCall(rw http.ResponseWriter, r *http.Request, p *Portal, args *arr, faults []Fault, rec *Request) (stop bool, done func(http.ResponseWriter) bool) {
	rec.began = time.Now()
	after := func(http.ResponseWriter) bool { return false }
	for _, f := range faults {
		rec.Fault += f.Kind + " "
		if f.After && (f.Kind == FaultSlow || f.Kind == FaultHTTP) || f.Kind == FaultLost {
			prev := after
			after = func(rw http.ResponseWriter) bool { return prev(rw) || w.applyFault(rw, r, p, args, f, rec) }
			continue
		}
		if f.Kind == FaultLate {
			dropConnection(rw)
			rw, after = nowhere{}, func(http.ResponseWriter) bool { return true }
			if w.pause(rec.began, f.delay()) {
				return true, after
			}
			continue
		}
		if w.applyFault(rw, r, p, args, f, rec) {
			return true, after
		}
	}
	return false, after
}

// nowhere takes what is answered when the connection is closed already.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

// pause waits, but not longer than the request, which began then, may run in all; it tells whether the portal has given the request up.
func (w *World) pause(began time.Time, d time.Duration) (cut bool) {
	left := w.opts.RequestCut - time.Since(began)
	timer := time.NewTimer(min(d, left))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.closed:
	}
	return d > left
}

// applyFault does one fault and tells whether the request is over.
func (w *World) applyFault(rw http.ResponseWriter, r *http.Request, p *Portal, args *arr, f Fault, rec *Request) bool {
	refuse := func(e *apiError) bool {
		rec.Status, rec.Error = e.status, e.code
		writeJSON(rw, e.status, e.body())
		return true
	}
	switch f.Kind {
	case FaultSlow:
		cut := w.pause(rec.began, f.delay())
		if cut { // a slow call that the portal gives up on is not executed any more; After: it was
			rec.Status = http.StatusGatewayTimeout
			http.Error(rw, "Gateway Time-out", http.StatusGatewayTimeout)
		}
		return cut
	case FaultReset, FaultLost:
		dropConnection(rw)
		return true
	case FaultHTTP:
		status := f.Status
		if status == 0 {
			status = http.StatusBadGateway
		}
		rec.Status = status
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte("<html><body><h1>" + http.StatusText(status) + "</h1></body></html>"))
		return true
	case FaultMoved:
		rec.Status = http.StatusFound
		http.Redirect(rw, r, f.Location+r.URL.RequestURI(), http.StatusFound)
		return true
	case FaultLimit:
		return refuse(fail(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"))
	case FaultOperating:
		// The answer says for how long: a minute, the grain of the accounting. An older answer's word may be ten times that.
		e := fail(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
		e.extra = kv("time", kv("operating_reset_at", w.Now().Add(time.Minute).Unix()))
		return refuse(e)
	case FaultExpired, FaultRefused:
		t := w.tokens.byAccess(args.str("auth"))
		if t == nil {
			return false
		}
		same := func(x *token) bool { return x == t }
		if f.Kind == FaultExpired {
			w.tokens.expire(same, w.Now())
			return refuse(fail(401, "expired_token", "The access token provided has expired."))
		}
		w.tokens.kill(same)
		return refuse(fail(401, "invalid_token", "Unable to get application by token"))
	}
	return false
}

// dropConnection closes the connection with a reset and without an answer.
func dropConnection(rw http.ResponseWriter) {
	if _, gone := rw.(nowhere); gone {
		return
	}
	h, ok := rw.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
