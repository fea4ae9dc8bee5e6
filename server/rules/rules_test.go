package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"omni/locales"
	"omni/server/rules"
)

func in(param string, values ...string) rules.Condition {
	return rules.Condition{Param: param, Op: rules.Include, Values: values}
}

func out(param string, values ...string) rules.Condition {
	return rules.Condition{Param: param, Op: rules.Exclude, Values: values}
}

// R1: AND inside a group, OR between groups, several values, a parameter the communication does not have.
func TestR1Filter(t *testing.T) {
	t.Parallel()
	call := rules.Params{"virtual_number": {"74950000001"}, "scenario": {"7"}, "group": {"1", "2"}}
	rows := []struct {
		name   string
		filter rules.Filter
		want   bool
	}{
		{"empty matches everything", nil, true},
		{"listed", rules.Filter{{in("scenario", "7")}}, true},
		{"one of several", rules.Filter{{in("scenario", "5", "7")}}, true},
		{"not listed", rules.Filter{{in("scenario", "5")}}, false},
		{"excluded", rules.Filter{{out("scenario", "7")}}, false},
		{"not excluded", rules.Filter{{out("scenario", "5")}}, true},
		{"AND: both", rules.Filter{{in("scenario", "7"), in("virtual_number", "74950000001")}}, true},
		{"AND: one fails", rules.Filter{{in("scenario", "7"), in("virtual_number", "74950000002")}}, false},
		{"OR: the second group", rules.Filter{{in("scenario", "5")}, {out("scenario", "5")}}, true},
		{"OR: none", rules.Filter{{in("scenario", "5")}, {in("scenario", "6")}}, false},
		{"no value: include fails", rules.Filter{{in("site", "1")}}, false},
		{"no value: exclude holds", rules.Filter{{out("site", "1")}}, true},
		{"several values: one is listed", rules.Filter{{in("group", "2")}}, true},
		{"several values: one is excluded", rules.Filter{{out("group", "2")}}, false},
	}
	for _, row := range rows {
		require.Equal(t, row.want, row.filter.Holds(call), row.name)
	}
}

func condition() *rapid.Generator[rules.Condition] {
	return rapid.Custom(func(t *rapid.T) rules.Condition {
		return rules.Condition{Param: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "param"), Op: rapid.SampledFrom([]rules.Op{rules.Include, rules.Exclude}).Draw(t, "op"),
			Values: rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "3"}), 1, 3).Draw(t, "values")}
	})
}

func filter() *rapid.Generator[rules.Filter] {
	return rapid.Map(rapid.SliceOfN(rapid.SliceOfN(condition(), 1, 3), 0, 3), func(groups [][]rules.Condition) rules.Filter { return groups })
}

func params() *rapid.Generator[rules.Params] {
	return rapid.Custom(func(t *rapid.T) rules.Params {
		p := rules.Params{}
		for _, name := range []string{"a", "b", "c"} {
			if values := rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "3"}), 0, 2).Draw(t, name); len(values) > 0 {
				p[name] = values
			}
		}
		return p
	})
}

// The equivalences of AND and OR, and of include and exclude.
func TestR1FilterLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, f, g := params().Draw(t, "params"), filter().Draw(t, "f"), filter().Draw(t, "g")
		c := condition().Draw(t, "condition")
		if len(f) > 0 && len(g) > 0 {
			require.Equal(t, f.Holds(p) || g.Holds(p), slices.Concat(f, g).Holds(p), "groups are joined by OR")
		}
		reversed := slices.Clone(f)
		slices.Reverse(reversed)
		require.Equal(t, f.Holds(p), reversed.Holds(p), "the order of groups does not matter")
		narrowed := make(rules.Filter, len(f))
		for i, group := range f {
			narrowed[i] = append(slices.Clone(group), c)
		}
		if len(f) > 0 {
			require.Equal(t, f.Holds(p) && rules.Filter{{c}}.Holds(p), narrowed.Holds(p), "a row in every group is AND")
		}
		opposite := c
		opposite.Op = map[rules.Op]rules.Op{rules.Include: rules.Exclude, rules.Exclude: rules.Include}[c.Op]
		require.NotEqual(t, rules.Filter{{c}}.Holds(p), rules.Filter{{opposite}}.Holds(p), "exclude is the opposite of include")
		several := rules.Filter{}
		for _, v := range c.Values {
			several = append(several, []rules.Condition{in(c.Param, v)})
		}
		require.Equal(t, several.Holds(p), rules.Filter{{in(c.Param, c.Values...)}}.Holds(p), "several values are joined by OR")
	})
}

