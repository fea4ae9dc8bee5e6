package bitrix24

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
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
}

// ParseForm reads data[MESSAGES][0][im][chat_id]=5 into a tree. A key that stands for a text and for a group keeps the group.
func ParseForm(body []byte) (*Node, error) {
	root := &Node{}
	if len(body) == 0 {
		return root, nil
	}
	pairs := strings.Split(string(body), "&")
	if len(pairs) > maxFormKeys {
		return nil, fmt.Errorf("%w: %d keys", ErrForm, len(pairs))
	}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, fmt.Errorf("%w: a key", ErrForm)
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("%w: the value of %s", ErrForm, short(name, 60))
		}
		if name == "" {
			continue
		}
		if err := root.put(name, value); err != nil {
			return nil, err
		}
	}
	return root, nil
}

func (n *Node) put(name, value string) error {
	path := []string{name}
	if open := strings.IndexByte(name, '['); open > 0 && strings.HasSuffix(name, "]") {
		path = append([]string{name[:open]}, strings.Split(strings.TrimSuffix(name[open+1:], "]"), "][")...)
	}
	if len(path) > maxFormDepth {
		return fmt.Errorf("%w: %s is too deep", ErrForm, short(name, 60))
	}
	at := n
	for _, key := range path {
		if at.Children == nil {
			at.Children, at.Text = map[string]*Node{}, ""
		}
		if key == "" {
			key = strconv.Itoa(len(at.Children))
		}
		next := at.Children[key]
		if next == nil {
			next = &Node{}
			at.Children[key] = next
		}
		at = next
	}
	if at.Children == nil {
		at.Text = value
	}
	return nil
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

// Items are the children of a list in order.
func (n *Node) Items() []*Node {
	var out []*Node
	for i := 0; i < len(n.Children); i++ {
		if c := n.Children[strconv.Itoa(i)]; c != nil {
			out = append(out, c)
		}
	}
	return out
}

// MarshalJSON writes the tree as JSON: texts, objects, and lists where the keys are 0, 1, 2 …
func (n *Node) MarshalJSON() ([]byte, error) {
	if n.Children == nil {
		return json.Marshal(n.Text)
	}
	if items := n.Items(); len(items) == len(n.Children) {
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
	TS   string
	Auth EventAuth
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
	auth := form.At("auth")
	e := &EventPOST{Name: strings.ToUpper(form.At("event").Text), Data: form.At("data"), TS: form.At("ts").Text, Auth: EventAuth{
		Domain: auth.At("domain").Text, MemberID: auth.At("member_id").Text, ApplicationToken: auth.At("application_token").Text,
		AccessToken: auth.At("access_token").Text, RefreshToken: auth.At("refresh_token").Text, ExpiresIn: auth.At("expires_in").Text,
		ClientEndpoint: auth.At("client_endpoint").Text, ServerEndpoint: auth.At("server_endpoint").Text, Status: auth.At("status").Text,
		User: auth.At("user_id").Text, Scope: Scopes(auth.At("scope").Text)}}
	if e.Name == "" {
		return nil, fmt.Errorf("%w: no event", ErrForm)
	}
	return e, nil
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
		AuthID: b.At("AUTH_ID").Text, AuthExpires: expires, RefreshID: b.At("REFRESH_ID").Text, ServerEndpoint: b.At("SERVER_ENDPOINT").Text,
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
