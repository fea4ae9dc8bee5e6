package uisplatform

import (
	"fmt"
	"strconv"
)

func (c *control) notifications() (any, error) {
	a, err := c.need()
	if err != nil {
		return nil, err
	}
	return map[string]any{"notifications": a.Notifications()}, nil
}

func (c *control) setNotifications() (any, error) {
	var in struct {
		named
		Notifications []Notification `json:"notifications"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	return nil, a.SetNotifications(in.Notifications)
}

func (c *control) deliveries() (any, error) {
	a, err := c.need()
	if err != nil {
		return nil, err
	}
	return map[string]any{"deliveries": a.Deliveries()}, nil
}

// clientFields say who writes, and where: a channel by its number, or by type.
type clientFields struct {
	Channel  int64    `json:"channel"`
	Type     string   `json:"type"`
	Phone    string   `json:"phone"`
	Username string   `json:"username"`
	Email    string   `json:"email"`
	Name     wireText `json:"name"`
}

func (f clientFields) client() Client {
	return Client{Phone: f.Phone, Username: f.Username, Email: f.Email, Name: string(f.Name)}
}

func (f clientFields) channel(a *Account) int64 {
	if f.Channel == 0 && f.Type != "" {
		return a.ChannelOfType(f.Type)
	}
	return f.Channel
}

// clientMessage takes JSON, or a multipart form whose fields come before its "file".
func (c *control) clientMessage() (any, error) {
	var in struct {
		named
		clientFields
		Text    wireText `json:"text"`
		ReplyTo int64    `json:"reply_to"`
		Visit   Visit    `json:"visit"`
		Late    int      `json:"late"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	m, err := a.ClientSends(in.channel(a), in.client(), ClientMessage{Text: string(in.Text), File: c.file, ReplyTo: in.ReplyTo, Visit: in.Visit, Late: in.Late})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// conversation is what the phone shows: all messages of one client in one channel, whatever chats they belong to.
func (c *control) conversation() (any, error) {
	a, err := c.need()
	if err != nil {
		return nil, err
	}
	q := c.r.URL.Query()
	f := clientFields{Type: q.Get("type"), Phone: q.Get("phone"), Username: q.Get("username"), Email: q.Get("email"), Name: wireText(q.Get("name"))}
	f.Channel, _ = strconv.ParseInt(q.Get("channel"), 10, 64)
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	var ch *channel
	for _, x := range a.channels {
		if x.ID == f.Channel || f.Channel == 0 && x.Type == f.Type {
			ch = x
			break
		}
	}
	if ch == nil {
		return nil, fmt.Errorf("channel %d %s: %w", f.Channel, f.Type, ErrNoChannel)
	}
	out := map[string]any{"visitor": nil, "chats": []any{}, "messages": []any{}}
	v := a.visitors[ch.Type+"|"+f.client().key()]
	if v == nil {
		return out, nil
	}
	chats, messages := []any{}, []any{}
	for _, ct := range a.chatOrder {
		if ct.visitor != v || ct.channel != ch {
			continue
		}
		chats = append(chats, a.chatView(ct))
		for _, m := range ct.messages {
			messages = append(messages, a.messageView(m))
		}
	}
	out["visitor"], out["chats"], out["messages"] = v.id, chats, messages
	return out, nil
}

func (c *control) clientMarks() (any, error) {
	var in struct {
		named
		Messages []int64 `json:"messages"`
		Status   string  `json:"status"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	if in.Status != "delivered" && in.Status != "read" && in.Status != "error" {
		return nil, fmt.Errorf("status %q is none of delivered, read, error", in.Status)
	}
	return nil, a.markAll(in.Status, in.Messages)
}

func (c *control) clientEdit() (any, error) {
	var in struct {
		named
		Message int64    `json:"message"`
		Text    wireText `json:"text"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	return nil, a.EditMessage(in.Message, string(in.Text))
}

func (c *control) clientClose() (any, error) {
	var in struct {
		named
		Chat   int64  `json:"chat"`
		Reason string `json:"reason"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	return nil, a.CloseChat(in.Chat, orText(in.Reason, "closed_by_visitor"))
}

func (c *control) clientCard() (any, error) {
	var in struct {
		named
		Chat int64       `json:"chat"`
		Card VisitorCard `json:"card"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	return nil, a.SetVisitorCard(in.Chat, in.Card)
}

func (c *control) setChannel() (any, error) {
	var in struct {
		named
		Channel int64  `json:"channel"`
		Status  string `json:"status"`
		Reason  string `json:"reason"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	return nil, a.SetChannelStatus(in.Channel, in.Status, in.Reason)
}

// startCall plays a whole call (kind answered, missed, transfer, outgoing, outgoing_missed) or only begins one (kind in or out) for calls/step.
func (c *control) startCall() (any, error) {
	var in struct {
		named
		Kind string `json:"kind"`
		CallSpec
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	var call *Call
	if in.Kind == "in" || in.Kind == "out" {
		in.Direction = in.Kind
		call, err = a.StartCall(in.CallSpec)
	} else {
		call, err = a.SimulateCall(in.Kind, in.CallSpec)
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"call_session_id": call.ID(), "communication_id": call.CommunicationID()}, nil
}

func (c *control) callStep() (any, error) {
	var in struct {
		named
		Call     int64  `json:"call"`
		Step     string `json:"step"` // ring, ring_contact, answer, transfer, hang_up
		Employee int64  `json:"employee"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	call := a.CallByID(in.Call)
	if call == nil {
		return nil, fmt.Errorf("call %d: %w", in.Call, errNotFound)
	}
	switch in.Step {
	case "ring":
		return nil, call.Ring(in.Employee)
	case "ring_contact":
		return nil, call.RingContact()
	case "answer":
		return nil, call.Answer()
	case "transfer":
		return nil, call.Transfer(in.Employee)
	case "hang_up":
		return nil, call.HangUp()
	}
	return nil, fmt.Errorf("there is no step %q", in.Step)
}

func (c *control) sendRequest() (any, error) {
	var in struct {
		named
		Request
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	id, err := a.SendRequest(in.Request)
	if err != nil {
		return nil, err
	}
	return map[string]any{"offline_message_id": id}, nil
}

func (c *control) operatorMessage() (any, error) {
	var in struct {
		named
		Chat     int64    `json:"chat"`
		Employee int64    `json:"employee"`
		Text     wireText `json:"text"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	m, err := a.OperatorWrites(in.Chat, in.Employee, string(in.Text))
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (c *control) operatorAssign() (any, error) {
	var in struct {
		named
		Chat     int64 `json:"chat"`
		Employee int64 `json:"employee"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	return nil, a.AssignChat(in.Chat, in.Employee)
}
