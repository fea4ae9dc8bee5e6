package crm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/crm"
)

// T2 (a), (b), (d) and the decided lines: which entities changed while a call went on. The ring is at second 100, the call and its minute end at 300.
func TestWhatChangedDuringACall(t *testing.T) {
	t.Parallel()
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	stamp := func(id, created, changed int64) crm.Stamp {
		return crm.Stamp{Ref: crm.Ref{Type: crm.Lead, ID: id}, Created: at(created), Changed: at(changed)}
	}
	own := func(id, second int64, made bool) []crm.OwnChange {
		return []crm.OwnChange{{Ref: crm.Ref{Type: crm.Lead, ID: id}, At: at(second), Made: made}}
	}
	none := []crm.Stamp{}
	for name, row := range map[string]struct {
		before, after []crm.Stamp // before nil: nobody looked
		own           []crm.OwnChange
		changed, made []int64
		ours          []int64
	}{
		"a: changed":                                {[]crm.Stamp{stamp(1, 5, 50), stamp(2, 5, 50)}, []crm.Stamp{stamp(1, 5, 150), stamp(2, 5, 50)}, nil, []int64{1}, nil, nil},
		"a: created":                                {none, []crm.Stamp{stamp(1, 150, 150)}, nil, nil, []int64{1}, nil},
		"a: created and then changed":               {none, []crm.Stamp{stamp(1, 150, 200)}, nil, nil, []int64{1}, nil},
		"a: created before the first look":          {[]crm.Stamp{stamp(1, 100, 100)}, []crm.Stamp{stamp(1, 100, 100)}, nil, nil, []int64{1}, nil},
		"a: changed before the first look":          {[]crm.Stamp{stamp(1, 5, 101)}, []crm.Stamp{stamp(1, 5, 101)}, nil, []int64{1}, nil, nil},
		"a: the portal's clock is behind":           {[]crm.Stamp{stamp(1, 5, 20)}, []crm.Stamp{stamp(1, 5, 60), stamp(2, 60, 60)}, nil, []int64{1}, []int64{2}, nil},
		"b: nothing changed":                        {[]crm.Stamp{stamp(1, 5, 50)}, []crm.Stamp{stamp(1, 5, 50)}, nil, nil, nil, nil},
		"b: an old deal was tied to somebody":       {none, []crm.Stamp{stamp(1, -900, -900)}, nil, nil, nil, nil},
		"b: an entity went away":                    {[]crm.Stamp{stamp(1, 5, 50)}, nil, nil, nil, nil, nil},
		"d: there is nothing":                       {none, nil, nil, nil, nil, nil},
		"ours: changed":                             {[]crm.Stamp{stamp(1, 5, 50)}, []crm.Stamp{stamp(1, 5, 150)}, own(1, 150, false), nil, nil, []int64{1}},
		"ours: made":                                {none, []crm.Stamp{stamp(1, 150, 150)}, own(1, 150, true), nil, nil, []int64{1}},
		"ours, then a person's":                     {[]crm.Stamp{stamp(1, 5, 50)}, []crm.Stamp{stamp(1, 5, 160)}, own(1, 150, false), []int64{1}, nil, nil},
		"made by us, then changed by a person":      {none, []crm.Stamp{stamp(1, 150, 160)}, own(1, 150, true), []int64{1}, nil, nil},
		"made by another, then changed by us":       {none, []crm.Stamp{stamp(1, 150, 160)}, own(1, 160, false), nil, []int64{1}, nil},
		"ours is another entity's":                  {[]crm.Stamp{stamp(1, 5, 50)}, []crm.Stamp{stamp(1, 5, 150)}, own(2, 150, false), []int64{1}, nil, nil},
		"nobody looked: changed in the time":        {nil, []crm.Stamp{stamp(1, 5, 300), stamp(2, 5, 99), stamp(3, 5, 301)}, nil, []int64{1}, nil, nil},
		"nobody looked: created in the time":        {nil, []crm.Stamp{stamp(1, 100, 900), stamp(2, 301, 301)}, nil, nil, []int64{1}, nil},
		"nobody looked: the portal tells no moment": {nil, []crm.Stamp{{Ref: crm.Ref{Type: crm.Lead, ID: 1}}}, nil, nil, nil, nil},
	} {
		w := crm.Watch{Compare: true, Looked: row.before != nil, Before: row.before, From: at(100), Till: at(300)}
		var changed, made, ours []int64
		touched, left := w.Differ(row.after, row.own)
		for _, e := range touched {
			if e.Made {
				made = append(made, e.ID)
			} else {
				changed = append(changed, e.ID)
			}
		}
		for _, e := range left {
			ours = append(ours, e.ID)
		}
		require.Equal(t, [][]int64{row.changed, row.made, row.ours}, [][]int64{changed, made, ours}, name)
	}
}