// R3, each place of the table: what include and exclude come to, with the default in between.
func TestR3FirstRuleThatHolds(t *testing.T) {
	t.Parallel()
	ours, theirs := rules.Params{"site": {"1"}}, rules.Params{"site": {"2"}}
	rows := []struct {
		name  string
		rules []rules.Filter
		call  rules.Params
		want  int
	}{
		{"no rule: the default", nil, ours, -1},
		{"include, matching: the rule", []rules.Filter{{{in("site", "1")}}}, ours, 0},
		{"include, another: the default", []rules.Filter{{{in("site", "1")}}}, theirs, -1},
		{"exclude, matching: the default", []rules.Filter{{{out("site", "1")}}}, ours, -1},
		{"exclude, another: the rule", []rules.Filter{{{out("site", "1")}}}, theirs, 0},
		{"the first that holds wins", []rules.Filter{{{in("site", "2")}}, {{in("site", "1")}}, {}}, ours, 1},
		{"a rule without conditions always holds", []rules.Filter{{{in("site", "2")}}, {}}, ours, 1},
	}
	for _, row := range rows {
		require.Equal(t, row.want, rules.First(row.rules, row.call), row.name)
	}
	rapid.Check(t, func(t *rapid.T) {
		list, p := rapid.SliceOfN(filter(), 0, 6).Draw(t, "rules"), params().Draw(t, "params")
		n := rules.First(list, p)
		for i, f := range list {
			require.Equal(t, i == n, n == i && f.Holds(p))
			require.False(t, (n < 0 || i < n) && f.Holds(p), "rule %d holds and stands before %d", i, n)
		}
		if dead := rules.Unreachable(list); dead >= 0 {
			require.Less(t, n, dead, "a rule that is never reached")
		}
	})
	require.Equal(t, -1, rules.Unreachable([]rules.Filter{{{in("site", "1")}}, {}}), "an empty rule at the end hides nothing")
	require.Equal(t, 1, rules.Unreachable([]rules.Filter{{}, {{in("site", "1")}}}))
}

// R2, cell by cell.
func TestR2ParametersByPlace(t *testing.T) {
	t.Parallel()
	six := "virtual_number scenario campaign first_campaign site source"
	chat := "scenario group employee campaign site source channel_type channel"
	request := "scenario group employee campaign site source form"
	want := map[rules.Place]string{
		rules.InboundFilter:  "virtual_number last_operation scenario group employee campaign first_campaign site source",
		rules.OutboundFilter: "virtual_number employee",
		rules.CallFunnel:     six, rules.CallResponsible: six, rules.CallTitle: "virtual_number scenario campaign site source",
		rules.ChatFilter: chat, rules.ChatFunnel: chat, rules.ChatResponsible: chat,
		rules.RequestFilter: request, rules.RequestFunnel: request, rules.RequestResponsible: request,
	}
	require.Len(t, want, len(rules.Places()))
	for _, place := range rules.Places() {
		var names []string
		for _, p := range rules.ParametersAt(place) {
			names = append(names, p.Name)
			require.NotEqual(t, rules.Never, p.Known[place.Kind()], "%s at %s is never known", p.Name, place)
			require.True(t, p.Free || p.Directory != "" || len(p.Values) > 0, "%s has values to choose from", p.Name)
		}
		require.Equal(t, strings.Fields(want[place]), names, "%s", place)
	}
	always := []rules.Op{rules.Include}
	for _, place := range []rules.Place{rules.CallResponsible, rules.CallTitle, rules.ChatResponsible, rules.RequestResponsible} {
		require.Equal(t, always, place.Ops())
	}
	require.Equal(t, []rules.Op{rules.Include, rules.Exclude}, rules.InboundFilter.Ops())
}

