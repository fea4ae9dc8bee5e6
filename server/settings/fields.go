package settings

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"omni/server/rules"
)

// use says whether a field acts, and whether it must be filled while it does. What does not act is compared with nothing: its page disables or hides it,
// so that nobody could mend it. What no page could have saved (an unknown choice, a number with letters) is refused all the same.
type use struct{ acts, must bool }

func (v *validator) wrong(field, code string) { v.errors = append(v.errors, FieldError{field, code}) }

func (v *validator) choice(field, value string, choices []string) {
	switch {
	case value == "":
		v.wrong(field, "required")
	case !slices.Contains(choices, value):
		v.wrong(field, "choice")
	}
}

func (v *validator) missing(field string, mandatory bool) {
	if mandatory {
		v.wrong(field, "required")
	}
}

func (v *validator) many(at string, n int) {
	if n > maxRules {
		v.wrong(at, "many")
	}
}

func (v *validator) portal(field string, id *int64, required bool) {
	switch {
	case id == nil:
		v.missing(field, required)
	case v.known.Portals != nil && !v.known.Portals[*id]:
		v.wrong(field, "gone")
	}
}

func (v *validator) user(field string, id *int64, u use) {
	switch {
	case !u.acts:
	case id == nil || *id == 0:
		v.missing(field, u.must)
	case *id < 0, v.here.Users != nil && !v.here.Users[*id]:
		v.wrong(field, "gone")
	}
}

func (v *validator) number(field string, number *string, u use) {
	switch {
	case empty(number):
		v.missing(field, u.acts && u.must)
	case strings.Trim(*number, "0123456789") != "":
		v.wrong(field, "digits")
	case u.acts && v.known.Numbers != nil && !v.known.Numbers[*number]:
		v.wrong(field, "gone")
	}
}

func (v *validator) responsibles(at string, list []ResponsibleRule, place rules.Place, acts bool) {
	v.many(at, len(list))
	for i, r := range list {
		row := fmt.Sprintf("%s/%d", at, i)
		v.filter(row+"/filter", r.Filter, place, acts)
		v.user(row+"/user", &r.User, use{acts: acts, must: true})
	}
	if acts {
		v.repeated(at, len(list), func(i int) (string, rules.Filter) { return "", list[i].Filter })
	}
}

// fields: both sides of a row are mandatory (R7); a parameter must be one that this kind of communication can have, a field one that the portal has, for
// calls a text one.
func (v *validator) fields(at string, list []FieldMapping, kind rules.Kind, acts bool) {
	v.many(at, len(list))
	known := map[string]bool{}
	for _, variable := range rules.VariablesOf(kind) {
		known[variable.Name] = true
	}
	for i, f := range list {
		row := fmt.Sprintf("%s/%d", at, i)
		if acts || f.Entity != "" {
			v.choice(row+"/entity", f.Entity, entities)
		}
		if acts {
			v.field(row+"/field", f, kind)
		}
		switch {
		case f.Param == "":
			v.missing(row+"/param", acts)
		case !known[f.Param]:
			v.wrong(row+"/param", "variable")
		case acts && slices.ContainsFunc(list[:i], func(o FieldMapping) bool { return o.Entity == f.Entity && o.Field == f.Field && f.Field != "" }):
			v.wrong(row+"/field", "twice")
		}
	}
}

// field compares the field of a row with those of the portal.
func (v *validator) field(at string, f FieldMapping, kind rules.Kind) {
	text, there := v.here.Fields[f.Entity+":"+f.Field]
	switch {
	case f.Field == "":
		v.wrong(at, "required")
	case f.Entity == "" || v.here.Fields == nil:
	case !there:
		v.wrong(at, "gone")
	case kind == rules.Call && !text:
		v.wrong(at, "not_text")
	}
}

func (v *validator) lines(l Lines) {
	v.portal("/lines/portal", l.Portal, false)
	v.fields("/lines/fields", l.Fields, rules.Line, true)
	for _, channel := range slices.Sorted(maps.Keys(l.AutoCloseMin)) {
		at := "/lines/auto_close_min/" + escape(channel)
		minutes := l.AutoCloseMin[channel]
		// No minutes are no closing: what is left of a channel that is gone does nothing, and its page does not show it.
		if id, err := strconv.ParseInt(channel, 10, 64); err != nil || id <= 0 || minutes != 0 && v.known.Channels != nil && !v.known.Channels[id] {
			v.wrong(at, "gone")
		}
		if minutes < 0 || minutes > maxAutoClose {
			v.wrong(at, "range")
		}
	}
}

// filter: whether its rows are whole and allowed here (R1, R2) is looked at always, whether what they name is still there only while it acts.
func (v *validator) filter(at string, f rules.Filter, place rules.Place, acts bool) {
	wrong := rules.Check(f, place)
	if acts {
		wrong = append(wrong, rules.Gone(f, place, func(directory string) map[string]bool { return v.known.Lists[directory] })...)
	}
	for _, w := range wrong {
		field := fmt.Sprintf("%s/%d", at, w.Group)
		if w.Field != "" {
			field = fmt.Sprintf("%s/%d/%s", field, w.Row, w.Field)
		}
		if w.Value >= 0 {
			field = fmt.Sprintf("%s/%d", field, w.Value)
		}
		code := w.Code
		if code == "unknown" {
			code = "parameter"
		}
		v.wrong(field, code)
	}
}

// repeated names the rules of a list whose conditions stand in an earlier one already: they would never be reached (R3). of tells what a rule is about
// besides, and its filter; rules without conditions are told of by the page, which warns of everything behind them.
func (v *validator) repeated(at string, n int, of func(i int) (string, rules.Filter)) {
	seen := make(map[string]bool, n)
	for i := range n {
		about, filter := of(i)
		if len(filter) == 0 {
			continue
		}
		key := about + "\n" + filter.Canonical()
		if seen[key] {
			v.wrong(fmt.Sprintf("%s/%d/filter", at, i), "same_rule")
		}
		seen[key] = true
	}
}

// template names its first fault; the page checks the text as it is typed and shows all of them.
func (v *validator) template(at, text string, kind rules.Kind) {
	if faults := rules.CheckTemplate(text, kind); len(faults) > 0 {
		code := faults[0].Code
		if code == "unknown" || code == "not_here" || code == "empty" {
			code = "variable"
		}
		v.wrong(at, code)
	}
}
