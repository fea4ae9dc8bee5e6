package portal

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// method is one REST method: what it takes and what it does.
type method struct {
	name    string // as documented
	scope   string // alternatives joined by |, empty for the basic scope
	app     bool   // needs the context of an application
	admin   bool
	noBatch bool // moves files, refused inside batch
	fold    bool // names of top-level parameters in any case; takes lists them in upper case
	style   errorStyle
	takes   shape
	open    bool // any parameters
	prepare func(*call) error
	run     func(*call) (any, error)
}

// call is one execution of a method under the portal's lock (prepare: without it).
type call struct {
	p       *Portal
	in      *installation
	user    *User
	tok     *token
	m       *method
	args    *arr
	fetched map[string][]byte // files prepare brought, by address
}

// page is a result with paging: total beside result, next when another page exists.
type page struct {
	result any
	total  int
	next   int // 0: no further page
}

const pageSize = 50

// serveREST answers /rest/{method}.
func (p *Portal) serveREST(rw http.ResponseWriter, r *http.Request) {
	w := p.world
	head := rw.Header()
	head.Set("Access-Control-Allow-Origin", "*")
	head.Set("Access-Control-Allow-Headers", "origin, content-type, accept")
	if r.Method == http.MethodOptions {
		rw.WriteHeader(http.StatusOK)
		return
	}
	start := time.Now()
	name := methodName(r.URL.Path)
	rec := Request{Time: w.Now(), Portal: p.Name(), Method: name, Browser: r.Header.Get("Origin") != ""}
	args, err := requestArgs(r)
	if err != nil {
		rec.Status, rec.Error = 400, "INVALID_REQUEST"
		w.journal.request(rec)
		e := breach(400, "INVALID_REQUEST", "Request is broken: %v", err)
		w.noteBreach(e, p, "", name)
		writeJSON(rw, 400, e.body())
		return
	}
	rec.Params = blot(args)
	commands := commandsOf(name, args)
	methods := []string{name}
	for _, c := range commands {
		methods = append(methods, c.name)
		rec.Commands = append(rec.Commands, c.name)
	}
	faults := w.faults.strike(p.Name(), methods, wholeRequest)
	stop, done := w.beforeCall(rw, r, p, args, faults, &rec)
	if stop {
		w.journal.request(rec)
		return
	}
	body, e := p.answer(r, name, args, commands, start, &rec)
	rec.Status = 200
	if e != nil {
		rec.Status, rec.Error, body = e.status, e.code, e.body()
		body.set("time", timeBlock(start, time.Since(start), time.Now(), w.Now()))
	}
	rec.TookMS = float64(time.Since(start).Microseconds()) / 1000
	w.journal.request(rec)
	if done(rw) {
		return
	}
	writeJSON(rw, rec.Status, body)
}