// T8a: conditions on employee, chosen group or last operation, in any group and either way, wait for the answer.
func TestT8aWhatAFilterWaitsFor(t *testing.T) {
	t.Parallel()
	require.Equal(t, rules.Never, rules.Needed(nil, rules.Call))
	require.Equal(t, rules.AtStart, rules.Needed(rules.Filter{{in("virtual_number", "1"), in("site", "2")}}, rules.Call))
	for _, param := range []string{"employee", "group", "last_operation"} {
		require.Equal(t, rules.AtAnswer, rules.Needed(rules.Filter{{in("site", "1")}, {in("site", "2"), out(param, "3")}}, rules.Call), param)
	}
}

func TestCheckFilter(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name  string
		place rules.Place
		row   rules.Condition
		want  string
	}{
		{"right", rules.InboundFilter, in("virtual_number", "74950000001"), ""},
		{"no parameter", rules.InboundFilter, in("", "1"), "param required"},
		{"unknown parameter", rules.InboundFilter, in("weather", "1"), "param unknown"},
		{"not at this place", rules.OutboundFilter, in("scenario", "1"), "param not_here"},
		{"a chat's parameter at a call", rules.CallFunnel, in("channel", "1"), "param not_here"},
		{"no condition", rules.InboundFilter, rules.Condition{Param: "site", Values: []string{"1"}}, "op required"},
		{"a condition of its own", rules.InboundFilter, rules.Condition{Param: "site", Op: "like", Values: []string{"1"}}, "op choice"},
		{"exclude where a row always includes", rules.CallTitle, out("site", "1"), "op choice"},
		{"half filled", rules.InboundFilter, in("site"), "values required"},
		{"an empty value", rules.InboundFilter, in("site", "1", ""), "values required"},
		{"a value twice", rules.InboundFilter, in("site", "1", "1"), "values twice"},
		{"a channel type that is none", rules.ChatFilter, in("channel_type", "pigeon"), "values choice"},
		{"a channel type", rules.ChatFilter, in("channel_type", "whatsapp"), ""},
	}
	for _, row := range rows {
		var got []string
		for _, w := range rules.Check(rules.Filter{{in("employee", "1")}, {row.row}}[btoi(row.place == rules.CallFunnel || row.place == rules.CallTitle):], row.place) {
			got = append(got, w.Field+" "+w.Code)
		}
		require.Equal(t, row.want, strings.Join(got, ", "), row.name)
	}
	require.Equal(t, "required", rules.Check(rules.Filter{{}}, rules.ChatFilter)[0].Code, "an empty group")
	many := make(rules.Filter, rules.MaxGroups+1)
	require.Equal(t, "many", rules.Check(many, rules.ChatFilter)[0].Code)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestR4CheckTemplate(t *testing.T) {
	t.Parallel()
	rows := []struct {
		template string
		kind     rules.Kind
		want     []rules.Fault
	}{
		{"", rules.Call, nil},
		{"Входящий звонок на номер {{contact_phone_number}} из приложения {{ app_name }}", rules.Call, nil},
		{"Чат {{погода}}", rules.Chat, []rules.Fault{{At: 4, Code: "unknown", Name: "погода"}}},
		{"{{chat_id}}", rules.Call, []rules.Fault{{Code: "not_here", Name: "chat_id"}}},
		{"Имя {{name", rules.Chat, []rules.Fault{{At: 4, Code: "unclosed"}}},
		{"{{ }} {{name}} {{x}}", rules.Chat, []rules.Fault{{Code: "empty"}, {At: 15, Code: "unknown", Name: "x"}}},
		{strings.Repeat("я", rules.MaxTemplate+1), rules.Chat, []rules.Fault{{At: rules.MaxTemplate, Code: "long"}}},
	}
	for _, row := range rows {
		require.Equal(t, row.want, rules.CheckTemplate(row.template, row.kind), row.template)
	}
}

