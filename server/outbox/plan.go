package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// ErrPlan says that a plan cannot be carried out as it is written.
var ErrPlan = errors.New("this plan cannot be carried out")

// arranged is a command with its place in a plan: what it follows is complete, and comes before it.
type arranged struct {
	Command
	params   []byte
	index    int // in the call
	group    int // which plan of the call
	siblings int
}

// arrange puts the commands of one call into an order in which everything comes after what it follows, so that waiting always points to older
// commands and nobody can wait for himself. It names the nameless, adds the names in $from to After, and lends the priority of a command to those it
// waits for.
func arrange(commands []Command) ([]arranged, error) {
	plans := map[string][]int{}
	all := make([]arranged, len(commands))
	for i, c := range commands {
		params, err := encodeParams(c.Params)
		if err != nil {
			return nil, fmt.Errorf("encode parameters of %s: %w", c.Kind, err)
		}
		all[i] = arranged{Command: c, params: params, index: i, siblings: 1, group: i}
		if c.Plan == "" {
			if len(c.After) > 0 || len(sources(params)) > 0 {
				return nil, fmt.Errorf("%w: %s follows others without a plan", ErrPlan, c.Kind)
			}
			continue
		}
		plans[c.Plan] = append(plans[c.Plan], i)
	}
	for name, members := range plans {
		if err := bind(all, members, members[0]); err != nil {
			return nil, fmt.Errorf("plan %s: %w", name, err)
		}
	}
	return sorted(all)
}

// bind checks the names of one plan and completes After.
func bind(all []arranged, members []int, group int) error {
	named := map[string]int{}
	for place, i := range members {
		c := &all[i]
		c.group, c.siblings = group, len(members)
		if c.Name == "" && len(members) > 1 {
			c.Name = strconv.Itoa(place + 1)
		}
		if _, twice := named[c.Name]; twice {
			return fmt.Errorf("%w: the name %q is given twice", ErrPlan, c.Name)
		}
		named[c.Name] = i
	}
	for _, i := range members {
		c := &all[i]
		after := slices.Clone(c.After)
		for _, name := range sources(c.params) {
			if !slices.Contains(after, name) {
				after = append(after, name)
			}
		}
		for _, name := range after {
			if _, known := named[name]; !known || name == c.Name {
				return fmt.Errorf("%w: %q follows %q", ErrPlan, c.Name, name)
			}
		}
		c.After = after
	}
	return nil
}

// sorted is a stable topological order.
func sorted(all []arranged) ([]arranged, error) {
	type place struct {
		group int
		name  string
	}
	placed := map[place]int{}
	out := make([]arranged, 0, len(all))
	taken := make([]bool, len(all))
	for len(out) < len(all) {
		moved := false
		for i, c := range all {
			waits := slices.ContainsFunc(c.After, func(name string) bool { _, ok := placed[place{c.group, name}]; return !ok })
			if taken[i] || waits {
				continue
			}
			taken[i], moved = true, true
			placed[place{c.group, c.Name}] = len(out)
			out = append(out, c)
		}
		if !moved {
			return nil, fmt.Errorf("%w: its commands wait for each other in a circle", ErrPlan)
		}
	}
	for i := len(out) - 1; i >= 0; i-- {
		for _, name := range out[i].After {
			before := &out[placed[place{out[i].group, name}]]
			before.Priority = min(before.Priority, out[i].Priority)
		}
	}
	return out, nil
}

// sources are the names in {"$from": …}, each once.
func sources(params []byte) []string {
	tree, err := decode(params)
	if err != nil {
		return nil
	}
	var names []string
	var walk func(any)
	walk = func(node any) {
		switch n := node.(type) {
		case map[string]any:
			if from, ok := n["$from"].(string); ok {
				if !slices.Contains(names, from) {
					names = append(names, from)
				}
				return
			}
			for _, v := range n {
				walk(v)
			}
		case []any:
			for _, v := range n {
				walk(v)
			}
		}
	}
	walk(tree)
	slices.Sort(names)
	return names
}

func encodeParams(params any) ([]byte, error) {
	if params == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(params)
}
