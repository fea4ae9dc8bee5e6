package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"omni/placements"
	"omni/server/account"
	"omni/server/chats"
	"omni/server/ids"
	"omni/server/openlines"
	"omni/server/outbox"
)

// lineView is an open line and what it carries. State is none, on, connecting, disconnecting or failed.
type lineView struct {
	ID          ids.B24LineID     `json:"id"`
	Name        string            `json:"name"`
	Active      bool              `json:"active"`
	Gone        bool              `json:"gone"`
	Channel     *ids.UISChannelID `json:"channel"`
	ChannelName *string           `json:"channel_name"`
	ChannelType *string           `json:"channel_type"`
	State       string            `json:"state"`
	Trouble     *chats.ReasonView `json:"trouble"`
	ChosenBy    *string           `json:"chosen_by"`
}

// offerView is a channel that a line may carry, and the line that carries it.
type offerView struct {
	chats.ChannelView
	Line       *ids.B24LineID `json:"line"`
	LinePortal *ids.PortalID  `json:"line_portal"`
}

// linesProblem is what a choice that was not carried out answers.
func linesProblem(err error) *Problem {
	var refusal openlines.Refusal
	var refused *openlines.RefusedError
	switch {
	case errors.Is(err, openlines.ErrNoLine):
		return problem(http.StatusNotFound, openlines.ErrNoLine.Code)
	case errors.As(err, &refusal) && (refusal == openlines.ErrOff || refusal == openlines.ErrOtherPortal):
		return problem(http.StatusConflict, refusal.Code)
	case errors.As(err, &refusal): // the channel cannot be chosen
		return badField("/channel", refusal.Code)
	case errors.Is(err, openlines.ErrNoRight):
		return problem(http.StatusConflict, "lines_no_right")
	case errors.As(err, &refused):
		return &Problem{Status: http.StatusBadGateway, Code: "connector_refused", args: []any{"words", refused.Words}}
	}
	return nil
}

// linesPortal is the portal whose lines are asked for: the person's own, or one of the account that the address names.
func (s *Server) linesPortal(c *fiber.Ctx) (account.Ref, error) {
	ref := who(c).ref()
	if asked := c.Query("portal"); asked != "" {
		id, err := strconv.ParseInt(asked, 10, 64)
		if err != nil || id <= 0 {
			return ref, account.ErrNoPortal
		}
		ref.Portal = ids.PortalID(id)
	}
	_, err := s.Accounts.Get(c.UserContext(), ref)
	return ref, err
}

// lines are the portal's open lines with the channel each carries, and the channels they may carry (O1, O2).
func (s *Server) lines(c *fiber.Ctx) error {
	ref, err := s.linesPortal(c)
	if err != nil {
		return err
	}
	list, err := s.Lines.List(c.UserContext(), ref, c.Query("fresh") == "1")
	if err != nil {
		return err
	}
	p := who(c)
	items := []lineView{}
	for _, place := range list.Places {
		items = append(items, s.lineView(p.Lang, place, list))
	}
	channels := []offerView{}
	for _, o := range list.Offers {
		v := offerView{ChannelView: chats.Viewer{}.ChannelView(chats.ChannelFrom(o.Channel))}
		if o.On != nil {
			v.Line, v.LinePortal = &o.On.ID, &o.On.Portal
		}
		channels = append(channels, v)
	}
	var portal *ids.PortalID
	if list.Portal != 0 {
		portal = &list.Portal
	}
	return c.JSON(fiber.Map{"items": items, "connector": openlines.Code, "channels": channels, "enabled": list.Enabled, "portal": portal, "next": nil})
}

func (s *Server) lineView(lang string, place openlines.Place, list *openlines.List) lineView {
	v := lineView{ID: place.ID, Name: place.Name, Active: place.Active, Gone: place.Gone, State: "none"}
	l := place.Line
	if l == nil {
		return v
	}
	v.State, v.ChosenBy = string(l.State), optionalText(l.By)
	if l.Channel != 0 {
		ch := list.Channels[l.Channel]
		v.Channel, v.ChannelName, v.ChannelType = &l.Channel, optionalText(ch.Name), optionalText(ch.Type)
	}
	if l.State == openlines.Failed {
		v.Trouble = &chats.ReasonView{Code: l.Trouble, Text: s.Texts.Text(lang, "lines.trouble."+l.Trouble, "words", l.Words)}
	}
	return v
}

