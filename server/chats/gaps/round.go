package gaps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/chats"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/uis"
)

const (
	// slice is how much time one comparison covers; after a long absence the certain point moves on slice by slice.
	slice = 6 * time.Hour
	// pageRows is a page of a report, chatsAtOnce how many chats one read names.
	pageRows    = 1000
	chatsAtOnce = 500
	// reach is how far back messages may be read (30 days at UIS), chatReach the same for chats (three months).
	reach     = 29 * 24 * time.Hour
	chatReach = 85 * 24 * time.Hour
	// openMost bounds the open chats that are compared: the newest.
	openMost = 5000
	// letterMessages bounds one row of the inbox.
	letterMessages = 100
)

// round is one comparison of an account with the reports.
type round struct {
	repair   *Repair
	account  ids.AccountID
	job      int64
	now      time.Time // physical
	business time.Time // the same moment in the time of inbox rows
	reads    int
	repaired int

	brand    uis.Brand
	zone     *time.Location
	channels map[uis.ChannelID]bool
}

func (r *round) run(ctx context.Context) error {
	var certain time.Time
	var chatsAt *time.Time
	err := r.repair.DB.InAccount(ctx, r.account, func(ctx context.Context, tx pgx.Tx) error {
		var brand string
		err := tx.QueryRow(ctx, `SELECT g.certain_until, g.chats_at, c.brand FROM chat_gap g JOIN uis_connection c USING (account_id) WHERE account_id = $1`, int64(r.account)).
			Scan(&certain, &chatsAt, &brand)
		if err != nil {
			return err
		}
		r.brand = uis.Brand(brand)
		if r.zone, err = directory.Zone(ctx, tx, r.account); err != nil {
			return err
		}
		list, err := directory.Channels(ctx, tx, r.account)
		r.channels = map[uis.ChannelID]bool{}
		for _, c := range list {
			if c.Adapter != 0 {
				r.channels[uis.ChannelID(c.ID)] = true
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read where account %d is certain: %w", r.account, err)
	}
	if earliest := r.now.Add(-reach); certain.Before(earliest) {
		r.repair.Log.Warn("an absence longer than UIS lets anybody read back; what was said before stays missing", "account", r.account, "certain_until", certain)
		certain = earliest
	}
	for from := certain.Add(-overlap); ; {
		till := from.Add(slice)
		last := !till.Before(r.now)
		if last {
			till = r.now
		}
		// Chats that nobody has written in yet are few, and cost a read of their own.
		silent := last && (chatsAt == nil || chatsAt.Before(r.now.Add(-chatsEvery)))
		if err := r.compare(ctx, from, till, last, silent); err != nil {
			return err
		}
		if last {
			return nil
		}
		from = till
	}
}

// compare takes one slice of time. The last one also looks at the chats we believe to be open.
func (r *round) compare(ctx context.Context, from, till time.Time, last, silent bool) error {
	messages, err := r.messages(ctx, from, till)
	if err != nil {
		return err
	}
	have, err := r.have(ctx, messages, last)
	if err != nil {
		return err
	}
	wanted := map[uis.ChatID]bool{}
	for id := range have.open {
		wanted[id] = true
	}
	for _, m := range messages {
		if !have.chats[m.ChatID].known && (m.ChannelID == 0 || r.channels[m.ChannelID]) {
			wanted[m.ChatID] = true
		}
	}
	var found []uis.Chat
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(wanted)), chatsAtOnce) {
		more, err := r.chats(ctx, uis.Query{From: r.now.Add(-chatReach), Till: r.now.Add(time.Hour), Filter: uis.In("id", ids...)})
		if err != nil {
			return err
		}
		found = append(found, more...)
	}
	at := time.Time{}
	if silent {
		more, err := r.chats(ctx, uis.Query{From: from.Add(-chatsEvery), Till: till.Add(time.Hour)})
		if err != nil {
			return err
		}
		fresh, err := r.unknown(ctx, more, wanted)
		if err != nil {
			return err
		}
		found, at = append(found, fresh...), r.now
	}
	repairs := missing(found, messages, have, r.channels, r.zone, r.now.Add(-r.repair.settle()))
	rows, err := r.rows(repairs)
	if err != nil {
		return err
	}
	if err := r.repair.post(ctx, r.account, rows, till.Add(-overlap), at); err != nil {
		return err
	}
	r.repaired += len(rows)
	if len(rows) > 0 {
		r.repair.Log.Warn("webhooks of UIS were missing, the reports had what they tell", "account", r.account, "chats", len(repairs), "rows", len(rows))
	}
	return nil
}

// rows are the letters to the chats, named by their content, so that a round cut off and done again posts nothing twice.
func (r *round) rows(repairs map[uis.ChatID]chats.Repair) ([]inbox.Row, error) {
	var rows []inbox.Row
	for _, id := range slices.Sorted(maps.Keys(repairs)) {
		whole := repairs[id]
		for part := range parts(whole) {
			body, err := json.Marshal(part)
			if err != nil {
				return nil, fmt.Errorf("encode the repair of chat %d: %w", id, err)
			}
			sum := sha256.Sum256(body)
			rows = append(rows, inbox.Row{Account: r.account, Key: ids.ChatKey(ids.UISChatID(id)), Kind: chats.KindRepair,
				Natural: fmt.Sprintf("uis:repair:%d:%d:%s", id, r.job, hex.EncodeToString(sum[:12])), Body: body})
		}
	}
	return rows, nil
}

// messages reads what was said in a slice of time, oldest first.
func (r *round) messages(ctx context.Context, from, till time.Time) ([]uis.ChatMessage, error) {
	return paged(ctx, r, "get.chat_messages_report", uis.DecodeChatMessages, uis.Query{From: from, Till: till, Zone: r.zone, Sort: []uis.Sort{{Field: "date_time"}}, Limit: pageRows,
		Fields: []string{"id", "chat_id", "channel_id", "date_time", "visitor_id", "text", "source", "resource", "employee_id"}})
}

func (r *round) chats(ctx context.Context, q uis.Query) ([]uis.Chat, error) {
	q.Zone, q.Limit, q.Sort = r.zone, pageRows, []uis.Sort{{Field: "date_time"}}
	q.Fields = []string{"id", "status", "initiator", "date_time", "release_cause", "is_transfer", "employee_id", "visitor_id", "visitor_phone_number", "chat_channel_type"}
	if r.brand != uis.Novofon { // its page lacks these
		q.Fields = append(q.Fields, "chat_channel_id", "chat_username")
	}
	return paged(ctx, r, "get.chats_report", uis.DecodeChats, q)
}

// paged reads a report page by page, until one is not full or the platform gives no more.
func paged[Row any](ctx context.Context, r *round, method string, decode func(json.RawMessage) ([]Row, error), q uis.Query) ([]Row, error) {
	var all []Row
	for ; q.Offset <= uis.MaxOffset; q.Offset += pageRows {
		raw, err := r.ask(ctx, method, q)
		if err != nil {
			return nil, err
		}
		page, err := decode(raw)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < pageRows {
			break
		}
	}
	return all, nil
}

func (r *round) ask(ctx context.Context, method string, q uis.Query) (json.RawMessage, error) {
	r.reads++
	return r.repair.Asker.Ask(ctx, r.account, outbox.LaneRef{Kind: outbox.LaneUISData}, method, q.Params(), outbox.Background)
}

// unknown leaves of a list those chats that we do not have and have not asked for.
func (r *round) unknown(ctx context.Context, list []uis.Chat, asked map[uis.ChatID]bool) ([]uis.Chat, error) {
	var numbers []int64
	for _, c := range list {
		numbers = append(numbers, int64(c.ID))
	}
	known := map[uis.ChatID]bool{}
	err := r.repair.DB.InAccount(ctx, r.account, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT uis_chat_id FROM chat WHERE account_id = $1 AND uis_chat_id = ANY($2)`, int64(r.account), numbers)
		if err != nil {
			return err
		}
		var id int64
		_, err = pgx.ForEachRow(rows, []any{&id}, func() error { known[uis.ChatID(id)] = true; return nil })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look which chats are known: %w", err)
	}
	return slices.DeleteFunc(list, func(c uis.Chat) bool { return known[c.ID] || asked[c.ID] }), nil
}
