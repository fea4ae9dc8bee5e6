package bitrix24

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	maxFormKeys  = 5000
	maxFormDepth = 16
)

// ErrForm says that a form body cannot be read.
var ErrForm = errors.New("bitrix24: the form is not understood")

// Node is a value of a form in PHP's bracket notation: a text, or named children. Lists are children named 0, 1, 2 …
type Node struct {
	Text     string
	Children map[string]*Node
	next     int // the number a[] gets: one more than the largest
}

// ParseForm reads data[MESSAGES][0][im][chat_id]=5 into a tree. A key that stands for a text and for a group keeps the group; `a[]` counts on.
// It refuses only what is too large (5,000 keys, 16 levels): wrong escapes stay as they are, as PHP does it, because a refused event is lost.
func ParseForm(body []byte) (*Node, error) {
	root := &Node{}
	if len(body) == 0 {
		return root, nil
	}
	if n := bytes.Count(body, []byte("&")) + 1; n > maxFormKeys {
		return nil, fmt.Errorf("%w: %d keys", ErrForm, n)
	}
	for pair := range strings.SplitSeq(string(body), "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name = unescape(name); name == "" {
			continue
		}
		if err := root.put(name, unescape(value)); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// unescape decodes what can be decoded.
func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '+':
			b.WriteByte(' ')
		case text[i] == '%' && i+2 < len(text):
			if one, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(one))
				i += 2
				continue
			}
			fallthrough
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

func (n *Node) put(name, value string) error {
	path := []string{name}
	if open := strings.IndexByte(name, '['); open > 0 && strings.HasSuffix(name, "]") {
		if strings.Count(name, "][")+2 > maxFormDepth { // counted before it is cut: a name may be a megabyte of brackets
			return fmt.Errorf("%w: %s is too deep", ErrForm, short(name[:min(len(name), 240)], 60))
		}
		path = append([]string{name[:open]}, strings.Split(strings.TrimSuffix(name[open+1:], "]"), "][")...)
	}
	at := n
	for _, key := range path {
		if at.Children == nil {
			at.Children, at.Text = map[string]*Node{}, ""
		}
		if key == "" {
			key = strconv.Itoa(at.next)
		}
		next := at.Children[key]
		if next == nil {
			next = &Node{}
			at.Children[key] = next
			at.next = max(at.next, listIndex(key)+1)
		}
		at = next
	}
	if at.Children == nil {
		at.Text = value
	}
	return nil
}

// maxIndex is the largest number a list may give an element; larger ones are names.
const maxIndex = 1 << 30

// listIndex is a key as the number of a list's element, -1 when it is a name ("01", "+1" and "x" are).
func listIndex(key string) int {
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i > maxIndex || strconv.Itoa(i) != key {
		return -1
	}
	return i
}

// At follows a path of keys; what is not there is an empty node, never nil.
func (n *Node) At(path ...string) *Node {
	at := n
	for _, key := range path {
		if at = at.Children[key]; at == nil {
			return &Node{}
		}
	}
	return at
}

// Items are the children of a list in the order of their numbers; a gap hides nothing, names are left out.
func (n *Node) Items() []*Node {
	var numbers []int
	for key := range n.Children {
		if i := listIndex(key); i >= 0 {
			numbers = append(numbers, i)
		}
	}
	slices.Sort(numbers)
	out := make([]*Node, len(numbers))
	for at, i := range numbers {
		out[at] = n.Children[strconv.Itoa(i)]
	}
	return out
}

// MarshalJSON writes the tree as JSON: texts, objects, and lists where the keys are 0, 1, 2 …
func (n *Node) MarshalJSON() ([]byte, error) {
	if n.Children == nil {
		return json.Marshal(n.Text)
	}
	if items := n.Items(); len(items) == len(n.Children) && n.next == len(items) {
		return json.Marshal(items)
	}
	return json.Marshal(n.Children)
}

// EventPOST is an event as the portal sends it. All values are texts.
type EventPOST struct {
	// Name is upper case: ONAPPINSTALL, ONCRMLEADADD …
	Name string
	Data *Node
	// TS is the portal's unix time.
	TS string
	// Handler is the number of the binding (event_handler_id), "" for events of the application.
	Handler string
	Auth    EventAuth
}

// EventAuth is who an event comes from. Tokens are there only in some events; ApplicationToken is the proof.
type EventAuth struct {
	Domain, MemberID, ApplicationToken           string
	AccessToken, RefreshToken, ExpiresIn         string
	ClientEndpoint, ServerEndpoint, Status, User string
	Scope                                        []string
}

// ParseEvent reads the body of an event.
func ParseEvent(body []byte) (*EventPOST, error) {
	form, err := ParseForm(body)
	if err != nil {
		return nil, err
	}
	e := &EventPOST{Name: strings.ToUpper(form.At("event").Text), Data: form.At("data"), TS: form.At("ts").Text,
		Handler: form.At("event_handler_id").Text, Auth: eventAuth(form.At("auth"))}
	if e.Name == "" {
		return nil, fmt.Errorf("%w: no event", ErrForm)
	}
	return e, nil
}

