package numbers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
)

// T3: contact before company before lead, an open lead before a closed one, then the newest; who cannot be called gives way to the next.
func TestChoice(t *testing.T) {
	t.Parallel()
	old, young := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	entity := func(kind crm.EntityType, id int64, rank int, user ids.B24UserID, made time.Time) crm.Entity {
		return crm.KnownEntity(crm.Ref{Type: kind, ID: id}, rank, user, made)
	}
	contact, company := entity(crm.Contact, 1, 1, 1, old), entity(crm.Company, 2, 2, 2, young)
	open, closed := entity(crm.Lead, 3, 3, 3, old), entity(crm.Lead, 4, 4, 4, young)
	people := func(gone ...ids.B24UserID) map[ids.B24UserID]person {
		all := map[ids.B24UserID]person{}
		for user := ids.B24UserID(1); user <= 9; user++ {
			all[user] = person{active: true, matched: true, phones: []string{"7900000010" + string(rune('0'+user)), "79990000000"}}
		}
		for _, user := range gone {
			delete(all, user)
		}
		return all
	}
	odd := people()
	odd[1], odd[2], odd[3] = person{matched: true, phones: []string{"1"}}, person{active: true, phones: []string{"1"}}, person{active: true, matched: true}
	for _, c := range []struct {
		name     string
		entities []crm.Entity
		people   map[ids.B24UserID]person
		user     ids.B24UserID
		codes    []string
	}{
		{"contact", []crm.Entity{closed, open, company, contact}, people(), 1, []string{"manager.given"}},
		{"company", []crm.Entity{closed, open, company}, people(), 2, []string{"manager.given"}},
		{"open lead, although a closed one is newer", []crm.Entity{closed, open}, people(), 3, []string{"manager.given"}},
		{"closed lead", []crm.Entity{closed}, people(), 4, []string{"manager.given"}},
		{"newest contact", []crm.Entity{contact, entity(crm.Contact, 9, 1, 9, young)}, people(), 9, []string{"manager.given"}},
		{"of one moment the higher id", []crm.Entity{contact, entity(crm.Contact, 9, 1, 9, old)}, people(), 9, []string{"manager.given"}},
		{"next existing person", []crm.Entity{contact, company, open, closed}, odd, 4, []string{"manager.dismissed", "manager.not_matched", "manager.no_phone", "manager.given"}},
		{"a person counts once", []crm.Entity{contact, entity(crm.Company, 2, 2, 1, old)}, people(1), 0, []string{"manager.dismissed", "manager.nobody_reachable"}},
		{"nobody there", nil, people(), 0, []string{"manager.nobody_reachable"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			phones, reasons := choose(c.entities, c.people)
			require.Equal(t, c.people[c.user].phones, phones, "all of his numbers, in order")
			require.Equal(t, c.codes, codesOf(reasons))
		})
	}
}

func codesOf(reasons []flow.Reason) []string {
	var codes []string
	for _, r := range reasons {
		codes = append(codes, r.Code)
	}
	return codes
}

// A walk by windows meets every id once, however dense they are, and ends.
func TestWindows(t *testing.T) {
	t.Parallel()
	for name, exists := range map[string]func(id int64) bool{
		"all":        func(int64) bool { return true },
		"none":       func(int64) bool { return false },
		"few":        func(id int64) bool { return id%997 == 0 },
		"clustered":  func(id int64) bool { return id > 60_000 && id < 63_000 || id%5000 == 0 },
		"every half": func(id int64) bool { return id%2 == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const top = 100_003
			r := reach{top: top, width: narrow}
			seen := map[int64]bool{}
			requests := 0
			for r.cursor < r.top {
				requests++
				windows := r.windows()
				require.LessOrEqual(t, len(windows), 50)
				pages := make([][]int64, len(windows))
				for i, w := range windows {
					for id := w.from + 1; id <= w.to && len(pages[i]) < 50; id++ {
						if exists(id) {
							pages[i] = append(pages[i], id)
							seen[id] = true
						}
					}
				}
				before := r.cursor
				r = r.after(windows, pages)
				require.Greater(t, r.cursor, before)
			}
			for id := int64(1); id <= top; id++ {
				require.Equal(t, exists(id), seen[id], "%d", id)
			}
			require.LessOrEqual(t, requests, top/2500+1+30)
			t.Log(name, requests, "requests")
		})
	}
	stubborn := reach{cursor: 100, top: 1000, width: 200}
	page := make([]int64, 50) // rows that were not asked for
	for i := range page {
		page[i] = int64(i + 1)
	}
	windows := stubborn.windows()
	pages := make([][]int64, len(windows))
	for i := range pages {
		pages[i] = page
	}
	require.Equal(t, int64(1000), stubborn.after(windows, pages).cursor, "a portal that does not filter ends the walk, too")
}
