package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The channels of the run: the first four know the client's phone, a bot knows a name only.
const (
	bot      = 21
	personal = 22
	waba     = 23
	sms      = 27
)

// side is a company of the run: what its people did, and the pages they have open.
type side struct {
	c     *chaos
	n     *tenant
	tag   string // begins every text, so that nothing of one company goes unnoticed at the other
	pages []*page

	mu       sync.Mutex
	people   []*client
	sessions map[int]session
	moved    map[int64]bool // messages whose webhook came out of turn

	untold  map[string]bool // calls of which a notification was not answered
	dropped map[int64]bool  // chats whose comment was refused and then dropped by an administrator
	taken   map[string]bool // offline requests whose notification was answered

	before, leadsBefore int // deals and leads that stood at the portal before the run
}

type session struct {
	token string
	until time.Time
}

// client is a person outside, with the operator who looks after him. One thing at a time happens to him.
type client struct {
	s      *side
	number int
	main   int64 // his usual channel
	user   int   // the operator at the portal

	mu      sync.Mutex
	count   int
	known   map[int64]int64 // our numbers of his chats, by those of UIS
	told    []*told         // by operators, in the order in which it was acknowledged
	vendor  map[string]bool // said in the vendor's own workplace
	first   string          // the phone was written first under this text
	history []string
	rung    []rung // his calls, in their order
	forms   []int64
	clicks  []string // employees' clicks on his number, as the portal calls them
	edited  map[int64]bool
	broken  bool // something never came: nothing more can be done with him
}

// told is a message of an operator that the server has acknowledged.
type told struct {
	key, text string
	sha       string // of its file
	uis       int64  // the chat; 0: the operator wrote first
	chat      int64
	again     int // how often a person sent it again
}

func (p *client) who() string { return fmt.Sprintf("%s-%d", p.s.tag, p.number) }

func (p *client) log(format string, args ...any) {
	p.history = append(p.history, fmt.Sprintf("%7.2f ", time.Since(p.s.c.began).Seconds())+fmt.Sprintf(format, args...))
}

// phone is the client's number; the other company has a client of the same number.
func (p *client) phone() string { return fmt.Sprintf("79001%06d", p.number) }

// text is what somebody says, unlike anything else said.
func (p *client) text(who string) string {
	p.count++
	return fmt.Sprintf("%s клиент %d, %s %d", p.s.tag, p.number, who, p.count)
}

// about tells what is known of a chat of UIS that is missed: what UIS sent of it, and what became of that here.
func (s *side) about(uis int64) string {
	var b strings.Builder
	for _, d := range s.n.uis.Deliveries() {
		if strings.Contains(d.Body, fmt.Sprintf(`"chat_id":%d`, uis)) && d.Kind == "webhook" {
			fmt.Fprintf(&b, "\n    sent %s → %d %s %s", d.Event, d.Status, d.Error, d.Fault)
		}
	}
	b.WriteString(s.c.rows(fmt.Sprintf(`SELECT format('row %%s %%s, done %%s, aside %%s, deferred %%s, attempts %%s: %%s', key, kind, done_at, aside_at, deferred, attempts, error) FROM inbox
		WHERE key = 'chat:%d' AND account_id = (SELECT account_id FROM portal WHERE member_id = '%s') ORDER BY id LIMIT 20`, uis, s.n.portal.MemberID())))
	b.WriteString(s.c.rows(fmt.Sprintf(`SELECT format('chat %%s of account %%s: %%s %%s %%s %%s', id, account_id, state, name, phones, username) FROM chat WHERE uis_chat_id = %d`, uis)))
	return b.String()
}

// somebody is one of the clients, now and then a new one, who has nothing to do at the moment.
func (s *side) somebody(dice *rand.Rand) *client {
	for {
		p := s.anybody(dice)
		if p.mu.TryLock() {
			return p
		}
	}
}

func (s *side) anybody(dice *rand.Rand) *client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.people) < 4 || dice.IntN(s.c.fresh) == 0 {
		n := len(s.people) + 1
		p := &client{s: s, number: n, user: 2 + n%2, known: map[int64]int64{}, vendor: map[string]bool{}, edited: map[int64]bool{}, main: []int64{whatsapp, whatsapp, whatsapp, personal, waba, sms, bot}[dice.IntN(7)]}
		s.people = append(s.people, p)
		return p
	}
	return s.people[dice.IntN(len(s.people))]
}

// ask calls the API as a person of the portal until a server answers, as a page does. Status 0: in vain.
func (s *side) ask(user int, method, path string, body any) (int, []byte) {
	var code int
	var answer []byte
	for end := time.Now().Add(s.c.wait); time.Now().Before(end); time.Sleep(look) {
		token, err := s.session(user)
		if err != nil {
			code, answer = 0, []byte(err.Error())
			continue
		}
		code, answer = ask(method, "http://"+s.n.w.gate.address+"/api/v1"+path, "Bearer "+token, body)
		switch code {
		case 0, http.StatusServiceUnavailable, http.StatusBadGateway:
		case http.StatusUnauthorized:
			s.forget(user)
		case http.StatusInternalServerError:
			s.c.find("internal error", s.tag, "%s %s: %s", method, path, answer)
			return code, answer
		default:
			return code, answer
		}
	}
	s.c.find("no answer", s.tag, "%s %s: %d %s", method, path, code, answer)
	return 0, answer
}

