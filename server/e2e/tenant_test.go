package e2e_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// whatsapp is the channel of the story.
const whatsapp = 20

// tenant is a company: its portal, its UIS account and its people's sessions.
type tenant struct {
	w        *world
	t        *testing.T
	name     string
	portal   *portal.Portal
	uis      *uisplatform.Account
	admin    string // sessions
	operator string
	id       int64 // of the portal here
	simple   bool  // its CRM works without leads
	acts     bool  // a first communication makes an activity, too
}

// staff are the portal's invented people at UIS, with the same e-mails, so that they are matched by themselves.
func staff() []uisplatform.Employee {
	return []uisplatform.Employee{
		{ID: 1001, LastName: "Власова", FirstName: "Анна", Email: "anna.vlasova@gorizont.example", Login: "vlasova", Phones: []string{"79000000101"}, Extension: "101", Operator: true, Groups: []int64{51}},
		{ID: 1002, LastName: "Орлов", FirstName: "Павел", Email: "pavel.orlov@gorizont.example", Login: "orlov", Phones: []string{"79000000102"}, Extension: "102", Operator: true, Groups: []int64{51}},
		{ID: 1003, LastName: "Зимина", FirstName: "Мария", Email: "maria.zimina@gorizont.example", Login: "zimina", Phones: []string{"79000000103"}, Extension: "103", Operator: true, Groups: []int64{52}},
	}
}

// company adds a portal and a UIS account; firstID makes twins of accounts.
func (w *world) company(name string, firstID int64) *tenant {
	w.t.Helper()
	return w.companyIn(portal.Classic, name, firstID)
}

// companyIn is a company whose CRM works in this mode.
func (w *world) companyIn(mode, name string, firstID int64) *tenant {
	w.t.Helper()
	n := &tenant{w: w, t: w.t, name: name, simple: mode == portal.Simple}
	n.portal = w.bitrix.AddPortal(portal.PortalConfig{Name: name, LeadsMode: mode, Licence: "ru_ent250"})
	require.NoError(w.t, w.served.Add(n.portal))
	config := uisplatform.DemoAccount(name)
	config.Employees, config.FirstID = staff(), firstID
	config.DayLimit, config.MinuteLimit = w.points, w.points
	n.uis = w.platform.AddAccount(config)
	return n
}

// one is the usual stand: one company, everything connected, at rest.
func one(t *testing.T, servers int, extra ...string) (*world, *tenant) {
	t.Helper()
	w := newWorld(t, servers, extra...)
	n := w.company("romashka", 0)
	w.run()
	n.setUp()
	return w, n
}

// setUp installs the app and connects UIS, as an administrator does with the installer and the cabinet.
func (n *tenant) setUp() {
	n.t.Helper()
	n.install()
	n.connect()
	n.settle()
}

func (n *tenant) install() {
	n.t.Helper()
	require.NoError(n.t, n.portal.Install(appID))
	n.admin = n.open(1, "DEFAULT", nil).Session
	n.id = decode[struct {
		Items []struct{ ID int64 }
	}](n.t, n.must("GET", "/portals", nil)).Items[0].ID
	n.must("POST", fmt.Sprintf("/portals/%d/repair", n.id), nil)
	require.NoError(n.t, n.portal.FinishInstall(appID, 1))
}

func (n *tenant) connect() {
	n.t.Helper()
	n.must("PUT", "/uis", map[string]any{"brand": "uis", "api_key": "key-" + n.name, "chats_login": n.name + "@uis.example", "chats_password": "password-" + n.name})
}

// settle saves the recommended settings and waits until the people are matched.
func (n *tenant) settle() {
	n.t.Helper()
	doc := decode[map[string]any](n.t, n.must("GET", "/settings", nil))
	main, chats := section(doc, "main"), section(doc, "chats")
	main["enabled"], main["portal"] = true, n.id
	chats["enabled"], chats["portal"], chats["create"], chats["responsible"] = true, n.id, true, 1
	chats["channels"] = []int{20, 21, 22, 23, 24, 25, 26, 27, 28}
	chats["first"] = map[string]any{"on": true, "create": n.creates()}
	chats["repeat"] = map[string]any{"on": false, "create": []string{}}
	chats["comment_priority"], chats["create_at"] = "deals", "start"
	body, err := json.Marshal(doc)
	require.NoError(n.t, err)
	code, answer := n.as(n.admin, "PUT", "/settings", raw{"application/json", body, map[string]string{"If-Match": fmt.Sprintf("%q", fmt.Sprint(doc["version"]))}})
	require.Equal(n.t, http.StatusOK, code, "%s", answer)
	eventually(n.t, "the employees are matched", func() bool {
		me := decode[struct {
			Items []struct {
				Employee *int64 `json:"uis_employee"`
			}
		}](n.t, n.must("GET", "/employees", nil))
		matched := 0
		for _, e := range me.Items {
			if e.Employee != nil {
				matched++
			}
		}
		return matched >= 3
	})
	n.w.rest()
	n.operator = n.open(2, "LEFT_MENU", nil).Session
}

