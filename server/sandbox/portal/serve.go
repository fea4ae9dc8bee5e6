package portal

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server listens for a world on loopback addresses: one for the authorization server, one for each portal.
type Server struct {
	w     *World
	mu    sync.Mutex
	srvs  []*http.Server
	oauth string
}

// Serve listens on oauthAddr (such as 127.0.0.1:0) for the authorization server and for each portal on its configured Host, or on a free port of 127.0.0.1 when it
// has none.
func Serve(w *World, oauthAddr string) (*Server, error) {
	s := &Server{w: w}
	addr, err := s.listen(oauthAddr, w.OAuth())
	if err != nil {
		return nil, fmt.Errorf("listen for the authorization server: %w", err)
	}
	s.oauth = "http://" + addr
	w.SetOAuthBase(s.oauth)
	for _, p := range w.Portals() {
		if err := s.Add(p); err != nil {
			_ = s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Add starts to listen for a portal that was added later.
func (s *Server) Add(p *Portal) error {
	addr := p.Host()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	addr, err := s.listen(addr, p)
	if err != nil {
		return fmt.Errorf("listen for portal %s: %w", p.Name(), err)
	}
	p.SetHost(addr)
	return nil
}

// Rename gives a portal a new address; the old one answers 302 to every call, as a renamed Bitrix24 does.
func (s *Server) Rename(p *Portal) error {
	old := p.Host()
	addr, err := s.listen("127.0.0.1:0", p)
	if err != nil {
		return fmt.Errorf("rename portal %s: %w", p.Name(), err)
	}
	p.SetHost(addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, srv := range s.srvs {
		if srv.Addr == old {
			srv.Handler.(*swap).set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://"+addr+r.URL.RequestURI(), http.StatusFound)
			}))
		}
	}
	return nil
}

// OAuthURL is where the authorization server listens.
func (s *Server) OAuthURL() string { return s.oauth }

// Close stops listening and the delivery of events.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, srv := range s.srvs {
		errs = append(errs, srv.Close())
	}
	s.w.Close()
	return errors.Join(errs...)
}

func (s *Server) listen(addr string, h http.Handler) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	at := l.Addr().String()
	srv := &http.Server{Addr: at, Handler: &swap{h: h}, ReadHeaderTimeout: 10 * time.Second}
	s.mu.Lock()
	s.srvs = append(s.srvs, srv)
	s.mu.Unlock()
	go func() {
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.w.log.Error("portal: serve", "addr", at, "error", err)
		}
	}()
	return at, nil
}

// swap is a handler that can be replaced.
type swap struct {
	mu sync.RWMutex
	h  http.Handler
}

func (s *swap) set(h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h = h
}

// ServeHTTP implements http.Handler.
func (s *swap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.RLock()
	h := s.h
	s.mu.RUnlock()
	h.ServeHTTP(w, r)
}