// R4: a value never brings markup, a line break or a further variable in, whatever clients call themselves; a missing one is empty.
func TestR4RenderIsPlain(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Чат с посетителем", rules.Render("Чат {{channel}} с посетителем {{name}}", nil, 255))
	require.Equal(t, "{{app_name}}", rules.Render("{{name}}", map[string]string{"name": "{{app_name}}", "app_name": "x"}, 255), "a value is not read again")
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"[b]x[/b]", "<script>alert(1)</script>", "a\r\nb", "[url=https://evil.example]x[/url]", "\u202egnp", "{{app_name}}"})).Draw(t, "name")
		limit := rapid.IntRange(1, 60).Draw(t, "limit")
		title := rules.Render("Чат: {{name}}", map[string]string{"name": name}, limit)
		require.LessOrEqual(t, utf8.RuneCountInString(title), limit)
		require.NotContains(t, title, "[")
		require.NotContains(t, title, "<")
		for _, r := range title {
			require.False(t, unicode.IsControl(r) || r == '\u202e' || r == '\u2028' || r == '\u2029', "%U", r)
		}
	})
}

// R7, R7a.
func TestR7Fields(t *testing.T) {
	t.Parallel()
	rows := []rules.Mapping{{"lead", "UF_1", "utm_source", false}, {"lead", "UF_2", "site_domain_name", true}, {"deal", "UF_3", "utm_source", true}, {"lead", "UF_4", "campaign_name", true}}
	values := map[string]string{"utm_source": "vesna", "site_domain_name": "shop.example"}
	require.Equal(t, map[string]string{"UF_1": "vesna", "UF_2": "shop.example"}, rules.Fields(rows, "lead", true, values), "an empty parameter clears nothing")
	require.Equal(t, map[string]string{"UF_2": "shop.example"}, rules.Fields(rows, "lead", false, values), "only what is always updated")
	require.Empty(t, rules.Fields(rows, "contact", true, values), "a row writes only to its own kind")
	require.Equal(t, []string{"chat:5", "chat:5", "call:7", "request:9"},
		[]string{rules.FirstID(rules.Chat, "5"), rules.FirstID(rules.Line, "5"), rules.FirstID(rules.Call, "7"), rules.FirstID(rules.Request, "9")})
}

// Every parameter and variable is declared once, has a text in every language, and a sample to show.
func TestCatalogueHasTexts(t *testing.T) {
	t.Parallel()
	texts, err := locales.Load()
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, v := range rules.AllVariables() {
		require.False(t, seen[v.Name], "%s is declared twice", v.Name)
		seen[v.Name] = true
		require.NotEmpty(t, v.Known, v.Name)
		for _, lang := range texts.Languages() {
			require.True(t, texts.Has(lang, "variable."+v.Name), "%s has no text variable.%s", lang, v.Name)
			require.True(t, texts.Has(lang, "variable_hint."+v.Name), "R4: %s has no text variable_hint.%s", lang, v.Name)
			require.True(t, texts.Has(lang, "variable_group."+v.Group), "%s has no text variable_group.%s", lang, v.Group)
		}
	}
	for _, p := range rules.Parameters() {
		for _, lang := range texts.Languages() {
			require.True(t, texts.Has(lang, "param."+p.Name), "%s has no text param.%s", lang, p.Name)
		}
	}
}

// BenchmarkFirst judges 200 rules none of which holds.
func BenchmarkFirst(b *testing.B) {
	list := make([]rules.Filter, 200)
	for i := range list {
		list[i] = rules.Filter{{in("virtual_number", fmt.Sprint(7495000000+i), fmt.Sprint(7812000000+i)), out("site", "1", "2", "3")}, {in("campaign", fmt.Sprint(i), fmt.Sprint(i+1000)), in("scenario", "99")}}
	}
	p := rules.Params{"virtual_number": {"74991112233"}, "site": {"5"}, "campaign": {"77777"}, "scenario": {"7"}}
	for b.Loop() {
		if rules.First(list, p) >= 0 {
			b.Fatal("a rule holds")
		}
	}
}
