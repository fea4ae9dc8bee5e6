package web

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/restlog"
)

// requestView is a logged request as pages show it.
type requestView struct {
	ID             string        `json:"id"`
	At             time.Time     `json:"at"`
	Kind           string        `json:"kind"`
	Portal         *ids.PortalID `json:"portal"`
	TookMS         int           `json:"took_ms"`
	Commands       int           `json:"commands"`
	Failed         int           `json:"failed"`
	Methods        []string      `json:"methods"`
	Communications []string      `json:"communications"`
}

type partView struct {
	Command       *ids.CommandID   `json:"command"`
	Method        string           `json:"method"`
	Communication *string          `json:"communication"`
	Asked         json.RawMessage  `json:"asked"`
	Answered      json.RawMessage  `json:"answered"`
	Error         *restlog.Problem `json:"error"`
	TookMS        int64            `json:"took_ms"`
	Cut           bool             `json:"cut"`
}

func viewOfRequest(l restlog.Listed) requestView {
	return requestView{ID: strconv.FormatInt(l.ID, 10), At: l.At.UTC(), Kind: l.Kind, Portal: l.Portal, TookMS: l.TookMS, Commands: l.Commands, Failed: l.Failed,
		Methods: l.Methods, Communications: l.Communications}
}

const requestsPage = 50

func (s *Server) requests(c *fiber.Ctx) error {
	p := who(c)
	q := restlog.Query{Method: c.Query("method"), Failed: c.QueryBool("failed"), Limit: requestsPage + 1}
	q.Before, _ = strconv.ParseInt(c.Query("cursor"), 10, 64)
	if text := c.Query("portal"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 0 {
			return badField("portal", "choice")
		}
		q.Portal = ids.PortalID(n)
	}
	var list []restlog.Listed
	err := s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if about := c.Query("communication"); about != "" {
			if q.Refs, err = refsOf(ctx, tx, p.Account, about); err != nil {
				return err
			}
		}
		list, err = restlog.List(ctx, tx, p.Account, q)
		return err
	})
	if err != nil {
		return err
	}
	items := []requestView{}
	var next *string
	for i, l := range list {
		if i == requestsPage {
			next = &items[i-1].ID
			break
		}
		items = append(items, viewOfRequest(l))
	}
	return c.JSON(fiber.Map{"items": items, "next": next})
}

// refsOf are what a communication's requests are found by: itself, its beginning when an operator wrote first, and its client, whose entities are
// planned under a queue of their own.
func refsOf(ctx context.Context, tx pgx.Tx, account ids.AccountID, about string) ([]string, error) {
	refs := []string{about}
	number, isChat := strings.CutPrefix(about, "chat:")
	uis, err := strconv.ParseInt(number, 10, 64)
	if !isChat || err != nil {
		return refs, nil
	}
	rows, err := tx.Query(ctx, `SELECT client_id, start_key::text FROM chat WHERE account_id = $1 AND uis_chat_id = $2`, int64(account), uis)
	if err != nil {
		return nil, err
	}
	var client *int64
	var start *string
	_, err = pgx.ForEachRow(rows, []any{&client, &start}, func() error {
		if client != nil {
			refs = append(refs, string(ids.ClientKey(ids.ClientID(*client))))
		}
		if start != nil {
			refs = append(refs, "start:"+*start)
		}
		return nil
	})
	return refs, err
}

func (s *Server) request(c *fiber.Ctx) error {
	id, err := number[int64](c, "id")
	if err != nil {
		return err
	}
	p := who(c)
	var found restlog.Listed
	var parts []restlog.Part
	err = s.DB.InAccount(c.UserContext(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		found, parts, err = restlog.Get(ctx, tx, p.Account, id)
		return err
	})
	if err != nil {
		return err
	}
	return c.JSON(struct {
		requestView
		Parts []partView `json:"parts"`
	}{viewOfRequest(found), viewsOfParts(parts)})
}

func viewsOfParts(parts []restlog.Part) []partView {
	out := []partView{}
	for _, part := range parts {
		v := partView{Method: part.Method, Asked: part.Asked, Answered: part.Answered, Error: part.Error, TookMS: part.TookMS, Cut: part.Cut}
		if part.Command != 0 {
			v.Command = &part.Command
		}
		if part.Communication != "" {
			v.Communication = &part.Communication
		}
		out = append(out, v)
	}
	return out
}
