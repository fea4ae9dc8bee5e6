package web

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/server/history"
)

// historyShown is how many changes a page of the history has.
const historyShown = 50

// historyItem is a change of the account in words, or a version of its settings with what it changed.
type historyItem struct {
	ID      string          `json:"id"`
	At      time.Time       `json:"at"`
	By      string          `json:"by"`
	Kind    history.Kind    `json:"kind"`
	Text    string          `json:"text"`
	Version *int64          `json:"version"`
	Diff    json.RawMessage `json:"diff"`
}

// history lists who changed what and when, newest first, page by page (issue 4): the settings and what stands beside them.
func (s *Server) history(c *fiber.Ctx) error {
	p := who(c)
	limit := min(max(c.QueryInt("limit", historyShown), 1), historyShown)
	before, err := placeOf(c.Query("cursor"))
	if err != nil {
		return err
	}
	var list []history.Entry
	err = s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		list, err = history.List(ctx, tx, p.Account, before, limit+1)
		return err
	})
	if err != nil {
		return err
	}
	var next any
	if len(list) > limit {
		list = list[:limit]
		next = cursorOf(list[limit-1])
	}
	items := make([]historyItem, len(list))
	for i, e := range list {
		items[i] = historyItem{ID: fmt.Sprintf("%s-%d", e.Kind, e.Number), At: e.At, By: e.By, Kind: e.Kind, Text: s.changeText(p.Lang, e), Diff: json.RawMessage("[]")}
		if e.Kind == history.Settings {
			items[i].Version, items[i].Diff = &list[i].Number, e.Diff
		}
	}
	return c.JSON(fiber.Map{"items": items, "next": next})
}

// changeText is the sentence of a change.
func (s *Server) changeText(lang string, e history.Entry) string {
	name := e.About.Name
	switch e.Kind {
	case history.UISConnected, history.UISChanged, history.UISRemoved:
		name = s.Texts.Text(lang, "history.brand."+name)
	}
	parts := make([]string, len(e.About.Parts))
	for i, part := range e.About.Parts {
		parts[i] = s.Texts.Text(lang, "history.part."+part)
	}
	return s.Texts.Text(lang, "history."+string(e.Kind), "name", name, "other", e.About.Other, "parts", strings.Join(parts, ", "), "n", e.Number)
}

// cursorOf names the place in the list that a page ends at; placeOf reads it again.
func cursorOf(e history.Entry) string {
	return fmt.Sprintf("%d.%d.%s", e.At.UnixMicro(), e.Number, e.Kind)
}

func placeOf(cursor string) (history.Before, error) {
	if cursor == "" {
		return history.Before{}, nil
	}
	parts := strings.SplitN(cursor, ".", 3)
	if len(parts) != 3 {
		return history.Before{}, badField("/cursor", "invalid")
	}
	at, wrongAt := strconv.ParseInt(parts[0], 10, 64)
	number, wrongNumber := strconv.ParseInt(parts[1], 10, 64)
	if wrongAt != nil || wrongNumber != nil {
		return history.Before{}, badField("/cursor", "invalid")
	}
	return history.Before{At: time.UnixMicro(at), Kind: history.Kind(parts[2]), Number: number}, nil
}
