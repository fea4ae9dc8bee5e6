package rules_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"omni/server/rules"
)

// R1, R3: what has to be asked for before a list of rules is judged, and what need not be.
func TestOpen(t *testing.T) {
	t.Parallel()
	known := rules.Params{"channel": {"20"}}
	for name, row := range map[string]struct {
		filters []rules.Filter
		want    []string
	}{
		"no rules":                               {nil, nil},
		"what is told":                           {[]rules.Filter{{{in("channel", "20")}}, {{in("channel", "21")}}}, nil},
		"what is not":                            {[]rules.Filter{{{in("site", "41")}}}, []string{"site"}},
		"an exclusion as well":                   {[]rules.Filter{{{out("site", "41"), out("campaign", "7")}}}, []string{"campaign", "site"}},
		"a group that fails already":             {[]rules.Filter{{{in("channel", "21"), in("site", "41")}}}, nil},
		"a group that may hold beside it":        {[]rules.Filter{{{in("channel", "21"), in("site", "41")}, {in("channel", "20"), in("source", "x")}}}, []string{"source"}},
		"another group holds already":            {[]rules.Filter{{{in("site", "41")}, {in("channel", "20")}}}, nil},
		"behind a rule that holds":               {[]rules.Filter{{{in("channel", "20")}}, {{in("site", "41")}}}, nil},
		"behind a rule without conditions":       {[]rules.Filter{{}, {{in("site", "41")}}}, nil},
		"before it":                              {[]rules.Filter{{{in("site", "41")}}, {}, {{in("source", "x")}}}, []string{"site"}},
		"behind one that hangs on it":            {[]rules.Filter{{{in("site", "41")}}, {{in("campaign", "7")}}}, []string{"campaign", "site"}},
		"a rule that is told and does not hold":  {[]rules.Filter{{{in("channel", "21")}}, {{in("site", "41")}}}, []string{"site"}},
		"a known one in a group with an unknown": {[]rules.Filter{{{in("channel", "20"), in("site", "41")}}}, []string{"site"}},
	} {
		require.Equal(t, row.want, rules.Open(row.filters, known, func(param string) bool { return param != "channel" }), name)
	}
}

// Whatever is told of the parameters that are not named as open, the same rule is the first.
func TestOpenNamesAllThatDecides(t *testing.T) {
	t.Parallel()
	values := rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "3"}), 0, 2)
	filter := rapid.Custom(func(t *rapid.T) rules.Filter {
		return rapid.SliceOfN(rapid.SliceOfN(condition(), 1, 3), 0, 3).Draw(t, "groups")
	})
	rapid.Check(t, func(t *rapid.T) {
		filters := rapid.SliceOfN(filter, 0, 4).Draw(t, "filters")
		hidden := map[string]bool{"b": true, "c": rapid.Bool().Draw(t, "c is hidden")}
		open := rules.Open(filters, rules.Params{"a": {"1"}, "c": {"2"}}, func(param string) bool { return hidden[param] })
		one, other := rules.Params{"a": {"1"}, "c": {"2"}}, rules.Params{"a": {"1"}, "c": {"2"}}
		for param, yes := range hidden {
			if !yes {
				continue
			}
			one[param] = values.Draw(t, "one "+param)
			if other[param] = one[param]; !slices.Contains(open, param) {
				other[param] = values.Draw(t, "other "+param)
			}
		}
		require.Equal(t, rules.First(filters, one), rules.First(filters, other))
	})
}

// The moments of the catalogue by name (R2, R4).
func TestKnownByName(t *testing.T) {
	t.Parallel()
	require.Equal(t, []rules.Moment{rules.AtReport, rules.AtStart, rules.AtStart, rules.Never, rules.Never}, []rules.Moment{rules.ParameterKnown("site", rules.Chat),
		rules.ParameterKnown("site", rules.Call), rules.ParameterKnown("channel", rules.Chat), rules.ParameterKnown("form", rules.Chat), rules.ParameterKnown("nothing", rules.Chat)})
	require.Equal(t, []rules.Moment{rules.AtReport, rules.AtEnd, rules.AtStart, rules.Never}, []rules.Moment{rules.VariableKnown("channel", rules.Chat),
		rules.VariableKnown("tag_names", rules.Chat), rules.VariableKnown("name", rules.Chat), rules.VariableKnown("direction", rules.Chat)})
}
