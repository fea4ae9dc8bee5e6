package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"context"

	"omni/server/account/directory"
	"omni/server/account/uisconn"
	"omni/server/chats"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/telephony"
	"omni/server/uis"
)

// UIS keeps the accounts' connections to UIS.
type UIS = *uisconn.Connections

// recurStep is how coarse the time of receipt goes into the natural id of webhooks that may rightly come again.
const recurStep = time.Minute

// door finds whose address a webhook came to, waiting a short absence of the database out.
func (s *Server) door(c *fiber.Ctx) (uisconn.Door, error) {
	var door uisconn.Door
	err := s.patiently(c.UserContext(), func() error {
		var err error
		door, err = s.UIS.ByToken(c.UserContext(), c.Params("token"))
		return err
	})
	if errors.Is(err, uisconn.ErrToken) {
		return door, problem(http.StatusNotFound, "uis_token")
	}
	return door, err
}

// chatWebhook takes a webhook of the Chat API: made durable under its chat's key, then answered.
func (s *Server) chatWebhook(c *fiber.Ctx) error {
	door, err := s.door(c)
	if err != nil {
		return err
	}
	if !door.Opens(c.Get(fiber.HeaderAuthorization)) {
		return problem(http.StatusUnauthorized, "uis_auth")
	}
	body, err := small(c, smallBody)
	if err != nil {
		return err
	}
	path := c.Params("*")
	w, err := uis.ParseWebhook(c.Method(), path, body)
	if errors.Is(err, uis.ErrUnknownWebhook) {
		return err
	}
	if errors.Is(err, uis.ErrWebhookBody) {
		// Not readable: nothing can be done with it, and the sender is told so.
		s.Log.Warn("webhook not readable", "account", door.Account, "path", path, "error", err)
		return err
	}
	key := ids.AccountKey(door.Account)
	if w.ChatID != 0 {
		key = ids.ChatKey(ids.UISChatID(w.ChatID))
	}
	natural := "uis:" + w.Natural()
	if w.Recurs() {
		natural += ":" + strconv.FormatInt(s.Clock.Now().Unix()/int64(recurStep/time.Second), 36)
	}
	if err := s.Intake.Accept(c.UserContext(), inbox.Row{Account: door.Account, Key: key, Kind: chats.KindWebhook + c.Method() + ":" + path, Natural: natural, Body: body}); err != nil {
		return err
	}
	return c.SendStatus(http.StatusOK)
}

// notification takes a notification: one about a call or a request is made durable under its key, then answered. What nobody needs (chats, which the
// Chat API tells better) is kept and ticked off.
func (s *Server) notification(c *fiber.Ctx) error {
	door, err := s.door(c)
	if err != nil {
		return err
	}
	body, err := small(c, smallBody)
	if err != nil {
		return err
	}
	n, err := uis.ParseNotification(body)
	if errors.Is(err, uis.ErrNotificationBody) {
		return problem(http.StatusBadRequest, "json")
	}
	if errors.Is(err, uis.ErrNoEvent) {
		return badField("/event", "required")
	}
	key := ids.AccountKey(door.Account)
	switch about := n.Subject(); {
	case about.Kind == "call":
		key = ids.CallKey(ids.UISCallID(about.ID))
	case about.Kind == "request" && n.Event == uis.EventOfflineMessage:
		key = ids.RequestKey(about.ID)
	}
	sum := sha256.Sum256(body)
	return s.take(c, inbox.Row{Account: door.Account, Key: key, Kind: telephony.KindNotification + string(n.Event),
		Natural: "uis.notification:" + hex.EncodeToString(sum[:16]), Body: body})
}

func (s *Server) take(c *fiber.Ctx, row inbox.Row) error {
	if err := s.Intake.Accept(c.UserContext(), row); err != nil {
		return err
	}
	return c.SendStatus(http.StatusOK)
}

// checkView is the result of testing one thing.
type checkView struct {
	Code string  `json:"code"`
	OK   bool    `json:"ok"`
	Text string  `json:"text"`
	Cure *string `json:"cure"`
}

type uisView struct {
	Connected        bool                `json:"connected"`
	Brand            *string             `json:"brand"`
	HasAPIKey        bool                `json:"has_api_key"`
	ChatsLogin       *string             `json:"chats_login"`
	HasChatsPassword bool                `json:"has_chats_password"`
	AccountName      *string             `json:"account_name"`
	Checks           []checkView         `json:"checks"`
	Channels         []chats.ChannelView `json:"channels"`
}

