package web

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"omni/server/chats"
	"omni/server/ids"
	"omni/server/why"
)

// communicationView is a communication as the list shows it.
type communicationView struct {
	Ref       string           `json:"ref"`
	Kind      why.Kind         `json:"kind"`
	ID        int64            `json:"id"`
	Title     string           `json:"title"`
	Client    string           `json:"client"`
	Phones    []string         `json:"phones"`
	Emails    []string         `json:"emails"`
	Channel   *string          `json:"channel"`
	State     chats.ReasonView `json:"state"`
	Chat      *ids.ChatID      `json:"chat"`
	StartedAt time.Time        `json:"started_at"`
	EndedAt   *time.Time       `json:"ended_at"`
	Entities  []entityView     `json:"entities"`
}

// entityView is a CRM entity. URL is a path inside the portal of the session, the whole address for another portal, and empty for what has no page.
type entityView struct {
	Type    string  `json:"type"`
	ID      int64   `json:"id"`
	Title   *string `json:"title"`
	URL     string  `json:"url"`
	Created bool    `json:"created"`
}

// toldView is a communication with everything that is told of it.
type toldView struct {
	communicationView
	Portal       *whereView    `json:"portal"`
	Reasons      []reasonView  `json:"reasons"`
	Advice       []adviceView  `json:"advice"`
	Commands     []commandView `json:"commands"`
	Requests     []requestView `json:"requests"`
	MoreRequests bool          `json:"more_requests"`
	Aside        []asideView   `json:"aside"`
	Failed       replayView    `json:"failed"`
}

type whereView struct {
	ID      ids.PortalID `json:"id"`
	Name    string       `json:"name"`
	Current bool         `json:"current"`
}

type reasonView struct {
	Code    string    `json:"code"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
	Version *int      `json:"settings_version"`
}

type adviceView struct {
	Code  string  `json:"code"`
	Text  string  `json:"text"`
	Place *string `json:"place"`
}

// replayView counts what failed, or what was taken up again.
type replayView struct {
	Commands int `json:"commands"`
	Rows     int `json:"rows"`
}

func (s *Server) communications(c *fiber.Ctx) error {
	p := who(c)
	kind := why.Kind(c.Query("kind", string(why.Chat)))
	if !kind.Known() {
		return badField("kind", "choice")
	}
	filter := why.Filter{Direction: c.Query("direction"), Outcome: c.Query("outcome"), State: c.Query("state")}
	if wrong := filter.Wrong(kind); wrong != "" {
		return badField(wrong, "choice")
	}
	page, err := s.Why.List(c.UserContext(), p.Account, kind, c.Query("q"), c.Query("cursor"), filter)
	if err != nil {
		return err
	}
	items := make([]communicationView, len(page.Items))
	for i := range page.Items {
		items[i] = s.viewOfCommunication(p, kind, &page.Items[i], "")
	}
	return c.JSON(fiber.Map{"items": items, "next": page.Next})
}

// viewOfCommunication shows a communication; elsewhere is the address of its portal when that is not the session's. The list does not ask for it.
func (s *Server) viewOfCommunication(p *person, kind why.Kind, c *why.Communication, elsewhere string) communicationView {
	v := communicationView{Ref: why.Ref{Kind: kind, ID: c.ID}.String(), Kind: kind, ID: c.ID, Client: c.Client, Phones: c.Phones, Emails: c.Emails,
		Title:     s.Texts.Text(p.Lang, "why.title."+string(kind), "id", c.ID),
		State:     chats.ReasonView{Code: c.State, Text: s.Texts.Text(p.Lang, fmt.Sprintf("why.state.%s.%s", kind, c.State))},
		StartedAt: c.StartedAt, EndedAt: c.EndedAt, Channel: nonEmpty(c.Where), Entities: []entityView{}}
	if c.Page != 0 {
		v.Chat = &c.Page
	}
	if v.Phones == nil {
		v.Phones = []string{}
	}
	if v.Emails == nil {
		v.Emails = []string{}
	}
	for _, e := range c.Entities {
		one := entityView{Type: e.Type, ID: e.ID, Title: nonEmpty(e.Title), Created: e.Created}
		if e.Type != "activity" && (elsewhere != "" || c.Portal == 0 || c.Portal == p.Portal) {
			one.URL = fmt.Sprintf("%s/crm/%s/details/%d/", elsewhere, e.Type, e.ID)
		}
		v.Entities = append(v.Entities, one)
	}
	return v
}

func nonEmpty(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (s *Server) communication(c *fiber.Ctx) error {
	p := who(c)
	ref, err := why.ReadRef(c.Params("ref"))
	if err != nil {
		return err
	}
	told, err := s.Why.Tell(c.UserContext(), p.Account, ref, p.Lang)
	if err != nil {
		return err
	}
	elsewhere := ""
	if told.Portal != nil && told.Portal.ID != p.Portal {
		elsewhere = told.Portal.Address
	}
	v := toldView{communicationView: s.viewOfCommunication(p, ref.Kind, &told.Communication, elsewhere), MoreRequests: told.MoreRequests,
		Reasons: []reasonView{}, Advice: []adviceView{}, Commands: []commandView{}, Requests: []requestView{}, Aside: []asideView{}, Failed: replayView(told.Failed)}
	if told.Portal != nil {
		v.Portal = &whereView{told.Portal.ID, told.Portal.Name, elsewhere == ""}
	}
	for _, r := range told.Reasons {
		v.Reasons = append(v.Reasons, reasonView(r))
	}
	for _, a := range told.Advice {
		v.Advice = append(v.Advice, adviceView{a.Code, a.Text, nonEmpty(a.Place)})
	}
	for _, l := range told.Commands {
		v.Commands = append(v.Commands, s.commandView(l, p.Lang))
	}
	for _, l := range told.Requests {
		v.Requests = append(v.Requests, viewOfRequest(l))
	}
	for _, a := range told.Aside {
		v.Aside = append(v.Aside, s.asideView(a, p.Lang))
	}
	return c.JSON(v)
}

// replay repeats what failed of a communication.
func (s *Server) replay(c *fiber.Ctx) error {
	ref, err := why.ReadRef(c.Params("ref"))
	if err != nil {
		return err
	}
	done, err := s.Why.Replay(c.UserContext(), who(c).Account, ref)
	if err != nil {
		return err
	}
	return c.Status(http.StatusAccepted).JSON(replayView(done))
}
