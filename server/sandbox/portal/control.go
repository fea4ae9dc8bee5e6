package portal

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// serveControl is the interface for tests and people beside the REST: /_sandbox/…. On a portal it speaks of that portal, on the authorization server of all.
//
//	GET  violations, requests, deliveries, state, faults     POST reset, faults {…Fault}, clock {"advance":"5m"}, clear
//	POST app {"action":"install|finish|update|reinstall|uninstall|payment|expire|kill","client_id":…,"user":1,"clean":true,"status":"P","expired":false,"days":10}
//	POST open {"client_id":…,"user":1,"placement":"LEFT_MENU","options":{…}} answers the form the page would post
//	POST events {"delay_ms":0,"reorder":false,"duplicate":false,"robots":false}
//	POST user {…User}, stage {"entity":"STATUS","code":"CHECK","name":"Проверка"}, scope {"client_id":…,"scope":["crm"]}
func (w *World) serveControl(rw http.ResponseWriter, r *http.Request, p *Portal) {
	name := strings.TrimPrefix(r.URL.Path, "/_sandbox/")
	if r.Method == http.MethodGet {
		v, ok := w.inspect(name, r, p)
		if !ok {
			http.NotFound(rw, r)
			return
		}
		writeJSON(rw, 200, v)
		return
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil {
		var v any
		if v, err = w.control(name, raw, p); err == nil {
			writeJSON(rw, 200, v)
			return
		}
	}
	writeJSON(rw, 400, map[string]string{"error": err.Error()})
}

func (w *World) inspect(name string, r *http.Request, p *Portal) (any, bool) {
	mine := func(portal string) bool { return p == nil || portal == p.Name() || portal == "" }
	switch name {
	case "violations":
		return keep(w.Violations(), func(v Violation) bool { return mine(v.Portal) }), true
	case "requests":
		want := strings.ToLower(r.URL.Query().Get("method"))
		return keep(w.Requests(), func(v Request) bool { return mine(v.Portal) && (want == "" || v.Method == want) }), true
	case "deliveries":
		return keep(w.Deliveries(), func(v Delivery) bool { return mine(v.Portal) }), true
	case "faults":
		return w.Faults(), true
	case "state":
		if p != nil {
			return p.State(), true
		}
		all := map[string]State{}
		for _, x := range w.Portals() {
			all[x.Name()] = x.State()
		}
		return all, true
	}
	return nil, false
}

func keep[T any](in []T, ok func(T) bool) []T {
	out := []T{}
	for _, v := range in {
		if ok(v) {
			out = append(out, v)
		}
	}
	return out
}

func (w *World) control(name string, raw []byte, p *Portal) (any, error) {
	done := map[string]bool{"ok": true}
	read := func(v any) error {
		if len(raw) == 0 {
			return nil
		}
		return json.Unmarshal(raw, v)
	}
	switch name {
	case "reset":
		w.Reset()
		return done, nil
	case "clear": // journal and logs only
		w.journal.reset()
		return done, nil
	case "faults":
		var f Fault
		if err := read(&f); err != nil {
			return nil, err
		}
		if p != nil && f.Portal == "" && !strings.HasPrefix(f.Method, "oauth.") {
			f.Portal = p.Name()
		}
		id, err := w.AddFault(f)
		return map[string]int{"id": id}, err
	case "faults/clear":
		w.ClearFaults()
		return done, nil
	case "clock":
		var in struct{ Advance string }
		if err := read(&in); err != nil {
			return nil, err
		}
		d, err := time.ParseDuration(in.Advance)
		if err != nil {
			return nil, err
		}
		w.Advance(d)
		return done, nil
	}
	if p == nil {
		return nil, errUnknownControl(name)
	}
	return p.control(name, read)
}

type errUnknownControl string

func (e errUnknownControl) Error() string { return "unknown control " + strconv.Quote(string(e)) }

// control is what only a single portal can do.
func (p *Portal) control(name string, read func(any) error) (any, error) {
	done := map[string]bool{"ok": true}
	switch name {
	case "app":
		var in appAction
		if err := read(&in); err != nil {
			return nil, err
		}
		return done, p.act(in)
	case "callback": // a call-back form that a client sent
		var in struct {
			Number, Text string
			Type, ID     int
		}
		if err := read(&in); err != nil {
			return nil, err
		}
		return done, p.CallBack(in.Number, in.Text, in.Type, in.ID)
	case "open":
		var in struct {
			ClientID  string `json:"client_id"`
			User      int
			Placement string
			Options   map[string]any
		}
		if err := read(&in); err != nil {
			return nil, err
		}
		if in.Placement == "" {
			in.Placement = "DEFAULT"
		}
		f, err := p.Open(in.ClientID, in.User, in.Placement, in.Options)
		return map[string]any{"action": f.Action, "form": f.Form, "sid": f.SID}, err
	case "events":
		var in struct {
			DelayMS                    int `json:"delay_ms"`
			Reorder, Duplicate, Robots bool
			Seed                       int64
		}
		if err := read(&in); err != nil {
			return nil, err
		}
		p.SetEventMode(EventMode{Delay: time.Duration(in.DelayMS) * time.Millisecond, Reorder: in.Reorder, Duplicate: in.Duplicate, Robots: in.Robots, Seed: in.Seed})
		return done, nil
	case "user":
		var u User
		if err := read(&u); err != nil {
			return nil, err
		}
		p.SetUser(u)
		return done, nil
	case "stage":
		var in struct{ Entity, Code, Name string }
		if err := read(&in); err != nil {
			return nil, err
		}
		p.AddStage(in.Entity, in.Code, in.Name)
		return done, nil
	case "scope":
		var in struct {
			ClientID string `json:"client_id"`
			Scope    []string
		}
		if err := read(&in); err != nil {
			return nil, err
		}
		p.SetScope(in.ClientID, in.Scope...)
		return done, nil
	}
	return p.simulate(name, read)
}

// appAction is a step of an application's life asked for by hand.
type appAction struct {
	Action   string
	ClientID string `json:"client_id"`
	User     int
	Clean    bool
	Status   string
	Expired  bool
	Days     int
}

func (p *Portal) act(in appAction) error {
	switch in.Action {
	case "install":
		return p.Install(in.ClientID)
	case "finish":
		return p.FinishInstall(in.ClientID, in.User)
	case "update":
		return p.Update(in.ClientID, in.User)
	case "reinstall":
		return p.Reinstall(in.ClientID)
	case "uninstall":
		return p.Uninstall(in.ClientID, in.Clean)
	case "payment":
		return p.Payment(in.ClientID, in.Status, in.Expired, in.Days)
	case "expire":
		p.ExpireTokens(in.ClientID)
		return nil
	case "kill":
		p.KillTokens(in.ClientID, in.User)
		return nil
	}
	return errUnknownControl(in.Action)
}
