package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"omni/server/rules"
)

const (
	// judged is how many rules a communication is held against, none of which holds: all of them are looked at.
	judged = 200
	// judgedAtOnce and judgings are how many communications one measurement judges, and how many measurements there are.
	judgedAtOnce = 200
	judgings     = 200
)

// judge measures what a communication's rules cost (issue 4). The yardstick looks for the same values in the same lists by hand, one after the other, in
// turn with it.
func (s *stand) judge(context.Context) ([]figure, error) {
	list := make([]rules.Filter, judged)
	for i := range list {
		list[i] = rules.Filter{
			{{Param: "virtual_number", Op: rules.Include, Values: []string{fmt.Sprint(74950000000 + i), fmt.Sprint(78120000000 + i)}}, {Param: "site", Op: rules.Exclude, Values: []string{"1", "2", "3"}}},
			{{Param: "campaign", Op: rules.Include, Values: []string{fmt.Sprint(i), fmt.Sprint(i + 1000)}}, {Param: "scenario", Op: rules.Include, Values: []string{"99"}}},
		}
	}
	have := rules.Params{"virtual_number": {"74991112233"}, "site": {"5"}, "campaign": {"77777"}, "scenario": {"7"}}
	var took, bare []time.Duration
	for range judgings {
		began := time.Now()
		for range judgedAtOnce {
			if rules.First(list, have) >= 0 {
				return nil, errors.New("a rule holds that should not")
			}
		}
		took = append(took, time.Since(began)/judgedAtOnce)
		began = time.Now()
		found := false
		for range judgedAtOnce {
			for _, filter := range list {
				found = found || slices.Contains(filter[0][0].Values, "74991112233") || slices.Contains(filter[1][0].Values, "77777")
			}
		}
		if found {
			return nil, errors.New("a value was found that is not there")
		}
		bare = append(bare, time.Since(began)/judgedAtOnce)
	}
	p50, p99 := spread(took)
	bare50, _ := spread(bare)
	return []figure{{
		Name: "rules of a communication", Value: inUS(p50), Unit: "µs", Yardstick: inUS(bare50), P50: inMS(p50), P99: inMS(p99), Goal: "< 50 µs", Limit: "comparing texts",
		Note: fmt.Sprintf("%d rules of two groups with two conditions, none holds; the middle of %d measurements of %d communications each; the yardstick looks for the first value of each group by hand", judged, judgings, judgedAtOnce),
	}}, nil
}

func inUS(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