func optionalText(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (s *Server) uisView(c *fiber.Ctx, conn uisconn.Connection, connected bool) (uisView, error) {
	p := who(c)
	v := uisView{Connected: connected, Brand: optionalText(string(conn.Brand)), HasAPIKey: conn.HasAPIKey, ChatsLogin: optionalText(conn.ChatsLogin),
		HasChatsPassword: conn.HasChatsPassword, AccountName: optionalText(conn.AccountName), Checks: []checkView{}, Channels: []chats.ChannelView{}}
	for _, check := range conn.Checks {
		text, cure := check.Text(s.Texts, p.Lang)
		v.Checks = append(v.Checks, checkView{check.Code, check.OK, text, optionalText(cure)})
	}
	channels, err := s.channels(c.UserContext(), p.Account)
	v.Channels = channels
	return v, err
}

func (s *Server) channels(ctx context.Context, account ids.AccountID) ([]chats.ChannelView, error) {
	views := []chats.ChannelView{}
	err := s.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		list, err := directory.Channels(ctx, tx, account)
		for _, ch := range list {
			views = append(views, chats.Viewer{}.ChannelView(chats.ChannelFrom(ch)))
		}
		return err
	})
	return views, err
}

func (s *Server) getUIS(c *fiber.Ctx) error {
	conn, err := s.UIS.Get(c.UserContext(), who(c).Account)
	connected := err == nil
	if err != nil && !errors.Is(err, uisconn.ErrNotConnected) {
		return err
	}
	view, err := s.uisView(c, conn, connected)
	if err != nil {
		return err
	}
	return c.JSON(view)
}

func (s *Server) putUIS(c *fiber.Ctx) error {
	var in struct {
		Brand         string  `json:"brand"`
		APIKey        *string `json:"api_key"`
		ChatsLogin    *string `json:"chats_login"`
		ChatsPassword *string `json:"chats_password"`
	}
	if err := input(c, &in); err != nil {
		return err
	}
	if in.Brand == "" {
		return badField("/brand", "required")
	}
	conn, err := s.UIS.Put(c.UserContext(), who(c).Account, uisconn.Credentials{Brand: uis.Brand(in.Brand), APIKey: in.APIKey, ChatsLogin: in.ChatsLogin, ChatsPassword: in.ChatsPassword})
	if errors.Is(err, uisconn.ErrBrand) {
		return badField("/brand", "choice")
	}
	if err != nil {
		return err
	}
	view, err := s.uisView(c, conn, conn.HasAPIKey || conn.HasChatsPassword)
	if err != nil {
		return err
	}
	return c.JSON(view)
}

func (s *Server) deleteUIS(c *fiber.Ctx) error {
	if err := s.UIS.Disconnect(c.UserContext(), who(c).Account); err != nil {
		return err
	}
	return c.SendStatus(http.StatusNoContent)
}

// uisNotifications lists what an administrator pastes at UIS (U3), and when each was heard of last; the address that scenarios ask for personal managers (T3) is
// pasted there, too.
func (s *Server) uisNotifications(c *fiber.Ctx) error {
	type item struct {
		Event        string     `json:"event"`
		Title        string     `json:"title"`
		Method       string     `json:"method"`
		URL          string     `json:"url"`
		Body         string     `json:"body"`
		LastReceived *time.Time `json:"last_received"`
	}
	p := who(c)
	items := []item{}
	conn, err := s.UIS.Get(c.UserContext(), p.Account)
	if errors.Is(err, uisconn.ErrNotConnected) {
		return c.JSON(fiber.Map{"items": items, "manager_url": nil, "next": nil})
	}
	if err != nil {
		return err
	}
	last, err := s.UIS.LastReceived(c.UserContext(), p.Account)
	if err != nil {
		return err
	}
	address := s.PublicURL + "/uis/" + url.PathEscape(conn.Token) + "/"
	for _, t := range uis.Templates() {
		i := item{Event: string(t.Event), Title: t.Label, Method: t.Method, URL: address + "notifications", Body: t.Body}
		if at, ok := last[string(t.Event)]; ok {
			i.LastReceived = &at
		}
		items = append(items, i)
	}
	return c.JSON(fiber.Map{"items": items, "manager_url": address + "manager", "next": nil})
}
