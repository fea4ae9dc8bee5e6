package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/server/chats"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
)

// commandView is a command as pages show it.
type commandView struct {
	ID        ids.CommandID     `json:"id"`
	Kind      string            `json:"kind"`
	Key       string            `json:"key"`
	State     string            `json:"state"`
	Attempts  int               `json:"attempts"`
	Reason    *chats.ReasonView `json:"reason"`
	Asked     json.RawMessage   `json:"asked"`
	Answered  json.RawMessage   `json:"answered"`
	CreatedAt time.Time         `json:"created_at"`
	SentAt    *time.Time        `json:"sent_at"`
	DoneAt    *time.Time        `json:"done_at"`
}

func (s *Server) commandView(l outbox.Listed, lang string) commandView {
	state := l.State
	if state == "ready" {
		state = "waiting"
	}
	v := commandView{ID: l.ID, Kind: l.Kind, Key: l.Key, State: state, Attempts: l.Attempts, Asked: l.Asked, Answered: l.Answered, CreatedAt: l.CreatedAt, SentAt: l.SentAt, DoneAt: l.DoneAt}
	if l.Class != "" || l.Text != "" {
		text := s.Texts.Text(lang, "message.reason."+l.Class)
		if text == "message.reason."+l.Class || l.Text != "" {
			text = strings.TrimSpace(l.Text)
		}
		v.Reason = &chats.ReasonView{Code: l.Class, Text: text}
	}
	return v
}

const commandsPage = 50

func (s *Server) commands(c *fiber.Ctx) error {
	p := who(c)
	state := c.Query("state", "refused")
	if state != "refused" && state != "unclear" {
		return badField("state", "choice")
	}
	before, _ := strconv.ParseInt(c.Query("cursor"), 10, 64)
	items := []commandView{}
	var next *string
	err := s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		list, err := outbox.List(ctx, tx, p.Account, state, "", ids.CommandID(before), commandsPage+1)
		for i, l := range list {
			if i == commandsPage {
				cursor := strconv.FormatInt(int64(items[i-1].ID), 10)
				next = &cursor
				break
			}
			items = append(items, s.commandView(l, p.Lang))
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"items": items, "next": next})
}

func (s *Server) retryCommand(c *fiber.Ctx) error { return s.decideCommand(c, s.Outbox.Again) }

func (s *Server) dropCommand(c *fiber.Ctx) error { return s.decideCommand(c, s.Outbox.Drop) }

func (s *Server) decideCommand(c *fiber.Ctx, decide func(context.Context, ids.AccountID, ids.CommandID) error) error {
	id, err := number[ids.CommandID](c, "id")
	if err != nil {
		return err
	}
	p := who(c)
	if err := decide(c.UserContext(), p.Account, id); err != nil {
		return err
	}
	var found []outbox.Listed
	err = s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		found, err = outbox.List(ctx, tx, p.Account, "", "", id+1, 1)
		return err
	})
	if err != nil {
		return err
	}
	if len(found) == 0 || found[0].ID != id {
		return problem(http.StatusNotFound, "command_not_found")
	}
	return c.JSON(s.commandView(found[0], p.Lang))
}

// communicationView is a communication of the "Why?" page.
type communicationView struct {
	Ref       string             `json:"ref"`
	Kind      string             `json:"kind"`
	ID        ids.UISChatID      `json:"id"`
	Chat      *ids.ChatID        `json:"chat"`
	Client    string             `json:"client"`
	Channel   *string            `json:"channel"`
	StartedAt time.Time          `json:"started_at"`
	Entities  []chats.EntityView `json:"entities"`
	Reasons   []reasonView       `json:"reasons,omitempty"`
	Commands  []commandView      `json:"commands,omitempty"`
}

