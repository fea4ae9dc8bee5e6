// Package placements declares where the app stands inside Bitrix24, and installs, repairs and describes all of it from one table.
package placements

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"omni/server/account"
	"omni/server/bitrix24"
	"omni/server/ids"
	"omni/server/openlines"
	"omni/server/outbox"
)

// Placement is one place of the portal's pages that shows a page of ours.
type Placement struct {
	// Name is the last part of our address: /placements/{name}.
	Name string
	// Code is Bitrix24's code of the place.
	Code string
	// TitleKey is the locale key of the title people see there.
	TitleKey string
	// Page is the page that is served.
	Page string
	// Entity is the kind of CRM card it stands in, if any.
	Entity string
	// Scopes are needed for it.
	Scopes []string
}

// connectorName is the settings page of the open-line connector, which imconnector.register binds by itself.
const connectorName = "setting-connector"

// ConnectorPage is where Bitrix24 opens the settings page of the open-line connector; base is OMNI_PUBLIC_URL.
func ConnectorPage(base string) string { return address(base, connectorName) }

func address(base, name string) string { return strings.TrimSuffix(base, "/") + "/placements/" + name }

// Table is every placement there is. Installing, repairing and serving walk it.
func Table() []Placement {
	crm := []string{"placement", "crm"}
	return []Placement{
		{Name: "left-menu", Code: "LEFT_MENU", TitleKey: "product.chats", Page: "workplace", Scopes: []string{"placement"}},
		{Name: "crm-lead-detail-tab", Code: "CRM_LEAD_DETAIL_TAB", TitleKey: "product.chats", Page: "workplace", Entity: "lead", Scopes: crm},
		{Name: "crm-deal-detail-tab", Code: "CRM_DEAL_DETAIL_TAB", TitleKey: "product.chats", Page: "workplace", Entity: "deal", Scopes: crm},
		{Name: "crm-contact-detail-tab", Code: "CRM_CONTACT_DETAIL_TAB", TitleKey: "product.chats", Page: "workplace", Entity: "contact", Scopes: crm},
		{Name: "crm-company-detail-tab", Code: "CRM_COMPANY_DETAIL_TAB", TitleKey: "product.chats", Page: "workplace", Entity: "company", Scopes: crm},
		{Name: connectorName, Code: "SETTING_CONNECTOR", TitleKey: "product.name", Page: "connector"},
	}
}

// Find looks a placement up by the last part of its address.
func Find(name string) (Placement, bool) {
	for _, p := range Table() {
		if p.Name == name {
			return p, true
		}
	}
	return Placement{}, false
}

// Events are the portal's events the app listens to.
func Events() []string {
	return []string{"ONAPPINSTALL", "ONAPPUPDATE", "ONAPPUNINSTALL", "ONAPPPAYMENT", "ONAPPTEST", "ONUSERADD", "ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART"}
}

// Asker reads and sets something at a portal while a person waits.
type Asker interface {
	Ask(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, kind string, params any, p outbox.Priority) (json.RawMessage, error)
}

// Texts finds sentences.
type Texts interface {
	Text(lang, key string, args ...any) string
	Languages() []string
}

// Lines keeps the connector of open lines, as the settings want it.
type Lines interface {
	Keep(ctx context.Context, ref account.Ref, p outbox.Priority) (openlines.Look, error)
}

// Installer walks the table at a portal.
type Installer struct {
	asker  Asker
	texts  Texts
	notes  Notes
	robots Robots
	lines  Lines
	// base is OMNI_PUBLIC_URL.
	base string
}

// New builds an installer.
func New(a Asker, t Texts, n Notes, r Robots, l Lines, base string) *Installer {
	return &Installer{asker: a, texts: t, notes: n, robots: r, lines: l, base: strings.TrimSuffix(base, "/")}
}

// Step is one step of installing, or one thing a self-check looked at.
type Step struct {
	Code   string  `json:"code"`
	OK     bool    `json:"ok"`
	Text   string  `json:"text"`
	Cure   *string `json:"cure"`
	Detail *string `json:"detail"`
}

// bound is what stands at the portal.
type bound struct {
	placements []handler
	events     []handler
	scopes     []string
	// fields are the kinds of entities that have our user field; untold those of which the portal did not tell.
	fields, untold []string
	robot          robotState
}

