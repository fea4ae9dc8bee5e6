// Package web is the door: public routes, frame pages, the browser's API and its socket. It parses, checks rights, calls an engine and answers; it holds no rules.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"omni/server/account"
	"omni/server/account/session"
	"omni/server/bitrix24"
	"omni/server/chats"
	"omni/server/files"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/restlog"
	"omni/server/settings"
	"omni/server/store"
	"omni/server/uis"
	"omni/server/why"
	"omni/server/workplace"
)

// Problem is an error as the browser gets it (application/problem+json).
type Problem struct {
	Status int          `json:"status"`
	Code   string       `json:"code"`
	Detail string       `json:"detail"`
	Errors []FieldError `json:"errors,omitempty"`
	// Theirs and Yours are the two documents of a save that came second.
	Theirs any `json:"theirs,omitempty"`
	Yours  any `json:"yours,omitempty"`
	// args fill the places of the sentence: name, value, name, value …
	args []any
}

// FieldError is one wrong field of a request.
type FieldError struct {
	Field string `json:"field"`
	Code  string `json:"code"`
	Text  string `json:"text"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Code }

func problem(status int, code string) *Problem { return &Problem{Status: status, Code: code} }

// badField refuses a request for one field.
func badField(field, code string) *Problem {
	return &Problem{Status: http.StatusUnprocessableEntity, Code: "invalid", Errors: []FieldError{{Field: field, Code: code}}}
}

// plain maps errors that have one answer.
var plain = []struct {
	err    error
	status int
	code   string
}{
	{session.ErrOver, http.StatusUnauthorized, "session_over"},
	{chats.ErrNoChat, http.StatusNotFound, "chat_not_found"},
	{chats.ErrNoMessage, http.StatusNotFound, "message_not_found"},
	{account.ErrNoPortal, http.StatusNotFound, "portal_not_found"},
	{account.ErrElsewhere, http.StatusConflict, "portal_elsewhere"},
	{account.ErrNotAdmin, http.StatusForbidden, "not_admin"},
	{account.ErrNoToken, http.StatusServiceUnavailable, "portal_no_token"},
	{inbox.ErrParked, http.StatusServiceUnavailable, "chat_busy"},
	{inbox.ErrNotAside, http.StatusConflict, "event_not_open"},
	{inbox.ErrBusy, http.StatusServiceUnavailable, "database_away"},
	{outbox.ErrSlow, http.StatusServiceUnavailable, "portal_slow"},
	{outbox.ErrReplaced, http.StatusConflict, "command_replaced"},
	{outbox.ErrNotOpen, http.StatusConflict, "command_not_open"},
	{files.ErrTooLarge, http.StatusRequestEntityTooLarge, "file_too_large"},
	{files.ErrBrokeOff, http.StatusBadRequest, "file_broke_off"},
	{files.ErrEmpty, http.StatusUnprocessableEntity, "file_empty"},
	{files.ErrNotFound, http.StatusNotFound, "file_not_found"},
	{files.ErrLink, http.StatusNotFound, "link_over"},
	{restlog.ErrNotFound, http.StatusNotFound, "request_not_found"},
	{why.ErrNotFound, http.StatusNotFound, "communication_not_found"},
	{why.ErrNothing, http.StatusConflict, "nothing_to_replay"},
	{files.ErrFull, http.StatusInsufficientStorage, "storage_full"},
	{files.ErrQuota, http.StatusInsufficientStorage, "storage_quota"},
	{bitrix24.ErrForm, http.StatusBadRequest, "form"},
	{uis.ErrWebhookBody, http.StatusBadRequest, "webhook_body"},
	{uis.ErrUnknownWebhook, http.StatusNotFound, "webhook_unknown"},
}

// problemOf maps an error to what the browser gets. Nothing of an unknown error leaves the server.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	for _, m := range plain {
		if errors.Is(err, m.err) {
			return problem(m.status, m.code)
		}
	}
	if p := linesProblem(err); p != nil {
		return p
	}
	if r, ok := chats.IsRefusal(err); ok {
		return problem(http.StatusConflict, r.Code)
	}
	var bad workplace.ErrBadInput
	if errors.As(err, &bad) {
		return badField(bad.Field, bad.Code)
	}
	var conflict *settings.ConflictError
	if errors.As(err, &conflict) {
		return &Problem{Status: http.StatusConflict, Code: "settings_conflict", Theirs: conflict.Theirs}
	}
	var wrong settings.FieldErrors
	if errors.As(err, &wrong) {
		p := &Problem{Status: http.StatusUnprocessableEntity, Code: "settings_invalid"}
		for _, f := range wrong {
			p.Errors = append(p.Errors, FieldError{Field: f.Field, Code: f.Code})
		}
		return p
	}
	var refused *outbox.Failure
	if errors.As(err, &refused) {
		return problem(http.StatusBadGateway, "portal_refused")
	}
	var platform *bitrix24.Error
	if errors.As(err, &platform) {
		return problem(http.StatusBadGateway, "b24_"+string(platform.Class()))
	}
	var fe *fiber.Error
	if errors.As(err, &fe) {
		switch fe.Code {
		case http.StatusNotFound:
			return problem(fe.Code, "not_found")
		case http.StatusMethodNotAllowed:
			return problem(fe.Code, "method_not_allowed")
		case http.StatusRequestEntityTooLarge:
			return problem(fe.Code, "body_too_large")
		}
		return problem(fe.Code, "request")
	}
	if store.Unavailable(err) || errors.Is(err, context.DeadlineExceeded) {
		return problem(http.StatusServiceUnavailable, "database_away")
	}
	return problem(http.StatusInternalServerError, "internal")
}

// fail is Fiber's error handler: it finds the words, and logs what a person cannot mend.
func (s *Server) fail(c *fiber.Ctx, err error) error {
	p := *problemOf(err)
	lang := langOf(c)
	p.Detail = s.text(lang, "problem."+p.Code, p.args...)
	for i := range p.Errors {
		if p.Errors[i].Text == "" {
			p.Errors[i].Text = s.text(lang, "field."+p.Errors[i].Code)
		}
	}
	if p.Status >= http.StatusInternalServerError {
		s.Log.Error("request failed", "method", c.Method(), "route", routeOf(c), "code", p.Code, "error", err)
	}
	if p.Status == http.StatusServiceUnavailable {
		c.Set(fiber.HeaderRetryAfter, retryAfter)
	}
	if c.Locals(frameKey) != nil {
		return s.refuse(c, p.Status, p.Code)
	}
	raw, e := json.Marshal(p)
	if e != nil {
		return e
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	return c.Status(p.Status).Send(raw)
}

// text finds a sentence; refusals have theirs under refusal.<code>, and what has none gets a general one.
func (s *Server) text(lang, key string, args ...any) string {
	if t := s.Texts.Text(lang, key, args...); t != key {
		return t
	}
	if code, ok := cutPrefix(key, "problem."); ok {
		if t := s.Texts.Text(lang, "refusal."+code); t != "refusal."+code {
			return t
		}
		return s.Texts.Text(lang, "problem.other")
	}
	return s.Texts.Text(lang, "field.other")
}

func cutPrefix(text, prefix string) (string, bool) {
	if len(text) >= len(prefix) && text[:len(prefix)] == prefix {
		return text[len(prefix):], true
	}
	return text, false
}

// routeOf is the route's pattern: an address may hold a token.
func routeOf(c *fiber.Ctx) string {
	if r := c.Route(); r != nil {
		return r.Path
	}
	return ""
}
