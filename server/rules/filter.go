// Package rules holds the pure rules of every section: filters over a communication's parameters, first-match lists, and title templates.
package rules

import (
	"slices"
	"strconv"
	"strings"
)

// Op is the condition of a row.
type Op string

// The conditions of R1.
const (
	Include Op = "include"
	Exclude Op = "exclude"
)

// Condition is one row of a filter: a parameter, include or exclude, and one or more values.
type Condition struct {
	Param  string   `json:"param"`
	Op     Op       `json:"op"`
	Values []string `json:"values"`
}

// Filter is groups of conditions: AND inside a group, OR between groups; an empty one matches everything (R1).
type Filter [][]Condition

// Params are the values a communication has, by parameter. A parameter may have several values (groups); none is an empty list.
type Params map[string][]string

// Holds tells whether the filter matches. Include holds when one of the communication's values is listed, exclude when none is:
// a parameter without a value fails include and passes exclude.
func (f Filter) Holds(p Params) bool {
	if len(f) == 0 {
		return true
	}
	for _, group := range f {
		if holdsAll(group, p) {
			return true
		}
	}
	return false
}

func holdsAll(group []Condition, p Params) bool {
	for _, c := range group {
		listed := false
		for _, have := range p[c.Param] {
			for _, want := range c.Values {
				listed = listed || have == want
			}
		}
		if listed != (c.Op == Include) {
			return false
		}
	}
	return true
}

// Canonical is the filter as text, the same for filters that differ in the order of groups, rows or values only.
func (f Filter) Canonical() string {
	groups := make([]string, len(f))
	for g, group := range f {
		rows := make([]string, len(group))
		for r, c := range group {
			values := slices.Compact(slices.Sorted(slices.Values(c.Values)))
			for i, v := range values {
				values[i] = strconv.Quote(v)
			}
			rows[r] = c.Param + " " + string(c.Op) + " " + strings.Join(values, ",")
		}
		groups[g] = strings.Join(slices.Compact(slices.Sorted(slices.Values(rows))), "&")
	}
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(groups))), "|")
}