// handler is a row of placement.get or event.get.
type handler struct {
	Placement string `json:"placement"`
	Event     string `json:"event"`
	Handler   string `json:"handler"`
}

// look reads what is bound; the reads share a request.
func (i *Installer) look(ctx context.Context, p account.Portal) (bound, error) {
	var b bound
	var wait sync.WaitGroup
	errs := make([]error, 3)
	read := func(n int, kind string, into func(json.RawMessage) error) {
		wait.Go(func() {
			raw, err := i.ask(ctx, p, kind, map[string]any{})
			if err == nil {
				err = into(raw)
			}
			if err != nil {
				errs[n] = fmt.Errorf("%s: %w", kind, err)
			}
		})
	}
	read(0, "placement.get", func(raw json.RawMessage) error {
		var list bitrix24.List[handler]
		err := json.Unmarshal(raw, &list)
		b.placements = list
		return err
	})
	read(1, "event.get", func(raw json.RawMessage) error {
		var list bitrix24.List[handler]
		err := json.Unmarshal(raw, &list)
		b.events = list
		return err
	})
	read(2, "scope", func(raw json.RawMessage) error {
		var list bitrix24.List[string]
		err := json.Unmarshal(raw, &list)
		b.scopes = list
		return err
	})
	there, untold := make([]bool, len(fieldKinds)), make([]error, len(fieldKinds))
	for n, kind := range fieldKinds {
		wait.Go(func() { there[n], untold[n] = i.hasField(ctx, p, kind) })
	}
	wait.Wait()
	for n, kind := range fieldKinds {
		switch {
		case untold[n] != nil: // no right to the CRM, most likely: the rest is bound all the same
			b.untold = append(b.untold, kind)
		case there[n]:
			b.fields = append(b.fields, kind)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return b, err
	}
	var err error
	b.robot, err = i.lookRobot(ctx, p, b)
	return b, err
}

func (i *Installer) ask(ctx context.Context, p account.Portal, kind string, params any) (json.RawMessage, error) {
	return i.asker.Ask(ctx, p.Account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: p.ID}, kind, params, outbox.Waiting)
}

// action is one call that brings the portal closer to the table.
type action struct {
	step, what, kind string
	params           map[string]any
}

// missing compares what is bound with the table: what has to be bound, and which of our own old addresses have to go. It is pure.
func (i *Installer) missing(b bound, lang string) (todo []action, lacking []string) {
	granted := func(scopes []string) bool {
		for _, s := range scopes {
			if !slices.Contains(b.scopes, s) {
				return false
			}
		}
		return true
	}
	for _, p := range Table() {
		if p.Name == connectorName {
			continue
		}
		if !granted(p.Scopes) {
			lacking = append(lacking, p.Name)
			continue
		}
		if stands(b.placements, func(h handler) string { return h.Placement }, p.Code, i.handlerOf(p.Name)) {
			continue
		}
		todo = append(todo, action{"placements", p.Name, "placement.bind", map[string]any{"PLACEMENT": p.Code, "HANDLER": i.handlerOf(p.Name),
			"TITLE": i.texts.Text(lang, p.TitleKey), "LANG_ALL": i.titles(p.TitleKey)}})
	}
	for _, name := range Events() {
		if !stands(b.events, func(h handler) string { return h.Event }, name, i.base+"/bitrix24/events") {
			todo = append(todo, action{"events", name, "event.bind", map[string]any{"event": name, "handler": i.base + "/bitrix24/events"}})
		}
	}
	if granted([]string{"crm"}) {
		todo = append(todo, i.fieldsToAdd(b)...)
	}
	return append(todo, robotToDo(b.robot)...), lacking
}

func stands(list []handler, name func(handler) string, wanted, address string) bool {
	return slices.ContainsFunc(list, func(h handler) bool { return strings.EqualFold(name(h), wanted) && h.Handler == address })
}

func (i *Installer) handlerOf(name string) string { return address(i.base, name) }

func (i *Installer) titles(key string) map[string]any {
	out := map[string]any{}
	for _, lang := range i.texts.Languages() {
		out[lang] = map[string]any{"TITLE": i.texts.Text(lang, key)}
	}
	return out
}

