package web

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"omni/placements"
	"omni/server/account"
	"omni/server/account/directory"
	"omni/server/account/uisconn"
	"omni/server/crm"
	"omni/server/outbox"
	"omni/server/settings"
)

// health is the guide and the self-check: each link, whether it works, and what to do when it does not, in the order in which a person sets things up.
func (s *Server) health(c *fiber.Ctx) error {
	p, ctx := who(c), c.UserContext()
	portal, err := s.Accounts.Get(ctx, p.ref())
	if err != nil {
		return err
	}
	doc, err := s.document(ctx, p.Account)
	if err != nil {
		return err
	}
	facts, err := s.facts(ctx, p)
	if err != nil {
		return err
	}
	items := append(s.portalChecks(ctx, p, portal, facts), s.connectorCheck(ctx, p)...)
	items = append(items, s.uisChecks(ctx, p, facts)...)
	items = append(items, s.check(p, "employees", facts.matched > 0), s.lastNames(p, facts), s.lists(p, facts), s.extraFields(p, doc, facts),
		s.check(p, "main", doc.Main.Enabled), s.check(p, "sections", anySection(doc)))
	return c.JSON(fiber.Map{"items": items, "next": nil})
}

func anySection(doc settings.Document) bool {
	return doc.Telephony.Enabled || doc.Chats.Enabled || doc.Requests.Enabled || doc.Lines.Enabled
}

// portalChecks looks at the portal's side: connected, a token that works, the rights, our places in its pages, events that arrive.
func (s *Server) portalChecks(ctx context.Context, p *person, portal account.Portal, facts healthFacts) []placements.Step {
	reached := s.check(p, "portal", portal.State == account.Active || portal.State == account.Installing)
	missing, err := s.Installer.Missing(ctx, portal)
	token := s.check(p, "token", facts.tokens > 0 && facts.asleep == "" && err == nil)
	items := []placements.Step{reached, token, s.scopes(p, portal)}
	if err == nil { // a portal that cannot be asked is told above
		items = append(items, s.check(p, "placements", len(missing.Bound) == 0), s.named(p, "first_id", s.kinds(p, missing.Fields)))
		if portal.Has("bizproc") { // without the right it is named among what is off
			items = append(items, s.robotCheck(p, missing.Robot))
		}
	}
	events := s.check(p, "events", facts.eventAt != nil)
	if facts.eventAt != nil {
		events.Detail = when(facts.eventAt)
	}
	return append(items, events)
}

// robotCheck tells whether the robot can be put into automation rules. With old choices it works all the same.
func (s *Server) robotCheck(p *person, lack placements.RobotLack) placements.Step {
	step := s.check(p, "robots", !lack.Missing)
	switch {
	case lack.Refused != "":
		step.Detail = &lack.Refused
	case lack.Old:
		detail := s.Texts.Text(p.Lang, "health.robots_old")
		step.Detail = &detail
	}
	return step
}

// scopes names the features that are off because the portal did not grant their right.
func (s *Server) scopes(p *person, portal account.Portal) placements.Step {
	var off []string
	must := false
	for _, scope := range account.MissingScopes(portal) {
		must = must || scope.Must
		off = append(off, s.Texts.Text(p.Lang, "scope."+scope.Name))
	}
	step := s.check(p, "scopes", !must)
	if len(off) > 0 {
		detail := s.Texts.Text(p.Lang, "health.scopes_off", "features", strings.Join(off, ", "))
		step.Detail = &detail
	}
	return step
}

// uisChecks looks at UIS: connected, the key of the Data API, webhooks that arrive, channels.
func (s *Server) uisChecks(ctx context.Context, p *person, facts healthFacts) []placements.Step {
	key := s.check(p, "data_api", false)
	connection, err := s.UIS.Get(ctx, p.Account)
	switch {
	case errors.Is(err, uisconn.ErrNotConnected):
	case err == nil:
		for _, check := range connection.Checks {
			if check.Code == uisconn.CheckDataAPI {
				key = s.check(p, "data_api", check.OK)
			}
		}
	}
	return []placements.Step{s.check(p, "uis", facts.connected), key, s.check(p, "webhooks", facts.hooked), s.check(p, "channels", facts.channels > 0)}
}

// lastNames names people without a last name (S0).
func (s *Server) lastNames(p *person, facts healthFacts) placements.Step {
	return s.named(p, "last_names", facts.nameless)
}

// named is a check that names what is wrong.
func (s *Server) named(p *person, code string, wrong []string) placements.Step {
	step := s.check(p, code, len(wrong) == 0)
	if len(wrong) > 0 {
		detail := strings.Join(wrong, ", ")
		step.Detail = &detail
	}
	return step
}

