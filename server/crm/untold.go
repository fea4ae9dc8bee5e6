package crm

import (
	"maps"
	"slices"

	"omni/server/rules"
	"omni/server/settings"
)

// Untold are the parameters and variables that the section of chats or of requests looks at before a communication goes to the CRM and that are missing, as the two
// functions tell: in the filter, in rules and in the template of what may be created, and in rows of extra fields (R2, R4, R7). A communication that its filter keeps
// out whatever they are needs none. It is pure.
func Untold(s settings.Common, params rules.Params, rows []string, missingParam, missingVariable func(name string) bool) []string {
	open := rules.Open([]rules.Filter{s.Filter}, params, missingParam)
	if len(open) == 0 && !s.Filter.Holds(params) {
		return nil
	}
	asked := map[string]bool{}
	note := func(names []string) {
		for _, name := range names {
			asked[name] = true
		}
	}
	note(open)
	if makes(s.First) || makes(s.Repeat) {
		note(rules.Open(filtersOf(s.Responsibles, func(r settings.ResponsibleRule) rules.Filter { return r.Filter }), params, missingParam))
	}
	wanted := slices.Clone(rows)
	form := func(what settings.Creation, funnel settings.ChatFunnel) {
		if !makes(what, string(Lead), string(Deal)) {
			return
		}
		wanted = append(wanted, rules.Variables(s.Template)...)
		if funnel.On {
			note(rules.Open(filtersOf(funnel.Rules, func(r settings.FunnelRule) rules.Filter { return r.Filter }), params, missingParam))
		}
	}
	form(s.First, s.FunnelFirst)
	form(s.Repeat, s.FunnelRepeat)
	note(slices.DeleteFunc(wanted, func(name string) bool { return !missingVariable(name) }))
	return slices.Sorted(maps.Keys(asked))
}

func filtersOf[T any](list []T, of func(T) rules.Filter) []rules.Filter {
	out := make([]rules.Filter, len(list))
	for i, one := range list {
		out[i] = of(one)
	}
	return out
}

// makes tells whether a form makes anything, or anything of some kinds.
func makes(c settings.Creation, kinds ...string) bool {
	return c.On && slices.ContainsFunc(c.Create, func(kind string) bool { return len(kinds) == 0 || slices.Contains(kinds, kind) })
}