// Lack is what the portal lacks.
type Lack struct {
	// Bound names places and events, Fields the kinds of entities without the field "First communication ID" (R7c).
	Bound, Fields []string
	// Robot says what is wrong with the robot.
	Robot RobotLack
}

// Missing names what the table asks for and the portal lacks, and notes which fields it has.
func (i *Installer) Missing(ctx context.Context, p account.Portal) (Lack, error) {
	b, err := i.look(ctx, p)
	if err != nil {
		return Lack{}, err
	}
	todo, lacking := i.missing(b, p.Language)
	lack := Lack{Bound: slices.Clone(lacking), Robot: b.robot.lack()}
	for _, a := range todo {
		if a.step != "fields" && a.step != "robots" {
			lack.Bound = append(lack.Bound, a.what)
		}
	}
	for _, kind := range fieldKinds {
		if !slices.Contains(b.fields, kind) {
			lack.Fields = append(lack.Fields, kind)
		}
	}
	if len(b.untold) > 0 {
		return lack, nil
	}
	return lack, i.notes.NoteFirstID(ctx, p.Ref(), b.fields)
}

// Repair binds what is missing and tells how each step went. Any number of times.
func (i *Installer) Repair(ctx context.Context, p account.Portal, lang string) ([]Step, error) {
	b, err := i.look(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("look at what is bound: %w", err)
	}
	todo, lacking := i.missing(b, p.Language)
	failed := i.carryOut(ctx, p, todo)
	steps := []Step{i.step(lang, "scopes", lacking)}
	for _, code := range []string{"placements", "events"} {
		steps = append(steps, i.step(lang, code, failed[code]))
	}
	connector, err := i.connectorStep(ctx, p, lang)
	if err != nil {
		return nil, err
	}
	steps = append(steps, connector...)
	robot, err := i.robotStep(ctx, p, lang, b.robot, failed["robots"])
	if err != nil {
		return nil, err
	}
	return append(steps, i.fieldsStep(lang, failed["fields"]), robot), i.notes.NoteFirstID(ctx, p.Ref(), fieldsNow(b, todo, failed["fields"]))
}

// carryOut runs the actions side by side, so that they share requests. "Already bound" is as good as done.
func (i *Installer) carryOut(ctx context.Context, p account.Portal, todo []action) map[string][]string {
	var mu sync.Mutex
	var wait sync.WaitGroup
	failed := map[string][]string{}
	for _, a := range todo {
		wait.Go(func() {
			_, err := i.ask(ctx, p, a.kind, a.params)
			var refused *outbox.Failure
			if errors.As(err, &refused) && strings.Contains(strings.ToLower(refused.Text), "already") {
				err = nil
			}
			if err != nil {
				mu.Lock()
				failed[a.step] = append(failed[a.step], a.what+": "+wordsOf(err))
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	for _, list := range failed {
		slices.Sort(list)
	}
	return failed
}

func wordsOf(err error) string {
	var refused *outbox.Failure
	if errors.As(err, &refused) {
		if refused.Text != "" {
			return refused.Text
		}
		return refused.Code
	}
	return err.Error()
}

func (i *Installer) step(lang, code string, wrong []string) Step {
	s := Step{Code: code, OK: len(wrong) == 0, Text: i.texts.Text(lang, "install.step."+code)}
	if !s.OK {
		detail, cure := strings.Join(wrong, "; "), i.texts.Text(lang, "install.cure."+code)
		s.Detail, s.Cure = &detail, &cure
	}
	return s
}

// connectorStep keeps the connector of open lines (O1). Without the section there is nothing to tell.
func (i *Installer) connectorStep(ctx context.Context, p account.Portal, lang string) ([]Step, error) {
	look, err := i.lines.Keep(ctx, p.Ref(), outbox.Waiting)
	var refused *openlines.RefusedError
	var wrong []string
	switch {
	case errors.As(err, &refused):
		wrong = []string{refused.Words}
	case errors.Is(err, openlines.ErrNoRight):
		wrong = []string{i.texts.Text(lang, "lines.check.no_right")}
	case err != nil:
		return nil, fmt.Errorf("keep the connector: %w", err)
	case !look.Wanted:
		return nil, nil
	}
	return []Step{i.step(lang, "connector", wrong)}, nil
}
