package bitrix24

import (
	"strings"
	"time"
)

// Bucket is the portal's count of our requests as data (docs: limits): it falls by Drain a second, each request adds one, over Size
// the portal answers QUERY_LIMIT_EXCEEDED. It is counted per portal and address, whatever app asks.
type Bucket struct {
	Level float64
	At    time.Time
	Size  float64
	Drain float64
}

// BucketFor is the bucket of a licence: Enterprise 250 and 5, on-premise none (Size 0), all others 50 and 2.
func BucketFor(licence string) Bucket {
	l := strings.ToLower(licence)
	switch {
	case strings.Contains(l, "selfhosted"):
		return Bucket{}
	case strings.Contains(l, "ent"):
		return Bucket{Size: 250, Drain: 5}
	}
	return Bucket{Size: 50, Drain: 2}
}

// Now is the bucket drained up to a time.
func (b Bucket) Now(now time.Time) Bucket {
	if now.After(b.At) {
		b.Level = max(0, b.Level-b.Drain*now.Sub(b.At).Seconds())
		b.At = now
	}
	return b
}

// Room tells whether one more request fits while keep places stay free.
func (b Bucket) Room(now time.Time, keep float64) bool {
	return b.Size == 0 || b.Now(now).Level+1 <= b.Size-keep
}

// Wait is how long until one more request fits while keep places stay free.
func (b Bucket) Wait(now time.Time, keep float64) time.Duration {
	if b.Room(now, keep) || b.Drain == 0 {
		return 0
	}
	return time.Duration((b.Now(now).Level + 1 - (b.Size - keep)) / b.Drain * float64(time.Second))
}

// Add counts a request.
func (b Bucket) Add(now time.Time) Bucket {
	b = b.Now(now)
	b.Level++
	return b
}

// Fill is what QUERY_LIMIT_EXCEEDED teaches: the bucket is full, whoever filled it.
func (b Bucket) Fill(now time.Time) Bucket {
	b = b.Now(now)
	b.Level = b.Size
	return b
}
