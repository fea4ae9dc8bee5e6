package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

const (
	// again is how often everything is measured before and after: the middle counts.
	again = 3
	// tolerance is how much worse a figure may be beside old rows.
	tolerance = 1.2
)

// months measures, fills the tables with old rows, and measures again. It fails when a figure has become worse than its yardstick allows.
func (s *stand) months(ctx context.Context, rows int64) error {
	if err := s.copies(ctx); err != nil {
		return err
	}
	t, err := s.newTown(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	if err := s.knock(ctx, t); err != nil {
		return err
	}
	like, err := t.samples()
	if err != nil {
		return err
	}
	before, err := s.thrice(ctx, t, like)
	if err != nil {
		return fmt.Errorf("before: %w", err)
	}
	t.halt()
	if err := errors.Join(s.empty(ctx), s.emptyLog(ctx)); err != nil {
		return err
	}
	if err := s.age(ctx, t, rows); err != nil {
		return err
	}
	after, err := s.thrice(ctx, t, like)
	if err != nil {
		return fmt.Errorf("after: %w", err)
	}
	var size string
	if err := s.bare.QueryRow(ctx, "select pg_size_pretty(pg_database_size(current_database()))").Scan(&size); err != nil {
		return fmt.Errorf("weigh the database: %w", err)
	}
	fmt.Printf("The middle of %d rounds before and after, database %s.\n", again, size)
	return compare(before, after, rows)
}

// thrice measures again and again what old rows might slow down.
func (s *stand) thrice(ctx context.Context, t *town, like samples) ([]reading, error) {
	var rounds [][]figure
	for range again {
		round, err := s.round(ctx, t, like)
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, round)
	}
	return read(rounds), nil
}

// round measures everything once: first alone, then in the town.
func (s *stand) round(ctx context.Context, t *town, like samples) ([]figure, error) {
	t.halt()
	var figures []figure
	for _, measure := range []func(context.Context) ([]figure, error){
		s.intake, s.steps, s.logs,
		func(ctx context.Context) ([]figure, error) {
			if err := t.start(ctx, s); err != nil {
				return nil, err
			}
			if err := t.openApp(); err != nil { // the session of the page has run out while the tables were filled
				return nil, err
			}
			return nil, t.rest(ctx)
		},
		func(ctx context.Context) ([]figure, error) { return s.budget(ctx, t) },
		func(ctx context.Context) ([]figure, error) { return s.live(ctx, t, like) },
		func(ctx context.Context) ([]figure, error) { return s.engine(ctx, t, like) },
	} {
		measured, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		figures = append(figures, measured...)
	}
	return figures, nil
}

// reading is one figure over several rounds.
type reading struct {
	name, unit string
	// value and yardstick are the middle ones, quotient that of their quotients: product and yardstick of one round saw the same machine.
	value, yardstick, quotient float64
	grain                      float64
}

// read takes the middle of each figure; of times also their own middle, not only what one of a hundred needs.
func read(rounds [][]figure) []reading {
	var out []reading
	for i, f := range rounds[0] {
		from := len(out)
		out = append(out, middle(f.Name, f.Unit, rounds, func(r []figure) (float64, float64) { return r[i].Value, r[i].Yardstick }))
		if f.Unit == "ms" {
			out = append(out, middle(strings.TrimSuffix(f.Name, ", p99")+", p50", f.Unit, rounds, func(r []figure) (float64, float64) { return r[i].P50, r[i].YardP50 }))
		}
		for n := range out[from:] {
			out[from+n].grain = f.Grain
		}
	}
	return out
}

func middle(name, unit string, rounds [][]figure, of func([]figure) (value, yardstick float64)) reading {
	var values, yardsticks, quotients []float64
	for _, r := range rounds {
		value, yardstick := of(r)
		values, yardsticks = append(values, value), append(yardsticks, yardstick)
		if yardstick > 0 {
			value /= yardstick
		}
		quotients = append(quotients, value)
	}
	for _, list := range [][]float64{values, yardsticks, quotients} {
		slices.Sort(list)
	}
	return reading{name: name, unit: unit, value: values[len(values)/2], yardstick: yardsticks[len(yardsticks)/2], quotient: quotients[len(quotients)/2]}
}

// worse tells how many times worse the second is: a longer time, a lower rate.
func (r reading) worse(before, after float64) float64 {
	if r.unit == "ms" {
		return after / before
	}
	return before / after
}

// verdict judges a figure. plain compares the figures themselves, fair each by its own yardstick, which works on empty tables both times: so the machine's
// other work is taken out.
func (r reading) verdict(after reading) (plain, fair float64, text string, outside bool) {
	plain, fair = r.worse(r.value, after.value), r.worse(r.quotient, after.quotient)
	switch {
	case plain <= tolerance && fair <= tolerance:
		text = "within 20 %"
	case plain <= tolerance:
		text = "within 20 %, the yardstick became quicker"
	case fair <= tolerance:
		text = "within 20 % by the yardstick"
	case math.Abs(after.value-r.value) <= r.grain:
		text = "within one look"
	default:
		return plain, fair, "OUTSIDE 20 %", true
	}
	return plain, fair, text, false
}

// compare prints both and fails when a figure is outside.
func compare(before, after []reading, rows int64) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "figure\tbefore\tyardstick\twith %d old rows\tyardstick\ttimes as bad\tby the yardstick\tverdict\t\n", rows)
	outside := 0
	for i, b := range before {
		a := after[i]
		plain, fair, text, bad := b.verdict(a)
		if bad {
			outside++
		}
		_, _ = fmt.Fprintf(table, "%s\t%s %s\t%s\t%s %s\t%s\t%.2f\t%.2f\t%s\t\n", b.name, number(b.value), b.unit, shown(b.yardstick), number(a.value), a.unit, shown(a.yardstick), plain, fair, text)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	if outside > 0 {
		return fmt.Errorf("%d of %d figures are outside 20 %% beside old rows", outside, len(before))
	}
	return nil
}

// shown is a yardstick, when there is one.
func shown(yardstick float64) string {
	if yardstick == 0 {
		return "–"
	}
	return number(yardstick)
}