// kinds names kinds of entities in the person's language.
func (s *Server) kinds(p *person, kinds []string) []string {
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = s.Texts.Text(p.Lang, "health.kind."+kind)
	}
	return names
}

// extraFields names the fields of the settings' rows that are gone at the portal: nothing is written to them (R7).
func (s *Server) extraFields(p *person, doc settings.Document, facts healthFacts) placements.Step {
	var gone []string
	for _, row := range settings.ActingFields(doc, int64(p.Portal)) {
		id := crm.FieldID(row.Entity, row.Field)
		if name, is := facts.goneFields[id]; is {
			gone = append(gone, s.Texts.Text(p.Lang, "health.kind."+row.Entity)+": "+name)
		}
	}
	return s.named(p, "extra_fields", slices.Compact(slices.Sorted(slices.Values(gone))))
}

// lists tells whether the directories are there and fresh (S4).
func (s *Server) lists(p *person, facts healthFacts) placements.Step {
	return s.check(p, "lists", facts.listsAt != nil && s.Clock.Now().Sub(*facts.listsAt) <= staleAfter && !facts.listsTrouble)
}

func when(t *time.Time) *string {
	text := t.UTC().Format(time.RFC3339)
	return &text
}

func (s *Server) check(p *person, code string, ok bool) placements.Step {
	step := placements.Step{Code: code, OK: ok, Text: s.Texts.Text(p.Lang, "health."+code)}
	if !ok {
		cure := s.Texts.Text(p.Lang, "health.cure."+code)
		step.Cure = &cure
	}
	return step
}

// healthFacts are what the database knows of the links.
type healthFacts struct {
	connected, hooked bool
	channels, matched int
	tokens            int
	asleep            string
	eventAt           *time.Time
	listsAt           *time.Time
	listsTrouble      bool
	nameless          []string
	// goneFields are names of fields that vanished from the portal, by crm.FieldID.
	goneFields map[string]string
}

// namelessShown is how many people without a last name are named.
const namelessShown = 10

func (s *Server) facts(ctx context.Context, p *person) (healthFacts, error) {
	f := healthFacts{goneFields: map[string]string{}}
	err := s.DB.InAccount(ctx, p.Account, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM uis_connection WHERE account_id = $1 AND connection_id IS NOT NULL),
			(SELECT count(*) FROM uis_channel WHERE account_id = $1 AND adapter_channel IS NOT NULL AND gone_at IS NULL),
			EXISTS (SELECT 1 FROM uis_channel WHERE account_id = $1 AND adapter_channel IS NOT NULL),
			(SELECT count(*) FROM staff_match WHERE account_id = $1 AND portal_id = $2 AND employee IS NOT NULL),
			(SELECT count(*) FROM portal_token WHERE account_id = $1 AND portal_id = $2 AND dead IS NULL),
			COALESCE((SELECT asleep FROM lane WHERE account_id = $1 AND kind = 'b24' AND portal_id = $2), ''),
			(SELECT event_at FROM portal WHERE account_id = $1 AND id = $2),
			(SELECT min(read_at) FROM directory_read WHERE account_id = $1 AND portal_id IN (0, $2) AND kind IN ('stages', 'pipelines', 'numbers', 'groups') AND trouble <> 'absent'),
			EXISTS (SELECT 1 FROM directory_read WHERE account_id = $1 AND portal_id IN (0, $2) AND trouble NOT IN ('', 'absent', 'empty')),
			ARRAY(SELECT COALESCE(NULLIF(first_name, ''), NULLIF(email, ''), id::text) FROM b24_user WHERE account_id = $1 AND portal_id = $2 AND active AND last_name = '' ORDER BY id LIMIT $3)`,
			int64(p.Account), int64(p.Portal), namelessShown).
			Scan(&f.connected, &f.channels, &f.hooked, &f.matched, &f.tokens, &f.asleep, &f.eventAt, &f.listsAt, &f.listsTrouble, &f.nameless)
		if err != nil {
			return err
		}
		fields, err := directory.Read(ctx, tx, directory.Where{Account: p.Account, Portal: p.Portal, Kind: directory.Fields})
		for _, e := range fields.Entries {
			if e.Gone {
				f.goneFields[e.ID] = e.Name
			}
		}
		return err
	})
	return f, err
}

// testEvent asks the portal to send its test event (docs: event.test, ONAPPTEST); when it has arrived, the self-check says so.
func (s *Server) testEvent(c *fiber.Ctx) error {
	p := who(c)
	_, err := s.Outbox.Ask(c.UserContext(), p.Account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: p.Portal}, "event.test", map[string]any{"test": uuid.NewString()}, outbox.Waiting)
	if err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusAccepted)
}