// session gives a person's session, opening a frame when there is none or it is about to end.
func (s *side) session(user int) (string, error) {
	s.mu.Lock()
	have := s.sessions[user]
	s.mu.Unlock()
	if have.token != "" && time.Now().Before(have.until) {
		return have.token, nil
	}
	placement := "LEFT_MENU"
	if user == 1 {
		placement = "DEFAULT"
	}
	b, err := s.n.tryOpen(user, placement, nil)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions == nil {
		s.sessions = map[int]session{}
	}
	s.sessions[user] = session{b.Session, time.Now().Add(10 * time.Minute)}
	return b.Session, nil
}

func (s *side) forget(user int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, user)
}

// get reads something as the administrator, who sees everything.
func get[T any](s *side, path string) (T, bool) {
	var v T
	code, body := s.ask(1, "GET", path, nil)
	if code != http.StatusOK {
		return v, false
	}
	if err := json.Unmarshal(body, &v); err != nil {
		s.c.find("unreadable answer", s.tag, "GET %s: %v", path, err)
		return v, false
	}
	return v, true
}

// find waits until a chat of UIS is there for operators and gives our number of it.
func (p *client) find(uis int64) (int64, bool) {
	if id := p.known[uis]; id != 0 {
		return id, true
	}
	for end := time.Now().Add(p.s.c.wait / 2); !p.broken && time.Now().Before(end); time.Sleep(5 * look) {
		for _, c := range p.s.chatsOf(p) {
			if c.UIS != nil && *c.UIS == uis {
				p.known[uis] = c.ID
				return c.ID, true
			}
		}
	}
	p.s.c.find("no chat", p.who(), "chat %d of UIS never appeared: %s", uis, p.s.about(uis))
	p.broken = true
	return 0, false
}

// say sends an operator's message into a chat and keeps it in the ledger once it is acknowledged.
func (p *client) say(user int, uis int64, text string, file []byte) {
	id, ok := p.find(uis)
	if !ok {
		return
	}
	m := &told{key: newID(), text: text, uis: uis, chat: id}
	body := map[string]any{"id": m.key, "text": text}
	if file != nil {
		number, ok := p.upload(user, file)
		if !ok {
			return
		}
		body["file"], m.sha = number, sha(file)
	}
	code, answer := p.s.ask(user, "POST", fmt.Sprintf("/chats/%d/messages", id), body)
	p.log("said in %d: %q → %d", uis, text, code)
	switch {
	case code == http.StatusOK:
		p.told = append(p.told, m)
	case code == http.StatusConflict && p.over(uis):
	default:
		p.s.c.find("refused message", p.who(), "%q: %d %s", text, code, answer)
	}
}

// upload puts a file; cut off, it is put once more.
func (p *client) upload(user int, content []byte) (int64, bool) {
	for end := time.Now().Add(p.s.c.wait); time.Now().Before(end); time.Sleep(look) {
		token, err := p.s.session(user)
		if err != nil {
			continue
		}
		code, body := p.s.n.postAs(token, "file.txt", bytes.NewReader(content))
		switch code {
		case http.StatusOK:
			var out struct{ File int64 }
			err := json.Unmarshal(body, &out)
			return out.File, err == nil && out.File != 0
		case 0, http.StatusServiceUnavailable:
		case http.StatusUnauthorized:
			p.s.forget(user)
		default:
			p.s.c.find("refused file", p.who(), "%d %s", code, body)
			return 0, false
		}
	}
	p.s.c.find("refused file", p.who(), "no answer")
	return 0, false
}

// over tells whether a chat is closed, at UIS or by an operator of ours.
func (p *client) over(uis int64) bool {
	for _, c := range p.s.n.uis.Chats() {
		if c.ID == uis {
			return !c.Open || p.closing(uis)
		}
	}
	return false
}

func (p *client) closing(uis int64) bool {
	for _, line := range p.history {
		if bytes.Contains([]byte(line), fmt.Appendf(nil, "closes %d", uis)) {
			return true
		}
	}
	return false
}

// open are the pages that people have before them all the time.
func (s *side) open() {
	s.sessions = map[int]session{}
	for _, user := range []int{1, 2, 3} {
		p := s.n.watch(func() string {
			token, err := s.session(user)
			if err != nil {
				s.forget(user)
			}
			return token
		})
		s.n.t.Cleanup(p.leave)
		s.pages = append(s.pages, p)
	}
	for _, p := range s.pages {
		eventually(s.n.t, "the page is ready", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.ready > 0 })
	}
}
