package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"omni/server/account/uisconn"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/telephony/numbers"
)

// manager answers "interactive call processing" of a scenario of UIS (T3): the telephones of the caller's personal manager, or the output 0 of the operation when
// nobody is known. A caller waits on the line, so the database gets a moment only, and whatever fails is "nobody".
func (s *Server) manager(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), numbers.Patience)
	defer cancel()
	nobody := fiber.Map{"returned_code": 0}
	door, err := s.UIS.ByToken(ctx, c.Params("token"))
	if errors.Is(err, uisconn.ErrToken) {
		return problem(http.StatusNotFound, "uis_token")
	}
	if err != nil {
		s.Log.Warn("who calls was not looked up, nobody was given", "error", err)
		return c.JSON(nobody)
	}
	caller, err := scenarioCall(c)
	if err != nil {
		return err
	}
	caller.Account = door.Account
	if phones := s.Numbers.Find(ctx, caller); len(phones) > 0 {
		return c.JSON(fiber.Map{"phones": phones})
	}
	return c.JSON(nobody)
}

// scenarioFields are what a scenario may send: the caller, the number called, the call, its direction. UIS tells neither whether a body is a form or JSON nor
// whether it is there (docs: interactive call processing), so all ways count.
var scenarioFields = []string{"numa", "numb", "call_session_id", "direction"}

// longestNumber is how many digits a telephone number has at most (E.164).
const longestNumber = 15

// scenarioCall reads what a scenario sent. A number that is hidden, or an inner one, is nobody's; only what cannot be a number at all is refused.
func scenarioCall(c *fiber.Ctx) (numbers.Caller, error) {
	values, err := scenarioValues(c)
	if err != nil {
		return numbers.Caller{}, err
	}
	numa, given := values["numa"]
	if !given {
		return numbers.Caller{}, badRequest("/numa", "required")
	}
	if digits := strings.Map(digit, numa); len(digits) > longestNumber {
		return numbers.Caller{}, badRequest("/numa", "phone")
	}
	if numb := strings.Map(digit, values["numb"]); len(numb) > longestNumber {
		return numbers.Caller{}, badRequest("/numb", "phone")
	}
	if d := values["direction"]; d != "" && d != "in" && d != "out" {
		return numbers.Caller{}, badRequest("/direction", "choice")
	}
	caller := numbers.Caller{}
	if phone, ok := crm.Phone(numa); ok {
		caller.Phone = phone
	}
	if text := values["call_session_id"]; text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id <= 0 {
			return numbers.Caller{}, badRequest("/call_session_id", "type")
		}
		caller.Session = ids.UISCallID(id)
	}
	return caller, nil
}

func digit(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

// badRequest refuses what a platform sent for one field.
func badRequest(field, code string) *Problem {
	return &Problem{Status: http.StatusBadRequest, Code: "invalid", Errors: []FieldError{{Field: field, Code: code}}}
}

// scenarioValues gathers the fields of the query and of the body.
func scenarioValues(c *fiber.Ctx) (map[string]string, error) {
	values := map[string]string{}
	for name, value := range c.Queries() {
		values[name] = value
	}
	body, err := small(c, smallBody)
	if err != nil || len(body) == 0 {
		return values, err
	}
	if body[0] != '{' {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, problem(http.StatusBadRequest, "form")
		}
		for name := range form {
			values[name] = form.Get(name)
		}
		return values, nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return nil, problem(http.StatusBadRequest, "json")
	}
	for _, name := range scenarioFields {
		raw, given := fields[name]
		if !given {
			continue
		}
		var text *string
		if json.Unmarshal(raw, &text) == nil {
			values[name] = ""
			if text != nil {
				values[name] = *text
			}
			continue
		}
		var number json.Number
		if json.Unmarshal(raw, &number) != nil {
			return nil, badRequest("/"+name, "type")
		}
		values[name] = number.String()
	}
	return values, nil
}
