package uisplatform

import (
	"bytes"
	"embed"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed phone/*
var phoneFiles embed.FS

// phoneEvent is what an open phone page hears: message (new or changed), status, chat, or reload.
type phoneEvent struct {
	Type    string `json:"type"`
	Message any    `json:"message,omitempty"`
	Chat    *Chat  `json:"chat,omitempty"`
}

// toPhones tells all open phone pages; one that is too slow loses events and is told to reload. The lock is held.
func (a *Account) toPhones(e phoneEvent) {
	for ch := range a.watchers {
		select {
		case ch <- e:
		default:
			close(ch)
			delete(a.watchers, ch)
		}
	}
}

// servePhone is /phone/{account}: the page; /phone/{account}/events: its live events; /phone/assets/…: what it is made of.
func (p *Platform) servePhone(w http.ResponseWriter, r *http.Request) {
	rest := strings.TrimPrefix(r.URL.Path, "/phone/")
	if name, ok := strings.CutPrefix(rest, "assets/"); ok {
		p.servePhoneFile(w, r, name)
		return
	}
	name, tail, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	a := p.Account(name)
	switch {
	case a == nil || tail != "" && tail != "events":
		http.NotFound(w, r)
	case tail == "events":
		a.servePhoneEvents(w, r)
	default:
		p.servePhoneFile(w, r, "index.html")
	}
}

func (p *Platform) servePhoneFile(w http.ResponseWriter, r *http.Request, name string) {
	raw, err := phoneFiles.ReadFile("phone/" + path.Clean(name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(raw))
}

// servePhoneEvents is a stream of server-sent events.
func (a *Account) servePhoneEvents(w http.ResponseWriter, r *http.Request) {
	flush := http.NewResponseController(w)
	events := make(chan phoneEvent, 256)
	a.p.mu.Lock()
	a.watchers[events] = struct{}{}
	a.p.mu.Unlock()
	defer func() {
		a.p.mu.Lock()
		delete(a.watchers, events)
		a.p.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprint(w, "retry: 1000\n\n")
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		if err := flush.Flush(); err != nil {
			return
		}
		select {
		case e, ok := <-events:
			if !ok {
				return // too slow; the page connects again and reloads
			}
			raw, err := encode(e)
			if err != nil {
				a.p.log.Error("cannot write a phone event", "error", err)
				return
			}
			_, _ = fmt.Fprintf(w, "data: %s\n\n", raw)
		case <-beat.C:
			_, _ = fmt.Fprint(w, ": beat\n\n")
		case <-r.Context().Done():
			return
		case <-a.p.ctx.Done():
			return
		}
	}
}
