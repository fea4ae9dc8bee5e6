package chats

import (
	"encoding/json"
	"errors"
	"time"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store"
)

// Action is what an operator asked for. Its client-made ID makes a repeat harmless.
type Action struct {
	ID string `json:"id"`
	// By is the operator's own number at UIS; 0: nobody matched him.
	By ids.UISEmployeeID `json:"by"`
	// User is the person at the portal, for the history.
	User ids.B24UserID `json:"user"`
	// Others: he may act in others' chats.
	Others bool `json:"others"`

	Text    string            `json:"text,omitempty"`
	File    *File             `json:"file,omitempty"`
	ReplyTo ids.MessageID     `json:"reply_to,omitempty"`
	To      ids.UISEmployeeID `json:"to,omitempty"`
	Message ids.MessageID     `json:"message,omitempty"`
	// Template is a WABA template as the channel offers it.
	Template json.RawMessage `json:"template,omitempty"`
}

// ActionEmployees are the employees an action's body names: who did it, and whom a chat was given to.
func ActionEmployees(body []byte) []ids.UISEmployeeID {
	var a Action
	if json.Unmarshal(body, &a) != nil {
		return nil
	}
	return []ids.UISEmployeeID{a.By, a.To}
}

// Refusal says why an operator may not do something: a code for programs, the pages' sentence is locales' refusal.<code>.
type Refusal struct{ Code string }

// Error implements error.
func (r Refusal) Error() string { return "refused: " + r.Code }

// The refusals of operators' actions.
var (
	ErrNoChat        = Refusal{"chat_not_found"}
	ErrNotMatched    = Refusal{"employee_not_matched"}
	ErrClosed        = Refusal{"chat_closed"}
	ErrOthersChat    = Refusal{"chat_of_other"}
	ErrChannelClosed = Refusal{"channel_closed"}
	ErrEmpty         = Refusal{"message_empty"}
	ErrTooLong       = Refusal{"message_too_long"}
	ErrNoMessage     = Refusal{"message_not_found"}
	ErrNotRetryable  = Refusal{"message_not_retryable"}
	ErrTransferSelf  = Refusal{"transfer_to_self"}
	ErrNoEmployee    = Refusal{"employee_not_found"}
	ErrNotAccepted   = Refusal{"chat_not_accepted"}
)

// maxText is the longest text an operator may send, in characters.
const maxText = 4096

// mayAct tells whether a person may act in a chat; accept tells whether a new chat may be taken by it.
func mayAct(c *Chat, a Action) error {
	switch {
	case a.By == 0:
		return ErrNotMatched
	case c.State == Closed || c.State == Failed:
		return ErrClosed
	case c.State == Work && c.Employee != a.By && !a.Others:
		return ErrOthersChat
	}
	return nil
}

// send queues an operator's message. Writing into a new chat accepts it.
func (t *turn) send(a Action) (*Message, error) {
	if err := mayAct(t.chat, a); err != nil {
		return nil, err
	}
	text := store.Text(a.Text)
	switch {
	case text == "" && a.File == nil && len(a.Template) == 0:
		return nil, ErrEmpty
	case len([]rune(text)) > maxText:
		return nil, ErrTooLong
	case t.chat.State != Starting && (!t.setting.Channel.Active || t.chat.AdapterChannel == 0):
		return nil, ErrChannelClosed
	}
	m := Message{Key: a.ID, Side: FromOperator, Employee: a.By, Kind: kindOf(a.File), Text: text, File: a.File, Status: Queued}
	if quoted := t.byID[a.ReplyTo]; quoted != nil {
		m.ReplyTo = quoted.ID
	}
	added := t.newMessage(m)
	t.open = append(t.open, added)
	t.chat.Answered, t.chat.Unread = true, 0
	if t.chat.State == New {
		t.chat.State, t.chat.Employee = Work, a.By
	}
	if t.chat.UIS != 0 {
		t.dispatch(added, a.Template)
	}
	return added, nil
}

// dispatch hands a queued message to the Chat API lane: a file is uploaded first, as a plan.
func (t *turn) dispatch(m *Message, template json.RawMessage) {
	lane := outbox.LaneRef{Kind: "uis.chat"}
	plan := "message:" + m.Key
	tag := encode(commandTag{Do: tagSend, Message: m.ID})
	params := map[string]any{
		"account_id": t.chat.AdapterAccount, "channel_id": t.chat.AdapterChannel, "chat_id": t.chat.UIS, "operator_id": m.Employee,
		"text": m.Text, "created_at": m.CreatedAt.Format(time.RFC3339Nano),
	}
	meta := SendMeta{Known: t.knownIDs(), Zone: t.zone().String()}
	if quoted := t.byID[m.ReplyTo]; quoted != nil && quoted.UIS != 0 {
		params["reply_to_id"] = quoted.UIS
	}
	if len(template) > 0 {
		params["context"] = map[string]any{"template": template}
	}
	send := outbox.Command{Lane: lane, Key: t.key, Kind: "uis.message.send", Params: params, Meta: meta, Plan: plan, Name: "send",
		Priority: outbox.Waiting, NoteUnclear: true, ReplyKey: t.key, ReplyKind: KindAnswer, Tag: tag}
	if m.File == nil {
		t.commands = append(t.commands, send)
		return
	}
	upload := outbox.Command{Lane: lane, Key: t.key, Kind: "uis.resource.upload", Plan: plan, Name: "upload",
		Params: map[string]any{"account_id": t.chat.AdapterAccount, "channel_id": t.chat.AdapterChannel, "type": m.File.Type,
			"file": m.File.ID, "name": m.File.Name, "size": m.File.Size, "mime": m.File.Mime},
		Priority: outbox.Waiting, ReplyKey: t.key, ReplyKind: KindAnswer, Tag: tag}
	resource := map[string]any{}
	for _, field := range []string{"id", "token", "type", "name", "size"} {
		resource[field] = map[string]any{"$from": "upload", "path": field}
	}
	params["resource"] = resource
	send.After = []string{"upload"}
	t.commands = append(t.commands, upload, send)
}

