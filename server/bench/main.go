// Command bench measures what design section 8 asks for, each figure beside its yardstick of the same run, prints a table and writes bench.json.
//
// It needs nothing but the programs of PostgreSQL: `make bench`, or `go run ./server/bench`. Everything happens in one process on a private
// PostgreSQL of default durability, sandbox platforms included, so the figures of one run compare with each other and with nothing else.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"text/tabwriter"
	"time"
)

// figure is one line of the table.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Yardstick is the same without the product, in the same run and unit; zero: there is none.
	Yardstick float64 `json:"yardstick,omitempty"`
	P50       float64 `json:"p50_ms,omitempty"`
	P99       float64 `json:"p99_ms,omitempty"`
	// YardP50 is the yardstick's p50, where Yardstick is a p99.
	YardP50 float64 `json:"yardstick_p50_ms,omitempty"`
	// Grain is the smallest difference that the measurement sees; zero: any.
	Grain float64 `json:"grain,omitempty"`
	Goal  string  `json:"goal"`
	// Limit is what holds the figure where it is, in a word or two.
	Limit string `json:"limit,omitempty"`
	// Note says how it was measured and what limits it.
	Note  string `json:"note,omitempty"`
	Error string `json:"error,omitempty"`
}

// left says which lines of design section 8 are not measured.
const left = "Not measured here: the first inbound call; time to a usable list and scrolling (browser tests). " +
	"1,000 portals for a minute: make bench-long. Ten million old rows: make bench-old."

func main() {
	out := flag.String("out", "bench.json", "file for the figures")
	quick := flag.Bool("quick", false, "seconds instead of minutes; proves that the programme works, its figures mean nothing")
	only := flag.String("only", "", "measure only this: intake, step, manager, page, or one of the whole product: first, budget, live, sockets, http, thousand, engine, calls, save, scenario")
	profile := flag.String("profile", "", "file for a processor profile (go tool pprof)")
	long := flag.Bool("long", false, "also what takes minutes: a thousand portals for 60 seconds")
	old := flag.Int64("old", 0, "measure, put so many old rows into the tables, measure again; 10000000 takes about 20 minutes and 5 GB")
	sender := flag.Bool("sender", false, "be the platform in a process of its own; the bench starts it itself")
	flag.Parse()
	if *sender {
		if err := sendMain(); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "sender:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Hour)
	err := profiled(*profile, func() error { return run(ctx, *out, *only, *long, *old, sizeOf(*quick)) })
	cancel()
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// profiled writes a processor profile of what work does, when there is a name for it.
func profiled(name string, work func() error) error {
	if name == "" {
		return work()
	}
	file, err := os.Create(name) //nolint:gosec // the person's own file
	if err != nil {
		return fmt.Errorf("make the profile: %w", err)
	}
	defer func() { _ = file.Close() }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return fmt.Errorf("start the profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return work()
}

func run(ctx context.Context, out, only string, long bool, old int64, size size) (err error) {
	began := time.Now()
	s, err := newStand(ctx, size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if old > 0 {
		s.size = size.forMonths()
		return s.months(ctx, old)
	}
	var figures []figure
	failed := 0
	for _, m := range []struct {
		name    string
		measure func(context.Context) ([]figure, error)
	}{{"intake", s.intake}, {"step", s.steps}, {"story", s.story}, {"manager", s.managers}, {"rules", s.judge}, {"page", s.page}} {
		if only != "" && only != m.name && (m.name != "story" || !ofStory(only)) {
			continue
		}
		s.only, s.long = only, long
		measured, err := m.measure(ctx)
		figures = append(figures, measured...)
		if err != nil {
			failed++
			figures = append(figures, figure{Name: m.name, Error: err.Error()})
		}
	}
	if err := show(figures); err != nil {
		return err
	}
	fmt.Printf("\n%s\n%s, %d processors, %s.\n", left, runtime.Version(), runtime.NumCPU(), time.Since(began).Round(time.Second))
	if err := write(out, figures); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d measurements failed", failed)
	}
	return nil
}

func write(out string, figures []figure) error {
	text, err := json.MarshalIndent(map[string]any{"at": time.Now().UTC().Format(time.RFC3339), "processors": runtime.NumCPU(), "figures": figures, "left_out": left}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the figures: %w", err)
	}
	if err := os.WriteFile(out, append(text, '\n'), 0o644); err != nil { //nolint:gosec // for everybody to read
		return fmt.Errorf("write the figures: %w", err)
	}
	return nil
}

func show(figures []figure) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "figure\tmeasured\tyardstick\tof it\tp50\tp99\tgoal\tlimited by\t")
	for _, f := range figures {
		if f.Error != "" {
			_, _ = fmt.Fprintf(table, "%s\tfailed: %s\t\t\t\t\t\t\t\n", f.Name, f.Error)
			continue
		}
		yardstick, share := "–", "–"
		if f.Yardstick > 0 {
			yardstick, share = number(f.Yardstick)+" "+f.Unit, fmt.Sprintf("%.0f %%", 100*f.Value/f.Yardstick)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s %s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", f.Name, number(f.Value), f.Unit, yardstick, share, milliseconds(f.P50), milliseconds(f.P99), f.Goal, f.Limit)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	fmt.Println()
	for _, f := range figures {
		if f.Note != "" {
			fmt.Printf("%s: %s\n", f.Name, f.Note)
		}
	}
	return nil
}

func number(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func milliseconds(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f ms", v)
}
