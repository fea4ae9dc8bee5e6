package chats

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/store"
	"omni/server/uis"
)

// Start is an operator's "write first" (W4): a channel, one address of the client, and what he says.
type Start struct {
	Action
	Channel  ids.UISChannelID `json:"channel"`
	Phone    string           `json:"phone,omitempty"`
	Email    string           `json:"email,omitempty"`
	Username string           `json:"username,omitempty"`
}

// Refusals of "write first".
var (
	ErrNoChannel    = Refusal{"channel_not_found"}
	ErrNoWriteFirst = Refusal{"channel_no_write_first"}
	ErrOneAddress   = Refusal{"one_address"}
	ErrBadPhone     = Refusal{"phone_invalid"}
	ErrBadEmail     = Refusal{"email_invalid"}
	ErrBadUsername  = Refusal{"username_invalid"}
	ErrAddressUnfit = Refusal{"address_unfit"}
)

// adoptLetter tells a UIS chat which of our chats it is.
type adoptLetter struct {
	Chat    ids.ChatID `json:"chat"`
	Visitor string     `json:"visitor"`
}

// begin makes a chat that UIS does not know yet, with its first message, and asks for it.
func (t *turn) begin(s Start) (*Message, error) {
	if t.chat != nil {
		return nil, nil // the same click again
	}
	ch := t.setting.Channel
	switch {
	case s.By == 0:
		return nil, ErrNotMatched
	case ch.ID == 0:
		return nil, ErrNoChannel
	case !ch.Active || ch.AdapterChannel == 0:
		return nil, ErrChannelClosed
	}
	c := &Chat{ID: t.chatID, StartKey: s.ID, Channel: ch.ID, AdapterAccount: ch.AdapterAccount, AdapterChannel: ch.AdapterChannel, State: Starting, Employee: s.By,
		CreatedAt: t.now, ChangedAt: t.now}
	params := map[string]any{"account_id": ch.AdapterAccount, "channel_id": ch.AdapterChannel, "operator_id": s.By, "created_at": t.now}
	if err := address(c, s, writeFirst(ch.Type), params); err != nil {
		return nil, err
	}
	if store.Text(s.Text) == "" && s.File == nil && len(s.Template) == 0 {
		return nil, ErrEmpty
	}
	t.chat, t.made, t.touched = c, true, true
	m, err := t.send(s.Action)
	if err != nil {
		return nil, err
	}
	t.commands = append(t.commands, outbox.Command{Lane: outbox.LaneRef{Kind: "uis.chat"}, Key: t.key, Kind: "uis.chat.start", Params: params, Meta: StartMeta{Channel: ch.ID, Zone: t.zone().String()}, Plan: "start:" + s.ID,
		Name: "start", Priority: outbox.Waiting, ReplyKey: t.key, ReplyKind: KindAnswer, Tag: encode(commandTag{Do: tagStart})})
	return m, nil
}

// address checks the one address given against what the channel can reach.
func address(c *Chat, s Start, ways []string, params map[string]any) error {
	given := 0
	for _, v := range []string{s.Phone, s.Email, s.Username} {
		if v != "" {
			given++
		}
	}
	can := map[string]bool{}
	for _, w := range ways {
		can[w] = true
	}
	switch {
	case len(ways) == 0:
		return ErrNoWriteFirst
	case given != 1:
		return ErrOneAddress
	case s.Phone != "":
		phone, ok := crm.Phone(s.Phone)
		if !ok {
			return ErrBadPhone
		}
		if !can["phone"] {
			return ErrAddressUnfit
		}
		c.Phones, params["visitor_phone"] = []string{phone}, phone
	case s.Email != "":
		email, ok := crm.Email(s.Email)
		if !ok {
			return ErrBadEmail
		}
		if !can["email"] {
			return ErrAddressUnfit
		}
		c.Emails, params["visitor_email"] = []string{email}, email
	default:
		name := s.Username
		if name[0] != '@' {
			name = "@" + name
		}
		if len(name) < 3 {
			return ErrBadUsername
		}
		if !can["username"] {
			return ErrAddressUnfit
		}
		c.Username, params["visitor_username"] = name, name
	}
	return nil
}

