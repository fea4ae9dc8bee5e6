package days

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	table := Table{Name: "feed", Keep: 24 * time.Hour}
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		have []string
		now  time.Time
		want planned
	}{
		"a new table":                      {[]string{"feed_default"}, noon, planned{make: []string{"2026-11-30", "2026-12-01", "2026-12-02", "2026-12-03"}}},
		"the first partition covers":       {[]string{"feed_before_20261202"}, noon, planned{make: []string{"2026-12-02", "2026-12-03"}}},
		"nothing to do":                    {[]string{"feed_20261130", "feed_20261201", "feed_20261202", "feed_20261203", "feed_20261129"}, noon, planned{}},
		"a day is kept whole":              {[]string{"feed_20261129", "feed_before_20261204"}, noon.Add(12*time.Hour - 1), planned{}},
		"and goes when its end is old":     {[]string{"feed_20261129", "feed_before_20261204"}, noon.Add(12 * time.Hour), planned{drop: []string{"feed_20261129"}, make: []string{"2026-12-04"}}},
		"so does the first":                {[]string{"feed_before_20261129", "feed_before_20261204"}, noon, planned{drop: []string{"feed_before_20261129"}}},
		"another zone is no other day":     {[]string{"feed_before_20261201"}, noon.In(time.FixedZone("", 14*3600)), planned{make: []string{"2026-12-01", "2026-12-02", "2026-12-03"}}},
		"what it did not make it leaves":   {[]string{"feed_old", "feed_2026", "other", "feed_before_20261204"}, noon, planned{}},
		"days that were jumped over go":    {[]string{"feed_20261128", "feed_20261129", "feed_before_20300101"}, noon.AddDate(0, 1, 0), planned{drop: []string{"feed_20261128", "feed_20261129"}}},
		"a day far ahead keeps its future": {[]string{"feed_20300101", "feed_before_20261204"}, noon, planned{}},
	} {
		require.Equal(t, c.want, plan(table, c.have, c.now), name)
	}
}
