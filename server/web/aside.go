package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/server/chats"
	"omni/server/ids"
	"omni/server/inbox"
)

// asideView is a row of the inbox that was set aside.
type asideView struct {
	ID         int64            `json:"id"`
	Key        ids.Key          `json:"key"`
	Kind       string           `json:"kind"`
	Attempts   int              `json:"attempts"`
	Reason     chats.ReasonView `json:"reason"`
	ReceivedAt time.Time        `json:"received_at"`
}

func (s *Server) asideView(a inbox.Aside, lang string) asideView {
	return asideView{ID: a.ID, Key: a.Key, Kind: a.Kind, Attempts: a.Attempts, ReceivedAt: a.ReceivedAt,
		Reason: chats.ReasonView{Code: a.Why(), Text: s.Texts.Text(lang, "why.aside."+a.Why(), "text", a.Text())}}
}

const asidePage = 50

// events lists what was set aside, newest first.
func (s *Server) events(c *fiber.Ctx) error {
	p := who(c)
	before, _ := strconv.ParseInt(c.Query("cursor"), 10, 64)
	var list []inbox.Aside
	err := s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		list, err = inbox.ListAside(ctx, tx, p.Account, before, asidePage+1)
		return err
	})
	if err != nil {
		return err
	}
	var next *string
	if len(list) > asidePage {
		list = list[:asidePage]
		cursor := strconv.FormatInt(list[asidePage-1].ID, 10)
		next = &cursor
	}
	items := make([]asideView, len(list))
	for i, a := range list {
		items[i] = s.asideView(a, p.Lang)
	}
	return c.JSON(fiber.Map{"items": items, "next": next})
}

// retryEvent takes a row that was set aside up again.
func (s *Server) retryEvent(c *fiber.Ctx) error {
	id, err := number[int64](c, "id")
	if err != nil {
		return err
	}
	p := who(c)
	var key ids.Key
	err = s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		key, err = inbox.Again(ctx, tx, p.Account, id, s.Clock.Now())
		return err
	})
	if err != nil {
		return err
	}
	s.WakeKey(p.Account, key)
	return c.SendStatus(http.StatusNoContent)
}

// dropEvent gives a row that was set aside up for good.
func (s *Server) dropEvent(c *fiber.Ctx) error {
	id, err := number[int64](c, "id")
	if err != nil {
		return err
	}
	p := who(c)
	err = s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		return inbox.Drop(ctx, tx, p.Account, id, s.Clock.Now())
	})
	if err != nil {
		return err
	}
	return c.SendStatus(http.StatusNoContent)
}
