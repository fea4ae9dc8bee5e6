package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// ofStory tells whether a measurement is one of the whole product.
func ofStory(name string) bool {
	return slices.Contains([]string{"story", "first", "budget", "live", "sockets", "http", "thousand", "engine", "calls", "save", "scenario"}, name)
}

// story measures the whole product in its town, from the first message of a client on.
func (s *stand) story(ctx context.Context) ([]figure, error) {
	t, err := s.newTown(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if err := s.knock(ctx, t); err != nil {
		return nil, err
	}
	like, err := t.samples() // the platform's log forgets
	if err != nil {
		return nil, err
	}
	var figures []figure
	for _, m := range []struct {
		name    string
		measure func(context.Context, *town) ([]figure, error)
	}{{"first", s.firstMessage}, {"budget", s.budget}, {"sockets", s.sockets}, {"http", s.overHTTP},
		{"live", func(ctx context.Context, t *town) ([]figure, error) { return s.live(ctx, t, like) }},
		{"thousand", func(ctx context.Context, t *town) ([]figure, error) { return s.thousand(ctx, t, like) }},
		{"calls", s.calls}, {"save", s.saves}, {"scenario", s.scenarios},
		{"engine", func(ctx context.Context, t *town) ([]figure, error) { return s.engine(ctx, t, like) }}} { // the last, as it ends the product
		if !s.wants(m.name) {
			continue
		}
		measured, err := m.measure(ctx, t)
		figures = append(figures, measured...)
		if err != nil {
			return figures, err
		}
	}
	if bad := t.world.Violations(); len(bad) > 0 {
		return figures, fmt.Errorf("%d violations of the portal's documentation, the first: %s %s", len(bad), bad[0].Method, bad[0].Text)
	}
	return figures, nil
}

// wants tells whether a measurement of the whole product is asked for.
func (s *stand) wants(name string) bool {
	switch s.only {
	case "", "story":
		return name != "thousand" || s.long
	}
	return s.only == name
}

// knock lets a client write once, so that there are webhooks to take the likeness of.
func (s *stand) knock(ctx context.Context, t *town) error {
	if _, err := t.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: "79000009900", Name: "Олег"}, "Здравствуйте!"); err != nil {
		return err
	}
	return t.platform.Settled(ctx)
}

// asked are the requests to the portal since the n-th of its log, without those of pages.
func (t *town) asked(n int) []portal.Request {
	return slices.DeleteFunc(t.world.Requests()[n:], func(r portal.Request) bool { return r.Browser })
}

// rest waits until what the installation began, such as the synchronisation of employees, asks the portal nothing more.
func (t *town) rest(ctx context.Context) error {
	asked, since := -1, time.Now()
	return until(ctx, "the portal to be left alone", func() (bool, error) {
		if n := len(t.world.Requests()); n != asked {
			asked, since = n, time.Now()
		}
		return time.Since(since) > 3*time.Second, nil
	})
}

// fewest is what a first message of an unknown client needs, counted by hand from the docs: one batch that looks the phone up (duplicates and what is
// open), one request that adds the lead, one that comments on it. Only $result inside a batch could join the last two, and it hides refusals.
const fewest = 3

// firstMessage counts HTTP requests to the portal from the first webhook of a chat to the comment in the new lead's timeline.
func (s *stand) firstMessage(ctx context.Context, t *town) ([]figure, error) {
	if err := t.rest(ctx); err != nil {
		return nil, err
	}
	before, leads := len(t.world.Requests()), len(t.portal.Items(portal.Lead))
	const text = "Здравствуйте! Есть ли доставка в субботу?"
	if _, err := t.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: "79000009901", Name: "Ирина"}, text); err != nil {
		return nil, err
	}
	err := until(ctx, "the comment in the lead's timeline", func() (bool, error) {
		items := t.portal.Items(portal.Lead)
		if len(items) == leads {
			return false, nil
		}
		return slices.ContainsFunc(t.portal.Comments(portal.Lead, items[len(items)-1].ID), func(c portal.Comment) bool { return strings.Contains(c.Text, "доставка") }), nil
	})
	if err != nil {
		return nil, err
	}
	requests := t.asked(before)
	var names []string
	for _, r := range requests {
		name := r.Method
		if len(r.Commands) > 0 {
			name = fmt.Sprintf("%s of %d", r.Method, len(r.Commands))
		}
		names = append(names, name)
	}
	return []figure{{Name: "requests to the portal, first message", Value: float64(len(requests)), Unit: "requests", Yardstick: fewest, Goal: "the minimum", Limit: "the portal's API",
		Note: "from the webhook to the comment in the timeline of the new lead: " + strings.Join(names, ", ") + "; the yardstick was counted by hand"}}, nil
}
