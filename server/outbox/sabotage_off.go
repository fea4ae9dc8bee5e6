//go:build !sabotage

package outbox

// The fault suite shows that it finds an outbox broken in these ways (build tag sabotage). Here they are dead code.
const (
	sabotageTrust  = false // a request without a clear answer counts as done
	sabotageRepeat = false // it is sent again at once
	sabotageHasty  = false // "not found" counts before the request can no longer be running
)