// work is what a first communication creates: in a portal without leads a deal.
func (n *tenant) work() string {
	if n.simple {
		return "deal"
	}
	return "lead"
}

func (n *tenant) creates() []string {
	if n.acts {
		return []string{n.work(), "activity"}
	}
	return []string{n.work()}
}

func section(doc map[string]any, name string) map[string]any {
	s, _ := doc[name].(map[string]any)
	if s == nil {
		s = map[string]any{}
		doc[name] = s
	}
	return s
}

type boot struct {
	Session string
	Page    string
	Context map[string]any
}

var bootJSON = regexp.MustCompile(`(?s)<script type="application/json" id="omni-boot">(.*?)</script>`)

// open opens a frame as a portal's page does and reads what the page was told.
func (n *tenant) open(user int, placement string, options map[string]any) boot {
	n.t.Helper()
	var page boot
	var err error
	ok := poll(func() bool { page, err = n.tryOpen(user, placement, options); return err == nil })
	require.True(n.t, ok, "the frame does not open: %v", err)
	return page
}

// tryOpen opens a frame once.
func (n *tenant) tryOpen(user int, placement string, options map[string]any) (boot, error) {
	post, err := n.portal.Open(appID, user, placement, options)
	if err != nil {
		return boot{}, err
	}
	resp, err := post.Send(browser)
	if err != nil {
		return boot{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return boot{}, err
	}
	found := bootJSON.FindSubmatch(raw)
	if resp.StatusCode != http.StatusOK || found == nil {
		return boot{}, fmt.Errorf("the frame answers %d: %.500s", resp.StatusCode, raw)
	}
	var b boot
	return b, json.Unmarshal(found[1], &b)
}

// as calls the API with a session.
func (n *tenant) as(session, method, path string, body any) (int, []byte) {
	token := ""
	if session != "" {
		token = "Bearer " + session
	}
	return ask(method, "http://"+n.w.gate.address+"/api/v1"+path, token, body)
}

// must calls the API as the administrator until a server answers; it has to be 2xx.
func (n *tenant) must(method, path string, body any) []byte {
	n.t.Helper()
	return n.mustAs(n.admin, method, path, body)
}

// mustAs repeats what a dying server cut off, as the page does: every action carries an id that makes a repeat harmless.
func (n *tenant) mustAs(session, method, path string, body any) []byte {
	n.t.Helper()
	var code int
	var answer []byte
	eventually(n.t, method+" "+path+" is answered", func() bool {
		code, answer = n.as(session, method, path, body)
		return code != 0 && code != http.StatusServiceUnavailable
	})
	require.Less(n.t, code, 300, "%s %s: %s", method, path, answer)
	return answer
}

type file struct {
	ID    *int64
	Name  string
	Size  int64
	State string
	URL   *string
}

type message struct {
	ID     int64
	Chat   int64
	Key    *string
	Side   string
	Text   string
	Status string
	Reason struct{ Code string }
	File   *file
}

type entity struct {
	Type string
	ID   int64
}

type chat struct {
	ID       int64
	UIS      *int64 `json:"uis_chat"`
	State    string
	Last     *message `json:"last_message"`
	Entities []entity
	Client   struct {
		Name   string
		Phones []string
	}
}

func (n *tenant) chats(query string) []chat {
	n.t.Helper()
	return decode[struct{ Items []chat }](n.t, n.mustAs(n.operator, "GET", "/chats?"+query, nil)).Items
}

func (n *tenant) messages(chat int64) []message {
	n.t.Helper()
	return decode[struct{ Items []message }](n.t, n.mustAs(n.operator, "GET", fmt.Sprintf("/chats/%d/messages", chat), nil)).Items
}

// say sends an operator's message; the same id may be sent again.
func (n *tenant) say(chat int64, id, text string, file int64) message {
	n.t.Helper()
	body := map[string]any{"id": id, "text": text}
	if file != 0 {
		body["file"] = file
	}
	return decode[message](n.t, n.mustAs(n.operator, "POST", fmt.Sprintf("/chats/%d/messages", chat), body))
}

// newID is a UUID as pages make them.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
