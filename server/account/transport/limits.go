package transport

import (
	"omni/server/bitrix24"
	"omni/server/outbox"
)

// Limits is a lane's budget: a portal's by its licence.
func Limits(kind outbox.LaneKind, licence string) outbox.Limits {
	if kind != outbox.LaneB24 {
		return outbox.LimitsUIS(kind)
	}
	b := bitrix24.BucketFor(licence)
	return outbox.LimitsB24(b.Size, b.Drain)
}
