package web

import (
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"omni/server/chats"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/workplace"
)

func (s *Server) listChats(c *fiber.Ctx) error {
	p := who(c)
	q := chats.Query{List: c.Query("list"), Text: c.Query("q"), Channel: ids.UISChannelID(c.QueryInt("channel")), Employee: ids.UISEmployeeID(c.QueryInt("employee"))}
	switch q.List {
	case "", "new", "mine", "others", "closed":
	default:
		return badField("list", "choice")
	}
	entity, id := c.Query("entity_type"), int64(0)
	if entity != "" {
		var err error
		if id, err = strconv.ParseInt(c.Query("entity_id"), 10, 64); err != nil || id <= 0 {
			return badField("entity_id", "invalid")
		}
		if crm.EntityType(entity).Wire() == 0 {
			return badField("entity_type", "choice")
		}
	}
	list, err := s.Workplace.Chats(c.UserContext(), p.operator(), q, c.Query("cursor"), entity, id)
	if err != nil {
		return err
	}
	return c.JSON(list)
}

func (s *Server) getChat(c *fiber.Ctx) error {
	id, err := number[ids.ChatID](c, "id")
	if err != nil {
		return err
	}
	view, err := s.Workplace.Chat(c.UserContext(), who(c).operator(), id)
	if err != nil {
		return err
	}
	return c.JSON(view)
}

func (s *Server) startChat(c *fiber.Ctx) error {
	var in workplace.First
	if err := input(c, &in); err != nil {
		return err
	}
	view, err := s.Workplace.Start(c.UserContext(), who(c).operator(), in)
	if err != nil {
		return err
	}
	return c.JSON(view)
}

const (
	messagesPage = 50
	messagesMost = 200
)

func (s *Server) listMessages(c *fiber.Ctx) error {
	id, err := number[ids.ChatID](c, "id")
	if err != nil {
		return err
	}
	limit := c.QueryInt("limit", messagesPage)
	if limit < 1 || limit > messagesMost {
		return badField("limit", "invalid")
	}
	page, err := s.Workplace.Messages(c.UserContext(), who(c).operator(), id, ids.MessageID(c.QueryInt("before")), ids.MessageID(c.QueryInt("after")), limit)
	if err != nil {
		return err
	}
	return c.JSON(page)
}

func (s *Server) sendMessage(c *fiber.Ctx) error {
	id, err := number[ids.ChatID](c, "id")
	if err != nil {
		return err
	}
	var in workplace.Outgoing
	if err := input(c, &in); err != nil {
		return err
	}
	view, err := s.Workplace.Send(c.UserContext(), who(c).operator(), id, in)
	if err != nil {
		return err
	}
	return c.JSON(view)
}

func (s *Server) retryMessage(c *fiber.Ctx) error {
	id, err := number[ids.ChatID](c, "id")
	if err != nil {
		return err
	}
	message, err := number[ids.MessageID](c, "message")
	if err != nil {
		return err
	}
	var in actionInput
	if err := input(c, &in); err != nil {
		return err
	}
	view, err := s.Workplace.Retry(c.UserContext(), who(c).operator(), id, message, in.ID)
	if err != nil {
		return err
	}
	return c.JSON(view)
}

type actionInput struct {
	ID       string            `json:"id"`
	Employee ids.UISEmployeeID `json:"employee"`
}

func (s *Server) chatAction(kind string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		id, err := number[ids.ChatID](c, "id")
		if err != nil {
			return err
		}
		var in actionInput
		if err := input(c, &in); err != nil {
			return err
		}
		view, err := s.Workplace.Do(c.UserContext(), who(c).operator(), id, kind, in.ID, in.Employee)
		if err != nil {
			return err
		}
		return c.Status(http.StatusOK).JSON(view)
	}
}