// chooseLine puts a channel on a line, as the connector page does. What the portal has not confirmed after ten seconds goes on by itself: 202.
func (s *Server) chooseLine(c *fiber.Ctx) error {
	var in struct {
		Channel ids.UISChannelID `json:"channel"`
		ID      string           `json:"id"`
	}
	if err := input(c, &in); err != nil {
		return err
	}
	if in.Channel <= 0 {
		return badField("/channel", "required")
	}
	if in.ID != "" && uuid.Validate(in.ID) != nil {
		return badField("/id", "uuid")
	}
	ref, line, err := s.choice(c, openlines.Choice{ID: in.ID, Channel: in.Channel})
	if err != nil {
		return err
	}
	if line == nil { // somebody has taken it off again meanwhile
		return s.sendLine(c, http.StatusOK, ref)
	}
	switch line.State {
	case openlines.Failed:
		return s.lineRefused(c, "line_refused", line)
	case openlines.Connecting, openlines.Disconnecting:
		return s.sendLine(c, http.StatusAccepted, ref)
	case openlines.On:
	}
	return s.sendLine(c, http.StatusOK, ref)
}

// releaseLine takes the channel off a line. What carries nothing is released already.
func (s *Server) releaseLine(c *fiber.Ctx) error {
	id := c.Query("id")
	if id != "" && uuid.Validate(id) != nil {
		return badField("/id", "uuid")
	}
	_, line, err := s.choice(c, openlines.Choice{ID: id})
	if err != nil {
		return err
	}
	if line != nil && line.State == openlines.Failed {
		return s.lineRefused(c, "line_off_refused", line)
	}
	if line != nil {
		return c.SendStatus(http.StatusAccepted)
	}
	return c.SendStatus(http.StatusNoContent)
}

// lineRefused says what the portal did not do, and why.
func (s *Server) lineRefused(c *fiber.Ctx, code string, line *openlines.Line) error {
	return &Problem{Status: http.StatusBadGateway, Code: code, args: []any{"words", s.Texts.Text(who(c).Lang, "lines.trouble."+line.Trouble, "words", line.Words)}}
}

func (s *Server) choice(c *fiber.Ctx, choice openlines.Choice) (account.Ref, *openlines.Line, error) {
	ref, err := s.linesPortal(c)
	if err != nil {
		return ref, nil, err
	}
	if choice.Line, err = number[ids.B24LineID](c, "line"); err != nil {
		return ref, nil, err
	}
	choice.By = who(c).Name
	line, err := s.Lines.Choose(c.UserContext(), ref, choice)
	return ref, line, err
}

// sendLine answers the line of the address as it is now.
func (s *Server) sendLine(c *fiber.Ctx, status int, ref account.Ref) error {
	list, err := s.Lines.List(c.UserContext(), ref, false)
	if err != nil {
		return err
	}
	id, err := number[ids.B24LineID](c, "line")
	if err != nil {
		return err
	}
	for _, place := range list.Places {
		if place.ID == id {
			return c.Status(status).JSON(s.lineView(who(c).Lang, place, list))
		}
	}
	return fiber.ErrNotFound
}

// connectorCheck is the connector's part of the self-check: whether it is registered, told of, and on the lines that carry a channel, in words (O1). A portal whose lines
// are not used is not asked, one that does not answer is told of by its token.
func (s *Server) connectorCheck(ctx context.Context, p *person) []placements.Step {
	look, err := s.Lines.Connector.Look(ctx, p.ref(), outbox.Waiting)
	if err != nil || !look.Wanted {
		return nil
	}
	step := s.check(p, "connector", look.Good())
	var said []string
	say := func(wrong bool, key string, args ...any) {
		if wrong {
			said = append(said, s.Texts.Text(p.Lang, "lines.check."+key, args...))
		}
	}
	say(look.NoRight, "no_right")
	say(look.Missing, "missing")
	say(look.Old && !look.Missing, "old")
	say(len(look.Events) > 0, "deaf")
	say(len(look.Off) > 0, "off", "lines", s.lineNames(ctx, p, look.Off))
	say(len(look.Broken) > 0, "broken", "lines", s.lineNames(ctx, p, look.Broken))
	say(look.Refused != "", "refused", "words", look.Refused)
	say(step.OK && look.Carrying == 0, "idle")
	if len(said) > 0 {
		detail := strings.Join(said, " ")
		step.Detail = &detail
	}
	return []placements.Step{step}
}

// lineNames names lines as the portal does.
func (s *Server) lineNames(ctx context.Context, p *person, wanted []ids.B24LineID) string {
	list, err := s.Lines.List(ctx, p.ref(), false)
	names := make([]string, len(wanted))
	for i, id := range wanted {
		names[i] = strconv.FormatInt(int64(id), 10)
		if err != nil {
			continue
		}
		for _, place := range list.Places {
			if place.ID == id {
				names[i] = "«" + place.Name + "»"
			}
		}
	}
	return strings.Join(names, ", ")
}