// startAnswered hands a started chat over to its UIS number, or says why it could not be started.
func (t *turn) startAnswered(answer outbox.PlanAnswer) error {
	r := answer.Results["start"]
	if t.chat != nil && t.chat.State == Failed && t.chat.UIS == 0 && r.State == "done" {
		t.startAgain()
	}
	if t.chat == nil || t.chat.State != Starting {
		return nil
	}
	if r.State == "done" {
		var made struct {
			Chat    ids.UISChatID `json:"chat_id"`
			Visitor uis.VisitorID `json:"visitor_id"`
		}
		if err := json.Unmarshal(r.Result, &made); err != nil || made.Chat == 0 {
			return fmt.Errorf("the answer about a started chat has no id: %s", r.Result)
		}
		t.letters = append(t.letters, inbox.Row{Key: ids.ChatKey(made.Chat), Kind: KindAdopt, Body: encode(adoptLetter{t.chat.ID, string(made.Visitor)})})
		return nil
	}
	t.chat.State, t.chat.ReasonCode, t.chat.ReasonText = Failed, reasonOf(r), store.Text(r.Text)
	t.touch()
	for _, m := range t.open {
		m.Status, m.ReasonCode, m.ReasonText = Undelivered, t.chat.ReasonCode, t.chat.ReasonText
		if r.State == "unconfirmed" {
			m.Status = Unconfirmed
		}
		t.change(m)
	}
	t.open = nil
	return nil
}

// startAgain takes a chat up that could not be started: somebody retried the command from the operations page, and now UIS has the chat.
func (t *turn) startAgain() {
	t.chat.State, t.chat.ReasonCode, t.chat.ReasonText = Starting, "", ""
	t.touch()
	for _, m := range t.lines {
		if m.Side == FromOperator && m.UIS == 0 && (m.Status == Undelivered || m.Status == Unconfirmed) {
			m.Status, m.ReasonCode, m.ReasonText = Queued, "", ""
			t.change(m)
			t.open = append(t.open, m)
		}
	}
}

// adopted gives a started chat its number at UIS and sends what waited for that.
func (t *turn) adopted(chat ids.UISChatID, visitor string) {
	if visitor != "" {
		t.chat.Visitor = visitor
	}
	if t.chat.UIS != 0 {
		return // the webhook came first and did it
	}
	t.chat.UIS = chat
	if t.chat.State == Starting {
		t.chat.State = Work
	}
	t.release = true // what came of it before its number was known
	t.touch()
	for _, m := range t.open {
		t.dispatch(m, nil)
	}
}

// anyStarting asks whether an operator of the account is starting a chat whose number at UIS is not known yet.
func anyStarting(batch *pgx.Batch, account ids.AccountID, into *bool) {
	batch.Queue(`SELECT EXISTS (SELECT FROM chat WHERE account_id = $1 AND state = 'starting' AND uis_chat_id IS NULL)`, int64(account)).
		QueryRow(func(row pgx.Row) error { return row.Scan(into) })
}

// starting finds the chat that an operator is starting with this address, so that the webhook of the new chat may come before the answer.
func starting(ctx context.Context, tx pgx.Tx, account ids.AccountID, channel ids.UISChannelID, n *uis.ChatNew) (*Chat, error) {
	phone, _ := crm.Phone(string(n.VisitorPhone))
	rows, err := tx.Query(ctx, `SELECT `+chatColumns+` FROM chat WHERE account_id = $1 AND state = 'starting' AND uis_chat_id IS NULL AND channel_id = $2
		AND employee_id = $3 AND (($4 <> '' AND phones @> ARRAY[$4]) OR ($5 <> '' AND emails @> ARRAY[lower($5)]) OR ($6 <> '' AND lower(username) = lower($6))
		OR ($4 = '' AND $5 = '' AND $6 = '')) ORDER BY id LIMIT 1 FOR UPDATE`,
		int64(account), int64(channel), int64(n.OperatorID), phone, string(n.VisitorEmail), string(n.VisitorUsername))
	if err != nil {
		return nil, fmt.Errorf("find the chat being started: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanChat)
	if err != nil {
		return nil, fmt.Errorf("find the chat being started: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found[0], nil
}