func eventAuth(auth *Node) EventAuth {
	text := func(name string) string { return auth.At(name).Text }
	return EventAuth{Domain: text("domain"), MemberID: text("member_id"), ApplicationToken: text("application_token"), AccessToken: text("access_token"),
		RefreshToken: text("refresh_token"), ExpiresIn: text("expires_in"), ClientEndpoint: text("client_endpoint"), ServerEndpoint: text("server_endpoint"),
		Status: text("status"), User: text("user_id"), Scope: Scopes(text("scope"))}
}

// RobotPOST is what the portal posts to the handler of a robot (docs: bizproc.robot.add). Auth.ApplicationToken is the proof, as in events.
type RobotPOST struct {
	Code       string
	WorkflowID string
	// EventToken is what bizproc.event.send wants back when the robot waits (Waits, USE_SUBSCRIPTION).
	EventToken string
	Waits      bool
	// Document is what it runs on, e.g. ["crm", "CCrmDocumentDeal", "DEAL_15"]; Type likewise, e.g. ["crm", "CCrmDocumentDeal", "DEAL"].
	Document, Type []string
	// Properties are the values the administrator set, by name.
	Properties *Node
	TS         string
	Auth       EventAuth
}

// ParseRobot reads the body of a robot's call.
func ParseRobot(body []byte) (*RobotPOST, error) {
	form, err := ParseForm(body)
	if err != nil {
		return nil, err
	}
	texts := func(name string) []string {
		var out []string
		for _, n := range form.At(name).Items() {
			out = append(out, n.Text)
		}
		return out
	}
	r := &RobotPOST{Code: form.At("code").Text, WorkflowID: form.At("workflow_id").Text, EventToken: form.At("event_token").Text,
		Waits: form.At("use_subscription").Text == "Y", Document: texts("document_id"), Type: texts("document_type"), Properties: form.At("properties"),
		TS: form.At("ts").Text, Auth: eventAuth(form.At("auth"))}
	if r.Code == "" {
		return nil, fmt.Errorf("%w: no code of a robot", ErrForm)
	}
	return r, nil
}

// FramePOST is what the portal posts into a frame (docs: widget data). Nothing of it is proven.
type FramePOST struct {
	Domain           string
	HTTPS            bool
	Lang             string
	SID              string
	AuthID           string
	AuthExpires      int
	RefreshID        string
	ServerEndpoint   string
	ApplicationToken string
	Scope            []string
	MemberID         string
	Status           string
	// Placement is DEFAULT for the main page and the installer.
	Placement string
	// Options are the placement's, e.g. {"ID":"8061"}; empty when missing.
	Options map[string]json.RawMessage
}

// ParseFrame reads the query and the body of a frame POST.
func ParseFrame(query, body []byte) (*FramePOST, error) {
	q, err := ParseForm(query)
	if err != nil {
		return nil, err
	}
	b, err := ParseForm(body)
	if err != nil {
		return nil, err
	}
	either := func(name string) string {
		if v := q.At(name).Text; v != "" {
			return v
		}
		return b.At(name).Text
	}
	expires, _ := strconv.Atoi(b.At("AUTH_EXPIRES").Text)
	f := &FramePOST{Domain: strings.ToLower(either("DOMAIN")), HTTPS: either("PROTOCOL") != "0", Lang: strings.ToLower(either("LANG")), SID: either("APP_SID"),
		AuthID: b.At("AUTH_ID").Text, AuthExpires: max(expires, 0), RefreshID: b.At("REFRESH_ID").Text, ServerEndpoint: b.At("SERVER_ENDPOINT").Text,
		ApplicationToken: b.At("APPLICATION_TOKEN").Text, Scope: Scopes(b.At("APPLICATION_SCOPE").Text), MemberID: b.At("member_id").Text,
		Status: b.At("status").Text, Placement: b.At("PLACEMENT").Text, Options: map[string]json.RawMessage{}}
	if f.Placement == "" {
		f.Placement = "DEFAULT"
	}
	// Missing, or the literal text "undefined", or not an object: there are no options then.
	_ = json.Unmarshal([]byte(b.At("PLACEMENT_OPTIONS").Text), &f.Options)
	if f.Options == nil {
		f.Options = map[string]json.RawMessage{}
	}
	if f.AuthID == "" {
		return nil, fmt.Errorf("%w: no AUTH_ID", ErrForm)
	}
	return f, nil
}

// Option is one of the placement's options as text; numbers come as text too.
func (f *FramePOST) Option(name string) string {
	var s String
	if err := json.Unmarshal(f.Options[name], &s); err != nil {
		return ""
	}
	return string(s)
}
