package lists

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/uis"
)

// UIS reads the account's directories at UIS. A brand or tariff without one of them is told as absent, not as an error (U4).
func (l *Lists) UIS(ctx context.Context, account ids.AccountID, client *uis.Client) ([]Outcome, error) {
	scenarios, operations := l.scenarios(ctx, client)
	return l.keep(ctx, account, 0, []read{
		collect(ctx, directory.Groups, client.Groups, uis.Query{}, func(g uis.Group) directory.Entry { return entry(int64(g.ID), g.Name, nil) }),
		collect(ctx, directory.Numbers, client.VirtualNumbers, uis.Query{}, number),
		collect(ctx, directory.Sites, client.Sites, uis.Query{}, func(s uis.Site) directory.Entry { return entry(int64(s.ID), first(s.Domain, s.Name), nil) }),
		collect(ctx, directory.Campaigns, client.Campaigns, uis.Query{}, func(c uis.Campaign) directory.Entry {
			return entry(int64(c.ID), c.Name, map[string]any{"site": int64(c.SiteID), "active": c.Status != "inactive"})
		}),
		scenarios, operations,
		collect(ctx, directory.Tags, client.Tags, uis.Query{}, func(t uis.Tag) directory.Entry { return entry(int64(t.ID), t.Name, nil) }),
	})
}

// collect reads all pages of one directory.
func collect[T any](ctx context.Context, kind directory.Kind, page uis.Lister[T], q uis.Query, of func(T) directory.Entry) read {
	rows, err := uis.Collect(uis.All(ctx, page, q))
	if err != nil {
		return read{kind: kind, err: named(err)}
	}
	list := make([]directory.Entry, 0, len(rows))
	for _, row := range rows {
		list = append(list, of(row))
	}
	return read{kind: kind, entries: list}
}

func entry(id int64, name string, data map[string]any) directory.Entry {
	return directory.Entry{ID: strconv.FormatInt(id, 10), Name: name, Data: data}
}

func first(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

// number: the settings name numbers by their digits (design section 12).
func number(n uis.VirtualNumber) directory.Entry {
	return directory.Entry{ID: string(n.Number), Name: first(n.Name, string(n.Number)), Data: map[string]any{"active": n.Status == "active", "type": n.Type}}
}

// scenarios are read with their operations, which come only when asked for; the operations make a directory of their own, by name.
func (l *Lists) scenarios(ctx context.Context, client *uis.Client) (scenarios, operations read) {
	seen := map[string]bool{}
	scenarios = collect(ctx, directory.Scenarios, client.Scenarios, uis.Query{Fields: []string{"id", "name", "operations"}}, func(s uis.Scenario) directory.Entry {
		var list []struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(s.Operations, &list) == nil {
			for _, o := range list {
				if o.Name != "" && !seen[o.Name] {
					seen[o.Name] = true
					operations.entries = append(operations.entries, directory.Entry{ID: o.Name, Name: o.Name})
				}
			}
		}
		return entry(int64(s.ID), s.Name, nil)
	})
	operations.kind, operations.err = directory.Operations, scenarios.err
	return scenarios, operations
}

// absent says that the tariff or the brand lacks a directory.
type absent struct{ error }

func (a absent) Unwrap() error { return a.error }

func named(err error) error {
	var platform *uis.Error
	switch {
	case errors.Is(err, uis.ErrNotOffered), errors.As(err, &platform) && platform.Class() == uis.ComponentMissing:
		return absent{err}
	}
	return fmt.Errorf("read: %w", err)
}