// SendMeta goes along with a message for the check of an unclear sending.
type SendMeta struct {
	Known []int64 `json:"known"`
	Zone  string  `json:"zone"`
}

// StartMeta goes along with a started chat for its check.
type StartMeta struct {
	Channel ids.UISChannelID `json:"channel"`
	Zone    string           `json:"zone"`
}

// knownIDs are the newest message ids of the chat that were known when a message left: the check of an unclear sending looks for
// one that is not among them.
func (t *turn) knownIDs() []int64 {
	known := make([]int64, 0, 16)
	for i := len(t.lines) - 1; i >= 0 && len(known) < 16; i-- {
		if t.lines[i].UIS != 0 {
			known = append(known, t.lines[i].UIS)
		}
	}
	return known
}

// retry sends a message again that failed or could not be confirmed.
func (t *turn) retry(a Action) (*Message, error) {
	m := t.byID[a.Message]
	switch {
	case m == nil:
		return nil, ErrNoMessage
	case m.Status != Undelivered && m.Status != Unconfirmed:
		return nil, ErrNotRetryable
	}
	if err := mayAct(t.chat, a); err != nil {
		return nil, err
	}
	if !t.setting.Channel.Active || t.chat.AdapterChannel == 0 {
		return nil, ErrChannelClosed
	}
	m.Status, m.ReasonCode, m.ReasonText, m.UIS = Queued, "", "", 0
	t.change(m)
	t.open = append(t.open, m)
	again := *m
	again.Key = m.Key + ":" + a.ID
	t.dispatch(&again, nil)
	return m, nil
}

// accept takes a new chat. UIS has no such call: it learns of the employee with his first message (decisions.md).
func (t *turn) accept(a Action) error {
	if err := mayAct(t.chat, a); err != nil {
		return err
	}
	if t.chat.State == Work && t.chat.Employee == a.By {
		return nil
	}
	t.chat.State, t.chat.Employee = Work, a.By
	t.touch()
	return nil
}

// close ends the chat for everybody: at once here, and at UIS by a command.
func (t *turn) close(a Action) error {
	if t.chat.State == Closed {
		return nil
	}
	if err := mayAct(t.chat, a); err != nil {
		return err
	}
	if t.chat.UIS == 0 {
		return ErrNotAccepted
	}
	employee := t.chat.Employee
	if employee == 0 {
		employee = a.By
		t.chat.Employee = a.By
	}
	t.closed("closed_by_operator")
	t.commands = append(t.commands, outbox.Command{Lane: outbox.LaneRef{Kind: "uis.chat"}, Key: t.key, Kind: "uis.chat.close", Plan: "close:" + a.ID, Name: "close",
		Params:   map[string]any{"account_id": t.chat.AdapterAccount, "channel_id": t.chat.AdapterChannel, "chat_id": t.chat.UIS, "operator_id": employee},
		Priority: outbox.Waiting, ReplyKey: t.key, ReplyKind: KindAnswer, Tag: encode(commandTag{Do: tagClose})})
	return nil
}

// transfer gives the chat to another employee.
func (t *turn) transfer(a Action) error {
	if err := mayAct(t.chat, a); err != nil {
		return err
	}
	switch {
	case a.To == 0 || t.setting.Employees[a.To] == "":
		return ErrNoEmployee
	case a.To == t.chat.Employee:
		return ErrTransferSelf
	case t.chat.UIS == 0:
		return ErrNotAccepted
	}
	from := t.chat.Employee
	if from == 0 {
		from = a.By
	}
	t.chat.State, t.chat.Employee = Work, a.To
	t.touch()
	t.commands = append(t.commands, outbox.Command{Lane: outbox.LaneRef{Kind: "uis.chat"}, Key: t.key, Kind: "uis.chat.transfer", Plan: "transfer:" + a.ID, Name: "transfer",
		Params: map[string]any{"account_id": t.chat.AdapterAccount, "channel_id": t.chat.AdapterChannel, "chat_id": t.chat.UIS,
			"from_operator_id": from, "to_operator_id": a.To},
		Priority: outbox.Waiting, ReplyKey: t.key, ReplyKind: KindAnswer, Tag: encode(commandTag{Do: tagTransfer, Employee: from})})
	return nil
}

// read clears the unread counter when the person whose chat it is looks at it; a look at somebody else's chat changes nothing.
func (t *turn) read(a Action) {
	if t.chat.Unread > 0 && (t.chat.State == New || t.chat.Employee == a.By) {
		t.chat.Unread = 0
		t.touched = true
	}
}

// IsRefusal tells whether an error is a refusal and which.
func IsRefusal(err error) (Refusal, bool) {
	var r Refusal
	ok := errors.As(err, &r)
	return r, ok
}