// answer runs a request that has come through the faults.
func (p *Portal) answer(r *http.Request, name string, args *arr, commands []command, start time.Time, rec *Request) (*arr, *apiError) {
	w := p.world
	if !p.limits.take(source(r), w.bucketNow()) {
		e := breach(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
		w.noteBreach(e, p, "", name)
		return nil, e
	}
	t, e := w.authenticate(args, p)
	if e != nil {
		return nil, e
	}
	rec.User = t.user
	p.mu.Lock()
	in, user := p.installation(t.clientID), p.user(t.user)
	p.mu.Unlock()
	switch {
	case in == nil:
		return nil, fail(401, "NO_AUTH_FOUND", "Wrong authorization data")
	case in.expired:
		return nil, fail(403, "ACCESS_DENIED", "Subscription has been ended")
	case user == nil || user.Dismissed:
		return nil, fail(401, "authorization_error", "Unable to authorize user")
	}
	c := &call{p: p, in: in, user: user, tok: t, args: args}
	if name == "batch" {
		return c.wholeBatch(commands, start, rec)
	}
	out := c.execute(name, false)
	cr := CommandRecord{Method: name, Params: rec.Params}
	if out.err != nil {
		cr.Error = out.err.code
		rec.Calls = append(rec.Calls, cr)
		return nil, out.err
	}
	rec.Calls = append(rec.Calls, cr)
	body := kv("result", out.result)
	if out.paged {
		if out.next > 0 {
			body.set("next", out.next)
		}
		body.set("total", out.total)
	}
	return body.set("time", out.time), nil
}

// wholeBatch is a batch with its own accounting, if the portal does that.
func (c *call) wholeBatch(commands []command, start time.Time, rec *Request) (*arr, *apiError) {
	w, p, key := c.p.world, c.p, "batch "+c.tok.clientID
	var e *apiError
	if spent, _ := p.limits.spent(key, w.bucketNow()); p.limits.perBatch && spent > p.limits.limit {
		e = breach(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
	}
	var result *arr
	if e == nil {
		result, e = c.batch(commands, rec)
	}
	if e != nil {
		w.noteBreach(e, p, c.tok.clientID, "batch")
		return nil, e
	}
	block := timeBlock(start, time.Since(start), time.Now(), w.Now())
	if p.limits.perBatch {
		var ran []string
		for _, cr := range rec.Calls {
			if cr.Error == "" {
				ran = append(ran, cr.Method)
			}
		}
		spent, resetAt := p.limits.spendBatch(key, ran, time.Since(start), w.bucketNow())
		block.set("operating_reset_at", resetAt.Unix()).set("operating", seconds(spent.Seconds()))
	}
	return kv("result", result, "time", block), nil
}

// outcome is what became of one method call.
type outcome struct {
	result any
	paged  bool
	total  int
	next   int
	time   *arr
	err    *apiError
}

// execute checks and runs one method with c.args.
func (c *call) execute(name string, inBatch bool) outcome {
	w, p := c.p.world, c.p
	start := time.Now()
	out, m := outcome{}, w.methods[name]
	if ordered := w.faults.strike(p.Name(), []string{name}, perCommand); len(ordered) > 0 {
		f := ordered[0]
		if f.Kind == FaultDenied {
			if out.result = false; f.Code != "" {
				out.result = kv("result", false, "error", f.Code, "error_description", f.Text)
			}
			return out
		}
		if f.Status == 0 {
			f.Status = 400
		}
		out.err = fail(f.Status, f.Code, "%s", f.Text)
		return out
	}
	if out.err = c.admit(m, name, inBatch); out.err == nil {
		p.limits.wait(name)
		out.result, out.err = c.perform(m)
	}
	if out.err != nil {
		w.noteBreach(out.err, p, c.tok.clientID, name)
		return out
	}
	if pg, ok := out.result.(page); ok {
		out.result, out.paged, out.total, out.next = pg.result, true, pg.total, pg.next
	}
	took := time.Since(start)
	if inBatch && p.limits.perBatch {
		out.time = timeBlock(start, took, time.Now(), w.Now())
		return out
	}
	spent, resetAt := p.limits.spend(name+" "+c.tok.clientID, name, took, w.bucketNow())
	out.time = timeBlock(start, took, time.Now(), w.Now())
	out.time.set("operating_reset_at", resetAt.Unix()).set("operating", seconds(spent.Seconds()))
	return out
}

// admit says whether the method may be called at all.
func (c *call) admit(m *method, name string, inBatch bool) *apiError {
	switch {
	case m == nil:
		return breach(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
	case inBatch && (m.noBatch || carriesFile(c.args)):
		return breach(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
	case !c.tok.allows(m.scope):
		return breach(403, "insufficient_scope", "The request requires higher privileges than provided by the access token")
	case m.admin && !c.user.Admin:
		return fail(403, "ACCESS_DENIED", "Access denied!")
	}
	if spent, _ := c.p.limits.spent(name+" "+c.tok.clientID, c.p.world.bucketNow()); spent > c.p.limits.limit && !(inBatch && c.p.limits.perBatch) {
		return breach(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
	}
	if m.fold {
		up := newArr()
		for _, k := range c.args.keys {
			if !transport[strings.ToLower(k)] {
				up.set(strings.ToUpper(k), c.args.vals[k])
			}
		}
		c.args = up
	}
	c.m = m
	if m.open {
		return nil
	}
	return m.takes.check(c.args, m.style, "")
}

// carriesFile tells whether a call uploads a file in base64, which a batch may not.
func carriesFile(args *arr) bool {
	return args.sub("fields").sub("FILES").len() > 0
}

func (c *call) perform(m *method) (any, *apiError) {
	if m.prepare != nil {
		if err := m.prepare(c); err != nil {
			return nil, asAPIError(err)
		}
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	v, err := m.run(c)
	if err != nil {
		return nil, asAPIError(err)
	}
	return v, nil
}

func asAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return fail(500, "INTERNAL_SERVER_ERROR", "%v", err)
}

// noteBreach writes a refusal into the journal when the documentation forbids what was done.
func (w *World) noteBreach(e *apiError, p *Portal, app, method string) {
	if e == nil || !e.breach {
		return
	}
	v := Violation{Time: w.Now(), App: app, Method: method, Code: e.code, Text: e.text}
	if p != nil {
		v.Portal = p.Name()
	}
	w.journal.violation(v)
	w.log.Warn("portal: breach of the documentation", "portal", v.Portal, "method", method, "code", e.code, "text", e.text)
}

// source is whom the bucket counts: the address, and browsers apart from servers, as they would come from other addresses in life.
func source(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if r.Header.Get("Origin") != "" {
		return host + " browser"
	}
	return host
}

// timeBlock is the "time" of every answer.
func timeBlock(start time.Time, took time.Duration, finish, portalNow time.Time) *arr {
	shift := time.Until(portalNow)
	s, f := start.Add(shift), finish.Add(shift)
	return kv("start", seconds(float64(s.UnixMicro())/1e6), "finish", seconds(float64(f.UnixMicro())/1e6), "duration", seconds(finish.Sub(start).Seconds()),
		"processing", seconds(took.Seconds()), "date_start", stamp(s), "date_finish", stamp(f))
}

// seconds is a number of seconds, written with six digits after the point.
type seconds float64
