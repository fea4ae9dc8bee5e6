package numbers

import "omni/server/bitrix24"

// narrow is the width of a window that no page can be too small for; wide bounds its growth.
const (
	narrow = bitrix24.PageSize
	wide   = 1 << 22
)

// reach is how far a walk through one kind is: everything up to cursor was read, top is the highest id.
type reach struct{ cursor, top, width int64 }

// window is what one page asks for: ids above from, up to to.
type window struct{ from, to int64 }

// windows are the pages of the next request. Each asks for ids of its own instead of what follows the last page, so that fifty of them travel together.
func (r reach) windows() []window {
	var list []window
	for from := r.cursor; from < r.top && len(list) < bitrix24.MaxBatch; from += r.width {
		list = append(list, window{from, min(from+r.width, r.top)})
	}
	return list
}

// after is how far the walk is when the pages of windows came; each holds ids upwards. A full page of a wide window may have been cut: the walk goes on behind
// its last id, narrower. Where ids are rare, windows grow.
func (r reach) after(windows []window, pages [][]int64) reach {
	most := 0
	for i, w := range windows {
		ids := pages[i]
		most = max(most, len(ids))
		// A last id that is not in the window comes from a portal that does not filter: to follow it would never end.
		if n := len(ids); n >= bitrix24.PageSize && ids[n-1] > w.from && ids[n-1] < w.to {
			return reach{cursor: ids[n-1], top: r.top, width: max(narrow, r.width/2)}
		}
		r.cursor = w.to
	}
	switch {
	case most == 0:
		r.width = min(wide, 8*r.width)
	case most <= bitrix24.PageSize/3:
		r.width = min(wide, 2*r.width)
	}
	return r
}
