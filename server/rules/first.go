package rules

import "slices"

// First is the number of the first rule whose filter holds, in the order shown; -1: none does and the default counts (R3). A rule without conditions
// always holds.
func First(filters []Filter, p Params) int {
	for i, f := range filters {
		if f.Holds(p) {
			return i
		}
	}
	return -1
}

// Unreachable is the number of the first rule that is never reached, because one before it has no conditions; -1: all are reached. The cabinet
// warns of it (R3).
func Unreachable(filters []Filter) int {
	for i, f := range filters[:max(0, len(filters)-1)] {
		if len(f) == 0 {
			return i + 1
		}
	}
	return -1
}

// Wrong is a condition that cannot be saved: where it stands, and why.
type Wrong struct {
	Group, Row int
	// Field is param, op or values; Value is the number of the wrong value, -1 for none of them.
	Field string
	Value int
	// Code is required, unknown, not_here, choice, twice or many.
	Code string
}

// The most a filter may hold; more is a mistake of a program, not a wish of a person.
const (
	MaxGroups = 50
	MaxRows   = 50
	MaxValues = 500
)

// Check tells what is wrong with a filter at its place (R1, R2): a half-filled row, a parameter or condition the place does not offer.
func Check(f Filter, at Place) []Wrong {
	if len(f) > MaxGroups {
		return []Wrong{{Group: MaxGroups, Value: -1, Code: "many"}}
	}
	var list []Wrong
	for g, group := range f {
		switch {
		case len(group) == 0:
			list = append(list, Wrong{Group: g, Value: -1, Code: "required"})
		case len(group) > MaxRows:
			list = append(list, Wrong{Group: g, Row: MaxRows, Value: -1, Code: "many"})
			continue
		}
		for r, c := range group {
			for _, w := range checkRow(c, at) {
				w.Group, w.Row = g, r
				list = append(list, w)
			}
		}
	}
	return list
}

func checkRow(c Condition, at Place) []Wrong {
	var list []Wrong
	add := func(field, code string, value int) {
		list = append(list, Wrong{Field: field, Code: code, Value: value})
	}
	asked, code := find(c.Param, at)
	if code != "" {
		add("param", code, -1)
	}
	if !slices.Contains(at.Ops(), c.Op) {
		add("op", map[bool]string{true: "required", false: "choice"}[c.Op == ""], -1)
	}
	switch {
	case len(c.Values) == 0:
		add("values", "required", -1)
	case len(c.Values) > MaxValues:
		add("values", "many", -1)
	default:
		seen := make(map[string]bool, len(c.Values))
		for i, v := range c.Values {
			switch {
			case v == "":
				add("values", "required", i)
			case seen[v]:
				add("values", "twice", i)
			case code == "" && asked.Directory == "" && !asked.Free && !slices.Contains(asked.Values, v):
				add("values", "choice", i)
			}
			seen[v] = true
		}
	}
	return list
}

// Gone tells which values of a filter are in the list of their parameter no more. A directory that was not read (nil) is not compared with (S4, U4).
func Gone(f Filter, at Place, listed func(directory string) map[string]bool) []Wrong {
	var list []Wrong
	for g, group := range f {
		for r, c := range group {
			asked, code := find(c.Param, at)
			if code != "" || asked.Directory == "" {
				continue
			}
			there := listed(asked.Directory)
			for i, v := range c.Values {
				if there != nil && v != "" && !there[v] {
					list = append(list, Wrong{Group: g, Row: r, Field: "values", Value: i, Code: "gone"})
				}
			}
		}
	}
	return list
}

// find answers the parameter, or why a condition of that place cannot ask for it.
func find(name string, at Place) (Parameter, string) {
	if name == "" {
		return Parameter{}, "required"
	}
	p, known := parameter()[name]
	switch {
	case !known:
		return Parameter{}, "unknown"
	case !p.Allowed(at):
		return p, "not_here"
	}
	return p, ""
}
