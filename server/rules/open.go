package rules

import (
	"maps"
	"slices"
)

// ParameterKnown is from when on a communication of a kind has the value that a condition asks for; Never: it never has.
func ParameterKnown(name string, kind Kind) Moment { return parameter()[name].Known[kind] }

// VariableKnown is the same of what a template or an extra field asks for.
func VariableKnown(name string, kind Kind) Moment { return variable()[name].Known[kind] }

// Open are the parameters that still decide which of some filters, tried in their order, is the first to hold: those of which missing says that nobody has told
// them yet, as far as what is known leaves the matter open. None: whatever they will be told, First answers the same.
func Open(filters []Filter, p Params, missing func(param string) bool) []string {
	open := map[string]bool{}
	for _, f := range filters {
		if f.open(p, missing, open) {
			break
		}
	}
	return slices.Sorted(maps.Keys(open))
}

// open notes the missing parameters that the filter hangs on; true: it holds without them.
func (f Filter) open(p Params, missing func(string) bool, into map[string]bool) bool {
	if len(f) == 0 {
		return true
	}
	var asked []string
	for _, group := range f {
		var known, unknown []Condition
		for _, c := range group {
			if missing(c.Param) {
				unknown = append(unknown, c)
			} else {
				known = append(known, c)
			}
		}
		switch {
		case !holdsAll(known, p):
		case len(unknown) == 0:
			return true
		default:
			for _, c := range unknown {
				asked = append(asked, c.Param)
			}
		}
	}
	for _, param := range asked {
		into[param] = true
	}
	return false
}
