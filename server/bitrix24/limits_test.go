package bitrix24_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
)

func TestBucketOfALicence(t *testing.T) {
	t.Parallel()
	for licence, want := range map[string][2]float64{
		"de_ent250": {250, 5}, "ru_ent10000": {250, 5}, "ru_basic": {50, 2}, "de_project": {50, 2}, "": {50, 2}, "ru_selfhosted": {0, 0},
	} {
		b := bitrix24.BucketFor(licence)
		require.Equal(t, want, [2]float64{b.Size, b.Drain}, licence)
	}
}

// TestBucketNeverOverflows sends as fast as Room allows and replays the portal's own count beside it.
func TestBucketNeverOverflows(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 5, 0, 0, 0, 0, time.UTC)
	b := bitrix24.BucketFor("ru_std")
	b.At = now
	portal, sent := 0.0, 0
	for range 600 { // a minute in steps of 100 ms
		for b.Room(now, 0) {
			b = b.Add(now)
			portal++
			sent++
		}
		require.LessOrEqual(t, portal, 50.0)
		now = now.Add(100 * time.Millisecond)
		portal = max(0, portal-0.2)
	}
	require.Equal(t, 50+119, sent, "the full bucket, and then what drains")
}

func TestBucketKeepsPlacesFree(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 5, 0, 0, 0, 0, time.UTC)
	b := bitrix24.Bucket{Level: 25, At: now, Size: 50, Drain: 2}
	require.False(t, b.Room(now, 25), "background keeps half of the bucket")
	require.True(t, b.Room(now, 5), "live work keeps a tenth")
	require.Equal(t, 500*time.Millisecond, b.Wait(now, 25))
	require.True(t, b.Room(now.Add(b.Wait(now, 25)), 25), "after the wait there is room")

	full := b.Fill(now)
	require.False(t, full.Room(now, 0))
	require.Equal(t, 500*time.Millisecond, full.Wait(now, 0))
	require.InDelta(t, 50, full.Now(now.Add(-time.Hour)).Level, 0, "time does not run backwards")
}
