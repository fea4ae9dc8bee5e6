package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode"

	"github.com/gofiber/fiber/v2"

	"omni/server/account"
	"omni/server/account/proof"
	"omni/server/bitrix24"
	"omni/server/inbox"
	"omni/server/telephony"
)

// robot takes a run of a robot of the automation rules (docs: bizproc.robot.add, HANDLER): proven, made durable, answered. The portal's queue sends it once and
// reads nothing of the answer.
func (s *Server) robot(c *fiber.Ctx) error {
	body, err := small(c, smallBody)
	if err != nil {
		return err
	}
	run, err := bitrix24.ParseRobot(body)
	if err != nil || run.Code != c.Params("code") {
		return problem(http.StatusBadRequest, "form")
	}
	var portal account.Portal
	err = s.patiently(c.UserContext(), func() error {
		portal, err = s.Proof.Robot(c.UserContext(), run.Auth)
		return err
	})
	if errors.Is(err, proof.ErrNotProven) {
		s.Log.Warn("robot refused", "code", run.Code, "member", run.Auth.MemberID != "", "error", err)
		return problem(http.StatusForbidden, "event_refused")
	}
	if err != nil {
		return err
	}
	if err := s.takeRun(c.UserContext(), portal, run); err != nil {
		return err
	}
	return c.SendStatus(http.StatusOK)
}

// takeRun stores a run. Its tokens are not kept; event_token is made anew for each run, so that it names it.
func (s *Server) takeRun(ctx context.Context, p account.Portal, run *bitrix24.RobotPOST) error {
	stored := telephony.RobotRun{Code: word(run.Code), Properties: map[string]string{}, Portal: p.ID}
	if len(run.Document) == 3 {
		stored.Document = word(run.Document[2])
	}
	for name, value := range run.Properties.Children {
		if items := value.Items(); len(items) > 0 {
			value = items[0]
		}
		stored.Properties[word(name)] = word(value.Text)
	}
	body, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	names := []string{run.WorkflowID, run.EventToken}
	if run.EventToken == "" {
		names = append(names, run.TS, string(body))
	}
	raw, err := json.Marshal(names)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	name := hex.EncodeToString(sum[:16])
	return s.Intake.Accept(ctx, inbox.Row{Account: p.Account, Key: telephony.RobotKey(name), Kind: telephony.KindRobot, Natural: "b24:robot:" + name, Body: body})
}

// longestWord is how much of a value is kept: people may put a whole text of the card where a number belongs, and are told of it.
const longestWord = 200

// word is a value as it can be stored and told: without control characters, and not longer than that.
func word(text string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text))
	return string(runes[:min(len(runes), longestWord)])
}
