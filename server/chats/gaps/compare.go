package gaps

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/chats"
	"omni/server/ids"
	"omni/server/store"
	"omni/server/uis"
)

// ours is a chat as we have it.
type ours struct {
	known    bool
	state    chats.State
	employee ids.UISEmployeeID
	channel  ids.UISChannelID
	// fresh: a webhook told of a message a moment ago, so a report that was asked before it may show a text that was edited since.
	fresh bool
	// told are the employees that webhooks or we ourselves gave the chat to: a report that names one of them tells nothing new.
	told map[ids.UISEmployeeID]bool
}

// said is a message as we have it.
type said struct {
	text string
	side chats.Side
	file bool
}

// holding is what we have of the chats and messages that a comparison is about.
type holding struct {
	chats    map[uis.ChatID]ours
	open     map[uis.ChatID]bool
	messages map[uis.MessageID]said
}

// have reads it. all: also the chats we believe to be open.
func (r *round) have(ctx context.Context, messages []uis.ChatMessage, all bool) (holding, error) {
	h := holding{chats: map[uis.ChatID]ours{}, open: map[uis.ChatID]bool{}, messages: map[uis.MessageID]said{}}
	var chatIDs, messageIDs []int64
	seen := map[uis.ChatID]bool{}
	for _, m := range messages {
		messageIDs = append(messageIDs, int64(m.ID))
		if !seen[m.ChatID] {
			seen[m.ChatID] = true
			chatIDs = append(chatIDs, int64(m.ChatID))
		}
	}
	most := 0
	if all {
		most = openMost
	}
	err := r.repair.DB.InAccount(ctx, r.account, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT uis_chat_id, state, COALESCE(employee_id, 0), channel_id FROM chat WHERE account_id = $1 AND uis_chat_id = ANY($2)
			UNION SELECT * FROM (SELECT uis_chat_id, state, COALESCE(employee_id, 0), channel_id FROM chat
				WHERE account_id = $1 AND state IN ('new', 'work') AND uis_chat_id IS NOT NULL AND created_at > $4 ORDER BY changed_at DESC LIMIT $3) o`,
			int64(r.account), chatIDs, most, r.now.Add(-chatReach))
		if err != nil {
			return err
		}
		var id int64
		var c ours
		if _, err = pgx.ForEachRow(rows, []any{&id, &c.state, &c.employee, &c.channel}, func() error {
			c.known, c.told = true, map[ids.UISEmployeeID]bool{c.employee: true}
			h.chats[uis.ChatID(id)] = c
			if all && (c.state == chats.New || c.state == chats.Work) {
				h.open[uis.ChatID(id)] = true
			}
			return nil
		}); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `SELECT m.uis_id, m.text, m.side, m.file IS NOT NULL FROM message m JOIN chat c ON c.account_id = m.account_id AND c.id = m.chat_id
			WHERE m.account_id = $1 AND c.uis_chat_id = ANY($2) AND m.uis_id = ANY($3)`, int64(r.account), chatIDs, messageIDs)
		if err != nil {
			return err
		}
		var s said
		if _, err = pgx.ForEachRow(rows, []any{&id, &s.text, &s.side, &s.file}, func() error { h.messages[uis.MessageID(id)] = s; return nil }); err != nil {
			return err
		}
		if err := r.fresh(ctx, tx, h, messages); err != nil {
			return err
		}
		return r.told(ctx, tx, h)
	})
	if err != nil {
		return h, fmt.Errorf("read what account %d has: %w", r.account, err)
	}
	return h, nil
}

// fresh marks, of the chats with a text that differs, those that a webhook told a message of since shortly before the report was asked. What we have is read after
// the report, because only the report says which messages to read; an edit that arrived between the two would look like one that was missed, and the old text
// would come back. Mostly nothing differs, and nothing is read.
func (r *round) fresh(ctx context.Context, tx pgx.Tx, h holding, messages []uis.ChatMessage) error {
	differ := map[string]uis.ChatID{}
	for _, m := range messages {
		if line, ok := messageRepair(m, r.now, h.messages); ok && line.Edited {
			differ[string(ids.ChatKey(ids.UISChatID(m.ChatID)))] = m.ChatID
		}
	}
	if len(differ) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `SELECT DISTINCT key FROM inbox WHERE account_id = $1 AND key = ANY($2) AND kind = 'uis:POST:message' AND received_at > $3`,
		int64(r.account), slices.Collect(maps.Keys(differ)), r.business.Add(-r.repair.settle()))
	if err != nil {
		return err
	}
	var key string
	_, err = pgx.ForEachRow(rows, []any{&key}, func() error {
		chat := h.chats[differ[key]]
		chat.fresh = true
		h.chats[differ[key]] = chat
		return nil
	})
	return err
}

// told reads from the inbox whom open chats were given to; done rows are kept longer than any report is doubted.
func (r *round) told(ctx context.Context, tx pgx.Tx, h holding) error {
	var keys []string
	for id := range h.open {
		keys = append(keys, string(ids.ChatKey(ids.UISChatID(id))))
	}
	rows, err := tx.Query(ctx, `SELECT key, kind, body FROM inbox WHERE account_id = $1 AND key = ANY($2)
		AND kind IN ('uis:PATCH:chat', 'uis:POST:chat/operator', 'uis:POST:chat', 'chat.accept', 'chat.transfer')`, int64(r.account), keys)
	if err != nil {
		return err
	}
	var key, kind string
	var body []byte
	_, err = pgx.ForEachRow(rows, []any{&key, &kind, &body}, func() error {
		var id int64
		if _, err := fmt.Sscanf(key, "chat:%d", &id); err != nil {
			return nil //nolint:nilerr // no chat's key
		}
		for _, employee := range employeesIn(kind, body) {
			h.chats[uis.ChatID(id)].told[employee] = true
		}
		return nil
	})
	return err
}

// employeesIn are the employees that a webhook or an action gives a chat to.
func employeesIn(kind string, body []byte) []ids.UISEmployeeID {
	if rest, ok := strings.CutPrefix(kind, chats.KindWebhook); ok {
		method, path, _ := strings.Cut(rest, ":")
		w, err := uis.ParseWebhook(method, path, body)
		if err != nil {
			return nil
		}
		switch e := w.Event.(type) {
		case *uis.ChatNew:
			return []ids.UISEmployeeID{ids.UISEmployeeID(e.OperatorID)}
		case *uis.ChatUpdated:
			return []ids.UISEmployeeID{ids.UISEmployeeID(e.OperatorID)}
		}
		return nil
	}
	return chats.ActionEmployees(body)
}

// missing compares reports with what we have. It is pure. till: younger rows are left for the next round, their webhooks may be on their way.
func missing(found []uis.Chat, messages []uis.ChatMessage, have holding, channels map[uis.ChannelID]bool, zone *time.Location, till time.Time) map[uis.ChatID]chats.Repair {
	out := map[uis.ChatID]chats.Repair{}
	reported := map[uis.ChatID]uis.Chat{}
	for _, c := range found {
		reported[c.ID] = c
	}
	for _, m := range messages {
		at, err := m.Time.In(zone)
		if err != nil || at.After(till) || m.ID == 0 || m.ChatID == 0 || m.Source == "system" {
			continue // of system messages a report does not say which ones people see
		}
		chat := have.chats[m.ChatID]
		if !chat.known && !channels[channelOf(m, reported[m.ChatID])] {
			continue // not a channel of ours
		}
		line, ok := messageRepair(m, at, have.messages)
		if !ok || line.Edited && chat.fresh {
			continue
		}
		repair := out[m.ChatID]
		repair.Channel = ids.UISChannelID(channelOf(m, reported[m.ChatID]))
		repair.Messages = append(repair.Messages, line)
		out[m.ChatID] = repair
	}
	for _, c := range found {
		repair, wrong := out[c.ID], false
		if have.chats[c.ID].known {
			repair, wrong = chatRepair(repair, c, have.chats[c.ID])
		} else if at, err := c.Time.In(zone); err == nil && !at.After(till) && (len(repair.Messages) > 0 || channels[c.ChannelID]) {
			repair, wrong = newRepair(repair, c, at), true
		}
		if wrong {
			out[c.ID] = repair
		}
	}
	return out
}

func channelOf(m uis.ChatMessage, c uis.Chat) uis.ChannelID {
	if m.ChannelID != 0 {
		return m.ChannelID
	}
	return c.ChannelID
}

// messageRepair is a message we lack, or a client's that was edited since.
func messageRepair(m uis.ChatMessage, at time.Time, have map[uis.MessageID]said) (chats.RepairedMessage, bool) {
	line := chats.RepairedMessage{ID: int64(m.ID), Source: m.Source, Employee: ids.UISEmployeeID(m.EmployeeID), Text: m.Text, At: at.UTC()}
	if m.Resource != nil && (m.Resource.URL != "" || m.Resource.Name != "") {
		line.File = &chats.RepairedFile{Name: m.Resource.Name, Type: m.Resource.Type, Size: int64(m.Resource.Size), URL: m.Resource.URL}
	}
	known, there := have[m.ID]
	if !there {
		return line, m.Text != "" || line.File != nil
	}
	// Operators' texts may be shown otherwise than they were sent; a client's is his own.
	if known.side != chats.FromClient || known.file || m.Text == "" || words(m.Text) == words(known.text) {
		return line, false
	}
	line.Edited, line.Before, line.File = true, known.text, nil
	return line, true
}

// words compares texts as people read them.
func words(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(store.Text(text), "\u2400", "\uFFFD")), " ")
}

// chatRepair compares a chat we have with its row.
func chatRepair(repair chats.Repair, c uis.Chat, have ours) (chats.Repair, bool) {
	wrong := len(repair.Messages) > 0
	repair.Channel = have.channel
	employee := ids.UISEmployeeID(c.EmployeeID)
	if c.Open() && employee != 0 && employee != have.employee && (have.state == chats.New || have.state == chats.Work && c.Transfer && !have.told[employee]) {
		repair.Employee, repair.Before, wrong = employee, have.employee, true
	}
	if !c.Open() && c.Status != "" && (have.state == chats.New || have.state == chats.Work) {
		repair.Closed, repair.Reason, wrong = true, c.ReleaseCause, true
	}
	return repair, wrong
}

// newRepair opens a chat we do not have.
func newRepair(repair chats.Repair, c uis.Chat, at time.Time) chats.Repair {
	if c.ChannelID != 0 {
		repair.Channel = ids.UISChannelID(c.ChannelID)
	}
	repair.Opened = &chats.RepairedChat{Visitor: string(c.VisitorID), Phone: string(c.VisitorNumber), Username: string(c.Username), Employee: ids.UISEmployeeID(c.EmployeeID),
		Initiator: c.Initiator, At: at.UTC()}
	if !c.Open() && c.Status != "" {
		repair.Closed, repair.Reason = true, c.ReleaseCause
	}
	return repair
}

// parts cuts a long repair into letters: the first opens the chat, the last ends it.
func parts(whole chats.Repair) iter.Seq[chats.Repair] {
	return func(yield func(chats.Repair) bool) {
		for first := true; first || len(whole.Messages) > 0; first = false {
			part := chats.Repair{Channel: whole.Channel}
			if first {
				part.Opened = whole.Opened
			}
			n := min(letterMessages, len(whole.Messages))
			part.Messages, whole.Messages = whole.Messages[:n], whole.Messages[n:]
			if len(whole.Messages) == 0 {
				part.Employee, part.Before, part.Closed, part.Reason = whole.Employee, whole.Before, whole.Closed, whole.Reason
			}
			if !yield(part) {
				return
			}
		}
	}
}
