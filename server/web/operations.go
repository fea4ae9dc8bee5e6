package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/server/chats"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/restlog"
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
	v := commandView{ID: l.ID, Kind: l.Kind, Key: l.Key, State: state, Attempts: l.Attempts, Asked: restlog.Clean(l.Asked), Answered: restlog.Clean(l.Answered), CreatedAt: l.CreatedAt, SentAt: l.SentAt, DoneAt: l.DoneAt}
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
