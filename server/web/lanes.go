package web

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/server/account"
	"omni/server/account/transport"
	"omni/server/chats"
	"omni/server/ids"
	"omni/server/outbox"
)

// laneView is a lane as pages show it.
type laneView struct {
	Kind        outbox.LaneKind   `json:"kind"`
	Portal      *ids.PortalID     `json:"portal"`
	PortalName  *string           `json:"portal_name"`
	Level       float64           `json:"level"`
	Size        float64           `json:"size"`
	Drain       float64           `json:"drain"`
	Ready       int64             `json:"ready"`
	InFlight    int64             `json:"in_flight"`
	Unclear     int64             `json:"unclear"`
	Failures    int               `json:"failures"`
	Asleep      *chats.ReasonView `json:"asleep"`
	PausedUntil *time.Time        `json:"paused_until"`
	Resting     []restingView     `json:"resting"`
	Operating   []operatingView   `json:"operating"`
	Points      *pointsView       `json:"points"`
	OldestReady *time.Time        `json:"oldest_ready_at"`
}

type restingView struct {
	Method string    `json:"method"`
	Until  time.Time `json:"until"`
}

type operatingView struct {
	Method string    `json:"method"`
	Used   float64   `json:"used_seconds"`
	Limit  float64   `json:"limit_seconds"`
	Reset  time.Time `json:"reset_at"`
}

type pointsView struct {
	DayLeft     int `json:"day_left"`
	DayLimit    int `json:"day_limit"`
	MinuteLeft  int `json:"minute_left"`
	MinuteLimit int `json:"minute_limit"`
}

func (s *Server) lanes(c *fiber.Ctx) error {
	p := who(c)
	list, err := s.Accounts.List(c.UserContext(), p.Account)
	if err != nil {
		return err
	}
	portals := map[ids.PortalID]account.Portal{}
	for _, portal := range list {
		portals[portal.ID] = portal
	}
	var gauges []outbox.Gauge
	err = s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		gauges, err = outbox.Gauges(ctx, tx, p.Account, time.Now(), func(_ ids.AccountID, lane outbox.LaneRef) outbox.Limits {
			return transport.Limits(lane.Kind, portals[lane.Portal].Licence)
		})
		return err
	})
	if err != nil {
		return err
	}
	items := []laneView{}
	for _, g := range gauges {
		items = append(items, s.laneView(g, portals, p.Lang))
	}
	return c.JSON(fiber.Map{"items": items, "next": nil})
}

func (s *Server) laneView(g outbox.Gauge, portals map[ids.PortalID]account.Portal, lang string) laneView {
	v := laneView{Kind: g.Kind, Level: g.Level, Size: g.Size, Drain: g.Drain, Ready: g.Ready, InFlight: g.InFlight, Unclear: g.Unclear, Failures: g.Failures,
		PausedUntil: someTime(g.PausedUntil), Resting: []restingView{}, Operating: []operatingView{}, OldestReady: someTime(g.OldestReady)}
	if g.Portal != 0 {
		id := g.Portal
		v.Portal = &id
		if portal, known := portals[id]; known {
			title := portal.Title()
			v.PortalName = &title
		}
	}
	if g.Asleep != "" {
		text := s.Texts.Text(lang, "lane.asleep."+g.Asleep)
		if text == "lane.asleep."+g.Asleep {
			text = g.Asleep
		}
		v.Asleep = &chats.ReasonView{Code: g.Asleep, Text: text}
	}
	for _, r := range g.Resting {
		v.Resting = append(v.Resting, restingView{r.Method, r.Until})
	}
	for _, o := range g.Operating {
		v.Operating = append(v.Operating, operatingView{o.Method, o.Used.Seconds(), o.Limit.Seconds(), o.Reset})
	}
	if g.Points != nil {
		v.Points = &pointsView{g.Points.DayLeft, g.Points.DayLimit, g.Points.MinuteLeft, g.Points.MinuteLimit}
	}
	return v
}

func someTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
