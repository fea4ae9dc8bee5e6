package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/server/relay"
	"omni/server/settings"
)

func (s *Server) getSettings(c *fiber.Ctx) error {
	var doc settings.Document
	err := s.DB.InAccount(c.UserContext(), who(c).Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		doc, err = settings.Current(ctx, tx, who(c).Account)
		return err
	})
	if err != nil {
		return err
	}
	return sendSettings(c, doc)
}

func sendSettings(c *fiber.Ctx, doc settings.Document) error {
	c.Set(fiber.HeaderETag, strconv.Quote(strconv.Itoa(doc.Version)))
	return c.JSON(doc)
}

// putSettings saves the whole document or nothing (P4).
func (s *Server) putSettings(c *fiber.Ctx) error {
	raw, err := small(c, smallBody)
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(strings.Trim(strings.TrimPrefix(c.Get(fiber.HeaderIfMatch), "W/"), `"`))
	if err != nil {
		return problem(http.StatusPreconditionRequired, "settings_version")
	}
	doc, err := settings.Decode(raw)
	if err != nil {
		return err
	}
	doc.Version = version
	return s.saveSettings(c, doc)
}

func (s *Server) saveSettings(c *fiber.Ctx, doc settings.Document) error {
	p := who(c)
	var saved settings.Document
	err := s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		known, err := knownTo(ctx, tx, p.Account, doc)
		if err != nil {
			return err
		}
		if wrong := settings.Validate(doc, known); len(wrong) > 0 {
			return wrong
		}
		if saved, err = settings.Save(ctx, tx, p.Account, doc, p.Name, s.Clock.Now()); err != nil {
			return err
		}
		return relay.Append(ctx, tx, p.Account, s.Clock.Now(), relay.Event{Name: "settings.changed", Data: map[string]any{"version": saved.Version, "by": p.Name}})
	})
	var conflict *settings.ConflictError
	if errors.As(err, &conflict) {
		return &Problem{Status: http.StatusConflict, Code: "settings_conflict", Theirs: conflict.Theirs, Yours: doc}
	}
	if err != nil {
		return err
	}
	s.Hub.Grew(p.Account)
	s.Saved(p.Account)
	return sendSettings(c, saved)
}

// versionsShown is how many versions a page of the list has.
const versionsShown = 50

// settingsVersions lists what was saved, newest first, page by page; the cursor is the number of the last version shown.
func (s *Server) settingsVersions(c *fiber.Ctx) error {
	type version struct {
		Version int               `json:"version"`
		SavedAt any               `json:"saved_at"`
		SavedBy string            `json:"saved_by"`
		Diff    []settings.Change `json:"diff"`
	}
	limit := min(max(c.QueryInt("limit", versionsShown), 1), versionsShown)
	before := c.QueryInt("cursor", math.MaxInt32)
	items := []version{}
	err := s.DB.InAccount(c.UserContext(), who(c).Account, func(ctx context.Context, tx pgx.Tx) error {
		list, err := settings.Versions(ctx, tx, who(c).Account, before, limit+1)
		for _, v := range list {
			items = append(items, version{v.Version, v.At, v.By, v.Diff})
		}
		return err
	})
	if err != nil {
		return err
	}
	var next any
	if len(items) > limit {
		items = items[:limit]
		next = strconv.Itoa(items[limit-1].Version)
	}
	return c.JSON(fiber.Map{"items": items, "next": next})
}

// restoreSettings makes an old version the newest one.
func (s *Server) restoreSettings(c *fiber.Ctx) error {
	n, err := c.ParamsInt("n")
	if err != nil {
		return fiber.ErrNotFound
	}
	var old, now settings.Document
	found := false
	err = s.DB.InAccount(c.UserContext(), who(c).Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if old, found, err = settings.Version(ctx, tx, who(c).Account, n); err != nil {
			return err
		}
		now, err = settings.Current(ctx, tx, who(c).Account)
		return err
	})
	if err != nil {
		return err
	}
	if !found {
		return fiber.ErrNotFound
	}
	old.Version = now.Version
	return s.saveSettings(c, old)
}
