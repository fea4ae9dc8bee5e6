package placements

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"omni/server/account"
	"omni/server/account/directory"
	"omni/server/bitrix24"
	"omni/server/telephony"
)

// Robots keeps what the robot was registered with, and knows what it lets people choose from.
type Robots interface {
	Robot(ctx context.Context, portal account.Ref) (account.Robot, error)
	NoteRobot(ctx context.Context, portal account.Ref, registered string) error
}

// robotScope is the right without which there is no robot.
const robotScope = "bizproc"

// robotState is what stands at the portal, and what should.
type robotState struct {
	// granted: the portal gives the right. listed: the robot is registered. current: with what it should be.
	granted, listed, current bool
	fields                   map[string]any
	digest                   string
	// refused is why the portal does not even tell; empty: it does.
	refused string
}

// RobotLack is how the robot is not as it should be; all false: it is, or the portal grants no right to have one.
type RobotLack struct {
	// Missing: it is not registered. Old: it is, with other choices than UIS has now. Refused are the portal's words.
	Missing, Old bool
	Refused      string
}

func (s robotState) lack() RobotLack {
	return RobotLack{Missing: s.granted && !s.listed, Old: s.listed && !s.current, Refused: s.refused}
}

// lookRobot reads whether the robot is registered (docs: bizproc.robot.list, which tells codes only). It runs after the rights are known: without the right the
// portal would refuse.
func (i *Installer) lookRobot(ctx context.Context, p account.Portal, b bound) (robotState, error) {
	s := robotState{granted: slices.Contains(b.scopes, robotScope)}
	if !s.granted {
		return s, nil
	}
	choice, err := i.robots.Robot(ctx, p.Ref())
	if err != nil {
		return s, err
	}
	s.fields = i.robot(p.Language, choice)
	if s.digest, err = digestOf(s.fields); err != nil {
		return s, err
	}
	raw, err := i.ask(ctx, p, "bizproc.robot.list", map[string]any{})
	if err != nil {
		s.refused = wordsOf(err)
		return s, nil
	}
	var codes bitrix24.List[string]
	if err := json.Unmarshal(raw, &codes); err != nil {
		return s, fmt.Errorf("bizproc.robot.list: %w", err)
	}
	s.listed = slices.Contains(codes, telephony.RobotCall)
	s.current = s.listed && s.digest == choice.Registered
	return s, nil
}

// robot describes the robot "call the client" (docs: bizproc.robot.add, bizproc.robot.update). It waits for no answer: USE_SUBSCRIPTION left out would make the
// automation wait.
func (i *Installer) robot(lang string, choice account.Robot) map[string]any {
	property := func(name, kind string, more map[string]any) map[string]any {
		p := map[string]any{"Name": i.named("robot.call." + name), "Description": i.named("robot.call." + name + "_text"), "Type": kind, "Required": "N", "Multiple": "N"}
		maps.Copy(p, more)
		return p
	}
	whom := map[string]any{}
	for _, way := range []string{telephony.RingResponsible, telephony.RingEmployee, telephony.RingScenario, telephony.RingNumber} {
		whom[way] = i.texts.Text(lang, "robot.call.ring."+way)
	}
	properties := map[string]any{
		telephony.PropertyWhom:     property(telephony.PropertyWhom, "select", map[string]any{"Options": whom, "Required": "Y", "Default": telephony.RingResponsible}),
		telephony.PropertyEmployee: property(telephony.PropertyEmployee, "user", nil),
		telephony.PropertyPhone:    property(telephony.PropertyPhone, "string", nil),
	}
	// A list without options cannot be registered usefully: it comes with the next repair after the directory was read.
	for name, entries := range map[string][]directory.Entry{telephony.PropertyScenario: choice.Scenarios, telephony.PropertyNumber: choice.Numbers} {
		if options := optionsOf(entries); len(options) > 0 {
			properties[name] = property(name, "select", map[string]any{"Options": options})
		}
	}
	return map[string]any{"HANDLER": i.base + "/bitrix24/robots/" + telephony.RobotCall, "NAME": i.named("robot.call.name"), "DESCRIPTION": i.named("robot.call.description"),
		"USE_SUBSCRIPTION": "N", "PROPERTIES": properties,
		"FILTER": map[string]any{"INCLUDE": []any{[]string{"crm", "CCrmDocumentLead"}, []string{"crm", "CCrmDocumentDeal"}, []string{"crm", "CCrmDocumentContact"}, []string{"crm", "CCrmDocumentCompany"}}}}
}

// optionsOf names each entry; a number is shown with its digits.
func optionsOf(entries []directory.Entry) map[string]any {
	options := map[string]any{}
	for _, e := range entries {
		name := e.Name
		if _, isNumber := e.Data["type"]; isNumber && name != e.ID {
			name += " (" + e.ID + ")"
		}
		options[e.ID] = name
	}
	return options
}

// named is a text in every language.
func (i *Installer) named(key string) map[string]any {
	out := map[string]any{}
	for _, lang := range i.texts.Languages() {
		out[lang] = i.texts.Text(lang, key)
	}
	return out
}

func digestOf(fields map[string]any) (string, error) {
	raw, err := json.Marshal(fields) // the keys of maps are written in order
	if err != nil {
		return "", fmt.Errorf("describe the robot: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16]), nil
}

// robotToDo registers the robot, or brings it up to date. A robot people have put into their rules keeps its values: only what they may choose changes.
func robotToDo(s robotState) []action {
	switch {
	case !s.granted, s.refused != "", s.current:
		return nil
	case s.listed:
		return []action{{"robots", telephony.RobotCall, "bizproc.robot.update", map[string]any{"CODE": telephony.RobotCall, "FIELDS": s.fields}}}
	}
	params := map[string]any{"CODE": telephony.RobotCall}
	maps.Copy(params, s.fields)
	return []action{{"robots", telephony.RobotCall, "bizproc.robot.add", params}}
}

// robotStep tells how registering went, and keeps it. It is never in the way of finishing the installation: without the robot its feature is off, and the
// self-check says so.
func (i *Installer) robotStep(ctx context.Context, p account.Portal, lang string, s robotState, refused []string) (Step, error) {
	step := Step{Code: "robots", OK: true, Text: i.texts.Text(lang, "install.step.robots")}
	if s.refused != "" {
		refused = append(refused, s.refused)
	}
	detail := ""
	switch {
	case !s.granted:
		detail = i.texts.Text(lang, "install.robots_no_right")
	case len(refused) > 0:
		detail = i.texts.Text(lang, "install.robots_off", "words", refused[0])
	case s.current:
		return step, nil
	default:
		return step, i.robots.NoteRobot(ctx, p.Ref(), s.digest)
	}
	step.Detail = &detail
	return step, nil
}