type reasonView struct {
	Code    string    `json:"code"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
	Version *int      `json:"settings_version"`
}

func (s *Server) communications(c *fiber.Ctx) error {
	p := who(c)
	if kind := c.Query("kind", "chat"); kind != "chat" {
		return c.JSON(fiber.Map{"items": []any{}, "next": nil})
	}
	list, err := s.Workplace.Chats(c.UserContext(), p.operator(), chats.Query{Text: c.Query("q")}, c.Query("cursor"), "", 0)
	if err != nil {
		return err
	}
	items := []communicationView{}
	for i := range list.Items {
		if list.Items[i].UIS != nil {
			items = append(items, communicationOf(&list.Items[i]))
		}
	}
	return c.JSON(fiber.Map{"items": items, "next": list.Next})
}

func communicationOf(v *chats.ChatView) communicationView {
	name := v.Channel.Name
	return communicationView{Ref: fmt.Sprintf("chat:%d", *v.UIS), Kind: "chat", ID: *v.UIS, Chat: &v.ID, Client: v.Client.Name, Channel: &name, StartedAt: v.CreatedAt, Entities: v.Entities}
}

// chatRef reads chat:4711; other kinds come with their engines.
func chatRef(c *fiber.Ctx) (ids.UISChatID, error) {
	uis, ok := readRef(c.Params("ref"))
	if !ok {
		return 0, problem(http.StatusNotFound, "communication_not_found")
	}
	return uis, nil
}

func readRef(ref string) (ids.UISChatID, bool) {
	text, ok := strings.CutPrefix(strings.ReplaceAll(ref, "%3A", ":"), "chat:")
	n, err := strconv.ParseInt(text, 10, 64)
	return ids.UISChatID(max(n, 0)), ok && err == nil && n > 0
}

func (s *Server) communication(c *fiber.Ctx) error {
	p := who(c)
	uis, err := chatRef(c)
	if err != nil {
		return err
	}
	var chat ids.ChatID
	reasons, commands := []reasonView{}, []commandView{}
	err = s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT id FROM chat WHERE account_id = $1 AND uis_chat_id = $2`, int64(p.Account), int64(uis)).Scan(&chat); err != nil {
			return problem(http.StatusNotFound, "communication_not_found")
		}
		var err error
		if reasons, err = s.reasonsOf(ctx, tx, p, fmt.Sprintf("chat:%d", uis)); err != nil {
			return err
		}
		commands, err = s.commandsOf(ctx, tx, p, uis, chat)
		return err
	})
	if err != nil {
		return err
	}
	view, err := s.Workplace.Chat(c.UserContext(), p.operator(), chat)
	if err != nil {
		return err
	}
	out := communicationOf(view)
	out.Reasons, out.Commands = reasons, commands
	return c.JSON(out)
}

// commandsOf are the commands of a chat and of its client's planning.
func (s *Server) commandsOf(ctx context.Context, tx pgx.Tx, p *person, uis ids.UISChatID, chat ids.ChatID) ([]commandView, error) {
	keys := []ids.Key{ids.ChatKey(uis)}
	var client *int64
	if err := tx.QueryRow(ctx, `SELECT client_id FROM chat WHERE account_id = $1 AND id = $2`, int64(p.Account), int64(chat)).Scan(&client); err != nil {
		return nil, err
	}
	if client != nil {
		keys = append(keys, ids.ClientKey(ids.ClientID(*client)))
	}
	out := []commandView{}
	for _, key := range keys {
		list, err := outbox.List(ctx, tx, p.Account, "", key, 0, commandsPage)
		if err != nil {
			return nil, err
		}
		for _, l := range list {
			out = append(out, s.commandView(l, p.Lang))
		}
	}
	return out, nil
}

func (s *Server) reasonsOf(ctx context.Context, tx pgx.Tx, p *person, ref string) ([]reasonView, error) {
	rows, err := tx.Query(ctx, `SELECT code, args, created_at, settings_version FROM reason WHERE account_id = $1 AND ref = $2 ORDER BY id`, int64(p.Account), ref)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (reasonView, error) {
		var r reasonView
		var raw []byte
		if err := row.Scan(&r.Code, &raw, &r.At, &r.Version); err != nil {
			return r, err
		}
		var args map[string]any
		if err := json.Unmarshal(raw, &args); err != nil {
			return r, err
		}
		var pairs []any
		for k, v := range args {
			pairs = append(pairs, k, v)
		}
		r.Text = s.Texts.Text(p.Lang, "why."+r.Code, pairs...)
		return r, nil
	})
	if list == nil {
		list = []reasonView{}
	}
	return list, err
}

// replay takes rows of a communication that were set aside up again.
func (s *Server) replay(c *fiber.Ctx) error {
	uis, err := chatRef(c)
	if err != nil {
		return err
	}
	p := who(c)
	var n int64
	err = s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		n, err = inbox.Replay(ctx, tx, p.Account, ids.ChatKey(uis), s.Clock.Now())
		return err
	})
	if err != nil {
		return err
	}
	s.WakeKey(p.Account, ids.ChatKey(uis))
	return c.Status(http.StatusAccepted).JSON(fiber.Map{"rows": n})
}
