package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"omni/server/sandbox/uisplatform"
)

// together is how many calls of as many unknown clients ring at once.
const together = 200

// handful is what one first answered call needs, by hand from the docs: find, add the lead, register, finish, activity.
const handful = 5

// calls lets many first calls ring at one portal at the same moment: how long until the card is before the employee, and what all of them cost.
func (s *stand) calls(ctx context.Context, t *town) ([]figure, error) {
	if err := t.telephone(ctx); err != nil {
		return nil, err
	}
	if err := t.rest(ctx); err != nil {
		return nil, err
	}
	before := len(t.world.Requests())
	list := make([]*uisplatform.Call, together)
	rang := map[string]time.Time{}
	for i := range list {
		call, err := t.uis.StartCall(uisplatform.CallSpec{Contact: fmt.Sprintf("7900777%04d", i)})
		if err != nil {
			return nil, err
		}
		list[i] = call
		if err := call.Ring(t.uis.Config().Employees[0].ID); err != nil {
			return nil, err
		}
		rang[fmt.Sprint(call.ID())] = time.Now()
	}
	shown := map[string]time.Duration{}
	err := until(ctx, "every card to be shown", func() (bool, error) {
		for _, k := range t.portal.Calls() {
			if at, ours := rang[k.External]; ours && len(k.Shown) > 0 && shown[k.External] == 0 {
				shown[k.External] = time.Since(at)
			}
		}
		return len(shown) == together, nil
	})
	if err != nil {
		return nil, fmt.Errorf("%d cards were shown: %w", len(shown), err)
	}
	ended := time.Now()
	for _, call := range list {
		if err := call.Answer(); err != nil {
			return nil, err
		}
		call.Advance(time.Minute)
		if err := call.HangUp(); err != nil {
			return nil, err
		}
	}
	err = until(ctx, "every call to be finished", func() (bool, error) {
		n := 0
		for _, k := range t.portal.Calls() {
			if _, ours := rang[k.External]; ours && k.Finished {
				n++
			}
		}
		return n == together, nil
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(ended)
	if err := t.rest(ctx); err != nil {
		return nil, err
	}
	requests, over := t.asked(before), 0
	for _, r := range requests {
		if strings.Contains(r.Error, "QUERY_LIMIT") {
			over++
		}
	}
	p50, p99 := spread(slices.Collect(maps.Values(shown)))
	figures := []figure{
		{Name: "ring to card, 200 calls at once, p99", Value: inMS(p99), Unit: "ms", P50: inMS(p50), P99: inMS(p99), Goal: "within the portal's budget, never QUERY_LIMIT_EXCEEDED", Limit: "three requests one after the other",
			Note: fmt.Sprintf("first calls of as many unknown clients: find, lead, register; all finished %.1f s after they ended, of which 3 s are waited for late notifications", took.Seconds())},
		{Name: "requests per call, 200 at once", Value: float64(len(requests)) / together, Unit: "requests", Yardstick: handful, Goal: "below one alone",
			Note: fmt.Sprintf("%d requests in all; one call alone needs %d", len(requests), handful)},
	}
	if over > 0 {
		return figures, fmt.Errorf("the portal refused %d requests as too many", over)
	}
	return figures, nil
}

// telephone turns calls on and pastes the notifications at UIS.
func (t *town) telephone(ctx context.Context) error {
	var doc map[string]any
	if err := t.call(ctx, http.MethodGet, "/settings", nil, &doc); err != nil {
		return err
	}
	telephony, _ := doc["telephony"].(map[string]any)
	telephony["enabled"], telephony["portal"], telephony["create_inbound"] = true, t.number, true
	telephony["responsible_inbound"], telephony["responsible_outbound"] = t.admin, t.admin
	if err := t.call(ctx, http.MethodPut, "/settings", doc, nil); err != nil {
		return err
	}
	var pasted struct {
		Items []struct{ Event, Method, URL, Body string }
	}
	if err := t.call(ctx, http.MethodGet, "/uis/notifications", nil, &pasted); err != nil {
		return err
	}
	var list []uisplatform.Notification
	for _, i := range pasted.Items {
		list = append(list, uisplatform.Notification{Event: i.Event, Method: i.Method, URL: i.URL, Body: i.Body})
	}
	return t.uis.SetNotifications(list)
}
